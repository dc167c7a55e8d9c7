/* A pipeline's declaration, read once: what the engine walks over. The declaration was validated
 * (declaration.c) when it was stored. */
#pragma once

#include "base/base.h"
#include <jansson.h>
#include <stdatomic.h>

/* How executions of one pipeline share its stages. Source: CodePipeline user guide, "How pipeline executions
 * work". */
enum plan_mode {
    MODE_SUPERSEDED, /* one in a stage, one waits: the newest */
    MODE_QUEUED,     /* one in a stage, the others wait in the order of their starts */
    MODE_PARALLEL,   /* side by side: nobody waits for, or holds, a stage */
};

/* Where in its stage an action or a rule runs. The rules of a condition run side by side. */
enum plan_phase {
    PHASE_ENTRY,   /* rules before the actions */
    PHASE_ACTIONS, /* the actions themselves */
    PHASE_SUCCESS, /* rules after all actions have succeeded */
    PHASE_FAILURE, /* rules after an action has failed */
    PHASES,
};

/* What follows when a stage has failed, or a condition is not met: their `result`. */
enum plan_result {
    RESULT_FAIL,
    RESULT_RETRY,    /* once */
    RESULT_ROLLBACK, /* to the last execution that succeeded in the stage */
    RESULT_SKIP,     /* the execution goes on with the next stage */
};

/* Who answers a rule. */
enum plan_check {
    CHECK_NONE, /* a worker: a job as of an action */
    CHECK_WINDOW,
    CHECK_VARIABLE,
};

/* An action, or a rule of one of its stage's conditions. */
struct plan_action {
    const char *name;
    int phase; /* enum plan_phase */
    int check; /* enum plan_check */
    const char *category;
    const char *owner;
    const char *provider;
    const char *version;
    const char *variables_namespace; /* NULL: its output variables are not kept */
    const char *role_arn;            /* NULL: none */
    int64_t run_order;
    int64_t timeout_ms;
    bool approval; /* a person's; one of a custom type is a job */
    bool source;
    const json_t *configuration; /* may be NULL */
    const json_t *inputs;        /* [{"name"}], may be NULL */
    const json_t *outputs;       /* the same */
    const json_t *declaration;   /* all of it */
};

struct plan_stage {
    const char *name;
    struct plan_action *actions; /* the actions, then the rules by phase */
    size_t count;                /* of actions */
    size_t total;                /* with the rules */
    int results[PHASES];         /* enum plan_result: of its conditions; PHASE_ACTIONS: its onFailure's */
    bool conditions[PHASES];     /* which it has */
    bool retry_all;              /* all of its actions, not only the failed ones */
};

struct plan {
    _Atomic int users; /* plans are shared: plan_cache.c */
    json_t *declaration;
    int64_t version;
    int mode; /* enum plan_mode */
    const char *name;
    const char *bucket; /* the artifact store's */
    struct plan_stage *stages;
    size_t stage_count;
};

/* Keeps a reference to the declaration. */
int plan_new(json_t *declaration, int64_t version, struct plan **ret) MUST_USE;
/* The same of a declaration's text; read once for all who ask for the same text. Nobody changes a plan. */
int plan_shared(struct str text, int64_t version, struct plan **ret) MUST_USE;
void plan_free(struct plan **plan); /* CLEANUP-able: gives it up */
/* The mode's name in declarations, and back: MODE_SUPERSEDED also for NULL, -1: none is called so. */
const char *plan_mode_name(int mode);
int plan_mode_find(const char *name);
/* "BEFORE_ENTRY", "ON_SUCCESS", "ON_FAILURE"; "" for PHASE_ACTIONS. -1: none is called so. */
const char *plan_phase_name(int phase);
int plan_phase_find(const char *name);
/* The index among stage->total, or that. */
size_t plan_action_find(const struct plan_stage *stage, int phase, const char *name);
/* The index, or plan->stage_count. */
size_t plan_stage_find(const struct plan *plan, const char *stage);
/* The most of a CloudWatchAlarm rule's WaitTime. */
#define WATCH_MAX_MINUTES (7 * 24 * 60)
/* The time limit of an action that declares none. */
int64_t plan_timeout_default_ms(const char *category, const char *provider);
