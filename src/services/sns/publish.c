/* A message on its way to the subscriptions of its topic. Source: SNS API reference, Publish. */
#include "base/clock.h"
#include "base/id.h"
#include "services/service.h"
#include "services/sns/delivery.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/envelope.h"
#include "services/sns/filter_policy.h"
#include "services/sns/publish.h"
#include "wire/json.h"
#include "wire/time.h"
#include <ctype.h>
#include <stdio.h>

#define SUBJECT_MAX 100
#define NAME_MAX_BYTES 256
#define BODY_MAX ((size_t)4 * SNS_MESSAGE_MAX)

/* ---- checks */

static bool attribute_name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && !strchr("_-.", name.ptr[i]))
            return false;
    return name.len >= 1 && name.len <= NAME_MAX_BYTES && name.ptr[0] != '.' && name.ptr[name.len - 1] != '.';
}

static bool type_ok(const char *type)
{
    static const char *const types[] = {"String", "Number", "Binary", "String.Array"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t len = strlen(types[i]);
        if (strncmp(type, types[i], len) == 0 && (type[len] == '\0' || type[len] == '.'))
            return true;
    }
    return false;
}

static int check_attribute(const char *name, const json_t *attribute, size_t *bytes, struct reason *why)
{
    const char *type = json_str(attribute, "DataType", "");
    bool binary = strncmp(type, "Binary", 6) == 0;
    const char *value = json_str(attribute, binary ? "BinaryValue" : "StringValue", "");
    CLEANUP(json_free) json_t *parsed = NULL;
    if (!attribute_name_ok(str_of(name)))
        return reason_set(why, SNS_E_PARAMETER_VALUE, "The message attribute name '%.100s' is invalid.",
                          name);
    if (!type_ok(type))
        return reason_set(why, SNS_E_PARAMETER_VALUE,
                          "The message attribute '%s' has an invalid message attribute type, the set of "
                          "supported type prefixes is Binary, Number, and String.",
                          name);
    if (*value == '\0')
        return reason_set(
            why, SNS_E_PARAMETER_VALUE,
            "The message attribute '%s' must contain non-empty message attribute value for message "
            "attribute type '%s'.",
            name, type);
    if (strcmp(type, "String.Array") == 0 &&
        (json_parse(str_of(value), &parsed, NULL) != 0 || !json_is_array(parsed)))
        return reason_set(why, SNS_E_PARAMETER_VALUE, "The message attribute '%s' is no JSON list.", name);
    if (strncmp(type, "Number", 6) == 0) {
        parsed = json_loads(value, JSON_DECODE_ANY, NULL);
        if (!json_is_number(parsed))
            return reason_set(why, SNS_E_PARAMETER_VALUE,
                              "Could not cast message attribute '%s' value to number.", name);
    }
    *bytes += strlen(name) + strlen(type) + (binary ? strlen(value) / 4 * 3 : strlen(value));
    return 0;
}

static int check_subject(const char *subject, struct reason *why)
{
    bool fine = subject[0] > ' ' && strlen(subject) <= SUBJECT_MAX;
    for (const char *c = subject; *c; c++)
        fine = fine && *c >= ' ' && *c < 0x7f;
    return fine ? 0 : reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Subject");
}

static bool is_xml_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 && !strchr("\t\n\r", *c))
            return false;
    return true;
}

int publication_check(const struct publication *publication, size_t *ret_bytes, struct reason *why)
{
    const char *name;
    json_t *attribute;
    size_t bytes = strlen(publication->message);
    int rc = publication->subject ? check_subject(publication->subject, why) : 0;
    if (rc != 0)
        return rc;
    if (bytes == 0)
        return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Empty message");
    if (!is_xml_text(publication->message))
        return reason_set(
            why, SNS_E_PARAMETER,
            "Invalid parameter: Message Reason: it has control characters that XML cannot carry");
    json_object_foreach ((json_t *)publication->attributes, name, attribute) {
        rc = check_attribute(name, attribute, &bytes, why);
        if (rc != 0)
            return rc;
    }
    *ret_bytes = bytes;
    return bytes <= SNS_MESSAGE_MAX ? 0
                                    : reason_set(why, SNS_E_PARAMETER, "Invalid parameter: Message too long");
}

