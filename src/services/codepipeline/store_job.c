/* SQL of jobs: the outbox from which workers take. */
#include "services/codepipeline/store.h"
#include "base/mem.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/job_memory.h"
#include "services/iam/iam.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

#define OWNER_AWS "AWS"
#define DATA_USUAL 1000 /* bytes of a job's data; with the NUL within a power of two */

void job_row_free(struct job_row *row)
{
    free(take(row->role_arn));
    free(take(row->packed));
    json_free(&row->data);
}

int job_type(const char *category, const char *provider, const char *version, char **ret)
{
    const char *const parts[] = {category, "/", provider, "/", version};
    CLEANUP(buf_free) struct buf type = BUF_INIT(SIZE_MAX);

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        (void)buf_puts(&type, parts[i]);
    if (buf_error(&type))
        return buf_error(&type);
    *ret = buf_take(&type);
    return 0;
}

/* ---- data */

static void add_if(struct buf *out, const char *key, const char *value)
{
    if (value)
        json_add_str(out, key, value);
}

static void artifacts_write(struct buf *out, const char *key, const json_t *artifacts)
{
    const json_t *artifact;
    size_t i;

    json_begin(out, key, '[');
    json_array_foreach (artifacts, i, artifact) {
        json_begin(out, NULL, '{');
        json_add_str(out, "name", json_str(artifact, "name", ""));
        add_if(out, "revision", json_str(artifact, "revision", NULL));
        add_if(out, "sha256", json_str(artifact, "sha256", NULL));
        json_begin(out, "location", '{');
        json_add_str(out, "type", "S3");
        json_begin(out, "s3Location", '{');
        json_add_str(out, "bucketName", json_str(artifact, "bucket", ""));
        json_add_str(out, "objectKey", json_str(artifact, "key", ""));
        json_end(out, '}');
        json_end(out, '}');
        json_end(out, '}');
    }
    json_end(out, ']');
}

static void context_write(struct buf *out, const struct platform *platform, const struct pipeline *pipeline,
                          const struct execution *execution, const struct run *run)
{
    char arn[sizeof("arn:aws:codepipeline:::") + 64 + PIPELINE_NAME_MAX];

    (void)snprintf(arn, sizeof(arn), "arn:aws:codepipeline:%.32s:%s:%s", platform->region, pipeline->account,
                   pipeline->name);
    json_begin(out, "pipelineContext", '{');
    json_add_str(out, "pipelineName", pipeline->name);
    json_add_str(out, "pipelineExecutionId", execution->id);
    json_begin(out, "stage", '{');
    json_add_str(out, "name", run->stage);
    json_end(out, '}');
    json_begin(out, "action", '{');
    json_add_str(out, "name", run->action->name);
    json_add_str(out, "actionExecutionId", run->id);
    json_end(out, '}');
    json_add_str(out, "pipelineArn", arn);
    json_end(out, '}');
}

static void type_write(struct buf *out, const struct plan_action *action)
{
    json_begin(out, "actionTypeId", '{');
    json_add_str(out, "category", action->category);
    json_add_str(out, "owner", action->owner);
    json_add_str(out, "provider", action->provider);
    json_add_str(out, "version", action->version);
    json_end(out, '}');
}

/* Of Commands actions and rules, and of builds. */
static void commands_write(struct buf *out, const struct run *run)
{
    const struct {
        const char *key;
        const json_t *value;
    } members[] = {
        {"commands", json_object_get(run->detail, "commands")},
        {"environmentVariables", json_object_get(run->detail, "environmentVariables")},
        {"outputVariables", json_object_get(run->action->declaration, "outputVariables")},
        {"outputFiles", json_object_get(json_array_get(run->action->outputs, 0), "files")},
    };

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].value)
            json_add(out, members[i].key, members[i].value);
}

/* JobData, as PollForAccountJobs answers with it, but for the credentials. */
static void data_write(struct buf *out, const struct platform *platform, const struct pipeline *pipeline,
                       const struct execution *execution, const struct run *run)
{
    json_t *pin = source_pin(json_object_get(execution->data, "sourceRevisions"), run->action);

    json_begin(out, NULL, '{');
    type_write(out, run->action);
    json_begin(out, "actionConfiguration", '{');
    json_add(out, "configuration", json_object_get(run->detail, "resolvedConfiguration"));
    json_end(out, '}');
    context_write(out, platform, pipeline, execution, run);
    artifacts_write(out, "inputArtifacts", json_object_get(run->detail, "inputArtifacts"));
    artifacts_write(out, "outputArtifacts", json_object_get(run->detail, "outputArtifacts"));
    if (pin)
        json_add(out, "sourceRevision", pin);
    commands_write(out, run);
    add_if(out, "continuationToken", json_str(run->detail, "continuationToken", NULL));
    json_end(out, '}');
}

static const struct str no_outputs = STR("\"outputArtifacts\":[]");

