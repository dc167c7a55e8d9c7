/* Messages: sent, received (hidden for a while), deleted; too often received ones go to the dead letter
 * queue.
 *
 * A message is visible when its visible_ms has come. Each receive gives a new receipt; a handle names queue,
 * message and receipt, so that one of an earlier receive is told apart. Whatever makes a message visible, now
 * or later, wakes the queue's long polls, so that they can reckon anew how long to wait. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "services/service.h"
#include "services/sqs/queue.h"
#include "wire/json.h"
#include <stdio.h>

#define HANDLE_MAX 128
#define RECEIVE_BYTES ((size_t)2 << 20) /* with more, a receive takes no further message */
#define ROUNDS_MAX 10 /* of ten messages each, moved to the dead letter queue in one transaction */

uint64_t queue_subject(const struct queue *queue)
{
    char topic[SQS_TOPIC_SIZE];
    queue_topic(queue->account, queue->name, topic);
    uint64_t subject = str_hash(str_of(topic));
    return subject == DB_ANYTHING ? 1 : subject;
}

static void wake_queue(struct tx *tx, const char *account, const char *name)
{
    char topic[SQS_TOPIC_SIZE];
    queue_topic(account, name, topic);
    tx_wake_soon(tx, "%s", topic);
}

/* SQS takes the characters of XML 1.0. `body` is UTF-8. */
static bool body_ok(struct str body)
{
    for (size_t i = 0; i < body.len; i++) {
        unsigned char c = (unsigned char)body.ptr[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
        if (c == 0xEF && i + 2 < body.len && (unsigned char)body.ptr[i + 1] == 0xBF &&
            (unsigned char)body.ptr[i + 2] >= 0xBE)
            return false;
    }
    return true;
}

static int check(const struct queue *queue, const struct outgoing *message, struct reason *why)
{
    int rc = message_attributes_check(message->attributes, why);
    if (rc != 0)
        return rc;
    size_t bytes = message->body.len + message_attributes_bytes(message->attributes);
    int64_t max = queue_number(queue, "MaximumMessageSize");
    if (bytes > (size_t)max)
        return reason_set(
            why, SQS_E_PARAMETER,
            "One or more parameters are invalid. Reason: Message must be shorter than %lld bytes.",
            (long long)max);
    if (message->delay_s > 900)
        return reason_set(
            why, SQS_E_PARAMETER,
            "Value %lld for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 "
            "and <= 900.",
            (long long)message->delay_s);
    if (!body_ok(message->body))
        return reason_set(why, SQS_E_CONTENTS,
                          "Invalid characters in the message body: only those of XML 1.0 are allowed.");
    return 0;
}

static int next_id(struct tx *tx, int64_t queue, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_exec(tx, "UPDATE sqs_queue SET last_message = last_message + 1 WHERE id = $1", "i", queue);
    if (rc == 0)
        rc = tx_query_row(tx, &rows, "SELECT last_message FROM sqs_queue WHERE id = $1", "i", queue);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    *ret = rows_int(rows, 0);
    return 0;
}

int message_send(struct tx *tx, const struct queue *queue, const struct outgoing *message, char ret_id[37],
                 struct reason *why)
{
    int rc = check(queue, message, why);
    int64_t id = 0;
    if (rc == 0)
        rc = next_id(tx, queue->id, &id);
    if (rc != 0)
        return rc;
    CLEANUP(free_ptr) char *attributes = NULL;
    CLEANUP(free_ptr) char *system = NULL;
    if (json_object_size(message->attributes) > 0 && !(attributes = json_text(message->attributes)))
        return FAULT(ENOMEM);
    if (json_object_size(message->system) > 0 && !(system = json_text(message->system)))
        return FAULT(ENOMEM);
    id_uuid(ret_id);
    int64_t delay_s = message->delay_s >= 0 ? message->delay_s : queue_number(queue, "DelaySeconds");
    int64_t now_ms = clock_now_ms();
    wake_queue(tx, queue->account, queue->name);
    tx_touches(tx, queue_subject(queue));
    return tx_exec(
        tx,
        "INSERT INTO sqs_message (queue, id, message_id, body, attributes, sender, sent_ms, visible_ms, "
        "receives, system_attributes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)",
        "iisSssiis", queue->id, id, ret_id, message->body, attributes, message->sender, now_ms,
        now_ms + 1000 * delay_s, system);
}

int message_ready(struct tx *tx, const struct queue *queue, int64_t now_ms, int64_t *ret_next_ms)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT visible_ms FROM sqs_message WHERE queue = $1 ORDER BY visible_ms LIMIT 1",
                          "i", queue->id);
    *ret_next_ms = rc == 0 ? rows_int(rows, 0) : INT64_MAX;
    return rc == 0 && *ret_next_ms > now_ms ? DB_NONE : rc;
}

