/* Multipart upload. Source: S3 API reference.
 *
 * Completing copies the parts into one blob outside any transaction, then, in one, sees that the parts are
 * still those that were copied, makes the object and removes the upload. */
#include "base/mem.h"
#include "services/s3/api.h"
#include "services/s3/multipart.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define COPY_BYTES (1 << 20)
#define ANSWER_MAX (8u << 20)
#define PAGE_MAX 1000

static int no_upload(struct call *c)
{
    return call_fail(
        c, S3_E_NO_UPLOAD,
        "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart "
        "upload might have been aborted or completed.");
}

static int load(struct call *c, struct tx *tx, struct multipart *ret)
{
    struct str id = uri_get(&c->query, "uploadId");
    if (id.len == 0 || id.len >= UPLOAD_ID_SIZE)
        return no_upload(c);
    int rc = multipart_load(tx, c->bucket, c->key, id.ptr, ret);
    return rc == S3_E_NO_UPLOAD ? no_upload(c) : rc;
}

static void put_names(struct call *c, struct buf *out, const char *root)
{
    xml_head(out);
    xml_open_ns(out, root, S3_XMLNS);
    xml_elem(out, "Bucket", str_of(c->bucket));
    xml_elem(out, "Key", str_of(c->key));
}

int api_create_upload(struct call *c)
{
    char id[UPLOAD_ID_SIZE];
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf headers = {0};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(db_end) struct tx *tx = NULL;
    bool checksum = str_eq_nocase(http_header(c->http, "x-amz-checksum-algorithm"), STR("SHA256"));
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = headers_collect(c, &headers);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = multipart_create(tx, c->bucket, c->key, headers.ptr, checksum, id);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc != 0)
        return rc;
    put_names(c, &out, "InitiateMultipartUploadResult");
    xml_elem(&out, "UploadId", str_of(id));
    xml_close(&out, "InitiateMultipartUploadResult");
    return api_reply_xml(c, &out);
}

static int upload_part(struct call *c)
{
    char etag[ETAG_SIZE] = "";
    int64_t number = 0;
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    if (!str_to_int(uri_get(&c->query, "partNumber"), 1, PART_MAX, &number))
        return call_fail(c, S3_E_ARGUMENT, "Part number must be an integer between 1 and 10000, inclusive");
    int rc = api_put_finish(c, etag);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = load(c, tx, &multipart);
    if (rc == 0)
        rc = part_put(tx, multipart.id, number, api_put_upload(c), etag, c->body_sha256);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc != 0)
        return rc;
    upload_settle(api_put_upload(c));
    call_reply(c, 200);
    api_etag_header(c, etag);
    if (http_header(c->http, "x-amz-checksum-sha256").ptr)
        api_put_checksum_header(c, c->body_sha256);
    return CALL_REPLIED;
}

int api_upload_part(struct call *c)
{
    return api_put_failed(c, upload_part(c));
}

/* ---- complete */

struct completion {
    struct multipart multipart;
    struct bucket bucket;
    struct object object;
    struct upload whole;
    struct part *parts;
    size_t count;
    char etag[ETAG_SIZE];
    char sha256[SHA256_SIZE];
};

static void completion_deinit(struct completion *done)
{
    multipart_unload(&done->multipart);
    bucket_unload(&done->bucket);
    object_unload(&done->object);
    upload_deinit(&done->whole);
    free(done->parts);
}

/* Reads the client's list against the parts that are there. With `again`, they must be those read before. */
static int read_part(struct call *c, struct tx *tx, struct completion *done, size_t i, bool again)
{
    const json_t *asked = json_array_get(json_object_get(c->in, "Part"), i);
    struct part part;
    int64_t number = json_int(asked, "PartNumber", 0);
    int rc = part_find(tx, done->multipart.id, number, &part);
    if (rc < 0)
        return rc;
    if (rc != 0 || !etag_listed(str_of(json_str(asked, "ETag", "")), part.etag) ||
        (again && part.blob != done->parts[i].blob))
        return call_fail(
            c, S3_E_PART,
            "One or more of the specified parts could not be found. The part may not have been uploaded, "
            "or the specified entity tag may not match the part's entity tag.");
    if (i + 1 < done->count && part.size < PART_MIN_BYTES)
        return call_fail(c, S3_E_TOO_SMALL, "Your proposed upload is smaller than the minimum allowed size");
    done->parts[i] = part;
    return 0;
}

