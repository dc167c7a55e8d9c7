/* Operations that move executions: what people and the launcher ask for. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"

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

int codepipeline_rollback_stage(struct call *c)
{
    char id[ID_UUID_SIZE];
    int r = execution_rollback(c->tx, c->platform, c->caller, c->in, id, &c->reason);

    return r || !id[0] ? r : json_put_str(c->out, "pipelineExecutionId", id);
}

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
