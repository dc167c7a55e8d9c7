/* The domain behind the API: what the operations call. Outcomes are enum codepipeline_outcome. */
#pragma once

#include "base/buf.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/store.h"
#include "services/iam/principal.h"

#define PIPELINE_ARN_SIZE 256
#define TAGS_MAX 50

/* PIPELINE_E_NOT_FOUND in AWS's words. */
int pipeline_require(struct tx *tx, const char *account, const char *name, struct pipeline *ret,
                     struct reason *why) MUST_USE;
void pipeline_arn(const struct platform *platform, const char *account, const char *name,
                  char ret[PIPELINE_ARN_SIZE]);
/* `tags`: [{key, value}]. PIPELINE_E_TAGS, PIPELINE_E_TOO_MANY_TAGS. */
int tags_put(struct tx *tx, const char *arn, const json_t *tags, struct reason *why) MUST_USE;
int tags_list(struct tx *tx, const char *arn, json_t **ret) MUST_USE;

/* Who or what starts an execution. */
struct trigger {
    const char *account; /* the pipeline's */
    const char *type;    /* TriggerType: "Webhook" */
    const char *detail;
    const char *who;    /* for the history */
    const char *person; /* of `who`; NULL: nobody knows */
    const char *token;  /* a pipeline starts once for each; NULL: whenever it is asked */
};

/* `in` is StartPipelineExecution's, without a clientRequestToken. */
int execution_trigger(struct tx *tx, const struct platform *platform, const struct trigger *trigger,
                      const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why) MUST_USE;
/* `in` is StartPipelineExecution's. The same clientRequestToken gives the same execution. */
int execution_start(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why) MUST_USE;
/* `in` is PutActionRevision's. *ret_id is the execution of that revision, also when it is not new. */
int revision_put(struct tx *tx, const struct platform *platform, const struct principal *caller,
                 const json_t *in, bool *ret_new, char ret_id[ID_UUID_SIZE], struct reason *why) MUST_USE;
int execution_stop(struct tx *tx, const struct platform *platform, const struct principal *caller,
                   const json_t *in, struct reason *why) MUST_USE;
int execution_retry(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const json_t *in, struct reason *why) MUST_USE;
/* `in` is RollbackStage's; with `dryRun` *ret_id is "" and nothing changes. */
int execution_rollback(struct tx *tx, const struct platform *platform, const struct principal *caller,
                       const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why) MUST_USE;
/* `in` is OverrideStageCondition's. */
int condition_override(struct tx *tx, const struct platform *platform, const struct principal *caller,
                       const json_t *in, struct reason *why) MUST_USE;
int transition_set(struct tx *tx, const struct platform *platform, const struct principal *caller,
                   const json_t *in, bool enabled, struct reason *why) MUST_USE;
int approval_put(struct tx *tx, const struct platform *platform, const struct principal *caller,
                 const json_t *in, int64_t *ret_ms, struct reason *why) MUST_USE;

/* `report` is UpdateBuild's input for the build that a job with a result has consisted of, or NULL.
 * PIPELINE_E_JOB_STATE: it was refused, or the build has ended otherwise. */
int job_build_end(struct tx *tx, const struct platform *platform, const char *account, const json_t *report,
                  struct reason *why) MUST_USE;

/* Jobs that a transaction has read, to be described after it. */
struct job_leases;
/* An anchor that takes jobs of its account's AWS actions. */
struct job_taker {
    const struct platform *platform;
    const struct principal *caller;
    const char *worker;
    size_t max;    /* jobs */
    size_t builds; /* of these, how many come with their builds started and leased */
};

int jobs_lease_account(struct tx *tx, const struct job_taker *taker, struct job_leases **ret) MUST_USE;
/* Starts the build that the job's action consists of, if it is one, and leases it to the job's worker. *ret
 * is what PollForBuilds would show of it; NULL: its worker has to ask CodeBuild. */
int job_build_take(struct tx *tx, const struct job_taker *taker, struct job_row *row, json_t **ret) MUST_USE;
/* The same for PollForJobs: to be acknowledged. PIPELINE_E_ACTION_TYPE_NOT_FOUND. */
int jobs_lease_custom(struct tx *tx, const char *account, const json_t *in, struct job_leases **ret,
                      struct reason *why) MUST_USE;
/* One job as it is. PIPELINE_E_JOB_NOT_FOUND. */
int jobs_look(struct tx *tx, const char *account, const char *id, struct job_leases **ret,
              struct reason *why) MUST_USE;
void job_leases_free(struct job_leases **leases); /* CLEANUP-able */
size_t job_leases_count(const struct job_leases *leases);
/* A list as PollForJobs answers it, or PollForAccountJobs, whose workers are told more, into `out` as a
 * member of that key. Once for each: credentials are made with it. */
int job_leases_describe(const struct job_leases *leases, const char *key, struct buf *out) MUST_USE;
/* The one that there is, without a list. */
int job_lease_describe(const struct job_leases *leases, const char *key, struct buf *out) MUST_USE;
int job_unknown(const char *id, struct reason *why); /* PIPELINE_E_JOB_NOT_FOUND, with words */
int jobs_acknowledge(struct tx *tx, const char *account, const char *id, const char *nonce, int *ret_status,
                     struct reason *why) MUST_USE;
int jobs_extend(struct tx *tx, const char *account, const char *id, const char *nonce, bool *ret_cancelled,
                struct reason *why) MUST_USE;
int jobs_release(struct tx *tx, const char *account, const char *id, const char *nonce,
                 struct reason *why) MUST_USE;
/* What `worker`, who is known to have ended, still holds is offered again. */
int jobs_orphan(struct tx *tx, const char *account, const char *worker) MUST_USE;
/* The jobTimeout of its action type is over: it fails, unless it has ended. */
int jobs_time_out(struct tx *tx, const struct platform *platform, const char *id) MUST_USE;
/* `in` is PutJobSuccessResult's or PutJobFailureResult's. */
int jobs_result(struct tx *tx, const struct platform *platform, const char *account, const json_t *in,
                bool success, struct reason *why) MUST_USE;
