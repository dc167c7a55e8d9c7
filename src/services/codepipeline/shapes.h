/* The field tables of the operations. */
#pragma once

#include "services/codepipeline/declaration.h"
#include "services/service.h"

extern const char *const values_result[];

extern const struct shape shape_action_type_id;
extern const struct shape shape_artifact_detail_list_out;
extern const struct shape shape_commands;
extern const struct shape shape_condition_list;
extern const struct shape shape_conditions;
extern const struct shape shape_create_custom_action_type_input;
extern const struct shape shape_create_custom_action_type_output;
extern const struct shape shape_create_pipeline_input;
extern const struct shape shape_create_pipeline_output;
extern const struct shape shape_delete_custom_action_type_input;
extern const struct shape shape_delete_pipeline_input;
extern const struct shape shape_delete_webhook_input;
extern const struct shape shape_disable_stage_transition_input;
extern const struct shape shape_enable_stage_transition_input;
extern const struct shape shape_error_details_out;
extern const struct shape shape_execution_id_output;
extern const struct shape shape_execution_trigger_out;
extern const struct shape shape_explain_pipeline_output;
extern const struct shape shape_get_job_details_input;
extern const struct shape shape_get_pipeline_execution_input;
extern const struct shape shape_get_pipeline_execution_output;
extern const struct shape shape_get_pipeline_input;
extern const struct shape shape_get_pipeline_output;
extern const struct shape shape_get_pipeline_state_input;
extern const struct shape shape_get_pipeline_state_output;
extern const struct shape shape_input_artifact_list;
extern const struct shape shape_job_details_output;
extern const struct shape shape_job_nonce_input;
extern const struct shape shape_jobs_output;
extern const struct shape shape_lease_output;
extern const struct shape shape_list_action_executions_input;
extern const struct shape shape_list_action_executions_output;
extern const struct shape shape_list_action_types_input;
extern const struct shape shape_list_action_types_output;
extern const struct shape shape_list_pipeline_history_input;
extern const struct shape shape_list_pipeline_history_output;
extern const struct shape shape_list_pipeline_executions_input;
extern const struct shape shape_list_pipeline_executions_output;
extern const struct shape shape_list_pipelines_input;
extern const struct shape shape_list_pipelines_output;
extern const struct shape shape_list_rule_executions_input;
extern const struct shape shape_list_rule_executions_output;
extern const struct shape shape_list_rule_types_input;
extern const struct shape shape_list_rule_types_output;
extern const struct shape shape_list_tags_for_resource_input;
extern const struct shape shape_list_webhooks_input;
extern const struct shape shape_list_webhooks_output;
extern const struct shape shape_override_stage_condition_input;
extern const struct shape shape_poll_for_account_jobs_input;
extern const struct shape shape_poll_for_jobs_input;
extern const struct shape shape_put_approval_result_input;
extern const struct shape shape_put_approval_result_output;
extern const struct shape shape_put_job_failure_result_input;
extern const struct shape shape_put_job_success_result_input;
extern const struct shape shape_put_webhook_input;
extern const struct shape shape_put_webhook_output;
extern const struct shape shape_retry_stage_execution_input;
extern const struct shape shape_rollback_stage_input;
extern const struct shape shape_stage_condition_state_out;
extern const struct shape shape_start_pipeline_execution_input;
extern const struct shape shape_status_output;
extern const struct shape shape_stop_pipeline_execution_input;
extern const struct shape shape_tag_list;
extern const struct shape shape_tag_resource_input;
extern const struct shape shape_tags_output;
extern const struct shape shape_untag_resource_input;
extern const struct shape shape_update_pipeline_input;
extern const struct shape shape_webhook_definition;
extern const struct shape shape_webhook_name_input;
