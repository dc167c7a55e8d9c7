/* What a build will do, settled when it starts: the project's settings with StartBuild's overrides. */
#include "services/codebuild/build.h"

static const struct {
    const char *override; /* StartBuild's member */
    const char *section;  /* NULL: the project itself */
    const char *member;
} overrides[] = {
    {"sourceTypeOverride", "source", "type"},
    {"sourceLocationOverride", "source", "location"},
    {"buildspecOverride", "source", "buildspec"},
    {"environmentTypeOverride", "environment", "type"},
    {"imageOverride", "environment", "image"},
    {"computeTypeOverride", "environment", "computeType"},
    {"privilegedModeOverride", "environment", "privilegedMode"},
    {"imagePullCredentialsTypeOverride", "environment", "imagePullCredentialsType"},
    {"sourceVersion", NULL, "sourceVersion"},
    {"artifactsOverride", NULL, "artifacts"},
    {"cacheOverride", NULL, "cache"},
    {"serviceRoleOverride", NULL, "serviceRole"},
    {"encryptionKeyOverride", NULL, "encryptionKey"},
    {"timeoutInMinutesOverride", NULL, "timeoutInMinutes"},
    {"queuedTimeoutInMinutesOverride", NULL, "queuedTimeoutInMinutes"},
    {"logsConfigOverride", NULL, "logsConfig"},
};

/* The project's, with sections of its own: all else is read only. */
static int spec_begin(const json_t *project, json_t **ret)
{
    static const char *const sections[] = {"source", "environment"};
    CLEANUP(json_free) json_t *spec = json_copy((json_t *)project);
    for (size_t i = 0; spec && i < ARRAY_LEN(sections); i++) {
        json_t *section = json_object_get(project, sections[i]);
        int r = section ? json_put(spec, sections[i], json_copy(section)) : 0;
        if (r != 0)
            return r;
    }
    if (!spec)
        return FAULT(ENOMEM);
    *ret = take(spec);
    return 0;
}

static int apply_overrides(json_t *spec, const json_t *input)
{
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        json_t *value = json_object_get(input, overrides[i].override);
        json_t *section = overrides[i].section ? json_object_get(spec, overrides[i].section) : spec;
        if (value && json_object_set(section, overrides[i].member, value))
            return FAULT(ENOMEM);
    }
    return 0;
}

/* Takes the variable. */
static int set_variable(json_t *variables, json_t *variable)
{
    size_t i;
    json_t *existing;
    json_array_foreach (variables, i, existing) {
        if (str_eqc(str_of(json_str(existing, "name", "")), json_str(variable, "name", "")))
            return json_array_set_new(variables, i, variable) ? FAULT(ENOMEM) : 0;
    }
    return json_array_append_new(variables, variable) ? FAULT(ENOMEM) : 0;
}

static int lay_over(json_t *merged, const json_t *variables)
{
    size_t i;
    json_t *variable;
    json_array_foreach (variables, i, variable) {
        bool typed = json_object_get(variable, "type");
        json_t *own = typed ? json_incref(variable) : json_copy(variable);
        int r = typed ? 0 : json_put_str(own, "type", "PLAINTEXT");
        if (r == 0)
            r = set_variable(merged, own);
        else
            json_free(&own);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The project's variables, those of the call laid over them by name; every one has a type then. */
static int merge_variables(json_t *spec, const json_t *input)
{
    json_t *environment = json_object_get(spec, "environment");
    CLEANUP(json_free) json_t *merged = json_array();
    if (!merged)
        return FAULT(ENOMEM);
    int r = lay_over(merged, json_object_get(environment, "environmentVariables"));
    if (r == 0)
        r = lay_over(merged, json_object_get(input, "environmentVariablesOverride"));
    return r == 0 ? json_put(environment, "environmentVariables", take(merged)) : r;
}

/* The worker's names for the log: by logsConfig, else /aws/codebuild/PROJECT and the build's UUID. */
static int settle_logs(json_t *spec, const char *project, const char *uuid)
{
    const json_t *config = json_path(spec, "logsConfig.cloudWatchLogs");
    const char *group = json_str(config, "groupName", ""), *stream = json_str(config, "streamName", "");
    json_t *logs = json_pack("{s:s}", "status", json_str(config, "status", "ENABLED"));
    int r = json_put(spec, "logs", logs);
    if (r == 0)
        r = group[0] ? json_put_str(logs, "groupName", group)
                     : json_put_format(logs, "groupName", "/aws/codebuild/%s", project);
    if (r == 0)
        r = stream[0] ? json_put_format(logs, "streamName", "%s/%s", stream, uuid)
                      : json_put_str(logs, "streamName", uuid);
    return r;
}

static int check_source(const json_t *spec, struct reason *why)
{
    const char *type = json_str(json_object_get(spec, "source"), "type", "");
    if (str_eqc(STR("S3"), type) || str_eqc(STR("NO_SOURCE"), type))
        return 0;
    return reason_set(why, CODEBUILD_E_INVALID,
                      "A build with source type %s cannot be started: Slipway builds from S3 and NO_SOURCE; "
                      "override it with sourceTypeOverride and sourceLocationOverride.",
                      type);
}

/* A build that asks for them would silently be another one. */
static const char *const refused[] = {"secondarySourcesOverride",
                                      "secondaryArtifactsOverride",
                                      "debugSessionEnabled",
                                      "autoRetryLimitOverride",
                                      "fleetOverride",
                                      NULL};

int spec_make(const json_t *project, const json_t *input, const char *account, const char *id,
              const char *initiator, json_t **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *spec = NULL;
    int r = codebuild_check_known(input, refused, why);
    if (r == 0)
        r = spec_begin(project, &spec);
    if (r == 0)
        r = apply_overrides(spec, input);
    if (r == 0)
        r = merge_variables(spec, input);
    if (r == 0)
        r = codebuild_check_parts(spec, account, why);
    if (r == 0)
        r = check_source(spec, why);
    if (r == 0)
        r = settle_logs(spec, json_str(spec, "name", ""), build_uuid(id));
    if (r == 0)
        r = json_put_str(spec, "initiator", initiator);
    if (r == 0 && json_object_set(spec, "input", (json_t *)input))
        r = FAULT(ENOMEM);
    if (r == 0)
        *ret = take(spec);
    return r;
}
