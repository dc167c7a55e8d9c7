/* Rolling a stage back: a new execution runs that one stage with what an earlier execution had, by the
 * pipeline version that the earlier one had. Source: CodePipeline user guide, "Configuring stage rollback";
 * unlike there, the target's version does not matter, and a rollback may be a target as well. */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"
#include "wire/json.h"

/* Its actions in the stage have succeeded: it went on, or ended so in it. */
static bool has_succeeded(const struct execution *execution, const char *name)
{
    size_t stage = plan_stage_find(execution->plan, name);

    if (stage_was_skipped(execution, name))
        return false;
    if (execution->status == EXECUTION_SUCCEEDED && execution->stage == stage)
        return true;
    return !execution->rollback && execution->stage > stage;
}

static int parallel_check(const struct plan *plan, struct reason *why)
{
    if (plan->mode != MODE_PARALLEL)
        return 0;
    return reason_set(
        why, PIPELINE_E_NO_ROLLBACK,
        "Version %lld of pipeline %s is in PARALLEL mode: its executions share no stage that could be "
        "rolled back.",
        (long long)plan->version, plan->name);
}

static int target_check(const struct execution *target, const struct flow_event *event, struct reason *why)
{
    size_t stage;

    if (!target)
        return reason_set(why, PIPELINE_E_EXECUTION_NOT_FOUND, "The pipeline execution %s was not found.",
                          event->target_id);
    stage = plan_stage_find(target->plan, event->stage);
    if (stage == target->plan->stage_count)
        return reason_set(why, PIPELINE_E_STAGE_NOT_FOUND, "The pipeline execution %s had no stage %s.",
                          event->target_id, event->stage);
    if (stage == 0)
        return reason_set(why, PIPELINE_E_NO_ROLLBACK, "The source stage %s cannot be rolled back.",
                          event->stage);
    return parallel_check(target->plan, why);
}

static int stage_check(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    const struct execution *holder = stage_holder(flow, event->stage);
    const struct gate *gate = flow_gate(flow, event->stage);

    if (!gate)
        return FAULT(ENOMEM);
    if (holder)
        return reason_set(why, PIPELINE_E_NO_ROLLBACK,
                          "Stage %s is running execution %s: wait for its end, or stop it.", event->stage,
                          holder->id);
    if (!gate->enabled)
        return reason_set(why, PIPELINE_E_NO_ROLLBACK,
                          "The transition into stage %s is disabled by %s: %s. Enable it first.",
                          event->stage, gate->changed_by ? gate->changed_by : "somebody",
                          gate->reason ? gate->reason : "no reason given");
    return parallel_check(event->plan, why);
}

/* The caller's words, with what the target had. */
static int data_make(const struct execution *target, const struct flow_event *event, json_t **ret)
{
    static const char *const kept[] = {"variables", "artifacts", "revisions", "sourceRevisions"};
    CLEANUP(json_free) json_t *data = json_deep_copy(event->data);
    int r = json_put(data, "rollback", json_pack("{s:s}", "target", target->id));

    if (r == 0)
        r = json_put_str(data, "mode", plan_mode_name(target->plan->mode));
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(kept); i++) {
        const json_t *value = json_object_get(target->data, kept[i]);

        if (value)
            r = json_put(data, kept[i], json_deep_copy(value));
    }
    if (r == 0)
        *ret = take(data);
    return r;
}

static int execution_make(const struct flow *flow, const struct execution *target,
                          const struct flow_event *event, struct execution **ret)
{
    struct execution *execution = mem_alloc(sizeof(*execution));
    int r;

    if (!execution)
        return FAULT(ENOMEM);
    str_copy(execution->id, sizeof(execution->id), event->execution_id);
    execution->seq = event->seq;
    execution->plan = target->plan;
    execution->stage = plan_stage_find(target->plan, event->stage);
    execution->rollback = true;
    execution->started_ms = execution->updated_ms = flow->now_ms;
    execution->fresh = execution->dirty = true;
    r = data_make(target, event, &execution->data);
    if (r) {
        execution_free(execution);
        return r;
    }
    *ret = execution;
    return 0;
}

int step_rollback(struct flow *flow, const struct flow_event *event, struct reason *why)
{
    const struct execution *target = flow_execution(flow, event->target_id);
    struct execution *execution = NULL;
    int r = target_check(target, event, why);

    if (r == 0)
        r = stage_check(flow, event, why);
    if (r == 0 && !has_succeeded(target, event->stage))
        r = reason_set(why, PIPELINE_E_NO_ROLLBACK,
                       "The pipeline execution %s has not succeeded in stage %s: choose one that has.",
                       event->target_id, event->stage);
    if (r || event->dry)
        return r;
    r = execution_make(flow, target, event, &execution);
    if (r == 0)
        r = flow_add_execution(flow, execution);
    return r ? r : effect_record(flow, execution, NULL, "rollback-started", event->who, event->target_id);
}
