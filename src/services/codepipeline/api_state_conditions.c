/* GetPipelineState: what became of a stage's conditions in the execution that entered it last. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/show.h"

static const char *const members[PHASES] = {
    [PHASE_ENTRY] = "beforeEntryConditionState",
    [PHASE_SUCCESS] = "onSuccessConditionState",
    [PHASE_FAILURE] = "onFailureConditionState",
};

/* rows: id, status, updated_ms, detail */
static int run_put(json_t *state, struct rows *rows)
{
    CLEANUP(json_free) json_t *detail = NULL;
    json_t *latest;
    int r = json_column(rows, 3, &detail);

    if (r)
        return r;
    latest = json_pack("{s:s, s:s, s:I, s:s*, s:s*, s:O*}", "ruleExecutionId", rows_text(rows, 0), "status",
                       rows_text(rows, 1), "lastStatusChange", (json_int_t)rows_int(rows, 2), "summary",
                       json_str(detail, "summary", NULL), "externalExecutionId",
                       json_str(detail, "externalExecutionId", NULL), "errorDetails",
                       json_object_get(detail, "error"));
    return json_put(state, "latestExecution", latest);
}

static int rule_put(struct call *c, const char *execution_id, const struct plan_stage *stage,
                    const struct plan_action *rule, json_t *list)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    json_t *state = json_pack("{s:s}", "ruleName", rule->name);
    int r = state && json_array_append_new(list, state) == 0 ? 0 : FAULT(ENOMEM);

    if (r == 0)
        r = tx_query_row(c->tx, &rows,
                         "SELECT id, status, updated_ms, detail FROM codepipeline_action"
                         " WHERE execution_id = $1 AND stage = $2 AND action = $3 AND phase = $4"
                         " ORDER BY ordinal DESC LIMIT 1",
                         "ssss", execution_id, stage->name, rule->name, plan_phase_name(rule->phase));
    if (r == 0)
        r = run_put(state, rows);
    return r == DB_NONE ? 0 : r;
}

/* AWS tells of the stage's conditions and of each of them; a stage has one of each kind. */
static int latest_put(json_t *state, json_t *one, const json_t *condition)
{
    const char *status = json_str(condition, "status", NULL), *summary = json_str(condition, "summary", NULL);
    int r;

    if (!status)
        return 0;
    r = json_put(state, "latestExecution", json_pack("{s:s, s:s*}", "status", status, "summary", summary));
    return r ? r
             : json_put(one, "latestExecution",
                        json_pack("{s:s, s:s*, s:I}", "status", status, "summary", summary,
                                  "lastStatusChange", (json_int_t)json_int(condition, "at", 0)));
}

static int phase_put(struct call *c, const struct plan_stage *stage, int phase, const char *execution_id,
                     const json_t *data, json_t *stage_state)
{
    json_t *rules = json_array(), *one = json_pack("{s:o}", "ruleStates", rules);
    json_t *state = json_pack("{s:[o]}", "conditionStates", one);
    int r = state ? json_put(stage_state, members[phase], state) : FAULT(ENOMEM);

    if (r == 0)
        r = latest_put(state, one, condition_find(data, stage->name, phase));
    for (size_t i = stage->count; r == 0 && i < stage->total; i++)
        if (stage->actions[i].phase == phase)
            r = rule_put(c, execution_id, stage, &stage->actions[i], rules);
    return r;
}

int codepipeline_conditions_put(struct call *c, const struct plan_stage *stage, const char *execution_id,
                                const json_t *data, json_t *stage_state)
{
    int r = 0;

    for (int phase = 0; r == 0 && phase < PHASES; phase++)
        if (stage->conditions[phase])
            r = phase_put(c, stage, phase, execution_id, data, stage_state);
    return r;
}
