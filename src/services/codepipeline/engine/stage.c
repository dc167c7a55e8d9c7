/* A stage of one execution: its beginning again, its ends, and what they leave behind. */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"
#include "wire/json.h"
#include <stdio.h>

static const char *stage_name(const struct execution *execution)
{
    return execution->plan->stages[execution->stage].name;
}

/* ---- ends */

/* The latest, when the clock goes back. */
static void execution_change(const struct flow *flow, struct execution *execution)
{
    if (execution->updated_ms < flow->now_ms)
        execution->updated_ms = flow->now_ms;
}

void execution_touch(struct flow *flow, struct execution *execution)
{
    execution_change(flow, execution);
    execution->dirty = true;
}

void run_touch(struct flow *flow, struct execution *execution, struct run *run)
{
    execution_change(flow, execution);
    if (run->updated_ms < flow->now_ms)
        run->updated_ms = flow->now_ms;
    run->dirty = true;
}

static int run_retire(struct flow *flow, struct run **run)
{
    void *list = mem_realloc(flow->retired, (flow->retired_count + 1) * sizeof(struct run *));

    if (!list)
        return FAULT(ENOMEM);
    flow->retired = list;
    flow->retired[flow->retired_count++] = take(*run);
    return 0;
}

int run_replace(struct flow *flow, struct run **run)
{
    (*run)->replaced = (*run)->dirty = true;
    return run_retire(flow, run);
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
    bool forgotten[PHASES];
    int r = retry_count(execution, automatic);

    for (int phase = 0; phase < PHASES; phase++)
        forgotten[phase] = phase != PHASE_ACTIONS && conditions_forget(execution, all, phase);
    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && (all || run->status != ACTION_SUCCEEDED || forgotten[run->action->phase]))
            r = run_replace(flow, &execution->runs[i]);
    }
    if (all)
        execution->stage_run++;
    execution_touch(flow, execution);
    return r;
}

/* What a freeze holds begins with the others of its order when they have ended, or when it is over. */
int execution_repeat_failed(struct flow *flow, struct execution *execution)
{
    int64_t until_ms;
    bool frozen = execution_frozen(flow, execution, &until_ms);
    int r = retry_count(execution, false);

    execution_touch(flow, execution);
    for (size_t i = 0; r == 0 && i < execution->plan->stages[execution->stage].count; i++) {
        const struct run *run = execution->runs[i];

        if (!run || run->status == ACTION_IN_PROGRESS || run->status == ACTION_SUCCEEDED)
            continue;
        r = run_replace(flow, &execution->runs[i]);
        if (r == 0 && !frozen)
            r = action_begin(flow, execution, i);
    }
    return r;
}

int execution_resume(struct flow *flow, struct execution *execution)
{
    struct gate *gate = flow_gate(flow, stage_name(execution));

    if (!gate)
        return FAULT(ENOMEM);
    machine_move(&machine_execution, &execution->status, EXECUTION_IN_PROGRESS);
    machine_move(&machine_place, &execution->place, PLACE_RUNNING);
    if (strcmp(gate->last_id, execution->id) == 0)
        machine_move(&machine_stage, &gate->status, STAGE_IN_PROGRESS);
    gate->dirty = true;
    execution_touch(flow, execution);
    json_object_del(execution->data, "stop");
    json_object_del(execution->data, "summary");
    return 0;
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
        str_copy(gate->good_id, sizeof(gate->good_id), execution->id);
    gate->dirty = true;
    return 0;
}

static int stage_status_of(int execution_status)
{
    return execution_status == EXECUTION_SUCCEEDED ? STAGE_SUCCEEDED
           : execution_status == EXECUTION_FAILED  ? STAGE_FAILED
                                                   : STAGE_STOPPED;
}

/* Its stage is settled. */
static int execution_finish(struct flow *flow, struct execution *execution, int status, const char *who,
                            const char *summary)
{
    int r = conditions_abandon(flow, execution);

    machine_move(&machine_execution, &execution->status, status);
    machine_move(&machine_place, &execution->place, PLACE_ENDED);
    execution_touch(flow, execution);
    if (r == 0 && summary)
        r = json_put_str(execution->data, "summary", summary);
    return r ? r
             : effect_record(flow, execution, NULL, machine_name(&machine_execution, status), who, summary);
}

