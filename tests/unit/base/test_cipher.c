/* AES-256-GCM against McGrew and Viega's test case 16 ("The Galois/Counter Mode of Operation", appendix B).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cipher.h"
#include "base/hash.h"

#define KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define NONCE "cafebabefacedbaddecaf888"
#define ABOUT "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define PLAIN                                                                                                \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                                       \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED                                                                                               \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                                       \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"                                               \
    "76fc6ece0f4e1768cddf8853bb2d551b"
#define LEN 60

struct vector {
    struct cipher *cipher;
    unsigned char nonce[CIPHER_NONCE_SIZE];
    unsigned char about[20];
    unsigned char plain[LEN];
    unsigned char sealed[LEN + CIPHER_TAG_SIZE];
};

static struct str about_of(const struct vector *v)
{
    return (struct str){(const char *)v->about, sizeof(v->about)};
}

static int setup(void **state)
{
    static struct vector v;
    unsigned char key[CIPHER_KEY_SIZE];
    bool read = hex_decode(STR(KEY), key) && hex_decode(STR(NONCE), v.nonce) &&
                hex_decode(STR(ABOUT), v.about) && hex_decode(STR(PLAIN), v.plain) &&
                hex_decode(STR(SEALED), v.sealed);
    v.cipher = cipher_new(key);
    *state = &v;
    return read && v.cipher ? 0 : -1;
}

static int teardown(void **state)
{
    struct vector *v = *state;
    cipher_free(&v->cipher);
    return 0;
}

static void test_seals_as_the_standard_says(void **state)
{
    struct vector *v = *state;
    unsigned char out[LEN + CIPHER_TAG_SIZE];
    for (int i = 0; i < 2; i++) { /* the key stays */
        assert_int_equal(cipher_seal(v->cipher, v->nonce, about_of(v), v->plain, LEN, out), 0);
        assert_memory_equal(out, v->sealed, sizeof(out));
    }
}

static void test_opens_in_place(void **state)
{
    struct vector *v = *state;
    unsigned char out[LEN + CIPHER_TAG_SIZE];
    memcpy(out, v->sealed, sizeof(out));
    assert_int_equal(cipher_open(v->cipher, v->nonce, about_of(v), out, LEN, out), 0);
    assert_memory_equal(out, v->plain, LEN);
}

static void test_any_changed_bit_is_noticed(void **state)
{
    struct vector *v = *state;
    unsigned char out[LEN];
    for (size_t bit = 0; bit < 8 * sizeof(v->sealed); bit++) {
        unsigned char sealed[sizeof(v->sealed)];
        memcpy(sealed, v->sealed, sizeof(sealed));
        sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_equal(cipher_open(v->cipher, v->nonce, about_of(v), sealed, LEN, out), -EBADMSG);
    }
    assert_int_equal(cipher_open(v->cipher, v->nonce, STR("other"), v->sealed, LEN, out), -EBADMSG);
    assert_int_equal(cipher_open(v->cipher, v->about, about_of(v), v->sealed, LEN, out), -EBADMSG);
    assert_int_equal(cipher_open(v->cipher, v->nonce, about_of(v), v->sealed, LEN, out), 0);
}

static void test_nothing_has_a_tag_too(void **state)
{
    struct vector *v = *state;
    unsigned char tag[CIPHER_TAG_SIZE];
    assert_int_equal(cipher_seal(v->cipher, v->nonce, STR(""), NULL, 0, tag), 0);
    assert_int_equal(cipher_open(v->cipher, v->nonce, STR(""), tag, 0, NULL), 0);
    tag[0] ^= 1;
    assert_int_equal(cipher_open(v->cipher, v->nonce, STR(""), tag, 0, NULL), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seals_as_the_standard_says),
        cmocka_unit_test(test_opens_in_place),
        cmocka_unit_test(test_any_changed_bit_is_noticed),
        cmocka_unit_test(test_nothing_has_a_tag_too),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
