/* The redo log: what was appended is read again, in order, up to the first frame that is not whole; frames of
 * older generations and of other databases never are. Records lead from the same state to the same state. */
#include "base/io.h"
#include "db/inject.h"
#include "db/record.h"
#include "db/redo.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static char path[96];
static char log_path[112];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-redo-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    (void)snprintf(log_path, sizeof(log_path), "%s" REDO_SUFFIX, path);
    return inject_install();
}

static int teardown(void **state UNUSED)
{
    return io_remove_tree(folder);
}

static struct redo *open_log(struct redo_position at)
{
    struct redo *redo = NULL;
    assert_int_equal(redo_open(path, &redo), 0);
    redo_seek(redo, at);
    return redo;
}

static void append(struct redo *redo, const char *content)
{
    CLEANUP(buf_free) struct buf frame = BUF_INIT(1 << 20);
    assert_non_null(buf_extend(&frame, REDO_HEADER_SIZE));
    buf_puts(&frame, content);
    assert_int_equal(redo_append(redo, &frame), 0);
}

/* All that is read from there on, each frame followed by a comma. */
static void expect(struct redo *redo, struct redo_position from, const char *expected)
{
    CLEANUP(buf_free) struct buf frame = BUF_INIT(1 << 20);
    CLEANUP(buf_free) struct buf all = BUF_INIT(1 << 20);
    int r;
    redo_seek(redo, from);
    while ((r = redo_read(redo, &frame)) == 0) {
        buf_put_str(&all, buf_str(&frame));
        buf_putc(&all, ',');
    }
    assert_int_equal(r, REDO_NONE);
    assert_true(str_eqc(buf_str(&all), expected));
}

static const struct redo_position start = {7, 0};

static void test_frames_are_read_in_order_from_anywhere(void **state UNUSED)
{
    CLEANUP(redo_close) struct redo *redo = open_log(start);
    assert_true(redo_is_new(redo));
    append(redo, "one");
    struct redo_position second = redo_at(redo);
    append(redo, "");
    append(redo, "three");
    struct redo_position end = redo_at(redo);
    expect(redo, start, "one,,three,");
    expect(redo, second, ",three,");
    expect(redo, end, "");
    assert_true(redo_at(redo).offset == end.offset);
    assert_false(redo_is_new(redo));
}

static void spoil(int64_t offset)
{
    CLEANUP(close_fd) int fd = io_open(log_path, O_RDWR, 0);
    char byte;
    assert_true(fd >= 0);
    assert_int_equal(io_pread_all(fd, &byte, 1, offset), 0);
    byte = (char)(byte ^ 1);
    assert_int_equal(io_pwrite_all(fd, &byte, 1, offset), 0);
}

static void test_frame_that_is_not_whole_ends_the_log(void **state UNUSED)
{
    CLEANUP(redo_close) struct redo *redo = open_log(start);
    append(redo, "one");
    struct redo_position second = redo_at(redo);
    append(redo, "two");
    append(redo, "three");
    for (int64_t byte = 0; byte < REDO_HEADER_SIZE + 3; byte++) {
        spoil(second.offset + byte);
        expect(redo, start, "one,");
        spoil(second.offset + byte);
    }
    expect(redo, start, "one,two,three,");
    assert_int_equal(truncate(log_path, second.offset + REDO_HEADER_SIZE + 1), 0);
    redo_close(&redo);
    redo = open_log(start);
    expect(redo, start, "one,");
}

static void test_older_generations_are_not_read(void **state UNUSED)
{
    CLEANUP(redo_close) struct redo *redo = open_log(start);
    bool restarted = true;
    append(redo, "aaaa");
    append(redo, "bbbb");
    struct redo_position end = redo_at(redo);
    redo_restart(redo);
    append(redo, "cccc"); /* where the first was: the second stands behind it, whole */
    expect(redo, (struct redo_position){8, 0}, "cccc,");
    expect(redo, end, "cccc,"); /* who has all of the old one goes on */
    expect(redo, start, "");    /* who has not is told that it is gone */
    assert_int_equal(redo_was_restarted(redo, &restarted), 0);
    assert_true(restarted);
    redo_seek(redo, (struct redo_position){8, 0});
    assert_int_equal(redo_was_restarted(redo, &restarted), 0);
    assert_false(restarted);
    expect(redo, (struct redo_position){6, 0}, "");
    expect(redo, (struct redo_position){9, 0}, "");
}

