/* Starts the release stack's pipeline, pinned to the artifact's version. */
#include "base/hash.h"
#include "wire/json.h"
#include "workers/launcher/release.h"
#include "workers/stack.h"
#include <stdio.h>

static int no_pipeline(struct release *release, const char *what)
{
    reason_set(&release->why, 0, "release template '%s' has no %s", release->rule->template, what);
    return release_fail(release, WORK_E_FAILED, "template-failed",
                        "correct the release template, then push again");
}

static int pipeline_find(struct release *release, char ret[128])
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *resources, *resource;
    size_t i;
    int r = work_call(release->releaser->client, "cloudformation", "DescribeStackResources",
                      json_pack("{s:s}", "StackName", release->names.stack), &out, NULL, &release->why);

    if (r)
        return r;
    resources = work_list(out, "StackResources");
    json_array_foreach (resources, i, resource) {
        const char *name = json_str(resource, "PhysicalResourceId", "");

        if (strcmp(json_str(resource, "ResourceType", ""), "AWS::CodePipeline::Pipeline") == 0 && name[0]) {
            snprintf(ret, 128, "%s", name);
            return 0;
        }
    }
    return no_pipeline(release, "resource of type AWS::CodePipeline::Pipeline");
}

static bool is_source_of(const struct release *release, const json_t *action)
{
    const json_t *configuration = json_object_get(action, "configuration");

    return strcmp(json_str(json_object_get(action, "actionTypeId"), "provider", ""), "S3") == 0 &&
           strcmp(json_str(json_object_get(action, "actionTypeId"), "category", ""), "Source") == 0 &&
           strcmp(json_str(configuration, "S3Bucket", ""), release->bucket) == 0 &&
           strcmp(json_str(configuration, "S3ObjectKey", ""), release->key) == 0;
}

static int source_find(struct release *release, const char *pipeline, char ret[128])
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *actions, *action;
    size_t i;
    int r = work_call(release->releaser->client, "codepipeline", "GetPipeline",
                      json_pack("{s:s}", "name", pipeline), &out, NULL, &release->why);

    if (r)
        return r;
    actions = json_path(out, "pipeline.stages.0.actions");
    json_array_foreach (actions, i, action) {
        if (!is_source_of(release, action))
            continue;
        snprintf(ret, 128, "%s", json_str(action, "name", ""));
        return 0;
    }
    return no_pipeline(release,
                       "Source action of provider S3 that reads !Ref ArtifactBucket and !Ref ArtifactKey");
}

static int pipeline_of(struct release *release, const json_t *stack, char pipeline[128], char action[128])
{
    struct known *known = release->releaser->known;
    char state[256];
    int r;

    snprintf(state, sizeof(state), "%.160s %.60s", json_str(stack, "StackId", ""),
             json_str(stack, "LastUpdatedTime", ""));
    if (known_find(known, release->names.stack, state, pipeline, action))
        return 0;
    r = pipeline_find(release, pipeline);
    if (r == 0)
        r = source_find(release, pipeline, action);
    if (r == 0)
        known_put(known, release->names.stack, state, pipeline, action);
    return r;
}

/* The same for the same bytes at the same place, however often it is asked for. */
static int token_make(const struct release *release, char ret[HASH_HEX_SIZE])
{
    CLEANUP(free_ptr) char *text = NULL;
    int len = asprintf(&text, "%s/%s/%s", release->bucket, release->key,
                       release->head.version_id[0] ? release->head.version_id : release->head.etag);

    if (len < 0)
        return FAULT(ENOMEM);
    hash_sha256_hex((struct str){text, (size_t)len}, ret);
    return 0;
}

int release_start(struct release *release, const json_t *stack)
{
    CLEANUP(json_free) json_t *out = NULL;
    char pipeline[128], action[128], token[HASH_HEX_SIZE];
    json_t *in;
    int r = pipeline_of(release, stack, pipeline, action);

    if (r == 0)
        r = token_make(release, token);
    if (r)
        return r;
    in = json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}]}", "name", pipeline, "clientRequestToken", token,
                   "sourceRevisions", "actionName", action, "revisionType", "S3_OBJECT_VERSION_ID",
                   "revisionValue", release->head.version_id);
    r = in ? work_call(release->releaser->client, "codepipeline", "StartPipelineExecution", in, &out, NULL,
                       &release->why)
           : FAULT(ENOMEM);
    if (r == WORK_E_FAILED)
        return release_fail(release, r, "start-failed", "look at the pipeline, then push again");
    if (r == 0)
        r = json_put_str(release->record, "pipeline", pipeline);
    if (r == 0)
        r = json_put_str(release->record, "executionId", json_str(out, "pipelineExecutionId", ""));
    return r;
}
