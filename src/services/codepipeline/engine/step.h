/* The step: what happens to a pipeline, one event at a time. */
#pragma once

#include "services/codepipeline/engine/flow.h"

enum flow_event_kind {
    FLOW_START,
    FLOW_RESULT,   /* a job's accepted result */
    FLOW_CONTINUE, /* a job's success with a continuation token: the action goes on with another job */
    FLOW_APPROVAL, /* a person's answer */
    FLOW_TIMEOUT,  /* a run's deadline has come */
    FLOW_STOP,
    FLOW_RETRY,
    FLOW_ROLLBACK,
    FLOW_OVERRIDE,   /* a condition counts as met */
    FLOW_TRANSITION, /* enabled or disabled */
    FLOW_LOOK,       /* nothing happened: only move on what can move */
    FLOW_EVENT_KINDS,
};

struct flow_event {
    enum flow_event_kind kind;
    const char *execution_id; /* START, ROLLBACK: the new one's */
    const char *target_id;    /* ROLLBACK: whose deployment shall come back */
    const char *run_id;       /* RESULT, CONTINUE, APPROVAL, TIMEOUT */
    const char *stage;        /* RETRY, ROLLBACK, OVERRIDE, TRANSITION */
    int phase;                /* OVERRIDE: enum plan_phase */
    const char *who;
    const char *person; /* APPROVAL: of `who` (wire/person.h) */
    const char *why;
    bool yes; /* RESULT: success; APPROVAL: approved; STOP: abandon; RETRY: all actions; TRANSITION: enable */
    bool dry; /* ROLLBACK: only say whether it could be */
    struct plan *plan; /* START, ROLLBACK: the current version */
    int64_t seq;       /* START, ROLLBACK */
    json_t *data; /* START: sourceRevisions, trigger, variables; ROLLBACK: trigger; a reference is taken */
    const char *author;        /* RESULT of a source: who put the object; NULL or "": nobody knows */
    const char *author_person; /* of `author`; NULL or "": its ARN is all that is known */
    const json_t *input;       /* RESULT, CONTINUE: the API's PutJob…Result input */
};

/* 0; PIPELINE_E_TOO_MANY_EXECUTIONS, PIPELINE_E_EXECUTION_NOT_FOUND, PIPELINE_E_STAGE_NOT_FOUND,
 * PIPELINE_E_STAGE_NOT_RETRYABLE, PIPELINE_E_NOT_LATEST, PIPELINE_E_NO_ROLLBACK, PIPELINE_E_NOT_STOPPABLE,
 * PIPELINE_E_DUPLICATED_STOP, PIPELINE_E_APPROVAL_COMPLETED, PIPELINE_E_DENIED, PIPELINE_E_JOB_STATE,
 * PIPELINE_E_NOT_OVERRIDABLE with nothing changed; a fault leaves the flow unusable. */
int flow_step(struct flow *flow, const struct flow_event *event, int64_t now_ms, struct reason *why) MUST_USE;
