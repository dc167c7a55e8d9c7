/* A build of CodeBuild that an action consists of: its source is the action's input artifact, its output the
 * action's, and its end the action's. */
#include "workers/anchor/actions/build_action.h"
#include "base/log.h"
#include "wire/build_order.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/worker.h"
#include <stdio.h>

#define SERVICE "codebuild"
#define WAIT_MS 10000
#define LEASE_HEADER "X-Slipway-Lease"
#define LOG_LINES 15

/* Takes `in`. *ret_lease: the build itself, when it was asked for and this anchor has got it; the caller's.
 */
static int start(struct job *job, json_t *in, bool lease, json_t **ret_lease)
{
    const struct http_header asking = {STR(LEASE_HEADER), str_of(job->anchor->folder->worker_id)};
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    const char *id;
    int r = lease ? work_call_header(job->client, SERVICE, "StartBuild", in, &asking, &out, &error, &job->why)
                  : work_call(job->client, SERVICE, "StartBuild", in, &out, &error, &job->why);

    if (r == WORK_E_FAILED && strcmp(error.code, "ResourceNotFoundException") == 0)
        job->failure_type = "ConfigurationError";
    if (r)
        return r;
    id = json_string_value(json_path(out, "build.id"));
    job->external_id = str_dup(str_of(id));
    *ret_lease = json_incref(json_object_get(out, "lease"));
    return job->external_id ? 0 : FAULT(ENOMEM);
}

static void log_tail(struct job *job, const json_t *build, struct buf *ret)
{
    CLEANUP(json_free) json_t *out = NULL;
    const char *group = json_string_value(json_path(build, "logs.groupName"));
    const char *stream = json_string_value(json_path(build, "logs.streamName"));
    const json_t *events, *event;
    struct reason why = {0};
    size_t i;
    int r;

    if (!group || !stream)
        return;
    r = work_call(job->client, "logs", "GetLogEvents",
                  json_pack("{s:s, s:s, s:i, s:b}", "logGroupName", group, "logStreamName", stream, "limit",
                            LOG_LINES, "startFromHead", 0),
                  &out, NULL, &why);
    if (r) {
        buf_printf(ret, " (its log cannot be read: %s)", why.text);
        return;
    }
    events = work_list(out, "events");
    json_array_foreach (events, i, event)
        buf_printf(ret, "\n%s", json_str(event, "message", ""));
}

/* The words are bounded: the end of the log is what matters. */
static int build_failed(struct job *job, const json_t *build)
{
    CLEANUP(buf_free) struct buf log = BUF_INIT(65536);
    const char *status = json_str(build, "buildStatus", "FAILED");
    struct str text;
    char head[256];
    int len = snprintf(head, sizeof(head), "build %.150s %s; its log ends with:", job->external_id, status);
    size_t room = sizeof(job->why.text) - (size_t)len - 1;

    log_tail(job, build, &log);
    text = buf_str(&log);
    if (text.len > room) { /* whole lines, from the first that fits */
        const char *line = memchr(text.ptr + (text.len - room), '\n', room);

        text.len = line ? (size_t)(text.ptr + text.len - line) : 0;
        text.ptr = line;
    }
    return job_fail(job, "JobFailed", "%s" STR_FMT, head, STR_ARG(text));
}

static int build_succeeded(struct job *job, const json_t *build)
{
    const json_t *variables = json_object_get(build, "exportedEnvironmentVariables");
    const json_t *output = json_path(job->data, "outputArtifacts.0");
    const char *digest = json_string_value(json_path(build, "artifacts.sha256sum"));
    const json_t *variable;
    size_t i;
    int r = 0;

    json_array_foreach (variables, i, variable)
        if (r == 0)
            r = job_variable(job, json_str(variable, "name", ""), json_str(variable, "value", ""));
    if (r == 0 && output && digest)
        r = job_output_is(job, output, digest);
    buf_printf(&job->summary, "build %s succeeded", job->external_id);
    return r;
}

static int stop(struct job *job)
{
    struct reason why = {0};
    int r = work_call(job->client, SERVICE, "StopBuild", json_pack("{s:s}", "id", job->external_id), NULL,
                      NULL, &why);

    return r < 0 ? r : WORK_E_STOPPED;
}

