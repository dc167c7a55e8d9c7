/* See policy_actions.h. Source: Service Authorization Reference, "Actions defined by Amazon S3": those whose
 * resource is a bucket or an object. */
#include "services/s3/policy_actions.h"
#include "services/iam/evaluate.h"

static const char *const of_buckets[] = {
    "s3:AllowVendedLogDeliveryForResource",
    "s3:CreateBucket",
    "s3:CreateBucketMetadataTableConfiguration",
    "s3:DeleteBucket",
    "s3:DeleteBucketMetadataTableConfiguration",
    "s3:DeleteBucketPolicy",
    "s3:DeleteBucketWebsite",
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketAbac",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketMetadataTableConfiguration",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetIntelligentTieringConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListTagsForResource",
    "s3:PauseReplication",
    "s3:PutAccelerateConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutBucketAbac",
    "s3:PutBucketAcl",
    "s3:PutBucketCORS",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutBucketWebsite",
    "s3:PutEncryptionConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:PutInventoryConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:TagResource",
    "s3:UntagResource",
    "s3:UpdateBucketMetadataAnnotationTableConfiguration",
    "s3:UpdateBucketMetadataInventoryTableConfiguration",
    "s3:UpdateBucketMetadataJournalTableConfiguration",
};

static const char *const of_objects[] = {
    "s3:AbortMultipartUpload",
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionAnnotation",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAnnotation",
    "s3:GetObjectAttributes",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectTagging",
    "s3:GetObjectTorrent",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAnnotationForReplication",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectVersionTorrent",
    "s3:InitiateReplication",
    "s3:ListMultipartUploadParts",
    "s3:ListObjectAnnotations",
    "s3:ListObjectVersionAnnotations",
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectAnnotation",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionAnnotation",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateObjectAnnotation",
    "s3:ReplicateTags",
    "s3:RestoreObject",
    "s3:UpdateObjectEncryption",
};

static bool is_among(const char *action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (policy_matches(str_of(action), str_of(names[i]), true))
            return true;
    return false;
}

bool policy_action_of_bucket(const char *action)
{
    return is_among(action, of_buckets, ARRAY_LEN(of_buckets));
}

bool policy_action_of_object(const char *action)
{
    return is_among(action, of_objects, ARRAY_LEN(of_objects));
}

bool policy_action_is(const char *action)
{
    return policy_action_of_bucket(action) || policy_action_of_object(action);
}

/* Keys whose name ends with / are the beginning of many. Source: the same, "Condition keys"; S3 refuses these
 * of other actions. */
bool policy_action_has_key(const char *action, const char *key)
{
    static const char *const of_listings[] = {"s3:delimiter", "s3:max-keys", "s3:prefix"};
    static const char *const listings[] = {"s3:ListBucket", "s3:ListBucketMultipartUploads",
                                           "s3:ListBucketVersions"};
    static const char *const without_tags[] = {
        "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",        "s3:PutObject",    "s3:PutObjectLegalHold",  "s3:PutObjectRetention",
    };
    if (strpbrk(action, "*?"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(of_listings); i++)
        if (strcasecmp(key, of_listings[i]) == 0)
            return is_among(action, listings, ARRAY_LEN(listings));
    if (strncasecmp(key, "s3:ExistingObjectTag/", strlen("s3:ExistingObjectTag/")) == 0)
        return policy_action_of_object(action) && !is_among(action, without_tags, ARRAY_LEN(without_tags));
    return true;
}
