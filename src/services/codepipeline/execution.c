/* What people and the launcher do to executions: start, stop, retry, approve, open and close transitions. */
#include "services/codepipeline/pipeline.h"
#include "base/clock.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/picture.h"
#include "services/codepipeline/texts.h"
#include "wire/json.h"

/* ---- start */

static int token_find(struct tx *tx, const char *pipeline_id, const char *token, char ret_id[ID_UUID_SIZE])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    if (!token)
        return DB_NONE;
    r = tx_query_row(tx, &rows, "SELECT id FROM codepipeline_execution WHERE pipeline_id = $1 AND token = $2",
                     "ss", pipeline_id, token);
    if (r == 0)
        str_copy(ret_id, ID_UUID_SIZE, rows_text(rows, 0));
    return r;
}

static bool variable_declared(const json_t *declared, const char *name)
{
    const json_t *variable;
    size_t i;

    json_array_foreach (declared, i, variable)
        if (strcmp(json_str(variable, "name", ""), name) == 0)
            return true;
    return false;
}

/* Defaults, then what the caller gave; a variable without either is refused. */
static int variables_start(const struct plan *plan, const json_t *given, json_t **ret, struct reason *why)
{
    const json_t *declared = json_object_get(plan->declaration, "variables"), *variable;
    CLEANUP(json_free) json_t *values = json_object();
    const char *twice = text_twice(given, "name");
    size_t i;

    if (twice)
        return reason_set(why, PIPELINE_E_INVALID, "The variable '%s' is given more than once.", twice);

    json_array_foreach (declared, i, variable) {
        const char *value = json_str(variable, "defaultValue", NULL);

        if (value && json_put_str(values, json_str(variable, "name", ""), value))
            return FAULT(ENOMEM);
    }
    json_array_foreach (given, i, variable) {
        if (!variable_declared(declared, json_str(variable, "name", "")))
            return reason_set(why, PIPELINE_E_INVALID, "Pipeline %s declares no variable '%s'.", plan->name,
                              json_str(variable, "name", ""));
        if (json_put_str(values, json_str(variable, "name", ""), json_str(variable, "value", "")))
            return FAULT(ENOMEM);
    }
    json_array_foreach (declared, i, variable)
        if (!json_object_get(values, json_str(variable, "name", "")))
            return reason_set(why, PIPELINE_E_INVALID, "The variable '%s' of pipeline %s needs a value.",
                              json_str(variable, "name", ""), plan->name);
    *ret = json_pack("{s:O}", "variables", values);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int data_start(const struct plan *plan, const struct trigger *trigger, const json_t *in, json_t **ret,
                      struct reason *why)
{
    json_t *overrides = json_object_get(in, "sourceRevisions"), *variables = NULL;
    CLEANUP(json_free)
    json_t *data = json_pack("{s:{s:s, s:s, s:s*, s:s*}, s:s}", "trigger", "type", trigger->type, "detail",
                             trigger->detail, "by", trigger->who, "person", trigger->person, "mode",
                             plan_mode_name(plan->mode));
    int r = data ? source_overrides_check(plan, overrides, why) : FAULT(ENOMEM);

    if (r == 0)
        r = variables_start(plan, json_object_get(in, "variables"), &variables, why);
    if (r == 0)
        r = json_put(data, "variables", variables);
    if (r == 0 && overrides)
        r = json_put(data, "sourceRevisions", json_incref(overrides));
    if (r == 0 && trigger->token)
        r = json_put_str(data, "clientRequestToken", trigger->token);
    if (r == 0)
        *ret = take(data);
    return r;
}

static int start_new(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
                     const struct trigger *trigger, const json_t *in, const char *id, struct reason *why)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    CLEANUP(json_free) json_t *data = NULL;
    struct flow_event event = {.kind = FLOW_START, .execution_id = id, .who = trigger->who};
    int r = picture_open(tx, pipeline, NULL, &flow);

    if (r)
        return r;
    event.plan = flow_plan(flow, pipeline->version);
    if (!event.plan)
        return FAULT(EBADMSG);
    r = data_start(event.plan, trigger, in, &data, why);
    if (r)
        return r;
    tx_wake(tx, TOPIC_LIST, pipeline->account);
    event.seq = ++pipeline->last_seq;
    event.data = data;
    r = flow_step(flow, &event, clock_now_ms(), why);
    if (r == 0)
        r = sources_take(tx, platform, pipeline, flow);
    if (r == 0)
        r = flow_save(tx, platform, pipeline, flow);
    if (r == 0)
        picture_keep(tx, pipeline, &flow);
    return r;
}

