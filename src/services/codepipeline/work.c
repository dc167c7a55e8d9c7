/* What workers do to jobs that they have: acknowledge, extend, hand back, report. */
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/git_look.h"
#include "base/clock.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include <stdio.h>

#define OUTPUT_VARIABLES_MAX (122880)

int job_unknown(const char *id, struct reason *why)
{
    return reason_set(why, PIPELINE_E_JOB_NOT_FOUND, "The job %s was not found.", id);
}

static int job_require(struct tx *tx, const char *account, const char *id, struct job_row *ret,
                       struct reason *why)
{
    int r = job_find(tx, id, ret);

    if (r == 0 && strcmp(ret->account, account) != 0) {
        job_row_free(ret);
        r = DB_NONE;
    }
    return r == DB_NONE ? job_unknown(id, why) : r;
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
static int author_find(struct tx *tx, struct job_row *row, const json_t *in, struct object_author *ret)
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
    struct object_author author = {0};
    struct pipeline pipeline;
    int r;

    if (git_look_is(row))
        return git_look_end(tx, platform, row, in, success);
    r = pipeline_find_id(tx, row->pipeline_id, &pipeline);
    if (r == DB_NONE)
        return reason_set(why, PIPELINE_E_JOB_STATE, "The pipeline of job %s was deleted.", row->job.id);
    if (r == 0)
        r = author_find(tx, row, in, &author);
    event.author = author.arn;
    event.author_person = author.person;
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
    if (git_look_is(&row))
        r = git_look_time_out(tx, platform, &row);
    else if (row.job.status == JOB_IN_PROGRESS)
        r = result_take(tx, platform, &row, in, false, NULL);
    job_row_free(&row);
    return r == PIPELINE_E_JOB_STATE ? 0 : r;
}
