/* The engine's own parts: step.c and rollback.c handle events, advance.c moves what can move, action.c begins
 * and ends actions, effects.c lists what must happen. */
#pragma once

#include "services/codepipeline/effect.h"

int effect_offer(struct flow *flow, const struct execution *execution, const struct run *run) MUST_USE;
int effect_cancel(struct flow *flow, const char *job_id, int job_status) MUST_USE;
int effect_timer(struct flow *flow, const struct run *run) MUST_USE;
int effect_timer_clear(struct flow *flow, const struct run *run) MUST_USE;
int effect_rollback(struct flow *flow, const struct execution *execution, const char *target_id) MUST_USE;
/* `what` is a literal; `run`, `who`, `why` may be NULL. */
int effect_record(struct flow *flow, const struct execution *execution, const struct run *run,
                  const char *what, const char *who, const char *why) MUST_USE;

void execution_touch(struct flow *flow, struct execution *execution);
void run_touch(struct flow *flow, struct run *run);
/* Moves the execution to an end and its place with it; keeps its action runs to be saved. `summary` may be
 * NULL. */
int execution_end(struct flow *flow, struct execution *execution, int status, const char *who,
                  const char *summary) MUST_USE;
/* Takes the runs of the stage out of the execution: they are saved, and no more of its present. */
int execution_retire_runs(struct flow *flow, struct execution *execution) MUST_USE;
/* Its stage runs again: the failed actions, or all. Counts it as `automatic` or not. */
int execution_repeat_stage(struct flow *flow, struct execution *execution, bool all, bool automatic) MUST_USE;
int run_retire(struct flow *flow, struct run **run) MUST_USE;

/* Begins action `index` of the execution's stage: a job, an approval, or a failure at once. */
int action_begin(struct flow *flow, struct execution *execution, size_t index) MUST_USE;
/* Offers a further job of the same action run. */
int action_offer(struct flow *flow, struct execution *execution, struct run *run) MUST_USE;
int action_succeed(struct flow *flow, struct execution *execution, struct run *run,
                   const json_t *input) MUST_USE;
int action_fail(struct flow *flow, struct execution *execution, struct run *run, const char *code,
                const char *message) MUST_USE;
/* Ends it without its worker's word: ACTION_FAILED after a timeout, ACTION_ABANDONED after a stop. Its job
 * ends as `job_status`. */
int action_cut(struct flow *flow, struct execution *execution, struct run *run, int status, int job_status,
               const char *code, const char *message) MUST_USE;

/* An older one that waits before the same stage: nobody overtakes it. NULL: none. */
const struct execution *turn_before(const struct flow *flow, const struct execution *execution);
/* Who runs in the stage and keeps others out; NULL: nobody. */
const struct execution *stage_holder(const struct flow *flow, const char *stage);
/* Handles FLOW_ROLLBACK. */
int step_rollback(struct flow *flow, const struct flow_event *event, struct reason *why) MUST_USE;
/* Moves on everything that can move. */
int flow_advance(struct flow *flow) MUST_USE;
