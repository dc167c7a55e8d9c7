/* CompleteMultipartUpload. Source: S3 API reference.
 *
 * The parts are read for the digest of the whole, those that it was not computed of ahead (digest_ahead.h),
 * outside any transaction; then, in one, they are seen to be still those that were read, their blobs become a
 * list (blob_list.h), that the object, and the upload is removed. No byte is written, but where parts are
 * from before the server had a key: then all are copied into a blob that is sealed. The object remembers its
 * upload: who asks again, because the first answer was lost, gets the same answer. */
#include "base/mem.h"
#include "services/s3/argument.h"
#include "services/s3/conditional.h"
#include "services/s3/blob_list.h"
#include "services/s3/checksum_api.h"
#include "services/s3/digest_ahead.h"
#include "services/s3/object_part.h"
#include "services/s3/encryption.h"
#include "services/s3/late.h"
#include "services/s3/version_api.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <inttypes.h>

#define ANSWER_MAX (64u << 10)

struct completion {
    struct multipart multipart;
    struct bucket bucket;
    struct object object;
    struct part *parts;
    size_t count;
    const struct part *lost; /* whose bytes are not to be had; NULL: none */
    int64_t size;
    bool copies;
    struct upload copy;
    struct digest digest;
    char etag[ETAG_SIZE];
    char sha256[SHA256_SIZE];
    struct checksum_value value;
};

static void completion_deinit(struct completion *done)
{
    multipart_unload(&done->multipart);
    bucket_unload(&done->bucket);
    object_unload(&done->object);
    upload_deinit(&done->copy);
    digest_deinit(&done->digest);
    free(done->parts);
}

static const json_t *asked_part(struct call *c, size_t i)
{
    return json_array_get(json_object_get(c->in, "Part"), i);
}

/* Source: S3's own answers. */
static int check_list(struct call *c, size_t count)
{
    int64_t before = 0;
    if (count == 0 && c->http->body.len == 0)
        return call_fail(c, S3_E_REQUEST, "You must specify at least one part");
    for (size_t i = 0; i < count; i++) {
        int64_t number = json_int(asked_part(c, i), "PartNumber", 0);
        if (number < 1)
            return call_fail(c, S3_E_ARGUMENT, "PartNumber must be >= 1");
        if (number <= before)
            return call_fail(
                c, S3_E_PART_ORDER,
                "The list of parts was not in ascending order. Parts must be ordered by part number.");
        before = number;
    }
    return count > 0 ? 0 : S3_E_XML;
}

/* As the client has it, without quotes. */
static struct str bare_etag(const json_t *asked)
{
    struct str etag = str_trim(str_of(json_str(asked, "ETag", "")));
    return etag.len >= 2 && etag.ptr[0] == '"' ? (struct str){etag.ptr + 1, etag.len - 2} : etag;
}

static int no_part(struct call *c, const json_t *asked)
{
    struct str id = uri_get(&c->query, "uploadId");
    call_error_element(c, "UploadId", id.ptr ? id.ptr : "");
    call_error_number(c, "PartNumber", json_int(asked, "PartNumber", 0));
    call_error_text(c, "ETag", bare_etag(asked));
    return call_fail(
        c, S3_E_PART,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, "
        "or the specified entity tag may not match the part's entity tag.");
}

/* What the list says of the part's checksum must be the part's, and for a composite one it must say it. */
static int check_part_checksum(struct call *c, const struct completion *done, const json_t *asked,
                               const struct part *part)
{
    enum checksum_algorithm declared = done->multipart.algorithm;
    for (enum checksum_algorithm a = CHECKSUM_CRC32; a < CHECKSUM_ALGORITHMS; a++) {
        const char *said = json_str(asked, checksum_element(a), NULL);
        if (said && (a != declared || strcmp(said, part->checksum) != 0))
            return no_part(c, asked);
    }
    if (!done->multipart.composite || json_str(asked, checksum_element(declared), NULL))
        return 0;
    return call_fail(
        c, S3_E_REQUEST,
        "The upload was created using a %s checksum. The complete request must include the checksum "
        "for each part. It was missing for part %" PRId64 " in the request.",
        checksum_lower(declared), part->number);
}

