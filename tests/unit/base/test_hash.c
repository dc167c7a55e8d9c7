/* Digests against published vectors; text forms; identifiers. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/hash_lane.h"
#include "base/hash_together.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/sha256_many.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_digests_of_abc(void **state UNUSED)
{
    static const struct {
        enum hash_type type;
        const char *hex;
    } cases[] = {
        {HASH_MD5, "900150983cd24fb0d6963f7d28e17f72"},
        {HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {HASH_XXH64, "44bc2cf5ad770999"},
        {HASH_XXH3, "78af5f94892f3950"},
        {HASH_XXH128, "06b05ab6733a618578af5f94892f3950"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char digest[HASH_MAX_SIZE];
        char hex[HASH_HEX_SIZE];
        hash_bytes(cases[i].type, STR("abc"), digest);
        hex_encode(digest, hash_size(cases[i].type), hex);
        assert_string_equal(hex, cases[i].hex);
        CLEANUP(hash_free) struct hash *hash = hash_new(cases[i].type);
        unsigned char again[HASH_MAX_SIZE];
        hash_update(hash, "a", 1);
        hash_update(hash, "bc", 2);
        hash_final(hash, again);
        assert_true(hash_equal(digest, again, hash_size(cases[i].type)));
    }
}

#define TOGETHER 40

struct waiting {
    struct hash_together together;
    struct hash *hash;
    char bytes[5000];
    size_t len;
};

static void waiting_begin(struct waiting *one, size_t i)
{
    one->len = i * 127 % sizeof(one->bytes);
    memset(one->bytes, (int)('a' + i % 26), one->len);
    one->hash = hash_new(HASH_MD5);
    assert_non_null(one->hash);
    hash_together_begin(&one->together, one->hash, (struct str){one->bytes, one->len});
}

/* Whether the hash has got its own bytes, once. */
static bool waiting_is_right(struct waiting *one)
{
    unsigned char own[HASH_MAX_SIZE], expected[HASH_MAX_SIZE];
    hash_final(one->hash, own);
    hash_bytes(HASH_MD5, (struct str){one->bytes, one->len}, expected);
    hash_free(&one->hash);
    return hash_equal(own, expected, hash_size(HASH_MD5));
}

static void test_digests_that_wait_together_are_each_ones_own(void **state UNUSED)
{
    static struct waiting all[TOGETHER];
    struct hash_together none = {0};
    hash_together_end(&none);
    hash_together_drop(&none);
    for (size_t i = 0; i < TOGETHER; i++)
        waiting_begin(&all[i], i);
    for (size_t i = 0; i < TOGETHER; i++) {
        struct waiting *one = &all[i * 17 % TOGETHER]; /* in another order */
        hash_together_end(&one->together);
        assert_true(waiting_is_right(one));
    }
}

static void test_one_that_is_dropped_is_not_computed_with_the_others(void **state UNUSED)
{
    static struct waiting all[TOGETHER];
    for (size_t i = 0; i < TOGETHER; i++)
        waiting_begin(&all[i], i);
    for (size_t i = 0; i < TOGETHER; i += 3) { /* the first, the last, and some between */
        hash_together_drop(&all[i].together);
        hash_free(&all[i].hash);
    }
    for (size_t i = 0; i < TOGETHER; i++)
        if (i % 3 != 0) {
            hash_together_end(&all[i].together);
            assert_true(waiting_is_right(&all[i]));
        }
}

static void *finish_many(void *arg)
{
    static struct waiting all[4][8];
    size_t self = (size_t)(intptr_t)arg;
    bool right = true;
    for (size_t round = 0; round < 500; round++) {
        for (size_t i = 0; i < 8; i++)
            waiting_begin(&all[self][i], self * 100 + round + i);
        for (size_t i = 0; i < 8; i++) {
            struct waiting *one = &all[self][i];
            if (i == 5) {
                hash_together_drop(&one->together);
                hash_free(&one->hash);
                continue;
            }
            hash_together_end(&one->together);
            right &= waiting_is_right(one);
        }
    }
    return right ? arg : NULL;
}

