/* The writer by itself, without the thread that moves logs and publishes: who begins while SQLite's log is
 * long moves it; what was acknowledged is there after a close that could not heal, and after a torn frame. */
#include "base/fail.h"
#include "base/io.h"
#include "db/writer.h"
#include "db/inject.h"
#include "db/record.h"
#include "db/redo.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define INSERT "INSERT INTO item (name, body) VALUES ($1, zeroblob(9000))"
#define MOST_PAGES 16
#define PAGE 4096

static const struct touched nothing; /* nobody looks here */
static char folder[64];
static char path[96];
static char crashed_path[96];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-group-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    (void)snprintf(crashed_path, sizeof(crashed_path), "%s/crash.db", folder);
    return inject_install();
}

static int teardown(void **state UNUSED)
{
    fail_arm(FAIL_IO, 0);
    return io_remove_tree(folder);
}

static void record(struct buf *records, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    record_statement(records, sql, types, &args);
    va_end(args);
}

static int insert(struct writer *writer, const char *name)
{
    struct stmt *stmt;
    int r = writer_claim(writer);
    if (r == 0)
        r = conn_prepare(writer_conn(writer), INSERT, &stmt);
    if (r < 0)
        return r;
    assert_int_equal(sqlite3_bind_text(stmt->handle, stmt->index[0], name, -1, SQLITE_STATIC), SQLITE_OK);
    r = sqlite3_step(stmt->handle) == SQLITE_DONE ? 0 : -EIO;
    conn_release(stmt);
    record(writer_records(writer), INSERT, "s", name);
    return r;
}

static int put(struct writer *writer, const char *name)
{
    int r = writer_begin(writer, false);
    if (r < 0)
        return r;
    r = insert(writer, name);
    if (r == 0)
        return writer_commit(writer, &nothing, NULL);
    writer_undo(writer);
    return r;
}

static struct writer *open_writer(const char *file)
{
    struct writer *writer = NULL;
    assert_int_equal(writer_open(file, &writer), 0);
    assert_int_equal(writer_begin(writer, false), 0);
    const char *sql = "CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY, body BYTEA)";
    assert_int_equal(conn_run(writer_conn(writer), sql), 0);
    record_script(writer_records(writer), sql);
    assert_int_equal(writer_commit(writer, &nothing, NULL), 0);
    return writer;
}

static bool has(struct writer *writer, const char *name)
{
    struct stmt *stmt;
    assert_int_equal(writer_begin(writer, false), 0);
    assert_int_equal(conn_prepare(writer_conn(writer), "SELECT 1 FROM item WHERE name = $1", &stmt), 0);
    assert_int_equal(sqlite3_bind_text(stmt->handle, stmt->index[0], name, -1, SQLITE_STATIC), SQLITE_OK);
    bool found = sqlite3_step(stmt->handle) == SQLITE_ROW;
    conn_release(stmt);
    writer_undo(writer);
    return found;
}

static void ignore(void *arg UNUSED, enum writer_want want UNUSED)
{
}

/* Nobody moves the log but who begins; the redo log is long from its first frame. */
static const struct writer_watch watch = {.wants = ignore,
                                          .batch_bytes = 1,
                                          .redo_bytes = 1,
                                          .move_pages = MOST_PAGES,
                                          .pause_pages = MOST_PAGES,
                                          .most_pages = MOST_PAGES};

static off_t wal_size(void)
{
    char wal[112];
    struct stat found;
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(wal, &found), 0);
    return found.st_size;
}

static void put_many(struct writer *writer, const char *prefix, int count)
{
    char name[32];
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "%s-%d", prefix, i);
        assert_int_equal(put(writer, name), 0);
        assert_int_equal(writer_flush(writer), 0);
    }
}

static void test_who_begins_moves_a_long_log(void **state UNUSED)
{
    struct writer *writer = open_writer(path);
    writer_watch(writer, &watch);
    put_many(writer, "k", 100); /* some five pages each */
    assert_true(wal_size() < 4 * MOST_PAGES * (off_t)PAGE);
    assert_true(has(writer, "k-0") && has(writer, "k-99"));
    writer_watch(writer, NULL);
    writer_close(&writer);
}

/* A reader's snapshot keeps its pages in the log, which grows; everybody goes on. */
static void test_nobody_is_refused_for_a_reader_that_stays(void **state UNUSED)
{
    struct writer *writer = open_writer(path);
    struct conn *reader = NULL;
    struct stmt *stmt;
    put_many(writer, "before", 1);
    assert_int_equal(conn_open(path, (struct conn_options){.cache_kib = 64}, &reader), 0);
    assert_int_equal(conn_run(reader, "BEGIN"), 0);
    assert_int_equal(conn_prepare(reader, "SELECT count(*) FROM item", &stmt), 0);
    assert_int_equal(sqlite3_step(stmt->handle), SQLITE_ROW);
    conn_release(stmt);
    writer_watch(writer, &watch);
    put_many(writer, "k", 60);
    assert_true(wal_size() > 4 * MOST_PAGES * (off_t)PAGE);
    assert_int_equal(conn_run(reader, "ROLLBACK"), 0);
    conn_close(&reader);
    off_t grown = wal_size();
    put_many(writer, "after", 60);
    assert_true(wal_size() <= grown);
    writer_watch(writer, NULL);
    writer_close(&writer);
}

