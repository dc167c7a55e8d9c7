/* codepipeline's SQL. store.c holds pipelines and timers, load.c and save.c the picture that the engine
 * moves, store_job.c jobs. */
#pragma once

#include "db/db.h"
#include "services/codepipeline/engine/flow.h"
#include "services/codepipeline/engine/lease.h"
#include "services/codepipeline/engine/step.h"

extern const struct db_migration codepipeline_migrations[];
#define CODEPIPELINE_MIGRATION_COUNT 13

struct platform;

struct pipeline {
    char id[ID_UUID_SIZE];
    char account[13];
    char name[PIPELINE_NAME_MAX + 1];
    int64_t version;
    int64_t last_seq;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t changed_ms; /* of anything: of an execution's state too */
    int64_t stamp;      /* another after every change: picture.h */
};

int pipeline_find(struct tx *tx, const char *account, const char *name,
                  struct pipeline *ret) MUST_USE;                                   /* DB_NONE */
int pipeline_find_id(struct tx *tx, const char *id, struct pipeline *ret) MUST_USE; /* DB_NONE */
int pipeline_insert(struct tx *tx, const struct pipeline *pipeline) MUST_USE;       /* DB_EXISTS */
int pipeline_set_version(struct tx *tx, const struct pipeline *pipeline) MUST_USE;
int pipeline_put_declaration(struct tx *tx, const struct pipeline *pipeline,
                             const json_t *declaration) MUST_USE;
int pipeline_declaration(struct tx *tx, const char *pipeline_id, int64_t version,
                         json_t **ret) MUST_USE; /* DB_NONE */
/* Its row and everything that hangs on it, but history and jobs under way. */
int pipeline_remove(struct tx *tx, const struct pipeline *pipeline) MUST_USE;

/* The pipeline's executions under way, and `also` (an execution's id, or NULL) with the runs of its last
 * stage. */
int flow_load(struct tx *tx, const struct pipeline *pipeline, const char *also, struct flow **ret) MUST_USE;
/* Writes what the step changed and its effects, and wakes who waits for that. */
int flow_save(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
              struct flow *flow) MUST_USE;
/* Between step and save: source actions of S3 that have begun and need no worker are done, with what follows.
 */
int sources_take(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                 struct flow *flow) MUST_USE;
/* Load, step, save. */
int flow_apply(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
               const struct flow_event *event, const char *also, struct reason *why) MUST_USE;
/* The same for FLOW_ROLLBACK: the event's plan and seq are set here. */
int flow_apply_rollback(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
                        struct flow_event *event, struct reason *why) MUST_USE;

struct history {
    const char *execution_id; /* may be NULL, as all but `what` */
    const char *stage;
    const char *action;
    const char *what;
    const char *who;
    const char *why;
};

int history_add(struct tx *tx, const struct pipeline *pipeline, const struct history *history,
                int64_t now_ms) MUST_USE;

/* ---- jobs */

struct job_row {
    struct job job;
    char pipeline_id[ID_UUID_SIZE];
    char run_id[ID_UUID_SIZE];
    char account[13]; /* whose worker it is for */
    char pipeline_account[13];
    char *role_arn; /* may be NULL */
    char *packed;   /* `data` as it is stored */
    json_t *data;   /* JobData without credentials, once job_unpack has read it */
    bool custom;    /* for PollForJobs, not for an anchor */
    bool outputs;   /* it has output artifacts */
    bool source;    /* it is a source action's */
    int64_t created_ms;
    int64_t deadline_ms;
};

int job_unpack(struct job_row *row) MUST_USE;
void job_row_free(struct job_row *row); /* CLEANUP-able: frees what it holds */
int job_insert(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
               const struct execution *execution, const struct run *run, int64_t now_ms) MUST_USE;
int job_find(struct tx *tx, const char *id, struct job_row *ret) MUST_USE; /* DB_NONE */
/* Writes the machine's part and its timer. */
int job_update(struct tx *tx, const struct job_row *row) MUST_USE;
struct job_rows {
    size_t count;
    struct job_row *list;
};

void job_rows_free(struct job_rows *rows); /* CLEANUP-able: frees what it holds */
/* The account's anchor would get some. */
int job_is_offered(struct tx *tx, const char *account, bool *ret) MUST_USE;
/* The oldest jobs on offer to the account's anchor, at most `max`. */
int job_offers(struct tx *tx, const char *account, size_t max, struct job_rows *ret) MUST_USE;
/* The same of a custom type's. */
int job_offers_custom(struct tx *tx, const char *account, const char *type, size_t max,
                      struct job_rows *ret) MUST_USE;
/* The same, of jobs whose action is configured with that value of the property. */
int job_offers_with(struct tx *tx, const char *account, const char *type, const char *property,
                    const char *value, size_t max, struct job_rows *ret) MUST_USE;
/* The ids of jobs in progress that `worker` holds. */
int job_held(struct tx *tx, const char *account, const char *worker, json_t **ret_ids) MUST_USE;
int job_end(struct tx *tx, const char *id, int status) MUST_USE;
/* Offers it again, and puts on record why its worker lost it. */
int job_lose(struct tx *tx, struct job_row *row, const char *why, int64_t now_ms) MUST_USE;
/* Wakes those who poll for such jobs. */
void job_wake(struct tx *tx, const struct job_row *row);
/* "CATEGORY/PROVIDER/VERSION". */
int job_type(const char *category, const char *provider, const char *version, char **ret) MUST_USE;

/* ---- timers */

/* Two kinds have no rows of their own: what they wait for says itself when. */
#define TIMER_RUN "run"       /* an action under way: its deadline */
#define TIMER_LEASE "lease"   /* a leased job: its lease's end */
#define TIMER_THAW "thaw"     /* a freeze ends, begins or changes: the pipeline looks again */
#define TIMER_FORGET "forget" /* a job that nobody asks for any more may go */
#define FORGET_MS ((int64_t)3600 * 1000)
#define TIMER_JOB "job"       /* the end of a job's jobTimeout */
#define TIMER_FOLLOW "follow" /* a pipeline of a version before 0.2: what it follows is not kept yet */

int timer_set(struct tx *tx, const char *kind, const char *ref, const char *pipeline_id,
              int64_t due_ms) MUST_USE;
int timer_clear(struct tx *tx, const char *kind, const char *ref) MUST_USE;
/* Something is due then: the timers' thread must not sleep longer. */
void timer_expect(struct tx *tx, int64_t due_ms);
/* Fires what is due, at most `max`; *ret_next_ms: when the next is, INT64_MAX: none. */
int timers_fire(struct tx *tx, const struct platform *platform, int64_t now_ms, size_t max,
                int64_t *ret_next_ms) MUST_USE;

#define TOPIC_TIMERS "codepipeline:timers"
#define TOPIC_PIPELINE "codepipeline:pipeline:%s/%s" /* account, name */
/* made, changed, deleted, started */
#define TOPIC_LIST "codepipeline:list:%s"          /* account */
#define TOPIC_JOBS_AWS "codepipeline:jobs:%s"      /* account: for anchors */
#define TOPIC_JOBS_CUSTOM "codepipeline:custom:%s" /* account: for PollForJobs */