static void test_threads_that_need_each_others_digests_find_them(void **state UNUSED)
{
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, finish_many, (void *)(intptr_t)(i + 1)), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *right = NULL;
        assert_int_equal(pthread_join(threads[i], &right), 0);
        assert_non_null(right);
    }
}

/* RFC 4231, test cases 1, 2 and 6 */
static void test_hmac_vectors(void **state UNUSED)
{
    char long_key[131];
    memset(long_key, 0xaa, sizeof(long_key));
    const struct {
        struct str key, data;
        const char *hex;
    } cases[] = {
        {STR("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
         STR("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {STR("Jefe"), STR("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{long_key, sizeof(long_key)},
         STR("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char mac[32];
        char hex[HASH_HEX_SIZE];
        struct hash_key key;
        hash_hmac_sha256(cases[i].key, cases[i].data, mac);
        hex_encode(mac, 32, hex);
        assert_string_equal(hex, cases[i].hex);
        hash_key_init(&key, cases[i].key);
        for (int times = 0; times < 2; times++) {
            hash_hmac_by(&key, cases[i].data, mac);
            hex_encode(mac, 32, hex);
            assert_string_equal(hex, cases[i].hex);
        }
    }
}

/* RFC 2202, test case 2 for HMAC-SHA-1 */
static void test_hmac_of_sha1(void **state UNUSED)
{
    unsigned char mac[HASH_MAX_SIZE];
    char hex[HASH_HEX_SIZE];
    hash_hmac(HASH_SHA1, STR("Jefe"), STR("what do ya want for nothing?"), mac);
    hex_encode(mac, hash_size(HASH_SHA1), hex);
    assert_string_equal(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/* RFC 4648 §10 */
static void test_base64_goes_both_ways(void **state UNUSED)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[16];
        unsigned char bytes[16];
        size_t len = 99;
        base64_encode(cases[i][0], strlen(cases[i][0]), text);
        assert_string_equal(text, cases[i][1]);
        assert_true(base64_decode(str_of(cases[i][1]), bytes, &len));
        assert_true(str_eq((struct str){(char *)bytes, len}, str_of(cases[i][0])));
    }
}

static void test_base64_refuses_what_is_not_canonical(void **state UNUSED)
{
    static const char *const bad[] = {
        "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 8", "Zm8=\n", "Zm-_"};
    unsigned char bytes[16];
    size_t len;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base64_decode(str_of(bad[i]), bytes, &len));
}

static void test_hex_refuses_bad_digits(void **state UNUSED)
{
    unsigned char bytes[4];
    assert_true(hex_decode(STR("00fFA9"), bytes));
    assert_memory_equal(bytes, "\x00\xff\xa9", 3);
    assert_false(hex_decode(STR("0"), bytes));
    assert_false(hex_decode(STR("0g"), bytes));
}

static void test_ordered_uuids_sort_by_their_time(void **state UNUSED)
{
    char before[ID_UUID_SIZE], after[ID_UUID_SIZE];
    id_uuid_ordered(before);
    for (int i = 0; i < 3; i++) {
        for (int64_t from = clock_now_ms(); clock_now_ms() - from < 2;)
            ; /* for the clock to go on */
        id_uuid_ordered(after);
        assert_true(strcmp(before, after) < 0);
        assert_int_equal(after[14], '7');
        assert_non_null(strchr("89ab", after[19]));
        memcpy(before, after, sizeof(before));
    }
}

#define MANY 4000

static void *make_uuids(void *arg)
{
    char(*made)[ID_UUID_SIZE] = arg;
    for (size_t i = 0; i < MANY; i++)
        id_uuid(made[i]);
    return NULL;
}

static int compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, ID_UUID_SIZE);
}

static void test_threads_never_make_the_same_uuid(void **state UNUSED)
{
    static char made[2 * MANY][ID_UUID_SIZE];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_uuids, made + MANY), 0);
    (void)make_uuids(made);
    assert_int_equal(pthread_join(thread, NULL), 0);
    qsort(made, ARRAY_LEN(made), sizeof(made[0]), compare_uuids);
    for (size_t i = 1; i < ARRAY_LEN(made); i++)
        assert_string_not_equal(made[i - 1], made[i]);
}

