/* Statements and rows within a transaction. */
#include "base/mem.h"
#include "base/wake.h"
#include "db/record.h"
#include "db/store.h"
#include <stdarg.h>
#include <stdio.h>

struct rows {
    struct tx *tx;
    struct stmt *stmt;
    int first; /* what the first step said, until rows_next tells it; 0: nothing */
};

bool tx_writes(const struct tx *tx)
{
    return tx->writes;
}

uint64_t tx_epoch(const struct tx *tx)
{
    return tx->turn ? writer_epoch(tx->db->writer) : 0;
}

void tx_touches(struct tx *tx, uint64_t subject)
{
    assert(tx->writes);
    touched_add(&tx->touched, subject);
}

void tx_touches_no_more(struct tx *tx)
{
    assert(tx->writes);
    tx->touches_no_more = true;
}

int64_t tx_changes(struct tx *tx)
{
    return tx->changes;
}

/* Keeps the first fault, after which the transaction can only be undone. */
static int tx_failed(struct tx *tx, int r)
{
    if (r < 0 && tx->fault == 0)
        tx->fault = r;
    return r;
}

static void topic_add(struct tx *tx, bool soon, const char *topic_fmt, va_list args)
{
    assert(tx->writes);
    struct topic *topic = mem_alloc(sizeof(*topic) + WAKE_TOPIC_MAX);
    if (!topic) {
        (void)tx_failed(tx, FAULT(ENOMEM));
        return;
    }
    int len = vsnprintf(topic->name, WAKE_TOPIC_MAX, topic_fmt, args);
    assert(len >= 0);
    topic->soon = soon;
    topic->next = tx->topics;
    tx->topics = topic;
}

void tx_wake(struct tx *tx, const char *topic_fmt, ...)
{
    va_list args;
    va_start(args, topic_fmt);
    topic_add(tx, false, topic_fmt, args);
    va_end(args);
}

void tx_wake_soon(struct tx *tx, const char *topic_fmt, ...)
{
    va_list args;
    va_start(args, topic_fmt);
    topic_add(tx, true, topic_fmt, args);
    va_end(args);
}

