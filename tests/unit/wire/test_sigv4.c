/* Signature Version 4 against the vectors that AWS publishes: its test suite for signers, and the worked
 * examples of the S3 API reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "wire/sigv4.h"
#include "wire/time.h"
#include <stdio.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4_credentials suite_keys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                                    NULL};
static const struct sigv4_credentials s3_keys = {"AKIAIOSFODNN7EXAMPLE",
                                                 "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};

struct vector {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    struct http_header headers[6]; /* besides host and x-amz-date */
    const char *body;
    const char *signature;
};

/* aws4_testsuite: service "service", us-east-1, 2015-08-30T12:36:00Z. */
static const struct vector suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {{{0}}},
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {{{0}}},
     "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-relative-relative",
     "GET",
     "/example1/example2/../..",
     "",
     {{{0}}},
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slashes",
     "GET",
     "//",
     "",
     {{{0}}},
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-space",
     "GET",
     "/example space/",
     "",
     {{{0}}},
     "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     "",
     {{{0}}},
     "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-unreserved",
     "GET",
     "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     "",
     {{{0}}},
     "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {{{"My-Header1", 10}, {" value1", 7}}, {{"My-Header2", 10}, {" \"a   b   c\"", 12}}},
     "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {{{"My-Header1", 10}, {"value2", 6}},
      {{"My-Header1", 10}, {"value2", 6}},
      {{"My-Header1", 10}, {"value1", 6}}},
     "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {{{0}}},
     "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     "POST",
     "/",
     "Param1=value1",
     {{{0}}},
     "",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {{{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}}},
     "Param1=value1",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

/* S3 API reference, "Signature Calculations for the Authorization Header": 2013-05-24T00:00:00Z. */
static const struct vector s3_examples[] = {
    {"GET object",
     "GET",
     "/test.txt",
     "",
     {{{"Range", 5}, {"bytes=0-9", 9}}},
     "",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT object",
     "PUT",
     "/test%24file.text",
     "",
     {{{"Date", 4}, {"Fri, 24 May 2013 00:00:00 GMT", 29}},
      {{"x-amz-storage-class", 19}, {"REDUCED_REDUNDANCY", 18}}},
     "Welcome to Amazon S3.",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET bucket lifecycle",
     "GET",
     "/",
     "lifecycle",
     {{{0}}},
     "",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET bucket",
     "GET",
     "/",
     "max-keys=2&prefix=J",
     {{{0}}},
     "",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static bool ends_with_signature(struct str authorization, const char *signature)
{
    return str_ends(authorization, str_of(signature));
}

static size_t fill(const struct vector *vector, const char *host, const char *time, const char *digest,
                   struct http_header *headers)
{
    size_t count = 0;

    headers[count++] = (struct http_header){STR("Host"), str_of(host)};
    headers[count++] = (struct http_header){STR("X-Amz-Date"), str_of(time)};
    if (digest)
        headers[count++] = (struct http_header){STR("x-amz-content-sha256"), str_of(digest)};
    for (size_t i = 0; i < ARRAY_LEN(vector->headers) && vector->headers[i].name.ptr; i++)
        headers[count++] = vector->headers[i];
    return count;
}

/* Signs the vector, compares, and has the verifier agree; then disagree with another secret. */
static void check_vector(const struct vector *vector, const char *host, const char *time,
                         const struct sigv4_credentials *keys, const char *service)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    struct http_header headers[12];
    struct sigv4_claim claim;
    unsigned char key[SIGV4_KEY_SIZE];
    struct str authorization, canonical;
    char digest[HASH_HEX_SIZE];
    bool s3 = strcmp(service, "s3") == 0;
    int64_t now_ms;

    hash_sha256_hex(str_of(vector->body), digest);
    assert_true(time_parse_amz(str_of(time), &now_ms));
    struct sigv4_request request = {str_of(vector->method), str_of(vector->path), str_of(vector->query),
                                    headers, fill(vector, host, time, s3 ? digest : NULL, headers)};
    assert_int_equal(
        sigv4_sign(arena, &request, keys, "us-east-1", service, str_of(digest), now_ms, &authorization), 0);
    if (!ends_with_signature(authorization, vector->signature))
        fail_msg("%s: " STR_FMT, vector->name, STR_ARG(authorization));
    headers[request.header_count++] = (struct http_header){STR("authorization"), authorization};
    assert_int_equal(sigv4_read(arena, &request, &claim), 0);
    assert_true(str_eqc(claim.access_key_id, keys->access_key_id));
    assert_true(str_eqc(claim.service, service));
    assert_int_equal(sigv4_key(keys->secret_access_key, claim.date, claim.region, claim.service, key), 0);
    assert_int_equal(sigv4_verify(arena, &request, &claim, str_of(digest), key, now_ms, NULL, NULL), 0);
    key[0] ^= 1;
    assert_int_equal(sigv4_verify(arena, &request, &claim, str_of(digest), key, now_ms, &canonical, NULL),
                     SIGV4_MISMATCH);
    assert_true(str_starts(canonical, str_of(vector->method)));
}

static void aws_test_suite_signatures_are_reproduced_and_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suite); i++)
        check_vector(&suite[i], "example.amazonaws.com", "20150830T123600Z", &suite_keys, "service");
}

