/* `slipway_redo` has one row: up to where the redo log is in the database. It is changed by the commit that
 * brings the database there, so that frames are never run twice nor left out.
 *
 * Commits of the batch are not synced (synchronous=NORMAL): a crash of the machine may set the database back
 * to an earlier one, whose row tells from where to read. So the log begins anew only when SQLite's own log
 * has been synced. */
#include "db/batch.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "db/gather.h"
#include "db/record.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FRAME_MAX ((size_t)1 << 30)
#define POSITION_TABLE                                                                                       \
    "CREATE TABLE IF NOT EXISTS slipway_redo (generation BIGINT NOT NULL, position BIGINT NOT NULL)"
#define POSITION_SET "UPDATE slipway_redo SET generation = $1, position = $2"

struct batch {
    struct conn *conn;
    struct redo *redo;
    char *path;
    struct redo_position flushed; /* the database has all up to here */
    bool open;
};

struct conn *batch_conn(struct batch *batch)
{
    return batch->conn;
}

struct redo *batch_redo(struct batch *batch)
{
    return batch->redo;
}

static bool same(struct redo_position a, struct redo_position b)
{
    return a.generation == b.generation && a.offset == b.offset;
}

int64_t batch_log_bytes(const struct batch *batch)
{
    return redo_at(batch->redo).offset;
}

/* ---- how far the database has come */

static int position_load(struct conn *conn, struct redo_position *ret)
{
    struct stmt *stmt;
    int r = conn_prepare(conn, "SELECT generation, position FROM slipway_redo", &stmt);
    if (r < 0)
        return r;
    int rc = sqlite3_step(stmt->handle);
    if (rc == SQLITE_ROW)
        *ret = (struct redo_position){sqlite3_column_int64(stmt->handle, 0),
                                      sqlite3_column_int64(stmt->handle, 1)};
    else
        r = rc == SQLITE_DONE ? DB_NONE : conn_fault(conn, rc, stmt->sql);
    conn_release(stmt);
    return r > 0 && r != DB_NONE ? FAULT(EIO) : r;
}

static int position_store(struct conn *conn, const char *sql, struct redo_position at)
{
    struct stmt *stmt;
    int r = conn_prepare(conn, sql, &stmt);
    if (r < 0)
        return r;
    int rc = sqlite3_bind_int64(stmt->handle, stmt->index[0], at.generation);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt->handle, stmt->index[1], at.offset);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt->handle);
    r = rc == SQLITE_DONE ? 0 : conn_fault(conn, rc, sql);
    conn_release(stmt);
    return r > 0 ? FAULT(EIO) : r;
}

static int position_prepare(struct batch *batch)
{
    int r = conn_run(batch->conn, POSITION_TABLE);
    if (r == 0)
        r = position_load(batch->conn, &batch->flushed);
    if (r != DB_NONE)
        return r;
    batch->flushed = (struct redo_position){redo_new_generation(), 0};
    return position_store(batch->conn, "INSERT INTO slipway_redo (generation, position) VALUES ($1, $2)",
                          batch->flushed);
}

/* ---- the transaction */

static bool in_transaction(const struct batch *batch)
{
    return sqlite3_get_autocommit(conn_handle(batch->conn)) == 0;
}

bool batch_is_open(const struct batch *batch)
{
    return batch->open;
}

bool batch_lost(const struct batch *batch)
{
    return batch->open && !in_transaction(batch);
}

int batch_begin(struct batch *batch)
{
    if (batch->open)
        return 0;
    int r = conn_run(batch->conn, "BEGIN IMMEDIATE");
    batch->open = r == 0;
    return r;
}

int batch_flush(struct batch *batch)
{
    struct redo_position at = redo_at(batch->redo);
    int r = 0;
    if (!batch->open)
        return 0;
    if (!same(at, batch->flushed))
        r = position_store(batch->conn, POSITION_SET, at);
    gather_begin();
    if (r == 0)
        r = conn_run(batch->conn, "COMMIT");
    gather_end();
    if (r < 0)
        return r;
    batch->open = false;
    batch->flushed = at;
    return 0;
}

static void undo(struct batch *batch)
{
    int r = in_transaction(batch) ? conn_run(batch->conn, "ROLLBACK") : 0;
    if (r < 0 && in_transaction(batch)) /* the cached statement could not be had: try without */
        (void)sqlite3_exec(conn_handle(batch->conn), "ROLLBACK", NULL, NULL, NULL);
    batch->open = in_transaction(batch);
}

/* Runs what the log has, up to `end` or to its own end. */
static int run_again(struct conn *conn, struct redo *redo, int64_t end)
{
    CLEANUP(replay_free) struct replay *replay = NULL;
    CLEANUP(buf_free) struct buf frame = BUF_INIT(FRAME_MAX);
    int r = replay_new(conn, &replay);
    if (r == 0)
        replay_leaves_out(replay, NULL);
    while (r == 0 && redo_at(redo).offset < end) {
        r = redo_read(redo, &frame);
        if (r == 0)
            r = replay_run(replay, buf_str(&frame));
    }
    return r == REDO_NONE ? 0 : r;
}

int batch_move_log(struct batch *batch)
{
    int rc = sqlite3_wal_checkpoint_v2(conn_handle(batch->conn), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK || rc == SQLITE_BUSY) /* busy: another moves them just now */
        return 0;
    int r = conn_fault(batch->conn, rc, "checkpoint");
    return r > 0 ? FAULT(EIO) : r;
}

