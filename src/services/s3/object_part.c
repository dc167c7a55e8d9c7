/* See object_part.h. */
#include "services/s3/object_part.h"

int object_part_add(struct tx *tx, int64_t sequence, const struct object_part *part)
{
    int rc = tx_exec(
        tx, "INSERT INTO s3_object_part (object, number, start, size, checksum) VALUES ($1, $2, $3, $4, $5)",
        "iiiis", sequence, part->number, part->start, part->size, part->checksum[0] ? part->checksum : NULL);
    return rc > 0 ? FAULT(EIO) : rc;
}

static void read_row(struct rows *rows, struct object_part *ret)
{
    struct str checksum = rows_str(rows, 3);
    *ret = (struct object_part){
        .number = rows_int(rows, 0), .start = rows_int(rows, 1), .size = rows_int(rows, 2)};
    if (checksum.len > 0 && checksum.len < sizeof(ret->checksum))
        memcpy(ret->checksum, checksum.ptr, checksum.len);
}

int object_part_find(struct tx *tx, int64_t sequence, int64_t number, struct object_part *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(
        tx, &rows,
        "SELECT number, start, size, checksum FROM s3_object_part WHERE object = $1 AND number = $2", "ii",
        sequence, number);
    if (rc == 0)
        read_row(rows, ret);
    return rc;
}

int object_part_list(struct tx *tx, int64_t sequence, int64_t after, int64_t max, struct rows **ret)
{
    return tx_query(
        tx, ret,
        "SELECT number, start, size, checksum FROM s3_object_part WHERE object = $1 AND number > $2 "
        "ORDER BY number LIMIT $3",
        "iii", sequence, after, max);
}

int object_part_next(struct rows *rows, struct object_part *ret)
{
    int rc = rows_next(rows);
    if (rc == 0)
        read_row(rows, ret);
    return rc;
}

int object_part_remove_all(struct tx *tx, int64_t sequence)
{
    return tx_exec(tx, "DELETE FROM s3_object_part WHERE object = $1", "i", sequence);
}
