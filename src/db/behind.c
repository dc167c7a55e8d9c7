/* Two buffers: what was added, and what is being run, which are exchanged when the second is done, and of
 * which not all has to be run (thin.h). */
#include "db/behind.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/blocks.h"
#include "db/record.h"
#include "db/thin.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define ENOUGH_BYTES ((size_t)48 * 1024) /* to wake the thread for: some actions of pipelines */
#define SLICE_BYTES ((size_t)4 * 1024)   /* run before others may have the connection */
#define KEPT_BYTES ((size_t)1 << 20)     /* a larger buffer is given back */

struct behind {
    struct batch *batch;
    void (*failed)(void *arg);
    void *arg;

    pthread_mutex_t connection;
    atomic_uint claimants; /* wait for it */

    /* the connection's holder's */
    struct blocks *blocks;
    struct replay *replay; /* of what was added */
    struct replay *own;    /* of a transaction's own, which fails with it */
    struct buf running;
    struct thin *thin; /* what is left of it */
    bool stuck;        /* something could not be run */

    pthread_mutex_t lock;
    pthread_cond_t enough_or_close;
    struct buf added;
    bool idle; /* the thread waits */
    bool closing;
    pthread_t thread;
    bool thread_runs;

    atomic_bool left_out;
    atomic_size_t bytes; /* of both buffers, not run yet */
};

size_t behind_bytes(const struct behind *behind)
{
    return atomic_load(&behind->bytes);
}

bool behind_left_out(struct behind *behind)
{
    return atomic_exchange(&behind->left_out, false);
}

int behind_add(struct behind *behind, struct str records)
{
    pthread_mutex_lock(&behind->lock);
    int r = buf_put_str(&behind->added, records);
    if (r == 0)
        (void)atomic_fetch_add(&behind->bytes, records.len);
    else
        behind->added.error = 0; /* what was added before is whole */
    if (behind->idle && behind->added.len >= ENOUGH_BYTES) {
        behind->idle = false;
        pthread_cond_signal(&behind->enough_or_close);
    }
    pthread_mutex_unlock(&behind->lock);
    return r;
}

/* ---- with the connection */

static void empty(struct buf *buf)
{
    if (buf->cap > KEPT_BYTES)
        buf_free(buf);
    buf_reset(buf);
}

/* A step of what is being run, or of what was added; NULL: there is none. */
static int next_step(struct behind *behind, const struct thin_step **ret)
{
    *ret = thin_next(behind->thin);
    if (*ret)
        return 0;
    struct buf spare = behind->running;
    empty(&spare);
    pthread_mutex_lock(&behind->lock);
    behind->running = behind->added;
    behind->added = spare;
    pthread_mutex_unlock(&behind->lock);
    int r = thin_plan(behind->thin, buf_str(&behind->running));
    if (r == 0)
        *ret = thin_next(behind->thin);
    return r;
}

static int run_step(struct behind *behind, const struct thin_step *step)
{
    if (step->skipped)
        return 0;
    const struct amendment amendment = {.by = step->last ? &step->last->record : NULL,
                                        .numbers = step->numbers};
    return replay_one(behind->replay, &step->record, step->last ? &amendment : NULL,
                      thin_is_whole(behind->thin));
}

/* Some of them. */
static int run_some(struct behind *behind, size_t most_bytes)
{
    const struct thin_step *step = NULL;
    size_t ran = 0;
    int r = behind->stuck ? FAULT(EIO) : 0;
    if (r == 0 && behind_bytes(behind) > 0)
        r = batch_begin(behind->batch);
    while (r == 0 && ran < most_bytes && behind_bytes(behind) > 0 && (r = next_step(behind, &step)) == 0) {
        r = run_step(behind, step);
        ran += step->skipped ? 0 : step->size;
        (void)atomic_fetch_sub(&behind->bytes, step->size);
    }
    behind->stuck = r < 0;
    return r;
}

int behind_claim(struct behind *behind)
{
    (void)atomic_fetch_add(&behind->claimants, 1);
    pthread_mutex_lock(&behind->connection);
    (void)atomic_fetch_sub(&behind->claimants, 1);
    blocks_use(behind->blocks);
    return run_some(behind, SIZE_MAX);
}

