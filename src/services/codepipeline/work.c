/* What workers do to jobs: take, acknowledge, extend, hand back, report. */
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/action_type.h"
#include "base/clock.h"
#include "services/iam/iam.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include <stdio.h>

#define CREDENTIALS_S 3600
#define OUTPUT_VARIABLES_MAX (122880)

static int job_require(struct tx *tx, const char *account, const char *id, struct job_row *ret,
                       struct reason *why)
{
    int r = job_find(tx, id, ret);

    if (r == 0 && strcmp(ret->account, account) != 0) {
        job_row_free(ret);
        r = DB_NONE;
    }
    return r == DB_NONE ? reason_set(why, PIPELINE_E_JOB_NOT_FOUND, "The job %s was not found.", id) : r;
}

static int nonce_fail(int outcome, const struct job_row *row, struct reason *why)
{
    if (outcome == PIPELINE_E_NONCE)
        return reason_set(
            why, outcome,
            "The nonce is not that of the present lease of job %s: it was given to another worker.",
            row->job.id);
    if (outcome == PIPELINE_E_JOB_STATE)
        return reason_set(why, outcome, "Job %s is %s.", row->job.id,
                          machine_name(&machine_job, row->job.status));
    return outcome;
}

/* ---- what a worker is told */

static int credentials_add(struct tx *tx, const struct job_row *row, json_t *data)
{
    char name[64];
    struct session session;
    struct session_spec spec = {
        .account = row->pipeline_account,
        .role_name = IAM_DEPLOY_ROLE,
        .session_name = name,
        .duration_s = CREDENTIALS_S,
    };
    json_t *credentials;
    int r;

    snprintf(name, sizeof(name), "job-%s", row->job.id);
    r = session_create(tx, &spec, &session, NULL);
    if (r == IAM_NO_ENTITY)
        return 0; /* an account without the deploy role: the worker has its own credentials */
    if (r)
        return r < 0 ? r : FAULT(EPROTO);
    credentials = json_pack("{s:s, s:s, s:s}", "accessKeyId", session.access_key_id, "secretAccessKey",
                            session.secret_access_key, "sessionToken", session.session_token);
    return credentials ? json_put(data, "artifactCredentials", credentials) : FAULT(ENOMEM);
}

static int job_describe(struct tx *tx, struct job_row *row, json_t **ret)
{
    CLEANUP(json_free) json_t *job = NULL;
    int r = job_unpack(row);

    if (r)
        return r;
    job = json_pack("{s:s, s:s, s:s, s:O}", "id", row->job.id, "nonce", row->job.nonce, "accountId",
                    row->account, "data", row->data);
    r = job ? credentials_add(tx, row, row->data) : FAULT(ENOMEM);

    if (r == 0)
        *ret = take(job);
    return r;
}

static int describe_extension(const struct job_row *row, int64_t now_ms, json_t *job)
{
    int64_t left_ms = row->deadline_ms > now_ms ? row->deadline_ms - now_ms : 0;
    int r = json_put_int(job, "leaseMs", LEASE_MS);

    if (r == 0)
        r = json_put_int(job, "attempt", row->job.attempt);
    if (r == 0)
        r = json_put_int(job, "timeoutMs", left_ms);
    if (r == 0 && row->role_arn)
        r = json_put_str(job, "roleArn", row->role_arn);
    return r;
}

/* ---- taking */

static int lease_row(struct tx *tx, struct job_row *row, const char *worker, json_t *list)
{
    CLEANUP(json_free) json_t *job = NULL;
    int64_t now_ms = clock_now_ms();
    char nonce[ID_UUID_SIZE];
    int r;

    id_uuid(nonce);
    job_lease(&row->job, nonce, worker, now_ms);
    r = job_update(tx, row);
    if (r == 0)
        r = job_describe(tx, row, &job);
    if (r == 0 && worker)
        r = describe_extension(row, now_ms, job);
    if (r == 0 && json_array_append(list, job))
        r = FAULT(ENOMEM);
    return r;
}