int execution_end(struct flow *flow, struct execution *execution, int status, const char *who,
                  const char *summary)
{
    int r = 0;

    if (execution->place == PLACE_RUNNING)
        r = gate_close(flow, execution, stage_status_of(status));
    return r ? r : execution_finish(flow, execution, status, who, summary);
}

/* ---- what follows */

int stage_begin_order(struct flow *flow, struct execution *execution, int phase, int64_t order)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    int r = 0;

    for (size_t i = 0; r == 0 && i < stage->total; i++)
        if (!execution->runs[i] && stage->actions[i].phase == phase && stage->actions[i].run_order == order)
            r = action_begin(flow, execution, i);
    return r;
}

int stage_leave(struct flow *flow, struct execution *execution, int status, const char *why)
{
    bool last = execution->rollback || execution->stage + 1 == execution->plan->stage_count;
    int r = gate_close(flow, execution, status);

    if (r == 0 && (!last || status == STAGE_SKIPPED))
        r = effect_record(flow, execution, NULL,
                          status == STAGE_SKIPPED ? "stage-skipped" : "stage-succeeded", NULL, why);
    if (r == 0 && last)
        r = execution_finish(flow, execution, EXECUTION_SUCCEEDED, NULL, NULL);
    if (r == 0)
        r = execution_retire_runs(flow, execution);
    if (r || last)
        return r;
    machine_move(&machine_place, &execution->place, PLACE_WAITING);
    execution->stage++;
    execution_touch(flow, execution);
    return 0;
}

/* The first failed action's words, all of them: what failed, where, with its stack's event or its log's last
 * lines. */
static int failure_words(const struct execution *execution, char **ret)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    const char *message = "no reason given", *action = "";

    for (size_t i = stage->count; i-- > 0;) {
        const struct run *run = execution->runs[i];

        if (!run || run->status == ACTION_SUCCEEDED)
            continue;
        action = run->action->name;
        message = json_str(json_object_get(run->detail, "error"), "message", "no reason given");
    }
    return asprintf(ret, "Action %s in stage %s failed: %s", action, stage->name, message) < 0 ? FAULT(ENOMEM)
                                                                                               : 0;
}

static int stage_retry(struct flow *flow, struct execution *execution, const char *why)
{
    int r =
        execution_repeat_stage(flow, execution, execution->plan->stages[execution->stage].retry_all, true);

    return r ? r : effect_record(flow, execution, NULL, "retried-automatically", NULL, why);
}

int stage_end_failed(struct flow *flow, struct execution *execution, const char *why, bool rolls_back)
{
    const struct gate *gate = flow_gate(flow, stage_name(execution));
    int r = gate ? execution_end(flow, execution, EXECUTION_FAILED, NULL, why) : FAULT(ENOMEM);

    if (r == 0)
        r = execution_retire_runs(flow, execution);
    if (r || !rolls_back)
        return r;
    if (!gate->good_id[0])
        return effect_record(flow, execution, NULL, "rollback-refused", NULL,
                             "No execution has succeeded in the stage before.");
    return effect_rollback(flow, execution, gate->good_id);
}

/* Nobody said no: it is neither repeated nor rolled back by itself. */
static int stage_expire(struct flow *flow, struct execution *execution, const char *why)
{
    int r = execution_end(flow, execution, EXECUTION_STOPPED, NULL, why);

    return r ? r : execution_retire_runs(flow, execution);
}

int stage_fail(struct flow *flow, struct execution *execution)
{
    int result = stage_result(execution), r;
    CLEANUP(free_ptr) char *words = NULL;
    struct reason why = {0};

    if (stage_has_expired(execution, &why))
        return stage_expire(flow, execution, why.text);
    r = failure_words(execution, &words);
    if (r)
        return r;
    if (result == RESULT_RETRY)
        return stage_retry(flow, execution, words);
    return stage_end_failed(flow, execution, words, result == RESULT_ROLLBACK);
}

int execution_stopped(struct flow *flow, struct execution *execution)
{
    const json_t *stop = json_object_get(execution->data, "stop");
    int r = execution_end(flow, execution, EXECUTION_STOPPED, json_str(stop, "by", NULL),
                          json_str(stop, "reason", NULL));

    return r ? r : execution_retire_runs(flow, execution);
}
