/* AWS::CodePipeline::Webhook. Source: CloudFormation "AWS::CodePipeline::Webhook" reference. */
#include "services/codepipeline/codepipeline.h"
#include "services/cloudformation/resources/types.h"
#include "wire/json.h"

static const struct property filter_rows[] = {
    {.name = "JsonPath", .type = PROPERTY_TEXT, .required = true},
    {.name = "MatchEquals", .type = PROPERTY_TEXT},
};
static const struct properties filter = PROPERTIES(filter_rows);
static const struct property filter_item[] = {{.name = "Filter", .type = PROPERTY_STRUCT, .of = &filter}};
static const struct properties filters = PROPERTIES(filter_item);

static const struct property authentication_rows[] = {
    {.name = "AllowedIPRange", .type = PROPERTY_TEXT},
    {.name = "SecretToken", .type = PROPERTY_TEXT},
};
static const struct properties authentication = PROPERTIES(authentication_rows);
static const char *const authentications[] = {"GITHUB_HMAC", "IP", "UNAUTHENTICATED", NULL};

static const struct property rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "Authentication", .type = PROPERTY_TEXT, .required = true, .values = authentications},
    {.name = "AuthenticationConfiguration", .type = PROPERTY_STRUCT, .required = true, .of = &authentication},
    {.name = "Filters", .type = PROPERTY_LIST, .required = true, .of = &filters},
    {.name = "RegisterWithThirdParty", .type = PROPERTY_BOOLEAN},
    {.name = "TargetAction", .type = PROPERTY_TEXT, .required = true},
    {.name = "TargetPipeline", .type = PROPERTY_TEXT, .required = true},
    {.name = "TargetPipelineVersion", .type = PROPERTY_INTEGER, .required = true},
};
static const char *const attributes[] = {"Url", NULL};
static const char *const keep[] = {"AuthenticationConfiguration", NULL};

/* Makes and changes. TargetPipelineVersion is for CloudFormation to see that the pipeline changed: nothing of
 * the webhook's. */
static int put(struct resource_work *w)
{
    CLEANUP(json_free) json_t *definition = resource_lower_camel(w->properties, keep);
    CLEANUP(json_free) json_t *item = NULL;
    int err = definition ? json_put_str(definition, "name", w->physical_id) : FAULT(ENOMEM);

    if (json_bool(w->properties, "RegisterWithThirdParty", false))
        return reason_set(w->why, PIPELINE_E_INVALID,
                          "RegisterWithThirdParty: true is for GitHub (version 1) actions, which Slipway "
                          "does not have: give the "
                          "webhook's Url to the sender yourself");
    json_object_del(definition, "registerWithThirdParty");
    json_object_del(definition, "targetPipelineVersion");
    if (!err)
        err = webhook_put(w->tx, w->platform, w->account, definition, NULL, &item, w->why);
    return err ? err : resource_attribute(w, "Url", "%s", json_str(item, "url", ""));
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "Name", PIPELINE_NAME_MAX, false, w->physical_id);

    return err ? err : put(w);
}

static int drop(struct resource_work *w)
{
    return webhook_delete(w->tx, w->platform, w->account, w->physical_id);
}

const struct resource_type codepipeline_webhook_type = {
    .name = "AWS::CodePipeline::Webhook",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "Name",
    .create = create,
    .update = put,
    .remove = drop,
};
