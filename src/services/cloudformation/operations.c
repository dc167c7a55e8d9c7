/* cloudformation's operations and their members. Source: AWS CloudFormation API Reference (2010-05-15). */
#include "services/cloudformation/api.h"

static const char *const on_failure_values[] = {"DO_NOTHING", "ROLLBACK", "DELETE", NULL};
static const char *const template_stage_values[] = {"Original", "Processed", NULL};
static const char *const change_set_type_values[] = {"CREATE", "UPDATE", "IMPORT", NULL};

static const struct field parameter_shape_fields[] = {
    {.name = "ParameterKey", .type = FIELD_STRING},
    {.name = "ParameterValue", .type = FIELD_STRING},
    {.name = "UsePreviousValue", .type = FIELD_BOOLEAN},
    {.name = "ResolvedValue", .type = FIELD_STRING},
};
static const struct shape parameter_shape = SHAPE(parameter_shape_fields);

static const struct field parameters_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &parameter_shape},
};
static const struct shape parameters_shape = SHAPE(parameters_shape_fields);

static const struct field notification_ar_ns_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape notification_ar_ns_shape = SHAPE(notification_ar_ns_shape_fields);

static const struct field capabilities_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape capabilities_shape = SHAPE(capabilities_shape_fields);

static const struct field resource_types_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING, .min = 1, .max = 256},
};
static const struct shape resource_types_shape = SHAPE(resource_types_shape_fields);

static const struct field tag_shape_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .min = 1, .max = 128, .flags = FIELD_REQUIRED},
    {.name = "Value", .type = FIELD_STRING, .min = 1, .max = 256, .flags = FIELD_REQUIRED},
};
static const struct shape tag_shape = SHAPE(tag_shape_fields);

static const struct field tags_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &tag_shape},
};
static const struct shape tags_shape = SHAPE(tags_shape_fields);

static const struct field create_stack_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "TemplateBody", .type = FIELD_STRING, .min = 1, .max = 1048576},
    {.name = "TemplateURL", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameters_shape},
    {.name = "DisableRollback", .type = FIELD_BOOLEAN},
    {.name = "TimeoutInMinutes", .type = FIELD_INTEGER},
    {.name = "NotificationARNs", .type = FIELD_LIST, .of = &notification_ar_ns_shape, .max = 5},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "ResourceTypes", .type = FIELD_LIST, .of = &resource_types_shape},
    {.name = "RoleARN", .type = FIELD_STRING, .min = 20, .max = 2048},
    {.name = "OnFailure", .type = FIELD_STRING, .values = on_failure_values},
    {.name = "Tags", .type = FIELD_LIST, .of = &tags_shape, .max = 50},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
    {.name = "EnableTerminationProtection", .type = FIELD_BOOLEAN},
};
static const struct shape create_stack_input_shape = SHAPE(create_stack_input_shape_fields);

static const struct field create_stack_output_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},
};
static const struct shape create_stack_output_shape = SHAPE(create_stack_output_shape_fields);

static const struct field update_stack_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "TemplateBody", .type = FIELD_STRING, .min = 1, .max = 1048576},
    {.name = "TemplateURL", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "UsePreviousTemplate", .type = FIELD_BOOLEAN},
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameters_shape},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "ResourceTypes", .type = FIELD_LIST, .of = &resource_types_shape},
    {.name = "RoleARN", .type = FIELD_STRING, .min = 20, .max = 2048},
    {.name = "NotificationARNs", .type = FIELD_LIST, .of = &notification_ar_ns_shape, .max = 5},
    {.name = "Tags", .type = FIELD_LIST, .of = &tags_shape, .max = 50},
    {.name = "DisableRollback", .type = FIELD_BOOLEAN},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape update_stack_input_shape = SHAPE(update_stack_input_shape_fields);

static const struct field update_stack_output_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},
};
static const struct shape update_stack_output_shape = SHAPE(update_stack_output_shape_fields);

static const struct field retain_resources_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape retain_resources_shape = SHAPE(retain_resources_shape_fields);

static const struct field delete_stack_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "RetainResources", .type = FIELD_LIST, .of = &retain_resources_shape},
    {.name = "RoleARN", .type = FIELD_STRING, .min = 20, .max = 2048},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape delete_stack_input_shape = SHAPE(delete_stack_input_shape_fields);

