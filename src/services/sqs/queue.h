/* A queue and its messages inside sqs: what the operations and the domain functions share. */
#pragma once

#include "services/sqs/sqs.h"

#define SQS_BATCH_MAX 10
#define SQS_ATTRIBUTES_MAX 10
#define SQS_MESSAGE_MAX 1048576 /* bytes with its attributes, and of a batch */
#define SQS_RECEIPT_SIZE 17     /* 16 hex digits: one receive of one message */
#define SQS_TOPIC_SIZE 128

struct queue {
    int64_t id; /* 0: not loaded */
    char account[13];
    char name[SQS_NAME_MAX + 1];
    json_t *attributes; /* those that were set, as strings */
    int64_t created_ms;
    int64_t modified_ms;
};

void queue_unload(struct queue *queue); /* CLEANUP-able */
/* Fills a zeroed *ret. SQS_E_NO_QUEUE. */
int queue_load(struct tx *tx, const char *account, const char *name, struct queue *ret) MUST_USE;
/* A numeric attribute's value or its default. */
int64_t queue_number(const struct queue *queue, const char *attribute);
/* An attribute that is a text; NULL: it has none. */
const char *queue_text(const struct queue *queue, const char *attribute);
/* Whether an attribute has this value, by itself or by default. */
bool queue_has_value(const struct queue *queue, const char *attribute, const char *value);
/* Where its dead letters go: false when nowhere. `ret_name` holds SQS_NAME_MAX + 1 bytes. */
bool queue_redrive(const struct queue *queue, char *ret_name, int64_t *ret_max_receives);
/* The topic that its long polls wait for. */
void queue_topic(const char *account, const char *name, char ret[SQS_TOPIC_SIZE]);
/* What a look at what was sent to it is about (db_look): whatever adds a message touches it, a receive does
 * not. */
uint64_t queue_subject(const struct queue *queue);
/* Splits "arn:aws:sqs:REGION:ACCOUNT:NAME". */
bool queue_split_arn(struct str arn, char ret_account[13], char ret_name[SQS_NAME_MAX + 1]);

/* Its tags, an object of texts; the caller's. */
int queue_tags(struct tx *tx, const struct queue *queue, json_t **ret) MUST_USE;
/* These, and no others. SQS_E_PARAMETER. */
int queue_set_tags(struct tx *tx, const struct queue *queue, const json_t *tags, struct reason *why) MUST_USE;
/* Deletes all its messages, once a minute. SQS_E_PURGING. */
int queue_purge(struct tx *tx, const struct queue *queue, struct reason *why) MUST_USE;

/* Checks names and values of attributes for the account's queue of that name, which need not exist yet; a
 * dead letter queue must. SQS_E_ATTRIBUTE_*, SQS_E_PARAMETER, SQS_E_OVER_LIMIT, SQS_E_UNSUPPORTED. */
int attributes_check(struct tx *tx, const char *account, const char *queue, const json_t *attributes,
                     struct reason *why) MUST_USE;
bool attribute_known(const char *name);
/* All attributes (computed ones too) into `out`, or only those named in the list `names`. */
int attributes_get(struct tx *tx, const struct platform *platform, const struct queue *queue,
                   const json_t *names, json_t *out, struct reason *why) MUST_USE;

struct outgoing {
    struct str body;
    const json_t *attributes; /* MessageAttributes as in the API, or NULL */
    int64_t delay_s;          /* -1: the queue's */
    const char *sender;       /* a user id or an account id */
    const json_t *system;     /* what the receiver is told beside: {"AWSTraceHeader": text}; NULL: nothing */
};

/* ret_id: the message id. SQS_E_PARAMETER, SQS_E_CONTENTS. */
int message_send(struct tx *tx, const struct queue *queue, const struct outgoing *message, char ret_id[37],
                 struct reason *why) MUST_USE;
/* 0 when something can be received now; DB_NONE when not: *ret_next_ms is then when something becomes
 * visible, INT64_MAX for never. */
int message_ready(struct tx *tx, const struct queue *queue, int64_t now_ms, int64_t *ret_next_ms) MUST_USE;
/* Appends up to `max` messages to the list `out`, fewer if they are large, each hidden for visibility_s. A
 * message that has been received too often goes to the dead letter queue instead. */
int message_receive(struct tx *tx, const struct platform *platform, const struct queue *queue, int64_t max,
                    int64_t visibility_s, json_t *out) MUST_USE;
/* A handle of an earlier receive deletes nothing. SQS_E_HANDLE. */
int message_delete(struct tx *tx, const struct queue *queue, struct str handle, struct reason *why) MUST_USE;
/* SQS_E_HANDLE, SQS_E_NOT_IN_FLIGHT, SQS_E_PARAMETER. */
int message_change_visibility(struct tx *tx, const struct queue *queue, struct str handle,
                              int64_t visibility_s, struct reason *why) MUST_USE;
int message_purge(struct tx *tx, const struct queue *queue) MUST_USE;

/* Upper bounds, names, data types and values of MessageAttributes. SQS_E_PARAMETER. */
int message_attributes_check(const json_t *attributes, struct reason *why) MUST_USE;
/* What they count towards the message's size: names, types and values. */
size_t message_attributes_bytes(const json_t *attributes);
/* MD5 as AWS computes it over MessageAttributes ("SQS Developer Guide, Calculating the MD5 message digest for
 * message attributes"). */
int message_attributes_md5(const json_t *attributes, char ret[33]) MUST_USE;
