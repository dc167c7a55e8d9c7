/* Writes what a step changed, its effects and its history in the caller's transaction. */
#include "services/codepipeline/store.h"
#include "base/clock.h"
#include "services/codepipeline/engine/effect.h"
#include "services/codepipeline/notify.h"
#include "services/codepipeline/picture.h"
#include "services/codepipeline/roles.h"
#include "wire/json.h"

#define TEXT_USUAL                                                                                           \
    500 /* bytes of an execution's data or a run's detail; with the NUL within a power of two */

static int pack(const json_t *value, struct buf *out)
{
    (void)buf_reserve(out, TEXT_USUAL);
    return json_write(value, out);
}

static int execution_save(struct tx *tx, const struct pipeline *pipeline, const struct execution *execution)
{
    CLEANUP(buf_free) struct buf data = BUF_INIT(SIZE_MAX);
    const char *status = machine_name(&machine_execution, execution->status);
    const char *place = machine_name(&machine_place, execution->place);
    int r = pack(execution->data, &data);

    if (r)
        return r;
    if (execution->fresh)
        return tx_exec(
            tx,
            "INSERT INTO codepipeline_execution (id, pipeline_id, seq, version, token, status, place, stage,"
            " stage_run, run_seq, started_ms, updated_ms, data)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            "ssiisssiiiiiS", execution->id, pipeline->id, execution->seq, execution->plan->version,
            json_str(execution->data, "clientRequestToken", NULL), status, place, (int64_t)execution->stage,
            execution->stage_run, execution->run_seq, execution->started_ms, execution->updated_ms,
            buf_str(&data));
    return tx_later(tx,
                    "UPDATE codepipeline_execution SET status = $2, place = $3, stage = $4, stage_run = $5,"
                    " run_seq = $6, updated_ms = $7, data = $8 WHERE id = $1",
                    "sssiiiiS", execution->id, status, place, (int64_t)execution->stage, execution->stage_run,
                    execution->run_seq, execution->updated_ms, buf_str(&data));
}

static int run_save(struct tx *tx, const struct pipeline *pipeline, const struct run *run)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(SIZE_MAX);
    const char *status = machine_name(&machine_action, run->status);
    int r = run->detail ? pack(run->detail, &text) : 0;
    struct str detail = run->detail ? buf_str(&text) : str_of(run->packed);

    if (r || !detail.ptr)
        return r ? r : FAULT(EINVAL);
    if (run->fresh)
        return tx_later(
            tx,
            "INSERT INTO codepipeline_action (id, pipeline_id, execution_id, stage, action, stage_run,"
            " ordinal, replaced, status, token, job_id, started_ms, updated_ms, deadline_ms, detail, phase)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            "sssssiiisssiiiSs", run->id, pipeline->id, run->execution_id, run->stage, run->action->name,
            run->stage_run, run->ordinal, (int64_t)run->replaced, status, run->token, run->job_id,
            run->started_ms, run->updated_ms, run->deadline_ms, detail, plan_phase_name(run->action->phase));
    return tx_later(tx,
                    "UPDATE codepipeline_action SET replaced = $2, status = $3, job_id = $4, updated_ms = $5,"
                    " detail = $6, deadline_ms = $7 WHERE id = $1",
                    "sissiSi", run->id, (int64_t)run->replaced, status, run->job_id, run->updated_ms, detail,
                    run->deadline_ms);
}

static int gate_save(struct tx *tx, const struct pipeline *pipeline, const struct gate *gate)
{
    return tx_later(
        tx,
        "INSERT INTO codepipeline_stage (pipeline_id, stage, enabled, reason, changed_by, changed_ms,"
        " last_id, last_seq, status, good_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (pipeline_id, stage) DO UPDATE SET enabled = excluded.enabled,"
        " reason = excluded.reason, changed_by = excluded.changed_by, changed_ms = excluded.changed_ms,"
        " last_id = excluded.last_id, last_seq = excluded.last_seq, status = excluded.status,"
        " good_id = excluded.good_id",
        "ssissisiss", pipeline->id, gate->stage, (int64_t)gate->enabled, gate->reason, gate->changed_by,
        gate->changed_ms, gate->last_id, gate->last_seq, machine_name(&machine_stage, gate->status),
        gate->good_id);
}

/* ---- effects, one row per kind */

struct save {
    struct tx *tx;
    const struct platform *platform;
    struct pipeline *pipeline;
    const struct flow *flow;
};

/* One that ended within the same step is nobody's job any more. */
static int save_offer(const struct save *save, const struct effect *effect)
{
    if (effect->run->status != ACTION_IN_PROGRESS)
        return 0;
    return job_insert(save->tx, save->platform, save->pipeline, effect->execution, effect->run,
                      save->flow->now_ms);
}

static int save_cancel(const struct save *save, const struct effect *effect)
{
    return job_end(save->tx, effect->ref, effect->job_status);
}

static int save_timer(const struct save *save, const struct effect *effect)
{
    timer_expect(save->tx, effect->due_ms); /* the run's own row says when */
    return 0;
}

static int save_thaw(const struct save *save, const struct effect *effect)
{
    return timer_set(save->tx, TIMER_THAW, save->pipeline->id, save->pipeline->id, effect->due_ms);
}

