/* Digests of uploads under way: of the parts that follow on one another from the first, whatever their order.
 */
#include "house.h"
#include "base/clock.h"
#include "services/s3/digest_ahead.h"
#include <sched.h>
#include <setjmp.h>
#include <cmocka.h>

#define SIZE 100000

static int setup(void **state)
{
    struct house *house = house_new();
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(bucket_create(tx, &house->platform, HOUSE_ACCOUNT, "artifacts", NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    house_free(*state);
    return 0;
}

static void begin(struct house *house, struct multipart *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    *ret = (struct multipart){.algorithm = CHECKSUM_NONE};
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(multipart_create(tx, "artifacts", "k", ret), 0);
    assert_int_equal(db_commit(&tx), 0);
}

static void put_part(struct house *house, const struct multipart *multipart, int64_t number, char fill)
{
    CLEANUP(upload_deinit) struct upload upload = UPLOAD_NONE;
    CLEANUP(db_end) struct tx *tx = NULL;
    char sha256[SHA256_SIZE], bytes[SIZE];
    int64_t modified_ms = 0;
    memset(bytes, fill, sizeof(bytes));
    assert_int_equal(upload_init(&house->platform, UPLOAD_SHA256, &upload), 0);
    assert_int_equal(upload_write(&upload, bytes, sizeof(bytes)), 0);
    assert_int_equal(upload_finish(&upload), 0);
    hex_encode(upload.sha256_digest, 32, sha256);
    const struct part_new new = {number, &upload, "e", sha256, "", NULL};
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(part_put(tx, multipart->id, &new, &modified_ms, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    upload_settle(&upload);
    ahead_note(&house->platform, multipart);
}

static bool is_digest_of(struct digest *digest, const char *fills)
{
    CLEANUP(hash_free) struct hash *sha256 = hash_new(HASH_SHA256);
    unsigned char expected[HASH_MAX_SIZE], got[HASH_MAX_SIZE];
    char bytes[SIZE];
    for (const char *fill = fills; *fill; fill++) {
        memset(bytes, *fill, sizeof(bytes));
        hash_update(sha256, bytes, sizeof(bytes));
    }
    hash_final(sha256, expected);
    hash_final(digest->sha256, got);
    return digest->count == strlen(fills) && memcmp(expected, got, hash_size(HASH_SHA256)) == 0;
}

/* As a completion that comes once no part is read any more. */
static bool take_idle(const struct multipart *multipart, size_t count, struct digest *ret)
{
    int64_t until = clock_mono_ms() + 10000;
    while (ahead_look(multipart->id) < count && clock_mono_ms() < until)
        sched_yield();
    return ahead_take(multipart->id, ret);
}

static void parts_in_order(void **state)
{
    struct house *house = *state;
    CLEANUP(digest_deinit) struct digest digest = {.sha256 = NULL};
    struct multipart multipart;
    begin(house, &multipart);
    for (int64_t number = 1; number <= 5; number++)
        put_part(house, &multipart, number, (char)('a' + number));
    assert_true(take_idle(&multipart, 5, &digest));
    assert_true(is_digest_of(&digest, "bcdef"));
    assert_false(ahead_take(multipart.id, &digest));
}

static void parts_out_of_order(void **state)
{
    struct house *house = *state;
    CLEANUP(digest_deinit) struct digest digest = {.sha256 = NULL};
    struct multipart multipart;
    begin(house, &multipart);
    put_part(house, &multipart, 3, 'c');
    put_part(house, &multipart, 2, 'b');
    assert_int_equal(ahead_look(multipart.id), 0);
    put_part(house, &multipart, 1, 'a');
    put_part(house, &multipart, 5, 'e');
    assert_true(take_idle(&multipart, 3, &digest));
    assert_true(is_digest_of(&digest, "abc"));
}

static void the_oldest_gives_way(void **state)
{
    struct house *house = *state;
    struct multipart first, others[UPLOADS_MAX];
    begin(house, &first);
    ahead_note(&house->platform, &first);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        begin(house, &others[i]);
        ahead_note(&house->platform, &others[i]);
    }
    CLEANUP(digest_deinit) struct digest digest = {.sha256 = NULL};
    assert_true(ahead_take(others[UPLOADS_MAX - 1].id, &digest));
    assert_int_equal(digest.count, 0);
    size_t kept = 0;
    CLEANUP(digest_deinit) struct digest other = {.sha256 = NULL};
    for (size_t i = 0; i + 1 < ARRAY_LEN(others); i++) {
        digest_deinit(&other);
        kept += ahead_take(others[i].id, &other);
    }
    digest_deinit(&other);
    assert_true(kept + ahead_take(first.id, &other) <= UPLOADS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_out_of_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
