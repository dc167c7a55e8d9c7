/* Operations on a queue's tags. Source: SQS API reference. */
#include "services/sqs/api.h"
#include "wire/json.h"

int api_list_queue_tags(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0)
        rc = queue_tags(c->tx, &queue, &tags);
    return rc != 0 || json_object_size(tags) == 0 ? rc : json_put(c->out, "Tags", take(tags));
}

int api_tag_queue(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    json_t *asked = json_object_get(c->in, "Tags");
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0 && json_object_size(asked) == 0)
        return call_fail(c, SQS_E_MISSING, "The request must contain the parameter Tags.");
    if (rc == 0)
        rc = queue_tags(c->tx, &queue, &tags);
    if (rc == 0 && json_object_update(tags, asked) != 0)
        return FAULT(ENOMEM);
    return rc != 0 ? rc : queue_set_tags(c->tx, &queue, tags, &c->reason);
}

int api_untag_queue(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    const json_t *keys = json_object_get(c->in, "TagKeys");
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0 && json_array_size(keys) == 0)
        return call_fail(c, SQS_E_PARAMETER, "Tag keys must be between 1 and 128 characters in length.");
    if (rc == 0)
        rc = queue_tags(c->tx, &queue, &tags);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *key = json_string_value(json_array_get(keys, i));
        if (key)
            (void)json_object_del(tags, key); /* one that is not there is gone */
    }
    return queue_set_tags(c->tx, &queue, tags, &c->reason);
}
