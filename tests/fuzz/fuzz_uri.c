/* uri_parse_query; keys as they come in a path; and encoding any bytes is undone by decoding. */
#include "fuzz.h"
#include "wire/uri.h"

void fuzz_one(struct str input)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    struct uri_query query;
    struct str back;
    int r = uri_parse_query(arena, input, true, &query);

    assert(r == 0 || r == URI_E_BAD);
    r = uri_decode(arena, input, false, &back);
    assert(r == 0 ? back.len <= input.len : r == URI_E_BAD);
    uri_encode(&out, input, false);
    assert(buf_error(&out) == 0);
    r = uri_decode(arena, buf_str(&out), false, &back);
    assert(r == 0 && str_eq(back, input));
}
