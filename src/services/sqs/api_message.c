/* Operations on single messages. Source: SQS API reference, 2012-11-05.
 *
 * ReceiveMessage opens its own transactions: a waiting receiver only reads, and takes its turn as a writer
 * when there is something to take. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pool.h"
#include "services/sqs/api.h"
#include "wire/json.h"
#include <ctype.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>

#define GROUP_MAX 128

static int put_md5(json_t *out, const char *member, struct str bytes)
{
    unsigned char digest[HASH_MAX_SIZE];
    char hex[HASH_HEX_SIZE];
    hash_bytes(HASH_MD5, bytes, digest);
    hex_encode(digest, hash_size(HASH_MD5), hex);
    return json_put_str(out, member, hex);
}

static int put_attributes_md5(json_t *out, const char *member, const json_t *attributes)
{
    char hex[33];
    if (json_object_size(attributes) == 0)
        return 0;
    int rc = message_attributes_md5(attributes, hex);
    return rc != 0 ? rc : json_put_str(out, member, hex);
}

/* A group, of which a queue that is no FIFO queue makes nothing but to tell it. */
static int read_group(struct call *c, const json_t *in, json_t *system)
{
    static const char *const member = "MessageGroupId";
    const char *group = json_str(in, member, NULL);
    if (!group)
        return 0;
    size_t len = strlen(group);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)group[i]))
            len = 0;
    if (len < 1 || len > GROUP_MAX)
        return call_fail(
            c, SQS_E_PARAMETER,
            "Value %.256s for parameter %s is invalid. Reason: %s can only include alphanumeric and "
            "punctuation characters. 1 to 128 in length.",
            group, member, member);
    return json_put_str(system, member, group);
}

/* Of MessageSystemAttributes there is one. */
static int read_trace(struct call *c, const json_t *in, json_t *system)
{
    static const char *const trace = "AWSTraceHeader";
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(in, "MessageSystemAttributes"), name, value) {
        const char *text = json_str(value, "StringValue", "");
        if (strcmp(name, trace) != 0)
            return call_fail(c, SQS_E_PARAMETER, "Message system attribute name '%.256s' is invalid.", name);
        if (strcmp(json_str(value, "DataType", ""), "String") != 0 || *text == '\0')
            return call_fail(
                c, SQS_E_PARAMETER,
                "The message system attribute '%s' must contain a non-empty value of type String.", name);
        int rc = json_put_str(system, name, text);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_system(struct call *c, const json_t *in, json_t *system)
{
    static const char *const fifo = "MessageDeduplicationId";
    if (json_object_get(in, fifo))
        return call_fail(
            c, SQS_E_PARAMETER,
            "Value %s for parameter %s is invalid. Reason: The request include parameter that is "
            "not valid for this queue type.",
            json_str(in, fifo, ""), fifo);
    int rc = read_group(c, in, system);
    return rc != 0 ? rc : read_trace(c, in, system);
}

int api_send_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out)
{
    struct str body = str_of(json_str(in, "MessageBody", ""));
    if (body.len == 0)
        return call_fail(c, SQS_E_MISSING, "The request must contain the parameter MessageBody.");
    int64_t delay_s = json_int(in, "DelaySeconds", -1);
    if (json_object_get(in, "DelaySeconds") && delay_s < 0)
        return call_fail(c, SQS_E_PARAMETER,
                         "Value %" PRId64
                         " for parameter DelaySeconds is invalid. Reason: DelaySeconds must be "
                         ">= 0 and <= 900.",
                         delay_s);
    CLEANUP(json_free) json_t *system = json_object();
    int rc = system ? read_system(c, in, system) : FAULT(ENOMEM);
    if (rc != 0)
        return rc;
    struct outgoing message = {body, json_object_get(in, "MessageAttributes"), delay_s, c->caller->user_id,
                               system};
    char id[37];
    rc = message_send(c->tx, queue, &message, id, &c->reason);
    if (rc == 0)
        rc = json_put_str(out, "MessageId", id);
    if (rc == 0)
        rc = put_md5(out, "MD5OfMessageBody", body);
    if (rc == 0)
        rc = put_attributes_md5(out, "MD5OfMessageAttributes", message.attributes);
    return rc != 0 ? rc
                   : put_attributes_md5(out, "MD5OfMessageSystemAttributes",
                                        json_object_get(in, "MessageSystemAttributes"));
}

int api_send_message(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    return rc != 0 ? rc : api_send_one(c, &queue, c->in, c->out);
}

