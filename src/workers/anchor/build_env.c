/* See build_env.h.
 * Source: CodeBuild User Guide, "Environment variables in build environments". */
#include "workers/anchor/build_env.h"
#include "base/mem.h"
#include "wire/json.h"
#include <stdio.h>

static int parameter_get(struct aws_client *client, const char *name, json_t *map, const char *variable,
                         struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    const char *value;
    int r = work_call(client, "ssm", "GetParameter",
                      json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 1), &out, NULL, why);

    if (r)
        return r;
    value = json_string_value(json_path(out, "Parameter.Value"));
    return json_put_str(map, variable, value ? value : "") ? FAULT(ENOMEM) : 0;
}

static int spec_variables(const struct buildspec *spec, struct aws_client *client, json_t *map,
                          struct reason *why)
{
    const char *name;
    json_t *value;
    int r;

    if (spec->variables && json_object_update(map, (json_t *)spec->variables))
        return FAULT(ENOMEM);
    json_object_foreach ((json_t *)spec->parameter_store, name, value) {
        r = parameter_get(client, json_string_value(value), map, name, why);
        if (r)
            return r;
    }
    return 0;
}

static int build_variables(const json_t *tree, struct aws_client *client, json_t *map, struct reason *why)
{
    const json_t *variables = json_path(tree, "environment.environmentVariables");
    const json_t *variable;
    size_t i;

    json_array_foreach (variables, i, variable) {
        const char *name = json_str(variable, "name", ""), *value = json_str(variable, "value", "");
        const char *type = json_str(variable, "type", "PLAINTEXT");
        int r;

        if (strcmp(type, "PARAMETER_STORE") == 0)
            r = parameter_get(client, value, map, name, why);
        else if (strcmp(type, "PLAINTEXT") == 0)
            r = json_put_str(map, name, value);
        else
            r = reason_set(why, WORK_E_FAILED, "environment variable %s: type %s is not supported by Slipway",
                           name, type);
        if (r)
            return r;
    }
    return 0;
}

static int own_variables(const struct anchor *anchor, const json_t *tree, struct aws_client *client,
                         const char *source_dir, json_t *map)
{
    const struct sigv4_credentials keys = aws_client_credentials(client);
    const char *endpoint = aws_client_endpoint(anchor->client), *region = aws_client_region(anchor->client);
    const char *image = json_string_value(json_path(tree, "environment.image"));
    const char *stream = json_string_value(json_path(tree, "logs.streamName"));
    const char *version = json_str(tree, "sourceVersion", "");
    const struct {
        const char *name;
        const char *value;
    } texts[] = {
        {"PATH", strchr(BUILD_ENV_PATH, '=') + 1},
        {"LC_CTYPE",
         "C.UTF-8"}, /* as CodeBuild's images have it: LANG has each program read eleven files more */
        {"HOME", "/tmp"},
        {"CI", "true"},
        {"CODEBUILD_CI", "true"},
        {"CODEBUILD_BUILD_ARN", json_str(tree, "arn", "")},
        {"CODEBUILD_BUILD_ID", json_str(tree, "id", "")},
        {"CODEBUILD_BUILD_IMAGE", image ? image : ""},
        {"CODEBUILD_BUILD_SUCCEEDING", "1"},
        {"CODEBUILD_INITIATOR", json_str(tree, "initiator", "")},
        {"CODEBUILD_LOG_PATH", stream ? stream : ""},
        {"CODEBUILD_PROJECT_NAME", json_str(tree, "projectName", "")},
        {"CODEBUILD_RESOLVED_SOURCE_VERSION", version},
        {"CODEBUILD_SOURCE_VERSION", version},
        {"CODEBUILD_SRC_DIR", source_dir},
        {"AWS_REGION", region},
        {"AWS_DEFAULT_REGION", region},
        {"AWS_ACCOUNT_ID", anchor->account},
        {"AWS_ACCESS_KEY_ID", keys.access_key_id},
        {"AWS_SECRET_ACCESS_KEY", keys.secret_access_key},
        {"AWS_SESSION_TOKEN", keys.session_token},
        {"AWS_ENDPOINT_URL", endpoint},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].value && json_put_str(map, texts[i].name, texts[i].value))
            return FAULT(ENOMEM);
    if (json_put_format(map, "CODEBUILD_BUILD_NUMBER", "%lld", (long long)json_int(tree, "buildNumber", 0)) ||
        json_put_format(map, "CODEBUILD_START_TIME", "%.0f",
                        json_number_value(json_object_get(tree, "startTime")) * 1000))
        return FAULT(ENOMEM);
    return 0;
}

static int envp_make(struct build_env *env)
{
    const char *name;
    json_t *value;
    size_t i = 0;

    env->envp = mem_alloc((json_object_size(env->map) + 1) * sizeof(*env->envp));
    if (!env->envp)
        return FAULT(ENOMEM);
    json_object_foreach (env->map, name, value)
        if (asprintf(&env->envp[i++], "%s=%s", name, json_string_value(value)) < 0)
            return FAULT(ENOMEM);
    return 0;
}

int build_env_make(const struct anchor *anchor, const json_t *tree, const struct buildspec *spec,
                   struct aws_client *client, const char *source_dir, struct build_env *ret,
                   struct reason *why)
{
    CLEANUP(build_env_deinit) struct build_env env = {.map = json_object()};
    int r = env.map ? spec_variables(spec, client, env.map, why) : FAULT(ENOMEM);

    if (r == 0)
        r = build_variables(tree, client, env.map, why);
    if (r == 0)
        r = own_variables(anchor, tree, client, source_dir, env.map);
    if (r == 0)
        r = envp_make(&env);
    if (r)
        return r;
    *ret = env;
    env = (struct build_env){0};
    return 0;
}

void build_env_deinit(struct build_env *env)
{
    for (size_t i = 0; env->envp && i < json_object_size(env->map); i++)
        free(env->envp[i]);
    free(env->envp);
    json_decref(env->map);
    *env = (struct build_env){0};
}
