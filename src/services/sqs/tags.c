/* Tags of queues: a map of texts. Source: SQS API reference, TagQueue; SQS Developer Guide, "Amazon SQS cost
 * allocation tags". */
#include "services/sqs/queue.h"
#include "wire/json.h"

#define TAGS_MAX 50
#define KEY_MAX 128 /* characters, as are those of the value */
#define VALUE_MAX 256

static bool of_length(const char *text, size_t min, size_t max)
{
    size_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xC0) != 0x80;
    return characters >= min && characters <= max;
}

static int check(const json_t *tags, struct reason *why)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)tags, key, value) {
        const char *text = json_string_value(value);
        if (!of_length(key, 1, KEY_MAX))
            return reason_set(why, SQS_E_PARAMETER, "Tag keys must be between 1 and %d characters in length.",
                              KEY_MAX);
        if (strncasecmp(key, "aws:", 4) == 0)
            return reason_set(why, SQS_E_PARAMETER, "Tag keys must not begin with aws:, as %.128s does.",
                              key);
        if (!text || !of_length(text, 0, VALUE_MAX))
            return reason_set(why, SQS_E_PARAMETER,
                              "Tag values must be between 0 and %d characters in length.", VALUE_MAX);
    }
    return 0;
}

int queue_tags(struct tx *tx, const struct queue *queue, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT tags FROM sqs_queue WHERE id = $1", "i", queue->id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    if (rows_null(rows, 0))
        *ret = json_object();
    else if (json_parse(rows_str(rows, 0), ret, NULL) != 0)
        return FAULT(EBADMSG);
    return *ret ? 0 : FAULT(ENOMEM);
}

int queue_set_tags(struct tx *tx, const struct queue *queue, const json_t *tags, struct reason *why)
{
    CLEANUP(free_ptr) char *text = NULL;
    int rc = check(tags, why);
    if (rc != 0)
        return rc;
    if (json_object_size(tags) > TAGS_MAX)
        return reason_set(why, SQS_E_PARAMETER, "Too many tags added for queue %s.", queue->name);
    if (json_object_size(tags) > 0 && !(text = json_text(tags)))
        return FAULT(ENOMEM);
    return tx_exec(tx, "UPDATE sqs_queue SET tags = $1 WHERE id = $2", "si", text, queue->id);
}

int queue_put_tags(struct tx *tx, const char *account, const char *name, const json_t *tags,
                   struct reason *why)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = queue_load(tx, account, name, &queue);
    if (rc == SQS_E_NO_QUEUE)
        return reason_set(why, rc, "The specified queue does not exist: %s.", name);
    return rc != 0 ? rc : queue_set_tags(tx, &queue, tags, why);
}
