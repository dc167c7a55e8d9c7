/* multipart/form-data, as browsers send it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "wire/form.h"

#define TYPE "multipart/form-data; boundary=\"b;ound\""

/* "name[filename](type)=value;" of each part, in pieces of `piece` bytes. */
static int read_all(const char *body, size_t piece, struct buf *out, enum form_state *ret_state)
{
    struct form form;
    struct str input = str_of(body);
    int rc = form_init(&form, STR(TYPE));
    while (rc == 0 && input.len > 0) {
        struct form_item item;
        struct str some = {input.ptr, input.len < piece ? input.len : piece};
        input = (struct str){input.ptr + some.len, input.len - some.len};
        while (rc == 0 && some.len > 0) {
            rc = form_next(&form, &some, &item);
            if (rc == 0 && item.kind == FORM_PART)
                buf_printf(out, STR_FMT "[" STR_FMT "](" STR_FMT ")=", STR_ARG(item.name),
                           STR_ARG(item.filename), STR_ARG(item.type));
            if (rc == 0 && item.kind == FORM_BYTES)
                buf_put_str(out, item.bytes);
            if (rc == 0 && item.kind == FORM_END)
                buf_putc(out, ';');
        }
    }
    *ret_state = form.state;
    return rc;
}

#define DISPOSITION "Content-Disposition: form-data; name="

static void parts_are_read_whatever_the_pieces(void **state)
{
    static const char body[] =
        "--b;ound\r\n" DISPOSITION "\"key\"\r\n\r\na/${filename}\r\n"
        "--b;ound\r\n" DISPOSITION "empty\r\n\r\n\r\n"
        "--b;ound\r\ncontent-type: text/plain\r\n" DISPOSITION "\"file\"; filename=\"a;b.txt\"\r\n\r\n"
        "one\r\n--b;oun\r\r\n--two\r\n--b;ound--\r\nepilogue";
    (void)state;
    for (size_t piece = 1; piece <= sizeof(body); piece++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
        enum form_state at;
        assert_int_equal(read_all(body, piece, &out, &at), 0);
        assert_int_equal(at, FORM_DONE);
        assert_string_equal(out.ptr, "key[]()=a/${filename};empty[]()=;"
                                     "file[a;b.txt](text/plain)=one\r\n--b;oun\r\r\n--two;");
    }
}

static void forms_that_are_none(void **state)
{
    static const struct {
        const char *body;
        int outcome;
        enum form_state at;
    } cases[] = {
        {"--b;ound\r\n" DISPOSITION "a\r\n\r\nno end", 0, FORM_BODY},
        {"--b;ound\r\nX: y\r\n\r\nvalue\r\n--b;ound--", FORM_E_SYNTAX, FORM_BODY},
        {"--b;oundX", FORM_E_SYNTAX, FORM_AFTER},
        {"no boundary at all", 0, FORM_PREAMBLE},
    };
    struct form form;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
        enum form_state at;
        assert_int_equal(read_all(cases[i].body, 3, &out, &at), cases[i].outcome);
        assert_int_equal(at, cases[i].at);
    }
    assert_int_equal(form_init(&form, STR("multipart/form-data")), FORM_E_SYNTAX);
    assert_int_equal(form_init(&form, STR("text/plain; boundary=x")), FORM_E_SYNTAX);
    assert_int_equal(form_init(&form, (struct str){NULL, 0}), FORM_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read_whatever_the_pieces),
        cmocka_unit_test(forms_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
