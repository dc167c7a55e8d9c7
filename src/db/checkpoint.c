/* First a passive checkpoint beside the running writers, which moves nearly all; then, when the log stays
 * long, a second one while the writer pauses, after which SQLite starts the log anew. A failed checkpoint
 * loses nothing: the logs keep what they have, and who publishes next asks again. */
#include "db/checkpoint.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>

/* Pages have 4 KiB: batches must find room within BATCH_RESERVED_BYTES, beyond MOST_PAGES. */
#define MOVE_AT_PAGES 4000
#define PAUSE_AT_PAGES 6000
#define MOST_PAGES 7000
#define BATCH_BYTES (1LL << 20)
#define REDO_BYTES (16LL << 20) /* a crash of the machine reads as much again, at most */
#define RETRY_MS 1000           /* after a failure */
#define PUBLISH_MS 250          /* other processes see commits so late */

struct request {
    bool stop;
    bool move;      /* a log has grown */
    int64_t due_ms; /* clock_mono_ms; when what is open is to be published. 0: nothing is */
};

struct checkpoint {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request next;
    struct writer_watch watch;
    struct writer *writer;
    struct conn *conn;
    bool failed; /* the last move */
    int pages;   /* in the log, after it */
};

/* True when all of the log is in the database. */
static bool move_pages(void *arg)
{
    struct checkpoint *checkpoint = arg;
    int pages = 0, moved = 0;
    int rc = sqlite3_wal_checkpoint_v2(conn_handle(checkpoint->conn), NULL, SQLITE_CHECKPOINT_PASSIVE, &pages,
                                       &moved);
    if (rc != SQLITE_OK)
        log_debug("db", "checkpoint: %s", sqlite3_errstr(rc));
    checkpoint->failed = rc != SQLITE_OK;
    checkpoint->pages = rc == SQLITE_OK ? pages : 0;
    if (rc == SQLITE_OK)
        writer_log_moved(checkpoint->writer, moved, pages == moved);
    return rc == SQLITE_OK && pages == moved;
}

static struct timespec time_of(int64_t mono_ms)
{
    return (struct timespec){.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};
}

/* Waits until a batch has been open for long enough, or a log has grown. */
static struct request next_request(struct checkpoint *checkpoint)
{
    struct request *next = &checkpoint->next;
    pthread_mutex_lock(&checkpoint->lock);
    while (!next->stop && !next->move && (next->due_ms == 0 || clock_mono_ms() < next->due_ms)) {
        struct timespec due = time_of(next->due_ms);
        if (next->due_ms == 0)
            pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
        else
            pthread_cond_timedwait(&checkpoint->changed, &checkpoint->lock, &due);
    }
    struct request taken = *next;
    if (taken.move)
        next->move = false;
    else
        next->due_ms = 0;
    pthread_mutex_unlock(&checkpoint->lock);
    return taken;
}

static void want(struct checkpoint *checkpoint, bool move, int64_t due_ms)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->next.move |= move;
    if (due_ms)
        checkpoint->next.due_ms = due_ms;
    pthread_cond_signal(&checkpoint->changed);
    pthread_mutex_unlock(&checkpoint->lock);
}

static void wanted(void *arg, enum writer_want what)
{
    static const int64_t after_ms[] = {[WRITER_PUBLISH_SOON] = PUBLISH_MS, [WRITER_PUBLISH] = 0};
    if (what == WRITER_MOVE)
        want(arg, true, 0);
    else
        want(arg, false, clock_mono_ms() + after_ms[what]);
}

/* What fails loses nothing: the logs keep all, and the next batch asks again. */
static void failed(const char *what, int r)
{
    if (r < 0)
        log_debug("db", "%s: %s", what, strerror(-r));
}

static void take_on(struct checkpoint *checkpoint)
{
    (void)move_pages(checkpoint);
    if (checkpoint->pages >= PAUSE_AT_PAGES)
        failed("checkpoint", writer_pause(checkpoint->writer, move_pages, checkpoint));
    if (!checkpoint->failed) /* else pages may be lost that a sync would not tell of any more */
        failed("redo log", writer_restart_log(checkpoint->writer));
}

static void publish(struct checkpoint *checkpoint)
{
    int r = writer_flush(checkpoint->writer);
    failed("publishing", r);
    if (r < 0)
        want(checkpoint, false, clock_mono_ms() + RETRY_MS);
}

static void *checkpoint_thread(void *arg)
{
    struct checkpoint *checkpoint = arg;
    (void)pthread_setname_np(pthread_self(), "db-checkpoint");
    for (;;) {
        struct request request = next_request(checkpoint);
        if (request.stop)
            return NULL;
        if (request.move)
            take_on(checkpoint);
        else
            publish(checkpoint);
    }
}

static void checkpoint_free(struct checkpoint **checkpoint)
{
    if (!*checkpoint)
        return;
    conn_close(&(*checkpoint)->conn);
    pthread_cond_destroy(&(*checkpoint)->changed);
    pthread_mutex_destroy(&(*checkpoint)->lock);
    free(*checkpoint);
    *checkpoint = NULL;
}

int checkpoint_start(const char *path, struct writer *writer, struct checkpoint **ret)
{
    CLEANUP(checkpoint_free) struct checkpoint *checkpoint = mem_alloc(sizeof(*checkpoint));
    if (!checkpoint)
        return FAULT(ENOMEM);
    pthread_mutex_init(&checkpoint->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&checkpoint->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    checkpoint->writer = writer;
    int r = conn_open(path, (struct conn_options){.cache_kib = 64, .writes = true}, &checkpoint->conn);
    if (r < 0)
        return r;
    int err = pthread_create(&checkpoint->thread, NULL, checkpoint_thread, checkpoint);
    if (err)
        return FAULT(err);
    checkpoint->watch = (struct writer_watch){.wants = wanted,
                                              .arg = checkpoint,
                                              .batch_bytes = BATCH_BYTES,
                                              .redo_bytes = REDO_BYTES,
                                              .move_pages = MOVE_AT_PAGES,
                                              .pause_pages = PAUSE_AT_PAGES,
                                              .most_pages = MOST_PAGES};
    writer_watch(writer, &checkpoint->watch);
    *ret = take(checkpoint);
    return 0;
}

void checkpoint_stop(struct checkpoint **checkpoint)
{
    struct checkpoint *stopping = *checkpoint;
    if (!stopping)
        return;
    writer_watch(stopping->writer, NULL);
    pthread_mutex_lock(&stopping->lock);
    stopping->next.stop = true;
    pthread_cond_signal(&stopping->changed);
    pthread_mutex_unlock(&stopping->lock);
    pthread_join(stopping->thread, NULL);
    checkpoint_free(checkpoint);
}
