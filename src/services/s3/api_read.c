/* GetObject, HeadObject, and websites: reading an object's bytes. Source: S3 API reference.
 *
 * They open their own read transactions: a file that is unlinked between the look at its row and the open is
 * looked up again. An unsigned reader gets objects of buckets with a website configuration only. */
#include "services/s3/checksum_api.h"
#include "services/s3/object_part.h"
#include "services/s3/tagging.h"
#include "wire/uri.h"
#include <inttypes.h>

#define OPEN_TRIES 5

struct reading {
    struct bucket bucket;
    struct object object;
    struct blob_source source;
    struct object_part part; /* what partNumber asks for */
    bool has_part;
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

int api_find_object(struct call *c, struct tx *tx, const char *key, const char *version_id,
                    struct object *ret)
{
    int rc = object_find(tx, c->bucket, key, version_id, ret);
    if (rc == S3_E_NO_KEY)
        return call_fail(c, rc, "The specified key does not exist.");
    if (rc == S3_E_NO_VERSION)
        return call_fail(c, rc, "The specified version does not exist.");
    return rc == 0 && ret->marker ? refuse_marker(c, ret, version_id) : rc;
}

/* An object that was put as a whole is its own and only part. */
static int find_part(struct call *c, struct tx *tx, struct reading *r)
{
    int64_t number = 0;
    if (!uri_has(&c->query, "partNumber"))
        return 0;
    int rc = api_part_number(c, &number);
    if (rc == 0 && http_header(c->http, "range").ptr)
        return call_fail(c, S3_E_REQUEST, "Cannot specify both Range header and partNumber query parameter");
    r->has_part = true;
    r->part = (struct object_part){.number = 1, .size = r->object.size};
    if (rc == 0 && r->object.parts > 0)
        rc = object_part_find(tx, r->object.sequence, number, &r->part);
    if (rc == DB_NONE || (rc == 0 && r->part.number != number))
        return call_fail(c, S3_E_PART_NUMBER, "The requested partnumber is not satisfiable");
    return rc;
}

static int find(struct call *c, struct tx *tx, const char *key, const char *version_id, struct reading *r)
{
    int rc = bucket_load(tx, c->bucket, &r->bucket, &c->reason);
    if (rc != 0)
        return rc;
    if (!c->caller && !r->bucket.website_index)
        return call_fail(c, S3_E_DENIED, "Access Denied");
    rc = api_find_object(c, tx, key, version_id, &r->object);
    return rc != 0 ? rc : find_part(c, tx, r);
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

/* Of the whole object, or of the part where it has one of its own. */
static void put_checksum(struct call *c, const struct reading *r, const struct range *range)
{
    struct checksum_value value = r->object.checksum;
    bool whole = !range->partial || (r->has_part && range->len == r->object.size && !value.composite);
    if (!checksum_mode_enabled(c))
        return;
    if (r->has_part && value.composite) {
        memcpy(value.text, r->part.checksum, sizeof(value.text));
        whole = true;
    }
    if (whole)
        checksum_reply(c, &value);
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

static int read_range(struct call *c, const struct reading *r, struct range *ret)
{
    int64_t size = r->object.size;
    *ret = (struct range){0, size, false};
    if (r->has_part) {
        *ret = (struct range){r->part.start, r->part.size, r->part.size > 0};
        return 0;
    }
    if (range_read(http_header(c->http, "range"), size, ret) == 0)
        return 0;
    char *text = arena_printf(c->arena, "bytes */%" PRId64, size);
    char *asked = arena_dup(c->arena, http_header(c->http, "range"));
    char *actual = arena_printf(c->arena, "%" PRId64, size);
    if (!text || !asked || !actual)
        return FAULT(ENOMEM);
    call_error_header(c, "Content-Range", text);
    call_error_element(c, "RangeRequested", asked);
    call_error_element(c, "ActualObjectSize", actual);
    return call_fail(c, S3_E_RANGE, "The requested range is not satisfiable");
}

static int reply_object(struct call *c, struct reading *r, unsigned status)
{
    struct range range = {0, r->object.size, false};
    int rc = status == 200 ? read_range(c, r, &range) : 0;
    if (rc != 0)
        return rc;
    call_reply(c, range.partial ? 206 : status);
    put_headers(c, r);
    headers_reply(c, r->object.headers);
    put_checksum(c, r, &range);
    tagging_reply_count(c, r->object.tags);
    if (r->has_part && r->object.parts > 0)
        http_reply_headerf(c->http, "x-amz-mp-parts-count", "%" PRId64, r->object.parts);
    if (range.partial)
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
