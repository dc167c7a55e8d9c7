/* The descriptor of sns. Source: SNS API reference, 2010-03-31. */
#include "services/sns/service.h"
#include "services/sns/api.h"
#include "services/sns/envelope.h"
#include "services/sns/shapes.h"

static const struct operation operations[] = {
    {"CreateTopic", "sns:CreateTopic", OP_WRITE, &sns_create_topic_in, &sns_topic_out, sns_create_topic},
    {"DeleteTopic", "sns:DeleteTopic", OP_WRITE, &sns_topic_in, NULL, sns_delete_topic},
    {"ListTopics", "sns:ListTopics", OP_READ, &sns_page_in, &sns_topics_out, sns_list_topics},
    {"GetTopicAttributes", "sns:GetTopicAttributes", OP_READ, &sns_topic_in, &sns_attributes_out,
     sns_get_topic_attributes},
    {"SetTopicAttributes", "sns:SetTopicAttributes", OP_WRITE, &sns_set_topic_in, NULL,
     sns_set_topic_attributes},
    {"TagResource", "sns:TagResource", OP_WRITE, &sns_tag_in, &sns_empty_out, sns_tag_resource},
    {"UntagResource", "sns:UntagResource", OP_WRITE, &sns_untag_in, &sns_empty_out, sns_untag_resource},
    {"ListTagsForResource", "sns:ListTagsForResource", OP_READ, &sns_resource_in, &sns_tags_out,
     sns_list_tags},
    {"Subscribe", "sns:Subscribe", OP_WRITE, &sns_subscribe_in, &sns_subscription_out, sns_subscribe},
    {"ConfirmSubscription", "sns:ConfirmSubscription", OP_WRITE | OP_ANONYMOUS, &sns_confirm_in,
     &sns_subscription_out, sns_confirm_subscription},
    {"Unsubscribe", "sns:Unsubscribe", OP_WRITE | OP_ANONYMOUS, &sns_subscription_in, NULL, sns_unsubscribe},
    {"ListSubscriptions", "sns:ListSubscriptions", OP_READ, &sns_page_in, &sns_subscriptions_out,
     sns_list_subscriptions},
    {"ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", OP_READ, &sns_by_topic_in,
     &sns_subscriptions_out, sns_list_subscriptions_by_topic},
    {"GetSubscriptionAttributes", "sns:GetSubscriptionAttributes", OP_READ, &sns_subscription_in,
     &sns_attributes_out, sns_get_subscription_attributes},
    {"SetSubscriptionAttributes", "sns:SetSubscriptionAttributes", OP_WRITE, &sns_set_subscription_in, NULL,
     sns_set_subscription_attributes},
    {"Publish", "sns:Publish", OP_WRITE, &sns_publish_in, &sns_publish_out, sns_publish, .body_max = 2 << 20},
    {"PublishBatch", "sns:Publish", OP_WRITE, &sns_batch_in, &sns_batch_out, sns_publish_batch,
     .body_max = 2 << 20},
    {"GetSigningCertificate", "sns:GetSigningCertificate", OP_READ | OP_ANONYMOUS | OP_EXTENSION,
     &sns_certificate_in, NULL, sns_get_signing_certificate},
    {"PollForDeliveries", "sns:PollForDeliveries", OP_EXTENSION, &sns_poll_in, &sns_poll_out,
     sns_poll_for_deliveries},
    {"PutDeliveryResult", "sns:PutDeliveryResult", OP_WRITE | OP_EXTENSION, &sns_result_in, NULL,
     sns_put_delivery_result},
    {"ListDeliveries", "sns:ListDeliveries", OP_READ | OP_EXTENSION, &sns_list_deliveries_in,
     &sns_list_deliveries_out, sns_list_deliveries},
    {"RetryDelivery", "sns:RetryDelivery", OP_WRITE | OP_EXTENSION, &sns_delivery_in, NULL,
     sns_retry_delivery},
};

static const char *const unsupported[] = {
    "AddPermission",
    "CheckIfPhoneNumberIsOptedOut",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "GetDataProtectionPolicy",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "OptInPhoneNumber",
    "PutDataProtectionPolicy",
    "RemovePermission",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
    "VerifySMSSandboxPhoneNumber",
    NULL,
};

