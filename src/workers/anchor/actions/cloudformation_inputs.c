/* What a Deploy/CloudFormation action deploys: template, template configuration, parameter overrides with
 * their artifact functions. Source: CloudFormation User Guide, "Using parameter override functions with
 * CodePipeline pipelines". */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/zip.h"
#include <stdio.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)

void deployment_deinit(struct deployment *deployment)
{
    free(deployment->template);
    json_decref(deployment->parameters);
    json_decref(deployment->tags);
    json_decref(deployment->capabilities);
    *deployment = (struct deployment){0};
}

static int artifact_file(struct job *job, const char *artifact_name, const char *path, struct buf *ret)
{
    const json_t *artifact = job_input(job, artifact_name);
    CLEANUP(close_fd) int fd = -1;
    struct reason why = {0};
    int r;

    if (!artifact)
        return job_fail(job, "ConfigurationError", "'%s' is not an input artifact of this action",
                        artifact_name);
    r = job_input_open(job, artifact, &fd);
    if (r)
        return r;
    r = zip_read_file(fd, path, ret, &why);
    if (r > 0)
        return job_fail(job, "ConfigurationError", "artifact %s: %s", artifact_name, why.text);
    return r;
}

/* "Artifact::path/in/it" */
static int located_file(struct job *job, const char *setting, const char *location, struct buf *ret)
{
    const char *colons = strstr(location, "::");
    CLEANUP(free_ptr) char *name = NULL;

    if (!colons || colons == location || !colons[2])
        return job_fail(job, "ConfigurationError", "%s must be ARTIFACT::FILE, not '%s'", setting, location);
    name = str_dup((struct str){location, (size_t)(colons - location)});
    return name ? artifact_file(job, name, colons + 2, ret) : FAULT(ENOMEM);
}

static int json_file(struct job *job, const char *what, struct str text, json_t **ret)
{
    struct reason why = {0};
    int r = json_parse(text, ret, &why);

    if (r > 0 || (r == 0 && !json_is_object(*ret)))
        return job_fail(job, "ConfigurationError", "%s is not a JSON object%s%s", what, r ? ": " : "",
                        why.text);
    return r;
}

/* Fn::GetArtifactAtt: [artifact, BucketName | ObjectKey | URL] */
static int artifact_attribute(struct job *job, const json_t *args, struct buf *ret)
{
    const char *name = json_string_value(json_array_get(args, 0));
    const char *attribute = json_string_value(json_array_get(args, 1));
    const json_t *artifact = name ? job_input(job, name) : NULL;
    const char *bucket = json_string_value(json_path(artifact, "location.s3Location.bucketName"));
    const char *key = json_string_value(json_path(artifact, "location.s3Location.objectKey"));
    const char *endpoint = aws_client_endpoint(job->client);

    if (!artifact || !attribute || !bucket || !key)
        return job_fail(job, "ConfigurationError",
                        "Fn::GetArtifactAtt needs an input artifact of this action and an attribute");
    if (strcmp(attribute, "BucketName") == 0)
        return buf_puts(ret, bucket);
    if (strcmp(attribute, "ObjectKey") == 0)
        return buf_puts(ret, key);
    if (strcmp(attribute, "URL") == 0)
        return buf_printf(ret, "%s/%s/%s", endpoint ? endpoint : "https://s3.amazonaws.com", bucket, key);
    return job_fail(job, "ConfigurationError",
                    "Fn::GetArtifactAtt knows BucketName, ObjectKey and URL, not '%s'", attribute);
}

/* Fn::GetParam: [artifact, file.json, key] */
static int artifact_parameter(struct job *job, const json_t *args, struct buf *ret)
{
    const char *name = json_string_value(json_array_get(args, 0));
    const char *path = json_string_value(json_array_get(args, 1));
    const char *key = json_string_value(json_array_get(args, 2));
    CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX_BYTES);
    CLEANUP(json_free) json_t *tree = NULL;
    const char *value;
    int r;

    if (!name || !path || !key)
        return job_fail(job, "ConfigurationError", "Fn::GetParam needs [artifact, file, key]");
    r = artifact_file(job, name, path, &text);
    if (r == 0)
        r = json_file(job, path, buf_str(&text), &tree);
    if (r)
        return r;
    value = json_str(tree, key, NULL);
    if (!value)
        return job_fail(job, "ConfigurationError", "'%s' has no text named '%s' (Fn::GetParam)", path, key);
    return buf_puts(ret, value);
}

