/* Moves on what can move: stages end, actions begin, executions enter stages, newer ones supersede waiting
 * ones where the mode has it so.
 *
 * Run after every event until nothing moves. Executions are looked at oldest first, so that a stage that an
 * older one leaves is free for the next in the same step. */
#include "base/mem.h"
#include "services/codepipeline/engine.h"
#include "wire/json.h"
#include <stdio.h>

static const char *stage_name(const struct execution *execution)
{
    return execution->plan->stages[execution->stage].name;
}

/* ---- ends */

void execution_touch(struct flow *flow, struct execution *execution)
{
    execution->updated_ms = flow->now_ms;
    execution->dirty = true;
}

void run_touch(struct flow *flow, struct run *run)
{
    run->updated_ms = flow->now_ms;
    run->dirty = true;
}

int run_retire(struct flow *flow, struct run **run)
{
    void *list = mem_realloc(flow->retired, (flow->retired_count + 1) * sizeof(struct run *));

    if (!list)
        return FAULT(ENOMEM);
    flow->retired = list;
    flow->retired[flow->retired_count++] = take(*run);
    return 0;
}

int execution_retire_runs(struct flow *flow, struct execution *execution)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < execution->run_count; i++)
        if (execution->runs[i])
            r = run_retire(flow, &execution->runs[i]);
    if (r)
        return r;
    free(take(execution->runs));
    execution->run_count = 0;
    return 0;
}

static int retry_count(struct execution *execution, bool automatic)
{
    json_t *all = json_object_get(execution->data, "retries"), *one;
    const char *kind = automatic ? "auto" : "manual";
    int r = all ? 0 : json_put(execution->data, "retries", all = json_object());

    one = json_object_get(all, stage_name(execution));
    if (r == 0 && !one)
        r = json_put(all, stage_name(execution), one = json_object());
    if (r == 0)
        r = json_put_int(one, kind, json_int(one, kind, 0) + 1);
    return r ? r : json_put_str(one, "latest", automatic ? "AutomatedStageRetry" : "ManualStageRetry");
}

int execution_repeat_stage(struct flow *flow, struct execution *execution, bool all, bool automatic)
{
    int r = retry_count(execution, automatic);

    for (size_t i = 0; r == 0 && i < execution->run_count; i++)
        if (execution->runs[i] && (all || execution->runs[i]->status != ACTION_SUCCEEDED)) {
            execution->runs[i]->replaced = execution->runs[i]->dirty = true;
            r = run_retire(flow, &execution->runs[i]);
        }
    if (all)
        execution->stage_run++;
    execution_touch(flow, execution);
    return r;
}

static int gate_close(struct flow *flow, const struct execution *execution, int status)
{
    struct gate *gate = flow_gate(flow, stage_name(execution));

    if (!gate)
        return FAULT(ENOMEM);
    /* in PARALLEL mode another may have entered since: the stage tells of that one */
    if (strcmp(gate->last_id, execution->id) != 0)
        return 0;
    machine_move(&machine_stage, &gate->status, status);
    if (status == STAGE_SUCCEEDED)
        snprintf(gate->good_id, sizeof(gate->good_id), "%s", execution->id);
    gate->dirty = true;
    return 0;
}

static int stage_status_of(int execution_status)
{
    return execution_status == EXECUTION_SUCCEEDED ? STAGE_SUCCEEDED
           : execution_status == EXECUTION_FAILED  ? STAGE_FAILED
                                                   : STAGE_STOPPED;
}

int execution_end(struct flow *flow, struct execution *execution, int status, const char *who,
                  const char *summary)
{
    int r = 0;

    if (execution->place == PLACE_RUNNING)
        r = gate_close(flow, execution, stage_status_of(status));
    machine_move(&machine_execution, &execution->status, status);
    machine_move(&machine_place, &execution->place, PLACE_ENDED);
    execution_touch(flow, execution);
    if (r == 0 && summary)
        r = json_put_str(execution->data, "summary", summary);
    return r ? r
             : effect_record(flow, execution, NULL, machine_name(&machine_execution, status), who, summary);
}

static bool parallel(const struct execution *execution)
{
    return execution->plan->mode == MODE_PARALLEL;
}

