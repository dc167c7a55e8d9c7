/* AWS::S3::Bucket. Source: CloudFormation "AWS::S3::Bucket" reference. */
#include "services/s3/s3.h"
#include "services/cloudformation/resources/s3_bucket_rules.h"
#include "services/cloudformation/resources/types.h"
#include "services/service.h"
#include "wire/json.h"

static const char *const statuses[] = {"Enabled", "Suspended", NULL};
static const struct property versioning_rows[] = {
    {.name = "Status", .type = PROPERTY_TEXT, .required = true, .values = statuses},
};
static const struct properties versioning = PROPERTIES(versioning_rows);

static const struct property rule_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Value", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties rule = PROPERTIES(rule_rows);
static const struct property rule_item[] = {{.name = "Rule", .type = PROPERTY_STRUCT, .of = &rule}};
static const struct properties rules = PROPERTIES(rule_item);
static const struct property s3_key_rows[] = {
    {.name = "Rules", .type = PROPERTY_LIST, .required = true, .of = &rules},
};
static const struct properties s3_key = PROPERTIES(s3_key_rows);
static const struct property filter_rows[] = {
    {.name = "S3Key", .type = PROPERTY_STRUCT, .required = true, .of = &s3_key},
};
static const struct properties filter = PROPERTIES(filter_rows);
static const struct property queue_rows[] = {
    {.name = "Event", .type = PROPERTY_TEXT, .required = true},
    {.name = "Queue", .type = PROPERTY_TEXT, .required = true},
    {.name = "Filter", .type = PROPERTY_STRUCT, .of = &filter},
};
static const struct properties queue = PROPERTIES(queue_rows);
static const struct property queue_item[] = {
    {.name = "QueueConfiguration", .type = PROPERTY_STRUCT, .of = &queue}};
static const struct properties queues = PROPERTIES(queue_item);
static const struct property topic_rows[] = {
    {.name = "Event", .type = PROPERTY_TEXT, .required = true},
    {.name = "Topic", .type = PROPERTY_TEXT, .required = true},
    {.name = "Filter", .type = PROPERTY_STRUCT, .of = &filter},
};
static const struct properties topic = PROPERTIES(topic_rows);
static const struct property topic_item[] = {
    {.name = "TopicConfiguration", .type = PROPERTY_STRUCT, .of = &topic}};
static const struct properties topics = PROPERTIES(topic_item);
static const struct property notification_rows[] = {
    {.name = "QueueConfigurations", .type = PROPERTY_LIST, .of = &queues},
    {.name = "TopicConfigurations", .type = PROPERTY_LIST, .of = &topics},
};
static const struct properties notification = PROPERTIES(notification_rows);

static const struct property redirect_all_rows[] = {
    {.name = "HostName", .type = PROPERTY_TEXT, .required = true},
    {.name = "Protocol", .type = PROPERTY_TEXT},
};
static const struct properties redirect_all = PROPERTIES(redirect_all_rows);
static const struct property redirect_rows[] = {
    {.name = "HostName", .type = PROPERTY_TEXT},
    {.name = "HttpRedirectCode", .type = PROPERTY_TEXT},
    {.name = "Protocol", .type = PROPERTY_TEXT},
    {.name = "ReplaceKeyPrefixWith", .type = PROPERTY_TEXT},
    {.name = "ReplaceKeyWith", .type = PROPERTY_TEXT},
};
static const struct properties redirect = PROPERTIES(redirect_rows);
static const struct property condition_rows[] = {
    {.name = "HttpErrorCodeReturnedEquals", .type = PROPERTY_TEXT},
    {.name = "KeyPrefixEquals", .type = PROPERTY_TEXT},
};
static const struct properties condition = PROPERTIES(condition_rows);
static const struct property routing_rows[] = {
    {.name = "RedirectRule", .type = PROPERTY_STRUCT, .required = true, .of = &redirect},
    {.name = "RoutingRuleCondition", .type = PROPERTY_STRUCT, .of = &condition},
};
static const struct properties routing = PROPERTIES(routing_rows);
static const struct property routing_item[] = {
    {.name = "RoutingRule", .type = PROPERTY_STRUCT, .of = &routing}};
static const struct properties routing_list = PROPERTIES(routing_item);
static const struct property website_rows[] = {
    {.name = "IndexDocument", .type = PROPERTY_TEXT},
    {.name = "ErrorDocument", .type = PROPERTY_TEXT},
    {.name = "RedirectAllRequestsTo", .type = PROPERTY_STRUCT, .of = &redirect_all},
    {.name = "RoutingRules", .type = PROPERTY_LIST, .of = &routing_list},
};
static const struct properties website = PROPERTIES(website_rows);

