/* The descriptor of s3: operations, errors, tables, background work. */
#include "services/s3/digest_ahead.h"
#include "services/s3/service.h"
#include "services/s3/api.h"
#include "services/s3/encryption.h"
#include "services/s3/quota.h"
#include "services/s3/lifecycle.h"
#include "services/s3/shapes.h"
#include "services/s3/verify.h"
#include "base/mem.h"
#include "services/service.h"

enum level { SERVICE, BUCKET, OBJECT };

#define PUT_STREAM                                                                                           \
    .flags = OP_STREAM | OP_ANONYMOUS, .begin = api_put_begin, .body = api_put_body, .place = api_put_place, \
    .whole = api_put_whole, .end = api_put_end
#define PART_STREAM                                                                                          \
    .flags = OP_STREAM | OP_ANONYMOUS, .begin = api_part_begin, .body = api_put_body,                        \
    .place = api_put_place, .whole = api_put_whole, .end = api_put_end
#define AT(level_, method_, sub_) .level = (level_), .http_method = (method_), .sub_resource = (sub_)

/* The first row that fits a request is its operation: those with a sub-resource come first. */
static const struct operation operations[] = {
    {"ListUsage", "s3:ListUsage", .flags = OP_EXTENSION, .run = api_list_usage, AT(SERVICE, "GET", "usage")},
    {"PutQuota", "s3:PutQuota", .flags = OP_WRITE | OP_EXTENSION, .in = &quota_shape, .xml_in = "Quota",
     .run = api_put_quota, AT(SERVICE, "PUT", "quota")},
    {"GetStoreHealth", "s3:GetStoreHealth", .flags = OP_READ | OP_EXTENSION, .run = api_get_health,
     AT(SERVICE, "GET", "health")},
    {"ListBuckets", "s3:ListAllMyBuckets", .run = api_list_buckets, AT(SERVICE, "GET", NULL)},
    {"VerifyObjects", "s3:VerifyObjects", .flags = OP_EXTENSION, .run = api_verify_objects,
     AT(SERVICE, "POST", "verify")},
    {"CreateBucket", "s3:CreateBucket", .flags = OP_BODILESS, .in = &create_bucket_in,
     .xml_in = "CreateBucketConfiguration", .run = api_create_bucket, AT(BUCKET, "PUT", NULL)},
    {"HeadBucket", "s3:ListBucket", .flags = OP_READ | OP_ANONYMOUS, .run = api_head_bucket,
     AT(BUCKET, "HEAD", NULL)},
    {"DeleteBucket", "s3:DeleteBucket", .flags = OP_WRITE, .run = api_delete_bucket,
     AT(BUCKET, "DELETE", NULL), .http_status = 204},
    {"GetBucketLocation", "s3:GetBucketLocation", .flags = OP_READ | OP_ANONYMOUS, .run = api_get_location,
     AT(BUCKET, "GET", "location")},
    {"GetBucketVersioning", "s3:GetBucketVersioning", .flags = OP_READ, .out = &versioning_shape,
     .xml_root = "VersioningConfiguration", .run = api_get_versioning, AT(BUCKET, "GET", "versioning")},
    {"PutBucketVersioning", "s3:PutBucketVersioning", .flags = OP_WRITE, .in = &versioning_shape,
     .xml_in = "VersioningConfiguration", .run = api_put_versioning, AT(BUCKET, "PUT", "versioning")},
    {"GetBucketNotificationConfiguration", "s3:GetBucketNotification", .flags = OP_READ,
     .out = &notification_shape, .xml_root = "NotificationConfiguration", .run = api_get_notification,
     AT(BUCKET, "GET", "notification")},
    {"PutBucketNotificationConfiguration", "s3:PutBucketNotification", .flags = OP_WRITE,
     .in = &notification_shape, .xml_in = "NotificationConfiguration", .run = api_put_notification,
     AT(BUCKET, "PUT", "notification")},
    {"GetBucketWebsite", "s3:GetBucketWebsite", .flags = OP_READ, .out = &website_shape,
     .xml_root = "WebsiteConfiguration", .run = api_get_setting, AT(BUCKET, "GET", "website")},
    {"PutBucketWebsite", "s3:PutBucketWebsite", .flags = OP_WRITE, .in = &website_shape,
     .xml_in = "WebsiteConfiguration", .run = api_put_setting, AT(BUCKET, "PUT", "website")},
    {"DeleteBucketWebsite", "s3:DeleteBucketWebsite", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "website"), .http_status = 204},
    {"GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", .flags = OP_READ, .out = &public_access_shape,
     .xml_root = "PublicAccessBlockConfiguration", .run = api_get_setting,
     AT(BUCKET, "GET", "publicAccessBlock")},
    {"PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", .flags = OP_WRITE, .in = &public_access_shape,
     .xml_in = "PublicAccessBlockConfiguration", .run = api_put_setting,
     AT(BUCKET, "PUT", "publicAccessBlock")},
    {"DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "publicAccessBlock"), .http_status = 204},
    {"GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", .flags = OP_READ, .out = &ownership_shape,
     .xml_root = "OwnershipControls", .run = api_get_setting, AT(BUCKET, "GET", "ownershipControls")},
    {"PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", .flags = OP_WRITE, .in = &ownership_shape,
     .xml_in = "OwnershipControls", .run = api_put_setting, AT(BUCKET, "PUT", "ownershipControls")},
    {"DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls", .flags = OP_WRITE,
     .run = api_delete_setting, AT(BUCKET, "DELETE", "ownershipControls"), .http_status = 204},
    {"GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", .flags = OP_READ,
     .out = &object_lock_shape, .xml_root = "ObjectLockConfiguration", .run = api_get_setting,
     AT(BUCKET, "GET", "object-lock")},
    {"PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration", .flags = OP_WRITE | OP_CHECKSUM,
     .in = &object_lock_shape, .xml_in = "ObjectLockConfiguration", .run = api_put_setting,
     AT(BUCKET, "PUT", "object-lock")},
    {"GetObjectRetention", "s3:GetObjectRetention", .flags = OP_READ | OP_ANONYMOUS, .out = &retention_shape,
     .xml_root = "Retention", .run = api_get_retention, AT(OBJECT, "GET", "retention")},
    {"PutObjectRetention", "s3:PutObjectRetention", .flags = OP_WRITE | OP_ANONYMOUS | OP_CHECKSUM,
     .in = &retention_shape, .xml_in = "Retention", .run = api_put_retention, AT(OBJECT, "PUT", "retention")},
    {"GetObjectLegalHold", "s3:GetObjectLegalHold", .flags = OP_READ | OP_ANONYMOUS, .out = &hold_shape,
     .xml_root = "LegalHold", .run = api_get_legal_hold, AT(OBJECT, "GET", "legal-hold")},
    {"PutObjectLegalHold", "s3:PutObjectLegalHold", .flags = OP_WRITE | OP_ANONYMOUS | OP_CHECKSUM,
     .in = &hold_shape, .xml_in = "LegalHold", .run = api_put_legal_hold, AT(OBJECT, "PUT", "legal-hold")},
    {"GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", .flags = OP_READ,
     .out = &lifecycle_shape, .xml_root = "LifecycleConfiguration", .run = api_get_lifecycle,
     AT(BUCKET, "GET", "lifecycle")},
    {"PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", .flags = OP_WRITE | OP_CHECKSUM,
     .in = &lifecycle_shape, .xml_in = "LifecycleConfiguration", .run = api_put_lifecycle,
     AT(BUCKET, "PUT", "lifecycle")},
    {"DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "lifecycle"), .http_status = 204},
    {"GetBucketEncryption", "s3:GetEncryptionConfiguration", .flags = OP_READ, .out = &encryption_shape,
     .xml_root = "ServerSideEncryptionConfiguration", .run = api_get_encryption,
     AT(BUCKET, "GET", "encryption")},
    {"PutBucketEncryption", "s3:PutEncryptionConfiguration", .flags = OP_WRITE, .in = &encryption_shape,
     .xml_in = "ServerSideEncryptionConfiguration", .run = api_put_encryption,
     AT(BUCKET, "PUT", "encryption")},
    {"DeleteBucketEncryption", "s3:PutEncryptionConfiguration", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "encryption"), .http_status = 204},
    {"GetBucketCors", "s3:GetBucketCORS", .flags = OP_READ, .out = &cors_shape,
     .xml_root = "CORSConfiguration", .run = api_get_setting, AT(BUCKET, "GET", "cors")},
    {"PutBucketCors", "s3:PutBucketCORS", .flags = OP_WRITE | OP_CHECKSUM, .in = &cors_shape,
     .xml_in = "CORSConfiguration", .run = api_put_setting, AT(BUCKET, "PUT", "cors")},
    {"DeleteBucketCors", "s3:PutBucketCORS", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "cors"), .http_status = 204},
    {"OptionsBucket", "s3:GetObject", .flags = OP_READ | OP_ANONYMOUS, .run = api_preflight,
     AT(BUCKET, "OPTIONS", NULL)},
    {"OptionsObject", "s3:GetObject", .flags = OP_READ | OP_ANONYMOUS, .run = api_preflight,
     AT(OBJECT, "OPTIONS", NULL)},
    {"GetBucketPolicy", "s3:GetBucketPolicy", .flags = OP_READ, .run = api_get_policy,
     AT(BUCKET, "GET", "policy")},
    {"PutBucketPolicy", "s3:PutBucketPolicy", .flags = OP_WRITE, .run = api_put_policy,
     AT(BUCKET, "PUT", "policy"), .http_status = 204},
    {"DeleteBucketPolicy", "s3:DeleteBucketPolicy", .flags = OP_WRITE, .run = api_delete_setting,
     AT(BUCKET, "DELETE", "policy"), .http_status = 204},
    {"GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", .flags = OP_READ, .out = &policy_status_shape,
     .xml_root = "PolicyStatus", .run = api_get_policy_status, AT(BUCKET, "GET", "policyStatus")},
    {"GetBucketAcl", "s3:GetBucketAcl", .flags = OP_READ, .run = api_get_acl, AT(BUCKET, "GET", "acl")},
    {"PutBucketAcl", "s3:PutBucketAcl", .flags = OP_WRITE | OP_BODILESS, .in = &acl_shape,
     .xml_in = "AccessControlPolicy", .run = api_put_acl, AT(BUCKET, "PUT", "acl")},
    {"GetObjectAcl", "s3:GetObjectAcl", .flags = OP_READ | OP_ANONYMOUS, .run = api_get_acl,
     AT(OBJECT, "GET", "acl")},
    {"PutObjectAcl", "s3:PutObjectAcl", .flags = OP_WRITE | OP_ANONYMOUS | OP_BODILESS, .in = &acl_shape,
     .xml_in = "AccessControlPolicy", .run = api_put_acl, AT(OBJECT, "PUT", "acl")},
    {"GetBucketRequestPayment", "s3:GetBucketRequestPayment", .flags = OP_READ, .out = &payer_shape,
     .xml_root = "RequestPaymentConfiguration", .run = api_get_fixed, AT(BUCKET, "GET", "requestPayment")},
    {"PutBucketRequestPayment", "s3:PutBucketRequestPayment", .flags = OP_READ, .in = &payer_shape,
     .xml_in = "RequestPaymentConfiguration", .run = api_put_fixed, AT(BUCKET, "PUT", "requestPayment")},
    {"GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", .flags = OP_READ,
     .out = &status_shape, .xml_root = "AccelerateConfiguration", .run = api_get_fixed,
     AT(BUCKET, "GET", "accelerate")},
    {"PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration", .flags = OP_READ,
     .in = &status_shape, .xml_in = "AccelerateConfiguration", .run = api_put_fixed,
     AT(BUCKET, "PUT", "accelerate")},
    {"GetBucketLogging", "s3:GetBucketLogging", .flags = OP_READ, .out = &logging_shape,
     .xml_root = "BucketLoggingStatus", .run = api_get_fixed, AT(BUCKET, "GET", "logging")},
    {"PutBucketLogging", "s3:PutBucketLogging", .flags = OP_READ, .in = &logging_shape,
     .xml_in = "BucketLoggingStatus", .run = api_put_fixed, AT(BUCKET, "PUT", "logging")},
    {"GetBucketReplication", "s3:GetReplicationConfiguration", .flags = OP_READ, .run = api_get_replication,
     AT(BUCKET, "GET", "replication")},
    {"GetBucketAnalyticsConfiguration", "s3:GetAnalyticsConfiguration", .flags = OP_READ,
     .run = api_get_configuration, AT(BUCKET, "GET", "analytics id")},
    {"ListBucketAnalyticsConfigurations", "s3:GetAnalyticsConfiguration", .flags = OP_READ,
     .out = &configurations_shape, .xml_root = "ListBucketAnalyticsConfigurationResult",
     .run = api_list_configurations, AT(BUCKET, "GET", "analytics")},
    {"GetBucketInventoryConfiguration", "s3:GetInventoryConfiguration", .flags = OP_READ,
     .run = api_get_configuration, AT(BUCKET, "GET", "inventory id")},
    {"ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration", .flags = OP_READ,
     .out = &configurations_shape, .xml_root = "ListInventoryConfigurationsResult",
     .run = api_list_configurations, AT(BUCKET, "GET", "inventory")},
    {"GetBucketMetricsConfiguration", "s3:GetMetricsConfiguration", .flags = OP_READ,
     .run = api_get_configuration, AT(BUCKET, "GET", "metrics id")},
    {"ListBucketMetricsConfigurations", "s3:GetMetricsConfiguration", .flags = OP_READ,
     .out = &configurations_shape, .xml_root = "ListMetricsConfigurationsResult",
     .run = api_list_configurations, AT(BUCKET, "GET", "metrics")},
    {"GetBucketIntelligentTieringConfiguration", "s3:GetIntelligentTieringConfiguration", .flags = OP_READ,
     .run = api_get_configuration, AT(BUCKET, "GET", "intelligent-tiering id")},
    {"ListBucketIntelligentTieringConfigurations", "s3:GetIntelligentTieringConfiguration", .flags = OP_READ,
     .out = &configurations_shape, .xml_root = "ListBucketIntelligentTieringConfigurationsOutput",
     .run = api_list_configurations, AT(BUCKET, "GET", "intelligent-tiering")},
    {"GetBucketTagging", "s3:GetBucketTagging", .flags = OP_READ, .out = &tagging_shape,
     .xml_root = "Tagging", .run = api_get_tagging, AT(BUCKET, "GET", "tagging")},
    {"PutBucketTagging", "s3:PutBucketTagging", .flags = OP_WRITE | OP_CHECKSUM, .in = &tagging_shape,
     .xml_in = "Tagging", .run = api_put_tagging, AT(BUCKET, "PUT", "tagging"), .http_status = 204},
    {"DeleteBucketTagging", "s3:PutBucketTagging", .flags = OP_WRITE, .run = api_delete_tagging,
     AT(BUCKET, "DELETE", "tagging"), .http_status = 204},
    {"ListObjectsV2", "s3:ListBucket", .flags = OP_ANONYMOUS, .run = api_list_objects_v2,
     AT(BUCKET, "GET", "list-type")},
    {"ListObjectVersions", "s3:ListBucketVersions", .flags = OP_ANONYMOUS, .run = api_list_versions,
     AT(BUCKET, "GET", "versions")},
    {"ListMultipartUploads", "s3:ListBucketMultipartUploads", .flags = OP_READ | OP_ANONYMOUS,
     .run = api_list_uploads, AT(BUCKET, "GET", "uploads")},
    {"ListObjects", "s3:ListBucket", .flags = OP_ANONYMOUS, .run = api_list_objects, AT(BUCKET, "GET", NULL)},
    {"DeleteObjects", "s3:DeleteObject", .flags = OP_WRITE | OP_ANONYMOUS | OP_CHECKSUM, .in = &delete_in,
     .xml_in = "Delete", .out = &delete_out, .xml_root = "DeleteResult", .body_max = 8 << 20,
     .run = api_delete_objects, AT(BUCKET, "POST", "delete")},
    {"PostObject", "s3:PutObject", .flags = OP_STREAM | OP_ANONYMOUS, .begin = api_post_begin,
     .body = api_post_body, .run = api_post_run, .end = api_post_end, AT(BUCKET, "POST", NULL)},
    {"UploadPartCopy", "s3:PutObject", .flags = OP_ANONYMOUS, .run = api_copy_part,
     AT(OBJECT, "PUT", "partNumber uploadId x-amz-copy-source")},
    {"UploadPart", "s3:PutObject", PART_STREAM, .run = api_upload_part,
     AT(OBJECT, "PUT", "partNumber uploadId")},
    {"CopyObject", "s3:PutObject", .flags = OP_ANONYMOUS, .run = api_copy_object,
     AT(OBJECT, "PUT", "x-amz-copy-source")},
    {"PutObject", "s3:PutObject", PUT_STREAM, .run = api_put_run, AT(OBJECT, "PUT", NULL)},
    {"GetObjectTagging", "s3:GetObjectTagging", .flags = OP_READ | OP_ANONYMOUS, .out = &tagging_shape,
     .xml_root = "Tagging", .run = api_get_object_tagging, AT(OBJECT, "GET", "tagging")},
    {"PutObjectTagging", "s3:PutObjectTagging", .flags = OP_WRITE | OP_ANONYMOUS, .in = &tagging_shape,
     .xml_in = "Tagging", .run = api_put_object_tagging, AT(OBJECT, "PUT", "tagging")},
    {"DeleteObjectTagging", "s3:DeleteObjectTagging", .flags = OP_WRITE | OP_ANONYMOUS,
     .run = api_delete_object_tagging, AT(OBJECT, "DELETE", "tagging"), .http_status = 204},
    {"GetObjectAttributes", "s3:GetObjectAttributes", .flags = OP_ANONYMOUS, .run = api_get_attributes,
     AT(OBJECT, "GET", "attributes")},
    {"GetObject", "s3:GetObject", .flags = OP_ANONYMOUS | OP_INLINE, .run = api_get_object,
     AT(OBJECT, "GET", NULL)},
    {"HeadObject", "s3:GetObject", .flags = OP_ANONYMOUS | OP_INLINE, .run = api_head_object,
     AT(OBJECT, "HEAD", NULL)},
    {"DeleteObject", "s3:DeleteObject", .flags = OP_ANONYMOUS | OP_FEW, .run = api_delete_object,
     AT(OBJECT, "DELETE", NULL)},
    {"CreateMultipartUpload", "s3:PutObject", .flags = OP_ANONYMOUS, .run = api_create_upload,
     AT(OBJECT, "POST", "uploads")},
    {"CompleteMultipartUpload", "s3:PutObject", .flags = OP_ANONYMOUS | OP_BODILESS, .in = &complete_in,
     .xml_in = "CompleteMultipartUpload", .body_max = 4 << 20, .run = api_complete_upload,
     AT(OBJECT, "POST", "uploadId")},
    {"AbortMultipartUpload", "s3:AbortMultipartUpload", .flags = OP_WRITE | OP_ANONYMOUS,
     .run = api_abort_upload, AT(OBJECT, "DELETE", "uploadId"), .http_status = 204},
    {"ListParts", "s3:ListMultipartUploadParts", .flags = OP_READ | OP_ANONYMOUS, .run = api_list_parts,
     AT(OBJECT, "GET", "uploadId")},
};

