/* Subscriptions: asked for, confirmed, ended. A subscription is found by its own id; a topic has one for each
 * protocol and endpoint. */
#include "base/clock.h"
#include "base/id.h"
#include "services/service.h"
#include "services/sns/delivery.h"
#include "services/sns/envelope.h"
#include "services/sqs/sqs.h"
#include "wire/json.h"
#include "wire/time.h"
#include <stdio.h>

static const char *const status_names[] = {"pending", "confirmed", "ended"};

static enum subscription_status status_of(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(status_names) && strcmp(status_names[i], name) != 0)
        i++;
    assert(i < ARRAY_LEN(status_names));
    return (enum subscription_status)i;
}

static void move(struct subscription *subscription, enum subscription_status to)
{
    static const bool may[3][3] = {
        [SUBSCRIPTION_PENDING] = {true, true, true},
        [SUBSCRIPTION_CONFIRMED] = {false, false, true},
        [SUBSCRIPTION_ENDED] = {true, true, false},
    };
    assert(may[subscription->status][to]);
    subscription->status = to;
}

void subscription_unload(struct subscription *subscription)
{
    json_free(&subscription->attributes);
}

void subscription_arn(const struct platform *platform, const struct subscription *subscription,
                      char ret[SNS_SUBSCRIPTION_ARN_SIZE])
{
    char topic[SNS_ARN_SIZE];
    topic_arn(platform, subscription->account, subscription->topic, topic);
    (void)snprintf(ret, SNS_SUBSCRIPTION_ARN_SIZE, "%s:%s", topic, subscription->id);
}

static void copy_column(struct rows *rows, int column, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s", rows_text(rows, column));
}

int subscription_read(struct rows *rows, struct subscription *ret)
{
    const struct {
        char *place;
        size_t size;
    } texts[] = {
        {ret->id, sizeof(ret->id)},
        {ret->account, sizeof(ret->account)},
        {ret->topic, sizeof(ret->topic)},
        {ret->owner, sizeof(ret->owner)},
        {ret->principal, sizeof(ret->principal)},
        {ret->protocol, sizeof(ret->protocol)},
        {ret->endpoint, sizeof(ret->endpoint)},
        {ret->token, sizeof(ret->token)},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        copy_column(rows, (int)i, texts[i].place, texts[i].size);
    ret->status = status_of(rows_text(rows, 8));
    ret->authenticated = rows_int(rows, 9) != 0;
    ret->guarded = rows_int(rows, 10) != 0;
    ret->asked_ms = rows_int(rows, 11);
    return json_parse(rows_str(rows, 12), &ret->attributes, NULL) == 0 ? 0 : FAULT(EBADMSG);
}

/* "TOPICARN:ID" */
static bool split_arn(const char *arn, char ret_id[SNS_ID_SIZE])
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    const char *last = strrchr(arn, ':');
    if (!last || strlen(last + 1) != SNS_ID_SIZE - 1 ||
        !topic_split_arn((struct str){arn, (size_t)(last - arn)}, account, name))
        return false;
    (void)snprintf(ret_id, SNS_ID_SIZE, "%s", last + 1);
    return true;
}

static int bad_arn(struct reason *why)
{
    return reason_set(
        why, SNS_E_PARAMETER,
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements and end "
        "with the subscription's id");
}

int subscription_find(struct tx *tx, const char *arn, struct subscription *ret, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    char id[SNS_ID_SIZE];
    if (!split_arn(arn, id))
        return bad_arn(why);
    int rc = tx_query_row(tx, &rows, "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE id = $1",
                          "s", id);
    if (rc != 0)
        return rc == DB_NONE ? reason_set(why, SNS_E_NOT_FOUND, "Subscription does not exist") : rc;
    rc = subscription_read(rows, ret);
    if (rc == 0 && ret->status == SUBSCRIPTION_ENDED)
        return reason_set(why, SNS_E_NOT_FOUND, "Subscription does not exist");
    return rc;
}

