/* See delivery.h. A lease's nonce is new each time: a late result of an earlier one changes nothing. */
#include "services/sns/delivery.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "services/service.h"
#include "services/sns/delivery_policy.h"
#include "services/sqs/sqs.h"
#include "wire/json.h"
#include <stdio.h>

#define NONCE_SIZE 17
#define LOST_MAX 150 /* tries, most of them leases that were lost: more than any policy asks for */
#define PRUNE_MAX 50
#define ERROR_SIZE 2048

enum state { STATE_PENDING, STATE_LEASED, STATE_DELIVERED, STATE_DEAD };

static const char *const state_names[] = {"pending", "leased", "delivered", "dead"};

static const bool state_may[4][4] = {
    [STATE_PENDING] = {[STATE_LEASED] = true, [STATE_DEAD] = true},
    [STATE_LEASED] =
        {[STATE_PENDING] = true, [STATE_LEASED] = true, [STATE_DELIVERED] = true, [STATE_DEAD] = true},
    [STATE_DEAD] = {[STATE_PENDING] = true},
};

struct delivery {
    int64_t id;
    char account[13];
    char topic[SNS_NAME_MAX + 1];
    char subscription[SNS_ID_SIZE];
    char protocol[16];
    char type[32];
    char nonce[NONCE_SIZE];
    enum state state;
    int64_t attempts;
    char *body;
};

static void delivery_unload(struct delivery *delivery)
{
    free(take(delivery->body));
}

static void delivery_move(struct delivery *delivery, enum state to)
{
    assert(state_may[delivery->state][to]);
    delivery->state = to;
}

static enum state state_of(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(state_names) && strcmp(state_names[i], name) != 0)
        i++;
    assert(i < ARRAY_LEN(state_names));
    return (enum state)i;
}

static void copy_column(struct rows *rows, int column, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s", rows_null(rows, column) ? "" : rows_text(rows, column));
}

static int load(struct tx *tx, int64_t id, struct delivery *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT account, topic, subscription, protocol, type, nonce, state, attempts, body"
                          " FROM sns_delivery WHERE id = $1",
                          "i", id);
    if (rc != 0)
        return rc;
    ret->id = id;
    copy_column(rows, 0, ret->account, sizeof(ret->account));
    copy_column(rows, 1, ret->topic, sizeof(ret->topic));
    copy_column(rows, 2, ret->subscription, sizeof(ret->subscription));
    copy_column(rows, 3, ret->protocol, sizeof(ret->protocol));
    copy_column(rows, 4, ret->type, sizeof(ret->type));
    copy_column(rows, 5, ret->nonce, sizeof(ret->nonce));
    ret->state = state_of(rows_text(rows, 6));
    ret->attempts = rows_int(rows, 7);
    ret->body = str_dup(rows_str(rows, 8));
    return ret->body ? 0 : FAULT(ENOMEM);
}

/* What became of a try; `due_ms` -1: it has ended. A delivered one's body is not kept. */
static int save(struct tx *tx, const struct delivery *d, int64_t due_ms, int64_t status, const char *says)
{
    if (due_ms >= 0)
        tx_wake(tx, DELIVERY_TOPIC);
    int rc = tx_exec(tx,
                     "UPDATE sns_delivery SET state = $2, attempts = $3, nonce = NULL, worker = NULL,"
                     " updated_ms = $4, last_status = $5, last_error = $6, body = $7 WHERE id = $1",
                     "isiiiss", d->id, state_names[d->state], d->attempts, clock_now_ms(), status, says,
                     d->state == STATE_DELIVERED ? "" : d->body);
    if (rc != 0)
        return rc;
    return due_ms >= 0 ? tx_exec(tx, "UPDATE sns_delivery SET due_ms = $2 WHERE id = $1", "ii", d->id, due_ms)
                       : tx_exec(tx, "UPDATE sns_delivery SET due_ms = NULL WHERE id = $1", "i", d->id);
}

/* ---- dead letters */

static int find_subscription(struct tx *tx, const struct delivery *d, struct subscription *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE id = $1",
                          "s", d->subscription);
    return rc != 0 ? rc : subscription_read(rows, ret);
}

