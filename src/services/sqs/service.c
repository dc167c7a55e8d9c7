/* The descriptor of sqs: operations, errors, tables, and the door by which other services send. */
#include "services/service.h"
#include "services/sqs/access.h"
#include "services/sqs/queue.h"
#include "services/sqs/service.h"
#include "services/sqs/shapes.h"

static const struct operation operations[] = {
    {"CreateQueue", "sqs:CreateQueue", OP_WRITE, &create_queue_in, &create_queue_out, api_create_queue},
    {"GetQueueUrl", "sqs:GetQueueUrl", OP_READ, &get_queue_url_in, &create_queue_out, api_get_queue_url},
    {"ListQueues", "sqs:ListQueues", OP_READ, &list_queues_in, &list_queues_out, api_list_queues},
    {"DeleteQueue", "sqs:DeleteQueue", OP_WRITE, &queue_in, NULL, api_delete_queue},
    {"PurgeQueue", "sqs:PurgeQueue", OP_WRITE, &queue_in, NULL, api_purge_queue},
    {"GetQueueAttributes", "sqs:GetQueueAttributes", OP_READ, &get_attributes_in, &get_attributes_out,
     api_get_queue_attributes},
    {"SetQueueAttributes", "sqs:SetQueueAttributes", OP_WRITE, &set_attributes_in, NULL,
     api_set_queue_attributes},
    {"ListDeadLetterSourceQueues", "sqs:ListDeadLetterSourceQueues", OP_READ, &list_sources_in,
     &list_sources_out, api_list_dead_letter_source_queues},
    {"TagQueue", "sqs:TagQueue", OP_WRITE, &tag_queue_in, NULL, api_tag_queue},
    {"UntagQueue", "sqs:UntagQueue", OP_WRITE, &untag_queue_in, NULL, api_untag_queue},
    {"ListQueueTags", "sqs:ListQueueTags", OP_READ, &queue_in, &list_queue_tags_out, api_list_queue_tags},
    {"AddPermission", "sqs:AddPermission", OP_WRITE, &add_permission_in, NULL, api_add_permission},
    {"RemovePermission", "sqs:RemovePermission", OP_WRITE, &remove_permission_in, NULL,
     api_remove_permission},
    {"SendMessage", "sqs:SendMessage", OP_WRITE, &send_in, &send_out, api_send_message,
     .body_max = 8 << 20}, /* 1 MiB of message, escaped */
    {"SendMessageBatch", "sqs:SendMessage", OP_WRITE, &send_batch_in, &send_batch_out, api_send_message_batch,
     .body_max = 8 << 20},
    {"ReceiveMessage", "sqs:ReceiveMessage", 0, &receive_in, &receive_out, api_receive_message},
    {"DeleteMessage", "sqs:DeleteMessage", OP_WRITE, &delete_message_in, NULL, api_delete_message},
    {"DeleteMessageBatch", "sqs:DeleteMessage", OP_WRITE, &delete_batch_in, &delete_batch_out,
     api_delete_message_batch},
    {"ChangeMessageVisibility", "sqs:ChangeMessageVisibility", OP_WRITE, &change_visibility_in, NULL,
     api_change_message_visibility},
    {"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", OP_WRITE, &change_batch_in,
     &change_batch_out, api_change_message_visibility_batch},
};

static const char *const unsupported[] = {
    "CancelMessageMoveTask",
    "ListMessageMoveTasks",
    "StartMessageMoveTask",
    NULL,
};

#define LEGACY(name) "AWS.SimpleQueueService." name

