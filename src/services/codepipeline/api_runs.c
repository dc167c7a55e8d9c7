/* ListActionExecutions and ListRuleExecutions: every run of every action, or rule; the newest execution's
 * first, and of each execution the newest first. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/links.h"
#include "services/codepipeline/secrets.h"
#include "services/codepipeline/show.h"
#include "services/page_token.h"

#define PAGE_MAX 100

/* A row's place: the order of its execution's start, and its own order within it. As a token "SEQ:ORDINAL".
 */
struct place {
    int64_t seq;
    int64_t ordinal;
};

static int place_start(struct call *c, struct place *ret)
{
    const char *place;
    int r = codepipeline_page_read(c, "nextToken", &place);
    struct str rest = str_of(place);

    *ret = (struct place){INT64_MAX, INT64_MAX};
    if (r || !place)
        return r;
    if (!str_to_int(str_split(&rest, ':'), 0, INT64_MAX, &ret->seq) ||
        !str_to_int(rest, 0, INT64_MAX, &ret->ordinal))
        return codepipeline_page_bad(c, "nextToken");
    return 0;
}

static int place_end(struct call *c, const struct place *place)
{
    const char *text = arena_printf(c->arena, "%lld:%lld", (long long)place->seq, (long long)place->ordinal);

    return text ? page_token_write(c, "nextToken", text) : FAULT(ENOMEM);
}

/* ---- one run */

/* What differs between the two lists. */
struct listing {
    const char *list;
    const char *id;
    const char *name;
    const char *type;
    bool rules;
};

static const struct listing actions = {"actionExecutionDetails", "actionExecutionId", "actionName",
                                       "actionTypeId", false};
static const struct listing rules = {"ruleExecutionDetails", "ruleExecutionId", "ruleName", "ruleTypeId",
                                     true};

static int input_put(struct call *c, json_t *out, const struct listing *listing,
                     const struct plan_action *action, const json_t *detail)
{
    const json_t *type_id = json_object_get(action->declaration, "actionTypeId");
    CLEANUP(json_free) json_t *configuration = NULL;
    CLEANUP(json_free) json_t *resolved = NULL;
    json_t *artifacts = NULL, *input;
    int r = secrets_shown(c->tx, c->caller->account, type_id, action->configuration, &configuration);

    if (r == 0)
        r = secrets_shown(c->tx, c->caller->account, type_id,
                          json_object_get(detail, "resolvedConfiguration"), &resolved);
    if (r)
        return r;
    input = json_pack("{s:{s:s, s:s, s:s, s:s}, s:O*, s:O*, s:s*, s:s*}", listing->type, "category",
                      action->category, "owner", action->owner, "provider", action->provider, "version",
                      action->version, "configuration", configuration, "resolvedConfiguration", resolved,
                      "roleArn", action->role_arn, "namespace", action->variables_namespace);
    r = json_put(out, "input", input);
    if (r == 0)
        r = show_artifacts(json_object_get(detail, "inputArtifacts"), &artifacts);
    return r ? r : json_put(input, "inputArtifacts", artifacts);
}

/* An approval has its token there: GetPipelineState shows that of one execution alone, and in PARALLEL mode
 * many wait. Source: CodePipeline API, PutApprovalResult. */
static const char *external_id(struct rows *rows, const json_t *detail)
{
    const char *token = rows_text(rows, 12);

    return token[0] ? token : json_str(detail, "externalExecutionId", NULL);
}

static int output_put(json_t *out, const struct listing *listing, struct rows *rows, const json_t *detail)
{
    bool succeeded = machine_state(&machine_action, rows_text(rows, 4)) == ACTION_SUCCEEDED;
    json_t *variables = json_object_get(detail, "outputVariables"), *error = json_object_get(detail, "error");
    json_t *artifacts = NULL;
    json_t *output =
        json_pack("{s:{s:s*, s:s*, s:O*}, s:O*}", "executionResult", "externalExecutionId",
                  external_id(rows, detail), "externalExecutionSummary", json_str(detail, "summary", NULL),
                  "errorDetails", error, "outputVariables", variables);
    int r = json_put(out, "output", output);

    if (r || listing->rules)
        return r;
    r = show_artifacts(succeeded ? json_object_get(detail, "outputArtifacts") : NULL, &artifacts);
    return r ? r : json_put(output, "outputArtifacts", artifacts);
}

static const struct plan_action *action_of(const struct plan *plan, struct rows *rows)
{
    size_t at = plan_stage_find(plan, rows_text(rows, 2)), i;
    const struct plan_stage *stage = &plan->stages[at];

    if (at == plan->stage_count)
        return NULL;
    i = plan_action_find(stage, plan_phase_find(rows_text(rows, 10)), rows_text(rows, 3));
    return i < stage->total ? &stage->actions[i] : NULL;
}

/* rows: id, execution_id, stage, action, status, ordinal, started_ms, updated_ms, detail, version, phase,
 * seq, token */
