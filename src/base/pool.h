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
/* Embeds no allocation: the job is the caller's and must live until it has run. */
void pool_submit(struct pool *pool, struct pool_job *job);
/* Runs what is queued, joins the threads, frees. */
void pool_free(struct pool **pool);
