/* Field tables. Source: CodeBuild API Reference (API version 2016-10-06), for the parts that Slipway has. */
#include "services/codebuild/shapes.h"

#define TEXT(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRING                                                                    \
    }
#define TEXT1(n)                                                                                             \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRING, .min = 1, .max = INT32_MAX                                        \
    }
#define NEED(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = INT32_MAX               \
    }
#define ONE_OF(n, list)                                                                                      \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRING, .values = (list)                                                  \
    }
#define MUST_BE(n, list)                                                                                     \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRING, .flags = FIELD_REQUIRED, .values = (list)                         \
    }
#define NUMBER(n, low, high)                                                                                 \
    {                                                                                                        \
        .name = (n), .type = FIELD_INTEGER, .min = (low), .max = (high)                                      \
    }
#define FLAG(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .type = FIELD_BOOLEAN                                                                   \
    }
#define TIME(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .type = FIELD_TIMESTAMP                                                                 \
    }
#define PART(n, shape)                                                                                       \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRUCT, .of = &(shape)                                                    \
    }
#define MUST_PART(n, shape)                                                                                  \
    {                                                                                                        \
        .name = (n), .type = FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &(shape)                           \
    }
#define LIST(n, items)                                                                                       \
    {                                                                                                        \
        .name = (n), .type = FIELD_LIST, .of = &(items)                                                      \
    }
#define LIST_MAX(n, items, most)                                                                             \
    {                                                                                                        \
        .name = (n), .type = FIELD_LIST, .max = (most), .of = &(items)                                       \
    }
#define ANY(n)                                                                                               \
    {                                                                                                        \
        .name = (n), .type = FIELD_ANY                                                                       \
    }
