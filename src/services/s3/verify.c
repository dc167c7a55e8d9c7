/* See verify.h. Each blob is looked at apart: no snapshot is held while its bytes are read. */
#include "services/s3/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reason.h"
#include "services/s3/object.h"
#include "services/service.h"
#include "wire/json.h"
#include <fcntl.h>
#include <stdio.h>

#define OBJECTS_NAMED 100 /* of one blob */

struct subject {
    int64_t id;
    struct blob_row row;
    struct blob_source source;
};

static void subject_deinit(struct subject *subject)
{
    blob_source_deinit(&subject->source);
}

/* The next blob behind that id which has bytes of its own. DB_NONE. */
static int subject_load(const struct platform *platform, int64_t after, struct subject *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(platform->db, &tx);
    if (rc == 0)
        rc = tx_query_row(tx, &rows,
                          "SELECT id, " BLOB_COLUMNS ", data FROM s3_blob WHERE id > $1 AND parts = 0"
                          " ORDER BY id LIMIT 1",
                          "i", after);
    if (rc != 0)
        return rc;
    ret->id = rows_int(rows, 0);
    blob_row_read(rows, 1, &ret->row);
    return ret->row.file[0] ? 0 : buf_put_str(&ret->source.data, rows_bytes(rows, 1 + BLOB_COLUMNS_COUNT));
}

/* ---- one blob's bytes */

struct hashing {
    const struct verify_range *range;
    struct hash *sha256;
};

static int hash_some(void *ctx, const void *bytes, size_t len)
{
    struct hashing *hashing = ctx;
    hash_update(hashing->sha256, bytes, len);
    return hashing->range->pace ? hashing->range->pace(hashing->range->ctx, len) : 0;
}

static int open_subject(const struct platform *platform, struct subject *subject, struct reason *why)
{
    int rc = blob_open_row(platform, &subject->row, &subject->source, why);
    if (rc == -ENOENT || rc == -EIO)
        return reason_set(why, S3_E_DAMAGED, "its file %s cannot be opened: %s", subject->row.file,
                          strerror(-rc));
    /* From the disk, not from memory; and memory is for what is served. */
    if (rc == 0 && subject->source.fd >= 0)
        (void)posix_fadvise(subject->source.fd, 0, 0, POSIX_FADV_DONTNEED);
    return rc;
}

/* S3_E_DAMAGED and why. */
static int subject_read(const struct platform *platform, const struct verify_range *range,
                        struct subject *subject, struct reason *why)
{
    CLEANUP(hash_free) struct hash *sha256 = hash_new(HASH_SHA256);
    struct hashing hashing = {range, sha256};
    unsigned char digest[HASH_MAX_SIZE];
    char hex[HASH_HEX_SIZE];
    int rc = sha256 ? open_subject(platform, subject, why) : FAULT(ENOMEM);
    if (rc == 0)
        rc = blob_each(&subject->source, 0, subject->row.size, hash_some, &hashing);
    if (rc == -EIO)
        return reason_set(why, S3_E_DAMAGED, "its bytes cannot be read: %s", strerror(EIO));
    if (rc == S3_E_DAMAGED && !why->text[0])
        return reason_set(why, rc, "its encrypted bytes were changed");
    if (rc != 0)
        return rc;
    if (subject->source.fd >= 0)
        (void)posix_fadvise(subject->source.fd, 0, 0, POSIX_FADV_DONTNEED);
    hash_final(sha256, digest);
    hex_encode(digest, hash_size(HASH_SHA256), hex);
    return strcmp(hex, subject->row.sha256) == 0
               ? 0
               : reason_set(why, S3_E_DAMAGED, "its bytes have the SHA-256 %s instead of %s", hex,
                            subject->row.sha256);
}

/* ---- what becomes of it */

/* The blob that was read, if it is there with the same bytes still. DB_NONE. *ret: it was known to be
 * damaged. */
static int still_there(struct tx *tx, const struct subject *subject, bool *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query_row(tx, &rows, "SELECT damaged_ms FROM s3_blob WHERE id = $1 AND coalesce(file, '') = $2",
                     "is", subject->id, subject->row.file);
    *ret = rc == 0 && rows_int(rows, 0) != 0;
    return rc;
}

static int mark(struct tx *tx, const struct subject *subject, const char *why)
{
    return tx_exec(tx, "UPDATE s3_blob SET damaged_ms = $2, damage = $3 WHERE id = $1", "iis", subject->id,
                   why ? clock_now_ms() : 0, why);
}

