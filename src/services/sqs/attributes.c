/* Queue attributes: which there are, what they may hold, their defaults.
 *
 * Values are strings, as in the API; only those that were set are stored. */
#include "services/service.h"
#include "services/sqs/policy.h"
#include "wire/json.h"
#include "base/clock.h"
#include <stdio.h>

#define SOURCES_MAX 10

enum kind {
    KIND_NUMBER,
    KIND_REDRIVE, /* RedrivePolicy */
    KIND_ALLOW,   /* RedriveAllowPolicy */
    KIND_SWITCH,  /* "true" or "false"; kept, and nothing else */
    KIND_POLICY,
    KIND_COMPUTED, /* read only */
    KIND_UNSUPPORTED,
};

struct attribute {
    const char *name;
    enum kind kind;
    int64_t min;
    int64_t max;
    int64_t absent;
};

static const struct attribute attributes_all[] = {
    {"VisibilityTimeout", KIND_NUMBER, 0, 43200, 30},
    {"MessageRetentionPeriod", KIND_NUMBER, 60, 1209600, 345600},
    {"DelaySeconds", KIND_NUMBER, 0, 900, 0},
    {"MaximumMessageSize", KIND_NUMBER, 1024, SQS_MESSAGE_MAX, SQS_MESSAGE_MAX},
    {"ReceiveMessageWaitTimeSeconds", KIND_NUMBER, 0, 20, 0},
    {"RedrivePolicy", KIND_REDRIVE, 0, 0, 0},
    {"Policy", KIND_POLICY, 0, 0, 0},
    {"RedriveAllowPolicy", KIND_ALLOW, 0, 0, 0},
    {"SqsManagedSseEnabled", KIND_SWITCH, 0, 0, 0},
    {"KmsMasterKeyId", KIND_UNSUPPORTED, 0, 0, 0},
    {"KmsDataKeyReusePeriodSeconds", KIND_UNSUPPORTED, 0, 0, 0},
    {"FifoQueue", KIND_UNSUPPORTED, 0, 0, 0},
    {"ContentBasedDeduplication", KIND_UNSUPPORTED, 0, 0, 0},
    {"DeduplicationScope", KIND_UNSUPPORTED, 0, 0, 0},
    {"FifoThroughputLimit", KIND_UNSUPPORTED, 0, 0, 0},
    {"QueueArn", KIND_COMPUTED, 0, 0, 0},
    {"ApproximateNumberOfMessages", KIND_COMPUTED, 0, 0, 0},
    {"ApproximateNumberOfMessagesNotVisible", KIND_COMPUTED, 0, 0, 0},
    {"ApproximateNumberOfMessagesDelayed", KIND_COMPUTED, 0, 0, 0},
    {"CreatedTimestamp", KIND_COMPUTED, 0, 0, 0},
    {"LastModifiedTimestamp", KIND_COMPUTED, 0, 0, 0},
};

/* Whose attributes are checked. */
struct checked {
    struct tx *tx;
    const char *account;
    const char *name;
};

static const struct attribute *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes_all); i++)
        if (strcmp(attributes_all[i].name, name) == 0)
            return &attributes_all[i];
    return NULL;
}

bool attribute_known(const char *name)
{
    return find(name) != NULL;
}

const char *queue_text(const struct queue *queue, const char *name)
{
    const char *text = json_str(queue->attributes, name, "");
    return *text ? text : NULL;
}

bool queue_has_value(const struct queue *queue, const char *name, const char *value)
{
    const struct attribute *attribute = find(name);
    const char *has = queue_text(queue, name);
    if (has || !attribute || attribute->kind != KIND_NUMBER)
        return strcmp(has ? has : "", value) == 0;
    int64_t number = attribute->absent;
    return (*value == '\0' || str_to_int(str_of(value), attribute->min, attribute->max, &number)) &&
           number == attribute->absent;
}

int64_t queue_number(const struct queue *queue, const char *name)
{
    const struct attribute *attribute = find(name);
    int64_t value = attribute ? attribute->absent : 0;
    const char *text = json_str(queue->attributes, name, NULL);
    if (text && attribute)
        (void)str_to_int(str_of(text), attribute->min, attribute->max, &value);
    return value;
}

/* Reads {"deadLetterTargetArn": …, "maxReceiveCount": 5 or "5"}. */
static bool parse_redrive(const char *text, char *ret_account, char *ret_name, int64_t *ret_max)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (json_parse(str_of(text), &policy, NULL) != 0)
        return false;
    const char *max = json_str(policy, "maxReceiveCount", NULL);
    int64_t count = json_int(policy, "maxReceiveCount", 0);
    if (max && !str_to_int(str_of(max), 1, 1000, &count))
        return false;
    if (count < 1 || count > 1000)
        return false;
    *ret_max = count;
    return queue_split_arn(str_of(json_str(policy, "deadLetterTargetArn", "")), ret_account, ret_name);
}

