/* AWS::SNS::Topic, AWS::SNS::Subscription, AWS::SNS::TopicPolicy; the physical ids of the first two are their
 * ARNs. Sources: CloudFormation's references of these types. */
#include "services/sns/sns.h"
#include "services/cloudformation/resources/types.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

static bool split(const struct resource_work *w, const char *arn, char ret_account[13],
                  char ret_name[SNS_NAME_MAX + 1])
{
    return topic_split_arn(str_of(arn), ret_account, ret_name) && strcmp(ret_account, w->account) == 0;
}

static int not_own(struct resource_work *w, const char *arn)
{
    return reason_set(w->why, SNS_E_DENIED, "%.300s is no topic of account %s.", arn, w->account);
}

/* A property as the text of an attribute; "" when the template does not say. */
static char *attribute_text(const json_t *properties, const char *name)
{
    const json_t *value = json_object_get(properties, name);
    if (json_is_boolean(value))
        return str_dup(json_is_true(value) ? STR("true") : STR("false"));
    if (json_is_string(value) || !value)
        return str_dup(str_of(value ? json_string_value(value) : ""));
    return json_text(value);
}

/* ---- AWS::SNS::Topic */

static const struct property endpoint_rows[] = {
    {.name = "Protocol", .type = PROPERTY_TEXT, .required = true},
    {.name = "Endpoint", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties endpoint = PROPERTIES(endpoint_rows);
static const struct property endpoint_item[] = {
    {.name = "Subscription", .type = PROPERTY_STRUCT, .of = &endpoint}};
static const struct properties endpoints = PROPERTIES(endpoint_item);
static const struct property topic_rows[] = {
    {.name = "TopicName", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "DisplayName", .type = PROPERTY_TEXT},
    {.name = "SignatureVersion", .type = PROPERTY_TEXT},
    {.name = "TracingConfig", .type = PROPERTY_TEXT},
    {.name = "Subscription", .type = PROPERTY_LIST, .of = &endpoints},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};
static const char *const topic_attributes[] = {"TopicArn", "TopicName", NULL};
static const char *const topic_texts[] = {"DisplayName", "SignatureVersion", "TracingConfig"};

static int put_texts(struct resource_work *w, const char *name)
{
    int err = 0;
    for (size_t i = 0; !err && i < ARRAY_LEN(topic_texts); i++)
        err = topic_set_attribute(w->tx, w->platform, w->account, name, topic_texts[i],
                                  json_str(w->properties, topic_texts[i], ""), w->why);
    return err;
}

static int subscribe_all(struct resource_work *w, const char *name)
{
    const json_t *item;
    size_t i;
    int err = 0;
    json_array_foreach (json_object_get(w->properties, "Subscription"), i, item) {
        char arn[SNS_SUBSCRIPTION_ARN_SIZE];
        bool pending = false;
        const struct subscription_spec spec = {
            .account = w->account,
            .topic = name,
            .owner = w->account,
            .principal = w->actor,
            .protocol = json_str(item, "Protocol", ""),
            .endpoint = json_str(item, "Endpoint", ""),
        };
        if (!err)
            err = subscription_create(w->tx, w->platform, &spec, arn, &pending, w->why);
    }
    return err;
}

static bool has_endpoint(const json_t *list, const json_t *wanted)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item)
        if (json_equal(item, wanted))
            return true;
    return false;
}

/* Subscriptions that the template had and has no more. */
static int unsubscribe_old(struct resource_work *w, const char *name)
{
    const json_t *now = json_object_get(w->properties, "Subscription"), *item;
    size_t i;
    int err = 0;
    json_array_foreach (json_object_get(w->before, "Subscription"), i, item)
        if (!err && !has_endpoint(now, item))
            err = subscription_drop(w->tx, w->account, name, json_str(item, "Protocol", ""),
                                    json_str(item, "Endpoint", ""));
    return err;
}

static int put_topic(struct resource_work *w, const char *name)
{
    CLEANUP(json_free) json_t *none = json_array();
    const json_t *tags = json_object_get(w->properties, "Tags");
    char arn[SNS_ARN_SIZE];
    int err = topic_put_tags(w->tx, w->account, name, tags ? tags : none, w->why);
    if (!err)
        err = put_texts(w, name);
    if (!err)
        err = subscribe_all(w, name);
    topic_arn(w->platform, w->account, name, arn);
    (void)snprintf(w->physical_id, sizeof(w->physical_id), "%s", arn);
    if (!err)
        err = json_put_str(w->attributes, "TopicArn", arn);
    return err ? err : json_put_str(w->attributes, "TopicName", name);
}

static int create_topic(struct resource_work *w)
{
    char name[PHYSICAL_ID_SIZE];
    int err = resource_name(w, "TopicName", SNS_NAME_MAX, false, name);
    if (!err && topic_exists(w->tx, w->account, name) == 0)
        return reason_set(w->why, SNS_E_PARAMETER, "%.256s already exists", name);
    if (!err)
        err = topic_create(w->tx, w->platform, w->account, name, NULL, NULL, w->why);
    return err ? err : put_topic(w, name);
}

static int update_topic(struct resource_work *w)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    if (!split(w, w->physical_id, account, name))
        return not_own(w, w->physical_id);
    int err = unsubscribe_old(w, name);
    return err ? err : put_topic(w, name);
}

static int remove_topic(struct resource_work *w)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    return split(w, w->physical_id, account, name) ? topic_delete(w->tx, account, name) : 0;
}