static int name_objects(struct tx *tx, const struct subject *subject, const char *why, json_t *list)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query(tx, &rows,
                      "SELECT bucket, key, version_id, size, etag FROM s3_object WHERE blob = $1 OR blob IN"
                      " (SELECT blob FROM s3_blob_part WHERE part = $1) LIMIT $2",
                      "ii", subject->id, (int64_t)OBJECTS_NAMED);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "bucket", rows_text(rows, 0), "key",
                                   rows_text(rows, 1), "versionId", rows_text(rows, 2), "size",
                                   (json_int_t)rows_int(rows, 3), "etag", rows_text(rows, 4), "sha256",
                                   subject->row.sha256, "why", why);
        log_error("s3", "object s3://%s/%s (version %s) is damaged: %s", rows_text(rows, 0),
                  rows_text(rows, 1), rows_text(rows, 2), why);
        if (json_array_append_new(list, object))
            return FAULT(ENOMEM);
    }
    return rc == DB_NONE ? 0 : rc;
}

/* S3's own event of an object whose bytes are lost. */
static int tell(struct tx *tx, const struct platform *platform, const json_t *object)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    const struct origin origin = {0};
    struct event event = {.name = "ReducedRedundancyLostObject",
                          .key = json_str(object, "key", ""),
                          .etag = json_str(object, "etag", ""),
                          .size = json_int(object, "size", 0)};
    int rc = bucket_load(tx, json_str(object, "bucket", ""), &bucket, NULL);
    if (rc == S3_E_NO_BUCKET)
        return 0;
    if (rc == 0)
        rc = sequence_next(tx, &event.sequence);
    if (bucket.versioning != VERSIONING_NEVER)
        event.version_id = json_str(object, "versionId", "");
    return rc != 0 ? rc : notify(tx, platform, &bucket, &origin, &event);
}

/* Damage that is found for the first time is told to those who asked for it, in the transaction that marks
 * it. */
static int conclude(const struct platform *platform, const struct subject *subject, const char *why,
                    json_t *list)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    size_t from = json_array_size(list);
    bool known = false;
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = still_there(tx, subject, &known);
    if (rc == DB_NONE)
        return 0;
    if (rc == 0 && (!why || !known))
        rc = mark(tx, subject, why);
    if (rc == 0 && why)
        rc = name_objects(tx, subject, why, list);
    for (size_t i = from; rc == 0 && !known && i < json_array_size(list); i++)
        rc = tell(tx, platform, json_array_get(list, i));
    return rc != 0 ? rc : db_commit(&tx);
}

static int verify_one(const struct platform *platform, const struct verify_range *range,
                      struct subject *subject, struct verify_findings *ret)
{
    struct reason why = {0};
    int rc = subject->row.sha256[0] ? subject_read(platform, range, subject, &why) : 0;
    if (rc != 0 && rc != S3_E_DAMAGED)
        return rc;
    ret->blobs++;
    ret->bytes += subject->row.size;
    if (rc == S3_E_DAMAGED)
        return conclude(platform, subject, why.text, ret->damaged);
    return subject->row.damaged ? conclude(platform, subject, NULL, ret->damaged) : 0;
}

int blobs_verify(const struct platform *platform, const struct verify_range *range,
                 struct verify_findings *ret)
{
    int rc = 0;
    *ret = (struct verify_findings){.next = range->after, .damaged = json_array()};
    if (!ret->damaged)
        return FAULT(ENOMEM);
    while (rc == 0 && ret->bytes < range->max_bytes) {
        CLEANUP(subject_deinit)
        struct subject subject = {.source = {.fd = -1, .data = BUF_INIT(BLOB_STORED_MAX)}};
        rc = subject_load(platform, ret->next, &subject);
        if (rc == 0)
            rc = verify_one(platform, range, &subject, ret);
        if (rc == 0)
            ret->next = subject.id;
    }
    if (rc != DB_NONE)
        return rc;
    ret->next = 0;
    return 0;
}

int blobs_health(struct tx *tx, struct store_health *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(
        tx, &rows,
        "SELECT d.blobs, d.bytes, p.began_ms, p.ended FROM s3_scrub p,"
        " (SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM s3_blob WHERE damaged_ms > 0) d"
        " WHERE p.id = 1",
        "");
    if (rc == 0)
        *ret = (struct store_health){rows_int(rows, 0), rows_int(rows, 1), rows_int(rows, 2),
                                     rows_int(rows, 3) != 0};
    return rc;
}
