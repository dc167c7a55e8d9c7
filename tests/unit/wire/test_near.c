/* What is suggested for a name that is none. */
#include "wire/near.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static size_t distance(const char *pattern, const char *name)
{
    return near_distance(str_of(pattern), str_of(name));
}

static void letters_are_counted(void **state UNUSED)
{
    assert_int_equal(distance("prod", "prod"), 0);
    assert_int_equal(distance("PROD", "prod"), 0);
    assert_int_equal(distance("prd", "prod"), 1);
    assert_int_equal(distance("prood", "prod"), 1);
    assert_int_equal(distance("prot", "prod"), 1);
    assert_int_equal(distance("pord", "prod"), 1); /* two letters that changed places */
    assert_int_equal(distance("", "prod"), 4);
    assert_int_equal(distance("prod", ""), 4);
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("kitten", "sitting"), 3);
}

static void wildcards_cost_nothing(void **state UNUSED)
{
    assert_int_equal(distance("*", "anything"), 0);
    assert_int_equal(distance("*", ""), 0);
    assert_int_equal(distance("1111/shp/*", "1111/shop/main"), 1);
    assert_int_equal(distance("*/shop/*", "1111/shop/main"), 0);
    assert_int_equal(distance("pr?d", "prod"), 0);
    assert_int_equal(distance("pr?d?", "prod"), 1);
}

static void long_texts_are_far(void **state UNUSED)
{
    char text[NEAR_MAX + 2];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(distance(text, text), SIZE_MAX);
    assert_int_equal(distance(text + 1, text + 1), 0);
}

static void check_near(const char *pattern, const char *expected)
{
    static const char *const names[] = {"Dev",
                                        "Staging",
                                        "Prod",
                                        "Prod-EU",
                                        "222222222222",
                                        "222222222223",
                                        "111122223333/shop/main",
                                        "111122223333/shop/release",
                                        "111122223333/shopping/main"};
    json_t *all = json_object(), *list = json_array();
    char *text;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        json_object_set_new(all, names[i], json_null());
    assert_int_equal(near_names(pattern, all, 2, list), 0);
    text = json_dumps(list, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(list);
    json_decref(all);
}

static void the_nearest_names_come_first(void **state UNUSED)
{
    check_near("Pord", "[\"Prod\"]");
    check_near("stagin", "[\"Staging\"]");
    check_near("222222222224", "[\"222222222222\",\"222222222223\"]");
    check_near("shop", "[\"111122223333/shop/main\",\"111122223333/shop/release\"]");
    check_near("111122223333/shop/mian", "[\"111122223333/shop/main\",\"111122223333/shopping/main\"]");
    check_near("111122223333/shoping/*", "[\"111122223333/shopping/main\",\"111122223333/shop/main\"]");
    check_near("elsewhere", "[]");
    check_near("*", "[]");
    check_near("qa", "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_are_counted),
        cmocka_unit_test(wildcards_cost_nothing),
        cmocka_unit_test(long_texts_are_far),
        cmocka_unit_test(the_nearest_names_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
