/* AWS::CodeBuild::Project. Source: CloudFormation "AWS::CodeBuild::Project" reference. */
#include "services/codebuild/codebuild.h"
#include "services/cloudformation/resources/types.h"
#include "services/service.h"
#include "wire/json.h"

static const struct property source_rows[] = {
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
    {.name = "Location", .type = PROPERTY_TEXT},
    {.name = "BuildSpec", .type = PROPERTY_TEXT},
    {.name = "SourceIdentifier", .type = PROPERTY_TEXT},
    {.name = "InsecureSsl", .type = PROPERTY_BOOLEAN},
    {.name = "GitCloneDepth", .type = PROPERTY_INTEGER},
};
static const struct properties source = PROPERTIES(source_rows);

static const struct property artifacts_rows[] = {
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
    {.name = "Location", .type = PROPERTY_TEXT},
    {.name = "Name", .type = PROPERTY_TEXT},
    {.name = "Path", .type = PROPERTY_TEXT},
    {.name = "NamespaceType", .type = PROPERTY_TEXT},
    {.name = "Packaging", .type = PROPERTY_TEXT},
    {.name = "OverrideArtifactName", .type = PROPERTY_BOOLEAN},
    {.name = "EncryptionDisabled", .type = PROPERTY_BOOLEAN},
    {.name = "ArtifactIdentifier", .type = PROPERTY_TEXT},
};
static const struct properties artifacts = PROPERTIES(artifacts_rows);

static const struct property variable_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Value", .type = PROPERTY_TEXT, .required = true},
    {.name = "Type", .type = PROPERTY_TEXT},
};
static const struct properties variable = PROPERTIES(variable_rows);
static const struct property variable_item[] = {
    {.name = "EnvironmentVariable", .type = PROPERTY_STRUCT, .of = &variable}};
static const struct properties variables = PROPERTIES(variable_item);
static const struct property environment_rows[] = {
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
    {.name = "Image", .type = PROPERTY_TEXT, .required = true},
    {.name = "ComputeType", .type = PROPERTY_TEXT, .required = true},
    {.name = "PrivilegedMode", .type = PROPERTY_BOOLEAN},
    {.name = "ImagePullCredentialsType", .type = PROPERTY_TEXT},
    {.name = "Certificate", .type = PROPERTY_TEXT},
    {.name = "EnvironmentVariables", .type = PROPERTY_LIST, .of = &variables},
};
static const struct properties environment = PROPERTIES(environment_rows);

static const struct property cloudwatch_rows[] = {
    {.name = "Status", .type = PROPERTY_TEXT, .required = true},
    {.name = "GroupName", .type = PROPERTY_TEXT},
    {.name = "StreamName", .type = PROPERTY_TEXT},
};
static const struct properties cloudwatch = PROPERTIES(cloudwatch_rows);
static const struct property logs_rows[] = {
    {.name = "CloudWatchLogs", .type = PROPERTY_STRUCT, .of = &cloudwatch},
};
static const struct properties logs = PROPERTIES(logs_rows);

static const struct property rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "Description", .type = PROPERTY_TEXT},
    {.name = "Source", .type = PROPERTY_STRUCT, .required = true, .of = &source},
    {.name = "SourceVersion", .type = PROPERTY_TEXT},
    {.name = "Artifacts", .type = PROPERTY_STRUCT, .required = true, .of = &artifacts},
    {.name = "Environment", .type = PROPERTY_STRUCT, .required = true, .of = &environment},
    {.name = "ServiceRole", .type = PROPERTY_TEXT, .required = true},
    {.name = "TimeoutInMinutes", .type = PROPERTY_INTEGER},
    {.name = "QueuedTimeoutInMinutes", .type = PROPERTY_INTEGER},
    {.name = "ConcurrentBuildLimit", .type = PROPERTY_INTEGER},
    {.name = "EncryptionKey", .type = PROPERTY_TEXT},
    {.name = "LogsConfig", .type = PROPERTY_STRUCT, .of = &logs},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};
static const char *const attributes[] = {"Arn", NULL};

/* The API calls BuildSpec "buildspec". */
static int rename_buildspec(json_t *project)
{
    json_t *api_source = json_object_get(project, "source");
    json_t *text = json_object_get(api_source, "buildSpec");

    if (!text)
        return 0;
    int err = json_put(api_source, "buildspec", json_incref(text));
    json_object_del(api_source, "buildSpec");
    return err;
}

static int put(struct resource_work *w, enum project_put_mode mode)
{
    CLEANUP(json_free) json_t *project = resource_lower_camel(w->properties, NULL);

    if (!project)
        return FAULT(ENOMEM);
    int err = rename_buildspec(project);
    if (!err)
        err = json_put_str(project, "name", w->physical_id);
    if (!err)
        err = project_put(w->tx, w->platform, w->account, project, mode, w->why);
    return err ? err
               : resource_attribute(w, "Arn", "arn:aws:codebuild:%s:%s:project/%s", w->platform->region,
                                    w->account, w->physical_id);
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "Name", 150, false, w->physical_id);

    return err ? err : put(w, PROJECT_CREATE);
}

static int update(struct resource_work *w)
{
    return put(w, PROJECT_REPLACE);
}

static int drop(struct resource_work *w)
{
    int err = project_delete(w->tx, w->account, w->physical_id);

    return err == CODEBUILD_E_NOT_FOUND ? 0 : err;
}

const struct resource_type codebuild_project_type = {
    .name = "AWS::CodeBuild::Project",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "Name",
    .create = create,
    .update = update,
    .remove = drop,
};
