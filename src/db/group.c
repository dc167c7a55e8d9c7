/* Group commit by flat combining. States of the writer, seen by the turn's holder:
 *   no group       SQLite has no transaction open
 *   group open     SQLite's transaction is open and holds the work of group->members callers
 *   group lost     SQLite has rolled back by itself: every member fails, the next begin opens a new group
 *
 * A commit whose sync failed may have left a whole transaction in the log file, where a crash would revive
 * it although its callers were told of a failure. So after a failed commit a barrier (a tiny transaction at
 * the same place in the log) is committed before anything else; until it succeeds all writes are refused. */
#include "db/group.h"
#include "base/mem.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUP_MAX 512 /* members; then the next to give up the turn commits */

struct group {
    _Atomic uint32_t done; /* a futex */
    atomic_uint refs;
    unsigned members; /* committed into the group so far; the turn's holder's */
    int result;       /* 0 or a fault, once done */
};

struct writer {
    pthread_mutex_t turn;
    atomic_uint waiting; /* callers at the mutex */
    struct conn *conn;
    struct group *group; /* NULL: none open */
    bool in_savepoint;   /* the holder's transaction is not the group's first */
    bool need_barrier;
    int log_pages;
    int log_limit;
    void (*log_grown)(void *arg);
    void *log_arg;
    atomic_ullong commits;
    atomic_ullong groups;
};

static int log_hook(void *arg, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
    ((struct writer *)arg)->log_pages = pages;
    return SQLITE_OK;
}

int writer_open(const char *path, struct writer **ret)
{
    CLEANUP(writer_close) struct writer *writer = mem_alloc(sizeof(*writer));
    if (!writer)
        return FAULT(ENOMEM);
    pthread_mutex_init(&writer->turn, NULL);
    int r = conn_open(path, (struct conn_options){.cache_kib = 2048, .writes = true}, &writer->conn);
    if (r == 0)
        r = conn_run(writer->conn, "CREATE TABLE IF NOT EXISTS slipway_barrier (passed BIGINT NOT NULL)");
    if (r == 0)
        r = conn_run(writer->conn, "INSERT INTO slipway_barrier (passed) SELECT 0 "
                                   "WHERE NOT EXISTS (SELECT 1 FROM slipway_barrier)");
    if (r < 0)
        return r;
    (void)sqlite3_wal_hook(conn_handle(writer->conn), log_hook, writer);
    *ret = take(writer);
    return 0;
}

void writer_close(struct writer **writer)
{
    if (!*writer)
        return;
    assert(!(*writer)->group);
    conn_close(&(*writer)->conn);
    pthread_mutex_destroy(&(*writer)->turn);
    free(*writer);
    *writer = NULL;
}

struct conn *writer_conn(struct writer *writer)
{
    return writer->conn;
}

struct db_stats writer_stats(struct writer *writer)
{
    return (struct db_stats){.commits = atomic_load(&writer->commits),
                             .groups = atomic_load(&writer->groups)};
}

bool writer_lost(struct writer *writer)
{
    return sqlite3_get_autocommit(conn_handle(writer->conn)) != 0;
}

static void turn_take(struct writer *writer)
{
    atomic_fetch_add(&writer->waiting, 1);
    pthread_mutex_lock(&writer->turn);
    atomic_fetch_sub(&writer->waiting, 1);
}

static void turn_give(struct writer *writer)
{
    pthread_mutex_unlock(&writer->turn);
}

static void group_unref(struct group *group)
{
    if (atomic_fetch_sub(&group->refs, 1) == 1)
        free(group);
}