const struct resource_type sns_topic_type = {
    .name = "AWS::SNS::Topic",
    .properties = PROPERTIES(topic_rows),
    .attributes = topic_attributes,
    .name_property = "TopicName",
    .create = create_topic,
    .update = update_topic,
    .remove = remove_topic,
};

/* ---- AWS::SNS::Subscription */

static const char *const protocols[] = {"http", "https", "email", "email-json", "sqs", NULL};
static const char *const scopes[] = {"MessageAttributes", "MessageBody", NULL};
static const struct property subscription_rows[] = {
    {.name = "TopicArn", .type = PROPERTY_TEXT, .required = true, .update = UPDATE_REPLACES},
    {.name = "Protocol",
     .type = PROPERTY_TEXT,
     .required = true,
     .update = UPDATE_REPLACES,
     .values = protocols},
    {.name = "Endpoint", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "RawMessageDelivery", .type = PROPERTY_BOOLEAN},
    {.name = "FilterPolicyScope", .type = PROPERTY_TEXT, .values = scopes},
    {.name = "FilterPolicy", .type = PROPERTY_JSON},
    {.name = "DeliveryPolicy", .type = PROPERTY_JSON},
    {.name = "RedrivePolicy", .type = PROPERTY_JSON},
};
static const char *const subscription_attributes[] = {"Arn", NULL};

/* In an order in which each holds with those before it. */
static const char *const subscription_texts[] = {"RawMessageDelivery", "FilterPolicyScope", "FilterPolicy",
                                                 "DeliveryPolicy", "RedrivePolicy"};

static int put_subscription(struct resource_work *w)
{
    int err = subscription_set_attribute(w->tx, w->platform, w->physical_id, "FilterPolicy", "", w->why);
    for (size_t i = 0; !err && i < ARRAY_LEN(subscription_texts); i++) {
        CLEANUP(free_ptr) char *text = attribute_text(w->properties, subscription_texts[i]);
        err = text ? subscription_set_attribute(w->tx, w->platform, w->physical_id, subscription_texts[i],
                                                text, w->why)
                   : FAULT(ENOMEM);
    }
    return err ? err : json_put_str(w->attributes, "Arn", w->physical_id);
}

static int create_subscription(struct resource_work *w)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    char arn[SNS_SUBSCRIPTION_ARN_SIZE];
    bool pending = false;
    const char *topic = json_str(w->properties, "TopicArn", "");
    if (!split(w, topic, account, name))
        return not_own(w, topic);
    const struct subscription_spec spec = {
        .account = account,
        .topic = name,
        .owner = w->account,
        .principal = w->actor,
        .protocol = json_str(w->properties, "Protocol", ""),
        .endpoint = json_str(w->properties, "Endpoint", ""),
    };
    int err = subscription_create(w->tx, w->platform, &spec, arn, &pending, w->why);
    if (err)
        return err;
    (void)snprintf(w->physical_id, sizeof(w->physical_id), "%s", arn);
    return put_subscription(w);
}

static int remove_subscription(struct resource_work *w)
{
    int err = subscription_delete(w->tx, w->physical_id, w->why);
    return err == SNS_E_PARAMETER ? 0 : err;
}

const struct resource_type sns_subscription_type = {
    .name = "AWS::SNS::Subscription",
    .properties = PROPERTIES(subscription_rows),
    .attributes = subscription_attributes,
    .create = create_subscription,
    .update = put_subscription,
    .remove = remove_subscription,
};

/* ---- AWS::SNS::TopicPolicy */

static const struct property policy_rows[] = {
    {.name = "PolicyDocument", .type = PROPERTY_JSON, .required = true},
    {.name = "Topics", .type = PROPERTY_LIST, .required = true},
};
static const char *const policy_attributes[] = {"Id", NULL};

/* `text` "": the default policy again. One that is gone needs none. */
static int put_policies(struct resource_work *w, const json_t *topics, const char *text, bool gone_is_fine)
{
    const json_t *item;
    size_t i;
    json_array_foreach (topics, i, item) {
        const char *arn = json_string_value(item);
        char account[13];
        char name[SNS_NAME_MAX + 1];
        if (!arn || !split(w, arn, account, name))
            return not_own(w, arn ? arn : "");
        int err = topic_set_attribute(w->tx, w->platform, account, name, "Policy", text, w->why);
        if (err && !(gone_is_fine && err == SNS_E_NOT_FOUND))
            return err;
    }
    return 0;
}

static int put_policy(struct resource_work *w)
{
    CLEANUP(free_ptr) char *text = attribute_text(w->properties, "PolicyDocument");
    int err = text ? put_policies(w, json_object_get(w->before, "Topics"), "", true) : FAULT(ENOMEM);
    if (!err)
        err = put_policies(w, json_object_get(w->properties, "Topics"), text, false);
    return err ? err : json_put_str(w->attributes, "Id", w->physical_id);
}

static int create_policy(struct resource_work *w)
{
    int err = resource_name(w, "", SNS_NAME_MAX, false, w->physical_id);
    return err ? err : put_policy(w);
}

static int remove_policy(struct resource_work *w)
{
    return put_policies(w, json_object_get(w->properties, "Topics"), "", true);
}

const struct resource_type sns_topic_policy_type = {
    .name = "AWS::SNS::TopicPolicy",
    .properties = PROPERTIES(policy_rows),
    .attributes = policy_attributes,
    .create = create_policy,
    .update = put_policy,
    .remove = remove_policy,
};
