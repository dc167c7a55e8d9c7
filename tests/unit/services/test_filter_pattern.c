/* Term patterns of FilterLogEvents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/logs/filter_pattern.h"

static void expect(const char *pattern, const char *message, bool matches)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64 * 1024);
    struct filter_pattern parsed;
    assert_int_equal(filter_pattern_parse(arena, str_of(pattern), &parsed, NULL), 0);
    assert_int_equal(filter_pattern_matches(&parsed, str_of(message)), matches);
}

static void test_terms(void **state)
{
    (void)state;
    expect("", "anything", true);
    expect("  ", "anything", true);
    expect("a b", "b then a", true);
    expect("a b", "only a", false);
    expect("-a", "b", true);
    expect("-a", "a", false);
    expect("?a ?b", "b", true);
    expect("?a ?b", "c", false);
    expect("x ?a", "x", true);
    expect("\"say \\\"hi\\\"\"", "they say \"hi\" now", true);
    expect("-\"two words\"", "two words", false);
    expect("Case", "case", false);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"open", "{ $.x = 1 }", "[a, b]", "%re%"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(arena_free) struct arena *arena = arena_new(64 * 1024);
        struct filter_pattern parsed;
        struct reason why = {{0}};
        assert_int_equal(filter_pattern_parse(arena, str_of(bad[i]), &parsed, &why), FILTER_PATTERN_E_BAD);
        assert_true(why.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_terms), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
