/* A person has a stage's actions run again: those of an execution that has ended, or, beside what is still
 * under way, those that have failed. Sources: RetryStageExecution in the CodePipeline API reference; its user
 * guide, "Retry a failed stage or failed actions in a stage". */
#include "services/codepipeline/engine/engine.h"

static int not_retryable(const struct flow_event *event, const char *because, struct reason *why)
{
    return reason_set(why, PIPELINE_E_STAGE_NOT_RETRYABLE, "Stage %s of execution %s is not retryable: %s.",
                      event->stage, event->execution_id, because);
}

static size_t unsuccessful(const struct execution *execution)
{
    size_t count = 0;

    for (size_t i = 0; i < execution->plan->stages[execution->stage].count; i++) {
        const struct run *run = execution->runs[i];

        count += !run || run->status == ACTION_FAILED || run->status == ACTION_ABANDONED;
    }
    return count;
}

/* One that was stopped before its stage has none there. */
static bool has_runs(const struct execution *execution)
{
    for (size_t i = 0; i < execution->run_count; i++)
        if (execution->runs[i])
            return true;
    return false;
}

static int ended_check(const struct flow *flow, const struct execution *execution,
                       const struct flow_event *event, struct reason *why)
{
    if (!machine_may(&machine_execution, execution->status, EXECUTION_IN_PROGRESS) || !has_runs(execution))
        return not_retryable(event, "it has no failed or abandoned action", why);
    if (!event->yes && unsuccessful(execution) == 0 && stage_phase(execution) == PHASE_ACTIONS)
        return not_retryable(event, "it has no failed action", why);
    return executions_limit_check(flow, execution->plan, why);
}

/* What is under way goes on; with it, all of them cannot begin again. */
static int running_check(const struct execution *execution, const struct flow_event *event,
                         struct reason *why)
{
    struct tally tally = stage_tally(execution, PHASE_ACTIONS);

    if (execution->status != EXECUTION_IN_PROGRESS)
        return not_retryable(event, "the execution is being stopped", why);
    if (tally.failed == 0)
        return not_retryable(event, "it is in progress, and no action of it has failed", why);
    if (stage_phase(execution) != PHASE_ACTIONS)
        return not_retryable(event, "its condition is being looked at", why);
    if (event->yes)
        return not_retryable(
            event, "it has actions in progress. Retry with FAILED_ACTIONS, or when they have ended", why);
    return 0;
}

static int latest_check(struct flow *flow, const struct execution *execution, const struct flow_event *event,
                        struct reason *why)
{
    const struct gate *gate = flow_gate(flow, event->stage);

    if (!gate)
        return FAULT(ENOMEM);
    if (execution->plan->mode == MODE_PARALLEL || strcmp(gate->last_id, execution->id) == 0)
        return 0;
    if (!gate->last_id[0] || gate->last_seq <= execution->seq)
        return not_retryable(event, "it has no failed or abandoned action", why);
    return reason_set(
        why, PIPELINE_E_NOT_LATEST,
        "The newer execution %s has entered stage %s: only the latest execution can be retried.",
        gate->last_id, event->stage);
}

static int retry_check(struct flow *flow, const struct execution *execution, const struct flow_event *event,
                       struct reason *why)
{
    size_t stage;
    int r;

    r = event_stage_find(execution, event, &stage, why);
    if (r == 0)
        r = latest_check(flow, execution, event, why);
    if (r)
        return r;
    if (stage != execution->stage || execution->place == PLACE_WAITING)
        return not_retryable(event, "the execution has not failed in it", why);
    return execution->place == PLACE_ENDED ? ended_check(flow, execution, event, why)
                                           : running_check(execution, event, why);
}

int step_retry(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    struct execution *execution = flow_execution(flow, event->execution_id);
    int r = retry_check(flow, execution, event, why);

    if (r)
        return r;
    if (execution->place == PLACE_RUNNING) {
        r = execution_repeat_failed(flow, execution);
    } else {
        r = execution_repeat_stage(flow, execution, event->yes, false);
        if (r == 0)
            r = execution_resume(flow, execution);
    }
    return r ? r
             : effect_record(flow, execution, NULL,
                             event->yes ? "retried-all-actions" : "retried-failed-actions", event->who,
                             event->stage);
}
