/* SQL of jobs: the outbox from which workers take. */
#include "services/codepipeline/store.h"
#include "services/codepipeline/engine/source.h"
#include "services/iam/iam.h"
#include "services/kept.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

#define OWNER_AWS "AWS"

static struct kept offered = KEPT_INIT; /* data of jobs */

void job_row_free(struct job_row *row)
{
    free(take(row->role_arn));
    free(take(row->packed));
    json_free(&row->data);
}

int job_type(const char *category, const char *provider, const char *version, char **ret)
{
    return asprintf(ret, "%s/%s/%s", category, provider, version) < 0 ? FAULT(ENOMEM) : 0;
}

static json_t *artifact_pack(const json_t *artifact)
{
    return json_pack("{s:s, s:s?, s:s?, s:{s:s, s:{s:s, s:s}}}", "name", json_str(artifact, "name", ""),
                     "revision", json_str(artifact, "revision", NULL), "sha256",
                     json_str(artifact, "sha256", NULL), "location", "type", "S3", "s3Location", "bucketName",
                     json_str(artifact, "bucket", ""), "objectKey", json_str(artifact, "key", ""));
}

/* json_pack leaves nulls for absent texts: they go. */
static void drop_nulls(json_t *object)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, key, value) if (json_is_null(value)) json_object_del(object, key);
}

static int artifacts_pack(json_t *data, const char *key, const json_t *artifacts)
{
    json_t *list = json_array();
    const json_t *artifact;
    size_t i;
    int r = list ? json_put(data, key, list) : FAULT(ENOMEM);

    json_array_foreach (artifacts, i, artifact) {
        json_t *item = artifact_pack(artifact);

        if (r || !item)
            return r ? r : FAULT(ENOMEM);
        drop_nulls(item);
        if (json_array_append_new(list, item))
            return FAULT(ENOMEM);
    }
    return r;
}

static int context_pack(json_t *data, const struct platform *platform, const struct pipeline *pipeline,
                        const struct execution *execution, const struct run *run)
{
    json_t *context = json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s}}", "pipelineName", pipeline->name,
                                "pipelineExecutionId", execution->id, "stage", "name", run->stage, "action",
                                "name", run->action->name, "actionExecutionId", run->id);
    int r = context ? json_put(data, "pipelineContext", context) : FAULT(ENOMEM);

    return r ? r
             : json_put_format(context, "pipelineArn", "arn:aws:codepipeline:%s:%s:%s", platform->region,
                               pipeline->account, pipeline->name);
}

static int source_pack(json_t *data, const struct execution *execution, const struct run *run)
{
    json_t *pin = source_pin(json_object_get(execution->data, "sourceRevisions"), run->action);

    return pin ? json_put(data, "sourceRevision", json_incref(pin)) : 0;
}

/* Of Commands actions and rules, and of builds. */
static int commands_pack(json_t *data, const struct run *run)
{
    json_t *commands = json_object_get(run->detail, "commands");
    json_t *environment = json_object_get(run->detail, "environmentVariables");
    json_t *variables = json_object_get(run->action->declaration, "outputVariables");
    json_t *files = json_object_get(json_array_get(run->action->outputs, 0), "files");
    int r = commands ? json_put(data, "commands", json_incref(commands)) : 0;

    if (r == 0 && environment)
        r = json_put(data, "environmentVariables", json_incref(environment));
    if (r == 0 && variables)
        r = json_put(data, "outputVariables", json_incref(variables));
    return r || !files ? r : json_put(data, "outputFiles", json_incref(files));
}

static int data_pack(const struct platform *platform, const struct pipeline *pipeline,
                     const struct execution *execution, const struct run *run, json_t **ret)
{
    const struct plan_action *action = run->action;
    const char *continuation = json_str(run->detail, "continuationToken", NULL);
    CLEANUP(json_free)
    json_t *data = json_pack("{s:{s:s, s:s, s:s, s:s}, s:{s:O}}", "actionTypeId", "category",
                             action->category, "owner", action->owner, "provider", action->provider,
                             "version", action->version, "actionConfiguration", "configuration",
                             json_object_get(run->detail, "resolvedConfiguration"));
    int r = data ? context_pack(data, platform, pipeline, execution, run) : FAULT(ENOMEM);

    if (r == 0)
        r = artifacts_pack(data, "inputArtifacts", json_object_get(run->detail, "inputArtifacts"));
    if (r == 0)
        r = artifacts_pack(data, "outputArtifacts", json_object_get(run->detail, "outputArtifacts"));
    if (r == 0)
        r = source_pack(data, execution, run);
    if (r == 0)
        r = commands_pack(data, run);
    if (r == 0 && continuation)
        r = json_put_str(data, "continuationToken", continuation);
    if (r == 0)
        *ret = take(data);
    return r;
}

