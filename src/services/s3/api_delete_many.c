/* DeleteObjects: up to a thousand deletions in one transaction. Source: S3 API reference. */
#include "base/hash.h"
#include "services/s3/api.h"
#include "wire/json.h"

static int check_digest(struct call *c)
{
    struct str said = http_header(c->http, "content-md5");
    unsigned char bytes[2 * HASH_MAX_SIZE];
    unsigned char digest[HASH_MAX_SIZE];
    size_t len = 0;
    if (!said.ptr)
        return 0;
    if (said.len > HASH_BASE64_SIZE || !base64_decode(said, bytes, &len) || len != hash_size(HASH_MD5))
        return call_fail(c, S3_E_INVALID_DIGEST, "The Content-MD5 you specified was invalid.");
    hash_bytes(HASH_MD5, buf_str(&c->http->body), digest);
    if (memcmp(bytes, digest, len) != 0)
        return call_fail(c, S3_E_BAD_DIGEST, "The Content-MD5 you specified did not match what we received.");
    return 0;
}

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

int api_delete_objects(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    const json_t *objects = json_object_get(c->in, "Object");
    struct origin origin = api_origin(c);
    json_t *deleted = json_array();
    int rc = deleted ? json_put(c->out, "Deleted", deleted) : FAULT(ENOMEM);
    if (rc == 0)
        rc = check_digest(c);
    if (rc == 0)
        rc = bucket_load(c->tx, c->bucket, &bucket, &c->reason);
    bool quiet = json_bool(c->in, "Quiet", false);
    for (size_t i = 0; rc == 0 && i < json_array_size(objects); i++) {
        const json_t *object = json_array_get(objects, i);
        const char *key = json_str(object, "Key", "");
        const char *version_id = json_str(object, "VersionId", NULL);
        struct deletion deletion = {0};
        if (version_id && *version_id == '\0')
            version_id = NULL;
        rc = object_delete(c->tx, c->platform, &bucket, &origin, key, version_id, &deletion);
        if (rc == 0 && !quiet)
            rc = put_deleted(key, version_id, &deletion, deleted);
    }
    return rc;
}
