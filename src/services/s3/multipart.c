/* See multipart.h. */
#include "services/s3/multipart.h"
#include "services/s3/storage_class.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

void multipart_unload(struct multipart *multipart)
{
    free_ptr(&multipart->headers);
    free_ptr(&multipart->tags);
    free_ptr(&multipart->initiator);
}

static void copy_fixed(char *to, size_t size, struct str from)
{
    size_t len = from.len < size ? from.len : size - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

int multipart_create(struct tx *tx, const char *bucket, const char *key, struct multipart *new)
{
    int64_t sequence = 0;
    int rc = sequence_next(tx, &sequence);
    if (rc != 0)
        return rc;
    id_base62(new->id, UPLOAD_ID_SIZE - 1);
    sequence_text(sequence, new->id);
    new->started_ms = clock_now_ms();
    const char *name = checksum_name(new->algorithm);
    return tx_exec(
        tx,
        "INSERT INTO s3_upload (id, bucket, key, started_ms, checksum, headers, checksum_algorithm, "
        "checksum_type, tags, lock_mode, lock_until_ms, legal_hold, storage_class, initiator, "
        "over_object) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        "sssisssssiissi", new->id, bucket, key, new->started_ms, new->headers, name,
        name ? checksum_type(new->composite) : NULL, new->tags, new->lock.mode, new->lock.until_ms,
        (int64_t) new->lock.hold, new->storage_class, new->initiator, new->over);
}

int multipart_load(struct tx *tx, const char *bucket, const char *key, const char *id, struct multipart *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query_row(tx, &rows,
                     "SELECT started_ms, checksum_algorithm, checksum_type, headers, tags, lock_mode, "
                     "lock_until_ms, legal_hold, storage_class, initiator, over_object FROM s3_upload WHERE "
                     "id = $1 AND bucket = $2 AND key = $3",
                     "sss", id, bucket, key);
    if (rc == DB_NONE)
        return S3_E_NO_UPLOAD;
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    copy_fixed(ret->id, sizeof(ret->id), str_of(id));
    ret->started_ms = rows_int(rows, 0);
    ret->algorithm = checksum_named(rows_str(rows, 1));
    ret->composite = str_eqc(rows_str(rows, 2), checksum_type(true));
    ret->lock = (struct object_lock){lock_mode_named(rows_str(rows, 5)), rows_int(rows, 6),
                                     (enum legal_hold)rows_int(rows, 7)};
    ret->storage_class = storage_class_named(rows_str(rows, 8));
    ret->initiator = rows_null(rows, 9) ? NULL : str_dup(rows_str(rows, 9));
    ret->over = rows_int(rows, 10);
    ret->headers = str_dup(rows_null(rows, 3) ? STR("") : rows_str(rows, 3));
    ret->tags = rows_null(rows, 4) ? NULL : str_dup(rows_str(rows, 4));
    return ret->headers && (ret->tags || rows_null(rows, 4)) ? 0 : FAULT(ENOMEM);
}

int part_find(struct tx *tx, const char *upload_id, int64_t number, struct part *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT p.size, p.blob, p.etag, p.checksum, p.account, b.seal_key, b.damaged_ms "
                          "FROM s3_part p JOIN s3_blob b"
                          " ON b.id = p.blob WHERE p.upload = $1 AND p.number = $2",
                          "si", upload_id, number);
    if (rc != 0)
        return rc;
    *ret = (struct part){.number = number,
                         .size = rows_int(rows, 0),
                         .blob = rows_int(rows, 1),
                         .sealed = !rows_null(rows, 5),
                         .damaged = rows_int(rows, 6) != 0};
    copy_fixed(ret->etag, sizeof(ret->etag), rows_str(rows, 2));
    copy_fixed(ret->checksum, sizeof(ret->checksum), rows_str(rows, 3));
    copy_fixed(ret->account, sizeof(ret->account), rows_str(rows, 4));
    return 0;
}

