/* Threads and an intrusive queue: a job waits in the memory of its submitter, who so bounds the queue. */
#include "base/pool.h"
#include "base/mem.h"
#include <pthread.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct pool_job *head;
    struct pool_job **tail;
    size_t queued;
    bool closing;
    size_t threads;
    char name[16];
    pthread_t thread[];
};

static struct pool_job *pool_next(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->head && !pool->closing)
        pthread_cond_wait(&pool->filled, &pool->lock);
    struct pool_job *job = pool->head;
    if (job) {
        pool->head = job->next;
        if (!pool->head)
            pool->tail = &pool->head;
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *pool_thread(void *arg)
{
    struct pool *pool = arg;
    (void)pthread_setname_np(pthread_self(), pool->name);
    for (struct pool_job *job; (job = pool_next(pool));)
        job->run(job);
    return NULL;
}

int pool_new(size_t threads, const char *name, struct pool **ret)
{
    struct pool *pool = mem_alloc(sizeof(*pool) + threads * sizeof(pool->thread[0]));
    if (!pool)
        return FAULT(ENOMEM);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->filled, NULL);
    pool->tail = &pool->head;
    size_t len = strnlen(name, sizeof(pool->name) - 1);
    memcpy(pool->name, name, len);
    for (size_t i = 0; i < threads; i++) {
        int err = pthread_create(&pool->thread[i], NULL, pool_thread, pool);
        if (err) {
            pool_free(&pool);
            return FAULT(err);
        }
        pool->threads++;
    }
    *ret = pool;
    return 0;
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->tail = job;
    pool->tail = &job->next;
    pool->queued++;
    pthread_cond_signal(&pool->filled);
    pthread_mutex_unlock(&pool->lock);
}

size_t pool_queued(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t queued = pool->queued;
    pthread_mutex_unlock(&pool->lock);
    return queued;
}

void pool_free(struct pool **pool)
{
    struct pool *closing = *pool;
    if (!closing)
        return;
    pthread_mutex_lock(&closing->lock);
    closing->closing = true;
    pthread_cond_broadcast(&closing->filled);
    pthread_mutex_unlock(&closing->lock);
    for (size_t i = 0; i < closing->threads; i++)
        pthread_join(closing->thread[i], NULL);
    pthread_cond_destroy(&closing->filled);
    pthread_mutex_destroy(&closing->lock);
    free(closing);
    *pool = NULL;
}