static int too_small(struct call *c, const struct part *part)
{
    call_error_number(c, "ProposedSize", part->size);
    call_error_number(c, "MinSizeAllowed", PART_MIN_BYTES);
    call_error_number(c, "PartNumber", part->number);
    call_error_text(c, "ETag", str_of(part->etag));
    return call_fail(c, S3_E_TOO_SMALL, "Your proposed upload is smaller than the minimum allowed size");
}

/* Reads the client's list against the parts that are there. With `again`, they must be those read before. */
static int read_part(struct call *c, struct tx *tx, struct completion *done, size_t i, bool again)
{
    const json_t *asked = asked_part(c, i);
    struct part part;
    int rc = part_find(tx, done->multipart.id, json_int(asked, "PartNumber", 0), &part);
    if (rc < 0)
        return rc;
    if (rc != 0 || !etag_listed(str_of(json_str(asked, "ETag", "")), part.etag) ||
        (again && part.blob != done->parts[i].blob))
        return no_part(c, asked);
    rc = check_part_checksum(c, done, asked, &part);
    if (rc == 0 && i + 1 < done->count && part.size < PART_MIN_BYTES)
        rc = too_small(c, &part);
    done->parts[i] = part;
    return rc == 0 && part.damaged ? S3_E_DAMAGED : rc;
}

static int read_parts(struct call *c, struct tx *tx, struct completion *done, bool again)
{
    int rc = api_load_upload(c, tx, &done->multipart);
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        rc = read_part(c, tx, done, i, again);
    return rc;
}

static int check_type(struct call *c, const struct completion *done)
{
    struct str said = http_header(c->http, "x-amz-checksum-type");
    bool undeclared = done->multipart.algorithm == CHECKSUM_NONE;
    for (enum checksum_algorithm a = CHECKSUM_SHA256 + 1; undeclared && a < CHECKSUM_ALGORITHMS; a++)
        if (http_header(c->http, checksum_header(a)).ptr) /* older ones S3 passes over */
            return call_fail(c, S3_E_REQUEST,
                             "Checksum Type mismatch occurred, expected checksum Type: null, actual "
                             "checksum Type: %s",
                             checksum_lower(a));
    const char *declared = undeclared ? checksum_type(false) : checksum_type(done->multipart.composite);
    return !said.ptr || str_eqc(str_trim(said), declared)
               ? 0
               : call_fail(
                     c, S3_E_REQUEST,
                     "The upload was created using the %s checksum mode. The complete request must use the "
                     "same checksum mode.",
                     declared);
}

/* ---- the bytes */

static int read_some(void *ctx, const void *bytes, size_t len)
{
    struct completion *done = ctx;
    digest_update(&done->digest, bytes, len);
    return done->copies ? upload_write(&done->copy, bytes, len) : 0;
}

/* Those of a part whose digest is `known` need only be there. */
static int read_bytes(struct call *c, struct tx *tx, struct completion *done, const struct part *part,
                      bool known)
{
    CLEANUP(blob_source_deinit) struct blob_source source = {.fd = -1};
    int rc = blob_open(tx, c->platform, part->blob, &source);
    if (rc == -ENOENT || rc == S3_E_DAMAGED)
        done->lost = part;
    if (rc == -ENOENT)
        return S3_E_NO_UPLOAD; /* completed or aborted meanwhile; or it is gone from the disk */
    return rc != 0 || known ? rc : blob_each(&source, 0, part->size, read_some, done);
}

/* ETag of a multipart object: MD5 of the parts' MD5s, a dash, the number of parts. By the client's list,
 * which is the parts' own once it has been checked. */