static void wake(struct tx *tx, const char *owner, const char *account)
{
    if (strcmp(owner, OWNER_AWS) == 0)
        tx_wake(tx, TOPIC_JOBS_AWS, account);
    else
        tx_wake(tx, TOPIC_JOBS_CUSTOM, account);
}

int job_insert(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
               const struct execution *execution, const struct run *run, int64_t now_ms)
{
    const struct plan_action *action = run->action;
    CLEANUP(json_free) json_t *data = NULL;
    CLEANUP(free_ptr) char *text = NULL, *type = NULL;
    char account[IAM_ACCOUNT_SIZE], role[65];
    int r = data_pack(platform, pipeline, execution, run, &data);

    if (!action->role_arn || !role_arn_parse(action->role_arn, account, role))
        str_copy(account, sizeof(account), pipeline->account);
    if (r == 0)
        r = job_type(action->category, action->provider, action->version, &type);
    if (r)
        return r;
    text = json_pack_text(data);
    if (!text)
        return FAULT(ENOMEM);
    kept_put(&offered, run->job_id, data, text);
    wake(tx, action->owner, account);
    return tx_exec(
        tx,
        "INSERT INTO codepipeline_job (id, pipeline_id, run_id, account, owner, type, status, nonce, worker,"
        " fenced, attempt, due_ms, created_ms, deadline_ms, pipeline_account, role_arn, data)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', 0, 0, 0, $8, $9, $10, $11, $12)",
        "sssssssiisss", run->job_id, pipeline->id, run->id, account, action->owner, type,
        machine_name(&machine_job, JOB_QUEUED), now_ms, run->deadline_ms, pipeline->account, action->role_arn,
        text);
}

static int job_read(struct rows *rows, struct job_row *ret)
{
    static const struct str none = STR("\"outputArtifacts\":[]");
    struct str data = rows_str(rows, 13);

    *ret = (struct job_row){0};
    str_copy(ret->job.id, sizeof(ret->job.id), rows_text(rows, 0));
    ret->job.status = machine_state(&machine_job, rows_text(rows, 1));
    str_copy(ret->job.nonce, sizeof(ret->job.nonce), rows_text(rows, 2));
    str_copy(ret->job.worker, sizeof(ret->job.worker), rows_text(rows, 3));
    ret->job.fenced = rows_int(rows, 4) != 0;
    ret->job.attempt = rows_int(rows, 5);
    ret->job.due_ms = rows_int(rows, 6);
    str_copy(ret->pipeline_id, sizeof(ret->pipeline_id), rows_text(rows, 7));
    str_copy(ret->run_id, sizeof(ret->run_id), rows_text(rows, 8));
    str_copy(ret->account, sizeof(ret->account), rows_text(rows, 9));
    str_copy(ret->pipeline_account, sizeof(ret->pipeline_account), rows_text(rows, 10));
    ret->deadline_ms = rows_int(rows, 12);
    if (ret->job.status < 0)
        return FAULT(EBADMSG);
    ret->outputs = !memmem(data.ptr, data.len, none.ptr, none.len);
    ret->source = str_starts(rows_str(rows, 14), STR("Source/"));
    ret->packed = str_dup(data);
    if (!ret->packed || (!rows_null(rows, 11) && !(ret->role_arn = str_dup(rows_str(rows, 11))))) {
        job_row_free(ret);
        return FAULT(ENOMEM);
    }
    return 0;
}

int job_unpack(struct job_row *row)
{
    if (!row->data)
        row->data = kept_find(&offered, row->job.id);
    return row->data ? 0 : json_unpack_text(str_of(row->packed), &row->data);
}

int job_find(struct tx *tx, const char *id, struct job_row *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows,
        "SELECT id, status, nonce, worker, fenced, attempt, due_ms, pipeline_id, run_id, account,"
        " pipeline_account, role_arn, deadline_ms, data, type FROM codepipeline_job WHERE id = $1",
        "s", id);

    return r ? r : job_read(rows, ret);
}

