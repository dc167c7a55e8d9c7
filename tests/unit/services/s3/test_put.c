/* The put path under failure: every allocation and every system call fails once in turn. Whatever is answered
 * is true after a restart: the object, its bytes and its event are there exactly when the put said so, and no
 * file is left that no object has. Also: a disk that is full, and blobs that are shared. */
#include "house.h"
#include "base/clock.h"
#include "base/fail.h"
#include "services/sqs/sqs.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define BUCKET "artifacts"
#define QUEUE_ARN "arn:aws:sqs:us-east-1:" HOUSE_ACCOUNT ":events"

static int make_buckets(struct house *house)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(json_free)
    json_t *queues = json_pack("[{s:s, s:[s]}]", "QueueArn", QUEUE_ARN, "Events", "s3:ObjectCreated:*");
    int rc = db_begin(house->platform.db, &tx);
    if (rc == 0)
        rc = queue_create(tx, &house->platform, HOUSE_ACCOUNT, "events", NULL, NULL);
    if (rc == 0)
        rc = bucket_create(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, NULL);
    if (rc == 0)
        rc = bucket_set_versioning(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, "Enabled", NULL);
    if (rc == 0)
        rc = bucket_set_notification_unseen(tx, &house->platform, BUCKET, queues, NULL);
    if (rc == 0) /* which it has now: the queue needs no policy */
        rc = bucket_set_notification(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, queues, NULL);
    return rc != 0 ? rc : db_commit(&tx);
}

static int setup(void **state)
{
    struct house *house = house_new();
    assert_int_equal(make_buckets(house), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    house_free(*state);
    return 0;
}

static int put_once(struct house *house, const char *key, const char *bytes, size_t len)
{
    return house_put(house, &(struct house_object){.bucket = BUCKET, .key = key, .bytes = {bytes, len}});
}

static size_t files_below(const char *path)
{
    size_t found = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char below[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        found += entry->d_type == DT_DIR ? files_below(below) : 1;
    }
    closedir(dir);
    return found;
}

static size_t blob_files(const struct house *house)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/blobs", house->dir);
    return files_below(path);
}

static bool bytes_are(struct house *house, const char *key, const char *bytes, size_t len)
{
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(blob_source_deinit) struct blob_source source = {.fd = -1};
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(free_ptr) char *got = calloc(1, len + 1);
    assert_int_equal(db_read(house->platform.db, &tx), 0);
    int rc = object_find(tx, BUCKET, key, NULL, &object);
    if (rc == S3_E_NO_KEY)
        return false;
    assert_int_equal(rc, 0);
    assert_int_equal(object.size, len);
    assert_int_equal(blob_open(tx, &house->platform, object.blob, &source), 0);
    if (source.fd >= 0)
        assert_int_equal(io_pread_all(source.fd, got, len, 0), 0);
    else if (len > 0)
        memcpy(got, source.data.ptr, len);
    assert_memory_equal(got, bytes, len);
    return true;
}

/* `same`: all put the same bytes, which are a blob already. */
static void fail_each(struct house *house, enum fail_kind kind, size_t len, bool same)
{
    CLEANUP(free_ptr) char *bytes = malloc(len + 1);
    int64_t done = house_count(house, "SELECT COUNT(*) FROM s3_object");
    int64_t blobs = house_count(house, "SELECT COUNT(*) FROM s3_blob");
    size_t files = blob_files(house);
    bool fired = true;
    long n = 0;
    memset(bytes, 'x', len + 1);
    if (same) {
        assert_int_equal(put_once(house, "same", bytes, len), 0);
        done++, blobs++, files++;
    }
    house->quiet = true;
    house_restart(house);
    while (fired) {
        char key[64];
        snprintf(key, sizeof(key), "%d%s/%zu/%ld", (int)kind, same ? "/same" : "", len, ++n);
        if (!same)
            memcpy(bytes, key, strlen(key));
        fail_arm(kind, n);
        int rc = put_once(house, key, bytes, len);
        fired = fail_fired(kind);
        fail_arm(kind, 0);
        done += rc == 0;
        blobs += rc == 0 && !same;
        files += rc == 0 && !same && len > BLOB_INLINE_MAX;
        if (!fired)
            assert_int_equal(rc, 0);
        house_restart(house);
        assert_int_equal(bytes_are(house, key, bytes, len), rc == 0);
        assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_object"), done);
        assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_blob"), blobs);
        /* one message per object, and the test event */
        assert_int_equal(house_count(house, "SELECT COUNT(*) FROM sqs_message"), done + 1);
        assert_int_equal(blob_files(house), files);
        assert_true(n < 2000);
    }
    assert_true(n > 10);
    house->quiet = false;
    house_restart(house);
}