/* Of AWS's, as of 2026. */
static const char *const unsupported[] = {"CreateBucketMetadataConfiguration",
                                          "CreateBucketMetadataTableConfiguration",
                                          "CreateSession",
                                          "DeleteBucketAnalyticsConfiguration",
                                          "DeleteBucketIntelligentTieringConfiguration",
                                          "DeleteBucketInventoryConfiguration",
                                          "DeleteBucketMetadataConfiguration",
                                          "DeleteBucketMetadataTableConfiguration",
                                          "DeleteBucketMetricsConfiguration",
                                          "DeleteBucketReplication",
                                          "DeleteObjectAnnotation",
                                          "GetBucketAbac",
                                          "GetBucketMetadataConfiguration",
                                          "GetBucketMetadataTableConfiguration",
                                          "GetObjectAnnotation",
                                          "GetObjectTorrent",
                                          "ListDirectoryBuckets",
                                          "ListObjectAnnotations",
                                          "PutBucketAbac",
                                          "PutBucketAnalyticsConfiguration",
                                          "PutBucketIntelligentTieringConfiguration",
                                          "PutBucketInventoryConfiguration",
                                          "PutBucketMetricsConfiguration",
                                          "PutBucketReplication",
                                          "PutObjectAnnotation",
                                          "RenameObject",
                                          "RestoreObject",
                                          "SelectObjectContent",
                                          "UpdateBucketMetadataAnnotationTableConfiguration",
                                          "UpdateBucketMetadataInventoryTableConfiguration",
                                          "UpdateBucketMetadataJournalTableConfiguration",
                                          "UpdateObjectEncryption",
                                          "WriteGetObjectResponse",
                                          NULL};

