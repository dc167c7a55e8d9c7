/* CorsConfiguration and LifecycleConfiguration of AWS::S3::Bucket: their tables, and the documents of S3's
 * API that they become. */
#pragma once

#include "services/cloudformation/resource.h"

extern const struct properties s3_cors_properties;
extern const struct properties s3_lifecycle_properties;

/* `said` → what PutBucketCors and PutBucketLifecycleConfiguration take, a new object in *ret. S3_E_ARGUMENT.
 */
int s3_cors_document(const json_t *said, json_t **ret) MUST_USE;
int s3_lifecycle_document(const json_t *said, json_t **ret, struct reason *why) MUST_USE;
