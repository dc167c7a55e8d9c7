/* AWS::SQS::Queue, whose physical id is the queue's URL; AWS::SQS::QueuePolicy. Source: CloudFormation
 * reference. */
#include "services/sqs/sqs.h"
#include "services/cloudformation/resources/types.h"
#include "wire/json.h"

static const struct property rows[] = {
    {.name = "QueueName", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "DelaySeconds", .type = PROPERTY_INTEGER},
    {.name = "MaximumMessageSize", .type = PROPERTY_INTEGER},
    {.name = "MessageRetentionPeriod", .type = PROPERTY_INTEGER},
    {.name = "ReceiveMessageWaitTimeSeconds", .type = PROPERTY_INTEGER},
    {.name = "VisibilityTimeout", .type = PROPERTY_INTEGER},
    {.name = "RedrivePolicy", .type = PROPERTY_JSON},
    {.name = "RedriveAllowPolicy", .type = PROPERTY_JSON},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};
static const char *const attributes[] = {"Arn", "QueueName", "QueueUrl", NULL};

/* What a queue has again when its template no longer says; one that never did leaves the queue as it is. */
static const struct default_value {
    const char *name;
    const char *value;
} defaults[] = {
    {"DelaySeconds", "0"},       {"MaximumMessageSize", "1048576"},      {"MessageRetentionPeriod", "345600"},
    {"VisibilityTimeout", "30"}, {"ReceiveMessageWaitTimeSeconds", "0"},
};

static int put_attribute(json_t *out, const struct resource_work *w, const struct default_value *row)
{
    const json_t *value = json_object_get(w->properties, row->name);

    if (!value && !json_object_get(w->before, row->name))
        return 0;
    if (!value)
        return json_put_str(out, row->name, row->value);
    return json_put_format(out, row->name, "%lld", (long long)json_integer_value(value));
}

static int put_document(json_t *out, const struct resource_work *w, const char *name)
{
    const json_t *document = json_object_get(w->properties, name);
    CLEANUP(free_ptr) char *text = document ? json_text(document) : NULL;

    if (document && !text)
        return FAULT(ENOMEM);
    return document || json_object_get(w->before, name) ? json_put_str(out, name, text ? text : "") : 0;
}

static int queue_attributes(const struct resource_work *w, json_t **ret)
{
    static const char *const documents[] = {"RedrivePolicy", "RedriveAllowPolicy"};
    CLEANUP(json_free) json_t *out = json_object();
    int err = out ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; i < ARRAY_LEN(defaults) && !err; i++)
        err = put_attribute(out, w, &defaults[i]);
    for (size_t i = 0; i < ARRAY_LEN(documents) && !err; i++)
        err = put_document(out, w, documents[i]);
    if (!err)
        *ret = take(out);
    return err;
}

static const char *name_of(const struct resource_work *w)
{
    const char *slash = strrchr(w->physical_id, '/');

    return slash ? slash + 1 : w->physical_id;
}

static int describe(struct resource_work *w, const char *name)
{
    CLEANUP(buf_free) struct buf arn = BUF_INIT(1024);
    CLEANUP(buf_free) struct buf url = BUF_INIT(PHYSICAL_ID_SIZE - 1);

    queue_arn(w->platform, w->account, name, &arn);
    queue_url(w->platform, w->account, name, &url);
    if (buf_error(&arn) || buf_error(&url))
        return FAULT(ENOMEM);
    int err = json_put_strn(w->attributes, "Arn", buf_str(&arn));
    if (!err)
        err = json_put_strn(w->attributes, "QueueUrl", buf_str(&url));
    if (!err)
        err = json_put_str(w->attributes, "QueueName", name);
    if (!*w->physical_id)
        memcpy(w->physical_id, url.ptr, url.len + 1);
    return err;
}

