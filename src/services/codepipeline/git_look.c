/* See git_look.h. The job's data has, beside what every job's has, `gitChanges` for the anchor and `start`:
 * what the event starts. Its timer is one of kind TIMER_JOB, by which it is found. */
#include "services/codepipeline/git_look.h"
#include "base/clock.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/job_memory.h"
#include "services/codepipeline/roles.h"
#include "services/iam/iam.h"
#include "services/service.h"
#include "wire/json.h"

#define PATIENCE_MS ((int64_t)5 * 60 * 1000)

struct asked {
    struct pipeline pipeline;
    json_t *declaration;
    const json_t *action; /* its source action */
};

static void asked_deinit(struct asked *asked)
{
    json_free(&asked->declaration);
}

bool git_look_is(const struct job_row *row)
{
    return row->run_id[0] == '\0';
}

/* ---- asking */

static int target_find(struct tx *tx, const char *account, const json_t *in, struct asked *ret,
                       struct reason *why)
{
    int r = pipeline_require(tx, account, json_str(in, "name", ""), &ret->pipeline, why);

    if (r == 0)
        r = pipeline_declaration(tx, ret->pipeline.id, ret->pipeline.version, &ret->declaration);
    if (r)
        return r;
    ret->action =
        source_declared(ret->declaration, json_str(json_path(in, "sourceRevisions.0"), "actionName", ""));
    return ret->action ? 0 : FAULT(EPROTO);
}

static int data_make(const struct platform *platform, const struct webhook *webhook,
                     const struct asked *asked, const json_t *event, json_t **ret)
{
    const json_t *stage = json_path(asked->declaration, "stages.0");
    char arn[PIPELINE_ARN_SIZE];

    pipeline_arn(platform, asked->pipeline.account, asked->pipeline.name, arn);
    *ret = json_pack("{s:O, s:{s:O?}, s:{s:s, s:s, s:{s:s}, s:{s:s}}, s:[], s:[], s:O, s:{s:s, s:O, s:O*}}",
                     "actionTypeId", json_object_get(asked->action, "actionTypeId"), "actionConfiguration",
                     "configuration", json_object_get(asked->action, "configuration"), "pipelineContext",
                     "pipelineName", asked->pipeline.name, "pipelineArn", arn, "stage", "name",
                     json_str(stage, "name", ""), "action", "name", json_str(asked->action, "name", ""),
                     "inputArtifacts", "outputArtifacts", "gitChanges", json_object_get(event, "gitChanges"),
                     "start", "webhook", webhook->name, "in", json_object_get(event, "in"), "token",
                     json_object_get(event, "token"));
    return *ret ? 0 : FAULT(ENOMEM);
}

static int insert(struct tx *tx, const struct asked *asked, const json_t *data, int64_t now_ms)
{
    const char *role_arn = json_str(asked->action, "roleArn", NULL), *owner = "AWS";
    CLEANUP(free_ptr) char *text = json_pack_text(data);
    char account[IAM_ACCOUNT_SIZE], role[65], id[ID_UUID_SIZE];
    int r;

    if (!text)
        return FAULT(ENOMEM);
    if (!role_arn || !role_arn_parse(role_arn, account, role))
        str_copy(account, sizeof(account), asked->pipeline.account);
    id_uuid_ordered(id);
    tx_wake_soon(tx, TOPIC_JOBS_AWS, account);
    job_memory_forget();
    r = tx_exec(
        tx,
        "INSERT INTO codepipeline_job (id, pipeline_id, run_id, account, owner, type, status, nonce, worker,"
        " fenced, attempt, due_ms, created_ms, deadline_ms, pipeline_account, role_arn, data)"
        " VALUES ($1, $2, '', $3, $4, $5, $6, '', '', 0, 0, 0, $7, $8, $9, $10, $11)",
        "ssssssiisss", id, asked->pipeline.id, account, owner, "Source/" SOURCE_GIT "/1",
        machine_name(&machine_job, JOB_QUEUED), now_ms, now_ms + PATIENCE_MS, asked->pipeline.account,
        role_arn, text);
    return r ? r : timer_set(tx, TIMER_JOB, id, asked->pipeline.id, now_ms + PATIENCE_MS);
}

int git_look_ask(struct tx *tx, const struct platform *platform, const struct webhook *webhook,
                 const json_t *event, struct reason *why)
{
    CLEANUP(asked_deinit) struct asked asked = {0};
    CLEANUP(json_free) json_t *data = NULL;
    int r = target_find(tx, webhook->account, json_object_get(event, "in"), &asked, why);

    if (r == 0)
        r = role_use(tx, platform, webhook->account, asked.declaration, json_str(asked.action, "name", ""),
                     json_str(asked.action, "roleArn", NULL), why);
    if (r == 0)
        r = data_make(platform, webhook, &asked, event, &data);
    return r ? r : insert(tx, &asked, data, clock_now_ms());
}

