/* See content.h. */
#include "services/s3/content.h"
#include "services/s3/blob_list.h"

int content_find(struct tx *tx, const struct content *content, struct content_found *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(
        tx, &rows,
        "SELECT id, parts, damaged_ms FROM s3_blob WHERE sha256 = $1 AND size = $2 AND refs > 0"
        " AND (file IS NOT NULL OR parts > 0) AND (CASE WHEN parts = 0 THEN seal_key IS NOT NULL ELSE EXISTS"
        " (SELECT 1 FROM s3_blob_part l JOIN s3_blob b ON b.id = l.part"
        " WHERE l.blob = s3_blob.id AND l.start = 0 AND b.seal_key IS NOT NULL) END) = ($3 <> 0) LIMIT 1",
        "sii", content->sha256, content->size, (int64_t)content->sealed);
    if (rc != 0)
        return rc;
    int64_t id = rows_int(rows, 0);
    int checked = rows_int(rows, 1) > 0 ? list_check(tx, id) : 0;
    if (checked < 0)
        return checked;
    *ret = (struct content_found){id, checked != 0 || rows_int(rows, 2) != 0};
    return 0;
}

static int is_list(struct tx *tx, int64_t id, bool *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT parts FROM s3_blob WHERE id = $1", "i", id);
    *ret = rc == 0 && rows_int(rows, 0) > 0;
    return rc == DB_NONE ? FAULT(EIO) : rc;
}

int content_discard(struct tx *tx, int64_t id)
{
    bool list = false;
    int rc = is_list(tx, id, &list);
    if (rc != 0 || list)
        return rc != 0 ? rc : list_empty(tx, id);
    tx_wake(tx, "%s", BLOB_TOPIC);
    return tx_exec(tx, "INSERT INTO s3_doomed (file) SELECT file FROM s3_blob WHERE id = $1", "i", id);
}