#define ITEMS(items, item_shape)                                                                             \
    static const struct field items##_item[] = {                                                             \
        {.name = "item", .type = FIELD_STRUCT, .of = &(item_shape)}};                                        \
    static const struct shape items = SHAPE(items##_item)

static const char *const source_types[] = {"CODECOMMIT", "CODEPIPELINE",      "GITHUB",    "S3",
                                           "BITBUCKET",  "GITHUB_ENTERPRISE", "NO_SOURCE", NULL};
static const char *const artifact_types[] = {"CODEPIPELINE", "S3", "NO_ARTIFACTS", NULL};
static const char *const namespaces[] = {"NONE", "BUILD_ID", NULL};
static const char *const packagings[] = {"NONE", "ZIP", NULL};
static const char *const owner_access[] = {"NONE", "READ_ONLY", "FULL", NULL};
static const char *const cache_types[] = {"NO_CACHE", "S3", "LOCAL", NULL};
static const char *const environment_types[] = {"WINDOWS_CONTAINER",
                                                "LINUX_CONTAINER",
                                                "LINUX_GPU_CONTAINER",
                                                "ARM_CONTAINER",
                                                "WINDOWS_SERVER_2019_CONTAINER",
                                                "LINUX_LAMBDA_CONTAINER",
                                                "ARM_LAMBDA_CONTAINER",
                                                NULL};
static const char *const compute_types[] = {"BUILD_GENERAL1_SMALL",
                                            "BUILD_GENERAL1_MEDIUM",
                                            "BUILD_GENERAL1_LARGE",
                                            "BUILD_GENERAL1_XLARGE",
                                            "BUILD_GENERAL1_2XLARGE",
                                            "BUILD_LAMBDA_1GB",
                                            "BUILD_LAMBDA_2GB",
                                            "BUILD_LAMBDA_4GB",
                                            "BUILD_LAMBDA_8GB",
                                            "BUILD_LAMBDA_10GB",
                                            NULL};
static const char *const variable_types[] = {"PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER", NULL};
static const char *const credential_types[] = {"CODEBUILD", "SERVICE_ROLE", NULL};
static const char *const switches[] = {"ENABLED", "DISABLED", NULL};
static const char *const project_orders[] = {"NAME", "CREATED_TIME", "LAST_MODIFIED_TIME", NULL};
static const char *const orders[] = {"ASCENDING", "DESCENDING", NULL};
static const char *const statuses[] = {"SUCCEEDED",   "FAILED",  "FAULT", "TIMED_OUT",
                                       "IN_PROGRESS", "STOPPED", NULL};
static const char *const final_statuses[] = {"SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED", NULL};
static const char *const phase_types[] = {"SUBMITTED",        "QUEUED",     "PROVISIONING", "DOWNLOAD_SOURCE",
                                          "INSTALL",          "PRE_BUILD",  "BUILD",        "POST_BUILD",
                                          "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",    NULL};

static bool project_name(const char *name)
{
    size_t len = strlen(name);
    return len >= 2 && len <= 255 && name[0] != '-' && name[0] != '_' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static const struct field text_item[] = {{.name = "item", .type = FIELD_STRING, .min = 1, .max = INT32_MAX}};
static const struct shape texts = SHAPE(text_item);

/* ---- parts of projects and builds */

static const struct field source_fields[] = {
    MUST_BE("type", source_types),
    TEXT("location"),
    TEXT("buildspec"),
    NUMBER("gitCloneDepth", 0, INT32_MAX),
    ANY("gitSubmodulesConfig"),
    ANY("auth"),
    FLAG("reportBuildStatus"),
    FLAG("insecureSsl"),
    TEXT("sourceIdentifier"),
};
static const struct shape source = SHAPE(source_fields);
static const struct field artifacts_fields[] = {
    MUST_BE("type", artifact_types),
    TEXT("location"),
    TEXT("path"),
    ONE_OF("namespaceType", namespaces),
    TEXT("name"),
    ONE_OF("packaging", packagings),
    FLAG("overrideArtifactName"),
    FLAG("encryptionDisabled"),
    TEXT("artifactIdentifier"),
    ONE_OF("bucketOwnerAccess", owner_access),
};
static const struct shape artifacts = SHAPE(artifacts_fields);
static const struct field cache_fields[] = {MUST_BE("type", cache_types), TEXT("location"), ANY("modes")};
static const struct shape cache = SHAPE(cache_fields);
static const struct field variable_fields[] = {
    NEED("name"),
    {.name = "value", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    ONE_OF("type", variable_types),
};
static const struct shape variable = SHAPE(variable_fields);
ITEMS(variables, variable);
static const struct field environment_fields[] = {
    MUST_BE("type", environment_types),
    NEED("image"),
    MUST_BE("computeType", compute_types),
    LIST("environmentVariables", variables),
    FLAG("privilegedMode"),
    TEXT("certificate"),
    ANY("registryCredential"),
    ONE_OF("imagePullCredentialsType", credential_types),
};
static const struct shape environment = SHAPE(environment_fields);
static const struct field tag_fields[] = {
    {.name = "key", .type = FIELD_STRING, .min = 1, .max = 127},
    {.name = "value", .type = FIELD_STRING, .min = 0, .max = 255},
};
static const struct shape tag = SHAPE(tag_fields);
ITEMS(tags, tag);
static const struct field log_stream_fields[] = {MUST_BE("status", switches), TEXT("groupName"),
                                                 TEXT("streamName")};
static const struct shape log_stream = SHAPE(log_stream_fields);
static const struct field log_object_fields[] = {MUST_BE("status", switches), TEXT("location"),
                                                 FLAG("encryptionDisabled")};
static const struct shape log_object = SHAPE(log_object_fields);
static const struct field logs_config_fields[] = {PART("cloudWatchLogs", log_stream),
                                                  PART("s3Logs", log_object)};
static const struct shape logs_config = SHAPE(logs_config_fields);

/* ---- projects */

#define PROJECT_SETTINGS                                                                                     \
    {.name = "description", .type = FIELD_STRING, .max = 255}, TEXT("sourceVersion"), PART("cache", cache),  \
        NUMBER("timeoutInMinutes", 5, 2160), NUMBER("queuedTimeoutInMinutes", 5, 480),                       \
        TEXT1("encryptionKey"), LIST_MAX("tags", tags, 50), FLAG("badgeEnabled"),                            \
        PART("logsConfig", logs_config), ANY("vpcConfig"), NUMBER("concurrentBuildLimit", 1, INT32_MAX),     \
        ANY("secondarySources"), ANY("secondaryArtifacts"), ANY("secondarySourceVersions"),                  \
        ANY("fileSystemLocations"), ANY("buildBatchConfig")

static const struct field project_in_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .check = project_name,
     .check_says = "[A-Za-z0-9][A-Za-z0-9\\-_]{1,254}"},
    MUST_PART("source", source),
    MUST_PART("artifacts", artifacts),
    MUST_PART("environment", environment),
    NEED("serviceRole"),
    PROJECT_SETTINGS,
};
const struct shape codebuild_project_in = SHAPE(project_in_fields);
static const struct field project_change_in_fields[] = {
    NEED("name"),
    PART("source", source),
    PART("artifacts", artifacts),
    PART("environment", environment),
    TEXT1("serviceRole"),
    PROJECT_SETTINGS,
};
const struct shape codebuild_project_change_in = SHAPE(project_change_in_fields);

static const struct field project_fields[] = {
    TEXT("name"),
    TEXT("arn"),
    PART("source", source),
    PART("artifacts", artifacts),
    PART("environment", environment),
    TEXT("serviceRole"),
    PROJECT_SETTINGS,
    TIME("created"),
    TIME("lastModified"),
    ANY("badge"),
    TEXT("projectVisibility"),
};
static const struct shape project = SHAPE(project_fields);
ITEMS(projects, project);
static const struct field project_out_fields[] = {PART("project", project)};
const struct shape codebuild_project_out = SHAPE(project_out_fields);
static const struct field project_name_in_fields[] = {NEED("name")};
const struct shape codebuild_project_name_in = SHAPE(project_name_in_fields);
static const struct field project_names_in_fields[] = {
    {.name = "names", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .min = 1, .max = 100, .of = &texts}};
const struct shape codebuild_project_names_in = SHAPE(project_names_in_fields);
static const struct field projects_out_fields[] = {LIST("projects", projects),
                                                   LIST("projectsNotFound", texts)};
const struct shape codebuild_projects_out = SHAPE(projects_out_fields);
static const struct field list_projects_in_fields[] = {ONE_OF("sortBy", project_orders),
                                                       ONE_OF("sortOrder", orders), TEXT1("nextToken")};
const struct shape codebuild_list_projects_in = SHAPE(list_projects_in_fields);
static const struct field list_projects_out_fields[] = {LIST("projects", texts), TEXT("nextToken")};
const struct shape codebuild_list_projects_out = SHAPE(list_projects_out_fields);

/* ---- builds */

static const struct field start_in_fields[] = {
    NEED("projectName"),
    TEXT("sourceVersion"),
    PART("artifactsOverride", artifacts),
    LIST("environmentVariablesOverride", variables),
    ONE_OF("sourceTypeOverride", source_types),
    TEXT("sourceLocationOverride"),
    TEXT("buildspecOverride"),
    ONE_OF("environmentTypeOverride", environment_types),
    TEXT1("imageOverride"),
    ONE_OF("computeTypeOverride", compute_types),
    PART("cacheOverride", cache),
    TEXT1("serviceRoleOverride"),
    FLAG("privilegedModeOverride"),
    NUMBER("timeoutInMinutesOverride", 5, 2160),
    NUMBER("queuedTimeoutInMinutesOverride", 5, 480),
    TEXT1("encryptionKeyOverride"),
    TEXT("idempotencyToken"),
    PART("logsConfigOverride", logs_config),
    ONE_OF("imagePullCredentialsTypeOverride", credential_types),
    ANY("secondarySourcesOverride"),
    ANY("secondaryArtifactsOverride"),
};
const struct shape codebuild_start_in = SHAPE(start_in_fields);

static const struct field context_fields[] = {TEXT("statusCode"), TEXT("message")};
static const struct shape context = SHAPE(context_fields);
ITEMS(contexts, context);
static const struct field phase_fields[] = {
    MUST_BE("phaseType", phase_types), ONE_OF("phaseStatus", statuses), TIME("startTime"), TIME("endTime"),
    NUMBER("durationInSeconds", 0, 0), LIST("contexts", contexts),
};
static const struct shape phase = SHAPE(phase_fields);
ITEMS(phases, phase);
static const struct field exported_fields[] = {TEXT1("name"), TEXT("value")};
static const struct shape exported = SHAPE(exported_fields);
ITEMS(exporteds, exported);
static const struct field build_artifacts_fields[] = {TEXT("location"), TEXT("sha256sum"), TEXT("md5sum"),
                                                      FLAG("overrideArtifactName"),
                                                      FLAG("encryptionDisabled")};
static const struct shape build_artifacts = SHAPE(build_artifacts_fields);
static const struct field build_logs_fields[] = {
    TEXT("groupName"),          TEXT("streamName"),
    TEXT("cloudWatchLogsArn"),  PART("cloudWatchLogs", log_stream),
    PART("s3Logs", log_object),
};
static const struct shape build_logs = SHAPE(build_logs_fields);
static const struct field build_fields[] = {
    TEXT("id"),
    TEXT("arn"),
    NUMBER("buildNumber", 0, 0),
    TIME("startTime"),
    TIME("endTime"),
    TEXT("currentPhase"),
    ONE_OF("buildStatus", statuses),
    TEXT("sourceVersion"),
    TEXT("resolvedSourceVersion"),
    TEXT("projectName"),
    LIST("phases", phases),
    PART("source", source),
    PART("artifacts", build_artifacts),
    PART("cache", cache),
    PART("environment", environment),
    TEXT("serviceRole"),
    PART("logs", build_logs),
    NUMBER("timeoutInMinutes", 0, 0),
    NUMBER("queuedTimeoutInMinutes", 0, 0),
    FLAG("buildComplete"),
    TEXT("initiator"),
    TEXT("encryptionKey"),
    LIST("exportedEnvironmentVariables", exporteds),
};
static const struct shape build = SHAPE(build_fields);
ITEMS(builds, build);
static const struct field build_out_fields[] = {PART("build", build)};
const struct shape codebuild_build_out = SHAPE(build_out_fields);
static const struct field build_id_in_fields[] = {NEED("id")};
const struct shape codebuild_build_id_in = SHAPE(build_id_in_fields);
static const struct field build_ids_in_fields[] = {
    {.name = "ids", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .min = 1, .max = 100, .of = &texts}};
const struct shape codebuild_build_ids_in = SHAPE(build_ids_in_fields);
static const struct field builds_out_fields[] = {LIST("builds", builds), LIST("buildsNotFound", texts)};
const struct shape codebuild_builds_out = SHAPE(builds_out_fields);
static const struct field list_builds_in_fields[] = {ONE_OF("sortOrder", orders), TEXT("nextToken")};
const struct shape codebuild_list_builds_in = SHAPE(list_builds_in_fields);
static const struct field list_project_builds_in_fields[] = {NEED("projectName"), ONE_OF("sortOrder", orders),
                                                             TEXT("nextToken")};
const struct shape codebuild_list_project_builds_in = SHAPE(list_project_builds_in_fields);
static const struct field list_builds_out_fields[] = {LIST("ids", texts), TEXT("nextToken")};
const struct shape codebuild_list_builds_out = SHAPE(list_builds_out_fields);
static const struct field retry_in_fields[] = {NEED("id"), TEXT("idempotencyToken")};
const struct shape codebuild_retry_in = SHAPE(retry_in_fields);

/* ---- workers (Slipway's extensions) */

static const struct field poll_in_fields[] = {
    NUMBER("maxBatchSize", 1, 50),
    NUMBER("waitMs", 0, 60000),
    {.name = "workerId", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128},
    LIST_MAX("successorOf", texts, 50),
};
const struct shape codebuild_poll_in = SHAPE(poll_in_fields);
static const struct field work_fields[] = {
    TEXT("id"),
    TEXT("arn"),
    TEXT("nonce"),
    NUMBER("leaseMs", 0, 0),
    NUMBER("attempt", 0, 0),
    NUMBER("timeoutMs", 0, 0),
    TEXT("projectName"),
    NUMBER("buildNumber", 0, 0),
    TEXT("initiator"),
    TIME("startTime"),
    TEXT("serviceRole"),
    PART("source", source),
    TEXT("sourceVersion"),
    ANY("s3Source"),
    ANY("buildspec"),
    PART("environment", environment),
    ANY("artifacts"),
    ANY("logs"),
};
const struct shape codebuild_work = SHAPE(work_fields);
ITEMS(works, codebuild_work);
static const struct field start_out_fields[] = {PART("build", build), PART("lease", codebuild_work)};
const struct shape codebuild_start_out = SHAPE(start_out_fields);
static const struct field log_event_fields[] = {
    {.name = "timestamp", .type = FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = INT64_MAX},
    NEED("message"),
};
static const struct shape log_event = SHAPE(log_event_fields);
ITEMS(log_events, log_event);
static const struct field poll_out_fields[] = {LIST("builds", works)};
const struct shape codebuild_poll_out = SHAPE(poll_out_fields);
static const struct field update_in_fields[] = {
    NEED("id"),
    NEED("nonce"),
    ONE_OF("currentPhase", phase_types),
    LIST_MAX("phases", phases, 20),
    ONE_OF("buildStatus", final_statuses),
    PART("artifacts", build_artifacts),
    LIST_MAX("exportedEnvironmentVariables", exporteds, 1000),
    TEXT1("resolvedSourceVersion"),
    FLAG("release"),
    LIST_MAX("logEvents", log_events, 10000),
    FLAG("showBuild"),
};
const struct shape codebuild_update_in = SHAPE(update_in_fields);
static const struct field update_out_fields[] = {FLAG("cancelled"), NUMBER("leaseMs", 0, 0),
                                                 NUMBER("timeoutMs", 0, 0), PART("build", build)};
const struct shape codebuild_update_out = SHAPE(update_out_fields);