static void group_finish(struct writer *writer, int result)
{
    struct group *group = take(writer->group);
    if (result == 0) {
        atomic_fetch_add(&writer->commits, group->members);
        atomic_fetch_add(&writer->groups, 1);
    }
    group->result = result;
    atomic_store(&group->done, 1);
    (void)syscall(SYS_futex, &group->done, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    group_unref(group);
}

static int group_wait(struct group *group)
{
    while (atomic_load(&group->done) == 0)
        (void)syscall(SYS_futex, &group->done, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    int result = group->result;
    group_unref(group);
    return result;
}

static void undo_all(struct writer *writer)
{
    if (writer_lost(writer))
        return;
    int r = conn_run(writer->conn, "ROLLBACK");
    if (r < 0 && !writer_lost(writer)) /* the cached statement could not be had: try without */
        (void)sqlite3_exec(conn_handle(writer->conn), "ROLLBACK", NULL, NULL, NULL);
}

static int barrier(struct writer *writer)
{
    int r = conn_run(writer->conn, "BEGIN IMMEDIATE");
    if (r == 0)
        r = conn_run(writer->conn, "UPDATE slipway_barrier SET passed = passed + 1");
    if (r == 0)
        r = conn_run(writer->conn, "COMMIT");
    if (r < 0)
        undo_all(writer);
    writer->need_barrier = r < 0;
    return r;
}

/* Commits the open group, tells its members, and leaves no group. */
static void group_commit(struct writer *writer)
{
    int r = 0;
    if (writer_lost(writer)) {
        r = FAULT(EIO);
    } else {
        r = conn_run(writer->conn, writer->group->members > 0 ? "COMMIT" : "ROLLBACK");
        if (r < 0) {
            undo_all(writer);
            (void)barrier(writer); /* its failure is kept in need_barrier */
        }
    }
    bool grown = r == 0 && writer->log_grown && writer->log_pages >= writer->log_limit;
    group_finish(writer, r);
    if (grown)
        writer->log_grown(writer->log_arg);
}

static bool group_is_due(struct writer *writer)
{
    return writer->group->members >= GROUP_MAX || writer_lost(writer) || atomic_load(&writer->waiting) == 0;
}

static int group_open(struct writer *writer)
{
    if (writer->need_barrier) {
        int r = barrier(writer);
        if (r < 0)
            return r;
    }
    undo_all(writer); /* does nothing, unless an earlier rollback could not be had */
    struct group *group = mem_alloc(sizeof(*group));
    if (!group)
        return FAULT(ENOMEM);
    int r = conn_run(writer->conn, "BEGIN IMMEDIATE");
    if (r < 0) {
        free(group);
        return r;
    }
    atomic_store(&group->refs, 1);
    writer->group = group;
    return 0;
}

int writer_begin(struct writer *writer)
{
    turn_take(writer);
    int r = 0;
    writer->in_savepoint = writer->group && writer->group->members > 0;
    if (!writer->group)
        r = group_open(writer);
    else if (writer->in_savepoint)
        r = conn_run(writer->conn, "SAVEPOINT caller");
    if (r < 0) {
        if (writer->group && group_is_due(writer))
            group_commit(writer);
        turn_give(writer);
    }
    return r;
}

static void undo_own(struct writer *writer)
{
    if (writer_lost(writer))
        return;
    if (!writer->in_savepoint) {
        undo_all(writer);
        return;
    }
    int r = conn_run(writer->conn, "ROLLBACK TO caller");
    if (r == 0)
        r = conn_run(writer->conn, "RELEASE caller");
    if (r < 0) /* the caller's part cannot be told from the others': the group is lost */
        undo_all(writer);
}

void writer_undo(struct writer *writer)
{
    undo_own(writer);
    if (writer->group->members == 0)
        free(take(writer->group)); /* nobody waits for it; SQLite's transaction is closed */
    else if (group_is_due(writer))
        group_commit(writer);
    turn_give(writer);
}

int writer_commit(struct writer *writer)
{
    struct group *group = writer->group;
    if (writer_lost(writer)) {
        writer_undo(writer);
        return FAULT(EIO);
    }
    if (writer->in_savepoint) {
        int r = conn_run(writer->conn, "RELEASE caller");
        if (r < 0) {
            writer_undo(writer);
            return r;
        }
    }
    group->members++;
    atomic_fetch_add(&group->refs, 1);
    if (group_is_due(writer))
        group_commit(writer);
    turn_give(writer);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyser does not count references; one is ours */
    return group_wait(group);
}

void writer_pause(struct writer *writer, void (*checkpoint)(void *arg), void *arg)
{
    turn_take(writer);
    if (writer->group)
        group_commit(writer);
    checkpoint(arg);
    turn_give(writer);
}

void writer_watch_log(struct writer *writer, int pages, void (*grown)(void *arg), void *arg)
{
    turn_take(writer);
    writer->log_limit = pages;
    writer->log_grown = grown;
    writer->log_arg = arg;
    if (writer->group && group_is_due(writer))
        group_commit(writer);
    turn_give(writer);
}
