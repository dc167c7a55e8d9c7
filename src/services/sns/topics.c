/* Topics: creation, look-up, tags, deletion. A topic is found by its owner's account and its name. */
#include "base/clock.h"
#include "services/service.h"
#include "services/sns/delivery.h"
#include "services/sns/topic.h"
#include "wire/json.h"
#include <ctype.h>
#include <stdio.h>

void topic_unload(struct topic *topic)
{
    json_free(&topic->attributes);
    json_free(&topic->tags);
}

void topic_arn(const struct platform *platform, const char *account, const char *name, char ret[SNS_ARN_SIZE])
{
    (void)snprintf(ret, SNS_ARN_SIZE, "arn:aws:sns:%s:%s:%s", platform->region, account, name);
}

static bool name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '-' && name.ptr[i] != '_')
            return false;
    return name.len >= 1 && name.len <= SNS_NAME_MAX;
}

bool topic_split_arn(struct str arn, char ret_account[13], char ret_name[SNS_NAME_MAX + 1])
{
    struct str prefix = STR("arn:aws:sns:");
    if (!str_starts(arn, prefix))
        return false;
    struct str rest = {arn.ptr + prefix.len, arn.len - prefix.len};
    (void)str_split(&rest, ':');
    struct str account = str_split(&rest, ':');
    if (account.len != 12 || !rest.ptr || !name_ok(rest))
        return false;
    (void)snprintf(ret_account, 13, STR_FMT, STR_ARG(account));
    (void)snprintf(ret_name, SNS_NAME_MAX + 1, STR_FMT, STR_ARG(rest));
    return true;
}

int topic_load(struct tx *tx, const char *account, const char *name, struct topic *ret, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT attributes, tags, deleted FROM sns_topic WHERE account = $1 AND name = $2",
                          "ss", account, name);
    if (rc == DB_NONE)
        return reason_set(why, SNS_E_NOT_FOUND, "Topic does not exist");
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    if (json_parse(rows_str(rows, 0), &ret->attributes, NULL) != 0 ||
        json_parse(rows_str(rows, 1), &ret->tags, NULL) != 0)
        return FAULT(EBADMSG);
    ret->deleted = rows_int(rows, 2);
    (void)snprintf(ret->account, sizeof(ret->account), "%s", account);
    (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
    return 0;
}

int topic_find(struct tx *tx, const char *arn, struct topic *ret, struct reason *why)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    if (!topic_split_arn(str_of(arn), account, name))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: TopicArn Reason: %.300s is no topic's ARN", arn);
    return topic_load(tx, account, name, ret, why);
}

int topic_exists(struct tx *tx, const char *account, const char *name)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    return topic_load(tx, account, name, &topic, NULL);
}

static int save(struct tx *tx, const struct topic *topic)
{
    CLEANUP(free_ptr) char *attributes = json_text(topic->attributes);
    CLEANUP(free_ptr) char *tags = json_text(topic->tags);
    if (!attributes || !tags)
        return FAULT(ENOMEM);
    return tx_exec(tx, "UPDATE sns_topic SET attributes = $3, tags = $4 WHERE account = $1 AND name = $2",
                   "ssss", topic->account, topic->name, attributes, tags);
}

/* ---- tags */

static int check_tag(const char *key, const char *value, struct reason *why)
{
    size_t key_len = strlen(key);
    if (key_len < 1 || key_len > 128 || strlen(value) > 256)
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Tags Reason: a key has 1 to 128 characters, a value up to 256");
    if (str_starts(str_of(key), STR("aws:")))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Tags Reason: keys that start with aws: are reserved");
    return 0;
}

/* The place of that key in a list of {Key, Value}; its size: none. */
static size_t tag_place(const json_t *tags, const char *key)
{
    size_t i = 0;
    while (i < json_array_size(tags) && strcmp(json_str(json_array_get(tags, i), "Key", ""), key) != 0)
        i++;
    return i;
}

