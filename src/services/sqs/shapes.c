/* See shapes.h. Required members are checked by the handlers: SQS calls their absence MissingParameter, not a
 * validation error. Source: the SQS API reference and botocore's model of 2012-11-05. */
#include "services/sqs/shapes.h"

static const struct field text_fields[] = {{"text", FIELD_STRING}};
static const struct shape text_shape = SHAPE(text_fields);
static const struct field blob_fields[] = {{"blob", FIELD_BLOB}};
static const struct shape blob_shape = SHAPE(blob_fields);

#define QUEUE_URL                                                                                            \
    {                                                                                                        \
        "QueueUrl", FIELD_STRING                                                                             \
    }
#define ATTRIBUTE_MAP(flags_)                                                                                \
    {                                                                                                        \
        .name = "Attributes", .type = FIELD_MAP, .flags = FIELD_FLAT | (flags_), .of = &text_shape,          \
        .wire_name = "Attribute", .item = "entry", .map_key = "Name", .map_value = "Value"                   \
    }
#define ATTRIBUTE_NAMES(name_, wire_)                                                                        \
    {                                                                                                        \
        .name = (name_), .type = FIELD_LIST, .flags = FIELD_FLAT, .of = &text_shape, .wire_name = (wire_)    \
    }
#define LIST_OF(name_, wire_, shape_)                                                                        \
    {                                                                                                        \
        .name = (name_), .type = FIELD_LIST, .flags = FIELD_FLAT, .of = &(shape_), .wire_name = (wire_)      \
    }

static const struct field attribute_value_fields[] = {
    {"DataType", FIELD_STRING},
    {"StringValue", FIELD_STRING},
    {"BinaryValue", FIELD_BLOB},
    LIST_OF("StringListValues", "StringListValue", text_shape),
    LIST_OF("BinaryListValues", "BinaryListValue", blob_shape),
};
static const struct shape attribute_value_members = SHAPE(attribute_value_fields);
static const struct field attribute_value_item[] = {
    {.name = "value", .type = FIELD_STRUCT, .of = &attribute_value_members}};
static const struct shape attribute_value_shape = SHAPE(attribute_value_item);

#define MESSAGE_ATTRIBUTES                                                                                   \
    {                                                                                                        \
        .name = "MessageAttributes", .type = FIELD_MAP, .flags = FIELD_FLAT, .of = &attribute_value_shape,   \
        .wire_name = "MessageAttribute", .map_key = "Name", .map_value = "Value"                             \
    }

#define TAG_MAP(name_)                                                                                       \
    {                                                                                                        \
        .name = (name_), .type = FIELD_MAP, .flags = FIELD_FLAT, .of = &text_shape, .wire_name = "Tag",      \
        .map_key = "Key", .map_value = "Value"                                                               \
    }

static const struct field create_queue_in_fields[] = {
    {"QueueName", FIELD_STRING}, ATTRIBUTE_MAP(0), TAG_MAP("tags")};
const struct shape create_queue_in = SHAPE(create_queue_in_fields);

static const struct field create_queue_out_fields[] = {QUEUE_URL};
const struct shape create_queue_out = SHAPE(create_queue_out_fields);

static const struct field get_queue_url_in_fields[] = {
    {"QueueName", FIELD_STRING},
    {"QueueOwnerAWSAccountId", FIELD_STRING},
};
const struct shape get_queue_url_in = SHAPE(get_queue_url_in_fields);

static const struct field list_queues_in_fields[] = {
    {"QueueNamePrefix", FIELD_STRING},
    {"NextToken", FIELD_STRING},
    {"MaxResults", FIELD_INTEGER},
};
const struct shape list_queues_in = SHAPE(list_queues_in_fields);

static const struct field list_queues_out_fields[] = {
    LIST_OF("QueueUrls", "QueueUrl", text_shape),
    {"NextToken", FIELD_STRING},
};
const struct shape list_queues_out = SHAPE(list_queues_out_fields);

static const struct field queue_in_fields[] = {QUEUE_URL};
const struct shape queue_in = SHAPE(queue_in_fields);

static const struct field get_attributes_in_fields[] = {
    QUEUE_URL,
    ATTRIBUTE_NAMES("AttributeNames", "AttributeName"),
};
const struct shape get_attributes_in = SHAPE(get_attributes_in_fields);

static const struct field get_attributes_out_fields[] = {ATTRIBUTE_MAP(0)};
const struct shape get_attributes_out = SHAPE(get_attributes_out_fields);

static const struct field set_attributes_in_fields[] = {QUEUE_URL, ATTRIBUTE_MAP(0)};
const struct shape set_attributes_in = SHAPE(set_attributes_in_fields);

