/* Another name for an object's bytes, for services that work in the same transaction: what CopyObject does
 * where nothing need be read, and nothing stands in the way of any signed caller. */
#include "services/iam/evaluate.h"
#include "services/s3/blob.h"
#include "services/s3/bucket_policy.h"
#include "services/s3/headers.h"
#include "services/s3/object.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

/* Whether the bucket's objects are the account's to use whatever the request is like: without a policy they
 * are open to whoever signs, and a policy that denies nothing keeps nothing from the bucket's own account
 * (access.h). */
static int check_open(const struct bucket *bucket, const char *account)
{
    CLEANUP(json_free) json_t *policy = NULL;
    const json_t *statement;
    if (!bucket->policy)
        return 0;
    if (strcmp(bucket->account, account) != 0)
        return S3_E_DENIED;
    int rc = bucket_policy_read(bucket, &policy);
    if (rc != 0)
        return rc;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++)
        if (strcmp(json_str(statement, "Effect", ""), "Allow") != 0)
            return S3_E_DENIED;
    return 0;
}

static int buckets_load(struct tx *tx, const struct object_share *share, struct bucket *from,
                        struct bucket *to)
{
    int rc = bucket_load(tx, share->from_bucket, from, NULL);
    if (rc == 0)
        rc = bucket_load(tx, share->to_bucket, to, NULL);
    if (rc == 0)
        rc = check_open(from, share->account);
    return rc != 0 ? rc : check_open(to, share->account);
}

/* A quota's refusal is a request's to tell. */
static int account_check(struct tx *tx, const char *account)
{
    struct usage usage;
    int rc = usage_load(tx, account, &usage);
    return rc == 0 && (usage.objects_max >= 0 || usage.bytes_max >= 0) ? S3_E_QUOTA : rc;
}

static int source_find(struct tx *tx, const struct platform *platform, const struct object_share *share,
                       struct object *ret)
{
    int rc = object_find(tx, share->from_bucket, share->from_key, share->from_version, ret);
    if (rc != 0)
        return rc;
    if (ret->marker)
        return S3_E_NO_KEY;
    if (strchr(ret->etag, '-') || (platform->keyring && !ret->sealed))
        return S3_E_METHOD; /* its bytes must be read, or sealed */
    rc = blob_check(tx, platform, ret->blob);
    return rc == -ENOKEY ? S3_E_DAMAGED : rc;
}

int object_share(struct tx *tx, const struct platform *platform, const struct object_share *share,
                 struct object_shared *ret)
{
    CLEANUP(bucket_unload) struct bucket from = {0};
    CLEANUP(bucket_unload) struct bucket to = {0};
    CLEANUP(object_unload) struct object source = {0};
    CLEANUP(object_unload) struct object made = {0};
    const struct origin origin = {.account = share->account};
    struct object_new new = {
        .key = share->to_key, .event = "ObjectCreated:Copy", .checksum = {.algorithm = CHECKSUM_SHA256}};
    int rc = buckets_load(tx, share, &from, &to);
    if (rc == 0)
        rc = account_check(tx, share->account);
    if (rc == 0)
        rc = source_find(tx, platform, share, &source);
    if (rc == 0 && !checksum_of_sha256(source.sha256, new.checksum.text))
        rc = S3_E_METHOD;
    if (rc != 0)
        return rc;
    new.etag = source.etag;
    new.sha256 = source.sha256;
    new.size = source.size;
    new.headers = source.headers;
    new.tags = source.tags;
    new.shared_blob = source.blob;
    new.shared_sealed = source.sealed;
    rc = object_put(tx, platform, &to, &origin, &new, &made, NULL);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EPROTO); /* half of it is done: the transaction must go */
    (void)snprintf(ret->version_id, sizeof(ret->version_id), "%s",
                   from.versioning == VERSIONING_NEVER ? "" : source.version_id);
    (void)snprintf(ret->etag, sizeof(ret->etag), "%s", source.etag);
    (void)snprintf(ret->sha256, sizeof(ret->sha256), "%s", source.sha256);
    struct str metadata = headers_get(source.headers, share->metadata);
    (void)snprintf(ret->metadata, sizeof(ret->metadata), STR_FMT, STR_ARG(metadata));
    ret->size = source.size;
    return 0;
}
