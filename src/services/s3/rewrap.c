/* See rewrap.h. */
#include "services/s3/rewrap.h"
#include "base/log.h"
#include "base/mem.h"
#include "services/s3/blob.h"
#include "services/service.h"
#include <stdio.h>

#define ROWS_AT_ONCE 500

/* The next name behind that one, "" at first. DB_NONE. */
static int next_key(struct tx *tx, const char *after, char ret[KEYRING_NAME_SIZE])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT min(seal_key) FROM s3_blob WHERE seal_key > $1", "s", after);
    if (rc != 0 || rows_null(rows, 0))
        return rc != 0 ? rc : DB_NONE;
    (void)snprintf(ret, KEYRING_NAME_SIZE, "%s", rows_text(rows, 0));
    return 0;
}

int blobs_check_keys(const struct platform *platform)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    char name[KEYRING_NAME_SIZE] = "";
    int rc = db_read(platform->db, &tx);
    while (rc == 0 && (rc = next_key(tx, name, name)) == 0) {
        if (platform->keyring && keyring_has(platform->keyring, name))
            continue;
        (void)fprintf(
            stderr,
            "slipway: objects in %s are encrypted under the key %s, which this server was not given. Add "
            "--encryption-key with its file (a key's name is the first 16 digits of its SHA-256).\n",
            platform->data_dir, name);
        return SERVICE_REFUSED;
    }
    return rc == DB_NONE ? 0 : rc;
}

static int rewrap_one(struct tx *tx, const struct platform *platform, int64_t id, const struct blob_row *row)
{
    CLEANUP(opener_free) struct opener *opener = NULL;
    struct seal_row fresh = {0};
    int rc = opener_new(platform->keyring, &row->seal, row->sha256, row->size, &opener);
    if (rc == 0)
        rc = opener_rewrap(opener, platform->keyring, row->sha256, &fresh);
    if (rc != 0)
        return rc;
    return tx_exec(tx, "UPDATE s3_blob SET seal_key = $2, seal = $3 WHERE id = $1", "iss", id, fresh.key,
                   fresh.wrapped);
}

struct batch {
    size_t count;
    struct {
        int64_t id;
        struct blob_row row;
    } blobs[ROWS_AT_ONCE];
};

static int read_batch(struct tx *tx, const char *key, struct batch *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query(tx, &rows, "SELECT id, " BLOB_COLUMNS " FROM s3_blob WHERE seal_key = $1 LIMIT $2",
                      "si", key, (int64_t)ROWS_AT_ONCE);
    ret->count = 0;
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        ret->blobs[ret->count].id = rows_int(rows, 0);
        blob_row_read(rows, 1, &ret->blobs[ret->count++].row);
    }
    return rc == DB_NONE ? 0 : rc;
}

/* The first name that is not the ring's first. */
static int other_key(struct tx *tx, const struct keyring *ring, char ret[KEYRING_NAME_SIZE])
{
    ret[0] = '\0';
    int rc = next_key(tx, ret, ret);
    return rc == 0 && strcmp(ret, keyring_first(ring)) == 0 ? next_key(tx, ret, ret) : rc;
}

/* DB_NONE: all are under the first key. */
static int rewrap_some(const struct platform *platform, struct batch *batch)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    char key[KEYRING_NAME_SIZE];
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = other_key(tx, platform->keyring, key);
    if (rc == 0)
        rc = read_batch(tx, key, batch);
    for (size_t i = 0; rc == 0 && i < batch->count; i++)
        rc = rewrap_one(tx, platform, batch->blobs[i].id, &batch->blobs[i].row);
    return rc != 0 ? rc : db_commit(&tx);
}

int blobs_rewrap(const struct platform *platform, const atomic_bool *stopping)
{
    CLEANUP(free_ptr) struct batch *batch = NULL;
    int64_t done = 0;
    int rc = 0;
    if (!platform->keyring)
        return 0;
    batch = mem_alloc(sizeof(*batch));
    if (!batch)
        return FAULT(ENOMEM);
    while (rc == 0 && !atomic_load(stopping)) {
        rc = rewrap_some(platform, batch);
        done += rc == 0 ? (int64_t)batch->count : 0;
    }
    if (done > 0)
        log_info("s3", "%lld objects' data keys are now wrapped by the encryption key %s", (long long)done,
                 keyring_first(platform->keyring));
    return rc == DB_NONE ? 0 : rc;
}