static void test_identifiers_have_their_form_and_differ(void **state UNUSED)
{
    char a[ID_UUID_SIZE], b[ID_UUID_SIZE], text[101];
    id_uuid(a);
    id_uuid(b);
    assert_string_not_equal(a, b);
    assert_true(id_number() != id_number());
    assert_true(str_glob(STR("*-*-4*-*-*"), str_of(a)));
    assert_int_equal(strlen(a), 36);
    assert_non_null(strchr("89ab", a[19]));
    id_base32(text, 100);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 100);
    id_hex(text, 99);
    assert_int_equal(strspn(text, "0123456789abcdef"), 99);
    assert_int_equal(strlen(text), 99);
}

static void test_base62_uses_its_whole_alphabet_evenly(void **state UNUSED)
{
    enum { DRAWS = 62000 };
    unsigned seen[256] = {0};
    for (int i = 0; i < DRAWS / 100; i++) {
        char text[101];
        id_base62(text, 100);
        for (int j = 0; j < 100; j++)
            seen[(unsigned char)text[j]]++;
    }
    for (const char *c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c; c++)
        assert_in_range(seen[(unsigned char)*c], 700, 1300); /* nine standard deviations */
}

static char *some_bytes(size_t size)
{
    char *bytes = mem_alloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 % 251 + i / 4099);
    return bytes;
}

static void assert_digest(enum hash_type type, struct hash *hash, struct str bytes)
{
    unsigned char whole[HASH_MAX_SIZE], got[HASH_MAX_SIZE];
    hash_bytes(type, bytes, whole);
    hash_final(hash, got);
    assert_memory_equal(whole, got, hash_size(type));
}

static size_t begun_of(size_t message)
{
    return message == 5 ? 7 : message * 64;
}

/* Of every number of messages, of lengths that share few blocks, one of them within a block; types in turn.
 */
static void digests_of_many_at_once(const enum hash_type types[], size_t type_count)
{
    CLEANUP(free_ptr) char *bytes = some_bytes(20000);
    for (size_t count = 0; count <= 16; count++) {
        struct hash *hashes[16];
        struct str pieces[16];
        for (size_t i = 0; i < count; i++) {
            hashes[i] = hash_new(types[i % type_count]);
            size_t begun = begun_of(i);
            hash_update(hashes[i], bytes + i, begun);
            pieces[i] = (struct str){bytes + i + begun, i == 2 ? 0 : i * 517 % 4000};
        }
        hash_update_many(hashes, pieces, count);
        for (size_t i = 0; i < count; i++) {
            assert_digest(types[i % type_count], hashes[i],
                          (struct str){bytes + i, begun_of(i) + pieces[i].len});
            hash_free(&hashes[i]);
        }
    }
}

static void test_digests_of_many_at_once(void **state UNUSED)
{
    digests_of_many_at_once((const enum hash_type[]){HASH_MD5}, 1);
    digests_of_many_at_once((const enum hash_type[]){HASH_SHA256}, 1);
    digests_of_many_at_once((const enum hash_type[]){HASH_MD5, HASH_SHA256, HASH_SHA512}, 3);
}

