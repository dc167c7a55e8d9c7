/* Field tables of action types and tags.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const char *const values_action_category[] = {"Source", "Build",    "Deploy",  "Test",
                                                     "Invoke", "Approval", "Compute", NULL};
static const char *const values_action_owner[] = {"AWS", "ThirdParty", "Custom", NULL};
static const struct field fields_action_type_id[] = {
    {"category", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_action_category},
    {"owner", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_action_owner},
    WORD("provider", 35),
    WORD("version", 9),
};
const struct shape shape_action_type_id = SHAPE(fields_action_type_id);

static const struct field fields_tag[] = {
    {"key", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128},
    {"value", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 0, .max = 256},
};
const struct shape shape_tag = SHAPE(fields_tag);

static const struct field fields_tag_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_tag},
};
const struct shape shape_tag_list = SHAPE(fields_tag_list);

static const struct field fields_list_action_types_input[] = {
    {"actionOwnerFilter", FIELD_STRING, .values = values_action_owner},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
    {"regionFilter", FIELD_STRING, .min = 4, .max = 30},
};
const struct shape shape_list_action_types_input = SHAPE(fields_list_action_types_input);

static const struct field fields_action_type_settings[] = {
    {"thirdPartyConfigurationUrl", FIELD_STRING, .min = 1, .max = 2048},
    {"entityUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
    {"executionUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
    {"revisionUrlTemplate", FIELD_STRING, .min = 1, .max = 2048},
};
static const struct shape shape_action_type_settings = SHAPE(fields_action_type_settings);

static const char *const values_action_configuration_property_type[] = {"String", "Number", "Boolean", NULL};
static const struct field fields_action_configuration_property[] = {
    {"name", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 50},
    {"required", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"key", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"secret", FIELD_BOOLEAN, .flags = FIELD_REQUIRED},
    {"queryable", FIELD_BOOLEAN},
    {"description", FIELD_STRING, .min = 1, .max = 160},
    {"type", FIELD_STRING, .values = values_action_configuration_property_type},
};
static const struct shape shape_action_configuration_property = SHAPE(fields_action_configuration_property);

static const struct field fields_action_configuration_property_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_action_configuration_property},
};
static const struct shape shape_action_configuration_property_list =
    SHAPE(fields_action_configuration_property_list);

static const struct field fields_artifact_details[] = {
    {"minimumCount", FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = 5},
    {"maximumCount", FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = 5},
};
static const struct shape shape_artifact_details = SHAPE(fields_artifact_details);

static const struct field fields_create_custom_action_type_input[] = {
    {"category", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_action_category},
    WORD("provider", 35),
    WORD("version", 9),
    {"settings", FIELD_STRUCT, .of = &shape_action_type_settings},
    {"configurationProperties", FIELD_LIST, .min = 0, .max = 10,
     .of = &shape_action_configuration_property_list},
    {"inputArtifactDetails", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_artifact_details},
    {"outputArtifactDetails", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_artifact_details},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
const struct shape shape_create_custom_action_type_input = SHAPE(fields_create_custom_action_type_input);

static const struct field fields_delete_custom_action_type_input[] = {
    {"category", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_action_category},
    WORD("provider", 35),
    WORD("version", 9),
};
const struct shape shape_delete_custom_action_type_input = SHAPE(fields_delete_custom_action_type_input);

static const struct field fields_list_tags_for_resource_input[] = {
    {"resourceArn", FIELD_STRING, .flags = FIELD_REQUIRED, .check = text_is_arn,
     .check_says = "arn:aws(-[\\w]+)*:codepipeline:.+:[0-9]{12}:.+"},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
};
const struct shape shape_list_tags_for_resource_input = SHAPE(fields_list_tags_for_resource_input);

static const struct field fields_tag_resource_input[] = {
    {"resourceArn", FIELD_STRING, .flags = FIELD_REQUIRED, .check = text_is_arn,
     .check_says = "arn:aws(-[\\w]+)*:codepipeline:.+:[0-9]{12}:.+"},
    {"tags", FIELD_LIST, .flags = FIELD_REQUIRED, .of = &shape_tag_list},
};
const struct shape shape_tag_resource_input = SHAPE(fields_tag_resource_input);

static const struct field fields_tag_key_list[] = {
    {"member", FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape shape_tag_key_list = SHAPE(fields_tag_key_list);

static const struct field fields_untag_resource_input[] = {
    {"resourceArn", FIELD_STRING, .flags = FIELD_REQUIRED, .check = text_is_arn,
     .check_says = "arn:aws(-[\\w]+)*:codepipeline:.+:[0-9]{12}:.+"},
    {"tagKeys", FIELD_LIST, .flags = FIELD_REQUIRED, .of = &shape_tag_key_list},
};
const struct shape shape_untag_resource_input = SHAPE(fields_untag_resource_input);

static const struct field fields_action_types[] = {
    {"member", FIELD_ANY},
};
static const struct shape shape_action_types = SHAPE(fields_action_types);

static const struct field fields_list_action_types_output[] = {
    {"actionTypes", FIELD_LIST, .of = &shape_action_types},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_action_types_output = SHAPE(fields_list_action_types_output);

static const struct field fields_create_custom_action_type_output[] = {
    {"actionType", FIELD_ANY},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
const struct shape shape_create_custom_action_type_output = SHAPE(fields_create_custom_action_type_output);

static const struct field fields_tags_output[] = {
    {"tags", FIELD_LIST, .of = &shape_tag_list},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_tags_output = SHAPE(fields_tags_output);
