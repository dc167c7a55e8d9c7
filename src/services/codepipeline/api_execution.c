/* Operations that move executions: what people and the launcher ask for. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/secrets.h"
#include "services/codepipeline/show.h"

int codepipeline_start_execution(struct call *c)
{
    char id[ID_UUID_SIZE];
    int r = execution_start(c->tx, c->platform, c->caller, c->in, id, &c->reason);

    return r ? r : json_put_str(c->out, "pipelineExecutionId", id);
}

int codepipeline_stop_execution(struct call *c)
{
    int r = execution_stop(c->tx, c->platform, c->caller, c->in, &c->reason);

    return r ? r : json_put_str(c->out, "pipelineExecutionId", json_str(c->in, "pipelineExecutionId", ""));
}

int codepipeline_retry_stage(struct call *c)
{
    int r = execution_retry(c->tx, c->platform, c->caller, c->in, &c->reason);

    return r ? r : json_put_str(c->out, "pipelineExecutionId", json_str(c->in, "pipelineExecutionId", ""));
}

/* ---- rollback */

/* The stage's actions, as the target's version of the pipeline declares them. */
static int actions_put(struct call *c, json_t *out, const struct pipeline *pipeline, int64_t version)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    json_t *stage;
    size_t i;
    int r = pipeline_declaration(c->tx, pipeline->id, version, &declaration);

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        if (r == 0 && strcmp(json_str(stage, "name", ""), json_str(c->in, "stageName", "")) == 0)
            r = json_put(out, "actions", json_incref(json_object_get(stage, "actions")));
    if (r == 0)
        r = secrets_hide_actions(c->tx, pipeline->account, json_object_get(out, "actions"));
    return r == DB_NONE ? FAULT(EBADMSG) : r;
}

/* What a dry run tells: what the target had, and what would run with it again. */
static int would_deploy_put(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *data = NULL;
    json_t *out = json_object();
    struct pipeline pipeline;
    int r = json_put(c->out, "wouldDeploy", out);

    if (r == 0)
        r = pipeline_require(c->tx, c->caller->account, json_str(c->in, "pipelineName", ""), &pipeline,
                             &c->reason);
    if (r == 0)
        r = tx_query_row(c->tx, &rows, "SELECT version, data FROM codepipeline_execution WHERE id = $1", "s",
                         json_str(c->in, "targetPipelineExecutionId", ""));
    if (r == 0)
        r = json_column(rows, 1, &data);
    if (r == 0)
        r = json_put_int(out, "pipelineVersion", rows_int(rows, 0));
    if (r == 0)
        r = show_revisions(out, data);
    if (r == 0)
        r = show_variables(out, data);
    return r ? r : actions_put(c, out, &pipeline, rows_int(rows, 0));
}

int codepipeline_rollback_stage(struct call *c)
{
    char id[ID_UUID_SIZE];
    int r = execution_rollback(c->tx, c->platform, c->caller, c->in, id, &c->reason);

    if (r)
        return r;
    return id[0] ? json_put_str(c->out, "pipelineExecutionId", id) : would_deploy_put(c);
}

/* ---- conditions, transitions, approvals */

int codepipeline_override_condition(struct call *c)
{
    return condition_override(c->tx, c->platform, c->caller, c->in, &c->reason);
}

int codepipeline_enable_transition(struct call *c)
{
    return transition_set(c->tx, c->platform, c->caller, c->in, true, &c->reason);
}

int codepipeline_disable_transition(struct call *c)
{
    return transition_set(c->tx, c->platform, c->caller, c->in, false, &c->reason);
}

int codepipeline_put_approval_result(struct call *c)
{
    int64_t at_ms = 0;
    int r = approval_put(c->tx, c->platform, c->caller, c->in, &at_ms, &c->reason);

    return r ? r : json_put_int(c->out, "approvedAt", at_ms);
}