static const struct service_error errors[] = {
    {SQS_E_NO_QUEUE, "QueueDoesNotExist", 400, LEGACY("NonExistentQueue"),
     "The specified queue does not exist."},
    {SQS_E_QUEUE_EXISTS, "QueueNameExists", 400, "QueueAlreadyExists",
     "A queue already exists with the same name and a different value for attribute(s)."},
    {SQS_E_PARAMETER, "InvalidParameterValue", 400, NULL, "One or more parameters are invalid."},
    {SQS_E_ATTRIBUTE_NAME, "InvalidAttributeName", 400, NULL, "The specified attribute doesn't exist."},
    {SQS_E_ATTRIBUTE_VALUE, "InvalidAttributeValue", 400, NULL, "A queue attribute value is invalid."},
    {SQS_E_MISSING, "MissingParameter", 400, NULL, "The request must contain a required parameter."},
    {SQS_E_HANDLE, "ReceiptHandleIsInvalid", 404, NULL, "The specified receipt handle isn't valid."},
    {SQS_E_NOT_IN_FLIGHT, "MessageNotInflight", 400, LEGACY("MessageNotInflight"),
     "The specified message isn't in flight."},
    {SQS_E_CONTENTS, "InvalidMessageContents", 400, NULL,
     "The message contains characters outside the allowed set."},
    {SQS_E_BATCH_EMPTY, "EmptyBatchRequest", 400, LEGACY("EmptyBatchRequest"),
     "The batch request doesn't contain any entries."},
    {SQS_E_BATCH_TOO_MANY, "TooManyEntriesInBatchRequest", 400, LEGACY("TooManyEntriesInBatchRequest"),
     "The batch request contains more entries than permissible."},
    {SQS_E_BATCH_NOT_DISTINCT, "BatchEntryIdsNotDistinct", 400, LEGACY("BatchEntryIdsNotDistinct"),
     "Two or more batch entries in the request have the same Id."},
    {SQS_E_BATCH_ID, "InvalidBatchEntryId", 400, LEGACY("InvalidBatchEntryId"),
     "The Id of a batch entry in a batch request doesn't abide by the specification."},
    {SQS_E_BATCH_TOO_LONG, "BatchRequestTooLong", 400, LEGACY("BatchRequestTooLong"),
     "The length of all the messages put together is more than the limit."},
    {SQS_E_UNSUPPORTED, "UnsupportedOperation", 400, LEGACY("UnsupportedOperation"),
     "This is not supported by Slipway."},
    {SQS_E_OVER_LIMIT, "OverLimit", 403, NULL, "The specified action violates a limit."},
    {SQS_E_DENIED, "AccessDeniedException", 403, "AccessDenied", "Access Denied"},
    {SQS_E_PURGING, "PurgeQueueInProgress", 403, LEGACY("PurgeQueueInProgress"),
     "Only one PurgeQueue operation on a queue is allowed every 60 seconds."},
    {SQS_E_ADDRESS, "InvalidAddress", 404, NULL, "The address is not valid for this endpoint."},
};

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE sqs_queue ("
        " id BIGINT PRIMARY KEY,"
        " account TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " attributes TEXT NOT NULL,"
        " created_ms BIGINT NOT NULL,"
        " modified_ms BIGINT NOT NULL,"
        " last_message BIGINT NOT NULL,"
        " UNIQUE (account, name));"
        "CREATE TABLE sqs_message ("
        " queue BIGINT NOT NULL,"
        " id BIGINT NOT NULL,"
        " message_id TEXT NOT NULL,"
        " body TEXT NOT NULL,"
        " attributes TEXT,"
        " sender TEXT NOT NULL,"
        " source TEXT,"
        " sent_ms BIGINT NOT NULL,"
        " visible_ms BIGINT NOT NULL,"
        " receives BIGINT NOT NULL,"
        " first_receive_ms BIGINT,"
        " receipt TEXT,"
        " PRIMARY KEY (queue, id));"
        "CREATE INDEX sqs_message_visible ON sqs_message (queue, visible_ms, id);"},
    /* Messages may have 1 MiB; what a queue was made to take stays what it takes. */
    {2, "UPDATE sqs_queue SET attributes = '{\"MaximumMessageSize\":\"262144\"' || "
        "CASE WHEN attributes = '{}' THEN '' ELSE ',' END || substr(attributes, 2) "
        "WHERE attributes NOT LIKE '%\"MaximumMessageSize\":\"%';"},
    {3, "ALTER TABLE sqs_queue ADD COLUMN tags TEXT;"
        "ALTER TABLE sqs_queue ADD COLUMN purged_ms BIGINT;"
        "ALTER TABLE sqs_message ADD COLUMN system_attributes TEXT;"},
};

bool queue_account_of(const char *arn, char ret_account[13])
{
    char name[SQS_NAME_MAX + 1];
    return queue_split_arn(str_of(arn), ret_account, name);
}

int queue_send(struct tx *tx, const struct platform *platform, const struct sender *sender, const char *arn,
               struct str body, const json_t *attributes, struct reason *why)
{
    char account[13];
    char name[SQS_NAME_MAX + 1];
    char id[37];
    CLEANUP(queue_unload) struct queue queue = {0};
    int rc =
        queue_split_arn(str_of(arn), account, name) ? queue_load(tx, account, name, &queue) : SQS_E_NO_QUEUE;
    if (rc == SQS_E_NO_QUEUE)
        return reason_set(why, rc, "The queue %s does not exist.", arn);
    if (rc == 0)
        rc = queue_admit(platform, &queue, sender, why);
    if (rc != 0)
        return rc;
    const struct outgoing message = {body, attributes, -1, account};
    return message_send(tx, &queue, &message, id, why);
}

static int deliver(struct tx *tx, const struct platform *platform, const struct sender *sender,
                   const char *target_arn, struct str body)
{
    int rc = queue_send(tx, platform, sender, target_arn, body, NULL, NULL);
    if (rc == SQS_E_DENIED)
        return DELIVER_REFUSED;
    return rc > 0 ? DELIVER_NO_TARGET : rc; /* it is gone, or takes none so long */
}

const struct service sqs_service = {
    .name = "sqs",
    .protocols = PROTOCOL_JSON_10 | PROTOCOL_QUERY,
    .target_prefix = "AmazonSQS",
    .api_version = "2012-11-05",
    .xmlns = "http://queue.amazonaws.com/doc/2012-11-05/",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "InvalidParameterValue",
    .migrations = migrations,
    .migration_count = ARRAY_LEN(migrations),
    .deliver = deliver,
};