static const struct field cancel_update_stack_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape cancel_update_stack_input_shape = SHAPE(cancel_update_stack_input_shape_fields);

static const struct field resources_to_skip_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape resources_to_skip_shape = SHAPE(resources_to_skip_shape_fields);

static const struct field continue_update_rollback_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "RoleARN", .type = FIELD_STRING, .min = 20, .max = 2048},
    {.name = "ResourcesToSkip", .type = FIELD_LIST, .of = &resources_to_skip_shape},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape continue_update_rollback_input_shape =
    SHAPE(continue_update_rollback_input_shape_fields);

static const struct field describe_stacks_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape describe_stacks_input_shape = SHAPE(describe_stacks_input_shape_fields);

static const struct field output_shape_fields[] = {
    {.name = "OutputKey", .type = FIELD_STRING},
    {.name = "OutputValue", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "ExportName", .type = FIELD_STRING},
};
static const struct shape output_shape = SHAPE(output_shape_fields);

static const struct field outputs_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &output_shape},
};
static const struct shape outputs_shape = SHAPE(outputs_shape_fields);

static const struct field stack_drift_information_shape_fields[] = {
    {.name = "StackDriftStatus", .type = FIELD_STRING},
    {.name = "LastCheckTimestamp", .type = FIELD_TIMESTAMP},
};
static const struct shape stack_drift_information_shape = SHAPE(stack_drift_information_shape_fields);

static const struct field stack_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "ChangeSetId", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameters_shape},
    {.name = "CreationTime", .type = FIELD_TIMESTAMP},
    {.name = "DeletionTime", .type = FIELD_TIMESTAMP},
    {.name = "LastUpdatedTime", .type = FIELD_TIMESTAMP},
    {.name = "StackStatus", .type = FIELD_STRING},
    {.name = "StackStatusReason", .type = FIELD_STRING},
    {.name = "DisableRollback", .type = FIELD_BOOLEAN},
    {.name = "NotificationARNs", .type = FIELD_LIST, .of = &notification_ar_ns_shape},
    {.name = "TimeoutInMinutes", .type = FIELD_INTEGER},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "Outputs", .type = FIELD_LIST, .of = &outputs_shape},
    {.name = "RoleARN", .type = FIELD_STRING},
    {.name = "Tags", .type = FIELD_LIST, .of = &tags_shape},
    {.name = "EnableTerminationProtection", .type = FIELD_BOOLEAN},
    {.name = "DriftInformation", .type = FIELD_STRUCT, .of = &stack_drift_information_shape},
};
static const struct shape stack_shape = SHAPE(stack_shape_fields);

static const struct field stacks_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &stack_shape},
};
static const struct shape stacks_shape = SHAPE(stacks_shape_fields);

static const struct field describe_stacks_output_shape_fields[] = {
    {.name = "Stacks", .type = FIELD_LIST, .of = &stacks_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape describe_stacks_output_shape = SHAPE(describe_stacks_output_shape_fields);

static const struct field stack_status_filter_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape stack_status_filter_shape = SHAPE(stack_status_filter_shape_fields);

static const struct field list_stacks_input_shape_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "StackStatusFilter", .type = FIELD_LIST, .of = &stack_status_filter_shape},
};
static const struct shape list_stacks_input_shape = SHAPE(list_stacks_input_shape_fields);

static const struct field stack_drift_information_summary_shape_fields[] = {
    {.name = "StackDriftStatus", .type = FIELD_STRING},
    {.name = "LastCheckTimestamp", .type = FIELD_TIMESTAMP},
};
static const struct shape stack_drift_information_summary_shape =
    SHAPE(stack_drift_information_summary_shape_fields);

static const struct field stack_summary_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "TemplateDescription", .type = FIELD_STRING},
    {.name = "CreationTime", .type = FIELD_TIMESTAMP},
    {.name = "LastUpdatedTime", .type = FIELD_TIMESTAMP},
    {.name = "DeletionTime", .type = FIELD_TIMESTAMP},
    {.name = "StackStatus", .type = FIELD_STRING},
    {.name = "StackStatusReason", .type = FIELD_STRING},
    {.name = "DriftInformation", .type = FIELD_STRUCT, .of = &stack_drift_information_summary_shape},
};
static const struct shape stack_summary_shape = SHAPE(stack_summary_shape_fields);