static int save(struct tx *tx, const struct subscription *s)
{
    CLEANUP(free_ptr) char *attributes = json_text(s->attributes);
    if (!attributes)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "UPDATE sns_subscription SET status = $2, token = $3, authenticated = $4, guarded = $5,"
                   " asked_ms = $6, attributes = $7 WHERE id = $1",
                   "sssiiis", s->id, status_names[s->status], s->token, (int64_t)s->authenticated,
                   (int64_t)s->guarded, s->asked_ms, attributes);
}

/* ---- confirmations */

static int write_words(bool ended, const char *topic, const char *arn, struct buf *out)
{
    buf_puts(out, ended ? "You have chosen to deactivate subscription "
                        : "You have chosen to subscribe to the topic ");
    buf_puts(out, ended ? arn : topic);
    buf_puts(out, ended ? ".\nTo cancel this operation and restore the subscription, visit the SubscribeURL "
                        : ".\nTo confirm the subscription, visit the SubscribeURL ");
    return buf_puts(out, "included in this message.");
}

/* Sends the token; `ended`: to take the end back. */
static int ask(struct tx *tx, const struct platform *platform, const struct topic *topic,
               struct subscription *s, bool ended)
{
    CLEANUP(signing_unload) struct signing signing = {0};
    CLEANUP(buf_free) struct buf url = BUF_INIT((size_t)4096);
    CLEANUP(buf_free) struct buf words = BUF_INIT((size_t)4096);
    CLEANUP(buf_free) struct buf body = BUF_INIT((size_t)65536);
    char topic_text[SNS_ARN_SIZE], arn[SNS_SUBSCRIPTION_ARN_SIZE], message_id[SNS_ID_SIZE];
    char at[TIME_TEXT_SIZE], signature[SIGN_BASE64_SIZE];
    id_uuid(message_id);
    time_iso8601(clock_now_ms(), at);
    topic_arn(platform, s->account, s->topic, topic_text);
    subscription_arn(platform, s, arn);
    int rc = subscribe_url(platform, topic_text, s->token, &url);
    if (rc == 0)
        rc = write_words(ended, topic_text, arn, &words);
    if (rc == 0)
        rc = signing_load(tx, &signing);
    if (rc != 0)
        return rc;
    const struct envelope envelope = {
        .type = ended ? "UnsubscribeConfirmation" : "SubscriptionConfirmation",
        .message_id = message_id,
        .topic_arn = topic_text,
        .message = words.ptr,
        .timestamp = at,
        .token = s->token,
        .subscribe_url = url.ptr,
        .version = json_str(topic->attributes, "SignatureVersion", "1"),
    };
    rc = envelope_sign(&signing, &envelope, signature);
    if (rc == 0)
        rc = envelope_write(platform, &signing, &envelope, signature, &body);
    const struct delivery_new delivery = {s, envelope.type, message_id, buf_str(&body), NULL, false};
    return rc != 0 ? rc : delivery_add(tx, platform, &delivery, NULL);
}

static void new_token(struct subscription *s)
{
    id_hex(s->token, SNS_TOKEN_SIZE - 1);
    s->asked_ms = clock_now_ms();
}

static int bad_token(struct reason *why)
{
    return reason_set(why, SNS_E_PARAMETER,
                      "Invalid parameter: Token Reason: it is none of this topic, or older than two days");
}

int subscription_confirm(struct tx *tx, const struct topic *topic, const char *token, bool authenticated,
                         bool guard, struct subscription *ret, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription"
                          " WHERE account = $1 AND topic = $2 AND token = $3",
                          "sss", topic->account, topic->name, token);
    if (rc == 0)
        rc = subscription_read(rows, ret);
    rows_close(&rows);
    if (rc == DB_NONE || *token == '\0')
        return bad_token(why);
    if (rc != 0 || ret->status == SUBSCRIPTION_CONFIRMED)
        return rc;
    if (ret->asked_ms + SNS_CONFIRM_MS < clock_now_ms())
        return bad_token(why);
    move(ret, SUBSCRIPTION_CONFIRMED);
    ret->authenticated = authenticated;
    ret->guarded = guard && authenticated;
    return save(tx, ret);
}

/* ---- asked for */

