/* The engine's own parts: step.c, retry.c and rollback.c handle events, advance.c moves what can move,
 * action.c begins and ends actions, effects.c lists what must happen. */
#pragma once

#include "services/codepipeline/engine/effect.h"
#include "services/codepipeline/engine/step.h"

/* The runs of one phase of a stage. */
struct tally {
    size_t running;
    size_t asking; /* of the running: approvals and windows, which nobody works on */
    size_t failed;
    size_t succeeded;
    int64_t next_order; /* the lowest runOrder with an action not begun; INT64_MAX: none */
};

int effect_offer(struct flow *flow, const struct execution *execution, const struct run *run) MUST_USE;
int effect_cancel(struct flow *flow, const char *job_id, int job_status) MUST_USE;
int effect_timer(struct flow *flow, const struct run *run) MUST_USE;
int effect_notify(struct flow *flow, const struct execution *execution, const struct run *run) MUST_USE;
int effect_thaw(struct flow *flow, int64_t due_ms) MUST_USE;
int effect_rollback(struct flow *flow, const struct execution *execution, const char *target_id) MUST_USE;
/* `what` is a literal; `run`, `who`, `why` may be NULL. */
int effect_record(struct flow *flow, const struct execution *execution, const struct run *run,
                  const char *what, const char *who, const char *why) MUST_USE;
int effect_record_gate(struct flow *flow, const struct gate *gate, const char *what, const char *who,
                       const char *why) MUST_USE;

/* Its row is to be written. */
void execution_touch(struct flow *flow, struct execution *execution);
/* The run's row is; its execution's need not say so (run_seq and updated_ms of struct execution). */
void run_touch(struct flow *flow, struct execution *execution, struct run *run);
/* Moves the execution to an end and its place with it; keeps its action runs to be saved. `summary` may be
 * NULL. */
int execution_end(struct flow *flow, struct execution *execution, int status, const char *who,
                  const char *summary) MUST_USE;
/* Another is to begin in its place. */
int run_replace(struct flow *flow, struct run **run) MUST_USE;
/* Takes the runs of the stage out of the execution: they are saved, and no more of its present. */
int execution_retire_runs(struct flow *flow, struct execution *execution) MUST_USE;
/* Its stage runs again: the failed actions, or all. Counts it as `automatic` or not. */
int execution_repeat_stage(struct flow *flow, struct execution *execution, bool all, bool automatic) MUST_USE;

/* Of a stage in which others are under way: the actions that failed begin again beside them. */
int execution_repeat_failed(struct flow *flow, struct execution *execution) MUST_USE;
/* A failed or stopped one runs in its stage again. */
int execution_resume(struct flow *flow, struct execution *execution) MUST_USE;
/* It was asked to stop, and nothing of it is under way any more. */
int execution_stopped(struct flow *flow, struct execution *execution) MUST_USE;
/* An action has failed, and nothing of the stage is under way any more. */
int stage_fail(struct flow *flow, struct execution *execution) MUST_USE;
/* Goes on to the next stage, or ends. STAGE_SUCCEEDED, or STAGE_SKIPPED and why. */
int stage_leave(struct flow *flow, struct execution *execution, int status, const char *why) MUST_USE;
/* Ends the execution; perhaps another comes to bring the stage's last success back. */
int stage_end_failed(struct flow *flow, struct execution *execution, const char *why,
                     bool rolls_back) MUST_USE;
int stage_begin_order(struct flow *flow, struct execution *execution, int phase, int64_t order) MUST_USE;

/* ---- conditions */

/* enum plan_phase: what the execution does in its stage now. */
int stage_phase(const struct execution *execution);
struct tally stage_tally(const struct execution *execution, int phase);
/* What follows when its stage has failed: RESULT_FAIL, _RETRY, _ROLLBACK. */
int stage_result(const struct execution *execution);
/* {status, summary, at} as the execution's data has it; NULL: not looked at yet. */
const json_t *condition_find(const json_t *data, const char *stage, int phase);
int condition_status(const struct execution *execution, const char *stage, int phase);
bool stage_was_skipped(const struct execution *execution, const char *stage);
int condition_move(struct flow *flow, struct execution *execution, int phase, int status,
                   const char *summary) MUST_USE;
/* Begins its rules, or settles it. */
int condition_advance(struct flow *flow, struct execution *execution, int phase,
                      const struct tally *tally) MUST_USE;
/* Before its stage is run again: true when that phase's rules must be asked again. */
bool conditions_forget(struct execution *execution, bool all, int phase);
/* Its entry condition was met, and nothing has begun: its rules are asked anew. */
int entry_forget(struct flow *flow, struct execution *execution) MUST_USE;
/* Before the execution ends: what is still asked. */
int conditions_abandon(struct flow *flow, struct execution *execution) MUST_USE;
/* Ends the rules under way without their answer. */
int rules_cut(struct flow *flow, struct execution *execution, const char *code, const char *why) MUST_USE;
/* Answers a rule of the engine's own, or waits on. */
int rule_look(struct flow *flow, struct execution *execution, struct run *run) MUST_USE;
/* Handles FLOW_OVERRIDE. */
int step_override(struct flow *flow, const struct flow_event *event, struct reason *why) MUST_USE;

/* Begins action or rule `index` of the execution's stage: a job, an approval, an answer at once. */
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

/* An older one that waits before the same stage: nobody overtakes it, unless a freeze holds it. NULL: none.
 */
const struct execution *turn_before(const struct flow *flow, const struct execution *execution);
/* Who runs in the stage and keeps others out; NULL: nobody. */
const struct execution *stage_holder(const struct flow *flow, const char *stage);
/* ---- approvals (decision.c) */

#define APPROVAL_EXPIRED "ApprovalExpired"

/* Begins one: who may answer, and about what. */
int approval_ask(struct flow *flow, struct execution *execution, struct run *run) MUST_USE;
/* PIPELINE_E_DENIED, PIPELINE_E_APPROVAL_COMPLETED. */
int approval_answer(struct flow *flow, struct execution *execution, struct run *run,
                    const struct flow_event *event, struct reason *why) MUST_USE;
/* Nothing has failed in the stage, but an approval ran out. */
bool stage_has_expired(const struct execution *execution, struct reason *ret);

/* A freeze keeps it from entering its stage, or from beginning another action there. */
bool execution_frozen(const struct flow *flow, const struct execution *execution, int64_t *ret_until_ms);

/* Whether the pipeline takes one more under way. QUEUED mode counts those that wait, PARALLEL mode all.
 * PIPELINE_E_TOO_MANY_EXECUTIONS. */
int executions_limit_check(const struct flow *flow, const struct plan *plan, struct reason *why) MUST_USE;
/* The event's stage by the plan of the event's execution (NULL: there is none).
 * PIPELINE_E_EXECUTION_NOT_FOUND, PIPELINE_E_STAGE_NOT_FOUND. */
int event_stage_find(const struct execution *execution, const struct flow_event *event, size_t *ret,
                     struct reason *why) MUST_USE;
/* Handles FLOW_RETRY. */
int step_retry(struct flow *flow, const struct flow_event *event, struct reason *why) MUST_USE;
/* Handles FLOW_ROLLBACK. */
int step_rollback(struct flow *flow, const struct flow_event *event, struct reason *why) MUST_USE;
/* Moves on everything that can move. */
int flow_advance(struct flow *flow) MUST_USE;