static const struct field stack_summaries_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &stack_summary_shape},
};
static const struct shape stack_summaries_shape = SHAPE(stack_summaries_shape_fields);

static const struct field list_stacks_output_shape_fields[] = {
    {.name = "StackSummaries", .type = FIELD_LIST, .of = &stack_summaries_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape list_stacks_output_shape = SHAPE(list_stacks_output_shape_fields);

static const struct field describe_stack_events_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape describe_stack_events_input_shape = SHAPE(describe_stack_events_input_shape_fields);

static const struct field stack_event_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "EventId", .type = FIELD_STRING},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
    {.name = "ResourceType", .type = FIELD_STRING},
    {.name = "Timestamp", .type = FIELD_TIMESTAMP},
    {.name = "ResourceStatus", .type = FIELD_STRING},
    {.name = "ResourceStatusReason", .type = FIELD_STRING},
    {.name = "ResourceProperties", .type = FIELD_STRING},
    {.name = "ClientRequestToken", .type = FIELD_STRING},
};
static const struct shape stack_event_shape = SHAPE(stack_event_shape_fields);

static const struct field stack_events_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &stack_event_shape},
};
static const struct shape stack_events_shape = SHAPE(stack_events_shape_fields);

static const struct field describe_stack_events_output_shape_fields[] = {
    {.name = "StackEvents", .type = FIELD_LIST, .of = &stack_events_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape describe_stack_events_output_shape =
    SHAPE(describe_stack_events_output_shape_fields);

static const struct field describe_stack_resource_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "LogicalResourceId", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
};
static const struct shape describe_stack_resource_input_shape =
    SHAPE(describe_stack_resource_input_shape_fields);

static const struct field stack_resource_drift_information_shape_fields[] = {
    {.name = "StackResourceDriftStatus", .type = FIELD_STRING},
    {.name = "LastCheckTimestamp", .type = FIELD_TIMESTAMP},
};
static const struct shape stack_resource_drift_information_shape =
    SHAPE(stack_resource_drift_information_shape_fields);

static const struct field stack_resource_detail_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
    {.name = "ResourceType", .type = FIELD_STRING},
    {.name = "LastUpdatedTimestamp", .type = FIELD_TIMESTAMP},
    {.name = "ResourceStatus", .type = FIELD_STRING},
    {.name = "ResourceStatusReason", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Metadata", .type = FIELD_STRING},
    {.name = "DriftInformation", .type = FIELD_STRUCT, .of = &stack_resource_drift_information_shape},
};
static const struct shape stack_resource_detail_shape = SHAPE(stack_resource_detail_shape_fields);

static const struct field describe_stack_resource_output_shape_fields[] = {
    {.name = "StackResourceDetail", .type = FIELD_STRUCT, .of = &stack_resource_detail_shape},
};
static const struct shape describe_stack_resource_output_shape =
    SHAPE(describe_stack_resource_output_shape_fields);

static const struct field describe_stack_resources_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
};
static const struct shape describe_stack_resources_input_shape =
    SHAPE(describe_stack_resources_input_shape_fields);

static const struct field stack_resource_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
    {.name = "ResourceType", .type = FIELD_STRING},
    {.name = "Timestamp", .type = FIELD_TIMESTAMP},
    {.name = "ResourceStatus", .type = FIELD_STRING},
    {.name = "ResourceStatusReason", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "DriftInformation", .type = FIELD_STRUCT, .of = &stack_resource_drift_information_shape},
};
static const struct shape stack_resource_shape = SHAPE(stack_resource_shape_fields);

static const struct field stack_resources_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &stack_resource_shape},
};
static const struct shape stack_resources_shape = SHAPE(stack_resources_shape_fields);

static const struct field describe_stack_resources_output_shape_fields[] = {
    {.name = "StackResources", .type = FIELD_LIST, .of = &stack_resources_shape},
};
static const struct shape describe_stack_resources_output_shape =
    SHAPE(describe_stack_resources_output_shape_fields);

static const struct field list_stack_resources_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape list_stack_resources_input_shape = SHAPE(list_stack_resources_input_shape_fields);

static const struct field stack_resource_drift_information_summary_shape_fields[] = {
    {.name = "StackResourceDriftStatus", .type = FIELD_STRING},
    {.name = "LastCheckTimestamp", .type = FIELD_TIMESTAMP},
};
static const struct shape stack_resource_drift_information_summary_shape =
    SHAPE(stack_resource_drift_information_summary_shape_fields);

