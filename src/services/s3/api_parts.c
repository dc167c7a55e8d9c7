/* ListParts and ListMultipartUploads. Source: S3 API reference.
 *
 * Parts are in the order of their numbers, uploads in that of their keys and, within a key, of their age: an
 * upload's id begins with its sequence number. */
#include "services/iam/names.h"
#include "services/s3/argument.h"
#include "services/s3/checksum_api.h"
#include "services/s3/multipart.h"
#include "services/s3/storage_class.h"
#include "services/s3/version_api.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <ctype.h>

#define ANSWER_MAX (8u << 20)
#define PAGE_MAX 1000

static int read_number(struct call *c, const char *name, int64_t absent, int64_t *ret)
{
    struct str said = uri_get(&c->query, name);
    *ret = absent;
    if (said.len == 0)
        return 0;
    if (!str_to_int(said, 0, INT32_MAX, ret))
        return api_bad_number(c, name, said);
    return 0;
}

static int read_max(struct call *c, const char *name, int64_t *ret)
{
    int rc = read_number(c, name, PAGE_MAX, ret);
    if (*ret > PAGE_MAX)
        *ret = PAGE_MAX;
    return rc;
}

/* Of a user or a session the ARN, of an account itself what an Owner has. */
static void put_initiator(struct buf *out, struct str arn, const struct bucket *bucket)
{
    char account[IAM_ACCOUNT_SIZE];
    if (arn.len == 0) {
        api_put_owner(out, "Initiator", bucket->account);
    } else if (iam_root_arn_parse(arn, account)) {
        api_put_owner(out, "Initiator", account);
    } else {
        xml_open(out, "Initiator");
        xml_elem(out, "ID", arn);
        xml_close(out, "Initiator");
    }
}

/* ---- parts */

static void put_part(struct buf *out, struct rows *rows, enum checksum_algorithm algorithm)
{
    char time[TIME_TEXT_SIZE];
    CLEANUP(buf_free) struct buf etag = BUF_INIT(ETAG_SIZE + 2);
    buf_printf(&etag, "\"%s\"", rows_text(rows, 2));
    api_time(rows_int(rows, 3), time);
    xml_open(out, "Part");
    xml_elem_int(out, "PartNumber", rows_int(rows, 0));
    xml_elem(out, "LastModified", str_of(time));
    xml_elem(out, "ETag", buf_str(&etag));
    xml_elem_int(out, "Size", rows_int(rows, 1));
    if (!rows_null(rows, 4))
        checksum_put_element(out, algorithm, rows_text(rows, 4));
    xml_close(out, "Part");
}

struct page {
    int64_t marker;
    int64_t max;
    int64_t last;
    bool truncated;
    struct buf parts;
};

static int read_parts(struct call *c, const struct multipart *multipart, struct page *page)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t count = 0;
    int rc = tx_query(
        c->tx, &rows,
        "SELECT number, size, etag, modified_ms, checksum FROM s3_part WHERE upload = $1 AND number > $2 "
        "ORDER BY number LIMIT $3",
        "sii", multipart->id, page->marker, page->max + 1);
    while (rc == 0 && (rc = rows_next(rows)) == 0 && count++ < page->max) {
        page->last = rows_int(rows, 0);
        put_part(&page->parts, rows, multipart->algorithm);
    }
    page->truncated = count > page->max && page->max > 0;
    return rc == DB_NONE ? 0 : rc;
}

static int reply_parts(struct call *c, const struct multipart *multipart, const struct bucket *bucket,
                       const struct page *page)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    xml_head(&out);
    xml_open_ns(&out, "ListPartsResult", S3_XMLNS);
    xml_elem(&out, "Bucket", str_of(c->bucket));
    xml_elem_exact(&out, "Key", str_of(c->key));
    xml_elem(&out, "UploadId", str_of(multipart->id));
    put_initiator(&out, str_of(multipart->initiator), bucket);
    api_put_owner(&out, "Owner", bucket->account);
    storage_class_put_element(&out, multipart->storage_class);
    xml_elem_int(&out, "PartNumberMarker", page->marker);
    xml_elem_int(&out, "NextPartNumberMarker", page->last);
    xml_elem_int(&out, "MaxParts", page->max);
    xml_elem_bool(&out, "IsTruncated", page->truncated);
    buf_put_str(&out, buf_str(&page->parts));
    if (multipart->algorithm != CHECKSUM_NONE) {
        xml_elem(&out, "ChecksumAlgorithm", str_of(checksum_name(multipart->algorithm)));
        xml_elem(&out, "ChecksumType", str_of(checksum_type(multipart->composite)));
    }
    xml_close(&out, "ListPartsResult");
    if (buf_error(&out) != 0)
        return FAULT(buf_error(&out));
    call_reply(c, 200);
    api_abort_headers(c, bucket, multipart->started_ms);
    api_send_xml(c, &out);
    return CALL_REPLIED;
}

