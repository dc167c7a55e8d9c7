/* Threads and an intrusive queue: a job waits in the memory of its submitter, who so bounds the queue. Who
 * has waited least is given the next job: its stack and what it has freed are still in the processor's cache,
 * and few of many threads do all of a light load. A thread is started when all others are busy. */
#include "base/pool.h"
#include "base/mem.h"
#include <pthread.h>

#define QUEUE_LONG 8 /* jobs for each who works: another is woken */

struct worker {
    struct pool *pool;
    pthread_t thread;
    pthread_cond_t given; /* a job, or the pool closes */
    struct pool_job *job;
    struct worker *idle; /* who has waited longer */
};

struct pool {
    pthread_mutex_t lock; /* guards all that follows */
    struct worker *idle;
    struct pool_job *head;
    struct pool_job **tail;
    size_t queued;
    size_t working; /* neither idle nor paused */
    bool wakes_few;
    bool closing;
    size_t threads; /* that have been started, of so many */
    size_t most;
    char name[16];
    struct worker workers[];
};

/* Called with the lock. */
static struct pool_job *queue_take(struct pool *pool)
{
    struct pool_job *job = pool->head;
    if (job) {
        pool->head = job->next;
        pool->queued--;
        if (!pool->head)
            pool->tail = &pool->head;
    }
    return job;
}

static struct pool_job *pool_next(struct pool *pool, struct worker *self)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_job *job = queue_take(pool);
    if (!job && !pool->closing) {
        self->idle = pool->idle;
        pool->idle = self;
        pool->working--;
        while (!self->job && !pool->closing)
            pthread_cond_wait(&self->given, &pool->lock);
        job = take(self->job);
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static _Thread_local struct pool *pool_of; /* whose thread this is */

static void *pool_thread(void *arg)
{
    struct worker *self = arg;
    pool_of = self->pool;
    (void)pthread_setname_np(pthread_self(), self->pool->name);
    for (struct pool_job *job; (job = pool_next(self->pool, self));)
        job->run(job);
    return NULL;
}

static int worker_start(struct pool *pool, struct worker *worker)
{
    worker->pool = pool;
    pthread_cond_init(&worker->given, NULL);
    int err = pthread_create(&worker->thread, NULL, pool_thread, worker);
    if (err)
        pthread_cond_destroy(&worker->given);
    return err ? FAULT(err) : 0;
}

/* Called with the lock. */
static int grow(struct pool *pool)
{
    int r = worker_start(pool, &pool->workers[pool->threads]);
    if (r == 0) {
        pool->threads++;
        pool->working++;
    }
    return r;
}

int pool_new(size_t threads, const char *name, struct pool **ret)
{
    struct pool *pool = mem_alloc(sizeof(*pool) + threads * sizeof(pool->workers[0]));
    if (!pool)
        return FAULT(ENOMEM);
    pthread_mutex_init(&pool->lock, NULL);
    pool->tail = &pool->head;
    size_t len = strnlen(name, sizeof(pool->name) - 1);
    memcpy(pool->name, name, len);
    pool->most = threads;
    pthread_mutex_lock(&pool->lock);
    int r = grow(pool);
    pthread_mutex_unlock(&pool->lock);
    if (r < 0)
        pool_free(&pool);
    else
        *ret = pool;
    return r;
}

/* Called with the lock: who is to be woken for the next job of the queue, which is not empty; NULL: nobody is
 * idle. */
static struct worker *next_worker(struct pool *pool)
{
    struct worker *worker = pool->closing ? NULL : pool->idle; /* who is idle then ends */
    if (worker) {
        pool->idle = worker->idle;
        pool->working++;
        worker->job = queue_take(pool);
    } else if (pool->threads < pool->most && !pool->closing) {
        (void)grow(pool); /* where it cannot, the others do it later */
    }
    return worker;
}

/* Called with the lock. */
static struct worker *add(struct pool *pool, struct pool_job *job)
{
    *pool->tail = job;
    pool->tail = &job->next;
    pool->queued++;
    bool enough_work = pool->wakes_few && pool->working > 0 && pool->queued <= QUEUE_LONG * pool->working;
    return enough_work ? NULL : next_worker(pool);
}

void pool_wakes_few(struct pool *pool)
{
    pool->wakes_few = true;
}

void pool_pauses(void)
{
    struct pool *pool = pool_of;
    if (!pool || !pool->wakes_few)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->working--;
    struct worker *worker = pool->queued > QUEUE_LONG * pool->working ? next_worker(pool) : NULL;
    pthread_mutex_unlock(&pool->lock);
    if (worker)
        pthread_cond_signal(&worker->given);
}

void pool_goes_on(void)
{
    struct pool *pool = pool_of;
    if (!pool || !pool->wakes_few)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->working++;
    pthread_mutex_unlock(&pool->lock);
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    bool open = !pool->closing;
    struct worker *worker = open ? add(pool, job) : NULL;
    pthread_mutex_unlock(&pool->lock);
    if (worker)
        pthread_cond_signal(&worker->given);
    return open;
}

void pool_close(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t to_join = pool->closing ? 0 : pool->threads;
    pool->closing = true;
    for (size_t i = 0; i < pool->threads; i++)
        pthread_cond_signal(&pool->workers[i].given);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < to_join; i++)
        pthread_join(pool->workers[i].thread, NULL);
}

void pool_free(struct pool **pool)
{
    struct pool *closed = *pool;
    if (!closed)
        return;
    pool_close(closed);
    for (size_t i = 0; i < closed->threads; i++)
        pthread_cond_destroy(&closed->workers[i].given);
    pthread_mutex_destroy(&closed->lock);
    free(closed);
    *pool = NULL;
}