static int lease_one(struct tx *tx, const char *id, const char *worker, json_t *list)
{
    struct job_row row;
    int r = job_find(tx, id, &row);

    if (r)
        return r;
    r = lease_row(tx, &row, worker, list);
    job_row_free(&row);
    return r;
}

static int lease_all(struct tx *tx, const json_t *ids, const char *worker, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    const json_t *id;
    size_t i;
    int r = list ? 0 : FAULT(ENOMEM);

    json_array_foreach (ids, i, id)
        if (r == 0)
            r = lease_one(tx, json_string_value(id), worker, list);
    if (r == 0)
        *ret = take(list);
    return r > 0 ? FAULT(EPROTO) : r;
}

int jobs_lease_account(struct tx *tx, const char *account, const char *worker, size_t max, json_t **ret)
{
    CLEANUP(json_free) json_t *ids = NULL;
    int r = job_offers(tx, account, max, &ids);

    return r ? r : lease_all(tx, ids, worker, ret);
}

/* The property that a poll for the type must name; NULL: none. */
static const char *queryable_of(const json_t *type)
{
    const json_t *property;
    size_t i;

    json_array_foreach (json_object_get(type, "actionConfigurationProperties"), i, property)
        if (json_bool(property, "queryable", false))
            return json_str(property, "name", NULL);
    return NULL;
}

static int offers_find(struct tx *tx, const char *account, const json_t *in, const json_t *type,
                       const char *type_text, json_t **ret_ids, struct reason *why)
{
    const json_t *query = json_object_get(in, "queryParam");
    const char *property = queryable_of(type);
    const char *value = property ? json_str(query, property, NULL) : NULL;
    size_t max = (size_t)json_int(in, "maxBatchSize", 1);

    if (property && !value)
        return reason_set(why, PIPELINE_E_INVALID, "queryParam must give the queryable property '%s'.",
                          property);
    if (json_object_size(query) != (property ? 1 : 0))
        return reason_set(why, PIPELINE_E_INVALID,
                          "queryParam names a property that is not the action type's queryable one.");
    return property ? job_offers_with(tx, account, type_text, property, value, max, ret_ids)
                    : job_offers_custom(tx, account, type_text, max, ret_ids);
}

int jobs_lease_custom(struct tx *tx, const char *account, const json_t *in, json_t **ret, struct reason *why)
{
    const json_t *id = json_object_get(in, "actionTypeId");
    const char *category = json_str(id, "category", ""), *provider = json_str(id, "provider", "");
    const char *version = json_str(id, "version", ""), *owner = json_str(id, "owner", "");
    CLEANUP(json_free) json_t *type = NULL;
    CLEANUP(json_free) json_t *ids = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    int r = strcmp(owner, "Custom") == 0 ? action_type_find(tx, account, id, &type) : DB_NONE;

    if (r == DB_NONE)
        return reason_set(
            why, PIPELINE_E_ACTION_TYPE_NOT_FOUND,
            "Action type (Category: '%s', Provider: '%s', Owner: '%s', Version: '%s') is not one that "
            "job workers of account %s can poll for.",
            category, provider, owner, version, account);
    if (r == 0)
        r = job_type(category, provider, version, &text);
    if (r == 0)
        r = offers_find(tx, account, in, type, text, &ids, why);
    return r ? r : lease_all(tx, ids, NULL, ret);
}

int jobs_details(struct tx *tx, const char *account, const char *id, json_t **ret, struct reason *why)
{
    struct job_row row;
    int r = job_require(tx, account, id, &row, why);

    if (r)
        return r;
    r = job_describe(tx, &row, ret);
    job_row_free(&row);
    return r;
}

/* ---- while it runs */