int batch_heal(struct batch *batch)
{
    struct redo_position end = redo_at(batch->redo);
    undo(batch);
    if (batch->open)
        return FAULT(EIO);
    int r = batch_move_log(batch); /* a log that begins anew has room on a full disk */
    if (r < 0)
        log_debug("db", "SQLite's log stays long: %s", strerror(-r));
    r = batch_begin(batch);
    redo_seek(batch->redo, batch->flushed);
    if (r == 0)
        r = run_again(batch->conn, batch->redo, end.offset);
    if (r == 0 && redo_at(batch->redo).offset != end.offset)
        r = FAULT(EBADMSG); /* a frame that was synced cannot be read back */
    redo_seek(batch->redo, end);
    if (r < 0)
        undo(batch);
    return r;
}

/* ---- the files */

/* SQLite's log, which has no locks: another descriptor of it may be closed. */
static int wal_open(const char *path)
{
    char wal[PATH_MAX];
    if (snprintf(wal, sizeof(wal), "%s-wal", path) >= (int)sizeof(wal))
        return FAULT(ENAMETOOLONG);
    return io_open(wal, O_RDWR, 0);
}

int batch_sync(const struct batch *batch)
{
    CLEANUP(close_fd) int fd = wal_open(batch->path);
    return fd < 0 ? fd : io_fdatasync(fd);
}

/* What is acknowledged must find room in SQLite's log, or nobody could read it. */
static void reserve(const struct batch *batch)
{
    CLEANUP(close_fd) int fd = wal_open(batch->path);
    if (fd < 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, BATCH_RESERVED_BYTES) != 0)
        log_debug("db", "%s-wal: no room is reserved: %s", batch->path, strerror(fd < 0 ? -fd : errno));
}

void batch_restart(struct batch *batch)
{
    assert(!batch->open);
    if (redo_is_torn(batch->redo)) /* the frame that failed is to be overwritten where it is */
        return;
    redo_restart(batch->redo);
    batch->flushed = redo_at(batch->redo);
}

static int recover(struct batch *batch)
{
    redo_seek(batch->redo, batch->flushed);
    if (redo_is_new(batch->redo)) {
        batch_restart(batch);
        return 0;
    }
    int r = batch_begin(batch);
    if (r == 0)
        r = run_again(batch->conn, batch->redo, INT64_MAX);
    if (r == 0)
        r = batch_flush(batch);
    if (r < 0)
        undo(batch);
    return r;
}

static int run_log_of(struct conn *copy, struct redo *redo)
{
    struct redo_position at = {0};
    bool restarted = false;
    int r = position_load(copy, &at);
    if (r != 0)
        return r == DB_NONE ? FAULT(EBADMSG) : r;
    redo_seek(redo, at);
    r = run_again(copy, redo, INT64_MAX);
    if (r == 0)
        r = redo_was_restarted(redo, &restarted);
    return r == 0 && restarted ? BATCH_AGAIN : r;
}

int batch_catch_up(struct conn *copy, struct redo *redo)
{
    int r = conn_run(copy, "BEGIN IMMEDIATE");
    if (r == 0)
        r = conn_run(copy, POSITION_TABLE); /* of earlier versions' databases */
    if (r == 0 && redo)
        r = run_log_of(copy, redo);
    if (r == 0)
        r = position_store(copy, POSITION_SET, (struct redo_position){redo_new_generation(), 0});
    return r == 0 ? conn_run(copy, "COMMIT") : r;
}

static void batch_free(struct batch **batch)
{
    if (!*batch)
        return;
    conn_close(&(*batch)->conn);
    redo_close(&(*batch)->redo);
    free((*batch)->path);
    free(*batch);
    *batch = NULL;
}

int batch_open(const char *path, struct batch **ret)
{
    CLEANUP(batch_free) struct batch *batch = mem_alloc(sizeof(*batch));
    if (!batch)
        return FAULT(ENOMEM);
    batch->path = str_dup(str_of(path));
    if (!batch->path)
        return FAULT(ENOMEM);
    int r = redo_open(path, &batch->redo);
    if (r != 0)
        return r == REDO_BUSY ? FAULT(EBUSY) : r;
    r = conn_open(path, (struct conn_options){.cache_kib = 8192, .writes = true}, &batch->conn);
    if (r == 0)
        r = position_prepare(batch);
    if (r == 0)
        r = conn_run(batch->conn, "DROP TABLE IF EXISTS slipway_barrier"); /* of earlier versions */
    if (r == 0)
        r = recover(batch);
    if (r == 0)
        r = conn_run(batch->conn, "PRAGMA synchronous=NORMAL");
    if (r < 0)
        return r;
    reserve(batch);
    *ret = take(batch);
    return 0;
}

/* SQLite has moved its log into the database and removed it, when no other connection is left. */
static bool is_one_file(const char *path)
{
    char wal[PATH_MAX];
    return snprintf(wal, sizeof(wal), "%s-wal", path) < (int)sizeof(wal) && access(wal, F_OK) != 0 &&
           errno == ENOENT;
}

void batch_close(struct batch **batch)
{
    if (!*batch)
        return;
    bool flushed = !(*batch)->open && same(redo_at((*batch)->redo), (*batch)->flushed);
    undo(*batch);
    conn_close(&(*batch)->conn);
    int r = flushed && is_one_file((*batch)->path) ? redo_remove((*batch)->path) : 0;
    if (r < 0) /* it is read again, and has nothing to tell */
        log_debug("db", "%s" REDO_SUFFIX " stays: %s", (*batch)->path, strerror(-r));
    batch_free(batch);
}