/* `whose`: SQLITE_STATIC where the bytes outlive the statement's run, else SQLITE_TRANSIENT copies them. */
static int bind_str(sqlite3_stmt *handle, int index, struct str s, bool bytes, sqlite3_destructor_type whose)
{
    if (!s.ptr)
        return sqlite3_bind_null(handle, index);
    if (bytes)
        return sqlite3_bind_blob64(handle, index, s.ptr, s.len, whose);
    return sqlite3_bind_text64(handle, index, s.ptr, s.len, whose, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *handle, int index, char type, va_list *args, sqlite3_destructor_type whose)
{
    switch (type) {
    case 's':
        return bind_str(handle, index, str_of(va_arg(*args, const char *)), false, whose);
    case 'S':
        return bind_str(handle, index, va_arg(*args, struct str), false, whose);
    case 'b':
        return bind_str(handle, index, va_arg(*args, struct str), true, whose);
    case 'i':
        return sqlite3_bind_int64(handle, index, va_arg(*args, int64_t));
    case 'n':
        return sqlite3_bind_null(handle, index);
    default:
        assert(!"parameter type is one of s S b i n");
        return SQLITE_MISUSE;
    }
}

static int stmt_start(struct tx *tx, const char *sql, const char *types, va_list *args,
                      sqlite3_destructor_type whose, struct stmt **ret)
{
    if (tx->fault)
        return tx->fault;
    struct stmt *stmt;
    int r = tx->turn && tx->writes ? writer_claim(tx->db->writer) : 0;
    if (r == 0)
        r = conn_prepare(tx->conn, sql, &stmt);
    if (r != 0)
        return tx_failed(tx, r);
    assert(strlen(types) == stmt->parameters);
    for (unsigned i = 0; i < stmt->parameters; i++) {
        assert(stmt->index[i] > 0); /* every $N up to the highest appears in the SQL */
        int rc = bind_one(stmt->handle, stmt->index[i], types[i], args, whose);
        if (rc != SQLITE_OK) {
            r = conn_fault(tx->conn, rc, sql);
            assert(r != 0);
            conn_release(stmt);
            return tx_failed(tx, r);
        }
    }
    *ret = stmt;
    return 0;
}

/* Rows, by the statement that was done last. */
static int64_t changes_of(const struct tx *tx)
{
    return sqlite3_changes64(conn_handle(tx->conn));
}

static int stmt_failed(struct tx *tx, struct stmt *stmt, int rc)
{
    int r = conn_fault(tx->conn, rc, stmt->sql);
    if (tx->turn && writer_lost(tx->db->writer))
        return tx_failed(tx, r > 0 ? FAULT(EIO) : r);
    return tx_failed(tx, r);
}

/* A writing statement's first step, which makes all of its changes, and its record if it made any. */
static int step_recorded(struct tx *tx, struct stmt *stmt, const char *types, va_list *args)
{
    struct buf *records = writer_records(tx->db->writer);
    size_t before = records->len;
    record_statement(records, stmt->sql, types, args);
    int rc = buf_error(records) ? SQLITE_NOMEM : sqlite3_step(stmt->handle);
    bool changed = rc == SQLITE_ROW || (rc == SQLITE_DONE && !(stmt->of_rows && changes_of(tx) == 0));
    if (!changed && !buf_error(records))
        records->len = before;
    return rc;
}

static int exec(struct tx *tx, const char *sql, const char *types, va_list *args)
{
    assert(tx->writes);
    struct stmt *stmt;
    va_list again;
    va_copy(again, *args);
    int r = stmt_start(tx, sql, types, args, SQLITE_STATIC, &stmt);
    if (r == 0) {
        int rc = step_recorded(tx, stmt, types, &again);
        assert(rc != SQLITE_ROW);
        if (rc == SQLITE_DONE)
            tx->changes = changes_of(tx);
        else
            r = stmt_failed(tx, stmt, rc);
        conn_release(stmt);
    }
    va_end(again);
    return r;
}

int tx_exec(struct tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int r = exec(tx, sql, types, &args);
    va_end(args);
    return r;
}

static int record(struct tx *tx, const char *sql, const char *types, va_list *args)
{
    struct buf *records = writer_records(tx->db->writer);
    if (tx->fault)
        return tx->fault;
    record_statement(records, sql, types, args);
    return tx_failed(tx, buf_error(records));
}

int tx_later(struct tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    bool now = tx->db->at_once || writer_has_claimed(tx->db->writer);
    int r = now ? exec(tx, sql, types, &args) : record(tx, sql, types, &args);
    va_end(args);
    assert(r != DB_EXISTS);
    return r;
}

static int query_start(struct tx *tx, struct rows **ret, const char *sql, const char *types, va_list *args)
{
    struct rows *rows = mem_alloc(sizeof(*rows));
    va_list again;
    if (!rows)
        return tx_failed(tx, FAULT(ENOMEM));
    va_copy(again, *args);
    int r = stmt_start(tx, sql, types, args, SQLITE_TRANSIENT, &rows->stmt);
    assert(r != 0 || tx->writes || sqlite3_stmt_readonly(rows->stmt->handle));
    if (r == 0 && !sqlite3_stmt_readonly(rows->stmt->handle)) {
        rows->first = step_recorded(tx, rows->stmt, types, &again);
        if (rows->first != SQLITE_ROW && rows->first != SQLITE_DONE) {
            r = stmt_failed(tx, rows->stmt, rows->first);
            conn_release(rows->stmt);
        }
    }
    va_end(again);
    if (r != 0) {
        free(rows);
        return r;
    }
    rows->tx = tx;
    tx->open_rows++;
    *ret = rows;
    return 0;
}

int tx_query(struct tx *tx, struct rows **ret, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int r = query_start(tx, ret, sql, types, &args);
    va_end(args);
    return r;
}

int tx_query_row(struct tx *tx, struct rows **ret, const char *sql, const char *types, ...)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    va_list args;
    va_start(args, types);
    int r = query_start(tx, &rows, sql, types, &args);
    va_end(args);
    if (r == 0)
        r = rows_next(rows);
    if (r == 0)
        *ret = take(rows);
    return r;
}

int rows_next(struct rows *rows)
{
    int rc = rows->first ? rows->first : sqlite3_step(rows->stmt->handle);
    rows->first = 0;
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? DB_NONE : stmt_failed(rows->tx, rows->stmt, rc);
}

void rows_close(struct rows **rows)
{
    if (!*rows)
        return;
    (*rows)->tx->open_rows--;
    conn_release((*rows)->stmt);
    free(*rows);
    *rows = NULL;
}

int64_t rows_int(struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->stmt->handle, column);
}

const char *rows_text(struct rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->stmt->handle, column);
}

struct str rows_str(struct rows *rows, int column)
{
    const char *text = rows_text(rows, column);
    return (struct str){text, text ? (size_t)sqlite3_column_bytes(rows->stmt->handle, column) : 0};
}

struct str rows_bytes(struct rows *rows, int column)
{
    const void *bytes = sqlite3_column_blob(rows->stmt->handle, column);
    return (struct str){bytes, bytes ? (size_t)sqlite3_column_bytes(rows->stmt->handle, column) : 0};
}

bool rows_null(struct rows *rows, int column)
{
    return sqlite3_column_type(rows->stmt->handle, column) == SQLITE_NULL;
}

int tx_run_script(struct tx *tx, const char *sql)
{
    record_script(writer_records(tx->db->writer), sql);
    int rc = sqlite3_exec(conn_handle(tx->conn), sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return 0;
    int r = conn_fault(tx->conn, rc, sql);
    return tx_failed(tx, r > 0 ? FAULT(EINVAL) : r);
}