static int check_order(struct call *c)
{
    const json_t *parts = json_object_get(c->in, "Part");
    for (size_t i = 1; i < json_array_size(parts); i++)
        if (json_int(json_array_get(parts, i), "PartNumber", 0) <=
            json_int(json_array_get(parts, i - 1), "PartNumber", 0))
            return call_fail(
                c, S3_E_PART_ORDER,
                "The list of parts was not in ascending order. Parts must be ordered by part number.");
    return 0;
}

static int read_parts(struct call *c, struct tx *tx, struct completion *done, bool again)
{
    int rc = load(c, tx, &done->multipart);
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        rc = read_part(c, tx, done, i, again);
    return rc;
}

static int append_source(struct completion *done, struct blob_source *source, char *bytes)
{
    if (source->fd < 0)
        return upload_write(&done->whole, source->data.ptr, source->data.len);
    for (;;) {
        ssize_t n = io_read(source->fd, bytes, COPY_BYTES);
        if (n <= 0)
            return (int)n;
        int rc = upload_write(&done->whole, bytes, (size_t)n);
        if (rc != 0)
            return rc;
    }
}

static int append_part(struct call *c, struct tx *tx, struct completion *done, const struct part *part,
                       char *bytes)
{
    CLEANUP(blob_source_deinit) struct blob_source source = {.fd = -1};
    int64_t before = done->whole.size;
    int rc = blob_open(tx, c->platform, part->blob, &source);
    if (rc == -ENOENT)
        return no_upload(c); /* aborted meanwhile */
    if (rc == 0)
        rc = append_source(done, &source, bytes);
    return rc == 0 && done->whole.size != before + part->size ? FAULT(EIO) : rc;
}

/* ETag of a multipart object: MD5 of the parts' MD5s, a dash, the number of parts. */
static int make_etag(struct completion *done)
{
    unsigned char digest[HASH_MAX_SIZE];
    CLEANUP(buf_free) struct buf text = BUF_INIT(ETAG_SIZE);
    CLEANUP(hash_free) struct hash *md5 = hash_new(HASH_MD5);
    if (!md5)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < done->count; i++) {
        if (!hex_decode(str_of(done->parts[i].etag), digest))
            return FAULT(EBADMSG);
        hash_update(md5, digest, hash_size(HASH_MD5));
    }
    hash_final(md5, digest);
    hex_encode(digest, hash_size(HASH_MD5), done->etag);
    buf_printf(&text, "-%zu", done->count);
    if (buf_error(&text) != 0)
        return FAULT(buf_error(&text));
    memcpy(done->etag + 2 * hash_size(HASH_MD5), text.ptr, text.len + 1);
    return 0;
}

static int copy_parts(struct call *c, struct completion *done)
{
    CLEANUP(free_ptr) char *bytes = mem_alloc(COPY_BYTES);
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = bytes ? db_read(c->platform->db, &tx) : FAULT(ENOMEM);
    if (rc == 0)
        rc = read_parts(c, tx, done, false);
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        rc = append_part(c, tx, done, &done->parts[i], bytes);
    db_end(&tx);
    if (rc == 0)
        rc = upload_finish(&done->whole);
    if (rc == 0)
        rc = make_etag(done);
    if (rc == 0)
        hex_encode(done->whole.sha256_digest, hash_size(HASH_SHA256), done->sha256);
    return rc;
}