static void facts_find(struct job_row *row, struct str owner, struct str type, struct str data)
{
    row->custom = !str_eqc(owner, OWNER_AWS);
    row->outputs = !memmem(data.ptr, data.len, no_outputs.ptr, no_outputs.len);
    row->source = str_starts(type, STR("Source/"));
}

static void wake(struct tx *tx, const char *owner, const char *account)
{
    if (strcmp(owner, OWNER_AWS) == 0)
        tx_wake_soon(tx, TOPIC_JOBS_AWS, account);
    else
        tx_wake(tx, TOPIC_JOBS_CUSTOM, account);
}

int job_insert(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
               const struct execution *execution, const struct run *run, int64_t now_ms)
{
    const struct plan_action *action = run->action;
    CLEANUP(buf_free) struct buf data = BUF_INIT(SIZE_MAX);
    CLEANUP(free_ptr) char *type = NULL;
    struct job_row row = {.job.status = JOB_QUEUED,
                          .role_arn = (char *)action->role_arn,
                          .created_ms = now_ms,
                          .deadline_ms = run->deadline_ms};
    char role[65];
    int r = job_type(action->category, action->provider, action->version, &type);

    (void)buf_reserve(&data, DATA_USUAL);
    data_write(&data, platform, pipeline, execution, run);
    if (r == 0)
        r = buf_error(&data);
    if (r)
        return r;
    if (!action->role_arn || !role_arn_parse(action->role_arn, row.account, role))
        str_copy(row.account, sizeof(row.account), pipeline->account);
    str_copy(row.job.id, sizeof(row.job.id), run->job_id);
    str_copy(row.pipeline_id, sizeof(row.pipeline_id), pipeline->id);
    str_copy(row.run_id, sizeof(row.run_id), run->id);
    str_copy(row.pipeline_account, sizeof(row.pipeline_account), pipeline->account);
    row.packed = data.ptr;
    facts_find(&row, str_of(action->owner), str_of(type), buf_str(&data));
    wake(tx, action->owner, row.account);
    r = tx_later(
        tx,
        "INSERT INTO codepipeline_job (id, pipeline_id, run_id, account, owner, type, status, nonce, worker,"
        " fenced, attempt, due_ms, created_ms, deadline_ms, pipeline_account, role_arn, data)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        "sssssssssiiiiissS", run->job_id, pipeline->id, run->id, row.account, action->owner, type,
        machine_name(&machine_job, JOB_QUEUED), row.job.nonce, row.job.worker, (int64_t)row.job.fenced,
        row.job.attempt, row.job.due_ms, now_ms, run->deadline_ms, pipeline->account, action->role_arn,
        buf_str(&data));
    if (r == 0)
        job_memory_put(tx, &row);
    return r;
}

#define JOB_COLUMNS                                                                                          \
    "id, status, nonce, worker, fenced, attempt, due_ms, pipeline_id, run_id, account, pipeline_account,"    \
    " role_arn, deadline_ms, type, data, owner, created_ms"

static int job_read(struct rows *rows, struct job_row *ret)
{
    struct str data = rows_str(rows, 14);

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
    ret->created_ms = rows_int(rows, 16);
    facts_find(ret, rows_str(rows, 15), rows_str(rows, 13), data);
    ret->packed = str_dup(data);
    if (!ret->packed || (!rows_null(rows, 11) && !(ret->role_arn = str_dup(rows_str(rows, 11))))) {
        job_row_free(ret);
        return FAULT(ENOMEM);
    }
    return 0;
}

int job_unpack(struct job_row *row)
{
    return row->data ? 0 : json_unpack_text(str_of(row->packed), &row->data);
}

int job_find(struct tx *tx, const char *id, struct job_row *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = job_memory_find(tx, id, ret);

    if (r != DB_NONE)
        return r;
    r = tx_query_row(tx, &rows, "SELECT " JOB_COLUMNS " FROM codepipeline_job WHERE id = $1", "s", id);
    return r ? r : job_read(rows, ret);
}

int job_update(struct tx *tx, const struct job_row *row)
{
    const struct job *job = &row->job;
    int r = tx_later(
        tx,
        "UPDATE codepipeline_job SET status = $2, nonce = $3, worker = $4, fenced = $5, attempt = $6,"
        " due_ms = $7 WHERE id = $1",
        "ssssiii", job->id, machine_name(&machine_job, job->status), job->nonce, job->worker,
        (int64_t)job->fenced, job->attempt, job->due_ms);

    if (r == 0)
        job_memory_put(tx, row);
    if (job->due_ms)
        timer_expect(tx, job->due_ms);
    return r;
}

/* ---- offers */

void job_rows_free(struct job_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        job_row_free(&rows->list[i]);
    free(take(rows->list));
    rows->count = 0;
}

/* Jobs whose action is configured so; `property` NULL: all. */
struct offer_filter {
    const char *property;
    const char *value;
};