/* Whatever the length of what is left beside a block, and of what was there. */
static void test_sha256_of_all_lengths_at_once(void **state UNUSED)
{
    CLEANUP(free_ptr) char *bytes = some_bytes(1000);
    for (size_t len = 0; len < 400; len++) {
        struct hash *hashes[SHA256_MANY];
        struct str pieces[SHA256_MANY];
        for (size_t i = 0; i < SHA256_MANY; i++) {
            hashes[i] = hash_new(HASH_SHA256);
            pieces[i] = (struct str){bytes + i, len + i};
        }
        hash_update_many(hashes, pieces, SHA256_MANY);
        hash_update_many(hashes, pieces, 2);
        for (size_t i = 0; i < SHA256_MANY; i++) {
            char twice[1000];
            memcpy(twice, pieces[i].ptr, pieces[i].len);
            memcpy(twice + pieces[i].len, pieces[i].ptr, pieces[i].len);
            assert_digest(HASH_SHA256, hashes[i], (struct str){twice, (i < 2 ? 2 : 1) * pieces[i].len});
            hash_free(&hashes[i]);
        }
    }
}

/* Whatever was there, and whatever is left beside a block. */
static void test_both_digests_of_all_lengths(void **state UNUSED)
{
    CLEANUP(free_ptr) char *bytes = some_bytes(1000);
    for (size_t begun = 0; begun < 200; begun += begun < 3 ? 1 : 61)
        for (size_t len = 0; len + begun < 700; len++) {
            struct hash *md5 = hash_new(HASH_MD5), *sha256 = hash_new(HASH_SHA256);
            hash_update_both(md5, sha256, bytes, begun);
            hash_update_both(md5, sha256, bytes + begun, len);
            assert_digest(HASH_MD5, md5, (struct str){bytes, begun + len});
            assert_digest(HASH_SHA256, sha256, (struct str){bytes, begun + len});
            hash_free(&md5);
            hash_free(&sha256);
        }
}

/* The length is told in the digest: in bits, and beyond 32 of them. */
static void many_at_once_of_more_than_512_mib(enum hash_type type)
{
    const size_t piece = 64 << 20;
    CLEANUP(free_ptr) char *bytes = some_bytes(piece);
    CLEANUP(hash_free) struct hash *alone = hash_new(type);
    struct hash *hashes[3];
    unsigned char wanted[HASH_MAX_SIZE], got[HASH_MAX_SIZE];
    for (size_t i = 0; i < 3; i++)
        hashes[i] = hash_new(type);
    for (size_t done = 0; done < (9 * piece); done += piece) {
        hash_update(alone, bytes, piece);
        hash_update_many(hashes, (const struct str[]){{bytes, piece}, {bytes, piece}, {bytes, piece}}, 3);
    }
    hash_final(alone, wanted);
    for (size_t i = 0; i < 3; i++) {
        hash_final(hashes[i], got);
        assert_memory_equal(wanted, got, hash_size(type));
        hash_free(&hashes[i]);
    }
}

static void test_many_at_once_of_more_than_512_mib(void **state UNUSED)
{
    many_at_once_of_more_than_512_mib(HASH_MD5);
    many_at_once_of_more_than_512_mib(HASH_SHA256);
}

static size_t piece_at(size_t at, size_t size, size_t piece)
{
    return size - at < piece ? size - at : piece;
}