static int check_url(const struct subscription_spec *spec, struct reason *why)
{
    char prefix[16];
    (void)snprintf(prefix, sizeof(prefix), "%s://", spec->protocol);
    bool fine = str_starts(str_of(spec->endpoint), str_of(prefix)) &&
                strlen(spec->endpoint) > strlen(prefix) && !strpbrk(spec->endpoint, " \t\r\n\"<>");
    return fine
               ? 0
               : reason_set(why, SNS_E_PARAMETER,
                            "Invalid parameter: Endpoint Reason: Endpoint must match the specified protocol");
}

static int check_address(const struct subscription_spec *spec, struct reason *why)
{
    const char *at = strchr(spec->endpoint, '@');
    bool fine = at && at > spec->endpoint && at[1] && !strchr(at + 1, '@') &&
                !strpbrk(spec->endpoint, " \t\r\n<>,;\"");
    return fine ? 0 : reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Email address");
}

static int check_queue(const struct subscription_spec *spec, struct reason *why)
{
    if (str_glob(STR("arn:aws:sqs:*:????????????:?*"), str_of(spec->endpoint)))
        return 0;
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: SQS endpoint ARN");
}

static const struct {
    const char *name;
    int (*check)(const struct subscription_spec *spec, struct reason *why);
} protocols[] = {
    {"http", check_url},           {"https", check_url}, {"email", check_address},
    {"email-json", check_address}, {"sqs", check_queue},
};

static int spec_check(struct tx *tx, const struct subscription_spec *spec, struct reason *why)
{
    size_t i = 0;
    while (i < ARRAY_LEN(protocols) && strcmp(protocols[i].name, spec->protocol) != 0)
        i++;
    if (i == ARRAY_LEN(protocols))
        return reason_set(
            why, SNS_E_PARAMETER,
            "Invalid parameter: Slipway does not support this protocol string: %.64s. It is one "
            "of http, https, email, email-json, sqs",
            spec->protocol);
    if (strlen(spec->endpoint) > SNS_ENDPOINT_MAX)
        return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Endpoint Reason: it is too long");
    int rc = protocols[i].check(spec, why);
    return rc != 0 ? rc : subscription_attributes_check(tx, spec->owner, spec->attributes, why);
}

static bool same_attributes(const struct subscription *s, const json_t *asked)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)asked, name, value)
        if (strcmp(json_str(s->attributes, name, ""), json_string_value(value)) != 0)
            return false;
    return true;
}

static int find_same(struct tx *tx, const struct subscription_spec *spec, struct subscription *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription"
                          " WHERE account = $1 AND topic = $2 AND protocol = $3 AND endpoint = $4",
                          "ssss", spec->account, spec->topic, spec->protocol, spec->endpoint);
    return rc != 0 ? rc : subscription_read(rows, ret);
}

static int insert(struct tx *tx, const struct subscription_spec *spec, struct subscription *s)
{
    CLEANUP(json_free) json_t *none = json_object();
    s->attributes = spec->attributes ? json_copy((json_t *)spec->attributes) : take(none);
    CLEANUP(free_ptr) char *attributes = s->attributes ? json_text(s->attributes) : NULL;
    if (!attributes)
        return FAULT(ENOMEM);
    id_uuid(s->id);
    (void)snprintf(s->account, sizeof(s->account), "%s", spec->account);
    (void)snprintf(s->topic, sizeof(s->topic), "%s", spec->topic);
    (void)snprintf(s->owner, sizeof(s->owner), "%s", spec->owner);
    (void)snprintf(s->principal, sizeof(s->principal), "%s", spec->principal);
    (void)snprintf(s->protocol, sizeof(s->protocol), "%s", spec->protocol);
    (void)snprintf(s->endpoint, sizeof(s->endpoint), "%s", spec->endpoint);
    new_token(s);
    return tx_exec(tx,
                   "INSERT INTO sns_subscription (id, account, topic, owner, principal, protocol, endpoint,"
                   " token, status, authenticated, guarded, asked_ms, attributes)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $11)",
                   "sssssssssis", s->id, s->account, s->topic, s->owner, s->principal, s->protocol,
                   s->endpoint, s->token, status_names[SUBSCRIPTION_PENDING], s->asked_ms, attributes);
}

