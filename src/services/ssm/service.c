/* ssm's operations, errors and tables. Source: Systems Manager API Reference (API version 2014-11-06). */
#include "services/ssm/service.h"
#include "services/service.h"
#include "services/ssm/api.h"
#include "services/ssm/ssm.h"
#include "services/ssm/store.h"

static const char *const types[] = {"String", "StringList", "SecureString", NULL};
static const char *const tiers[] = {"Standard", "Advanced", "Intelligent-Tiering", NULL};

#define NAME .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 2048

static const struct field text_item[] = {{.name = "item", .type = FIELD_STRING}};
static const struct shape text_items = SHAPE(text_item);
static const struct field name_item[] = {{.name = "item", .type = FIELD_STRING, .min = 1, .max = 2048}};
static const struct shape name_items = SHAPE(name_item);

static const struct field tag_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128},
    {.name = "Value", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 0, .max = 256},
};
static const struct shape tag = SHAPE(tag_fields);
static const struct field tag_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &tag}};
static const struct shape tag_items = SHAPE(tag_item);

static const struct field put_in_fields[] = {
    {.name = "Name", NAME},
    {.name = "Description", .type = FIELD_STRING, .max = 1024},
    {.name = "Value", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_SECRET},
    {.name = "Type", .type = FIELD_STRING, .values = types},
    {.name = "KeyId", .type = FIELD_STRING, .min = 1, .max = 256},
    {.name = "Overwrite", .type = FIELD_BOOLEAN},
    {.name = "AllowedPattern", .type = FIELD_STRING, .max = 1024},
    {.name = "Tags", .type = FIELD_LIST, .max = 1000, .of = &tag_items},
    {.name = "Tier", .type = FIELD_STRING, .values = tiers},
    {.name = "DataType", .type = FIELD_STRING, .max = 128},
};
static const struct shape put_in = SHAPE(put_in_fields);
static const struct field put_out_fields[] = {
    {.name = "Version", .type = FIELD_INTEGER},
    {.name = "Tier", .type = FIELD_STRING},
};
static const struct shape put_out = SHAPE(put_out_fields);

static const struct field get_in_fields[] = {
    {.name = "Name", NAME},
    {.name = "WithDecryption", .type = FIELD_BOOLEAN},
};
static const struct shape get_in = SHAPE(get_in_fields);

static const struct field parameter_fields[] = {
    {.name = "Name", .type = FIELD_STRING},
    {.name = "Type", .type = FIELD_STRING},
    {.name = "Value", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.name = "Version", .type = FIELD_INTEGER},
    {.name = "Selector", .type = FIELD_STRING},
    {.name = "LastModifiedDate", .type = FIELD_TIMESTAMP},
    {.name = "ARN", .type = FIELD_STRING},
    {.name = "DataType", .type = FIELD_STRING},
};
static const struct shape parameter = SHAPE(parameter_fields);
static const struct field parameter_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &parameter}};
static const struct shape parameter_items = SHAPE(parameter_item);
static const struct field get_out_fields[] = {{.name = "Parameter", .type = FIELD_STRUCT, .of = &parameter}};
static const struct shape get_out = SHAPE(get_out_fields);

static const struct field names_in_fields[] = {
    {.name = "Names", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .min = 1, .max = 10, .of = &name_items},
    {.name = "WithDecryption", .type = FIELD_BOOLEAN},
};
static const struct shape names_in = SHAPE(names_in_fields);
static const struct field get_many_out_fields[] = {
    {.name = "Parameters", .type = FIELD_LIST, .of = &parameter_items},
    {.name = "InvalidParameters", .type = FIELD_LIST, .of = &text_items},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape get_many_out = SHAPE(get_many_out_fields);
static const struct field delete_many_out_fields[] = {
    {.name = "DeletedParameters", .type = FIELD_LIST, .of = &text_items},
    {.name = "InvalidParameters", .type = FIELD_LIST, .of = &text_items},
};
static const struct shape delete_many_out = SHAPE(delete_many_out_fields);
static const struct field delete_in_fields[] = {{.name = "Name", NAME}};
static const struct shape delete_in = SHAPE(delete_in_fields);

static const struct field filter_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 132},
    {.name = "Option", .type = FIELD_STRING, .min = 1, .max = 10},
    {.name = "Values", .type = FIELD_LIST, .of = &text_items},
};
static const struct shape filter = SHAPE(filter_fields);
static const struct field filter_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &filter}};
static const struct shape filter_items = SHAPE(filter_item);