/* Drops what is past its retention; ids grow with time, so that the oldest message tells whether there is
 * anything. */
static int expire(struct tx *tx, const struct queue *queue, int64_t now_ms)
{
    int64_t limit_ms = now_ms - 1000 * queue_number(queue, "MessageRetentionPeriod");
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT sent_ms FROM sqs_message WHERE queue = $1 ORDER BY id LIMIT 1",
                          "i", queue->id);
    if (rc != 0 || rows_int(rows, 0) > limit_ms)
        return rc < 0 ? rc : 0;
    rows_close(&rows);
    return tx_exec(tx, "DELETE FROM sqs_message WHERE queue = $1 AND sent_ms <= $2", "ii", queue->id,
                   limit_ms);
}

struct candidate {
    int64_t id;
    int64_t receives;
};

static int visible(struct tx *tx, const struct queue *queue, int64_t now_ms, int64_t max,
                   struct candidate ret[SQS_BATCH_MAX], size_t *ret_count)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query(tx, &rows,
                      "SELECT id, receives FROM sqs_message WHERE queue = $1 AND visible_ms <= $2 "
                      "ORDER BY visible_ms, id LIMIT $3",
                      "iii", queue->id, now_ms, max);
    *ret_count = 0;
    while (rc == 0 && (rc = rows_next(rows)) == 0 && *ret_count < SQS_BATCH_MAX)
        ret[(*ret_count)++] = (struct candidate){rows_int(rows, 0), rows_int(rows, 1)};
    return rc < 0 ? rc : 0;
}

static int to_dead_letters(struct tx *tx, const struct platform *platform, const struct queue *queue,
                           const char *target, int64_t id)
{
    CLEANUP(queue_unload) struct queue dead = {0};
    int64_t dead_id = 0;
    int rc = queue_load(tx, queue->account, target, &dead);
    if (rc == 0)
        rc = next_id(tx, dead.id, &dead_id);
    if (rc != 0)
        return rc;
    CLEANUP(buf_free) struct buf arn = BUF_INIT(512);
    queue_arn(platform, queue->account, queue->name, &arn);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    wake_queue(tx, dead.account, dead.name);
    tx_touches(tx, queue_subject(&dead));
    return tx_exec(tx,
                   "UPDATE sqs_message SET queue = $1, id = $2, source = $3, receives = 0, receipt = NULL, "
                   "first_receive_ms = NULL, visible_ms = $4 WHERE queue = $5 AND id = $6",
                   "iiSiii", dead.id, dead_id, buf_str(&arn), clock_now_ms(), queue->id, id);
}

