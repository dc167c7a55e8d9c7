/* Operations on topics. Source: SNS API reference, 2010-03-31. */
#include "services/sns/api.h"
#include "wire/json.h"
#include <stdio.h>

/* Another account's topic is nobody else's to touch: policies are not evaluated. */
static int own(struct call *c, const char *arn, char ret_account[13], char ret_name[SNS_NAME_MAX + 1])
{
    if (!topic_split_arn(str_of(arn), ret_account, ret_name))
        return call_fail(c, SNS_E_PARAMETER, "Invalid parameter: TopicArn Reason: '%.300s' is no topic's ARN",
                         arn);
    if (strcmp(ret_account, c->caller->account) != 0)
        return call_fail(c, SNS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %.300s",
                         c->caller->arn, c->operation->iam_action, arn);
    return 0;
}

int api_sns_topic(struct call *c, const char *member, struct topic *ret)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    int rc = own(c, json_str(c->in, member, ""), account, name);
    return rc != 0 ? rc : topic_load(c->tx, account, name, ret, &c->reason);
}

int sns_create_topic(struct call *c)
{
    char arn[SNS_ARN_SIZE];
    const char *name = json_str(c->in, "Name", "");
    if (json_object_get(c->in, "DataProtectionPolicy"))
        return call_fail(c, SNS_E_PARAMETER,
                         "Invalid parameter: DataProtectionPolicy is not supported by Slipway");
    int rc = topic_create(c->tx, c->platform, c->caller->account, name, json_object_get(c->in, "Attributes"),
                          json_object_get(c->in, "Tags"), &c->reason);
    if (rc != 0)
        return rc;
    topic_arn(c->platform, c->caller->account, name, arn);
    return json_put_str(c->out, "TopicArn", arn);
}

int sns_delete_topic(struct call *c)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    int rc = own(c, json_str(c->in, "TopicArn", ""), account, name);
    return rc != 0 ? rc : topic_delete(c->tx, account, name);
}

int sns_list_topics(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    char last[SNS_NAME_MAX + 1] = "";
    json_t *list = json_array();
    int rc = json_put(c->out, "Topics", list);
    if (rc == 0)
        rc = tx_query(c->tx, &rows,
                      "SELECT name FROM sns_topic WHERE account = $1 AND name > $2 ORDER BY name LIMIT $3",
                      "ssi", c->caller->account, json_str(c->in, "NextToken", ""), (int64_t)SNS_PAGE + 1);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        char arn[SNS_ARN_SIZE];
        if (json_array_size(list) == SNS_PAGE)
            return json_put_str(c->out, "NextToken", last);
        (void)snprintf(last, sizeof(last), "%s", rows_text(rows, 0));
        topic_arn(c->platform, c->caller->account, last, arn);
        if (json_array_append_new(list, json_pack("{s:s}", "TopicArn", arn)))
            return FAULT(ENOMEM);
    }
    return rc == DB_NONE ? 0 : rc;
}

int sns_get_topic_attributes(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    json_t *out = json_object();
    int rc = json_put(c->out, "Attributes", out);
    if (rc == 0)
        rc = api_sns_topic(c, "TopicArn", &topic);
    return rc != 0 ? rc : topic_attributes_show(c->tx, c->platform, &topic, out);
}

int sns_set_topic_attributes(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = api_sns_topic(c, "TopicArn", &topic);
    return rc != 0 ? rc
                   : topic_set_attribute(c->tx, c->platform, topic.account, topic.name,
                                         json_str(c->in, "AttributeName", ""),
                                         json_str(c->in, "AttributeValue", ""), &c->reason);
}

/* ---- tags */

static int tagged(struct call *c, struct topic *ret)
{
    int rc = api_sns_topic(c, "ResourceArn", ret);
    return rc == SNS_E_NOT_FOUND ? call_fail(c, SNS_E_RESOURCE_NOT_FOUND, "Resource does not exist") : rc;
}

int sns_tag_resource(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    CLEANUP(json_free) json_t *merged = NULL;
    int rc = tagged(c, &topic);
    if (rc == 0)
        rc = tags_merge(topic.tags, json_object_get(c->in, "Tags"), &merged, &c->reason);
    return rc != 0 ? rc : topic_put_tags(c->tx, topic.account, topic.name, merged, &c->reason);
}

static bool listed(const json_t *keys, const char *key)
{
    for (size_t i = 0; i < json_array_size(keys); i++)
        if (strcmp(json_string_value(json_array_get(keys, i)), key) == 0)
            return true;
    return false;
}

int sns_untag_resource(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = tagged(c, &topic);
    for (size_t i = json_array_size(topic.tags); rc == 0 && i-- > 0;)
        if (listed(json_object_get(c->in, "TagKeys"), json_str(json_array_get(topic.tags, i), "Key", "")))
            (void)json_array_remove(topic.tags, i);
    return rc != 0 ? rc : topic_put_tags(c->tx, topic.account, topic.name, topic.tags, &c->reason);
}

int sns_list_tags(struct call *c)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = tagged(c, &topic);
    return rc != 0 ? rc : json_put(c->out, "Tags", json_incref(topic.tags));
}
