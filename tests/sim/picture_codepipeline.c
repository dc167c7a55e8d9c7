/* What is kept in memory of a pipeline and of jobs is what the tables say. */
#include "sim_codepipeline.h"
#include "services/codepipeline/job_memory.h"
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

static void check_row(const struct pipeline *read)
{
    struct pipeline kept;
    if (picture_pipeline(sim.tx, read->id, &kept) &&
        (!is(kept.id, read->id) || !is(kept.account, read->account) || !is(kept.name, read->name) ||
         kept.version != read->version || kept.last_seq != read->last_seq ||
         kept.created_ms != read->created_ms || kept.updated_ms != read->updated_ms ||
         kept.changed_ms != read->changed_ms || kept.stamp != read->stamp))
        broken("the pipeline's row in memory is another");
}

static void check_job(struct rows *rows)
{
    CLEANUP(job_row_free) struct job_row kept = {0};
    if (no_fault(job_memory_find(sim.tx, rows_text(rows, 0), &kept)))
        return;
    sim.counts[COUNT_JOBS_REMEMBERED]++;
    if (kept.job.status != machine_state(&machine_job, rows_text(rows, 1)) ||
        !is(kept.job.nonce, rows_text(rows, 2)) || !is(kept.job.worker, rows_text(rows, 3)) ||
        kept.job.attempt != rows_int(rows, 4) || kept.job.due_ms != rows_int(rows, 5) ||
        !is(kept.run_id, rows_text(rows, 6)) || !is(kept.account, rows_text(rows, 7)) ||
        !same_text(kept.role_arn, rows_text(rows, 8)) || kept.deadline_ms != rows_int(rows, 9) ||
        kept.created_ms != rows_int(rows, 10) || !is(kept.packed, rows_text(rows, 11)) ||
        kept.job.fenced != rows_int(rows, 12) || !is(kept.pipeline_id, sim.pipeline_id) ||
        kept.custom == is(rows_text(rows, 13), "AWS") || kept.source != (rows_int(rows, 14) != 0) ||
        !is(kept.pipeline_account, rows_text(rows, 15)))
        broken("job %s is another in memory", kept.job.id);
}

static void check_jobs(void)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(sim.tx, &rows,
                     "SELECT id, status, nonce, worker, attempt, due_ms, run_id, account, role_arn,"
                     " deadline_ms, created_ms, data, fenced, owner, type LIKE 'Source/%', pipeline_account"
                     " FROM codepipeline_job WHERE pipeline_id = $1",
                     "s", sim.pipeline_id);
    while (r == 0 && no_fault(r = rows_next(rows)) == 0)
        check_job(rows);
}

/* In any order of those of one millisecond. */
static void check_offers(void)
{
    struct job_offer offers[JOB_OFFERS_KEPT];
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t count, i = 0, k;
    int r;
    if (!job_memory_offers(sim.tx, sim.caller.account, JOB_OFFERS_KEPT, offers, &count))
        return;
    sim.counts[COUNT_OFFERS_REMEMBERED]++;
    r = tx_query(sim.tx, &rows,
                 "SELECT id, created_ms FROM codepipeline_job WHERE account = $1 AND owner = 'AWS'"
                 " AND status = 'Queued' ORDER BY created_ms LIMIT $2",
                 "si", sim.caller.account, (int64_t)JOB_OFFERS_KEPT);
    for (; r == 0 && no_fault(r = rows_next(rows)) == 0; i++) {
        for (k = 0; k < count && !is(offers[k].id, rows_text(rows, 0)); k++)
            continue;
        if (i >= count || k == count || offers[i].created_ms != rows_int(rows, 1))
            broken("job %s is not on offer in memory", rows_text(rows, 0));
    }
    if (i != count)
        broken("%zu jobs are on offer in memory instead of %zu", count, i);
}

void check_picture(void)
{
    CLEANUP(flow_free) struct flow *kept = NULL, *read = NULL;
    struct pipeline pipeline;
    no_fault(pipeline_find(sim.tx, sim.caller.account, PIPELINE, &pipeline));
    check_row(&pipeline);
    check_jobs();
    check_offers();
    no_fault(picture_open(sim.tx, &pipeline, NULL, &kept));
    no_fault(flow_load(sim.tx, &pipeline, NULL, &read));
    if (kept->stamp == pipeline.stamp) {
        sim.counts[COUNT_REMEMBERED]++;
        check_flows(kept, read);
    }
    picture_keep(sim.tx, &pipeline, &kept);
}
