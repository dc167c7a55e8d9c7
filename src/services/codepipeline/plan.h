/* A pipeline's declaration, read once: what the engine walks over. The declaration was validated
 * (declaration.c) when it was stored. */
#pragma once

#include "base/base.h"
#include <jansson.h>

/* How executions of one pipeline share its stages. Source: CodePipeline user guide, "How pipeline executions
 * work". */
enum plan_mode {
    MODE_SUPERSEDED, /* one in a stage, one waits: the newest */
    MODE_QUEUED,     /* one in a stage, the others wait in the order of their starts */
    MODE_PARALLEL,   /* side by side: nobody waits for, or holds, a stage */
};

struct plan_action {
    const char *name;
    const char *category;
    const char *owner;
    const char *provider;
    const char *version;
    const char *variables_namespace; /* NULL: its output variables are not kept */
    const char *role_arn;            /* NULL: none */
    int64_t run_order;
    int64_t timeout_ms;
    bool approval;
    bool source;
    const json_t *configuration; /* may be NULL */
    const json_t *inputs;        /* [{"name"}], may be NULL */
    const json_t *outputs;       /* the same */
};

/* What follows when a stage has failed: its onFailure. */
enum plan_failure {
    FAILURE_FAILS,
    FAILURE_RETRIES,    /* once */
    FAILURE_ROLLS_BACK, /* to the last execution that succeeded in the stage */
};

struct plan_stage {
    const char *name;
    struct plan_action *actions;
    size_t count;
    int on_failure; /* enum plan_failure */
    bool retry_all; /* all of its actions, not only the failed ones */
};

struct plan {
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
void plan_free(struct plan **plan); /* CLEANUP-able */
/* The mode's name in declarations, and back: MODE_SUPERSEDED also for NULL, -1: none is called so. */
const char *plan_mode_name(int mode);
int plan_mode_find(const char *name);
/* The index, or plan->stage_count. */
size_t plan_stage_find(const struct plan *plan, const char *stage);
/* The time limit of an action that declares none. */
int64_t plan_timeout_default_ms(const char *category, const char *provider);