/* To a queue it is the topic that sends: `arn` keeps what the sender borrows. */
static struct sender sender_of(const struct platform *platform, const struct subscription *s,
                               char arn[SNS_ARN_SIZE])
{
    topic_arn(platform, s->account, s->topic, arn);
    return (struct sender){.service = "sns.amazonaws.com", .arn = arn, .account = s->account};
}

/* The queue that the subscription's RedrivePolicy names gets the message; *says tells when it cannot. */
static int redrive(struct tx *tx, const struct platform *platform, const struct delivery *d,
                   char says[ERROR_SIZE])
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    CLEANUP(json_free) json_t *policy = NULL;
    struct reason why = {{0}};
    int rc = find_subscription(tx, d, &s);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    policy = attribute_json(s.attributes, "RedrivePolicy");
    const char *queue = json_str(policy, "deadLetterTargetArn", NULL);
    if (!queue || strcmp(d->type, "Notification") != 0)
        return 0;
    char arn[SNS_ARN_SIZE];
    const struct sender sender = sender_of(platform, &s, arn);
    rc = queue_send(tx, platform, &sender, queue, str_of(d->body), NULL, &why);
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE sns_delivery SET dead_queue = $2 WHERE id = $1", "is", d->id, queue);
    if (rc > 0) {
        size_t used = strlen(says);
        (void)snprintf(says + used, ERROR_SIZE - used, " Its dead-letter queue did not take it: %.300s",
                       why.text);
    }
    return rc < 0 ? rc : 0;
}

static int bury(struct tx *tx, const struct platform *platform, struct delivery *d, int64_t status,
                const char *reason)
{
    char says[ERROR_SIZE];
    (void)snprintf(says, sizeof(says), "%s", reason);
    delivery_move(d, STATE_DEAD);
    int rc = redrive(tx, platform, d, says);
    return rc != 0 ? rc : save(tx, d, -1, status, says);
}

/* ---- begun */

static int insert(struct tx *tx, const struct delivery_new *delivery, enum state state, const char *error,
                  struct delivery *ret)
{
    const struct subscription *s = delivery->subscription;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t now_ms = clock_now_ms();
    bool open = state == STATE_PENDING;
    int rc = tx_query_row(tx, &rows,
                          "INSERT INTO sns_delivery (id, account, topic, subscription, protocol, endpoint, "
                          "type, message_id, body,"
                          " content_type, raw, state, attempts, due_ms, created_ms, updated_ms, last_error)"
                          " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                          "$12, $13, $14, $14, $15"
                          " FROM sns_delivery RETURNING id",
                          "sssssssSsisinis", s->account, s->topic, s->id, s->protocol, s->endpoint,
                          delivery->type, delivery->message_id,
                          state == STATE_DELIVERED ? STR("") : delivery->body, delivery->content_type,
                          (int64_t)delivery->raw, state_names[state], (int64_t)!open, now_ms, error);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    ret->id = rows_int(rows, 0);
    ret->state = state;
    (void)snprintf(ret->subscription, sizeof(ret->subscription), "%s", s->id);
    (void)snprintf(ret->type, sizeof(ret->type), "%s", delivery->type);
    return 0;
}

/* The oldest that ended long ago; of a bounded number, so that nobody waits for it. */
static int prune(struct tx *tx)
{
    return tx_exec(tx,
                   "DELETE FROM sns_delivery WHERE id IN (SELECT id FROM (SELECT id, due_ms, updated_ms FROM"
                   " sns_delivery ORDER BY id LIMIT $1) AS oldest WHERE due_ms IS NULL AND updated_ms < $2)",
                   "ii", (int64_t)PRUNE_MAX, clock_now_ms() - DELIVERY_KEPT_MS);
}