int api_list_parts(struct call *c)
{
    CLEANUP(multipart_unload) struct multipart multipart = {0};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    struct page page = {.parts = BUF_INIT(ANSWER_MAX)};
    int rc = read_number(c, "part-number-marker", 0, &page.marker);
    if (rc == 0)
        rc = read_max(c, "max-parts", &page.max);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0)
        rc = api_load_upload(c, c->tx, &multipart);
    if (rc == 0)
        rc = read_parts(c, &multipart, &page);
    if (rc == 0)
        rc = buf_error(&page.parts);
    if (rc == 0)
        rc = reply_parts(c, &multipart, &bucket, &page);
    buf_free(&page.parts);
    return rc;
}

/* ---- uploads */

struct uploads {
    struct call *c;
    struct bucket bucket;
    struct str prefix;
    struct str delimiter;
    struct str key_marker;
    struct str id_marker;
    int64_t max;
    bool encode;
    int64_t count;
    bool truncated;
    struct buf last_key; /* or the last prefix */
    struct buf last_id;  /* empty after a prefix */
    struct buf entries;
    struct buf prefixes;
    struct buf text;
};

static void uploads_deinit(struct uploads *u)
{
    bucket_unload(&u->bucket);
    buf_free(&u->last_key);
    buf_free(&u->last_id);
    buf_free(&u->entries);
    buf_free(&u->prefixes);
    buf_free(&u->text);
}

static void put_key(struct uploads *u, struct buf *out, const char *element, struct str key)
{
    if (!u->encode) {
        xml_elem_exact(out, element, key.ptr ? key : STR(""));
        return;
    }
    buf_reset(&u->text);
    uri_encode_listed(&u->text, key);
    xml_elem(out, element, u->text.len > 0 ? buf_str(&u->text) : STR(""));
}

static struct str rolled_up(const struct uploads *u, struct str key)
{
    if (u->delimiter.len == 0 || key.len <= u->prefix.len)
        return (struct str){NULL, 0};
    const char *found =
        memmem(key.ptr + u->prefix.len, key.len - u->prefix.len, u->delimiter.ptr, u->delimiter.len);
    return found ? (struct str){key.ptr, (size_t)(found - key.ptr) + u->delimiter.len}
                 : (struct str){NULL, 0};
}

static void remember(struct uploads *u, struct str key, struct str id)
{
    u->count++;
    buf_reset(&u->last_key);
    buf_reset(&u->last_id);
    buf_put_str(&u->last_key, key);
    buf_put_str(&u->last_id, id);
}

static void put_upload(struct uploads *u, struct rows *rows)
{
    char time[TIME_TEXT_SIZE];
    enum checksum_algorithm algorithm = checksum_named(rows_str(rows, 3));
    api_time(rows_int(rows, 2), time);
    xml_open(&u->entries, "Upload");
    put_key(u, &u->entries, "Key", rows_str(rows, 0));
    xml_elem(&u->entries, "UploadId", rows_str(rows, 1));
    put_initiator(&u->entries, rows_str(rows, 6), &u->bucket);
    api_put_owner(&u->entries, "Owner", u->bucket.account);
    storage_class_put_element(&u->entries, storage_class_named(rows_str(rows, 5)));
    xml_elem(&u->entries, "Initiated", str_of(time));
    if (algorithm != CHECKSUM_NONE) {
        xml_elem(&u->entries, "ChecksumAlgorithm", rows_str(rows, 3));
        xml_elem(&u->entries, "ChecksumType", rows_str(rows, 4));
    }
    xml_close(&u->entries, "Upload");
}

static bool is(struct str seen, struct str roll)
{
    return seen.ptr && roll.ptr && str_eq(seen, roll);
}

