/* See blob_list.h: the rows of lists. */
#include "services/s3/blob_list.h"
#include "services/s3/content.h"
#include "services/s3/object.h"
#include "services/service.h"

static int add_entries(struct tx *tx, const struct list_new *new, int64_t id)
{
    int64_t start = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < new->count; i++) {
        rc = tx_exec(tx, "INSERT INTO s3_blob_part (blob, start, part) VALUES ($1, $2, $3)", "iii", id, start,
                     new->entries[i].blob);
        start += new->entries[i].size;
    }
    return rc > 0 ? FAULT(EIO) : rc;
}

static int insert(struct tx *tx, const struct list_new *new, int64_t id)
{
    int rc = tx_exec(tx, "INSERT INTO s3_blob (id, refs, size, sha256, parts) VALUES ($1, 1, $2, $3, $4)",
                     "iisi", id, new->size, new->sha256, (int64_t) new->count);
    return rc != 0 ? rc : add_entries(tx, new, id);
}

/* What is damaged gives way to the list, for all objects that share it. */
static int replace(struct tx *tx, const struct list_new *new, int64_t id)
{
    int rc = content_discard(tx, id);
    if (rc == 0)
        rc = tx_exec(tx,
                     "UPDATE s3_blob SET file = NULL, damaged_ms = 0, damage = NULL, seal_key = NULL,"
                     " seal = NULL, seal_crc = 0, parts = $2 WHERE id = $1",
                     "ii", id, (int64_t) new->count);
    return rc != 0 ? rc : add_entries(tx, new, id);
}

int list_store(struct tx *tx, const struct list_new *new, int64_t id, int64_t *ret, bool *ret_known)
{
    const struct content content = {new->sha256, new->size, new->sealed};
    struct content_found found = {.id = id};
    int rc = content_find(tx, &content, &found);
    *ret = found.id;
    *ret_known = rc == 0 && !found.damaged;
    if (rc == DB_NONE)
        return insert(tx, new, id);
    if (rc == 0)
        rc = blob_ref(tx, found.id);
    return rc != 0 || *ret_known ? rc : replace(tx, new, found.id);
}

int list_check(struct tx *tx, int64_t id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT 1 FROM s3_blob b WHERE b.damaged_ms > 0 AND EXISTS"
                          " (SELECT 1 FROM s3_blob_part l WHERE l.part = b.id AND l.blob = $1) LIMIT 1",
                          "i", id);
    if (rc == 0)
        return S3_E_DAMAGED;
    return rc == DB_NONE ? 0 : rc;
}

int list_doom(struct tx *tx, int64_t id)
{
    tx_wake(tx, "%s", BLOB_TOPIC);
    return tx_exec(tx, "INSERT INTO s3_doomed_list (blob) VALUES ($1)", "i", id);
}

int list_empty(struct tx *tx, int64_t id)
{
    int64_t other = 0;
    int rc = sequence_next(tx, &other);
    if (rc == 0)
        rc = tx_exec(tx,
                     "INSERT INTO s3_blob (id, refs, size, sha256, parts)"
                     " SELECT $2, 0, size, sha256, parts FROM s3_blob WHERE id = $1",
                     "ii", id, other);
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE s3_blob_part SET blob = $2 WHERE blob = $1", "ii", id, other);
    return rc != 0 ? rc : list_doom(tx, other);
}

/* ---- taking apart */

struct some_parts {
    int64_t starts[LIST_TAKEN_APART_AT_ONCE];
    int64_t blobs[LIST_TAKEN_APART_AT_ONCE];
    size_t count;
};

static int read_some(struct tx *tx, int64_t id, struct some_parts *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query(tx, &rows, "SELECT start, part FROM s3_blob_part WHERE blob = $1 ORDER BY start LIMIT $2",
                 "ii", id, (int64_t)LIST_TAKEN_APART_AT_ONCE);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        ret->starts[ret->count] = rows_int(rows, 0);
        ret->blobs[ret->count++] = rows_int(rows, 1);
    }
    return rc == DB_NONE ? 0 : rc;
}

static int forget(struct tx *tx, int64_t id)
{
    int rc = tx_exec(tx, "DELETE FROM s3_blob WHERE id = $1", "i", id);
    return rc != 0 ? rc : tx_exec(tx, "DELETE FROM s3_doomed_list WHERE blob = $1", "i", id);
}

/* *ret: nothing is left of it. */
static int take_some(const struct platform *platform, int64_t id, bool *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct some_parts some = {.count = 0};
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = read_some(tx, id, &some);
    for (size_t i = 0; rc == 0 && i < some.count; i++) {
        rc = blob_unref(tx, some.blobs[i]);
        if (rc == 0)
            rc = tx_exec(tx, "DELETE FROM s3_blob_part WHERE blob = $1 AND start = $2", "ii", id,
                         some.starts[i]);
    }
    *ret = some.count < LIST_TAKEN_APART_AT_ONCE;
    if (rc == 0 && *ret)
        rc = forget(tx, id);
    return rc != 0 ? rc : db_commit(&tx);
}

/* The next doomed list behind that one. DB_NONE. */
static int next_doomed(const struct platform *platform, int64_t after, int64_t *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(platform->db, &tx);
    if (rc == 0)
        rc = tx_query_row(tx, &rows, "SELECT blob FROM s3_doomed_list WHERE blob > $1 ORDER BY blob LIMIT 1",
                          "i", after);
    if (rc == 0)
        *ret = rows_int(rows, 0);
    return rc;
}

int lists_take_apart(const struct platform *platform, bool *ret_more)
{
    int64_t id = 0;
    int rc = 0;
    *ret_more = false;
    while (!*ret_more && (rc = next_doomed(platform, id, &id)) == 0) {
        struct list_seizure seizure = {.platform = platform, .id = id};
        bool gone = false;
        if (!list_seize(&seizure))
            continue;
        while (rc == 0 && !gone)
            rc = take_some(platform, id, &gone);
        list_release(&seizure);
        if (rc != 0)
            return rc;
        *ret_more = true;
    }
    return rc == DB_NONE ? 0 : rc;
}
