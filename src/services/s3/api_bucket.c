/* Operations on buckets and their settings. Source: S3 API reference. */
#include "services/s3/argument.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include "wire/xml.h"

/* The caller's region is the only one. */
static int check_location(struct call *c)
{
    const char *location = json_str(c->in, "LocationConstraint", "");
    if (*location == '\0' || strcmp(location, c->platform->region) == 0)
        return 0;
    return call_fail(c, S3_E_LOCATION, "The specified location-constraint is not valid");
}

/* A list of tags as one object. */
static int read_tags(struct call *c, const char *member, json_t **ret)
{
    const json_t *set = json_object_get(c->in, member);
    CLEANUP(json_free) json_t *tags = json_object();
    int rc = tags ? 0 : FAULT(ENOMEM);
    for (size_t i = 0; rc == 0 && i < json_array_size(set); i++) {
        const json_t *tag = json_array_get(set, i);
        const char *key = json_str(tag, "Key", "");
        if (json_object_get(tags, key))
            return call_fail(c, S3_E_TAG, "Cannot provide multiple Tags with the same key");
        rc = json_put_str(tags, key, json_str(tag, "Value", ""));
    }
    if (rc == 0)
        *ret = take(tags);
    return rc;
}

/* A bucket that is made for object lock is versioned, too. */
static int lock_bucket(struct call *c, struct tx *tx)
{
    CLEANUP(json_free) json_t *configuration = json_pack("{s:s}", "ObjectLockEnabled", "Enabled");
    if (!configuration)
        return FAULT(ENOMEM);
    int rc = bucket_set_versioning(tx, c->platform, c->caller->account, c->bucket, "Enabled", &c->reason);
    return rc != 0 ? rc : bucket_set(tx, c->bucket, SETTING_OBJECT_LOCK, configuration, &c->reason);
}

/* Whether it is one of the words; none is said: the first. */
static bool says_one_of(struct str said, const char *const words[], size_t count)
{
    if (!said.ptr)
        return true;
    for (size_t i = 0; i < count; i++)
        if (str_eqc(said, words[i]))
            return true;
    return false;
}

/* A new bucket has no ACLs: what asks for some is refused. */
static int check_new_acl(struct call *c)
{
    static const char *const canned[] = {"private", "public-read", "public-read-write", "authenticated-read"};
    static const char *const grants[] = {"x-amz-grant-read", "x-amz-grant-write", "x-amz-grant-read-acp",
                                         "x-amz-grant-write-acp", "x-amz-grant-full-control"};
    struct str acl = http_header(c->http, "x-amz-acl");
    bool granted = acl.ptr && !str_eqc(acl, canned[0]);
    if (!says_one_of(acl, canned, ARRAY_LEN(canned)))
        return api_bad_argument(c, "x-amz-acl", acl, "");
    for (size_t i = 0; i < ARRAY_LEN(grants); i++)
        granted = granted || http_header(c->http, grants[i]).ptr;
    return granted ? S3_E_ACL_OF_BUCKET : 0;
}

static int check_new_ownership(struct call *c)
{
    static const char *const ownerships[] = {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"};
    struct str said = http_header(c->http, "x-amz-object-ownership");
    const char *says =
        arena_printf(c->arena, "Invalid x-amz-object-ownership header: " STR_FMT, STR_ARG(said));
    if (!says)
        return FAULT(ENOMEM);
    if (!says_one_of(said, ownerships, ARRAY_LEN(ownerships)))
        return api_bad_argument(c, "x-amz-object-ownership", said, says);
    return !said.ptr || str_eqc(said, ownerships[0])
               ? 0
               : call_fail(c, S3_E_NOT_IMPLEMENTED,
                           "x-amz-object-ownership " STR_FMT
                           " is not supported by Slipway: a bucket's owner owns its "
                           "objects (BucketOwnerEnforced).",
                           STR_ARG(said));
}

/* Names that are an account's own are not there. */
static int check_new_namespace(struct call *c)
{
    struct str said = http_header(c->http, "x-amz-bucket-namespace");
    return !said.ptr || str_eqc(said, "global")
               ? 0
               : call_fail(
                     c, S3_E_NOT_IMPLEMENTED,
                     "x-amz-bucket-namespace is not supported by Slipway: a bucket's name is known to all "
                     "accounts.");
}

static int check_new_lock(struct call *c, bool *ret)
{
    struct str said = http_header(c->http, "x-amz-bucket-object-lock-enabled");
    *ret = str_eq_nocase(said, STR("true"));
    return !said.ptr || *ret || str_eq_nocase(said, STR("false"))
               ? 0
               : api_bad_argument(c, "x-amz-bucket-object-lock-enabled", said, "");
}

static int create(struct call *c, struct tx *tx, bool locked)
{
    CLEANUP(json_free) json_t *tags = NULL;
    int rc = read_tags(c, "Tags", &tags);
    if (rc == 0)
        rc = bucket_create(tx, c->platform, c->caller->account, c->bucket, &c->reason);
    if (rc == 0 && locked)
        rc = lock_bucket(c, tx);
    if (rc == 0 && json_object_size(tags) > 0)
        rc = bucket_set_tags(tx, c->platform, c->caller->account, c->bucket, tags, &c->reason);
    return rc;
}

/* Of S3's oldest region: there, who makes a bucket twice is told that it is made. */
static bool is_first_region(const struct call *c)
{
    return strcmp(c->platform->region, "us-east-1") == 0;
}

int api_create_bucket(struct call *c)
{
    bool locked = false;
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = check_location(c);
    if (rc == 0)
        rc = check_new_acl(c);
    if (rc == 0)
        rc = check_new_ownership(c);
    if (rc == 0)
        rc = check_new_namespace(c);
    if (rc == 0)
        rc = check_new_lock(c, &locked);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = create(c, tx, locked);
    if (rc == S3_E_BUCKET_OWNED && is_first_region(c))
        rc = 0;
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc != 0)
        return rc;
    call_reply(c, 200);
    http_reply_headerf(c->http, "Location", "/%s", c->bucket);
    return CALL_REPLIED;
}

