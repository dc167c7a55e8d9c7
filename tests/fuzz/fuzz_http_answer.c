/* wire/http_answer.h: however the bytes of an answer arrive, what is read is the same. */
#include "base/buf.h"
#include "fuzz.h"
#include "wire/http_answer.h"

static void read_all(struct str bytes, bool to_head, size_t piece, struct buf *out)
{
    CLEANUP(buf_free) struct buf headers = BUF_INIT(1 << 20), left = BUF_INIT(1 << 20);
    struct http_answer answer = {.to_head = to_head};
    int rc = 0;

    while (bytes.len > 0 && rc == 0) {
        struct str some = {bytes.ptr, bytes.len < piece ? bytes.len : piece}, input;
        CLEANUP(buf_free) struct buf kept = BUF_INIT(1 << 20);
        bytes = (struct str){bytes.ptr + some.len, bytes.len - some.len};
        buf_put_str(&kept, buf_str(&left));
        buf_put_str(&kept, some);
        input = buf_str(&kept);
        rc = http_answer_read(&answer, &input, &headers, out);
        assert(rc == 0 || rc == HTTP_ANSWER_E_SYNTAX);
        buf_reset(&left);
        buf_put_str(&left, input);
    }
    buf_printf(out, "|%d", rc);
    if (rc == 0) {
        buf_printf(out, "%d %u %d|", (int)answer.stage, answer.status, answer.stays);
        buf_put_str(out, buf_str(&headers));
        buf_puts(out, "|");
        buf_put_str(out, buf_str(&left));
    }
    assert(buf_error(out) == 0);
}

void fuzz_one(struct str input)
{
    for (int to_head = 0; to_head < 2; to_head++) {
        CLEANUP(buf_free) struct buf whole = BUF_INIT(1 << 20);
        read_all(input, to_head, SIZE_MAX, &whole);
        for (size_t piece = 1; piece < 8; piece += 3) {
            CLEANUP(buf_free) struct buf parts = BUF_INIT(1 << 20);
            read_all(input, to_head, piece, &parts);
            assert(str_eq(buf_str(&whole), buf_str(&parts)));
        }
    }
}