static void test_log_has_one_writer_and_any_reader(void **state UNUSED)
{
    CLEANUP(redo_close) struct redo *reader = NULL;
    assert_int_equal(redo_open_reading(path, &reader), REDO_NONE);
    CLEANUP(redo_close) struct redo *redo = open_log(start);
    CLEANUP(redo_close) struct redo *second = NULL;
    append(redo, "one");
    assert_int_equal(redo_open(path, &second), REDO_BUSY);
    assert_int_equal(redo_open_reading(path, &reader), 0);
    expect(reader, start, "one,");
}

/* ---- records */

static struct conn *open_database(const char *name)
{
    struct conn *conn = NULL;
    char file[128];
    (void)snprintf(file, sizeof(file), "%s/%s", folder, name);
    assert_int_equal(conn_open(file, (struct conn_options){.cache_kib = 64, .writes = true}, &conn), 0);
    return conn;
}

static void record(struct buf *buf, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    record_statement(buf, sql, types, &args);
    va_end(args);
}

static void make_records(struct buf *buf)
{
    record_script(buf, "CREATE TABLE t (a TEXT PRIMARY KEY, b BYTEA, c BIGINT); CREATE INDEX t_c ON t (c)");
    record(buf, "INSERT INTO t (c, b, a) VALUES ($3, $2, $1)", "sbi", "one", ((struct str){"\0x", 2}),
           INT64_MIN);
    record(buf, "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)", "Ssn", STR("two"), (const char *)NULL);
    record(buf, "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)", "sbi", "", ((struct str){"", 0}), (int64_t)3);
    record(buf, "UPDATE t SET c = 4 WHERE c = $1 RETURNING a", "i", (int64_t)3);
    assert_int_equal(buf_error(buf), 0);
}

static const char *const all_rows =
    "SELECT group_concat(quote(a) || quote(b) || coalesce(c, 'null'), ';') FROM (SELECT * FROM t ORDER BY a)";

static void test_records_run_again(void **state UNUSED)
{
    CLEANUP(conn_close) struct conn *conn = open_database("again");
    CLEANUP(replay_free) struct replay *replay = NULL;
    CLEANUP(buf_free) struct buf records = BUF_INIT(1 << 16);
    CLEANUP(stmt_free) struct stmt *stmt = NULL;
    make_records(&records);
    assert_int_equal(replay_new(conn, &replay), 0);
    assert_int_equal(replay_run(replay, buf_str(&records)), 0);
    assert_int_equal(stmt_new(conn, all_rows, &stmt), 0);
    assert_int_equal(sqlite3_step(stmt->handle), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt->handle, 0),
                        "''X''4;'one'X'0078'-9223372036854775808;'two'NULLnull");
}

static void test_bytes_that_are_no_records_are_refused(void **state UNUSED)
{
    CLEANUP(conn_close) struct conn *conn = open_database("cut");
    CLEANUP(buf_free) struct buf records = BUF_INIT(1 << 16);
    int whole = 0;
    make_records(&records);
    for (size_t len = 1; len <= records.len; len++) {
        CLEANUP(replay_free) struct replay *replay = NULL;
        assert_int_equal(conn_run(conn, "BEGIN IMMEDIATE"), 0);
        assert_int_equal(replay_new(conn, &replay), 0);
        int r = replay_run(replay, (struct str){records.ptr, len});
        assert_true(r <= 0);
        whole += r == 0;
        assert_int_equal(conn_run(conn, "ROLLBACK"), 0);
    }
    assert_int_equal(whole, 5); /* as many as there are records: cut between two of them */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_frames_are_read_in_order_from_anywhere),
        CASE(test_frame_that_is_not_whole_ends_the_log),
        CASE(test_older_generations_are_not_read),
        CASE(test_log_has_one_writer_and_any_reader),
        CASE(test_records_run_again),
        CASE(test_bytes_that_are_no_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
