/* Field tables: the words of validation errors, and the ways of JSON, Query and XML in and out. */
#include "services/shape.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool is_word(const char *text)
{
    return strspn(text, "abc") == strlen(text);
}

static const char *const colours[] = {"red", "blue", NULL};
static const struct field text_fields[] = {{.name = "", .min = 1, .max = 3}};
static const struct shape text = SHAPE(text_fields);
static const struct field pair_fields[] = {{.name = "Key", .flags = FIELD_REQUIRED}, {.name = "Value"}};
static const struct shape pair = SHAPE(pair_fields);
static const struct field pair_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &pair}};
static const struct shape pair_item = SHAPE(pair_item_fields);
static const struct field key_words = {
    .name = "key", .min = 1, .max = 3, .check = is_word, .check_says = "[abc]*"};
static const struct field key_syntax = {.name = "key", .check = is_word, .check_says = "[abc]*"};
static const struct field fields[] = {
    {.name = "Name", .flags = FIELD_REQUIRED, .min = 2, .max = 5, .check = is_word, .check_says = "[abc]*"},
    {.name = "Count", .type = FIELD_INTEGER, .min = 1, .max = 10},
    {.name = "Colour", .values = colours},
    {.name = "Flag", .type = FIELD_BOOLEAN},
    {.name = "When", .type = FIELD_TIMESTAMP},
    {.name = "Bytes", .type = FIELD_BLOB, .max = 4},
    {.name = "Secret", .flags = FIELD_SECRET, .max = 3},
    {.name = "Tags", .type = FIELD_LIST, .max = 2, .of = &pair_item},
    {.name = "Words", .type = FIELD_LIST, .flags = FIELD_FLAT, .of = &text, .wire_name = "Word"},
    {.name = "Map", .type = FIELD_MAP, .of = &text},
    {.name = "Attributes",
     .type = FIELD_MAP,
     .flags = FIELD_FLAT,
     .of = &text,
     .wire_name = "Attribute",
     .map_key = "Name",
     .map_value = "Value"},
    {.name = "Keyed", .type = FIELD_MAP, .of = &text, .keys = &key_words},
    {.name = "Worded", .type = FIELD_MAP, .of = &text, .keys = &key_syntax},
    {.name = "Any", .type = FIELD_ANY},
};
static const struct shape shape = SHAPE(fields);

static json_t *parsed(const char *source)
{
    json_t *value = NULL;
    struct reason why;
    assert_int_equal(json_parse(str_of(source), &value, &why), 0);
    return value;
}

static void says(const char *source, const char *message)
{
    CLEANUP(json_free) json_t *value = parsed(source);
    struct reason why = {0};
    int r = shape_validate(&shape, value, &why);
    if (!message) {
        assert_int_equal(r, 0);
        return;
    }
    assert_int_equal(r, CALL_INVALID);
    assert_string_equal(why.text, message);
}

static void test_validation_speaks_as_aws(void **state UNUSED)
{
    says("{\"Name\":\"ab\",\"Unknown\":1}", NULL);
    says("{}",
         "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not "
         "be null");
    says("{\"Name\":\"a\"}", "1 validation error detected: Value 'a' at 'name' failed to satisfy constraint: "
                             "Member must have length greater than or equal to 2");
    says("{\"Name\":\"xyzxyz\"}",
         "2 validation errors detected: Value 'xyzxyz' at 'name' failed to satisfy constraint: Member must "
         "have "
         "length less than or equal to 5; Value 'xyzxyz' at 'name' failed to satisfy constraint: Member must "
         "satisfy regular expression pattern: [abc]*");
    says("{\"Name\":\"ab\",\"Count\":0}",
         "1 validation error detected: Value '0' at 'count' failed to satisfy "
         "constraint: Member must have value greater than or equal to 1");
    says("{\"Name\":\"ab\",\"Colour\":\"green\"}", "1 validation error detected: Value 'green' at 'colour' "
                                                   "failed to satisfy constraint: Member must satisfy "
                                                   "enum value set: [red, blue]");
    says("{\"Name\":\"ab\",\"Secret\":\"hush!\"}", "1 validation error detected: Value at 'secret' failed to "
                                                   "satisfy constraint: Member must have length "
                                                   "less than or equal to 3");
    says("{\"Name\":\"ab\",\"Tags\":[{\"Key\":\"k\"},{}]}",
         "1 validation error detected: Value null at 'tags.2.member.key' failed to satisfy constraint: "
         "Member must "
         "not be null");
    says("{\"Name\":\"ab\",\"Bytes\":\"!!!!\"}",
         "1 validation error detected: Value '!!!!' at 'bytes' failed to "
         "satisfy constraint: Member must be base64");
    says("{\"Name\":\"ab\",\"Bytes\":\"YWFhYWE=\"}", "1 validation error detected: Value 'YWFhYWE=' at "
                                                     "'bytes' failed to satisfy constraint: Member must have "
                                                     "length less than or equal to 4");
    says("{\"Name\":\"ab\",\"Flag\":\"yes\"}", "1 validation error detected: Value 'yes' at 'flag' failed to "
                                               "satisfy constraint: Member must be of type Boolean");
}