/* Whether `name` is asked for: "All", ".*", "prefix.*" or the name itself. */
static bool asked_for(const json_t *names, const char *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        struct str asked = str_of(json_string_value(json_array_get(names, i)));
        if (str_eqc(asked, "All") || str_eqc(asked, name))
            return true;
        if (str_ends(asked, STR(".*")) && str_starts(str_of(name), (struct str){asked.ptr, asked.len - 2}))
            return true;
    }
    return false;
}

static void keep_asked(json_t *attributes, const json_t *names, const json_t *more_names)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(attributes, next, name, value)
    {
        if (!asked_for(names, name) && !asked_for(more_names, name))
            json_object_del(attributes, name);
    }
}

/* A message carries only what the receiver asked for. */
static int trim(const struct call *c, json_t *messages)
{
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *message = json_array_get(messages, i);
        json_t *system = json_object_get(message, "Attributes");
        keep_asked(system, json_object_get(c->in, "AttributeNames"),
                   json_object_get(c->in, "MessageSystemAttributeNames"));
        if (json_object_size(system) == 0)
            json_object_del(message, "Attributes");
        json_t *attributes = json_object_get(message, "MessageAttributes");
        keep_asked(attributes, json_object_get(c->in, "MessageAttributeNames"), NULL);
        int rc = put_attributes_md5(message, "MD5OfMessageAttributes", attributes);
        if (rc != 0)
            return rc;
        if (json_object_size(attributes) == 0)
            json_object_del(message, "MessageAttributes");
    }
    return 0;
}

static int number_between(struct call *c, const char *member, int64_t absent, int64_t min, int64_t max,
                          int64_t *ret)
{
    *ret = json_int(c->in, member, absent);
    if (*ret >= min && *ret <= max)
        return 0;
    return call_fail(c, SQS_E_PARAMETER,
                     "Value %" PRId64 " for parameter %s is invalid. Reason: Must be between %" PRId64
                     " and %" PRId64 ", if provided.",
                     *ret, member, min, max);
}

struct receive {
    struct queue queue;
    char topic[SQS_TOPIC_SIZE];
    int64_t max;
    int64_t visibility_s;
    int64_t wait_s;
    int64_t next_ms; /* when the next message becomes visible, by the wall clock */
};

static void receive_deinit(struct receive *receive)
{
    queue_unload(&receive->queue);
}

static int read_receive(struct call *c, struct receive *r)
{
    int rc = number_between(c, "MaxNumberOfMessages", 1, 1, SQS_BATCH_MAX, &r->max);
    if (rc == 0)
        rc = number_between(c, "VisibilityTimeout", queue_number(&r->queue, "VisibilityTimeout"), 0, 43200,
                            &r->visibility_s);
    if (rc == 0)
        rc = number_between(c, "WaitTimeSeconds", queue_number(&r->queue, "ReceiveMessageWaitTimeSeconds"), 0,
                            20, &r->wait_s);
    return rc;
}

/* DB_NONE when there is nothing to receive now. What there is need not be durable yet: it is taken by a
 * transaction that is durable no sooner. */
static int look(struct call *c, struct receive *r)
{
    char name[SQS_NAME_MAX + 1] = "";
    char account[13] = "";
    (void)queue_split_url(str_of(json_str(c->in, "QueueUrl", "")), account, name);
    queue_topic(account, name, r->topic);
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_look(c->platform->db, DB_ANYTHING, &tx);
    if (rc == 0)
        rc = api_queue(c, tx, &r->queue);
    if (rc == 0)
        rc = read_receive(c, r);
    if (rc == 0)
        rc = message_ready(tx, &r->queue, clock_now_ms(), &r->next_ms);
    return rc == 0 ? 0 : call_looked(&tx, rc);
}

/* That messages were received, on its way to the disk. */
struct receipt {
    struct db_later later;
    atomic_int holders; /* who receives, and the database */
    sem_t told;
    int result;
};

static void receipt_drop(struct receipt *receipt)
{
    if (atomic_fetch_sub(&receipt->holders, 1) > 1)
        return;
    (void)sem_destroy(&receipt->told);
    free(receipt);
}

static void receipt_told(struct db_later *later, int result)
{
    struct receipt *receipt = CONTAINER_OF(later, struct receipt, later);
    receipt->result = result;
    (void)sem_post(&receipt->told);
    receipt_drop(receipt);
}

static int receipt_wait(struct receipt *receipt)
{
    pool_pauses();
    while (sem_wait(&receipt->told) != 0)
        ;
    pool_goes_on();
    return receipt->result;
}

