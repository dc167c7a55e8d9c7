/* GetPipelineState: each stage's entrance, the execution before it, and the latest run of each of its
 * actions. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/engine/freeze.h"
#include "services/codepipeline/links.h"
#include "services/codepipeline/show.h"
#include "wire/time.h"

#define LOOK_BACK 20 /* executions: an action that none of them has begun is shown without a run */

static int execution_put(json_t *stage, const char *member, const char *id, const char *status)
{
    return json_put(stage, member, json_pack("{s:s, s:s}", "pipelineExecutionId", id, "status", status));
}

/* A freeze closes it as a person would. */
static int frozen_put(json_t *transition, const struct freeze *freeze, int64_t until_ms)
{
    const char *name = json_str(freeze->spec, "name", ""), *reason = json_str(freeze->spec, "reason", "");
    char until[TIME_TEXT_SIZE] = "somebody ends it";
    int r = json_put(transition, "enabled", json_false());

    if (until_ms != INT64_MAX)
        time_iso8601_s(until_ms, until);
    if (r == 0)
        r = json_put_str(transition, "lastChangedBy", freeze->by);
    return r ? r
             : json_put_format(transition, "disabledReason", "Freeze %s until %s: %s", name, until, reason);
}

static int transition_put(json_t *stage, const struct gate *gate)
{
    json_t *transition = json_pack("{s:b, s:s*, s:s*}", "enabled", gate->enabled, "lastChangedBy",
                                   gate->changed_by, "disabledReason", gate->reason);
    int r = json_put(stage, "inboundTransitionState", transition);

    return r == 0 && gate->changed_by ? json_put_int(transition, "lastChangedAt", gate->changed_ms) : r;
}

static int retries_put(json_t *stage, const json_t *counts)
{
    json_t *metadata = NULL;
    int r;

    if (!counts)
        return 0;
    r = json_put(stage, "retryStageMetadata",
                 metadata = json_pack("{s:s}", "latestRetryTrigger", json_str(counts, "latest", "")));
    if (r == 0 && json_int(counts, "auto", 0))
        r = json_put_int(metadata, "autoStageRetryAttempt", json_int(counts, "auto", 0));
    if (r == 0 && json_int(counts, "manual", 0))
        r = json_put_int(metadata, "manualStageRetryAttempt", json_int(counts, "manual", 0));
    return r;
}

/* What is known only of the execution itself. */
static int latest_describe(struct call *c, json_t *state, const struct plan_stage *stage,
                           const struct gate *gate)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *data = NULL;
    int r = tx_query_row(c->tx, &rows, "SELECT data FROM codepipeline_execution WHERE id = $1", "s",
                         gate->last_id);

    if (r == 0)
        r = json_column(rows, 0, &data);
    if (r == 0)
        r = json_put_str(json_object_get(state, "latestExecution"), "type", show_type(data));
    if (r == 0)
        r = retries_put(state, json_object_get(json_object_get(data, "retries"), gate->stage));
    if (r == 0)
        r = codepipeline_conditions_put(c, stage, gate->last_id, data, state);
    return r == DB_NONE ? 0 : r;
}

/* A stage is stopping while its execution is. */
static const char *stage_status(const struct flow *flow, const struct gate *gate)
{
    const struct execution *execution = flow_execution(flow, gate->last_id);

    return gate->status == STAGE_IN_PROGRESS && execution && execution->status == EXECUTION_STOPPING
               ? machine_name(&machine_execution, execution->status)
               : machine_name(&machine_stage, gate->status);
}

static int latest_put(struct call *c, json_t *state, const struct flow *flow, const struct plan_stage *stage,
                      const struct gate *gate)
{
    int r;

    if (gate->status == STAGE_NONE)
        return codepipeline_conditions_put(c, stage, "", NULL, state);
    r = execution_put(state, "latestExecution", gate->last_id, stage_status(flow, gate));
    return r ? r : latest_describe(c, state, stage, gate);
}

/* Who waits, oldest first; `inboundExecution` is the next to enter. */
static int waiting_put(json_t *stage, const struct flow *flow, const char *name)
{
    json_t *list = json_array();
    int r = json_put(stage, "inboundExecutions", list);

    for (size_t i = 0; r == 0 && i < flow->execution_count; i++) {
        const struct execution *execution = flow->executions[i];
        const char *status = machine_name(&machine_execution, execution->status);

        if (execution->place != PLACE_WAITING ||
            strcmp(execution->plan->stages[execution->stage].name, name) != 0)
            continue;
        if (json_array_size(list) == 0)
            r = execution_put(stage, "inboundExecution", execution->id, status);
        if (json_array_append_new(
                list, json_pack("{s:s, s:s}", "pipelineExecutionId", execution->id, "status", status)))
            return FAULT(ENOMEM);
    }
    return r;
}

static int revision_put(json_t *state, const json_t *detail, int64_t started_ms)
{
    const json_t *revision = json_object_get(detail, "revision");

    if (!revision)
        return 0;
    return json_put(state, "currentRevision",
                    json_pack("{s:s, s:s, s:I}", "revisionId", json_str(revision, "revision", ""),
                              "revisionChangeId", json_str(revision, "changeIdentifier", ""), "created",
                              (json_int_t)json_int(revision, "created", started_ms)));
}

