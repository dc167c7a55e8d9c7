/* The JSON forms in which a message leaves, signed with the server's own key. Source: SNS Developer Guide,
 * "Parsing message formats", "Verifying the signatures of Amazon SNS messages". */
#pragma once

#include "base/buf.h"
#include "base/sign.h"
#include "services/sns/topic.h"

struct envelope {
    const char *type; /* "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation" */
    const char *message_id;
    const char *topic_arn;
    const char *subject; /* NULL: none */
    const char *message;
    const char *timestamp;
    const char *token;           /* confirmations */
    const char *subscribe_url;   /* confirmations */
    const char *unsubscribe_url; /* notifications */
    const json_t *attributes;    /* MessageAttributes; NULL: none */
    const char *version;         /* SignatureVersion: "1" (SHA-1), "2" (SHA-256) */
};

/* The key in use, made with its certificate when there is none yet. */
struct signing {
    char id[33];
    struct evp_pkey_st *key;
    char *certificate;
};

void signing_unload(struct signing *signing); /* CLEANUP-able */
int signing_load(struct tx *tx, struct signing *ret) MUST_USE;
/* Where the certificate is served; its path ends with .pem. */
int signing_url(const struct platform *platform, const struct signing *signing, struct buf *out) MUST_USE;
/* Has a key before the first message needs one. */
int signing_start(const struct platform *platform, void **ret_state) MUST_USE;

/* What a signature covers. */
int envelope_to_sign(const struct envelope *envelope, struct buf *out) MUST_USE;
int envelope_sign(const struct signing *signing, const struct envelope *envelope,
                  char ret[SIGN_BASE64_SIZE]) MUST_USE;
int envelope_write(const struct platform *platform, const struct signing *signing,
                   const struct envelope *envelope, const char *signature, struct buf *out) MUST_USE;

/* "ENDPOINT/?Action=ConfirmSubscription&TopicArn=…&Token=…" and "…Unsubscribe&SubscriptionArn=…" */
int subscribe_url(const struct platform *platform, const char *arn, const char *token,
                  struct buf *out) MUST_USE;
int unsubscribe_url(const struct platform *platform, const char *arn, struct buf *out) MUST_USE;
