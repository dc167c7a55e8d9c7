/* Multipart uploads: begun, given parts, given up. Source: S3 API reference. */
#include "base/clock.h"
#include "base/mem.h"
#include "services/s3/argument.h"
#include "services/s3/access.h"
#include "services/s3/checksum_api.h"
#include "services/s3/digest_ahead.h"
#include "services/s3/put.h"
#include "services/s3/tagging.h"
#include "services/s3/version_api.h"
#include "services/s3/encryption.h"
#include "services/s3/quota.h"
#include "services/s3/storage_class.h"
#include "services/s3/headers.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define ANSWER_MAX (64u << 10)

static int no_upload(struct call *c)
{
    struct str id = uri_get(&c->query, "uploadId");
    call_error_text(c, "UploadId", id);
    return call_fail(c, S3_E_NO_UPLOAD,
                     "The specified upload does not exist. The upload ID may be invalid, or the upload may "
                     "have been aborted "
                     "or completed.");
}

int api_load_upload(struct call *c, struct tx *tx, struct multipart *ret)
{
    struct str id = uri_get(&c->query, "uploadId");
    if (id.len == 0 || id.len >= UPLOAD_ID_SIZE)
        return no_upload(c);
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, tx, &bucket);
    if (rc == 0)
        rc = multipart_load(tx, c->bucket, c->key, id.ptr, ret);
    return rc == S3_E_NO_UPLOAD ? no_upload(c) : rc;
}

static void put_names(struct call *c, struct buf *out, const char *root)
{
    xml_head(out);
    xml_open_ns(out, root, S3_XMLNS);
    xml_elem(out, "Bucket", str_of(c->bucket));
    xml_elem_exact(out, "Key", str_of(c->key));
}

int api_part_number(struct call *c, int64_t *ret)
{
    struct str said = uri_get(&c->query, "partNumber");
    return str_to_int(said, 1, PART_MAX, ret)
               ? 0
               : api_bad_argument(c, "partNumber", said,
                                  "Part number must be an integer between 1 and 10000, inclusive");
}

static int note_object(struct call *c, struct tx *tx, int64_t *ret)
{
    CLEANUP(object_unload) struct object current = {0};
    int rc = object_find(tx, c->bucket, c->key, NULL, &current);
    *ret = rc == 0 && !current.marker ? current.sequence : 0;
    return rc == S3_E_NO_KEY ? 0 : rc;
}

static int create(struct call *c, struct multipart *new, struct bucket *bucket)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, bucket);
    if (rc == 0)
        rc = access_check_extras(c, tx, bucket, new->tags != NULL, &new->lock);
    if (rc == 0)
        rc = lock_of_new(bucket, clock_now_ms(), &new->lock, &c->reason);
    if (rc == 0)
        rc = note_object(c, tx, &new->over);
    if (rc == 0)
        rc = multipart_create(tx, c->bucket, c->key, new);
    if (rc != 0)
        return rc;
    tx_touches(tx, object_subject(c->bucket, c->key));
    tx_touches_no_more(tx);
    return db_commit(&tx);
}

int api_create_upload(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart new = {0};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf headers = {0};
    const char *tags = NULL;
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = api_lock_headers(c, &new.lock);
    if (rc == 0)
        rc = storage_class_asked(c, &new.storage_class);
    if (rc == 0)
        rc = checksum_upload_asked(c, &new.algorithm, &new.composite);
    if (rc == 0)
        rc = headers_collect(c, &headers);
    new.headers = buf_take(&headers);
    if (rc == 0)
        rc = tagging_of_header(c, &tags);
    new.tags = rc == 0 && tags ? str_dup(str_of(tags)) : NULL;
    new.initiator = c->caller ? str_dup(str_of(c->caller->arn)) : NULL;
    if (rc == 0 && ((tags && !new.tags) || (c->caller && !new.initiator)))
        rc = FAULT(ENOMEM);
    if (rc == 0)
        rc = create(c, &new, &bucket);
    if (rc != 0)
        return rc;
    put_names(c, &out, "InitiateMultipartUploadResult");
    xml_elem(&out, "UploadId", str_of(new.id));
    xml_close(&out, "InitiateMultipartUploadResult");
    if (buf_error(&out) != 0)
        return FAULT(buf_error(&out));
    call_reply(c, 200);
    api_encryption_header(c, c->platform->keyring != NULL);
    api_abort_headers(c, &bucket, new.started_ms);
    if (new.algorithm != CHECKSUM_NONE) {
        http_reply_header(c->http, "x-amz-checksum-algorithm", checksum_name(new.algorithm));
        http_reply_header(c->http, "x-amz-checksum-type", checksum_type(new.composite));
    }
    api_send_xml(c, &out);
    return CALL_REPLIED;
}