static int make_etag(struct call *c, struct completion *done)
{
    unsigned char digest[HASH_MAX_SIZE];
    CLEANUP(buf_free) struct buf text = BUF_INIT(ETAG_SIZE);
    CLEANUP(hash_free) struct hash *md5 = hash_new(HASH_MD5);
    if (!md5)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < done->count; i++) {
        struct str etag = bare_etag(asked_part(c, i));
        if (etag.len != 2 * hash_size(HASH_MD5) || !hex_decode(etag, digest))
            return no_part(c, asked_part(c, i));
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

static int make_composite(struct completion *done)
{
    CLEANUP(checksum_deinit) struct checksum checksum = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(CHECKSUM_TEXT_SIZE - 1);
    int rc = checksum_init(&checksum, done->multipart.algorithm);
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        if (!checksum_update_text(&checksum, done->parts[i].checksum))
            rc = FAULT(EBADMSG);
    if (rc != 0)
        return rc;
    checksum_final(&checksum, done->value.text);
    buf_printf(&text, "%s-%zu", done->value.text, done->count);
    if (buf_error(&text) != 0)
        return FAULT(buf_error(&text));
    memcpy(done->value.text, text.ptr, text.len + 1);
    return 0;
}

/* The object's checksum, and whether the client knows it to be another. */
static int make_checksum(struct call *c, struct completion *done)
{
    done->value = (struct checksum_value){done->multipart.algorithm, done->multipart.composite, ""};
    if (done->value.algorithm == CHECKSUM_NONE)
        done->value.algorithm = CHECKSUM_CRC64NVME;
    int rc = 0;
    if (done->value.composite)
        rc = make_composite(done);
    else
        checksum_final(&done->digest.checksum, done->value.text);
    struct str said = str_trim(http_header(c->http, checksum_header(done->value.algorithm)));
    struct str known = str_of(done->value.text);
    struct str bare = str_split(&known, '-');
    if (rc != 0 || !said.ptr || str_eqc(said, done->value.text) || str_eq(said, bare))
        return rc;
    return call_fail(c, S3_E_BAD_DIGEST, "The %s you specified did not match the calculated checksum.",
                     checksum_lower(done->value.algorithm));
}

static int check_size(struct call *c, const struct completion *done)
{
    struct str said = http_header(c->http, "x-amz-mp-object-size");
    int64_t size = 0;
    if (!said.ptr)
        return 0;
    if (!str_to_int(str_trim(said), 0, INT64_MAX, &size))
        return call_fail(c, S3_E_REQUEST, "Value for x-amz-mp-object-size header is invalid: '" STR_FMT "'",
                         STR_ARG(said));
    return size == done->size ? 0
                              : call_fail(c, S3_E_REQUEST,
                                          "The provided 'x-amz-mp-object-size' header value %" PRId64
                                          " does not match what was computed: %" PRId64,
                                          size, done->size);
}

/* Whether it is of parts that the object begins with. */
static bool is_of_these(const struct completion *done, const struct digest *digest)
{
    bool is = digest->count <= done->count;
    for (size_t i = 0; is && i < digest->count; i++)
        is = done->parts[i].number == (int64_t)i + 1 && done->parts[i].blob == digest->blobs[i];
    return is;
}

/* How much is to be read, and whether it is to be sealed on the way. */
static int begin_reading(struct call *c, struct completion *done)
{
    CLEANUP(digest_deinit) struct digest ahead = {.sha256 = NULL};
    for (size_t i = 0; i < done->count; i++) {
        done->size += done->parts[i].size;
        done->copies |= c->platform->keyring && !done->parts[i].sealed;
    }
    if (ahead_take(done->multipart.id, &ahead) && !done->copies && is_of_these(done, &ahead)) {
        done->digest = ahead;
        ahead = (struct digest){.sha256 = NULL};
        return 0;
    }
    int rc = digest_init(&done->multipart, &done->digest);
    return rc == 0 && done->copies ? upload_init(c->platform, 0, &done->copy) : rc;
}

static int read_all(struct call *c, struct completion *done)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    unsigned char digest[HASH_MAX_SIZE];
    int rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = read_parts(c, tx, done, false);
    if (rc == 0)
        rc = check_type(c, done);
    if (rc == 0)
        rc = begin_reading(c, done);
    const size_t known = done->digest.count;
    if (rc == 0 && known < done->count)
        api_answer_may_be_late(c, NULL);
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        rc = read_bytes(c, tx, done, &done->parts[i], i < known);
    db_end(&tx);
    if (rc == 0)
        rc = make_checksum(c, done);
    if (rc == 0)
        rc = check_size(c, done);
    if (rc == 0 && done->copies)
        rc = upload_finish(&done->copy);
    if (rc != 0)
        return rc;
    hash_final(done->digest.sha256, digest);
    hex_encode(digest, hash_size(HASH_SHA256), done->sha256);
    return 0;
}

