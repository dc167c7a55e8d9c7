/* See s3_bucket_rules.h. Source: CloudFormation "AWS::S3::Bucket CorsConfiguration", "AWS::S3::Bucket Rule".
 */
#include "services/cloudformation/resources/s3_bucket_rules.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include "wire/time.h"

static const char *const methods[] = {"GET", "PUT", "HEAD", "POST", "DELETE", NULL};
static const struct property text_item[] = {{.name = "Text", .type = PROPERTY_TEXT}};
static const struct properties texts = PROPERTIES(text_item);
static const struct property method_item[] = {{.name = "Method", .type = PROPERTY_TEXT, .values = methods}};
static const struct properties method_list = PROPERTIES(method_item);
static const struct property cors_rule_rows[] = {
    {.name = "AllowedHeaders", .type = PROPERTY_LIST, .of = &texts},
    {.name = "AllowedMethods", .type = PROPERTY_LIST, .required = true, .of = &method_list},
    {.name = "AllowedOrigins", .type = PROPERTY_LIST, .required = true, .of = &texts},
    {.name = "ExposedHeaders", .type = PROPERTY_LIST, .of = &texts},
    {.name = "Id", .type = PROPERTY_TEXT},
    {.name = "MaxAge", .type = PROPERTY_INTEGER},
};
static const struct properties cors_rule = PROPERTIES(cors_rule_rows);
static const struct property cors_item[] = {{.name = "CorsRule", .type = PROPERTY_STRUCT, .of = &cors_rule}};
static const struct properties cors_list = PROPERTIES(cors_item);
static const struct property cors_rows[] = {
    {.name = "CorsRules", .type = PROPERTY_LIST, .required = true, .of = &cors_list},
};
const struct properties s3_cors_properties = PROPERTIES(cors_rows);

static const char *const statuses[] = {"Enabled", "Disabled", NULL};
static const char *const smallest[] = {"all_storage_classes_128K", "varies_by_storage_class", NULL};
static const struct property abort_rows[] = {
    {.name = "DaysAfterInitiation", .type = PROPERTY_INTEGER, .required = true},
};
static const struct properties abort_uploads = PROPERTIES(abort_rows);
static const struct property noncurrent_rows[] = {
    {.name = "NoncurrentDays", .type = PROPERTY_INTEGER, .required = true},
    {.name = "NewerNoncurrentVersions", .type = PROPERTY_INTEGER},
};
static const struct properties noncurrent = PROPERTIES(noncurrent_rows);
static const struct property rule_rows[] = {
    {.name = "AbortIncompleteMultipartUpload", .type = PROPERTY_STRUCT, .of = &abort_uploads},
    {.name = "ExpirationDate", .type = PROPERTY_TEXT},
    {.name = "ExpirationInDays", .type = PROPERTY_INTEGER},
    {.name = "ExpiredObjectDeleteMarker", .type = PROPERTY_BOOLEAN},
    {.name = "Id", .type = PROPERTY_TEXT},
    {.name = "NoncurrentVersionExpiration", .type = PROPERTY_STRUCT, .of = &noncurrent},
    {.name = "NoncurrentVersionExpirationInDays", .type = PROPERTY_INTEGER},
    {.name = "ObjectSizeGreaterThan", .type = PROPERTY_INTEGER},
    {.name = "ObjectSizeLessThan", .type = PROPERTY_INTEGER},
    {.name = "Prefix", .type = PROPERTY_TEXT},
    {.name = "Status", .type = PROPERTY_TEXT, .required = true, .values = statuses},
    {.name = "TagFilters", .type = PROPERTY_LIST, .of = &tag_list},
};
static const struct properties rule = PROPERTIES(rule_rows);
static const struct property rule_item[] = {{.name = "Rule", .type = PROPERTY_STRUCT, .of = &rule}};
static const struct properties rules = PROPERTIES(rule_item);
static const struct property lifecycle_rows[] = {
    {.name = "Rules", .type = PROPERTY_LIST, .required = true, .of = &rules},
    {.name = "TransitionDefaultMinimumObjectSize", .type = PROPERTY_TEXT, .values = smallest},
};
const struct properties s3_lifecycle_properties = PROPERTIES(lifecycle_rows);

/* A member of the template's rule under S3's name. */
struct renamed {
    const char *from;
    const char *to;
};

static int rename_some(const json_t *from, const struct renamed *names, size_t count, json_t *to)
{
    int err = 0;

    for (size_t i = 0; !err && i < count; i++) {
        json_t *value = json_object_get(from, names[i].from);
        err = value ? json_put(to, names[i].to, json_incref(value)) : 0;
    }
    return err;
}

