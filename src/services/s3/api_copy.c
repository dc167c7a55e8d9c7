/* CopyObject and UploadPartCopy. Source: S3 API reference.
 *
 * A copied object shares its source's bytes. Only where its ETag or checksum is not the source's (that of a
 * multipart object, or another algorithm) they are read once, outside of any transaction; the copy is then
 * made if its source still has those bytes. A copied part is a part like any other: its bytes are copied. */
#include "base/mem.h"
#include "services/s3/argument.h"
#include "services/s3/conditional.h"
#include "services/s3/access.h"
#include "services/s3/checksum_api.h"
#include "services/s3/digest_ahead.h"
#include "services/s3/tagging.h"
#include "services/s3/version_api.h"
#include "services/s3/encryption.h"
#include "services/s3/late.h"
#include "services/s3/storage_class.h"
#include "services/s3/headers.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <inttypes.h>

#define TRIES 5
#define RANGE_SOURCE_MIN (5LL << 20)
#define SOURCE_BYTES_MAX (5LL << 30)
#define COPY_MEASURE 800 /* the source's bytes must be read first */

struct copy {
    char *bucket;
    char *key;
    char *version_id; /* NULL: the current one */
    struct bucket source_bucket;
    struct bucket target_bucket;
    struct object source;
    struct object target;
    struct buf headers;
    const char *tags;               /* of the target; NULL: none */
    enum checksum_algorithm wanted; /* CHECKSUM_NONE: the source's */
    int64_t measured;               /* the blob that was read; 0: none */
    struct upload bytes;            /* what was read of it, when it is to be encrypted */
    char etag[ETAG_SIZE];           /* of the target */
    struct checksum_value checksum;
};

/* For another try. */
static void copy_forget(struct copy *copy)
{
    bucket_unload(&copy->source_bucket);
    bucket_unload(&copy->target_bucket);
    object_unload(&copy->source);
    object_unload(&copy->target);
    buf_free(&copy->headers);
    copy->source_bucket = (struct bucket){0};
    copy->target_bucket = (struct bucket){0};
    copy->source = (struct object){0};
    copy->target = (struct object){0};
}

static void copy_deinit(struct copy *copy)
{
    copy_forget(copy);
    upload_deinit(&copy->bytes);
}

/* A source from before the server had a key is not shared, as its copy is to be encrypted. */
static bool must_seal(const struct call *c, const struct copy *copy)
{
    return c->platform->keyring && !copy->source.sealed;
}

/* Of a source that was named with its version. */
static const char *pinned_version(const struct copy *copy)
{
    return copy->source_bucket.versioning != VERSIONING_NEVER ? copy->version_id : NULL;
}

