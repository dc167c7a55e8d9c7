/* Bodies in chunks: the framing, and the worked examples of the S3 API reference for its signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "wire/chunked.h"
#include "wire/sigv4.h"
#include "wire/time.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static struct sigv4_claim example(const char *signature)
{
    struct sigv4_claim claim = {.date = STR("20130524"),
                                .region = STR("us-east-1"),
                                .service = STR("s3"),
                                .signature = str_of(signature)};
    assert_true(time_parse_amz(STR("20130524T000000Z"), &claim.time_ms));
    return claim;
}

static void begin(struct sigv4_chunks *chunks, const struct sigv4_claim *claim)
{
    unsigned char key[SIGV4_KEY_SIZE];
    assert_int_equal(sigv4_key(SECRET, claim->date, claim->region, claim->service, key), 0);
    assert_int_equal(sigv4_chunks_init(chunks, claim, key), 0);
}

static int verify_letters(struct sigv4_chunks *chunks, size_t count, const char *signature)
{
    char hex[HASH_HEX_SIZE];
    char *letters = malloc(count + 1);
    assert_non_null(letters);
    memset(letters, 'a', count + 1);
    hash_sha256_hex((struct str){letters, count}, hex);
    free(letters);
    return sigv4_chunk_verify(chunks, hex, str_of(signature));
}

static void the_example_of_signed_chunks_verifies(void **state)
{
    struct sigv4_claim claim = example("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    struct sigv4_chunks chunks;
    (void)state;
    begin(&chunks, &claim);
    const char *first = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    assert_int_equal(verify_letters(&chunks, 65535, first), SIGV4_MISMATCH);
    assert_int_equal(verify_letters(&chunks, 65536, first), 0);
    assert_int_equal(verify_letters(&chunks, 65536, first), SIGV4_MISMATCH);
    assert_int_equal(
        verify_letters(&chunks, 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"), 0);
    assert_int_equal(
        verify_letters(&chunks, 0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"), 0);
}

static void the_example_of_a_signed_trailer_verifies(void **state)
{
    struct sigv4_claim claim = example("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    struct sigv4_chunks chunks;
    char hex[HASH_HEX_SIZE];
    (void)state;
    begin(&chunks, &claim);
    assert_int_equal(
        verify_letters(&chunks, 65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
        0);
    assert_int_equal(
        verify_letters(&chunks, 1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"), 0);
    assert_int_equal(
        verify_letters(&chunks, 0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"), 0);
    /* The reference prints another signature here, which no SDK makes of this trailer. */
    hash_sha256_hex(STR("x-amz-checksum-crc32c:sOO8/Q==\n"), hex);
    assert_int_equal(
        sigv4_trailer_verify(&chunks, hex,
                             STR("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435")),
        0);
}

/* The outcome of reading it all; what was in the chunks goes to `data`. */
static int read_all(const char *text, bool is_signed, bool has_trailer, struct buf *data,
                    enum chunked_state *ret_state)
{
    struct chunked chunked;
    struct chunked_item item;
    struct str input = str_of(text);
    int rc = 0;
    chunked_init(&chunked, is_signed, has_trailer);
    while (rc == 0 && input.len > 0) {
        rc = chunked_next(&chunked, &input, &item);
        if (rc == 0 && item.kind == CHUNKED_DATA)
            buf_put_str(data, item.bytes);
    }
    *ret_state = chunked.state;
    return rc;
}

static void framing_is_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        int outcome;
        enum chunked_state state;
        const char *data;
    } cases[] = {
        {"5\r\nhello\r\n0\r\n\r\n", 0, CHUNKED_DONE, "hello"},
        {"A\r\n0123456789\r\n1\r\nx\r\n0\r\na:b\r\nc: d \r\n\r\n", 0, CHUNKED_DONE, "0123456789x"},
        {"0\r\n\r\n", 0, CHUNKED_DONE, ""},
        {"0\r\n", 0, CHUNKED_TAIL, ""},
        {"5\r\nhel", 0, CHUNKED_BYTES, "hel"},
        {"5\r\nhelloX\r\n0\r\n\r\n", CHUNKED_E_SYNTAX, CHUNKED_AFTER, "hello"},
        {"\r\n", CHUNKED_E_SYNTAX, CHUNKED_HEAD, ""},
        {"-5\r\nhello\r\n", CHUNKED_E_SYNTAX, CHUNKED_HEAD, ""},
        {"fffffffffffff\r\n", CHUNKED_E_SYNTAX, CHUNKED_HEAD, ""},
        {"0\r\n\r\nmore", CHUNKED_E_SYNTAX, CHUNKED_DONE, ""},
        {"0\r\nno colon\r\n\r\n", CHUNKED_E_TRAILER, CHUNKED_TAIL, ""},
        {"0\r\n:value\r\n\r\n", CHUNKED_E_TRAILER, CHUNKED_TAIL, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_free) struct buf data = BUF_INIT(1024);
        enum chunked_state at;
        assert_int_equal(read_all(cases[i].text, false, true, &data, &at), cases[i].outcome);
        assert_int_equal(at, cases[i].state);
        assert_true(str_eqc(buf_str(&data), cases[i].data));
    }
}

static void a_chunk_without_its_signature_is_refused(void **state)
{
    CLEANUP(buf_free) struct buf data = BUF_INIT(1024);
    enum chunked_state at;
    (void)state;
    assert_int_equal(read_all("5\r\nhello\r\n", true, false, &data, &at), CHUNKED_E_SYNTAX);
    assert_int_equal(read_all("5;chunk-signature=abc\r\nhello\r\n", true, false, &data, &at),
                     CHUNKED_E_SYNTAX);
    assert_int_equal(data.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_signed_chunks_verifies),
        cmocka_unit_test(the_example_of_a_signed_trailer_verifies),
        cmocka_unit_test(framing_is_read_or_refused),
        cmocka_unit_test(a_chunk_without_its_signature_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