static void copy_file(const char *suffix)
{
    char from[128], to[128];
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(64 << 20);
    (void)snprintf(from, sizeof(from), "%s%s", path, suffix);
    (void)snprintf(to, sizeof(to), "%s%s", crashed_path, suffix);
    assert_int_equal(io_unlink(to), 0);
    if (io_read_file(from, &bytes) == 0)
        assert_int_equal(io_write_file_atomic(to, buf_str(&bytes), 0600), 0);
}

/* What a crash at this moment would leave. */
static struct writer *open_after_crash(void)
{
    copy_file("");
    copy_file("-wal");
    copy_file(REDO_SUFFIX);
    return open_writer(crashed_path);
}

/* The commit fails from its nth file call on, and so do the attempts to mend the frame, to heal and to close:
 * `count` calls in all. What was reported as failed is in the log perhaps, where nobody could take it back.
 * False: there was no nth call. */
static bool close_round(long nth, long count)
{
    struct writer *writer = open_writer(path);
    assert_int_equal(put(writer, "first"), 0);
    fail_arm_many(FAIL_IO, nth, count);
    int r = put(writer, "second");
    bool fired = fail_fired(FAIL_IO);
    writer_close(&writer);
    fail_arm(FAIL_IO, 0);
    writer = open_writer(path);
    assert_true(has(writer, "first") && (r != 0 || has(writer, "second")));
    assert_int_equal(put(writer, "next"), 0);
    writer_close(&writer);
    writer = open_writer(path);
    assert_true(has(writer, "first") && has(writer, "next"));
    writer_close(&writer);
    assert_int_equal(io_unlink(path), 0);
    return fired;
}

static void test_close_after_a_failed_heal_loses_nothing(void **state UNUSED)
{
    for (long count = 1; count < 40; count += 3) {
        long nth = 1;
        while (close_round(nth, count))
            nth++;
        assert_true(nth > 2);
    }
}

/* The append fails from its nth file call on, `count` calls in all: the frame stands in the log, perhaps, and
 * nothing is in its place. Then the log is asked to begin anew. */
static bool torn_round(long nth, long count)
{
    struct writer *writer = open_writer(path);
    assert_int_equal(put(writer, "first"), 0);
    assert_int_equal(writer_flush(writer), 0);
    writer_watch(writer, &watch);
    fail_arm_many(FAIL_IO, nth, count);
    int r = put(writer, "failed");
    bool fired = fail_fired(FAIL_IO);
    fail_arm(FAIL_IO, 0);
    assert_int_equal(writer_restart_log(writer), 0);
    assert_int_equal(put(writer, "next"), 0);
    struct writer *crashed = open_after_crash();
    assert_true(has(crashed, "first") && has(crashed, "next"));
    assert_int_equal(has(crashed, "failed"), r == 0);
    writer_close(&crashed);
    writer_watch(writer, NULL);
    writer_close(&writer);
    assert_int_equal(io_unlink(path), 0);
    return fired;
}

static void test_log_with_a_torn_frame_does_not_begin_anew(void **state UNUSED)
{
    for (long count = 1; count <= 3; count++) {
        long nth = 1;
        while (torn_round(nth, count))
            nth++;
        assert_true(nth > 2);
    }
}

static void count_moves(void *arg, enum writer_want want)
{
    *(int *)arg += want == WRITER_MOVE;
}

/* Pages that are in the database are no reason to move any, until the log is to begin anew. */
static void test_log_that_was_moved_is_left_alone(void **state UNUSED)
{
    int moves = 0;
    const struct writer_watch counting = {.wants = count_moves,
                                          .arg = &moves,
                                          .batch_bytes = 1 << 20,
                                          .redo_bytes = 1 << 20,
                                          .move_pages = 12,
                                          .pause_pages = 40,
                                          .most_pages = 1000};
    struct writer *writer = open_writer(path);
    writer_watch(writer, &counting);
    put_many(writer, "a", 4);
    assert_true(moves > 0);
    int pages = (int)(wal_size() / PAGE); /* and some headers */
    writer_log_moved(writer, pages, true);
    moves = 0;
    put_many(writer, "b", 1);
    assert_int_equal(moves, 0);
    put_many(writer, "c", 2);
    assert_true(moves > 0);
    put_many(writer, "d", 4);
    writer_log_moved(writer, (int)(wal_size() / PAGE), true);
    moves = 0;
    put_many(writer, "e", 1);
    assert_int_equal(moves, 1);
    writer_watch(writer, NULL);
    writer_close(&writer);
    assert_int_equal(io_unlink(path), 0);
}

static int64_t redo_generation(void)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(1 << 20);
    char name[112];
    int64_t generation;
    (void)snprintf(name, sizeof(name), "%s" REDO_SUFFIX, path);
    assert_int_equal(io_read_file(name, &bytes), 0);
    memcpy(&generation, bytes.ptr + 8, sizeof(generation)); /* of the first frame's header (redo.c) */
    return generation;
}

