/* See verify.h. Each blob is looked at apart: no snapshot is held while its bytes are read. */
#include "services/s3/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reason.h"
#include "services/s3/s3.h"
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

/* The next blob behind that id. DB_NONE. */
static int subject_load(const struct platform *platform, int64_t after, struct subject *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(platform->db, &tx);
    if (rc == 0)
        rc = tx_query_row(tx, &rows,
                          "SELECT id, " BLOB_COLUMNS ", data FROM s3_blob WHERE id > $1 ORDER BY id LIMIT 1",
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

/* Not when the blob went, or got another file, while it was read: *ret_is. */
static int mark(const struct platform *platform, const struct subject *subject, const char *why, bool *ret_is)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = tx_exec(
            tx, "UPDATE s3_blob SET damaged_ms = $2, damage = $3 WHERE id = $1 AND coalesce(file, '') = $4",
            "iiss", subject->id, why ? clock_now_ms() : 0, why, subject->row.file);
    if (rc != 0)
        return rc;
    *ret_is = tx_changes(tx) > 0;
    return db_commit(&tx);
}

static int name_objects(const struct platform *platform, const struct subject *subject, const char *why,
                        json_t *list)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(platform->db, &tx);
    if (rc == 0)
        rc = tx_query(tx, &rows, "SELECT bucket, key, version_id FROM s3_object WHERE blob = $1 LIMIT $2",
                      "ii", subject->id, (int64_t)OBJECTS_NAMED);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "bucket", rows_text(rows, 0), "key", rows_text(rows, 1),
                      "versionId", rows_text(rows, 2), "sha256", subject->row.sha256, "why", why);
        log_error("s3", "object s3://%s/%s (version %s) is damaged: %s", rows_text(rows, 0),
                  rows_text(rows, 1), rows_text(rows, 2), why);
        if (json_array_append_new(list, object))
            return FAULT(ENOMEM);
    }
    return rc == DB_NONE ? 0 : rc;
}

static int conclude(const struct platform *platform, const struct subject *subject, const char *why,
                    json_t *list)
{
    bool is = false;
    int rc = mark(platform, subject, why, &is);
    return rc != 0 || !is || !why ? rc : name_objects(platform, subject, why, list);
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
