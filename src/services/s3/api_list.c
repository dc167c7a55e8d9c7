/* ListObjects (1 and 2), ListObjectVersions, ListBuckets. Source: S3 API reference.
 *
 * The answer's head tells whether there is more, so that the entries are gathered first. */
#include "base/hash.h"
#include "services/s3/argument.h"
#include "services/s3/listing.h"
#include "services/s3/storage_class.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <ctype.h>

#define ANSWER_MAX (16u << 20)
#define PAGE_MAX 1000
#define BUCKETS_MAX 10000

struct answer {
    struct call *c;
    struct listing listing;
    struct bucket bucket;
    struct buf entries;
    struct buf prefixes;
    struct buf text;  /* a value under way */
    struct buf whose; /* the Owner of each entry; empty: it is not told */
    bool encode;      /* encoding-type=url */
    bool owner;
    const char *root;
};

static void answer_deinit(struct answer *a)
{
    bucket_unload(&a->bucket);
    buf_free(&a->listing.last);
    buf_free(&a->entries);
    buf_free(&a->prefixes);
    buf_free(&a->text);
    buf_free(&a->whose);
}

/* An element with a key or a part of one, URL-encoded when the client asked for that. */
static void put_key(struct answer *a, struct buf *out, const char *name, struct str key)
{
    if (!a->encode) {
        xml_elem_exact(out, name, key);
        return;
    }
    buf_reset(&a->text);
    uri_encode_listed(&a->text, key);
    xml_elem(out, name, a->text.len > 0 ? buf_str(&a->text) : STR(""));
}

static void put_content(struct answer *a, const struct object *object)
{
    char etag[ETAG_SIZE + 2];
    size_t len = strlen(object->etag);
    etag[0] = '"';
    memcpy(etag + 1, object->etag, len);
    etag[len + 1] = '"';
    xml_elem(&a->entries, "ETag", (struct str){etag, len + 2});
    if (object->checksum.algorithm != CHECKSUM_NONE) {
        xml_elem(&a->entries, "ChecksumAlgorithm", str_of(checksum_name(object->checksum.algorithm)));
        xml_elem(&a->entries, "ChecksumType", str_of(checksum_type(object->checksum.composite)));
    }
    xml_elem_int(&a->entries, "Size", object->size);
}

static int on_object(void *ctx, struct str key, const struct object *object, bool latest)
{
    struct answer *a = ctx;
    char time[TIME_TEXT_SIZE];
    const char *element = !a->listing.versions ? "Contents" : object->marker ? "DeleteMarker" : "Version";
    api_time(object->modified_ms, time);
    xml_open(&a->entries, element);
    put_key(a, &a->entries, "Key", key);
    if (a->listing.versions) {
        xml_elem(&a->entries, "VersionId", str_of(object->version_id));
        xml_elem_bool(&a->entries, "IsLatest", latest);
    }
    xml_elem(&a->entries, "LastModified", str_of(time));
    if (!object->marker)
        put_content(a, object);
    buf_put_str(&a->entries, buf_str(&a->whose));
    if (!object->marker)
        storage_class_put_element(&a->entries, object->storage_class);
    xml_close(&a->entries, element);
    return buf_error(&a->entries);
}

static int on_prefix(void *ctx, struct str prefix)
{
    struct answer *a = ctx;
    xml_open(&a->prefixes, "CommonPrefixes");
    put_key(a, &a->prefixes, "Prefix", prefix);
    xml_close(&a->prefixes, "CommonPrefixes");
    return buf_error(&a->prefixes);
}

static int read_max(struct call *c, const char *name, int64_t *ret)
{
    struct str said = uri_get(&c->query, name);
    *ret = PAGE_MAX;
    if (said.len == 0)
        return 0;
    if (!str_to_int(said, 0, INT32_MAX, ret))
        return api_bad_number(c, name, said);
    if (*ret > PAGE_MAX)
        *ret = PAGE_MAX;
    return 0;
}

static int answer_init(struct call *c, const char *root, struct answer *a)
{
    struct str encoding = uri_get(&c->query, "encoding-type");
    a->c = c;
    a->root = root;
    a->entries = BUF_INIT(ANSWER_MAX);
    a->prefixes = BUF_INIT(ANSWER_MAX);
    a->text = BUF_INIT(4 * S3_KEY_MAX);
    a->whose = BUF_INIT(256);
    a->encode = str_eqc(encoding, "url");
    if (encoding.len > 0 && !a->encode)
        return api_bad_argument(c, "encoding-type", encoding, "Invalid Encoding Method specified in Request");
    a->listing.bucket = c->bucket;
    a->listing.prefix = uri_get(&c->query, "prefix");
    a->listing.delimiter = uri_get(&c->query, "delimiter");
    a->listing.ctx = a;
    a->listing.on_object = on_object;
    a->listing.on_prefix = on_prefix;
    return read_max(c, "max-keys", &a->listing.max);
}

