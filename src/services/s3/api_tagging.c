/* PutObjectTagging, GetObjectTagging, DeleteObjectTagging. Source: S3 API reference. */
#include "services/s3/tagging.h"

/* The version that is meant: the current one, or the request's. */
static int find(struct call *c, struct bucket *bucket, struct object *object)
{
    const char *version_id = NULL;
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = api_bucket(c, c->tx, bucket);
    return rc != 0 ? rc : api_find_object(c, c->tx, bucket, c->key, version_id, object);
}

static void tell_version(struct call *c, const struct bucket *bucket, const struct object *object)
{
    if (bucket->versioning != VERSIONING_NEVER)
        call_reply_header(c, "x-amz-version-id", object->version_id);
}

static int change(struct call *c, const char *tags, const char *event)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    struct origin origin = api_origin(c);
    int rc = find(c, &bucket, &object);
    if (rc == 0)
        rc = object_set_tags(c->tx, &bucket, c->key, &object, tags);
    if (rc == 0)
        rc = object_tell(c->tx, c->platform, &bucket, &origin, c->key, &object, event);
    if (rc == 0)
        tell_version(c, &bucket, &object);
    return rc;
}

int api_put_object_tagging(struct call *c)
{
    const char *tags = NULL;
    int rc = tagging_of_set(c, &tags);
    return rc != 0 ? rc : change(c, tags, "ObjectTagging:Put");
}

int api_delete_object_tagging(struct call *c)
{
    return change(c, NULL, "ObjectTagging:Delete");
}

int api_get_object_tagging(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    int rc = find(c, &bucket, &object);
    if (rc == 0)
        tell_version(c, &bucket, &object);
    return rc != 0 ? rc : tagging_put_set(c, object.tags);
}
