/* Reads the picture that the engine moves: what is under way, nothing else. */
#include "base/clock.h"
#include "base/mem.h"
#include "services/codepipeline/store_freeze.h"
#include "services/codepipeline/show.h"
#include "services/codepipeline/store.h"
#include "wire/json.h"

#define EXECUTION_COLUMNS                                                                                    \
    "id, seq, version, status, place, stage, stage_run, run_seq, started_ms, updated_ms, data"

static int execution_read(struct rows *rows, struct flow *flow)
{
    struct execution *execution = mem_alloc(sizeof(*execution));
    int r;

    if (!execution)
        return FAULT(ENOMEM);
    str_copy(execution->id, sizeof(execution->id), rows_text(rows, 0));
    execution->seq = rows_int(rows, 1);
    execution->status = machine_state(&machine_execution, rows_text(rows, 3));
    execution->place = machine_state(&machine_place, rows_text(rows, 4));
    execution->stage = (size_t)rows_int(rows, 5);
    execution->stage_run = rows_int(rows, 6);
    execution->run_seq = rows_int(rows, 7);
    execution->started_ms = rows_int(rows, 8);
    execution->updated_ms = rows_int(rows, 9);
    execution->plan = flow_plan(flow, rows_int(rows, 2));
    r = json_column(rows, 10, &execution->data);
    execution->rollback = json_object_get(execution->data, "rollback") != NULL;
    if (r == 0 && (execution->status < 0 || execution->place < 0 || !execution->plan))
        r = FAULT(EBADMSG);
    if (r) {
        execution_free(execution);
        return r;
    }
    return flow_add_execution(flow, execution);
}

static int plans_load(struct tx *tx, const struct pipeline *pipeline, const char *also, struct flow *flow)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(
        tx, &rows,
        "SELECT version, declaration FROM codepipeline_version WHERE pipeline_id = $1 AND (version = $2 OR"
        " version IN (SELECT version FROM codepipeline_execution WHERE pipeline_id = $1"
        " AND place <> 'Ended') OR version IN (SELECT version FROM codepipeline_execution WHERE id = $3))",
        "sis", pipeline->id, pipeline->version, also ? also : "");

    while (r == 0 && (r = rows_next(rows)) == 0) {
        struct plan *plan = NULL;

        r = plan_shared(rows_str(rows, 1), rows_int(rows, 0), &plan);
        if (r == 0)
            r = flow_add_plan(flow, plan);
    }
    return r == DB_NONE ? 0 : r;
}

static int executions_load(struct tx *tx, const struct pipeline *pipeline, struct flow *flow)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT " EXECUTION_COLUMNS " FROM codepipeline_execution"
                     " WHERE pipeline_id = $1 AND place <> 'Ended' ORDER BY seq",
                     "s", pipeline->id);

    while (r == 0 && (r = rows_next(rows)) == 0)
        r = execution_read(rows, flow);
    return r == DB_NONE ? 0 : r;
}

static int execution_load_also(struct tx *tx, const struct pipeline *pipeline, const char *id,
                               struct flow *flow)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    if (!id || flow_execution(flow, id))
        return 0;
    r = tx_query_row(tx, &rows,
                     "SELECT " EXECUTION_COLUMNS
                     " FROM codepipeline_execution WHERE id = $1 AND pipeline_id = $2",
                     "ss", id, pipeline->id);
    if (r == 0)
        r = execution_read(rows, flow);
    return r == DB_NONE ? 0 : r;
}

/* What the execution's own row does not say of each run. */
static void run_count_in(const struct run *run, struct execution *execution)
{
    if (run->ordinal > execution->run_seq)
        execution->run_seq = run->ordinal;
    if (run->updated_ms > execution->updated_ms && execution->place == PLACE_RUNNING)
        execution->updated_ms = run->updated_ms;
}