/* A queue that cannot take it will not later either: a client error, as AWS calls it. */
static int add_to_queue(struct tx *tx, const struct platform *platform, const struct delivery_new *delivery,
                        const json_t *attributes)
{
    CLEANUP(delivery_unload) struct delivery d = {0};
    struct reason why = {{0}};
    char arn[SNS_ARN_SIZE];
    const struct sender sender = sender_of(platform, delivery->subscription, arn);
    int rc =
        queue_send(tx, platform, &sender, delivery->subscription->endpoint, delivery->body, attributes, &why);
    if (rc < 0)
        return rc;
    int pruned = prune(tx);
    if (pruned != 0)
        return pruned;
    if (rc == 0)
        return insert(tx, delivery, STATE_DELIVERED, NULL, &d);
    rc = insert(tx, delivery, STATE_PENDING, why.text, &d);
    d.body = str_dup(delivery->body);
    d.attempts = 1;
    if (rc == 0 && !d.body)
        rc = FAULT(ENOMEM);
    return rc != 0 ? rc : bury(tx, platform, &d, 0, why.text);
}

int delivery_add(struct tx *tx, const struct platform *platform, const struct delivery_new *delivery,
                 const json_t *attributes)
{
    struct delivery d = {0};
    if (strcmp(delivery->subscription->protocol, "sqs") == 0)
        return add_to_queue(tx, platform, delivery, attributes);
    int rc = insert(tx, delivery, STATE_PENDING, NULL, &d);
    tx_wake(tx, DELIVERY_TOPIC);
    return rc != 0
               ? rc
               : tx_exec(tx, "UPDATE sns_delivery SET due_ms = $2 WHERE id = $1", "ii", d.id, clock_now_ms());
}

/* ---- leased */

/* The next one, at $1: an endpoint that takes its time keeps no more than two tries waiting, however much
 * there is for it; who has said what became of one asks for the next. $2 is when a lease of now ends. */
#define BUSY                                                                                                 \
    "(SELECT subscription FROM sns_delivery INDEXED BY sns_delivery_due"                                     \
    " WHERE due_ms > $1 AND due_ms <= $2 AND state = 'leased' GROUP BY subscription HAVING count(*) > 1)"

struct next {
    int64_t id;
    int64_t due_ms;
};

/* Mostly the first of all is it. Else the first of each subscription is looked at, so that what waits for a
 * busy one, be it a hundred thousand, is not. */
static int find_next(struct tx *tx, int64_t now_ms, struct next *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(rows_close) struct rows *others = NULL;
    int64_t lease_ends_ms = now_ms + DELIVERY_LEASE_MS;
    int rc = tx_query_row(tx, &rows,
                          "SELECT id, due_ms, subscription IN " BUSY
                          " FROM sns_delivery WHERE due_ms IS NOT NULL ORDER BY due_ms, id LIMIT 1",
                          "ii", now_ms, lease_ends_ms);
    if (rc != 0)
        return rc;
    *ret = (struct next){rows_int(rows, 0), rows_int(rows, 1)};
    if (!rows_int(rows, 2))
        return 0;
    rc = tx_query_row(
        tx, &others,
        "WITH RECURSIVE waits (subscription) AS"
        " (SELECT min(subscription) FROM sns_delivery WHERE due_ms IS NOT NULL UNION ALL"
        " SELECT (SELECT min(d.subscription) FROM sns_delivery d WHERE d.due_ms IS NOT NULL"
        " AND d.subscription > waits.subscription) FROM waits WHERE waits.subscription IS NOT NULL)"
        " SELECT id, due_ms FROM (SELECT (SELECT d.id FROM sns_delivery d"
        " WHERE d.subscription = waits.subscription AND d.due_ms IS NOT NULL"
        " ORDER BY d.due_ms, d.id LIMIT 1) AS head FROM waits WHERE waits.subscription IS NOT NULL"
        " AND waits.subscription NOT IN " BUSY ") heads"
        " JOIN sns_delivery ON id = heads.head ORDER BY due_ms, id LIMIT 1",
        "ii", now_ms, lease_ends_ms);
    if (rc == 0)
        *ret = (struct next){rows_int(others, 0), rows_int(others, 1)};
    return rc;
}

int delivery_due(struct tx *tx, int64_t now_ms, int64_t *ret_next_ms)
{
    struct next next;
    int rc = find_next(tx, now_ms, &next);
    *ret_next_ms = rc == 0 ? next.due_ms : INT64_MAX;
    return rc == 0 && next.due_ms > now_ms ? DB_NONE : rc;
}

