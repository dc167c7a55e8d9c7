/* Topic attributes: which there are, what they may hold, and the computed ones.
 *
 * Values are strings, as in the API; only those that were set are stored. */
#include "services/service.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/topic.h"
#include "wire/json.h"
#include <ctype.h>

static int check_display_name(const char *value, struct reason *why)
{
    if (strlen(value) > 100 || strpbrk(value, "\r\n"))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: DisplayName Reason: it has up to 100 characters on one line");
    return 0;
}

static int check_policy(const char *value, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (json_parse(str_of(value), &policy, NULL) == 0 && json_object_get(policy, "Statement"))
        return 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Policy Error: no JSON policy document");
}

static int check_delivery_policy(const char *value, struct reason *why)
{
    return delivery_policy_check(value, true, why);
}

static int check_version(const char *value, struct reason *why)
{
    if (strcmp(value, "1") == 0 || strcmp(value, "2") == 0)
        return 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: SignatureVersion Reason: it is 1 or 2");
}

static int check_tracing(const char *value, struct reason *why)
{
    if (strcmp(value, "PassThrough") == 0)
        return 0;
    return reason_set(why, SNS_E_PARAMETER,
                      "Invalid parameter: TracingConfig Reason: Slipway has no tracing: only PassThrough");
}

static int check_false(const char *value, struct reason *why)
{
    if (strcmp(value, "false") == 0)
        return 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: FIFO topics are not supported by Slipway");
}

/* What AWS has besides: taken by no topic here, and said so. */
static int check_unsupported(const char *value, struct reason *why)
{
    (void)value;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: the attribute is not supported by Slipway");
}

static const struct {
    const char *name;
    int (*check)(const char *value, struct reason *why);
} attributes_all[] = {
    {"DisplayName", check_display_name},
    {"Policy", check_policy},
    {"DeliveryPolicy", check_delivery_policy},
    {"SignatureVersion", check_version},
    {"TracingConfig", check_tracing},
    {"FifoTopic", check_false},
    {"ContentBasedDeduplication", check_false},
    {"KmsMasterKeyId", check_unsupported},
    {"ArchivePolicy", check_unsupported},
    {"FifoThroughputScope", check_unsupported},
    {"HTTPSuccessFeedbackRoleArn", check_unsupported},
    {"HTTPSuccessFeedbackSampleRate", check_unsupported},
    {"HTTPFailureFeedbackRoleArn", check_unsupported},
    {"SQSSuccessFeedbackRoleArn", check_unsupported},
    {"SQSSuccessFeedbackSampleRate", check_unsupported},
    {"SQSFailureFeedbackRoleArn", check_unsupported},
};

int topic_attribute_check(const char *name, const char *value, struct reason *why)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes_all); i++)
        if (strcmp(attributes_all[i].name, name) == 0)
            return value && *value ? attributes_all[i].check(value, why) : 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: AttributeName");
}

json_t *attribute_json(const json_t *attributes, const char *name)
{
    json_t *value = NULL;
    const char *text = json_str(attributes, name, NULL);
    return text && json_parse(str_of(text), &value, NULL) == 0 ? value : NULL;
}

/* ---- shown */

static int put_counts(struct tx *tx, const struct topic *topic, json_t *out)
{
    static const char *const names[] = {"SubscriptionsPending", "SubscriptionsConfirmed"};
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT COALESCE(SUM(CASE WHEN status = 'pending' THEN 1 ELSE 0 END), 0),"
                          " COALESCE(SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END), 0)"
                          " FROM sns_subscription WHERE account = $1 AND topic = $2",
                          "ss", topic->account, topic->name);
    for (int i = 0; rc == 0 && i < (int)ARRAY_LEN(names); i++)
        rc = json_put_format(out, names[i], "%lld", (long long)rows_int(rows, i));
    if (rc == 0)
        rc = json_put_format(out, "SubscriptionsDeleted", "%lld", (long long)topic->deleted);
    return rc > 0 ? FAULT(EIO) : rc;
}

/* What AWS gives a topic at birth: its owner may do everything. */
static int put_default_policy(const struct topic *topic, const char *arn, json_t *out)
{
    CLEANUP(json_free)
    json_t *policy =
        json_pack("{s:s, s:s, s:[{s:s, s:s, s:{s:s}, s:[s,s,s,s,s,s,s,s], s:s, s:{s:{s:s}}}]}", "Version",
                  "2008-10-17", "Id", "__default_policy_ID", "Statement", "Sid", "__default_statement_ID",
                  "Effect", "Allow", "Principal", "AWS", "*", "Action", "SNS:GetTopicAttributes",
                  "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic",
                  "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish", "Resource", arn,
                  "Condition", "StringEquals", "AWS:SourceOwner", topic->account);
    CLEANUP(buf_free) struct buf text = BUF_INIT(8192);
    int rc = policy ? json_write(policy, &text) : FAULT(ENOMEM);
    return rc != 0 ? rc : json_put_strn(out, "Policy", buf_str(&text));
}

static int put_effective(const struct topic *topic, json_t *out)
{
    CLEANUP(json_free) json_t *policy = attribute_json(topic->attributes, "DeliveryPolicy");
    CLEANUP(json_free) json_t *effective = NULL;
    CLEANUP(json_free) json_t *shown = NULL;
    int rc = delivery_policy_effective(policy, NULL, &effective);
    if (rc != 0)
        return rc;
    shown = json_pack("{s:{s:O, s:b, s:O*, s:O}}", "http", "defaultHealthyRetryPolicy",
                      json_object_get(effective, "healthyRetryPolicy"), "disableSubscriptionOverrides",
                      json_bool(json_object_get(policy, "http"), "disableSubscriptionOverrides", false),
                      "defaultThrottlePolicy", json_object_get(effective, "throttlePolicy"),
                      "defaultRequestPolicy", json_object_get(effective, "requestPolicy"));
    CLEANUP(free_ptr) char *text = shown ? json_text(shown) : NULL;
    return text ? json_put_str(out, "EffectiveDeliveryPolicy", text) : FAULT(ENOMEM);
}

int topic_attributes_show(struct tx *tx, const struct platform *platform, const struct topic *topic,
                          json_t *out)
{
    char arn[SNS_ARN_SIZE];
    topic_arn(platform, topic->account, topic->name, arn);
    int rc = json_put_str(out, "TopicArn", arn);
    if (rc == 0)
        rc = json_put_str(out, "Owner", topic->account);
    if (rc == 0)
        rc = json_put_str(out, "DisplayName", "");
    if (rc == 0)
        rc = put_default_policy(topic, arn, out);
    if (rc == 0)
        rc = put_effective(topic, out);
    if (rc == 0)
        rc = put_counts(tx, topic, out);
    return rc == 0 && json_object_update(out, topic->attributes) ? FAULT(ENOMEM) : rc;
}