static void s3_examples_are_reproduced_and_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(s3_examples); i++)
        check_vector(&s3_examples[i], "examplebucket.s3.amazonaws.com", "20130524T000000Z", &s3_keys, "s3");
}

/* S3 API reference, "Authenticating Requests: Using Query Parameters". */
static void s3_presigned_example_is_reproduced(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    struct http_header host = {STR("Host"), STR("examplebucket.s3.amazonaws.com")};
    struct sigv4_request request = {STR("GET"), STR("/test.txt"), STR(""), &host, 1};
    struct str query;
    int64_t now_ms;

    (void)state;
    assert_true(time_parse_amz(STR("20130524T000000Z"), &now_ms));
    assert_int_equal(sigv4_presign(arena, &request, &s3_keys, "us-east-1", "s3", now_ms, 86400, &query), 0);
    assert_true(
        ends_with_signature(query, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
}

static void too_many_signed_headers_are_malformed(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    CLEANUP(buf_free) struct buf text = BUF_INIT(1 << 20);
    struct http_header headers[] = {{STR("x-amz-date"), STR("20150830T123600Z")},
                                    {STR("authorization"), {0}}};
    struct sigv4_request request = {STR("GET"), STR("/"), STR(""), headers, 2};
    struct sigv4_claim claim;

    (void)state;
    buf_puts(&text, "AWS4-HMAC-SHA256 Credential=A/20150830/r/s3/aws4_request, SignedHeaders=host");
    for (int i = 0; i < 1000; i++)
        buf_puts(&text, ";a");
    buf_puts(&text, ", Signature=" EMPTY_SHA256);
    headers[1].value = buf_str(&text);
    assert_int_equal(sigv4_read(arena, &request, &claim), SIGV4_MALFORMED);
}

/* Ten scopes, more than are kept, in turn and again. */
static void kept_keys_are_those_that_are_derived(void **state)
{
    static const char *const dates[] = {"20150830", "20150831"};
    static const char *const services[] = {"s3", "sqs", "sts", "logs", "codebuild"};
    struct sigv4_credentials kept = suite_keys;
    struct sigv4_credentials others = {"AKID", "another secret", NULL, NULL};
    (void)state;
    assert_int_equal(sigv4_keys_new(&kept.keys), 0);
    assert_int_equal(sigv4_keys_new(&others.keys), 0);
    for (size_t i = 0; i < 40; i++) {
        struct str date = str_of(dates[i / 5 % 2]), service = str_of(services[i % 5]);
        unsigned char derived[SIGV4_KEY_SIZE], found[SIGV4_KEY_SIZE], again[SIGV4_KEY_SIZE];
        assert_int_equal(sigv4_key(kept.secret_access_key, date, STR("eu-west-1"), service, derived), 0);
        assert_int_equal(sigv4_keys_get(&kept, date, STR("eu-west-1"), service, found), 0);
        assert_int_equal(sigv4_keys_get(&kept, date, STR("eu-west-1"), service, again), 0);
        assert_memory_equal(found, derived, sizeof(derived));
        assert_memory_equal(again, derived, sizeof(derived));
        assert_int_equal(sigv4_keys_get(&kept, date, STR("eu-west-2"), service, found), 0);
        assert_memory_not_equal(found, derived, sizeof(derived));
        assert_int_equal(sigv4_keys_get(&others, date, STR("eu-west-1"), service, found), 0);
        assert_memory_not_equal(found, derived, sizeof(derived));
    }
    sigv4_keys_free(&kept.keys);
    sigv4_keys_free(&others.keys);
    assert_null(kept.keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_test_suite_signatures_are_reproduced_and_verified),
        cmocka_unit_test(s3_examples_are_reproduced_and_verified),
        cmocka_unit_test(s3_presigned_example_is_reproduced),
        cmocka_unit_test(too_many_signed_headers_are_malformed),
        cmocka_unit_test(kept_keys_are_those_that_are_derived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
