/* Field tables of action types in the form of their makers, of revisions and of deploy targets.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const char *const values_category[] = {"Source", "Build",    "Deploy",  "Test",
                                              "Invoke", "Approval", "Compute", NULL};
/* AWS takes AWS and ThirdParty: there, custom types have no such form. */
static const char *const values_owner[] = {"AWS", "ThirdParty", "Custom", NULL};

static const struct field fields_action_type_identifier[] = {
    {"category", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_category},
    {"owner", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_owner},
    WORD("provider", 35),
    WORD("version", 9),
};
const struct shape shape_get_action_type_input = SHAPE(fields_action_type_identifier);

static const struct field fields_lambda_executor[] = {
    {"lambdaFunctionArn", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 140,
     .check = text_is_function_arn, .check_says = "arn:aws(-[\\w]+)*:lambda:.+:[0-9]{12}:function:.+"},
};
static const struct shape shape_lambda_executor = SHAPE(fields_lambda_executor);

static const struct field fields_account_list[] = {
    {"member", FIELD_STRING, .check = text_is_account, .check_says = "[0-9]{12}"},
};
static const struct shape shape_account_list = SHAPE(fields_account_list);

static const struct field fields_allowed_account_list[] = {
    {"member", FIELD_STRING, .check = text_is_account_or_all, .check_says = "[0-9]{12}|\\*"},
};
static const struct shape shape_allowed_account_list = SHAPE(fields_allowed_account_list);

static const struct field fields_principal_list[] = {
    {"member", FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape shape_principal_list = SHAPE(fields_principal_list);

static const struct field fields_worker_executor[] = {
    {"pollingAccounts", FIELD_LIST, .min = 1, .max = 1000, .of = &shape_account_list},
    {"pollingServicePrincipals", FIELD_LIST, .min = 1, .max = 10, .of = &shape_principal_list},
};
static const struct shape shape_worker_executor = SHAPE(fields_worker_executor);

static const struct field fields_executor_configuration[] = {
    {"lambdaExecutorConfiguration", FIELD_STRUCT, .of = &shape_lambda_executor},
    {"jobWorkerExecutorConfiguration", FIELD_STRUCT, .of = &shape_worker_executor},
};
static const struct shape shape_executor_configuration = SHAPE(fields_executor_configuration);

static const char *const values_executor_type[] = {"JobWorker", "Lambda", NULL};
static const struct field fields_executor[] = {
    {"configuration", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_executor_configuration},
    {"type", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_executor_type},
    {"policyStatementsTemplate", FIELD_STRING, .min = 1, .max = 2048},
    {"jobTimeout", FIELD_INTEGER, .min = 60, .max = 43200},
};
static const struct shape shape_executor = SHAPE(fields_executor);

static const struct field fields_artifact_counts[] = {
    {"minimumCount", FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = 10},
    {"maximumCount", FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = 10},
};
static const struct shape shape_artifact_counts = SHAPE(fields_artifact_counts);

static const struct field fields_permissions[] = {
    {"allowedAccounts", FIELD_LIST, .flags = FIELD_REQUIRED, .min = 1, .max = 1000,
     .of = &shape_allowed_account_list},
};
static const struct shape shape_permissions = SHAPE(fields_permissions);

static const struct field fields_property[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 50},
    {"optional", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"key", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"noEcho", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"queryable", FIELD_BOOLEAN},
    {"description", FIELD_STRING, .min = 1, .max = 250},
};
static const struct shape shape_property = SHAPE(fields_property);

static const struct field fields_property_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_property},
};
static const struct shape shape_property_list = SHAPE(fields_property_list);

static const struct field fields_urls[] = {
    {"configurationUrl", FIELD_STRING, .min = 1, .max = 2048},
    {"entityUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
    {"executionUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
    {"revisionUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
};
static const struct shape shape_urls = SHAPE(fields_urls);

static const struct field fields_action_type_declaration[] = {
    {"description", FIELD_STRING, .min = 1, .max = 1024},
    {"executor", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_executor},
    {"id", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_get_action_type_input},
    {"inputArtifactDetails", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_artifact_counts},
    {"outputArtifactDetails", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_artifact_counts},
    {"permissions", FIELD_STRUCT, .of = &shape_permissions},
    {"properties", FIELD_LIST, .min = 0, .max = 10, .of = &shape_property_list},
    {"urls", FIELD_STRUCT, .of = &shape_urls},
};
static const struct shape shape_action_type_declaration = SHAPE(fields_action_type_declaration);

static const struct field fields_action_type_member[] = {
    {"actionType", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_action_type_declaration},
};
const struct shape shape_action_type_member = SHAPE(fields_action_type_member);

/* ---- revisions */

static const struct field fields_action_revision[] = {
    {"revisionId", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 1500},
    {"revisionChangeId", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    {"created", FIELD_TIMESTAMP, .flags = FIELD_REQUIRED},
};
static const struct shape shape_action_revision = SHAPE(fields_action_revision);

static const struct field fields_put_action_revision_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    NAME("actionName"),
    {"actionRevision", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_action_revision},
};
const struct shape shape_put_action_revision_input = SHAPE(fields_put_action_revision_input);

static const struct field fields_put_action_revision_output[] = {
    {"newRevision", FIELD_BOOLEAN},
    {"pipelineExecutionId", FIELD_STRING},
};
const struct shape shape_put_action_revision_output = SHAPE(fields_put_action_revision_output);

/* ---- deploy targets */

static const char *const values_target_filter[] = {"TARGET_STATUS", NULL};
static const struct field fields_target_filter[] = {
    {"name", FIELD_STRING, .values = values_target_filter},
    {"values", FIELD_LIST, .of = &shape_principal_list},
};
static const struct shape shape_target_filter = SHAPE(fields_target_filter);

static const struct field fields_target_filter_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_target_filter},
};
static const struct shape shape_target_filter_list = SHAPE(fields_target_filter_list);

static const struct field fields_list_deploy_targets_input[] = {
    {"pipelineName", FIELD_STRING, .min = 1, .max = 100, .check = text_is_name,
     .check_says = "[A-Za-z0-9.@\\-_]+"},
    UUID("actionExecutionId", FIELD_REQUIRED),
    {"filters", FIELD_LIST, .of = &shape_target_filter_list},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_deploy_targets_input = SHAPE(fields_list_deploy_targets_input);

static const struct field fields_any_list[] = {
    {"member", FIELD_ANY},
};
static const struct shape shape_any_list = SHAPE(fields_any_list);

static const struct field fields_list_deploy_targets_output[] = {
    {"targets", FIELD_LIST, .of = &shape_any_list},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_deploy_targets_output = SHAPE(fields_list_deploy_targets_output);
