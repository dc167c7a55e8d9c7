/* GetObject, HeadObject, and websites: reading an object's bytes. Source: S3 API reference.
 *
 * They open their own read transactions: a file that is unlinked between the look at its row and the open is
 * looked up again. An unsigned reader gets objects of buckets with a website configuration only. */
#include "base/hash.h"
#include "services/s3/api.h"
#include "wire/xml.h"
#include <inttypes.h>

#define OPEN_TRIES 5

struct reading {
    struct bucket bucket;
    struct object object;
    struct blob_source source;
    bool head;
};

static void reading_deinit(struct reading *r)
{
    bucket_unload(&r->bucket);
    object_unload(&r->object);
    blob_source_deinit(&r->source);
}

static int refuse_marker(struct call *c, const struct object *marker, const char *version_id)
{
    call_error_header(c, "x-amz-delete-marker", "true");
    call_error_header(c, "x-amz-version-id", marker->version_id);
    if (!version_id)
        return call_fail(c, S3_E_NO_KEY, "The specified key does not exist.");
    call_error_header(c, "Allow", "DELETE");
    return call_fail(c, S3_E_DELETE_MARKER, "The specified method is not allowed against this resource.");
}

static int find(struct call *c, struct tx *tx, const char *key, const char *version_id, struct reading *r)
{
    int rc = bucket_load(tx, c->bucket, &r->bucket, &c->reason);
    if (rc != 0)
        return rc;
    if (!c->caller && !r->bucket.website_index)
        return call_fail(c, S3_E_DENIED, "Access Denied");
    rc = object_find(tx, c->bucket, key, version_id, &r->object);
    if (rc == S3_E_NO_KEY)
        return call_fail(c, rc, "The specified key does not exist.");
    if (rc == S3_E_NO_VERSION)
        return call_fail(c, rc, "The specified version does not exist.");
    if (rc == 0 && r->object.marker)
        return refuse_marker(c, &r->object, version_id);
    return rc;
}

static int load_once(struct call *c, const char *key, const char *version_id, struct reading *r)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = find(c, tx, key, version_id, r);
    if (rc == 0 && !r->head)
        rc = blob_open(tx, c->platform, r->object.blob, &r->source);
    return rc;
}

static int load(struct call *c, const char *key, const char *version_id, struct reading *r)
{
    int rc = -ENOENT;
    for (int i = 0; i < OPEN_TRIES && rc == -ENOENT; i++) {
        reading_deinit(r);
        *r = (struct reading){.source = {.fd = -1}, .head = r->head};
        rc = load_once(c, key, version_id, r);
    }
    return rc;
}

static void put_checksum(struct call *c, const struct object *object)
{
    unsigned char digest[HASH_MAX_SIZE];
    char text[HASH_BASE64_SIZE];
    if (!object->checksum || !str_eq_nocase(http_header(c->http, "x-amz-checksum-mode"), STR("ENABLED")) ||
        !hex_decode(str_of(object->sha256), digest))
        return;
    base64_encode(digest, hash_size(HASH_SHA256), text);
    http_reply_header(c->http, "x-amz-checksum-sha256", text);
}

static void put_headers(struct call *c, const struct reading *r)
{
    char time[TIME_TEXT_SIZE];
    time_http(r->object.modified_ms, time);
    http_reply_header(c->http, "Last-Modified", time);
    api_etag_header(c, r->object.etag);
    http_reply_header(c->http, "Accept-Ranges", "bytes");
    if (r->bucket.versioning != VERSIONING_NEVER && c->caller)
        http_reply_header(c->http, "x-amz-version-id", r->object.version_id);
}

static int reply_not_modified(struct call *c, const struct reading *r)
{
    call_reply(c, 304);
    put_headers(c, r);
    http_reply_no_body(c->http, 0);
    return CALL_REPLIED;
}

static void send_bytes(struct call *c, struct reading *r, const struct range *range)
{
    if (r->head)
        http_reply_no_body(c->http, range->len);
    else if (r->source.fd >= 0)
        http_reply_file(c->http, take_fd(r->source.fd), range->offset, range->len);
    else if (range->len == r->object.size)
        http_reply_buf(c->http, &r->source.data);
    else
        http_reply_bytes(c->http, (struct str){r->source.data.ptr + range->offset, (size_t)range->len});
}

static int reply_object(struct call *c, struct reading *r, unsigned status)
{
    struct range range = {0, r->object.size, false};
    if (status == 200 && range_read(http_header(c->http, "range"), r->object.size, &range) != 0) {
        char *size = arena_printf(c->arena, "bytes */%" PRId64, r->object.size);
        call_error_header(c, "Content-Range", size ? size : "bytes */*");
        return call_fail(c, S3_E_RANGE, "The requested range is not satisfiable");
    }
    call_reply(c, range.partial ? 206 : status);
    put_headers(c, r);
    headers_reply(c, r->object.headers);
    if (!range.partial)
        put_checksum(c, &r->object);
    else
        http_reply_headerf(c->http, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range.offset,
                           range.offset + range.len - 1, r->object.size);
    send_bytes(c, r, &range);
    return CALL_REPLIED;
}

/* A website answers for a missing object with its error document, if it has one. */
static int reply_error_document(struct call *c, struct reading *r)
{
    if (c->caller || !r->bucket.website_error)
        return S3_E_NO_KEY;
    char *key = arena_dup(c->arena, str_of(r->bucket.website_error));
    if (!key)
        return FAULT(ENOMEM);
    int rc = load(c, key, NULL, r);
    return rc == 0 ? reply_object(c, r, 404) : rc;
}

static int read_object(struct call *c, const char *key, bool head)
{
    const char *version_id = NULL;
    CLEANUP(reading_deinit) struct reading r = {.source = {.fd = -1}, .head = head};
    int rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = load(c, key, version_id, &r);
    if (rc == S3_E_NO_KEY)
        return reply_error_document(c, &r);
    if (rc == 0)
        rc = conditions_check(c, "", &r.object);
    if (rc == S3_E_NOT_MODIFIED)
        return reply_not_modified(c, &r);
    return rc != 0 ? rc : reply_object(c, &r, 200);
}

/* The index document for a website's folder; anything else is the key itself. */
static int read_index(struct call *c, bool head)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &bucket, &c->reason);
    if (rc != 0)
        return rc;
    db_end(&tx);
    if (!bucket.website_index)
        return call_fail(c, S3_E_DENIED, "Access Denied");
    char *key = arena_printf(c->arena, "%s%s", c->key ? c->key : "", bucket.website_index);
    return key ? read_object(c, key, head) : FAULT(ENOMEM);
}

static int get_or_head(struct call *c, bool head)
{
    int rc = api_check_key(c);
    if (rc != 0)
        return rc;
    if (!c->caller && str_ends(str_of(c->key), STR("/")))
        return read_index(c, head);
    return read_object(c, c->key, head);
}

int api_get_object(struct call *c)
{
    return get_or_head(c, false);
}

int api_head_object(struct call *c)
{
    return get_or_head(c, true);
}

int api_website_index(struct call *c)
{
    return read_index(c, false);
}
