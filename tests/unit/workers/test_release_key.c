/* Well-known keys and the names made of them. */
#include "workers/release_key.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void a_key_is_split_and_a_branch_may_have_slashes(void **state UNUSED)
{
    struct release_key key;
    struct reason why = {0};

    assert_int_equal(release_key_parse(STR("555555555555/shop/feature/login/latest.zip"), &key, &why), 0);
    assert_string_equal(key.account, "555555555555");
    assert_string_equal(key.app, "shop");
    assert_string_equal(key.branch, "feature/login");
    assert_non_null(strstr(key.stack, "release-shop-feature-login-"));
    assert_int_equal(strlen(key.suffix), strlen("feature-login-") + 8);
}

static void branches_that_slug_alike_have_different_names(void **state UNUSED)
{
    struct release_key one, other;

    assert_int_equal(release_key_parse(STR("555555555555/shop/feature/a-b/latest.zip"), &one, NULL), 0);
    assert_int_equal(release_key_parse(STR("555555555555/shop/feature-a/b/latest.zip"), &other, NULL), 0);
    assert_string_not_equal(one.stack, other.stack);
    assert_string_not_equal(one.suffix, other.suffix);
}

static void names_fit_whatever_the_branch(void **state UNUSED)
{
    struct release_key key;
    char branch[RELEASE_BRANCH_MAX];

    memset(branch, 'X', sizeof(branch));
    assert_int_equal(release_key_make(STR("555555555555"), STR("Shop_1.x"),
                                      (struct str){branch, sizeof(branch)}, &key, NULL),
                     0);
    assert_true(strlen(key.suffix) <= 29);
    assert_true(strlen(key.stack) <= 80);
    assert_int_equal(strspn(key.stack, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(key.stack));
    assert_int_equal(release_key_make(STR("555555555555"), STR("..."), STR("\xc3\xa9"), &key, NULL), 0);
    assert_non_null(strstr(key.stack, "release-app-branch-"));
}

static void bad_keys_are_refused_with_words(void **state UNUSED)
{
    static const char *const keys[] = {
        "",
        "latest.zip",
        "/latest.zip",
        "555555555555/shop/latest.zip",
        "555555555555//main/latest.zip",
        "55555555555/shop/main/latest.zip",
        "55555555555a/shop/main/latest.zip",
        "555555555555/shop/main/other.zip",
        "555555555555/sh op/main/latest.zip",
        "555555555555/shop/../latest.zip",
        "555555555555/shop/a//b/latest.zip",
        "555555555555/shop/a /latest.zip",
        "555555555555/shop//latest.zip",
        "555555555555/shop/main//latest.zip",
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct release_key key = {0};
        struct reason why = {0};

        assert_int_equal(release_key_parse(str_of(keys[i]), &key, &why), RELEASE_KEY_E_BAD);
        assert_true(why.text[0] != '\0');
        assert_true(key.app[0] == '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_split_and_a_branch_may_have_slashes),
        cmocka_unit_test(branches_that_slug_alike_have_different_names),
        cmocka_unit_test(names_fit_whatever_the_branch),
        cmocka_unit_test(bad_keys_are_refused_with_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
