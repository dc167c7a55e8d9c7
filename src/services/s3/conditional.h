/* Conditional requests (RFC 9110 §13), as S3 has them: of reads, of writes and of deletions. */
#pragma once

#include "services/s3/object.h"
#include "services/service.h"

/* ---- reads */

/* RFC 9110 §13: S3_E_PRECONDITION, S3_E_NOT_MODIFIED, or 0. `prefix` is "" or "x-amz-copy-source-". */
int conditions_check(struct call *c, const char *prefix, const struct object *object) MUST_USE;
/* Whether the range that is asked for is of this object: If-Range (RFC 9110 §13.1.5), if there is one. */
bool if_range_holds(const struct call *c, const struct object *object);

/* ---- writes */

/* If-Match and If-None-Match of a write, for object_put to look at. S3_E_NOT_IMPLEMENTED. */
int api_write_conditions(struct call *c, struct object_new *new) MUST_USE;
/* An If-Match of a write tells the object's ETag: whether the caller may read it. S3_E_DENIED. */
int api_may_compare(struct call *c, struct tx *tx, const struct bucket *bucket) MUST_USE;
/* Of a write: S3_E_PRECONDITION, and which. */
int api_condition_failed(struct call *c) MUST_USE;

/* ---- deletions */

/* If-Match (or ETag) of a deletion; {NULL,0}: none. S3_E_PRECONDITION, S3_E_NO_KEY: there is no current
 * object, S3_E_DENIED: the caller may not read it, so it may not learn its ETag. */
int api_delete_condition(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
                         struct str match) MUST_USE;
/* Where a version is to be deleted. S3_E_NOT_IMPLEMENTED. */
int api_refuse_match(struct call *c) MUST_USE;

/* One name among an If-(None-)Match list, quotes optional, "*" any. */
bool etag_listed(struct str list, const char *etag);