static const struct service_error errors[] = {
    {CALL_DENIED, "AuthorizationError", 403, NULL, "You are not authorized to do this."},
    {SNS_E_NOT_FOUND, "NotFound", 404, NULL, "The resource does not exist."},
    {SNS_E_PARAMETER, "InvalidParameter", 400, NULL, "A parameter is not valid."},
    {SNS_E_PARAMETER_VALUE, "ParameterValueInvalid", 400, NULL, "A parameter's value is not valid."},
    {SNS_E_DENIED, "AuthorizationError", 403, NULL, "You are not authorized to do this."},
    {SNS_E_FILTER_LIMIT, "FilterPolicyLimitExceeded", 403, NULL, "There are too many filter policies."},
    {SNS_E_TAG_LIMIT, "TagLimitExceeded", 400, NULL, "A topic has at most 50 tags."},
    {SNS_E_RESOURCE_NOT_FOUND, "ResourceNotFound", 404, NULL, "The resource does not exist."},
    {SNS_E_BATCH_EMPTY, "EmptyBatchRequest", 400, NULL, "The batch request doesn't contain any entries."},
    {SNS_E_BATCH_TOO_MANY, "TooManyEntriesInBatchRequest", 400, NULL,
     "The batch request contains more entries than permissible (more than 10)."},
    {SNS_E_BATCH_NOT_DISTINCT, "BatchEntryIdsNotDistinct", 400, NULL,
     "Two or more batch entries in the request have the same Id."},
    {SNS_E_BATCH_ID, "InvalidBatchEntryId", 400, NULL,
     "The Id of a batch entry in a batch request doesn't abide by the specification."},
    {SNS_E_BATCH_TOO_LONG, "BatchRequestTooLong", 400, NULL,
     "The length of all the batch messages put together is more than the limit."},
    {SNS_E_NONCE, "InvalidNonce", 400, NULL, "The delivery is not leased with this nonce."},
    {SNS_E_DELIVERY_STATE, "InvalidState", 400, NULL, "Only a dead delivery is tried again."},
};

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE sns_topic ("
        " account TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " attributes TEXT NOT NULL,"
        " tags TEXT NOT NULL,"
        " created_ms BIGINT NOT NULL,"
        " deleted BIGINT NOT NULL,"
        " PRIMARY KEY (account, name));"
        "CREATE TABLE sns_subscription ("
        " id TEXT PRIMARY KEY,"
        " account TEXT NOT NULL,"
        " topic TEXT NOT NULL,"
        " owner TEXT NOT NULL,"
        " principal TEXT NOT NULL,"
        " protocol TEXT NOT NULL,"
        " endpoint TEXT NOT NULL,"
        " token TEXT NOT NULL,"
        " status TEXT NOT NULL,"
        " authenticated BIGINT NOT NULL,"
        " guarded BIGINT NOT NULL,"
        " asked_ms BIGINT NOT NULL,"
        " attributes TEXT NOT NULL,"
        " UNIQUE (account, topic, protocol, endpoint));"
        "CREATE INDEX sns_subscription_topic ON sns_subscription (account, topic, id);"
        "CREATE INDEX sns_subscription_owner ON sns_subscription (owner, id);"
        "CREATE TABLE sns_delivery ("
        " id BIGINT PRIMARY KEY,"
        " account TEXT NOT NULL,"
        " topic TEXT NOT NULL,"
        " subscription TEXT NOT NULL,"
        " protocol TEXT NOT NULL,"
        " endpoint TEXT NOT NULL,"
        " type TEXT NOT NULL,"
        " message_id TEXT NOT NULL,"
        " body TEXT NOT NULL,"
        " content_type TEXT,"
        " raw BIGINT NOT NULL,"
        " state TEXT NOT NULL,"
        " attempts BIGINT NOT NULL,"
        " due_ms BIGINT,"
        " worker TEXT,"
        " nonce TEXT,"
        " created_ms BIGINT NOT NULL,"
        " updated_ms BIGINT NOT NULL,"
        " last_status BIGINT,"
        " last_error TEXT,"
        " dead_queue TEXT);"
        "CREATE INDEX sns_delivery_due ON sns_delivery (due_ms);"
        "CREATE INDEX sns_delivery_account ON sns_delivery (account, id);"
        "CREATE INDEX sns_delivery_topic ON sns_delivery (account, topic, id);"
        "CREATE INDEX sns_delivery_subscription ON sns_delivery (subscription);"
        "CREATE TABLE sns_key ("
        " id TEXT PRIMARY KEY,"
        " private_key TEXT NOT NULL,"
        " certificate TEXT NOT NULL,"
        " created_ms BIGINT NOT NULL);"},
    {2,
     "CREATE INDEX sns_delivery_turn ON sns_delivery (subscription, due_ms, id) WHERE due_ms IS NOT NULL;"},
};

/* S3 is who hands events over; its subject is AWS's. */
static int deliver(struct tx *tx, const struct platform *platform, const struct sender *sender UNUSED,
                   const char *target_arn, struct str body)
{
    char account[13];
    char name[SNS_NAME_MAX + 1];
    char id[SNS_ID_SIZE];
    if (!topic_split_arn(str_of(target_arn), account, name))
        return DELIVER_NO_TARGET;
    CLEANUP(free_ptr) char *message = str_dup(body);
    if (!message)
        return FAULT(ENOMEM);
    const struct publication publication = {.message = message, .subject = "Amazon S3 Notification"};
    int rc = topic_publish(tx, platform, account, name, &publication, id, NULL, NULL);
    return rc > 0 ? DELIVER_NO_TARGET : rc;
}

const struct service sns_service = {
    .name = "sns",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2010-03-31",
    .xmlns = "http://sns.amazonaws.com/doc/2010-03-31/",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "ValidationError",
    .migrations = migrations,
    .migration_count = ARRAY_LEN(migrations),
    .start = signing_start,
    .deliver = deliver,
};
