/* Operations on queues. Source: SQS API reference, 2012-11-05. */
#include "services/sqs/access.h"
#include "wire/json.h"

#define LIST_MAX 1000

int api_need(struct call *c, const json_t *in, const char *member)
{
    if (json_object_get(in, member))
        return 0;
    return call_fail(c, SQS_E_MISSING, "The request must contain the parameter %s.", member);
}

static int no_queue(struct call *c)
{
    return call_fail(c, SQS_E_NO_QUEUE, "The specified queue does not exist for this wsdl version.");
}

int api_queue(struct call *c, struct tx *tx, struct queue *ret)
{
    char account[13];
    char name[SQS_NAME_MAX + 1];
    int rc = api_need(c, c->in, "QueueUrl");
    if (rc != 0)
        return rc;
    const char *url = json_str(c->in, "QueueUrl", "");
    if (!queue_split_url(str_of(url), account, name))
        return call_fail(c, SQS_E_ADDRESS, "The address %s is not valid for this endpoint.", url);
    rc = queue_load(tx, account, name, ret);
    if (rc == SQS_E_NO_QUEUE)
        return no_queue(c);
    return rc != 0 ? rc : queue_access(c, ret);
}

static int put_url(struct call *c, const char *account, const char *name)
{
    CLEANUP(buf_free) struct buf url = BUF_INIT(1024);
    queue_url(c->platform, account, name, &url);
    if (buf_error(&url) != 0)
        return FAULT(buf_error(&url));
    return json_put_strn(c->out, "QueueUrl", buf_str(&url));
}

int api_create_queue(struct call *c)
{
    int rc = api_need(c, c->in, "QueueName");
    if (rc != 0)
        return rc;
    const char *name = json_str(c->in, "QueueName", "");
    const char *account = c->caller->account;
    const json_t *tags = json_object_get(c->in, "tags");
    bool there = queue_exists(c->tx, account, name) == 0;
    rc = queue_create(c->tx, c->platform, account, name, json_object_get(c->in, "Attributes"), &c->reason);
    if (rc == 0 && !there && json_object_size(tags) > 0)
        rc = queue_put_tags(c->tx, account, name, tags, &c->reason);
    return rc != 0 ? rc : put_url(c, account, name);
}

/* Whether another account has a queue is told to whom its policy lets ask. */
int api_get_queue_url(struct call *c)
{
    int rc = api_need(c, c->in, "QueueName");
    if (rc != 0)
        return rc;
    const char *name = json_str(c->in, "QueueName", "");
    const char *owner = json_str(c->in, "QueueOwnerAWSAccountId", c->caller->account);
    bool own = strcmp(owner, c->caller->account) == 0;
    CLEANUP(queue_unload) struct queue queue = {0};
    rc = queue_load(c->tx, owner, name, &queue);
    if (rc == 0)
        rc = queue_access(c, &queue);
    if (rc == SQS_E_NO_QUEUE || (rc == SQS_E_DENIED && !own))
        return call_fail(c, SQS_E_NO_QUEUE,
                         "The specified queue does not exist or you do not have access to it.");
    return rc != 0 ? rc : put_url(c, owner, name);
}

struct listing {
    const char *account;
    struct str prefix;
    const struct queue *dead; /* NULL: all queues; those whose dead letters go there */
};

static bool is_listed(const struct listing *listing, struct rows *rows)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    char target[SQS_NAME_MAX + 1];
    int64_t max = 0;
    if (!listing->dead)
        return true;
    return json_parse(rows_str(rows, 1), &queue.attributes, NULL) == 0 &&
           queue_redrive(&queue, target, &max) && strcmp(target, listing->dead->name) == 0;
}

/* Up to `max` URLs of names after NextToken; with a limit asked for, the next one is the last name given. */
static int list_names(struct call *c, const struct listing *listing, int64_t max, json_t *urls)
{
    const char *after = json_str(c->in, "NextToken", "");
    char last[SQS_NAME_MAX + 1] = "";
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query(c->tx, &rows,
                      "SELECT name, attributes FROM sqs_queue WHERE account = $1 AND name > $2 AND name >= $3"
                      " ORDER BY name",
                      "ssS", listing->account, after, listing->prefix);
    while (rc == 0 && (rc = rows_next(rows)) == 0 && str_starts(rows_str(rows, 0), listing->prefix)) {
        if (!is_listed(listing, rows))
            continue;
        if ((int64_t)json_array_size(urls) == max)
            return json_object_get(c->in, "MaxResults") ? json_put_str(c->out, "NextToken", last) : 0;
        struct str name = rows_str(rows, 0);
        memcpy(last, name.ptr, name.len + 1);
        CLEANUP(buf_free) struct buf url = BUF_INIT(1024);
        queue_url(c->platform, listing->account, last, &url);
        if (buf_error(&url) != 0 || json_array_append_new(urls, json_string(url.ptr)) != 0)
            return FAULT(ENOMEM);
    }
    return rc < 0 ? rc : 0;
}

static int list(struct call *c, const struct listing *listing, const char *member)
{
    int64_t max = json_int(c->in, "MaxResults", LIST_MAX);
    if (max < 1 || max > LIST_MAX)
        return call_fail(
            c, SQS_E_PARAMETER,
            "Value %lld for parameter MaxResults is invalid. Reason: MaxResults must be an integer "
            "between 1 and 1000.",
            (long long)max);
    json_t *urls = json_array();
    int rc = urls ? json_put(c->out, member, urls) : FAULT(ENOMEM);
    return rc != 0 ? rc : list_names(c, listing, max, urls);
}

int api_list_queues(struct call *c)
{
    const struct listing listing = {c->caller->account, str_of(json_str(c->in, "QueueNamePrefix", "")), NULL};
    return list(c, &listing, "QueueUrls");
}

int api_list_dead_letter_source_queues(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    const struct listing listing = {queue.account, STR(""), &queue};
    return rc != 0 ? rc : list(c, &listing, "queueUrls");
}

int api_delete_queue(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    return rc != 0 ? rc : queue_delete(c->tx, c->platform, queue.account, queue.name, &c->reason);
}

int api_purge_queue(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    return rc != 0 ? rc : queue_purge(c->tx, &queue, &c->reason);
}

int api_get_queue_attributes(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    if (rc != 0)
        return rc;
    json_t *out = json_object();
    if (!out)
        return FAULT(ENOMEM);
    rc =
        attributes_get(c->tx, c->platform, &queue, json_object_get(c->in, "AttributeNames"), out, &c->reason);
    int put = json_put(c->out, "Attributes", out);
    return rc != 0 ? rc : put;
}

int api_set_queue_attributes(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_need(c, c->in, "Attributes");
    if (rc == 0)
        rc = api_queue(c, c->tx, &queue);
    if (rc != 0)
        return rc;
    return queue_set_attributes(c->tx, c->platform, queue.account, queue.name,
                                json_object_get(c->in, "Attributes"), &c->reason);
}
