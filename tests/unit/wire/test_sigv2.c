/* Signature Version 2 in a URL, against the worked example of S3's user guide and what botocore signs. */
#include "wire/sigv2.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define BEFORE INT64_C(1175139000000)

static int verdict(const char *method, const char *path, const char *query, const char *bucket,
                   const struct http_header *headers, size_t count, int64_t now_ms)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    const struct sigv4_request request = {str_of(method), str_of(path), str_of(query), headers, count};
    struct sigv4_claim claim = {0};
    struct str to_sign = {0};
    int r = sigv2_read(arena, &request, &claim);

    return r ? r : sigv2_verify(arena, &request, &claim, bucket, SECRET, now_ms, &to_sign);
}

#define PUPPY                                                                                                \
    "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"

static void the_guides_example_verifies(void **state UNUSED)
{
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "johnsmith", NULL, 0, BEFORE), 0);
    assert_int_equal(verdict("GET", "/johnsmith/photos/puppy.jpg", PUPPY, NULL, NULL, 0, BEFORE), 0);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "johnsmith", NULL, 0, INT64_C(1175139620000)),
                     0);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "johnsmith", NULL, 0, INT64_C(1175139621000)),
                     SIGV4_EXPIRED);
}

static void nothing_that_is_signed_may_be_another(void **state UNUSED)
{
    static const struct http_header type = {STR("Content-Type"), STR("text/plain")};
    static const struct http_header acl = {STR("X-Amz-Acl"), STR("public-read")};

    assert_int_equal(verdict("PUT", "/photos/puppy.jpg", PUPPY, "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/kitten.jpg", PUPPY, "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "other", NULL, 0, BEFORE), SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY "9", "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "johnsmith", &type, 1, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY, "johnsmith", &acl, 1, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(
        verdict("GET", "/photos/puppy.jpg", PUPPY "&x-amz-acl=public-read", "johnsmith", NULL, 0, BEFORE),
        SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY "&versionId=3", "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MISMATCH);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY "&acl", "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MISMATCH);
}

/* Else whoever has the URL could make another request of it. */
static void what_no_such_signature_covers_is_not_taken(void **state UNUSED)
{
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY "&prefix=a", "johnsmith", NULL, 0, BEFORE), 0);
    assert_int_equal(verdict("GET", "/photos/puppy.jpg", PUPPY "&retention", "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MALFORMED);
    assert_int_equal(verdict("GET", "/", PUPPY "&usage", "johnsmith", NULL, 0, BEFORE), SIGV4_MALFORMED);
    assert_int_equal(verdict("POST", "/photos/puppy.jpg", PUPPY, "johnsmith", NULL, 0, BEFORE),
                     SIGV4_MALFORMED);
}

static void what_is_not_whole_is_told(void **state UNUSED)
{
    assert_int_equal(verdict("GET", "/a", "", NULL, NULL, 0, BEFORE), SIGV4_NONE);
    assert_int_equal(verdict("GET", "/a", "Signature=x&Expires=1", NULL, NULL, 0, BEFORE), SIGV4_NONE);
    assert_int_equal(verdict("GET", "/a", "AWSAccessKeyId=A&Expires=1", NULL, NULL, 0, BEFORE),
                     SIGV4_MALFORMED);
    assert_int_equal(verdict("GET", "/a", "AWSAccessKeyId=A&Signature=x", NULL, NULL, 0, BEFORE),
                     SIGV4_MALFORMED);
    assert_int_equal(verdict("GET", "/a", "AWSAccessKeyId=A&Signature=x&Expires=soon", NULL, NULL, 0, BEFORE),
                     SIGV4_MALFORMED);
    assert_int_equal(verdict("GET", "/a", "AWSAccessKeyId=A&Signature=%zz&Expires=1", NULL, NULL, 0, BEFORE),
                     SIGV4_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guides_example_verifies),
        cmocka_unit_test(nothing_that_is_signed_may_be_another),
        cmocka_unit_test(what_no_such_signature_covers_is_not_taken),
        cmocka_unit_test(what_is_not_whole_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
