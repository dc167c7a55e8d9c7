/* Publish and PublishBatch. Source: SNS API reference, 2010-03-31. A failed entry of a batch has written
 * nothing: every check precedes the entry's first write. */
#include "services/sns/api.h"
#include "services/sns/publish.h"
#include "services/sns/service.h"
#include "wire/json.h"
#include <ctype.h>

#define ENTRY_ID_MAX 80

static struct publication publication_of(const json_t *in)
{
    return (struct publication){.message = json_str(in, "Message", ""),
                                .subject = json_str(in, "Subject", NULL),
                                .structure = json_str(in, "MessageStructure", NULL),
                                .attributes = json_object_get(in, "MessageAttributes")};
}

static int publish(struct call *c, const struct topic *topic, const json_t *in, json_t *out)
{
    const struct publication publication = publication_of(in);
    char id[SNS_ID_SIZE];
    static const char *const of_fifo[] = {"MessageGroupId", "MessageDeduplicationId"};
    for (size_t i = 0; i < ARRAY_LEN(of_fifo); i++)
        if (json_object_get(in, of_fifo[i]))
            return call_fail(
                c, SNS_E_PARAMETER,
                "Invalid parameter: %s Reason: The request includes %s parameter that is not valid "
                "for this topic type",
                of_fifo[i], of_fifo[i]);
    int rc =
        topic_publish(c->tx, c->platform, topic->account, topic->name, &publication, id, NULL, &c->reason);
    return rc != 0 ? rc : json_put_str(out, "MessageId", id);
}

int sns_publish(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    const char *member = json_object_get(c->in, "TopicArn") ? "TopicArn" : "TargetArn";
    if (json_object_get(c->in, "PhoneNumber"))
        return call_fail(c, SNS_E_PARAMETER,
                         "Invalid parameter: PhoneNumber Reason: Slipway sends no text messages");
    if (!json_object_get(c->in, member))
        return call_fail(c, SNS_E_PARAMETER,
                         "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter");
    int rc = api_sns_topic(c, member, &topic);
    return rc != 0 ? rc : publish(c, &topic, c->in, c->out);
}

static bool id_ok(const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '-' && id[i] != '_')
            return false;
    return len >= 1 && len <= ENTRY_ID_MAX;
}

static bool seen_before(const json_t *entries, size_t index, const char *id)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(json_str(json_array_get(entries, i), "Id", ""), id) == 0)
            return true;
    return false;
}

static int check_entries(struct call *c, const json_t *entries)
{
    size_t count = json_array_size(entries), bytes = 0;
    if (count == 0)
        return call_fail(c, SNS_E_BATCH_EMPTY, "The batch request doesn't contain any entries.");
    if (count > SNS_BATCH_MAX)
        return call_fail(c, SNS_E_BATCH_TOO_MANY,
                         "The batch request contains more entries than permissible (more than 10).");
    for (size_t i = 0; i < count; i++) {
        const char *id = json_str(json_array_get(entries, i), "Id", "");
        if (!id_ok(id))
            return call_fail(
                c, SNS_E_BATCH_ID,
                "The Id of a batch entry in a batch request doesn't abide by the specification.");
        if (seen_before(entries, i, id))
            return call_fail(c, SNS_E_BATCH_NOT_DISTINCT,
                             "Two or more batch entries in the request have the same Id.");
        bytes += strlen(json_str(json_array_get(entries, i), "Message", ""));
    }
    if (bytes > SNS_MESSAGE_MAX)
        return call_fail(c, SNS_E_BATCH_TOO_LONG,
                         "The length of all the batch messages put together is more than the limit.");
    return 0;
}

static const char *code_of(int outcome)
{
    for (size_t i = 0; i < sns_service.error_count; i++)
        if (sns_service.errors[i].outcome == outcome)
            return sns_service.errors[i].code;
    return "InternalError";
}

static int one_entry(struct call *c, const struct topic *topic, const json_t *in, json_t *successful,
                     json_t *failed)
{
    CLEANUP(json_free) json_t *out = json_pack("{s:s}", "Id", json_str(in, "Id", ""));
    int rc = out ? publish(c, topic, in, out) : FAULT(ENOMEM);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return json_array_append(successful, out) ? FAULT(ENOMEM) : 0;
    json_t *entry = json_pack("{s:s, s:s, s:s, s:b}", "Id", json_str(in, "Id", ""), "Code", code_of(rc),
                              "Message", c->reason.text, "SenderFault", 1);
    c->reason.text[0] = '\0';
    return json_array_append_new(failed, entry) ? FAULT(ENOMEM) : 0;
}

int sns_publish_batch(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    const json_t *entries = json_object_get(c->in, "PublishBatchRequestEntries");
    json_t *successful = json_array(), *failed = json_array();
    int rc = json_put(c->out, "Successful", successful);
    int put = json_put(c->out, "Failed", failed);
    if (rc == 0)
        rc = put;
    if (rc == 0)
        rc = api_sns_topic(c, "TopicArn", &topic);
    if (rc == 0)
        rc = check_entries(c, entries);
    for (size_t i = 0; rc == 0 && i < json_array_size(entries); i++)
        rc = one_entry(c, &topic, json_array_get(entries, i), successful, failed);
    return rc;
}
