/* JSONPath: what paths select, what is refused, and what bounds the work. */
#include "wire/json_select.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char document[] =
    "{\"ref\":\"refs/heads/"
    "main\",\"n\":3,\"deep\":{\"a\":{\"id\":1},\"b\":[{\"id\":2},{\"id\":3,\"ok\":true}]},"
    "\"commits\":[{\"m\":\"x\",\"size\":1},{\"m\":\"y)\",\"size\":5},{\"m\":\"z\",\"size\":9}],"
    "\"odd name\":{\"it's\":7},\"none\":null}";

/* What the path selects, as the text of a list; the outcome's number when it is refused. */
static void selects(const char *path, const char *want)
{
    CLEANUP(json_free) json_t *doc = NULL;
    CLEANUP(json_free) json_t *found = NULL;
    struct reason why = {0};
    int r = json_parse(STR(document), &doc, NULL);

    assert_int_equal(r, 0);
    r = json_select(doc, str_of(path), &found, &why);
    if (r)
        print_error("%s: %s\n", path, why.text);
    assert_int_equal(r, 0);
    CLEANUP(free_ptr) char *text = json_text(found);
    assert_string_equal(text, want);
}

static void paths_select_members_and_elements(void **state UNUSED)
{
    selects("$.ref", "[\"refs/heads/main\"]");
    selects("ref", "[\"refs/heads/main\"]");
    selects("deep.a.id", "[1]");
    selects("$['ref']", "[\"refs/heads/main\"]");
    selects("$[\"odd name\"]['it\\'s']", "[7]");
    selects("$.commits[1].size", "[5]");
    selects("$.commits[-1].m", "[\"z\"]");
    selects("$.commits[0, 2].m", "[\"x\",\"z\"]");
    selects("$.commits[1:].size", "[5,9]");
    selects("$.commits[:-1].size", "[1,5]");
    selects("$.commits[*].size", "[1,5,9]");
    selects("$['ref','n']", "[\"refs/heads/main\",3]");
    selects("$.none", "[null]");
}

static void what_is_not_there_is_not_selected(void **state UNUSED)
{
    selects("$.nothing", "[]");
    selects("$.ref.below", "[]");
    selects("$.commits[9]", "[]");
    selects("$.commits[-9]", "[]");
    selects("$.n[0]", "[]");
}

static void two_points_select_at_any_depth(void **state UNUSED)
{
    selects("$..id", "[1,2,3]");
    selects("$.deep..id", "[1,2,3]");
    selects("$.deep.b..ok", "[true]");
    selects("$..b[0].id", "[2]");
}

static void filters_compare(void **state UNUSED)
{
    selects("$.commits[?(@.size > 4)].m", "[\"y)\",\"z\"]");
    selects("$.commits[?(@.m == 'y)')].size", "[5]");
    selects("$.commits[?(@.m != \"x\")].size", "[5,9]");
    selects("$.commits[?(@.size<=1)].m", "[\"x\"]");
    selects("$.commits[?(@.m >= 'z')].m", "[\"z\"]");
    selects("$.deep.b[?(@.ok)].id", "[3]");
    selects("$.deep.b[?(@.ok == true)].id", "[3]");
    selects("$.commits[?(@.m < 1)].m", "[]");
}

static void refused(const char *path)
{
    struct reason why = {0};

    if (json_select_check(str_of(path), &why) != JSON_SELECT_E_SYNTAX)
        fail_msg("'%s' was taken", path);
    assert_non_null(strstr(why.text, "JSON path"));
}

static void what_is_no_path_is_refused_with_words(void **state UNUSED)
{
    static const char *const wrong[] = {
        "",         "$.",           "$[",         "$[abc]",      "$['a", "$.a b", "$[?(@.a]",
        "$[?(a)]",  "$[?(@.a==x)]", "$[?@.a]",    "$.a[1",       "$x",   "$...a", "$[?(@.a == 'x' && @.b)]",
        "$.a['b',", "$[99999999]",  "$.length()", "$[?(@.a ==)]"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        refused(wrong[i]);
}

static void work_is_bounded(void **state UNUSED)
{
    CLEANUP(json_free) json_t *doc = json_array();
    CLEANUP(json_free) json_t *found = NULL;
    struct reason why = {0};

    for (int i = 0; i < 60; i++) {
        json_t *around = json_pack("[o]", doc);

        assert_non_null(around);
        doc = around;
    }
    assert_int_equal(json_select(doc, STR("$..*"), &found, &why), 0);
    json_free(&found);
    assert_int_equal(json_select(doc, STR("$..*..*..*..*..*"), &found, &why), JSON_SELECT_E_MANY);
    assert_int_equal(json_select(doc, STR("$..[?(@..[?(@..[?(@..[?(@..a)])])])]"), &found, &why),
                     JSON_SELECT_E_MANY);
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_select_members_and_elements),
        cmocka_unit_test(what_is_not_there_is_not_selected),
        cmocka_unit_test(two_points_select_at_any_depth),
        cmocka_unit_test(filters_compare),
        cmocka_unit_test(what_is_no_path_is_refused_with_words),
        cmocka_unit_test(work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
