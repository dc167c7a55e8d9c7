/* A job's lease and nonce: who works on it, and whose result counts. Pure: no I/O, no clock. */
#pragma once

#include "base/id.h"
#include "services/codepipeline/engine/outcome.h"
#include "services/codepipeline/engine/machine.h"

#define LEASE_MS 10000                /* a dead worker's job is offered again so soon */
#define LEASE_UNACKNOWLEDGED_MS 60000 /* PollForJobs: until AcknowledgeJob */

struct job {
    char id[ID_UUID_SIZE];
    int status;               /* enum job_status */
    char nonce[ID_UUID_SIZE]; /* empty: on offer */
    char worker[4 * 128 + 1]; /* who has it, or had it last: 128 characters */
    bool fenced;     /* taken by PollForAccountJobs: its nonce is asked for, its lease must be extended */
    int64_t attempt; /* leases so far */
    int64_t due_ms;  /* when the lease runs out; 0: it does not */
};

/* Takes an offered job. `worker` NULL: by PollForJobs, to be acknowledged. */
void job_lease(struct job *job, const char *nonce, const char *worker, int64_t now_ms);
/* The functions below: 0, PIPELINE_E_NONCE, PIPELINE_E_JOB_STATE; nothing is changed but by 0. */
int job_acknowledge(struct job *job, const char *nonce) MUST_USE;
/* *ret_cancelled: the job has ended under its worker. */
int job_extend(struct job *job, const char *nonce, int64_t now_ms, bool *ret_cancelled) MUST_USE;
int job_release(struct job *job, const char *nonce) MUST_USE;
/* `nonce` NULL: none was said, which does for jobs that are not fenced. *ret_repeated: that result was taken
 * before; nothing is changed. */
int job_finish(struct job *job, const char *nonce, bool success, bool *ret_repeated) MUST_USE;
/* Its worker is gone: offered again. False when nobody holds it. */
bool job_orphan(struct job *job);
/* False when there is nothing to do: not leased, or its lease goes on. */
bool job_expire(struct job *job, int64_t now_ms);
/* False when it has ended already. */
bool job_cancel(struct job *job, int status);
bool job_ended(const struct job *job);
