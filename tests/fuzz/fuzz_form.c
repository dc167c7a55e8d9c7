/* wire/form.h: however the bytes arrive, the parts are the same; what is between them is made of their bytes
 * alone. The seed's first line is its Content-Type. */
#include "base/buf.h"
#include "fuzz.h"
#include "wire/form.h"

static void read_all(struct str type, struct str input, size_t piece, struct buf *out)
{
    struct form *form = malloc(sizeof(*form));
    assert(form);
    size_t sent = 0;
    size_t given = 0;
    int rc = form_init(form, type);

    assert(rc == 0 || rc == FORM_E_SYNTAX);
    while (input.len > 0 && rc == 0) {
        struct str some = {input.ptr, input.len < piece ? input.len : piece};
        input = (struct str){input.ptr + some.len, input.len - some.len};
        sent += some.len;
        while (some.len > 0 && rc == 0) {
            struct form_item item;
            rc = form_next(form, &some, &item);
            assert(rc == 0 || rc == FORM_E_SYNTAX);
            if (rc != 0 || item.kind == FORM_MORE)
                continue;
            given += item.bytes.len;
            assert(given <= sent);
            if (item.kind != FORM_BYTES)
                buf_printf(out, "%d;", (int)item.kind);
            buf_put_str(out, item.name);
            buf_put_str(out, item.filename);
            buf_put_str(out, item.type);
            buf_put_str(out, item.bytes);
        }
    }
    buf_printf(out, "%d %d", rc, rc == 0 ? (int)form->state : 0);
    assert(buf_error(out) == 0);
    free(form);
}

void fuzz_one(struct str input)
{
    struct str type = str_split(&input, '\n');
    CLEANUP(buf_free) struct buf whole = BUF_INIT(1 << 20);
    if (!input.ptr)
        return;
    read_all(type, input, SIZE_MAX, &whole);
    for (size_t piece = 1; piece < 9; piece += 3) {
        CLEANUP(buf_free) struct buf parts = BUF_INIT(1 << 20);
        read_all(type, input, piece, &parts);
        assert(str_eq(buf_str(&whole), buf_str(&parts)));
    }
}
