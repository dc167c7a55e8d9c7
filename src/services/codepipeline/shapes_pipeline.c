/* Field tables of declarations and of the operations on pipelines.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const char *const values_artifact_store_type[] = {"S3", NULL};
static const char *const values_encryption_key_type[] = {"KMS", NULL};
static const struct field fields_encryption_key[] = {
    {"id", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 400},
    {"type", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_encryption_key_type},
};
static const struct shape shape_encryption_key = SHAPE(fields_encryption_key);

static const struct field fields_artifact_store[] = {
    {"type", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_artifact_store_type},
    {"location", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 3, .max = 63, .check = text_is_bucket,
     .check_says = "[a-zA-Z0-9\\-\\.]+"},
    {"encryptionKey", FIELD_STRUCT, .of = &shape_encryption_key},
};
static const struct shape shape_artifact_store = SHAPE(fields_artifact_store);

static const struct field fields_artifact_store_map[] = {
    {"member", FIELD_STRUCT, .of = &shape_artifact_store},
};
static const struct shape shape_artifact_store_map = SHAPE(fields_artifact_store_map);

static const char *const values_blocker_type[] = {"Schedule", NULL};
static const struct field fields_blocker_declaration[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    {"type", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_blocker_type},
};
static const struct shape shape_blocker_declaration = SHAPE(fields_blocker_declaration);

static const struct field fields_stage_blocker_declaration_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_blocker_declaration},
};
static const struct shape shape_stage_blocker_declaration_list = SHAPE(fields_stage_blocker_declaration_list);

static const struct field fields_action_configuration_map[] = {
    {"member", FIELD_STRING, .min = 1, .max = 10000},
};
static const struct shape shape_action_configuration_map = SHAPE(fields_action_configuration_map);

static const struct field fields_files[] = {
    {"member", FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape shape_files = SHAPE(fields_files);

static const struct field fields_output_artifact[] = {
    WORD("name", 100),
    {"files", FIELD_LIST, .min = 1, .max = 10, .of = &shape_files},
};
static const struct shape shape_output_artifact = SHAPE(fields_output_artifact);

static const struct field fields_output_artifact_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_output_artifact},
};
static const struct shape shape_output_artifact_list = SHAPE(fields_output_artifact_list);

static const struct field fields_input_artifact[] = {
    WORD("name", 100),
};
static const struct shape shape_input_artifact = SHAPE(fields_input_artifact);

static const struct field fields_input_artifact_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_input_artifact},
};
const struct shape shape_input_artifact_list = SHAPE(fields_input_artifact_list);

static const struct field fields_output_variables[] = {
    {"member", FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape shape_output_variables = SHAPE(fields_output_variables);

static const char *const values_environment_variable_type[] = {"PLAINTEXT", "SECRETS_MANAGER", NULL};
static const struct field fields_environment_variable[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128, .check = text_is_word,
     .check_says = "[A-Za-z0-9_]+"},
    {"value", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 2000, .check = text_is_line,
     .check_says = ".*"},
    {"type", FIELD_STRING, .values = values_environment_variable_type},
};
static const struct shape shape_environment_variable = SHAPE(fields_environment_variable);

static const struct field fields_environment_variable_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_environment_variable},
};
static const struct shape shape_environment_variable_list = SHAPE(fields_environment_variable_list);

static const struct field fields_action_declaration[] = {
    NAME("name"),
    {"actionTypeId", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_action_type_id},
    {"runOrder", FIELD_INTEGER, .min = 1, .max = 999},
    {"configuration", FIELD_MAP, .of = &shape_action_configuration_map, .keys = &configuration_keys},
    {"outputArtifacts", FIELD_LIST, .of = &shape_output_artifact_list},
    {"inputArtifacts", FIELD_LIST, .of = &shape_input_artifact_list},
    {"roleArn", FIELD_STRING, .min = 0, .max = 1024, .check = text_is_role_arn,
     .check_says = "arn:aws(-[\\w]+)*:iam::[0-9]{12}:role/.*"},
    {"region", FIELD_STRING, .min = 4, .max = 30},
    {"namespace", FIELD_STRING, .min = 1, .max = 100, .check = text_is_namespace,
     .check_says = "[A-Za-z0-9@\\-_]+"},
    {"timeoutInMinutes", FIELD_INTEGER, .min = 5, .max = 86400},
    {"commands", FIELD_LIST, .min = 1, .max = 50, .of = &shape_commands},
    {"outputVariables", FIELD_LIST, .min = 1, .max = 15, .of = &shape_output_variables},
    {"environmentVariables", FIELD_LIST, .min = 1, .max = 10, .of = &shape_environment_variable_list},
};
static const struct shape shape_action_declaration = SHAPE(fields_action_declaration);

static const struct field fields_stage_action_declaration_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_action_declaration},
};
static const struct shape shape_stage_action_declaration_list = SHAPE(fields_stage_action_declaration_list);

static const char *const values_retry_mode[] = {"FAILED_ACTIONS", "ALL_ACTIONS", NULL};
static const struct field fields_retry_configuration[] = {
    {"retryMode", FIELD_STRING, .values = values_retry_mode},
};
static const struct shape shape_retry_configuration = SHAPE(fields_retry_configuration);

static const struct field fields_failure_conditions[] = {
    {"result", FIELD_STRING, .values = values_result},
    {"retryConfiguration", FIELD_STRUCT, .of = &shape_retry_configuration},
    {"conditions", FIELD_LIST, .min = 1, .max = 1, .of = &shape_condition_list},
};
static const struct shape shape_failure_conditions = SHAPE(fields_failure_conditions);

static const struct field fields_stage_declaration[] = {
    NAME("name"),
    {"onFailure", FIELD_STRUCT, .of = &shape_failure_conditions},
    {"onSuccess", FIELD_STRUCT, .of = &shape_conditions},
    {"beforeEntry", FIELD_STRUCT, .of = &shape_conditions},
    {"blockers", FIELD_LIST, .of = &shape_stage_blocker_declaration_list},
    {"actions", FIELD_LIST, .flags = FIELD_REQUIRED, .of = &shape_stage_action_declaration_list},
};
static const struct shape shape_stage_declaration = SHAPE(fields_stage_declaration);

static const struct field fields_pipeline_stage_declaration_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_stage_declaration},
};
static const struct shape shape_pipeline_stage_declaration_list =
    SHAPE(fields_pipeline_stage_declaration_list);

static const char *const values_pipeline_type[] = {"V1", "V2", NULL};
static const char *const values_execution_mode[] = {"QUEUED", "SUPERSEDED", "PARALLEL", NULL};
static const struct field fields_pipeline_variable_declaration[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128, .check = text_is_namespace,
     .check_says = "[A-Za-z0-9@\\-_]+"},
    {"defaultValue", FIELD_STRING, .min = 1, .max = 1000, .check = text_is_line, .check_says = ".*"},
    {"description", FIELD_STRING, .min = 0, .max = 200, .check = text_is_line, .check_says = ".*"},
};
static const struct shape shape_pipeline_variable_declaration = SHAPE(fields_pipeline_variable_declaration);

static const struct field fields_pipeline_variable_declaration_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_pipeline_variable_declaration},
};
static const struct shape shape_pipeline_variable_declaration_list =
    SHAPE(fields_pipeline_variable_declaration_list);

static const struct field region_names = {"key", FIELD_STRING, .min = 4, .max = 30};
static const struct field fields_declaration[] = {
    NAME("name"),
    {"roleArn", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 0, .max = 1024, .check = text_is_role_arn,
     .check_says = "arn:aws(-[\\w]+)*:iam::[0-9]{12}:role/.*"},
    {"artifactStore", FIELD_STRUCT, .of = &shape_artifact_store},
    {"artifactStores", FIELD_MAP, .of = &shape_artifact_store_map, .keys = &region_names},
    {"stages", FIELD_LIST, .flags = FIELD_REQUIRED, .of = &shape_pipeline_stage_declaration_list},
    {"version", FIELD_INTEGER, .min = 1, .max = INT32_MAX},
    {"pipelineType", FIELD_STRING, .values = values_pipeline_type},
    {"executionMode", FIELD_STRING, .values = values_execution_mode},
    {"variables", FIELD_LIST, .min = 0, .max = 50, .of = &shape_pipeline_variable_declaration_list},
    {"triggers", FIELD_LIST, .min = 0, .max = 50, .of = &shape_trigger_list},
};
const struct shape shape_declaration = SHAPE(fields_declaration);

static const struct field fields_create_pipeline_input[] = {
    {"pipeline", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_declaration},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
const struct shape shape_create_pipeline_input = SHAPE(fields_create_pipeline_input);

static const struct field fields_get_pipeline_input[] = {
    NAME("name"),
    {"version", FIELD_INTEGER, .min = 1, .max = INT32_MAX},
};
const struct shape shape_get_pipeline_input = SHAPE(fields_get_pipeline_input);

static const struct field fields_pipeline_metadata_out[] = {
    {"pipelineArn", FIELD_STRING},
    {"created", FIELD_TIMESTAMP},
    {"updated", FIELD_TIMESTAMP},
};
static const struct shape shape_pipeline_metadata_out = SHAPE(fields_pipeline_metadata_out);

static const struct field fields_get_pipeline_output[] = {
    {"pipeline", FIELD_STRUCT, .of = &shape_declaration},
    {"metadata", FIELD_STRUCT, .of = &shape_pipeline_metadata_out},
};
const struct shape shape_get_pipeline_output = SHAPE(fields_get_pipeline_output);

static const struct field fields_update_pipeline_input[] = {
    {"pipeline", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_declaration},
};
const struct shape shape_update_pipeline_input = SHAPE(fields_update_pipeline_input);

static const struct field fields_delete_pipeline_input[] = {
    NAME("name"),
};
const struct shape shape_delete_pipeline_input = SHAPE(fields_delete_pipeline_input);

static const struct field fields_list_pipelines_input[] = {
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 1000},
};
const struct shape shape_list_pipelines_input = SHAPE(fields_list_pipelines_input);

static const struct field fields_pipeline_summary_out[] = {
    {"name", FIELD_STRING},          {"version", FIELD_INTEGER},   {"pipelineType", FIELD_STRING},
    {"executionMode", FIELD_STRING}, {"created", FIELD_TIMESTAMP}, {"updated", FIELD_TIMESTAMP},
};
static const struct shape shape_pipeline_summary_out = SHAPE(fields_pipeline_summary_out);

static const struct field fields_pipeline_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_pipeline_summary_out},
};
static const struct shape shape_pipeline_list_out = SHAPE(fields_pipeline_list_out);

static const struct field fields_list_pipelines_output[] = {
    {"pipelines", FIELD_LIST, .of = &shape_pipeline_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_pipelines_output = SHAPE(fields_list_pipelines_output);

static const struct field fields_create_pipeline_output[] = {
    {"pipeline", FIELD_STRUCT, .of = &shape_declaration},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
const struct shape shape_create_pipeline_output = SHAPE(fields_create_pipeline_output);