int job_update(struct tx *tx, const struct job_row *row)
{
    const struct job *job = &row->job;
    int r =
        tx_exec(tx,
                "UPDATE codepipeline_job SET status = $2, nonce = $3, worker = $4, fenced = $5, attempt = $6,"
                " due_ms = $7 WHERE id = $1",
                "ssssiii", job->id, machine_name(&machine_job, job->status), job->nonce, job->worker,
                (int64_t)job->fenced, job->attempt, job->due_ms);

    if (job->due_ms)
        timer_expect(tx, job->due_ms);
    return r;
}

static int ids_collect(int r, struct rows *rows, json_t **ret)
{
    CLEANUP(json_free) json_t *ids = json_array();

    if (!ids)
        return FAULT(ENOMEM);
    while (r == 0 && (r = rows_next(rows)) == 0)
        if (json_array_append_new(ids, json_string(rows_text(rows, 0))))
            r = FAULT(ENOMEM);
    if (r != DB_NONE)
        return r;
    *ret = take(ids);
    return 0;
}

int job_offers(struct tx *tx, const char *account, size_t max, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT id FROM codepipeline_job WHERE account = $1 AND owner = 'AWS'"
                     " AND status = 'Queued' ORDER BY created_ms LIMIT $2",
                     "si", account, (int64_t)max);

    return ids_collect(r, rows, ret_ids);
}

int job_offers_custom(struct tx *tx, const char *account, const char *type, size_t max, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT id FROM codepipeline_job WHERE account = $1 AND owner = 'Custom' AND type = $2"
                     " AND status = 'Queued' ORDER BY created_ms LIMIT $3",
                     "ssi", account, type, (int64_t)max);

    return ids_collect(r, rows, ret_ids);
}

/* rows: id, data */
static int offer_fits(struct rows *rows, const char *property, const char *value, bool *ret)
{
    CLEANUP(json_free) json_t *data = NULL;
    int r = json_parse(rows_str(rows, 1), &data, NULL);
    const json_t *configuration = json_path(data, "actionConfiguration.configuration");
    const char *configured = json_str(configuration, property, NULL);

    *ret = configured && strcmp(configured, value) == 0;
    return r > 0 ? FAULT(EBADMSG) : r;
}

int job_offers_with(struct tx *tx, const char *account, const char *type, const char *property,
                    const char *value, size_t max, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *ids = json_array();
    bool fits = false;
    int r = ids ? tx_query(tx, &rows,
                           "SELECT id, data FROM codepipeline_job WHERE account = $1 AND owner = 'Custom'"
                           " AND type = $2 AND status = 'Queued' ORDER BY created_ms",
                           "ss", account, type)
                : FAULT(ENOMEM);

    while (r == 0 && json_array_size(ids) < max && (r = rows_next(rows)) == 0) {
        r = offer_fits(rows, property, value, &fits);
        if (r == 0 && fits && json_array_append_new(ids, json_string(rows_text(rows, 0))))
            r = FAULT(ENOMEM);
    }
    if (r != 0 && r != DB_NONE)
        return r;
    *ret_ids = take(ids);
    return 0;
}

int job_held(struct tx *tx, const char *account, const char *worker, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(
        tx, &rows,
        "SELECT id FROM codepipeline_job WHERE account = $1 AND worker = $2 AND status = 'InProgress'", "ss",
        account, worker);

    return ids_collect(r, rows, ret_ids);
}

int job_end(struct tx *tx, const char *id, int status)
{
    struct job_row row;
    int r = job_find(tx, id, &row);

    if (r)
        return r == DB_NONE ? 0 : r;
    if (job_cancel(&row.job, status))
        r = job_update(tx, &row);
    job_row_free(&row);
    return r;
}

void job_wake(struct tx *tx, const struct job_row *row)
{
    wake(tx, json_str(json_object_get(row->data, "actionTypeId"), "owner", OWNER_AWS), row->account);
}

int job_lose(struct tx *tx, struct job_row *row, const char *why, int64_t now_ms)
{
    const json_t *context = json_object_get(row->data, "pipelineContext");
    struct history history = {
        .execution_id = json_str(context, "pipelineExecutionId", NULL),
        .stage = json_string_value(json_path(context, "stage.name")),
        .action = json_string_value(json_path(context, "action.name")),
        .what = "lease-lost",
        .who = row->job.worker,
        .why = why,
    };
    struct pipeline pipeline;
    int r = job_update(tx, row);

    if (r == 0)
        r = pipeline_find_id(tx, row->pipeline_id, &pipeline);
    if (r)
        return r == DB_NONE ? 0 : r;
    job_wake(tx, row);
    return history_add(tx, &pipeline, &history, now_ms);
}
