/* Statements that are recorded and run later (tx_later): whoever reads finds them done, whoever undoes them
 * leaves nothing, and what was acknowledged is there after a crash, whichever call failed meanwhile. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/io.h"
#include "db/db.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define HUNG_S 300 /* a disk may be slow */
#define BODY_BYTES 2000
#define MANY 100 /* of them are enough for the thread, and not so many that a writer runs them */
#define THREADS 4
#define EACH 300

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE item (name TEXT PRIMARY KEY, body BYTEA);"
        "CREATE TABLE counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);"
        "INSERT INTO counter (id, value) VALUES (1, 0);"},
};
static const struct db_schema schema = {"item", migrations, 1};

static char folder[64];
static char path[96];
static char crashed_path[96];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-behind-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    (void)snprintf(crashed_path, sizeof(crashed_path), "%s/crash.db", folder);
    (void)alarm(HUNG_S);
    return 0;
}

static int teardown(void **state UNUSED)
{
    fail_arm(FAIL_IO, 0);
    fail_arm(FAIL_ALLOC, 0);
    (void)alarm(0);
    return io_remove_tree(folder);
}

static struct db *open_at(const char *file)
{
    const char *name = NULL;
    struct db *db = NULL;
    assert_int_equal(db_open(file, &db), 0);
    assert_int_equal(db_migrate(db, &schema, 1, &name), 0);
    return db;
}

static int say(struct tx *tx, const char *name)
{
    static const char body[BODY_BYTES];
    int r = tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "sb", name,
                     ((struct str){body, sizeof(body)}));
    return r ? r : tx_later(tx, "UPDATE counter SET value = value + 1 WHERE id = $1", "i", INT64_C(1));
}

static int try_put(struct db *db, const char *name)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    if (r == 0)
        r = say(tx, name);
    return r == 0 ? db_commit(&tx) : r;
}

static int find(struct tx *tx, const char *name)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    return tx_query_row(tx, &rows, "SELECT 1 FROM item WHERE name = $1", "s", name);
}

static int look(struct db *db, struct tx **ret)
{
    return db_look(db, DB_ANYTHING, ret);
}

typedef int opening(struct db *db, struct tx **ret);

static int try_find(struct db *db, opening *open, const char *name)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = open(db, &tx);
    if (r == 0)
        r = find(tx, name);
    if (r < 0 || open == db_read)
        return r;
    int committed = db_commit(&tx);
    return committed ? committed : r;
}

static bool has(struct db *db, const char *name)
{
    int r = try_find(db, db_begin, name);
    assert_true(r >= 0);
    return r == 0;
}

static int64_t count(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(
        tx_query_row(tx, &rows, "SELECT value, (SELECT count(*) FROM item) FROM counter WHERE id = 1", ""),
        0);
    assert_int_equal(rows_int(rows, 0), rows_int(rows, 1));
    return rows_int(rows, 0);
}

static uint64_t epoch_of(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin_sure(db, &tx), 0);
    return tx_epoch(tx);
}

static struct db *open_after_crash(void)
{
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-redo", NULL}; *suffix; suffix++) {
        CLEANUP(buf_free) struct buf bytes = BUF_INIT(64 << 20);
        char from[128], to[128];
        (void)snprintf(from, sizeof(from), "%s%s", path, *suffix);
        (void)snprintf(to, sizeof(to), "%s%s", crashed_path, *suffix);
        assert_int_equal(io_unlink(to), 0);
        if (io_read_file(from, &bytes) == 0)
            assert_int_equal(io_write_file_atomic(to, buf_str(&bytes), 0600), 0);
    }
    return open_at(crashed_path);
}

static void test_whoever_reads_finds_it_done(void **state UNUSED)
{
    static opening *const opens[] = {db_begin, db_begin_sure, db_read, look};
    struct db *db = open_at(path);
    for (size_t i = 0; i < ARRAY_LEN(opens); i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "item %zu", i);
        assert_int_equal(try_put(db, name), 0);
        assert_int_equal(try_find(db, opens[i], name), 0);
    }
    assert_int_equal(count(db), ARRAY_LEN(opens));
    db_close(&db);
}

static void test_a_transaction_reads_what_it_left_for_later(void **state UNUSED)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct db *db = open_at(path);
    assert_int_equal(try_put(db, "of another"), 0);
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(say(tx, "before"), 0);
    assert_int_equal(find(tx, "before"), 0);
    assert_int_equal(find(tx, "of another"), 0);
    assert_int_equal(say(tx, "after"), 0);
    assert_int_equal(find(tx, "after"), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count(db), 3);
    db_close(&db);
}