int execution_trigger(struct tx *tx, const struct platform *platform, const struct trigger *trigger,
                      const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why)
{
    struct pipeline pipeline;
    char id[ID_UUID_SIZE];
    int r = pipeline_require(tx, trigger->account, json_str(in, "name", ""), &pipeline, why);

    if (r)
        return r;
    r = token_find(tx, pipeline.id, trigger->token, id);
    if (r == DB_NONE) {
        id_uuid(id);
        r = start_new(tx, platform, &pipeline, trigger, in, id, why);
    }
    if (r == 0)
        memcpy(ret_id, id, sizeof(id));
    return r;
}

int execution_start(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why)
{
    char person[PERSON_SIZE];
    const struct trigger trigger = {
        .account = caller->account,
        .type = "StartPipelineExecution",
        .detail = caller->arn,
        .who = caller->arn,
        .person = person,
        .token = json_str(in, "clientRequestToken", NULL),
    };

    principal_person(caller, person);
    return execution_trigger(tx, platform, &trigger, in, ret_id, why);
}

/* ---- stop, retry */

int execution_stop(struct tx *tx, const struct platform *platform, const struct principal *caller,
                   const json_t *in, struct reason *why)
{
    const char *id = json_str(in, "pipelineExecutionId", "");
    struct flow_event event = {
        .kind = FLOW_STOP,
        .execution_id = id,
        .who = caller->arn,
        .why = json_str(in, "reason", NULL),
        .yes = json_bool(in, "abandon", false),
    };
    struct pipeline pipeline;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    if (r)
        return r;
    r = flow_apply(tx, platform, &pipeline, &event, id, why);
    /* StopPipelineExecution documents no PipelineExecutionNotFoundException */
    return r == PIPELINE_E_EXECUTION_NOT_FOUND ? PIPELINE_E_NOT_STOPPABLE : r;
}

int execution_retry(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const json_t *in, struct reason *why)
{
    const char *id = json_str(in, "pipelineExecutionId", "");
    struct flow_event event = {
        .kind = FLOW_RETRY,
        .execution_id = id,
        .stage = json_str(in, "stageName", ""),
        .who = caller->arn,
        .yes = strcmp(json_str(in, "retryMode", ""), "ALL_ACTIONS") == 0,
    };
    struct pipeline pipeline;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    if (r)
        return r;
    r = flow_apply(tx, platform, &pipeline, &event, id, why);
    return r == PIPELINE_E_EXECUTION_NOT_FOUND ? PIPELINE_E_STAGE_NOT_RETRYABLE : r;
}

/* ---- rollback */

int execution_rollback(struct tx *tx, const struct platform *platform, const struct principal *caller,
                       const json_t *in, char ret_id[ID_UUID_SIZE], struct reason *why)
{
    char id[ID_UUID_SIZE], person[PERSON_SIZE];
    principal_person(caller, person);
    CLEANUP(json_free)
    json_t *data = json_pack("{s:{s:s, s:s, s:s}}", "trigger", "type", "ManualRollback", "detail",
                             caller->arn, "person", person);
    struct flow_event event = {
        .kind = FLOW_ROLLBACK,
        .execution_id = id,
        .target_id = json_str(in, "targetPipelineExecutionId", ""),
        .stage = json_str(in, "stageName", ""),
        .who = caller->arn,
        .dry = json_bool(in, "dryRun", false),
        .data = data,
    };
    struct pipeline pipeline;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    id_uuid(id);
    if (r == 0)
        r = flow_apply_rollback(tx, platform, &pipeline, &event, why);
    if (r == 0)
        str_copy(ret_id, ID_UUID_SIZE, event.dry ? "" : id);
    return r;
}

