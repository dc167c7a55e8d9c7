/* Subscription attributes: which there are, what they may hold, and the computed ones. */
#include "services/service.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/filter_policy.h"
#include "services/sns/topic.h"
#include "services/sqs/sqs.h"
#include "wire/json.h"

struct checked {
    struct tx *tx;
    const char *owner;
    const char *value;
};

static int check_boolean(const struct checked *c, struct reason *why)
{
    if (str_eq_nocase(str_of(c->value), STR("true")) || str_eq_nocase(str_of(c->value), STR("false")))
        return 0;
    return reason_set(
        why, SNS_E_PARAMETER,
        "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [%.64s]. Must be "
        "true or false.",
        c->value);
}

/* Its form for the other scope is seen by subscription_attributes_check. */
static int check_filter(const struct checked *c, struct reason *why)
{
    return filter_policy_check(c->value, true, why);
}

static int check_scope(const struct checked *c, struct reason *why)
{
    if (strcmp(c->value, "MessageAttributes") == 0 || strcmp(c->value, "MessageBody") == 0)
        return 0;
    return reason_set(why, SNS_E_PARAMETER,
                      "Invalid parameter: FilterPolicyScope: Invalid value [%.64s]. Please use either "
                      "MessageBody or MessageAttributes",
                      c->value);
}

static int check_delivery(const struct checked *c, struct reason *why)
{
    return delivery_policy_check(c->value, false, why);
}

static int check_redrive(const struct checked *c, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    char account[13] = "";
    if (json_parse(str_of(c->value), &policy, NULL) != 0 || !json_is_object(policy))
        return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: RedrivePolicy: failed to parse JSON");
    const char *arn = json_str(policy, "deadLetterTargetArn", "");
    if (!queue_account_of(arn, account))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn");
    if (strcmp(account, c->owner) != 0)
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: RedrivePolicy: the dead-letter queue must belong to the "
                          "subscription's account");
    return 0;
}

static const struct {
    const char *name;
    int (*check)(const struct checked *c, struct reason *why);
} attributes_all[] = {
    {"RawMessageDelivery", check_boolean}, {"FilterPolicy", check_filter},
    {"FilterPolicyScope", check_scope},    {"DeliveryPolicy", check_delivery},
    {"RedrivePolicy", check_redrive},
};

int subscription_attribute_check(struct tx *tx, const char *owner, const char *name, const char *value,
                                 struct reason *why)
{
    const struct checked checked = {tx, owner, value};
    for (size_t i = 0; i < ARRAY_LEN(attributes_all); i++)
        if (strcmp(attributes_all[i].name, name) == 0)
            return value && *value ? attributes_all[i].check(&checked, why) : 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: AttributeName");
}

static bool body_scope(const json_t *attributes)
{
    return strcmp(json_str(attributes, "FilterPolicyScope", "MessageAttributes"), "MessageBody") == 0;
}

int subscription_attributes_check(struct tx *tx, const char *owner, const json_t *attributes,
                                  struct reason *why)
{
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach ((json_t *)attributes, name, value) {
        rc = subscription_attribute_check(tx, owner, name, json_string_value(value), why);
        if (rc != 0)
            return rc;
    }
    const char *filter = json_str(attributes, "FilterPolicy", "");
    return filter_policy_check(filter, body_scope(attributes), why);
}

bool subscription_raw(const struct subscription *subscription)
{
    return str_eq_nocase(str_of(json_str(subscription->attributes, "RawMessageDelivery", "false")),
                         STR("true"));
}

static int put_effective(const struct topic *topic, const struct subscription *subscription, json_t *out)
{
    CLEANUP(json_free) json_t *of_topic = attribute_json(topic->attributes, "DeliveryPolicy");
    CLEANUP(json_free) json_t *own = attribute_json(subscription->attributes, "DeliveryPolicy");
    CLEANUP(json_free) json_t *effective = NULL;
    if (strncmp(subscription->protocol, "http", 4) != 0)
        return 0;
    int rc = delivery_policy_effective(of_topic, own, &effective);
    if (rc != 0)
        return rc;
    CLEANUP(free_ptr) char *text = json_text(effective);
    return text ? json_put_str(out, "EffectiveDeliveryPolicy", text) : FAULT(ENOMEM);
}

int subscription_attributes_show(const struct platform *platform, const struct topic *topic,
                                 const struct subscription *subscription, json_t *out)
{
    char arn[SNS_SUBSCRIPTION_ARN_SIZE], of_topic[SNS_ARN_SIZE];
    subscription_arn(platform, subscription, arn);
    topic_arn(platform, subscription->account, subscription->topic, of_topic);
    const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"SubscriptionArn", arn},
        {"TopicArn", of_topic},
        {"Owner", subscription->owner},
        {"SubscriptionPrincipal", subscription->principal},
        {"Protocol", subscription->protocol},
        {"Endpoint", subscription->endpoint},
        {"PendingConfirmation", subscription->status == SUBSCRIPTION_PENDING ? "true" : "false"},
        {"ConfirmationWasAuthenticated", subscription->authenticated ? "true" : "false"},
        {"RawMessageDelivery", "false"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(rows); i++)
        rc = json_put_str(out, rows[i].name, rows[i].value);
    if (rc == 0 && json_object_get(subscription->attributes, "FilterPolicy"))
        rc = json_put_str(out, "FilterPolicyScope", "MessageAttributes");
    if (rc == 0)
        rc = put_effective(topic, subscription, out);
    return rc == 0 && json_object_update(out, subscription->attributes) ? FAULT(ENOMEM) : rc;
}
