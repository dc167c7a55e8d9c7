/* A bucket's settings that are documents: a row of s3_setting for each bucket and kind. The kinds are named
 * as S3's sub-resources are; what a document holds is what the operation's field table says
 * (shapes_setting.c). Inside the caller's transaction. */
#pragma once

#include "services/s3/bucket.h"
#include <jansson.h>

#define SETTING_CORS "cors"
#define SETTING_ENCRYPTION "encryption"
#define SETTING_LIFECYCLE "lifecycle"
#define SETTING_OBJECT_LOCK "object-lock"
#define SETTING_OWNERSHIP "ownershipControls"
#define SETTING_POLICY "policy"
#define SETTING_PUBLIC_ACCESS "publicAccessBlock"
#define SETTING_WEBSITE "website"

/* A new reference in *ret. The kind's own outcome (S3_E_NO_CORS …) when it is not set. */
int setting_get(struct tx *tx, const char *bucket, const char *kind, json_t **ret) MUST_USE;
/* Checks the document, completes it where something was left out, and replaces what there was. Outcomes with
 * words in *why. */
int setting_put(struct tx *tx, const struct bucket *bucket, const char *kind, json_t *document,
                struct reason *why) MUST_USE;
int setting_remove(struct tx *tx, const char *bucket, const char *kind) MUST_USE;
/* What a bucket has from birth: no public access, no ACLs. Source: S3 user guide, "Default settings for new
 * S3 buckets", since April 2023. */
int settings_of_birth(struct tx *tx, const char *name) MUST_USE;
int settings_remove(struct tx *tx, const char *bucket) MUST_USE;

/* The kinds' own rules: S3_E_XML, S3_E_ARGUMENT, S3_E_REQUEST, S3_E_NOT_IMPLEMENTED. */
int cors_check(struct tx *tx, const struct bucket *bucket, json_t *document, struct reason *why) MUST_USE;
int encryption_check(struct tx *tx, const struct bucket *bucket, json_t *document,
                     struct reason *why) MUST_USE;
int lifecycle_check(struct tx *tx, const struct bucket *bucket, json_t *document,
                    struct reason *why) MUST_USE;
int object_lock_check(struct tx *tx, const struct bucket *bucket, json_t *document,
                      struct reason *why) MUST_USE;
int website_check(struct tx *tx, const struct bucket *bucket, json_t *document, struct reason *why) MUST_USE;