static const struct execution *newer_waiting(const struct flow *flow, const struct execution *execution)
{
    for (size_t i = 0; execution->plan->mode == MODE_SUPERSEDED && i < flow->execution_count; i++) {
        const struct execution *other = flow->executions[i];

        if (other->place == PLACE_WAITING && other->seq > execution->seq &&
            other->plan->mode == MODE_SUPERSEDED && strcmp(stage_name(other), stage_name(execution)) == 0)
            return other;
    }
    return NULL;
}

/* ---- a stage under way */

struct tally {
    size_t running;
    size_t asking; /* of the running: approvals */
    size_t failed;
    size_t succeeded;
    int64_t next_order; /* the lowest runOrder with an action not begun; INT64_MAX: none */
};

static struct tally stage_tally(const struct execution *execution)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    struct tally tally = {.next_order = INT64_MAX};

    for (size_t i = 0; i < stage->count; i++) {
        const struct run *run = execution->runs[i];

        if (!run) {
            if (stage->actions[i].run_order < tally.next_order)
                tally.next_order = stage->actions[i].run_order;
        } else if (run->status == ACTION_IN_PROGRESS) {
            tally.running++;
            tally.asking += run->action->approval;
        } else if (run->status == ACTION_SUCCEEDED) {
            tally.succeeded++;
        } else {
            tally.failed++;
        }
    }
    return tally;
}

static int stage_begin_order(struct flow *flow, struct execution *execution, int64_t order)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    int r = 0;

    for (size_t i = 0; r == 0 && i < stage->count; i++)
        if (!execution->runs[i] && stage->actions[i].run_order == order)
            r = action_begin(flow, execution, i);
    return r;
}

static int stage_leave(struct flow *flow, struct execution *execution)
{
    int r;

    if (execution->rollback || execution->stage + 1 == execution->plan->stage_count) {
        r = execution_end(flow, execution, EXECUTION_SUCCEEDED, NULL, NULL);
        return r ? r : execution_retire_runs(flow, execution);
    }
    r = gate_close(flow, execution, STAGE_SUCCEEDED);
    if (r == 0)
        r = effect_record(flow, execution, NULL, "stage-succeeded", NULL, stage_name(execution));
    if (r == 0)
        r = execution_retire_runs(flow, execution);
    machine_move(&machine_place, &execution->place, PLACE_WAITING);
    execution->stage++;
    execution_touch(flow, execution);
    return r;
}

/* The first line of the first failed action's words; the action keeps them all. */
static void failure_words(const struct execution *execution, struct reason *ret)
{
    for (size_t i = 0; i < execution->run_count; i++) {
        const struct run *run = execution->runs[i];

        if (run && run->status != ACTION_SUCCEEDED) {
            const char *message =
                json_str(json_object_get(run->detail, "error"), "message", "no reason given");

            reason_set(ret, 0, "Action %s in stage %s failed: %.*s", run->action->name, stage_name(execution),
                       (int)strcspn(message, "\n"), message);
            return;
        }
    }
}

