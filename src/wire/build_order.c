/* See build_order.h. The build's source is the action's input artifact, its upload the action's output. */
#include "wire/build_order.h"
#include "wire/json.h"

#define DIGEST_VARIABLE "SLIPWAY_SOURCE_SHA256"

static const char *text_at(const json_t *value, const char *path)
{
    const char *text = json_string_value(json_path(value, path));

    return text ? text : "";
}

/* "": not set. */
static const char *setting(const json_t *data, const char *name)
{
    return json_str(json_path(data, "actionConfiguration.configuration"), name, "");
}

/* ---- environment variables: the configuration's, the artifact's digest, the action's own */

static int variables_begin(const json_t *data, json_t *in, struct reason *why)
{
    const char *text = setting(data, "EnvironmentVariables");
    json_t *list = NULL;
    struct reason cause = {0};
    int r = text[0] ? json_parse(str_of(text), &list, &cause) : 0;

    if (r < 0)
        return r;
    if (text[0] && !json_is_array(list)) {
        json_free(&list);
        return reason_set(why, BUILD_ORDER_E_BAD,
                          "EnvironmentVariables must be a JSON list of {name, value, type}: %s", cause.text);
    }
    return json_put(in, "environmentVariablesOverride", list ? list : json_array());
}

static int variable_add(json_t *in, json_t *variable)
{
    json_t *list = json_object_get(in, "environmentVariablesOverride");

    return json_array_append_new(list, variable) ? FAULT(ENOMEM) : 0;
}

static int variables_add(const json_t *data, json_t *in)
{
    const json_t *variables = json_object_get(data, "environmentVariables");
    json_t *variable;
    size_t i;
    int r = 0;

    json_array_foreach ((json_t *)variables, i, variable)
        if (r == 0)
            r = variable_add(in, json_incref(variable));
    return r;
}

/* ---- artifacts */

/* The input artifact of that name ("": the first), or NULL. */
static const json_t *input_find(const json_t *data, const char *name)
{
    const json_t *artifacts = json_object_get(data, "inputArtifacts"), *artifact;
    size_t i;

    json_array_foreach (artifacts, i, artifact)
        if (!name[0] || strcmp(json_str(artifact, "name", ""), name) == 0)
            return artifact;
    return NULL;
}

static int source_put(const json_t *data, json_t *in, struct reason *why)
{
    const char *primary = setting(data, "PrimarySource");
    const json_t *artifact = input_find(data, primary);
    const char *bucket = text_at(artifact, "location.s3Location.bucketName");
    const char *key = text_at(artifact, "location.s3Location.objectKey");
    const char *digest = json_str(artifact, "sha256", "");
    int r;

    if (!bucket[0] || !key[0])
        return reason_set(why, BUILD_ORDER_E_BAD, "the action needs an input artifact%s%s",
                          primary[0] ? " named " : "", primary);
    if (json_array_size(json_object_get(data, "inputArtifacts")) > 1)
        return reason_set(why, BUILD_ORDER_E_BAD,
                          "a build with several input artifacts is not supported by Slipway yet");
    r = json_put_str(in, "sourceTypeOverride", "S3");
    if (r == 0)
        r = json_put_format(in, "sourceLocationOverride", "%s/%s", bucket, key);
    if (r || !digest[0])
        return r;
    return variable_add(
        in, json_pack("{s:s, s:s, s:s}", "name", DIGEST_VARIABLE, "value", digest, "type", "PLAINTEXT"));
}

/* S3 splits location, path and name as CodeBuild does. */
static int artifacts_put(const json_t *data, json_t *in)
{
    const char *bucket = text_at(data, "outputArtifacts.0.location.s3Location.bucketName");
    const char *key = text_at(data, "outputArtifacts.0.location.s3Location.objectKey");
    const char *slash = strrchr(key, '/');
    json_t *artifacts;
    int r;

    if (!bucket[0] || !key[0])
        return json_put(in, "artifactsOverride", json_pack("{s:s}", "type", "NO_ARTIFACTS"));
    artifacts = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "S3", "location", bucket, "name",
                          slash ? slash + 1 : key, "packaging", "ZIP", "namespaceType", "NONE");
    r = json_put(in, "artifactsOverride", artifacts);
    return r || !slash ? r : json_put_strn(artifacts, "path", (struct str){key, (size_t)(slash - key)});
}

