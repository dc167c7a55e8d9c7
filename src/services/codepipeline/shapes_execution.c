/* Field tables of what moves executions, and of the state that they are in.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_get_pipeline_state_input[] = {
    NAME("name"),
};
const struct shape shape_get_pipeline_state_input = SHAPE(fields_get_pipeline_state_input);

static const struct field fields_stage_execution_out[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"type", FIELD_STRING},
};
static const struct shape shape_stage_execution_out = SHAPE(fields_stage_execution_out);

static const struct field fields_stage_execution_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_stage_execution_out},
};
static const struct shape shape_stage_execution_list_out = SHAPE(fields_stage_execution_list_out);

static const struct field fields_transition_state_out[] = {
    {"enabled", FIELD_BOOLEAN},
    {"lastChangedBy", FIELD_STRING},
    {"lastChangedAt", FIELD_TIMESTAMP},
    {"disabledReason", FIELD_STRING},
};
static const struct shape shape_transition_state_out = SHAPE(fields_transition_state_out);

static const struct field fields_action_revision_out[] = {
    {"revisionId", FIELD_STRING},
    {"revisionChangeId", FIELD_STRING},
    {"created", FIELD_TIMESTAMP},
};
static const struct shape shape_action_revision_out = SHAPE(fields_action_revision_out);

static const struct field fields_approval_artifact_out[] = {
    {"name", FIELD_STRING},   {"revisionId", FIELD_STRING}, {"revisionSummary", FIELD_STRING},
    {"sha256", FIELD_STRING}, {"putBy", FIELD_STRING},
};
static const struct shape shape_approval_artifact_out = SHAPE(fields_approval_artifact_out);

static const struct field fields_approval_artifact_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_approval_artifact_out},
};
static const struct shape shape_approval_artifact_list_out = SHAPE(fields_approval_artifact_list_out);

static const struct field fields_approval_change_out[] = {
    {"actionName", FIELD_STRING},
    {"changeSet", FIELD_STRING},
    {"summary", FIELD_STRING},
};
static const struct shape shape_approval_change_out = SHAPE(fields_approval_change_out);

static const struct field fields_approval_change_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_approval_change_out},
};
static const struct shape shape_approval_change_list_out = SHAPE(fields_approval_change_list_out);

static const struct field fields_approval_answer_out[] = {
    {"who", FIELD_STRING},
    {"summary", FIELD_STRING},
    {"at", FIELD_TIMESTAMP},
};
static const struct shape shape_approval_answer_out = SHAPE(fields_approval_answer_out);

static const struct field fields_approval_answer_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_approval_answer_out},
};
static const struct shape shape_approval_answer_list_out = SHAPE(fields_approval_answer_list_out);

static const struct field fields_approval_out[] = {
    {"artifacts", FIELD_LIST, .of = &shape_approval_artifact_list_out},
    {"changes", FIELD_LIST, .of = &shape_approval_change_list_out},
    {"given", FIELD_LIST, .of = &shape_approval_answer_list_out},
    {"missing", FIELD_STRING},
};
static const struct shape shape_approval_out = SHAPE(fields_approval_out);

static const struct field fields_action_execution_out[] = {
    {"actionExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"summary", FIELD_STRING},
    {"lastStatusChange", FIELD_TIMESTAMP},
    {"token", FIELD_STRING},
    {"lastUpdatedBy", FIELD_STRING},
    {"externalExecutionId", FIELD_STRING},
    {"externalExecutionUrl", FIELD_STRING},
    {"logStreamARN", FIELD_STRING},
    {"percentComplete", FIELD_INTEGER},
    {"approval", FIELD_STRUCT, .of = &shape_approval_out},
    {"errorDetails", FIELD_STRUCT, .of = &shape_error_details_out},
};
static const struct shape shape_action_execution_out = SHAPE(fields_action_execution_out);

static const struct field fields_action_state_out[] = {
    {"actionName", FIELD_STRING},
    {"currentRevision", FIELD_STRUCT, .of = &shape_action_revision_out},
    {"latestExecution", FIELD_STRUCT, .of = &shape_action_execution_out},
    {"entityUrl", FIELD_STRING},
    {"revisionUrl", FIELD_STRING},
};
static const struct shape shape_action_state_out = SHAPE(fields_action_state_out);

static const struct field fields_action_state_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_action_state_out},
};
static const struct shape shape_action_state_list_out = SHAPE(fields_action_state_list_out);

static const struct field fields_retry_metadata_out[] = {
    {"autoStageRetryAttempt", FIELD_INTEGER},
    {"manualStageRetryAttempt", FIELD_INTEGER},
    {"latestRetryTrigger", FIELD_STRING},
};
static const struct shape shape_retry_metadata_out = SHAPE(fields_retry_metadata_out);

static const struct field fields_stage_state_out[] = {
    {"stageName", FIELD_STRING},
    {"retryStageMetadata", FIELD_STRUCT, .of = &shape_retry_metadata_out},
    {"inboundExecution", FIELD_STRUCT, .of = &shape_stage_execution_out},
    {"inboundExecutions", FIELD_LIST, .of = &shape_stage_execution_list_out},
    {"inboundTransitionState", FIELD_STRUCT, .of = &shape_transition_state_out},
    {"actionStates", FIELD_LIST, .of = &shape_action_state_list_out},
    {"latestExecution", FIELD_STRUCT, .of = &shape_stage_execution_out},
    {"beforeEntryConditionState", FIELD_STRUCT, .of = &shape_stage_condition_state_out},
    {"onSuccessConditionState", FIELD_STRUCT, .of = &shape_stage_condition_state_out},
    {"onFailureConditionState", FIELD_STRUCT, .of = &shape_stage_condition_state_out},
};
static const struct shape shape_stage_state_out = SHAPE(fields_stage_state_out);

static const struct field fields_stage_state_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_stage_state_out},
};
static const struct shape shape_stage_state_list_out = SHAPE(fields_stage_state_list_out);

static const struct field fields_get_pipeline_state_output[] = {
    {"pipelineName", FIELD_STRING},
    {"pipelineVersion", FIELD_INTEGER},
    {"stageStates", FIELD_LIST, .of = &shape_stage_state_list_out},
    {"created", FIELD_TIMESTAMP},
    {"updated", FIELD_TIMESTAMP},
};
const struct shape shape_get_pipeline_state_output = SHAPE(fields_get_pipeline_state_output);

static const struct field fields_wait_out[] = {
    {"type", FIELD_STRING},     {"actionName", FIELD_STRING}, {"since", FIELD_TIMESTAMP},
    {"until", FIELD_TIMESTAMP}, {"summary", FIELD_STRING},    {"missing", FIELD_STRING},
};
static const struct shape shape_wait_out = SHAPE(fields_wait_out);

static const struct field fields_wait_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_wait_out},
};
static const struct shape shape_wait_list_out = SHAPE(fields_wait_list_out);

static const struct field fields_explained_execution_out[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"stageName", FIELD_STRING},
    {"entered", FIELD_BOOLEAN},
    {"startTime", FIELD_TIMESTAMP},
    {"pipelineVersion", FIELD_INTEGER},
    {"waitsFor", FIELD_LIST, .of = &shape_wait_list_out},
};
static const struct shape shape_explained_execution_out = SHAPE(fields_explained_execution_out);

static const struct field fields_explained_execution_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_explained_execution_out},
};
static const struct shape shape_explained_execution_list_out = SHAPE(fields_explained_execution_list_out);

static const struct field fields_notes_out[] = {{"member", FIELD_STRING}};
static const struct shape shape_notes_out = SHAPE(fields_notes_out);
static const struct field fields_explain_pipeline_output[] = {
    {"pipelineName", FIELD_STRING},
    {"notes", FIELD_LIST, .of = &shape_notes_out},
    {"pipelineVersion", FIELD_INTEGER},
    {"executions", FIELD_LIST, .of = &shape_explained_execution_list_out},
};
const struct shape shape_explain_pipeline_output = SHAPE(fields_explain_pipeline_output);

static const struct field fields_pipeline_variable[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128, .check = text_is_namespace,
     .check_says = "[A-Za-z0-9@\\-_]+"},
    {"value", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 1000, .check = text_is_line,
     .check_says = ".*"},
};
static const struct shape shape_pipeline_variable = SHAPE(fields_pipeline_variable);

static const struct field fields_pipeline_variable_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_pipeline_variable},
};
static const struct shape shape_pipeline_variable_list = SHAPE(fields_pipeline_variable_list);

static const char *const values_source_revision_type[] = {"COMMIT_ID", "IMAGE_DIGEST", "S3_OBJECT_VERSION_ID",
                                                          "S3_OBJECT_KEY", NULL};
static const struct field fields_source_revision_override[] = {
    NAME("actionName"),
    {"revisionType", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_source_revision_type},
    {"revisionValue", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 1500},
};
static const struct shape shape_source_revision_override = SHAPE(fields_source_revision_override);

static const struct field fields_source_revision_override_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_source_revision_override},
};
static const struct shape shape_source_revision_override_list = SHAPE(fields_source_revision_override_list);

static const struct field fields_start_pipeline_execution_input[] = {
    NAME("name"),
    {"clientRequestToken", FIELD_STRING, .min = 1, .max = 128, .check = text_is_token,
     .check_says = "^[a-zA-Z0-9-]+$"},
    {"variables", FIELD_LIST, .min = 1, .max = 50, .of = &shape_pipeline_variable_list},
    {"sourceRevisions", FIELD_LIST, .min = 0, .max = 50, .of = &shape_source_revision_override_list},
};
const struct shape shape_start_pipeline_execution_input = SHAPE(fields_start_pipeline_execution_input);

static const struct field fields_stop_pipeline_execution_input[] = {
    NAME("pipelineName"),
    UUID("pipelineExecutionId", FIELD_REQUIRED),
    {"abandon", FIELD_BOOLEAN},
    {"reason", FIELD_STRING, .min = 0, .max = 200},
};
const struct shape shape_stop_pipeline_execution_input = SHAPE(fields_stop_pipeline_execution_input);

static const char *const values_approval_status[] = {"Approved", "Rejected", NULL};
static const struct field fields_approval_result[] = {
    {"summary", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 0, .max = 512},
    {"status", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_approval_status},
};
static const struct shape shape_approval_result = SHAPE(fields_approval_result);

static const struct field fields_put_approval_result_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    NAME("actionName"),
    {"result", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_approval_result},
    UUID("token", FIELD_REQUIRED),
};
const struct shape shape_put_approval_result_input = SHAPE(fields_put_approval_result_input);

static const struct field fields_put_approval_result_output[] = {
    {"approvedAt", FIELD_TIMESTAMP},
};
const struct shape shape_put_approval_result_output = SHAPE(fields_put_approval_result_output);

static const char *const values_stage_retry_mode[] = {"FAILED_ACTIONS", "ALL_ACTIONS", NULL};
static const struct field fields_retry_stage_execution_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    UUID("pipelineExecutionId", FIELD_REQUIRED),
    {"retryMode", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_stage_retry_mode},
};
const struct shape shape_retry_stage_execution_input = SHAPE(fields_retry_stage_execution_input);

static const struct field fields_rollback_stage_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    UUID("targetPipelineExecutionId", FIELD_REQUIRED),
    {"dryRun", FIELD_BOOLEAN},
};
const struct shape shape_rollback_stage_input = SHAPE(fields_rollback_stage_input);

static const struct field fields_would_deploy_out[] = {
    {"pipelineVersion", FIELD_INTEGER},
    {"artifactRevisions", FIELD_LIST, .of = &shape_artifact_revision_list_out},
    {"variables", FIELD_ANY},
    {"actions", FIELD_ANY},
};
static const struct shape shape_would_deploy_out = SHAPE(fields_would_deploy_out);

static const struct field fields_rollback_stage_output[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"wouldDeploy", FIELD_STRUCT, .of = &shape_would_deploy_out},
};
const struct shape shape_rollback_stage_output = SHAPE(fields_rollback_stage_output);

static const char *const values_stage_transition_type[] = {"Inbound", "Outbound", NULL};
static const struct field fields_enable_stage_transition_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    {"transitionType", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_stage_transition_type},
};
const struct shape shape_enable_stage_transition_input = SHAPE(fields_enable_stage_transition_input);

static const struct field fields_disable_stage_transition_input[] = {
    NAME("pipelineName"),
    NAME("stageName"),
    {"transitionType", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_stage_transition_type},
    {"reason", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 300, .check = text_is_reason,
     .check_says = "[a-zA-Z0-9!@ \\(\\)\\.\\*\\?\\-]+"},
};
const struct shape shape_disable_stage_transition_input = SHAPE(fields_disable_stage_transition_input);

static const struct field fields_execution_id_output[] = {
    {"pipelineExecutionId", FIELD_STRING},
};
const struct shape shape_execution_id_output = SHAPE(fields_execution_id_output);
