/* PutObject, CopyObject, DeleteObject: they open their own write transactions, after the bytes are on disk,
 * and reply after the commit. Source: S3 API reference.
 *
 * PutObject: begin (headers) → body … (hashed, in memory or into DATA/blobs/incoming) → run (digests
 * compared, synced, committed, answered) → end (frees; what was not committed is removed). */
#include "base/mem.h"
#include "services/s3/api.h"
#include "services/s3/checksum.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <inttypes.h>

#define PUT_MAX (5LL << 30) /* one PutObject or UploadPart */

struct put {
    struct upload upload;
    struct checksum checksum;
};

int api_put_begin(struct call *c)
{
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc != 0)
        return rc;
    if (http_header(c->http, "x-amz-copy-source").ptr)
        return call_fail(c, S3_E_NOT_IMPLEMENTED,
                         "UploadPartCopy is not supported by Slipway: send the part's bytes.");
    if (c->body_length < 0)
        return call_fail(c, S3_E_NO_LENGTH, "You must provide the Content-Length HTTP header.");
    if (c->body_length > PUT_MAX)
        return call_fail(c, S3_E_TOO_LARGE, "Your proposed upload exceeds the maximum allowed size");
    struct put *put = mem_alloc(sizeof(*put));
    if (!put)
        return FAULT(ENOMEM);
    c->state = put;
    rc = upload_init(c->platform, UPLOAD_MD5, &put->upload);
    for (size_t i = 0; rc == 0 && !put->checksum.kind && i < checksum_count(); i++)
        if (http_header(c->http, checksum_header(i)).ptr)
            rc = checksum_init(&put->checksum, i);
    return rc;
}

int api_put_body(struct call *c, const void *bytes, size_t len)
{
    struct put *put = c->state;
    checksum_update(&put->checksum, bytes, len);
    return api_put_failed(c, api_disk_outcome(c, upload_write(&put->upload, bytes, len)));
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

/* Compares a base64 digest of the request with what arrived. `outcome` when they differ. */
static int compare(struct call *c, const char *header, const unsigned char *digest, size_t size, int outcome)
{
    struct str said = http_header(c->http, header);
    unsigned char bytes[2 * HASH_MAX_SIZE];
    size_t len = 0;
    if (!said.ptr)
        return 0;
    if (said.len > HASH_BASE64_SIZE || !base64_decode(said, bytes, &len) || len != size)
        return outcome == S3_E_BAD_DIGEST && str_eqc(str_of(header), "content-md5")
                   ? call_fail(c, S3_E_INVALID_DIGEST, "The Content-MD5 you specified was invalid.")
                   : call_fail(c, S3_E_REQUEST, "Value for %s header is invalid.", header);
    if (memcmp(bytes, digest, size) != 0)
        return call_fail(c, outcome, "The %s you specified did not match what we received.", header);
    return 0;
}

static int check_checksum(struct call *c, struct checksum *checksum)
{
    char text[CHECKSUM_TEXT_SIZE];
    if (!checksum->kind)
        return 0;
    const char *header = checksum_name(checksum);
    checksum_final(checksum, text);
    if (str_eqc(str_trim(http_header(c->http, header)), text))
        return 0;
    return call_fail(c, S3_E_BAD_DIGEST, "The %s you specified did not match what we received.", header);
}

static int check_digests(struct call *c, struct put *put)
{
    unsigned char sha256[HASH_MAX_SIZE];
    if (!hex_decode(str_of(c->body_sha256), sha256))
        return FAULT(EINVAL);
    int rc = compare(c, "content-md5", put->upload.md5_digest, hash_size(HASH_MD5), S3_E_BAD_DIGEST);
    if (rc == 0)
        rc = compare(c, "x-amz-checksum-sha256", sha256, hash_size(HASH_SHA256), S3_E_BAD_DIGEST);
    return rc != 0 ? rc : check_checksum(c, &put->checksum);
}

static bool wants_checksum(struct call *c)
{
    return http_header(c->http, "x-amz-checksum-sha256").ptr ||
           str_eq_nocase(http_header(c->http, "x-amz-sdk-checksum-algorithm"), STR("SHA256")) ||
           str_eq_nocase(http_header(c->http, "x-amz-checksum-algorithm"), STR("SHA256"));
}

static int read_preconditions(struct call *c, struct object_new *new)
{
    struct str none = http_header(c->http, "if-none-match");
    struct str match = http_header(c->http, "if-match");
    if (none.ptr && !str_eqc(str_trim(none), "*"))
        return call_fail(c, S3_E_NOT_IMPLEMENTED, "If-None-Match of a write takes '*' only.");
    new->if_none_match = none.ptr != NULL;
    if (!match.ptr)
        return 0;
    match = str_trim(match);
    if (match.len >= 2 && match.ptr[0] == '"')
        match = (struct str){match.ptr + 1, match.len - 2};
    new->if_match = arena_dup(c->arena, match);
    return new->if_match ? 0 : FAULT(ENOMEM);
}

static int commit_put(struct call *c, const struct object_new *new, struct bucket *bucket,
                      struct object *object)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = api_origin(c);
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, bucket, &c->reason);
    if (rc == 0)
        rc = object_put(tx, c->platform, bucket, &origin, new, object, &c->reason);
    return rc != 0 ? rc : db_commit(&tx);
}

