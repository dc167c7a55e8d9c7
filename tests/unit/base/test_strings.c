/* Borrowed strings, buffers, arenas, reasons. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/reason.h"
#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_numbers_are_read_whole_and_within_range(void **state UNUSED)
{
    int64_t n = 7;
    assert_true(str_to_int(STR("42"), 0, 100, &n) && n == 42);
    assert_true(str_to_int(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &n) && n == INT64_MIN);
    assert_true(str_to_int(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &n) && n == INT64_MAX);
    n = 7;
    static const char *const bad[] = {"", "-", "4x", " 4", "+4", "9223372036854775808", "101", "-1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_to_int(str_of(bad[i]), 0, 100, &n));
    assert_false(str_to_int(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &n));
    assert_true(n == 7);
}

static void test_globs_match_whole_strings(void **state UNUSED)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a/b", true},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"a*c", "abbc", true},
        {"a*c", "abbd", false},
        {"?", "a", true},
        {"?", "", false},
        {"feature/*", "feature/x/y", true},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b", "ab0ab", true},
        {"**", "x", true},
        {"a?c", "a/c", true},
        {"main", "main2", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(str_glob(str_of(cases[i].pattern), str_of(cases[i].text)), cases[i].match);
}

static void test_split_walks_to_the_end(void **state UNUSED)
{
    struct str rest = STR("a//b");
    assert_true(str_eqc(str_split(&rest, '/'), "a"));
    assert_true(str_eqc(str_split(&rest, '/'), ""));
    assert_true(str_eqc(str_split(&rest, '/'), "b"));
    assert_null(rest.ptr);
    assert_int_equal(str_split(&rest, '/').len, 0);
}

static void test_comparisons(void **state UNUSED)
{
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("a["), STR("A{")));
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR("abc"), STR("")) &&
                !str_ends(STR("c"), STR("bc")));
    assert_true(str_eqc(str_trim(STR(" \t a b\r\n")), "a b"));
    assert_int_equal(str_trim(STR("  ")).len, 0);
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
}

static void test_copies_are_cut_to_fit(void **state UNUSED)
{
    char ret[4] = "xxx";
    str_copy(ret, sizeof(ret), "ab");
    assert_memory_equal(ret, "ab\0", 4 - 1);
    str_copy(ret, sizeof(ret), "abcd");
    assert_string_equal(ret, "abc");
    str_copy(ret, sizeof(ret), "");
    assert_string_equal(ret, "");
}

/* Source: the test vectors of FNV-1a, 64 bits. */
static void test_hash_is_fnv_1a(void **state UNUSED)
{
    assert_true(str_hash(STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(str_hash(STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(str_hash(STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void test_buffer_keeps_its_maximum_and_its_error(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(5);
    assert_int_equal(buf_puts(&buf, "abc"), 0);
    assert_int_equal(buf_printf(&buf, "%d", 45), 0);
    assert_string_equal(buf.ptr, "abc45");
    assert_int_equal(buf_putc(&buf, 'x'), -EMSGSIZE);
    assert_int_equal(buf_put(&buf, "", 0), -EMSGSIZE);
    assert_int_equal(buf_error(&buf), -EMSGSIZE);
    assert_null(buf_take(&buf));
    assert_int_equal(buf_error(&buf), 0);
    assert_int_equal(buf_puts(&buf, "12345"), 0);
    CLEANUP(free_ptr) char *taken = buf_take(&buf);
    assert_string_equal(taken, "12345");
    assert_int_equal(buf.len, 0);
}

static void test_buffer_grows_over_many_appends(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(100000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf_printf(&buf, "%04d,", i), 0);
    assert_int_equal(buf.len, 50000);
    assert_memory_equal(buf.ptr + 49995, "9999,", 6);
    buf_reset(&buf);
    assert_int_equal(buf_str(&buf).len, 0);
    assert_string_equal(buf.ptr, "");
}

static void test_buffer_takes_numbers_and_bytes_to_fill(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(60);
    static const int64_t numbers[] = {0, -1, 10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_int_equal(buf_put_int(&buf, numbers[i]), 0);
        assert_int_equal(buf_putc(&buf, ' '), 0);
    }
    assert_string_equal(buf.ptr, "0 -1 10 9223372036854775807 -9223372036854775808 ");
    size_t before = buf.len;
    char *two = buf_extend(&buf, 2);
    assert_non_null(two);
    memcpy(two, "xy", 2);
    assert_string_equal(buf.ptr + before, "xy");
    assert_null(buf_extend(&buf, 60));
    assert_int_equal(buf_error(&buf), -EMSGSIZE);
    assert_int_equal(buf_put_int(&buf, 1), -EMSGSIZE);
}

static void test_arena_is_aligned_zeroed_and_bounded(void **state UNUSED)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(100000);
    for (size_t size = 0; size < 300; size++) {
        unsigned char *bytes = arena_alloc(arena, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, size);
    }
    assert_null(arena_alloc(arena, 100000));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_non_null(arena_alloc(arena, 50000));
    assert_null(arena_alloc(arena, 50000));
    assert_string_equal(arena_printf(arena, "%s-%d", "x", 5), "x-5");
    assert_string_equal(arena_dup(arena, (struct str){"abcdef", 3}), "abc");
}

static void test_arena_is_as_new_after_a_reset(void **state UNUSED)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(100000);
    static const size_t uses[] = {100, 9000, 60000, 10};
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        for (size_t left = uses[i]; left > 0;) {
            size_t size = left < 1000 ? left : 1000;
            unsigned char *bytes = arena_alloc(arena, size);
            assert_non_null(bytes);
            for (size_t k = 0; k < size; k++)
                assert_int_equal(bytes[k], 0);
            memset(bytes, 'x', size);
            left -= size;
        }
        arena_reset(arena, 100000 - i);
        assert_null(arena_alloc(arena, 100001 - i));
    }
}

static void test_long_reason_is_cut_between_characters(void **state UNUSED)
{
    struct reason reason;
    char longer[2000];
    for (size_t i = 0; i + 1 < sizeof(longer); i += 2) {
        longer[i] = (char)0xc3; /* é */
        longer[i + 1] = (char)0xa9;
    }
    longer[1998] = '\0';
    assert_int_equal(reason_set(&reason, 5, "%s", longer), 5);
    assert_int_equal(strlen(reason.text), 1022);
    assert_int_equal(reason_set(&reason, 5, "a%s", longer), 5);
    assert_int_equal(strlen(reason.text), 1023);
    assert_int_equal(reason_set(NULL, 6, "x"), 6);
    longer[1023] = 'x';
    longer[1022] = 'x';
    longer[1024] = '\0';
    assert_int_equal(reason_set(&reason, 7, "%.1023s", longer), 7);
    assert_int_equal(strlen(reason.text), 1023);
}

static void test_what_is_no_utf_8_is_replaced(void **state UNUSED)
{
#define BAD "\xef\xbf\xbd"
    static const struct {
        struct str text;
        const char *mended;
    } cases[] = {
        {STR(""), ""},
        {STR("a\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80"), "a\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80"},
        {STR("\xff!\x80"), BAD "!" BAD},
        {STR("cut \xe2\x82"), "cut " BAD BAD},
        {STR("a\0b"), "a" BAD "b"},
        {STR("\xc0\x80"), BAD BAD},                 /* overlong */
        {STR("\xed\xa0\x80"), BAD BAD BAD},         /* a surrogate */
        {STR("\xf4\x90\x80\x80"), BAD BAD BAD BAD}, /* beyond U+10FFFF */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_free) struct buf out = BUF_INIT(1000);
        utf8_mend(cases[i].text, &out);
        assert_string_equal(out.ptr ? out.ptr : "", cases[i].mended);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_read_whole_and_within_range),
        cmocka_unit_test(test_globs_match_whole_strings),
        cmocka_unit_test(test_split_walks_to_the_end),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_copies_are_cut_to_fit),
        cmocka_unit_test(test_hash_is_fnv_1a),
        cmocka_unit_test(test_buffer_keeps_its_maximum_and_its_error),
        cmocka_unit_test(test_buffer_grows_over_many_appends),
        cmocka_unit_test(test_buffer_takes_numbers_and_bytes_to_fill),
        cmocka_unit_test(test_arena_is_aligned_zeroed_and_bounded),
        cmocka_unit_test(test_arena_is_as_new_after_a_reset),
        cmocka_unit_test(test_long_reason_is_cut_between_characters),
        cmocka_unit_test(test_what_is_no_utf_8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