static const struct property public_access_rows[] = {
    {.name = "BlockPublicAcls", .type = PROPERTY_BOOLEAN},
    {.name = "BlockPublicPolicy", .type = PROPERTY_BOOLEAN},
    {.name = "IgnorePublicAcls", .type = PROPERTY_BOOLEAN},
    {.name = "RestrictPublicBuckets", .type = PROPERTY_BOOLEAN},
};
static const struct properties public_access = PROPERTIES(public_access_rows);

static const struct property ownership_rows[] = {
    {.name = "ObjectOwnership", .type = PROPERTY_TEXT, .required = true}};
static const struct properties ownership_rule = PROPERTIES(ownership_rows);
static const struct property ownership_item[] = {
    {.name = "Rule", .type = PROPERTY_STRUCT, .of = &ownership_rule}};
static const struct properties ownership_list = PROPERTIES(ownership_item);
static const struct property controls_rows[] = {
    {.name = "Rules", .type = PROPERTY_LIST, .required = true, .of = &ownership_list}};
static const struct properties controls = PROPERTIES(controls_rows);

static const struct property retention_rows[] = {
    {.name = "Mode", .type = PROPERTY_TEXT, .required = true},
    {.name = "Days", .type = PROPERTY_INTEGER},
    {.name = "Years", .type = PROPERTY_INTEGER},
};
static const struct properties retention = PROPERTIES(retention_rows);
static const struct property lock_rule_rows[] = {
    {.name = "DefaultRetention", .type = PROPERTY_STRUCT, .required = true, .of = &retention}};
static const struct properties lock_rule = PROPERTIES(lock_rule_rows);
static const struct property lock_rows[] = {
    {.name = "ObjectLockEnabled", .type = PROPERTY_TEXT},
    {.name = "Rule", .type = PROPERTY_STRUCT, .of = &lock_rule},
};
static const struct properties lock = PROPERTIES(lock_rows);

static const struct property by_default_rows[] = {
    {.name = "SSEAlgorithm", .type = PROPERTY_TEXT, .required = true},
    {.name = "KMSMasterKeyID", .type = PROPERTY_TEXT},
};
static const struct properties by_default = PROPERTIES(by_default_rows);
static const struct property encryption_rule_rows[] = {
    {.name = "ServerSideEncryptionByDefault", .type = PROPERTY_STRUCT, .required = true, .of = &by_default},
    {.name = "BucketKeyEnabled", .type = PROPERTY_BOOLEAN},
};
static const struct properties encryption_rule = PROPERTIES(encryption_rule_rows);
static const struct property encryption_item[] = {
    {.name = "ServerSideEncryptionRule", .type = PROPERTY_STRUCT, .of = &encryption_rule}};
static const struct properties encryption_list = PROPERTIES(encryption_item);
static const struct property encryption_rows[] = {{.name = "ServerSideEncryptionConfiguration",
                                                   .type = PROPERTY_LIST,
                                                   .required = true,
                                                   .of = &encryption_list}};
static const struct properties encryption = PROPERTIES(encryption_rows);

/* ACLs are disabled: those that give nobody anything change nothing. */
static const char *const owners_alone[] = {"Private", "BucketOwnerFullControl", NULL};

static const struct property rows[] = {
    {.name = "BucketName", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "VersioningConfiguration", .type = PROPERTY_STRUCT, .of = &versioning},
    {.name = "NotificationConfiguration", .type = PROPERTY_STRUCT, .of = &notification},
    {.name = "WebsiteConfiguration", .type = PROPERTY_STRUCT, .of = &website},
    {.name = "PublicAccessBlockConfiguration", .type = PROPERTY_STRUCT, .of = &public_access},
    {.name = "ObjectLockEnabled", .type = PROPERTY_BOOLEAN, .update = UPDATE_REPLACES},
    {.name = "ObjectLockConfiguration", .type = PROPERTY_STRUCT, .of = &lock},
    {.name = "OwnershipControls", .type = PROPERTY_STRUCT, .of = &controls},
    {.name = "AccessControl", .type = PROPERTY_TEXT, .values = owners_alone},
    {.name = "CorsConfiguration", .type = PROPERTY_STRUCT, .of = &s3_cors_properties},
    {.name = "LifecycleConfiguration", .type = PROPERTY_STRUCT, .of = &s3_lifecycle_properties},
    {.name = "BucketEncryption", .type = PROPERTY_STRUCT, .of = &encryption},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};

static const char *const attributes[] = {
    "Arn", "DomainName", "RegionalDomainName", "DualStackDomainName", "WebsiteURL", NULL};

static int add_rules(json_t *out, const json_t *configuration)
{
    const json_t *list = json_path(configuration, "Filter.S3Key.Rules");
    size_t index;
    json_t *item;
    int err = 0;

    json_array_foreach (list, index, item) {
        bool prefix = str_eq_nocase(str_of(json_str(item, "Name", "")), STR("prefix"));
        if (!err)
            err = json_put_str(out, prefix ? "Prefix" : "Suffix", json_str(item, "Value", ""));
    }
    return err;
}