/* ---- the object */

static int keep_parts(struct tx *tx, const struct completion *done)
{
    int64_t start = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < done->count; i++) {
        const struct part *part = &done->parts[i];
        struct object_part kept = {.number = part->number, .start = start, .size = part->size};
        memcpy(kept.checksum, part->checksum, sizeof(kept.checksum));
        rc = object_part_add(tx, done->object.sequence, &kept);
        start += part->size;
    }
    return rc;
}

/* The parts' blobs become one, *ret, to which a reference is the caller's, and the upload goes. */
static int join_parts(struct call *c, struct tx *tx, struct completion *done, int64_t *ret)
{
    CLEANUP(free_ptr) struct list_entry *entries = mem_alloc(done->count * sizeof(*entries));
    const struct list_new new = {entries, done->count, done->size, done->sha256,
                                 c->platform->keyring != NULL};
    int64_t id = 0;
    bool known = false;
    *ret = done->parts[0].blob;
    if (done->count == 1)
        return multipart_take(tx, done->multipart.id, done->parts, 1);
    if (!entries)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < done->count; i++)
        entries[i] = (struct list_entry){done->parts[i].blob, done->parts[i].size};
    int rc = sequence_next(tx, &id);
    if (rc == 0)
        rc = list_store(tx, &new, id, ret, &known);
    return rc != 0 ? rc : multipart_take(tx, done->multipart.id, done->parts, known ? 0 : done->count);
}

/* The parts go first: they make room in the account's quota. */
static int make_object(struct call *c, struct tx *tx, struct object_new *new, struct completion *done)
{
    struct origin origin = api_origin(c);
    new->etag = done->etag;
    new->sha256 = done->sha256;
    new->size = done->size;
    new->checksum = done->value;
    new->parts = (int64_t)done->count;
    new->upload_id = done->multipart.id;
    new->headers = done->multipart.headers;
    new->tags = done->multipart.tags;
    new->lock = done->multipart.lock;
    new->storage_class = done->multipart.storage_class;
    new->over = done->multipart.over;
    new->event = "ObjectCreated:CompleteMultipartUpload";
    new->upload = done->copies ? &done->copy : NULL;
    new->shared_sealed = c->platform->keyring != NULL;
    new->shared_held = true;
    int rc =
        done->copies ? multipart_remove(tx, done->multipart.id) : join_parts(c, tx, done, &new->shared_blob);
    if (rc == 0)
        rc = object_put(tx, c->platform, &done->bucket, &origin, new, &done->object, &c->reason);
    done->object.size = new->size;
    return rc != 0 ? rc : keep_parts(tx, done);
}

static int commit(struct call *c, struct completion *done)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct object_new new = {.key = c->key};
    int rc = api_write_conditions(c, &new);
    multipart_unload(&done->multipart);
    if (rc == 0)
        rc = db_begin(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, &done->bucket);
    if (rc == 0)
        rc = api_may_compare(c, tx, &done->bucket);
    if (rc == 0)
        rc = read_parts(c, tx, done, true);
    if (rc == 0)
        rc = make_object(c, tx, &new, done);
    if (rc != 0)
        return rc;
    tx_touches_no_more(tx);
    return db_commit(&tx);
}

/* Bytes that are not to be had, though the upload still has the part. */
static int tell_lost(struct call *c, const struct completion *done)
{
    call_error_number(c, "PartNumber", done->lost->number);
    return call_fail(c, S3_E_DAMAGED,
                     "The bytes of part %" PRId64 " on the server's disk are damaged or gone. Run 'slipway "
                     "bucket verify', then put the part again.",
                     done->lost->number);
}

