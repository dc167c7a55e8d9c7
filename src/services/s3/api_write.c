/* PutObject, DeleteObject: they open their own write transactions, after the bytes are on disk,
 * and reply after the commit. Source: S3 API reference.
 *
 * PutObject: begin (headers) → body … (hashed, in memory or into DATA/blobs/incoming) → run (digests
 * compared, synced, committed, answered) → end (frees; what was not committed is removed). */
#include "base/clock.h"
#include "base/mem.h"
#include "services/s3/argument.h"
#include "services/s3/conditional.h"
#include "services/s3/access.h"
#include "services/s3/checksum_api.h"
#include "services/s3/put.h"
#include "services/s3/tagging.h"
#include "services/s3/version_api.h"
#include "services/s3/encryption.h"
#include "services/s3/quota.h"
#include "services/s3/storage_class.h"
#include "services/s3/headers.h"

#define PUT_MAX (5LL << 30) /* one PutObject or UploadPart */

struct put {
    struct post *post; /* the form whose file it is; NULL: it is the body itself */
    struct upload upload;
    struct checksum checksum;
    struct checksum_value value;
    int finished; /* what upload_finish said */
    bool vouched; /* the client says a digest of it, or S3 wants none */
};

/* Chunks of HTTP alone are not how S3 is sent what has no length yet: chunks that are signed or have trailers
 * are. */
static int refuse_unmeasured(struct call *c)
{
    if (!http_header(c->http, "transfer-encoding").ptr ||
        str_starts(http_header(c->http, "x-amz-content-sha256"), STR("STREAMING-")))
        return call_fail(c, S3_E_NO_LENGTH, "You must provide the Content-Length HTTP header.");
    call_error_element(c, "Header", "Transfer-Encoding");
    return S3_E_NOT_IMPLEMENTED;
}

static int begin(struct call *c, unsigned digests, struct put **ret)
{
    if (c->body_length < 0)
        return refuse_unmeasured(c);
    if (c->body_length > PUT_MAX) {
        call_error_number(c, "ProposedSize", c->body_length);
        call_error_number(c, "MaxSizeAllowed", PUT_MAX);
        return call_fail(c, S3_E_TOO_LARGE, "Your proposed upload exceeds the maximum allowed size");
    }
    *ret = mem_alloc(sizeof(**ret));
    if (!*ret)
        return FAULT(ENOMEM);
    c->state = *ret;
    c->http->run_by_few = c->body_length <= BLOB_INLINE_MAX; /* as OP_FEW: it will be no file */
    return upload_init(c->platform, digests, &(*ret)->upload);
}

int api_put_choose(struct call *c, enum checksum_algorithm algorithm)
{
    struct put *put = c->state;
    put->value.algorithm = algorithm;
    /* These digests of the body are computed anyway. */
    bool known = algorithm == CHECKSUM_SHA256 || algorithm == CHECKSUM_MD5;
    return known ? 0 : checksum_init(&put->checksum, algorithm);
}

int api_put_begin_checked(struct call *c, enum checksum_algorithm claimed, enum checksum_algorithm otherwise)
{
    struct put *put = NULL;
    bool said = claimed != CHECKSUM_NONE;
    int rc = begin(c, UPLOAD_MD5, &put);
    if (rc != 0)
        return rc;
    assert(put);
    c->hashes_body = upload_expect(&put->upload, c->body_length, c->body_hash);
    put->vouched = said || http_header(c->http, "content-md5").ptr;
    return api_put_choose(c, said ? claimed : otherwise);
}

int api_put_begin_form(struct call *c, struct post *post)
{
    struct put *put = NULL;
    int rc = begin(c, UPLOAD_MD5 | UPLOAD_SHA256, &put);
    if (put)
        *put = (struct put){.post = post, .upload = put->upload, .vouched = true};
    return rc;
}

struct post *api_put_form(struct call *c)
{
    return ((struct put *)c->state)->post;
}

