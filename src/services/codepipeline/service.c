/* The descriptor of codepipeline. Source: CodePipeline API Reference (API version 2015-07-09). */
#include "services/codepipeline/service.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/follow.h"
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/timer.h"
#include "services/codepipeline/webhook.h"

#define ROW(name, flags, in, out, run)                                                                       \
    {                                                                                                        \
        name, "codepipeline:" name, flags, in, out, run                                                      \
    }

/* 50 stages of 50 actions with a kilobyte of configuration each are 2.5 MiB. */
#define DECLARATION_ROW(name, in, out, run)                                                                  \
    {                                                                                                        \
        name, "codepipeline:" name, OP_WRITE, in, out, run, .body_max = 8 << 20                              \
    }

static const struct operation operations[] = {
    DECLARATION_ROW("CreatePipeline", &shape_create_pipeline_input, &shape_create_pipeline_output,
                    codepipeline_create_pipeline),
    ROW("GetPipeline", OP_READ, &shape_get_pipeline_input, &shape_get_pipeline_output,
        codepipeline_get_pipeline),
    DECLARATION_ROW("UpdatePipeline", &shape_update_pipeline_input, &shape_get_pipeline_output,
                    codepipeline_update_pipeline),
    ROW("DeletePipeline", OP_WRITE, &shape_delete_pipeline_input, NULL, codepipeline_delete_pipeline),
    ROW("ListPipelines", OP_READ, &shape_list_pipelines_input, &shape_list_pipelines_output,
        codepipeline_list_pipelines),
    ROW("GetPipelineState", OP_READ, &shape_get_pipeline_state_input, &shape_get_pipeline_state_output,
        codepipeline_get_pipeline_state),
    ROW("StartPipelineExecution", OP_WRITE, &shape_start_pipeline_execution_input, &shape_execution_id_output,
        codepipeline_start_execution),
    ROW("StopPipelineExecution", OP_WRITE, &shape_stop_pipeline_execution_input, &shape_execution_id_output,
        codepipeline_stop_execution),
    ROW("RetryStageExecution", OP_WRITE, &shape_retry_stage_execution_input, &shape_execution_id_output,
        codepipeline_retry_stage),
    ROW("RollbackStage", OP_WRITE, &shape_rollback_stage_input, &shape_rollback_stage_output,
        codepipeline_rollback_stage),
    ROW("OverrideStageCondition", OP_WRITE, &shape_override_stage_condition_input, NULL,
        codepipeline_override_condition),
    ROW("GetPipelineExecution", OP_READ, &shape_get_pipeline_execution_input,
        &shape_get_pipeline_execution_output, codepipeline_get_pipeline_execution),
    ROW("ListPipelineExecutions", OP_READ, &shape_list_pipeline_executions_input,
        &shape_list_pipeline_executions_output, codepipeline_list_pipeline_executions),
    ROW("ListActionExecutions", OP_READ, &shape_list_action_executions_input,
        &shape_list_action_executions_output, codepipeline_list_action_executions),
    ROW("ListRuleExecutions", OP_READ, &shape_list_rule_executions_input, &shape_list_rule_executions_output,
        codepipeline_list_rule_executions),
    ROW("ListRuleTypes", OP_READ, &shape_list_rule_types_input, &shape_list_rule_types_output,
        codepipeline_list_rule_types),
    ROW("PutApprovalResult", OP_WRITE, &shape_put_approval_result_input, &shape_put_approval_result_output,
        codepipeline_put_approval_result),
    ROW("EnableStageTransition", OP_WRITE, &shape_enable_stage_transition_input, NULL,
        codepipeline_enable_transition),
    ROW("DisableStageTransition", OP_WRITE, &shape_disable_stage_transition_input, NULL,
        codepipeline_disable_transition),
    ROW("PollForJobs", 0, &shape_poll_for_jobs_input, &shape_jobs_output, codepipeline_poll_for_jobs),
    ROW("AcknowledgeJob", OP_WRITE, &shape_job_nonce_input, &shape_status_output,
        codepipeline_acknowledge_job),
    ROW("GetJobDetails", OP_READ, &shape_get_job_details_input, &shape_job_details_output,
        codepipeline_get_job_details),
    ROW("PutJobSuccessResult", OP_FEW, &shape_put_job_success_result_input, &shape_jobs_output,
        codepipeline_put_job_success_result),
    ROW("PutJobFailureResult", OP_FEW, &shape_put_job_failure_result_input, &shape_jobs_output,
        codepipeline_put_job_failure_result),
    ROW("PollForAccountJobs", OP_EXTENSION, &shape_poll_for_account_jobs_input, &shape_jobs_output,
        codepipeline_poll_for_account_jobs),
    ROW("ExtendJobLease", OP_WRITE | OP_EXTENSION, &shape_job_nonce_input, &shape_lease_output,
        codepipeline_extend_job_lease),
    ROW("ReleaseJob", OP_WRITE | OP_EXTENSION, &shape_job_nonce_input, NULL, codepipeline_release_job),
    ROW("ExplainPipeline", OP_READ | OP_EXTENSION, &shape_get_pipeline_state_input,
        &shape_explain_pipeline_output, codepipeline_explain_pipeline),
    ROW("PutFreeze", OP_WRITE | OP_EXTENSION, &shape_put_freeze_input, &shape_put_freeze_output,
        codepipeline_put_freeze),
    ROW("DeleteFreeze", OP_WRITE | OP_EXTENSION, &shape_delete_freeze_input, NULL,
        codepipeline_delete_freeze),
    ROW("ListFreezes", OP_READ | OP_EXTENSION, &shape_list_freezes_input, &shape_list_freezes_output,
        codepipeline_list_freezes),
    ROW("ListPipelineHistory", OP_READ | OP_EXTENSION, &shape_list_pipeline_history_input,
        &shape_list_pipeline_history_output, codepipeline_list_pipeline_history),
    ROW("ListActionTypes", OP_READ, &shape_list_action_types_input, &shape_list_action_types_output,
        codepipeline_list_action_types),
    ROW("GetActionType", OP_READ, &shape_get_action_type_input, &shape_action_type_member,
        codepipeline_get_action_type),
    ROW("UpdateActionType", OP_WRITE, &shape_action_type_member, NULL, codepipeline_update_action_type),
    ROW("PutActionRevision", OP_WRITE, &shape_put_action_revision_input, &shape_put_action_revision_output,
        codepipeline_put_action_revision),
    ROW("ListDeployActionExecutionTargets", OP_READ, &shape_list_deploy_targets_input,
        &shape_list_deploy_targets_output, codepipeline_list_deploy_targets),
    ROW("CreateCustomActionType", OP_WRITE, &shape_create_custom_action_type_input,
        &shape_create_custom_action_type_output, codepipeline_create_custom_action_type),
    ROW("DeleteCustomActionType", OP_WRITE, &shape_delete_custom_action_type_input, NULL,
        codepipeline_delete_custom_action_type),
    ROW("PutWebhook", OP_WRITE, &shape_put_webhook_input, &shape_put_webhook_output,
        codepipeline_put_webhook),
    ROW("ListWebhooks", OP_READ, &shape_list_webhooks_input, &shape_list_webhooks_output,
        codepipeline_list_webhooks),
    ROW("DeleteWebhook", OP_WRITE, &shape_delete_webhook_input, NULL, codepipeline_delete_webhook),
    ROW("RegisterWebhookWithThirdParty", OP_READ, &shape_webhook_name_input, NULL,
        codepipeline_register_webhook),
    ROW("DeregisterWebhookWithThirdParty", OP_READ, &shape_webhook_name_input, NULL,
        codepipeline_register_webhook),
    ROW("TagResource", OP_WRITE, &shape_tag_resource_input, NULL, codepipeline_tag_resource),
    ROW("UntagResource", OP_WRITE, &shape_untag_resource_input, NULL, codepipeline_untag_resource),
    ROW("ListTagsForResource", OP_READ, &shape_list_tags_for_resource_input, &shape_tags_output,
        codepipeline_list_tags_for_resource),
};

