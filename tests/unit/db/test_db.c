/* Transactions: visibility, savepoints, outcomes, migrations, groups shared by threads. */
#include "base/clock.h"
#include "base/io.h"
#include "base/wake.h"
#include "db/db.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct db_migration things_migrations[] = {
    {1, "CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT NOT NULL, body BYTEA);"
        "CREATE INDEX things_size ON things (size)"},
    {2, "ALTER TABLE things ADD COLUMN note TEXT"},
};
static const struct db_schema things = {"things", things_migrations, 2};
static const struct db_schema things_old = {"things", things_migrations, 1};

static char folder[64];
static char path[96];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-db-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    return 0;
}

static int teardown(void **state UNUSED)
{
    return io_remove_tree(folder);
}

static struct db *open_things(void)
{
    struct db *db = NULL;
    const char *schema = NULL;
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &things, 1, &schema), 0);
    return db;
}

static int put(struct tx *tx, const char *name, int64_t size)
{
    return tx_exec(tx, "INSERT INTO things (size, name) VALUES ($2, $1)", "si", name, size);
}

static int64_t count_in(struct tx *tx)
{
    struct rows *rows = NULL;
    assert_int_equal(tx_query_row(tx, &rows, "SELECT COUNT(*) FROM things", ""), 0);
    int64_t n = rows_int(rows, 0);
    rows_close(&rows);
    return n;
}

static int64_t count(struct db *db)
{
    struct tx *tx = NULL;
    assert_int_equal(db_read(db, &tx), 0);
    int64_t n = count_in(tx);
    db_end(&tx);
    return n;
}

static void test_commit_is_seen_and_undo_is_not(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL, *reader = NULL;
    assert_int_equal(db_read(db, &reader), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_true(tx_writes(tx));
    assert_int_equal(put(tx, "a", 1), 0);
    assert_int_equal(tx_changes(tx), 1);
    assert_int_equal(count_in(tx), 1);
    assert_int_equal(count_in(reader), 0);
    db_end(&reader);
    assert_int_equal(db_commit(&tx), 0);
    assert_null(tx);
    assert_int_equal(count(db), 1);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "b", 1), 0);
    db_end(&tx);
    assert_int_equal(count(db), 1);
    db_close(&db);
    db = open_things();
    assert_int_equal(count(db), 1);
    db_close(&db);
}

/* More pages than a savepoint keeps in memory. */
static void test_large_transaction_is_undone(void **state UNUSED)
{
    CLEANUP(db_close) struct db *db = open_things();
    struct tx *tx = NULL;
    char name[16];
    assert_int_equal(db_begin(db, &tx), 0);
    for (int64_t i = 0; i < 4000; i++) {
        (void)snprintf(name, sizeof(name), "t%lld", (long long)i);
        assert_int_equal(tx_exec(tx, "INSERT INTO things (name, size, body) VALUES ($1, $2, zeroblob(3000))",
                                 "si", name, i),
                         0);
    }
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "UPDATE things SET size = -1", ""), 0);
    db_end(&tx);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "DELETE FROM things WHERE size < 0", ""), 0);
    assert_int_equal(put(tx, "t4000", 4000), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count(db), 4001);
}

static void test_database_file_is_private(void **state UNUSED)
{
    struct db *db = open_things();
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    db_close(&db);
}

static void test_taken_key_is_an_outcome_and_the_transaction_goes_on(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "a", 1), 0);
    assert_int_equal(put(tx, "a", 2), DB_EXISTS);
    assert_int_equal(put(tx, "b", 2), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count(db), 2);
    db_close(&db);
}

static void test_faulty_statement_undoes_its_transaction_only(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "a", 1), 0);
    assert_true(tx_exec(tx, "INSERT INTO things (name, size) VALUES ($1, NULL)", "s", "x") < 0);
    assert_true(put(tx, "b", 1) < 0);
    assert_true(db_commit(&tx) < 0);
    assert_int_equal(count(db), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "a", 1), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count(db), 1);
    db_close(&db);
}

static void test_columns_keep_their_types(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    struct rows *rows = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "INSERT INTO things (name, size, body, note) VALUES ($1, $2, $3, $4)",
                             "Sibn", STR("name"), INT64_MIN, ((struct str){"\0\1", 2})),
                     0);
    assert_int_equal(
        tx_query_row(tx, &rows, "SELECT name, size, body, note FROM things WHERE name = $1", "s", "name"), 0);
    assert_true(str_eqc(rows_str(rows, 0), "name"));
    assert_true(rows_int(rows, 1) == INT64_MIN);
    assert_true(str_eq(rows_bytes(rows, 2), (struct str){"\0\1", 2}));
    assert_true(rows_null(rows, 3));
    assert_null(rows_text(rows, 3));
    assert_int_equal(rows_next(rows), DB_NONE);
    rows_close(&rows);
    assert_int_equal(tx_query_row(tx, &rows, "SELECT 1 FROM things WHERE name = $1", "s", "none"), DB_NONE);
    assert_null(rows);
    db_end(&tx);
    db_close(&db);
}

