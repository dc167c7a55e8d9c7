/* Threads and an intrusive queue: a job waits in the memory of its submitter, who so bounds the queue. Who
 * has waited least is given the next job: its stack and what it has freed are still in the processor's cache,
 * and few of many threads do all of a light load. A thread is started when all others are busy. */
#include "base/pool.h"
#include "base/mem.h"
#include <pthread.h>

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
        while (!self->job && !pool->closing)
            pthread_cond_wait(&self->given, &pool->lock);
        job = take(self->job);
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *pool_thread(void *arg)
{
    struct worker *self = arg;
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

/* Called with the lock, or before anybody knows the pool. */
static int grow(struct pool *pool)
{
    int r = worker_start(pool, &pool->workers[pool->threads]);
    if (r == 0)
        pool->threads++;
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
    int r = grow(pool);
    if (r < 0)
        pool_free(&pool);
    else
        *ret = pool;
    return r;
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    struct worker *worker = pool->idle;
    if (worker) {
        pool->idle = worker->idle;
        worker->job = job;
    } else {
        *pool->tail = job;
        pool->tail = &job->next;
        if (pool->threads < pool->most)
            (void)grow(pool); /* where it cannot, the others do it later */
    }
    pthread_mutex_unlock(&pool->lock);
    if (worker)
        pthread_cond_signal(&worker->given);
}

void pool_free(struct pool **pool)
{
    struct pool *closing = *pool;
    if (!closing)
        return;
    pthread_mutex_lock(&closing->lock);
    closing->closing = true;
    for (size_t i = 0; i < closing->threads; i++)
        pthread_cond_signal(&closing->workers[i].given);
    pthread_mutex_unlock(&closing->lock);
    for (size_t i = 0; i < closing->threads; i++) {
        pthread_join(closing->workers[i].thread, NULL);
        pthread_cond_destroy(&closing->workers[i].given);
    }
    pthread_mutex_destroy(&closing->lock);
    free(closing);
    *pool = NULL;
}
