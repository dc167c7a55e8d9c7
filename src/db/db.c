/* The open database: reader connections, and transactions from begin to end. */
#include "db/db.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/wake.h"
#include "db/inject.h"
#include "db/store.h"
#include <fcntl.h>

static void db_free(struct db **db)
{
    if (!*db)
        return;
    checkpoint_stop(&(*db)->checkpoint);
    for (size_t i = 0; i < (*db)->readers_idle; i++)
        conn_close(&(*db)->readers[i]);
    writer_close(&(*db)->writer);
    pthread_mutex_destroy(&(*db)->readers_lock);
    free((*db)->path);
    free(*db);
    *db = NULL;
}

int db_open(const char *path, struct db **ret)
{
    int r = inject_install();
    if (r < 0)
        return r;
    int fd = io_open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return fd;
    /* Before SQLite has it open: closing any descriptor of a file gives up all of the process's POSIX locks
     * on it, and another process, a backup, would take itself for the last user and remove the log. */
    close_fd(&fd);
    CLEANUP(db_free) struct db *db = mem_alloc(sizeof(*db));
    if (!db)
        return FAULT(ENOMEM);
    pthread_mutex_init(&db->readers_lock, NULL);
    db->path = str_dup(str_of(path));
    if (!db->path)
        return FAULT(ENOMEM);
    r = writer_open(path, &db->writer);
    if (r == 0)
        r = checkpoint_start(path, db->writer, &db->checkpoint);
    if (r < 0)
        return r;
    *ret = take(db);
    return 0;
}

void db_close(struct db **db)
{
    db_free(db);
}

struct db_stats db_stats(struct db *db)
{
    return writer_stats(db->writer);
}

void db_run_at_once(struct db *db, bool at_once)
{
    db->at_once = at_once;
}

static int reader_take(struct db *db, struct conn **ret)
{
    struct conn *conn = NULL;
    pthread_mutex_lock(&db->readers_lock);
    if (db->readers_idle > 0)
        conn = db->readers[--db->readers_idle];
    pthread_mutex_unlock(&db->readers_lock);
    if (!conn)
        return conn_open(db->path, (struct conn_options){.cache_kib = 512}, ret);
    *ret = conn;
    return 0;
}

static void reader_give(struct db *db, struct conn *conn)
{
    pthread_mutex_lock(&db->readers_lock);
    if (db->readers_idle < READERS_KEPT)
        db->readers[db->readers_idle++] = take(conn);
    pthread_mutex_unlock(&db->readers_lock);
    conn_close(&conn);
}

/* A snapshot of what has been published by now. */
static int read_published(struct db *db, struct tx **ret)
{
    CLEANUP(free_ptr) struct tx *tx = mem_alloc(sizeof(*tx));
    if (!tx)
        return FAULT(ENOMEM);
    tx->db = db;
    int r = reader_take(db, &tx->conn);
    if (r < 0)
        return r;
    r = conn_run(tx->conn, "BEGIN");
    if (r < 0) {
        conn_close(&tx->conn);
        return r;
    }
    *ret = take(tx);
    return 0;
}

int db_read(struct db *db, struct tx **ret)
{
    int r = writer_publish(db->writer);
    return r == 0 ? read_published(db, ret) : r;
}

static int begin(struct db *db, bool sure, struct tx **ret)
{
    CLEANUP(free_ptr) struct tx *tx = mem_alloc(sizeof(*tx));
    if (!tx)
        return FAULT(ENOMEM);
    int r = writer_begin(db->writer, sure);
    if (r < 0)
        return r;
    *tx = (struct tx){.db = db, .conn = writer_conn(db->writer), .turn = true, .writes = true};
    *ret = take(tx);
    return 0;
}

int db_begin(struct db *db, struct tx **ret)
{
    return begin(db, false, ret);
}

int db_begin_sure(struct db *db, struct tx **ret)
{
    return begin(db, true, ret);
}

static int look(struct db *db, uint64_t subject, bool soon, struct tx **ret)
{
    struct group *until = NULL;
    if (writer_is_published(db->writer))
        return read_published(db, ret);
    CLEANUP(free_ptr) struct tx *tx = mem_alloc(sizeof(*tx));
    if (!tx)
        return FAULT(ENOMEM);
    int r = writer_look(db->writer, subject, soon, &until);
    if (r == DB_NONE)
        return read_published(db, ret);
    if (r != 0)
        return r;
    *tx = (struct tx){.db = db, .conn = writer_conn(db->writer), .turn = true, .until = until};
    *ret = take(tx);
    return 0;
}

int db_look(struct db *db, uint64_t subject, struct tx **ret)
{
    return look(db, subject, false, ret);
}

int db_look_soon(struct db *db, uint64_t subject, struct tx **ret)
{
    return look(db, subject, true, ret);
}

static void tx_free(struct tx *tx, bool durable)
{
    while (tx->topics) {
        struct topic *topic = tx->topics;
        tx->topics = topic->next;
        if (durable && !topic->soon)
            wake_signal(topic->name);
        free(topic);
    }
    free(tx);
}

/* Within the turn: who is woken waits for it, awake. */
static void wake_soon(void *arg)
{
    const struct tx *tx = arg;
    for (const struct topic *topic = tx->topics; topic; topic = topic->next)
        if (topic->soon)
            wake_signal(topic->name);
}

static const struct touched *touched_by(struct tx *tx)
{
    if (!tx->touches_no_more)
        touched_add(&tx->touched, DB_ANYTHING);
    return &tx->touched;
}

static int turn_commit(struct tx *tx)
{
    if (!tx->writes)
        return writer_looked(tx->db->writer, take(tx->until));
    return writer_commit(tx->db->writer, touched_by(tx), &(struct writer_seen){wake_soon, tx});
}

static void turn_undo(struct tx *tx)
{
    if (tx->writes)
        writer_undo(tx->db->writer);
    else
        writer_look_undo(tx->db->writer, take(tx->until));
}

int db_commit(struct tx **tx)
{
    if (!(*tx)->turn) {
        db_end(tx);
        return 0;
    }
    struct tx *committing = take(*tx);
    assert(committing->open_rows == 0);
    int r = committing->fault;
    if (r < 0)
        turn_undo(committing);
    else
        r = turn_commit(committing);
    tx_free(committing, r == 0);
    return r;
}

static void committed(struct db_later *durable, int result)
{
    struct tx *tx = CONTAINER_OF(durable, struct tx, durable);
    struct db_later *later = tx->later;
    tx_free(tx, result == 0);
    later->done(later, result);
}

int db_commit_later(struct tx **tx, struct db_later *later)
{
    struct tx *committing = take(*tx);
    assert(committing->writes && committing->open_rows == 0);
    committing->durable.done = committed;
    committing->later = later;
    int r = committing->fault;
    if (r < 0)
        turn_undo(committing);
    else
        r = writer_commit_later(committing->db->writer, touched_by(committing),
                                &(struct writer_seen){wake_soon, committing}, &committing->durable);
    if (r < 0)
        tx_free(committing, false);
    return r;
}

void db_end(struct tx **tx)
{
    if (!*tx)
        return;
    struct tx *ending = take(*tx);
    assert(ending->open_rows == 0);
    if (ending->turn) {
        turn_undo(ending);
    } else if (conn_run(ending->conn, "COMMIT") == 0) {
        reader_give(ending->db, ending->conn);
    } else {
        conn_close(&ending->conn);
    }
    tx_free(ending, false);
}