static void test_same_query_nests_in_itself(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "a", 1), 0);
    assert_int_equal(put(tx, "b", 2), 0);
    int pairs = 0;
    static const char *const all = "SELECT name FROM things ORDER BY name";
    struct rows *outer = NULL;
    assert_int_equal(tx_query(tx, &outer, all, ""), 0);
    while (rows_next(outer) == 0) {
        struct rows *inner = NULL;
        assert_int_equal(tx_query(tx, &inner, all, ""), 0);
        while (rows_next(inner) == 0)
            pairs++;
        rows_close(&inner);
    }
    rows_close(&outer);
    assert_int_equal(pairs, 4);
    db_end(&tx);
    db_close(&db);
}

static void test_topic_is_signalled_by_commit_only(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    wake_ticket ticket = wake_look("things/1");
    assert_int_equal(db_begin(db, &tx), 0);
    tx_wake(tx, "things/%d", 1);
    db_end(&tx);
    assert_false(wake_wait("things/1", ticket, clock_mono_ms()));
    assert_int_equal(db_begin(db, &tx), 0);
    tx_wake(tx, "things/%d", 1);
    assert_int_equal(db_commit(&tx), 0);
    assert_true(wake_wait("things/1", ticket, clock_mono_ms()));
    db_close(&db);
}

static void test_newer_schema_is_refused_untouched(void **state UNUSED)
{
    struct db *db = open_things();
    const char *schema = NULL;
    db_close(&db);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &things_old, 1, &schema), DB_NEWER);
    assert_string_equal(schema, "things");
    db_close(&db);
}

static void test_migrations_go_forward(void **state UNUSED)
{
    struct db *db = NULL;
    const char *schema = NULL;
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &things_old, 1, &schema), 0);
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "kept", 1), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_migrate(db, &things, 1, &schema), 0);
    assert_int_equal(db_migrate(db, &things, 1, &schema), 0);
    assert_int_equal(count(db), 1);
    db_close(&db);
}

static void test_reader_keeps_its_snapshot(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *reader = NULL, *tx = NULL;
    assert_int_equal(db_read(db, &reader), 0);
    assert_int_equal(count_in(reader), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "a", 1), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(count_in(reader), 0);
    db_end(&reader);
    assert_int_equal(count(db), 1);
    db_close(&db);
}

#define CALLERS 16
#define EACH 60

struct caller {
    pthread_t thread;
    struct db *db;
    int number;
};

/* Every third transaction is undone, every fourth meets a taken key first. */
static void *caller_run(void *arg)
{
    struct caller *caller = arg;
    for (int i = 0; i < EACH; i++) {
        char name[32];
        struct tx *tx = NULL;
        (void)snprintf(name, sizeof(name), "%d-%d", caller->number, i);
        assert(db_begin(caller->db, &tx) == 0);
        if (i % 4 == 0)
            assert(put(tx, "taken", 0) == DB_EXISTS);
        assert(put(tx, name, i) == 0);
        if (i % 3 == 0)
            db_end(&tx);
        else
            assert(db_commit(&tx) == 0);
    }
    return NULL;
}

static void test_many_callers_share_groups_and_keep_their_own_work(void **state UNUSED)
{
    struct db *db = open_things();
    struct caller callers[CALLERS];
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "taken", 0), 0);
    assert_int_equal(db_commit(&tx), 0);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.db = db, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, caller_run, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i].thread, NULL);
    int64_t expected = 1 + CALLERS * (EACH - EACH / 3);
    assert_int_equal(count(db), expected);
    assert_true((int64_t)db_stats(db).commits >= expected);
    assert_true(db_stats(db).groups < db_stats(db).commits);
    db_close(&db);
    db = open_things();
    assert_int_equal(count(db), expected);
    db_close(&db);
}

static void test_log_is_moved_while_writers_run(void **state UNUSED)
{
    struct db *db = open_things();
    char wal[128];
    char body[20000] = "x";
    struct stat found;
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    for (int i = 0; i < 3000; i++) {
        struct tx *tx = NULL;
        char name[16];
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(db_begin(db, &tx), 0);
        assert_int_equal(tx_exec(tx, "INSERT INTO things (name, size, body) VALUES ($1, 0, $2)", "sb", name,
                                 ((struct str){body, sizeof(body)})),
                         0);
        assert_int_equal(db_commit(&tx), 0);
    }
    assert_int_equal(stat(wal, &found), 0);
    assert_true(found.st_size < 50 * 1024 * 1024); /* 3,000 bodies are 72 MB of log */
    (void)snprintf(wal, sizeof(wal), "%s-redo", path);
    assert_int_equal(stat(wal, &found), 0);
    assert_true(found.st_size < 50 * 1024 * 1024); /* and 60 MB of the redo log */
    db_close(&db);
    assert_int_equal(access(wal, F_OK), -1);
    db = open_things();
    assert_int_equal(count(db), 3000);
    db_close(&db);
}

/* Whether others see it yet or not: a look sees all that was committed, and its end is no commit of anything.
 */