bool queue_redrive(const struct queue *queue, char *ret_name, int64_t *ret_max_receives)
{
    const char *text = queue_text(queue, "RedrivePolicy");
    char account[13];
    return text && parse_redrive(text, account, ret_name, ret_max_receives);
}

static int bad_value(struct reason *why, const char *attribute, const char *text, const char *because)
{
    return reason_set(why, SQS_E_PARAMETER, "Value %.512s for parameter %s is invalid. Reason: %s", text,
                      attribute, because);
}

/* Whether the queue's RedriveAllowPolicy lets the other one's dead letters in. */
static bool lets_redrive(const struct queue *dead, const struct checked *of)
{
    CLEANUP(json_free) json_t *policy = NULL;
    const char *text = queue_text(dead, "RedriveAllowPolicy");
    if (!text || json_parse(str_of(text), &policy, NULL) != 0)
        return true;
    const char *permission = json_str(policy, "redrivePermission", "allowAll");
    const json_t *sources = json_object_get(policy, "sourceQueueArns");
    if (strcmp(permission, "byQueue") != 0)
        return strcmp(permission, "denyAll") != 0;
    for (size_t i = 0; i < json_array_size(sources); i++) {
        struct str arn = str_of(json_string_value(json_array_get(sources, i)));
        char account[13], name[SQS_NAME_MAX + 1];
        if (queue_split_arn(arn, account, name) && strcmp(account, of->account) == 0 &&
            strcmp(name, of->name) == 0)
            return true;
    }
    return false;
}

static int check_target(const struct checked *of, const char *attribute, const char *text, struct reason *why)
{
    CLEANUP(queue_unload) struct queue dead = {0};
    char owner[13];
    char name[SQS_NAME_MAX + 1];
    int64_t max = 0;
    if (!parse_redrive(text, owner, name, &max))
        return bad_value(why, attribute, text,
                         "deadLetterTargetArn must be a queue's ARN and maxReceiveCount from 1 to 1000.");
    int rc = strcmp(owner, of->account) == 0 ? queue_load(of->tx, owner, name, &dead) : SQS_E_NO_QUEUE;
    if (rc == SQS_E_NO_QUEUE)
        return bad_value(why, attribute, text, "Dead letter target does not exist.");
    if (rc == 0 && !lets_redrive(&dead, of))
        return bad_value(why, attribute, text,
                         "The RedriveAllowPolicy of the dead letter target does not allow this queue.");
    return rc;
}

static int check_redrive(const struct checked *of, const char *attribute, const char *text,
                         struct reason *why)
{
    static const char *const members[] = {"maxReceiveCount", "deadLetterTargetArn"};
    CLEANUP(json_free) json_t *policy = NULL;
    if (json_parse(str_of(text), &policy, NULL) != 0 || !json_is_object(policy))
        return bad_value(why, attribute, text, "Redrive policy is not a valid JSON map.");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!json_object_get(policy, members[i]))
            return reason_set(why, SQS_E_PARAMETER,
                              "Value %.512s for parameter %s is invalid. Reason: Redrive policy does not "
                              "contain mandatory attribute: %s.",
                              text, attribute, members[i]);
    return check_target(of, attribute, text, why);
}

static bool arns_ok(const json_t *arns)
{
    char account[13], name[SQS_NAME_MAX + 1];
    for (size_t i = 0; i < json_array_size(arns); i++)
        if (!queue_split_arn(str_of(json_string_value(json_array_get(arns, i))), account, name))
            return false;
    return json_array_size(arns) >= 1 && json_array_size(arns) <= SOURCES_MAX;
}

/* {"redrivePermission": "byQueue", "sourceQueueArns": […]} */
static int check_allow(const struct checked *of UNUSED, const char *attribute, const char *text,
                       struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (json_parse(str_of(text), &policy, NULL) != 0 || !json_is_object(policy))
        return bad_value(why, attribute, text, "Redrive allow policy is not a valid JSON map.");
    const char *permission = json_str(policy, "redrivePermission", "");
    const json_t *arns = json_object_get(policy, "sourceQueueArns");
    bool by_queue = strcmp(permission, "byQueue") == 0;
    if (!by_queue && strcmp(permission, "allowAll") != 0 && strcmp(permission, "denyAll") != 0)
        return bad_value(why, attribute, text, "redrivePermission must be allowAll, denyAll or byQueue.");
    if (by_queue ? !arns_ok(arns) : arns != NULL)
        return bad_value(why, attribute, text,
                         "byQueue, and it alone, goes with sourceQueueArns, a list of 1 to 10 queues' ARNs.");
    return 0;
}

static int check_policy(const struct checked *of UNUSED, const char *attribute UNUSED, const char *text,
                        struct reason *why)
{
    return queue_policy_check(text, why);
}

static int check_switch(const struct checked *of UNUSED, const char *attribute, const char *text,
                        struct reason *why)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0
               ? 0
               : reason_set(why, SQS_E_ATTRIBUTE_VALUE, "Invalid value for the parameter %s.", attribute);
}

