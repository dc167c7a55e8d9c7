/* Moves on what can move: stages end, actions begin, executions enter stages, newer ones supersede waiting
 * ones where the mode has it so.
 *
 * Run after every event until nothing moves. Executions are looked at oldest first, so that a stage that an
 * older one leaves is free for the next in the same step. */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/engine/freeze.h"
#include "wire/json.h"

static const char *stage_name(const struct execution *execution)
{
    return execution->plan->stages[execution->stage].name;
}

static bool parallel(const struct execution *execution)
{
    return execution->plan->mode == MODE_PARALLEL;
}

bool execution_frozen(const struct flow *flow, const struct execution *execution, int64_t *ret_until_ms)
{
    return !execution->rollback &&
           freeze_find(flow, execution->plan, execution->stage, execution, ret_until_ms) != NULL;
}

/* And notes when to look again. */
static bool holds(struct flow *flow, const struct execution *execution)
{
    int64_t until_ms;

    if (!execution_frozen(flow, execution, &until_ms))
        return false;
    if (until_ms < flow->thaw_ms)
        flow->thaw_ms = until_ms;
    return true;
}

/* What a freeze holds does not take the place of what it lets through; a rollback brings nothing newer. */
static bool supersedes(struct flow *flow, const struct execution *newer, const struct execution *execution)
{
    int64_t until_ms;

    return newer->place == PLACE_WAITING && !newer->rollback && newer->seq > execution->seq &&
           newer->plan->mode == MODE_SUPERSEDED && strcmp(stage_name(newer), stage_name(execution)) == 0 &&
           (!holds(flow, newer) ||
            (execution->place == PLACE_WAITING && execution_frozen(flow, execution, &until_ms)));
}

static const struct execution *newer_waiting(struct flow *flow, const struct execution *execution)
{
    for (size_t i = 0; execution->plan->mode == MODE_SUPERSEDED && i < flow->execution_count; i++)
        if (supersedes(flow, flow->executions[i], execution))
            return flow->executions[i];
    return NULL;
}

/* Who superseded: whoever started the newer one. */
static const char *starter(const struct execution *newer)
{
    return json_str(json_object_get(newer->data, "trigger"), "by", NULL);
}

/* ---- in a stage */

/* What only waits for people or the clock gives way to what is newer: its approvals can be given no more. */
static int stage_give_way(struct flow *flow, struct execution *execution, const struct execution *newer)
{
    struct reason why = {0};
    int r = 0;

    reason_set(&why, 0, "Superseded in stage %s by the newer execution %s before it was let on.",
               stage_name(execution), newer->id);
    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->status == ACTION_IN_PROGRESS)
            r = action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED,
                           run_asks(run) ? "ApprovalSuperseded" : "RuleSuperseded", why.text);
    }
    if (r == 0)
        r = execution_end(flow, execution, EXECUTION_SUPERSEDED, starter(newer), why.text);
    return r ? r : execution_retire_runs(flow, execution);
}

/* Who waits for this one to be let on; a rollback was asked for and stays. NULL: nobody, or nobody may enter.
 */
static const struct execution *pressing(struct flow *flow, const struct execution *execution,
                                        const struct tally *tally)
{
    const struct gate *gate = flow_gate(flow, stage_name(execution));

    if (!gate || !gate->enabled || execution->rollback || execution->status != EXECUTION_IN_PROGRESS ||
        tally->running == 0 || tally->running > tally->asking)
        return NULL;
    return newer_waiting(flow, execution);
}

static bool begins_next(const struct execution *execution, int phase, const struct tally *tally)
{
    return (phase == PHASE_ACTIONS || phase == PHASE_ENTRY) && execution->status == EXECUTION_IN_PROGRESS &&
           !tally->running && !tally->failed && tally->next_order != INT64_MAX;
}

/* Its window may be over when the freeze is. */
static bool entry_ages(const struct execution *execution, int phase, const struct tally *tally)
{
    return phase == PHASE_ACTIONS && tally->succeeded == 0 &&
           condition_status(execution, stage_name(execution), PHASE_ENTRY) == CONDITION_SUCCEEDED;
}

static int execution_run(struct flow *flow, struct execution *execution, bool *ret_moved)
{
    int phase = stage_phase(execution);
    struct tally tally = stage_tally(execution, phase);
    const struct execution *newer = pressing(flow, execution, &tally);
    bool settled = phase != PHASE_ACTIONS && tally.failed; /* whatever its other rules say */

    if (tally.running && !newer && !settled)
        return 0;
    if (begins_next(execution, phase, &tally) && holds(flow, execution))
        return entry_ages(execution, phase, &tally) ? entry_forget(flow, execution) : 0;
    *ret_moved = true;
    if (newer)
        return stage_give_way(flow, execution, newer);
    if (execution->status == EXECUTION_STOPPING && !tally.running)
        return execution_stopped(flow, execution);
    if (phase != PHASE_ACTIONS)
        return condition_advance(flow, execution, phase, &tally);
    if (tally.failed)
        return stage_fail(flow, execution);
    if (tally.next_order != INT64_MAX)
        return stage_begin_order(flow, execution, phase, tally.next_order);
    return stage_leave(flow, execution, STAGE_SUCCEEDED, NULL);
}