/* MessageStructure json: the texts by protocol; NULL without. */
static int read_structure(const struct publication *publication, json_t **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *texts = NULL;
    if (!publication->structure || *publication->structure == '\0')
        return 0;
    if (strcmp(publication->structure, "json") != 0)
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: MessageStructure Reason: it is json or none");
    if (json_parse(str_of(publication->message), &texts, NULL) != 0 || !json_is_object(texts))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Message Structure - JSON message body failed to parse");
    if (!json_str(texts, "default", NULL))
        return reason_set(why, SNS_E_PARAMETER,
                          "Invalid parameter: Message Structure - No default entry in JSON message body");
    *ret = take(texts);
    return 0;
}

/* ---- fan-out */

struct fan {
    struct tx *tx;
    const struct platform *platform;
    const struct publication *publication;
    struct topic topic;
    json_t *texts;  /* of MessageStructure json */
    json_t *values; /* what filter policies are compared with */
    json_t *body;   /* the message as JSON, for those of scope MessageBody; NULL: it is none */
    json_t *policy; /* the topic's DeliveryPolicy */
    struct signing signing;
    const char *signed_text; /* the last text that was signed, borrowed, and its signature */
    char signature[SIGN_BASE64_SIZE];
    char arn[SNS_ARN_SIZE];
    char message_id[SNS_ID_SIZE];
    char at[TIME_TEXT_SIZE];
    size_t receivers;
};

static void fan_deinit(struct fan *fan)
{
    topic_unload(&fan->topic);
    json_free(&fan->texts);
    json_free(&fan->values);
    json_free(&fan->body);
    json_free(&fan->policy);
    signing_unload(&fan->signing);
}

static bool wanted(const struct fan *fan, const struct subscription *s)
{
    CLEANUP(json_free) json_t *filter = attribute_json(s->attributes, "FilterPolicy");
    const char *scope = json_str(s->attributes, "FilterPolicyScope", "MessageAttributes");
    if (!filter)
        return true;
    if (strcmp(scope, "MessageBody") == 0)
        return json_is_object(fan->body) && filter_policy_matches(filter, fan->body);
    return filter_policy_matches(filter, fan->values);
}

static int write_envelope(struct fan *fan, const struct subscription *s, const char *text, struct buf *out)
{
    CLEANUP(buf_free) struct buf url = BUF_INIT((size_t)4096);
    char arn[SNS_SUBSCRIPTION_ARN_SIZE];
    subscription_arn(fan->platform, s, arn);
    int rc = unsubscribe_url(fan->platform, arn, &url);
    if (rc == 0 && !fan->signing.key)
        rc = signing_load(fan->tx, &fan->signing);
    if (rc != 0)
        return rc;
    const struct envelope envelope = {
        .type = "Notification",
        .message_id = fan->message_id,
        .topic_arn = fan->arn,
        .subject = fan->publication->subject,
        .message = text,
        .timestamp = fan->at,
        .unsubscribe_url = url.ptr,
        .attributes = fan->publication->attributes,
        .version = json_str(fan->topic.attributes, "SignatureVersion", "1"),
    };
    if (fan->signed_text != text)
        rc = envelope_sign(&fan->signing, &envelope, fan->signature);
    fan->signed_text = rc == 0 ? text : NULL;
    return rc != 0 ? rc : envelope_write(fan->platform, &fan->signing, &envelope, fan->signature, out);
}

/* NULL: SNS's own; `ret` holds the text. */
static int content_type(const struct fan *fan, const struct subscription *s, json_t **ret_effective,
                        const char **ret)
{
    CLEANUP(json_free) json_t *own = attribute_json(s->attributes, "DeliveryPolicy");
    *ret = NULL;
    if (strncmp(s->protocol, "http", 4) != 0)
        return 0;
    int rc = delivery_policy_effective(fan->policy, own, ret_effective);
    *ret = json_str(json_object_get(*ret_effective, "requestPolicy"), "headerContentType", NULL);
    return rc;
}

