/* Field tables of buckets' settings. Source: S3 API reference, botocore's model of 2006-03-01. */
#include "services/s3/shapes.h"

static const struct field text_fields[] = {{"text", FIELD_STRING}};
static const struct shape text_shape = SHAPE(text_fields);
static const struct field any_fields[] = {{"any", FIELD_ANY}};
static const struct shape any_shape = SHAPE(any_fields);

/* ---- cors */

static const struct field cors_rule_fields[] = {
    {"ID", FIELD_STRING, 0, 0, 255},        FLAT_LIST("AllowedOrigin", text_shape),
    FLAT_LIST("AllowedMethod", text_shape), FLAT_LIST("AllowedHeader", text_shape),
    FLAT_LIST("ExposeHeader", text_shape),  {"MaxAgeSeconds", FIELD_INTEGER},
};
ELEMENT(cors_rule_shape, cors_rule_fields);
static const struct field cors_fields[] = {
    {.name = "CORSRule",
     .type = FIELD_LIST,
     .flags = FIELD_FLAT | FIELD_REQUIRED,
     .min = 1,
     .max = 100,
     .of = &cors_rule_shape},
};
const struct shape cors_shape = SHAPE(cors_fields);

/* ---- encryption */

static const struct field by_default_fields[] = {
    {"SSEAlgorithm", FIELD_STRING, FIELD_REQUIRED},
    {"KMSMasterKeyID", FIELD_STRING},
};
static const struct shape by_default_shape = SHAPE(by_default_fields);
/* Kept and told: Slipway takes no keys of customers anyway. */
static const char *const blockable[] = {"NONE", "SSE-C", NULL};
static const struct field blockable_fields[] = {{"text", FIELD_STRING, .values = blockable}};
static const struct shape blockable_shape = SHAPE(blockable_fields);
static const struct field blocked_fields[] = {FLAT_LIST("EncryptionType", blockable_shape)};
static const struct shape blocked_shape = SHAPE(blocked_fields);
static const struct field encryption_rule_fields[] = {
    STRUCT("ApplyServerSideEncryptionByDefault", by_default_shape),
    {"BucketKeyEnabled", FIELD_BOOLEAN},
    STRUCT("BlockedEncryptionTypes", blocked_shape),
};
ELEMENT(encryption_rule_shape, encryption_rule_fields);
static const struct field encryption_fields[] = {
    {.name = "Rule",
     .type = FIELD_LIST,
     .flags = FIELD_FLAT | FIELD_REQUIRED,
     .min = 1,
     .max = 1,
     .of = &encryption_rule_shape},
};
const struct shape encryption_shape = SHAPE(encryption_fields);

/* ---- lifecycle */

static const char *const switches[] = {"Enabled", "Disabled", NULL};
static const struct field tag_fields[] = {
    {"Key", FIELD_STRING, FIELD_REQUIRED, 1, 128},
    {"Value", FIELD_STRING, FIELD_REQUIRED, 0, 256},
};
static const struct shape tag_shape = SHAPE(tag_fields);
ELEMENT(tags_shape, tag_fields);

