/* Queues as other services see them: CloudFormation's resources call these inside their own transaction.
 *
 * Every function returns 0, a fault, or an enum sqs_outcome with words in *why (which may be NULL). `account`
 * is the 12-digit id of the queue's owner. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include "db/db.h"
#include <jansson.h>

struct platform;
struct sender;

/* Outcomes; api.c's table gives each its AWS code and status. */
enum sqs_outcome {
    SQS_E_NO_QUEUE = 100, /* apart from the outcomes of db/ */
    SQS_E_QUEUE_EXISTS,   /* with other attributes than those asked for */
    SQS_E_PARAMETER,      /* InvalidParameterValue */
    SQS_E_ATTRIBUTE_NAME,
    SQS_E_ATTRIBUTE_VALUE,
    SQS_E_MISSING,
    SQS_E_HANDLE,
    SQS_E_NOT_IN_FLIGHT,
    SQS_E_UNAVAILABLE,
    SQS_E_CONTENTS,
    SQS_E_BATCH_EMPTY,
    SQS_E_BATCH_TOO_MANY,
    SQS_E_BATCH_NOT_DISTINCT,
    SQS_E_BATCH_ID,
    SQS_E_BATCH_TOO_LONG,
    SQS_E_UNSUPPORTED,
    SQS_E_OVER_LIMIT,
    SQS_E_DENIED,
    SQS_E_PURGING,
    SQS_E_ADDRESS,
};

#define SQS_NAME_MAX 80

/* `attributes` is an object of strings as in CreateQueue ("VisibilityTimeout": "30", "RedrivePolicy": "{…}"),
 * borrowed, NULL for none. Done also when the queue exists with the same attributes. SQS_E_QUEUE_EXISTS,
 * SQS_E_PARAMETER, SQS_E_ATTRIBUTE_*. */
int queue_create(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 const json_t *attributes, struct reason *why) MUST_USE;
/* Changes those attributes that are named; the others stay. SQS_E_NO_QUEUE, SQS_E_ATTRIBUTE_*. */
int queue_set_attributes(struct tx *tx, const struct platform *platform, const char *account,
                         const char *name, const json_t *attributes, struct reason *why) MUST_USE;
/* These tags (an object of texts), and no others. SQS_E_NO_QUEUE, SQS_E_PARAMETER. */
int queue_put_tags(struct tx *tx, const char *account, const char *name, const json_t *tags,
                   struct reason *why) MUST_USE;
/* With all its messages. SQS_E_NO_QUEUE. */
int queue_delete(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                 struct reason *why) MUST_USE;
/* 0 when there is such a queue, else SQS_E_NO_QUEUE. */
int queue_exists(struct tx *tx, const char *account, const char *name) MUST_USE;

/* The account of the queue that an ARN names; false when it names none. */
bool queue_account_of(const char *arn, char ret_account[13]);
/* Sends to the queue that an ARN names, if that takes what the sender sends; `attributes` are
 * MessageAttributes as in the API, or NULL. SQS_E_NO_QUEUE, SQS_E_DENIED, SQS_E_PARAMETER, SQS_E_CONTENTS. */
int queue_send(struct tx *tx, const struct platform *platform, const struct sender *sender, const char *arn,
               struct str body, const json_t *attributes, struct reason *why) MUST_USE;

/* Splits "ENDPOINT/ACCOUNT/NAME"; false: it is no queue's URL. */
bool queue_split_url(struct str url, char ret_account[13], char ret_name[SQS_NAME_MAX + 1]);
/* Appended to *out: "arn:aws:sqs:REGION:ACCOUNT:NAME" and "ENDPOINT/ACCOUNT/NAME". */
void queue_arn(const struct platform *platform, const char *account, const char *name, struct buf *out);
void queue_url(const struct platform *platform, const char *account, const char *name, struct buf *out);