static int put_system(json_t *message, struct rows *rows)
{
    json_t *system = json_object();
    int rc = system ? 0 : FAULT(ENOMEM);
    if (rc == 0)
        rc = json_put_strn(system, "SenderId", rows_str(rows, 3));
    if (rc == 0)
        rc = json_put_format(system, "SentTimestamp", "%lld", (long long)rows_int(rows, 4));
    if (rc == 0)
        rc = json_put_format(system, "ApproximateReceiveCount", "%lld", (long long)rows_int(rows, 5));
    if (rc == 0)
        rc =
            json_put_format(system, "ApproximateFirstReceiveTimestamp", "%lld", (long long)rows_int(rows, 6));
    if (rc == 0 && !rows_null(rows, 7))
        rc = json_put_strn(system, "DeadLetterQueueSourceArn", rows_str(rows, 7));
    CLEANUP(json_free) json_t *sent = NULL;
    if (rc == 0 && !rows_null(rows, 8) && json_parse(rows_str(rows, 8), &sent, NULL) != 0)
        rc = FAULT(EBADMSG);
    if (rc == 0 && sent && json_object_update(system, sent) != 0)
        rc = FAULT(ENOMEM);
    int put = json_put(message, "Attributes", system);
    return rc != 0 ? rc : put;
}

static int put_content(json_t *message, struct rows *rows)
{
    struct str body = rows_str(rows, 1);
    unsigned char digest[HASH_MAX_SIZE];
    char hex[HASH_HEX_SIZE];
    hash_bytes(HASH_MD5, body, digest);
    hex_encode(digest, hash_size(HASH_MD5), hex);
    int rc = json_put_strn(message, "MessageId", rows_str(rows, 0));
    if (rc == 0)
        rc = json_put_strn(message, "Body", body);
    if (rc == 0)
        rc = json_put_str(message, "MD5OfBody", hex);
    if (rc != 0 || rows_null(rows, 2))
        return rc;
    json_t *attributes = NULL;
    if (json_parse(rows_str(rows, 2), &attributes, NULL) != 0)
        return FAULT(EBADMSG);
    return json_put(message, "MessageAttributes", attributes);
}

/* Hides one message, gives it a new receipt and appends it to `out`. */
static int hand_out(struct tx *tx, const struct queue *queue, int64_t id, int64_t now_ms,
                    int64_t visibility_s, json_t *out)
{
    char receipt[SQS_RECEIPT_SIZE];
    char handle[HANDLE_MAX];
    char encoded[2 * HANDLE_MAX];
    id_hex(receipt, sizeof(receipt) - 1);
    int len = snprintf(handle, sizeof(handle), "%lld:%lld:%s", (long long)queue->id, (long long)id, receipt);
    base64_encode(handle, (size_t)len, encoded);
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query_row(tx, &rows,
                     "UPDATE sqs_message SET receipt = $1, receives = receives + 1, visible_ms = $2, "
                     "first_receive_ms = COALESCE(first_receive_ms, $3) WHERE queue = $4 AND id = $5 "
                     "RETURNING message_id, body, attributes, sender, sent_ms, receives, first_receive_ms, "
                     "source, system_attributes",
                     "siiii", receipt, now_ms + 1000 * visibility_s, now_ms, queue->id, id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    json_t *message = json_object();
    if (!message)
        return FAULT(ENOMEM);
    rc = json_put_str(message, "ReceiptHandle", encoded);
    if (rc == 0)
        rc = put_content(message, rows);
    if (rc == 0)
        rc = put_system(message, rows);
    return json_array_append_new(out, message) != 0 && rc == 0 ? FAULT(ENOMEM) : rc;
}

static bool is_full(const json_t *messages)
{
    size_t bytes = 0;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        bytes += json_string_length(json_object_get(message, "Body"));
        bytes += message_attributes_bytes(json_object_get(message, "MessageAttributes"));
    }
    return bytes >= RECEIVE_BYTES;
}

static int receive_round(struct tx *tx, const struct platform *platform, const struct queue *queue,
                         int64_t max, int64_t visibility_s, json_t *out, bool *ret_moved)
{
    char dead[SQS_NAME_MAX + 1];
    int64_t max_receives = INT64_MAX;
    bool redrive = queue_redrive(queue, dead, &max_receives) && queue_exists(tx, queue->account, dead) == 0;
    struct candidate found[SQS_BATCH_MAX];
    size_t count = 0;
    int64_t now_ms = clock_now_ms();
    int rc = visible(tx, queue, now_ms, max, found, &count);
    *ret_moved = false;
    for (size_t i = 0; rc == 0 && i < count && !is_full(out); i++) {
        if (redrive && found[i].receives >= max_receives) {
            *ret_moved = true;
            rc = to_dead_letters(tx, platform, queue, dead, found[i].id);
        } else {
            rc = hand_out(tx, queue, found[i].id, now_ms, visibility_s, out);
        }
    }
    return rc;
}

