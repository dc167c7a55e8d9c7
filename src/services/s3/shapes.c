/* See shapes.h. Source: S3 API reference, botocore's model of 2006-03-01. */
#include "services/s3/shapes.h"

static const struct field text_fields[] = {{"text", FIELD_STRING}};
static const struct shape text_shape = SHAPE(text_fields);
static const struct field any_fields[] = {{"any", FIELD_ANY}};
static const struct shape any_shape = SHAPE(any_fields);

static const struct field versioning_fields[] = {{"Status", FIELD_STRING}, {"MfaDelete", FIELD_STRING}};
const struct shape versioning_shape = SHAPE(versioning_fields);

static const struct field rule_fields[] = {{"Name", FIELD_STRING}, {"Value", FIELD_STRING}};
ELEMENT(rule_shape, rule_fields);
static const struct field s3key_fields[] = {FLAT_LIST("FilterRule", rule_shape)};
static const struct shape s3key_shape = SHAPE(s3key_fields);
static const struct field filter_fields[] = {STRUCT("S3Key", s3key_shape)};
static const struct shape filter_shape = SHAPE(filter_fields);
static const struct field queue_fields[] = {
    {"Id", FIELD_STRING},
    {"Queue", FIELD_STRING},
    FLAT_LIST("Event", text_shape),
    STRUCT("Filter", filter_shape),
};
ELEMENT(queue_shape, queue_fields);
static const struct field topic_fields[] = {
    {"Id", FIELD_STRING},
    {"Topic", FIELD_STRING},
    FLAT_LIST("Event", text_shape),
    STRUCT("Filter", filter_shape),
};
ELEMENT(topic_shape, topic_fields);
static const struct field notification_fields[] = {
    FLAT_LIST("QueueConfiguration", queue_shape),
    FLAT_LIST("TopicConfiguration", topic_shape),
    FLAT_LIST("CloudFunctionConfiguration", any_shape),
    {"EventBridgeConfiguration", FIELD_ANY},
};
const struct shape notification_shape = SHAPE(notification_fields);

static const struct field tag_fields[] = {{"Key", FIELD_STRING}, {"Value", FIELD_STRING}};
ELEMENT(tag_shape, tag_fields);
static const struct field tagging_fields[] = {
    {.name = "TagSet", .type = FIELD_LIST, .of = &tag_shape, .item = "Tag"},
};
const struct shape tagging_shape = SHAPE(tagging_fields);

static const struct field create_bucket_fields[] = {
    {"LocationConstraint", FIELD_STRING},
    {.name = "Tags", .type = FIELD_LIST, .of = &tag_shape, .item = "Tag"},
};
const struct shape create_bucket_in = SHAPE(create_bucket_fields);

static const struct field delete_object_fields[] = {
    {"Key", FIELD_STRING, FIELD_REQUIRED, 1, INT64_MAX}, /* too long ones have an error of their own */
    {"VersionId", FIELD_STRING},
    {"ETag", FIELD_STRING},
    {"LastModifiedTime", FIELD_STRING},
    {"Size", FIELD_STRING},
};
ELEMENT(delete_object_shape, delete_object_fields);
static const struct field delete_fields[] = {
    {.name = "Object",
     .type = FIELD_LIST,
     .flags = FIELD_FLAT | FIELD_REQUIRED,
     .min = 1,
     .max = 1000,
     .of = &delete_object_shape},
    {"Quiet", FIELD_BOOLEAN},
};
const struct shape delete_in = SHAPE(delete_fields);

static const struct field deleted_fields[] = {
    {"Key", FIELD_STRING},
    {"VersionId", FIELD_STRING},
    {"DeleteMarker", FIELD_BOOLEAN},
    {"DeleteMarkerVersionId", FIELD_STRING},
};
ELEMENT(deleted_shape, deleted_fields);
static const struct field refused_fields[] = {
    {"Key", FIELD_STRING}, {"VersionId", FIELD_STRING}, {"Code", FIELD_STRING}, {"Message", FIELD_STRING}};
ELEMENT(refused_shape, refused_fields);
static const struct field delete_out_fields[] = {FLAT_LIST("Deleted", deleted_shape),
                                                 FLAT_LIST("Error", refused_shape)};
const struct shape delete_out = SHAPE(delete_out_fields);

static const struct field part_fields[] = {
    {"PartNumber", FIELD_INTEGER, FIELD_REQUIRED},
    {"ETag", FIELD_STRING, FIELD_REQUIRED},
    {"ChecksumCRC32", FIELD_STRING},
    {"ChecksumCRC32C", FIELD_STRING},
    {"ChecksumCRC64NVME", FIELD_STRING},
    {"ChecksumSHA1", FIELD_STRING},
    {"ChecksumSHA256", FIELD_STRING},
    {"ChecksumSHA512", FIELD_STRING},
    {"ChecksumMD5", FIELD_STRING},
    {"ChecksumXXHASH64", FIELD_STRING},
    {"ChecksumXXHASH3", FIELD_STRING},
    {"ChecksumXXHASH128", FIELD_STRING},
};
ELEMENT(part_shape, part_fields);
static const struct field complete_fields[] = {
    {.name = "Part", .type = FIELD_LIST, .flags = FIELD_FLAT, .max = 10000, .of = &part_shape},
};
const struct shape complete_in = SHAPE(complete_fields);