static const struct field list_sources_in_fields[] = {
    QUEUE_URL,
    {"NextToken", FIELD_STRING},
    {"MaxResults", FIELD_INTEGER},
};
const struct shape list_sources_in = SHAPE(list_sources_in_fields);

static const struct field list_sources_out_fields[] = {
    LIST_OF("queueUrls", "QueueUrl", text_shape),
    {"NextToken", FIELD_STRING},
};
const struct shape list_sources_out = SHAPE(list_sources_out_fields);

static const struct field tag_queue_in_fields[] = {QUEUE_URL, TAG_MAP("Tags")};
const struct shape tag_queue_in = SHAPE(tag_queue_in_fields);

static const struct field untag_queue_in_fields[] = {QUEUE_URL, LIST_OF("TagKeys", "TagKey", text_shape)};
const struct shape untag_queue_in = SHAPE(untag_queue_in_fields);

static const struct field list_queue_tags_out_fields[] = {TAG_MAP("Tags")};
const struct shape list_queue_tags_out = SHAPE(list_queue_tags_out_fields);

static const struct field add_permission_in_fields[] = {
    QUEUE_URL,
    {"Label", FIELD_STRING},
    LIST_OF("AWSAccountIds", "AWSAccountId", text_shape),
    LIST_OF("Actions", "ActionName", text_shape),
};
const struct shape add_permission_in = SHAPE(add_permission_in_fields);

static const struct field remove_permission_in_fields[] = {QUEUE_URL, {"Label", FIELD_STRING}};
const struct shape remove_permission_in = SHAPE(remove_permission_in_fields);

#define SENT_MEMBERS                                                                                         \
    {"MessageBody", FIELD_STRING}, {"DelaySeconds", FIELD_INTEGER}, MESSAGE_ATTRIBUTES,                      \
        {.name = "MessageSystemAttributes",                                                                  \
         .type = FIELD_MAP,                                                                                  \
         .flags = FIELD_FLAT,                                                                                \
         .of = &attribute_value_shape,                                                                       \
         .wire_name = "MessageSystemAttribute",                                                              \
         .map_key = "Name",                                                                                  \
         .map_value = "Value"},                                                                              \
        {"MessageDeduplicationId", FIELD_STRING},                                                            \
    {                                                                                                        \
        "MessageGroupId", FIELD_STRING                                                                       \
    }

static const struct field send_in_fields[] = {QUEUE_URL, SENT_MEMBERS};
const struct shape send_in = SHAPE(send_in_fields);

static const struct field send_out_fields[] = {
    {"MD5OfMessageBody", FIELD_STRING},
    {"MD5OfMessageAttributes", FIELD_STRING},
    {"MD5OfMessageSystemAttributes", FIELD_STRING},
    {"MessageId", FIELD_STRING},
};
const struct shape send_out = SHAPE(send_out_fields);

static const struct field send_entry_fields[] = {{"Id", FIELD_STRING}, SENT_MEMBERS};
static const struct shape send_entry_members = SHAPE(send_entry_fields);
static const struct field send_entry_item[] = {
    {.name = "entry", .type = FIELD_STRUCT, .of = &send_entry_members}};
static const struct shape send_entry_shape = SHAPE(send_entry_item);
static const struct field send_batch_in_fields[] = {
    QUEUE_URL,
    LIST_OF("Entries", "SendMessageBatchRequestEntry", send_entry_shape),
};
const struct shape send_batch_in = SHAPE(send_batch_in_fields);

static const struct field failed_fields[] = {
    {"Id", FIELD_STRING},
    {"SenderFault", FIELD_BOOLEAN},
    {"Code", FIELD_STRING},
    {"Message", FIELD_STRING},
};
static const struct shape failed_members = SHAPE(failed_fields);
static const struct field failed_item[] = {{.name = "entry", .type = FIELD_STRUCT, .of = &failed_members}};
static const struct shape failed_shape = SHAPE(failed_item);

static const struct field sent_fields[] = {
    {"Id", FIELD_STRING},
    {"MessageId", FIELD_STRING},
    {"MD5OfMessageBody", FIELD_STRING},
    {"MD5OfMessageAttributes", FIELD_STRING},
    {"MD5OfMessageSystemAttributes", FIELD_STRING},
};
static const struct shape sent_members = SHAPE(sent_fields);
static const struct field sent_item[] = {{.name = "entry", .type = FIELD_STRUCT, .of = &sent_members}};
static const struct shape sent_shape = SHAPE(sent_item);
static const struct field send_batch_out_fields[] = {
    LIST_OF("Successful", "SendMessageBatchResultEntry", sent_shape),
    LIST_OF("Failed", "BatchResultErrorEntry", failed_shape),
};
const struct shape send_batch_out = SHAPE(send_batch_out_fields);

