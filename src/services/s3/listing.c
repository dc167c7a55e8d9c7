/* See listing.h. The walk reads the index s3_object_listing, which has all that is told and spares the look
 * at each row, and seeks anew where it can leap: past a rolled-up prefix, and past the old versions of a key
 * that has many. */
#include "services/s3/listing.h"
#include "services/s3/storage_class.h"

#define OLD_VERSIONS_READ 16 /* before seeking to the next key is cheaper */

struct walk {
    struct tx *tx;
    struct listing *listing;
    struct rows *rows;
    struct buf from; /* keys from this one on */
    struct buf key;  /* of the row before */
    int64_t same;    /* rows of this key passed over */
    int64_t marker;  /* sequence of the version that the page comes after, of its key */
};

static void walk_deinit(struct walk *walk)
{
    rows_close(&walk->rows);
    buf_free(&walk->from);
    buf_free(&walk->key);
}

static int set(struct buf *buf, struct str value)
{
    buf_reset(buf);
    return buf_put_str(buf, value);
}

static int seek(struct walk *walk)
{
    rows_close(&walk->rows);
    const char *from = walk->from.len > 0 ? walk->from.ptr : "";
    return tx_query(walk->tx, &walk->rows,
                    "SELECT key, rank, version_id, marker, size, etag, modified_ms, checksum_algorithm, "
                    "checksum_type, storage_class FROM s3_object "
                    "WHERE bucket = $1 AND key >= $2 ORDER BY key, rank",
                    "ss", walk->listing->bucket, from);
}

/* The first key that is past everything that starts with `prefix`: no UTF-8 byte is 0xFF. */
static int seek_past(struct walk *walk, struct str prefix)
{
    int rc = set(&walk->from, prefix);
    if (rc != 0)
        return rc;
    walk->from.ptr[walk->from.len - 1]++;
    return seek(walk);
}

static int seek_after(struct walk *walk, struct str key)
{
    int rc = set(&walk->from, key);
    if (rc == 0)
        rc = buf_putc(&walk->from, '\x01');
    return rc != 0 ? rc : seek(walk);
}

/* The part of `key` up to and with the first delimiter after the prefix; {NULL,0}: not rolled up. */
static struct str rolled_up(const struct listing *listing, struct str key)
{
    if (listing->delimiter.len == 0 || key.len <= listing->prefix.len)
        return (struct str){NULL, 0};
    const char *rest = key.ptr + listing->prefix.len;
    const char *found =
        memmem(rest, key.len - listing->prefix.len, listing->delimiter.ptr, listing->delimiter.len);
    if (!found)
        return (struct str){NULL, 0};
    return (struct str){key.ptr, (size_t)(found - key.ptr) + listing->delimiter.len};
}

static int start(struct walk *walk)
{
    struct listing *listing = walk->listing;
    struct str after = listing->after;
    int order = 0;
    if (after.len > 0) {
        size_t shorter = after.len < listing->prefix.len ? after.len : listing->prefix.len;
        order = shorter > 0 ? memcmp(after.ptr, listing->prefix.ptr, shorter) : 0;
        if (order == 0)
            order = after.len < listing->prefix.len ? -1 : 1;
    }
    if (after.len == 0 || order < 0) {
        int rc = listing->prefix.len > 0 ? set(&walk->from, listing->prefix) : 0;
        return rc != 0 ? rc : seek(walk);
    }
    struct str roll = rolled_up(listing, after);
    if (roll.len == after.len)
        return seek_past(walk, after);
    if (!listing->after_version)
        return seek_after(walk, after);
    int rc = set(&walk->from, after);
    return rc != 0 ? rc : seek(walk);
}

static int give_prefix(struct walk *walk, struct str prefix)
{
    struct listing *listing = walk->listing;
    int rc = set(&listing->last, prefix);
    if (rc == 0)
        rc = listing->on_prefix(listing->ctx, prefix);
    listing->count++;
    listing->last_is_prefix = true;
    listing->last_version[0] = '\0';
    return rc != 0 ? rc : seek_past(walk, buf_str(&listing->last));
}

