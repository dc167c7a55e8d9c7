/* AddPermission and RemovePermission: they edit the queue's policy. Source: SQS API reference. */
#include "services/sqs/api.h"
#include "services/sqs/policy.h"
#include "wire/json.h"

static int put_policy(struct call *c, const struct queue *queue, const char *text)
{
    CLEANUP(json_free) json_t *attributes = json_pack("{s:s}", "Policy", text);
    return attributes
               ? queue_set_attributes(c->tx, c->platform, queue->account, queue->name, attributes, &c->reason)
               : FAULT(ENOMEM);
}

static int need_list(struct call *c, const char *member, const json_t **ret)
{
    *ret = json_object_get(c->in, member);
    return json_array_size(*ret) > 0
               ? 0
               : call_fail(c, SQS_E_MISSING, "The request must contain the parameter %s.", member);
}

int api_add_permission(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(free_ptr) char *text = NULL;
    struct permission permission = {.label = json_str(c->in, "Label", "")};
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0)
        rc = api_need(c, c->in, "Label");
    if (rc == 0)
        rc = need_list(c, "AWSAccountIds", &permission.accounts);
    if (rc == 0)
        rc = need_list(c, "Actions", &permission.actions);
    if (rc == 0)
        rc = queue_policy_permit(c->tx, c->platform, &queue, &permission, &text, &c->reason);
    return rc != 0 ? rc : put_policy(c, &queue, text);
}

int api_remove_permission(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(free_ptr) char *text = NULL;
    int rc = api_queue(c, c->tx, &queue);
    if (rc == 0)
        rc = api_need(c, c->in, "Label");
    if (rc == 0)
        rc = queue_policy_forbid(&queue, json_str(c->in, "Label", ""), &text, &c->reason);
    return rc != 0 ? rc : put_policy(c, &queue, text);
}
