/* One build from its lease to its final report. See build.h. */
#include "workers/anchor/build.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "wire/json.h"
#include "workers/anchor/build_artifacts.h"
#include "workers/worker.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 2000
#define PHASE_SHORT_MS 200 /* one that takes less is not told while it is under way */

/* Tells the service once. WORK_E_STOPPED: the lease is lost; WORK_E_RETRY. */
static int update_once(struct build *build, json_t *in)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct reason why = {0};
    int r = work_call(build->anchor->client, "codebuild", "UpdateBuild", json_incref(in), &out, NULL, &why);

    if (r == 0 && json_bool(out, "cancelled", false))
        lease_cancel(&build->lease);
    if (r == 0 && !build->ended)
        build->ended = json_incref(json_object_get(out, "build"));
    if (r != WORK_E_FAILED)
        return r;
    log_warn("anchor", "build %s: %s", build->id, why.text);
    lease_cancel(&build->lease);
    return WORK_E_STOPPED;
}

/* With the end of the job that the build is part of. */
static int finish_once(struct build *build, json_t *in)
{
    return build->finish(build->job, in);
}

/* As long as the lease may hold. */
static int insist(struct build *build, json_t *in, int (*once)(struct build *, json_t *))
{
    int64_t pause_ms = RETRY_FIRST_MS;

    for (;;) {
        int r = once(build, in);

        if (r != WORK_E_RETRY)
            return r;
        if (worker_pause(pause_ms) || atomic_load(&build->lease.cancelled))
            return WORK_E_STOPPED;
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static int update(struct build *build, json_t *in)
{
    return insist(build, in, update_once);
}

static int finish(struct build *build, json_t *in)
{
    return insist(build, in, finish_once);
}

/* With the phases that passed meanwhile; takes `in`. `tell_it`: update, update_once or finish. */
static int tell(struct build *build, json_t *in, int (*tell_it)(struct build *, json_t *))
{
    CLEANUP(json_free) json_t *owned = in;
    int r;

    if (!owned || json_put_str(owned, "id", build->id) || json_put_str(owned, "nonce", build->nonce) ||
        (json_array_size(build->passed) > 0 && json_put(owned, "phases", json_deep_copy(build->passed))))
        return FAULT(ENOMEM);
    r = tell_it(build, owned);
    if (r == 0) {
        (void)json_array_clear(build->passed);
        build->phase_due_ms = INT64_MAX;
    }
    return r;
}

static int extend(struct lease *lease, int64_t *ret_lease_ms, bool *ret_cancelled)
{
    struct build *build = CONTAINER_OF(lease, struct build, lease);
    CLEANUP(json_free) json_t *out = NULL;
    int r = work_call(build->anchor->client, "codebuild", "UpdateBuild",
                      json_pack("{s:s, s:s}", "id", build->id, "nonce", build->nonce), &out, NULL, NULL);

    if (r)
        return r == WORK_E_FAILED ? r : -EAGAIN;
    *ret_lease_ms = json_int(out, "leaseMs", lease->lease_ms);
    *ret_cancelled = json_bool(out, "cancelled", false);
    return 0;
}

/* `code` NULL: nothing went wrong. */
static int pass(struct build *build, const char *phase, int64_t began_ms, const char *status,
                const char *code)
{
    json_t *passed = json_pack("{s:s, s:s, s:f}", "phaseType", phase, "phaseStatus", status, "endTime",
                               (double)clock_now_ms() / 1000);
    int r = passed ? json_array_append_new(build->passed, passed) : -1;

    if (r == 0 && began_ms)
        r = json_object_set_new(passed, "startTime", json_real((double)began_ms / 1000));
    if (r == 0 && code)
        r = json_put(passed, "contexts",
                     json_pack("[{s:s, s:s}]", "statusCode", code, "message", build->why.text));
    return r ? FAULT(ENOMEM) : 0;
}

/* The phase under way has succeeded, unless it failed. */
static int phase_leave(struct build *build)
{
    return build->phase_over ? 0 : pass(build, build->phase, build->phase_began_ms, "SUCCEEDED", NULL);
}

int build_phase(struct build *build, const char *phase)
{
    int r = phase_leave(build);

    build->phase = phase;
    build->phase_over = false;
    build->phase_began_ms = clock_now_ms();
    build->phase_due_ms = clock_mono_ms() + PHASE_SHORT_MS;
    return atomic_load(&build->lease.cancelled) ? WORK_E_STOPPED : r;
}

static json_t *phase_words(const struct build *build)
{
    return build->phase_over ? json_object() : json_pack("{s:s}", "currentPhase", build->phase);
}

int build_phase_tell(struct build *build)
{
    return build->phase_due_ms == INT64_MAX ? 0 : tell(build, phase_words(build), update);
}

int build_phase_passed(struct build *build, const char *phase)
{
    int r = phase_leave(build);

    build->phase_over = true;
    return r ? r : pass(build, phase, clock_now_ms(), "SUCCEEDED", NULL);
}

void build_phase_failed(struct build *build, const char *status, const char *code)
{
    bool timed_out = strcmp(status, "TIMED_OUT") == 0;

    if (!build->status)
        build->status = status;
    build->phase_over = true;
    build->phase_due_ms = clock_mono_ms();
    if (pass(build, build->phase, build->phase_began_ms, timed_out ? status : "FAILED", code))
        log_debug("anchor", "build %s: its failed phase is not reported", build->id);
}

int64_t build_due_ms(void *ctx)
{
    const struct build *build = ctx;
    int64_t log_ms = build_log_due_ms(&((struct build *)ctx)->log);

    return log_ms < build->phase_due_ms ? log_ms : build->phase_due_ms;
}

/* The step goes on meanwhile: what cannot be told now is told later. */
void build_flush(void *ctx)
{
    struct build *build = ctx;
    int64_t now_ms = clock_mono_ms();

    if (build_log_due_ms(&build->log) <= now_ms)
        build_log_flush(&build->log);
    if (build->phase_due_ms <= now_ms && tell(build, phase_words(build), update_once))
        build->phase_due_ms = now_ms + RETRY_MOST_MS;
}

/* Fails the build with the words in build->why. */
static int failed(struct build *build, const char *code)
{
    build_log_say(&build->log, "%s", build->why.text);
    build_phase_failed(build, "FAILED", code);
    return 0;
}

/* A file of the source, which a stranger packed: no links. */
static int spec_file(struct build *build, const char *path, struct buf *ret)
{
    CLEANUP(free_ptr) char *whole = NULL;
    CLEANUP(free_ptr) char *real = NULL;
    CLEANUP(free_ptr) char *root = realpath(build->room->plot.source, NULL);

    if (!root || asprintf(&whole, "%s/%s", root, path) < 0)
        return FAULT(ENOMEM);
    real = realpath(whole, NULL);
    if (!real || !str_starts(str_of(real), str_of(root)) || real[strlen(root)] != '/')
        return reason_set(&build->why, WORK_E_FAILED,
                          "the source has no file '%s': put the buildspec there, or into the project", path);
    return io_read_file(real, ret);
}

static bool is_inline(const struct build *build)
{
    return strcmp(json_str(json_object_get(build->tree, "buildspec"), "type", "FILE"), "INLINE") == 0;
}

static int spec_get(struct build *build)
{
    const json_t *where = json_object_get(build->tree, "buildspec");
    const char *type = json_str(where, "type", "FILE");
    CLEANUP(buf_free) struct buf text = BUF_INIT(BUILDSPEC_MAX_BYTES);
    int r;

    if (build->spec.tree) /* it was there before the source */
        return 0;
    if (is_inline(build))
        r = buf_puts(&text, json_str(where, "text", ""));
    else if (strcmp(type, "S3") == 0)
        r = work_s3_get(build->client, json_str(where, "bucket", ""), json_str(where, "key", ""), NULL, &text,
                        NULL, &build->why);
    else
        r = spec_file(build, json_str(where, "path", "buildspec.yml"), &text);
    if (r)
        return r;
    r = buildspec_memo_parse(build->anchor->specs, buf_str(&text), &build->spec, &build->why);
    return r > 0 ? WORK_E_FAILED : r;
}

static int log_open(struct build *build)
{
    const json_t *logs = json_object_get(build->tree, "logs");
    const char *group = json_str(logs, "groupName", NULL), *stream = json_str(logs, "streamName", NULL);

    if (!group || !stream || strcmp(json_str(logs, "status", "ENABLED"), "ENABLED") != 0)
        return 0;
    return build_log_open(&build->log, build->client, group, stream);
}

static int client_get(struct build *build)
{
    const char *role = json_str(build->tree, "serviceRole", NULL);

    if (role && role[0])
        return accounts_client(build->anchor->accounts, role, &build->client, &build->why);
    return accounts_deploy_client(build->anchor->accounts, build->anchor->account, &build->client,
                                  &build->why);
}

static int log_begin(struct build *build)
{
    int r = log_open(build);

    return r ? r : build_phase(build, "DOWNLOAD_SOURCE");
}

static int env_get(struct build *build)
{
    if (build->env.map)
        return 0;
    return build_env_make(build->anchor, build->tree, &build->spec, build->client,
                          room_source_inside(build->room, build->anchor->sandbox), &build->env, &build->why);
}

/* What can be done before the source is here: the shell gets ready while that comes. */
static int begin_early(struct build *build)
{
    int r = is_inline(build) ? spec_get(build) : 0;

    if (r || !build->spec.tree)
        return r;
    r = env_get(build);
    if (r == 0 && !build->session)
        (void)build_session_begin(build);
    return r;
}

/* Whatever the services do meanwhile, a step is tried again as long as the lease holds. */
static int patiently(struct build *build, int (*step)(struct build *))
{
    int64_t pause_ms = RETRY_FIRST_MS;

    for (;;) {
        int r = step(build);

        if (r != WORK_E_RETRY)
            return r;
        log_warn("anchor", "build %s goes on trying: %s", build->id, build->why.text);
        if (worker_pause(pause_ms) || atomic_load(&build->lease.cancelled))
            return WORK_E_STOPPED;
        build->why = (struct reason){0};
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static int room_get(struct build *build)
{
    return rooms_take(build->anchor->rooms, &build->room);
}

static int prepare(struct build *build)
{
    static int (*const steps[])(struct build *) = {client_get,  log_begin,        build_source_ask, room_get,
                                                   begin_early, build_source_get, spec_get,         env_get};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++)
        r = patiently(build, steps[i]);
    if (r == 0 && build->spec.ignored.len)
        build_log_say(&build->log, "Without effect here: " STR_FMT, STR_ARG(buf_str(&build->spec.ignored)));
    return r;
}

static int artifacts_put(struct build *build)
{
    const json_t *artifacts = json_object_get(build->tree, "artifacts");
    const char *bucket = json_str(artifacts, "bucket", ""), *key = json_str(artifacts, "key", "");
    CLEANUP(close_fd) int fd = -1;
    char digest[65];
    struct stat st;
    int r;

    if (strcmp(json_str(artifacts, "packaging", "ZIP"), "ZIP") != 0)
        return reason_set(&build->why, WORK_E_FAILED,
                          "artifacts with packaging NONE are not supported by Slipway: use ZIP");
    if (!build->spec.artifact_files)
        return reason_set(&build->why, WORK_E_FAILED,
                          "artifacts are wanted, but the buildspec has no artifacts section");
    r = work_temporary(build->anchor, &fd);
    if (r == 0)
        r = build_artifacts_pack(&build->spec, build->room->plot.source, fd, &build->why);
    if (r)
        return r > 0 ? WORK_E_FAILED : r;
    r = fstat(fd, &st) ? FAULT(errno) : cache_digest(fd, digest);
    if (r == 0)
        r = work_s3_put_file(build->client, bucket, key, fd, st.st_size, NULL, 0, &build->why);
    if (r)
        return r;
    if (json_put_format((json_t *)build->tree, "artifactLocation", "arn:aws:s3:::%s/%s", bucket, key))
        return FAULT(ENOMEM);
    build->artifacts = json_pack("{s:s, s:s}", "location", json_str(build->tree, "artifactLocation", ""),
                                 "sha256sum", digest);
    return build->artifacts ? 0 : FAULT(ENOMEM);
}

/* 0 with build->status set or not (succeeded); other outcomes end it as work does. */
static int work(struct build *build)
{
    int r = prepare(build);

    if (r == WORK_E_FAILED || r == WORK_E_ABSENT)
        return failed(build, build->spec.tree ? "CLIENT_ERROR" : "YAML_FILE_ERROR");
    if (r == 0)
        r = build_phases_run(build);
    if (r || build->status)
        return r;
    if (strcmp(json_str(json_object_get(build->tree, "artifacts"), "type", "NO_ARTIFACTS"), "S3") != 0)
        return build_phase_passed(build, "UPLOAD_ARTIFACTS");
    r = build_phase(build, "UPLOAD_ARTIFACTS");
    if (r == 0)
        r = build_phase_tell(build);
    if (r == 0)
        r = patiently(build, artifacts_put);
    return r == WORK_E_FAILED || r == WORK_E_ABSENT ? failed(build, "CLIENT_ERROR") : r;
}

static json_t *report_make(struct build *build, json_t *lines)
{
    json_t *in = json_pack("{s:s, s:s, s:O}", "currentPhase", "FINALIZING", "buildStatus",
                           build->status ? build->status : "SUCCEEDED", "exportedEnvironmentVariables",
                           build->exported);

    if (in && build->artifacts)
        json_put(in, "artifacts", json_incref(build->artifacts));
    if (in && lines)
        json_put(in, "logEvents", json_incref(lines));
    return in;
}

static int report(struct build *build, json_t *lines)
{
    CLEANUP(json_free) json_t *in = report_make(build, lines);
    int r = in ? phase_leave(build) : FAULT(ENOMEM);

    if (r)
        return r;
    r = build->finish && !build->status ? tell(build, json_incref(in), finish) : WORK_E_FAILED;
    if (r != WORK_E_FAILED)
        return r;
    if (build->job)
        json_put_bool(in, "showBuild", true);
    return tell(build, take(in), update);
}

/* Its last lines say most: they are tried as long as the lease holds. */
static void log_finish(struct build *build)
{
    int64_t pause_ms = RETRY_FIRST_MS;

    while (build_log_finish(&build->log)) {
        if (worker_pause(pause_ms) || atomic_load(&build->lease.cancelled))
            break;
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

/* The last lines go with the report where they can, and by themselves where it is not taken. */
static int report_with_lines(struct build *build)
{
    json_t *lines = build_log_last(&build->log);
    int r;

    if (!lines)
        log_finish(build);
    r = report(build, lines);
    if (r == 0 && lines && !atomic_load(&build->lease.cancelled))
        build_log_carried(&build->log);
    if (lines)
        log_finish(build);
    return r;
}

static int hand_back(struct build *build)
{
    log_finish(build);
    return worker_stopping() ? tell(build, json_pack("{s:b}", "release", 1), update) : 0;
}

static void end(struct build *build, int outcome)
{
    int r;

    session_free(&build->session);
    if (outcome < 0 || outcome == WORK_E_RETRY) {
        if (!build->why.text[0])
            reason_set(&build->why, 0, "a fault of the anchor (%s)", strerror(outcome < 0 ? -outcome : EIO));
        build_log_say(&build->log, "%s", build->why.text);
        build_phase_failed(build, "FAULT", "CLIENT_ERROR");
    }
    if (build->status && build->status[0])
        log_info("anchor", "build %s %s: %s", build->id, build->status, build->why.text);
    r = outcome == WORK_E_STOPPED ? hand_back(build) : report_with_lines(build);
    build_log_close(&build->log);
    if (r)
        log_warn("anchor", "build %s: its end is not reported; its lease ends by itself", build->id);
}

static void build_deinit(struct build *build)
{
    rooms_give(build->anchor->rooms, &build->room);
    work_read_free(&build->source);
    build_env_deinit(&build->env);
    buildspec_deinit(&build->spec);
    json_decref(build->exported);
    json_decref(build->artifacts);
    json_decref(build->passed);
    json_decref(build->ended);
    json_decref(build->tree);
}

static json_t *run(const struct anchor *anchor, json_t *tree, struct job *job,
                   int (*finish_job)(struct job *, json_t *))
{
    CLEANUP(build_deinit)
    struct build build = {
        .anchor = anchor,
        .tree = tree,
        .id = json_str(tree, "id", ""),
        .nonce = json_str(tree, "nonce", ""),
        .phase = "PROVISIONING",
        .phase_due_ms = INT64_MAX,
        .exported = json_array(),
        .passed = json_array(),
        .job = job,
        .finish = finish_job,
        .deadline_ms = clock_mono_ms() + json_int(tree, "timeoutMs", 3600000),
        .lease = {.extend = extend, .lease_ms = json_int(tree, "leaseMs", 30000), .cancel_fd = -1},
    };
    int r = build.exported && build.passed
                ? lease_begin(anchor->leases, &build.lease, job ? &job->lease : NULL)
                : FAULT(ENOMEM);

    if (r) {
        log_error("anchor", "build %s cannot be started: %s; its lease ends by itself", build.id,
                  strerror(-r));
        return NULL;
    }
    r = work(&build);
    end(&build, r);
    lease_end(anchor->leases, &build.lease);
    return take(build.ended);
}

void build_run(const struct anchor *anchor, json_t *tree, json_t **ret_next)
{
    *ret_next = NULL;
    json_decref(run(anchor, tree, NULL, NULL));
}

json_t *build_run_within(struct job *job, json_t *tree, int (*finish_job)(struct job *job, json_t *report))
{
    return run(job->anchor, tree, job, finish_job);
}
