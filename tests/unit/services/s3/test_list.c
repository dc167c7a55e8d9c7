/* Blobs that are lists of others: stored, read across borders, held while they are read, taken apart, and all
 * of it under failure. */
#include "house.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/wake.h"
#include "services/s3/blob_list.h"
#include <dirent.h>
#include <setjmp.h>
#include <cmocka.h>

#define FILE_SIZE 70000
#define SMALL_SIZE 100
#define MANY 10000
#define SHA256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int setup(void **state)
{
    struct house *house = house_new();
    house->quiet = true; /* what is doomed goes when a test says so */
    house_restart(house);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    house_free(*state);
    return 0;
}

static char byte_of(char seed, int64_t offset)
{
    return (char)(seed + offset * 7 + (offset >> 8));
}

static void store_bytes(struct house *house, char seed, int64_t size, int64_t id)
{
    CLEANUP(upload_deinit) struct upload upload = UPLOAD_NONE;
    CLEANUP(db_end) struct tx *tx = NULL;
    char sha256[SHA256_SIZE];
    assert_int_equal(upload_init(&house->platform, UPLOAD_SHA256, &upload), 0);
    for (int64_t i = 0; i < size; i++) {
        char byte = byte_of(seed, i);
        assert_int_equal(upload_write(&upload, &byte, 1), 0);
    }
    assert_int_equal(upload_finish(&upload), 0);
    hex_encode(upload.sha256_digest, 32, sha256);
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    int64_t stored = 0;
    assert_int_equal(upload_store(tx, &upload, sha256, id, &stored), 0);
    assert_int_equal(stored, id);
    assert_int_equal(db_commit(&tx), 0);
    upload_settle(&upload);
}

/* Of two files and a small one, by turns; a reference to each is held besides. */
struct made {
    struct list_entry *entries;
    size_t count;
    int64_t size;
};

static void make_entries(struct house *house, size_t count, struct made *ret)
{
    const int64_t sizes[] = {FILE_SIZE, SMALL_SIZE, FILE_SIZE};
    *ret = (struct made){calloc(count, sizeof(*ret->entries)), count, 0};
    assert_non_null(ret->entries);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        store_bytes(house, (char)('a' + i), sizes[i], (int64_t)i + 1);
    for (size_t i = 0; i < count; i++) {
        ret->entries[i] = (struct list_entry){(int64_t)(i % 3) + 1, sizes[i % 3]};
        ret->size += sizes[i % 3];
    }
}

static char byte_at(int64_t offset)
{
    int64_t within = offset % (2 * FILE_SIZE + SMALL_SIZE);
    if (within < FILE_SIZE)
        return byte_of('a', within);
    within -= FILE_SIZE;
    return within < SMALL_SIZE ? byte_of('b', within) : byte_of('c', within - SMALL_SIZE);
}

/* The list called 10. */
static int store(struct house *house, const struct made *made)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    const struct list_new new = {made->entries, made->count, made->size, SHA256, false};
    int64_t id = 0;
    bool known = false;
    int rc = db_begin(house->platform.db, &tx);
    for (size_t i = 0; rc == 0 && i < made->count; i++)
        rc = blob_ref(tx, made->entries[i].blob);
    if (rc == 0)
        rc = list_store(tx, &new, 10, &id, &known);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc == 0)
        assert_true(id == 10 && !known);
    return rc;
}

static int unref(struct house *house, int64_t id)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(house->platform.db, &tx);
    if (rc == 0)
        rc = blob_unref(tx, id);
    return rc != 0 ? rc : db_commit(&tx);
}

static int open_list(struct house *house, struct blob_source *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(house->platform.db, &tx);
    return rc != 0 ? rc : blob_open(tx, &house->platform, 10, ret);
}

struct compared {
    int64_t at;
    int64_t len;
};

static int compare(void *ctx, const void *bytes, size_t len)
{
    struct compared *compared = ctx;
    for (size_t i = 0; i < len; i++)
        if (((const char *)bytes)[i] != byte_at(compared->at + (int64_t)i))
            return -EBADMSG;
    compared->at += (int64_t)len;
    compared->len += (int64_t)len;
    return 0;
}

static int read_range(struct house *house, int64_t offset, int64_t len)
{
    CLEANUP(blob_source_deinit) struct blob_source source = BLOB_SOURCE_NONE;
    struct compared compared = {offset, 0};
    int rc = open_list(house, &source);
    if (rc == 0)
        rc = blob_prepare(&source, offset, len);
    if (rc == 0)
        rc = blob_each(&source, offset, len, compare, &compared);
    if (rc == 0)
        assert_int_equal(compared.len, len);
    return rc;
}

static void ranges_of_ten_thousand(void **state)
{
    struct house *house = *state;
    struct made made;
    make_entries(house, MANY, &made);
    assert_int_equal(store(house, &made), 0);
    int64_t start = 0;
    for (size_t i = 0; i + 1 < made.count; i++) {
        start += made.entries[i].size;
        if (i % 97 == 0 || i + 2 == made.count)
            assert_int_equal(read_range(house, start - 2, SMALL_SIZE + 4), 0);
    }
    assert_int_equal(read_range(house, 0, 1), 0);
    assert_int_equal(read_range(house, made.size - 1, 1), 0);
    assert_int_equal(read_range(house, made.size / 2 + 12345, 3000000), 0);
    assert_int_equal(house_count(house, "SELECT count(*) FROM s3_blob_part WHERE blob = 10"), MANY);
    free(made.entries);
}