static const struct service_error errors[] = {
    {S3_E_NO_BUCKET, "NoSuchBucket", 404, NULL, "The specified bucket does not exist"},
    {S3_E_NO_KEY, "NoSuchKey", 404, NULL, "The specified key does not exist."},
    {S3_E_NO_VERSION, "NoSuchVersion", 404, NULL, "The specified version does not exist."},
    {S3_E_BUCKET_OWNED, "BucketAlreadyOwnedByYou", 409, NULL, "The bucket exists and is yours."},
    {S3_E_BUCKET_EXISTS, "BucketAlreadyExists", 409, NULL, "The requested bucket name is not available."},
    {S3_E_BUCKET_NOT_EMPTY, "BucketNotEmpty", 409, NULL, "The bucket you tried to delete is not empty."},
    {S3_E_BUCKET_NAME, "InvalidBucketName", 400, NULL, "The specified bucket is not valid."},
    {S3_E_RANGE, "InvalidRange", 416, NULL, "The requested range is not satisfiable"},
    {S3_E_PRECONDITION, "PreconditionFailed", 412, NULL,
     "At least one of the pre-conditions you specified did not hold"},
    {S3_E_DELETE_MARKER, "MethodNotAllowed", 405, NULL,
     "The specified method is not allowed against this resource."},
    {S3_E_XML, "MalformedXML", 400, NULL,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {CALL_INVALID, "MalformedXML", 400, NULL,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {S3_E_BAD_DIGEST, "BadDigest", 400, NULL, "The digest you specified did not match what we received."},
    {S3_E_INVALID_DIGEST, "InvalidDigest", 400, NULL, "The Content-MD5 you specified was invalid."},
    {S3_E_TOO_LARGE, "EntityTooLarge", 400, NULL, "Your proposed upload exceeds the maximum allowed size"},
    {S3_E_TOO_SMALL, "EntityTooSmall", 400, NULL,
     "Your proposed upload is smaller than the minimum allowed size"},
    {S3_E_NO_LENGTH, "MissingContentLength", 411, NULL, "You must provide the Content-Length HTTP header."},
    {S3_E_ARGUMENT, "InvalidArgument", 400, NULL, "Invalid Argument"},
    {S3_E_REQUEST, "InvalidRequest", 400, NULL, "Invalid Request"},
    {S3_E_URI, "InvalidURI", 400, NULL, "Couldn't parse the specified URI."},
    {S3_E_KEY_TOO_LONG, "KeyTooLongError", 400, NULL, "Your key is too long"},
    {S3_E_META_TOO_LARGE, "MetadataTooLarge", 400, NULL,
     "Your metadata headers exceed the maximum allowed metadata size"},
    {S3_E_NOT_IMPLEMENTED, "NotImplemented", 501, NULL,
     "A header you provided implies functionality that is not implemented"},
    {S3_E_ACL_OF_BUCKET, "InvalidBucketAclWithObjectOwnership", 400, NULL,
     "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
    {S3_E_OWNER, "InvalidBucketOwnerAWSAccountID", 400, NULL,
     "The value of the expected bucket owner parameter must be an AWS Account ID"},
    {S3_E_REDIRECT, "InvalidRedirectLocation", 400, NULL, "The website redirect location is not valid."},
    {S3_E_ACL, "AccessControlListNotSupported", 400, NULL, "The bucket does not allow ACLs"},
    {S3_E_DENIED, "AccessDenied", 403, NULL, "Access Denied"},
    {S3_E_NO_UPLOAD, "NoSuchUpload", 404, NULL, "The specified upload does not exist."},
    {S3_E_PART, "InvalidPart", 400, NULL, "One or more of the specified parts could not be found."},
    {S3_E_PART_ORDER, "InvalidPartOrder", 400, NULL, "The list of parts was not in ascending order."},
    {S3_E_NO_WEBSITE, "NoSuchWebsiteConfiguration", 404, NULL,
     "The specified bucket does not have a website configuration"},
    {S3_E_NO_TAGS, "NoSuchTagSet", 404, NULL, "The TagSet does not exist"},
    {S3_E_TAG, "InvalidTag", 400, NULL, "The tag provided was not a valid tag."},
    {S3_E_POLICY_FORM, "MalformedPolicy", 400, NULL, "Invalid policy syntax."},
    {S3_E_NO_POLICY, "NoSuchBucketPolicy", 404, NULL, "The bucket policy does not exist"},
    {S3_E_NO_LIFECYCLE, "NoSuchLifecycleConfiguration", 404, NULL,
     "The lifecycle configuration does not exist"},
    {S3_E_NO_LOCK_CONFIGURATION, "ObjectLockConfigurationNotFoundError", 404, NULL,
     "Object Lock configuration does not exist for this bucket"},
    {S3_E_NO_LOCK, "NoSuchObjectLockConfiguration", 404, NULL,
     "The specified object does not have a ObjectLock configuration"},
    {S3_E_LOCKED, "AccessDenied", 403, NULL, "Access Denied because object protected by object lock."},
    {S3_E_VERSIONING, "IllegalVersioningConfigurationException", 400, NULL,
     "The Versioning element must be specified"},
    {S3_E_BUCKET_STATE, "InvalidBucketState", 409, NULL,
     "The request is not valid for the current state of the bucket."},
    {S3_E_NO_CORS, "NoSuchCORSConfiguration", 404, NULL, "The CORS configuration does not exist"},
    {S3_E_QUOTA, "QuotaExceeded", 403, NULL, "The account's quota is reached."},
    {S3_E_NO_ENCRYPTION, "ServerSideEncryptionConfigurationNotFoundError", 404, NULL,
     "The server side encryption configuration was not found"},
    {S3_E_FORBIDDEN, "AccessForbidden", 403, NULL, "Access forbidden"},
    {S3_E_BAD_REQUEST, "BadRequest", 400, NULL, "Bad Request"},
    {S3_E_NO_OWNERSHIP, "OwnershipControlsNotFoundError", 404, NULL,
     "The bucket ownership controls were not found"},
    {S3_E_NO_PUBLIC_ACCESS, "NoSuchPublicAccessBlockConfiguration", 404, NULL,
     "The public access block configuration was not found"},
    {S3_E_NO_REPLICATION, "ReplicationConfigurationNotFoundError", 404, NULL,
     "The replication configuration was not found"},
    {S3_E_NO_CONFIGURATION, "NoSuchConfiguration", 404, NULL, "The specified configuration does not exist."},
    {S3_E_LOCATION, "IllegalLocationConstraintException", 400, NULL,
     "The specified location-constraint is not valid"},
    {S3_E_TAG_COUNT, "BadRequest", 400, NULL, "Object tags cannot be greater than 10"},
    {S3_E_POLICY, "InvalidPolicyDocument", 400, NULL, "Invalid Policy"},
    {S3_E_FORM, "MalformedPOSTRequest", 400, NULL,
     "The body of your POST request is not well-formed multipart/form-data."},
    {S3_E_FORM_TYPE, "PreconditionFailed", 412, NULL,
     "At least one of the pre-conditions you specified did not hold"},
    {S3_E_FORM_TOO_LONG, "MaxPostPreDataLengthExceededError", 400, NULL,
     "Your POST request fields preceeding the upload file was too large."},
    {S3_E_CONFLICT, "ConditionalRequestConflict", 409, NULL,
     "The conditional request cannot succeed due to a conflicting operation against this resource."},
    {S3_E_PART_NUMBER, "InvalidPartNumber", 416, NULL, "The requested partnumber is not satisfiable"},
    {S3_E_STORAGE_CLASS, "InvalidStorageClass", 400, NULL, "The storage class you specified is not valid"},
    {S3_E_DAMAGED, "InternalError", 500, NULL,
     "The object's bytes on the server's disk are damaged: put it again, or restore it from a backup."},
    {S3_E_NO_SPACE, "ServiceUnavailable", 503, NULL, "The server's disk is full: nothing was stored."},
};

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE s3_sequence (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);"
        "INSERT INTO s3_sequence (id, value) VALUES (1, 0);"
        "CREATE TABLE s3_bucket ("
        " name TEXT PRIMARY KEY,"
        " account TEXT NOT NULL,"
        " created_ms BIGINT NOT NULL,"
        " versioning TEXT,"
        " notification TEXT,"
        " website_index TEXT,"
        " website_error TEXT,"
        " tags TEXT);"
        "CREATE TABLE s3_object ("
        " bucket TEXT NOT NULL,"
        " key TEXT NOT NULL,"
        " rank BIGINT NOT NULL,"
        " version_id TEXT NOT NULL,"
        " marker BIGINT NOT NULL,"
        " size BIGINT NOT NULL,"
        " etag TEXT NOT NULL,"
        " sha256 TEXT NOT NULL,"
        " checksum BIGINT NOT NULL,"
        " modified_ms BIGINT NOT NULL,"
        " blob BIGINT,"
        " headers TEXT,"
        " PRIMARY KEY (bucket, key, rank));"
        "CREATE TABLE s3_blob ("
        " id BIGINT PRIMARY KEY,"
        " refs BIGINT NOT NULL,"
        " size BIGINT NOT NULL,"
        " file TEXT,"
        " data BYTEA);"
        "CREATE UNIQUE INDEX s3_blob_file ON s3_blob (file) WHERE file IS NOT NULL;"
        "CREATE TABLE s3_doomed (file TEXT PRIMARY KEY);"
        "CREATE TABLE s3_upload ("
        " id TEXT PRIMARY KEY,"
        " bucket TEXT NOT NULL,"
        " key TEXT NOT NULL,"
        " started_ms BIGINT NOT NULL,"
        " checksum BIGINT NOT NULL,"
        " headers TEXT);"
        "CREATE INDEX s3_upload_key ON s3_upload (bucket, key, id);"
        "CREATE TABLE s3_part ("
        " upload TEXT NOT NULL,"
        " number BIGINT NOT NULL,"
        " size BIGINT NOT NULL,"
        " etag TEXT NOT NULL,"
        " sha256 TEXT NOT NULL,"
        " modified_ms BIGINT NOT NULL,"
        " blob BIGINT NOT NULL,"
        " PRIMARY KEY (upload, number));"},
    {2, "ALTER TABLE s3_object ADD COLUMN author TEXT;"},
    {3, "ALTER TABLE s3_object ADD COLUMN checksum_algorithm TEXT;"
        "ALTER TABLE s3_object ADD COLUMN checksum_type TEXT;"
        "ALTER TABLE s3_object ADD COLUMN checksum_value TEXT;"
        "ALTER TABLE s3_object ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE s3_object ADD COLUMN upload TEXT;"
        "CREATE INDEX s3_object_upload ON s3_object (upload) WHERE upload IS NOT NULL;"
        "CREATE TABLE s3_object_part ("
        " object BIGINT NOT NULL,"
        " number BIGINT NOT NULL,"
        " start BIGINT NOT NULL,"
        " size BIGINT NOT NULL,"
        " checksum TEXT,"
        " PRIMARY KEY (object, number));"
        "ALTER TABLE s3_upload ADD COLUMN checksum_algorithm TEXT;"
        "ALTER TABLE s3_upload ADD COLUMN checksum_type TEXT;"
        "ALTER TABLE s3_part ADD COLUMN checksum TEXT;"},
    {4, "ALTER TABLE s3_object ADD COLUMN tags TEXT;"
        "ALTER TABLE s3_upload ADD COLUMN tags TEXT;"},
    {5, "ALTER TABLE s3_blob ADD COLUMN sha256 TEXT;"
        "ALTER TABLE s3_blob ADD COLUMN damaged_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE s3_blob ADD COLUMN damage TEXT;"
        "UPDATE s3_blob SET sha256 = o.sha256 FROM s3_object o WHERE o.blob = s3_blob.id;"
        "UPDATE s3_blob SET sha256 = p.sha256 FROM s3_part p WHERE p.blob = s3_blob.id;"
        "CREATE INDEX s3_blob_content ON s3_blob (sha256) WHERE file IS NOT NULL;"},
    {6, "CREATE TABLE s3_scrub (id BIGINT PRIMARY KEY, began_ms BIGINT NOT NULL, cursor BIGINT NOT NULL,"
        " ended BIGINT NOT NULL);"
        "INSERT INTO s3_scrub (id, began_ms, cursor, ended) VALUES (1, 0, 0, 0);"},
    /* Websites were open to everybody: now their buckets' policies say so. */
    {7,
     "CREATE TABLE s3_setting ("
     " bucket TEXT NOT NULL,"
     " kind TEXT NOT NULL,"
     " document TEXT NOT NULL,"
     " PRIMARY KEY (bucket, kind));"
     "INSERT INTO s3_setting (bucket, kind, document) SELECT name, 'website',"
     " '{\"IndexDocument\":{\"Suffix\":\"' || website_index || '\"}' || CASE WHEN website_error IS NULL THEN "
     "''"
     " ELSE ',\"ErrorDocument\":{\"Key\":\"' || REPLACE(REPLACE(website_error, '\\', '\\\\'), '\"', '\\\"')"
     " || '\"}' END || '}' FROM s3_bucket WHERE website_index IS NOT NULL;"
     "INSERT INTO s3_setting (bucket, kind, document) SELECT name, 'policy',"
     " '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",'"
     " || '\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::' || name || '/*\"}]}'"
     " FROM s3_bucket WHERE website_index IS NOT NULL;"
     "ALTER TABLE s3_bucket DROP COLUMN website_index;"
     "ALTER TABLE s3_bucket DROP COLUMN website_error;"},
    {8, "ALTER TABLE s3_object ADD COLUMN lock_mode TEXT;"
        "ALTER TABLE s3_object ADD COLUMN lock_until_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE s3_object ADD COLUMN legal_hold BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE s3_upload ADD COLUMN lock_mode TEXT;"
        "ALTER TABLE s3_upload ADD COLUMN lock_until_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE s3_upload ADD COLUMN legal_hold BIGINT NOT NULL DEFAULT 0;"},
    {9, "ALTER TABLE s3_blob ADD COLUMN seal_key TEXT;"
        "ALTER TABLE s3_blob ADD COLUMN seal TEXT;"
        "ALTER TABLE s3_blob ADD COLUMN seal_crc BIGINT NOT NULL DEFAULT 0;"
        "CREATE INDEX s3_blob_seal ON s3_blob (seal_key) WHERE seal_key IS NOT NULL;"
        "ALTER TABLE s3_object ADD COLUMN encryption TEXT;"},
    /* Who put an object is charged for it; for parts of before, and what services put, the bucket's account.
     */
    {10,
     "ALTER TABLE s3_object ADD COLUMN account TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE s3_part ADD COLUMN account TEXT NOT NULL DEFAULT '';"
     "CREATE TABLE s3_usage ("
     " account TEXT PRIMARY KEY,"
     " objects BIGINT NOT NULL,"
     " bytes BIGINT NOT NULL,"
     " objects_max BIGINT,"
     " bytes_max BIGINT);"
     "UPDATE s3_object SET account = CASE WHEN author LIKE 'arn:aws:___::%' THEN substr(author, 14, 12)"
     " ELSE (SELECT b.account FROM s3_bucket b WHERE b.name = s3_object.bucket) END WHERE marker = 0;"
     "UPDATE s3_part SET account = (SELECT b.account FROM s3_upload u JOIN s3_bucket b ON b.name = u.bucket"
     " WHERE u.id = s3_part.upload);"
     "INSERT INTO s3_usage (account, objects, bytes) SELECT account, sum(objects), sum(bytes) FROM"
     " (SELECT account, 1 AS objects, size AS bytes FROM s3_object WHERE marker = 0"
     "  UNION ALL SELECT account, 0, size FROM s3_part) kept GROUP BY account;"},
    /* The index that finds an object holds all that a listing tells: a page is read from it alone. `rank` is
     * unique by itself. */
    {11,
     "CREATE TABLE s3_object_listed ("
     " bucket TEXT NOT NULL,"
     " key TEXT NOT NULL,"
     " rank BIGINT NOT NULL,"
     " version_id TEXT NOT NULL,"
     " marker BIGINT NOT NULL,"
     " size BIGINT NOT NULL,"
     " etag TEXT NOT NULL,"
     " modified_ms BIGINT NOT NULL,"
     " checksum_algorithm TEXT,"
     " checksum_type TEXT,"
     " checksum_value TEXT,"
     " sha256 TEXT NOT NULL,"
     " blob BIGINT,"
     " parts BIGINT NOT NULL DEFAULT 0,"
     " upload TEXT,"
     " headers TEXT,"
     " tags TEXT,"
     " author TEXT,"
     " account TEXT NOT NULL DEFAULT '',"
     " lock_mode TEXT,"
     " lock_until_ms BIGINT NOT NULL DEFAULT 0,"
     " legal_hold BIGINT NOT NULL DEFAULT 0,"
     " encryption TEXT,"
     " checksum BIGINT NOT NULL DEFAULT 0);"
     "INSERT INTO s3_object_listed SELECT bucket, key, rank, version_id, marker, size, etag, modified_ms, "
     "checksum_algorithm,"
     " checksum_type, checksum_value, sha256, blob, parts, upload, headers, tags, author, account, lock_mode,"
     " lock_until_ms, legal_hold, encryption, checksum FROM s3_object;"
     "DROP TABLE s3_object;"
     "ALTER TABLE s3_object_listed RENAME TO s3_object;"
     "CREATE UNIQUE INDEX s3_object_listing ON s3_object (bucket, key, rank, version_id, marker, size, etag,"
     " modified_ms, checksum_algorithm, checksum_type);"
     "CREATE INDEX s3_object_upload ON s3_object (upload) WHERE upload IS NOT NULL;"},
    {12, "CREATE INDEX s3_blob_damaged ON s3_blob (damaged_ms, size) WHERE damaged_ms > 0;"},
    /* A blob may be a list of others: what a multipart upload becomes. */
    {13, "ALTER TABLE s3_blob ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;"
         "CREATE TABLE s3_blob_part ("
         " blob BIGINT NOT NULL,"
         " start BIGINT NOT NULL,"
         " part BIGINT NOT NULL,"
         " PRIMARY KEY (blob, start));"
         "CREATE INDEX s3_blob_part_of ON s3_blob_part (part, blob);"
         "CREATE TABLE s3_doomed_list (blob BIGINT PRIMARY KEY);"
         "DROP INDEX s3_blob_content;"
         "CREATE INDEX s3_blob_content ON s3_blob (sha256) WHERE file IS NOT NULL OR parts > 0;"},
    {14, "ALTER TABLE s3_upload ADD COLUMN storage_class TEXT;"
         "ALTER TABLE s3_upload ADD COLUMN initiator TEXT;"
         "ALTER TABLE s3_upload ADD COLUMN over_object BIGINT NOT NULL DEFAULT 0;"
         "ALTER TABLE s3_object ADD COLUMN storage_class TEXT;"
         "DROP INDEX s3_object_listing;"
         "CREATE UNIQUE INDEX s3_object_listing ON s3_object (bucket, key, rank, version_id, marker, size, "
         "etag, modified_ms, checksum_algorithm, checksum_type, storage_class);"},
};

struct background {
    struct blob_keeper *keeper;
    struct scrubber *scrubber;
    struct lifecycle_keeper *lifecycle;
    struct ahead *ahead;
};

static void stop(void *state)
{
    struct background *background = state;
    if (!background)
        return;
    ahead_stop(&background->ahead);
    lifecycle_stop(&background->lifecycle);
    scrubber_stop(&background->scrubber);
    blob_keeper_stop(&background->keeper);
    free(background);
}

static int start(const struct platform *platform, void **ret_state)
{
    struct background *background = mem_alloc(sizeof(*background));
    int rc = background ? blob_keeper_start(platform, &background->keeper) : FAULT(ENOMEM);
    if (rc == 0)
        rc = scrubber_start(platform, platform->scrub_bytes_per_s, &background->scrubber);
    if (rc == 0)
        rc = lifecycle_start(platform, &background->lifecycle);
    if (rc == 0)
        rc = ahead_start(platform, &background->ahead);
    if (rc != 0) {
        stop(background);
        return rc;
    }
    *ret_state = background;
    return 0;
}

const struct service s3_service = {
    .name = "s3",
    .protocols = PROTOCOL_REST_XML,
    .xmlns = S3_XMLNS,
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "InvalidArgument",
    .admit = api_admit_origin,
    .migrations = migrations,
    .migration_count = ARRAY_LEN(migrations),
    .start = start,
    .stop = stop,
};
