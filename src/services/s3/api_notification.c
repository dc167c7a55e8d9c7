/* Event notifications of a bucket: the elements of requests and answers ↔ the domain's list (notification.c).
 * Source: S3 API reference, PutBucketNotificationConfiguration. */
#include "base/hash.h"
#include "base/id.h"
#include "services/s3/api.h"
#include "wire/json.h"

static const struct kind {
    const char *element;
    const char *member; /* of the element */
    const char *arn;    /* of the domain's entry */
} kinds[] = {{"QueueConfiguration", "Queue", "QueueArn"}, {"TopicConfiguration", "Topic", "TopicArn"}};

static int read_filter(struct call *c, const json_t *configuration, json_t *queue)
{
    const json_t *rules = json_path(configuration, "Filter.S3Key.FilterRule");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        struct str name = str_of(json_str(rule, "Name", ""));
        bool prefix = str_eq_nocase(name, STR("prefix"));
        if (!prefix && !str_eq_nocase(name, STR("suffix")))
            return call_fail(c, S3_E_ARGUMENT, "filter rule name must be either prefix or suffix");
        const char *member = prefix ? "Prefix" : "Suffix";
        if (json_object_get(queue, member))
            return call_fail(c, S3_E_ARGUMENT, "Cannot specify more than one %s rule in a filter.",
                             prefix ? "prefix" : "suffix");
        int rc = json_put_str(queue, member, json_str(rule, "Value", ""));
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_target(struct call *c, const struct kind *kind, const json_t *configuration, json_t *queues)
{
    char uuid[ID_UUID_SIZE], id[2 * ID_UUID_SIZE];
    id_uuid(uuid);
    base64_encode(uuid, strlen(uuid), id);
    json_t *queue = json_object();
    if (!queue || json_array_append_new(queues, queue) != 0)
        return FAULT(ENOMEM);
    int rc = json_put_str(queue, "Id", json_str(configuration, "Id", id));
    if (rc == 0)
        rc = json_put_str(queue, kind->arn, json_str(configuration, kind->member, ""));
    json_t *events = json_object_get(configuration, "Event");
    if (rc == 0 && events && json_object_set(queue, "Events", events) != 0)
        rc = FAULT(ENOMEM);
    return rc != 0 ? rc : read_filter(c, configuration, queue);
}

static int read_kind(struct call *c, const struct kind *kind, json_t *queues)
{
    const json_t *configurations = json_object_get(c->in, kind->element);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(configurations); i++)
        rc = read_target(c, kind, json_array_get(configurations, i), queues);
    return rc;
}

int api_put_notification(struct call *c)
{
    static const char *const others[] = {"CloudFunctionConfiguration", "EventBridgeConfiguration"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (json_object_get(c->in, others[i]))
            return call_fail(
                c, S3_E_NOT_IMPLEMENTED,
                "%s is not supported by Slipway: events go to SQS queues (QueueConfiguration) and SNS topics "
                "(TopicConfiguration).",
                others[i]);
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *queues = json_array();
    int rc = queues ? api_check_body(c) : FAULT(ENOMEM);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &bucket);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(kinds); i++)
        rc = read_kind(c, &kinds[i], queues);
    if (rc == 0 && str_eq_nocase(http_header(c->http, "x-amz-skip-destination-validation"), STR("true")))
        return bucket_set_notification_unseen(c->tx, c->platform, c->bucket, queues, &c->reason);
    return rc != 0 ? rc
                   : bucket_set_notification(c->tx, c->platform, c->caller->account, c->bucket, queues,
                                             &c->reason);
}

static int put_rule(json_t *rules, const char *name, const char *value)
{
    if (!value)
        return 0;
    return json_array_append_new(rules, json_pack("{s:s, s:s}", "Name", name, "Value", value)) == 0
               ? 0
               : FAULT(ENOMEM);
}

static int write_target(const struct kind *kind, const json_t *queue, json_t *configurations)
{
    json_t *configuration = json_object();
    if (!configuration || json_array_append_new(configurations, configuration) != 0)
        return FAULT(ENOMEM);
    int rc = json_put_str(configuration, "Id", json_str(queue, "Id", "notification"));
    if (rc == 0)
        rc = json_put_str(configuration, kind->member, json_str(queue, kind->arn, ""));
    if (rc == 0 && json_object_set(configuration, "Event", json_object_get(queue, "Events")) != 0)
        rc = FAULT(ENOMEM);
    CLEANUP(json_free) json_t *rules = json_array();
    if (!rules)
        return FAULT(ENOMEM);
    if (rc == 0)
        rc = put_rule(rules, "Prefix", json_str(queue, "Prefix", NULL));
    if (rc == 0)
        rc = put_rule(rules, "Suffix", json_str(queue, "Suffix", NULL));
    if (rc != 0 || json_array_size(rules) == 0)
        return rc;
    return json_put(configuration, "Filter", json_pack("{s:{s:O}}", "S3Key", "FilterRule", rules));
}

static int write_kind(struct call *c, const struct kind *kind, const json_t *queues)
{
    CLEANUP(json_free) json_t *configurations = json_array();
    int rc = configurations ? 0 : FAULT(ENOMEM);
    for (size_t i = 0; rc == 0 && i < json_array_size(queues); i++)
        if (json_object_get(json_array_get(queues, i), kind->arn))
            rc = write_target(kind, json_array_get(queues, i), configurations);
    return rc != 0 || json_array_size(configurations) == 0
               ? rc
               : json_put(c->out, kind->element, take(configurations));
}

int api_get_notification(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *queues = NULL;
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc != 0 || !bucket.notification)
        return rc;
    if (json_parse(str_of(bucket.notification), &queues, NULL) != 0)
        return FAULT(EBADMSG);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(kinds); i++)
        rc = write_kind(c, &kinds[i], queues);
    return rc;
}
