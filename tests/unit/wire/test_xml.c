#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/json.h"
#include "wire/xml.h"

static void what_is_written_is_read_back(void **state)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(free_ptr) char *key = NULL;
    CLEANUP(free_ptr) char *size = NULL;
    const xmlNode *root;

    (void)state;
    xml_head(&out);
    xml_open_ns(&out, "Root", "http://s3.amazonaws.com/doc/2006-03-01/");
    xml_elem(&out, "Key", STR("<a> & \"b\"\r\n\t\xc3\xa4"));
    xml_elem_int(&out, "Size", INT64_MIN);
    xml_elem_bool(&out, "Last", false);
    xml_close(&out, "Root");
    assert_int_equal(buf_error(&out), 0);
    assert_int_equal(xml_parse(buf_str(&out), &doc, NULL), 0);
    root = xmlDocGetRootElement(doc);
    key = xml_text(xml_child(root, "Key"));
    assert_string_equal(key, "<a> & \"b\"\r\n\t\xc3\xa4");
    size = xml_text(xml_next(xml_child(root, "Key"), NULL));
    assert_string_equal(size, "-9223372036854775808");
    assert_null(xml_child(root, "None"));
    assert_null(xml_text(NULL));
}

/* Plain texts go out in one piece; each of the 256 bytes is told apart alike by both ways. */
static void an_element_is_its_tags_and_its_escaped_text(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        CLEANUP(buf_free) struct buf whole = BUF_INIT(64);
        CLEANUP(buf_free) struct buf parts = BUF_INIT(64);
        char text[] = {'a', (char)c, 'z'};

        xml_elem(&whole, "E", (struct str){text, sizeof(text)});
        xml_open(&parts, "E");
        for (size_t i = 0; i < sizeof(text); i++)
            xml_escape(&parts, (struct str){text + i, 1});
        xml_close(&parts, "E");
        assert_string_equal(whole.ptr, parts.ptr);
    }
    CLEANUP(buf_free) struct buf empty = BUF_INIT(64);
    xml_elem(&empty, "E", STR(""));
    xml_elem(&empty, "F", (struct str){NULL, 0});
    assert_string_equal(empty.ptr, "<E></E><F></F>");
    CLEANUP(buf_free) struct buf full = BUF_INIT(9);
    xml_elem(&full, "E", STR("abc"));
    assert_int_equal(buf_error(&full), -EMSGSIZE);
}

static void bytes_that_xml_cannot_carry_become_replacement_characters(void **state)
{
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {{"a\0b", 3},
         "a\xEF\xBF\xBD"
         "b"},
        {{"\x01", 1}, "\xEF\xBF\xBD"},
        {{"\xff", 1}, "\xEF\xBF\xBD"},
        {{"\xc3", 1}, "\xEF\xBF\xBD"},
        {{"\xc0\x80", 2}, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {{"\xed\xa0\x80", 3}, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {{"\xef\xbf\xbe", 3}, "\xEF\xBF\xBD"},
        {{"\xf0\x9f\x9a\x80", 4}, "\xf0\x9f\x9a\x80"},
        {{"\xe6\x97\xa5", 3}, "\xe6\x97\xa5"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(64);

        xml_escape(&out, rows[i].in);
        assert_string_equal(out.ptr, rows[i].out);
    }
}

static void exact_texts_differ_as_what_they_are_of(void **state)
{
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {{"a\x01<", 3}, "<K>a&#x1;&lt;</K>"},     {{"\x1f\x1b", 2}, "<K>&#x1f;&#x1b;</K>"},
        {{"\xef\xbf\xbe", 3}, "<K>&#xfffe;</K>"}, {{"\xff", 1}, "<K>\xEF\xBF\xBD</K>"},
        {{"\x7f\t\r", 3}, "<K>\x7f\t&#13;</K>"},  {{"plain", 5}, "<K>plain</K>"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(64);

        xml_elem_exact(&out, "K", rows[i].in);
        assert_string_equal(out.ptr, rows[i].out);
    }
}

static void documents_of_strangers_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "text",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&other;</a>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><a/>",
        "<a>\x01</a>",
    };
    xmlDoc *doc = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct reason why = {0};

        assert_int_equal(xml_parse(str_of(bad[i]), &doc, &why), XML_E_SYNTAX);
        assert_true(why.text[0] != '\0');
        assert_null(doc);
    }
}

static void nesting_is_bounded(void **state)
{
    static const int depths[] = {64, 65, 10000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(1 << 20);
        CLEANUP(xml_free) xmlDoc *doc = NULL;

        for (int depth = 0; depth < depths[i]; depth++)
            xml_open(&text, "a");
        for (int depth = 0; depth < depths[i]; depth++)
            xml_close(&text, "a");
        assert_int_equal(xml_parse(buf_str(&text), &doc, NULL), depths[i] > 64 ? XML_E_SYNTAX : 0);
    }
}

static void answers_become_trees(void **state)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(free_ptr) char *text = NULL;

    (void)state;
    assert_int_equal(xml_parse(STR("<R xmlns='urn:x'><L><member>a</member><member><K>v</K></member></L><E/>"
                                   "<N>1</N><N>2</N><N>3</N>"
                                   "<M><member>x</member></M><M><member>y</member></M></R>"),
                               &doc, NULL),
                     0);
    assert_int_equal(xml_to_json(xmlDocGetRootElement(doc), &tree), 0);
    text = json_text(tree);
    assert_string_equal(text, "{\"E\":\"\",\"L\":[\"a\",{\"K\":\"v\"}],\"M\":[[\"x\"],[\"y\"]],"
                              "\"N\":[\"1\",\"2\",\"3\"]}");
}

static void a_text_of_several_pieces_is_one(void **state)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(free_ptr) char *text = NULL;

    (void)state;
    assert_int_equal(
        xml_parse(
            STR("<R><A>a<!-- b -->c</A><B>a<![CDATA[<b>]]>c</B><C>a&amp;&#98;</C><D><!-- e --></D></R>"),
            &doc, NULL),
        0);
    assert_int_equal(xml_to_json(xmlDocGetRootElement(doc), &tree), 0);
    text = json_text(tree);
    assert_string_equal(text, "{\"A\":\"ac\",\"B\":\"a<b>c\",\"C\":\"a&b\",\"D\":\"\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(an_element_is_its_tags_and_its_escaped_text),
        cmocka_unit_test(bytes_that_xml_cannot_carry_become_replacement_characters),
        cmocka_unit_test(exact_texts_differ_as_what_they_are_of),
        cmocka_unit_test(documents_of_strangers_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(answers_become_trees),
        cmocka_unit_test(a_text_of_several_pieces_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
