/* See setting.h. Source: S3 API reference, the operations of each kind. */
#include "services/s3/setting.h"
#include "services/s3/bucket_policy.h"
#include "wire/json.h"

static int check_ownership(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document,
                           struct reason *why)
{
    const char *asked = json_str(json_path(document, "Rule.0"), "ObjectOwnership", "");
    if (strcmp(asked, "BucketOwnerEnforced") == 0)
        return 0;
    return reason_set(why, S3_E_NOT_IMPLEMENTED,
                      "ObjectOwnership %s is not supported by Slipway: a bucket's owner owns its objects "
                      "(BucketOwnerEnforced) and ACLs are disabled. Grant access by a bucket policy.",
                      asked);
}

/* The bucket's public access block may refuse a public policy. */
static int check_policy(struct tx *tx, const struct bucket *bucket, json_t *document, struct reason *why)
{
    CLEANUP(json_free) json_t *block = NULL;
    int rc = bucket_policy_check(bucket, document, why);
    if (rc == 0)
        rc = setting_get(tx, bucket->name, SETTING_PUBLIC_ACCESS, &block);
    if (rc == S3_E_NO_PUBLIC_ACCESS)
        return 0;
    if (rc != 0 || !json_bool(block, "BlockPublicPolicy", false) || !bucket_policy_public(document))
        return rc;
    return reason_set(
        why, S3_E_DENIED,
        "The policy makes the bucket %s public, and public policies are blocked by the "
        "BlockPublicPolicy setting in S3 Block Public Access. Change that setting first, if this "
        "is meant.",
        bucket->name);
}

/* What is left out is false; all of it may not be. */
static int check_public_access(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document,
                               struct reason *why)
{
    static const char *const members[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                          "RestrictPublicBuckets"};
    int rc = json_object_size(document) > 0
                 ? 0
                 : reason_set(why, S3_E_XML, "A PublicAccessBlockConfiguration says at least one thing.");
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(members); i++)
        rc = json_put_bool(document, members[i], json_bool(document, members[i], false));
    return rc;
}

static const struct kind {
    const char *name;
    int none; /* the outcome when it is not set */
    int (*check)(struct tx *tx, const struct bucket *bucket, json_t *document, struct reason *why);
} kinds[] = {
    {SETTING_CORS, S3_E_NO_CORS, cors_check},
    {SETTING_ENCRYPTION, S3_E_NO_ENCRYPTION, encryption_check},
    {SETTING_LIFECYCLE, S3_E_NO_LIFECYCLE, lifecycle_check},
    {SETTING_OBJECT_LOCK, S3_E_NO_LOCK_CONFIGURATION, object_lock_check},
    {SETTING_OWNERSHIP, S3_E_NO_OWNERSHIP, check_ownership},
    {SETTING_POLICY, S3_E_NO_POLICY, check_policy},
    {SETTING_PUBLIC_ACCESS, S3_E_NO_PUBLIC_ACCESS, check_public_access},
    {SETTING_WEBSITE, S3_E_NO_WEBSITE, website_check},
};

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    assert(!"a kind of setting that has no row");
    return NULL;
}

int setting_get(struct tx *tx, const char *bucket, const char *kind, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT document FROM s3_setting WHERE bucket = $1 AND kind = $2", "ss",
                          bucket, kind);
    if (rc == DB_NONE)
        return kind_named(kind)->none;
    if (rc != 0)
        return rc;
    return json_unpack_text(rows_str(rows, 0), ret) == 0 ? 0 : FAULT(EBADMSG);
}

static int store(struct tx *tx, const char *bucket, const char *kind, const json_t *document)
{
    CLEANUP(free_ptr) char *text = json_pack_text(document);
    if (!text)
        return FAULT(ENOMEM);
    int rc = tx_exec(tx,
                     "INSERT INTO s3_setting (bucket, kind, document) VALUES ($1, $2, $3)"
                     " ON CONFLICT (bucket, kind) DO UPDATE SET document = excluded.document",
                     "sss", bucket, kind, text);
    bucket_changed(bucket);
    return rc;
}

int setting_put(struct tx *tx, const struct bucket *bucket, const char *kind, json_t *document,
                struct reason *why)
{
    int rc = kind_named(kind)->check(tx, bucket, document, why);
    return rc != 0 ? rc : store(tx, bucket->name, kind, document);
}

int setting_remove(struct tx *tx, const char *bucket, const char *kind)
{
    int rc = tx_exec(tx, "DELETE FROM s3_setting WHERE bucket = $1 AND kind = $2", "ss", bucket, kind);
    bucket_changed(bucket);
    return rc;
}

int settings_of_birth(struct tx *tx, const char *name)
{
    CLEANUP(json_free)
    json_t *access = json_pack("{s:b, s:b, s:b, s:b}", "BlockPublicAcls", 1, "IgnorePublicAcls", 1,
                               "BlockPublicPolicy", 1, "RestrictPublicBuckets", 1);
    CLEANUP(json_free)
    json_t *ownership = json_pack("{s:[{s:s}]}", "Rule", "ObjectOwnership", "BucketOwnerEnforced");
    if (!access || !ownership)
        return FAULT(ENOMEM);
    int rc = store(tx, name, SETTING_PUBLIC_ACCESS, access);
    return rc != 0 ? rc : store(tx, name, SETTING_OWNERSHIP, ownership);
}

int settings_remove(struct tx *tx, const char *bucket)
{
    int rc = tx_exec(tx, "DELETE FROM s3_setting WHERE bucket = $1", "s", bucket);
    bucket_changed(bucket);
    return rc;
}