static int run_put(struct call *c, json_t *list, const struct listing *listing, struct rows *rows,
                   const struct plan *plan)
{
    const char *stage = rows_text(rows, 2), *name = rows_text(rows, 3), *status = rows_text(rows, 4);
    const struct plan_action *action = action_of(plan, rows);
    CLEANUP(json_free) json_t *detail = NULL;
    const json_t *configuration;
    json_t *out;
    int r = json_column(rows, 8, &detail);

    if (r || !action)
        return r ? r : FAULT(EBADMSG);
    configuration = json_object_get(detail, "resolvedConfiguration");
    out = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:s*}", listing->id, rows_text(rows, 0),
                    "pipelineExecutionId", rows_text(rows, 1), "pipelineVersion",
                    (json_int_t)rows_int(rows, 9), "stageName", stage, listing->name, name, "status", status,
                    "startTime", (json_int_t)rows_int(rows, 6), "lastUpdateTime",
                    (json_int_t)rows_int(rows, 7), "updatedBy", json_str(detail, "lastUpdatedBy", NULL));
    if (json_array_append_new(list, out))
        return FAULT(ENOMEM);
    r = input_put(c, out, listing, action, detail);
    if (r == 0)
        r = output_put(out, listing, rows, detail);
    return r ? r
             : links_run_put(c->tx, c->platform, c->caller->account, action,
                             configuration ? configuration : action->configuration,
                             json_path(out, "output.executionResult"));
}

/* ---- the list */

/* The plan of a version, read when the first run of it is met. */
static int plan_require(struct call *c, const struct pipeline *pipeline, struct flow *plans, int64_t version,
                        const struct plan **ret)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    struct plan *plan = flow_plan(plans, version);
    int r = 0;

    if (!plan) {
        r = pipeline_declaration(c->tx, pipeline->id, version, &declaration);
        if (r == 0)
            r = plan_new(declaration, version, &plan);
        if (r == 0)
            r = flow_add_plan(plans, plan);
    }
    *ret = plan;
    return r == DB_NONE ? FAULT(EBADMSG) : r;
}

static int runs_put(struct call *c, const struct listing *listing, const struct pipeline *pipeline,
                    struct rows *rows)
{
    CLEANUP(flow_free) struct flow *plans = flow_new();
    int64_t max = json_int(c->in, "maxResults", PAGE_MAX);
    json_t *list = json_array();
    struct place place = {0};
    int r = json_put(c->out, listing->list, list);

    if (!plans)
        return FAULT(ENOMEM);
    while (r == 0 && (r = rows_next(rows)) == 0) {
        const struct plan *plan;

        if ((int64_t)json_array_size(list) == max)
            return place_end(c, &place);
        place = (struct place){.seq = rows_int(rows, 11), .ordinal = rows_int(rows, 5)};
        r = plan_require(c, pipeline, plans, rows_int(rows, 9), &plan);
        if (r == 0)
            r = run_put(c, list, listing, rows, plan);
    }
    return r == DB_NONE ? 0 : r;
}

#define RUNS(of)                                                                                             \
    "SELECT a.id, a.execution_id, a.stage, a.action, a.status, a.ordinal, a.started_ms, a.updated_ms,"       \
    " a.detail, e.version, a.phase, e.seq, a.token"                                                          \
    " FROM codepipeline_execution e JOIN codepipeline_action a ON a.execution_id = e.id"                     \
    " WHERE e." of " = $1 AND e.pipeline_id = $2 AND e.seq <= $3 AND (e.seq < $3 OR a.ordinal < $4)"         \
    " AND (a.phase <> '') = $6 AND a.replaced <= $7 ORDER BY e.seq DESC, a.ordinal DESC LIMIT $5"

/* `repeated`: with the runs that a retry of the stage has replaced. */
static int runs_query(struct call *c, const struct listing *listing, const struct pipeline *pipeline,
                      const char *execution, bool repeated, struct rows **ret)
{
    int64_t max = json_int(c->in, "maxResults", PAGE_MAX);
    struct place place;
    int r = place_start(c, &place);

    if (r)
        return r;
    return tx_query(c->tx, ret, execution ? RUNS("id") : RUNS("pipeline_id"), "ssiiiii",
                    execution ? execution : pipeline->id, pipeline->id, place.seq, place.ordinal, max + 1,
                    (int64_t)listing->rules, (int64_t)repeated);
}

static int execution_require(struct call *c, const struct pipeline *pipeline, const char *id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    if (!id)
        return 0;
    r = tx_query_row(c->tx, &rows, "SELECT 1 FROM codepipeline_execution WHERE id = $1 AND pipeline_id = $2",
                     "ss", id, pipeline->id);
    return r == DB_NONE
               ? call_fail(c, PIPELINE_E_EXECUTION_NOT_FOUND, "The pipeline execution %s was not found.", id)
               : r;
}

static int runs_list(struct call *c, const struct listing *listing)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const json_t *filter = json_object_get(c->in, "filter");
    const json_t *latest = json_object_get(filter, "latestInPipelineExecution");
    const char *execution = json_str(latest ? latest : filter, "pipelineExecutionId", NULL);
    bool repeated = strcmp(json_str(latest, "startTimeRange", "All"), "All") == 0;
    struct watched watched;
    int r = codepipeline_watch(c, "pipelineName", &watched);

    if (r == 0)
        r = execution_require(c, &watched.pipeline, execution);
    if (r == 0)
        r = runs_query(c, listing, &watched.pipeline, execution, repeated, &rows);
    if (r == 0)
        r = runs_put(c, listing, &watched.pipeline, rows);
    return r ? r : codepipeline_watch_end(c, &watched);
}

int codepipeline_list_action_executions(struct call *c)
{
    return runs_list(c, &actions);
}

int codepipeline_list_rule_executions(struct call *c)
{
    return runs_list(c, &rules);
}
