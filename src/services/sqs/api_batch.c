/* Batches: up to ten entries, each of which succeeds or fails by itself, in one transaction. A failed entry
 * has written nothing: every check precedes the entry's first write. Source: SQS API reference. */
#include "services/batch.h"
#include "services/sqs/api.h"
#include "services/service.h"
#include "wire/json.h"

static int check_entries(struct call *c, const json_t *entries)
{
    const char *id;
    switch (batch_check(entries, SQS_BATCH_MAX, &id)) {
    case BATCH_EMPTY:
        return call_fail(c, SQS_E_BATCH_EMPTY, "There should be at least one entry in the request.");
    case BATCH_TOO_MANY:
        return call_fail(c, SQS_E_BATCH_TOO_MANY,
                         "Maximum number of entries per request are 10. You have sent %zu.",
                         json_array_size(entries));
    case BATCH_BAD_ID:
        return call_fail(
            c, SQS_E_BATCH_ID,
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.");
    case BATCH_REPEATED_ID:
        return call_fail(c, SQS_E_BATCH_NOT_DISTINCT, "Id %s repeated.", id);
    case BATCH_SOUND:
        break;
    }
    return 0;
}

static int put_failed(struct call *c, json_t *failed, const char *id, const struct service_error *error)
{
    json_t *entry = json_object();
    if (!entry || json_array_append_new(failed, entry) != 0)
        return FAULT(ENOMEM);
    const char *code = c->protocol == PROTOCOL_QUERY && error->query_code ? error->query_code : error->code;
    int rc = json_put_str(entry, "Id", id);
    if (rc == 0)
        rc = json_put_str(entry, "Code", code);
    if (rc == 0)
        rc = json_put_bool(entry, "SenderFault", true);
    return rc != 0 ? rc : json_put_str(entry, "Message", c->reason.text[0] ? c->reason.text : error->message);
}

typedef int entry_fn(struct call *c, const struct queue *queue, const json_t *in, json_t *out);

static int one_entry(struct call *c, const struct queue *queue, const json_t *in, entry_fn *run,
                     json_t *successful, json_t *failed)
{
    CLEANUP(json_free) json_t *out = json_object();
    const char *id = json_str(in, "Id", "");
    c->reason.text[0] = '\0';
    int rc = out ? json_put_str(out, "Id", id) : FAULT(ENOMEM);
    if (rc == 0)
        rc = run(c, queue, in, out);
    if (rc < 0)
        return rc;
    const struct service_error *error = rc > 0 ? service_error_of(c->service, rc) : NULL;
    if (rc > 0)
        return error ? put_failed(c, failed, id, error) : FAULT(EINVAL);
    return json_array_append(successful, out) == 0 ? 0 : FAULT(ENOMEM);
}

static int run_batch(struct call *c, entry_fn *run)
{
    const json_t *entries = json_object_get(c->in, "Entries");
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0)
        rc = check_entries(c, entries);
    if (rc != 0)
        return rc;
    json_t *successful = json_array();
    json_t *failed = json_array();
    rc = json_put(c->out, "Successful", successful);
    int put = json_put(c->out, "Failed", failed);
    if (rc != 0 || put != 0)
        return FAULT(ENOMEM);
    for (size_t i = 0; rc == 0 && i < json_array_size(entries); i++)
        rc = one_entry(c, &queue, json_array_get(entries, i), run, successful, failed);
    c->reason.text[0] = '\0';
    return rc;
}

int api_send_message_batch(struct call *c)
{
    const json_t *entries = json_object_get(c->in, "Entries");
    size_t bytes = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        bytes += strlen(json_str(entry, "MessageBody", ""));
        bytes += message_attributes_bytes(json_object_get(entry, "MessageAttributes"));
    }
    if (bytes > SQS_MESSAGE_MAX)
        return call_fail(c, SQS_E_BATCH_TOO_LONG,
                         "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
                         SQS_MESSAGE_MAX, bytes);
    return run_batch(c, api_send_one);
}

int api_delete_message_batch(struct call *c)
{
    return run_batch(c, api_delete_one);
}

int api_change_message_visibility_batch(struct call *c)
{
    return run_batch(c, api_change_one);
}
