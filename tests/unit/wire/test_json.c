#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/json_read.h"

static int parse(const char *text, json_t **ret)
{
    struct reason why = {0};
    int r = json_parse(str_of(text), ret, &why);

    assert_true((r == 0) == (why.text[0] == '\0'));
    return r;
}

static void whole_documents_are_read_and_written(void **state)
{
    CLEANUP(json_free) json_t *value = NULL;
    CLEANUP(free_ptr) char *text = NULL;

    (void)state;
    assert_int_equal(parse(" {\"b\": [1, true, null, 2.5], \"a\": \"\\u00e4\"} ", &value), 0);
    text = json_text(value);
    assert_string_equal(text, "{\"a\":\"\xc3\xa4\",\"b\":[1,true,null,2.5]}");
    json_free(&value);
    assert_int_equal(parse("\"alone\"", &value), 0);
    assert_string_equal(json_string_value(value), "alone");
}

static const char *const texts[] = {
    "{}",
    "[]",
    "\"\"",
    "null",
    "[true,false,null]",
    "{\"a\":{},\"b\":[],\"c\":[[],{}]}",
    "[0,-1,9223372036854775807,-9223372036854775808]",
    "[1.5,-0.0,1e300,0.1]",
    "\"\\u0001\\u001f \\b\\t\\n\\f\\r\\\"\\\\/\\u007f\"",
    "{\"\\n\\\"\":\"\\t\",\"\xc3\xa4\":\"\xf0\x9f\x9a\x80\"}",
    "{\"z\":1,\"a\":2}",
    "[\"plain\",\"ends with\\n\",\"\\nbegins\",\"\\n\\n\"]",
};

static void a_tree_is_written_as_the_library_writes_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(json_free) json_t *value = NULL;
        CLEANUP(free_ptr) char *ours = NULL, *theirs = NULL;

        assert_int_equal(parse(texts[i], &value), 0);
        ours = json_pack_text(value);
        theirs = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(ours, theirs);
    }
}

/* As the library reads it; what is not read, json_parse leaves to the library. */
static void assert_read_alike(struct str text)
{
    CLEANUP(json_free) json_t *ours = json_read(text, JSON_MAX_DEPTH, true);
    CLEANUP(json_free)
    json_t *theirs = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (ours)
        assert_true(theirs && json_equal(ours, theirs));
}