static const struct field and_fields[] = {
    {"Prefix", FIELD_STRING},
    FLAT_LIST("Tag", tags_shape),
    {"ObjectSizeGreaterThan", FIELD_INTEGER},
    {"ObjectSizeLessThan", FIELD_INTEGER},
};
static const struct shape and_shape = SHAPE(and_fields);
static const struct field filter_fields[] = {
    {"Prefix", FIELD_STRING},
    STRUCT("Tag", tag_shape),
    {"ObjectSizeGreaterThan", FIELD_INTEGER},
    {"ObjectSizeLessThan", FIELD_INTEGER},
    STRUCT("And", and_shape),
};
static const struct shape filter_shape = SHAPE(filter_fields);
static const struct field expiration_fields[] = {
    {"Days", FIELD_INTEGER},
    {"Date", FIELD_TIMESTAMP},
    {"ExpiredObjectDeleteMarker", FIELD_BOOLEAN},
};
static const struct shape expiration_shape = SHAPE(expiration_fields);
static const struct field noncurrent_fields[] = {
    {"NoncurrentDays", FIELD_INTEGER, FIELD_REQUIRED},
    {"NewerNoncurrentVersions", FIELD_INTEGER},
};
static const struct shape noncurrent_shape = SHAPE(noncurrent_fields);
static const struct field abort_fields[] = {{"DaysAfterInitiation", FIELD_INTEGER, FIELD_REQUIRED}};
static const struct shape abort_shape = SHAPE(abort_fields);
static const struct field lifecycle_rule_fields[] = {
    {"ID", FIELD_STRING},
    {"Prefix", FIELD_STRING},
    STRUCT("Filter", filter_shape),
    {"Status", FIELD_STRING, FIELD_REQUIRED, .values = switches},
    STRUCT("Expiration", expiration_shape),
    STRUCT("NoncurrentVersionExpiration", noncurrent_shape),
    STRUCT("AbortIncompleteMultipartUpload", abort_shape),
    FLAT_LIST("Transition", any_shape),
    FLAT_LIST("NoncurrentVersionTransition", any_shape),
};
ELEMENT(lifecycle_rule_shape, lifecycle_rule_fields);
static const struct field lifecycle_fields[] = {
    {.name = "Rule",
     .type = FIELD_LIST,
     .flags = FIELD_FLAT | FIELD_REQUIRED,
     .min = 1,
     .max = 1000,
     .of = &lifecycle_rule_shape},
};
const struct shape lifecycle_shape = SHAPE(lifecycle_fields);

/* ---- who may */

static const struct field public_access_fields[] = {
    {"BlockPublicAcls", FIELD_BOOLEAN},
    {"IgnorePublicAcls", FIELD_BOOLEAN},
    {"BlockPublicPolicy", FIELD_BOOLEAN},
    {"RestrictPublicBuckets", FIELD_BOOLEAN},
};
const struct shape public_access_shape = SHAPE(public_access_fields);

