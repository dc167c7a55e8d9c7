/* ExplainPipeline: what each execution under way waits for right now, and since when. */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/engine/freeze.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/git_look.h"
#include "services/codepipeline/webhook.h"
#include "services/iam/iam.h"
#include "wire/time.h"
#include <stdarg.h>
#include <stdio.h>

/* Adds {type, actionName?, since, summary}; *ret may be NULL. */
static int PRINTF_LIKE(6, 7) wait_put(json_t *list, const char *type, const struct run *run, int64_t since_ms,
                                      json_t **ret, const char *fmt, ...)
{
    CLEANUP(free_ptr) char *summary = NULL;
    va_list args;
    json_t *wait;
    int len;

    va_start(args, fmt);
    len = vasprintf(&summary, fmt, args);
    va_end(args);
    if (len < 0) {
        summary = NULL;
        return FAULT(ENOMEM);
    }
    wait = json_pack("{s:s, s:s*, s:I, s:s}", "type", type, "actionName", run ? run->action->name : NULL,
                     "since", (json_int_t)since_ms, "summary", summary);
    if (!wait || json_array_append_new(list, wait))
        return FAULT(ENOMEM);
    if (ret)
        *ret = wait;
    return 0;
}

/* ---- before a stage */

static int waiting_explain(struct flow *flow, const struct execution *execution, json_t *list)
{
    const char *stage = execution->plan->stages[execution->stage].name;
    const struct gate *gate = flow_gate(flow, stage);
    const struct execution *before = turn_before(flow, execution);
    const struct execution *holder =
        execution->plan->mode == MODE_PARALLEL ? NULL : stage_holder(flow, stage);
    int r = 0;

    if (!gate)
        return FAULT(ENOMEM);
    if (!gate->enabled)
        r = wait_put(list, "Transition", NULL, gate->changed_ms, NULL,
                     "The transition into stage %s is disabled by %s: %s", stage,
                     gate->changed_by ? gate->changed_by : "somebody",
                     gate->reason ? gate->reason : "no reason given");
    if (r == 0 && holder)
        r = wait_put(list, "Stage", NULL, execution->updated_ms, NULL, "Stage %s is held by execution %s",
                     stage, holder->id);
    if (r == 0 && before)
        r = wait_put(list, "Turn", NULL, execution->updated_ms, NULL,
                     "Execution %s enters stage %s before it", before->id, stage);
    return r;
}

static int freeze_explain(const struct flow *flow, const struct execution *execution, json_t *list)
{
    int64_t until_ms = INT64_MAX;
    const struct freeze *freeze = freeze_holding(flow, execution, &until_ms);
    json_t *wait;
    int r;

    if (!freeze)
        return 0;
    r = wait_put(list, "Freeze", NULL, execution->updated_ms, &wait,
                 "Stage %s is frozen by %s (freeze %s): %s", execution->plan->stages[execution->stage].name,
                 freeze->by, json_str(freeze->spec, "name", ""), json_str(freeze->spec, "reason", ""));
    return r || until_ms == INT64_MAX ? r : json_put_int(wait, "until", until_ms);
}

/* ---- in a stage */

#define ANYBODY "1 more of *" /* goes without saying */

static int approval_explain(const struct run *run, json_t *list)
{
    const char *words =
        json_str(json_object_get(run->detail, "resolvedConfiguration"), "CustomData", "a person's answer");
    json_t *wait;
    const json_t *approval = json_object_get(run->detail, "approval");
    const char *missing = json_str(approval, "missing", ANYBODY);
    bool anybody = strcmp(missing, ANYBODY) == 0 && json_array_size(json_object_get(approval, "given")) == 0;
    int r =
        wait_put(list, "Approval", run, run->started_ms, &wait, "Action %s waits for an approval%s%s%s: %s",
                 run->action->name, anybody ? "" : " (", anybody ? "" : missing, anybody ? "" : ")", words);

    if (r == 0)
        r = json_put_str(wait, "missing", missing);
    return r ? r : json_put_int(wait, "until", run->deadline_ms);
}

