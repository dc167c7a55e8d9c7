/* Publish and PublishBatch. Source: SNS API reference, 2010-03-31. A failed entry of a batch has written
 * nothing: every check precedes the entry's first write. */
#include "services/batch.h"
#include "services/sns/api.h"
#include "services/sns/publish.h"
#include "wire/json.h"

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

static int check_entries(const json_t *entries)
{
    static const int outcomes[] = {[BATCH_EMPTY] = SNS_E_BATCH_EMPTY,
                                   [BATCH_TOO_MANY] = SNS_E_BATCH_TOO_MANY,
                                   [BATCH_BAD_ID] = SNS_E_BATCH_ID,
                                   [BATCH_REPEATED_ID] = SNS_E_BATCH_NOT_DISTINCT};
    const char *id;
    enum batch_flaw flaw = batch_check(entries, SNS_BATCH_MAX, &id);
    size_t bytes = 0;
    if (flaw != BATCH_SOUND)
        return outcomes[flaw];
    for (size_t i = 0; i < json_array_size(entries); i++)
        bytes += strlen(json_str(json_array_get(entries, i), "Message", ""));
    return bytes > SNS_MESSAGE_MAX ? SNS_E_BATCH_TOO_LONG : 0;
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
    const struct service_error *error = service_error_of(c->service, rc);
    if (!error)
        return FAULT(EINVAL);
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:b}", "Id", json_str(in, "Id", ""), "Code", error->code, "Message",
                  c->reason.text[0] ? c->reason.text : error->message, "SenderFault", 1);
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
        rc = check_entries(entries);
    for (size_t i = 0; rc == 0 && i < json_array_size(entries); i++)
        rc = one_entry(c, &topic, json_array_get(entries, i), successful, failed);
    return rc;
}