/* [/]BUCKET/KEY[?versionId=ID], percent-encoded, slashes too where the client does so. */
static int read_source(struct call *c, struct copy *copy)
{
    struct str rest = http_header(c->http, "x-amz-copy-source");
    if (c->http->body.len > 0)
        return call_fail(
            c, S3_E_REQUEST,
            "The request included a body. Requests of this type must not include a non-empty body.");
    struct str version = {NULL, 0};
    char *mark = rest.len > 0 ? memmem(rest.ptr, rest.len, "?versionId=", 11) : NULL;
    if (mark) {
        version = (struct str){mark + 11, (size_t)(rest.ptr + rest.len - mark - 11)};
        rest.len = (size_t)(mark - rest.ptr);
    }
    struct str decoded;
    if (uri_decode(c->arena, rest, true, &decoded) != 0)
        decoded = (struct str){NULL, 0};
    if (str_starts(decoded, STR("/")))
        decoded = (struct str){decoded.ptr + 1, decoded.len - 1};
    struct str bucket = str_split(&decoded, '/');
    if (bucket.len == 0 || decoded.len == 0)
        return api_bad_argument(c, "x-amz-copy-source", http_header(c->http, "x-amz-copy-source"),
                                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    copy->bucket = arena_dup(c->arena, bucket);
    copy->key = arena_dup(c->arena, decoded);
    copy->version_id = version.ptr ? arena_dup(c->arena, version) : NULL;
    if (version.ptr && !api_is_version_id(version))
        return api_bad_argument(c, "versionId", version, "Invalid version id specified");
    return copy->bucket && copy->key && (copy->version_id || !version.ptr) ? 0 : FAULT(ENOMEM);
}

/* Of the source, which is not the request's own object. */
static int no_source(struct call *c, int outcome, const struct copy *copy, const char *says)
{
    call_error_element(c, "BucketName", copy->bucket);
    call_error_element(c, "Key", copy->key);
    if (outcome == S3_E_NO_VERSION)
        call_error_element(c, "VersionId", copy->version_id);
    return call_fail(c, outcome, "%s", says);
}

static int check_source_size(struct call *c, int64_t size)
{
    return size <= SOURCE_BYTES_MAX
               ? 0
               : call_fail(c, S3_E_REQUEST,
                           "The specified copy source is larger than the maximum allowable size for a copy "
                           "source: %lld",
                           SOURCE_BYTES_MAX);
}

static int find_source(struct call *c, struct tx *tx, struct copy *copy)
{
    int rc = object_find(tx, copy->bucket, copy->key, copy->version_id, &copy->source);
    if (rc == S3_E_NO_VERSION)
        return no_source(c, rc, copy, "The specified version does not exist.");
    if (rc == 0 && copy->source.marker && copy->version_id)
        return call_fail(
            c, S3_E_REQUEST,
            "The source of a copy request may not specifically refer to a delete marker by version id.");
    if (rc == S3_E_NO_KEY || (rc == 0 && copy->source.marker))
        return no_source(c, S3_E_NO_KEY, copy, "The specified key does not exist.");
    return rc != 0 ? rc : conditions_check(c, "x-amz-copy-source-", &copy->source);
}

static int load_source_bucket(struct call *c, struct tx *tx, struct copy *copy)
{
    const struct access access = {copy->version_id ? "s3:GetObjectVersion" : "s3:GetObject", copy->key,
                                  copy->version_id};
    int rc = api_bucket_for(c, tx, copy->bucket, &access, &copy->source_bucket);
    if (rc == S3_E_NO_BUCKET)
        call_error_element(c, "BucketName", copy->bucket);
    return rc != 0 ? rc : api_check_owner(c, &copy->source_bucket, "x-amz-source-expected-bucket-owner");
}

static int load_buckets(struct call *c, struct tx *tx, struct copy *copy)
{
    int rc = load_source_bucket(c, tx, copy);
    return rc != 0 ? rc : api_bucket(c, tx, &copy->target_bucket);
}

/* ---- objects */

struct measure {
    struct hash *md5;
    struct checksum checksum;
    struct upload *bytes; /* NULL: they are shared */
};

static void measure_deinit(struct measure *measure)
{
    hash_free(&measure->md5);
    checksum_deinit(&measure->checksum);
}

static int measure_some(void *ctx, const void *bytes, size_t len)
{
    struct measure *measure = ctx;
    hash_update(measure->md5, bytes, len);
    checksum_update(&measure->checksum, bytes, len);
    return measure->bytes ? upload_write(measure->bytes, bytes, len) : 0;
}

static enum checksum_algorithm target_algorithm(const struct copy *copy)
{
    return copy->wanted != CHECKSUM_NONE ? copy->wanted : copy->source.checksum.algorithm;
}

static int begin_measure(struct call *c, struct copy *copy, struct measure *measure)
{
    int rc = checksum_init(&measure->checksum, target_algorithm(copy));
    upload_deinit(&copy->bytes);
    copy->bytes = UPLOAD_NONE;
    if (rc != 0 || !must_seal(c, copy))
        return rc;
    measure->bytes = &copy->bytes;
    return upload_init(c->platform, 0, &copy->bytes);
}

static int measure(struct call *c, struct copy *copy)
{
    unsigned char digest[HASH_MAX_SIZE];
    CLEANUP(blob_source_deinit) struct blob_source bytes = {.fd = -1};
    CLEANUP(measure_deinit) struct measure measure = {.md5 = hash_new(HASH_MD5)};
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = measure.md5 ? db_read(c->platform->db, &tx) : FAULT(ENOMEM);
    copy_forget(copy);
    if (rc == 0)
        rc = load_buckets(c, tx, copy);
    if (rc == 0)
        rc = find_source(c, tx, copy);
    if (rc == 0)
        rc = blob_open(tx, c->platform, copy->source.blob, &bytes);
    db_end(&tx);
    if (rc == 0)
        rc = blob_prepare(&bytes, 0, copy->source.size);
    if (rc == 0)
        rc = begin_measure(c, copy, &measure);
    if (rc == 0)
        rc = blob_each(&bytes, 0, copy->source.size, measure_some, &measure);
    if (rc == 0 && measure.bytes)
        rc = upload_finish(measure.bytes);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc; /* removed meanwhile: the next try tells */
    hash_final(measure.md5, digest);
    hex_encode(digest, hash_size(HASH_MD5), copy->etag);
    copy->checksum = (struct checksum_value){.algorithm = measure.checksum.algorithm};
    checksum_final(&measure.checksum, copy->checksum.text);
    copy->measured = copy->source.blob;
    return 0;
}

/* ETag and checksum of the target, when they follow from the source's or were measured. COPY_MEASURE. */
static int describe(struct call *c, struct copy *copy)
{
    const struct object *source = &copy->source;
    enum checksum_algorithm algorithm = target_algorithm(copy);
    if (copy->measured == source->blob && copy->checksum.algorithm == algorithm)
        return 0;
    if (strchr(source->etag, '-') || must_seal(c, copy))
        return COPY_MEASURE;
    memcpy(copy->etag, source->etag, sizeof(copy->etag));
    copy->checksum = (struct checksum_value){.algorithm = algorithm};
    if (algorithm == source->checksum.algorithm && !source->checksum.composite)
        copy->checksum = source->checksum;
    else if (algorithm != CHECKSUM_SHA256 || !checksum_of_sha256(source->sha256, copy->checksum.text))
        return COPY_MEASURE;
    return 0;
}

static bool copies_to_itself(struct call *c, const struct copy *copy)
{
    return !copy->version_id && strcmp(copy->bucket, c->bucket) == 0 && strcmp(copy->key, c->key) == 0;
}

/* What a copy to itself may change besides metadata; said anew, it need not be another. */
static bool says_attribute(struct call *c)
{
    static const char *const attributes[] = {"x-amz-storage-class", REDIRECT_HEADER,
                                             "x-amz-server-side-encryption"};
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (http_header(c->http, attributes[i]).ptr)
            return true;
    return false;
}

/* COPY or REPLACE; *ret: replace. */
static int read_directive(struct call *c, const char *header, const char *unknown, bool *ret)
{
    struct str said = http_header(c->http, header);
    *ret = str_eqc(said, "REPLACE");
    return !said.ptr || *ret || str_eqc(said, "COPY") ? 0 : api_bad_argument(c, header, said, unknown);
}

/* What is new about the target: its headers and its tags. */
static int read_changes(struct call *c, struct copy *copy, struct object_new *new)
{
    bool headers = false;
    bool tags = false;
    int rc = read_directive(c, "x-amz-metadata-directive", "Unknown metadata directive.", &headers);
    if (rc == 0)
        rc = read_directive(c, "x-amz-tagging-directive", "Unknown tagging directive.", &tags);
    if (rc == 0 && !headers && copies_to_itself(c, copy) && !must_seal(c, copy) && !says_attribute(c))
        return call_fail(
            c, S3_E_REQUEST,
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or encryption "
            "attributes.");
    if (rc == 0)
        rc = headers ? headers_collect(c, &copy->headers)
                     : headers_copied(c, copy->source.headers, &copy->headers);
    new->headers = copy->headers.ptr;
    new->tags = tags ? NULL : copy->source.tags;
    return rc != 0 || !tags ? rc : tagging_of_header(c, &new->tags);
}

/* Tags that are copied are read, and written. */
static int check_extras(struct call *c, struct tx *tx, const struct copy *copy, const struct object_new *new)
{
    const struct access access = {copy->version_id ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging",
                                  copy->key, copy->version_id};
    int rc = access_check_extras(c, tx, &copy->target_bucket, new->tags != NULL, &new->lock);
    if (rc != 0 || !new->tags || new->tags != copy->source.tags)
        return rc;
    return access_check(c, tx, &copy->source_bucket, &access);
}

static int run_copy(struct call *c, struct tx *tx, struct copy *copy)
{
    struct object_new new = {.key = c->key, .event = "ObjectCreated:Copy"};
    struct origin origin = api_origin(c);
    int rc = load_buckets(c, tx, copy);
    if (rc == 0)
        rc = find_source(c, tx, copy);
    if (rc == 0)
        rc = check_source_size(c, copy->source.size);
    if (rc == 0)
        rc = blob_check(tx, c->platform, copy->source.blob);
    if (rc == 0)
        rc = read_changes(c, copy, &new);
    if (rc == 0)
        rc = describe(c, copy);
    if (rc == 0)
        rc = api_lock_headers(c, &new.lock);
    if (rc == 0)
        rc = storage_class_asked(c, &new.storage_class);
    if (rc == 0)
        rc = check_extras(c, tx, copy, &new);
    if (rc == 0)
        rc = api_write_conditions(c, &new);
    if (rc == 0)
        rc = api_may_compare(c, tx, &copy->target_bucket);
    if (rc != 0)
        return rc;
    copy->tags = new.tags;
    new.etag = copy->etag;
    new.sha256 = copy->source.sha256;
    new.size = copy->source.size;
    new.checksum = copy->checksum;
    new.shared_blob = copy->source.blob;
    new.shared_sealed = copy->source.sealed;
    new.upload = must_seal(c, copy) ? &copy->bytes : NULL;
    return object_put(tx, c->platform, &copy->target_bucket, &origin, &new, &copy->target, &c->reason);
}

static void put_result(struct buf *body, const char *root, int64_t modified_ms, const char *etag,
                       const struct checksum_value *checksum)
{
    char time[TIME_TEXT_SIZE];
    CLEANUP(buf_free) struct buf quoted = BUF_INIT(64);
    api_time(modified_ms, time);
    buf_printf(&quoted, "\"%s\"", etag);
    xml_head(body);
    xml_open_ns(body, root, S3_XMLNS);
    xml_elem(body, "LastModified", str_of(time));
    xml_elem(body, "ETag", buf_str(&quoted));
    checksum_put_element(body, checksum->algorithm, checksum->text);
}

/* Slipway's own: what a HEAD of the source would tell besides its version. */
static void reply_source(struct call *c, const struct object *source)
{
    char size[24], etag[ETAG_SIZE + 2];
    (void)snprintf(size, sizeof(size), "%lld", (long long)source->size);
    (void)snprintf(etag, sizeof(etag), "\"%s\"", source->etag);
    http_reply_header(c->http, "X-Slipway-Copy-Source-Size", size);
    http_reply_header(c->http, "X-Slipway-Copy-Source-ETag", etag);
}

static int reply_copy(struct call *c, const struct copy *copy)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(4096);
    put_result(&body, "CopyObjectResult", copy->target.modified_ms, copy->etag, &copy->checksum);
    if (copy->checksum.algorithm != CHECKSUM_NONE)
        xml_elem(&body, "ChecksumType", str_of(checksum_type(copy->checksum.composite)));
    xml_close(&body, "CopyObjectResult");
    if (buf_error(&body) != 0)
        return FAULT(buf_error(&body));
    call_reply(c, 200);
    if (copy->source_bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-copy-source-version-id", copy->source.version_id);
    reply_source(c, &copy->source);
    if (copy->target_bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", copy->target.version_id);
    api_encryption_header(c, copy->target.sealed);
    api_expiration_header(c, &copy->target_bucket, &copy->target, copy->source.size, copy->tags);
    api_send_xml(c, &body);
    return CALL_REPLIED;
}

static int copy_once(struct call *c, struct copy *copy)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    copy_forget(copy);
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = run_copy(c, tx, copy);
    if (rc != 0)
        return rc;
    tx_touches_no_more(tx);
    return db_commit(&tx);
}

int api_copy_object(struct call *c)
{
    CLEANUP(copy_deinit) struct copy copy = {.bytes = UPLOAD_NONE};
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = checksum_algorithm_asked(c, &copy.wanted);
    if (rc == 0)
        rc = read_source(c, &copy);
    if (rc != 0)
        return rc;
    rc = copy_once(c, &copy);
    if (rc == COPY_MEASURE)
        api_answer_may_be_late(c, pinned_version(&copy));
    for (int i = 0; i < TRIES && rc == COPY_MEASURE; i++) {
        rc = measure(c, &copy);
        if (rc == 0)
            rc = copy_once(c, &copy);
    }
    if (rc == COPY_MEASURE)
        return call_fail(c, S3_E_CONFLICT,
                         "The source changed again and again while it was read. Try again.");
    if (rc != 0)
        return api_write_outcome(c, rc);
    upload_settle(&copy.bytes);
    return reply_copy(c, &copy);
}

/* ---- parts */

struct part_copy {
    struct copy copy;
    struct range range;
    int64_t number;
    struct upload upload;
    struct checksum checksum;
    struct multipart multipart;
    struct checksum_value value;
    int64_t modified_ms;
};

static void part_copy_deinit(struct part_copy *part)
{
    copy_deinit(&part->copy);
    upload_deinit(&part->upload);
    checksum_deinit(&part->checksum);
    multipart_unload(&part->multipart);
}

static int take_some(void *ctx, const void *bytes, size_t len)
{
    struct part_copy *part = ctx;
    checksum_update(&part->checksum, bytes, len);
    return upload_write(&part->upload, bytes, len);
}

/* bytes=FIRST-LAST, both given, within the source. */
static int read_range(struct call *c, struct part_copy *part)
{
    int64_t size = part->copy.source.size;
    struct str last = http_header(c->http, "x-amz-copy-source-range");
    int64_t from = 0;
    int64_t to = size - 1;
    if (last.ptr) {
        bool bytes = str_starts(last, STR("bytes="));
        struct str rest = bytes ? (struct str){last.ptr + 6, last.len - 6} : last;
        struct str first = str_split(&rest, '-');
        if (!bytes || !rest.ptr || !str_to_int(first, 0, INT64_MAX, &from) ||
            !str_to_int(rest, from, INT64_MAX, &to))
            return call_fail(c, S3_E_ARGUMENT,
                             "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                             "first and last are the zero-based offsets of the first and last bytes to copy");
        if (to >= size)
            return call_fail(c, S3_E_ARGUMENT,
                             "Range specified is not valid for source object of size: %" PRId64, size);
        if (size <= RANGE_SOURCE_MIN)
            return call_fail(c, S3_E_REQUEST,
                             "The specified copy source is not supported as a byte-range copy source");
    }
    part->range = (struct range){from, to - from + 1, last.ptr != NULL};
    return check_source_size(c, part->range.len);
}

static int open_source(struct call *c, struct part_copy *part, struct blob_source *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    copy_forget(&part->copy);
    multipart_unload(&part->multipart);
    part->multipart = (struct multipart){0};
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = api_load_upload(c, tx, &part->multipart);
    if (rc == 0)
        rc = load_buckets(c, tx, &part->copy);
    if (rc == 0)
        rc = find_source(c, tx, &part->copy);
    if (rc == 0)
        rc = read_range(c, part);
    if (rc == 0)
        rc = blob_open(tx, c->platform, part->copy.source.blob, ret);
    db_end(&tx);
    return rc != 0 ? rc : blob_prepare(ret, part->range.offset, part->range.len);
}

/* A file that went after the snapshot has left its row, too: another look says so. */
static int read_bytes(struct call *c, struct part_copy *part)
{
    CLEANUP(blob_source_deinit) struct blob_source bytes = BLOB_SOURCE_NONE;
    int rc = -ENOENT;
    for (int i = 0; i < TRIES && rc == -ENOENT; i++) {
        blob_source_deinit(&bytes);
        rc = open_source(c, part, &bytes);
    }
    if (rc == -ENOENT)
        return S3_E_DAMAGED;
    if (rc == 0)
        api_answer_may_be_late(c, pinned_version(&part->copy));
    if (rc == 0)
        rc = upload_init(c->platform, UPLOAD_MD5 | UPLOAD_SHA256, &part->upload);
    if (rc == 0)
        rc = checksum_init(&part->checksum, part->multipart.algorithm);
    if (rc == 0)
        rc = blob_each(&bytes, part->range.offset, part->range.len, take_some, part);
    return rc != 0 ? rc : upload_finish(&part->upload);
}

static int store_part(struct call *c, struct part_copy *part)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    char sha256[SHA256_SIZE];
    hex_encode(part->upload.md5_digest, hash_size(HASH_MD5), part->copy.etag);
    hex_encode(part->upload.sha256_digest, hash_size(HASH_SHA256), sha256);
    part->value.algorithm = part->multipart.algorithm;
    checksum_final(&part->checksum, part->value.text);
    const struct part_new new = {part->number, &part->upload,    part->copy.etag,
                                 sha256,       part->value.text, api_origin(c).account};
    multipart_unload(&part->multipart);
    part->multipart = (struct multipart){0};
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_load_upload(c, tx, &part->multipart);
    if (rc == 0)
        rc = part_put(tx, part->multipart.id, &new, &part->modified_ms, &c->reason);
    if (rc != 0)
        return rc;
    tx_touches_no_more(tx);
    return db_commit(&tx);
}

static int reply_part(struct call *c, const struct part_copy *part)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(4096);
    put_result(&body, "CopyPartResult", part->modified_ms, part->copy.etag, &part->value);
    xml_close(&body, "CopyPartResult");
    if (buf_error(&body) != 0)
        return FAULT(buf_error(&body));
    call_reply(c, 200);
    if (part->copy.source_bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-copy-source-version-id", part->copy.source.version_id);
    api_encryption_header(c, part->upload.sealer != NULL);
    api_send_xml(c, &body);
    return CALL_REPLIED;
}

int api_copy_part(struct call *c)
{
    CLEANUP(part_copy_deinit) struct part_copy part = {.copy = {.bytes = UPLOAD_NONE}, .upload = UPLOAD_NONE};
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_refuse_customer_key(c);
    if (rc == 0)
        rc = api_part_number(c, &part.number);
    if (rc == 0)
        rc = read_source(c, &part.copy);
    if (rc == 0)
        rc = read_bytes(c, &part);
    if (rc == 0)
        rc = store_part(c, &part);
    if (rc != 0)
        return api_write_outcome(c, rc);
    upload_settle(&part.upload);
    ahead_note(c->platform, &part.multipart);
    return reply_part(c, &part);
}
