/* ACLs of buckets whose owner owns all: what reads say, and the few writes that say the same. Source: S3 user
 * guide, "Controlling ownership of objects and disabling ACLs", "Bucket owner enforced". */
#include "services/iam/names.h"
#include "services/s3/api.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define ANSWER_MAX (16u << 10)
#define XSI "http://www.w3.org/2001/XMLSchema-instance"

/* The bucket, and the object where the request names one. */
static int find(struct call *c, struct bucket *bucket)
{
    const char *version_id = NULL;
    CLEANUP(object_unload) struct object object = {0};
    int rc = api_bucket(c, c->tx, bucket);
    if (rc != 0 || !c->key)
        return rc;
    rc = api_check_key(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = api_find_object(c, c->tx, bucket, c->key, version_id, &object);
    if (rc == 0 && bucket->versioning != VERSIONING_NEVER)
        call_reply_header(c, "x-amz-version-id", object.version_id);
    return rc;
}

int api_get_acl(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    char owner[IAM_CANONICAL_SIZE];
    int rc = find(c, &bucket);
    if (rc != 0)
        return rc;
    xml_head(&out);
    xml_open_ns(&out, "AccessControlPolicy", S3_XMLNS);
    iam_canonical_id(bucket.account, owner);
    api_put_owner(&out, "Owner", bucket.account);
    xml_open(&out, "AccessControlList");
    xml_open(&out, "Grant");
    buf_puts(&out, "<Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"CanonicalUser\">");
    xml_elem(&out, "ID", str_of(owner));
    xml_close(&out, "Grantee");
    xml_elem(&out, "Permission", STR("FULL_CONTROL"));
    xml_close(&out, "Grant");
    xml_close(&out, "AccessControlList");
    xml_close(&out, "AccessControlPolicy");
    return api_reply_xml(c, &out);
}

/* A canned ACL that is the owner's alone, or a list that grants the owner full control and nobody else
 * anything. */
static bool is_owners(struct call *c, const struct bucket *bucket)
{
    struct str canned = http_header(c->http, "x-amz-acl");
    const json_t *grants = json_path(c->in, "AccessControlList.Grant");
    if (canned.ptr)
        return str_eqc(canned, "private") || str_eqc(canned, "bucket-owner-full-control");
    const json_t *grant = json_array_get(grants, 0);
    char owner[IAM_CANONICAL_SIZE];
    iam_canonical_id(bucket->account, owner);
    return json_array_size(grants) == 1 && strcmp(json_str(grant, "Permission", ""), "FULL_CONTROL") == 0 &&
           strcmp(json_str(json_object_get(grant, "Grantee"), "ID", ""), owner) == 0;
}

int api_put_acl(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_check_body(c);
    if (rc == 0)
        rc = find(c, &bucket);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc != 0)
        return rc;
    return is_owners(c, &bucket) ? 0 : call_fail(c, S3_E_ACL, "The bucket does not allow ACLs");
}