static const struct field stack_resource_summary_shape_fields[] = {
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
    {.name = "ResourceType", .type = FIELD_STRING},
    {.name = "LastUpdatedTimestamp", .type = FIELD_TIMESTAMP},
    {.name = "ResourceStatus", .type = FIELD_STRING},
    {.name = "ResourceStatusReason", .type = FIELD_STRING},
    {.name = "DriftInformation", .type = FIELD_STRUCT, .of = &stack_resource_drift_information_summary_shape},
};
static const struct shape stack_resource_summary_shape = SHAPE(stack_resource_summary_shape_fields);

static const struct field stack_resource_summaries_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &stack_resource_summary_shape},
};
static const struct shape stack_resource_summaries_shape = SHAPE(stack_resource_summaries_shape_fields);

static const struct field list_stack_resources_output_shape_fields[] = {
    {.name = "StackResourceSummaries", .type = FIELD_LIST, .of = &stack_resource_summaries_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape list_stack_resources_output_shape = SHAPE(list_stack_resources_output_shape_fields);

static const struct field get_template_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "ChangeSetName", .type = FIELD_STRING, .min = 1, .max = 1600},
    {.name = "TemplateStage", .type = FIELD_STRING, .values = template_stage_values},
};
static const struct shape get_template_input_shape = SHAPE(get_template_input_shape_fields);

static const struct field stage_list_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape stage_list_shape = SHAPE(stage_list_shape_fields);

static const struct field get_template_output_shape_fields[] = {
    {.name = "TemplateBody", .type = FIELD_STRING},
    {.name = "StagesAvailable", .type = FIELD_LIST, .of = &stage_list_shape},
};
static const struct shape get_template_output_shape = SHAPE(get_template_output_shape_fields);

static const struct field get_template_summary_input_shape_fields[] = {
    {.name = "TemplateBody", .type = FIELD_STRING, .min = 1, .max = 1048576},
    {.name = "TemplateURL", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "StackName", .type = FIELD_STRING},
};
static const struct shape get_template_summary_input_shape = SHAPE(get_template_summary_input_shape_fields);

static const struct field allowed_values_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape allowed_values_shape = SHAPE(allowed_values_shape_fields);

static const struct field parameter_constraints_shape_fields[] = {
    {.name = "AllowedValues", .type = FIELD_LIST, .of = &allowed_values_shape},
};
static const struct shape parameter_constraints_shape = SHAPE(parameter_constraints_shape_fields);

static const struct field parameter_declaration_shape_fields[] = {
    {.name = "ParameterKey", .type = FIELD_STRING},
    {.name = "DefaultValue", .type = FIELD_STRING},
    {.name = "ParameterType", .type = FIELD_STRING},
    {.name = "NoEcho", .type = FIELD_BOOLEAN},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "ParameterConstraints", .type = FIELD_STRUCT, .of = &parameter_constraints_shape},
};
static const struct shape parameter_declaration_shape = SHAPE(parameter_declaration_shape_fields);

static const struct field parameter_declarations_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &parameter_declaration_shape},
};
static const struct shape parameter_declarations_shape = SHAPE(parameter_declarations_shape_fields);

static const struct field transforms_list_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape transforms_list_shape = SHAPE(transforms_list_shape_fields);

static const struct field get_template_summary_output_shape_fields[] = {
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameter_declarations_shape},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "CapabilitiesReason", .type = FIELD_STRING},
    {.name = "ResourceTypes", .type = FIELD_LIST, .of = &resource_types_shape},
    {.name = "Version", .type = FIELD_STRING},
    {.name = "Metadata", .type = FIELD_STRING},
    {.name = "DeclaredTransforms", .type = FIELD_LIST, .of = &transforms_list_shape},
};
static const struct shape get_template_summary_output_shape = SHAPE(get_template_summary_output_shape_fields);

static const struct field validate_template_input_shape_fields[] = {
    {.name = "TemplateBody", .type = FIELD_STRING, .min = 1, .max = 1048576},
    {.name = "TemplateURL", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape validate_template_input_shape = SHAPE(validate_template_input_shape_fields);

static const struct field template_parameter_shape_fields[] = {
    {.name = "ParameterKey", .type = FIELD_STRING},
    {.name = "DefaultValue", .type = FIELD_STRING},
    {.name = "NoEcho", .type = FIELD_BOOLEAN},
    {.name = "Description", .type = FIELD_STRING},
};
static const struct shape template_parameter_shape = SHAPE(template_parameter_shape_fields);

static const struct field template_parameters_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &template_parameter_shape},
};
static const struct shape template_parameters_shape = SHAPE(template_parameters_shape_fields);