static void failed_allocation_of_a_small_put(void **state)
{
    fail_each(*state, FAIL_ALLOC, 4096, false);
}

static void failed_allocation_of_a_large_put(void **state)
{
    fail_each(*state, FAIL_ALLOC, 100000, false);
}

static void failed_system_call_of_a_small_put(void **state)
{
    fail_each(*state, FAIL_IO, 4096, false);
}

static void failed_system_call_of_a_large_put(void **state)
{
    fail_each(*state, FAIL_IO, 100000, false);
}

/* Of several blocks: other threads write and hash them. */
static void failed_allocation_of_a_put_of_blocks(void **state)
{
    fail_each(*state, FAIL_ALLOC, 1000003, false);
}

static void failed_system_call_of_a_put_of_blocks(void **state)
{
    fail_each(*state, FAIL_IO, 1000003, false);
}

static void failed_system_call_of_a_put_of_known_bytes(void **state)
{
    fail_each(*state, FAIL_IO, 100000, true);
}

/* RLIMIT_FSIZE stands for a full disk: the write that passes it fails, whatever the file. */
static void full_disk(void **state)
{
    struct house *house = *state;
    struct rlimit old;
    static char bytes[1 << 20];
    size_t files = blob_files(house);
    int64_t objects = house_count(house, "SELECT COUNT(*) FROM s3_object");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit low = {.rlim_cur = 300000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int rc = put_once(house, "too/big", bytes, sizeof(bytes));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, -EFBIG);
    assert_int_equal(blob_files(house), files);
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_object"), objects);
    assert_int_equal(put_once(house, "afterwards", bytes, sizeof(bytes)), 0);
    assert_true(bytes_are(house, "afterwards", bytes, sizeof(bytes)));
}

/* A file that was synced but never committed, and one committed but not moved: what a crash can leave. */
static void sweep_after_a_crash(void **state)
{
    struct house *house = *state;
    static char bytes[100000];
    char from[PATH_MAX];
    char to[PATH_MAX];
    char file[BLOB_NAME_SIZE];
    size_t files = blob_files(house);
    assert_int_equal(put_once(house, "crash/kept", bytes, sizeof(bytes)), 0);
    {
        CLEANUP(db_end) struct tx *tx = NULL;
        CLEANUP(rows_close) struct rows *rows = NULL;
        assert_int_equal(db_read(house->platform.db, &tx), 0);
        assert_int_equal(
            tx_query_row(tx, &rows,
                         "SELECT file FROM s3_blob WHERE file IS NOT NULL ORDER BY id DESC LIMIT 1", ""),
            0);
        snprintf(file, sizeof(file), "%s", rows_text(rows, 0));
    }
    snprintf(from, sizeof(from), "%s/blobs/%.2s/%s", house->dir, file, file);
    snprintf(to, sizeof(to), "%s/blobs/incoming/%s", house->dir, file);
    assert_int_equal(io_rename(from, to), 0);
    assert_true(bytes_are(house, "crash/kept", bytes, sizeof(bytes)));
    snprintf(to, sizeof(to), "%s/blobs/incoming/0123456789abcdef0123456789abcdef", house->dir);
    assert_int_equal(io_write_file_atomic(to, STR("half an upload"), 0600), 0);
    house_restart(house);
    assert_int_equal(access(from, R_OK), 0);
    assert_int_equal(access(to, F_OK), -1);
    assert_int_equal(blob_files(house), files + 1);
    assert_true(bytes_are(house, "crash/kept", bytes, sizeof(bytes)));
}