int api_put_locked(struct call *c, const struct object_lock *lock, const char *what)
{
    const struct put *put = c->state;
    if (put->vouched || (!lock->mode && lock->hold != HOLD_ON))
        return 0;
    return call_fail(c, S3_E_REQUEST,
                     "Content-MD5 OR x-amz-checksum- HTTP header is required for Put %s requests with "
                     "Object Lock parameters",
                     what);
}

int api_put_begin(struct call *c)
{
    enum checksum_algorithm claimed = CHECKSUM_NONE;
    struct object_lock lock;
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = api_admit_unsigned(c);
    if (rc == 0)
        rc = checksum_claimed(c, &claimed);
    if (rc == 0)
        rc = api_lock_headers(c, &lock);
    if (rc == 0)
        rc = api_check_quota(c, c->body_length);
    if (rc == 0)
        rc = api_put_begin_checked(c, claimed, CHECKSUM_CRC64NVME);
    return rc != 0 ? rc : api_put_locked(c, &lock, "Object");
}

int api_put_body(struct call *c, const void *bytes, size_t len)
{
    struct put *put = c->state;
    checksum_update(&put->checksum, bytes, len);
    int rc = upload_write(&put->upload, bytes, len);
    if (rc == 0 && put->upload.size == c->body_length)
        upload_complete(&put->upload);
    return api_put_failed(c, api_write_outcome(c, rc));
}

void api_put_whole(struct call *c)
{
    struct put *put = c->state;
    put->finished = upload_finish(&put->upload);
}

void *api_put_place(struct call *c, size_t *ret_room)
{
    struct put *put = c->state;
    return upload_place(&put->upload, ret_room);
}

int api_put_failed(struct call *c, int rc)
{
    if (rc != 0 && rc != CALL_REPLIED)
        upload_deinit(api_put_upload(c));
    return rc;
}

void api_put_end(struct call *c)
{
    struct put *put = c->state;
    if (!put)
        return;
    upload_deinit(&put->upload);
    checksum_deinit(&put->checksum);
    free(put);
    c->state = NULL;
}

static int check_digests(struct call *c, struct put *put)
{
    checksum_final(&put->checksum, put->value.text);
    if (put->value.algorithm == CHECKSUM_SHA256 && !checksum_of_sha256(c->body_sha256, put->value.text))
        return FAULT(EINVAL);
    if (put->value.algorithm == CHECKSUM_MD5)
        base64_encode(put->upload.md5_digest, hash_size(HASH_MD5), put->value.text);
    int rc = checksum_compare_md5(c, put->upload.md5_digest);
    return rc != 0 ? rc : checksum_compare(c, &put->value);
}

void stored_unload(struct stored *stored)
{
    bucket_unload(&stored->bucket);
}

/* All that may be refused is, before anything changes. */
static int commit_put(struct call *c, const struct object_new *new, struct bucket *bucket,
                      struct object *object)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = api_origin(c);
    struct object_lock lock = new->lock;
    int rc = db_begin_sure(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, bucket);
    if (rc == 0)
        rc = access_check_extras(c, tx, bucket, new->tags != NULL, &new->lock);
    if (rc == 0)
        rc = api_may_compare(c, tx, bucket);
    if (rc == 0)
        rc = lock_of_new(bucket, clock_now_ms(), &lock, &c->reason);
    if (rc == 0)
        rc = api_put_locked(c, &lock, "Object");
    if (rc == 0)
        rc = object_put(tx, c->platform, bucket, &origin, new, object, &c->reason);
    if (rc != 0)
        return rc;
    tx_touches_no_more(tx);
    return upload_is_file(new->upload) ? db_commit(&tx) : call_commit(c, &tx);
}

int api_write_outcome(struct call *c, int rc)
{
    if (rc == S3_E_PRECONDITION)
        return api_condition_failed(c);
    if (rc == S3_E_CONFLICT)
        call_error_element(c, "Condition", "If-None-Match");
    if (rc != -ENOSPC && rc != -EDQUOT && rc != -EFBIG)
        return rc;
    return call_fail(c, S3_E_NO_SPACE,
                     "The server's disk is full: nothing was stored. Make room and try again.");
}