/* Whether they are gone while the part is not. S3_E_DAMAGED. */
static int check_lost(struct call *c, struct tx *tx, const struct completion *done)
{
    struct part part;
    int rc = done->lost ? part_find(tx, done->multipart.id, done->lost->number, &part) : DB_NONE;
    return rc == 0 && part.blob == done->lost->blob ? tell_lost(c, done) : rc == DB_NONE ? 0 : rc;
}

/* Was the upload completed before, of the same parts? Then the answer is what it was. A write transaction,
 * since it comes after the one that completed the upload, and is durable no sooner. S3_E_NO_UPLOAD. */
static int find_completed(struct call *c, struct completion *done)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct str id = uri_get(&c->query, "uploadId");
    bucket_unload(&done->bucket);
    object_unload(&done->object);
    done->bucket = (struct bucket){0};
    done->object = (struct object){0};
    int rc = id.len > 0 ? db_begin(c->platform->db, &tx) : S3_E_NO_UPLOAD;
    if (rc == 0)
        rc = api_bucket(c, tx, &done->bucket);
    if (rc == 0)
        rc = check_lost(c, tx, done);
    if (rc == 0)
        rc = object_find_uploaded(tx, c->bucket, c->key, id.ptr, &done->object);
    if (rc == S3_E_NO_KEY || (rc == 0 && strcmp(done->object.etag, done->etag) != 0))
        rc = S3_E_NO_UPLOAD;
    done->value = done->object.checksum;
    return rc != 0 ? rc : db_commit(&tx);
}

static int reply_complete(struct call *c, struct completion *done)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_free) struct buf location = BUF_INIT(8192);
    CLEANUP(buf_free) struct buf etag = BUF_INIT(ETAG_SIZE + 2);
    buf_printf(&location, "%s/%s/", c->platform->endpoint, c->bucket);
    uri_encode(&location, str_of(c->key), false); /* slashes, too: as S3 does */
    buf_printf(&etag, "\"%s\"", done->etag);
    xml_head(&out);
    xml_open_ns(&out, "CompleteMultipartUploadResult", S3_XMLNS);
    xml_elem(&out, "Location", buf_str(&location));
    xml_elem(&out, "Bucket", str_of(c->bucket));
    xml_elem_exact(&out, "Key", str_of(c->key));
    xml_elem(&out, "ETag", buf_str(&etag));
    checksum_put_element(&out, done->value.algorithm, done->value.text);
    if (done->value.algorithm != CHECKSUM_NONE)
        xml_elem(&out, "ChecksumType", str_of(checksum_type(done->value.composite)));
    xml_close(&out, "CompleteMultipartUploadResult");
    if (buf_error(&out) != 0)
        return FAULT(buf_error(&out));
    call_reply(c, 200);
    if (done->bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", done->object.version_id);
    api_encryption_header(c, done->object.sealed);
    api_expiration_header(c, &done->bucket, &done->object, done->object.size,
                          done->object.tags ? done->object.tags : done->multipart.tags);
    api_send_xml(c, &out);
    return CALL_REPLIED;
}

int api_complete_upload(struct call *c)
{
    CLEANUP(completion_deinit) struct completion done = {.copy = UPLOAD_NONE};
    done.count = json_array_size(json_object_get(c->in, "Part"));
    int rc = api_refuse_copy_source(c);
    if (rc == 0)
        rc = check_list(c, done.count);
    if (rc == 0 && !(done.parts = mem_alloc(done.count * sizeof(*done.parts))))
        rc = FAULT(ENOMEM);
    if (rc == 0)
        rc = make_etag(c, &done);
    if (rc == 0)
        rc = read_all(c, &done);
    if (rc == 0)
        rc = commit(c, &done);
    if (rc == 0)
        upload_settle(&done.copy);
    else if (rc == S3_E_NO_UPLOAD)
        rc = find_completed(c, &done);
    else if (rc == S3_E_DAMAGED && done.lost)
        rc = tell_lost(c, &done);
    return rc != 0 ? api_write_outcome(c, rc) : reply_complete(c, &done);
}