static const struct field validate_template_output_shape_fields[] = {
    {.name = "Parameters", .type = FIELD_LIST, .of = &template_parameters_shape},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "CapabilitiesReason", .type = FIELD_STRING},
    {.name = "DeclaredTransforms", .type = FIELD_LIST, .of = &transforms_list_shape},
};
static const struct shape validate_template_output_shape = SHAPE(validate_template_output_shape_fields);

static const struct field create_change_set_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "TemplateBody", .type = FIELD_STRING, .min = 1, .max = 1048576},
    {.name = "TemplateURL", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "UsePreviousTemplate", .type = FIELD_BOOLEAN},
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameters_shape},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "ResourceTypes", .type = FIELD_LIST, .of = &resource_types_shape},
    {.name = "RoleARN", .type = FIELD_STRING, .min = 20, .max = 2048},
    {.name = "NotificationARNs", .type = FIELD_LIST, .of = &notification_ar_ns_shape, .max = 5},
    {.name = "Tags", .type = FIELD_LIST, .of = &tags_shape, .max = 50},
    {.name = "ChangeSetName", .type = FIELD_STRING, .min = 1, .max = 128, .flags = FIELD_REQUIRED},
    {.name = "ClientToken", .type = FIELD_STRING, .min = 1, .max = 128},
    {.name = "Description", .type = FIELD_STRING, .min = 1, .max = 1024},
    {.name = "ChangeSetType", .type = FIELD_STRING, .values = change_set_type_values},
};
static const struct shape create_change_set_input_shape = SHAPE(create_change_set_input_shape_fields);

static const struct field create_change_set_output_shape_fields[] = {
    {.name = "Id", .type = FIELD_STRING},
    {.name = "StackId", .type = FIELD_STRING},
};
static const struct shape create_change_set_output_shape = SHAPE(create_change_set_output_shape_fields);

static const struct field describe_change_set_input_shape_fields[] = {
    {.name = "ChangeSetName", .type = FIELD_STRING, .min = 1, .max = 1600, .flags = FIELD_REQUIRED},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape describe_change_set_input_shape = SHAPE(describe_change_set_input_shape_fields);

static const struct field scope_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape scope_shape = SHAPE(scope_shape_fields);

static const struct field resource_target_definition_shape_fields[] = {
    {.name = "Attribute", .type = FIELD_STRING},
    {.name = "Name", .type = FIELD_STRING},
    {.name = "RequiresRecreation", .type = FIELD_STRING},
};
static const struct shape resource_target_definition_shape = SHAPE(resource_target_definition_shape_fields);

static const struct field resource_change_detail_shape_fields[] = {
    {.name = "Target", .type = FIELD_STRUCT, .of = &resource_target_definition_shape},
    {.name = "Evaluation", .type = FIELD_STRING},
    {.name = "ChangeSource", .type = FIELD_STRING},
    {.name = "CausingEntity", .type = FIELD_STRING},
};
static const struct shape resource_change_detail_shape = SHAPE(resource_change_detail_shape_fields);

static const struct field resource_change_details_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &resource_change_detail_shape},
};
static const struct shape resource_change_details_shape = SHAPE(resource_change_details_shape_fields);

static const struct field resource_change_shape_fields[] = {
    {.name = "Action", .type = FIELD_STRING},
    {.name = "LogicalResourceId", .type = FIELD_STRING},
    {.name = "PhysicalResourceId", .type = FIELD_STRING},
    {.name = "ResourceType", .type = FIELD_STRING},
    {.name = "Replacement", .type = FIELD_STRING},
    {.name = "Scope", .type = FIELD_LIST, .of = &scope_shape},
    {.name = "Details", .type = FIELD_LIST, .of = &resource_change_details_shape},
    {.name = "ChangeSetId", .type = FIELD_STRING},
};
static const struct shape resource_change_shape = SHAPE(resource_change_shape_fields);

static const struct field change_shape_fields[] = {
    {.name = "Type", .type = FIELD_STRING},
    {.name = "ResourceChange", .type = FIELD_STRUCT, .of = &resource_change_shape},
};
static const struct shape change_shape = SHAPE(change_shape_fields);