static const struct field receive_in_fields[] = {
    QUEUE_URL,
    ATTRIBUTE_NAMES("AttributeNames", "AttributeName"),
    ATTRIBUTE_NAMES("MessageSystemAttributeNames", "MessageSystemAttributeName"),
    ATTRIBUTE_NAMES("MessageAttributeNames", "MessageAttributeName"),
    {"MaxNumberOfMessages", FIELD_INTEGER},
    {"VisibilityTimeout", FIELD_INTEGER},
    {"WaitTimeSeconds", FIELD_INTEGER},
    {"ReceiveRequestAttemptId", FIELD_STRING},
};
const struct shape receive_in = SHAPE(receive_in_fields);

static const struct field message_fields[] = {
    {"MessageId", FIELD_STRING},
    {"ReceiptHandle", FIELD_STRING},
    {"MD5OfBody", FIELD_STRING},
    {"Body", FIELD_STRING},
    ATTRIBUTE_MAP(0),
    {"MD5OfMessageAttributes", FIELD_STRING},
    MESSAGE_ATTRIBUTES,
};
static const struct shape message_members = SHAPE(message_fields);
static const struct field message_item[] = {
    {.name = "message", .type = FIELD_STRUCT, .of = &message_members}};
static const struct shape message_shape = SHAPE(message_item);
static const struct field receive_out_fields[] = {LIST_OF("Messages", "Message", message_shape)};
const struct shape receive_out = SHAPE(receive_out_fields);

static const struct field delete_message_in_fields[] = {QUEUE_URL, {"ReceiptHandle", FIELD_STRING}};
const struct shape delete_message_in = SHAPE(delete_message_in_fields);

static const struct field delete_entry_fields[] = {{"Id", FIELD_STRING}, {"ReceiptHandle", FIELD_STRING}};
static const struct shape delete_entry_members = SHAPE(delete_entry_fields);
static const struct field delete_entry_item[] = {
    {.name = "entry", .type = FIELD_STRUCT, .of = &delete_entry_members}};
static const struct shape delete_entry_shape = SHAPE(delete_entry_item);
static const struct field delete_batch_in_fields[] = {
    QUEUE_URL,
    LIST_OF("Entries", "DeleteMessageBatchRequestEntry", delete_entry_shape),
};
const struct shape delete_batch_in = SHAPE(delete_batch_in_fields);

#define CHANGE_MEMBERS                                                                                       \
    {"ReceiptHandle", FIELD_STRING},                                                                         \
    {                                                                                                        \
        "VisibilityTimeout", FIELD_INTEGER                                                                   \
    }

static const struct field change_visibility_in_fields[] = {QUEUE_URL, CHANGE_MEMBERS};
const struct shape change_visibility_in = SHAPE(change_visibility_in_fields);

static const struct field change_entry_fields[] = {{"Id", FIELD_STRING}, CHANGE_MEMBERS};
static const struct shape change_entry_members = SHAPE(change_entry_fields);
static const struct field change_entry_item[] = {
    {.name = "entry", .type = FIELD_STRUCT, .of = &change_entry_members}};
static const struct shape change_entry_shape = SHAPE(change_entry_item);
static const struct field change_batch_in_fields[] = {
    QUEUE_URL,
    LIST_OF("Entries", "ChangeMessageVisibilityBatchRequestEntry", change_entry_shape),
};
const struct shape change_batch_in = SHAPE(change_batch_in_fields);

static const struct field done_fields[] = {{"Id", FIELD_STRING}};
static const struct shape done_members = SHAPE(done_fields);
static const struct field done_item[] = {{.name = "entry", .type = FIELD_STRUCT, .of = &done_members}};
static const struct shape done_shape = SHAPE(done_item);

static const struct field delete_batch_out_fields[] = {
    LIST_OF("Successful", "DeleteMessageBatchResultEntry", done_shape),
    LIST_OF("Failed", "BatchResultErrorEntry", failed_shape),
};
const struct shape delete_batch_out = SHAPE(delete_batch_out_fields);

static const struct field change_batch_out_fields[] = {
    LIST_OF("Successful", "ChangeMessageVisibilityBatchResultEntry", done_shape),
    LIST_OF("Failed", "BatchResultErrorEntry", failed_shape),
};
const struct shape change_batch_out = SHAPE(change_batch_out_fields);
