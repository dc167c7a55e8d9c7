/* What a source's worker tells of a new revision, and what became of one deployed. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"

int codepipeline_put_action_revision(struct call *c)
{
    char id[ID_UUID_SIZE];
    bool fresh = false;
    int r = revision_put(c->tx, c->platform, c->caller, c->in, &fresh, id, &c->reason);

    if (r == 0)
        r = json_put_bool(c->out, "newRevision", fresh);
    return r ? r : json_put_str(c->out, "pipelineExecutionId", id);
}

/* Targets are the instances of EC2 deploy actions, which are none of those that anchors run: an action has
 * none. */
int codepipeline_list_deploy_targets(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *name = json_str(c->in, "pipelineName", NULL), *id = json_str(c->in, "actionExecutionId", "");
    struct pipeline pipeline;
    int r = name ? pipeline_require(c->tx, c->caller->account, name, &pipeline, &c->reason) : 0;

    if (r == 0 && json_object_get(c->in, "nextToken"))
        return codepipeline_page_bad(c, "nextToken");
    if (r == 0)
        r = tx_query_row(
            c->tx, &rows,
            "SELECT 1 FROM codepipeline_action a JOIN codepipeline_pipeline p ON p.id = a.pipeline_id"
            " WHERE a.id = $1 AND p.account = $2 AND p.name = coalesce($3, p.name)",
            "sss", id, c->caller->account, name);
    if (r == DB_NONE)
        return call_fail(c, PIPELINE_E_ACTION_EXECUTION_NOT_FOUND, "The action execution %s was not found.",
                         id);
    return r ? r : json_put(c->out, "targets", json_array());
}