static int send_one(struct fan *fan, const struct subscription *s)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    CLEANUP(json_free) json_t *effective = NULL;
    const char *text = json_str(fan->texts, "default", fan->publication->message);
    bool raw = subscription_raw(s) && strncmp(s->protocol, "email", 5) != 0;
    struct delivery_new delivery = {.subscription = s, .type = "Notification", .message_id = fan->message_id};
    text = json_str(fan->texts, s->protocol, text);
    fan->receivers++;
    int rc = raw ? buf_puts(&body, text) : write_envelope(fan, s, text, &body);
    if (rc == 0)
        rc = content_type(fan, s, &effective, &delivery.content_type);
    delivery.body = buf_str(&body);
    delivery.raw = raw;
    return rc != 0
               ? rc
               : delivery_add(fan->tx, fan->platform, &delivery, raw ? fan->publication->attributes : NULL);
}

/* One page of the confirmed subscriptions; false in *ret_more after the last. */
static int send_page(struct fan *fan, char after[SNS_ID_SIZE], bool *ret_more)
{
    struct subscription *page = calloc(SNS_PAGE, sizeof(*page));
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t count = 0;
    int rc = page ? tx_query(fan->tx, &rows,
                             "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE account = $1"
                             " AND topic = $2 AND id > $3 AND status = 'confirmed' ORDER BY id LIMIT $4",
                             "sssi", fan->topic.account, fan->topic.name, after, (int64_t)SNS_PAGE)
                  : FAULT(ENOMEM);
    while (rc == 0 && (rc = rows_next(rows)) == 0)
        rc = subscription_read(rows, &page[count++]);
    rows_close(&rows);
    rc = rc == DB_NONE ? 0 : rc;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = wanted(fan, &page[i]) ? send_one(fan, &page[i]) : 0;
    *ret_more = count == SNS_PAGE;
    if (count > 0)
        (void)snprintf(after, SNS_ID_SIZE, "%s", page[count - 1].id);
    for (size_t i = 0; i < count; i++)
        subscription_unload(&page[i]);
    free(page);
    return rc;
}

static int fan_init(struct fan *fan, const char *account, const char *name, struct reason *why)
{
    size_t bytes = 0;
    int rc = topic_load(fan->tx, account, name, &fan->topic, why);
    if (rc == 0)
        rc = publication_check(fan->publication, &bytes, why);
    if (rc == 0)
        rc = read_structure(fan->publication, &fan->texts, why);
    if (rc == 0)
        rc = filter_values(fan->publication->attributes, &fan->values);
    if (rc != 0)
        return rc;
    if (json_parse(str_of(json_str(fan->texts, "default", fan->publication->message)), &fan->body, NULL) != 0)
        fan->body = NULL;
    fan->policy = attribute_json(fan->topic.attributes, "DeliveryPolicy");
    topic_arn(fan->platform, account, name, fan->arn);
    id_uuid(fan->message_id);
    time_iso8601(clock_now_ms(), fan->at);
    return 0;
}

int topic_publish(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                  const struct publication *publication, char ret_message_id[SNS_ID_SIZE],
                  size_t *ret_receivers, struct reason *why)
{
    CLEANUP(fan_deinit) struct fan fan = {.tx = tx, .platform = platform, .publication = publication};
    char after[SNS_ID_SIZE] = "";
    bool more = true;
    int rc = fan_init(&fan, account, name, why);
    while (rc == 0 && more)
        rc = send_page(&fan, after, &more);
    if (rc == 0)
        (void)snprintf(ret_message_id, SNS_ID_SIZE, "%s", fan.message_id);
    if (rc == 0 && ret_receivers)
        *ret_receivers = fan.receivers;
    return rc;
}
