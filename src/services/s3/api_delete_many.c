/* DeleteObjects: up to a thousand deletions in one transaction. Source: S3 API reference. */
#include "services/s3/argument.h"
#include "services/s3/conditional.h"
#include "services/s3/access.h"
#include "services/s3/version_api.h"
#include "wire/json.h"

static int put_deleted(const char *key, const char *version_id, const struct deletion *deletion, json_t *list)
{
    json_t *entry = json_object();
    if (!entry || json_array_append_new(list, entry) != 0)
        return FAULT(ENOMEM);
    int rc = json_put_str(entry, "Key", key);
    if (rc == 0 && version_id)
        rc = json_put_str(entry, "VersionId", version_id);
    if (rc == 0 && deletion->marker)
        rc = json_put_bool(entry, "DeleteMarker", true);
    if (rc == 0 && deletion->marker)
        rc = json_put_str(entry, "DeleteMarkerVersionId", deletion->version_id);
    return rc;
}

static int put_refused(struct call *c, const char *key, const char *version_id, const char *code)
{
    json_t *entry = json_object();
    if (!entry || json_array_append_new(json_object_get(c->out, "Error"), entry) != 0)
        return FAULT(ENOMEM);
    int rc = json_put_str(entry, "Key", key);
    if (rc == 0 && version_id)
        rc = json_put_str(entry, "VersionId", version_id);
    if (rc == 0)
        rc = json_put_str(entry, "Code", code);
    return rc != 0 ? rc : json_put_str(entry, "Message", c->reason.text);
}

/* What may be told of one object without ending the request; NULL: it ends it. */
static const char *refusal(int rc)
{
    switch (rc) {
    case S3_E_DENIED:
        return "AccessDenied";
    case S3_E_PRECONDITION:
        return "PreconditionFailed";
    case S3_E_NO_KEY:
        return "NoSuchKey";
    default:
        return NULL;
    }
}

static int check_one(struct call *c, const struct bucket *bucket, const json_t *object, const char *key,
                     const char *version_id)
{
    const char *etag = json_str(object, "ETag", NULL);
    const struct access access = {version_id ? "s3:DeleteObjectVersion" : "s3:DeleteObject", key, version_id};
    if (json_object_get(object, "LastModifiedTime") || json_object_get(object, "Size"))
        return call_fail(c, S3_E_NOT_IMPLEMENTED,
                         "LastModifiedTime and Size are conditions of directory buckets: use ETag.");
    int rc = access_check(c, c->tx, bucket, &access);
    return rc != 0 ? rc : api_delete_condition(c, c->tx, bucket, key, etag ? str_of(etag) : (struct str){0});
}

static int delete_one(struct call *c, const struct bucket *bucket, const struct origin *origin,
                      const json_t *object)
{
    const char *key = json_str(object, "Key", "");
    const char *version_id = json_str(object, "VersionId", NULL);
    struct deletion deletion = {0};
    if (version_id && *version_id == '\0')
        version_id = NULL;
    if (version_id && !api_is_version_id(str_of(version_id))) {
        (void)call_fail(c, S3_E_NO_VERSION, "The specified version does not exist.");
        return put_refused(c, key, version_id, "NoSuchVersion");
    }
    int rc = check_one(c, bucket, object, key, version_id);
    struct origin by = *origin;
    if (rc == 0)
        rc = api_bypass(c, c->tx, bucket, key, version_id, &by.bypass_governance);
    if (rc == 0)
        rc = object_delete(c->tx, c->platform, bucket, &by, key, version_id, &deletion);
    if (rc == S3_E_LOCKED)
        rc = call_fail(c, S3_E_DENIED, "Access Denied because object protected by object lock.");
    if (refusal(rc))
        return put_refused(c, key, version_id, refusal(rc));
    if (rc != 0 || json_bool(c->in, "Quiet", false))
        return rc;
    return put_deleted(key, version_id, &deletion, json_object_get(c->out, "Deleted"));
}

int api_delete_objects(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    const json_t *objects = json_object_get(c->in, "Object");
    struct origin origin = api_origin(c);
    int rc = json_put(c->out, "Deleted", json_array());
    if (rc == 0)
        rc = json_put(c->out, "Error", json_array());
    if (rc == 0)
        rc = api_check_body(c);
    if (rc == 0)
        rc = bucket_load(c->tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = api_check_owner(c, &bucket, "x-amz-expected-bucket-owner");
    for (size_t i = 0; rc == 0 && i < json_array_size(objects); i++)
        rc = api_check_key_length(c, json_string_length(json_object_get(json_array_get(objects, i), "Key")));
    for (size_t i = 0; rc == 0 && i < json_array_size(objects); i++)
        rc = delete_one(c, &bucket, &origin, json_array_get(objects, i));
    return rc;
}