static int save_record(const struct save *save, const struct effect *effect)
{
    const struct execution *execution = effect->execution;
    struct history history = {
        .execution_id = execution ? execution->id : NULL,
        .stage = effect->stage,
        .action = effect->run ? effect->run->action->name : NULL,
        .what = effect->what,
        .who = effect->who,
        .why = effect->why,
    };

    return history_add(save->tx, save->pipeline, &history, save->flow->now_ms);
}

/* By itself: nobody is there to be told why not, but the history. Who was kept out of the stage for it then
 * goes on. */
static int save_rollback(const struct save *save, const struct effect *effect)
{
    CLEANUP(json_free)
    json_t *data =
        json_pack("{s:{s:s, s:s}}", "trigger", "type", "AutomatedRollback", "detail", effect->execution->id);
    const char *stage = effect->execution->plan->stages[effect->execution->stage].name;
    struct reason why = {0};
    char id[ID_UUID_SIZE];
    struct flow_event event = {.kind = FLOW_ROLLBACK,
                               .execution_id = id,
                               .target_id = effect->ref,
                               .stage = stage,
                               .why = effect->execution->id,
                               .data = data};
    const struct history history = {
        .execution_id = effect->execution->id, .stage = stage, .what = "rollback-refused", .why = why.text};
    const struct flow_event look = {.kind = FLOW_LOOK};
    int r;

    id_uuid(id);
    r = data ? flow_apply_rollback(save->tx, save->platform, save->pipeline, &event, &why) : FAULT(ENOMEM);
    if (r <= 0)
        return r;
    r = history_add(save->tx, save->pipeline, &history, save->flow->now_ms);
    return r ? r : flow_apply(save->tx, save->platform, save->pipeline, &look, NULL, NULL);
}

/* One that ended within the same step asks nobody any more. */
static int save_notify(const struct save *save, const struct effect *effect)
{
    if (effect->run->status != ACTION_IN_PROGRESS)
        return 0;
    return notify_approval(save->tx, save->platform, save->pipeline, effect->execution, effect->run,
                           save->flow->now_ms);
}

static int (*const savers[])(const struct save *, const struct effect *) = {
    [EFFECT_OFFER] = save_offer,       [EFFECT_CANCEL] = save_cancel, [EFFECT_TIMER] = save_timer,
    [EFFECT_RECORD] = save_record,     [EFFECT_NOTIFY] = save_notify, [EFFECT_THAW] = save_thaw,
    [EFFECT_ROLLBACK] = save_rollback,
};

static int runs_save(const struct save *save, const struct execution *execution)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < execution->run_count; i++)
        if (execution->runs[i] && execution->runs[i]->dirty)
            r = run_save(save->tx, save->pipeline, execution->runs[i]);
    return r;
}

int flow_save(struct tx *tx, const struct platform *platform, struct pipeline *pipeline, struct flow *flow)
{
    struct save save = {tx, platform, pipeline, flow};
    int r = roles_take(tx, platform, pipeline->account, flow);

    pipeline->stamp = flow->stamp = picture_stamp();
    for (size_t i = 0; r == 0 && i < flow->execution_count; i++) {
        if (flow->executions[i]->dirty)
            r = execution_save(tx, pipeline, flow->executions[i]);
        if (r == 0)
            r = runs_save(&save, flow->executions[i]);
    }
    for (size_t i = 0; r == 0 && i < flow->retired_count; i++)
        if (flow->retired[i]->dirty)
            r = run_save(tx, pipeline, flow->retired[i]);
    for (size_t i = 0; r == 0 && i < flow->gate_count; i++)
        if (flow->gates[i]->dirty)
            r = gate_save(tx, pipeline, flow->gates[i]);
    for (size_t i = 0; r == 0 && i < flow->effect_count; i++)
        r = savers[flow->effects[i].kind](&save, &flow->effects[i]);
    if (r)
        return r;
    pipeline->changed_ms = flow->now_ms;
    tx_wake(tx, TOPIC_PIPELINE, pipeline->account, pipeline->name);
    return tx_later(
        tx, "UPDATE codepipeline_pipeline SET last_seq = $2, changed_ms = $3, stamp = $4 WHERE id = $1",
        "siii", pipeline->id, pipeline->last_seq, pipeline->changed_ms, pipeline->stamp);
}

int flow_apply(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
               const struct flow_event *event, const char *also, struct reason *why)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    int r = picture_open(tx, pipeline, also, &flow);

    if (r == 0)
        r = flow_step(flow, event, clock_now_ms(), why);
    if (r == 0)
        r = flow_save(tx, platform, pipeline, flow);
    if (r == 0)
        picture_keep(tx, pipeline, &flow);
    return r;
}

int flow_apply_rollback(struct tx *tx, const struct platform *platform, struct pipeline *pipeline,
                        struct flow_event *event, struct reason *why)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    int r = picture_open(tx, pipeline, event->target_id, &flow);

    if (r)
        return r;
    event->plan = flow_plan(flow, pipeline->version);
    if (!event->plan)
        return FAULT(EBADMSG);
    event->seq = pipeline->last_seq + 1;
    r = flow_step(flow, event, clock_now_ms(), why);
    if (r || event->dry)
        return r;
    pipeline->last_seq++;
    tx_wake(tx, TOPIC_LIST, pipeline->account);
    r = flow_save(tx, platform, pipeline, flow);
    if (r == 0)
        picture_keep(tx, pipeline, &flow);
    return r;
}
