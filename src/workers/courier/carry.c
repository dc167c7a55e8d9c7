/* A delivery by protocol: POST with SNS's headers, or a mail. Redirects are not followed: an endpoint is what
 * was subscribed. Source: SNS Developer Guide, "Parsing message formats", "Message delivery retries". */
#include "workers/courier/carry.h"
#include "base/hash.h"
#include "wire/json.h"
#include <stdio.h>

#define POST_TIMEOUT_MS 15000
#define ANSWER_MAX ((size_t)1 << 20)
#define TEXT_MAX ((size_t)2 << 20)
#define HEADERS_MAX 8
#define CONTENT_TYPE "text/plain; charset=UTF-8"

static int body_of(const json_t *delivery, struct buf *ret)
{
    struct str text = str_of(json_str(delivery, "Body", ""));
    size_t len = 0;
    int r = buf_reserve(ret, text.len + 1);

    if (r)
        return FAULT(r);
    if (!base64_decode(text, ret->ptr, &len))
        return FAULT(EBADMSG);
    ret->len = len;
    ret->ptr[len] = '\0';
    return 0;
}

static bool is_true(const json_t *delivery, const char *member)
{
    return strcmp(json_str(delivery, member, ""), "true") == 0 || json_bool(delivery, member, false);
}

/* ---- http, https */

static size_t post_headers(const json_t *delivery, struct http_header headers[HEADERS_MAX])
{
    const char *type = json_str(delivery, "MessageType", "");
    bool notification = strcmp(type, "Notification") == 0;
    const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"x-amz-sns-message-type", type},
        {"x-amz-sns-message-id", json_str(delivery, "MessageId", "")},
        {"x-amz-sns-topic-arn", json_str(delivery, "TopicArn", "")},
        {"x-amz-sns-subscription-arn", notification ? json_str(delivery, "SubscriptionArn", "") : NULL},
        {"x-amz-sns-rawdelivery", is_true(delivery, "RawMessage") ? "true" : NULL},
        {"Content-Type", json_str(delivery, "ContentType", CONTENT_TYPE)},
    };
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value)
            headers[count++] = (struct http_header){str_of(rows[i].name), str_of(rows[i].value)};
    return count;
}

/* 4xx is the client's error, as AWS has it: the same again would get the same. 429 only asks for patience. */
static int post_outcome(unsigned status, const char *endpoint, struct reason *why)
{
    bool refused = status >= 400 && status < 500 && status != 429;

    if (status >= 200 && status < 300)
        return 0;
    return reason_set(why, refused ? CARRY_REFUSED : CARRY_FAILED, "%.800s answered with HTTP status %u%s.",
                      endpoint, status, status >= 300 && status < 400 ? "; redirects are not followed" : "");
}

static const char *fault_words(int fault)
{
    static const struct {
        int fault;
        const char *words;
    } rows[] = {
        {-ECONNREFUSED, "nobody answers there"},
        {-EHOSTUNREACH, "its name is not known"},
        {-ETIMEDOUT, "it did not answer within 15 seconds"},
        {-EACCES, "its certificate is not trusted"},
        {-EPROTO, "TLS could not be agreed on with it"},
        {-EFBIG, "its answer is longer than 1 MiB"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].fault == fault)
            return rows[i].words;
    return strerror(-fault);
}

static int carry_post(const struct carrier *carrier, const json_t *delivery, struct str body,
                      unsigned *ret_status, struct reason *why)
{
    struct http_header headers[HEADERS_MAX];
    struct http_exchange exchange = {
        .method = "POST",
        .url = json_str(delivery, "Endpoint", ""),
        .headers = headers,
        .header_count = post_headers(delivery, headers),
        .body = body,
        .body_fd = -1,
        .sink_fd = -1,
        .timeout_ms = POST_TIMEOUT_MS,
        .cancel = carrier->cancel,
        .answer = BUF_INIT(ANSWER_MAX),
        .raw_headers = BUF_INIT((size_t)65536),
    };
    int r = http_exchange(carrier->http, &exchange);

    *ret_status = exchange.status;
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    if (r == 0)
        return post_outcome(exchange.status, exchange.url, why);
    if (r == -ECANCELED)
        return CARRY_RELEASED;
    if (r == -ENOMEM)
        return r;
    return reason_set(why, r == -EINVAL ? CARRY_REFUSED : CARRY_FAILED, "%.800s: %s.", exchange.url,
                      fault_words(r));
}