static void visit(struct uploads *u, struct rows *rows)
{
    struct str key = rows_str(rows, 0);
    struct str roll = rolled_up(u, key);
    bool given = is(u->key_marker, roll) ||
                 (u->last_id.len == 0 && is((struct str){u->last_key.ptr, u->last_key.len}, roll));
    if (given)
        return;
    if (u->count == u->max) {
        u->truncated = u->max > 0;
        return;
    }
    if (roll.len == 0) {
        put_upload(u, rows);
        remember(u, key, rows_str(rows, 1));
        return;
    }
    xml_open(&u->prefixes, "CommonPrefixes");
    put_key(u, &u->prefixes, "Prefix", roll);
    xml_close(&u->prefixes, "CommonPrefixes");
    remember(u, roll, (struct str){NULL, 0});
}

static int walk_uploads(struct uploads *u)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    /* Without an upload's id all uploads of the marker's own key are behind the marker: ids are letters. */
    struct str id = u->key_marker.len > 0 && u->id_marker.len == 0 ? STR("~") : u->id_marker;
    int rc =
        tx_query(u->c->tx, &rows,
                 "SELECT key, id, started_ms, checksum_algorithm, checksum_type, storage_class, initiator "
                 "FROM s3_upload "
                 "WHERE bucket = $1 AND key >= $2 AND (key > $3 OR (key = $3 AND id > $4)) ORDER BY key, id",
                 "sSSS", u->c->bucket, u->prefix.ptr ? u->prefix : STR(""),
                 u->key_marker.ptr ? u->key_marker : STR(""), id.ptr ? id : STR(""));
    while (rc == 0 && !u->truncated && (rc = rows_next(rows)) == 0 &&
           str_starts(rows_str(rows, 0), u->prefix))
        visit(u, rows);
    return rc == DB_NONE ? 0 : rc;
}

static bool is_upload_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]))
            return false;
    return text.len == UPLOAD_ID_SIZE - 1;
}

static int uploads_init(struct call *c, struct uploads *u)
{
    struct str encoding = uri_get(&c->query, "encoding-type");
    *u = (struct uploads){.c = c,
                          .prefix = uri_get(&c->query, "prefix"),
                          .delimiter = uri_get(&c->query, "delimiter"),
                          .key_marker = uri_get(&c->query, "key-marker"),
                          .encode = str_eqc(encoding, "url"),
                          .last_key = BUF_INIT(4 * S3_KEY_MAX),
                          .last_id = BUF_INIT(UPLOAD_ID_SIZE),
                          .entries = BUF_INIT(ANSWER_MAX),
                          .prefixes = BUF_INIT(ANSWER_MAX),
                          .text = BUF_INIT(4 * S3_KEY_MAX)};
    if (u->key_marker.len > 0)
        u->id_marker = uri_get(&c->query, "upload-id-marker");
    if (u->id_marker.len > 0 && !is_upload_id(u->id_marker))
        return api_bad_argument(c, "upload-id-marker", u->id_marker, "Invalid uploadId marker");
    if (encoding.len > 0 && !u->encode)
        return api_bad_argument(c, "encoding-type", encoding, "Invalid Encoding Method specified in Request");
    return read_max(c, "max-uploads", &u->max);
}

static int reply_uploads(struct uploads *u)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    xml_head(&out);
    xml_open_ns(&out, "ListMultipartUploadsResult", S3_XMLNS);
    xml_elem(&out, "Bucket", str_of(u->c->bucket));
    put_key(u, &out, "KeyMarker", u->key_marker);
    xml_elem(&out, "UploadIdMarker", u->id_marker.ptr ? u->id_marker : STR(""));
    if (u->last_key.len > 0) { /* as S3 does, of the last page too */
        put_key(u, &out, "NextKeyMarker", buf_str(&u->last_key));
        xml_elem(&out, "NextUploadIdMarker", u->last_id.len > 0 ? buf_str(&u->last_id) : STR(""));
    }
    put_key(u, &out, "Prefix", u->prefix);
    if (u->delimiter.len > 0)
        put_key(u, &out, "Delimiter", u->delimiter);
    if (u->encode)
        xml_elem(&out, "EncodingType", STR("url"));
    xml_elem_int(&out, "MaxUploads", u->max);
    xml_elem_bool(&out, "IsTruncated", u->truncated);
    buf_put_str(&out, buf_str(&u->entries));
    buf_put_str(&out, buf_str(&u->prefixes));
    xml_close(&out, "ListMultipartUploadsResult");
    return api_reply_xml(u->c, &out);
}

int api_list_uploads(struct call *c)
{
    CLEANUP(uploads_deinit) struct uploads u = {0};
    int rc = uploads_init(c, &u);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &u.bucket);
    if (rc == 0)
        rc = walk_uploads(&u);
    return rc != 0 ? rc : reply_uploads(&u);
}