/* WORK_E_RETRY: it has not ended. */
static int conclude(struct job *job, const json_t *build)
{
    if (strcmp(json_str(build, "buildStatus", ""), "SUCCEEDED") == 0)
        return build_succeeded(job, build);
    if (strcmp(json_str(build, "buildStatus", ""), "IN_PROGRESS") != 0)
        return build_failed(job, build);
    return WORK_E_RETRY;
}

static int await(struct job *job)
{
    for (;;) {
        CLEANUP(json_free) json_t *out = NULL;
        const json_t *build;
        int r = work_call_wait(job->client, SERVICE, "BatchGetBuilds",
                               json_pack("{s:[s]}", "ids", job->external_id), WAIT_MS, &out, NULL, &job->why);

        if (r)
            return r;
        build = json_path(out, "builds.0");
        if (!build)
            return job_fail(job, "JobFailed", "build %s does not exist any more", job->external_id);
        r = conclude(job, build);
        if (r != WORK_E_RETRY)
            return r;
        if (job_given_up(job)) /* an anchor that stops leaves the build to whoever takes the job next */
            return worker_stopping() ? WORK_E_STOPPED : stop(job);
    }
}

/* The anchor's own where it has room for it: nobody need be told of it, and nobody waited for. */
static int start_build(struct job *job, bool room, json_t **ret_lease)
{
    json_t *in = NULL;
    int r = build_order_make(job->data, job->id, &in, &job->why);

    if (r == BUILD_ORDER_E_BAD) {
        job->failure_type = "ConfigurationError";
        return WORK_E_FAILED;
    }
    assert(r <= 0);
    return r ? r : start(job, in, room, ret_lease);
}

/* Ends both, where CodePipeline has given the build with the job: another would not know what to do with its
 * report. What the job would say is made anew if it does not. */
static int finish(struct job *job, json_t *report)
{
    int r = build_succeeded(job, report);

    if (r == 0)
        r = job_succeed_with_build(job, report);
    if (r) {
        json_object_clear(job->variables);
        json_array_clear(job->output_artifacts);
        buf_reset(&job->summary);
    }
    return r;
}

bool build_action_leased(const struct job *job)
{
    return json_object_get(job->tree, "build") != NULL;
}

/* Once: whoever tries again asks CodeBuild, by the same token, what became of it. */
static int lease_take(struct job *job, json_t **ret_lease)
{
    json_t *lease = json_object_get(job->tree, "build");

    job->external_id = str_dup(str_of(json_str(lease, "id", "")));
    if (!job->external_id)
        return FAULT(ENOMEM);
    *ret_lease = json_incref(lease);
    (void)json_object_del(job->tree, "build");
    return 0;
}

int action_build(struct job *job)
{
    CLEANUP(json_free) json_t *ended = NULL;
    json_t *lease = NULL;
    bool leased = build_action_leased(job), room = leased || slots_try(job->anchor->builds);
    int r;

    if (leased)
        slots_take(job->anchor->builds);
    r = leased ? lease_take(job, &lease) : start_build(job, room, &lease);
    if (lease)
        ended = build_run_within(job, lease, leased ? finish : NULL);
    if (room)
        slots_give(job->anchor->builds);
    if (r || job->reported)
        return r;
    r = ended ? conclude(job, ended) : WORK_E_RETRY;
    return r == WORK_E_RETRY ? await(job) : r;
}

void build_action_leave(struct job *job)
{
    const json_t *lease = json_object_get(job->tree, "build");
    const char *id = json_str(lease, "id", ""), *nonce = json_str(lease, "nonce", "");
    struct reason why = {0};
    int r;

    if (!lease)
        return;
    if (worker_stopping())
        r = work_call(job->anchor->client, SERVICE, "UpdateBuild",
                      json_pack("{s:s, s:s, s:b}", "id", id, "nonce", nonce, "release", 1), NULL, NULL, &why);
    else
        r = work_call(job->anchor->client, SERVICE, "StopBuild", json_pack("{s:s}", "id", id), NULL, NULL,
                      &why);
    if (r)
        log_warn("anchor", "build %s waits until its lease ends: %s", id, why.text);
}
