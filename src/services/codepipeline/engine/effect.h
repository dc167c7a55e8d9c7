/* What a step wants done beside what it changes. */
#pragma once

#include "services/codepipeline/engine/flow.h"

enum effect_kind {
    EFFECT_OFFER,    /* a job for `run` */
    EFFECT_CANCEL,   /* the job `ref` ends as `job_status` */
    EFFECT_TIMER,    /* run `ref` is looked at when its deadline comes, due_ms, if it has not ended by then */
    EFFECT_RECORD,   /* a line of history */
    EFFECT_NOTIFY,   /* who approves `run` is told */
    EFFECT_THAW,     /* the pipeline looks again at due_ms */
    EFFECT_ROLLBACK, /* the stage in which `execution` failed goes back to the execution `ref` */
};

struct effect {
    enum effect_kind kind;
    const struct execution *execution;
    const struct run *run;
    char ref[ID_UUID_SIZE];
    int64_t due_ms;
    int job_status;
    const char *what;  /* EFFECT_RECORD: "superseded", "stopped" … a literal */
    const char *stage; /* EFFECT_RECORD: where it happened; the execution may be elsewhere by now */
    char *who;
    char *why;
};
