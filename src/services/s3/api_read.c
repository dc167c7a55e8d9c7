/* GetObject and HeadObject: reading an object's bytes. Source: S3 API reference.
 *
 * They open their own read transactions: a file that is unlinked between the look at its row and the open is
 * looked up again. An unsigned reader of a bucket that is a website is answered as a website does
 * (api_website.c). */
#include "services/s3/argument.h"
#include "services/s3/conditional.h"
#include "services/s3/reading.h"
#include "services/s3/access.h"
#include "services/s3/blob_list.h"
#include "services/s3/checksum_api.h"
#include "services/s3/tagging.h"
#include "services/s3/version_api.h"
#include "services/s3/encryption.h"
#include "services/s3/storage_class.h"
#include "services/s3/headers.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/uri.h"
#include <inttypes.h>

#define OPEN_TRIES 5

void reading_deinit(struct reading *r)
{
    bucket_unload(&r->bucket);
    object_unload(&r->object);
    blob_source_deinit(&r->source);
}

static int refuse_marker(struct call *c, const struct object *marker, const char *version_id)
{
    char time[TIME_TEXT_SIZE];
    call_error_header(c, "x-amz-delete-marker", "true");
    call_error_header(c, "x-amz-version-id", marker->version_id);
    if (!version_id)
        return call_fail(c, S3_E_NO_KEY, "The specified key does not exist.");
    time_http(marker->modified_ms, time);
    call_error_header(c, "Allow", "DELETE");
    call_error_header(c, "Last-Modified", time);
    call_error_element(c, "Method", arena_dup(c->arena, c->http->method));
    call_error_element(c, "ResourceType", "DeleteMarker");
    return call_fail(c, S3_E_DELETE_MARKER, "The specified method is not allowed against this resource.");
}

/* Whether a key is there is known to those who may list the bucket. */
static int refuse_key(struct call *c, struct tx *tx, const struct bucket *bucket)
{
    if (!api_may(c, tx, bucket, "s3:ListBucket", NULL))
        return call_fail(c, S3_E_DENIED, "Access Denied");
    return call_fail(c, S3_E_NO_KEY, "The specified key does not exist.");
}

int api_find_object(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
                    const char *version_id, struct object *ret)
{
    int rc = object_find(tx, c->bucket, key, version_id, ret);
    if (rc == S3_E_NO_KEY)
        return refuse_key(c, tx, bucket);
    if (rc == S3_E_NO_VERSION) {
        call_error_element(c, "VersionId", version_id);
        return call_fail(c, rc, "The specified version does not exist.");
    }
    return rc == 0 && ret->marker ? refuse_marker(c, ret, version_id) : rc;
}

static int refuse_part(struct call *c, const struct reading *r, int64_t number)
{
    call_error_number(c, "ActualPartCount", r->object.parts > 0 ? r->object.parts : 1);
    call_error_number(c, "PartNumberRequested", number);
    return call_fail(c, S3_E_PART_NUMBER, "The requested partnumber is not satisfiable");
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
        return refuse_part(c, r, number);
    return rc;
}

static int find(struct call *c, struct tx *tx, const char *key, const char *version_id, struct reading *r)
{
    const struct access access = {"s3:GetObject", key, NULL};
    int rc =
        r->website ? api_bucket_for(c, tx, c->bucket, &access, &r->bucket) : api_bucket(c, tx, &r->bucket);
    if (rc != 0)
        return rc;
    rc = api_find_object(c, tx, &r->bucket, key, version_id, &r->object);
    return rc != 0 ? rc : find_part(c, tx, r);
}

static int load_once(struct call *c, const char *key, const char *version_id, struct reading *r)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct blob_row row;
    int rc = call_look(c, object_subject(c->bucket, key), &tx);
    if (rc == 0)
        rc = find(c, tx, key, version_id, r);
    if (rc == 0 && !r->head)
        rc = blob_find(tx, r->object.blob, &row, &r->source);
    rc = call_looked(&tx, rc);
    if (rc == 0 && !r->head)
        rc = blob_open_found(c->platform, &row, &r->source);
    return rc;
}