int tags_merge(const json_t *old, const json_t *tags, json_t **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *merged = old ? json_copy((json_t *)old) : json_array();
    const json_t *tag;
    size_t i;
    json_array_foreach (tags, i, tag) {
        const char *key = json_str(tag, "Key", ""), *value = json_str(tag, "Value", "");
        size_t place = tag_place(merged, key);
        json_t *copy = json_pack("{s:s, s:s}", "Key", key, "Value", value);
        int rc = check_tag(key, value, why);
        if (rc != 0) {
            json_free(&copy);
            return rc;
        }
        if (place < json_array_size(merged) ? json_array_set_new(merged, place, copy)
                                            : json_array_append_new(merged, copy))
            return FAULT(ENOMEM);
    }
    if (json_array_size(merged) > SNS_TAGS_MAX)
        return reason_set(why, SNS_E_TAG_LIMIT,
                          "Could not complete request: tag quota of per resource exceeded");
    *ret = take(merged);
    return *ret ? 0 : FAULT(ENOMEM);
}

int topic_put_tags(struct tx *tx, const char *account, const char *name, const json_t *tags,
                   struct reason *why)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    json_t *merged = NULL;
    int rc = topic_load(tx, account, name, &topic, why);
    if (rc == 0)
        rc = tags_merge(NULL, tags, &merged, why);
    if (rc != 0)
        return rc;
    json_free(&topic.tags);
    topic.tags = merged;
    return save(tx, &topic);
}

/* ---- creation */

static int attributes_check(const json_t *attributes, struct reason *why)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)attributes, name, value) {
        int rc = topic_attribute_check(name, json_string_value(value), why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static bool same_attributes(const struct topic *topic, const json_t *asked)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)asked, name, value)
        if (strcmp(json_str(topic->attributes, name, ""), json_string_value(value)) != 0)
            return false;
    return true;
}

static bool same_tags(const struct topic *topic, const json_t *asked)
{
    const json_t *tag;
    size_t i;
    json_array_foreach (asked, i, tag) {
        size_t place = tag_place(topic->tags, json_str(tag, "Key", ""));
        if (place == json_array_size(topic->tags) || !json_equal(json_array_get(topic->tags, place), tag))
            return false;
    }
    return true;
}

static int insert(struct tx *tx, const char *account, const char *name, const json_t *attributes,
                  const json_t *tags)
{
    CLEANUP(json_free) json_t *none = json_object();
    CLEANUP(free_ptr) char *attributes_text = json_text(attributes ? attributes : none);
    CLEANUP(free_ptr) char *tags_text = json_text(tags);
    if (!attributes_text || !tags_text)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "INSERT INTO sns_topic (account, name, attributes, tags, created_ms, deleted)"
                   " VALUES ($1, $2, $3, $4, $5, 0)",
                   "ssssi", account, name, attributes_text, tags_text, clock_now_ms());
}

int topic_create(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 const json_t *attributes, const json_t *tags, struct reason *why)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    CLEANUP(json_free) json_t *merged = NULL;
    (void)platform;
    if (str_ends(str_of(name), STR(".fifo")))
        return reason_set(
            why, SNS_E_PARAMETER,
            "Invalid parameter: FIFO topics are not supported by Slipway: choose a name without "
            "'.fifo'");
    if (!name_ok(str_of(name)))
        return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Topic Name");
    int rc = attributes_check(attributes, why);
    if (rc == 0)
        rc = tags_merge(NULL, tags, &merged, why);
    if (rc == 0)
        rc = topic_load(tx, account, name, &topic, NULL);
    if (rc == SNS_E_NOT_FOUND)
        return insert(tx, account, name, attributes, merged);
    if (rc != 0)
        return rc;
    if (!same_attributes(&topic, attributes))
        return reason_set(
            why, SNS_E_PARAMETER,
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes");
    if (!same_tags(&topic, tags))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Tags Reason: Topic already exists with different tags");
    return 0;
}

int topic_set_attribute(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                        const char *attribute, const char *value, struct reason *why)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    (void)platform;
    int rc = topic_load(tx, account, name, &topic, why);
    if (rc == 0)
        rc = topic_attribute_check(attribute, value, why);
    if (rc != 0)
        return rc;
    if (!value || *value == '\0')
        json_object_del(topic.attributes, attribute);
    else if (json_put_str(topic.attributes, attribute, value) != 0)
        return FAULT(ENOMEM);
    return save(tx, &topic);
}

int topic_delete(struct tx *tx, const char *account, const char *name)
{
    int rc = delivery_forget_topic(tx, account, name);
    if (rc == 0)
        rc = tx_exec(tx, "DELETE FROM sns_subscription WHERE account = $1 AND topic = $2", "ss", account,
                     name);
    return rc != 0
               ? rc
               : tx_exec(tx, "DELETE FROM sns_topic WHERE account = $1 AND name = $2", "ss", account, name);
}
