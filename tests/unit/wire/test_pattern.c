/* Users' patterns match whole texts, and a bad or costly one is refused in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/pattern.h"

static int match(const char *pattern, const char *text)
{
    struct reason why = {{0}};
    int result = pattern_match(str_of(pattern), str_of(text), &why);
    if (result == PATTERN_E_SYNTAX || result == PATTERN_E_COST)
        assert_true(why.text[0] != '\0');
    return result;
}

static void test_whole_text_is_matched(void **state)
{
    (void)state;
    assert_int_equal(match("[a-z]+", "abc"), 0);
    assert_int_equal(match("[a-z]+", "abc1"), PATTERN_NO_MATCH);
    assert_int_equal(match("a|ab", "ab"), 0);
    assert_int_equal(match("^\\d{12}$", "123456789012"), 0);
    assert_int_equal(match("(?!aws).*", "awsome"), PATTERN_NO_MATCH);
    assert_int_equal(match("", ""), 0);
    assert_int_equal(match(".", "\xc3\xa9"), 0);
    assert_int_equal(match(".", "\xff"), PATTERN_NO_MATCH);
}

static void test_bad_pattern_is_named(void **state)
{
    (void)state;
    struct reason why = {{0}};
    assert_int_equal(pattern_check(STR("[a-z"), &why), PATTERN_E_SYNTAX);
    assert_non_null(strstr(why.text, "character 5"));
    assert_int_equal(pattern_check(STR("[a-z]*"), &why), 0);
}

static void test_runaway_pattern_is_stopped(void **state)
{
    (void)state;
    assert_int_equal(match("(a+)+b|(a|aa)+c", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad"),
                     PATTERN_E_COST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_text_is_matched),
        cmocka_unit_test(test_bad_pattern_is_named),
        cmocka_unit_test(test_runaway_pattern_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