static int commit(struct call *c, struct completion *done)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = api_origin(c);
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &done->bucket, &c->reason);
    multipart_unload(&done->multipart);
    if (rc == 0)
        rc = read_parts(c, tx, done, true);
    struct object_new new = {.key = c->key,
                             .etag = done->etag,
                             .sha256 = done->sha256,
                             .size = done->whole.size,
                             .checksum = done->multipart.checksum,
                             .headers = done->multipart.headers,
                             .event = "ObjectCreated:CompleteMultipartUpload",
                             .upload = &done->whole,
                             .if_none_match = http_header(c->http, "if-none-match").ptr != NULL};
    if (rc == 0)
        rc = object_put(tx, c->platform, &done->bucket, &origin, &new, &done->object, &c->reason);
    if (rc == 0)
        rc = multipart_remove(tx, done->multipart.id);
    return rc != 0 ? rc : db_commit(&tx);
}

static int reply_complete(struct call *c, struct completion *done)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_free) struct buf location = BUF_INIT(8192);
    CLEANUP(buf_free) struct buf etag = BUF_INIT(ETAG_SIZE + 2);
    buf_printf(&location, "%s/%s/", c->platform->endpoint, c->bucket);
    uri_encode(&location, str_of(c->key), true);
    buf_printf(&etag, "\"%s\"", done->etag);
    xml_head(&out);
    xml_open_ns(&out, "CompleteMultipartUploadResult", S3_XMLNS);
    xml_elem(&out, "Location", buf_str(&location));
    xml_elem(&out, "Bucket", str_of(c->bucket));
    xml_elem(&out, "Key", str_of(c->key));
    xml_elem(&out, "ETag", buf_str(&etag));
    xml_close(&out, "CompleteMultipartUploadResult");
    if (buf_error(&out) != 0)
        return FAULT(buf_error(&out));
    call_reply(c, 200);
    if (done->bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", done->object.version_id);
    api_send_xml(c, &out);
    return CALL_REPLIED;
}

int api_complete_upload(struct call *c)
{
    CLEANUP(completion_deinit) struct completion done = {.whole = {.fd = -1}};
    done.count = json_array_size(json_object_get(c->in, "Part"));
    done.parts = mem_alloc(done.count * sizeof(*done.parts));
    int rc = done.parts ? upload_init(c->platform, UPLOAD_SHA256, &done.whole) : FAULT(ENOMEM);
    if (rc == 0)
        rc = check_order(c);
    if (rc == 0)
        rc = copy_parts(c, &done);
    if (rc == 0)
        rc = commit(c, &done);
    if (rc != 0)
        return api_disk_outcome(c, rc);
    upload_settle(&done.whole);
    return reply_complete(c, &done);
}

int api_abort_upload(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    int rc = load(c, c->tx, &multipart);
    return rc != 0 ? rc : multipart_remove(c->tx, multipart.id);
}

/* ---- listings */

static void put_part(struct buf *out, struct rows *rows)
{
    char time[TIME_TEXT_SIZE];
    CLEANUP(buf_free) struct buf etag = BUF_INIT(ETAG_SIZE + 2);
    buf_printf(&etag, "\"%s\"", rows_text(rows, 2));
    time_iso8601(rows_int(rows, 3), time);
    xml_open(out, "Part");
    xml_elem_int(out, "PartNumber", rows_int(rows, 0));
    xml_elem(out, "LastModified", str_of(time));
    xml_elem(out, "ETag", buf_str(&etag));
    xml_elem_int(out, "Size", rows_int(rows, 1));
    xml_close(out, "Part");
}

