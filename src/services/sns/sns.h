/* Topics as other services see them: codepipeline publishes, CloudFormation's resources create, inside their
 * own transaction.
 *
 * Every function returns 0, a fault, or an enum sns_outcome with words in *why (which may be NULL). `account`
 * is the 12-digit id of the topic's owner. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include "db/db.h"
#include <jansson.h>

struct platform;

/* Outcomes; service.c's table gives each its AWS code and status. */
enum sns_outcome {
    SNS_E_NOT_FOUND = 100, /* apart from the outcomes of db/ and of sqs */
    SNS_E_PARAMETER,
    SNS_E_PARAMETER_VALUE,
    SNS_E_DENIED,
    SNS_E_FILTER_LIMIT,
    SNS_E_TAG_LIMIT,
    SNS_E_RESOURCE_NOT_FOUND,
    SNS_E_BATCH_EMPTY,
    SNS_E_BATCH_TOO_MANY,
    SNS_E_BATCH_NOT_DISTINCT,
    SNS_E_BATCH_ID,
    SNS_E_BATCH_TOO_LONG,
    SNS_E_NONCE,
    SNS_E_DELIVERY_STATE,
};

#define SNS_NAME_MAX 256
#define SNS_ARN_SIZE 512
#define SNS_ID_SIZE 37
#define SNS_SUBSCRIPTION_ARN_SIZE (SNS_ARN_SIZE + SNS_ID_SIZE)

/* "arn:aws:sns:REGION:ACCOUNT:NAME" */
void topic_arn(const struct platform *platform, const char *account, const char *name,
               char ret[SNS_ARN_SIZE]);
/* False when it is no topic's ARN. */
bool topic_split_arn(struct str arn, char ret_account[13], char ret_name[SNS_NAME_MAX + 1]);

/* `attributes` (object of strings, as in CreateTopic) and `tags` (list of {Key, Value}) may be NULL. Done
 * also when the topic exists with those. SNS_E_PARAMETER, SNS_E_TAG_LIMIT. */
int topic_create(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 const json_t *attributes, const json_t *tags, struct reason *why) MUST_USE;
/* 0 or SNS_E_NOT_FOUND. */
int topic_exists(struct tx *tx, const char *account, const char *name) MUST_USE;
/* With its subscriptions and what was still to be delivered; also when it does not exist. */
int topic_delete(struct tx *tx, const char *account, const char *name) MUST_USE;
/* `value` "" or NULL: the attribute's default. SNS_E_NOT_FOUND, SNS_E_PARAMETER. */
int topic_set_attribute(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                        const char *attribute, const char *value, struct reason *why) MUST_USE;
/* Replaces all tags. SNS_E_NOT_FOUND, SNS_E_PARAMETER, SNS_E_TAG_LIMIT. */
int topic_put_tags(struct tx *tx, const char *account, const char *name, const json_t *tags,
                   struct reason *why) MUST_USE;

struct publication {
    const char *message;
    const char *subject;      /* NULL: none */
    const char *structure;    /* "json": one text a protocol; NULL */
    const json_t *attributes; /* MessageAttributes as in the API, or NULL */
};

/* What the subscriptions get: queues at once, in this transaction; all others by the courier. *ret_receivers
 * (may be NULL): how many have confirmed, and want it. SNS_E_NOT_FOUND, SNS_E_PARAMETER,
 * SNS_E_PARAMETER_VALUE. */
int topic_publish(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                  const struct publication *publication, char ret_message_id[SNS_ID_SIZE],
                  size_t *ret_receivers, struct reason *why) MUST_USE;

struct subscription_spec {
    const char *account; /* the topic's */
    const char *topic;
    const char *owner;     /* the account that subscribes */
    const char *principal; /* its ARN */
    const char *protocol;
    const char *endpoint;
    const json_t *attributes; /* object of strings, or NULL */
};

/* A queue of the owner's is subscribed at once; others are asked to confirm. The same again gives the same.
 * SNS_E_NOT_FOUND, SNS_E_PARAMETER, SNS_E_FILTER_LIMIT. */
int subscription_create(struct tx *tx, const struct platform *platform, const struct subscription_spec *spec,
                        char ret_arn[SNS_SUBSCRIPTION_ARN_SIZE], bool *ret_pending,
                        struct reason *why) MUST_USE;
/* `value` "" or NULL: none. SNS_E_NOT_FOUND, SNS_E_PARAMETER, SNS_E_FILTER_LIMIT. */
int subscription_set_attribute(struct tx *tx, const struct platform *platform, const char *arn,
                               const char *attribute, const char *value, struct reason *why) MUST_USE;
/* That of a protocol and an endpoint, when there is one. */
int subscription_drop(struct tx *tx, const char *account, const char *topic, const char *protocol,
                      const char *endpoint) MUST_USE;
/* Done also when there is none. SNS_E_PARAMETER: no ARN of a subscription. */
int subscription_delete(struct tx *tx, const char *arn, struct reason *why) MUST_USE;