static const struct target_kind {
    const char *list;
    const char *member;
    const char *arn; /* of s3's entry */
} target_kinds[] = {{"QueueConfigurations", "Queue", "QueueArn"},
                    {"TopicConfigurations", "Topic", "TopicArn"}};

static int add_targets(json_t *out, const struct target_kind *kind, const json_t *configuration)
{
    const json_t *list = json_object_get(configuration, kind->list);
    size_t index;
    json_t *item;

    json_array_foreach (list, index, item) {
        json_t *one = json_pack("{s:s, s:[s]}", kind->arn, json_str(item, kind->member, ""), "Events",
                                json_str(item, "Event", ""));
        if (json_array_append_new(out, one) || add_rules(one, item))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int set_notification(struct resource_work *w)
{
    const json_t *said = json_object_get(w->properties, "NotificationConfiguration");
    CLEANUP(json_free) json_t *out = json_array();
    int err = out ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; !err && i < ARRAY_LEN(target_kinds); i++)
        err = add_targets(out, &target_kinds[i], said);
    return err ? err : bucket_set_notification(w->tx, w->platform, w->account, w->physical_id, out, w->why);
}

static bool changed(const struct resource_work *w, const char *property)
{
    const json_t *now = json_object_get(w->properties, property);
    const json_t *then = json_object_get(w->before, property);

    return (now || then) && !json_equal(now, then);
}

static int set_versioning(struct resource_work *w)
{
    const char *status =
        json_str(json_object_get(w->properties, "VersioningConfiguration"), "Status", "Suspended");

    return bucket_set_versioning(w->tx, w->platform, w->account, w->physical_id, status, w->why);
}

static int add(json_t *out, const char *name, json_t *value)
{
    return value ? json_put(out, name, json_incref(value)) : 0;
}

static int add_within(json_t *out, const char *name, const char *member, json_t *value)
{
    return value ? json_put(out, name, json_pack("{s:O}", member, value)) : 0;
}

/* CloudFormation's rules → S3's. */
static json_t *routing_rules(const json_t *list)
{
    json_t *out = json_array();
    size_t index;
    json_t *item;

    json_array_foreach (list, index, item) {
        json_t *one = json_object();
        if (!one || json_array_append_new(out, one) ||
            add(one, "Condition", json_object_get(item, "RoutingRuleCondition")) ||
            add(one, "Redirect", json_object_get(item, "RedirectRule"))) {
            json_free(&out);
            return NULL;
        }
    }
    return out;
}

static int set_website(struct resource_work *w)
{
    const json_t *said = json_object_get(w->properties, "WebsiteConfiguration");
    const json_t *routes = json_object_get(said, "RoutingRules");
    CLEANUP(json_free) json_t *out = said ? json_object() : NULL;
    int err = 0;

    if (said) {
        err = out ? 0 : FAULT(ENOMEM);
        if (!err)
            err = add_within(out, "IndexDocument", "Suffix", json_object_get(said, "IndexDocument"));
        if (!err)
            err = add_within(out, "ErrorDocument", "Key", json_object_get(said, "ErrorDocument"));
        if (!err)
            err = add(out, "RedirectAllRequestsTo", json_object_get(said, "RedirectAllRequestsTo"));
        if (!err && json_array_size(routes) > 0)
            err = json_put(out, "RoutingRules", routing_rules(routes));
    }
    return err ? err : bucket_set(w->tx, w->physical_id, "website", out, w->why);
}

static int set_public_access(struct resource_work *w)
{
    CLEANUP(json_free)
    json_t *out = json_deep_copy(json_object_get(w->properties, "PublicAccessBlockConfiguration"));

    return bucket_set(w->tx, w->physical_id, "publicAccessBlock", out, w->why);
}

static int set_ownership(struct resource_work *w)
{
    json_t *said = json_object_get(json_object_get(w->properties, "OwnershipControls"), "Rules");
    CLEANUP(json_free) json_t *out = said ? json_pack("{s:O}", "Rule", said) : NULL;

    return bucket_set(w->tx, w->physical_id, "ownershipControls", out, w->why);
}

/* Without it the bucket's lock stays, without a default retention. */
static int set_lock(struct resource_work *w)
{
    const json_t *said = json_object_get(w->properties, "ObjectLockConfiguration");
    CLEANUP(json_free)
    json_t *out = said ? json_deep_copy(said) : json_pack("{s:s}", "ObjectLockEnabled", "Enabled");

    return out ? bucket_set(w->tx, w->physical_id, "object-lock", out, w->why) : FAULT(ENOMEM);
}

static int set_cors(struct resource_work *w)
{
    const json_t *said = json_object_get(w->properties, "CorsConfiguration");
    CLEANUP(json_free) json_t *out = NULL;
    int err = said ? s3_cors_document(said, &out) : 0;

    return err ? err : bucket_set(w->tx, w->physical_id, "cors", out, w->why);
}

static int set_lifecycle(struct resource_work *w)
{
    const json_t *said = json_object_get(w->properties, "LifecycleConfiguration");
    CLEANUP(json_free) json_t *out = NULL;
    int err = said ? s3_lifecycle_document(said, &out, w->why) : 0;

    return err ? err : bucket_set(w->tx, w->physical_id, "lifecycle", out, w->why);
}

static int set_encryption(struct resource_work *w)
{
    const json_t *said = json_path(w->properties, "BucketEncryption.ServerSideEncryptionConfiguration.0");
    json_t *by_default_ = json_object_get(said, "ServerSideEncryptionByDefault");
    CLEANUP(json_free) json_t *out = NULL;
    int err = said ? bucket_can_encrypt(w->platform, w->why) : 0;

    if (!err && said) {
        out = json_pack("{s:[{s:O, s:b}]}", "Rule", "ApplyServerSideEncryptionByDefault", by_default_,
                        "BucketKeyEnabled", json_bool(said, "BucketKeyEnabled", false));
        err = out ? 0 : FAULT(ENOMEM);
    }
    return err ? err : bucket_set(w->tx, w->physical_id, "encryption", out, w->why);
}

static int set_tags(struct resource_work *w)
{
    CLEANUP(json_free) json_t *tags = resource_tag_map(json_object_get(w->properties, "Tags"));

    return tags ? bucket_set_tags(w->tx, w->platform, w->account, w->physical_id, tags, w->why)
                : FAULT(ENOMEM);
}

static const struct setting {
    const char *property;
    int (*set)(struct resource_work *w);
} settings[] = {
    {"VersioningConfiguration", set_versioning},
    {"WebsiteConfiguration", set_website},
    {"PublicAccessBlockConfiguration", set_public_access},
    {"OwnershipControls", set_ownership},
    {"ObjectLockConfiguration", set_lock},
    {"BucketEncryption", set_encryption},
    {"CorsConfiguration", set_cors},
    {"LifecycleConfiguration", set_lifecycle},
    {"Tags", set_tags},
    {"NotificationConfiguration", set_notification},
};

static int enable_lock(struct resource_work *w)
{
    CLEANUP(json_free) json_t *out = json_pack("{s:s}", "ObjectLockEnabled", "Enabled");
    int err = out ? bucket_set_versioning(w->tx, w->platform, w->account, w->physical_id, "Enabled", w->why)
                  : FAULT(ENOMEM);

    return err ? err : bucket_set(w->tx, w->physical_id, "object-lock", out, w->why);
}

static int describe(struct resource_work *w)
{
    const char *name = w->physical_id;
    int err = resource_attribute(w, "Arn", "arn:aws:s3:::%s", name);

    if (!err)
        err = resource_attribute(w, "DomainName", "%s.s3.amazonaws.com", name);
    if (!err)
        err =
            resource_attribute(w, "RegionalDomainName", "%s.s3.%s.amazonaws.com", name, w->platform->region);
    if (!err)
        err = resource_attribute(w, "DualStackDomainName", "%s.s3.dualstack.%s.amazonaws.com", name,
                                 w->platform->region);
    return err ? err : resource_attribute(w, "WebsiteURL", "%s/%s", w->platform->endpoint, name);
}

static int update(struct resource_work *w)
{
    int err = bucket_is_of(w->tx, w->account, w->physical_id, w->why);

    for (size_t i = 0; !err && i < ARRAY_LEN(settings); i++)
        err = changed(w, settings[i].property) ? settings[i].set(w) : 0;
    return err ? err : describe(w);
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "BucketName", S3_BUCKET_NAME_MAX, true, w->physical_id);

    if (!err)
        err = bucket_create(w->tx, w->platform, w->account, w->physical_id, w->why);
    if (!err && json_bool(w->properties, "ObjectLockEnabled", false))
        err = enable_lock(w);
    return err ? err : update(w);
}

static int drop(struct resource_work *w)
{
    int err = bucket_is_of(w->tx, w->account, w->physical_id, w->why);

    if (!err)
        err = bucket_delete(w->tx, w->platform, w->account, w->physical_id, w->why);
    return err == S3_E_NO_BUCKET || err == S3_E_DENIED ? 0 : err; /* another account's by now */
}

const struct resource_type s3_bucket_type = {
    .name = "AWS::S3::Bucket",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "BucketName",
    .create = create,
    .update = update,
    .remove = drop,
};