static void a_text_is_read_as_the_library_reads_it(void **state)
{
    static const char *const read[] = {" [1 , 2\t,\n\r3 ] ", "[-0,0,10,-7,999999999999999999]",
                                       "[0.25,-1e3,1E+2,12.5e-1]", "{\"a\\tb\":{\"a\\\"\":[]}}",
                                       "\"\\\\ \\/ \\b\\f\\n\\r\\t \xc3\xa4\""};
    static const char *const refused[] = {
        "[1 2]",    "[01]",     "[-]",      "[1.]",         "[.5]",
        "[1e]",     "[+1]",     "[1,]",     "{,}",          "{\"a\"}",
        "{\"a\":}", "{a:1}",    "truth",    "[nul]",        "\"open",
        "\"\\x\"",  "\"\x01\"", "\"\xff\"", "[1]]",         "[",
        "{\"a\":1", "1e999",    "\"end\\",  "{\"\xff\":1}", "{\"a\":1,\"a\":1}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(read); i++) {
        CLEANUP(json_free) json_t *value = json_read(str_of(read[i]), JSON_MAX_DEPTH, true);

        assert_non_null(value);
        assert_read_alike(str_of(read[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_read_alike(str_of(texts[i]));
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_null(json_read(str_of(refused[i]), JSON_MAX_DEPTH, true));
}

static void a_key_given_twice_is_read_where_it_may_be(void **state)
{
    CLEANUP(json_free) json_t *value = json_read(STR("{\"a\":1,\"a\":2}"), JSON_MAX_DEPTH, false);

    (void)state;
    assert_int_equal(json_int(value, "a", 0), 2);
}

/* Cut off or with a byte changed, at each place: never read where the library would not. */
static void a_damaged_text_is_read_as_the_library_reads_it(void **state)
{
    static const char whole[] = "{\"a\\n\": [1, -2.5e1, true, null], \"\xc3\xa4\": {\"b\": \"c\\\\\"}}";
    static const char bytes[] = "\"\\{}[]:,0-.e \x01\xff"
                                "at";

    (void)state;
    for (size_t at = 0; at < sizeof(whole) - 1; at++) {
        char text[sizeof(whole)];

        assert_read_alike((struct str){whole, at});
        for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
            memcpy(text, whole, sizeof(whole));
            text[at] = bytes[i];
            assert_read_alike((struct str){text, sizeof(whole) - 1});
        }
    }
}

static void every_byte_of_a_text_is_written_as_the_library_writes_it(void **state)
{
    (void)state;
    for (int c = 0; c < 0x80; c++) {
        const char around[] = {'a', (char)c, 'z', (char)c};
        CLEANUP(json_free) json_t *value = json_stringn(around, sizeof(around));
        CLEANUP(free_ptr) char *ours = json_pack_text(value), *theirs = json_dumps(value, JSON_ENCODE_ANY);

        assert_non_null(ours);
        assert_string_equal(ours, theirs);
    }
}

static void a_byte_that_needs_an_escape_is_found_wherever_it_is(void **state)
{
    (void)state;
    for (int c = 0; c < 0x80; c++)
        for (size_t at = 0; at < 19; at++) {
            char text[] = "1234\xc3\xa9 7890abcdef\xc2\x80i";

            if (at >= 4 && (text[at] & 0x80 || text[at + 1] & 0x80))
                continue;
            text[at] = (char)c;
            CLEANUP(json_free) json_t *value = json_stringn(text, sizeof(text) - 1);
            CLEANUP(free_ptr)
            char *ours = json_pack_text(value), *theirs = json_dumps(value, JSON_ENCODE_ANY);

            assert_non_null(ours);
            assert_string_equal(ours, theirs);
        }
}

static void a_document_without_a_tree_is_written_as_its_tree_is(void **state)
{
    static const char text[] =
        "{\"a\":\"1\\n\",\"list\":[{\"b\":\"2\"},{},[],\"x\"],\"tree\":{\"c\":[1,null]},\"d\":\"\","
        "\"n\":-7,\"more\":{\"e\":{},\"f\":\"3\"},\"none\":{\"g\":0}}";
    CLEANUP(buf_free) struct buf out = BUF_INIT(SIZE_MAX), small = BUF_INIT(5), list = BUF_INIT(5);
    CLEANUP(buf_free) struct buf members = BUF_INIT(SIZE_MAX), again = BUF_INIT(SIZE_MAX);
    CLEANUP(json_free) json_t *tree = NULL;

    (void)state;
    assert_int_equal(parse("{\"c\":[1,null]}", &tree), 0);
    json_begin(&out, NULL, '{');
    json_add_str(&out, "a", "1\n");
    json_begin(&out, "list", '[');
    json_begin(&out, NULL, '{');
    json_add_str(&out, "b", "2");
    json_end(&out, '}');
    json_begin(&out, NULL, '{');
    json_end(&out, '}');
    json_begin(&out, NULL, '[');
    json_end(&out, ']');
    json_add_str(&out, NULL, "x");
    json_end(&out, ']');
    json_add(&out, "tree", tree);
    json_add_str(&out, "d", "");
    json_add_int(&out, "n", -7);
    json_begin_with(&out, "more", STR("{\"e\":{}}"));
    json_add_str(&out, "f", "3");
    json_end(&out, '}');
    json_begin_with(&out, "none", STR("{}"));
    json_add_int(&out, "g", 0);
    json_end(&out, '}');
    json_end(&out, '}');
    assert_int_equal(buf_error(&out), 0);
    assert_string_equal(out.ptr, text);
    json_add(&small, NULL, tree);
    assert_int_equal(buf_error(&small), -EMSGSIZE);
    json_add(&out, "nothing", NULL);
    assert_int_equal(buf_error(&out), -EINVAL);
    json_add_str(&members, "a", "1");
    json_add_int(&members, "b", 2);
    assert_string_equal(members.ptr, "\"a\":\"1\",\"b\":2");
    json_begin(&again, NULL, '{');
    json_add_members(&again, buf_str(&members));
    json_add_members(&again, STR("\"c\":3"));
    json_end(&again, '}');
    assert_string_equal(again.ptr, "{\"a\":\"1\",\"b\":2,\"c\":3}");
    json_begin_with(&list, NULL, STR("[]"));
    assert_int_equal(buf_error(&list), -EBADMSG);
}

static void what_does_not_fit_the_buffer_is_an_error(void **state)
{
    CLEANUP(json_free) json_t *value = NULL;
    CLEANUP(free_ptr) char *whole = NULL;

    (void)state;
    assert_int_equal(parse("{\"key\":[\"value\\n\",1.5,12]}", &value), 0);
    whole = json_pack_text(value);
    for (size_t max = 0; max <= strlen(whole); max++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(max);
        int r = json_write(value, &out);

        assert_int_equal(r, max < strlen(whole) ? -EMSGSIZE : 0);
    }
}

static void what_is_not_one_document_is_refused_with_its_place(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{} {}",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\\u0000\"",
                                      "{\"a\":01}",
                                      "\"\xff\"",
                                      "nul",
                                      "[1,]",
                                      "{a:1}",
                                      "\"\n\"",
                                      "[1}",
                                      "\"\\ud800\"",
                                      "1e999",
                                      "99999999999999999999"};
    json_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct reason why = {0};

        assert_int_equal(json_parse(str_of(bad[i]), &value, &why), JSON_E_SYNTAX);
        assert_non_null(strstr(why.text, "line "));
        assert_null(value);
    }
}

static void nesting_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
    CLEANUP(json_free) json_t *value = NULL;
    char text[2 * 10001 + 1];

    (void)state;
    memset(text, '[', 10000);
    memset(text + 10000, ']', 10000);
    assert_int_equal(json_parse((struct str){text, 20000}, &value, NULL), JSON_E_SYNTAX);
    assert_int_equal(
        json_parse((struct str){text + 10000 - JSON_MAX_DEPTH, 2 * (size_t)JSON_MAX_DEPTH}, &value, NULL), 0);
    json_free(&value);
    memset(text, '[', 1000);
    text[0] = text[999] = '"';
    assert_int_equal(json_parse((struct str){text, 1000}, &value, NULL), 0);
}

