/* See access_keys.h. Source: Service Authorization Reference, "Condition keys for Amazon S3". */
#include "services/s3/access_keys.h"
#include "base/clock.h"
#include "services/s3/shapes.h"
#include "wire/json.h"
#include "wire/uri.h"
#include <inttypes.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static size_t one(struct str value, struct str *ret)
{
    *ret = value;
    return value.ptr ? 1 : 0;
}

static size_t one_text(const char *text, struct str *ret)
{
    return one(str_of(text), ret);
}

static size_t resource_account(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one_text(a->bucket->account, ret);
}

static size_t signature_version(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return a->c->caller ? one(a->c->by_version_2 ? STR("AWS") : STR("AWS4-HMAC-SHA256"), ret) : 0;
}

static size_t auth_type(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    if (!a->c->caller)
        return 0;
    if (strcmp(a->c->operation->name, "PostObject") == 0)
        return one(STR("POST"), ret);
    bool query = a->c->by_version_2 || uri_has(&a->c->query, "X-Amz-Signature");
    return one(query ? STR("REST-QUERY-STRING") : STR("REST-HEADER"), ret);
}

/* Of URLs and forms alone; Signature Version 2 is always 0 old. */
static size_t signature_age(struct asking *a, const char *rest, struct str *ret)
{
    int64_t age_ms = a->c->by_version_2 ? 0 : clock_now_ms() - a->c->signed_ms;
    if (auth_type(a, rest, ret) == 0 || str_eqc(*ret, "REST-HEADER"))
        return 0;
    return one_text(arena_printf(a->c->arena, "%" PRId64, age_ms > 0 ? age_ms : 0), ret);
}

static size_t of_header(struct asking *a, const char *rest, struct str *ret)
{
    return one(http_header(a->c->http, rest), ret);
}

/* ---- locks: a document of their own, or headers of what is put */

/* What the document says, when it is of that shape. */
static const json_t *document(const struct asking *a, const struct shape *shape, const char *member)
{
    return a->c->operation->in == shape ? json_object_get(a->c->in, member) : NULL;
}

static size_t lock_mode(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    const json_t *said = document(a, &retention_shape, "Mode");
    return said ? one_text(json_string_value(said), ret) : of_header(a, "x-amz-object-lock-mode", ret);
}

static size_t legal_hold(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    const json_t *said = document(a, &hold_shape, "Status");
    return said ? one_text(json_string_value(said), ret) : of_header(a, "x-amz-object-lock-legal-hold", ret);
}

static bool retained_until(const struct asking *a, int64_t *ret_ms)
{
    const json_t *said = document(a, &retention_shape, "RetainUntilDate");
    struct str header = http_header(a->c->http, "x-amz-object-lock-retain-until-date");
    if (!said)
        return header.ptr && time_parse_iso8601(str_trim(header), ret_ms);
    *ret_ms = json_integer_value(said);
    return true;
}

static size_t retain_until(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    char text[TIME_TEXT_SIZE];
    int64_t until_ms = 0;
    if (!retained_until(a, &until_ms))
        return 0;
    time_iso8601(until_ms, text);
    return one_text(arena_dup(a->c->arena, str_of(text)), ret);
}

/* A day that has begun is one: who asks for ten days when they ask has them when it is looked at. */
static size_t retention_days(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    int64_t until_ms = 0;
    if (!retained_until(a, &until_ms))
        return 0;
    int64_t left_ms = until_ms - clock_now_ms();
    int64_t days = left_ms <= 0 ? 0 : (left_ms - 1) / DAY_MS + 1;
    return one_text(arena_printf(a->c->arena, "%" PRId64, days), ret);
}

/* ---- what the request says */

static size_t of_query(struct asking *a, const char *rest, struct str *ret)
{
    return one(uri_get(&a->c->query, rest), ret);
}

/* Decoded, since it is the same source however it is encoded, and both with and without the slash in front,
 * which clients and policies may write or leave out. */
static size_t copy_source(struct asking *a, const char *rest, struct str *ret)
{
    struct str said = http_header(a->c->http, rest);
    const char *mark = said.ptr ? memmem(said.ptr, said.len, "?versionId=", 11) : NULL;
    struct str source;
    if (mark)
        said.len = (size_t)(mark - said.ptr);
    if (!said.ptr || uri_decode(a->c->arena, said, true, &source) != 0)
        return 0;
    if (str_starts(source, STR("/")))
        source = (struct str){source.ptr + 1, source.len - 1};
    ret[0] = source;
    ret[1] = str_of(arena_printf(a->c->arena, "/" STR_FMT, STR_ARG(source)));
    return ret[1].ptr ? 2 : 0;
}

