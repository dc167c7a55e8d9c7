/* Field tables of stages' conditions and their rules.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const char *const values_rule_category[] = {"Rule", NULL};
static const char *const values_rule_owner[] = {"AWS", NULL};
static const struct field fields_rule_type_id[] = {
    {"category", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_rule_category},
    {"owner", FIELD_STRING, .values = values_rule_owner},
    WORD("provider", 35),
    {"version", FIELD_STRING, .min = 1, .max = 9, .check = text_is_word, .check_says = "[0-9A-Za-z_-]+"},
};
static const struct shape shape_rule_type_id = SHAPE(fields_rule_type_id);

static const struct field fields_rule_configuration[] = {
    {"member", FIELD_STRING, .min = 1, .max = 10000},
};
static const struct shape shape_rule_configuration = SHAPE(fields_rule_configuration);

static const struct field fields_commands[] = {
    {"member", FIELD_STRING, .min = 1, .max = 1000},
};
const struct shape shape_commands = SHAPE(fields_commands);

static const struct field fields_rule_declaration[] = {
    NAME("name"),
    {"ruleTypeId", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_rule_type_id},
    {"configuration", FIELD_MAP, .min = 0, .max = 200, .of = &shape_rule_configuration,
     .keys = &configuration_keys},
    {"commands", FIELD_LIST, .min = 1, .max = 50, .of = &shape_commands},
    {"inputArtifacts", FIELD_LIST, .of = &shape_input_artifact_list},
    {"roleArn", FIELD_STRING, .min = 0, .max = 1024, .check = text_is_role_arn,
     .check_says = "arn:aws(-[\\w]+)*:iam::[0-9]{12}:role/.*"},
    {"region", FIELD_STRING, .min = 4, .max = 30},
    {"timeoutInMinutes", FIELD_INTEGER, .min = 5, .max = 86400},
};
static const struct shape shape_rule_declaration = SHAPE(fields_rule_declaration);

static const struct field fields_rule_declaration_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_rule_declaration},
};
static const struct shape shape_rule_declaration_list = SHAPE(fields_rule_declaration_list);

const char *const values_result[] = {"ROLLBACK", "FAIL", "RETRY", "SKIP", NULL};
static const struct field fields_condition[] = {
    {"result", FIELD_STRING, .values = values_result},
    {"rules", FIELD_LIST, .min = 1, .max = 5, .of = &shape_rule_declaration_list},
};
static const struct shape shape_condition = SHAPE(fields_condition);

static const struct field fields_condition_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_condition},
};
const struct shape shape_condition_list = SHAPE(fields_condition_list);

static const struct field fields_conditions[] = {
    {"conditions", FIELD_LIST, .flags = FIELD_REQUIRED, .min = 1, .max = 1, .of = &shape_condition_list},
};
const struct shape shape_conditions = SHAPE(fields_conditions);

static const char *const values_condition_type[] = {"BEFORE_ENTRY", "ON_SUCCESS", NULL};
static const struct field fields_override_stage_condition_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    UUID("pipelineExecutionId", FIELD_REQUIRED),
    {"conditionType", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_condition_type},
};
const struct shape shape_override_stage_condition_input = SHAPE(fields_override_stage_condition_input);

/* ---- GetPipelineState */

static const struct field fields_rule_execution_out[] = {
    {"ruleExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"summary", FIELD_STRING},
    {"lastStatusChange", FIELD_TIMESTAMP},
    {"externalExecutionId", FIELD_STRING},
    {"errorDetails", FIELD_STRUCT, .of = &shape_error_details_out},
};
static const struct shape shape_rule_execution_out = SHAPE(fields_rule_execution_out);

static const struct field fields_rule_state_out[] = {
    {"ruleName", FIELD_STRING},
    {"latestExecution", FIELD_STRUCT, .of = &shape_rule_execution_out},
};
static const struct shape shape_rule_state_out = SHAPE(fields_rule_state_out);

static const struct field fields_rule_state_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_rule_state_out},
};
static const struct shape shape_rule_state_list_out = SHAPE(fields_rule_state_list_out);

static const struct field fields_condition_execution_out[] = {
    {"status", FIELD_STRING},
    {"summary", FIELD_STRING},
    {"lastStatusChange", FIELD_TIMESTAMP},
};
static const struct shape shape_condition_execution_out = SHAPE(fields_condition_execution_out);

static const struct field fields_condition_state_out[] = {
    {"latestExecution", FIELD_STRUCT, .of = &shape_condition_execution_out},
    {"ruleStates", FIELD_LIST, .of = &shape_rule_state_list_out},
};
static const struct shape shape_condition_state_out = SHAPE(fields_condition_state_out);

