/* The conditions of an execution's stages: which of its phases a stage is in, and what becomes of each
 * condition. Source: CodePipeline user guide, "How do stage conditions work?". */
#include "services/codepipeline/engine/engine.h"
#include "wire/json.h"

static const struct plan_stage *stage_now(const struct execution *execution)
{
    return &execution->plan->stages[execution->stage];
}

const json_t *condition_find(const json_t *data, const char *stage, int phase)
{
    return json_object_get(json_object_get(json_object_get(data, "conditions"), stage),
                           plan_phase_name(phase));
}

int condition_status(const struct execution *execution, const char *stage, int phase)
{
    const json_t *condition = condition_find(execution->data, stage, phase);

    return machine_state(&machine_condition, json_str(condition, "status", "None"));
}

static int status_now(const struct execution *execution, int phase)
{
    return condition_status(execution, stage_now(execution)->name, phase);
}

/* Its condition of that phase, if it has one, lets it go on. */
static bool is_met(const struct execution *execution, int phase)
{
    int status;

    if (!stage_now(execution)->conditions[phase])
        return true;
    status = status_now(execution, phase);
    return status == CONDITION_SUCCEEDED || status == CONDITION_OVERRIDDEN;
}

bool stage_was_skipped(const struct execution *execution, const char *stage)
{
    return condition_status(execution, stage, PHASE_ENTRY) == CONDITION_FAILED;
}

struct tally stage_tally(const struct execution *execution, int phase)
{
    const struct plan_stage *stage = stage_now(execution);
    struct tally tally = {.next_order = INT64_MAX};

    for (size_t i = 0; i < stage->total; i++) {
        const struct run *run = execution->runs[i];

        if (stage->actions[i].phase != phase)
            continue;
        if (!run) {
            if (stage->actions[i].run_order < tally.next_order)
                tally.next_order = stage->actions[i].run_order;
        } else if (run->status == ACTION_IN_PROGRESS) {
            tally.running++;
            tally.asking += run_asks(run) || run->action->check == CHECK_WINDOW;
        } else if (run->status == ACTION_SUCCEEDED) {
            tally.succeeded++;
        } else {
            tally.failed++;
        }
    }
    return tally;
}

/* After a failed action: unless the stage is repeated first. */
static bool asks_after_failure(const struct execution *execution)
{
    int status = status_now(execution, PHASE_FAILURE);

    return stage_now(execution)->conditions[PHASE_FAILURE] &&
           (status == CONDITION_NONE || status == CONDITION_IN_PROGRESS) &&
           stage_result(execution) != RESULT_RETRY;
}

int stage_phase(const struct execution *execution)
{
    struct tally actions = stage_tally(execution, PHASE_ACTIONS);

    if (execution->rollback)
        return PHASE_ACTIONS;
    if (!is_met(execution, PHASE_ENTRY))
        return PHASE_ENTRY;
    if (actions.running)
        return PHASE_ACTIONS;
    if (actions.failed)
        return asks_after_failure(execution) && !stage_has_expired(execution, NULL) ? PHASE_FAILURE
                                                                                    : PHASE_ACTIONS;
    if (actions.next_order == INT64_MAX && !is_met(execution, PHASE_SUCCESS))
        return PHASE_SUCCESS;
    return PHASE_ACTIONS;
}

/* Once; and what a person has rejected stays so. */
static bool may_repeat(const struct execution *execution)
{
    const json_t *counts =
        json_object_get(json_object_get(execution->data, "retries"), stage_now(execution)->name);

    if (json_int(counts, "auto", 0))
        return false;
    for (size_t i = 0; i < execution->run_count; i++) {
        const struct run *run = execution->runs[i];
        const json_t *error = run ? json_object_get(run->detail, "error") : NULL;

        if (run && run->status == ACTION_FAILED &&
            strcmp(json_str(error, "code", ""), "ApprovalRejected") == 0)
            return false;
    }
    return true;
}

int stage_result(const struct execution *execution)
{
    const struct plan_stage *stage = stage_now(execution);
    int always = stage->results[PHASE_ACTIONS], asked = stage->results[PHASE_FAILURE];

    if (execution->rollback)
        return RESULT_FAIL;
    if (always == RESULT_RETRY && may_repeat(execution))
        return RESULT_RETRY;
    if (status_now(execution, PHASE_FAILURE) == CONDITION_FAILED &&
        (asked == RESULT_ROLLBACK || (asked == RESULT_RETRY && may_repeat(execution))))
        return asked;
    return always == RESULT_ROLLBACK ? RESULT_ROLLBACK : RESULT_FAIL;
}

static json_t *member(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!value && json_object_set_new(object, key, json_object()) == 0)
        value = json_object_get(object, key);
    return value;
}

int condition_move(struct flow *flow, struct execution *execution, int phase, int status, const char *summary)
{
    int now = status_now(execution, phase);
    json_t *condition = member(member(member(execution->data, "conditions"), stage_now(execution)->name),
                               plan_phase_name(phase));
    int r;

    machine_move(&machine_condition, &now, status);
    execution_touch(flow, execution);
    r = json_put_str(condition, "status", machine_name(&machine_condition, now));
    if (r == 0)
        r = json_put_int(condition, "at", flow->now_ms);
    return r || !summary ? r : json_put_str(condition, "summary", summary);
}

bool conditions_forget(struct execution *execution, bool all, int phase)
{
    json_t *mine =
        json_object_get(json_object_get(execution->data, "conditions"), stage_now(execution)->name);
    int status = status_now(execution, phase);

    if (!all && phase != PHASE_FAILURE && is_met(execution, phase))
        return false;
    if (status != CONDITION_NONE) {
        machine_move(&machine_condition, &status, CONDITION_NONE);
        json_object_del(mine, plan_phase_name(phase));
    }
    return true;
}

