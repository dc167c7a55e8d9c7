/* What requests ask and answers tell of a version's end: its lock, and the rule that will end it. */
#pragma once

#include "services/s3/api.h"

/* The lock that a write asks for. S3_E_ARGUMENT. */
int api_lock_headers(struct call *c, struct object_lock *ret) MUST_USE;
void api_lock_reply(struct call *c, const struct object_lock *lock); /* once the reply has begun */
/* Whether the caller asks to pass over governance, and may. S3_E_DENIED. */
int api_bypass(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
               const char *version_id, bool *ret) MUST_USE;
/* x-amz-abort-date and x-amz-abort-rule-id of an upload that a lifecycle rule will abort, once the reply has
 * begun. */
void api_abort_headers(struct call *c, const struct bucket *bucket, int64_t started_ms);
/* x-amz-expiration of an object that a lifecycle rule will end, once the reply has begun. */
void api_expiration_header(struct call *c, const struct bucket *bucket, const struct object *object,
                           int64_t size, const char *tags);