/* Once; and what a person has rejected stays so. */
static bool retries_itself(const struct execution *execution)
{
    const json_t *counts =
        json_object_get(json_object_get(execution->data, "retries"), stage_name(execution));

    if (execution->plan->stages[execution->stage].on_failure != FAILURE_RETRIES ||
        json_int(counts, "auto", 0))
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

static int stage_retry(struct flow *flow, struct execution *execution, const char *why)
{
    int r =
        execution_repeat_stage(flow, execution, execution->plan->stages[execution->stage].retry_all, true);

    return r ? r : effect_record(flow, execution, NULL, "retried-automatically", NULL, why);
}

static int stage_fail(struct flow *flow, struct execution *execution)
{
    const struct gate *gate = flow_gate(flow, stage_name(execution));
    bool rolls_back = execution->plan->stages[execution->stage].on_failure == FAILURE_ROLLS_BACK;
    struct reason why = {0};
    int r;

    if (!gate)
        return FAULT(ENOMEM);
    failure_words(execution, &why);
    if (retries_itself(execution))
        return stage_retry(flow, execution, why.text);
    r = execution_end(flow, execution, EXECUTION_FAILED, NULL, why.text);
    if (r == 0)
        r = execution_retire_runs(flow, execution);
    if (r || !rolls_back || execution->rollback)
        return r;
    if (!gate->good_id[0])
        return effect_record(flow, execution, NULL, "rollback-refused", NULL,
                             "No execution has succeeded in the stage before.");
    return effect_rollback(flow, execution, gate->good_id);
}

static int execution_stopped(struct flow *flow, struct execution *execution)
{
    const json_t *stop = json_object_get(execution->data, "stop");
    int r = execution_end(flow, execution, EXECUTION_STOPPED, json_str(stop, "by", NULL),
                          json_str(stop, "reason", NULL));

    return r ? r : execution_retire_runs(flow, execution);
}

/* What nobody has approved yet gives way to what is newer: its approvals can be given no more. */
static int stage_give_way(struct flow *flow, struct execution *execution, const struct execution *newer)
{
    struct reason why = {0};
    int r = 0;

    reason_set(&why, 0, "Superseded in stage %s by the newer execution %s before anybody approved it.",
               stage_name(execution), newer->id);
    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->status == ACTION_IN_PROGRESS)
            r = action_cut(flow, execution, run, ACTION_ABANDONED, JOB_CANCELLED, "ApprovalSuperseded",
                           why.text);
    }
    if (r == 0)
        r = execution_end(flow, execution, EXECUTION_SUPERSEDED, NULL, why.text);
    return r ? r : execution_retire_runs(flow, execution);
}

/* Who waits for this one's approval; a rollback was asked for and stays. NULL: nobody, or nobody may enter.
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

static int execution_run(struct flow *flow, struct execution *execution, bool *ret_moved)
{
    struct tally tally = stage_tally(execution);
    const struct execution *newer = pressing(flow, execution, &tally);

    if (tally.running && !newer)
        return 0;
    *ret_moved = true;
    if (newer)
        return stage_give_way(flow, execution, newer);
    if (execution->status == EXECUTION_STOPPING)
        return execution_stopped(flow, execution);
    if (tally.failed)
        return stage_fail(flow, execution);
    if (tally.next_order != INT64_MAX)
        return stage_begin_order(flow, execution, tally.next_order);
    return stage_leave(flow, execution);
}

/* ---- waiting before a stage */

const struct execution *turn_before(const struct flow *flow, const struct execution *execution)
{
    for (size_t i = 0; !parallel(execution) && i < flow->execution_count; i++) {
        const struct execution *other = flow->executions[i];

        if (other->place == PLACE_WAITING && other->seq < execution->seq && !parallel(other) &&
            strcmp(stage_name(other), stage_name(execution)) == 0)
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

static int stage_enter(struct flow *flow, struct execution *execution, struct gate *gate)
{
    size_t count = execution->plan->stages[execution->stage].count;

    execution->runs = mem_alloc((count + 1) * sizeof(void *));
    if (!execution->runs)
        return FAULT(ENOMEM);
    execution->run_count = count;
    execution->stage_run++;
    machine_move(&machine_place, &execution->place, PLACE_RUNNING);
    execution_touch(flow, execution);
    if (gate->status != STAGE_IN_PROGRESS)
        machine_move(&machine_stage, &gate->status, STAGE_IN_PROGRESS);
    snprintf(gate->last_id, sizeof(gate->last_id), "%s", execution->id);
    gate->last_seq = execution->seq;
    gate->dirty = true;
    return effect_record(flow, execution, NULL, "stage-entered", NULL, gate->stage);
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
        return execution_end(flow, execution, EXECUTION_SUPERSEDED, NULL, why.text);
    }
    gate = flow_gate(flow, stage_name(execution));
    if (!gate)
        return FAULT(ENOMEM);
    if (!gate->enabled)
        return 0;
    if (!parallel(execution) && (stage_holder(flow, gate->stage) || turn_before(flow, execution)))
        return 0;
    *ret_moved = true;
    return stage_enter(flow, execution, gate);
}

int flow_advance(struct flow *flow)
{
    bool moved = true;

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
    return 0;
}