void api_put_checksum_header(struct call *c, const char *sha256_hex)
{
    unsigned char digest[HASH_MAX_SIZE];
    char text[HASH_BASE64_SIZE];
    if (!hex_decode(str_of(sha256_hex), digest))
        return;
    base64_encode(digest, hash_size(HASH_SHA256), text);
    http_reply_header(c->http, "x-amz-checksum-sha256", text);
}

static int reply_put(struct call *c, const struct bucket *bucket, const struct object *object,
                     const struct object_new *new)
{
    call_reply(c, 200);
    api_etag_header(c, new->etag);
    if (bucket->versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", object->version_id);
    if (new->checksum)
        api_put_checksum_header(c, new->sha256);
    return CALL_REPLIED;
}

int api_disk_outcome(struct call *c, int rc)
{
    if (rc != -ENOSPC && rc != -EDQUOT && rc != -EFBIG)
        return rc;
    return call_fail(c, S3_E_NO_SPACE,
                     "The server's disk is full: nothing was stored. Make room and try again.");
}

int api_put_finish(struct call *c, char ret_etag[ETAG_SIZE])
{
    struct put *put = c->state;
    int rc = api_disk_outcome(c, upload_finish(&put->upload));
    if (rc == 0)
        rc = check_digests(c, put);
    if (rc == 0)
        hex_encode(put->upload.md5_digest, hash_size(HASH_MD5), ret_etag);
    return rc;
}

struct upload *api_put_upload(struct call *c)
{
    return &((struct put *)c->state)->upload;
}

static int put_object(struct call *c)
{
    char etag[ETAG_SIZE] = "";
    CLEANUP(buf_free) struct buf headers = {0};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    struct object object = {0};
    struct object_new new = {.key = c->key, .etag = etag, .event = "ObjectCreated:Put"};
    int rc = headers_collect(c, &headers);
    if (rc == 0)
        rc = read_preconditions(c, &new);
    if (rc == 0)
        rc = api_put_finish(c, etag);
    if (rc != 0)
        return rc;
    new.sha256 = c->body_sha256;
    new.checksum = wants_checksum(c);
    new.headers = headers.ptr;
    new.upload = api_put_upload(c);
    new.size = new.upload->size;
    rc = api_disk_outcome(c, commit_put(c, &new, &bucket, &object));
    if (rc != 0)
        return rc;
    upload_settle(api_put_upload(c));
    return reply_put(c, &bucket, &object, &new);
}

int api_put_run(struct call *c)
{
    return api_put_failed(c, put_object(c));
}

/* ---- copy */

struct copy {
    char *bucket;
    char *key;
    char *version_id; /* NULL: the current one */
    struct bucket source_bucket;
    struct bucket target_bucket;
    struct object source;
    struct object target;
    struct buf headers;
};

static void copy_deinit(struct copy *copy)
{
    bucket_unload(&copy->source_bucket);
    bucket_unload(&copy->target_bucket);
    object_unload(&copy->source);
    object_unload(&copy->target);
    buf_free(&copy->headers);
}

/* [/]BUCKET/KEY[?versionId=ID], percent-encoded. */
static int read_source(struct call *c, struct copy *copy)
{
    struct str rest = http_header(c->http, "x-amz-copy-source");
    if (str_starts(rest, STR("/")))
        rest = (struct str){rest.ptr + 1, rest.len - 1};
    struct str version = {NULL, 0};
    char *mark = rest.len > 0 ? memmem(rest.ptr, rest.len, "?versionId=", 11) : NULL;
    if (mark) {
        version = (struct str){mark + 11, (size_t)(rest.ptr + rest.len - mark - 11)};
        rest.len = (size_t)(mark - rest.ptr);
    }
    struct str decoded;
    if (uri_decode(c->arena, rest, true, &decoded) != 0)
        decoded = (struct str){NULL, 0};
    struct str bucket = str_split(&decoded, '/');
    if (bucket.len == 0 || decoded.len == 0)
        return call_fail(c, S3_E_ARGUMENT,
                         "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    copy->bucket = arena_dup(c->arena, bucket);
    copy->key = arena_dup(c->arena, decoded);
    copy->version_id = version.ptr ? arena_dup(c->arena, version) : NULL;
    return copy->bucket && copy->key && (copy->version_id || !version.ptr) ? 0 : FAULT(ENOMEM);
}

static int find_source(struct call *c, struct tx *tx, struct copy *copy)
{
    int rc = bucket_load(tx, copy->bucket, &copy->source_bucket, &c->reason);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &copy->target_bucket, &c->reason);
    if (rc != 0)
        return rc;
    rc = object_find(tx, copy->bucket, copy->key, copy->version_id, &copy->source);
    if (rc == S3_E_NO_VERSION)
        return call_fail(c, rc, "The specified version does not exist.");
    if (rc == 0 && copy->source.marker && copy->version_id)
        return call_fail(
            c, S3_E_REQUEST,
            "The source of a copy request may not specifically refer to a delete marker by version id.");
    if (rc == S3_E_NO_KEY || (rc == 0 && copy->source.marker))
        return call_fail(c, S3_E_NO_KEY, "The specified key does not exist.");
    return rc != 0 ? rc : conditions_check(c, "x-amz-copy-source-", &copy->source);
}

static int run_copy(struct call *c, struct tx *tx, struct copy *copy)
{
    struct str directive = http_header(c->http, "x-amz-metadata-directive");
    bool replace = str_eq_nocase(directive, STR("REPLACE"));
    int rc = find_source(c, tx, copy);
    if (rc != 0)
        return rc;
    if (!replace && !copy->version_id && strcmp(copy->bucket, c->bucket) == 0 &&
        strcmp(copy->key, c->key) == 0)
        return call_fail(
            c, S3_E_REQUEST,
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or encryption "
            "attributes.");
    if (replace)
        rc = headers_collect(c, &copy->headers);
    struct object_new new = {.key = c->key,
                             .etag = copy->source.etag,
                             .sha256 = copy->source.sha256,
                             .size = copy->source.size,
                             .checksum = copy->source.checksum || wants_checksum(c),
                             .headers = replace ? copy->headers.ptr : copy->source.headers,
                             .event = "ObjectCreated:Copy",
                             .shared_blob = copy->source.blob};
    if (rc == 0)
        rc = read_preconditions(c, &new);
    struct origin origin = api_origin(c);
    copy->target.checksum = new.checksum;
    return rc != 0
               ? rc
               : object_put(tx, c->platform, &copy->target_bucket, &origin, &new, &copy->target, &c->reason);
}

static int reply_copy(struct call *c, const struct copy *copy)
{
    char time[TIME_TEXT_SIZE];
    unsigned char digest[HASH_MAX_SIZE];
    char checksum[HASH_BASE64_SIZE];
    CLEANUP(buf_free) struct buf body = BUF_INIT(4096);
    CLEANUP(buf_free) struct buf etag = BUF_INIT(64);
    time_iso8601(copy->target.modified_ms, time);
    buf_printf(&etag, "\"%s\"", copy->source.etag);
    xml_head(&body);
    xml_open_ns(&body, "CopyObjectResult", S3_XMLNS);
    xml_elem(&body, "LastModified", str_of(time));
    xml_elem(&body, "ETag", buf_str(&etag));
    if (copy->target.checksum && hex_decode(str_of(copy->source.sha256), digest)) {
        base64_encode(digest, hash_size(HASH_SHA256), checksum);
        xml_elem(&body, "ChecksumSHA256", str_of(checksum));
    }
    xml_close(&body, "CopyObjectResult");
    if (buf_error(&body) != 0)
        return FAULT(buf_error(&body));
    call_reply(c, 200);
    if (copy->source_bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-copy-source-version-id", copy->source.version_id);
    if (copy->target_bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", copy->target.version_id);
    api_send_xml(c, &body);
    return CALL_REPLIED;
}

int api_copy_object(struct call *c)
{
    CLEANUP(copy_deinit) struct copy copy = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = read_source(c, &copy);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = run_copy(c, tx, &copy);
    if (rc == 0)
        rc = db_commit(&tx);
    return rc != 0 ? rc : reply_copy(c, &copy);
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
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = object_delete(tx, c->platform, &bucket, &origin, c->key, version_id, &deletion);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc != 0)
        return rc;
    call_reply(c, 204);
    if (deletion.marker)
        http_reply_header(c->http, "x-amz-delete-marker", "true");
    if (deletion.version_id[0])
        http_reply_header(c->http, "x-amz-version-id", deletion.version_id);
    return CALL_REPLIED;
}