static void bytes_that_are_not_prepared_are_not_read(void **state)
{
    struct house *house = *state;
    CLEANUP(blob_source_deinit) struct blob_source source = BLOB_SOURCE_NONE;
    struct compared compared = {0};
    struct made made;
    make_entries(house, 3, &made);
    assert_int_equal(store(house, &made), 0);
    assert_int_equal(open_list(house, &source), 0);
    assert_int_equal(blob_prepare(&source, FILE_SIZE, 10), 0);
    assert_int_equal(blob_each(&source, FILE_SIZE - 1, 2, compare, &compared), -EIO);
    free(made.entries);
}

static size_t files_of(struct house *house)
{
    return (size_t)house_count(house, "SELECT count(*) FROM s3_blob WHERE file IS NOT NULL");
}

static void take_apart(struct house *house)
{
    for (bool more = true; more;)
        assert_int_equal(lists_take_apart(&house->platform, &more), 0);
}

static void a_list_that_is_read_is_not_taken_apart(void **state)
{
    struct house *house = *state;
    CLEANUP(blob_source_deinit) struct blob_source source = BLOB_SOURCE_NONE;
    CLEANUP(blob_source_deinit) struct blob_source late = BLOB_SOURCE_NONE;
    struct made made;
    make_entries(house, 500, &made);
    assert_int_equal(store(house, &made), 0);
    for (int64_t id = 1; id <= 3; id++)
        assert_int_equal(unref(house, id), 0); /* now they are the list's alone */
    assert_int_equal(open_list(house, &source), 0);
    assert_int_equal(unref(house, 10), 0);
    take_apart(house);
    assert_int_equal(files_of(house), 2);
    assert_int_equal(blob_prepare(&source, 0, made.size), 0);
    wake_ticket ticket = wake_look(BLOB_TOPIC);
    blob_source_deinit(&source);
    assert_true(wake_wait(BLOB_TOPIC, ticket, clock_mono_ms() + 10000)); /* the keeper is told */
    /* One who has found it in an older snapshot. */
    assert_int_equal(open_list(house, &late), 0);
    blob_source_deinit(&late);
    assert_int_equal(list_open(&house->platform, 10, &late.list), 0);
    list_free(&late.list);
    take_apart(house);
    assert_int_equal(house_count(house, "SELECT count(*) FROM s3_blob"), 0);
    assert_int_equal(house_count(house, "SELECT count(*) FROM s3_blob_part"), 0);
    assert_int_equal(house_count(house, "SELECT count(*) FROM s3_doomed_list"), 0);
    assert_int_equal(house_count(house, "SELECT count(*) FROM s3_doomed"), 2);
    assert_int_equal(list_open(&house->platform, 10, &late.list), 0);
    assert_int_equal(list_prepare(late.list, 0, 1), -ENOENT);
    free(made.entries);
}

static void a_list_that_is_taken_apart_is_not_opened(void **state)
{
    struct house *house = *state;
    struct list_seizure seizure = {.platform = &house->platform, .id = 10};
    struct blob_list *list = NULL, *other = NULL;
    assert_true(list_seize(&seizure));
    assert_int_equal(list_open(&house->platform, 10, &list), -ENOENT);
    assert_int_equal(list_open(&house->platform, 11, &other), 0);
    list_release(&seizure);
    assert_int_equal(list_open(&house->platform, 10, &list), 0);
    assert_false(list_seize(&seizure));
    list_free(&list);
    assert_true(list_seize(&seizure));
    list_release(&seizure);
    list_free(&other);
}

/* Every allocation and system call of storing, reading and taking apart fails once in turn: afterwards each
 * is done or not begun. */
static void fail_each(struct house *house, enum fail_kind kind)
{
    struct made made;
    bool fired = true;
    make_entries(house, 7, &made);
    for (long n = 1; fired; n++) {
        assert_true(n < 2000);
        fail_arm(kind, n);
        int stored = store(house, &made);
        int got = stored == 0 ? read_range(house, 1, made.size - 2) : 0;
        int dropped = stored == 0 ? unref(house, 10) : 0;
        bool more = true;
        while (more && lists_take_apart(&house->platform, &more) != 0)
            continue;
        fired = fail_fired(kind);
        fail_arm(kind, 0);
        if (!fired)
            assert_true(stored == 0 && got == 0 && dropped == 0);
        assert_true(got == 0 || fired);
        house_restart(house);
        if (stored == 0 && dropped != 0)
            assert_int_equal(read_range(house, 0, made.size), 0);
        if (stored == 0 && dropped != 0)
            assert_int_equal(unref(house, 10), 0);
        take_apart(house);
        assert_int_equal(house_count(house, "SELECT count(*) FROM s3_blob"), 3);
        assert_int_equal(house_count(house, "SELECT sum(refs) FROM s3_blob"), 3);
        assert_int_equal(house_count(house, "SELECT count(*) FROM s3_blob_part"), 0);
        assert_int_equal(house_count(house, "SELECT count(*) FROM s3_doomed_list"), 0);
    }
    free(made.entries);
}

static void failed_allocations(void **state)
{
    fail_each(*state, FAIL_ALLOC);
}

static void failed_system_calls(void **state)
{
    fail_each(*state, FAIL_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ranges_of_ten_thousand, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_prepared_are_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_is_read_is_not_taken_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_is_taken_apart_is_not_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_allocations, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_system_calls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