/* ---- waiting before a stage */

const struct execution *turn_before(const struct flow *flow, const struct execution *execution)
{
    for (size_t i = 0; !parallel(execution) && i < flow->execution_count; i++) {
        const struct execution *other = flow->executions[i];
        int64_t until_ms;

        if (other->place == PLACE_WAITING && other->seq < execution->seq && !parallel(other) &&
            strcmp(stage_name(other), stage_name(execution)) == 0 &&
            !execution_frozen(flow, other, &until_ms))
            return other;
    }
    return NULL;
}

const struct execution *stage_holder(const struct flow *flow, const char *stage)
{
    for (size_t i = 0; i < flow->execution_count; i++) {
        const struct execution *other = flow->executions[i];

        if (other->place == PLACE_RUNNING && !parallel(other) && strcmp(stage_name(other), stage) == 0)
            return other;
    }
    return NULL;
}

/* A rollback enters first: one that is there, or one that begins when this step is saved. */
static bool rolls_back(const struct flow *flow, const char *stage)
{
    for (size_t i = 0; i < flow->effect_count; i++)
        if (flow->effects[i].kind == EFFECT_ROLLBACK &&
            strcmp(stage_name(flow->effects[i].execution), stage) == 0)
            return true;
    for (size_t i = 0; i < flow->execution_count; i++)
        if (flow->executions[i]->rollback && flow->executions[i]->place == PLACE_WAITING &&
            strcmp(stage_name(flow->executions[i]), stage) == 0)
            return true;
    return false;
}

/* Others keep it out. */
static bool must_wait(const struct flow *flow, const struct execution *execution)
{
    const char *stage = stage_name(execution);

    if (parallel(execution))
        return false;
    if (stage_holder(flow, stage))
        return true;
    return !execution->rollback && (rolls_back(flow, stage) || turn_before(flow, execution));
}

static int stage_enter(struct flow *flow, struct execution *execution, struct gate *gate)
{
    size_t count = execution->plan->stages[execution->stage].total;

    execution->runs = mem_alloc((count + 1) * sizeof(void *));
    if (!execution->runs)
        return FAULT(ENOMEM);
    execution->run_count = count;
    execution->stage_run++;
    machine_move(&machine_place, &execution->place, PLACE_RUNNING);
    execution_touch(flow, execution);
    if (gate->status != STAGE_IN_PROGRESS)
        machine_move(&machine_stage, &gate->status, STAGE_IN_PROGRESS);
    str_copy(gate->last_id, sizeof(gate->last_id), execution->id);
    gate->last_seq = execution->seq;
    gate->dirty = true;
    return effect_record(flow, execution, NULL, "stage-entered", NULL, NULL);
}

static int execution_wait(struct flow *flow, struct execution *execution, bool *ret_moved)
{
    const struct execution *newer = newer_waiting(flow, execution);
    struct gate *gate;
    struct reason why = {0};

    if (execution->status == EXECUTION_STOPPING) {
        *ret_moved = true;
        return execution_stopped(flow, execution);
    }
    if (newer) {
        *ret_moved = true;
        reason_set(&why, 0, "Superseded before stage %s by the newer execution %s.", stage_name(execution),
                   newer->id);
        return execution_end(flow, execution, EXECUTION_SUPERSEDED, starter(newer), why.text);
    }
    gate = flow_gate(flow, stage_name(execution));
    if (!gate)
        return FAULT(ENOMEM);
    if (!gate->enabled)
        return 0;
    if (must_wait(flow, execution))
        return 0;
    if (holds(flow, execution))
        return 0;
    *ret_moved = true;
    return stage_enter(flow, execution, gate);
}

int flow_advance(struct flow *flow)
{
    bool moved = true;

    flow->thaw_ms = INT64_MAX;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < flow->execution_count; i++) {
            struct execution *execution = flow->executions[i];
            int r = 0;

            if (execution->place == PLACE_RUNNING)
                r = execution_run(flow, execution, &moved);
            else if (execution->place == PLACE_WAITING)
                r = execution_wait(flow, execution, &moved);
            if (r)
                return r;
        }
    }
    return flow->thaw_ms == INT64_MAX ? 0 : effect_thaw(flow, flow->thaw_ms);
}
