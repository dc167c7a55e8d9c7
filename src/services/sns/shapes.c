/* See shapes.h. Source: botocore's model of 2010-03-31. */
#include "services/sns/shapes.h"

#define ARN_MAX 1011

static const struct field text_fields[] = {{"text", FIELD_STRING}};
static const struct shape text_shape = SHAPE(text_fields);

#define NEEDED(name_)                                                                                        \
    {                                                                                                        \
        .name = (name_), .flags = FIELD_REQUIRED                                                             \
    }
#define TEXT(name_)                                                                                          \
    {                                                                                                        \
        .name = (name_)                                                                                      \
    }
#define LIST_OF(name_, shape_)                                                                               \
    {                                                                                                        \
        .name = (name_), .type = FIELD_LIST, .of = &(shape_)                                                 \
    }
#define ATTRIBUTE_MAP                                                                                        \
    {                                                                                                        \
        .name = "Attributes", .type = FIELD_MAP, .of = &text_shape                                           \
    }

static const struct field tag_fields[] = {NEEDED("Key"), NEEDED("Value")};
static const struct shape tag = SHAPE(tag_fields);
static const struct field tag_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &tag}};
static const struct shape tag_item = SHAPE(tag_item_fields);

static const struct field value_fields[] = {
    {.name = "DataType", .flags = FIELD_REQUIRED},
    {"StringValue", FIELD_STRING},
    {"BinaryValue", FIELD_BLOB},
};
static const struct shape value = SHAPE(value_fields);
static const struct field value_item_fields[] = {{.name = "value", .type = FIELD_STRUCT, .of = &value}};
static const struct shape value_item = SHAPE(value_item_fields);

/* ---- topics */

static const struct field create_topic_in_fields[] = {
    NEEDED("Name"), ATTRIBUTE_MAP, LIST_OF("Tags", tag_item), TEXT("DataProtectionPolicy")};
const struct shape sns_create_topic_in = SHAPE(create_topic_in_fields);
static const struct field topic_out_fields[] = {TEXT("TopicArn")};
const struct shape sns_topic_out = SHAPE(topic_out_fields);
static const struct field topic_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &sns_topic_out}};
static const struct shape topic_item = SHAPE(topic_item_fields);
static const struct field topic_in_fields[] = {NEEDED("TopicArn")};
const struct shape sns_topic_in = SHAPE(topic_in_fields);
static const struct field page_in_fields[] = {TEXT("NextToken")};
const struct shape sns_page_in = SHAPE(page_in_fields);
static const struct field topics_out_fields[] = {LIST_OF("Topics", topic_item), TEXT("NextToken")};
const struct shape sns_topics_out = SHAPE(topics_out_fields);
static const struct field attributes_out_fields[] = {ATTRIBUTE_MAP};
const struct shape sns_attributes_out = SHAPE(attributes_out_fields);
static const struct field set_topic_in_fields[] = {NEEDED("TopicArn"), NEEDED("AttributeName"),
                                                   TEXT("AttributeValue")};
const struct shape sns_set_topic_in = SHAPE(set_topic_in_fields);

#define RESOURCE                                                                                             \
    {                                                                                                        \
        .name = "ResourceArn", .flags = FIELD_REQUIRED, .min = 1, .max = ARN_MAX                             \
    }
static const struct field tag_in_fields[] = {
    RESOURCE, {.name = "Tags", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .of = &tag_item}};
const struct shape sns_tag_in = SHAPE(tag_in_fields);
static const struct field untag_in_fields[] = {
    RESOURCE, {.name = "TagKeys", .type = FIELD_LIST, .flags = FIELD_REQUIRED, .of = &text_shape}};
const struct shape sns_untag_in = SHAPE(untag_in_fields);
static const struct field resource_in_fields[] = {RESOURCE};
const struct shape sns_resource_in = SHAPE(resource_in_fields);
static const struct field tags_out_fields[] = {LIST_OF("Tags", tag_item)};
const struct shape sns_tags_out = SHAPE(tags_out_fields);
const struct shape sns_empty_out = {text_fields, 0};