/* ---- the answer */

static int record(struct tx *tx, const struct pipeline *pipeline, const struct job_row *row, const char *what,
                  const char *why)
{
    const json_t *context = json_object_get(row->data, "pipelineContext");
    const struct history history = {
        .stage = json_string_value(json_path(context, "stage.name")),
        .action = json_string_value(json_path(context, "action.name")),
        .what = what,
        .who = row->job.worker[0] ? row->job.worker : NULL,
        .why = why,
    };

    return history_add(tx, pipeline, &history, clock_now_ms());
}

/* Why it does not start is kept as for an event that starts at once. */
static int start(struct tx *tx, const struct platform *platform, const struct job_row *row)
{
    const json_t *start = json_object_get(row->data, "start");
    struct webhook webhook = {0};
    struct reason why = {0};
    char id[ID_UUID_SIZE];
    int r;

    str_copy(webhook.account, sizeof(webhook.account), row->pipeline_account);
    str_copy(webhook.name, sizeof(webhook.name), json_str(start, "webhook", ""));
    r = webhook_start(tx, platform, &webhook, start, id, &why);
    return r > 0 ? webhook_note(tx, &webhook, "PipelineNotStarted", why.text) : r;
}

static int settle(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                  const struct job_row *row, const json_t *in, bool success)
{
    const json_t *variables = json_object_get(in, "outputVariables");
    const char *changed = json_str(variables, "Changed", "");
    const char *commit = json_str(json_object_get(row->data, "gitChanges"), "commit", "");
    struct reason why = {0};
    int r = 0;

    if (success && strcmp(json_str(variables, "Passes", ""), "false") == 0) {
        (void)reason_set(&why, 0, "None of the %s files that %s changes passes the trigger's filePaths.",
                         changed, commit);
        return record(tx, pipeline, row, "trigger-filtered", why.text);
    }
    if (!success) {
        (void)reason_set(&why, 0, "Nobody can tell which files %s changes, so it starts the pipeline: %s",
                         commit, json_str(json_object_get(in, "failureDetails"), "message", ""));
        r = record(tx, pipeline, row, "trigger-unfiltered", why.text);
    }
    return r ? r : start(tx, platform, row);
}

int git_look_end(struct tx *tx, const struct platform *platform, struct job_row *row, const json_t *in,
                 bool success)
{
    struct pipeline pipeline;
    int r = pipeline_find_id(tx, row->pipeline_id, &pipeline);

    if (r)
        return r == DB_NONE ? 0 : r;
    r = job_unpack(row);
    if (r == 0)
        r = timer_clear(tx, TIMER_JOB, row->job.id);
    if (r == 0)
        r = timer_set(tx, TIMER_FORGET, row->job.id, row->pipeline_id, clock_now_ms() + FORGET_MS);
    return r ? r : settle(tx, platform, &pipeline, row, in, success);
}

int git_look_time_out(struct tx *tx, const struct platform *platform, struct job_row *row)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:{s:s}}", "failureDetails", "message", "no anchor has told within 5 minutes.");
    int r = in ? 0 : FAULT(ENOMEM);

    if (r || !job_cancel(&row->job, JOB_TIMED_OUT))
        return r;
    r = job_update(tx, row);
    return r ? r : git_look_end(tx, platform, row, in, false);
}

/* ---- while they wait */

#define WAITING                                                                                              \
    " FROM codepipeline_timer t JOIN codepipeline_job j ON j.id = t.ref WHERE t.pipeline_id = $1"            \
    " AND t.kind = '" TIMER_JOB "' AND j.run_id = ''"

int git_looks_forget(struct tx *tx, const struct pipeline *pipeline)
{
    job_memory_forget();
    return tx_exec(tx, "DELETE FROM codepipeline_job WHERE id IN (SELECT j.id" WAITING ")", "s",
                   pipeline->id);
}

static int explain_one(struct rows *rows, json_t *list)
{
    CLEANUP(json_free) json_t *data = NULL;
    int r = json_unpack_text(rows_str(rows, 1), &data);
    json_t *text =
        r ? NULL
          : json_sprintf("The anchor of account %s is asked which files %s changes: they decide whether it "
                         "starts the pipeline.",
                         rows_text(rows, 0), json_str(json_object_get(data, "gitChanges"), "commit", ""));

    if (r)
        return r;
    return json_array_append_new(list, text) ? FAULT(ENOMEM) : 0;
}

int git_looks_explain(struct tx *tx, const struct pipeline *pipeline, json_t *list)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query(tx, &rows, "SELECT j.account, j.data" WAITING " ORDER BY j.created_ms", "s", pipeline->id);

    while (r == 0 && (r = rows_next(rows)) == 0)
        r = explain_one(rows, list);
    return r == DB_NONE ? 0 : r;
}