/* ---- conditions */

int condition_override(struct tx *tx, const struct platform *platform, const struct principal *caller,
                       const json_t *in, struct reason *why)
{
    const char *id = json_str(in, "pipelineExecutionId", "");
    struct flow_event event = {
        .kind = FLOW_OVERRIDE,
        .execution_id = id,
        .stage = json_str(in, "stageName", ""),
        .phase = plan_phase_find(json_str(in, "conditionType", "")),
        .who = caller->arn,
    };
    struct pipeline pipeline;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    if (r)
        return r;
    r = flow_apply(tx, platform, &pipeline, &event, id, why);
    /* OverrideStageCondition documents no PipelineExecutionNotFoundException */
    return r == PIPELINE_E_EXECUTION_NOT_FOUND ? PIPELINE_E_NOT_OVERRIDABLE : r;
}

/* ---- transitions */

/* The present version's stage of that name. */
static int stage_find(struct tx *tx, const struct pipeline *pipeline, const char *stage,
                      struct plan **ret_plan, size_t *ret_at, struct reason *why)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    int r = pipeline_declaration(tx, pipeline->id, pipeline->version, &declaration);

    if (r == 0)
        r = plan_new(declaration, pipeline->version, ret_plan);
    if (r)
        return r;
    *ret_at = plan_stage_find(*ret_plan, stage);
    if (*ret_at < (*ret_plan)->stage_count)
        return 0;
    return reason_set(why, PIPELINE_E_STAGE_NOT_FOUND, "Pipeline '%s' does not have a stage named '%s'",
                      pipeline->name, stage);
}

static int stage_require(struct tx *tx, const struct pipeline *pipeline, const char *stage,
                         const char *action, struct reason *why)
{
    CLEANUP(plan_free) struct plan *plan = NULL;
    size_t at, i = 0;
    int r = stage_find(tx, pipeline, stage, &plan, &at, why);

    if (r)
        return r;
    while (action && i < plan->stages[at].count && strcmp(plan->stages[at].actions[i].name, action) != 0)
        i++;
    if (action && i == plan->stages[at].count)
        return reason_set(why, PIPELINE_E_ACTION_NOT_FOUND,
                          "Stage '%s' of pipeline '%s' has no action named '%s'", stage, pipeline->name,
                          action);
    return 0;
}

/* A stage that only an older version has can still hold that version's executions. */
static int gate_require(struct tx *tx, const struct pipeline *pipeline, const char *stage, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT 1 FROM codepipeline_stage WHERE pipeline_id = $1 AND stage = $2",
                         "ss", pipeline->id, stage);

    return r == DB_NONE ? stage_require(tx, pipeline, stage, NULL, why) : r;
}

/* What leaves a stage enters the next: one transition has both names. */
static int stage_after(struct tx *tx, const struct pipeline *pipeline, const char *stage, char **ret,
                       struct reason *why)
{
    CLEANUP(plan_free) struct plan *plan = NULL;
    size_t at;
    int r = stage_find(tx, pipeline, stage, &plan, &at, why);

    if (r)
        return r;
    if (at + 1 == plan->stage_count)
        return reason_set(why, PIPELINE_E_INVALID,
                          "Stage '%s' is the last of pipeline '%s': it has no Outbound transition.", stage,
                          pipeline->name);
    *ret = str_dup(str_of(plan->stages[at + 1].name));
    return *ret ? 0 : FAULT(ENOMEM);
}

