/* wire/chunked.h: however the bytes arrive, what is read is the same, and no byte is read twice or lost. */
#include "base/buf.h"
#include "fuzz.h"
#include "wire/chunked.h"

/* Everything read, as text; the outcome at its end. */
static void read_all(struct str input, bool is_signed, bool has_trailer, size_t piece, struct buf *out)
{
    struct chunked *chunked = malloc(sizeof(*chunked));
    assert(chunked);
    int64_t sizes = 0, bytes = 0;
    int rc = 0;

    chunked_init(chunked, is_signed, has_trailer);
    while (input.len > 0 && rc == 0) {
        struct str some = {input.ptr, input.len < piece ? input.len : piece};
        input = (struct str){input.ptr + some.len, input.len - some.len};
        while (some.len > 0 && rc == 0) {
            struct chunked_item item;
            size_t before = some.len;
            rc = chunked_next(chunked, &some, &item);
            assert(rc == CHUNKED_E_SYNTAX || rc == CHUNKED_E_TRAILER || rc == 0);
            assert(rc != 0 || some.len < before);
            if (rc != 0 || item.kind == CHUNKED_MORE)
                continue;
            sizes += item.kind == CHUNKED_CHUNK ? item.size : 0;
            bytes += (int64_t)item.bytes.len;
            assert(item.kind != CHUNKED_END || sizes == bytes);
            if (item.kind != CHUNKED_DATA)
                buf_printf(out, "%d;", (int)item.kind);
            buf_put_str(out, item.bytes);
            buf_put_str(out, item.signature);
            buf_put_str(out, item.name);
            buf_put_str(out, item.value);
        }
    }
    assert(rc != 0 || bytes <= sizes);
    assert(chunked->state != CHUNKED_DONE || bytes == sizes);
    buf_printf(out, "%d %d", rc, rc == 0 ? (int)chunked->state : 0);
    assert(buf_error(out) == 0);
    free(chunked);
}

void fuzz_one(struct str input)
{
    for (int form = 0; form < 4; form++) {
        CLEANUP(buf_free) struct buf whole = BUF_INIT(1 << 20);
        read_all(input, form & 1, form & 2, SIZE_MAX, &whole);
        for (size_t piece = 1; piece < 8; piece += 3) {
            CLEANUP(buf_free) struct buf parts = BUF_INIT(1 << 20);
            read_all(input, form & 1, form & 2, piece, &parts);
            assert(str_eq(buf_str(&whole), buf_str(&parts)));
        }
    }
}