/* What values of a kind may be, beside "": the default again. */
static int (*const checks[])(const struct checked *of, const char *attribute, const char *text,
                             struct reason *why) = {
    [KIND_REDRIVE] = check_redrive, [KIND_ALLOW] = check_allow, [KIND_POLICY] = check_policy,
    [KIND_SWITCH] = check_switch,   [KIND_UNSUPPORTED] = NULL,
};

static int check_one(const struct checked *of, const char *name, const char *text, struct reason *why)
{
    const struct attribute *attribute = find(name);
    if (!attribute || attribute->kind == KIND_COMPUTED)
        return reason_set(why, SQS_E_ATTRIBUTE_NAME, "Unknown Attribute %s.", name);
    if (!text)
        return reason_set(why, SQS_E_ATTRIBUTE_VALUE, "Invalid value for the parameter %s.", name);
    if (attribute->kind == KIND_UNSUPPORTED)
        return reason_set(why, SQS_E_UNSUPPORTED, "Attribute %s is not supported by Slipway.", name);
    int64_t value = 0;
    if (attribute->kind == KIND_NUMBER && *text != '\0' &&
        !str_to_int(str_of(text), attribute->min, attribute->max, &value))
        return reason_set(why, SQS_E_ATTRIBUTE_VALUE, "Invalid value for the parameter %s.", name);
    return *text && checks[attribute->kind] ? checks[attribute->kind](of, name, text, why) : 0;
}

int attributes_check(struct tx *tx, const char *account, const char *queue, const json_t *attributes,
                     struct reason *why)
{
    const struct checked of = {tx, account, queue};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)attributes, name, value) {
        int rc = check_one(&of, name, json_string_value(value), why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int put_counts(struct tx *tx, const struct queue *queue, json_t *out)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT COALESCE(SUM(CASE WHEN visible_ms <= $2 THEN 1 ELSE 0 END), 0), "
                          "COALESCE(SUM(CASE WHEN visible_ms > $2 AND receives > 0 THEN 1 ELSE 0 END), 0), "
                          "COALESCE(SUM(CASE WHEN visible_ms > $2 AND receives = 0 THEN 1 ELSE 0 END), 0) "
                          "FROM sqs_message WHERE queue = $1 AND sent_ms > $3",
                          "iii", queue->id, clock_now_ms(),
                          clock_now_ms() - 1000 * queue_number(queue, "MessageRetentionPeriod"));
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    rc = json_put_format(out, "ApproximateNumberOfMessages", "%lld", (long long)rows_int(rows, 0));
    if (rc == 0)
        rc = json_put_format(out, "ApproximateNumberOfMessagesNotVisible", "%lld",
                             (long long)rows_int(rows, 1));
    if (rc == 0)
        rc = json_put_format(out, "ApproximateNumberOfMessagesDelayed", "%lld", (long long)rows_int(rows, 2));
    return rc;
}

static int put_computed(struct tx *tx, const struct platform *platform, const struct queue *queue,
                        json_t *out)
{
    CLEANUP(buf_free) struct buf arn = BUF_INIT(512);
    queue_arn(platform, queue->account, queue->name, &arn);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    int rc = json_put_strn(out, "QueueArn", buf_str(&arn));
    if (rc == 0)
        rc = json_put_format(out, "CreatedTimestamp", "%lld", (long long)(queue->created_ms / 1000));
    if (rc == 0)
        rc = json_put_format(out, "LastModifiedTimestamp", "%lld", (long long)(queue->modified_ms / 1000));
    return rc != 0 ? rc : put_counts(tx, queue, out);
}

static int put_everything(struct tx *tx, const struct platform *platform, const struct queue *queue,
                          json_t *out)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes_all); i++) {
        const struct attribute *a = &attributes_all[i];
        const char *set = queue_text(queue, a->name);
        int rc = 0;
        if (set)
            rc = json_put_str(out, a->name, set);
        else if (a->kind == KIND_NUMBER)
            rc = json_put_format(out, a->name, "%lld", (long long)a->absent);
        if (rc != 0)
            return rc;
    }
    return put_computed(tx, platform, queue, out);
}

int attributes_get(struct tx *tx, const struct platform *platform, const struct queue *queue,
                   const json_t *names, json_t *out, struct reason *why)
{
    CLEANUP(json_free) json_t *all = json_object();
    int rc = all ? put_everything(tx, platform, queue, all) : FAULT(ENOMEM);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, "All") == 0)
            return json_object_update(out, all) == 0 ? 0 : FAULT(ENOMEM);
        if (!name || !attribute_known(name))
            return reason_set(why, SQS_E_ATTRIBUTE_NAME, "Unknown Attribute %s.", name ? name : "");
        json_t *value = json_object_get(all, name);
        if (value && json_object_set(out, name, value) != 0)
            return FAULT(ENOMEM);
    }
    return 0;
}
