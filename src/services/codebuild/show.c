/* A build's two forms: for its watchers, and for the worker that leases it. */
#include "services/codebuild/build.h"
#include "services/service.h"

static const char *const shared_members[] = {"source", "environment", "serviceRole", "sourceVersion",
                                             "initiator"};
static const char *const shown_members[] = {"cache", "encryptionKey", "timeoutInMinutes",
                                            "queuedTimeoutInMinutes"};
static const char *const progress_members[] = {"phases", "resolvedSourceVersion",
                                               "exportedEnvironmentVariables"};

static int copy(json_t *to, const json_t *from, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(from, names[i]);
        if (value && json_object_set(to, names[i], value))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int put_common(const struct build *build, const struct platform *platform, json_t *out)
{
    int r = json_put_str(out, "id", build->id);
    if (r == 0)
        r = json_put_format(out, "arn", "arn:aws:codebuild:%s:%s:build/%s", platform->region, build->account,
                            build->id);
    if (r == 0)
        r = json_put_str(out, "projectName", build->project);
    if (r == 0)
        r = json_put_int(out, "buildNumber", build->number);
    if (r == 0)
        r = json_put_int(out, "startTime", build->started_ms);
    return r == 0 ? copy(out, build->body, shared_members, ARRAY_LEN(shared_members)) : r;
}

static const char *without_arn(const char *location)
{
    static const char prefix[] = "arn:aws:s3:::";
    bool arn = str_starts(str_of(location), STR(prefix));
    return arn ? location + sizeof(prefix) - 1 : location;
}

static int add_part(struct buf *key, struct str part)
{
    while (part.len > 0 && part.ptr[0] == '/') {
        part.ptr++;
        part.len--;
    }
    while (part.len > 0 && part.ptr[part.len - 1] == '/')
        part.len--;
    if (part.len == 0)
        return 0;
    if (key->len > 0)
        (void)buf_putc(key, '/');
    return buf_put_str(key, part);
}

/* CodeBuild API, ProjectArtifacts: path / build id when asked for / name (the project's when not given). */
static int artifact_key(const struct build *build, const json_t *artifacts, struct buf *key)
{
    bool by_build = str_eqc(STR("BUILD_ID"), json_str(artifacts, "namespaceType", "NONE"));
    (void)add_part(key, str_of(json_str(artifacts, "path", "")));
    (void)add_part(key, str_of(by_build ? build_uuid(build->id) : ""));
    (void)add_part(key, str_of(json_str(artifacts, "name", build->project)));
    return buf_error(key);
}

static bool stores_artifacts(const struct build *build)
{
    return str_eqc(STR("S3"), json_str(json_object_get(build->body, "artifacts"), "type", ""));
}

static int show_artifacts(const struct build *build, json_t *out)
{
    CLEANUP(buf_free) struct buf key = BUF_INIT(4096);
    const json_t *reported = json_object_get(build->progress, "artifacts");
    const json_t *artifacts = json_object_get(build->body, "artifacts");
    json_t *shown = reported ? json_deep_copy(reported) : json_object();
    int r = json_put(out, "artifacts", shown);
    if (r != 0 || json_object_get(shown, "location"))
        return r;
    if (!stores_artifacts(build))
        return json_put_str(shown, "location", "");
    r = artifact_key(build, artifacts, &key);
    return r == 0
               ? json_put_format(shown, "location", "arn:aws:s3:::%s/%s",
                                 without_arn(json_str(artifacts, "location", "")), key.len > 0 ? key.ptr : "")
               : r;
}

static int show_logs(const struct build *build, const struct platform *platform, json_t *out)
{
    const json_t *logs = json_object_get(build->body, "logs");
    const char *group = json_str(logs, "groupName", ""), *stream = json_str(logs, "streamName", "");
    const char *status = json_str(logs, "status", "ENABLED");
    json_t *shown = json_pack("{s:{s:s}}", "cloudWatchLogs", "status", status);
    int r = json_put(out, "logs", shown);
    if (r != 0 || !str_eqc(STR("ENABLED"), status))
        return r;
    r = json_put_str(shown, "groupName", group);
    if (r == 0)
        r = json_put_str(shown, "streamName", stream);
    if (r == 0)
        r = json_put_format(shown, "cloudWatchLogsArn", "arn:aws:logs:%s:%s:log-group:%s:log-stream:%s",
                            platform->region, build->account, group, stream);
    return r;
}

int build_show(const struct build *build, const struct platform *platform, json_t **ret)
{
    CLEANUP(json_free) json_t *out = json_object();
    if (!out)
        return FAULT(ENOMEM);
    int r = put_common(build, platform, out);
    if (r == 0)
        r = copy(out, build->body, shown_members, ARRAY_LEN(shown_members));
    if (r == 0)
        r = copy(out, build->progress, progress_members, ARRAY_LEN(progress_members));
    if (r == 0)
        r = json_put_str(out, "buildStatus", build->status);
    if (r == 0)
        r = json_put_str(out, "currentPhase", build->phase);
    if (r == 0)
        r = json_put_bool(out, "buildComplete", build->state == BUILD_ENDED);
    if (r == 0 && build->ended_ms > 0)
        r = json_put_int(out, "endTime", build->ended_ms);
    if (r == 0)
        r = show_artifacts(build, out);
    if (r == 0)
        r = show_logs(build, platform, out);
    if (r == 0)
        *ret = take(out);
    return r;
}

/* ---- for the worker */

/* "BUCKET/KEY" or its ARN → {bucket, key}. */
static json_t *object_of(const char *location)
{
    struct str rest = str_of(without_arn(location));
    struct str bucket = str_split(&rest, '/');
    return json_pack("{s:s%, s:s%}", "bucket", bucket.ptr, bucket.len, "key", rest.ptr ? rest.ptr : "",
                     rest.len);
}

static int put_source(const struct build *build, json_t *out)
{
    const json_t *source = json_object_get(build->body, "source");
    const char *version = json_str(build->body, "sourceVersion", "");
    if (!str_eqc(STR("S3"), json_str(source, "type", "")))
        return 0;
    json_t *object = object_of(json_str(source, "location", ""));
    int r = json_put(out, "s3Source", object);
    return r == 0 && version[0] ? json_put_str(object, "versionId", version) : r;
}

static int put_buildspec(const struct build *build, json_t *out)
{
    const char *spec = json_str(json_object_get(build->body, "source"), "buildspec", "");
    bool text = strchr(spec, '\n') || spec[0] == '{' || str_starts(str_of(spec), STR("version"));
    if (text)
        return json_put(out, "buildspec", json_pack("{s:s, s:s}", "type", "INLINE", "text", spec));
    if (!str_starts(str_of(spec), STR("arn:aws:s3:::")))
        return json_put(out, "buildspec",
                        json_pack("{s:s, s:s}", "type", "FILE", "path", spec[0] ? spec : "buildspec.yml"));
    json_t *object = object_of(spec);
    int r = json_put(out, "buildspec", object);
    return r == 0 ? json_put_str(object, "type", "S3") : r;
}

static int put_artifacts(const struct build *build, json_t *out)
{
    CLEANUP(buf_free) struct buf key = BUF_INIT(4096);
    const json_t *artifacts = json_object_get(build->body, "artifacts");
    if (!stores_artifacts(build))
        return json_put(out, "artifacts", json_pack("{s:s}", "type", "NO_ARTIFACTS"));
    int r = artifact_key(build, artifacts, &key);
    if (r != 0)
        return r;
    return json_put(out, "artifacts",
                    json_pack("{s:s, s:s, s:s, s:s}", "type", "S3", "packaging",
                              json_str(artifacts, "packaging", "NONE"), "bucket",
                              without_arn(json_str(artifacts, "location", "")), "key",
                              key.len > 0 ? key.ptr : ""));
}

int build_show_work(const struct build *build, const struct platform *platform, int64_t now_ms, json_t **ret)
{
    CLEANUP(json_free) json_t *out = json_object();
    if (!out)
        return FAULT(ENOMEM);
    int r = put_common(build, platform, out);
    if (r == 0)
        r = json_put_str(out, "nonce", build->nonce);
    if (r == 0)
        r = json_put_int(out, "leaseMs", CODEBUILD_LEASE_MS);
    if (r == 0)
        r = json_put_int(out, "attempt", build->attempt);
    if (r == 0)
        r = json_put_int(out, "timeoutMs", build->limit_ms - now_ms);
    if (r == 0)
        r = put_source(build, out);
    if (r == 0)
        r = put_buildspec(build, out);
    if (r == 0)
        r = put_artifacts(build, out);
    if (r == 0 && json_object_set(out, "logs", json_object_get(build->body, "logs")))
        r = FAULT(ENOMEM);
    if (r == 0)
        *ret = take(out);
    return r;
}