static const struct field fields_condition_state_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_condition_state_out},
};
static const struct shape shape_condition_state_list_out = SHAPE(fields_condition_state_list_out);

static const struct field fields_stage_condition_state_out[] = {
    {"latestExecution", FIELD_STRUCT, .of = &shape_condition_execution_out},
    {"conditionStates", FIELD_LIST, .of = &shape_condition_state_list_out},
};
const struct shape shape_stage_condition_state_out = SHAPE(fields_stage_condition_state_out);

/* ---- ListRuleExecutions */

static const struct field fields_rule_execution_filter[] = {
    UUID("pipelineExecutionId", 0),
    {"latestInPipelineExecution", FIELD_STRUCT, .of = &shape_latest_in_execution},
};
static const struct shape shape_rule_execution_filter = SHAPE(fields_rule_execution_filter);

static const struct field fields_list_rule_executions_input[] = {
    NAME("pipelineName"),
    {"filter", FIELD_STRUCT, .of = &shape_rule_execution_filter},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_rule_executions_input = SHAPE(fields_list_rule_executions_input);

static const struct field fields_rule_execution_input_out[] = {
    {"ruleTypeId", FIELD_STRUCT, .of = &shape_rule_type_id},
    {"configuration", FIELD_MAP, .of = &shape_texts},
    {"resolvedConfiguration", FIELD_MAP, .of = &shape_texts},
    {"roleArn", FIELD_STRING},
    {"region", FIELD_STRING},
    {"inputArtifacts", FIELD_LIST, .of = &shape_artifact_detail_list_out},
};
static const struct shape shape_rule_execution_input_out = SHAPE(fields_rule_execution_input_out);

static const struct field fields_rule_execution_result_out[] = {
    {"externalExecutionId", FIELD_STRING},
    {"externalExecutionSummary", FIELD_STRING},
    {"externalExecutionUrl", FIELD_STRING},
    {"errorDetails", FIELD_STRUCT, .of = &shape_error_details_out},
};
static const struct shape shape_rule_execution_result_out = SHAPE(fields_rule_execution_result_out);

static const struct field fields_rule_execution_output[] = {
    {"executionResult", FIELD_STRUCT, .of = &shape_rule_execution_result_out},
};
static const struct shape shape_rule_execution_output = SHAPE(fields_rule_execution_output);

static const struct field fields_rule_execution_detail_out[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"ruleExecutionId", FIELD_STRING},
    {"pipelineVersion", FIELD_INTEGER},
    {"stageName", FIELD_STRING},
    {"ruleName", FIELD_STRING},
    {"startTime", FIELD_TIMESTAMP},
    {"lastUpdateTime", FIELD_TIMESTAMP},
    {"updatedBy", FIELD_STRING},
    {"status", FIELD_STRING},
    {"input", FIELD_STRUCT, .of = &shape_rule_execution_input_out},
    {"output", FIELD_STRUCT, .of = &shape_rule_execution_output},
};
static const struct shape shape_rule_execution_detail_out = SHAPE(fields_rule_execution_detail_out);

static const struct field fields_rule_execution_detail_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_rule_execution_detail_out},
};
static const struct shape shape_rule_execution_detail_list_out = SHAPE(fields_rule_execution_detail_list_out);

static const struct field fields_list_rule_executions_output[] = {
    {"ruleExecutionDetails", FIELD_LIST, .of = &shape_rule_execution_detail_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_rule_executions_output = SHAPE(fields_list_rule_executions_output);

/* ---- ListRuleTypes */

static const struct field fields_list_rule_types_input[] = {
    {"ruleOwnerFilter", FIELD_STRING, .values = values_rule_owner},
    {"regionFilter", FIELD_STRING, .min = 4, .max = 30},
};
const struct shape shape_list_rule_types_input = SHAPE(fields_list_rule_types_input);

static const struct field fields_rule_type_out[] = {
    {"id", FIELD_STRUCT, .of = &shape_rule_type_id},
    {"settings", FIELD_ANY},
    {"ruleConfigurationProperties", FIELD_ANY},
    {"inputArtifactDetails", FIELD_ANY},
};
static const struct shape shape_rule_type_out = SHAPE(fields_rule_type_out);

static const struct field fields_rule_type_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_rule_type_out},
};
static const struct shape shape_rule_type_list_out = SHAPE(fields_rule_type_list_out);

static const struct field fields_list_rule_types_output[] = {
    {"ruleTypes", FIELD_LIST, .of = &shape_rule_type_list_out},
};
const struct shape shape_list_rule_types_output = SHAPE(fields_list_rule_types_output);
