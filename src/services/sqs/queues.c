/* Queues: creation, look-up, deletion. A queue is found by its owner's account and its name.
 *
 * Ids are the rows' own and never leave the service, except inside receipt handles. */
#include "base/clock.h"
#include "services/service.h"
#include "services/sqs/queue.h"
#include "wire/json.h"
#include <ctype.h>
#include <stdio.h>

#define PURGE_EVERY_MS 60000

void queue_unload(struct queue *queue)
{
    json_free(&queue->attributes);
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return false;
    return len >= 1 && len <= SQS_NAME_MAX;
}

static void copy_text(char *to, size_t size, struct str from)
{
    size_t len = from.len < size ? from.len : size - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

int queue_load(struct tx *tx, const char *account, const char *name, struct queue *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT id, attributes, created_ms, modified_ms FROM sqs_queue "
                          "WHERE account = $1 AND name = $2",
                          "ss", account, name);
    if (rc == DB_NONE)
        return SQS_E_NO_QUEUE;
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    json_t *attributes = NULL;
    if (json_parse(rows_str(rows, 1), &attributes, NULL) != 0)
        return FAULT(EBADMSG);
    ret->attributes = attributes;
    ret->id = rows_int(rows, 0);
    ret->created_ms = rows_int(rows, 2);
    ret->modified_ms = rows_int(rows, 3);
    copy_text(ret->account, sizeof(ret->account), str_of(account));
    copy_text(ret->name, sizeof(ret->name), str_of(name));
    return 0;
}

int queue_exists(struct tx *tx, const char *account, const char *name)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    return queue_load(tx, account, name, &queue);
}

/* True when every attribute asked for has the queue's value: CreateQueue is then idempotent. */
static bool same_attributes(const struct queue *queue, const json_t *asked)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)asked, name, value)
        if (!queue_has_value(queue, name, json_string_value(value)))
            return false;
    return true;
}

static int insert_queue(struct tx *tx, const char *account, const char *name, const json_t *attributes)
{
    CLEANUP(json_free) json_t *none = attributes ? NULL : json_object();
    CLEANUP(free_ptr) char *text = json_text(attributes ? attributes : none);
    if (!text)
        return FAULT(ENOMEM);
    int64_t now_ms = clock_now_ms();
    return tx_exec(
        tx,
        "INSERT INTO sqs_queue (id, account, name, attributes, created_ms, modified_ms, last_message) "
        "SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $4, 0 FROM sqs_queue",
        "sssi", account, name, text, now_ms);
}

int queue_create(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 const json_t *attributes, struct reason *why)
{
    (void)platform;
    if (str_ends(str_of(name), STR(".fifo")))
        return reason_set(why, SQS_E_UNSUPPORTED,
                          "FIFO queues are not supported by Slipway. Choose a name without '.fifo'.");
    if (!name_ok(name))
        return reason_set(
            why, SQS_E_PARAMETER,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    int rc = attributes_check(tx, account, name, attributes, why);
    if (rc != 0)
        return rc;
    CLEANUP(queue_unload) struct queue queue = {0};
    rc = queue_load(tx, account, name, &queue);
    if (rc < 0)
        return rc;
    if (rc == SQS_E_NO_QUEUE)
        return insert_queue(tx, account, name, attributes);
    if (same_attributes(&queue, attributes))
        return 0;
    return reason_set(why, SQS_E_QUEUE_EXISTS,
                      "A queue already exists with the same name and a different value for attribute(s)");
}

int queue_set_attributes(struct tx *tx, const struct platform *platform, const char *account,
                         const char *name, const json_t *attributes, struct reason *why)
{
    (void)platform;
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = queue_load(tx, account, name, &queue);
    if (rc == SQS_E_NO_QUEUE)
        return reason_set(why, rc, "The specified queue does not exist: %s.", name);
    if (rc == 0)
        rc = attributes_check(tx, account, name, attributes, why);
    if (rc != 0)
        return rc;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)attributes, key, value) {
        const char *text = json_string_value(value);
        if (text && *text == '\0')
            json_object_del(queue.attributes, key);
        else if (json_put_strn(queue.attributes, key, str_of(text)) != 0)
            return FAULT(ENOMEM);
    }
    CLEANUP(free_ptr) char *text = json_text(queue.attributes);
    if (!text)
        return FAULT(ENOMEM);
    char topic[SQS_TOPIC_SIZE];
    queue_topic(account, name, topic);
    tx_wake(tx, "%s", topic);
    return tx_exec(tx, "UPDATE sqs_queue SET attributes = $1, modified_ms = $2 WHERE id = $3", "sii", text,
                   clock_now_ms(), queue.id);
}