static void row_object(struct rows *rows, struct object *ret)
{
    *ret = (struct object){.sequence = -rows_int(rows, 1),
                           .marker = rows_int(rows, 3) != 0,
                           .size = rows_int(rows, 4),
                           .checksum = {.algorithm = checksum_named(rows_str(rows, 7)),
                                        .composite = str_eqc(rows_str(rows, 8), checksum_type(true))},
                           .modified_ms = rows_int(rows, 6),
                           .storage_class = storage_class_named(rows_str(rows, 9))};
    struct str version = rows_str(rows, 2);
    struct str etag = rows_str(rows, 5);
    memcpy(ret->version_id, version.ptr, version.len < VERSION_ID_SIZE ? version.len : VERSION_ID_SIZE - 1);
    if (etag.len > 0)
        memcpy(ret->etag, etag.ptr, etag.len < ETAG_SIZE ? etag.len : ETAG_SIZE - 1);
}

static int give_object(struct walk *walk, struct str key, bool latest)
{
    struct listing *listing = walk->listing;
    struct object object;
    row_object(walk->rows, &object);
    int rc = set(&listing->last, key);
    if (rc == 0)
        rc = listing->on_object(listing->ctx, key, &object, latest);
    listing->count++;
    listing->last_is_prefix = false;
    memcpy(listing->last_version, object.version_id, sizeof(listing->last_version));
    return rc;
}

/* Versions of the marker's own key up to and with the marker's version were given before: by their order,
 * since that version may be gone by now. */
static bool given_before(struct walk *walk, struct str key)
{
    struct listing *listing = walk->listing;
    return listing->after_version && str_eq(key, listing->after) && -rows_int(walk->rows, 1) >= walk->marker;
}

/* "null" has no place of its own in the order: of one that is gone, the key's versions are given again. */
static int find_marker(struct walk *walk)
{
    struct listing *listing = walk->listing;
    CLEANUP(rows_close) struct rows *rows = NULL;
    walk->marker = INT64_MAX;
    if (!listing->after_version || version_id_sequence(listing->after_version, &walk->marker))
        return 0;
    int rc = tx_query_row(walk->tx, &rows,
                          "SELECT rank FROM s3_object WHERE bucket = $1 AND key = $2 AND version_id = $3",
                          "sSs", listing->bucket, listing->after, listing->after_version);
    if (rc == 0)
        walk->marker = -rows_int(rows, 0);
    return rc == DB_NONE ? 0 : rc;
}

/* Handles the row that `rows` stands on; `same`: the row before was of this key, too. */
static int visit(struct walk *walk, struct str key, bool same)
{
    bool latest_only = !walk->listing->versions;
    walk->same = same ? walk->same + 1 : 0;
    if (same && latest_only)
        return walk->same > OLD_VERSIONS_READ ? seek_after(walk, buf_str(&walk->key)) : 0;
    if (given_before(walk, key) || (latest_only && rows_int(walk->rows, 3) != 0))
        return 0;
    if (walk->listing->count == walk->listing->max) {
        walk->listing->truncated = true;
        return 0;
    }
    struct str roll = rolled_up(walk->listing, key);
    return roll.len > 0 ? give_prefix(walk, roll) : give_object(walk, key, !same);
}

int listing_walk(struct tx *tx, struct listing *listing)
{
    CLEANUP(walk_deinit)
    struct walk walk = {
        .tx = tx, .listing = listing, .from = BUF_INIT(4 * S3_KEY_MAX), .key = BUF_INIT(4 * S3_KEY_MAX)};
    listing->last.max = 4 * S3_KEY_MAX;
    if (listing->max == 0)
        return 0;
    int rc = find_marker(&walk);
    if (rc == 0)
        rc = start(&walk);
    while (rc == 0 && !listing->truncated && (rc = rows_next(walk.rows)) == 0) {
        struct str key = rows_str(walk.rows, 0);
        if (!str_starts(key, listing->prefix))
            return 0;
        bool same = walk.key.len > 0 && str_eq(key, buf_str(&walk.key));
        if (!same)
            rc = set(&walk.key, key);
        if (rc == 0)
            rc = visit(&walk, key, same);
    }
    return rc == DB_NONE ? 0 : rc;
}