void behind_release(struct behind *behind)
{
    blocks_use(NULL);
    pthread_mutex_unlock(&behind->connection);
}

int behind_run(struct behind *behind, struct str records)
{
    return replay_run(behind->own, records);
}

void behind_forget(struct behind *behind)
{
    pthread_mutex_lock(&behind->lock);
    empty(&behind->added);
    pthread_mutex_unlock(&behind->lock);
    thin_forget(behind->thin);
    empty(&behind->running);
    behind->stuck = false;
    atomic_store(&behind->bytes, 0);
}

/* ---- the thread */

/* Whoever has the turn and needs the connection goes first. */
static void give_way(struct behind *behind)
{
    while (atomic_load(&behind->claimants) > 0)
        (void)sched_yield();
}

/* One buffer: the more is in the next, the less of it has to be run. */
bool behind_catch_up(struct behind *behind)
{
    int r = 0;
    for (bool more = true; r == 0 && more;) {
        give_way(behind);
        pthread_mutex_lock(&behind->connection);
        blocks_use(behind->blocks);
        bool known = behind->stuck;
        r = run_some(behind, SLICE_BYTES);
        more = thin_has_next(behind->thin);
        if (r < 0 && !known)
            behind->failed(behind->arg);
        behind_release(behind);
    }
    return r == 0;
}

/* With the lock: until there is enough. `ended`: what was added meanwhile counts, of which nobody told. */
static void await_enough(struct behind *behind, bool ended)
{
    if (behind->closing || (ended && behind->added.len >= ENOUGH_BYTES))
        return;
    behind->idle = true;
    pthread_cond_wait(&behind->enough_or_close, &behind->lock);
    behind->idle = false;
}

static void *behind_thread(void *arg)
{
    struct behind *behind = arg;
    (void)pthread_setname_np(pthread_self(), "db-behind");
    bool ended = true;
    pthread_mutex_lock(&behind->lock);
    while (!behind->closing) {
        await_enough(behind, ended);
        pthread_mutex_unlock(&behind->lock);
        ended = behind_catch_up(behind);
        pthread_mutex_lock(&behind->lock);
    }
    pthread_mutex_unlock(&behind->lock);
    return NULL;
}

/* ---- from open to close */

static void thread_stop(struct behind *behind)
{
    if (!behind->thread_runs)
        return;
    pthread_mutex_lock(&behind->lock);
    behind->closing = true;
    pthread_cond_signal(&behind->enough_or_close);
    pthread_mutex_unlock(&behind->lock);
    pthread_join(behind->thread, NULL);
}

void behind_close(struct behind **pointer)
{
    struct behind *behind = take(*pointer);
    if (!behind)
        return;
    thread_stop(behind);
    replay_free(&behind->replay);
    replay_free(&behind->own);
    thin_free(&behind->thin);
    blocks_free(&behind->blocks);
    buf_free(&behind->added);
    buf_free(&behind->running);
    pthread_cond_destroy(&behind->enough_or_close);
    pthread_mutex_destroy(&behind->lock);
    pthread_mutex_destroy(&behind->connection);
    free(behind);
}

int behind_open(struct batch *batch, void (*failed)(void *arg), void *arg, struct behind **ret)
{
    CLEANUP(behind_close) struct behind *behind = mem_alloc(sizeof(*behind));
    if (!behind)
        return FAULT(ENOMEM);
    *behind = (struct behind){.batch = batch, .failed = failed, .arg = arg};
    behind->added = behind->running = BUF_INIT(SIZE_MAX);
    pthread_mutex_init(&behind->connection, NULL);
    pthread_mutex_init(&behind->lock, NULL);
    pthread_cond_init(&behind->enough_or_close, NULL);
    int r = blocks_new(&behind->blocks);
    if (r == 0)
        r = replay_new(batch_conn(batch), &behind->replay);
    if (r == 0)
        r = replay_new(batch_conn(batch), &behind->own);
    if (r == 0)
        r = thin_new(batch_conn(batch), &behind->thin);
    if (r == 0)
        replay_leaves_out(behind->replay, &behind->left_out);
    if (r < 0)
        return r;
    int err = pthread_create(&behind->thread, NULL, behind_thread, behind);
    if (err)
        return FAULT(err);
    behind->thread_runs = true;
    *ret = take(behind);
    return 0;
}