/* If it gets lost that they were received they come again, as they may at any time. That they were sent must
 * not get lost: the receiver acts on them. Where something may have been undone since, the look cannot tell
 * whether they were among it; what has become of the receipt does. */
static int received(struct call *c, const struct queue *queue, struct tx **tx)
{
    CLEANUP(db_end) struct tx *sent = NULL;
    struct receipt *receipt = mem_alloc(sizeof(*receipt));
    uint64_t epoch = tx_epoch(*tx);
    if (!receipt)
        return FAULT(ENOMEM);
    (void)sem_init(&receipt->told, 0, 0);
    atomic_store(&receipt->holders, 2);
    receipt->later.done = receipt_told;
    tx_touches_no_more(*tx);
    int rc = db_commit_later(tx, &receipt->later);
    if (rc != 0) {
        (void)sem_destroy(&receipt->told);
        free(receipt);
        return rc;
    }
    rc = db_look(c->platform->db, queue_subject(queue), &sent);
    bool undone = rc == 0 && tx_epoch(sent) != epoch;
    if (rc == 0)
        rc = db_commit(&sent);
    if (rc == 0 && undone)
        rc = receipt_wait(receipt);
    receipt_drop(receipt);
    return rc;
}

static int take_messages(struct call *c, struct receive *r, json_t *messages)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_queue(c, tx, &queue);
    if (rc == 0)
        rc = message_receive(tx, c->platform, &queue, r->max, r->visibility_s, messages);
    if (rc == 0)
        rc = trim(c, messages);
    if (rc != 0)
        return rc;
    return json_array_size(messages) > 0 ? received(c, &queue, &tx) : db_commit(&tx);
}

/* Waits until the topic is signalled, the next hidden message becomes visible, or the receiver's time is up.
 * c->state keeps the latter (it points into the arena). */
static int wait_for_more(struct call *c, const struct receive *r)
{
    int64_t now_ms = clock_mono_ms();
    int64_t *deadline_ms = c->state;
    if (!deadline_ms) {
        deadline_ms = arena_alloc(c->arena, sizeof(*deadline_ms));
        if (!deadline_ms)
            return FAULT(ENOMEM);
        *deadline_ms = now_ms + 1000 * r->wait_s;
        c->state = deadline_ms;
    }
    if (now_ms >= *deadline_ms || http_stopping(c->http))
        return 0;
    int64_t until_ms = *deadline_ms;
    if (r->next_ms != INT64_MAX && r->next_ms - clock_now_ms() < until_ms - now_ms)
        until_ms = now_ms + r->next_ms - clock_now_ms() + 1;
    if (until_ms <= now_ms)
        until_ms = now_ms + 1;
    c->wait_deadline_mono_ms = until_ms;
    return call_wait(c, 1000 * r->wait_s, r->topic);
}

int api_receive_message(struct call *c)
{
    json_t *messages = json_array();
    if (json_put(c->out, "Messages", messages) != 0)
        return FAULT(ENOMEM);
    for (;;) {
        CLEANUP(receive_deinit) struct receive r = {0};
        int rc = look(c, &r);
        if (rc == 0) {
            rc = take_messages(c, &r, messages);
            if (rc != 0 || json_array_size(messages) > 0)
                return rc;
            continue;
        }
        if (rc != DB_NONE || r.wait_s == 0)
            return rc == DB_NONE ? 0 : rc;
        rc = wait_for_more(c, &r);
        if (rc != 0 || clock_mono_ms() >= *(int64_t *)c->state || http_stopping(c->http))
            return rc;
    }
}

int api_delete_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out)
{
    (void)out;
    int rc = api_need(c, in, "ReceiptHandle");
    return rc != 0 ? rc : message_delete(c->tx, queue, str_of(json_str(in, "ReceiptHandle", "")), &c->reason);
}

int api_delete_message(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    return rc != 0 ? rc : api_delete_one(c, &queue, c->in, c->out);
}

int api_change_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out)
{
    (void)out;
    int rc = api_need(c, in, "ReceiptHandle");
    if (rc == 0)
        rc = api_need(c, in, "VisibilityTimeout");
    return rc != 0 ? rc
                   : message_change_visibility(c->tx, queue, str_of(json_str(in, "ReceiptHandle", "")),
                                               json_int(in, "VisibilityTimeout", -1), &c->reason);
}

int api_change_message_visibility(struct call *c)
{
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc = api_queue(c, c->tx, &queue);
    return rc != 0 ? rc : api_change_one(c, &queue, c->in, c->out);
}
