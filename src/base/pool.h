/* Threads, as many as are busy at once and at most so many, that run jobs from a bounded queue, in order of
 * arrival. */
#pragma once

#include "base/base.h"

struct pool;

struct pool_job {
    void (*run)(struct pool_job *job);
    struct pool_job *next; /* the pool's */
};

int pool_new(size_t threads, const char *name, struct pool **ret) MUST_USE;
/* Before the first job: a thread is woken for it only when nobody works, or many jobs wait. For short jobs
 * that tell when they wait for something else than each other (pool_pauses). */
void pool_wakes_few(struct pool *pool);
/* By a job, or by anybody: the thread is about to wait for the disk, or has; others do what is there. */
void pool_pauses(void);
void pool_goes_on(void);
/* Embeds no allocation: the job is the caller's and must live until it has run. False: the pool is closed. */
bool pool_submit(struct pool *pool, struct pool_job *job) MUST_USE;
/* Takes no more, runs what is queued, joins the threads. */
void pool_close(struct pool *pool);
/* Closes it first. */
void pool_free(struct pool **pool);
