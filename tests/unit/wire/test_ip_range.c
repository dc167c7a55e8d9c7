/* CIDR blocks: what is one, and who is in it. */
#include "wire/ip_range.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool has(const char *block, const char *address)
{
    struct ip_range range;

    assert_true(ip_range_parse(str_of(block), &range));
    return ip_range_has(&range, str_of(address));
}

static void addresses_are_compared_by_the_prefix(void **state UNUSED)
{
    assert_true(has("10.0.0.0/8", "10.255.1.2"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.30.252.0/22", "192.30.255.7"));
    assert_false(has("192.30.252.0/22", "192.31.0.7"));
    assert_true(has("127.0.0.1/32", "127.0.0.1"));
    assert_false(has("127.0.0.1/32", "127.0.0.2"));
    assert_true(has("0.0.0.0/0", "8.8.8.8"));
    assert_true(has("10.1.2.3/8", "10.9.9.9"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_false(has("::/0", "10.0.0.1"));
    assert_false(has("10.0.0.0/8", "10.0.0"));
    assert_false(has("10.0.0.0/8", ""));
}

static void what_is_no_block_is_refused(void **state UNUSED)
{
    static const char *const wrong[] = {"",       "10.0.0.0", "10.0.0.0/",   "10.0.0.0/33",  "10.0.0/8",
                                        "::/129", "a/8",      "10.0.0.0/-1", "10.0.0.0/8/8", "/8"};
    struct ip_range range;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(ip_range_parse(str_of(wrong[i]), &range));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_compared_by_the_prefix),
        cmocka_unit_test(what_is_no_block_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
