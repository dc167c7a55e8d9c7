/* Topics and subscriptions inside sns: what the operations and the domain functions share. */
#pragma once

#include "services/sns/sns.h"

#define SNS_MESSAGE_MAX 262144
#define SNS_PAGE 100
#define SNS_TAGS_MAX 50
#define SNS_BATCH_MAX 10
#define SNS_FILTERS_MAX 200 /* filter policies a topic */
#define SNS_TOKEN_SIZE 65
#define SNS_ENDPOINT_MAX 2048
#define SNS_CONFIRM_MS (2 * INT64_C(86400000)) /* a token's life */

struct topic {
    char account[13];
    char name[SNS_NAME_MAX + 1];
    json_t *attributes; /* those that were set, as strings */
    json_t *tags;       /* list of {Key, Value} */
    int64_t deleted;    /* subscriptions that were ended */
};

void topic_unload(struct topic *topic); /* CLEANUP-able */
/* Fills a zeroed *ret. SNS_E_NOT_FOUND. */
int topic_load(struct tx *tx, const char *account, const char *name, struct topic *ret,
               struct reason *why) MUST_USE;
/* The same by ARN; SNS_E_PARAMETER when it is none. */
int topic_find(struct tx *tx, const char *arn, struct topic *ret, struct reason *why) MUST_USE;
int tags_merge(const json_t *old, const json_t *tags, json_t **ret, struct reason *why) MUST_USE;

/* topic_attributes.c */
int topic_attribute_check(const char *name, const char *value, struct reason *why) MUST_USE;
/* All attributes, the computed ones too. */
int topic_attributes_show(struct tx *tx, const struct platform *platform, const struct topic *topic,
                          json_t *out) MUST_USE;

enum subscription_status {
    SUBSCRIPTION_PENDING,
    SUBSCRIPTION_CONFIRMED,
    SUBSCRIPTION_ENDED, /* by an unsigned Unsubscribe: its token may bring it back for SNS_CONFIRM_MS */
};

struct subscription {
    char id[SNS_ID_SIZE];
    char account[13]; /* the topic's */
    char topic[SNS_NAME_MAX + 1];
    char owner[13];
    char principal[512];
    char protocol[16];
    char endpoint[SNS_ENDPOINT_MAX + 1];
    char token[SNS_TOKEN_SIZE];
    enum subscription_status status;
    bool authenticated; /* confirmed by a signed request */
    bool guarded;       /* AuthenticateOnUnsubscribe */
    int64_t asked_ms;   /* when the token was sent */
    json_t *attributes;
};

void subscription_unload(struct subscription *subscription); /* CLEANUP-able */
void subscription_arn(const struct platform *platform, const struct subscription *subscription,
                      char ret[SNS_SUBSCRIPTION_ARN_SIZE]);
/* By ARN. SNS_E_NOT_FOUND, SNS_E_PARAMETER. */
int subscription_find(struct tx *tx, const char *arn, struct subscription *ret, struct reason *why) MUST_USE;
/* The columns that subscription_read takes, in a SELECT. */
#define SUBSCRIPTION_COLUMNS                                                                                 \
    "id, account, topic, owner, principal, protocol, endpoint, token, status, authenticated, guarded,"       \
    " asked_ms, attributes"
int subscription_read(struct rows *rows, struct subscription *ret) MUST_USE;
/* `authenticated`: a signed request confirms; `guard`: AuthenticateOnUnsubscribe. SNS_E_NOT_FOUND,
 * SNS_E_PARAMETER. */
int subscription_confirm(struct tx *tx, const struct topic *topic, const char *token, bool authenticated,
                         bool guard, struct subscription *ret, struct reason *why) MUST_USE;
/* An unsigned Unsubscribe: the endpoint is told how to take it back. SNS_E_DENIED. */
int subscription_end_unsigned(struct tx *tx, const struct platform *platform, const char *arn,
                              struct reason *why) MUST_USE;
/* Those that this account owns or (topic given) those of a topic, after `after`; at most `max`.
 * {SubscriptionArn, Owner, Protocol, Endpoint, TopicArn}. ret_last: the last one's id. */
int subscription_list(struct tx *tx, const struct platform *platform, const char *owner, const char *topic,
                      const char *after, size_t max, json_t *list, char ret_last[SNS_ID_SIZE]) MUST_USE;

/* subscription_attributes.c */
int subscription_attributes_check(struct tx *tx, const char *owner, const json_t *attributes,
                                  struct reason *why) MUST_USE;
int subscription_attribute_check(struct tx *tx, const char *owner, const char *name, const char *value,
                                 struct reason *why) MUST_USE;
int subscription_attributes_show(const struct platform *platform, const struct topic *topic,
                                 const struct subscription *subscription, json_t *out) MUST_USE;
bool subscription_raw(const struct subscription *subscription);
/* Parsed attribute; NULL when it is not set. The caller's. */
json_t *attribute_json(const json_t *attributes, const char *name) MUST_USE;