static const struct field changes_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &change_shape},
};
static const struct shape changes_shape = SHAPE(changes_shape_fields);

static const struct field describe_change_set_output_shape_fields[] = {
    {.name = "ChangeSetName", .type = FIELD_STRING},
    {.name = "ChangeSetId", .type = FIELD_STRING},
    {.name = "StackId", .type = FIELD_STRING},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameters_shape},
    {.name = "CreationTime", .type = FIELD_TIMESTAMP},
    {.name = "ExecutionStatus", .type = FIELD_STRING},
    {.name = "Status", .type = FIELD_STRING},
    {.name = "StatusReason", .type = FIELD_STRING},
    {.name = "NotificationARNs", .type = FIELD_LIST, .of = &notification_ar_ns_shape},
    {.name = "Capabilities", .type = FIELD_LIST, .of = &capabilities_shape},
    {.name = "Tags", .type = FIELD_LIST, .of = &tags_shape},
    {.name = "Changes", .type = FIELD_LIST, .of = &changes_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape describe_change_set_output_shape = SHAPE(describe_change_set_output_shape_fields);

static const struct field execute_change_set_input_shape_fields[] = {
    {.name = "ChangeSetName", .type = FIELD_STRING, .min = 1, .max = 1600, .flags = FIELD_REQUIRED},
    {.name = "StackName", .type = FIELD_STRING},
    {.name = "ClientRequestToken", .type = FIELD_STRING, .min = 1, .max = 128},
    {.name = "DisableRollback", .type = FIELD_BOOLEAN},
};
static const struct shape execute_change_set_input_shape = SHAPE(execute_change_set_input_shape_fields);

static const struct field delete_change_set_input_shape_fields[] = {
    {.name = "ChangeSetName", .type = FIELD_STRING, .min = 1, .max = 1600, .flags = FIELD_REQUIRED},
    {.name = "StackName", .type = FIELD_STRING},
};
static const struct shape delete_change_set_input_shape = SHAPE(delete_change_set_input_shape_fields);

static const struct field list_change_sets_input_shape_fields[] = {
    {.name = "StackName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape list_change_sets_input_shape = SHAPE(list_change_sets_input_shape_fields);

static const struct field change_set_summary_shape_fields[] = {
    {.name = "StackId", .type = FIELD_STRING},         {.name = "StackName", .type = FIELD_STRING},
    {.name = "ChangeSetId", .type = FIELD_STRING},     {.name = "ChangeSetName", .type = FIELD_STRING},
    {.name = "ExecutionStatus", .type = FIELD_STRING}, {.name = "Status", .type = FIELD_STRING},
    {.name = "StatusReason", .type = FIELD_STRING},    {.name = "CreationTime", .type = FIELD_TIMESTAMP},
    {.name = "Description", .type = FIELD_STRING},
};
static const struct shape change_set_summary_shape = SHAPE(change_set_summary_shape_fields);

static const struct field change_set_summaries_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &change_set_summary_shape},
};
static const struct shape change_set_summaries_shape = SHAPE(change_set_summaries_shape_fields);

static const struct field list_change_sets_output_shape_fields[] = {
    {.name = "Summaries", .type = FIELD_LIST, .of = &change_set_summaries_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape list_change_sets_output_shape = SHAPE(list_change_sets_output_shape_fields);

static const struct field list_exports_input_shape_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape list_exports_input_shape = SHAPE(list_exports_input_shape_fields);

static const struct field export_shape_fields[] = {
    {.name = "ExportingStackId", .type = FIELD_STRING},
    {.name = "Name", .type = FIELD_STRING},
    {.name = "Value", .type = FIELD_STRING},
};
static const struct shape export_shape = SHAPE(export_shape_fields);

static const struct field exports_shape_fields[] = {
    {.name = "item", .type = FIELD_STRUCT, .of = &export_shape},
};
static const struct shape exports_shape = SHAPE(exports_shape_fields);

static const struct field list_exports_output_shape_fields[] = {
    {.name = "Exports", .type = FIELD_LIST, .of = &exports_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape list_exports_output_shape = SHAPE(list_exports_output_shape_fields);

static const struct field list_imports_input_shape_fields[] = {
    {.name = "ExportName", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "NextToken", .type = FIELD_STRING, .min = 1, .max = 1024},
};
static const struct shape list_imports_input_shape = SHAPE(list_imports_input_shape_fields);

static const struct field imports_shape_fields[] = {
    {.name = "item", .type = FIELD_STRING},
};
static const struct shape imports_shape = SHAPE(imports_shape_fields);

static const struct field list_imports_output_shape_fields[] = {
    {.name = "Imports", .type = FIELD_LIST, .of = &imports_shape},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape list_imports_output_shape = SHAPE(list_imports_output_shape_fields);

static const struct shape nothing = {NULL, 0};

const struct operation cloudformation_operations[CLOUDFORMATION_OPERATIONS] = {
    {"CreateStack", "cloudformation:CreateStack", OP_WRITE, &create_stack_input_shape,
     &create_stack_output_shape, cf_create_stack},
    {"UpdateStack", "cloudformation:UpdateStack", OP_WRITE, &update_stack_input_shape,
     &update_stack_output_shape, cf_update_stack},
    {"DeleteStack", "cloudformation:DeleteStack", OP_WRITE, &delete_stack_input_shape, NULL, cf_delete_stack},
    {"CancelUpdateStack", "cloudformation:CancelUpdateStack", OP_WRITE, &cancel_update_stack_input_shape,
     NULL, cf_cancel_update_stack},
    {"ContinueUpdateRollback", "cloudformation:ContinueUpdateRollback", OP_WRITE,
     &continue_update_rollback_input_shape, &nothing, cf_continue_update_rollback},
    {"DescribeStacks", "cloudformation:DescribeStacks", OP_INLINE, &describe_stacks_input_shape,
     &describe_stacks_output_shape, cf_describe_stacks},
    {"ListStacks", "cloudformation:ListStacks", OP_READ, &list_stacks_input_shape, &list_stacks_output_shape,
     cf_list_stacks},
    {"DescribeStackEvents", "cloudformation:DescribeStackEvents", OP_READ, &describe_stack_events_input_shape,
     &describe_stack_events_output_shape, cf_describe_stack_events},
    {"DescribeStackResource", "cloudformation:DescribeStackResource", OP_READ,
     &describe_stack_resource_input_shape, &describe_stack_resource_output_shape, cf_describe_stack_resource},
    {"DescribeStackResources", "cloudformation:DescribeStackResources", OP_READ,
     &describe_stack_resources_input_shape, &describe_stack_resources_output_shape,
     cf_describe_stack_resources},
    {"ListStackResources", "cloudformation:ListStackResources", OP_READ, &list_stack_resources_input_shape,
     &list_stack_resources_output_shape, cf_list_stack_resources},
    {"GetTemplate", "cloudformation:GetTemplate", OP_READ, &get_template_input_shape,
     &get_template_output_shape, cf_get_template},
    {"GetTemplateSummary", "cloudformation:GetTemplateSummary", OP_READ, &get_template_summary_input_shape,
     &get_template_summary_output_shape, cf_get_template_summary},
    {"ValidateTemplate", "cloudformation:ValidateTemplate", OP_READ, &validate_template_input_shape,
     &validate_template_output_shape, cf_validate_template},
    {"CreateChangeSet", "cloudformation:CreateChangeSet", OP_WRITE, &create_change_set_input_shape,
     &create_change_set_output_shape, cf_create_change_set},
    {"DescribeChangeSet", "cloudformation:DescribeChangeSet", OP_READ, &describe_change_set_input_shape,
     &describe_change_set_output_shape, cf_describe_change_set},
    {"ExecuteChangeSet", "cloudformation:ExecuteChangeSet", OP_WRITE, &execute_change_set_input_shape,
     &nothing, cf_execute_change_set},
    {"DeleteChangeSet", "cloudformation:DeleteChangeSet", OP_WRITE, &delete_change_set_input_shape, &nothing,
     cf_delete_change_set},
    {"ListChangeSets", "cloudformation:ListChangeSets", OP_READ, &list_change_sets_input_shape,
     &list_change_sets_output_shape, cf_list_change_sets},
    {"ListExports", "cloudformation:ListExports", OP_READ, &list_exports_input_shape,
     &list_exports_output_shape, cf_list_exports},
    {"ListImports", "cloudformation:ListImports", OP_READ, &list_imports_input_shape,
     &list_imports_output_shape, cf_list_imports},
};