/* ---- subscriptions */

static const struct field subscribe_in_fields[] = {NEEDED("TopicArn"),
                                                   NEEDED("Protocol"),
                                                   TEXT("Endpoint"),
                                                   ATTRIBUTE_MAP,
                                                   {"ReturnSubscriptionArn", FIELD_BOOLEAN}};
const struct shape sns_subscribe_in = SHAPE(subscribe_in_fields);
static const struct field subscription_out_fields[] = {TEXT("SubscriptionArn")};
const struct shape sns_subscription_out = SHAPE(subscription_out_fields);
static const struct field confirm_in_fields[] = {NEEDED("TopicArn"), NEEDED("Token"),
                                                 TEXT("AuthenticateOnUnsubscribe")};
const struct shape sns_confirm_in = SHAPE(confirm_in_fields);
static const struct field subscription_in_fields[] = {NEEDED("SubscriptionArn")};
const struct shape sns_subscription_in = SHAPE(subscription_in_fields);
static const struct field by_topic_in_fields[] = {NEEDED("TopicArn"), TEXT("NextToken")};
const struct shape sns_by_topic_in = SHAPE(by_topic_in_fields);
static const struct field subscription_fields[] = {TEXT("SubscriptionArn"), TEXT("Owner"), TEXT("Protocol"),
                                                   TEXT("Endpoint"), TEXT("TopicArn")};
static const struct shape subscription = SHAPE(subscription_fields);
static const struct field subscription_item_fields[] = {
    {.name = "", .type = FIELD_STRUCT, .of = &subscription}};
static const struct shape subscription_item = SHAPE(subscription_item_fields);
static const struct field subscriptions_out_fields[] = {LIST_OF("Subscriptions", subscription_item),
                                                        TEXT("NextToken")};
const struct shape sns_subscriptions_out = SHAPE(subscriptions_out_fields);
static const struct field set_subscription_in_fields[] = {NEEDED("SubscriptionArn"), NEEDED("AttributeName"),
                                                          TEXT("AttributeValue")};
const struct shape sns_set_subscription_in = SHAPE(set_subscription_in_fields);

/* ---- messages */

#define PUBLISHED                                                                                            \
    NEEDED("Message"), TEXT("Subject"), TEXT("MessageStructure"),                                            \
        {.name = "MessageAttributes",                                                                        \
         .type = FIELD_MAP,                                                                                  \
         .of = &value_item,                                                                                  \
         .map_key = "Name",                                                                                  \
         .map_value = "Value"},                                                                              \
        TEXT("MessageDeduplicationId"), TEXT("MessageGroupId")

static const struct field publish_in_fields[] = {TEXT("TopicArn"), TEXT("TargetArn"), TEXT("PhoneNumber"),
                                                 PUBLISHED};
const struct shape sns_publish_in = SHAPE(publish_in_fields);
static const struct field publish_out_fields[] = {TEXT("MessageId"), TEXT("SequenceNumber")};
const struct shape sns_publish_out = SHAPE(publish_out_fields);
static const struct field entry_fields[] = {NEEDED("Id"), PUBLISHED};
static const struct shape entry = SHAPE(entry_fields);
static const struct field entry_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &entry}};
static const struct shape entry_item = SHAPE(entry_item_fields);
static const struct field batch_in_fields[] = {NEEDED("TopicArn"),
                                               LIST_OF("PublishBatchRequestEntries", entry_item)};
const struct shape sns_batch_in = SHAPE(batch_in_fields);
static const struct field done_fields[] = {TEXT("Id"), TEXT("MessageId"), TEXT("SequenceNumber")};
static const struct shape done = SHAPE(done_fields);
static const struct field done_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &done}};
static const struct shape done_item = SHAPE(done_item_fields);
static const struct field failed_fields[] = {
    TEXT("Id"), TEXT("Code"), TEXT("Message"), {"SenderFault", FIELD_BOOLEAN}};