/* ---- parts */

/* What the upload was declared with; CHECKSUM_NONE also when there is no such upload, which is told after the
 * body, as S3 does. */
static int declared(struct call *c, struct multipart *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    size_t told = c->error_element_count;
    int rc = call_look(c, object_subject(c->bucket, c->key), &tx);
    if (rc == 0)
        rc = api_load_upload(c, tx, ret);
    rc = call_looked(&tx, rc);
    if (rc != S3_E_NO_UPLOAD)
        return rc;
    c->error_element_count = told;
    return 0;
}

int api_part_begin(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    enum checksum_algorithm claimed = CHECKSUM_NONE;
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_refuse_customer_key(c);
    if (rc == 0)
        rc = checksum_claimed(c, &claimed);
    if (rc == 0)
        rc = declared(c, &multipart);
    if (rc == 0)
        rc = api_check_quota(c, c->body_length);
    if (rc != 0)
        return rc;
    enum checksum_algorithm expected = multipart.algorithm;
    bool may_lack = expected == CHECKSUM_NONE || !multipart.composite;
    if (claimed != expected && (claimed != CHECKSUM_NONE || !may_lack) && expected != CHECKSUM_NONE)
        return call_fail(
            c, S3_E_REQUEST,
            "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
            checksum_lower(expected), checksum_lower(claimed));
    rc = api_put_begin_checked(c, claimed, expected);
    return rc != 0 ? rc : api_put_locked(c, &multipart.lock, "Part");
}

static int upload_part(struct call *c)
{
    char etag[ETAG_SIZE] = "";
    int64_t number = 0;
    int64_t modified_ms = 0;
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    const struct checksum_value *checksum = api_put_checksum(c);
    int rc = api_part_number(c, &number);
    if (rc == 0)
        rc = api_put_finish(c, etag);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_load_upload(c, tx, &multipart);
    bool kept = multipart.algorithm != CHECKSUM_NONE && checksum->algorithm == multipart.algorithm;
    const struct part_new new = {number,         api_put_upload(c),          etag,
                                 c->body_sha256, kept ? checksum->text : "", api_origin(c).account};
    if (rc == 0)
        rc = part_put(tx, multipart.id, &new, &modified_ms, &c->reason);
    if (rc == 0) {
        tx_touches_no_more(tx);
        rc = upload_is_file(new.bytes) ? db_commit(&tx) : call_commit(c, &tx);
    }
    if (rc != 0)
        return rc;
    upload_settle(api_put_upload(c));
    ahead_note(c->platform, &multipart);
    call_reply(c, 200);
    api_etag_header(c, etag);
    api_encryption_header(c, api_put_upload(c)->sealer != NULL);
    if (checksum->algorithm != CHECKSUM_NONE)
        http_reply_header(c->http, checksum_header(checksum->algorithm), checksum->text);
    return CALL_REPLIED;
}

int api_upload_part(struct call *c)
{
    return api_put_failed(c, upload_part(c));
}

int api_abort_upload(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    int rc = api_refuse_directory_conditions(c);
    if (rc == 0)
        rc = api_load_upload(c, c->tx, &multipart);
    return rc != 0 ? rc : multipart_remove(c->tx, multipart.id);
}