int api_put_finish(struct call *c, char ret_etag[ETAG_SIZE])
{
    struct put *put = c->state;
    int rc = api_write_outcome(c, put->finished);
    if (rc == 0 && put->upload.sha256) /* a form's body is more than its file */
        hex_encode(put->upload.sha256_digest, hash_size(HASH_SHA256), c->body_sha256);
    if (rc == 0)
        rc = check_digests(c, put);
    if (rc == 0)
        hex_encode(put->upload.md5_digest, hash_size(HASH_MD5), ret_etag);
    return rc;
}

const struct checksum_value *api_put_checksum(struct call *c)
{
    return &((struct put *)c->state)->value;
}

struct upload *api_put_upload(struct call *c)
{
    return &((struct put *)c->state)->upload;
}

int api_put_store(struct call *c, const char *event, struct stored *ret)
{
    CLEANUP(buf_free) struct buf headers = {0};
    struct object_new new = {.key = c->key, .etag = ret->etag, .event = event};
    int rc = headers_collect(c, &headers);
    if (rc == 0)
        rc = tagging_of_header(c, &new.tags);
    ret->tags = new.tags;
    if (rc == 0)
        rc = api_lock_headers(c, &new.lock);
    if (rc == 0)
        rc = storage_class_asked(c, &new.storage_class);
    if (rc == 0)
        rc = api_write_conditions(c, &new);
    if (rc == 0)
        rc = api_put_finish(c, ret->etag);
    if (rc != 0)
        return rc;
    new.sha256 = c->body_sha256;
    new.checksum = *api_put_checksum(c);
    new.headers = headers.ptr;
    new.upload = api_put_upload(c);
    new.size = new.upload->size;
    rc = api_write_outcome(c, commit_put(c, &new, &ret->bucket, &ret->object));
    if (rc == 0)
        upload_settle(api_put_upload(c));
    return rc;
}

void api_put_headers(struct call *c, const struct stored *stored)
{
    api_etag_header(c, stored->etag);
    if (stored->bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", stored->object.version_id);
    checksum_reply(c, api_put_checksum(c));
    api_encryption_header(c, stored->object.sealed);
    api_expiration_header(c, &stored->bucket, &stored->object, api_put_upload(c)->size, stored->tags);
}

static int put_object(struct call *c)
{
    CLEANUP(stored_unload) struct stored stored = {0};
    int rc = api_put_store(c, "ObjectCreated:Put", &stored);
    if (rc != 0)
        return rc;
    call_reply(c, 200);
    api_put_headers(c, &stored);
    return CALL_REPLIED;
}

int api_put_run(struct call *c)
{
    return api_put_failed(c, put_object(c));
}

int api_delete_object(struct call *c)
{
    const char *version_id = NULL;
    struct deletion deletion = {0};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = api_origin(c);
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_refuse_copy_source(c);
    if (rc == 0)
        rc = api_refuse_directory_conditions(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0 && version_id)
        rc = api_refuse_match(c);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, &bucket);
    if (rc == 0)
        rc = api_delete_condition(c, tx, &bucket, c->key, http_header(c->http, "if-match"));
    if (rc == 0)
        rc = api_bypass(c, tx, &bucket, c->key, version_id, &origin.bypass_governance);
    if (rc == 0)
        rc = object_delete(tx, c->platform, &bucket, &origin, c->key, version_id, &deletion);
    if (rc == 0) {
        tx_touches_no_more(tx);
        rc = call_commit(c, &tx);
    }
    if (rc != 0)
        return rc;
    call_reply(c, 204);
    if (deletion.marker)
        http_reply_header(c->http, "x-amz-delete-marker", "true");
    if (deletion.version_id[0])
        http_reply_header(c->http, "x-amz-version-id", deletion.version_id);
    return CALL_REPLIED;
}