static const char *const unsupported[] = {
    "AcknowledgeThirdPartyJob",      "GetThirdPartyJobDetails",       "PollForThirdPartyJobs",
    "PutThirdPartyJobFailureResult", "PutThirdPartyJobSuccessResult", NULL,
};

/* What comes to a webhook's address: a push, a tag, a chat's button. */
static const struct operation hook = {
    .name = "ReceiveWebhookEvent",
    .flags = OP_ANONYMOUS | OP_EXTENSION,
    .begin = codepipeline_expect_event,
    .run = codepipeline_receive_event,
    .body_max = WEBHOOK_EVENT_MAX,
};

#define ERROR(outcome, code, message)                                                                        \
    {                                                                                                        \
        outcome, code, 400, NULL, message                                                                    \
    }

static const struct service_error errors[] = {
    ERROR(PIPELINE_E_NAME_IN_USE, "PipelineNameInUseException", "The pipeline name is in use."),
    ERROR(PIPELINE_E_NOT_FOUND, "PipelineNotFoundException", "The pipeline was not found."),
    ERROR(PIPELINE_E_VERSION_NOT_FOUND, "PipelineVersionNotFoundException", "The version was not found."),
    ERROR(PIPELINE_E_STRUCTURE, "InvalidStructureException", "The pipeline's structure is not valid."),
    ERROR(PIPELINE_E_STAGE_DECLARATION, "InvalidStageDeclarationException", "A stage is not valid."),
    ERROR(PIPELINE_E_ACTION_DECLARATION, "InvalidActionDeclarationException", "An action is not valid."),
    ERROR(PIPELINE_E_EXECUTION_NOT_FOUND, "PipelineExecutionNotFoundException",
          "The execution was not found."),
    ERROR(PIPELINE_E_STAGE_NOT_FOUND, "StageNotFoundException", "The stage was not found."),
    ERROR(PIPELINE_E_ACTION_NOT_FOUND, "ActionNotFoundException", "The action was not found."),
    ERROR(PIPELINE_E_STAGE_NOT_RETRYABLE, "StageNotRetryableException", "The stage cannot be retried."),
    ERROR(PIPELINE_E_NOT_LATEST, "NotLatestPipelineExecutionException",
          "A newer execution has entered the stage."),
    ERROR(PIPELINE_E_NO_ROLLBACK, "UnableToRollbackStageException", "The stage cannot be rolled back."),
    ERROR(PIPELINE_E_NOT_OVERRIDABLE, "ConditionNotOverridableException",
          "The condition cannot be overridden."),
    ERROR(PIPELINE_E_NOT_STOPPABLE, "PipelineExecutionNotStoppableException",
          "The execution cannot be stopped."),
    ERROR(PIPELINE_E_DUPLICATED_STOP, "DuplicatedStopRequestException",
          "The execution is already being stopped."),
    ERROR(PIPELINE_E_APPROVAL_TOKEN, "InvalidApprovalTokenException", "The approval token is not valid."),
    ERROR(PIPELINE_E_APPROVAL_COMPLETED, "ApprovalAlreadyCompletedException",
          "The approval was answered already."),
    ERROR(PIPELINE_E_DENIED, "AccessDeniedException", "You may not do that."),
    ERROR(PIPELINE_E_JOB_NOT_FOUND, "JobNotFoundException", "The job was not found."),
    ERROR(PIPELINE_E_NONCE, "InvalidNonceException", "The nonce is not that of the job's lease."),
    ERROR(PIPELINE_E_JOB_STATE, "InvalidJobStateException", "The job is not in progress."),
    ERROR(PIPELINE_E_ACTION_TYPE_NOT_FOUND, "ActionTypeNotFoundException", "The action type was not found."),
    ERROR(PIPELINE_E_NEXT_TOKEN, "InvalidNextTokenException", "The nextToken is not valid."),
    ERROR(PIPELINE_E_TAGS, "InvalidTagsException", "A tag is not valid."),
    ERROR(PIPELINE_E_TOO_MANY_TAGS, "TooManyTagsException", "There are too many tags."),
    ERROR(PIPELINE_E_ARN, "InvalidArnException", "The ARN is not valid."),
    ERROR(PIPELINE_E_RESOURCE_NOT_FOUND, "ResourceNotFoundException", "The resource was not found."),
    ERROR(PIPELINE_E_LIMIT, "LimitExceededException", "A limit was exceeded."),
    ERROR(PIPELINE_E_TOO_MANY_EXECUTIONS, "ConcurrentPipelineExecutionsLimitExceededException",
          "The pipeline has too many executions at a time."),
    ERROR(PIPELINE_E_OUTPUT_VARIABLES, "OutputVariablesSizeExceededException",
          "The output variables are too long."),
    ERROR(PIPELINE_E_WEBHOOK_NOT_FOUND, "WebhookNotFoundException", "The webhook was not found."),
    ERROR(PIPELINE_E_WEBHOOK_FILTER, "InvalidWebhookFilterPatternException", "A filter is not valid."),
    ERROR(PIPELINE_E_WEBHOOK_AUTHENTICATION, "InvalidWebhookAuthenticationParametersException",
          "The authenticationConfiguration is not valid."),
    {PIPELINE_E_HOOK_UNKNOWN, "WebhookNotFoundException", 404, NULL, "No webhook has this URL."},
    {PIPELINE_E_HOOK_DENIED, "AccessDeniedException", 403, NULL, "The event was not sent by who may."},
    {PIPELINE_E_HOOK_BODY, "InvalidEventException", 400, NULL, "The event is not JSON."},
    ERROR(PIPELINE_E_REQUEST_FAILED, "RequestFailedException", "The request failed."),
    ERROR(PIPELINE_E_ACTION_EXECUTION_NOT_FOUND, "ActionExecutionNotFoundException",
          "The action execution was not found."),
    ERROR(PIPELINE_E_INVALID, "ValidationException", "The request is not valid."),
};

const struct service codepipeline_service = {
    .name = "codepipeline",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "CodePipeline_20150709",
    .api_version = "2015-07-09",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .hook_path = WEBHOOK_PATH,
    .hook = &hook,
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "ValidationException",
    .migrations = codepipeline_migrations,
    .migration_count = CODEPIPELINE_MIGRATION_COUNT,
    .start = timer_start,
    .stop = timer_stop,
    .object_created = follow_object,
};