/* Parts make no object, what they are completed to is one. */
static size_t creates_object(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    static const char *const parts[] = {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"};
    if (strcmp(a->access->action, "s3:PutObject") != 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcmp(a->c->operation->name, parts[i]) == 0)
            return one(STR("false"), ret);
    return one(STR("true"), ret);
}

static size_t version_id(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one_text(a->access->version_id, ret);
}

/* ---- tags */

static size_t existing_tag(struct asking *a, const char *rest, struct str *ret)
{
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    const struct access *access = a->access;
    if (!access->key || object_find(a->tx, a->bucket->name, access->key, access->version_id, &object) != 0 ||
        !object.tags || json_unpack_text(str_of(object.tags), &tags) != 0)
        return 0;
    const char *value = json_str(tags, rest, NULL);
    return value ? one_text(arena_dup(a->c->arena, str_of(value)), ret) : 0;
}

/* PutObjectTagging's document, or NULL; what else may have one is about buckets. */
static const json_t *tag_set(const struct asking *a)
{
    return a->access->key ? document(a, &tagging_shape, "TagSet") : NULL;
}

/* Of the header of what is put. */
static bool tag_pairs(const struct asking *a, struct uri_query *ret)
{
    struct str said = http_header(a->c->http, "x-amz-tagging");
    return said.ptr && uri_parse_query(a->c->arena, str_trim(said), true, ret) == 0;
}

static size_t request_tag(struct asking *a, const char *rest, struct str *ret)
{
    struct uri_query pairs = {0};
    const json_t *set = tag_set(a);
    for (size_t i = 0; i < json_array_size(set); i++) {
        const json_t *tag = json_array_get(set, i);
        if (strcmp(json_str(tag, "Key", ""), rest) == 0)
            return one_text(json_str(tag, "Value", ""), ret);
    }
    return !set && tag_pairs(a, &pairs) ? one(uri_get(&pairs, rest), ret) : 0;
}

static size_t request_tag_keys(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    struct uri_query pairs = {0};
    const json_t *set = tag_set(a);
    size_t said = set ? json_array_size(set) : tag_pairs(a, &pairs) ? pairs.count : 0;
    size_t count = said < POLICY_VALUES_MAX ? said : POLICY_VALUES_MAX; /* more than ten are refused */
    for (size_t i = 0; i < count; i++)
        ret[i] = set ? str_of(json_str(json_array_get(set, i), "Key", "")) : pairs.pairs[i].name;
    return count;
}

/* A name that ends with / is the beginning of many. The function gets what is behind the slash, or else
 * behind the colon. NULL: S3 knows the key, and no request to Slipway has it. */
static const struct {
    const char *name;
    size_t (*get)(struct asking *a, const char *rest, struct str *ret);
} keys[] = {
    {"s3:AccessGrantsInstanceArn", NULL},
    {"s3:AccessPointNetworkOrigin", NULL},
    {"s3:AccessPointTag/", NULL},
    {"s3:annotation-prefix", NULL},
    {"s3:authType", auth_type},
    {"s3:BucketTag/", NULL},
    {"s3:DataAccessPointAccount", NULL},
    {"s3:DataAccessPointArn", NULL},
    {"s3:delimiter", of_query},
    {"s3:deliverySourceArn", NULL},
    {"s3:destinationRegion", NULL},
    {"s3:ExistingObjectTag/", existing_tag},
    {"s3:if-match", of_header},
    {"s3:if-none-match", of_header},
    {"s3:InventoryAccessibleOptionalFields", NULL},
    {"s3:isReplicationPauseRequest", NULL},
    {"s3:locationconstraint", NULL},
    {"s3:logType", NULL},
    {"s3:max-annotation-results", NULL},
    {"s3:max-keys", of_query},
    {"s3:object-lock-event-hold", NULL},
    {"s3:object-lock-event-hold-duration-days", NULL},
    {"s3:object-lock-legal-hold", legal_hold},
    {"s3:object-lock-mode", lock_mode},
    {"s3:object-lock-remaining-retention-days", retention_days},
    {"s3:object-lock-retain-until-date", retain_until},
    {"s3:ObjectCreationOperation", creates_object},
    {"s3:prefix", of_query},
    {"s3:RequestObjectTag/", request_tag},
    {"s3:RequestObjectTagKeys", request_tag_keys},
    {"s3:ResourceAccount", resource_account},
    {"s3:resourceArnBeingAuthorized", NULL},
    {"s3:signatureAge", signature_age},
    {"s3:signatureversion", signature_version},
    {"s3:TlsVersion", NULL},
    {"s3:VersionId", version_id},
    {"s3:x-amz-acl", of_header},
    {"s3:x-amz-bucket-namespace", of_header},
    {"s3:x-amz-content-sha256", of_header},
    {"s3:x-amz-copy-source", copy_source},
    {"s3:x-amz-grant-full-control", of_header},
    {"s3:x-amz-grant-read", of_header},
    {"s3:x-amz-grant-read-acp", of_header},
    {"s3:x-amz-grant-write", of_header},
    {"s3:x-amz-grant-write-acp", of_header},
    {"s3:x-amz-metadata-directive", of_header},
    {"s3:x-amz-object-annotation-directive", NULL},
    {"s3:x-amz-object-if-match", NULL},
    {"s3:x-amz-object-ownership", of_header},
    {"s3:x-amz-server-side-encryption", of_header},
    {"s3:x-amz-server-side-encryption-aws-kms-key-id", of_header},
    {"s3:x-amz-server-side-encryption-customer-algorithm", of_header},
    {"s3:x-amz-storage-class", of_header},
    {"s3:x-amz-website-redirect-location", of_header},
};

/* The row of a key, and what its function gets; SIZE_MAX: none. */
static size_t find_key(const char *key, const char **ret_rest)
{
    struct str asked = str_of(key);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str name = str_of(keys[i].name);
        bool many = name.ptr[name.len - 1] == '/';
        if (asked.len < name.len || !str_eq_nocase((struct str){key, name.len}, name) ||
            (asked.len == name.len) == many)
            continue;
        *ret_rest = many ? key + name.len : strchr(name.ptr, ':') + 1;
        return i;
    }
    return SIZE_MAX;
}

bool access_key_is(const char *key)
{
    const char *rest;
    return strncasecmp(key, "aws:", 4) == 0 || find_key(key, &rest) != SIZE_MAX;
}

size_t access_key_values(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    struct asking *asking = ctx;
    const char *rest;
    size_t row = find_key(key, &rest);
    if (row == SIZE_MAX)
        return condition_key(&asking->facts, key, ret);
    return keys[row].get ? keys[row].get(asking, rest, ret) : 0;
}