struct moving {
    struct writer *writer;
    bool fails;
};

static bool move_all(void *arg)
{
    const struct moving *moving = arg;
    int pages = 0, moved = 0;
    int rc = sqlite3_wal_checkpoint_v2(conn_handle(writer_conn(moving->writer)), NULL,
                                       SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    return !moving->fails && rc == SQLITE_OK && pages == moved;
}

/* The redo log begins anew in the pause in which the database gets all of it, and not when it does not. */
static void test_pause_begins_the_redo_log_anew(void **state UNUSED)
{
    struct writer *writer = open_writer(path);
    struct moving moving = {writer, true};
    writer_watch(writer, &watch);
    assert_int_equal(put(writer, "before"), 0);
    int64_t generation = redo_generation();
    assert_int_equal(writer_pause(writer, move_all, &moving), 0);
    assert_int_equal(put(writer, "kept"), 0);
    assert_true(redo_generation() == generation);
    moving.fails = false;
    assert_int_equal(writer_pause(writer, move_all, &moving), 0);
    assert_int_equal(put(writer, "after"), 0);
    assert_true(redo_generation() == generation + 1);
    struct writer *crashed = open_after_crash();
    assert_true(has(crashed, "before") && has(crashed, "kept") && has(crashed, "after"));
    writer_close(&crashed);
    writer_watch(writer, NULL);
    writer_close(&writer);
    assert_int_equal(io_unlink(path), 0);
}

#define THREADS 4
#define EACH 150

struct worker {
    pthread_t thread;
    struct writer *writer;
    int number;
    int failed;
};

static bool undone(int i)
{
    return i % 7 == 3;
}

/* To be run by whoever needs the connection next. */
static int insert_later(struct writer *writer, const char *name)
{
    record(writer_records(writer), INSERT, "s", name);
    return buf_error(writer_records(writer));
}

/* Some have no savepoint, some only say what is to be done, and of each kind some are undone after they have
 * changed something. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    char name[32];
    static int (*const inserts[])(struct writer *, const char *) = {insert, insert, insert_later};
    for (int i = 0; i < EACH; i++) {
        (void)snprintf(name, sizeof(name), "%d-%d", worker->number, i);
        int r = writer_begin(worker->writer, i % 3 != 0);
        if (r == 0 && (r = inserts[i % 3](worker->writer, name)) == 0 && !undone(i))
            r = writer_commit(worker->writer, &nothing, NULL);
        else
            writer_undo(worker->writer);
        worker->failed += r != 0;
    }
    return NULL;
}

static void assert_worked(struct writer *writer)
{
    char name[32];
    for (int number = 0; number < THREADS; number++)
        for (int i = 0; i < EACH; i++) {
            (void)snprintf(name, sizeof(name), "%d-%d", number, i);
            assert_int_equal(has(writer, name), !undone(i));
        }
}

static void test_an_undone_transaction_without_savepoint_takes_nobody_with_it(void **state UNUSED)
{
    struct worker workers[THREADS];
    struct writer *writer = open_writer(path);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.writer = writer, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].failed, 0);
    }
    assert_worked(writer);
    struct writer *crashed = open_after_crash();
    assert_worked(crashed);
    writer_close(&crashed);
    writer_close(&writer);
}

/* It is undone while `count` file calls fail, from the nth on: what was acknowledged stays. */
static bool undo_round(long nth, long count)
{
    struct writer *writer = open_writer(path);
    assert_int_equal(put(writer, "first"), 0);
    assert_int_equal(writer_begin(writer, true), 0);
    assert_int_equal(insert(writer, "undone"), 0);
    fail_arm_many(FAIL_IO, nth, count);
    writer_undo(writer);
    bool fired = fail_fired(FAIL_IO);
    fail_arm(FAIL_IO, 0);
    assert_int_equal(put(writer, "next"), 0);
    assert_true(has(writer, "first") && has(writer, "next") && !has(writer, "undone"));
    struct writer *crashed = open_after_crash();
    assert_true(has(crashed, "first") && has(crashed, "next") && !has(crashed, "undone"));
    writer_close(&crashed);
    writer_close(&writer);
    assert_int_equal(io_unlink(path), 0);
    return fired;
}

static void test_undoing_without_savepoint_may_fail(void **state UNUSED)
{
    for (long count = 1; count <= 9; count += 4) {
        long nth = 1;
        while (undo_round(nth, count))
            nth++;
        assert_true(nth > 1);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_who_begins_moves_a_long_log),
        CASE(test_nobody_is_refused_for_a_reader_that_stays),
        CASE(test_close_after_a_failed_heal_loses_nothing),
        CASE(test_log_with_a_torn_frame_does_not_begin_anew),
        CASE(test_log_that_was_moved_is_left_alone),
        CASE(test_pause_begins_the_redo_log_anew),
        CASE(test_an_undone_transaction_without_savepoint_takes_nobody_with_it),
        CASE(test_undoing_without_savepoint_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