/* What is asked for: a range, a part, or all of it. S3_E_RANGE. */
static int range_asked(const struct call *c, const struct reading *r, struct range *ret)
{
    *ret = (struct range){0, r->object.size, false};
    if (r->whole)
        return 0;
    if (r->has_part) {
        *ret = (struct range){r->part.start, r->part.size, r->part.size > 0};
        return 0;
    }
    return if_range_holds(c, &r->object) ? range_read(http_header(c->http, "range"), r->object.size, ret) : 0;
}

/* A range that cannot be had is told after the conditions. */
static int prepare(struct call *c, struct reading *r)
{
    struct range range;
    if (r->source.list && c->http->run_inline)
        return CALL_ELSEWHERE;
    return range_asked(c, r, &range) == 0 ? blob_prepare(&r->source, range.offset, range.len) : 0;
}

int reading_load(struct call *c, const char *key, const char *version_id, struct reading *r)
{
    int rc = -ENOENT;
    for (int i = 0; i < OPEN_TRIES && rc == -ENOENT; i++) {
        reading_deinit(r);
        *r = (struct reading){
            .source = BLOB_SOURCE_NONE, .head = r->head, .website = r->website, .whole = r->whole};
        rc = load_once(c, key, version_id, r);
        if (rc == 0)
            rc = prepare(c, r);
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
    if (r->bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", r->object.version_id);
}

/* Source: RFC 9110 §15.4.5. */
static void put_freshness(struct call *c, const char *name, struct str value)
{
    const char *text = value.ptr ? arena_dup(c->arena, value) : NULL;
    if (text)
        http_reply_header(c->http, name, text);
}

static int reply_not_modified(struct call *c, const struct reading *r)
{
    call_reply(c, 304);
    put_headers(c, r);
    put_freshness(c, "cache-control", headers_get(r->object.headers, "cache-control"));
    put_freshness(c, "expires", headers_get(r->object.headers, "expires"));
    http_reply_no_body(c->http, 0);
    return CALL_REPLIED;
}

/* Bytes that are sealed or in several files, found and opened while they are sent. */
struct sending {
    struct blob_source source;
    int64_t offset; /* of the range */
};

static void sending_free(void *ctx)
{
    struct sending *sending = ctx;
    blob_source_deinit(&sending->source);
    free(sending);
}

/* Where the bytes from that offset on are. */
static int find_place(struct blob_source *source, int64_t offset, struct http_place *ret)
{
    struct blob_source *part = source;
    struct str some = STR("");
    int rc = source->list ? list_at(source->list, offset, &part, &offset) : 0;
    if (rc != 0)
        return rc;
    if (part->fd >= 0 && !part->opener) {
        *ret = (struct http_place){.fd = part->fd, .offset = offset, .len = part->size - offset};
        return 0;
    }
    rc = blob_look(part, offset, &some);
    *ret = (struct http_place){.fd = -1, .bytes = some.ptr, .len = (int64_t)some.len};
    return rc != 0 || some.len > 0 ? rc : FAULT(EIO);
}

static int sending_at(void *ctx, int64_t offset, struct http_place *ret)
{
    struct sending *sending = ctx;
    int rc = find_place(&sending->source, sending->offset + offset, ret);
    if (rc == 0)
        return 0;
    log_error("s3", "an object's bytes cannot be read: its answer was cut off. 'slipway bucket verify' tells "
                    "which object it is");
    return rc < 0 ? rc : -EIO;
}

static bool is_found_while_sent(const struct reading *r)
{
    return r->source.list || (r->source.opener && r->source.fd >= 0);
}

static int send_found(struct call *c, struct reading *r, const struct range *range)
{
    struct sending *sending = mem_alloc(sizeof(*sending));
    if (!sending)
        return FAULT(ENOMEM);
    *sending = (struct sending){r->source, range->offset};
    r->source = BLOB_SOURCE_NONE;
    http_reply_places(c->http, range->len, sending_at, sending, sending_free);
    return 0;
}

/* The first bytes that are to be sent, so that a damaged object is refused before an answer has begun. */
static int look_ahead(struct reading *r, const struct range *range)
{
    struct http_place place;
    return is_found_while_sent(r) && range->len > 0 ? find_place(&r->source, range->offset, &place) : 0;
}

static int send_bytes(struct call *c, struct reading *r, const struct range *range)
{
    if (is_found_while_sent(r) && range->len > 0)
        return send_found(c, r, range);
    if (r->head)
        http_reply_no_body(c->http, range->len);
    else if (range->len == 0)
        http_reply_bytes(c->http, STR(""));
    else if (r->source.fd >= 0)
        http_reply_file(c->http, take_fd(r->source.fd), range->offset, range->len);
    else if (range->len == r->object.size)
        http_reply_buf(c->http, &r->source.data);
    else
        http_reply_bytes(c->http, (struct str){r->source.data.ptr + range->offset, (size_t)range->len});
    return 0;
}

static int read_range(struct call *c, const struct reading *r, struct range *ret)
{
    if (range_asked(c, r, ret) == 0)
        return 0;
    int64_t size = r->object.size;
    char *text = arena_printf(c->arena, "bytes */%" PRId64, size);
    if (!text)
        return FAULT(ENOMEM);
    call_error_header(c, "Content-Range", text);
    call_error_text(c, "RangeRequested", http_header(c->http, "range"));
    call_error_number(c, "ActualObjectSize", size);
    return call_fail(c, S3_E_RANGE, "The requested range is not satisfiable");
}

static int reply_object(struct call *c, struct reading *r, unsigned status)
{
    struct range range = {0, r->object.size, false};
    int rc = status == 200 ? read_range(c, r, &range) : 0;
    if (rc == 0)
        rc = look_ahead(r, &range);
    if (rc != 0)
        return rc;
    call_reply(c, range.partial ? 206 : status);
    put_headers(c, r);
    headers_reply(c, r->object.headers);
    put_checksum(c, r, &range);
    tagging_reply_count(c, r->object.tags);
    api_lock_reply(c, &r->object.lock);
    api_encryption_header(c, r->object.sealed);
    storage_class_reply(c, r->object.storage_class);
    if (!uri_has(&c->query, "versionId"))
        api_expiration_header(c, &r->bucket, &r->object, r->object.size, r->object.tags);
    if (r->has_part && r->object.parts > 0)
        http_reply_headerf(c->http, "x-amz-mp-parts-count", "%" PRId64, r->object.parts);
    if (range.partial)
        http_reply_headerf(c->http, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range.offset,
                           range.offset + range.len - 1, r->object.size);
    rc = send_bytes(c, r, &range);
    return rc != 0 ? rc : CALL_REPLIED;
}

int reading_reply(struct call *c, struct reading *r, unsigned status)
{
    int rc = conditions_check(c, "", &r->object);
    if (rc == S3_E_NOT_MODIFIED)
        return reply_not_modified(c, r);
    return rc != 0 ? rc : reply_object(c, r, status);
}

/* Who signs nothing may not say what the answer's headers are to be; who may says it as headers can have it.
 */
static int read_overrides(struct call *c)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->query.count; i++) {
        struct uri_pair *pair = &c->query.pairs[i];
        if (!str_starts(pair->name, STR("response-")))
            continue;
        if (!c->caller)
            return call_fail(c, S3_E_REQUEST,
                             "Request specific response headers cannot be used for anonymous GET requests.");
        rc = headers_latin1(c, pair->value, &pair->value);
        if (rc == S3_E_ARGUMENT)
            return api_bad_argument(c, pair->name.ptr, pair->value,
                                    "Header value cannot be represented using ISO-8859-1.");
    }
    return rc;
}

static int get_or_head(struct call *c, bool head)
{
    const char *version_id = NULL;
    CLEANUP(reading_deinit) struct reading r = READING(head);
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_refuse_copy_source(c);
    if (rc == 0)
        rc = api_refuse_read_encryption(c);
    if (rc == 0 && !c->caller)
        rc = api_website(c, head);
    if (rc == 0)
        rc = read_overrides(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = reading_load(c, c->key, version_id, &r);
    return rc != 0 ? rc : reading_reply(c, &r, 200);
}

int api_get_object(struct call *c)
{
    return get_or_head(c, false);
}

int api_head_object(struct call *c)
{
    return get_or_head(c, true);
}