int api_head_bucket(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc > 0 && rc != S3_E_NO_BUCKET) /* clients look for the region of what they may not see */
        call_error_header(c, "x-amz-bucket-region", c->platform->region);
    if (rc != 0)
        return rc;
    call_reply(c, 200);
    http_reply_header(c->http, "x-amz-bucket-region", c->platform->region);
    http_reply_header(c->http, "x-amz-access-point-alias", "false");
    http_reply_no_body(c->http, 0);
    return CALL_REPLIED;
}

/* What changes a bucket: its body is what the client says it is, and the caller may. */
static int admit(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_check_body(c);
    return rc != 0 ? rc : api_bucket(c, c->tx, &bucket);
}

int api_delete_bucket(struct call *c)
{
    int rc = admit(c);
    return rc != 0 ? rc : bucket_delete(c->tx, c->platform, c->caller->account, c->bucket, &c->reason);
}

int api_get_location(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf out = BUF_INIT(1024);
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc != 0)
        return rc;
    /* us-east-1 is told by an empty element. */
    xml_head(&out);
    xml_open_ns(&out, "LocationConstraint", S3_XMLNS);
    if (strcmp(c->platform->region, "us-east-1") != 0)
        xml_escape(&out, str_of(c->platform->region));
    xml_close(&out, "LocationConstraint");
    return api_reply_xml(c, &out);
}

int api_get_versioning(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    const char *status = versioning_name(bucket.versioning);
    return rc != 0 || !status ? rc : json_put_str(c->out, "Status", status);
}

int api_put_versioning(struct call *c)
{
    int rc = admit(c);
    if (rc != 0)
        return rc;
    if (strcmp(json_str(c->in, "MfaDelete", "Disabled"), "Disabled") != 0)
        return call_fail(c, S3_E_NOT_IMPLEMENTED, "MFA delete is not supported by Slipway.");
    return bucket_set_versioning(c->tx, c->platform, c->caller->account, c->bucket,
                                 json_str(c->in, "Status", ""), &c->reason);
}

/* ---- tags */

int api_put_tagging(struct call *c)
{
    CLEANUP(json_free) json_t *tags = NULL;
    int rc = admit(c);
    if (rc == 0)
        rc = read_tags(c, "TagSet", &tags);
    return rc != 0 ? rc
                   : bucket_set_tags(c->tx, c->platform, c->caller->account, c->bucket, tags, &c->reason);
}

int api_get_tagging(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0 && !bucket.tags)
        return call_fail(c, S3_E_NO_TAGS, "The TagSet does not exist");
    if (rc != 0)
        return rc;
    if (json_parse(str_of(bucket.tags), &tags, NULL) != 0)
        return FAULT(EBADMSG);
    json_t *set = json_array();
    rc = set ? json_put(c->out, "TagSet", set) : FAULT(ENOMEM);
    const char *key;
    json_t *value;
    json_object_foreach (tags, key, value) {
        if (rc == 0 && json_array_append_new(set, json_pack("{s:s, s:O}", "Key", key, "Value", value)) != 0)
            rc = FAULT(ENOMEM);
    }
    return rc;
}

int api_delete_tagging(struct call *c)
{
    int rc = admit(c);
    return rc != 0 ? rc
                   : bucket_set_tags(c->tx, c->platform, c->caller->account, c->bucket, NULL, &c->reason);
}