int entry_forget(struct flow *flow, struct execution *execution)
{
    const struct plan_stage *stage = stage_now(execution);
    int r = 0;

    (void)conditions_forget(execution, true, PHASE_ENTRY);
    for (size_t i = stage->count; r == 0 && i < stage->total; i++)
        if (execution->runs[i] && stage->actions[i].phase == PHASE_ENTRY)
            r = run_replace(flow, &execution->runs[i]);
    execution_touch(flow, execution);
    return r ? r
             : effect_record(flow, execution, NULL, "condition-asked-again", NULL,
                             "A freeze held the stage when its entry condition was met.");
}

int conditions_abandon(struct flow *flow, struct execution *execution)
{
    int r = 0;

    for (int phase = 0; r == 0 && phase < PHASES; phase++)
        if (status_now(execution, phase) == CONDITION_IN_PROGRESS)
            r = condition_move(flow, execution, phase, CONDITION_ABANDONED, NULL);
    return r;
}

static const char *const titles[PHASES] = {
    [PHASE_ENTRY] = "entry", [PHASE_SUCCESS] = "success", [PHASE_FAILURE] = "failure"};

static void words_of(const struct execution *execution, int phase, struct reason *ret)
{
    const struct plan_stage *stage = stage_now(execution);

    for (size_t i = stage->count; i < stage->total; i++) {
        const struct run *run = execution->runs[i];

        if (run && run->action->phase == phase && run->status == ACTION_FAILED) {
            const char *message =
                json_str(json_object_get(run->detail, "error"), "message", "no reason given");

            reason_set(ret, 0, "The %s condition of stage %s is not met: rule %s: %s", titles[phase],
                       stage->name, run->action->name, message);
            return;
        }
    }
}

int rules_cut(struct flow *flow, struct execution *execution, const char *code, const char *why)
{
    const struct plan_stage *stage = stage_now(execution);
    int r = 0;

    for (size_t i = stage->count; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->status == ACTION_IN_PROGRESS)
            r = action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED, code, why);
    }
    return r;
}

static int condition_fail(struct flow *flow, struct execution *execution, int phase)
{
    int result = stage_now(execution)->results[phase], r;
    struct reason why = {0};

    words_of(execution, phase, &why);
    r = rules_cut(flow, execution, "ConditionFailed", "Another rule of the condition has failed.");
    if (r == 0)
        r = condition_move(flow, execution, phase, CONDITION_FAILED, why.text);
    if (r == 0)
        r = effect_record(flow, execution, NULL, "condition-failed", NULL, why.text);
    if (r || phase == PHASE_FAILURE)
        return r;
    if (execution->status == EXECUTION_STOPPING)
        return execution_stopped(flow, execution);
    if (phase == PHASE_ENTRY && result == RESULT_SKIP)
        return stage_leave(flow, execution, STAGE_SKIPPED, why.text);
    return stage_end_failed(flow, execution, why.text, result == RESULT_ROLLBACK);
}

int condition_advance(struct flow *flow, struct execution *execution, int phase, const struct tally *tally)
{
    int r = 0;

    if (tally->failed)
        return condition_fail(flow, execution, phase);
    if (tally->next_order == INT64_MAX) {
        r = condition_move(flow, execution, phase, CONDITION_SUCCEEDED, NULL);
        return r ? r : effect_record(flow, execution, NULL, "condition-met", NULL, titles[phase]);
    }
    if (status_now(execution, phase) == CONDITION_NONE)
        r = condition_move(flow, execution, phase, CONDITION_IN_PROGRESS, NULL);
    return r ? r : stage_begin_order(flow, execution, phase, tally->next_order);
}

/* ---- overriding */

static int override_check(struct flow *flow, const struct execution *execution,
                          const struct flow_event *event, struct reason *why)
{
    const struct gate *gate = flow_gate(flow, event->stage);
    size_t stage;
    int status, r;
    bool asks;

    if (!gate)
        return FAULT(ENOMEM);
    r = event_stage_find(execution, event, &stage, why);
    if (r)
        return r;
    status = condition_status(execution, event->stage, event->phase);
    asks = stage == execution->stage && execution->place == PLACE_RUNNING && status == CONDITION_IN_PROGRESS;
    if (!asks && execution->plan->mode != MODE_PARALLEL && gate->last_id[0] &&
        strcmp(gate->last_id, execution->id) != 0)
        return reason_set(why, PIPELINE_E_NOT_LATEST,
                          "Execution %s has entered stage %s since: only its conditions can be overridden.",
                          gate->last_id, event->stage);
    if (asks && execution->status == EXECUTION_IN_PROGRESS)
        return 0;
    if (stage == execution->stage && execution->status == EXECUTION_FAILED && status == CONDITION_FAILED)
        return executions_limit_check(flow, execution->plan, why);
    return reason_set(why, PIPELINE_E_NOT_OVERRIDABLE,
                      "The %s condition of stage %s in execution %s holds nothing up: there is nothing to "
                      "override.",
                      titles[event->phase], event->stage, execution->id);
}

int step_override(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution = flow_execution(flow, event->execution_id);
    struct reason words = {0};
    int r = override_check(flow, execution, event, why);

    if (r)
        return r;
    reason_set(&words, 0, "Overridden by %s.", event->who);
    if (execution->place == PLACE_ENDED)
        r = execution_resume(flow, execution);
    else
        r = rules_cut(flow, execution, "ConditionOverridden", words.text);
    if (r == 0)
        r = condition_move(flow, execution, event->phase, CONDITION_OVERRIDDEN, words.text);
    return r ? r
             : effect_record(flow, execution, NULL, "condition-overridden", event->who,
                             plan_phase_name(event->phase));
}