static int put_tags(const struct resource_work *w, const char *name)
{
    const json_t *given = json_object_get(w->properties, "Tags");
    CLEANUP(json_free) json_t *tags = resource_tag_map(given);

    if (!given && !json_object_get(w->before, "Tags"))
        return 0;
    return tags ? queue_put_tags(w->tx, w->account, name, tags, w->why) : FAULT(ENOMEM);
}

static int create(struct resource_work *w)
{
    CLEANUP(json_free) json_t *values = NULL;
    char name[PHYSICAL_ID_SIZE];
    int err = resource_name(w, "QueueName", SQS_NAME_MAX, false, name);

    if (!err)
        err = queue_attributes(w, &values);
    if (err)
        return err;
    if (queue_exists(w->tx, w->account, name) == 0)
        return reason_set(w->why, SQS_E_QUEUE_EXISTS, "%.100s already exists", name);
    err = queue_create(w->tx, w->platform, w->account, name, values, w->why);
    if (!err)
        err = put_tags(w, name);
    if (err)
        return err;
    w->physical_id[0] = '\0';
    return describe(w, name);
}

static int update(struct resource_work *w)
{
    CLEANUP(json_free) json_t *values = NULL;
    int err = queue_attributes(w, &values);

    if (!err)
        err = queue_set_attributes(w->tx, w->platform, w->account, name_of(w), values, w->why);
    if (!err)
        err = put_tags(w, name_of(w));
    return err ? err : describe(w, name_of(w));
}

static int drop(struct resource_work *w)
{
    int err = queue_delete(w->tx, w->platform, w->account, name_of(w), w->why);

    return err == SQS_E_NO_QUEUE ? 0 : err;
}

const struct resource_type sqs_queue_type = {
    .name = "AWS::SQS::Queue",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "QueueName",
    .create = create,
    .update = update,
    .remove = drop,
};

/* ---- AWS::SQS::QueuePolicy */

static const struct property policy_rows[] = {
    {.name = "PolicyDocument", .type = PROPERTY_JSON, .required = true},
    {.name = "Queues", .type = PROPERTY_LIST, .required = true},
};
static const char *const policy_attributes[] = {"Id", NULL};

/* `text` "": none; a queue that is gone has none. */
static int put_policies(struct resource_work *w, const json_t *queues, const char *text)
{
    CLEANUP(json_free) json_t *values = json_pack("{s:s}", "Policy", text);
    const json_t *item;
    size_t i;
    int err = values ? 0 : FAULT(ENOMEM);

    json_array_foreach (queues, i, item) {
        const char *url = json_string_value(item);
        char account[13];
        char name[SQS_NAME_MAX + 1];

        if (err)
            return err;
        if (!url || !queue_split_url(str_of(url), account, name) || strcmp(account, w->account) != 0)
            return reason_set(w->why, SQS_E_ADDRESS, "%.300s is no URL of a queue of the stack's account",
                              url ? url : "");
        err = queue_set_attributes(w->tx, w->platform, account, name, values, w->why);
        if (err == SQS_E_NO_QUEUE && !*text)
            err = 0;
    }
    return err;
}

static int put_policy(struct resource_work *w)
{
    CLEANUP(free_ptr) char *text = json_text(json_object_get(w->properties, "PolicyDocument"));
    int err = text ? put_policies(w, json_object_get(w->before, "Queues"), "") : FAULT(ENOMEM);

    if (!err)
        err = put_policies(w, json_object_get(w->properties, "Queues"), text);
    return err ? err : json_put_str(w->attributes, "Id", w->physical_id);
}

static int create_policy(struct resource_work *w)
{
    int err = resource_name(w, "", SQS_NAME_MAX, false, w->physical_id);

    return err ? err : put_policy(w);
}

static int remove_policy(struct resource_work *w)
{
    return put_policies(w, json_object_get(w->properties, "Queues"), "");
}

const struct resource_type sqs_queue_policy_type = {
    .name = "AWS::SQS::QueuePolicy",
    .properties = PROPERTIES(policy_rows),
    .attributes = policy_attributes,
    .create = create_policy,
    .update = put_policy,
    .remove = remove_policy,
};
