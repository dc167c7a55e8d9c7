/* What the operations of s3 share. */
#pragma once

#include "services/s3/object.h"
#include "services/service.h"
#include "wire/time.h"

#define S3_XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

int api_list_buckets(struct call *c);
int api_create_bucket(struct call *c);
int api_head_bucket(struct call *c);
int api_verify_objects(struct call *c);
int api_get_health(struct call *c);
int api_delete_bucket(struct call *c);
int api_get_location(struct call *c);

int api_get_versioning(struct call *c);
int api_put_versioning(struct call *c);
int api_get_notification(struct call *c);
int api_put_notification(struct call *c);
int api_get_setting(struct call *c);
int api_put_setting(struct call *c);
int api_delete_setting(struct call *c);
int api_get_policy(struct call *c);
int api_put_policy(struct call *c);
int api_get_policy_status(struct call *c);
int api_get_retention(struct call *c);
int api_put_retention(struct call *c);
int api_get_legal_hold(struct call *c);
int api_put_legal_hold(struct call *c);
int api_get_lifecycle(struct call *c);
int api_put_lifecycle(struct call *c);
int api_preflight(struct call *c); /* OPTIONS */
int api_get_acl(struct call *c);
int api_put_acl(struct call *c);
/* Of what Slipway's buckets are and stay: reads say so, writes may only say the same. */
int api_get_fixed(struct call *c);
int api_put_fixed(struct call *c);
/* Analytics, inventory, metrics, intelligent tiering: none is ever there. */
int api_list_configurations(struct call *c);
int api_get_configuration(struct call *c);
int api_get_replication(struct call *c);
int api_get_tagging(struct call *c);
int api_put_tagging(struct call *c);
int api_delete_tagging(struct call *c);

int api_list_objects(struct call *c); /* version 1 */
int api_list_objects_v2(struct call *c);
int api_list_versions(struct call *c);

int api_get_object(struct call *c);
/* Answers an unsigned reader of a bucket that is a website; 0: it is none. */
int api_website(struct call *c, bool head) MUST_USE;
int api_head_object(struct call *c);
int api_delete_object(struct call *c);
int api_delete_objects(struct call *c);

int api_put_begin(struct call *c);
int api_put_body(struct call *c, const void *bytes, size_t len);
void api_put_whole(struct call *c); /* syncs them */
void *api_put_place(struct call *c, size_t *ret_room);
int api_put_run(struct call *c);
void api_put_end(struct call *c);
int api_post_begin(struct call *c);
int api_post_body(struct call *c, const void *bytes, size_t len);
int api_post_run(struct call *c);
void api_post_end(struct call *c);
int api_copy_object(struct call *c);
int api_copy_part(struct call *c);
int api_get_attributes(struct call *c);
int api_get_object_tagging(struct call *c);
int api_put_object_tagging(struct call *c);
int api_delete_object_tagging(struct call *c);

int api_create_upload(struct call *c);
int api_part_begin(struct call *c);
int api_upload_part(struct call *c);
int api_complete_upload(struct call *c);
int api_abort_upload(struct call *c);
int api_list_parts(struct call *c);
int api_list_uploads(struct call *c);

/* ---- shared */

/* What came of a write: of a condition that did not hold it is told which. Bytes that fail to reach the disk
 * are no fault of the client's, but it should know why. */
int api_write_outcome(struct call *c, int rc) MUST_USE;

struct multipart;
/* The request's bucket, into a zeroed *ret, when the caller may do with it, or with the request's key, what
 * it asks (access.h). S3_E_NO_BUCKET, S3_E_DENIED. */
int api_bucket(struct call *c, struct tx *tx, struct bucket *ret) MUST_USE;
/* Before the body of an unsigned request is taken: may anybody do this? */
int api_admit_unsigned(struct call *c) MUST_USE;
/* What any answer to a page of the request's Origin is to carry, by the bucket's rules. CALL_ELSEWHERE. */
int api_admit_origin(struct call *c) MUST_USE;
/* Whether the caller may do that, too. */
bool api_may(struct call *c, struct tx *tx, const struct bucket *bucket, const char *action, const char *key);
/* The object to be read, into a zeroed *ret. S3_E_NO_KEY, or S3_E_DENIED for who may not know;
 * S3_E_NO_VERSION, S3_E_DELETE_MARKER. */
int api_find_object(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
                    const char *version_id, struct object *ret) MUST_USE;
/* The request's upload, by uploadId, into a zeroed *ret, of a bucket as api_bucket has it. S3_E_NO_UPLOAD. */
int api_load_upload(struct call *c, struct tx *tx, struct multipart *ret) MUST_USE;
/* partNumber, from 1 to 10,000. S3_E_ARGUMENT. */
int api_part_number(struct call *c, int64_t *ret) MUST_USE;

/* Content-MD5 and checksums of an XML or JSON body, where the client says them; with OP_CHECKSUM it must say
 * one. S3_E_INVALID_DIGEST, S3_E_BAD_DIGEST, S3_E_REQUEST. */
int api_check_body(struct call *c) MUST_USE;
int api_check_key_length(struct call *c, size_t len) MUST_USE; /* S3_E_KEY_TOO_LONG */
/* The key is UTF-8 without NUL and not longer than S3_KEY_MAX. S3_E_KEY_TOO_LONG, S3_E_ARGUMENT. */
int api_check_key(struct call *c) MUST_USE;
/* Of a new object: S3_E_ACL, S3_E_NOT_IMPLEMENTED rather than silently doing less than was asked. */
int api_check_headers(struct call *c) MUST_USE;
struct origin api_origin(const struct call *c);
/* The request's versionId, NULL when not given. S3_E_ARGUMENT for what is no version's id. */
int api_version_id(struct call *c, const char **ret) MUST_USE;
void api_time(int64_t ms, char ret[TIME_TEXT_SIZE]); /* documents tell whole seconds, as headers do */
/* An element with the account's canonical user id: <Owner><ID>…</ID></Owner>. S3 tells no DisplayName any
 * more. */
void api_put_owner(struct buf *out, const char *element, const char *account);
/* Replies with the XML in `body`, which it takes. */
void api_send_xml(struct call *c, struct buf *body); /* once the reply has begun */
int api_reply_xml(struct call *c, struct buf *body) MUST_USE;
void api_etag_header(struct call *c, const char *etag); /* "quoted" */

struct range {
    int64_t offset;
    int64_t len;
    bool partial;
};

/* RFC 9110 §14.2, one range: others are ignored, as S3 does. S3_E_RANGE. */
int range_read(struct str header, int64_t size, struct range *ret) MUST_USE;