static int delete_current(struct house *house, const char *key)
{
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = {0};
    struct deletion deletion;
    int rc = db_begin(house->platform.db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, BUCKET, &bucket, NULL);
    if (rc == 0)
        rc = object_find(tx, BUCKET, key, NULL, &object);
    if (rc == 0)
        rc = object_delete(tx, &house->platform, &bucket, &origin, key, object.version_id, &deletion);
    return rc != 0 ? rc : db_commit(&tx);
}

/* The file goes after the commit that drops its last reference, also when the server stops in between. */
static void deleted_files_go(void **state)
{
    struct house *house = *state;
    static char bytes[100000] = "goes";
    size_t files = blob_files(house);
    assert_int_equal(put_once(house, "doomed", bytes, sizeof(bytes)), 0);
    assert_int_equal(blob_files(house), files + 1);
    assert_int_equal(delete_current(house, "doomed"), 0);
    house_restart(house);
    for (int64_t until = clock_mono_ms() + 10000; blob_files(house) > files;)
        assert_true(clock_mono_ms() < until);
    house_stop(house);
    house_start(house);
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_doomed"), 0);
}

static void limit(struct house *house, int64_t objects, int64_t bytes)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(usage_limit(tx, HOUSE_ACCOUNT, objects, bytes), 0);
    assert_int_equal(db_commit(&tx), 0);
}

static int put_plain(struct house *house, const char *key, size_t len)
{
    static const char bytes[5000];
    return house_put(house, &(struct house_object){.bucket = "plain", .key = key, .bytes = {bytes, len}});
}

/* What replaces an object is charged for what it adds, and a refusal comes before anything has changed: it is
 * undone without a trace in the log. */
static void quota_is_looked_at_before_anything_changes(void **state)
{
    struct house *house = *state;
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(bucket_create(tx, &house->platform, HOUSE_ACCOUNT, "plain", NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(put_plain(house, "a", 1000), 0);
    int64_t objects = house_count(house, "SELECT objects FROM s3_usage");
    int64_t bytes = house_count(house, "SELECT bytes FROM s3_usage");
    limit(house, objects, bytes + 100);
    int64_t sequence = house_count(house, "SELECT value FROM s3_sequence");
    assert_int_equal(put_plain(house, "b", 10), S3_E_QUOTA);
    assert_int_equal(put_plain(house, "a", 1101), S3_E_QUOTA);
    assert_int_equal(house_count(house, "SELECT value FROM s3_sequence"), sequence);
    assert_int_equal(house_count(house, "SELECT bytes FROM s3_usage"), bytes);
    assert_int_equal(house_count(house, "SELECT size FROM s3_object WHERE bucket = 'plain'"), 1000);
    assert_int_equal(put_plain(house, "a", 1100), 0);
    assert_int_equal(house_count(house, "SELECT bytes FROM s3_usage"), bytes + 100);
    assert_int_equal(put_plain(house, "a", 0), 0);
    assert_int_equal(house_count(house, "SELECT objects FROM s3_usage"), objects);
    assert_int_equal(house_count(house, "SELECT bytes FROM s3_usage"), bytes - 1000);
    limit(house, objects - 1, -1);
    assert_int_equal(put_plain(house, "a", 0), S3_E_QUOTA);
    limit(house, -1, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_allocation_of_a_small_put),
        cmocka_unit_test(failed_allocation_of_a_large_put),
        cmocka_unit_test(failed_system_call_of_a_small_put),
        cmocka_unit_test(failed_system_call_of_a_large_put),
        cmocka_unit_test(failed_allocation_of_a_put_of_blocks),
        cmocka_unit_test(failed_system_call_of_a_put_of_blocks),
        cmocka_unit_test(failed_system_call_of_a_put_of_known_bytes),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(sweep_after_a_crash),
        cmocka_unit_test(deleted_files_go),
        cmocka_unit_test(quota_is_looked_at_before_anything_changes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