static const char *const ownerships[] = {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", NULL};
static const struct field ownership_rule_fields[] = {
    {"ObjectOwnership", FIELD_STRING, FIELD_REQUIRED, .values = ownerships}};
ELEMENT(ownership_rule_shape, ownership_rule_fields);
static const struct field ownership_fields[] = {
    {.name = "Rule",
     .type = FIELD_LIST,
     .flags = FIELD_FLAT | FIELD_REQUIRED,
     .min = 1,
     .max = 1,
     .of = &ownership_rule_shape},
};
const struct shape ownership_shape = SHAPE(ownership_fields);

static const struct field grantee_fields[] = {{"ID", FIELD_STRING},
                                              {"URI", FIELD_STRING},
                                              {"EmailAddress", FIELD_STRING},
                                              {"DisplayName", FIELD_STRING}};
static const struct shape grantee_shape = SHAPE(grantee_fields);
static const struct field grant_fields[] = {STRUCT("Grantee", grantee_shape), {"Permission", FIELD_STRING}};
ELEMENT(grant_shape, grant_fields);
static const struct field grants_fields[] = {FLAT_LIST("Grant", grant_shape)};
static const struct shape grants_shape = SHAPE(grants_fields);
static const struct field acl_owner_fields[] = {{"ID", FIELD_STRING}, {"DisplayName", FIELD_STRING}};
static const struct shape acl_owner_shape = SHAPE(acl_owner_fields);
static const struct field acl_fields[] = {STRUCT("Owner", acl_owner_shape),
                                          STRUCT("AccessControlList", grants_shape)};
const struct shape acl_shape = SHAPE(acl_fields);

static const struct field policy_status_fields[] = {{"IsPublic", FIELD_BOOLEAN}};
const struct shape policy_status_shape = SHAPE(policy_status_fields);

/* ---- website */

static const char *const schemes[] = {"http", "https", NULL};
static const struct field index_fields[] = {{"Suffix", FIELD_STRING, FIELD_REQUIRED}};
static const struct shape index_shape = SHAPE(index_fields);
static const struct field error_fields[] = {{"Key", FIELD_STRING, FIELD_REQUIRED, 1, 1024}};
static const struct shape error_shape = SHAPE(error_fields);
static const struct field redirect_all_fields[] = {
    {"HostName", FIELD_STRING, FIELD_REQUIRED},
    {"Protocol", FIELD_STRING, .values = schemes},
};
static const struct shape redirect_all_shape = SHAPE(redirect_all_fields);
static const struct field condition_fields[] = {
    {"HttpErrorCodeReturnedEquals", FIELD_STRING},
    {"KeyPrefixEquals", FIELD_STRING},
};
static const struct shape condition_shape = SHAPE(condition_fields);
static const struct field redirect_fields[] = {
    {"HostName", FIELD_STRING},
    {"HttpRedirectCode", FIELD_STRING},
    {"Protocol", FIELD_STRING, .values = schemes},
    {"ReplaceKeyPrefixWith", FIELD_STRING},
    {"ReplaceKeyWith", FIELD_STRING},
};
static const struct shape redirect_shape = SHAPE(redirect_fields);
static const struct field routing_rule_fields[] = {
    STRUCT("Condition", condition_shape),
    {.name = "Redirect", .type = FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &redirect_shape},
};
ELEMENT(routing_rule_shape, routing_rule_fields);
static const struct field website_fields[] = {
    STRUCT("IndexDocument", index_shape),
    STRUCT("ErrorDocument", error_shape),
    STRUCT("RedirectAllRequestsTo", redirect_all_shape),
    {.name = "RoutingRules",
     .type = FIELD_LIST,
     .min = 1,
     .max = 50,
     .of = &routing_rule_shape,
     .item = "RoutingRule"},
};
const struct shape website_shape = SHAPE(website_fields);

/* ---- object lock */

/* Event holds are read to be refused: one that is passed over would not hold. */
static const struct field event_hold_fields[] = {{"Days", FIELD_INTEGER}, {"Years", FIELD_INTEGER}};
static const struct shape event_hold_shape = SHAPE(event_hold_fields);

static const char *const enabled[] = {"Enabled", NULL};
static const char *const lock_modes[] = {"GOVERNANCE", "COMPLIANCE", NULL};
static const struct field default_retention_fields[] = {
    {"Mode", FIELD_STRING, .values = lock_modes},
    {"Days", FIELD_INTEGER},
    {"Years", FIELD_INTEGER},
    STRUCT("DefaultEventHold", event_hold_shape),
};
static const struct shape default_retention_shape = SHAPE(default_retention_fields);
static const struct field lock_rule_fields[] = {
    {.name = "DefaultRetention",
     .type = FIELD_STRUCT,
     .flags = FIELD_REQUIRED,
     .of = &default_retention_shape},
};
static const struct shape lock_rule_shape = SHAPE(lock_rule_fields);
static const struct field object_lock_fields[] = {
    {"ObjectLockEnabled", FIELD_STRING, .values = enabled},
    STRUCT("Rule", lock_rule_shape),
};
const struct shape object_lock_shape = SHAPE(object_lock_fields);

static const struct field retention_fields[] = {
    {"Mode", FIELD_STRING, .values = lock_modes},
    {"RetainUntilDate", FIELD_TIMESTAMP},
    {"EventHold", FIELD_STRING},
    STRUCT("EventHoldDuration", event_hold_shape),
};
const struct shape retention_shape = SHAPE(retention_fields);

static const char *const holds[] = {"ON", "OFF", NULL};
static const struct field hold_fields[] = {{"Status", FIELD_STRING, FIELD_REQUIRED, .values = holds}};
const struct shape hold_shape = SHAPE(hold_fields);

/* ---- an account's */

static const struct field quota_fields[] = {{"MaxObjects", FIELD_INTEGER}, {"MaxBytes", FIELD_INTEGER}};
const struct shape quota_shape = SHAPE(quota_fields);

/* ---- what cannot be set to anything else */

static const char *const payers[] = {"BucketOwner", "Requester", NULL};
static const struct field payer_fields[] = {{"Payer", FIELD_STRING, FIELD_REQUIRED, .values = payers}};
const struct shape payer_shape = SHAPE(payer_fields);

static const char *const statuses[] = {"Enabled", "Suspended", NULL};
static const struct field status_fields[] = {{"Status", FIELD_STRING, FIELD_REQUIRED, .values = statuses}};
const struct shape status_shape = SHAPE(status_fields);

static const struct field logging_fields[] = {{"LoggingEnabled", FIELD_ANY}};
const struct shape logging_shape = SHAPE(logging_fields);

static const struct field configurations_fields[] = {{"IsTruncated", FIELD_BOOLEAN}};
const struct shape configurations_shape = SHAPE(configurations_fields);