static int part_forget(struct tx *tx, const char *upload_id, const struct part *part)
{
    return tx_exec(tx, "DELETE FROM s3_part WHERE upload = $1 AND number = $2", "si", upload_id,
                   part->number);
}

static int part_remove(struct tx *tx, const char *upload_id, const struct part *part)
{
    int rc = part_forget(tx, upload_id, part);
    return rc != 0 ? rc : blob_unref(tx, part->blob);
}

/* One of the same number makes room. */
static int part_replace(struct tx *tx, const char *upload_id, int64_t number)
{
    struct part old;
    int rc = part_find(tx, upload_id, number, &old);
    if (rc == 0)
        rc = usage_add(tx, old.account, 0, -old.size, NULL);
    if (rc == 0)
        rc = part_remove(tx, upload_id, &old);
    return rc == DB_NONE ? 0 : rc;
}

static int find_owner(struct tx *tx, const char *upload_id, char ret[USAGE_ACCOUNT_SIZE])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(
        tx, &rows, "SELECT b.account FROM s3_upload u JOIN s3_bucket b ON b.name = u.bucket WHERE u.id = $1",
        "s", upload_id);
    if (rc == 0)
        copy_fixed(ret, USAGE_ACCOUNT_SIZE, rows_str(rows, 0));
    return rc == DB_NONE ? FAULT(EIO) : rc;
}

int part_put(struct tx *tx, const char *upload_id, const struct part_new *new, int64_t *ret_modified_ms,
             struct reason *why)
{
    char account[USAGE_ACCOUNT_SIZE];
    int64_t blob = 0;
    int rc = part_replace(tx, upload_id, new->number);
    copy_fixed(account, sizeof(account), str_of(new->account));
    if (rc == 0 && !new->account)
        rc = find_owner(tx, upload_id, account);
    if (rc == 0)
        rc = usage_add(tx, account, 0, new->bytes->size, why);
    if (rc == 0)
        rc = sequence_next(tx, &blob);
    if (rc == 0)
        rc = upload_store(tx, new->bytes, new->sha256, blob, &blob);
    if (rc != 0)
        return rc;
    *ret_modified_ms = clock_now_ms();
    return tx_exec(
        tx,
        "INSERT INTO s3_part (upload, number, size, etag, sha256, modified_ms, blob, checksum, account) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        "siissiiss", upload_id, new->number, new->bytes->size, new->etag, new->sha256, *ret_modified_ms, blob,
        new->checksum[0] ? new->checksum : NULL, account);
}

/* One part of the upload, any: DB_NONE when none is left. */
static int remove_one(struct tx *tx, const char *upload_id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query_row(tx, &rows, "SELECT number, blob FROM s3_part WHERE upload = $1 ORDER BY number LIMIT 1",
                     "s", upload_id);
    if (rc != 0)
        return rc;
    struct part part = {.number = rows_int(rows, 0), .blob = rows_int(rows, 1)};
    rows_close(&rows);
    return part_remove(tx, upload_id, &part);
}

/* All parts' bytes at once; as a rule they are one account's. */
static int discharge(struct tx *tx, const char *upload_id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query(tx, &rows, "SELECT account, sum(size) FROM s3_part WHERE upload = $1 GROUP BY account",
                      "s", upload_id);
    while (rc == 0 && (rc = rows_next(rows)) == 0)
        rc = usage_add(tx, rows_text(rows, 0), 0, -rows_int(rows, 1), NULL);
    return rc == DB_NONE ? 0 : rc;
}

int multipart_take(struct tx *tx, const char *upload_id, const struct part *parts, size_t count)
{
    int rc = discharge(tx, upload_id);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = part_forget(tx, upload_id, &parts[i]);
    while (rc == 0)
        rc = remove_one(tx, upload_id);
    if (rc != DB_NONE)
        return rc;
    return tx_exec(tx, "DELETE FROM s3_upload WHERE id = $1", "s", upload_id);
}

int multipart_remove(struct tx *tx, const char *upload_id)
{
    return multipart_take(tx, upload_id, NULL, 0);
}