static int window_explain(const struct run *run, json_t *list)
{
    char opens[TIME_TEXT_SIZE];
    json_t *wait;
    int r;

    time_iso8601_s(json_int(run->detail, "opensMs", 0), opens);
    r = wait_put(list, "Window", run, run->started_ms, &wait,
                 "Rule %s of stage %s waits for its window, which opens at %s", run->action->name, run->stage,
                 opens);
    return r ? r : json_put_int(wait, "until", run->deadline_ms);
}

static const char *kind_of(const struct run *run)
{
    return run->action->phase == PHASE_ACTIONS ? "Action" : "Rule";
}

/* Nobody can poll for a type that was deleted. */
static int deleted_explain(const struct run *run, json_t *list)
{
    const struct plan_action *action = run->action;

    return wait_put(
        list, "Worker", run, run->started_ms, NULL,
        "Action %s is of the custom type %s/%s/%s, which was deleted: no job worker can take it until "
        "CreateCustomActionType makes it again as it was; or stop the execution",
        action->name, action->category, action->provider, action->version);
}

static int anchor_explain(const struct run *run, const struct job_row *row, const char *again, json_t *list)
{
    return wait_put(list, "Worker", run, run->started_ms, NULL,
                    "%s %s is offered to the anchor of account %s, which has not taken it%s", kind_of(run),
                    run->action->name, row->account, again);
}

static int offer_explain(struct tx *tx, const struct run *run, const struct job_row *row, json_t *list)
{
    const struct plan_action *action = run->action;
    const char *again = row->job.attempt > 0 ? "; the worker that had it fell silent or handed it back" : "";
    CLEANUP(json_free) json_t *type = NULL;
    int r;

    if (strcmp(action->owner, "AWS") == 0)
        return anchor_explain(run, row, again, list);
    r = action_type_find(tx, row->account, json_object_get(action->declaration, "actionTypeId"), &type);
    if (r)
        return r == DB_NONE ? deleted_explain(run, list) : r;
    return wait_put(list, "Worker", run, run->started_ms, NULL,
                    "Action %s is offered to job workers of %s/%s/%s, and none has taken it%s", action->name,
                    action->category, action->provider, action->version, again);
}

static int job_explain(struct tx *tx, const struct run *run, json_t *list)
{
    CLEANUP(job_row_free) struct job_row row = {0};
    const char *external = json_str(run->detail, "externalExecutionId", NULL);
    const char *url = run->action->phase == PHASE_ACTIONS
                          ? NULL
                          : json_str(json_object_get(run->detail, "resolvedConfiguration"), "CheckUrl", NULL);
    json_t *wait;
    int r = job_find(tx, run->job_id, &row);

    if (r)
        return r == DB_NONE ? 0 : r;
    if (row.job.status == JOB_QUEUED)
        return offer_explain(tx, run, &row, list);
    if (row.job.status == JOB_DISPATCHED)
        return wait_put(list, "Worker", run, run->started_ms, NULL,
                        "A job worker has polled action %s and not acknowledged it yet", run->action->name);
    r = wait_put(list, "Action", run, run->started_ms, &wait, "%s %s runs%s%s%s%s%s%s%s%s", kind_of(run),
                 run->action->name, row.job.worker[0] ? " at worker " : "", row.job.worker,
                 row.job.worker[0] ? " of account " : "", row.job.worker[0] ? row.account : "",
                 external ? ", as " : "", external ? external : "", url ? ", which asks " : "",
                 url ? url : "");
    /* nothing else tells how long it is asked without an answer */
    return r || !url ? r : json_put_int(wait, "until", run->deadline_ms);
}

/* Beside others that still run. */
static int failure_explain(struct run *run, json_t *list)
{
    int r = run_unpack(run);

    return r ? r
             : wait_put(list, "Failure", run, run->updated_ms, NULL,
                        "Action %s has %s, and stage %s ends when its other actions have, unless it is "
                        "retried before: %s",
                        run->action->name, run->status == ACTION_FAILED ? "failed" : "run out of time",
                        run->stage,
                        json_str(json_object_get(run->detail, "error"), "message", "no reason given"));
}