static int run_read(struct rows *rows, struct execution *execution)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    int phase = plan_phase_find(rows_text(rows, 10));
    size_t i = plan_action_find(stage, phase, rows_text(rows, 1));
    struct run *run;

    if (phase < 0 || i == stage->total || execution->runs[i])
        return FAULT(EBADMSG);
    run = execution->runs[i] = mem_alloc(sizeof(*run));
    if (!run)
        return FAULT(ENOMEM);
    str_copy(run->id, sizeof(run->id), rows_text(rows, 0));
    run->action = &stage->actions[i];
    run->stage = stage->name;
    run->execution_id = execution->id;
    run->stage_run = execution->stage_run;
    run->ordinal = rows_int(rows, 2);
    run->status = machine_state(&machine_action, rows_text(rows, 3));
    str_copy(run->token, sizeof(run->token), rows_text(rows, 4));
    str_copy(run->job_id, sizeof(run->job_id), rows_text(rows, 5));
    run->started_ms = rows_int(rows, 6);
    run->updated_ms = rows_int(rows, 7);
    run->deadline_ms = rows_int(rows, 8);
    if (run->status < 0)
        return FAULT(EBADMSG);
    run_count_in(run, execution);
    if (run->status != ACTION_SUCCEEDED)
        return json_column(rows, 9, &run->detail);
    run->packed = str_dup(rows_str(rows, 9));
    return run->packed ? 0 : FAULT(ENOMEM);
}

static int runs_load(struct tx *tx, struct execution *execution)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t count = execution->plan->stages[execution->stage].total;
    int r;

    if (execution->place == PLACE_WAITING || execution->stage_run == 0)
        return 0;
    execution->runs = mem_alloc((count + 1) * sizeof(void *));
    if (!execution->runs)
        return FAULT(ENOMEM);
    execution->run_count = count;
    r = tx_query(tx, &rows,
                 "SELECT id, action, ordinal, status, token, job_id, started_ms, updated_ms, deadline_ms, "
                 "detail, phase"
                 /* one that ended while it waited has runs of the stage before only */
                 " FROM codepipeline_action WHERE execution_id = $1 AND stage_run = $2 AND replaced = 0"
                 " AND stage = $3",
                 "sis", execution->id, execution->stage_run, execution->plan->stages[execution->stage].name);
    while (r == 0 && (r = rows_next(rows)) == 0)
        r = run_read(rows, execution);
    return r == DB_NONE ? 0 : r;
}

static int gate_read(struct rows *rows, struct flow *flow)
{
    struct gate *gate = flow_gate(flow, rows_text(rows, 0));

    if (!gate)
        return FAULT(ENOMEM);
    gate->fresh = false;
    gate->enabled = rows_int(rows, 1) != 0;
    if (!rows_null(rows, 2) && !(gate->reason = str_dup(rows_str(rows, 2))))
        return FAULT(ENOMEM);
    if (!rows_null(rows, 3) && !(gate->changed_by = str_dup(rows_str(rows, 3))))
        return FAULT(ENOMEM);
    gate->changed_ms = rows_int(rows, 4);
    str_copy(gate->last_id, sizeof(gate->last_id), rows_text(rows, 5));
    gate->last_seq = rows_int(rows, 6);
    gate->status = machine_state(&machine_stage, rows_text(rows, 7));
    str_copy(gate->good_id, sizeof(gate->good_id), rows_text(rows, 8));
    return gate->status < 0 ? FAULT(EBADMSG) : 0;
}

static int gates_load(struct tx *tx, const struct pipeline *pipeline, struct flow *flow)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query(tx, &rows,
                 "SELECT stage, enabled, reason, changed_by, changed_ms, last_id, last_seq, status, good_id"
                 " FROM codepipeline_stage WHERE pipeline_id = $1",
                 "s", pipeline->id);

    while (r == 0 && (r = rows_next(rows)) == 0)
        r = gate_read(rows, flow);
    return r == DB_NONE ? 0 : r;
}

int flow_load(struct tx *tx, const struct pipeline *pipeline, const char *also, struct flow **ret)
{
    CLEANUP(flow_free) struct flow *flow = flow_new();
    int r = flow ? plans_load(tx, pipeline, also, flow) : FAULT(ENOMEM);

    if (flow) {
        flow->now_ms = clock_now_ms();
        str_copy(flow->account, sizeof(flow->account), pipeline->account);
    }
    if (r == 0)
        r = executions_load(tx, pipeline, flow);
    if (r == 0)
        r = execution_load_also(tx, pipeline, also, flow);
    for (size_t i = 0; r == 0 && i < flow->execution_count; i++)
        r = runs_load(tx, flow->executions[i]);
    if (r == 0)
        r = gates_load(tx, pipeline, flow);
    if (r == 0)
        r = freezes_load(tx, pipeline->account, flow->now_ms, flow);
    if (r == 0)
        *ret = take(flow);
    return r;
}
