/* One job from its lease to its reported result. Whatever the services do meanwhile, the action is tried
 * again as long as the lease holds. */
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/build_action.h"
#include "workers/anchor/work.h"
#include "workers/worker.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMMARY_MAX_BYTES 2048
#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 2000

bool job_given_up(const struct job *job)
{
    return atomic_load(&job->lease.cancelled);
}

static bool given_up(void *job)
{
    return job_given_up(job);
}

struct stack_patience job_patience(struct job *job)
{
    return (struct stack_patience){given_up, job};
}

const char *job_setting(const struct job *job, const char *name)
{
    const char *value = json_str(job->configuration, name, NULL);

    return value && value[0] ? value : NULL;
}

int job_fail(struct job *job, const char *type, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(job->why.text, sizeof(job->why.text), fmt, args);
    va_end(args);
    job->failure_type = type;
    return WORK_E_FAILED;
}

/* What others say may be any bytes, and is cut anywhere; NULL: out of memory. */
static json_t *words_of(struct str said)
{
    CLEANUP(buf_free) struct buf words = BUF_INIT(SIZE_MAX);

    utf8_mend(said, &words);
    return buf_error(&words) ? NULL : json_stringn(words.ptr ? words.ptr : "", words.len);
}

int job_variable(struct job *job, const char *name, const char *value)
{
    return json_put(job->variables, name, words_of(str_of(value)));
}

const char *job_action_execution(const struct job *job)
{
    const char *id = json_string_value(json_path(job->data, "pipelineContext.action.actionExecutionId"));

    return id ? id : job->id;
}

const json_t *job_input(const struct job *job, const char *name)
{
    const json_t *artifacts = json_object_get(job->data, "inputArtifacts");
    const json_t *artifact;
    size_t i;

    json_array_foreach (artifacts, i, artifact)
        if (!name || strcmp(json_str(artifact, "name", ""), name) == 0)
            return artifact;
    return NULL;
}

static const char *location_text(const json_t *artifact, const char *path)
{
    const char *text = json_string_value(json_path(artifact, path));

    return text ? text : "";
}

#define BUCKET_OF(artifact) location_text((artifact), "location.s3Location.bucketName")
#define KEY_OF(artifact) location_text((artifact), "location.s3Location.objectKey")