static void test_what_is_undone_leaves_nothing_but_another_epoch(void **state UNUSED)
{
    struct db *db = open_at(path), *other = open_at(crashed_path);
    uint64_t epoch = epoch_of(db);
    assert_true(epoch != 0 && epoch != epoch_of(other));
    assert_int_equal(try_put(db, "stays"), 0);
    assert_int_equal(epoch_of(db), epoch);
    for (int reads = 0; reads < 2; reads++) {
        struct tx *tx = NULL;
        epoch = epoch_of(db);
        assert_int_equal(db_begin_sure(db, &tx), 0);
        assert_int_equal(say(tx, "goes"), 0);
        if (reads)
            assert_int_equal(find(tx, "goes"), 0);
        db_end(&tx);
        assert_true(epoch_of(db) != epoch);
        assert_true(has(db, "stays") && !has(db, "goes"));
    }
    db_close(&other);
    db_close(&db);
}

static void test_it_is_there_after_a_crash(void **state UNUSED)
{
    struct db *db = open_at(path);
    assert_int_equal(try_put(db, "item"), 0);
    struct db *crashed = open_after_crash();
    assert_true(has(crashed, "item"));
    db_close(&crashed);
    db_close(&db);
    db = open_at(path);
    assert_int_equal(count(db), 1);
    db_close(&db);
}

/* A look that must not wait is refused while there is much left. */
static void test_nobody_has_to_read_for_it_to_be_run(void **state UNUSED)
{
    struct db *db = open_at(path);
    int r;
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "item %d", i);
        assert_int_equal(try_put(db, name), 0);
    }
    do {
        CLEANUP(db_end) struct tx *tx = NULL;
        r = db_look_soon(db, DB_ANYTHING, &tx);
        (void)sched_yield();
    } while (r == DB_BUSY);
    assert_int_equal(r, 0);
    assert_int_equal(count(db), MANY);
    db_close(&db);
}

/* The nth call fails while it is said and committed, or while it is run for who reads. */
static bool round_fails(enum fail_kind kind, long nth, bool reading, opening *open)
{
    struct db *db = open_at(path);
    assert_int_equal(try_put(db, "before"), 0);
    if (!reading)
        fail_arm(kind, nth);
    int r = try_put(db, "item");
    if (reading)
        fail_arm(kind, nth);
    int found = try_find(db, open, "item");
    bool fired = fail_fired(kind);
    fail_arm(kind, 0);
    assert_true(r <= 0 && (fired || r == 0));
    assert_true(found < 0 || (found == 0) == (r == 0));
    assert_true(has(db, "before") && has(db, "item") == (r == 0));
    struct db *crashed = open_after_crash();
    assert_true(has(crashed, "before") && has(crashed, "item") == (r == 0));
    db_close(&crashed);
    assert_int_equal(try_put(db, "next"), 0);
    assert_int_equal(count(db), r == 0 ? 3 : 2);
    db_close(&db);
    assert_int_equal(io_unlink(path), 0);
    return fired;
}

static void test_every_call_may_fail(void **state UNUSED)
{
    static const struct {
        bool reading;
        opening *open;
    } ways[] = {{false, db_begin}, {true, db_begin}, {true, look}};
    for (enum fail_kind kind = FAIL_ALLOC; kind < FAIL_KINDS; kind++)
        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
            long nth = 1;
            while (round_fails(kind, nth, ways[i].reading, ways[i].open))
                nth++;
            assert_true(nth > 1 || kind == FAIL_IO); /* not everybody needs the disk */
        }
}

struct worker {
    pthread_t thread;
    struct db *db;
    int number;
    int failed;
    int64_t kept;
};

/* Some are undone, some read on the way. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < EACH; i++) {
        CLEANUP(db_end) struct tx *tx = NULL;
        char name[32];
        (void)snprintf(name, sizeof(name), "%d-%d", worker->number, i);
        int r = i % 10 == 9 ? db_begin(worker->db, &tx) : db_begin_sure(worker->db, &tx);
        if (r == 0)
            r = say(tx, name);
        if (r == 0 && i % 7 == 3)
            r = find(tx, name);
        if (r == 0 && i % 11 != 5) {
            r = db_commit(&tx);
            worker->kept += r == 0;
        }
        worker->failed += r != 0;
    }
    return NULL;
}

static void test_many_at_once(void **state UNUSED)
{
    struct db *db = open_at(path);
    struct worker workers[THREADS];
    int64_t kept = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.db = db, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].failed, 0);
        kept += workers[i].kept;
    }
    assert_int_equal(count(db), kept);
    struct db *crashed = open_after_crash();
    assert_int_equal(count(crashed), kept);
    db_close(&crashed);
    db_close(&db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_whoever_reads_finds_it_done),
        CASE(test_a_transaction_reads_what_it_left_for_later),
        CASE(test_what_is_undone_leaves_nothing_but_another_epoch),
        CASE(test_it_is_there_after_a_crash),
        CASE(test_nobody_has_to_read_for_it_to_be_run),
        CASE(test_every_call_may_fail),
        CASE(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
