/* Field tables of what became of executions.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_error_details_out[] = {
    {"code", FIELD_STRING},
    {"message", FIELD_STRING},
};
const struct shape shape_error_details_out = SHAPE(fields_error_details_out);

static const struct field fields_get_pipeline_execution_input[] = {
    NAME("pipelineName"),
    UUID("pipelineExecutionId", FIELD_REQUIRED),
};
const struct shape shape_get_pipeline_execution_input = SHAPE(fields_get_pipeline_execution_input);

static const struct field fields_artifact_revision_out[] = {
    {"name", FIELD_STRING},
    {"revisionId", FIELD_STRING},
    {"revisionChangeIdentifier", FIELD_STRING},
    {"revisionSummary", FIELD_STRING},
    {"created", FIELD_TIMESTAMP},
    {"revisionUrl", FIELD_STRING},
    {"sha256", FIELD_STRING},
};
static const struct shape shape_artifact_revision_out = SHAPE(fields_artifact_revision_out);

static const struct field fields_artifact_revision_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_artifact_revision_out},
};
const struct shape shape_artifact_revision_list_out = SHAPE(fields_artifact_revision_list_out);

static const struct field fields_execution_trigger_out[] = {
    {"triggerType", FIELD_STRING},
    {"triggerDetail", FIELD_STRING},
};
const struct shape shape_execution_trigger_out = SHAPE(fields_execution_trigger_out);

static const struct field fields_rollback_metadata_out[] = {
    {"rollbackTargetPipelineExecutionId", FIELD_STRING},
};
static const struct shape shape_rollback_metadata_out = SHAPE(fields_rollback_metadata_out);

static const struct field fields_pipeline_execution_out[] = {
    {"pipelineName", FIELD_STRING},
    {"pipelineVersion", FIELD_INTEGER},
    {"pipelineExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"statusSummary", FIELD_STRING},
    {"artifactRevisions", FIELD_LIST, .of = &shape_artifact_revision_list_out},
    {"executionMode", FIELD_STRING},
    {"executionType", FIELD_STRING},
    {"rollbackMetadata", FIELD_STRUCT, .of = &shape_rollback_metadata_out},
    {"trigger", FIELD_STRUCT, .of = &shape_execution_trigger_out},
    {"variables", FIELD_ANY},
};
static const struct shape shape_pipeline_execution_out = SHAPE(fields_pipeline_execution_out);

static const struct field fields_get_pipeline_execution_output[] = {
    {"pipelineExecution", FIELD_STRUCT, .of = &shape_pipeline_execution_out},
};
const struct shape shape_get_pipeline_execution_output = SHAPE(fields_get_pipeline_execution_output);

static const struct field fields_succeeded_in_stage[] = {
    {"stageName", FIELD_STRING, .min = 1, .max = 100, .check = text_is_name,
     .check_says = "[A-Za-z0-9.@\\-_]+"},
};
static const struct shape shape_succeeded_in_stage = SHAPE(fields_succeeded_in_stage);

static const struct field fields_pipeline_execution_filter[] = {
    {"succeededInStage", FIELD_STRUCT, .of = &shape_succeeded_in_stage},
};
static const struct shape shape_pipeline_execution_filter = SHAPE(fields_pipeline_execution_filter);

static const struct field fields_list_pipeline_executions_input[] = {
    NAME("pipelineName"),
    {"filter", FIELD_STRUCT, .of = &shape_pipeline_execution_filter},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_pipeline_executions_input = SHAPE(fields_list_pipeline_executions_input);

static const struct field fields_source_revision_out[] = {
    {"actionName", FIELD_STRING},
    {"revisionId", FIELD_STRING},
    {"revisionSummary", FIELD_STRING},
    {"revisionUrl", FIELD_STRING},
};
static const struct shape shape_source_revision_out = SHAPE(fields_source_revision_out);

static const struct field fields_source_revision_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_source_revision_out},
};
static const struct shape shape_source_revision_list_out = SHAPE(fields_source_revision_list_out);

static const struct field fields_stop_execution_trigger_out[] = {
    {"reason", FIELD_STRING},
};
static const struct shape shape_stop_execution_trigger_out = SHAPE(fields_stop_execution_trigger_out);

static const struct field fields_pipeline_execution_summary_out[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"status", FIELD_STRING},
    {"startTime", FIELD_TIMESTAMP},
    {"lastUpdateTime", FIELD_TIMESTAMP},
    {"sourceRevisions", FIELD_LIST, .of = &shape_source_revision_list_out},
    {"trigger", FIELD_STRUCT, .of = &shape_execution_trigger_out},
    {"stopTrigger", FIELD_STRUCT, .of = &shape_stop_execution_trigger_out},
    {"executionMode", FIELD_STRING},
    {"executionType", FIELD_STRING},
    {"rollbackMetadata", FIELD_STRUCT, .of = &shape_rollback_metadata_out},
    {"statusSummary", FIELD_STRING},
};
static const struct shape shape_pipeline_execution_summary_out = SHAPE(fields_pipeline_execution_summary_out);

static const struct field fields_pipeline_execution_summary_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_pipeline_execution_summary_out},
};
static const struct shape shape_pipeline_execution_summary_list_out =
    SHAPE(fields_pipeline_execution_summary_list_out);

static const struct field fields_list_pipeline_executions_output[] = {
    {"pipelineExecutionSummaries", FIELD_LIST, .of = &shape_pipeline_execution_summary_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_pipeline_executions_output = SHAPE(fields_list_pipeline_executions_output);

static const struct field fields_list_pipeline_history_input[] = {
    NAME("pipelineName"),
    UUID("pipelineExecutionId", 0),
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_pipeline_history_input = SHAPE(fields_list_pipeline_history_input);

static const struct field fields_history_event_out[] = {
    {"at", FIELD_TIMESTAMP},     {"pipelineExecutionId", FIELD_STRING},
    {"stageName", FIELD_STRING}, {"actionName", FIELD_STRING},
    {"what", FIELD_STRING},      {"who", FIELD_STRING},
    {"why", FIELD_STRING},
};
static const struct shape shape_history_event_out = SHAPE(fields_history_event_out);

static const struct field fields_history_event_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_history_event_out},
};
static const struct shape shape_history_event_list_out = SHAPE(fields_history_event_list_out);

static const struct field fields_list_pipeline_history_output[] = {
    {"events", FIELD_LIST, .of = &shape_history_event_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_pipeline_history_output = SHAPE(fields_list_pipeline_history_output);

static const char *const values_start_time_range[] = {"Latest", "All", NULL};
static const struct field fields_latest_in_execution[] = {
    UUID("pipelineExecutionId", FIELD_REQUIRED),
    {"startTimeRange", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_start_time_range},
};
const struct shape shape_latest_in_execution = SHAPE(fields_latest_in_execution);

static const struct field fields_action_execution_filter[] = {
    UUID("pipelineExecutionId", 0),
    {"latestInPipelineExecution", FIELD_STRUCT, .of = &shape_latest_in_execution},
};
static const struct shape shape_action_execution_filter = SHAPE(fields_action_execution_filter);

static const struct field fields_list_action_executions_input[] = {
    NAME("pipelineName"),
    {"filter", FIELD_STRUCT, .of = &shape_action_execution_filter},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_action_executions_input = SHAPE(fields_list_action_executions_input);

static const struct field fields_s3_location_out[] = {
    {"bucket", FIELD_STRING},
    {"key", FIELD_STRING},
};
static const struct shape shape_s3_location_out = SHAPE(fields_s3_location_out);

static const struct field fields_artifact_detail_out[] = {
    {"name", FIELD_STRING},
    {"s3location", FIELD_STRUCT, .of = &shape_s3_location_out},
    {"sha256", FIELD_STRING},
};
static const struct shape shape_artifact_detail_out = SHAPE(fields_artifact_detail_out);

static const struct field fields_artifact_detail_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_artifact_detail_out},
};
const struct shape shape_artifact_detail_list_out = SHAPE(fields_artifact_detail_list_out);

static const struct field fields_action_execution_input_out[] = {
    {"actionTypeId", FIELD_STRUCT, .of = &shape_action_type_id},
    {"configuration", FIELD_MAP, .of = &shape_texts},
    {"resolvedConfiguration", FIELD_MAP, .of = &shape_texts},
    {"roleArn", FIELD_STRING},
    {"region", FIELD_STRING},
    {"inputArtifacts", FIELD_LIST, .of = &shape_artifact_detail_list_out},
    {"namespace", FIELD_STRING},
};
static const struct shape shape_action_execution_input_out = SHAPE(fields_action_execution_input_out);

static const struct field fields_action_execution_result_out[] = {
    {"externalExecutionId", FIELD_STRING},
    {"externalExecutionSummary", FIELD_STRING},
    {"externalExecutionUrl", FIELD_STRING},
    {"logStreamARN", FIELD_STRING},
    {"errorDetails", FIELD_STRUCT, .of = &shape_error_details_out},
};
static const struct shape shape_action_execution_result_out = SHAPE(fields_action_execution_result_out);

static const struct field fields_action_execution_output[] = {
    {"outputArtifacts", FIELD_LIST, .of = &shape_artifact_detail_list_out},
    {"executionResult", FIELD_STRUCT, .of = &shape_action_execution_result_out},
    {"outputVariables", FIELD_MAP, .of = &shape_texts},
};
static const struct shape shape_action_execution_output = SHAPE(fields_action_execution_output);

static const struct field fields_action_execution_detail_out[] = {
    {"pipelineExecutionId", FIELD_STRING},
    {"actionExecutionId", FIELD_STRING},
    {"pipelineVersion", FIELD_INTEGER},
    {"stageName", FIELD_STRING},
    {"actionName", FIELD_STRING},
    {"startTime", FIELD_TIMESTAMP},
    {"lastUpdateTime", FIELD_TIMESTAMP},
    {"status", FIELD_STRING},
    {"input", FIELD_STRUCT, .of = &shape_action_execution_input_out},
    {"output", FIELD_STRUCT, .of = &shape_action_execution_output},
    {"updatedBy", FIELD_STRING},
};
static const struct shape shape_action_execution_detail_out = SHAPE(fields_action_execution_detail_out);

static const struct field fields_action_execution_detail_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_action_execution_detail_out},
};
static const struct shape shape_action_execution_detail_list_out =
    SHAPE(fields_action_execution_detail_list_out);

static const struct field fields_list_action_executions_output[] = {
    {"actionExecutionDetails", FIELD_LIST, .of = &shape_action_execution_detail_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_action_executions_output = SHAPE(fields_list_action_executions_output);
