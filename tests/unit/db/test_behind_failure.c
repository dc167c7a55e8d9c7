/* What happens when what was acknowledged cannot be run: the nth allocation of the thread that runs it fails,
 * or a statement breaks a constraint. Nobody reads less than was acknowledged, and nobody who goes by the
 * epoch takes for true what was left out. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/io.h"
#include "db/db.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define HUNG_S 300 /* a disk may be slow */
#define BODY_BYTES 2000
#define ENOUGH 26 /* of them wake the thread */
#define LARGE_BYTES 50000
#define MANY 60 /* large ones: far more than are left to the thread */
#define IDLE_ROUNDS 3
#define START_US 5000 /* then the thread waits to be woken */
#define MEANWHILE_US 20000
#define QUIET_US 100000 /* then the thread has nothing to do, and who waits is where he waits */

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE item (name BIGINT PRIMARY KEY, body BYTEA NOT NULL);"
        "CREATE TABLE note (id TEXT PRIMARY KEY, body TEXT NOT NULL);"
        "CREATE UNIQUE INDEX note_body ON note (body);"},
};
static const struct db_schema schema = {"item", migrations, 1};

static char folder[64];
static char path[96];

/* ---- the thread: which of its allocations fails, and how long it takes; -Wl,--wrap=fail_now and
 * --wrap=pthread_mutex_unlock */

static void rest(int64_t us)
{
    for (int64_t until_us = clock_mono_us() + us; clock_mono_us() < until_us;)
        (void)sched_yield();
}

bool __real_fail_now(enum fail_kind kind);
bool __wrap_fail_now(enum fail_kind kind);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

static atomic_long countdown; /* to the one that fails; 0: none */
static atomic_bool held;      /* it waits with the connection until this is over */
static atomic_bool slow;      /* others go on before it does, whenever it has given a lock up */

static bool is_behind(void)
{
    static _Thread_local int known; /* 0: not asked yet */
    char name[16] = "";
    if (known == 0)
        known = pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && !strcmp(name, "db-behind")
                    ? 1
                    : -1;
    return known > 0;
}

bool __wrap_fail_now(enum fail_kind kind)
{
    if (kind != FAIL_ALLOC || !is_behind())
        return __real_fail_now(kind);
    if (atomic_load(&countdown) == 0 || atomic_fetch_sub(&countdown, 1) != 1)
        return false;
    while (atomic_load(&held))
        (void)sched_yield();
    return true;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int r = __real_pthread_mutex_unlock(mutex);
    if (atomic_load(&slow) && is_behind())
        rest(MEANWHILE_US);
    return r;
}

static void arm(long nth, bool holds)
{
    atomic_store(&held, holds);
    atomic_store(&countdown, nth);
}

static void disarm(void)
{
    atomic_store(&countdown, 0);
    atomic_store(&slow, false);
    atomic_store(&held, false);
}

/* False: the thread has come to rest without it. */
static bool wait_until_met(void)
{
    for (int64_t until_us = clock_mono_us() + QUIET_US;
         clock_mono_us() < until_us && atomic_load(&countdown) != 0;)
        (void)sched_yield();
    return atomic_exchange(&countdown, 0) == 0;
}

/* ---- */

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-behind-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    (void)alarm(HUNG_S);
    return 0;
}

static int teardown(void **state UNUSED)
{
    disarm();
    (void)alarm(0);
    return io_remove_tree(folder);
}

static struct db *open_db(void)
{
    const char *name = NULL;
    struct db *db = NULL;
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &schema, 1, &name), 0);
    rest(START_US);
    return db;
}

static void reopen(struct db **db)
{
    db_close(db);
    *db = open_db();
}

static int put_body(struct db *db, int64_t name, struct str body)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    if (r == 0)
        r = tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "ib", name, body);
    return r == 0 ? db_commit(&tx) : r;
}

static int put_large(struct db *db, int64_t name)
{
    static const char body[LARGE_BYTES];
    return put_body(db, name, (struct str){body, sizeof(body)});
}

