/* Source/S3 in the step's own transaction: where the object and the artifact store are here and the copy is
 * another name for the same bytes, no worker need be asked for it. All else is a job, and a worker tells what
 * is wrong. Source: CodePipeline User Guide, "Amazon S3 source action". */
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/engine/effect.h"
#include "services/codepipeline/store.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include <stdio.h>

static const char *pinned_version(const struct execution *execution, const struct run *run)
{
    const json_t *override = source_override(json_object_get(execution->data, "sourceRevisions"),
                                             run->action->name, SOURCE_VERSION_ID);

    return json_str(override, "revisionValue", NULL);
}

/* The uploader's words, when they are UTF-8. */
static json_t *summary_make(const struct object_shared *shared, const char *otherwise)
{
    json_t *summary = shared->metadata[0] ? json_string(shared->metadata) : NULL;

    return summary ? summary : json_string(otherwise);
}

/* What a worker would report. */
static int result_make(const char *bucket, const char *key, const char *artifact,
                       const struct object_shared *shared, json_t **ret)
{
    char words[256], etag[sizeof(shared->etag) + 2];

    (void)snprintf(words, sizeof(words), "version %.100s, %lld bytes, SHA-256 %s", shared->version_id,
                   (long long)shared->size, shared->sha256);
    (void)snprintf(etag, sizeof(etag), "\"%s\"", shared->etag);
    *ret = json_pack("{s:{s:s, s:s, s:s, s:s, s:s}, s:[{s:s, s:s}], s:{s:s, s:s, s:o}, s:{s:s}}",
                     "outputVariables", "BucketName", bucket, "ObjectKey", key, "VersionId",
                     shared->version_id, "ETag", etag, "SHA256", shared->sha256, "outputArtifacts", "name",
                     artifact, "sha256", shared->sha256, "currentRevision", "revision", shared->version_id,
                     "changeIdentifier", shared->etag, "revisionSummary", summary_make(shared, words),
                     "executionDetails", "summary", words);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* > 0: it is a worker's. */
static int source_copy(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                       const struct execution *execution, const struct run *run, json_t **ret_result,
                       struct object_author *ret_author)
{
    const json_t *configuration = json_object_get(run->detail, "resolvedConfiguration");
    const json_t *output = json_array_get(json_object_get(run->detail, "outputArtifacts"), 0);
    const struct object_share share = {
        .account = pipeline->account,
        .from_bucket = json_str(configuration, "S3Bucket", ""),
        .from_key = json_str(configuration, "S3ObjectKey", ""),
        .from_version = pinned_version(execution, run),
        .metadata = "x-amz-meta-codepipeline-artifact-revision-summary",
        .to_bucket = json_str(output, "bucket", ""),
        .to_key = json_str(output, "key", ""),
    };
    struct object_shared shared;
    int r = object_share(tx, platform, &share, &shared);

    if (r == 0)
        r = result_make(share.from_bucket, share.from_key, json_str(output, "name", ""), &shared, ret_result);
    if (r)
        return r;
    r = object_author(tx, share.from_bucket, share.from_key, shared.version_id, ret_author);
    return r == S3_E_NO_VERSION ? 0 : r;
}

/* One that acts in a role of its own reads as that role: its worker does. */
static bool is_mine(const struct effect *effect)
{
    return effect->kind == EFFECT_OFFER && source_is_s3(effect->run->action) &&
           !effect->run->action->role_arn && effect->run->status == ACTION_IN_PROGRESS;
}

int sources_take(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                 struct flow *flow)
{
    for (size_t i = 0; i < flow->effect_count; i++) { /* a result may begin the next source */
        const struct effect *effect = &flow->effects[i];
        CLEANUP(json_free) json_t *result = NULL;
        struct object_author author = {0};
        struct flow_event event = {.kind = FLOW_RESULT, .yes = true};
        int r;

        if (!is_mine(effect))
            continue;
        r = source_copy(tx, platform, pipeline, effect->execution, effect->run, &result, &author);
        if (r > 0)
            continue;
        event.run_id = effect->run->id;
        event.input = result;
        event.author = author.arn;
        event.author_person = author.person;
        if (r == 0)
            r = flow_step(flow, &event, flow->now_ms, NULL);
        if (r)
            return r > 0 ? FAULT(EPROTO) : r;
    }
    return 0;
}