static int offer_fits(const struct offer_filter *filter, struct job_row *row, bool *ret)
{
    const char *configured;
    int r = filter->property ? job_unpack(row) : 0;

    if (r || !filter->property) {
        *ret = r == 0;
        return r;
    }
    configured = json_str(json_path(row->data, "actionConfiguration.configuration"), filter->property, NULL);
    *ret = configured && strcmp(configured, filter->value) == 0;
    return 0;
}

static int offer_read(struct rows *rows, const struct offer_filter *filter, struct job_rows *list)
{
    struct job_row *row = &list->list[list->count];
    bool fits = false;
    int r = job_read(rows, row);

    if (r == 0)
        r = offer_fits(filter, row, &fits);
    if (r == 0 && fits)
        list->count++;
    else
        job_row_free(row);
    return r;
}

static int offers_read(struct rows *rows, const struct offer_filter *filter, size_t max, struct job_rows *ret)
{
    CLEANUP(job_rows_free) struct job_rows list = {.list = mem_alloc(max * sizeof(*list.list))};
    int r = list.list ? 0 : FAULT(ENOMEM);

    while (r == 0 && list.count < max && (r = rows_next(rows)) == 0)
        r = offer_read(rows, filter, &list);
    if (r != 0 && r != DB_NONE)
        return r;
    *ret = list;
    list = (struct job_rows){0};
    return 0;
}

int job_is_offered(struct tx *tx, const char *account, bool *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT 1 FROM codepipeline_job WHERE account = $1 AND owner = 'AWS'"
                         " AND status = 'Queued' LIMIT 1",
                         "s", account);

    *ret = r == 0;
    return r == DB_NONE ? 0 : r;
}

/* One more than are kept, if there are. */
static int offers_find(struct tx *tx, const char *account, struct job_offer list[JOB_OFFERS_KEPT + 1],
                       size_t *ret_count)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT id, created_ms FROM codepipeline_job WHERE account = $1 AND owner = 'AWS'"
                     " AND status = 'Queued' ORDER BY created_ms LIMIT $2",
                     "si", account, (int64_t)JOB_OFFERS_KEPT + 1);

    *ret_count = 0;
    while (r == 0 && (r = rows_next(rows)) == 0) {
        struct job_offer *offer = &list[(*ret_count)++];

        str_copy(offer->id, sizeof(offer->id), rows_text(rows, 0));
        offer->created_ms = rows_int(rows, 1);
    }
    return r == DB_NONE ? 0 : r;
}

static int offers_learn(struct tx *tx, const char *account)
{
    struct job_offer list[JOB_OFFERS_KEPT + 1];
    size_t count;
    int r = offers_find(tx, account, list, &count);
    bool more = count > JOB_OFFERS_KEPT;

    if (r == 0)
        job_memory_set_offers(tx, account, list, more ? JOB_OFFERS_KEPT : count, more);
    return r;
}

int job_offers(struct tx *tx, const char *account, size_t max, struct job_rows *ret)
{
    struct job_offer offers[JOB_OFFERS_KEPT];
    size_t count = 0;
    int r = 0;

    assert(max <= JOB_OFFERS_KEPT);
    *ret = (struct job_rows){.list = mem_alloc(max * sizeof(*ret->list))};
    if (!ret->list)
        return FAULT(ENOMEM);
    if (!job_memory_offers(tx, account, max, offers, &count)) {
        r = offers_learn(tx, account);
        if (r == 0 && !job_memory_offers(tx, account, max, offers, &count))
            r = FAULT(ENOMEM);
    }
    while (r == 0 && ret->count < count &&
           (r = job_find(tx, offers[ret->count].id, &ret->list[ret->count])) == 0)
        ret->count++;
    if (r)
        job_rows_free(ret);
    return r > 0 ? FAULT(EPROTO) : r;
}

int job_offers_with(struct tx *tx, const char *account, const char *type, const char *property,
                    const char *value, size_t max, struct job_rows *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT " JOB_COLUMNS " FROM codepipeline_job WHERE account = $1 AND owner = 'Custom'"
                     " AND type = $2 AND status = 'Queued' ORDER BY created_ms",
                     "ss", account, type);

    return r ? r : offers_read(rows, &(struct offer_filter){property, value}, max, ret);
}

int job_offers_custom(struct tx *tx, const char *account, const char *type, size_t max, struct job_rows *ret)
{
    return job_offers_with(tx, account, type, NULL, NULL, max, ret);
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

int job_held(struct tx *tx, const char *account, const char *worker, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT id FROM codepipeline_job WHERE due_ms > 0 AND account = $1 AND worker = $2"
                     " AND status = 'InProgress'",
                     "ss", account, worker);

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
    int r = job_unpack(row);
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

    if (r == 0)
        r = job_update(tx, row);
    if (r == 0)
        r = pipeline_find_id(tx, row->pipeline_id, &pipeline);
    if (r)
        return r == DB_NONE ? 0 : r;
    job_wake(tx, row);
    return history_add(tx, &pipeline, &history, now_ms);
}