static int walk(struct answer *a)
{
    struct call *c = a->c;
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, &a->bucket);
    if (rc == 0 && a->owner)
        api_put_owner(&a->whose, "Owner", a->bucket.account);
    if (rc == 0)
        rc = buf_error(&a->whose);
    return rc != 0 ? rc : listing_walk(tx, &a->listing);
}

static void put_head(struct answer *a, struct buf *out)
{
    xml_head(out);
    xml_open_ns(out, a->root, S3_XMLNS);
    xml_elem(out, "Name", str_of(a->c->bucket));
    put_key(a, out, "Prefix", a->listing.prefix);
    if (a->listing.delimiter.len > 0)
        put_key(a, out, "Delimiter", a->listing.delimiter);
    xml_elem_int(out, "MaxKeys", a->listing.max);
    if (a->encode)
        xml_elem(out, "EncodingType", STR("url"));
    xml_elem_bool(out, "IsTruncated", a->listing.truncated);
}

static int reply(struct answer *a, struct buf *out)
{
    buf_put_str(out, buf_str(&a->entries));
    buf_put_str(out, buf_str(&a->prefixes));
    xml_close(out, a->root);
    return api_reply_xml(a->c, out);
}

int api_list_objects(struct call *c)
{
    int rc = c->caller ? 0 : api_website(c, false);
    if (rc != 0)
        return rc;
    CLEANUP(answer_deinit) struct answer a = {.owner = true};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    rc = answer_init(c, "ListBucketResult", &a);
    if (rc != 0)
        return rc;
    a.listing.after = uri_get(&c->query, "marker");
    rc = walk(&a);
    if (rc != 0)
        return rc;
    put_head(&a, &out);
    put_key(&a, &out, "Marker", a.listing.after);
    if (a.listing.truncated && a.listing.delimiter.len > 0)
        put_key(&a, &out, "NextMarker", buf_str(&a.listing.last));
    return reply(&a, &out);
}

/* A continuation token is the last key or prefix given, in base64. */
static int read_token(struct call *c, struct str *ret)
{
    struct str token = uri_get(&c->query, "continuation-token");
    size_t len = 0;
    if (!token.ptr)
        return 0;
    char *bytes = arena_alloc(c->arena, token.len + 4);
    if (!bytes)
        return FAULT(ENOMEM);
    if (token.len == 0 || !base64_decode(token, bytes, &len) || memchr(bytes, '\0', len))
        return api_bad_argument(c, "continuation-token", token,
                                "The continuation token provided is incorrect");
    *ret = (struct str){bytes, len};
    return 0;
}

static int put_token(struct answer *a, struct buf *out)
{
    char *text = arena_alloc(a->c->arena, 4 * ((a->listing.last.len + 2) / 3) + 1);
    if (!text)
        return FAULT(ENOMEM);
    base64_encode(a->listing.last.ptr, a->listing.last.len, text);
    xml_elem(out, "NextContinuationToken", str_of(text));
    return 0;
}

int api_list_objects_v2(struct call *c)
{
    CLEANUP(answer_deinit) struct answer a = {.owner = str_eqc(uri_get(&c->query, "fetch-owner"), "true")};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    struct str type = uri_get(&c->query, "list-type");
    if (!str_eqc(type, "2"))
        return api_bad_argument(c, "list-type", type, "Invalid List Type specified in Request");
    int rc = answer_init(c, "ListBucketResult", &a);
    if (rc == 0)
        a.listing.after = uri_get(&c->query, "start-after");
    if (rc == 0)
        rc = read_token(c, &a.listing.after);
    if (rc == 0)
        rc = walk(&a);
    if (rc != 0)
        return rc;
    put_head(&a, &out);
    xml_elem_int(&out, "KeyCount", a.listing.count);
    if (uri_has(&c->query, "start-after"))
        put_key(&a, &out, "StartAfter", uri_get(&c->query, "start-after"));
    if (uri_has(&c->query, "continuation-token"))
        xml_elem(&out, "ContinuationToken", uri_get(&c->query, "continuation-token"));
    if (a.listing.truncated)
        rc = put_token(&a, &out);
    return rc != 0 ? rc : reply(&a, &out);
}

int api_list_versions(struct call *c)
{
    CLEANUP(answer_deinit) struct answer a = {.owner = true, .listing = {.versions = true}};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    int rc = answer_init(c, "ListVersionsResult", &a);
    if (rc != 0)
        return rc;
    struct str version = uri_get(&c->query, "version-id-marker");
    a.listing.after = uri_get(&c->query, "key-marker");
    if (version.len > 0 && a.listing.after.len == 0)
        return api_bad_argument(c, "version-id-marker", version,
                                "A version-id marker cannot be specified without a key marker.");
    a.listing.after_version = version.len > 0 ? version.ptr : NULL;
    if (version.len > 0 && !api_is_version_id(version))
        return api_bad_argument(c, "version-id-marker", version, "Invalid version id specified");
    rc = walk(&a);
    if (rc != 0)
        return rc;
    put_head(&a, &out);
    put_key(&a, &out, "KeyMarker", a.listing.after);
    xml_elem(&out, "VersionIdMarker", version);
    if (a.listing.truncated) {
        put_key(&a, &out, "NextKeyMarker", buf_str(&a.listing.last));
        if (!a.listing.last_is_prefix)
            xml_elem(&out, "NextVersionIdMarker", str_of(a.listing.last_version));
    }
    return reply(&a, &out);
}