static int put(struct db *db, int64_t name)
{
    static const char body[BODY_BYTES];
    return put_body(db, name, (struct str){body, sizeof(body)});
}

/* A value is NULL that must not be. */
static int put_bad(struct db *db, int64_t name)
{
    return put_body(db, name, (struct str){0});
}

static int64_t count(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(db_read(db, &tx), 0);
    assert_int_equal(tx_query_row(tx, &rows, "SELECT count(*) FROM item", ""), 0);
    return rows_int(rows, 0);
}

static uint64_t epoch_of(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin_sure(db, &tx), 0);
    return tx_epoch(tx);
}

/* ---- memory is short in the thread */

/* Enough for the thread, which gives way after some of them. */
static int put_enough(struct db *db)
{
    static const char body[BODY_BYTES];
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    for (int64_t name = 0; r == 0 && name < ENOUGH; name++)
        r = tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "ib", name,
                     ((struct str){body, sizeof(body)}));
    return r == 0 ? db_commit(&tx) : r;
}

/* Whoever reads behind it finds all that was acknowledged. */
static bool round_fails(long nth)
{
    struct db *db = open_db();
    uint64_t epoch = epoch_of(db);
    arm(nth, false);
    int64_t acknowledged = put_enough(db) == 0 ? ENOUGH : 0;
    bool met = wait_until_met();
    assert_int_equal(count(db), acknowledged);
    assert_true(met || (acknowledged == ENOUGH && epoch_of(db) == epoch));
    assert_int_equal(put(db, ENOUGH), 0);
    reopen(&db);
    assert_int_equal(count(db), acknowledged + 1);
    db_close(&db);
    assert_int_equal(io_unlink(path), 0);
    return met;
}

static void test_whatever_the_thread_cannot_get(void **state UNUSED)
{
    long nth = 1;
    for (int idle = 0; idle < IDLE_ROUNDS;) /* another may have been there before the thread */
        round_fails(nth) ? (void)nth++ : (void)idle++;
    assert_true(nth > 1);
}

struct reader {
    pthread_t thread;
    struct db *db;
    int64_t found;
};

static void *read_thread(void *arg)
{
    struct reader *reader = arg;
    reader->found = count(reader->db);
    return NULL;
}

/* A statement that allocates before it changes anything: when that fails SQLite keeps the transaction. */
static int put_made(struct db *db, int64_t name)
{
    static char body[LARGE_BYTES];
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    memset(body, 'x', sizeof(body));
    if (r == 0)
        r = tx_later(tx,
                     "INSERT INTO item (name, body) SELECT $1, group_concat(v, '-')"
                     " FROM (SELECT $2 AS v UNION SELECT 'a' ORDER BY 1)",
                     "iS", name, ((struct str){body, sizeof(body)}));
    return r == 0 ? db_commit(&tx) : r;
}

/* He is the next to have the connection when the thread fails: at a row's last step, and nothing is left. */
static bool round_reads(struct db *db, long nth, int *ret_epochs)
{
    struct reader reader = {.db = db};
    int64_t before = count(db);
    uint64_t epoch = epoch_of(db);
    arm(nth, true);
    assert_int_equal(put_made(db, before), 0);
    bool met = wait_until_met();
    assert_int_equal(pthread_create(&reader.thread, NULL, read_thread, &reader), 0);
    rest(MEANWHILE_US);
    atomic_store(&slow, true);
    atomic_store(&held, false);
    assert_int_equal(pthread_join(reader.thread, NULL), 0);
    disarm();
    assert_int_equal(reader.found, before + 1);
    *ret_epochs += epoch_of(db) != epoch;
    return met;
}

static void test_who_waits_for_the_connection_meanwhile_reads_all(void **state UNUSED)
{
    struct db *db = open_db();
    long nth = 1;
    int epochs = 0;
    assert_int_equal(put_made(db, 0), 0); /* its statement is prepared, and what fails is its step */
    for (int idle = 0; idle < IDLE_ROUNDS;)
        round_reads(db, nth, &epochs) ? (void)nth++ : (void)idle++;
    assert_true(nth > 1 && epochs > 0); /* some of them SQLite can do without */
    db_close(&db);
}

