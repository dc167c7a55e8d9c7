/* The moving part of one pipeline in memory; step.h has what moves it.
 *
 * flow_step(flow, event, now) is pure: no I/O, no clock; ids come from flow->make_id. It changes the objects
 * (marking those to be saved) and lists effects; save.c writes both in one transaction. The picture holds the
 * pipeline's executions under way only (and, for a retry, the one to be retried), each with the action runs
 * of its current stage.
 *
 * Each execution follows the mode of the pipeline version that it started with. Invariants after a step,
 * those in PARALLEL mode left out: at most one execution runs in a stage (by stage name); of those in
 * SUPERSEDED mode at most one waits before a stage, the newest (and before it one that a freeze lets through,
 * if it holds the newest); who waits has the stage held or closed before
 * it, or an older one before it. In SUPERSEDED mode nobody waits behind one that only waits for approvals,
 * unless the transition is disabled or that one is a rollback. An execution that runs in a stage has an
 * action or a rule under way, or a freeze keeps its next action from beginning. A rollback has no conditions,
 * and no freeze holds it. */
#pragma once

#include "base/id.h"
#include "base/reason.h"
#include "services/codepipeline/engine/outcome.h"
#include "services/codepipeline/engine/machine.h"
#include "services/codepipeline/engine/plan.h"

/* One action of one execution, tried once; or one rule. `detail` holds what people and GetPipelineState see:
 * {resolvedConfiguration, inputArtifacts, outputArtifacts: [{name, bucket, key, sha256?}], outputVariables,
 * summary, externalExecutionId, percentComplete, error: {code, message}, lastUpdatedBy, continuationToken,
 * revision, author, authorPerson, commands, opensMs, approval: {artifacts, changes, given: [{who, summary,
 * at}], missing}} */
struct run {
    char id[ID_UUID_SIZE];
    char token[ID_UUID_SIZE];  /* what a person is asked by; else empty */
    char job_id[ID_UUID_SIZE]; /* the current job; approvals: empty */
    const struct plan_action *action;
    const char *stage;        /* the plan's text */
    const char *execution_id; /* the execution's text */
    int status;               /* enum action_status */
    int64_t started_ms;
    int64_t updated_ms;
    int64_t deadline_ms;
    int64_t ordinal; /* order of beginnings within the execution, from 1 */
    int64_t stage_run;
    json_t *detail;
    char *packed;  /* detail as it is stored, of a run that has succeeded: run_unpack reads it; NULL: it is
                      read */
    bool replaced; /* a retry begins another in its place */
    bool fresh;    /* no row yet */
    bool dirty;
};

/* It waits for a person's answer: what was asked stays a question, also where a custom type's approvals have
 * become jobs since. */
static inline bool run_asks(const struct run *run)
{
    return run->token[0] != '\0';
}

/* `data`: {variables: {NAMESPACE: {KEY: text}}, artifacts: {NAME: {bucket, key, sha256?, revision?}},
 * revisions: [artifactRevisions], sourceRevisions: [overrides], trigger: {type, detail, by, person}, stop:
 * {reason, by}, summary, mode: "QUEUED" …, rollback: {target}, retries: {STAGE: {auto, manual, latest}},
 * conditions: {STAGE: {"BEFORE_ENTRY" …: {status, summary, at}}}} */
struct execution {
    char id[ID_UUID_SIZE];
    int64_t seq; /* order of starts within the pipeline, from 1 */
    struct plan *plan;
    int status; /* enum execution_status */
    int place;  /* enum execution_place */
    size_t stage;
    int64_t run_seq;   /* the ordinal of the last run; the row's may be that of a run before */
    int64_t stage_run; /* counts entries into stages; action rows of one stage run belong together */
    int64_t started_ms;
    int64_t updated_ms; /* of its runs too; the row's is the last change of the row */
    json_t *data;
    bool rollback; /* of its one stage */
    struct run *
        *runs; /* by action and rule of the stage; NULL: not started. Only while the place is Running */
    size_t run_count;
    bool fresh;
    bool dirty;
};

/* The entrance of a stage, by name. */
struct gate {
    char stage[PIPELINE_NAME_MAX + 1];
    bool enabled;
    char *reason; /* why disabled; NULL */
    char *changed_by;
    int64_t changed_ms;
    char last_id[ID_UUID_SIZE]; /* the last execution that entered; empty: none */
    int64_t last_seq;
    char good_id[ID_UUID_SIZE]; /* the last that succeeded; empty: none */
    int status;                 /* enum stage_status: what became of it */
    bool fresh;
    bool dirty;
};

struct effect;
struct freeze;

struct flow {
    /* `ordered`: the key of a row; else random, for what is a secret or is cut short */
    void (*make_id)(void *context, bool ordered, char ret[ID_UUID_SIZE]);
    void *make_id_context;
    char account[13];              /* the pipeline's */
    struct execution **executions; /* by seq */
    size_t execution_count;
    struct gate **gates;
    size_t gate_count;
    struct plan **plans;
    size_t plan_count;
    struct run **retired; /* replaced or left behind within this step; still to be saved */
    size_t retired_count;
    struct freeze **freezes; /* freeze.h: of the pipeline's account, in force or to come */
    size_t freeze_count;
    int64_t thaw_ms; /* when the first freeze that holds an execution lets go; INT64_MAX: never by itself */
    struct effect *effects;
    size_t effect_count;
    size_t effect_cap;
    int64_t now_ms;
    int64_t stamp; /* of the change that flow_save wrote: picture.h */
};

struct flow *flow_new(void) MUST_USE;
void flow_free(struct flow **flow); /* CLEANUP-able */
/* After a step was saved: what is left is what would be read again, with `version` as the pipeline's own. */
void flow_settle(struct flow *flow, int64_t version);
/* Take ownership, also on failure. */
int flow_add_execution(struct flow *flow, struct execution *execution) MUST_USE;
int flow_add_gate(struct flow *flow, struct gate *gate) MUST_USE;
int flow_add_plan(struct flow *flow, struct plan *plan) MUST_USE;
int flow_add_freeze(struct flow *flow, struct freeze *freeze) MUST_USE;
struct plan *flow_plan(const struct flow *flow, int64_t version); /* NULL: not loaded */
struct execution *flow_execution(const struct flow *flow, const char *id);
/* The gate of that name, made when it is missing; NULL: out of memory. */
struct gate *flow_gate(struct flow *flow, const char *stage);
void run_free(struct run *run);
int run_unpack(struct run *run) MUST_USE;
/* Own clean-up of one that was not added yet. */
void execution_free(struct execution *execution);
