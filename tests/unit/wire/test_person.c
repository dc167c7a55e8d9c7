/* Whom ARNs count as. */
#include "wire/person.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SESSION "arn:aws:sts::222222222222:assumed-role/ops/"

static bool same(const char *a, const char *b)
{
    char x[PERSON_SIZE], y[PERSON_SIZE];

    person_of_arn(a, x);
    person_of_arn(b, y);
    assert_int_equal(strlen(x), PERSON_SIZE - 1);
    return strcmp(x, y) == 0;
}

static void sessions_of_a_role_are_one_and_users_are_not(void **state UNUSED)
{
    char named[2][PERSON_SIZE];

    assert_true(same(SESSION "ann", SESSION "bob"));
    assert_false(same(SESSION "ann", "arn:aws:sts::222222222222:assumed-role/dev/ann"));
    assert_false(same(SESSION "ann", "arn:aws:sts::333333333333:assumed-role/ops/ann"));
    assert_false(same("arn:aws:iam::222222222222:user/a/ann", "arn:aws:iam::222222222222:user/a/bob"));
    assert_false(same("", "x"));
    assert_false(same("arn:aws:sts::2:assumed-role/ops", "arn:aws:sts::2:assumed-role/dev"));
    person_of_name(SESSION "ann", named[0]);
    person_of_name(SESSION "bob", named[1]);
    assert_string_not_equal(named[0], named[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sessions_of_a_role_are_one_and_users_are_not)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