int api_list_parts(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    CLEANUP(buf_free) struct buf parts = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t marker = 0;
    int64_t max = PAGE_MAX;
    (void)str_to_int(uri_get(&c->query, "part-number-marker"), 0, PART_MAX, &marker);
    (void)str_to_int(uri_get(&c->query, "max-parts"), 1, PAGE_MAX, &max);
    int rc = load(c, c->tx, &multipart);
    if (rc == 0)
        rc = tx_query(c->tx, &rows,
                      "SELECT number, size, etag, modified_ms FROM s3_part WHERE upload = $1 AND number > $2 "
                      "ORDER BY number LIMIT $3",
                      "sii", multipart.id, marker, max + 1);
    int64_t count = 0;
    int64_t last = 0;
    while (rc == 0 && (rc = rows_next(rows)) == 0 && count++ < max) {
        last = rows_int(rows, 0);
        put_part(&parts, rows);
    }
    if (rc != 0 && rc != DB_NONE)
        return rc;
    put_names(c, &out, "ListPartsResult");
    xml_elem(&out, "UploadId", str_of(multipart.id));
    xml_elem_int(&out, "PartNumberMarker", marker);
    xml_elem_int(&out, "NextPartNumberMarker", last);
    xml_elem_int(&out, "MaxParts", max);
    xml_elem_bool(&out, "IsTruncated", count > max);
    buf_put_str(&out, buf_str(&parts));
    xml_elem(&out, "StorageClass", STR("STANDARD"));
    xml_close(&out, "ListPartsResult");
    return api_reply_xml(c, &out);
}

static void put_upload(struct buf *out, struct rows *rows)
{
    char time[TIME_TEXT_SIZE];
    time_iso8601(rows_int(rows, 2), time);
    xml_open(out, "Upload");
    xml_elem(out, "Key", rows_str(rows, 0));
    xml_elem(out, "UploadId", rows_str(rows, 1));
    xml_elem(out, "StorageClass", STR("STANDARD"));
    xml_elem(out, "Initiated", str_of(time));
    xml_close(out, "Upload");
}

int api_list_uploads(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf uploads = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct str prefix = uri_get(&c->query, "prefix");
    struct str key_marker = uri_get(&c->query, "key-marker");
    struct str id_marker = uri_get(&c->query, "upload-id-marker");
    int64_t max = PAGE_MAX;
    (void)str_to_int(uri_get(&c->query, "max-uploads"), 1, PAGE_MAX, &max);
    int rc = bucket_load(c->tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = tx_query(c->tx, &rows,
                      "SELECT key, id, started_ms FROM s3_upload WHERE bucket = $1 AND key >= $2 AND "
                      "(key > $3 OR (key = $3 AND id > $4)) ORDER BY key, id",
                      "ssss", c->bucket, prefix.ptr ? prefix.ptr : "", key_marker.ptr ? key_marker.ptr : "",
                      key_marker.len > 0 && id_marker.len == 0 ? "~"
                      : id_marker.ptr                          ? id_marker.ptr
                                                               : "");
    int64_t count = 0;
    struct buf last_key = BUF_INIT(4 * S3_KEY_MAX);
    struct buf last_id = BUF_INIT(UPLOAD_ID_SIZE);
    while (rc == 0 && (rc = rows_next(rows)) == 0 && str_starts(rows_str(rows, 0), prefix) && count++ < max) {
        buf_reset(&last_key);
        buf_reset(&last_id);
        buf_put_str(&last_key, rows_str(rows, 0));
        buf_put_str(&last_id, rows_str(rows, 1));
        put_upload(&uploads, rows);
    }
    xml_head(&out);
    xml_open_ns(&out, "ListMultipartUploadsResult", S3_XMLNS);
    xml_elem(&out, "Bucket", str_of(c->bucket));
    xml_elem(&out, "KeyMarker", key_marker);
    xml_elem(&out, "UploadIdMarker", id_marker);
    xml_elem(&out, "NextKeyMarker", buf_str(&last_key));
    xml_elem(&out, "NextUploadIdMarker", buf_str(&last_id));
    xml_elem(&out, "Prefix", prefix);
    xml_elem_int(&out, "MaxUploads", max);
    xml_elem_bool(&out, "IsTruncated", count > max);
    buf_put_str(&out, buf_str(&uploads));
    xml_close(&out, "ListMultipartUploadsResult");
    buf_free(&last_key);
    buf_free(&last_id);
    return rc != 0 && rc != DB_NONE ? rc : api_reply_xml(c, &out);
}
