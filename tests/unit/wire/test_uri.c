#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/uri.h"

static int with_arena(void **state)
{
    *state = arena_new(1 << 20);
    return *state ? 0 : -1;
}

static int without_arena(void **state)
{
    struct arena *arena = *state;

    arena_free(&arena);
    return 0;
}

static void every_byte_survives_encoding_and_decoding(void **state)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    char bytes[256];
    struct str back;

    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    uri_encode(&out, (struct str){bytes, sizeof(bytes)}, false);
    assert_int_equal(buf_error(&out), 0);
    assert_int_equal(uri_decode(*state, buf_str(&out), false, &back), 0);
    assert_true(str_eq(back, (struct str){bytes, sizeof(bytes)}));
    buf_reset(&out);
    uri_encode_listed(&out, STR("a/b c+~*(%)"));
    assert_string_equal(out.ptr, "a/b+c%2B%7E*%28%25%29");
    buf_reset(&out);
    uri_encode(&out, STR("a/b c+~"), true);
    assert_string_equal(out.ptr, "a/b%20c%2B~");
}

static void plus_is_a_space_in_forms_only(void **state)
{
    struct str back;

    assert_int_equal(uri_decode(*state, STR("a+b%2B"), true, &back), 0);
    assert_string_equal(back.ptr, "a b+");
    assert_int_equal(uri_decode(*state, STR("a+b%2B"), false, &back), 0);
    assert_string_equal(back.ptr, "a+b+");
}

static void broken_escapes_are_refused(void **state)
{
    static const char *const bad[] = {"%", "a%", "%4", "%4g", "%g4", "%%41", "%-1", "% 1"};
    struct str back;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(uri_decode(*state, str_of(bad[i]), false, &back), URI_E_BAD);
}

static void pairs_keep_order_repetition_and_absence(void **state)
{
    struct uri_query query;

    assert_int_equal(uri_parse_query(*state, STR("a=1&acl&&a=2&b=&c=x=y%26"), true, &query), 0);
    assert_int_equal(query.count, 5);
    assert_true(str_eqc(uri_get(&query, "a"), "1"));
    assert_false(query.pairs[1].has_value);
    assert_true(query.pairs[3].has_value);
    assert_true(str_eqc(uri_get(&query, "c"), "x=y&"));
    assert_true(uri_has(&query, "acl"));
    assert_null(uri_get(&query, "d").ptr);
    assert_int_equal(uri_parse_query(*state, (struct str){NULL, 0}, true, &query), 0);
    assert_int_equal(query.count, 0);
    assert_int_equal(uri_parse_query(*state, STR("a=%zz"), true, &query), URI_E_BAD);
}

static void too_many_pairs_are_refused(void **state)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(1 << 20);
    struct uri_query query;

    for (int i = 0; i <= URI_MAX_PAIRS; i++)
        buf_puts(&text, "a&");
    assert_int_equal(uri_parse_query(*state, buf_str(&text), true, &query), URI_E_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_survives_encoding_and_decoding),
        cmocka_unit_test(plus_is_a_space_in_forms_only),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(pairs_keep_order_repetition_and_absence),
        cmocka_unit_test(too_many_pairs_are_refused),
    };

    return cmocka_run_group_tests(tests, with_arena, without_arena);
}