static int put_display_name(struct tx *tx, const char *account, const char *name, json_t *out)
{
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = topic_load(tx, account, name, &topic, NULL);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return json_put_str(out, "DisplayName", json_str(topic.attributes, "DisplayName", ""));
}

static int put_body(struct str body, json_t *out)
{
    CLEANUP(free_ptr) char *text = malloc(4 * ((body.len + 2) / 3) + 1);
    if (!text)
        return FAULT(ENOMEM);
    base64_encode(body.ptr, body.len, text);
    return json_put_str(out, "Body", text);
}

static int show_lease(struct tx *tx, const struct platform *platform, struct rows *rows, const char *nonce,
                      json_t **ret)
{
    char topic[SNS_ARN_SIZE], arn[SNS_SUBSCRIPTION_ARN_SIZE];
    topic_arn(platform, rows_text(rows, 1), rows_text(rows, 2), topic);
    (void)snprintf(arn, sizeof(arn), "%s:%s", topic, rows_text(rows, 3));
    CLEANUP(json_free)
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:s*}", "TopicArn", topic, "SubscriptionArn", arn,
        "Nonce", nonce, "Protocol", rows_text(rows, 4), "Endpoint", rows_text(rows, 5), "MessageType",
        rows_text(rows, 6), "MessageId", rows_text(rows, 7), "RawMessage", rows_int(rows, 10) != 0, "LeaseMs",
        (json_int_t)DELIVERY_LEASE_MS, "ContentType", rows_null(rows, 9) ? NULL : rows_text(rows, 9));
    int rc = out ? json_put_format(out, "DeliveryId", "%lld", (long long)rows_int(rows, 0)) : FAULT(ENOMEM);
    if (rc == 0)
        rc = put_body(rows_str(rows, 8), out);
    if (rc == 0)
        rc = put_display_name(tx, rows_text(rows, 1), rows_text(rows, 2), out);
    if (rc == 0)
        *ret = take(out);
    return rc;
}

static int lease_one(struct tx *tx, const struct platform *platform, int64_t id, const char *worker,
                     json_t *list)
{
    CLEANUP(delivery_unload) struct delivery d = {0};
    CLEANUP(rows_close) struct rows *rows = NULL;
    char nonce[NONCE_SIZE];
    json_t *shown = NULL;
    int64_t now_ms = clock_now_ms();
    int rc = load(tx, id, &d);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    delivery_move(&d, STATE_LEASED);
    if (d.attempts >= LOST_MAX)
        return bury(tx, platform, &d, 0,
                    "Its courier ended each time before it could say what became of it.");
    id_hex(nonce, NONCE_SIZE - 1);
    rc = tx_query_row(tx, &rows,
                      "UPDATE sns_delivery SET state = $2, attempts = attempts + 1, due_ms = $3, worker = $4,"
                      " nonce = $5, updated_ms = $6 WHERE id = $1 RETURNING id, account, topic, subscription,"
                      " protocol, endpoint, type, message_id, body, content_type, raw",
                      "isissi", id, state_names[d.state], now_ms + DELIVERY_LEASE_MS, worker, nonce, now_ms);
    if (rc == 0)
        rc = show_lease(tx, platform, rows, nonce, &shown);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    return json_array_append_new(list, shown) ? FAULT(ENOMEM) : 0;
}

static int next_id(struct tx *tx, int64_t now_ms, int64_t *ret)
{
    struct next next;
    int rc = find_next(tx, now_ms, &next);
    if (rc != 0)
        return rc;
    *ret = next.id;
    return next.due_ms <= now_ms ? 0 : DB_NONE;
}

int delivery_lease(struct tx *tx, const struct platform *platform, const char *worker, size_t max,
                   json_t *list)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < max && i < DELIVERY_BATCH_MAX; i++) {
        int64_t id = 0;
        rc = next_id(tx, clock_now_ms(), &id);
        if (rc == 0)
            rc = lease_one(tx, platform, id, worker, list);
    }
    return rc == DB_NONE ? 0 : rc;
}