/* What cannot be run is durable already, and what he did can be. */
static void test_who_commits_meanwhile_is_told_of_no_failure(void **state UNUSED)
{
    struct db *db = open_db();
    CLEANUP(db_end) struct tx *tx = NULL;
    int64_t name = 0;
    do {
        arm(1, true);
        assert_int_equal(put_large(db, name++), 0);
    } while (!wait_until_met() && name < MANY);
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "ib", name, STR("x")), 0);
    disarm();
    rest(MEANWHILE_US);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count(db), name + 1);
    reopen(&db);
    assert_int_equal(count(db), name + 1);
    db_close(&db);
}

/* ---- a row that breaks a constraint */

static void test_a_bad_row_is_left_out_and_the_rest_goes_on(void **state UNUSED)
{
    struct db *db = open_db();
    uint64_t epoch = epoch_of(db);
    assert_int_equal(put(db, 1), 0);
    assert_int_equal(put_bad(db, 2), 0);
    assert_int_equal(put(db, 3), 0);
    assert_int_equal(put_bad(db, 3), 0);
    assert_int_equal(count(db), 2);
    assert_true(epoch_of(db) != epoch);
    epoch = epoch_of(db);
    assert_int_equal(put(db, 4), 0);
    assert_int_equal(count(db), 3);
    assert_true(epoch_of(db) == epoch);
    reopen(&db);
    assert_int_equal(count(db), 3);
    db_close(&db);
}

static void copy_file(const char *suffix, const char *to_folder)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(64 << 20);
    char from[128], to[128];
    (void)snprintf(from, sizeof(from), "%s%s", path, suffix);
    (void)snprintf(to, sizeof(to), "%s/crash.db%s", to_folder, suffix);
    if (io_read_file(from, &bytes) == 0)
        assert_int_equal(io_write_file_atomic(to, buf_str(&bytes), 0600), 0);
}

/* It is in the redo log, from which all is run again. */
static void test_it_is_left_out_after_a_crash_too(void **state UNUSED)
{
    struct db *db = open_db();
    assert_int_equal(put(db, 1), 0);
    assert_int_equal(put_bad(db, 2), 0);
    assert_int_equal(put(db, 3), 0);
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-redo", NULL}; *suffix; suffix++)
        copy_file(*suffix, folder);
    db_close(&db);
    (void)snprintf(path, sizeof(path), "%s/crash.db", folder);
    db = open_db();
    assert_int_equal(count(db), 2);
    assert_int_equal(put(db, 4), 0);
    db_close(&db);
}

/* It is in the redo log, from which all is run again. */
static void test_it_is_left_out_when_all_is_done_again_too(void **state UNUSED)
{
    struct db *db = open_db();
    assert_int_equal(put(db, 1), 0);
    assert_int_equal(put_bad(db, 2), 0);
    assert_int_equal(put(db, 3), 0);
    {
        CLEANUP(db_end) struct tx *tx = NULL; /* undone after it has changed something */
        assert_int_equal(db_begin_sure(db, &tx), 0);
        assert_int_equal(tx_exec(tx, "DELETE FROM item", ""), 0);
    }
    assert_int_equal(count(db), 2);
    db_close(&db);
}

static int note_of(struct db *db, const char *sql, const char *id, const char *body)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    if (r == 0)
        r = tx_later(tx, sql, "ss", id, body);
    return r == 0 ? db_commit(&tx) : r;
}

static int note(struct db *db, const char *sql, const char *body)
{
    return note_of(db, sql, "a", body);
}

static void expect_note(struct db *db, const char *body)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(db_read(db, &tx), 0);
    assert_int_equal(tx_query_row(tx, &rows, "SELECT body FROM note WHERE id = 'a'", ""), 0);
    assert_string_equal(rows_text(rows, 0), body);
}