int message_receive(struct tx *tx, const struct platform *platform, const struct queue *queue, int64_t max,
                    int64_t visibility_s, json_t *out)
{
    bool again = true;
    int rc = expire(tx, queue, clock_now_ms());
    for (int round = 0; rc == 0 && again && round < ROUNDS_MAX && (int64_t)json_array_size(out) < max;
         round++)
        rc = receive_round(tx, platform, queue, max - (int64_t)json_array_size(out), visibility_s, out,
                           &again);
    return rc;
}

/* Splits a handle; false when it is none, or of another queue. */
static bool read_handle(const struct queue *queue, struct str handle, int64_t *ret_id,
                        char ret_receipt[SQS_RECEIPT_SIZE])
{
    char text[2 * HANDLE_MAX];
    size_t len = 0;
    int64_t queue_id = 0;
    if (handle.len == 0 || handle.len > 2 * HANDLE_MAX || !base64_decode(handle, text, &len))
        return false;
    struct str rest = {text, len};
    struct str queue_text = str_split(&rest, ':');
    struct str id_text = str_split(&rest, ':');
    if (!str_to_int(queue_text, 1, INT64_MAX, &queue_id) || queue_id != queue->id ||
        !str_to_int(id_text, 1, INT64_MAX, ret_id) || rest.len != SQS_RECEIPT_SIZE - 1)
        return false;
    memcpy(ret_receipt, rest.ptr, rest.len);
    ret_receipt[rest.len] = '\0';
    return true;
}

static int bad_handle(struct reason *why, struct str handle)
{
    return reason_set(why, SQS_E_HANDLE,
                      "The input receipt handle \"" STR_FMT "\" is not a valid receipt handle.",
                      STR_ARG(handle));
}

int message_delete(struct tx *tx, const struct queue *queue, struct str handle, struct reason *why)
{
    int64_t id = 0;
    char receipt[SQS_RECEIPT_SIZE];
    if (!read_handle(queue, handle, &id, receipt))
        return bad_handle(why, handle);
    return tx_exec(tx, "DELETE FROM sqs_message WHERE queue = $1 AND id = $2 AND receipt = $3", "iis",
                   queue->id, id, receipt);
}

int message_change_visibility(struct tx *tx, const struct queue *queue, struct str handle,
                              int64_t visibility_s, struct reason *why)
{
    int64_t id = 0;
    char receipt[SQS_RECEIPT_SIZE];
    if (!read_handle(queue, handle, &id, receipt))
        return bad_handle(why, handle);
    if (visibility_s < 0 || visibility_s > 43200)
        return reason_set(
            why, SQS_E_PARAMETER,
            "Value %lld for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must "
            "be an integer between 0 and 43200.",
            (long long)visibility_s);
    int64_t now_ms = clock_now_ms();
    int rc =
        tx_exec(tx,
                "UPDATE sqs_message SET visible_ms = $1 WHERE queue = $2 AND id = $3 AND receipt = $4 AND "
                "visible_ms > $5",
                "iiisi", now_ms + 1000 * visibility_s, queue->id, id, receipt, now_ms);
    if (rc == 0 && tx_changes(tx) == 0)
        return reason_set(
            why, SQS_E_NOT_IN_FLIGHT,
            "The message referred to by this receipt handle is not in flight: its visibility timeout "
            "has passed, it was received again, or it was deleted.");
    wake_queue(tx, queue->account, queue->name);
    return rc;
}

int message_purge(struct tx *tx, const struct queue *queue)
{
    return tx_exec(tx, "DELETE FROM sqs_message WHERE queue = $1", "i", queue->id);
}
