/* Operations on subscriptions. Source: SNS API reference, 2010-03-31.
 *
 * ConfirmSubscription and Unsubscribe also come unsigned: by the links in messages. */
#include "services/sns/api.h"
#include "wire/json.h"

int sns_subscribe(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    char arn[SNS_SUBSCRIPTION_ARN_SIZE];
    bool pending = false;
    int rc = api_sns_topic(c, "TopicArn", &topic);
    const struct subscription_spec spec = {
        .account = topic.account,
        .topic = topic.name,
        .owner = c->caller->account,
        .principal = c->caller->arn,
        .protocol = json_str(c->in, "Protocol", ""),
        .endpoint = json_str(c->in, "Endpoint", ""),
        .attributes = json_object_get(c->in, "Attributes"),
    };
    if (rc == 0)
        rc = subscription_create(c->tx, c->platform, &spec, arn, &pending, &c->reason);
    if (rc != 0)
        return rc;
    bool hide = pending && !json_bool(c->in, "ReturnSubscriptionArn", false);
    return json_put_str(c->out, "SubscriptionArn", hide ? "pending confirmation" : arn);
}

int sns_confirm_subscription(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    CLEANUP(subscription_unload) struct subscription s = {0};
    const char *guard = json_str(c->in, "AuthenticateOnUnsubscribe", "false");
    char arn[SNS_SUBSCRIPTION_ARN_SIZE];
    int rc = topic_find(c->tx, json_str(c->in, "TopicArn", ""), &topic, &c->reason);
    if (rc == 0)
        rc = subscription_confirm(c->tx, &topic, json_str(c->in, "Token", ""), c->caller != NULL,
                                  str_eq_nocase(str_of(guard), STR("true")), &s, &c->reason);
    if (rc != 0)
        return rc;
    subscription_arn(c->platform, &s, arn);
    return json_put_str(c->out, "SubscriptionArn", arn);
}

/* Of the caller's own, or of one of its topics. */
static int own(struct call *c, struct subscription *ret)
{
    const char *arn = json_str(c->in, "SubscriptionArn", "");
    int rc = subscription_find(c->tx, arn, ret, &c->reason);
    if (rc != 0)
        return rc;
    if (strcmp(ret->owner, c->caller->account) == 0 || strcmp(ret->account, c->caller->account) == 0)
        return 0;
    return call_fail(c, SNS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %.300s",
                     c->caller->arn, c->operation->iam_action, arn);
}

int sns_unsubscribe(struct call *c)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    const char *arn = json_str(c->in, "SubscriptionArn", "");
    if (!c->caller)
        return subscription_end_unsigned(c->tx, c->platform, arn, &c->reason);
    int rc = own(c, &s);
    if (rc != 0)
        return rc == SNS_E_NOT_FOUND ? 0 : rc;
    return subscription_delete(c->tx, arn, &c->reason);
}

static int list(struct call *c, const char *owner, const char *topic)
{
    char last[SNS_ID_SIZE] = "";
    json_t *subscriptions = json_array();
    int rc = json_put(c->out, "Subscriptions", subscriptions);
    if (rc == 0)
        rc = subscription_list(c->tx, c->platform, owner, topic, json_str(c->in, "NextToken", ""), SNS_PAGE,
                               subscriptions, last);
    return rc != 0 || !last[0] ? rc : json_put_str(c->out, "NextToken", last);
}

int sns_list_subscriptions(struct call *c)
{
    return list(c, c->caller->account, NULL);
}

int sns_list_subscriptions_by_topic(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = api_sns_topic(c, "TopicArn", &topic);
    return rc != 0 ? rc : list(c, topic.account, topic.name);
}

int sns_get_subscription_attributes(struct call *c)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    CLEANUP(topic_unload) struct topic topic = {0};
    json_t *out = json_object();
    int rc = json_put(c->out, "Attributes", out);
    if (rc == 0)
        rc = own(c, &s);
    if (rc == 0)
        rc = topic_load(c->tx, s.account, s.topic, &topic, &c->reason);
    return rc != 0 ? rc : subscription_attributes_show(c->platform, &topic, &s, out);
}

int sns_set_subscription_attributes(struct call *c)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    int rc = own(c, &s);
    return rc != 0 ? rc
                   : subscription_set_attribute(c->tx, c->platform, json_str(c->in, "SubscriptionArn", ""),
                                                json_str(c->in, "AttributeName", ""),
                                                json_str(c->in, "AttributeValue", ""), &c->reason);
}