/* rows: id, status, token, updated_ms, detail, started_ms, action */
static int run_put(json_t *state, struct rows *rows)
{
    CLEANUP(json_free) json_t *detail = NULL;
    const char *status = rows_text(rows, 1);
    bool open = machine_state(&machine_action, status) == ACTION_IN_PROGRESS;
    json_t *latest;
    int r = json_column(rows, 4, &detail);

    if (r)
        return r;
    latest =
        json_pack("{s:s, s:s, s:I, s:s*, s:s*, s:s*}", "actionExecutionId", rows_text(rows, 0), "status",
                  status, "lastStatusChange", (json_int_t)rows_int(rows, 3), "summary",
                  json_str(detail, "summary", NULL), "lastUpdatedBy", json_str(detail, "lastUpdatedBy", NULL),
                  "externalExecutionId", json_str(detail, "externalExecutionId", NULL));
    r = json_put(state, "latestExecution", latest);
    if (r == 0 && open && rows_text(rows, 2)[0])
        r = json_put_str(latest, "token", rows_text(rows, 2));
    if (r == 0 && json_object_get(detail, "approval"))
        r = json_put(latest, "approval", json_incref(json_object_get(detail, "approval")));
    if (r == 0 && json_object_get(detail, "percentComplete"))
        r = json_put_int(latest, "percentComplete", json_int(detail, "percentComplete", 0));
    if (r == 0 && json_object_get(detail, "error"))
        r = json_put(latest, "errorDetails", json_incref(json_object_get(detail, "error")));
    return r ? r : revision_put(state, detail, rows_int(rows, 5));
}

static json_t *action_of(const json_t *actions, const char *name)
{
    json_t *state;
    size_t i;

    json_array_foreach (actions, i, state)
        if (strcmp(json_str(state, "actionName", ""), name) == 0)
            return state;
    return NULL;
}

/* The latest run of each action: of the last execution that entered the stage, or, what that one has not
 * begun, of the one before it that has. */
static int runs_put(struct call *c, const struct pipeline *pipeline, const struct gate *gate, json_t *actions)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t missing = json_array_size(actions);
    int r = tx_query(c->tx, &rows,
                     "SELECT a.id, a.status, a.token, a.updated_ms, a.detail, a.started_ms, a.action"
                     " FROM codepipeline_execution e JOIN codepipeline_action a ON a.execution_id = e.id"
                     " WHERE e.pipeline_id = $1 AND e.seq <= $2 AND e.seq > $2 - $4 AND a.stage = $3"
                     " AND a.phase = '' ORDER BY e.seq DESC, a.ordinal DESC",
                     "sisi", pipeline->id, gate->last_seq, gate->stage, (int64_t)LOOK_BACK);

    while (r == 0 && missing && (r = rows_next(rows)) == 0) {
        json_t *state = action_of(actions, rows_text(rows, 6));

        if (!state || json_object_get(state, "latestExecution"))
            continue;
        r = run_put(state, rows);
        missing--;
    }
    return r == DB_NONE ? 0 : r;
}

static int stage_put(struct call *c, const struct pipeline *pipeline, struct flow *flow,
                     const struct plan *plan, const struct plan_stage *stage, json_t *list)
{
    const struct freeze *freeze;
    int64_t until_ms = 0;
    json_t *state = json_pack("{s:s}", "stageName", stage->name), *actions = json_array();
    const struct gate *gate = flow_gate(flow, stage->name);
    int r = json_put(state, "actionStates", actions);

    if (json_array_append_new(list, state) || r || !gate)
        return FAULT(ENOMEM);
    r = transition_put(state, gate);
    freeze = freeze_find(flow, plan, (size_t)(stage - plan->stages), NULL, &until_ms);
    if (r == 0 && gate->enabled && freeze)
        r = frozen_put(json_object_get(state, "inboundTransitionState"), freeze, until_ms);
    if (r == 0)
        r = latest_put(c, state, flow, stage, gate);
    if (r == 0)
        r = waiting_put(state, flow, stage->name);
    for (size_t i = 0; r == 0 && i < stage->count; i++)
        if (json_array_append_new(actions, json_pack("{s:s}", "actionName", stage->actions[i].name)))
            r = FAULT(ENOMEM);
    if (r == 0 && gate->status != STAGE_NONE)
        r = runs_put(c, pipeline, gate, actions);
    for (size_t i = 0; r == 0 && i < stage->count; i++)
        r = links_state_put(c->tx, c->platform, pipeline->account, &stage->actions[i],
                            json_array_get(actions, i));
    return r;
}

static int head_put(struct call *c, const struct pipeline *pipeline)
{
    int r = json_put_str(c->out, "pipelineName", pipeline->name);

    if (r == 0)
        r = json_put_int(c->out, "pipelineVersion", pipeline->version);
    if (r == 0)
        r = json_put_int(c->out, "created", pipeline->created_ms);
    return r ? r : json_put_int(c->out, "updated", pipeline->updated_ms);
}

int codepipeline_get_pipeline_state(struct call *c)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    struct watched watched;
    const struct plan *plan;
    json_t *stages = json_array();
    int r = json_put(c->out, "stageStates", stages);

    if (r == 0)
        r = codepipeline_watch(c, "name", &watched);
    if (r == 0)
        r = head_put(c, &watched.pipeline);
    if (r == 0)
        r = flow_load(c->tx, &watched.pipeline, NULL, &flow);
    if (r)
        return r;
    plan = flow_plan(flow, watched.pipeline.version);
    for (size_t i = 0; r == 0 && plan && i < plan->stage_count; i++)
        r = stage_put(c, &watched.pipeline, flow, plan, &plan->stages[i], stages);
    return r ? r : codepipeline_watch_end(c, &watched);
}