static int add_object(json_t *list, json_t **ret)
{
    *ret = json_object();
    return json_array_append_new(list, *ret) ? FAULT(ENOMEM) : 0;
}

int s3_cors_document(const json_t *said, json_t **ret)
{
    static const struct renamed names[] = {
        {"AllowedHeaders", "AllowedHeader"},
        {"AllowedMethods", "AllowedMethod"},
        {"AllowedOrigins", "AllowedOrigin"},
        {"ExposedHeaders", "ExposeHeader"},
        {"Id", "ID"},
        {"MaxAge", "MaxAgeSeconds"},
    };
    json_t *list = json_array();
    CLEANUP(json_free) json_t *out = json_pack("{s:o}", "CORSRule", list);
    int err = out ? 0 : FAULT(ENOMEM);
    size_t index;
    json_t *item;

    json_array_foreach (json_object_get(said, "CorsRules"), index, item) {
        json_t *one = NULL;
        if (!err)
            err = add_object(list, &one);
        if (!err)
            err = rename_some(item, names, ARRAY_LEN(names), one);
    }
    if (!err)
        *ret = take(out);
    return err;
}

/* The template's conditions stand in the rule itself; S3 has one in a Filter, or joins several by And. */
static int add_filter(const json_t *said, json_t *out)
{
    static const struct renamed names[] = {{"Prefix", "Prefix"},
                                           {"ObjectSizeGreaterThan", "ObjectSizeGreaterThan"},
                                           {"ObjectSizeLessThan", "ObjectSizeLessThan"}};
    json_t *tags = json_object_get(said, "TagFilters");
    json_t *conditions = json_object();
    CLEANUP(json_free) json_t *filter = json_pack("{s:o}", "And", conditions);
    int err = filter ? rename_some(said, names, ARRAY_LEN(names), conditions) : FAULT(ENOMEM);
    bool single = json_array_size(tags) == 1 && json_object_size(conditions) == 0;

    if (!err && json_array_size(tags) > 0)
        err = json_put(conditions, "Tag", json_incref(single ? json_array_get(tags, 0) : tags));
    if (err)
        return err;
    bool joined = json_object_size(conditions) > 1 || json_array_size(tags) > 1;
    return json_put(out, "Filter", json_incref(joined ? filter : conditions));
}

static int add_expiration(const json_t *said, json_t *out, struct reason *why)
{
    static const struct renamed names[] = {{"ExpirationInDays", "Days"},
                                           {"ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"}};
    CLEANUP(json_free) json_t *expiration = json_object();
    const char *date = json_str(said, "ExpirationDate", NULL);
    int64_t at_ms = 0;
    int err = expiration ? rename_some(said, names, ARRAY_LEN(names), expiration) : FAULT(ENOMEM);

    if (!err && date && !time_parse_iso8601(str_of(date), &at_ms))
        return reason_set(why, S3_E_ARGUMENT, "ExpirationDate %.64s is not an ISO 8601 date.", date);
    if (!err && date)
        err = json_put_int(expiration, "Date", at_ms);
    if (err || json_object_size(expiration) == 0)
        return err;
    return json_put(out, "Expiration", take(expiration));
}

static int add_rule(const json_t *said, json_t *out, struct reason *why)
{
    static const struct renamed names[] = {
        {"AbortIncompleteMultipartUpload", "AbortIncompleteMultipartUpload"},
        {"Id", "ID"},
        {"NoncurrentVersionExpiration", "NoncurrentVersionExpiration"},
        {"Status", "Status"},
    };
    json_t *days = json_object_get(said, "NoncurrentVersionExpirationInDays");
    int err = rename_some(said, names, ARRAY_LEN(names), out);

    if (!err && days && !json_object_get(out, "NoncurrentVersionExpiration"))
        err = json_put(out, "NoncurrentVersionExpiration", json_pack("{s:O}", "NoncurrentDays", days));
    if (!err)
        err = add_filter(said, out);
    return err ? err : add_expiration(said, out, why);
}

int s3_lifecycle_document(const json_t *said, json_t **ret, struct reason *why)
{
    json_t *list = json_array();
    CLEANUP(json_free) json_t *out = json_pack("{s:o}", "Rule", list);
    int err = out ? 0 : FAULT(ENOMEM);
    size_t index;
    json_t *item;

    json_array_foreach (json_object_get(said, "Rules"), index, item) {
        json_t *one = NULL;
        if (!err)
            err = add_object(list, &one);
        if (!err)
            err = add_rule(item, one, why);
    }
    if (!err)
        *ret = take(out);
    return err;
}
