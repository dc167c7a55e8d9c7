/* First a passive checkpoint beside the running writers, which moves nearly all; then, when the log stays
 * long, a second one while the writer pauses, after which SQLite starts the log anew. A failed checkpoint
 * loses nothing: the log keeps the pages, and the next commit past the limit asks again. */
#include "db/checkpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>

#define ASK_AT_PAGES 4000   /* 4 MiB */
#define PAUSE_AT_PAGES 8000 /* 16 MiB */

struct checkpoint {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked_cond;
    bool asked;
    bool stopping;
    struct writer *writer;
    struct conn *conn;
    int pages; /* in the log at the last look */
};

static void move_pages(void *arg)
{
    struct checkpoint *checkpoint = arg;
    int pages = 0, moved = 0;
    int rc = sqlite3_wal_checkpoint_v2(conn_handle(checkpoint->conn), NULL, SQLITE_CHECKPOINT_PASSIVE, &pages,
                                       &moved);
    if (rc != SQLITE_OK)
        log_debug("db", "checkpoint: %s", sqlite3_errstr(rc));
    checkpoint->pages = rc == SQLITE_OK ? pages : 0;
}

static bool next_request(struct checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    while (!checkpoint->asked && !checkpoint->stopping)
        pthread_cond_wait(&checkpoint->asked_cond, &checkpoint->lock);
    checkpoint->asked = false;
    bool go_on = !checkpoint->stopping;
    pthread_mutex_unlock(&checkpoint->lock);
    return go_on;
}

static void *checkpoint_thread(void *arg)
{
    struct checkpoint *checkpoint = arg;
    (void)pthread_setname_np(pthread_self(), "db-checkpoint");
    while (next_request(checkpoint)) {
        move_pages(checkpoint);
        if (checkpoint->pages >= PAUSE_AT_PAGES)
            writer_pause(checkpoint->writer, move_pages, checkpoint);
    }
    return NULL;
}

static void checkpoint_ask(void *arg)
{
    struct checkpoint *checkpoint = arg;
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->asked = true;
    pthread_cond_signal(&checkpoint->asked_cond);
    pthread_mutex_unlock(&checkpoint->lock);
}

static void checkpoint_free(struct checkpoint **checkpoint)
{
    if (!*checkpoint)
        return;
    conn_close(&(*checkpoint)->conn);
    pthread_cond_destroy(&(*checkpoint)->asked_cond);
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
    pthread_cond_init(&checkpoint->asked_cond, NULL);
    checkpoint->writer = writer;
    int r = conn_open(path, (struct conn_options){.cache_kib = 64, .writes = true}, &checkpoint->conn);
    if (r < 0)
        return r;
    int err = pthread_create(&checkpoint->thread, NULL, checkpoint_thread, checkpoint);
    if (err)
        return FAULT(err);
    writer_watch_log(writer, ASK_AT_PAGES, checkpoint_ask, checkpoint);
    *ret = take(checkpoint);
    return 0;
}

void checkpoint_stop(struct checkpoint **checkpoint)
{
    struct checkpoint *stopping = *checkpoint;
    if (!stopping)
        return;
    writer_watch_log(stopping->writer, 0, NULL, NULL);
    pthread_mutex_lock(&stopping->lock);
    stopping->stopping = true;
    pthread_cond_signal(&stopping->asked_cond);
    pthread_mutex_unlock(&stopping->lock);
    pthread_join(stopping->thread, NULL);
    checkpoint_free(checkpoint);
}