/* The type's jobTimeout, for this one job; its action may have more of them. */
static int timeout_set(struct tx *tx, struct job_row *row)
{
    CLEANUP(json_free) json_t *type = NULL;
    int64_t seconds;
    int r = job_unpack(row);

    if (r == 0)
        r = action_type_find(tx, row->account, json_object_get(row->data, "actionTypeId"), &type);
    seconds = json_int(json_object_get(type, "maker"), "jobTimeout", 0);

    if (r || seconds == 0)
        return r == DB_NONE ? 0 : r;
    return timer_set(tx, TIMER_JOB, row->job.id, row->pipeline_id, clock_now_ms() + seconds * 1000);
}

int jobs_acknowledge(struct tx *tx, const char *account, const char *id, const char *nonce, int *ret_status,
                     struct reason *why)
{
    struct job_row row;
    int r = job_require(tx, account, id, &row, why);
    bool first;

    if (r)
        return r;
    first = row.job.status == JOB_DISPATCHED;
    r = nonce_fail(job_acknowledge(&row.job, nonce), &row, why);
    if (r == 0)
        r = job_update(tx, &row);
    if (r == 0 && first)
        r = timeout_set(tx, &row);
    *ret_status = row.job.status;
    job_row_free(&row);
    return r;
}

int jobs_extend(struct tx *tx, const char *account, const char *id, const char *nonce, bool *ret_cancelled,
                struct reason *why)
{
    struct job_row row;
    int r = job_require(tx, account, id, &row, why);

    if (r)
        return r;
    r = nonce_fail(job_extend(&row.job, nonce, clock_now_ms(), ret_cancelled), &row, why);
    if (r == 0 && !*ret_cancelled)
        r = job_update(tx, &row);
    job_row_free(&row);
    return r;
}

int jobs_release(struct tx *tx, const char *account, const char *id, const char *nonce, struct reason *why)
{
    struct job_row row;
    int r = job_require(tx, account, id, &row, why);

    if (r)
        return r;
    r = nonce_fail(job_release(&row.job, nonce), &row, why);
    if (r == 0)
        r = job_update(tx, &row);
    if (r == 0 && row.job.status == JOB_QUEUED)
        job_wake(tx, &row);
    job_row_free(&row);
    return r;
}

static int orphan_one(struct tx *tx, const char *id)
{
    struct job_row row;
    int r = job_find(tx, id, &row);

    if (r)
        return r;
    if (job_orphan(&row.job))
        r = job_lose(tx, &row, "The worker ended, says its successor: the job is offered again.",
                     clock_now_ms());
    job_row_free(&row);
    return r;
}

int jobs_orphan(struct tx *tx, const char *account, const char *worker)
{
    CLEANUP(json_free) json_t *ids = NULL;
    const json_t *id;
    size_t i;
    int r = job_held(tx, account, worker, &ids);

    json_array_foreach (ids, i, id)
        if (r == 0)
            r = orphan_one(tx, json_string_value(id));
    return r;
}

/* ---- results */

static bool digest_given(const json_t *in, const char *artifact)
{
    const json_t *list = json_object_get(in, "outputArtifacts"), *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (strcmp(json_str(item, "name", ""), artifact) == 0)
            return true;
    return false;
}

static int digests_check(struct job_row *row, const json_t *in, struct reason *why)
{
    const json_t *output;
    size_t i;
    int r = row->job.fenced && row->outputs ? job_unpack(row) : 0;

    if (r)
        return r;
    json_array_foreach (json_object_get(row->data, "outputArtifacts"), i, output)
        if (row->job.fenced && !digest_given(in, json_str(output, "name", "")))
            return reason_set(why, PIPELINE_E_INVALID,
                              "outputArtifacts must name the sha256 of the output artifact %s of job %s.",
                              json_str(output, "name", ""), row->job.id);
    return 0;
}