/* ---- email, email-json */

static int write_confirmation(const json_t *message, struct buf *out)
{
    buf_puts(out, json_str(message, "Message", ""));
    buf_puts(out, "\n\nSubscribeURL: ");
    return buf_puts(out, json_str(message, "SubscribeURL", ""));
}

static int write_notification(const json_t *message, struct buf *out)
{
    buf_puts(out, json_str(message, "Message", ""));
    buf_puts(
        out,
        "\n\n--\nIf you wish to stop receiving notifications from this topic, please visit the link below to "
        "unsubscribe:\n");
    return buf_puts(out, json_str(message, "UnsubscribeURL", ""));
}

/* Of email-json the envelope itself is the text. */
static int write_text(const json_t *delivery, const json_t *message, struct str body, struct buf *out)
{
    bool whole = strcmp(json_str(delivery, "Protocol", ""), "email-json") == 0;
    bool notification = strcmp(json_str(message, "Type", ""), "Notification") == 0;
    int r = whole          ? buf_put_str(out, body)
            : notification ? write_notification(message, out)
                           : write_confirmation(message, out);

    return r ? FAULT(r) : 0;
}

static const char *subject_of(const json_t *message)
{
    if (strcmp(json_str(message, "Type", ""), "Notification") == 0)
        return json_str(message, "Subject", "AWS Notification Message");
    return "AWS Notification - Subscription Confirmation";
}

static int mail_outcome(int r, struct reason *why)
{
    if (r == MAIL_E_REFUSED || r == MAIL_E_RETRY)
        return r == MAIL_E_REFUSED ? CARRY_REFUSED : CARRY_FAILED;
    if (r == -ECANCELED)
        return CARRY_RELEASED;
    (void)why;
    return r;
}

static int carry_mail(const struct carrier *carrier, const json_t *delivery, struct str body,
                      unsigned *ret_status, struct reason *why)
{
    CLEANUP(json_free) json_t *message = NULL;
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    int r;

    if (!carrier->mail.url)
        return reason_set(
            why, CARRY_REFUSED,
            "No mail server is set: start `slipway serve` with --smtp-url and --smtp-from, then "
            "`slipway notifications --retry ID`.");
    if (json_parse(body, &message, NULL) != 0)
        return reason_set(why, CARRY_REFUSED, "The message is no JSON document.");
    r = write_text(delivery, message, body, &text);
    if (r)
        return r;
    const struct mail mail = {
        .from = carrier->mail_from,
        .from_name = json_str(delivery, "DisplayName", ""),
        .to = json_str(delivery, "Endpoint", ""),
        .subject = subject_of(message),
        .text = buf_str(&text),
        .content_type =
            strcmp(json_str(delivery, "Protocol", ""), "email-json") == 0 ? "application/json" : NULL,
        .id = json_str(delivery, "MessageId", ""),
    };
    return mail_outcome(mail_send(&carrier->mail, &mail, ret_status, why), why);
}

/* ---- by protocol */

static const struct {
    const char *protocol;
    int (*carry)(const struct carrier *carrier, const json_t *delivery, struct str body, unsigned *ret_status,
                 struct reason *why);
} ways[] = {
    {"http", carry_post},
    {"https", carry_post},
    {"email", carry_mail},
    {"email-json", carry_mail},
};

int carry(const struct carrier *carrier, const json_t *delivery, unsigned *ret_status, struct reason *why)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(TEXT_MAX);
    const char *protocol = json_str(delivery, "Protocol", "");
    int r = body_of(delivery, &body);

    *ret_status = 0;
    if (r)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (strcmp(ways[i].protocol, protocol) == 0)
            return ways[i].carry(carrier, delivery, buf_str(&body), ret_status, why);
    return reason_set(why, CARRY_REFUSED, "This courier carries nothing by %.64s.", protocol);
}
