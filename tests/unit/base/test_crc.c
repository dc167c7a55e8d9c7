/* CRCs: the check values that their registries publish, and the same result however the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crc.h"
#include "base/hash.h"

static const uint64_t polynomials[CRC_TYPES] = {0xEDB88320, 0x82F63B78, 0x9A6C9329AC4BC9B5};

/* Bit by bit, as the polynomial is defined. */
static uint64_t by_bits(enum crc_type type, const unsigned char *bytes, size_t len)
{
    uint64_t crc = crc_begin(type);
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomials[type] : crc >> 1;
    }
    return crc;
}

static void published_check_values(void **state)
{
    static const char *const expected[CRC_TYPES] = {"cbf43926", "e3069283", "ae8b14860a799888"};
    (void)state;
    for (int type = 0; type < CRC_TYPES; type++) {
        unsigned char digest[8];
        char hex[17];
        crc_end(type, crc_update(type, crc_begin(type), "123456789", 9), digest);
        hex_encode(digest, crc_size(type), hex);
        assert_string_equal(hex, expected[type]);
    }
}

static void any_length_alignment_and_split_gives_the_definition(void **state)
{
    unsigned char bytes[2048];
    uint64_t random = 20261123;
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(random >> 56);
    }
    for (int type = 0; type < CRC_TYPES; type++)
        for (size_t len = 0; len < 1900; len += len < 600 ? 1 : 7) {
            const unsigned char *from = bytes + len % 17;
            uint64_t expected = by_bits(type, from, len);
            assert_true(crc_update(type, crc_begin(type), from, len) == expected);
            size_t half = len * 2 / 3;
            uint64_t split = crc_update(type, crc_begin(type), from, half);
            assert_true(crc_update(type, split, from + half, len - half) == expected);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_check_values),
        cmocka_unit_test(any_length_alignment_and_split_gives_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