static void accessors_give_the_default_for_another_type(void **state)
{
    CLEANUP(json_free) json_t *value = NULL;

    (void)state;
    assert_int_equal(parse("{\"s\":\"x\",\"i\":7,\"b\":true,\"d\":1.5,\"l\":[{\"k\":\"deep\"}]}", &value), 0);
    assert_string_equal(json_str(value, "s", "-"), "x");
    assert_string_equal(json_str(value, "i", "-"), "-");
    assert_int_equal(json_int(value, "i", -1), 7);
    assert_int_equal(json_int(value, "d", -1), -1);
    assert_int_equal(json_int(NULL, "i", -1), -1);
    assert_true(json_bool(value, "b", false));
    assert_true(json_bool(value, "s", true));
    assert_string_equal(json_string_value(json_path(value, "l.0.k")), "deep");
    assert_null(json_path(value, "l.1.k"));
    assert_null(json_path(value, "l.x"));
    assert_null(json_path(value, "s.k"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_documents_are_read_and_written),
        cmocka_unit_test(a_tree_is_written_as_the_library_writes_it),
        cmocka_unit_test(a_text_is_read_as_the_library_reads_it),
        cmocka_unit_test(a_key_given_twice_is_read_where_it_may_be),
        cmocka_unit_test(a_damaged_text_is_read_as_the_library_reads_it),
        cmocka_unit_test(every_byte_of_a_text_is_written_as_the_library_writes_it),
        cmocka_unit_test(a_byte_that_needs_an_escape_is_found_wherever_it_is),
        cmocka_unit_test(a_document_without_a_tree_is_written_as_its_tree_is),
        cmocka_unit_test(what_does_not_fit_the_buffer_is_an_error),
        cmocka_unit_test(what_is_not_one_document_is_refused_with_its_place),
        cmocka_unit_test(nesting_is_bounded_and_brackets_in_strings_do_not_count),
        cmocka_unit_test(accessors_give_the_default_for_another_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