/* ---- the two kinds of actions */

static int project_order(const json_t *data, json_t *in, struct reason *why)
{
    const char *project = setting(data, "ProjectName");
    int r;

    if (!project[0])
        return reason_set(why, BUILD_ORDER_E_BAD, "the action's configuration needs ProjectName");
    if (strcmp(setting(data, "BatchEnabled"), "true") == 0)
        return reason_set(why, BUILD_ORDER_E_BAD, "batch builds are not supported by Slipway");
    r = json_put_str(in, "projectName", project);
    if (r == 0)
        r = variables_begin(data, in, why);
    return r ? r : source_put(data, in, why);
}

/* A buildspec; JSON is YAML. */
static int commands_spec(const json_t *data, json_t *in)
{
    json_t *commands = json_object_get(data, "commands"), *files = json_object_get(data, "outputFiles");
    json_t *variables = json_object_get(data, "outputVariables");
    CLEANUP(json_free)
    json_t *spec = json_pack("{s:s, s:{s:{s:O}}}", "version", "0.2", "phases", "build", "commands", commands);
    CLEANUP(free_ptr) char *text = NULL;
    int r = spec ? 0 : FAULT(ENOMEM);

    if (r == 0 && variables)
        r = json_put(spec, "env", json_pack("{s:O}", "exported-variables", variables));
    if (r == 0 && files)
        r = json_put(spec, "artifacts", json_pack("{s:O}", "files", files));
    text = r ? NULL : json_text(spec);
    if (!text)
        return r ? r : FAULT(ENOMEM);
    return json_put_str(in, "buildspecOverride", text);
}

static int commands_order(const json_t *data, json_t *in, struct reason *why)
{
    json_t *logs = json_pack("{s:s}", "status", "ENABLED");
    int r = json_put(in, "logsConfigOverride", json_pack("{s:o}", "cloudWatchLogs", logs));

    if (r)
        return r;
    if (json_array_size(json_object_get(data, "commands")) == 0)
        return reason_set(why, BUILD_ORDER_E_BAD, "the action has no commands");
    r = json_put_str(in, "projectName", BUILD_ORDER_COMMANDS_PROJECT);
    if (r == 0)
        r = json_put(in, "environmentVariablesOverride", json_array());
    if (r == 0)
        r = json_put_format(logs, "groupName", "/aws/codepipeline/%s",
                            text_at(data, "pipelineContext.pipelineName"));
    if (r == 0)
        r = commands_spec(data, in);
    if (r || json_array_size(json_object_get(data, "inputArtifacts")) == 0)
        return r;
    return source_put(data, in, why);
}

static const struct {
    const char *provider;
    int (*make)(const json_t *data, json_t *in, struct reason *why);
} kinds[] = {
    {"CodeBuild", project_order},
    {"Commands", commands_order},
};

int build_order_make(const json_t *data, const char *job_id, json_t **ret, struct reason *why)
{
    const char *execution = text_at(data, "pipelineContext.action.actionExecutionId");
    const char *provider = text_at(data, "actionTypeId.provider");
    bool ours = strcmp(text_at(data, "actionTypeId.owner"), "Custom") != 0;
    CLEANUP(json_free) json_t *in = NULL;
    int r = BUILD_ORDER_E_OTHER;

    for (size_t i = 0; ours && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].provider, provider) != 0)
            continue;
        in = json_object();
        r = in ? kinds[i].make(data, in, why) : FAULT(ENOMEM);
    }
    if (r == 0)
        r = variables_add(data, in);
    if (r == 0)
        r = artifacts_put(data, in);
    if (r == 0)
        r = json_put_str(in, "idempotencyToken", execution[0] ? execution : job_id);
    if (r == 0)
        *ret = take(in);
    return r;
}