static void test_the_keys_of_a_map_are_looked_at(void **state UNUSED)
{
    says("{\"Name\":\"ab\",\"Keyed\":{\"abc\":\"v\"},\"Worded\":{\"abcabc\":\"v\"}}", NULL);
    says("{\"Name\":\"ab\",\"Keyed\":{\"abca\":\"v\"}}",
         "1 validation error detected: Value '{\"abca\":\"v\"}' at 'keyed' failed to satisfy constraint: Map "
         "keys "
         "must satisfy constraint: [Member must have length less than or equal to 3, Member must have length "
         "greater than or equal to 1, Member must satisfy regular expression pattern: [abc]*]");
    says("{\"Name\":\"ab\",\"Keyed\":{\"\":\"v\"},\"Worded\":{\"x\":\"v\"}}",
         "2 validation errors detected: Value '{\"\":\"v\"}' at 'keyed' failed to satisfy constraint: Map "
         "keys must "
         "satisfy constraint: [Member must have length less than or equal to 3, Member must have length "
         "greater "
         "than or equal to 1, Member must satisfy regular expression pattern: [abc]*]; Value '{\"x\":\"v\"}' "
         "at "
         "'worded' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy "
         "regular "
         "expression pattern: [abc]*]");
}

static void test_length_is_in_characters(void **state UNUSED)
{
    says("{\"Name\":\"ab\",\"Words\":[\"\xc3\xa4\xc3\xb6\xc3\xbc\"]}", NULL);
}

static void test_many_errors_are_counted(void **state UNUSED)
{
    CLEANUP(json_free) json_t *value = parsed("{\"Name\":\"ab\"}");
    json_t *words = json_array();
    struct reason why;
    for (int i = 0; i < 1000; i++)
        json_array_append_new(words, json_string(""));
    json_object_set_new(value, "Words", words);
    assert_int_equal(shape_validate(&shape, value, &why), CALL_INVALID);
    assert_memory_equal(why.text, "1000 validation errors detected: ", 33);
}

static void json_in(const char *source, const char *expected)
{
    CLEANUP(json_free) json_t *value = parsed(source);
    struct reason why = {0};
    int r = shape_from_json(&shape, value, &why);
    if (!expected) {
        assert_int_equal(r, SHAPE_E_TYPE);
        assert_true(why.text[0]);
        return;
    }
    CLEANUP(json_free) json_t *wanted = parsed(expected);
    assert_int_equal(r, 0);
    assert_true(json_equal(value, wanted));
}

static void test_json_in(void **state UNUSED)
{
    json_in("{\"When\":1.5,\"Name\":null,\"Map\":{\"a\":null,\"b\":\"c\"}}",
            "{\"When\":1500,\"Map\":{\"b\":\"c\"}}");
    json_in("{\"When\":1700000000.123}", "{\"When\":1700000000123}");
    json_in("{\"When\":\"now\"}", NULL);
    json_in("{\"When\":1e300}", NULL);
    json_in("{\"Name\":1}", NULL);
    json_in("{\"Tags\":{}}", NULL);
    json_in("{\"Tags\":[1]}", NULL);
    json_in("{\"Tags\":[null]}", NULL);
    json_in("{\"Count\":1.5}", NULL);
    json_in("{\"Any\":[{\"x\":null}]}", "{\"Any\":[{\"x\":null}]}");
}

static void test_json_out(void **state UNUSED)
{
    CLEANUP(json_free) json_t *value = parsed("{\"When\":1700000000000,\"Name\":\"ab\"}");
    CLEANUP(json_free) json_t *wanted = parsed("{\"When\":1700000000,\"Name\":\"ab\"}");
    assert_int_equal(shape_to_json(&shape, value), 0);
    assert_true(json_equal(value, wanted));
}

static void query_in(const char *form, const char *expected)
{
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)1024 * 1024);
    struct uri_query pairs;
    CLEANUP(json_free) json_t *value = NULL;
    struct reason why = {0};
    assert_int_equal(uri_parse_query(arena, str_of(form), true, &pairs), 0);
    int r = shape_from_query(&shape, &pairs, &value, &why);
    if (!expected) {
        assert_int_equal(r, SHAPE_E_TYPE);
        assert_true(why.text[0]);
        return;
    }
    CLEANUP(json_free) json_t *wanted = parsed(expected);
    assert_int_equal(r, 0);
    assert_true(json_equal(value, wanted));
}

