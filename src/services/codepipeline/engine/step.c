/* The step: what each event does to the picture of a pipeline. One row per kind of event. */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"
#include "wire/json.h"

#define EXECUTIONS_MAX 50

static struct run *run_find(const struct flow *flow, const char *id, struct execution **ret_execution)
{
    for (size_t i = 0; i < flow->execution_count; i++) {
        struct execution *execution = flow->executions[i];

        for (size_t k = 0; k < execution->run_count; k++)
            if (execution->runs[k] && strcmp(execution->runs[k]->id, id) == 0) {
                *ret_execution = execution;
                return execution->runs[k];
            }
    }
    return NULL;
}

int executions_limit_check(const struct flow *flow, const struct plan *plan, struct reason *why)
{
    size_t count = 0;

    for (size_t i = 0; i < flow->execution_count; i++) {
        const struct execution *other = flow->executions[i];

        if (other->plan->mode == plan->mode && other->place != PLACE_ENDED)
            count += plan->mode == MODE_PARALLEL || other->place == PLACE_WAITING;
    }
    if (plan->mode == MODE_SUPERSEDED || count < EXECUTIONS_MAX)
        return 0;
    return reason_set(why, PIPELINE_E_TOO_MANY_EXECUTIONS,
                      "Pipeline %s is in %s mode and has %zu executions %s: try again when one of them has "
                      "ended, or stop one.",
                      plan->name, plan_mode_name(plan->mode), count,
                      plan->mode == MODE_PARALLEL ? "under way" : "waiting");
}

int event_stage_find(const struct execution *execution, const struct flow_event *event, size_t *ret,
                     struct reason *why)
{
    if (!execution)
        return reason_set(why, PIPELINE_E_EXECUTION_NOT_FOUND, "The pipeline execution %s was not found.",
                          event->execution_id);
    *ret = plan_stage_find(execution->plan, event->stage);
    return *ret < execution->plan->stage_count
               ? 0
               : reason_set(why, PIPELINE_E_STAGE_NOT_FOUND, "The pipeline has no stage %s.", event->stage);
}

static int on_start(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution;
    int r = executions_limit_check(flow, event->plan, why);

    if (r)
        return r;
    execution = mem_alloc(sizeof(*execution));
    if (!execution)
        return FAULT(ENOMEM);
    str_copy(execution->id, sizeof(execution->id), event->execution_id);
    execution->seq = event->seq;
    execution->plan = event->plan;
    execution->data = json_incref(event->data);
    execution->started_ms = execution->updated_ms = flow->now_ms;
    execution->fresh = execution->dirty = true;
    r = flow_add_execution(flow, execution);
    return r ? r : effect_record(flow, execution, NULL, "started", event->who, event->why);
}

/* What the worker says of the run, for people. */
static int run_describe(struct run *run, const json_t *input)
{
    const json_t *details = json_object_get(input, "executionDetails");
    const json_t *failure = json_object_get(input, "failureDetails");
    const char *external =
        json_str(details, "externalExecutionId", json_str(failure, "externalExecutionId", NULL));
    const char *summary = json_str(details, "summary", NULL);
    int r = 0;

    if (summary)
        r = json_put_str(run->detail, "summary", summary);
    if (r == 0 && external)
        r = json_put_str(run->detail, "externalExecutionId", external);
    if (r == 0 && json_object_get(details, "percentComplete"))
        r = json_put_int(run->detail, "percentComplete", json_int(details, "percentComplete", 0));
    return r;
}

static int run_under_way(const struct flow *flow, const struct flow_event *event, int otherwise,
                         struct execution **ret_execution, struct run **ret_run, struct reason *why)
{
    *ret_run = run_find(flow, event->run_id, ret_execution);
    if (*ret_run && (*ret_run)->status == ACTION_IN_PROGRESS)
        return 0;
    return reason_set(why, otherwise, "The action execution %s is not under way any more.", event->run_id);
}

static int author_keep(struct run *run, const struct flow_event *event)
{
    int r = event->author && event->author[0] ? json_put_str(run->detail, "author", event->author) : 0;

    return r || !event->author_person || !event->author_person[0]
               ? r
               : json_put_str(run->detail, "authorPerson", event->author_person);
}

static int on_result(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    const json_t *failure = json_object_get(event->input, "failureDetails");
    struct execution *execution;
    struct run *run;
    int r = run_under_way(flow, event, PIPELINE_E_JOB_STATE, &execution, &run, why);

    if (r == 0)
        r = run_describe(run, event->input);
    if (r == 0)
        r = author_keep(run, event);
    if (r)
        return r;
    if (event->yes)
        return action_succeed(flow, execution, run, event->input);
    return action_fail(flow, execution, run, json_str(failure, "type", "JobFailed"),
                       json_str(failure, "message", "The job failed."));
}

static int on_continue(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution;
    struct run *run;
    int r = run_under_way(flow, event, PIPELINE_E_JOB_STATE, &execution, &run, why);

    if (r == 0)
        r = run_describe(run, event->input);
    if (r == 0)
        r = json_put_str(run->detail, "continuationToken", json_str(event->input, "continuationToken", ""));
    return r ? r : action_offer(flow, execution, run);
}