static const struct field by_path_in_fields[] = {
    {.name = "Path", NAME},
    {.name = "Recursive", .type = FIELD_BOOLEAN},
    {.name = "ParameterFilters", .type = FIELD_LIST, .of = &filter_items},
    {.name = "WithDecryption", .type = FIELD_BOOLEAN},
    {.name = "MaxResults", .type = FIELD_INTEGER, .min = 1, .max = 10},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape by_path_in = SHAPE(by_path_in_fields);

static const struct field history_in_fields[] = {
    {.name = "Name", NAME},
    {.name = "WithDecryption", .type = FIELD_BOOLEAN},
    {.name = "MaxResults", .type = FIELD_INTEGER, .min = 1, .max = 50},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape history_in = SHAPE(history_in_fields);

static const struct field describe_in_fields[] = {
    {.name = "Filters", .type = FIELD_LIST, .of = &filter_items},
    {.name = "ParameterFilters", .type = FIELD_LIST, .of = &filter_items},
    {.name = "MaxResults", .type = FIELD_INTEGER, .min = 1, .max = 50},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape describe_in = SHAPE(describe_in_fields);

static const struct field metadata_fields[] = {
    {.name = "Name", .type = FIELD_STRING},
    {.name = "Type", .type = FIELD_STRING},
    {.name = "KeyId", .type = FIELD_STRING},
    {.name = "LastModifiedDate", .type = FIELD_TIMESTAMP},
    {.name = "LastModifiedUser", .type = FIELD_STRING},
    {.name = "Description", .type = FIELD_STRING},
    {.name = "Value", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.name = "AllowedPattern", .type = FIELD_STRING},
    {.name = "Version", .type = FIELD_INTEGER},
    {.name = "Tier", .type = FIELD_STRING},
    {.name = "Policies", .type = FIELD_ANY},
    {.name = "DataType", .type = FIELD_STRING},
};
static const struct shape metadata = SHAPE(metadata_fields);
static const struct field metadata_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &metadata}};
static const struct shape metadata_items = SHAPE(metadata_item);
static const struct field describe_out_fields[] = {
    {.name = "Parameters", .type = FIELD_LIST, .of = &metadata_items},
    {.name = "NextToken", .type = FIELD_STRING},
};
static const struct shape describe_out = SHAPE(describe_out_fields);

#define RESOURCE                                                                                             \
    {.name = "ResourceType", .type = FIELD_STRING, .flags = FIELD_REQUIRED},                                 \
    {                                                                                                        \
        .name = "ResourceId", .type = FIELD_STRING, .flags = FIELD_REQUIRED                                  \
    }

static const struct field add_tags_in_fields[] = {
    RESOURCE,
    {.name = "Tags", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .max = 1000, .of = &tag_items},
};
static const struct shape add_tags_in = SHAPE(add_tags_in_fields);
static const struct field list_tags_in_fields[] = {RESOURCE};
static const struct shape list_tags_in = SHAPE(list_tags_in_fields);
static const struct field list_tags_out_fields[] = {
    {.name = "TagList", .type = FIELD_LIST, .of = &tag_items}};
static const struct shape list_tags_out = SHAPE(list_tags_out_fields);
static const struct field remove_tags_in_fields[] = {
    RESOURCE,
    {.name = "TagKeys", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .of = &text_items},
};
static const struct shape remove_tags_in = SHAPE(remove_tags_in_fields);

static const struct operation operations[] = {
    {"PutParameter", "ssm:PutParameter", OP_WRITE, &put_in, &put_out, ssm_put_parameter},
    {"GetParameter", "ssm:GetParameter", OP_READ, &get_in, &get_out, ssm_get_parameter},
    {"GetParameters", "ssm:GetParameters", OP_READ, &names_in, &get_many_out, ssm_get_parameters},
    {"GetParametersByPath", "ssm:GetParametersByPath", OP_READ, &by_path_in, &get_many_out,
     ssm_get_parameters_by_path},
    {"GetParameterHistory", "ssm:GetParameterHistory", OP_READ, &history_in, &describe_out,
     ssm_get_parameter_history},
    {"DescribeParameters", "ssm:DescribeParameters", OP_READ, &describe_in, &describe_out,
     ssm_describe_parameters},
    {"DeleteParameter", "ssm:DeleteParameter", OP_WRITE, &delete_in, NULL, ssm_delete_parameter},
    {"DeleteParameters", "ssm:DeleteParameters", OP_WRITE, &names_in, &delete_many_out,
     ssm_delete_parameters},
    {"AddTagsToResource", "ssm:AddTagsToResource", OP_WRITE, &add_tags_in, NULL, ssm_add_tags},
    {"ListTagsForResource", "ssm:ListTagsForResource", OP_READ, &list_tags_in, &list_tags_out, ssm_list_tags},
    {"RemoveTagsFromResource", "ssm:RemoveTagsFromResource", OP_WRITE, &remove_tags_in, NULL,
     ssm_remove_tags},
};

static const char *const unsupported[] = {"LabelParameterVersion",
                                          "UnlabelParameterVersion",
                                          "SendCommand",
                                          "StartAutomationExecution",
                                          "CreateDocument",
                                          "StartSession",
                                          NULL};

static const struct service_error errors[] = {
    {SSM_E_NOT_FOUND, "ParameterNotFound", 400},
    {SSM_E_VERSION_NOT_FOUND, "ParameterVersionNotFound", 400},
    {SSM_E_EXISTS, "ParameterAlreadyExists", 400},
    {SSM_E_ALLOWED_PATTERN, "InvalidAllowedPatternException", 400},
    {SSM_E_PATTERN_MISMATCH, "ParameterPatternMismatchException", 400},
    {SSM_E_LEVELS, "HierarchyLevelLimitExceededException", 400},
    {SSM_E_TYPE_MISMATCH, "HierarchyTypeMismatchException", 400},
    {SSM_E_LIMIT, "ParameterLimitExceeded", 400},
    {SSM_E_INVALID, "ValidationException", 400},
    {SSM_E_TOKEN, "InvalidNextToken", 400},
    {SSM_E_FILTER_KEY, "InvalidFilterKey", 400},
    {SSM_E_FILTER_OPTION, "InvalidFilterOption", 400},
    {SSM_E_FILTER_VALUE, "InvalidFilterValue", 400},
    {SSM_E_RESOURCE, "InvalidResourceId", 400},
    {SSM_E_TAGS, "TooManyTagsError", 400},
};

const struct service ssm_service = {
    .name = "ssm",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "AmazonSSM",
    .api_version = "2014-11-06",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "ValidationException",
    .migrations = ssm_migrations,
    .migration_count = SSM_MIGRATION_COUNT,
};
