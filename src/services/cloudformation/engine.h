/* The stack engine: goes on with every stack whose status ends in _IN_PROGRESS until it ends. A step is one
 * transaction: effects, resources' rows, events and the stack's status commit together, so that a killed
 * process goes on where it was. */
#pragma once

#include "services/cloudformation/plan.h"

struct platform;

/* The service's start and stop. */
int engine_start(const struct platform *platform, void **ret_state);
void engine_stop(void *state);
/* Works on one stack until it is not busy any more. Used by the thread and by tests. */
int engine_drive(const struct platform *platform, const char *account, const char *stack_id) MUST_USE;

#define STEP_FAILED 100 /* a resource failed: undo the step, then repeat it with the failure known */
#define STEP_RESOURCES_MAX 32

struct step {
    struct tx *tx;
    const struct platform *platform;
    struct stack *stack;
    json_t *rows;      /* by logical id */
    json_t *failed;    /* logical id → why: learnt by earlier tries of this step */
    size_t budget;     /* resources that this step may still deal with */
    char failing[256]; /* with STEP_FAILED */
    struct reason why;
};

/* forward.c: CREATE_IN_PROGRESS, UPDATE_IN_PROGRESS */
int step_forward(struct step *step) MUST_USE;
/* backward.c */
int step_delete(struct step *step) MUST_USE;          /* ROLLBACK_IN_PROGRESS, DELETE_IN_PROGRESS */
int step_cleanup(struct step *step) MUST_USE;         /* …_CLEANUP_IN_PROGRESS */
int step_update_rollback(struct step *step) MUST_USE; /* UPDATE_ROLLBACK_IN_PROGRESS */

/* One resource's function, with words of its outcome in step->why; STEP_FAILED with step->failing set. */
struct resource_work;
int step_run(struct step *step, int (*function)(struct resource_work *work), const json_t *row,
             const json_t *properties, const json_t *before, char ret_physical_id[],
             json_t **ret_attributes) MUST_USE;
/* The rows in order of creation, last first. */
int step_rows_backward(const struct step *step, json_t **ret) MUST_USE;
/* exports.c: STEP_FAILED-free: a positive outcome has words in *why. */
int exports_set(struct tx *tx, const struct stack *stack, const json_t *outputs, struct reason *why) MUST_USE;
int exports_drop(struct tx *tx, const struct stack *stack, struct reason *why) MUST_USE;
int imports_set(struct tx *tx, const struct stack *stack, const json_t *names) MUST_USE;
