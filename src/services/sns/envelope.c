/* See envelope.h. */
#include "services/sns/envelope.h"
#include "services/service.h"
#include "wire/json.h"
#include "wire/uri.h"

#define URL_MAX ((size_t)4096)

static int url_start(const struct platform *platform, const char *action, struct buf *out)
{
    buf_puts(out, platform->endpoint);
    buf_puts(out, "/?Action=");
    return buf_puts(out, action);
}

static int url_part(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, '&');
    buf_puts(out, name);
    buf_putc(out, '=');
    uri_encode(out, str_of(value), false);
    return buf_error(out) ? FAULT(buf_error(out)) : 0;
}

int subscribe_url(const struct platform *platform, const char *arn, const char *token, struct buf *out)
{
    int rc = url_start(platform, "ConfirmSubscription", out);
    if (rc == 0)
        rc = url_part(out, "TopicArn", arn);
    return rc != 0 ? rc : url_part(out, "Token", token);
}

int unsubscribe_url(const struct platform *platform, const char *arn, struct buf *out)
{
    int rc = url_start(platform, "Unsubscribe", out);
    return rc != 0 ? rc : url_part(out, "SubscriptionArn", arn);
}

int signing_url(const struct platform *platform, const struct signing *signing, struct buf *out)
{
    int rc = url_start(platform, "GetSigningCertificate", out);
    buf_puts(out, "&Name=SimpleNotificationService-");
    buf_puts(out, signing->id);
    buf_puts(out, ".pem");
    return rc != 0 || buf_error(out) ? FAULT(buf_error(out)) : 0;
}

/* ---- the signature */

int envelope_to_sign(const struct envelope *envelope, struct buf *out)
{
    const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"Message", envelope->message},     {"MessageId", envelope->message_id},
        {"Subject", envelope->subject},     {"SubscribeURL", envelope->subscribe_url},
        {"Timestamp", envelope->timestamp}, {"Token", envelope->token},
        {"TopicArn", envelope->topic_arn},  {"Type", envelope->type},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].value)
            continue;
        buf_puts(out, rows[i].name);
        buf_putc(out, '\n');
        buf_puts(out, rows[i].value);
        buf_putc(out, '\n');
    }
    return buf_error(out) ? FAULT(buf_error(out)) : 0;
}

int envelope_sign(const struct signing *signing, const struct envelope *envelope, char ret[SIGN_BASE64_SIZE])
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)2 * SNS_MESSAGE_MAX);
    enum hash_type type = strcmp(envelope->version, "2") == 0 ? HASH_SHA256 : HASH_SHA1;
    int rc = envelope_to_sign(envelope, &text);
    return rc != 0 ? rc : sign_rsa(signing->key, type, buf_str(&text), ret);
}

/* ---- the document */

static int put_attributes(json_t *out, const json_t *attributes)
{
    json_t *shown = json_object();
    const char *name;
    json_t *attribute;
    int rc = json_put(out, "MessageAttributes", shown);
    json_object_foreach ((json_t *)attributes, name, attribute) {
        const char *type = json_str(attribute, "DataType", "");
        const char *value = json_str(attribute, "StringValue", json_str(attribute, "BinaryValue", ""));
        if (rc == 0)
            rc = json_put(shown, name, json_pack("{s:s, s:s}", "Type", type, "Value", value));
    }
    return rc;
}

int envelope_write(const struct platform *platform, const struct signing *signing,
                   const struct envelope *envelope, const char *signature, struct buf *out)
{
    CLEANUP(buf_free) struct buf url = BUF_INIT(URL_MAX);
    CLEANUP(json_free) json_t *document = NULL;
    int rc = signing_url(platform, signing, &url);
    if (rc != 0)
        return rc;
    document = json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:s*, s:s, s:s, s:s, s:s, s:s*}", "Type",
                         envelope->type, "MessageId", envelope->message_id, "Token", envelope->token,
                         "TopicArn", envelope->topic_arn, "Subject", envelope->subject, "Message",
                         envelope->message, "SubscribeURL", envelope->subscribe_url, "Timestamp",
                         envelope->timestamp, "SignatureVersion", envelope->version, "Signature", signature,
                         "SigningCertURL", url.ptr, "UnsubscribeURL", envelope->unsubscribe_url);
    rc = document ? 0 : FAULT(ENOMEM);
    if (rc == 0 && json_object_size(envelope->attributes) > 0)
        rc = put_attributes(document, envelope->attributes);
    return rc != 0 ? rc : json_write(document, out);
}