static int variables_check(const json_t *in, struct reason *why)
{
    json_t *variables = json_object_get(in, "outputVariables"), *value;
    const char *key;
    size_t size = 0;

    json_object_foreach (variables, key, value)
        size += strlen(key) + json_string_length(value);
    if (size > OUTPUT_VARIABLES_MAX)
        return reason_set(why, PIPELINE_E_OUTPUT_VARIABLES,
                          "The output variables have %zu bytes; the most is %d.", size, OUTPUT_VARIABLES_MAX);
    return 0;
}

/* Who put the object that an S3 source found: for approvals that must be another's. */
static int author_find(struct tx *tx, struct job_row *row, const json_t *in, char **ret)
{
    const char *revision = json_str(json_object_get(in, "currentRevision"), "revision", NULL);
    const json_t *configuration;
    int r = row->source && revision ? job_unpack(row) : 0;

    if (r || !row->source || !revision)
        return r;
    if (strcmp(json_str(json_object_get(row->data, "actionTypeId"), "provider", ""), "S3") != 0)
        return 0;
    configuration = json_path(row->data, "actionConfiguration.configuration");
    r = object_author(tx, json_str(configuration, "S3Bucket", ""), json_str(configuration, "S3ObjectKey", ""),
                      revision, ret);
    return r == S3_E_NO_VERSION ? 0 : r;
}

static int result_step(struct tx *tx, const struct platform *platform, struct job_row *row, const json_t *in,
                       bool success, struct reason *why)
{
    bool goes_on = success && json_object_get(in, "continuationToken");
    struct flow_event event = {
        .kind = goes_on ? FLOW_CONTINUE : FLOW_RESULT,
        .run_id = row->run_id,
        .yes = success,
        .input = in,
    };
    CLEANUP(free_ptr) char *author = NULL;
    struct pipeline pipeline;
    int r = pipeline_find_id(tx, row->pipeline_id, &pipeline);

    if (r == DB_NONE)
        return reason_set(why, PIPELINE_E_JOB_STATE, "The pipeline of job %s was deleted.", row->job.id);
    if (r == 0)
        r = author_find(tx, row, in, &author);
    event.author = author;
    return r ? r : flow_apply(tx, platform, &pipeline, &event, NULL, why);
}

static int result_take(struct tx *tx, const struct platform *platform, struct job_row *row, const json_t *in,
                       bool success, struct reason *why)
{
    bool repeated = false, goes_on = json_object_get(in, "continuationToken") != NULL;
    int r = nonce_fail(job_finish(&row->job, json_str(in, "nonce", NULL), success, &repeated), row, why);

    if (r || repeated)
        return r;
    if (success && !goes_on)
        r = digests_check(row, in, why);
    if (r == 0)
        r = variables_check(in, why);
    if (r == 0)
        r = job_update(tx, row);
    if (r == 0 && success && goes_on) /* the run will know its next job only */
        r = timer_set(tx, TIMER_FORGET, row->job.id, row->pipeline_id, clock_now_ms() + FORGET_MS);
    return r ? r : result_step(tx, platform, row, in, success, why);
}

int jobs_result(struct tx *tx, const struct platform *platform, const char *account, const json_t *in,
                bool success, struct reason *why)
{
    struct job_row row;
    int r = job_require(tx, account, json_str(in, "jobId", ""), &row, why);

    if (r)
        return r;
    r = result_take(tx, platform, &row, in, success, why);
    job_row_free(&row);
    return r;
}

int jobs_time_out(struct tx *tx, const struct platform *platform, const char *id)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:{s:s, s:s}}", "jobId", id, "failureDetails", "type", "JobFailed",
                           "message", "The job did not end within the jobTimeout of its action type.");
    struct job_row row;
    int r = in ? job_find(tx, id, &row) : FAULT(ENOMEM);

    if (r)
        return r == DB_NONE ? 0 : r;
    if (row.job.status == JOB_IN_PROGRESS)
        r = result_take(tx, platform, &row, in, false, NULL);
    job_row_free(&row);
    return r == PIPELINE_E_JOB_STATE ? 0 : r;
}
