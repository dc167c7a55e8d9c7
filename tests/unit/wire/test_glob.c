/* Glob patterns: what they match, what is refused, and that none takes long. */
#include "wire/glob_list.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool matches(const char *pattern, const char *text)
{
    struct glob glob;
    struct reason why = {0};

    assert_int_equal(glob_parse(str_of(pattern), &glob, &why), 0);
    return glob_match(&glob, str_of(text));
}

static void stars_stop_at_slashes_and_two_do_not(void **state UNUSED)
{
    assert_true(matches("main", "main"));
    assert_false(matches("main", "mainline"));
    assert_false(matches("main", "Main"));
    assert_true(matches("feature/*", "feature/a"));
    assert_true(matches("feature/*", "feature/"));
    assert_false(matches("feature/*", "feature/a/b"));
    assert_true(matches("feature/**", "feature/a/b"));
    assert_true(matches("**", "a/b/c"));
    assert_true(matches("***", ""));
    assert_true(matches("common/**/*.js", "common/a/b/x.js"));
    assert_false(matches("common/**/*.js", "common/x.js"));
    assert_false(matches("**/README.md", "README.md"));
    assert_true(matches("v?.?", "v1.2"));
    assert_false(matches("a?b", "a/b"));
    assert_true(matches("a?b", "a\xc3\xa4"
                               "b"));
}

static void sets_and_groups(void **state UNUSED)
{
    assert_true(matches("v[0-9]", "v7"));
    assert_false(matches("v[!0-9]", "v7"));
    assert_true(matches("v[!0-9]", "vx"));
    assert_false(matches("v[!0-9]", "v/"));
    assert_true(matches("[-a][a-][*?\\]", "--?"));
    assert_true(matches("[\xc3\xa0-\xc3\xbf]", "\xc3\xa4"));
    assert_true(matches("*.{java,class}", "x.class"));
    assert_true(matches("{a,b*,}/c", "bcd/c"));
    assert_true(matches("{a,b*,}/c", "/c"));
    assert_false(matches("{a,b}", "ab"));
    assert_true(matches("{a,b}{c,d}", "bc"));
    assert_true(matches("a,b}", "a,b}"));
    assert_true(matches("\\*\\{\\\\", "*{\\"));
    assert_false(matches("\\*", "a"));
}

static void what_is_no_pattern_is_refused(void **state UNUSED)
{
    static const char *const wrong[] = {"[a", "[]", "[!]", "{a", "{a,{b}}", "a\\"};
    char longest[GLOB_MAX + 2];
    struct glob glob;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct reason why = {0};

        assert_int_equal(glob_parse(str_of(wrong[i]), &glob, &why), GLOB_E_SYNTAX);
        assert_true(why.text[0] != '\0');
    }
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(glob_parse((struct str){longest, GLOB_MAX}, &glob, NULL), 0);
    assert_int_equal(glob_parse((struct str){longest, GLOB_MAX + 1}, &glob, NULL), GLOB_E_SYNTAX);
}

/* Tried one way after the other, these would take longer than anybody waits. */
static void no_pattern_takes_long(void **state UNUSED)
{
    char pattern[GLOB_MAX + 1] = "", text[4096];

    for (size_t i = 0; i + 3 < GLOB_MAX; i += 3)
        memcpy(pattern + i, "**a", 4);
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_true(matches(pattern, text));
    text[sizeof(text) - 2] = 'b';
    assert_false(matches(pattern, text));
    for (size_t i = 0; i + 5 < GLOB_MAX; i += 5)
        memcpy(pattern + i, "{a,*}", 6);
    assert_true(matches(pattern, text));
    text[1] = '/';
    assert_false(matches(pattern, text));
}

static bool passes(const char *criteria, const char *name)
{
    json_t *list = json_loads(criteria, 0, NULL);
    bool passed = glob_list_passes(list, str_of(name));

    json_decref(list);
    return passed;
}

static void excludes_go_before_includes_and_without_includes_all_is(void **state UNUSED)
{
    assert_true(passes("{\"includes\": [\"b\", \"a*\"]}", "ab"));
    assert_false(passes("{\"includes\": [\"b\", \"a*\"]}", "c"));
    assert_false(passes("{\"includes\": [\"a*\"], \"excludes\": [\"ab\"]}", "ab"));
    assert_true(passes("{\"excludes\": [\"ab\"]}", "c"));
    assert_false(passes("{\"includes\": [\"a[\", 7]}", "a["));
    assert_true(passes("{}", "anything"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_stop_at_slashes_and_two_do_not),
        cmocka_unit_test(sets_and_groups),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(no_pattern_takes_long),
        cmocka_unit_test(excludes_go_before_includes_and_without_includes_all_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
