/* Field tables of webhooks. Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_webhook_filter[] = {
    {"jsonPath", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 150},
    {"matchEquals", FIELD_STRING, .min = 1, .max = 150},
};
static const struct shape shape_webhook_filter = SHAPE(fields_webhook_filter);

static const struct field fields_webhook_filter_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_webhook_filter},
};
static const struct shape shape_webhook_filter_list = SHAPE(fields_webhook_filter_list);

static const struct field fields_webhook_auth[] = {
    {"AllowedIPRange", FIELD_STRING, .min = 1, .max = 100},
    {"SecretToken", FIELD_STRING, .flags = FIELD_SECRET, .min = 1, .max = 100},
};
static const struct shape shape_webhook_auth = SHAPE(fields_webhook_auth);

static const char *const values_webhook_authentication[] = {"GITHUB_HMAC", "IP", "UNAUTHENTICATED", NULL};
static const struct field fields_webhook_definition[] = {
    NAME("name"),
    NAME("targetPipeline"),
    NAME("targetAction"),
    {"filters", FIELD_LIST, .flags = FIELD_REQUIRED, .min = 0, .max = 5, .of = &shape_webhook_filter_list},
    {"authentication", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_webhook_authentication},
    {"authenticationConfiguration", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_webhook_auth},
};
const struct shape shape_webhook_definition = SHAPE(fields_webhook_definition);

static const struct field fields_put_webhook_input[] = {
    {"webhook", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_webhook_definition},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
const struct shape shape_put_webhook_input = SHAPE(fields_put_webhook_input);

static const struct field fields_webhook_item_out[] = {
    {"definition", FIELD_STRUCT, .of = &shape_webhook_definition},
    {"url", FIELD_STRING},
    {"errorMessage", FIELD_STRING},
    {"errorCode", FIELD_STRING},
    {"lastTriggered", FIELD_TIMESTAMP},
    {"arn", FIELD_STRING},
    {"tags", FIELD_LIST, .of = &shape_tag_list},
};
static const struct shape shape_webhook_item_out = SHAPE(fields_webhook_item_out);

static const struct field fields_webhook_item_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_webhook_item_out},
};
static const struct shape shape_webhook_item_list_out = SHAPE(fields_webhook_item_list_out);

static const struct field fields_put_webhook_output[] = {
    {"webhook", FIELD_STRUCT, .of = &shape_webhook_item_out},
};
const struct shape shape_put_webhook_output = SHAPE(fields_put_webhook_output);

static const struct field fields_list_webhooks_input[] = {
    {"NextToken", FIELD_STRING, .min = 1, .max = 2048},
    {"MaxResults", FIELD_INTEGER, .min = 1, .max = 100},
};
const struct shape shape_list_webhooks_input = SHAPE(fields_list_webhooks_input);

static const struct field fields_list_webhooks_output[] = {
    {"webhooks", FIELD_LIST, .of = &shape_webhook_item_list_out},
    {"NextToken", FIELD_STRING},
};
const struct shape shape_list_webhooks_output = SHAPE(fields_list_webhooks_output);

static const struct field fields_delete_webhook_input[] = {
    NAME("name"),
};
const struct shape shape_delete_webhook_input = SHAPE(fields_delete_webhook_input);

static const struct field fields_webhook_name_input[] = {
    {"webhookName", FIELD_STRING, .min = 1, .max = 100, .check = text_is_name,
     .check_says = "[A-Za-z0-9.@\\-_]+"},
};
const struct shape shape_webhook_name_input = SHAPE(fields_webhook_name_input);