static int running_explain(struct tx *tx, const struct execution *execution, json_t *list)
{
    bool retryable = execution->status == EXECUTION_IN_PROGRESS && stage_phase(execution) == PHASE_ACTIONS;
    int r = 0;

    for (size_t i = 0; r == 0 && i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run->action->phase == PHASE_ACTIONS && run->status == ACTION_FAILED && retryable)
            r = failure_explain(run, list);
        if (!run || run->status != ACTION_IN_PROGRESS)
            continue;
        if (run_asks(run))
            r = approval_explain(run, list);
        else if (run->action->check == CHECK_WINDOW)
            r = window_explain(run, list);
        else
            r = job_explain(tx, run, list);
    }
    return r;
}

static int execution_explain(struct call *c, struct flow *flow, const struct execution *execution,
                             json_t *list)
{
    json_t *waits = json_array();
    json_t *one = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:o}", "pipelineExecutionId", execution->id,
                            "status", machine_name(&machine_execution, execution->status), "stageName",
                            execution->plan->stages[execution->stage].name, "entered",
                            execution->place == PLACE_RUNNING, "startTime", (json_int_t)execution->started_ms,
                            "pipelineVersion", (json_int_t)execution->plan->version, "waitsFor", waits);

    int r;

    if (!one || json_array_append_new(list, one))
        return FAULT(ENOMEM);
    r = execution->place == PLACE_WAITING ? waiting_explain(flow, execution, waits)
                                          : running_explain(c->tx, execution, waits);
    return r ? r : freeze_explain(flow, execution, waits);
}

/* ---- what keeps new ones from going through, and from starting */

static int frozen_explain(const struct flow *flow, const struct plan *plan, json_t *list)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < plan->stage_count; i++) {
        int64_t until_ms = INT64_MAX;
        const struct freeze *freeze = freeze_find(flow, plan, i, NULL, &until_ms);
        char until[TIME_TEXT_SIZE] = "it is ended";

        if (!freeze)
            continue;
        if (until_ms != INT64_MAX)
            time_iso8601_s(until_ms, until);
        if (json_array_append_new(list, json_sprintf("Stage %s is frozen until %s by %s (freeze %s): %s",
                                                     plan->stages[i].name, until, freeze->by,
                                                     json_str(freeze->spec, "name", ""),
                                                     json_str(freeze->spec, "reason", ""))))
            r = FAULT(ENOMEM);
    }
    return r;
}

static int unheard_explain(struct call *c, const struct pipeline *pipeline, json_t *list)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    const json_t *action;
    size_t i;
    int r = pipeline_declaration(c->tx, pipeline->id, pipeline->version, &declaration);

    json_array_foreach (json_path(declaration, "stages.0.actions"), i, action) {
        const char *name = json_str(action, "name", "");

        if (r || !source_wants_events(declaration, action))
            continue;
        r = webhook_targets(c->tx, pipeline->account, pipeline->name, name);
        if (r == DB_NONE)
            r = json_array_append_new(list,
                                      json_sprintf("No webhook targets the source action %s: no push and no "
                                                   "pull request starts the pipeline (PutWebhook).",
                                                   name))
                    ? FAULT(ENOMEM)
                    : 0;
    }
    return r;
}

int codepipeline_explain_pipeline(struct call *c)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    json_t *list = json_array(), *notes = NULL;
    struct watched watched;
    int r = json_put(c->out, "executions", list);

    if (r == 0)
        r = json_put(c->out, "notes", notes = json_array());

    if (r == 0)
        r = codepipeline_watch(c, "name", &watched);
    if (r == 0)
        r = json_put_str(c->out, "pipelineName", watched.pipeline.name);
    if (r == 0)
        r = json_put_int(c->out, "pipelineVersion", watched.pipeline.version);
    if (r == 0)
        r = flow_load(c->tx, &watched.pipeline, NULL, &flow);
    for (size_t i = 0; r == 0 && i < flow->execution_count; i++)
        r = execution_explain(c, flow, flow->executions[i], list);
    if (r == 0)
        r = frozen_explain(flow, flow_plan(flow, watched.pipeline.version), notes);
    if (r == 0)
        r = unheard_explain(c, &watched.pipeline, notes);
    if (r == 0)
        r = git_looks_explain(c->tx, &watched.pipeline, notes);
    return r ? r : codepipeline_watch_end(c, &watched);
}