/* A change that stands for the one before it: that one is made all the same. */
static void test_what_a_bad_change_stood_for_is_made(void **state UNUSED)
{
    static const char make[] = "INSERT INTO note (id, body) VALUES ($1, $2)";
    static const char change[] = "UPDATE note SET body = $2 WHERE id = $1";
    struct db *db = open_db();
    assert_int_equal(note(db, make, "made"), 0);
    expect_note(db, "made");
    uint64_t epoch = epoch_of(db);
    assert_int_equal(note(db, change, "changed"), 0);
    assert_int_equal(note(db, change, NULL), 0);
    assert_int_equal(put(db, 1), 0);
    expect_note(db, "changed");
    assert_int_equal(count(db), 1);
    assert_true(epoch_of(db) != epoch);
    db_close(&db);
}

/* A change that made room for another row, and was left out for a later one: nothing is lost. */
static void test_what_a_skipped_change_made_room_for_is_made(void **state UNUSED)
{
    static const char make[] = "INSERT INTO note (id, body) VALUES ($1, $2)";
    static const char change[] = "UPDATE note SET body = $2 WHERE id = $1";
    struct db *db = open_db();
    assert_int_equal(note(db, make, "room"), 0);
    expect_note(db, "room");
    assert_int_equal(note(db, change, "gone"), 0);
    assert_int_equal(note_of(db, make, "b", "room"), 0);
    assert_int_equal(note(db, change, "far gone"), 0);
    expect_note(db, "far gone");
    {
        CLEANUP(db_end) struct tx *tx = NULL;
        CLEANUP(rows_close) struct rows *rows = NULL;
        assert_int_equal(db_read(db, &tx), 0);
        assert_int_equal(tx_query_row(tx, &rows, "SELECT 1 FROM note WHERE id = 'b' AND body = 'room'", ""),
                         0);
    }
    db_close(&db);
}

/* The transaction's own, which it is told of. */
static void test_who_needs_it_at_once_is_told(void **state UNUSED)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct db *db = open_db();
    assert_int_equal(put(db, 1), 0);
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "in", INT64_C(2)), 0);
    assert_true(tx_query_row(tx, &rows, "SELECT 1 FROM item WHERE name = 2", "") < 0);
    db_end(&tx);
    db_run_at_once(db, true);
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_true(tx_later(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "in", INT64_C(2)) < 0);
    db_end(&tx);
    assert_int_equal(count(db), 1);
    db_close(&db);
}

/* ---- much is left */

/* Of what is not run there is never much more. */
struct putter {
    pthread_t thread;
    struct db *db;
    atomic_int acknowledged;
};

static void *put_thread(void *arg)
{
    struct putter *putter = arg;
    for (int i = 0; i < MANY && put_large(putter->db, i) == 0; i++)
        atomic_fetch_add(&putter->acknowledged, 1);
    return NULL;
}

static void test_whoever_begins_waits_when_much_is_left(void **state UNUSED)
{
    struct db *db = open_db();
    struct putter putter = {.db = db};
    int before = -1;
    arm(1, true);
    assert_int_equal(pthread_create(&putter.thread, NULL, put_thread, &putter), 0);
    for (int now; (now = atomic_load(&putter.acknowledged)) != before; before = now)
        rest(QUIET_US);
    assert_true(before < MANY);
    disarm();
    assert_int_equal(pthread_join(putter.thread, NULL), 0);
    assert_int_equal(count(db), putter.acknowledged);
    db_close(&db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_whatever_the_thread_cannot_get),
        CASE(test_who_waits_for_the_connection_meanwhile_reads_all),
        CASE(test_who_commits_meanwhile_is_told_of_no_failure),
        CASE(test_a_bad_row_is_left_out_and_the_rest_goes_on),
        CASE(test_it_is_left_out_after_a_crash_too),
        CASE(test_it_is_left_out_when_all_is_done_again_too),
        CASE(test_what_a_bad_change_stood_for_is_made),
        CASE(test_what_a_skipped_change_made_room_for_is_made),
        CASE(test_who_needs_it_at_once_is_told),
        CASE(test_whoever_begins_waits_when_much_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