/* ---- buckets */

/* The region is told to who asks by a parameter, the ARN only of directory buckets. */
static bool tells_region(struct call *c)
{
    static const char *const parameters[] = {"prefix", "max-buckets", "bucket-region", "continuation-token"};
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (uri_has(&c->query, parameters[i]))
            return true;
    return false;
}

static void put_bucket(struct call *c, struct rows *rows, struct buf *out)
{
    char time[TIME_TEXT_SIZE];
    api_time(rows_int(rows, 1), time);
    xml_open(out, "Bucket");
    xml_elem(out, "Name", rows_str(rows, 0));
    xml_elem(out, "CreationDate", str_of(time));
    if (tells_region(c))
        xml_elem(out, "BucketRegion", str_of(c->platform->region));
    xml_close(out, "Bucket");
}

struct bucket_page {
    struct str prefix;
    struct str after;
    int64_t max;
    bool truncated;
    struct buf last;
    struct buf entries;
};

/* "eu-west-1", "us-gov-west-1": two letters first, a number last. */
static bool looks_like_region(struct str name)
{
    struct str rest = name;
    struct str word = str_split(&rest, '-');
    size_t words = 1;
    if (word.len != 2)
        return false;
    while (rest.ptr) {
        word = str_split(&rest, '-');
        words++;
        for (size_t i = 0; i < word.len; i++)
            if (!(rest.ptr ? islower((unsigned char)word.ptr[i]) : isdigit((unsigned char)word.ptr[i])))
                return false;
        if (word.len == 0)
            return false;
    }
    return words >= 3;
}

static int read_bucket_page(struct call *c, struct bucket_page *page)
{
    struct str max = uri_get(&c->query, "max-buckets");
    *page = (struct bucket_page){.prefix = uri_get(&c->query, "prefix"),
                                 .max = BUCKETS_MAX,
                                 .last = BUF_INIT(S3_BUCKET_NAME_MAX + 1),
                                 .entries = BUF_INIT(ANSWER_MAX)};
    struct str region = uri_get(&c->query, "bucket-region");
    if (region.len > 0 && !looks_like_region(region)) {
        call_error_element(c, "ArgumentName", "bucket-region");
        return call_fail(c, S3_E_ARGUMENT, "Argument value " STR_FMT " is not a valid AWS Region",
                         STR_ARG(region));
    }
    if (max.len > 0 && !str_to_int(max, 1, BUCKETS_MAX, &page->max))
        return call_fail(c, S3_E_ARGUMENT, "Argument max-buckets must be an integer between 1 and %d",
                         BUCKETS_MAX);
    return read_token(c, &page->after);
}

/* Buckets of another region are none. */
static int find_buckets(struct call *c, struct bucket_page *page)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct str region = uri_get(&c->query, "bucket-region");
    struct str from = page->after.ptr ? page->after : STR("");
    int64_t count = 0;
    if (region.len > 0 && !str_eqc(region, c->platform->region))
        return 0;
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = tx_query(tx, &rows,
                      "SELECT name, created_ms FROM s3_bucket WHERE account = $1 AND name > $2 ORDER BY name",
                      "sS", c->caller->account, from);
    while (rc == 0 && !page->truncated && (rc = rows_next(rows)) == 0) {
        if (!str_starts(rows_str(rows, 0), page->prefix))
            continue;
        page->truncated = count == page->max;
        if (page->truncated)
            break;
        put_bucket(c, rows, &page->entries);
        buf_reset(&page->last);
        buf_put_str(&page->last, rows_str(rows, 0));
        count++;
    }
    return rc == DB_NONE ? 0 : rc;
}

static int reply_buckets(struct call *c, struct bucket_page *page)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    xml_head(&out);
    xml_open_ns(&out, "ListAllMyBucketsResult", S3_XMLNS);
    api_put_owner(&out, "Owner", c->caller->account);
    xml_open(&out, "Buckets");
    buf_put_str(&out, buf_str(&page->entries));
    xml_close(&out, "Buckets");
    if (page->truncated) {
        char token[4 * (S3_BUCKET_NAME_MAX + 3) / 3 + 1];
        base64_encode(page->last.ptr, page->last.len, token);
        xml_elem(&out, "ContinuationToken", str_of(token));
    }
    if (page->prefix.len > 0)
        xml_elem(&out, "Prefix", page->prefix);
    xml_close(&out, "ListAllMyBucketsResult");
    return api_reply_xml(c, &out);
}

int api_list_buckets(struct call *c)
{
    struct bucket_page page;
    int rc = read_bucket_page(c, &page);
    if (rc == 0)
        rc = find_buckets(c, &page);
    if (rc == 0)
        rc = buf_error(&page.entries);
    if (rc == 0)
        rc = reply_buckets(c, &page);
    buf_free(&page.last);
    buf_free(&page.entries);
    return rc;
}
