/* Operations on webhooks. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/webhook.h"
#include "services/page_token.h"

#define PAGE_MAX 100

int codepipeline_put_webhook(struct call *c)
{
    json_t *item = NULL;
    int r = webhook_put(c->tx, c->platform, c->caller->account, json_object_get(c->in, "webhook"),
                        json_object_get(c->in, "tags"), &item, &c->reason);

    return r ? r : json_put(c->out, "webhook", item);
}

/* A page begins after the last name shown. */
int codepipeline_list_webhooks(struct call *c)
{
    CLEANUP(json_free) json_t *list = NULL;
    const char *after;
    int64_t max = json_int(c->in, "MaxResults", PAGE_MAX);
    const json_t *last;
    int r = codepipeline_page_read(c, "NextToken", &after);

    if (r == 0)
        r = webhook_list(c->tx, c->platform, c->caller->account, after ? after : "", max + 1, &list);
    if (r == 0 && (int64_t)json_array_size(list) > max) {
        json_array_remove(list, (size_t)max);
        last = json_object_get(json_array_get(list, (size_t)max - 1), "definition");
        r = page_token_write(c, "NextToken", json_str(last, "name", ""));
    }
    return r ? r : json_put(c->out, "webhooks", json_incref(list));
}

int codepipeline_delete_webhook(struct call *c)
{
    return webhook_delete(c->tx, c->platform, c->caller->account, json_str(c->in, "name", ""));
}

/* AWS registers webhooks of GitHub (version 1) actions only, with the token of their configuration. There are
 * no such actions here. */
int codepipeline_register_webhook(struct call *c)
{
    CLEANUP(webhook_unload) struct webhook webhook = {0};
    const char *name = json_str(c->in, "webhookName", NULL);
    int r;

    if (!name)
        return call_fail(
            c, PIPELINE_E_INVALID,
            "1 validation error detected: Value null at 'webhookName' failed to satisfy constraint: "
            "Member must not be null");
    r = webhook_find(c->tx, c->caller->account, name, &webhook);
    if (r == DB_NONE)
        return call_fail(c, PIPELINE_E_WEBHOOK_NOT_FOUND,
                         "Account '%s' does not have a webhook with name '%s'", c->caller->account, name);
    return r ? r
             : call_fail(c, PIPELINE_E_INVALID,
                         "The webhook '%s' targets an action whose provider is not GitHub: give its URL "
                         "(ListWebhooks "
                         "shows it) and its secret to the sender yourself.",
                         name);
}
