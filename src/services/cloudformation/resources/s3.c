/* AWS::S3::Bucket. Source: CloudFormation "AWS::S3::Bucket" reference. */
#include "services/s3/s3.h"
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
static const struct property notification_rows[] = {
    {.name = "QueueConfigurations", .type = PROPERTY_LIST, .of = &queues},
};
static const struct properties notification = PROPERTIES(notification_rows);

static const struct property website_rows[] = {
    {.name = "IndexDocument", .type = PROPERTY_TEXT, .required = true},
    {.name = "ErrorDocument", .type = PROPERTY_TEXT},
};
static const struct properties website = PROPERTIES(website_rows);

static const struct property rows[] = {
    {.name = "BucketName", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "VersioningConfiguration", .type = PROPERTY_STRUCT, .of = &versioning},
    {.name = "NotificationConfiguration", .type = PROPERTY_STRUCT, .of = &notification},
    {.name = "WebsiteConfiguration", .type = PROPERTY_STRUCT, .of = &website},
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

static int set_notification(struct resource_work *w)
{
    const json_t *list = json_path(w->properties, "NotificationConfiguration.QueueConfigurations");
    CLEANUP(json_free) json_t *out = json_array();
    size_t index;
    json_t *item;

    json_array_foreach (list, index, item) {
        json_t *one = json_pack("{s:s, s:[s]}", "QueueArn", json_str(item, "Queue", ""), "Events",
                                json_str(item, "Event", ""));
        if (json_array_append_new(out, one) || add_rules(one, item))
            return FAULT(ENOMEM);
    }
    return bucket_set_notification(w->tx, w->platform, w->account, w->physical_id, out, w->why);
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

static int set_website(struct resource_work *w)
{
    const json_t *configuration = json_object_get(w->properties, "WebsiteConfiguration");

    return bucket_set_website(w->tx, w->platform, w->account, w->physical_id,
                              json_str(configuration, "IndexDocument", NULL),
                              json_str(configuration, "ErrorDocument", NULL), w->why);
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
    {"Tags", set_tags},
    {"NotificationConfiguration", set_notification},
};

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
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        int err = changed(w, settings[i].property) ? settings[i].set(w) : 0;
        if (err)
            return err;
    }
    return describe(w);
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "BucketName", S3_BUCKET_NAME_MAX, true, w->physical_id);

    if (!err)
        err = bucket_create(w->tx, w->platform, w->account, w->physical_id, w->why);
    return err ? err : update(w);
}

static int drop(struct resource_work *w)
{
    int err = bucket_delete(w->tx, w->platform, w->account, w->physical_id, w->why);

    return err == S3_E_NO_BUCKET ? 0 : err;
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