/* A lease's end comes early: the next lease finds it due. */
int delivery_orphan(struct tx *tx, const char *worker)
{
    tx_wake(tx, DELIVERY_TOPIC);
    return tx_exec(tx, "UPDATE sns_delivery SET due_ms = $2 WHERE worker = $1 AND state = 'leased'", "si",
                   worker, clock_now_ms());
}

/* ---- ended */

/* Some milliseconds earlier than planned, so that what failed together does not come back together. */
static int64_t jitter(int64_t delay_ms)
{
    uint32_t random = 0;
    id_random(&random, sizeof(random));
    return delay_ms - delay_ms / 10 * (int64_t)(random % 1000) / 1000;
}

static int retry_policy_of(struct tx *tx, const struct delivery *d, struct retry_policy *ret)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    CLEANUP(topic_unload) struct topic topic = {0};
    *ret = retry_policy_email;
    if (strncmp(d->protocol, "http", 4) != 0)
        return 0;
    int rc = find_subscription(tx, d, &s);
    if (rc == 0)
        rc = topic_load(tx, d->account, d->topic, &topic, NULL);
    if (rc < 0)
        return rc;
    CLEANUP(json_free) json_t *of_topic = attribute_json(topic.attributes, "DeliveryPolicy");
    CLEANUP(json_free) json_t *own = attribute_json(s.attributes, "DeliveryPolicy");
    CLEANUP(json_free) json_t *effective = NULL;
    rc = delivery_policy_effective(of_topic, own, &effective);
    if (rc == 0)
        delivery_policy_retries(effective, ret);
    return rc;
}

static int failed(struct tx *tx, const struct platform *platform, struct delivery *d, int64_t status,
                  const char *says)
{
    struct retry_policy policy;
    int rc = retry_policy_of(tx, d, &policy);
    if (rc != 0)
        return rc;
    int64_t delay_ms = retry_delay_ms(&policy, d->attempts);
    if (delay_ms < 0)
        return bury(tx, platform, d, status, says);
    delivery_move(d, STATE_PENDING);
    return save(tx, d, clock_now_ms() + jitter(delay_ms), status, says);
}

static int released(struct tx *tx, struct delivery *d)
{
    d->attempts--;
    delivery_move(d, STATE_PENDING);
    return save(tx, d, clock_now_ms(), 0, NULL);
}

static int sent(struct tx *tx, struct delivery *d, int64_t status)
{
    delivery_move(d, STATE_DELIVERED);
    int rc = save(tx, d, -1, status, NULL);
    return rc != 0 ? rc : prune(tx);
}

int delivery_end(struct tx *tx, const struct platform *platform, int64_t id, const char *nonce,
                 enum delivery_result result, int64_t status, const char *says, struct reason *why)
{
    CLEANUP(delivery_unload) struct delivery d = {0};
    int rc = load(tx, id, &d);
    if (rc == DB_NONE || (rc == 0 && (d.state != STATE_LEASED || strcmp(d.nonce, nonce) != 0)))
        return reason_set(why, SNS_E_NONCE,
                          "The delivery %lld is not leased with this nonce: leave it and poll for others.",
                          (long long)id);
    if (rc != 0)
        return rc;
    switch (result) {
    case DELIVERY_SENT:
        return sent(tx, &d, status);
    case DELIVERY_FAILED:
        return failed(tx, platform, &d, status, says);
    case DELIVERY_REFUSED:
        return bury(tx, platform, &d, status, says);
    case DELIVERY_RELEASED:
        return released(tx, &d);
    }
    return FAULT(EINVAL);
}