/* However the bytes come, however many there are, and whoever else is being hashed. */
static void test_lanes_give_the_same_digests(void **state UNUSED)
{
    static const size_t sizes[] = {0, 1, 131071, 131072, 131073, 262144, 1000003};
    static const size_t pieces[] = {131072, 65536, 7919};
    const size_t count = ARRAY_LEN(sizes) * ARRAY_LEN(pieces);
    CLEANUP(free_ptr) char *bytes = some_bytes(1000003);
    struct hash *hashes[ARRAY_LEN(sizes) * ARRAY_LEN(pieces)];
    struct hash *others[ARRAY_LEN(sizes) * ARRAY_LEN(pieces)];
    struct hash_lane *lanes[ARRAY_LEN(sizes) * ARRAY_LEN(pieces)];
    CLEANUP(block_free) unsigned char *block = block_new();
    assert_non_null(block);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_new(HASH_MD5);
        others[i] = i % 5 == 4 ? NULL : hash_new(HASH_SHA256);
        assert_int_equal(hash_lane_start(hashes[i], others[i], &lanes[i]), 0);
    }
    for (size_t round = 0; round < 1 + 1000003 / 7919; round++)
        for (size_t i = 0; i < count; i++) {
            size_t size = sizes[i % ARRAY_LEN(sizes)], piece = pieces[i / ARRAY_LEN(sizes)];
            if (round * piece >= size)
                continue;
            size_t len = piece_at(round * piece, size, piece);
            memcpy(block, bytes + round * piece, len);
            hash_lane_give(lanes[i], &block, len);
        }
    for (size_t i = 0; i < count; i++) {
        hash_lane_end(&lanes[i]);
        const struct str whole = {bytes, sizes[i % ARRAY_LEN(sizes)]};
        assert_digest(HASH_MD5, hashes[i], whole);
        if (others[i])
            assert_digest(HASH_SHA256, others[i], whole);
        hash_free(&hashes[i]);
        hash_free(&others[i]);
    }
}

/* Others may send their bodies as slowly as they like. */
static void test_a_lane_that_is_awaited_waits_for_no_other(void **state UNUSED)
{
    CLEANUP(free_ptr) char *bytes = some_bytes(BLOCK_SIZE);
    CLEANUP(block_free) unsigned char *block = block_new();
    struct hash *hashes[8];
    struct hash_lane *lanes[8];
    assert_non_null(block);
    for (size_t i = 0; i < 8; i++) {
        hashes[i] = hash_new(HASH_MD5);
        assert_int_equal(hash_lane_start(hashes[i], NULL, &lanes[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) { /* more than a lane holds */
        memcpy(block, bytes, BLOCK_SIZE);
        hash_lane_give(lanes[3], &block, i < 5 ? BLOCK_SIZE / 4 : BLOCK_SIZE);
    }
    hash_lane_end(&lanes[3]);
    memcpy(block, bytes, BLOCK_SIZE);
    hash_lane_give(lanes[5], &block, BLOCK_SIZE);
    for (size_t i = 0; i < 8; i++)
        hash_lane_end(&lanes[i]);
    assert_digest(HASH_MD5, hashes[5], (struct str){bytes, BLOCK_SIZE});
    for (size_t i = 0; i < 8; i++)
        hash_free(&hashes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordered_uuids_sort_by_their_time),
        cmocka_unit_test(test_digests_of_abc),
        cmocka_unit_test(test_digests_of_many_at_once),
        cmocka_unit_test(test_sha256_of_all_lengths_at_once),
        cmocka_unit_test(test_both_digests_of_all_lengths),
        cmocka_unit_test(test_many_at_once_of_more_than_512_mib),
        cmocka_unit_test(test_lanes_give_the_same_digests),
        cmocka_unit_test(test_digests_that_wait_together_are_each_ones_own),
        cmocka_unit_test(test_one_that_is_dropped_is_not_computed_with_the_others),
        cmocka_unit_test(test_threads_that_need_each_others_digests_find_them),
        cmocka_unit_test(test_a_lane_that_is_awaited_waits_for_no_other),
        cmocka_unit_test(test_hmac_vectors),
        cmocka_unit_test(test_hmac_of_sha1),
        cmocka_unit_test(test_base64_goes_both_ways),
        cmocka_unit_test(test_base64_refuses_what_is_not_canonical),
        cmocka_unit_test(test_hex_refuses_bad_digits),
        cmocka_unit_test(test_threads_never_make_the_same_uuid),
        cmocka_unit_test(test_identifiers_have_their_form_and_differ),
        cmocka_unit_test(test_base62_uses_its_whole_alphabet_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