int work_temporary(const struct anchor *anchor, int *ret_fd)
{
    int fd = open(anchor->folder->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return FAULT(errno);
    *ret_fd = fd;
    return 0;
}

static void client_free(struct aws_client **client)
{
    aws_client_free(client);
}

/* A client with the job's own artifact credentials, where the service gave some. */
static int store_client(const struct job *job, struct aws_client **ret)
{
    const json_t *keys = json_object_get(job->data, "artifactCredentials");
    const struct aws_config config = {
        .endpoint_url = aws_client_endpoint(job->anchor->client),
        .region = aws_client_region(job->anchor->client),
        .access_key_id = json_str(keys, "accessKeyId", NULL),
        .secret_access_key = json_str(keys, "secretAccessKey", NULL),
        .session_token = json_str(keys, "sessionToken", NULL),
    };

    *ret = NULL;
    return config.access_key_id && config.secret_access_key ? aws_client_new(&config, ret) : 0;
}

struct fetching {
    struct job *job;
    const json_t *artifact;
    int outcome;
};

static int fetch(void *ctx, int fd, struct reason *why)
{
    struct fetching *fetching = ctx;
    CLEANUP(client_free) struct aws_client *store = NULL;
    int r = store_client(fetching->job, &store);

    if (r == 0)
        r = work_s3_get_file(store ? store : fetching->job->anchor->client, BUCKET_OF(fetching->artifact),
                             KEY_OF(fetching->artifact), NULL, fd, ARTIFACT_MAX_BYTES, why);
    fetching->outcome = r;
    return r;
}

int job_input_open(struct job *job, const json_t *artifact, int *ret_fd)
{
    const char *digest = json_str(artifact, "sha256", "");
    struct fetching fetching = {.job = job, .artifact = artifact};
    const struct cache_source source = {fetch, &fetching};
    int r;

    if (!digest[0]) { /* a service that pins no digest: the bytes are taken as they come */
        r = work_temporary(job->anchor, ret_fd);
        return r ? r : fetch(&fetching, *ret_fd, &job->why);
    }
    r = cache_get(job->anchor->cache, digest, &source, ret_fd, &job->why);
    if (r == CACHE_E_DIGEST)
        return WORK_E_FAILED;
    if (r == CACHE_E_FETCH)
        return fetching.outcome == WORK_E_ABSENT ? WORK_E_FAILED : fetching.outcome;
    return r;
}

int job_output_is(struct job *job, const json_t *artifact, const char *sha256_hex)
{
    json_t *row = json_pack("{s:s, s:s}", "name", json_str(artifact, "name", ""), "sha256", sha256_hex);

    return row && json_array_append_new(job->output_artifacts, row) == 0 ? 0 : FAULT(ENOMEM);
}

int job_output_put(struct job *job, const char *name, int fd)
{
    const json_t *artifacts = json_object_get(job->data, "outputArtifacts");
    const json_t *artifact = NULL, *each;
    CLEANUP(client_free) struct aws_client *store = NULL;
    char digest[65];
    struct stat st;
    size_t i;
    int r;

    json_array_foreach (artifacts, i, each)
        if (!artifact && (!name || strcmp(json_str(each, "name", ""), name) == 0))
            artifact = each;
    if (!artifact)
        return 0; /* nobody wants it */
    r = fstat(fd, &st) ? FAULT(errno) : cache_digest(fd, digest);
    if (r == 0)
        r = store_client(job, &store);
    if (r == 0)
        r = work_s3_put_file(store ? store : job->anchor->client, BUCKET_OF(artifact), KEY_OF(artifact), fd,
                             st.st_size, NULL, 0, &job->why);
    return r ? r : job_output_is(job, artifact, digest);
}

static void result_reset(struct job *job)
{
    json_object_clear(job->variables);
    json_array_clear(job->output_artifacts);
    json_decref(take(job->revision));
    free(take(job->external_id));
    buf_reset(&job->summary);
    job->why.text[0] = '\0';
    job->failure_type = NULL;
}

static int role_client(struct job *job)
{
    const char *role_arn = json_str(job->tree, "roleArn", NULL);

    if (role_arn)
        return accounts_client(job->anchor->accounts, role_arn, &job->client, &job->why);
    return accounts_deploy_client(job->anchor->accounts, job->anchor->account, &job->client, &job->why);
}

static int act(struct job *job)
{
    const json_t *type = json_object_get(job->data, "actionTypeId");
    const char *category = json_str(type, "category", ""), *provider = json_str(type, "provider", "");
    const struct action *action = action_find(category, provider);
    int r;

    if (!action)
        return job_fail(job, "ConfigurationError",
                        "this anchor cannot run %s actions of provider %s: use S3, CloudFormation, CodeBuild "
                        "or Commands, or a "
                        "Custom action with a job worker of your own",
                        category, provider);
    r = role_client(job);
    if (r == WORK_E_FAILED)
        job->failure_type = "PermissionError";
    return r ? r : action->run(job);
}

/* 0 success; WORK_E_FAILED; WORK_E_STOPPED. */
static int act_until_done(struct job *job)
{
    int64_t pause_ms = RETRY_FIRST_MS;

    for (;;) {
        int r;

        result_reset(job);
        r = act(job);
        if (r == WORK_E_ABSENT)
            r = WORK_E_FAILED;
        if (job_given_up(job) || worker_stopping())
            return r == 0 ? 0 : WORK_E_STOPPED;
        if (r == 0 || r == WORK_E_FAILED || r == WORK_E_STOPPED)
            return r;
        log_warn("anchor", "job %s is tried again: %s", job->id, r < 0 ? strerror(-r) : job->why.text);
        worker_pause(pause_ms);
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static json_t *success_make(struct job *job)
{
    json_t *in = json_pack("{s:s, s:s, s:O, s:O}", "jobId", job->id, "nonce", job->nonce, "outputVariables",
                           job->variables, "outputArtifacts", job->output_artifacts);
    json_t *details = json_object();

    if (!in || !details) {
        json_decref(details);
        return in;
    }
    if (job->summary.len)
        json_put(details, "summary", words_of(buf_str(&job->summary)));
    if (job->external_id)
        json_put_str(details, "externalExecutionId", job->external_id);
    json_put(in, "executionDetails", details);
    if (job->revision)
        json_put(in, "currentRevision", json_incref(job->revision));
    return in;
}

static json_t *failure_make(const struct job *job)
{
    json_t *in = json_pack(
        "{s:s, s:s, s:{s:s, s:o}}", "jobId", job->id, "nonce", job->nonce, "failureDetails", "type",
        job->failure_type ? job->failure_type : "JobFailed", "message",
        words_of(str_of(job->why.text[0] ? job->why.text : "the action failed without saying why")));

    if (in && job->external_id)
        json_put_str(json_object_get(in, "failureDetails"), "externalExecutionId", job->external_id);
    return in;
}

/* Of an answer to a result. */
static json_t *next_take(const json_t *out)
{
    return json_incref(json_array_get(json_object_get(out, "jobs"), 0));
}

/* `builds`: how many builds there is room for when the job is over. */
static void next_ask(const struct job *job, json_t *in, int64_t builds)
{
    if (in && !worker_stopping())
        json_put(in, "nextJobs",
                 json_pack("{s:s, s:i}", "workerId", job->anchor->folder->worker_id, "builds", builds > 0));
}

static json_t *result_make(struct job *job, int outcome)
{
    json_t *in = outcome ? failure_make(job) : success_make(job);

    next_ask(job, in, slots_free(job->anchor->builds));
    return in;
}

int job_succeed_with_build(struct job *job, json_t *report)
{
    json_t *in = success_make(job);
    CLEANUP(json_free) json_t *out = NULL;
    int r = in ? json_put(in, "build", json_incref(report)) : FAULT(ENOMEM);

    if (r) {
        json_decref(in);
        return r;
    }
    next_ask(job, in, 1); /* in the room of this one */
    r = work_call(job->anchor->client, "codepipeline", "PutJobSuccessResult", in, &out, NULL, &job->why);
    if (r)
        return r;
    job->reported = true;
    job->next = next_take(out);
    return 0;
}

/* The job is no more this worker's, by the answer to a result. */
static bool is_over(const struct aws_error *error)
{
    static const char *const codes[] = {"InvalidJobStateException", "InvalidNonceException",
                                        "JobNotFoundException"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(error->code, codes[i]) == 0)
            return true;
    return false;
}

/* Until the service has it, or does not want it any more. What is refused as a success fails: left alone, it
 * would be offered again, and done again. */
static void report(struct job *job, int outcome, json_t **ret_next)
{
    int64_t pause_ms = RETRY_FIRST_MS;

    if (outcome)
        log_info("anchor", "job %s failed: %.*s", job->id, (int)strcspn(job->why.text, "\n"), job->why.text);
    for (;;) {
        const char *operation = outcome ? "PutJobFailureResult" : "PutJobSuccessResult";
        json_t *in = result_make(job, outcome);
        CLEANUP(json_free) json_t *out = NULL;
        struct aws_error error = {0};
        struct reason why = {0};
        int r = in ? work_call(job->anchor->client, "codepipeline", operation, in, &out, &error, &why)
                   : FAULT(ENOMEM);

        if (r == 0)
            *ret_next = next_take(out);
        if (r == 0 || r == WORK_E_STOPPED)
            return;
        if (r == WORK_E_FAILED) {
            log_warn("anchor", "the result of job %s was not taken: %s", job->id, why.text);
            if (outcome || is_over(&error))
                return;
            outcome = job_fail(job, "JobFailed", "what the action gave was not taken: %s", why.text);
            continue;
        }
        if (worker_pause(pause_ms))
            return;
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static int extend(struct lease *lease, int64_t *ret_lease_ms, bool *ret_cancelled)
{
    struct job *job = CONTAINER_OF(lease, struct job, lease);
    CLEANUP(json_free) json_t *out = NULL;
    int r = work_call(job->anchor->client, "codepipeline", "ExtendJobLease",
                      json_pack("{s:s, s:s}", "jobId", job->id, "nonce", job->nonce), &out, NULL, NULL);

    if (r)
        return r == WORK_E_FAILED ? r : -EAGAIN;
    *ret_lease_ms = json_int(out, "leaseMs", lease->lease_ms);
    *ret_cancelled = json_bool(out, "cancelled", false);
    return 0;
}

static void hand_back(struct job *job)
{
    struct reason why = {0};
    int r = work_call(job->anchor->client, "codepipeline", "ReleaseJob",
                      json_pack("{s:s, s:s}", "jobId", job->id, "nonce", job->nonce), NULL, NULL, &why);

    log_info("anchor", "job %s is handed back%s%s", job->id, r ? ", or its lease ends: " : "", why.text);
}

static int job_init(struct job *job, const struct anchor *anchor, json_t *tree)
{
    job->anchor = anchor;
    job->tree = tree;
    job->id = json_str(tree, "id", "");
    job->nonce = json_str(tree, "nonce", "");
    job->data = json_object_get(tree, "data");
    job->configuration = json_path(job->data, "actionConfiguration.configuration");
    job->summary = BUF_INIT(SUMMARY_MAX_BYTES);
    job->lease =
        (struct lease){.extend = extend, .lease_ms = json_int(tree, "leaseMs", 30000), .cancel_fd = -1};
    job->variables = json_object();
    job->output_artifacts = json_array();
    return job->variables && job->output_artifacts ? 0 : FAULT(ENOMEM);
}

static void job_deinit(struct job *job)
{
    json_decref(job->variables);
    json_decref(job->output_artifacts);
    json_decref(job->revision);
    json_decref(job->tree);
    free(job->external_id);
    buf_free(&job->summary);
}

void job_run(const struct anchor *anchor, json_t *tree, json_t **ret_next)
{
    CLEANUP(job_deinit) struct job job = {0};
    int r = job_init(&job, anchor, tree);

    if (r == 0)
        r = lease_begin(anchor->leases, &job.lease, NULL);
    if (r) {
        log_error("anchor", "job %s cannot be started: %s; its lease ends by itself", job.id, strerror(-r));
        return;
    }
    r = worker_stopping() ? WORK_E_STOPPED : act_until_done(&job); /* all leases may be cancelled already */
    build_action_leave(&job);
    if (job.reported)
        *ret_next = take(job.next);
    else if (r != WORK_E_STOPPED)
        report(&job, r, ret_next);
    lease_end(anchor->leases, &job.lease);
    if (r == WORK_E_STOPPED && !job.reported && worker_stopping())
        hand_back(&job);
}
