/* Bucket policies as documents: their form, and whether they make a bucket public. */
#pragma once

#include "services/s3/bucket.h"
#include <jansson.h>

/* S3_E_POLICY_FORM with S3's words. */
int bucket_policy_check(const struct bucket *bucket, const json_t *policy, struct reason *why) MUST_USE;
/* Whether it lets anybody in. Source: S3 user guide, "The meaning of 'public'". */
bool bucket_policy_public(const json_t *policy);
/* The policy that the bucket has, to be read only: others may have it, too. */
int bucket_policy_read(const struct bucket *bucket, json_t **ret) MUST_USE;