static void test_look_sees_what_was_committed(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(db_begin(db, &tx), 0);
        assert_int_equal(put(tx, name, i), 0);
        assert_int_equal(db_commit(&tx), 0);
        if (i % 5 == 0)
            assert_int_equal(count(db), i + 1);
        assert_int_equal(db_look(db, DB_ANYTHING, &tx), 0);
        assert_false(tx_writes(tx));
        assert_int_equal(count_in(tx), i + 1);
        if (i % 2)
            db_end(&tx);
        else
            assert_int_equal(db_commit(&tx), 0);
        assert_null(tx);
    }
    assert_int_equal(count(db), 20);
    db_close(&db);
}

/* Another process copies the database while commits are in the redo log alone, and the copy goes its own way.
 */
static void test_copy_has_what_was_committed(void **state UNUSED)
{
    struct db *db = open_things(), *copy = NULL;
    struct tx *tx = NULL;
    char to[128], name[16];
    const char *schema = NULL;
    (void)snprintf(to, sizeof(to), "%s/copy.db", folder);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(db_begin(db, &tx), 0);
        assert_int_equal(put(tx, name, i), 0);
        assert_int_equal(db_commit(&tx), 0);
        if (i % 7 == 0)
            assert_int_equal(count(db), i + 1);
        assert_int_equal(db_copy(path, to), 0);
        assert_int_equal(db_open(to, &copy), 0);
        assert_int_equal(db_migrate(copy, &things, 1, &schema), 0);
        assert_int_equal(count(copy), i + 1);
        db_close(&copy);
    }
    db_close(&db);
}

static void test_database_is_open_for_writing_once(void **state UNUSED)
{
    struct db *db = open_things(), *second = NULL;
    assert_int_equal(db_open(path, &second), -EBUSY);
    assert_null(second);
    db_close(&db);
}

/* It has nothing to be made durable, nor to be undone, which without a savepoint all wait for. */
static void statement_that_changes_no_row_leaves_no_record(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    uint64_t groups = db_stats(db).groups;
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "UPDATE things SET size = 1 WHERE name = $1", "s", "none"), 0);
    assert_int_equal(tx_changes(tx), 0);
    assert_int_equal(tx_exec(tx, "DELETE FROM things WHERE name = $1", "s", "none"), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_stats(db).groups, groups);
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(put(tx, "one", 1), 0);
    assert_int_equal(tx_exec(tx, "UPDATE things SET size = 2 WHERE name = $1", "s", "one"), 0);
    assert_int_equal(tx_changes(tx), 1);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_stats(db).groups, groups + 1);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "CREATE TABLE others (name TEXT)", ""), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_stats(db).groups, groups + 2);
    db_close(&db);
}

static uint64_t epoch_of_next(struct db *db, bool changes, bool undone)
{
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    if (changes)
        assert_int_equal(tx_exec(tx, "UPDATE things SET size = size + 1", ""), 0);
    uint64_t epoch = tx_epoch(tx);
    if (undone)
        db_end(&tx);
    else
        assert_int_equal(db_commit(&tx), 0);
    return epoch;
}

/* Within one epoch nothing that a transaction has seen is undone. */
static void epoch_ends_with_what_is_undone(void **state UNUSED)
{
    struct db *db = open_things();
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(put(tx, "one", 1), 0);
    uint64_t epoch = tx_epoch(tx);
    assert_int_equal(db_commit(&tx), 0);
    assert_true(epoch != 0);
    assert_true(epoch_of_next(db, true, false) == epoch);
    assert_true(epoch_of_next(db, false, true) == epoch);
    assert_true(epoch_of_next(db, true, true) == epoch);
    uint64_t next = epoch_of_next(db, false, false);
    assert_true(next != epoch);
    assert_int_equal(db_look(db, DB_ANYTHING, &tx), 0);
    assert_true(tx_epoch(tx) == next);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_read(db, &tx), 0);
    assert_true(tx_epoch(tx) == 0);
    db_end(&tx);
    db_close(&db);
    db = open_things();
    epoch = epoch_of_next(db, false, false);
    assert_true(epoch != 0 && epoch != next);
    db_close(&db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_commit_is_seen_and_undo_is_not),
        CASE(test_large_transaction_is_undone),
        CASE(test_database_file_is_private),
        CASE(test_taken_key_is_an_outcome_and_the_transaction_goes_on),
        CASE(test_faulty_statement_undoes_its_transaction_only),
        CASE(test_columns_keep_their_types),
        CASE(test_same_query_nests_in_itself),
        CASE(test_topic_is_signalled_by_commit_only),
        CASE(test_newer_schema_is_refused_untouched),
        CASE(test_migrations_go_forward),
        CASE(test_reader_keeps_its_snapshot),
        CASE(test_many_callers_share_groups_and_keep_their_own_work),
        CASE(test_log_is_moved_while_writers_run),
        CASE(test_look_sees_what_was_committed),
        CASE(test_copy_has_what_was_committed),
        CASE(test_database_is_open_for_writing_once),
        CASE(statement_that_changes_no_row_leaves_no_record),
        CASE(epoch_ends_with_what_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