int delivery_retry(struct tx *tx, const char *account, int64_t id, struct reason *why)
{
    CLEANUP(delivery_unload) struct delivery d = {0};
    int rc = load(tx, id, &d);
    if (rc == DB_NONE || (rc == 0 && strcmp(d.account, account) != 0))
        return reason_set(why, SNS_E_RESOURCE_NOT_FOUND, "There is no delivery %lld in this account.",
                          (long long)id);
    if (rc != 0)
        return rc;
    if (d.state != STATE_DEAD || strcmp(d.protocol, "sqs") == 0)
        return reason_set(
            why, SNS_E_DELIVERY_STATE,
            "The delivery %lld is %s by %s: only a dead one that a courier carries is tried again.",
            (long long)id, state_names[d.state], d.protocol);
    d.attempts = 0;
    delivery_move(&d, STATE_PENDING);
    return save(tx, &d, clock_now_ms(), 0, NULL);
}

/* ---- the end of who wanted them: what is open dies, and says why. A result that comes later finds no lease.
 */

int delivery_forget_topic(struct tx *tx, const char *account, const char *topic)
{
    return tx_exec(tx,
                   "UPDATE sns_delivery SET state = 'dead', due_ms = NULL, nonce = NULL, updated_ms = $3,"
                   " last_error = 'The topic was deleted.' WHERE account = $1 AND topic = $2"
                   " AND due_ms IS NOT NULL",
                   "ssi", account, topic, clock_now_ms());
}

int delivery_forget_subscription(struct tx *tx, const char *id)
{
    return tx_exec(
        tx,
        "UPDATE sns_delivery SET state = 'dead', due_ms = NULL, nonce = NULL, updated_ms = $2,"
        " last_error = 'The subscription was ended.' WHERE subscription = $1 AND due_ms IS NOT NULL",
        "si", id, clock_now_ms());
}

/* ---- listed */

static int show_one(const struct platform *platform, struct rows *rows, json_t *list)
{
    char topic[SNS_ARN_SIZE], arn[SNS_SUBSCRIPTION_ARN_SIZE];
    topic_arn(platform, rows_text(rows, 1), rows_text(rows, 2), topic);
    (void)snprintf(arn, sizeof(arn), "%s:%s", topic, rows_text(rows, 3));
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s*, s:s*}", "TopicArn", topic,
        "SubscriptionArn", arn, "Protocol", rows_text(rows, 4), "Endpoint", rows_text(rows, 5), "MessageType",
        rows_text(rows, 6), "MessageId", rows_text(rows, 7), "State", rows_text(rows, 8), "Attempts",
        (json_int_t)rows_int(rows, 9), "CreatedDate", (json_int_t)rows_int(rows, 11), "UpdatedDate",
        (json_int_t)rows_int(rows, 12), "LastError", rows_null(rows, 14) ? NULL : rows_text(rows, 14),
        "DeadLetterQueueArn", rows_null(rows, 15) ? NULL : rows_text(rows, 15));
    if (!out || json_array_append_new(list, out))
        return FAULT(ENOMEM);
    int rc = json_put_format(out, "DeliveryId", "%lld", (long long)rows_int(rows, 0));
    if (rc == 0 && !rows_null(rows, 10))
        rc = json_put_int(out, "NextAttemptDate", rows_int(rows, 10));
    if (rc == 0 && rows_int(rows, 13) != 0)
        rc = json_put_int(out, "LastStatusCode", rows_int(rows, 13));
    return rc;
}

int delivery_list(struct tx *tx, const struct platform *platform, const struct delivery_filter *filter,
                  json_t *list, int64_t *ret_last)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t last = 0;
    *ret_last = 0;
    int rc = tx_query(tx, &rows,
                      "SELECT id, account, topic, subscription, protocol, endpoint, type, message_id, state,"
                      " attempts, due_ms, created_ms, updated_ms, last_status, last_error, dead_queue"
                      " FROM sns_delivery WHERE account = $1 AND id < $2 AND ($3 = '' OR topic = $3)"
                      " AND ($4 = '' OR state = $4) ORDER BY id DESC LIMIT $5",
                      "sissi", filter->account, filter->before, filter->topic ? filter->topic : "",
                      filter->state ? filter->state : "", (int64_t)filter->max + 1);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        if (json_array_size(list) == filter->max) {
            *ret_last = last;
            return 0;
        }
        last = rows_int(rows, 0);
        rc = show_one(platform, rows, list);
    }
    return rc == DB_NONE ? 0 : rc;
}