int transition_set(struct tx *tx, const struct platform *platform, const struct principal *caller,
                   const json_t *in, bool enabled, struct reason *why)
{
    struct flow_event event = {
        .kind = FLOW_TRANSITION,
        .stage = json_str(in, "stageName", ""),
        .who = caller->arn,
        .why = json_str(in, "reason", NULL),
        .yes = enabled,
    };
    struct pipeline pipeline;
    CLEANUP(free_ptr) char *next = NULL;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    if (r == 0 && strcmp(json_str(in, "transitionType", ""), "Inbound") != 0) {
        r = stage_after(tx, &pipeline, event.stage, &next, why);
        event.stage = next;
    }
    if (r == 0)
        r = gate_require(tx, &pipeline, event.stage, why);
    return r ? r : flow_apply(tx, platform, &pipeline, &event, NULL, why);
}

int pipeline_transition(struct tx *tx, const struct platform *platform, const struct principal *caller,
                        const char *name, const char *stage, const char *reason, struct reason *why)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:s*}", "pipelineName", name, "stageName", stage,
                           "transitionType", "Inbound", "reason", reason);

    return in ? transition_set(tx, platform, caller, in, !reason, why) : FAULT(ENOMEM);
}

/* ---- approvals */

/* rows: id, status, detail */
static int approval_over(struct rows *rows, const char *action, struct reason *why)
{
    CLEANUP(json_free) json_t *detail = NULL;
    int r = json_parse(rows_str(rows, 2), &detail, NULL);
    const char *message = json_str(json_object_get(detail, "error"), "message", NULL);

    if (r)
        return r > 0 ? FAULT(EBADMSG) : r;
    return reason_set(why, PIPELINE_E_APPROVAL_COMPLETED,
                      "The approval action '%s' has been answered or has ended: %s", action,
                      message ? message : "it was approved.");
}

static int approval_find(struct tx *tx, const struct pipeline *pipeline, const json_t *in,
                         char ret_run[ID_UUID_SIZE], struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT id, status, detail FROM codepipeline_action WHERE token = $1 AND token <> ''"
                         " AND pipeline_id = $2 AND stage = $3 AND action = $4",
                         "ssss", json_str(in, "token", ""), pipeline->id, json_str(in, "stageName", ""),
                         json_str(in, "actionName", ""));

    if (r == DB_NONE)
        return reason_set(why, PIPELINE_E_APPROVAL_TOKEN,
                          "The approval token does not belong to action '%s': read the current one with "
                          "GetPipelineState.",
                          json_str(in, "actionName", ""));
    if (r)
        return r;
    if (strcmp(rows_text(rows, 1), machine_name(&machine_action, ACTION_IN_PROGRESS)) != 0)
        return approval_over(rows, json_str(in, "actionName", ""), why);
    str_copy(ret_run, ID_UUID_SIZE, rows_text(rows, 0));
    return 0;
}

int approval_put(struct tx *tx, const struct platform *platform, const struct principal *caller,
                 const json_t *in, int64_t *ret_ms, struct reason *why)
{
    const json_t *result = json_object_get(in, "result");
    char run_id[ID_UUID_SIZE], person[PERSON_SIZE];
    struct flow_event event = {
        .kind = FLOW_APPROVAL,
        .run_id = run_id,
        .who = caller->arn,
        .person = person,
        .why = json_str(result, "summary", ""),
        .yes = strcmp(json_str(result, "status", ""), "Approved") == 0,
    };
    struct pipeline pipeline;
    int r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    principal_person(caller, person);
    if (r == 0)
        r = approval_find(tx, &pipeline, in, run_id, why);
    if (r == PIPELINE_E_APPROVAL_TOKEN) {
        /* more exact words; an execution of an older version may well ask in a stage that is no more */
        int named =
            stage_require(tx, &pipeline, json_str(in, "stageName", ""), json_str(in, "actionName", ""), why);

        r = named ? named : r;
    }
    if (r == 0)
        r = flow_apply(tx, platform, &pipeline, &event, NULL, why);
    if (r == 0)
        *ret_ms = clock_now_ms();
    return r;
}