static void test_query_in(void **state UNUSED)
{
    query_in("Action=X&Name=a+b&Count=7&Flag=true&When=1970-01-01T00:00:01Z",
             "{\"Name\":\"a b\",\"Count\":7,\"Flag\":true,\"When\":1000}");
    query_in("Tags.member.1.Key=a&Tags.member.2.Key=b&Tags.member.2.Value=v",
             "{\"Tags\":[{\"Key\":\"a\"},{\"Key\":\"b\",\"Value\":\"v\"}]}");
    query_in("Tags.member.10.Key=b&Tags.member.9.Key=a", "{\"Tags\":[{\"Key\":\"a\"},{\"Key\":\"b\"}]}");
    query_in("Tags=", "{\"Tags\":[]}");
    query_in("Word.1=x&Word.2=y", "{\"Words\":[\"x\",\"y\"]}");
    query_in("Map.entry.1.key=k&Map.entry.1.value=v", "{\"Map\":{\"k\":\"v\"}}");
    query_in("Attribute.1.Name=k&Attribute.1.Value=v", "{\"Attributes\":{\"k\":\"v\"}}");
    query_in("Attribute.1.Name=k", NULL);
    query_in("Count=many", NULL);
    query_in("Flag=maybe", NULL);
    query_in("Name.x=1", NULL);
    query_in("Tags.member.1=x", NULL);
    query_in("Name=%ff", NULL);
}

static void test_xml_there_and_back(void **state UNUSED)
{
    CLEANUP(json_free)
    json_t *value =
        parsed("{\"Name\":\"a<b\",\"Count\":3,\"Flag\":false,\"When\":1000,\"Tags\":[{\"Key\":\"k\"}],"
               "\"Words\":[\"x\",\"y\"],\"Map\":{\"m\":\"n\"},\"Attributes\":{\"p\":\"q\"}}");
    CLEANUP(buf_free) struct buf out = BUF_INIT((size_t)65536);
    xmlDoc *doc CLEANUP(xml_free) = NULL;
    CLEANUP(json_free) json_t *back = NULL;
    struct reason why;
    xml_open(&out, "R");
    shape_to_xml(&shape, value, &out);
    xml_close(&out, "R");
    assert_int_equal(buf_error(&out), 0);
    assert_non_null(strstr(out.ptr, "<Name>a&lt;b</Name><Count>3</Count><Flag>false</Flag>"));
    assert_non_null(
        strstr(out.ptr, "<Tags><member><Key>k</Key></member></Tags><Word>x</Word><Word>y</Word>"));
    assert_non_null(strstr(out.ptr, "<Attribute><Name>p</Name><Value>q</Value></Attribute>"));
    assert_int_equal(xml_parse(buf_str(&out), &doc, &why), 0);
    assert_int_equal(shape_from_xml(&shape, xmlDocGetRootElement(doc), &back, &why), 0);
    assert_true(json_equal(back, value));
}

static void test_what_xml_may_hold(void **state UNUSED)
{
    static const struct {
        const char *document, *says; /* NULL: all is well */
    } rows[] = {
        {"<R>text<!-- Other --><Name>ab</Name><Tags><member><Key>k</Key></member></Tags><Word>x</Word></R>",
         NULL},
        {"<R/>", NULL},
        {"<R><Word/><Name/><Word/><Attribute/><Attribute/></R>", NULL},
        {"<R><Any><a/><a/></Any></R>", NULL},
        {"<R><name/></R>", "'name' is not an element of 'R'."},
        {"<R><Tags><member><Key/></member><member><Kex/></member></Tags></R>",
         "'Kex' is not an element of 'member'."},
        {"<R><Tags><members/></Tags></R>", "'members' is not an element of 'Tags'."},
        {"<R><Word/><Words/></R>", "'Words' is not an element of 'R'."},
        {"<R><Word><b/></Word></R>", "'b' is not an element of 'Word'."},
        {"<R><Name><b>ab</b></Name></R>", "'b' is not an element of 'Name'."},
        {"<R><Name>a</Name><Count>1</Count><Name>a</Name></R>", "'Name' is more than once in 'R'."},
        {"<R><Tags/><Tags/></R>", "'Tags' is more than once in 'R'."},
        {"<R><Tags><member><Value/><Key/><Value/></member></Tags></R>",
         "'Value' is more than once in 'member'."},
        {"<R><Any/><Any/></R>", "'Any' is more than once in 'R'."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        xmlDoc *doc CLEANUP(xml_free) = NULL;
        struct reason why;
        assert_int_equal(xml_parse(str_of(rows[i].document), &doc, &why), 0);
        int r = shape_check_xml(&shape, xmlDocGetRootElement(doc), &why);
        assert_int_equal(r, rows[i].says ? SHAPE_E_TYPE : 0);
        if (r != 0)
            assert_string_equal(why.text, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validation_speaks_as_aws),
        cmocka_unit_test(test_the_keys_of_a_map_are_looked_at),
        cmocka_unit_test(test_length_is_in_characters),
        cmocka_unit_test(test_many_errors_are_counted),
        cmocka_unit_test(test_json_in),
        cmocka_unit_test(test_json_out),
        cmocka_unit_test(test_query_in),
        cmocka_unit_test(test_xml_there_and_back),
        cmocka_unit_test(test_what_xml_may_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