/* Tokens that nobody used, and ends that nobody took back. */
static int forget_old(struct tx *tx, const struct topic *topic)
{
    return tx_exec(tx,
                   "DELETE FROM sns_subscription WHERE account = $1 AND topic = $2 AND status <> 'confirmed'"
                   " AND asked_ms < $3",
                   "ssi", topic->account, topic->name, clock_now_ms() - SNS_CONFIRM_MS);
}

static int filters_check(struct tx *tx, const struct subscription_spec *spec, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (!json_object_get(spec->attributes, "FilterPolicy"))
        return 0;
    int rc = tx_query_row(tx, &rows,
                          "SELECT COUNT(*) FROM sns_subscription WHERE account = $1 AND topic = $2"
                          " AND attributes LIKE '%\"FilterPolicy\"%'",
                          "ss", spec->account, spec->topic);
    if (rc == 0 && rows_int(rows, 0) >= SNS_FILTERS_MAX)
        return reason_set(why, SNS_E_FILTER_LIMIT, "A topic has at most %d filter policies", SNS_FILTERS_MAX);
    return rc > 0 ? FAULT(EIO) : rc;
}

/* A queue of the subscriber's own needs no confirmation; a token goes to all others. */
static int begin(struct tx *tx, const struct platform *platform, const struct topic *topic,
                 const struct subscription_spec *spec, struct subscription *s)
{
    char queue_account[13] = "";
    bool own = strcmp(s->protocol, "sqs") == 0 && queue_account_of(spec->endpoint, queue_account) &&
               strcmp(queue_account, spec->owner) == 0;
    if (!own)
        return ask(tx, platform, topic, s, false);
    move(s, SUBSCRIPTION_CONFIRMED);
    s->authenticated = true;
    return save(tx, s);
}

int subscription_create(struct tx *tx, const struct platform *platform, const struct subscription_spec *spec,
                        char ret_arn[SNS_SUBSCRIPTION_ARN_SIZE], bool *ret_pending, struct reason *why)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = topic_load(tx, spec->account, spec->topic, &topic, why);
    if (rc == 0)
        rc = spec_check(tx, spec, why);
    if (rc == 0)
        rc = forget_old(tx, &topic);
    if (rc == 0)
        rc = find_same(tx, spec, &s);
    if (rc == 0 && s.status != SUBSCRIPTION_ENDED && !same_attributes(&s, spec->attributes))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Attributes Reason: Subscription already exists with different "
                          "attributes");
    bool known = rc == 0;
    if (rc == DB_NONE)
        rc = filters_check(tx, spec, why);
    if (rc == 0 && !known)
        rc = insert(tx, spec, &s);
    if (rc == 0 && known && s.status != SUBSCRIPTION_CONFIRMED) {
        move(&s, SUBSCRIPTION_PENDING);
        new_token(&s);
        rc = save(tx, &s);
    }
    if (rc == 0 && s.status == SUBSCRIPTION_PENDING)
        rc = begin(tx, platform, &topic, spec, &s);
    subscription_arn(platform, &s, ret_arn);
    *ret_pending = s.status == SUBSCRIPTION_PENDING;
    return rc;
}

/* ---- changed and ended */

int subscription_set_attribute(struct tx *tx, const struct platform *platform, const char *arn,
                               const char *attribute, const char *value, struct reason *why)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    (void)platform;
    int rc = subscription_find(tx, arn, &s, why);
    if (rc == 0)
        rc = subscription_attribute_check(tx, s.owner, attribute, value, why);
    if (rc != 0)
        return rc;
    if (!value || *value == '\0')
        json_object_del(s.attributes, attribute);
    else if (json_put_str(s.attributes, attribute, value) != 0)
        return FAULT(ENOMEM);
    rc = subscription_attributes_check(tx, s.owner, s.attributes, why);
    return rc != 0 ? rc : save(tx, &s);
}