static const struct shape failed = SHAPE(failed_fields);
static const struct field failed_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &failed}};
static const struct shape failed_item = SHAPE(failed_item_fields);
static const struct field batch_out_fields[] = {LIST_OF("Successful", done_item),
                                                LIST_OF("Failed", failed_item)};
const struct shape sns_batch_out = SHAPE(batch_out_fields);

/* ---- deliveries: Slipway's own */

static const struct field certificate_in_fields[] = {NEEDED("Name")};
const struct shape sns_certificate_in = SHAPE(certificate_in_fields);

static const struct field poll_in_fields[] = {
    {.name = "WorkerId", .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "SuccessorOf", .min = 1, .max = 200},
    {.name = "MaxBatchSize", .type = FIELD_INTEGER, .min = 1, .max = 50},
    {.name = "WaitMs", .type = FIELD_INTEGER, .min = 0, .max = 60000},
};
const struct shape sns_poll_in = SHAPE(poll_in_fields);
static const struct field leased_fields[] = {TEXT("DeliveryId"),
                                             TEXT("Nonce"),
                                             TEXT("Protocol"),
                                             TEXT("Endpoint"),
                                             TEXT("MessageType"),
                                             TEXT("MessageId"),
                                             TEXT("TopicArn"),
                                             TEXT("SubscriptionArn"),
                                             TEXT("ContentType"),
                                             TEXT("DisplayName"),
                                             {"RawMessage", FIELD_BOOLEAN},
                                             {"LeaseMs", FIELD_INTEGER},
                                             {"Body", FIELD_BLOB}};
static const struct shape leased = SHAPE(leased_fields);
static const struct field leased_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &leased}};
static const struct shape leased_item = SHAPE(leased_item_fields);
static const struct field poll_out_fields[] = {LIST_OF("Deliveries", leased_item)};
const struct shape sns_poll_out = SHAPE(poll_out_fields);

static const char *const results[] = {"Delivered", "Failed", "Refused", "Released", NULL};
static const struct field result_in_fields[] = {
    NEEDED("DeliveryId"),
    NEEDED("Nonce"),
    {.name = "Result", .flags = FIELD_REQUIRED, .values = results},
    {"StatusCode", FIELD_INTEGER},
    {.name = "Message", .max = 2048}};
const struct shape sns_result_in = SHAPE(result_in_fields);

static const char *const states[] = {"pending", "leased", "delivered", "dead", NULL};
static const struct field list_deliveries_in_fields[] = {
    TEXT("TopicArn"),
    {.name = "State", .values = states},
    TEXT("NextToken"),
    {.name = "MaxResults", .type = FIELD_INTEGER, .min = 1, .max = 100}};
const struct shape sns_list_deliveries_in = SHAPE(list_deliveries_in_fields);
static const struct field delivery_fields[] = {TEXT("DeliveryId"),
                                               TEXT("TopicArn"),
                                               TEXT("SubscriptionArn"),
                                               TEXT("Protocol"),
                                               TEXT("Endpoint"),
                                               TEXT("MessageType"),
                                               TEXT("MessageId"),
                                               TEXT("State"),
                                               {"Attempts", FIELD_INTEGER},
                                               {"CreatedDate", FIELD_TIMESTAMP},
                                               {"UpdatedDate", FIELD_TIMESTAMP},
                                               {"NextAttemptDate", FIELD_TIMESTAMP},
                                               {"LastStatusCode", FIELD_INTEGER},
                                               TEXT("LastError"),
                                               TEXT("DeadLetterQueueArn")};
static const struct shape delivery = SHAPE(delivery_fields);
static const struct field delivery_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &delivery}};
static const struct shape delivery_item = SHAPE(delivery_item_fields);
static const struct field list_deliveries_out_fields[] = {LIST_OF("Deliveries", delivery_item),
                                                          TEXT("NextToken")};
const struct shape sns_list_deliveries_out = SHAPE(list_deliveries_out_fields);
static const struct field delivery_in_fields[] = {NEEDED("DeliveryId")};
const struct shape sns_delivery_in = SHAPE(delivery_in_fields);
