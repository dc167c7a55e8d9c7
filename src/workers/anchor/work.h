/* One anchor's parts, and a job while it runs. */
#pragma once

#include "workers/accounts.h"
#include "workers/anchor/buildspec_memo.h"
#include "workers/anchor/cache.h"
#include "workers/anchor/lease.h"
#include "workers/anchor/room.h"
#include "workers/anchor/sandbox.h"
#include "workers/anchor/slots.h"
#include "workers/anchor/work_folder.h"
#include "workers/call.h"
#include "workers/stack.h"

#define ARTIFACT_MAX_BYTES (INT64_C(5) << 30)

struct anchor {
    struct aws_client *client; /* the account's own */
    const char *account;
    struct work_folder *folder;
    struct accounts *accounts;
    struct cache *cache;
    struct leases *leases;
    struct slots *jobs;
    struct slots *builds; /* also those that a job runs itself */
    struct rooms *rooms;  /* builds' */
    struct buildspec_memo *specs;
    struct sandbox *sandbox; /* NULL: builds run without walls */
};

struct job {
    const struct anchor *anchor;
    json_t *tree; /* as PollForAccountJobs gave it */
    const char *id;
    const char *nonce;
    const json_t *data;
    const json_t *configuration;
    struct lease lease;
    struct aws_client *client; /* of the action's role */
    /* the result */
    json_t *variables;        /* name → text */
    json_t *output_artifacts; /* [{name, sha256}] */
    json_t *revision;         /* a source's currentRevision; NULL: none */
    char *external_id;        /* NULL: none */
    struct buf summary;
    struct reason why;        /* of a failure */
    bool reported;            /* its success, already */
    json_t *next;             /* that came with it, or NULL */
    const char *failure_type; /* NULL: JobFailed */
};

/* Runs a leased job to its reported result; takes the tree. *ret_next is the next one, which came with the
 * answer, or NULL. job.c */
void job_run(const struct anchor *anchor, json_t *tree, json_t **ret_next);
bool job_given_up(const struct job *job);
struct stack_patience job_patience(struct job *job);

/* Reports the job's success with the end of its build, once. Outcomes are call.h's; 0: job->reported. */
int job_succeed_with_build(struct job *job, json_t *report) MUST_USE;

/* For actions. A configuration value, or NULL. */
const char *job_setting(const struct job *job, const char *name);
/* `return job_fail(job, "ConfigurationError", "…")` */
int job_fail(struct job *job, const char *type, const char *fmt, ...) PRINTF_LIKE(3, 4);
int job_variable(struct job *job, const char *name, const char *value) MUST_USE;
/* "execution id/action": the same for every attempt at this action's execution. */
const char *job_action_execution(const struct job *job);
/* The input artifact of that name (NULL: the first), or NULL. */
const json_t *job_input(const struct job *job, const char *name);
/* Verified bytes of an input artifact. Outcomes are call.h's. */
int job_input_open(struct job *job, const json_t *artifact, int *ret_fd) MUST_USE;
/* Stores `fd`'s bytes as the output artifact of that name (NULL: the first). */
int job_output_put(struct job *job, const char *name, int fd) MUST_USE;
/* Says that an output artifact is stored already, with this digest. */
int job_output_is(struct job *job, const json_t *artifact, const char *sha256_hex) MUST_USE;

/* A leased build; takes the tree. No other comes with its end. build.c */
void build_run(const struct anchor *anchor, json_t *tree, json_t **ret_next);
/* The same of one that a job has started and taken: it is cancelled when the job is. `finish` (NULL: none)
 * gets the report of a build that has succeeded, UpdateBuild's input, to end job and build as one: 0 when it
 * has; WORK_E_FAILED: the build is reported by itself. The build as BatchGetBuilds shows it after its end,
 * the caller's; NULL: it has not ended here, or as one with its job. */
json_t *build_run_within(struct job *job, json_t *tree,
                         int (*finish)(struct job *job, json_t *report)) MUST_USE;
/* An empty temporary file without a name. */
int work_temporary(const struct anchor *anchor, int *ret_fd) MUST_USE;