int queue_delete(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 struct reason *why)
{
    (void)platform;
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = queue_load(tx, account, name, &queue);
    if (rc == SQS_E_NO_QUEUE)
        return reason_set(why, rc, "The specified queue does not exist: %s.", name);
    if (rc == 0)
        rc = message_purge(tx, &queue);
    if (rc == 0)
        rc = tx_exec(tx, "DELETE FROM sqs_queue WHERE id = $1", "i", queue.id);
    char topic[SQS_TOPIC_SIZE];
    queue_topic(account, name, topic);
    tx_wake(tx, "%s", topic);
    return rc;
}

int queue_purge(struct tx *tx, const struct queue *queue, struct reason *why)
{
    int64_t now_ms = clock_now_ms();
    int rc = tx_exec(tx, "UPDATE sqs_queue SET purged_ms = $1 WHERE id = $2 AND COALESCE(purged_ms, 0) <= $3",
                     "iii", now_ms, queue->id, now_ms - PURGE_EVERY_MS);
    if (rc == 0 && tx_changes(tx) == 0)
        return reason_set(why, SQS_E_PURGING,
                          "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue->name);
    return rc != 0 ? rc : message_purge(tx, queue);
}

void queue_topic(const char *account, const char *name, char ret[SQS_TOPIC_SIZE])
{
    snprintf(ret, SQS_TOPIC_SIZE, "sqs:%s/%s", account, name);
}

void queue_arn(const struct platform *platform, const char *account, const char *name, struct buf *out)
{
    buf_printf(out, "arn:aws:sqs:%s:%s:%s", platform->region, account, name);
}

void queue_url(const struct platform *platform, const char *account, const char *name, struct buf *out)
{
    buf_printf(out, "%s/%s/%s", platform->endpoint, account, name);
}

static bool take_parts(struct str account, struct str name, char *ret_account, char *ret_name)
{
    if (account.len != 12 || name.len == 0 || name.len > SQS_NAME_MAX)
        return false;
    copy_text(ret_account, 13, account);
    copy_text(ret_name, SQS_NAME_MAX + 1, name);
    return strlen(ret_name) == name.len;
}

bool queue_split_arn(struct str arn, char ret_account[13], char ret_name[SQS_NAME_MAX + 1])
{
    struct str prefix = STR("arn:aws:sqs:");
    if (!str_starts(arn, prefix))
        return false;
    struct str rest = {arn.ptr + prefix.len, arn.len - prefix.len};
    (void)str_split(&rest, ':');
    struct str account = str_split(&rest, ':');
    return take_parts(account, rest, ret_account, ret_name);
}

bool queue_split_url(struct str url, char ret_account[13], char ret_name[SQS_NAME_MAX + 1])
{
    struct str rest = url;
    if (str_starts(url, STR("http://")) || str_starts(url, STR("https://"))) {
        (void)str_split(&rest, '/');
        (void)str_split(&rest, '/');
    }
    (void)str_split(&rest, '/'); /* the host, or nothing before a leading slash */
    struct str account = str_split(&rest, '/');
    return take_parts(account, rest, ret_account, ret_name);
}
