/* YAML documents as JSON trees. */
#include "wire/json.h"
#include "wire/yaml.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void reads(const char *yaml, const char *json)
{
    json_t *value = NULL;
    struct reason why = {""};
    int err = yaml_parse(str_of(yaml), &value, NULL, &why);

    if (err)
        print_error("%s: %s\n", yaml, why.text);
    assert_int_equal(err, 0);
    CLEANUP(free_ptr) char *text = json_text(value);
    assert_string_equal(text, json);
    json_decref(value);
}

static void refuses(struct str yaml, const char *says)
{
    json_t *value = NULL;
    struct reason why = {""};

    assert_int_equal(yaml_parse(yaml, &value, NULL, &why), YAML_E_SYNTAX);
    if (!strstr(why.text, says))
        print_error("got: %s\n", why.text);
    assert_non_null(strstr(why.text, says));
}

static void plain_scalars_become_what_they_say(void **state)
{
    (void)state;
    reads("a: 1\nb: true\nc: yes\nd: 2010-09-09\ne: ~\nf: 0.2\ng:\nh: -7\n",
          "{\"a\":1,\"b\":true,\"c\":\"yes\",\"d\":\"2010-09-09\",\"e\":null,"
          "\"f\":0.20000000000000001,\"g\":null,\"h\":-7}");
    reads("[012345678901, 1.10, 1e3, '5', \"6\", 99999999999999999999]",
          "[\"012345678901\",\"1.10\",\"1e3\",\"5\",\"6\",\"99999999999999999999\"]");
    reads("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
    reads("", "null");
    reads("# only a comment\n", "null");
}

static void short_forms_become_long(void **state)
{
    (void)state;
    reads("!Ref a", "{\"Ref\":\"a\"}");
    reads("!Condition a", "{\"Condition\":\"a\"}");
    reads("!GetAtt a.b.c", "{\"Fn::GetAtt\":[\"a\",\"b.c\"]}");
    reads("!GetAtt [a, b]", "{\"Fn::GetAtt\":[\"a\",\"b\"]}");
    reads("!Sub '${a}-x'", "{\"Fn::Sub\":\"${a}-x\"}");
    reads("!Ref 5", "{\"Ref\":\"5\"}");
    reads("x: !Join ['', [!Ref a, b]]", "{\"x\":{\"Fn::Join\":[\"\",[{\"Ref\":\"a\"},\"b\"]]}}");
    reads("x: !Base64\n  Fn::Sub: a\n", "{\"x\":{\"Fn::Base64\":{\"Fn::Sub\":\"a\"}}}");
    reads("x: !!str 5\n", "{\"x\":\"5\"}");
}

static void json_is_read_too(void **state)
{
    (void)state;
    reads("{\"a\": [1, {\"b\": \"x\\u00e9\\/\\ud83d\\ude00\"}],\n\t\"c\":\ttrue}",
          "{\"a\":[1,{\"b\":\"x\u00e9/\U0001F600\"}],\"c\":true}");
    reads("{\n\"a\": {\n\"b\": 1\n}\n}\n", "{\"a\":{\"b\":1}}");
    reads("{\"a\":1,\"b\":[],\"c\":{}}", "{\"a\":1,\"b\":[],\"c\":{}}");
    reads("{\"url\":\"http://x/#y\", \"k\":\"a: b\"}", "{\"k\":\"a: b\",\"url\":\"http://x/#y\"}");
}

static void aliases_and_merge_keys_copy(void **state)
{
    (void)state;
    reads("a: &x {k: 1}\nb: *x\n", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}");
    reads("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n", "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":1,\"l\":3}}");
    refuses(STR("a: *nobody\n"), "unknown alias");
    refuses(STR("a: &x [*x]\n"), "unknown alias");
    refuses(STR("a: 1\nb:\n  <<: 5\n"), "merge");
}

static void a_billion_laughs_are_refused(void **state)
{
    (void)state;
    refuses(STR("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
            "200000");
}

static void nested_lists_are_refused_within_limits(void **state)
{
    (void)state;
    char text[20001];

    memset(text, '[', 10000);
    memset(text + 10000, ']', 10000);
    refuses((struct str){text, 20000}, "");
    refuses((struct str){text, 10000}, "");
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(text + i, "- ", 2);
    refuses((struct str){text, 20000}, "");
}

static void what_is_no_yaml_says_where(void **state)
{
    (void)state;
    refuses(STR("a: 1\na: 2\n"), "line 2, column 1: duplicate key a");
    refuses(STR("a: [1, 2\nb: 3\n"), "line ");
    refuses(STR("a: 1\n---\nb: 2\n"), "second document");
    refuses(STR("? [a]\n: b\n"), "key must be a text");
    refuses(STR("a: \"x\\0y\"\n"), "NUL");
    refuses(STR("a: 'x\n"), "line 1, column 5: single-quoted");
    refuses(STR("a: \"\xff\xfe\"\n"), "");
    refuses(STR("{\"a\": }}"), "line ");
}

/* An error in a line much wider than a terminal: libfyaml's own display of it would overrun its buffer. */
static void errors_in_long_lines_are_reported(void **state)
{
    (void)state;
    static const char *const openings[] = {"\"", "'",      "a: [",  "\t\t", "a: \"\xc3\xa9",
                                           "%",  "&a &a ", "key: *"};
    char text[9001];

    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        memset(text, 'x', 9000);
        for (size_t j = 40; j < 9000; j += 7 + i)
            text[j] = j % 3 ? ' ' : '\t';
        memcpy(text, openings[i], strlen(openings[i]));
        memcpy(text + 8000, ": \xe2\x82\xac: }]\n", 10);
        text[9000] = '\0';
        json_t *value = NULL;
        struct reason why = {""};
        int err = yaml_parse((struct str){text, 9000}, &value, NULL, &why);
        assert_true(err == 0 || err == YAML_E_SYNTAX);
        json_decref(value);
    }
}

static void lines_are_found_by_path(void **state)
{
    (void)state;
    json_t *value = NULL;
    CLEANUP(yaml_marks_free) struct yaml_marks *marks = NULL;
    const char *text = "Resources:\n  B:\n    Type: x\n    Tags:\n    - k: 1\n    - !Ref y\n"
                       "    Name: !Sub\n      - a\n      - {k: v}\n";

    assert_int_equal(yaml_parse(str_of(text), &value, &marks, NULL), 0);
    assert_int_equal(yaml_line(marks, "Resources"), 1);
    assert_int_equal(yaml_line(marks, "Resources/B"), 2);
    assert_int_equal(yaml_line(marks, "Resources/B/Tags/1"), 6);
    assert_int_equal(yaml_line(marks, "Resources/B/Tags/0/k"), 5);
    assert_int_equal(yaml_line(marks, "Resources/B/Name/Fn::Sub/1/k"), 9);
    assert_int_equal(yaml_line(marks, "Resources/C"), 0);
    json_decref(value);
}

/* libfyaml would never end on the directives. */
static void what_is_not_text_is_refused(void **state)
{
    static const char *const bad[] = {"a: 1\n%\x01", "%a \xe4: 1\n", "a: \xff", "a: \x7f", "a: \x1b[0m"};
    json_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(yaml_parse(str_of(bad[i]), &value, NULL, NULL), YAML_E_SYNTAX);
    assert_int_equal(yaml_parse((struct str){"%\0", 2}, &value, NULL, NULL), YAML_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_become_what_they_say),
        cmocka_unit_test(short_forms_become_long),
        cmocka_unit_test(json_is_read_too),
        cmocka_unit_test(aliases_and_merge_keys_copy),
        cmocka_unit_test(a_billion_laughs_are_refused),
        cmocka_unit_test(nested_lists_are_refused_within_limits),
        cmocka_unit_test(what_is_no_yaml_says_where),
        cmocka_unit_test(errors_in_long_lines_are_reported),
        cmocka_unit_test(lines_are_found_by_path),
        cmocka_unit_test(what_is_not_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