static int count_deleted(struct tx *tx, const struct subscription *s)
{
    return tx_exec(tx, "UPDATE sns_topic SET deleted = deleted + 1 WHERE account = $1 AND name = $2", "ss",
                   s->account, s->topic);
}

static int drop(struct tx *tx, const struct subscription *s)
{
    int rc = delivery_forget_subscription(tx, s->id);
    if (rc == 0)
        rc = count_deleted(tx, s);
    return rc != 0 ? rc : tx_exec(tx, "DELETE FROM sns_subscription WHERE id = $1", "s", s->id);
}

int subscription_delete(struct tx *tx, const char *arn, struct reason *why)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    int rc = subscription_find(tx, arn, &s, why);
    if (rc != 0)
        return rc == SNS_E_NOT_FOUND ? 0 : rc;
    return drop(tx, &s);
}

int subscription_drop(struct tx *tx, const char *account, const char *topic, const char *protocol,
                      const char *endpoint)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    const struct subscription_spec spec = {
        .account = account, .topic = topic, .protocol = protocol, .endpoint = endpoint};
    int rc = find_same(tx, &spec, &s);
    if (rc != 0)
        return rc == DB_NONE ? 0 : rc;
    return drop(tx, &s);
}

int subscription_end_unsigned(struct tx *tx, const struct platform *platform, const char *arn,
                              struct reason *why)
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    CLEANUP(topic_unload) struct topic topic = {0};
    int rc = subscription_find(tx, arn, &s, why);
    if (rc == 0)
        rc = topic_load(tx, s.account, s.topic, &topic, why);
    if (rc != 0)
        return rc == SNS_E_NOT_FOUND ? 0 : rc;
    if (s.guarded)
        return reason_set(
            why, SNS_E_DENIED,
            "The subscription was confirmed with AuthenticateOnUnsubscribe: only a signed request "
            "of its owner ends it");
    move(&s, SUBSCRIPTION_ENDED);
    new_token(&s);
    rc = delivery_forget_subscription(tx, s.id);
    if (rc == 0)
        rc = save(tx, &s);
    if (rc == 0)
        rc = count_deleted(tx, &s);
    return rc != 0 ? rc : ask(tx, platform, &topic, &s, true);
}

/* ---- listed */

static int list_one(const struct platform *platform, struct rows *rows, json_t *list,
                    char ret_last[SNS_ID_SIZE])
{
    CLEANUP(subscription_unload) struct subscription s = {0};
    char arn[SNS_SUBSCRIPTION_ARN_SIZE], topic[SNS_ARN_SIZE];
    int rc = subscription_read(rows, &s);
    if (rc != 0)
        return rc;
    subscription_arn(platform, &s, arn);
    topic_arn(platform, s.account, s.topic, topic);
    (void)snprintf(ret_last, SNS_ID_SIZE, "%s", s.id);
    const char *shown = s.status == SUBSCRIPTION_PENDING ? "PendingConfirmation" : arn;
    return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "SubscriptionArn", shown,
                                                 "Owner", s.owner, "Protocol", s.protocol, "Endpoint",
                                                 s.endpoint, "TopicArn", topic))
               ? FAULT(ENOMEM)
               : 0;
}

int subscription_list(struct tx *tx, const struct platform *platform, const char *owner, const char *topic,
                      const char *after, size_t max, json_t *list, char ret_last[SNS_ID_SIZE])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = topic ? tx_query(tx, &rows,
                              "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE account = $1 AND"
                              " topic = $2 AND id > $3 AND status <> 'ended' ORDER BY id LIMIT $4",
                              "sssi", owner, topic, after, (int64_t)max + 1)
                   : tx_query(tx, &rows,
                              "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE owner = $1"
                              " AND id > $2 AND status <> 'ended' ORDER BY id LIMIT $3",
                              "ssi", owner, after, (int64_t)max + 1);
    ret_last[0] = '\0';
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        if (json_array_size(list) == max)
            return 0;
        rc = list_one(platform, rows, list, ret_last);
    }
    ret_last[0] = '\0';
    return rc == DB_NONE ? 0 : rc;
}