static int parameter_value(struct job *job, const char *name, const json_t *value, struct buf *ret)
{
    const json_t *attribute = json_object_get(value, "Fn::GetArtifactAtt");
    const json_t *parameter = json_object_get(value, "Fn::GetParam");

    if (json_is_string(value))
        return buf_puts(ret, json_string_value(value));
    if (json_is_integer(value))
        return buf_printf(ret, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return buf_puts(ret, json_is_true(value) ? "true" : "false");
    if (attribute && json_object_size(value) == 1)
        return artifact_attribute(job, attribute, ret);
    if (parameter && json_object_size(value) == 1)
        return artifact_parameter(job, parameter, ret);
    return job_fail(job, "ConfigurationError",
                    "parameter %s must be text, Fn::GetArtifactAtt or Fn::GetParam", name);
}

static int parameters_lay(struct job *job, const json_t *from, json_t *onto)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)from, name, value) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
        int r = parameter_value(job, name, value, &text);

        if (r)
            return r;
        if (json_put_strn(onto, name, buf_str(&text)))
            return FAULT(ENOMEM);
    }
    return 0;
}

static json_t *rows_make(const json_t *map, const char *key_name, const char *value_name)
{
    json_t *rows = json_array();
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)map, name, value)
        json_array_append_new(rows, json_pack("{s:s, s:O}", key_name, name, value_name, value));
    return rows;
}

static int configuration_read(struct job *job, json_t *parameters, json_t **ret_tags)
{
    const char *location = job_setting(job, "TemplateConfiguration");
    CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX_BYTES);
    CLEANUP(json_free) json_t *tree = NULL;
    int r;

    if (!location)
        return 0;
    r = located_file(job, "TemplateConfiguration", location, &text);
    if (r == 0)
        r = json_file(job, "TemplateConfiguration", buf_str(&text), &tree);
    if (r)
        return r;
    if (json_object_get(tree, "StackPolicy"))
        return job_fail(job, "ConfigurationError",
                        "StackPolicy in TemplateConfiguration is not supported by Slipway");
    *ret_tags = rows_make(json_object_get(tree, "Tags"), "Key", "Value");
    return *ret_tags ? parameters_lay(job, json_object_get(tree, "Parameters"), parameters) : FAULT(ENOMEM);
}

static int overrides_read(struct job *job, json_t *parameters)
{
    const char *text = job_setting(job, "ParameterOverrides");
    CLEANUP(json_free) json_t *tree = NULL;
    int r;

    if (!text)
        return 0;
    r = json_file(job, "ParameterOverrides", str_of(text), &tree);
    return r ? r : parameters_lay(job, tree, parameters);
}

static json_t *capabilities_read(const struct job *job)
{
    struct str rest = str_of(job_setting(job, "Capabilities"));
    json_t *list = json_array();

    while (list && rest.len > 0) {
        struct str one = str_trim(str_split(&rest, ','));

        if (one.len > 0)
            json_array_append_new(list, json_stringn(one.ptr, one.len));
    }
    return list;
}

int deployment_read(struct job *job, struct deployment *ret)
{
    const char *location = job_setting(job, "TemplatePath");
    CLEANUP(deployment_deinit) struct deployment deployment = {0};
    CLEANUP(buf_free) struct buf template = BUF_INIT(FILE_MAX_BYTES);
    CLEANUP(json_free) json_t *parameters = json_object();
    int r;

    if (!location)
        return job_fail(job, "ConfigurationError",
                        "the action's configuration needs TemplatePath (ARTIFACT::FILE)");
    r = parameters ? located_file(job, "TemplatePath", location, &template) : FAULT(ENOMEM);
    if (r == 0)
        r = configuration_read(job, parameters, &deployment.tags);
    if (r == 0)
        r = overrides_read(job, parameters);
    if (r)
        return r;
    deployment.template = buf_take(&template);
    deployment.parameters = rows_make(parameters, "ParameterKey", "ParameterValue");
    deployment.capabilities = capabilities_read(job);
    if (!deployment.tags)
        deployment.tags = json_array();
    if (!deployment.template)
        return job_fail(job, "ConfigurationError", "the template %s is empty", location);
    if (!deployment.parameters || !deployment.capabilities || !deployment.tags)
        return FAULT(ENOMEM);
    *ret = deployment;
    memset(&deployment, 0, sizeof(deployment));
    return 0;
}