static int on_approval(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution;
    struct run *run;
    int r = run_under_way(flow, event, PIPELINE_E_APPROVAL_COMPLETED, &execution, &run, why);

    if (r == 0 && run->deadline_ms <= flow->now_ms) /* its timer is late */
        return reason_set(why, PIPELINE_E_APPROVAL_COMPLETED,
                          "The approval action '%s' ran out of time: retry the stage to have it asked again.",
                          run->action->name);
    return r ? r : approval_answer(flow, execution, run, event, why);
}

static int on_timeout(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution;
    struct reason said = {0};
    struct run *run = run_find(flow, event->run_id, &execution);

    (void)why;
    if (!run || run->status != ACTION_IN_PROGRESS)
        return 0;
    if (run->deadline_ms > flow->now_ms) /* the clock went back */
        return effect_timer(flow, run);
    if (run->action->check != CHECK_NONE)
        return rule_look(flow, execution, run);
    reason_set(&said, 0, "%s %s within %lld minutes.", run->action->name,
               run_asks(run) ? "was not approved" : "did not end",
               (long long)(run->action->timeout_ms / 60000));
    if (run_asks(run))
        return action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED, APPROVAL_EXPIRED, said.text);
    return action_cut(flow, execution, run, ACTION_FAILED, JOB_TIMED_OUT, "TimedOut", said.text);
}

static int abandon_runs(struct flow *flow, struct execution *execution, const char *why)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->status == ACTION_IN_PROGRESS)
            r = action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED, "Abandoned", why);
    }
    return r;
}

/* Nobody works on a window: there is nothing to wait for. */
static int windows_cut(struct flow *flow, struct execution *execution)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->status == ACTION_IN_PROGRESS && run->action->check == CHECK_WINDOW)
            r = action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED, "Abandoned",
                           "The execution was stopped.");
    }
    return r;
}

static int stop_check(const struct execution *execution, const struct flow_event *event, struct reason *why)
{
    if (!execution)
        return reason_set(why, PIPELINE_E_EXECUTION_NOT_FOUND, "The pipeline execution %s was not found.",
                          event->execution_id);
    if (execution->status == EXECUTION_STOPPING && !event->yes)
        return reason_set(
            why, PIPELINE_E_DUPLICATED_STOP,
            "The pipeline execution %s is already being stopped: it ends when what is under way has, or at "
            "once with `abandon`.",
            event->execution_id);
    if (execution->place == PLACE_ENDED)
        return reason_set(why, PIPELINE_E_NOT_STOPPABLE,
                          "The pipeline execution %s has ended as %s: there is nothing to stop.",
                          event->execution_id, machine_name(&machine_execution, execution->status));
    return 0;
}

static int on_stop(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution = flow_execution(flow, event->execution_id);
    const char *reason = event->why ? event->why : "";
    int r = stop_check(execution, event, why);

    if (r)
        return r;
    if (execution->status == EXECUTION_IN_PROGRESS)
        machine_move(&machine_execution, &execution->status, EXECUTION_STOPPING);
    execution_touch(flow, execution);
    r = json_put(execution->data, "stop", json_pack("{s:s, s:s}", "reason", reason, "by", event->who));
    if (r == 0)
        r = effect_record(flow, execution, NULL, event->yes ? "stop-abandon" : "stop-wait", event->who,
                          reason);
    if (r == 0 && event->yes)
        r = abandon_runs(flow, execution, reason[0] ? reason : "The execution was stopped.");
    if (r == 0 && !event->yes)
        r = windows_cut(flow, execution);
    return r;
}

static int on_transition(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct gate *gate = flow_gate(flow, event->stage);

    (void)why;
    if (!gate)
        return FAULT(ENOMEM);
    gate->enabled = event->yes;
    gate->changed_ms = flow->now_ms;
    gate->dirty = true;
    free(take(gate->reason));
    free(take(gate->changed_by));
    if (!event->yes && event->why && !(gate->reason = str_dup(str_of(event->why))))
        return FAULT(ENOMEM);
    gate->changed_by = str_dup(str_of(event->who));
    if (!gate->changed_by)
        return FAULT(ENOMEM);
    return effect_record_gate(flow, gate, event->yes ? "transition-enabled" : "transition-disabled",
                              event->who, event->yes ? event->stage : event->why);
}

static int on_look(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    (void)flow;
    (void)event;
    (void)why;
    return 0;
}

static int (*const handlers[FLOW_EVENT_KINDS])(struct flow *, const struct flow_event *, struct reason *) = {
    [FLOW_START] = on_start,           [FLOW_RESULT] = on_result,       [FLOW_CONTINUE] = on_continue,
    [FLOW_APPROVAL] = on_approval,     [FLOW_TIMEOUT] = on_timeout,     [FLOW_STOP] = on_stop,
    [FLOW_RETRY] = step_retry,         [FLOW_ROLLBACK] = step_rollback, [FLOW_OVERRIDE] = step_override,
    [FLOW_TRANSITION] = on_transition, [FLOW_LOOK] = on_look,
};

int flow_step(struct flow *flow, const struct flow_event *event, int64_t now_ms, struct reason *why)
{
    int r;

    assert(event->kind < FLOW_EVENT_KINDS);
    flow->now_ms = now_ms;
    r = handlers[event->kind](flow, event, why);
    return r ? r : flow_advance(flow);
}
