/* What is kept in memory of a pipeline is what the tables say. */
#include "sim_codepipeline.h"
#include "services/codepipeline/picture.h"
#include "wire/json.h"

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && is(a, b));
}

static bool same_run(struct run *kept, struct run *read)
{
    if (!kept || !read)
        return !kept && !read;
    no_fault(run_unpack(kept));
    no_fault(run_unpack(read));
    return is(kept->id, read->id) && is(kept->token, read->token) && is(kept->job_id, read->job_id) &&
           kept->action->phase == read->action->phase && is(kept->action->name, read->action->name) &&
           is(kept->stage, read->stage) && is(kept->execution_id, read->execution_id) &&
           kept->status == read->status && kept->started_ms == read->started_ms &&
           kept->updated_ms == read->updated_ms && kept->deadline_ms == read->deadline_ms &&
           kept->ordinal == read->ordinal && kept->stage_run == read->stage_run &&
           json_equal(kept->detail, read->detail) && !kept->replaced && !kept->fresh && !kept->dirty;
}

static bool same_execution(const struct execution *kept, const struct execution *read)
{
    if (kept->seq != read->seq || kept->plan->version != read->plan->version ||
        kept->status != read->status || kept->place != read->place || kept->stage != read->stage ||
        kept->run_seq != read->run_seq || kept->stage_run != read->stage_run ||
        kept->started_ms != read->started_ms || kept->updated_ms != read->updated_ms ||
        kept->rollback != read->rollback || kept->run_count != read->run_count || kept->fresh || kept->dirty)
        return false;
    for (size_t i = 0; i < kept->run_count; i++)
        if (!same_run(kept->runs[i], read->runs[i]))
            return false;
    return json_equal(kept->data, read->data);
}

static bool same_gate(const struct gate *kept, const struct gate *read)
{
    return kept->enabled == read->enabled && same_text(kept->reason, read->reason) &&
           same_text(kept->changed_by, read->changed_by) && kept->changed_ms == read->changed_ms &&
           is(kept->last_id, read->last_id) && kept->last_seq == read->last_seq &&
           is(kept->good_id, read->good_id) && kept->status == read->status && !kept->dirty;
}

/* A gate that nobody has moved has no row. */
static void check_gates(struct flow *kept, struct flow *read)
{
    for (size_t i = 0; i < kept->gate_count; i++) {
        const struct gate *other = flow_gate(read, kept->gates[i]->stage);
        if (!other || !same_gate(kept->gates[i], other))
            broken("the picture in memory has another gate %s", kept->gates[i]->stage);
    }
    for (size_t i = 0; i < read->gate_count; i++)
        if (!flow_gate(kept, read->gates[i]->stage))
            broken("no memory");
    if (kept->gate_count != read->gate_count)
        broken("the picture in memory has %zu gates instead of %zu", kept->gate_count, read->gate_count);
}

static void check_flows(struct flow *kept, struct flow *read)
{
    if (kept->execution_count != read->execution_count || kept->freeze_count != read->freeze_count ||
        kept->plan_count != read->plan_count || kept->effect_count || kept->retired_count)
        broken("the picture in memory has %zu executions and %zu plans instead of %zu and %zu",
               kept->execution_count, kept->plan_count, read->execution_count, read->plan_count);
    for (size_t i = 0; i < read->execution_count; i++) {
        const struct execution *other = flow_execution(kept, read->executions[i]->id);
        if (!other || !same_execution(other, read->executions[i]))
            broken("the picture in memory has another execution %s", read->executions[i]->id);
        if (!is(kept->executions[i]->id, read->executions[i]->id))
            broken("the picture in memory has another order");
    }
    check_gates(kept, read);
}

void check_picture(void)
{
    CLEANUP(flow_free) struct flow *kept = NULL, *read = NULL;
    struct pipeline pipeline;
    no_fault(pipeline_find(sim.tx, sim.caller.account, PIPELINE, &pipeline));
    no_fault(picture_open(sim.tx, &pipeline, NULL, &kept));
    no_fault(flow_load(sim.tx, &pipeline, NULL, &read));
    if (kept->stamp == pipeline.stamp) {
        sim.counts[COUNT_REMEMBERED]++;
        check_flows(kept, read);
    }
    picture_keep(&pipeline, &kept);
}
