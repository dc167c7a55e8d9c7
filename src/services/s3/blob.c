/* See blob.h. */
#include "services/s3/blob.h"
#include "base/mem.h"
#include "base/reason.h"
#include "services/s3/blob_list.h"
#include "services/s3/s3.h"
#include "services/service.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (1 << 20)

int blob_incoming_path(const struct platform *platform, const char *name, char ret[PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/blobs/incoming/%s", platform->data_dir, name);
    return len < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

int blob_settled_folder(const struct platform *platform, const char *name, char ret[PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/blobs/%.2s", platform->data_dir, name);
    return len < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

static int settled_path(const struct platform *platform, const char *name, char ret[PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/blobs/%.2s/%s", platform->data_dir, name, name);
    return len < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

int blob_settle_file(const struct platform *platform, const char *name)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    int rc = blob_incoming_path(platform, name, from);
    if (rc == 0)
        rc = settled_path(platform, name, to);
    return rc != 0 ? rc : io_rename(from, to);
}

int blob_remove_file(const struct platform *platform, const char *name)
{
    char path[PATH_MAX];
    int rc = settled_path(platform, name, path);
    if (rc == 0)
        rc = io_unlink(path);
    if (rc == 0)
        rc = blob_incoming_path(platform, name, path);
    return rc != 0 ? rc : io_unlink(path);
}

int blob_ref(struct tx *tx, int64_t id)
{
    return tx_exec(tx, "UPDATE s3_blob SET refs = refs + 1 WHERE id = $1", "i", id);
}

int blob_unref(struct tx *tx, int64_t id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_exec(tx, "UPDATE s3_blob SET refs = refs - 1 WHERE id = $1", "i", id);
    if (rc == 0)
        rc = tx_query_row(tx, &rows, "SELECT refs, file, parts FROM s3_blob WHERE id = $1", "i", id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    if (rows_int(rows, 0) > 0)
        return 0;
    bool is_list = rows_int(rows, 2) > 0;
    CLEANUP(free_ptr) char *file = rows_null(rows, 1) ? NULL : str_dup(rows_str(rows, 1));
    bool is_file = !rows_null(rows, 1);
    rows_close(&rows);
    if (is_file && !file)
        return FAULT(ENOMEM);
    if (is_list)
        return list_doom(tx, id);
    rc = tx_exec(tx, "DELETE FROM s3_blob WHERE id = $1", "i", id);
    if (rc != 0 || !is_file)
        return rc;
    tx_wake(tx, "%s", BLOB_TOPIC);
    return tx_exec(tx, "INSERT INTO s3_doomed (file) VALUES ($1)", "s", file);
}

int blob_open_file(const struct platform *platform, const char *name)
{
    char path[PATH_MAX];
    int rc = settled_path(platform, name, path);
    if (rc == 0)
        rc = io_open(path, O_RDONLY, 0);
    if (rc != -ENOENT)
        return rc;
    rc = blob_incoming_path(platform, name, path);
    if (rc == 0)
        rc = io_open(path, O_RDONLY, 0);
    if (rc != -ENOENT)
        return rc;
    /* It may have been moved between the two looks. */
    rc = settled_path(platform, name, path);
    return rc != 0 ? rc : io_open(path, O_RDONLY, 0);
}

int64_t blob_stored_size(const struct blob_row *row)
{
    return row->seal.key[0] ? seal_stored_size(row->size) : row->size;
}

static void copy_text(struct rows *rows, int column, size_t size, char *ret)
{
    struct str text = rows_str(rows, column);
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0)
        memcpy(ret, text.ptr, len);
    ret[len] = '\0';
}

void blob_row_read(struct rows *rows, int first, struct blob_row *ret)
{
    ret->size = rows_int(rows, first);
    copy_text(rows, first + 1, sizeof(ret->sha256), ret->sha256);
    copy_text(rows, first + 2, sizeof(ret->file), ret->file);
    ret->damaged = rows_int(rows, first + 3) != 0;
    copy_text(rows, first + 4, sizeof(ret->seal.key), ret->seal.key);
    copy_text(rows, first + 5, sizeof(ret->seal.wrapped), ret->seal.wrapped);
    ret->seal.crc = (uint64_t)rows_int(rows, first + 6);
    ret->parts = rows_int(rows, first + 7);
}

/* ---- reading */

/* Cut short or grown: what came of it is not what was put. */
static int check_size(int fd, const struct blob_row *row, struct reason *why)
{
    struct stat stat;
    int64_t size = blob_stored_size(row);
    if (fstat(fd, &stat) != 0)
        return FAULT(errno);
    return stat.st_size == size ? 0
                                : reason_set(why, S3_E_DAMAGED, "its file %s has %lld bytes instead of %lld",
                                             row->file, (long long)stat.st_size, (long long)size);
}

/* -EBADMSG, what the cipher says of bytes that were changed, in the words of objects. */
static int outcome_of_seal(int rc, struct reason *why)
{
    if (rc == KEYRING_E_NO_KEY)
        return FAULT(ENOKEY);
    return rc != -EBADMSG ? rc : reason_set(why, S3_E_DAMAGED, "its encrypted bytes were changed");
}

int blob_open_row(const struct platform *platform, const struct blob_row *row, struct blob_source *ret,
                  struct reason *why)
{
    int rc = row->file[0] ? blob_open_file(platform, row->file) : 0;
    if (rc < 0)
        return rc;
    ret->fd = row->file[0] ? rc : -1;
    ret->size = row->size;
    rc = row->file[0] ? check_size(ret->fd, row, why) : 0;
    if (rc != 0 || !row->seal.key[0])
        return rc;
    rc = opener_new(platform->keyring, &row->seal, row->sha256, row->size, &ret->opener);
    if (rc == 0 && !row->file[0])
        rc = opener_small(ret->opener, &ret->data);
    return outcome_of_seal(rc, why);
}

int blob_find(struct tx *tx, int64_t id, struct blob_row *ret_row, struct blob_source *ret)
{
    *ret = (struct blob_source){.fd = -1, .data = BUF_INIT(BLOB_STORED_MAX)};
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT " BLOB_COLUMNS ", data FROM s3_blob WHERE id = $1", "i", id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    blob_row_read(rows, 0, ret_row);
    ret_row->id = id;
    ret->size = ret_row->size;
    if (ret_row->damaged)
        return S3_E_DAMAGED;
    bool in_row = ret_row->parts == 0 && !ret_row->file[0];
    return in_row ? buf_put_str(&ret->data, rows_bytes(rows, BLOB_COLUMNS_COUNT)) : 0;
}

int blob_open_found(const struct platform *platform, const struct blob_row *row, struct blob_source *ret)
{
    return row->parts > 0 ? list_open(platform, row->id, &ret->list)
                          : blob_open_row(platform, row, ret, NULL);
}

int blob_open(struct tx *tx, const struct platform *platform, int64_t id, struct blob_source *ret)
{
    struct blob_row row;
    int rc = blob_find(tx, id, &row, ret);
    return rc == 0 ? blob_open_found(platform, &row, ret) : rc;
}

int blob_prepare(struct blob_source *source, int64_t offset, int64_t len)
{
    return source->list ? list_prepare(source->list, offset, len) : 0;
}

int blob_check(struct tx *tx, const struct platform *platform, int64_t id)
{
    CLEANUP(blob_source_deinit) struct blob_source source = BLOB_SOURCE_NONE;
    int rc = blob_open(tx, platform, id, &source);
    if (rc == -ENOENT)
        return S3_E_DAMAGED; /* the row is there, and nobody else writes now */
    return rc == 0 && source.list ? list_check(tx, id) : rc;
}

void blob_source_deinit(struct blob_source *source)
{
    list_free(&source->list);
    opener_free(&source->opener);
    buf_free(&source->data);
    close_fd(&source->fd);
    source->fd = -1;
}

int blob_look(struct blob_source *source, int64_t offset, struct str *ret)
{
    if (source->fd >= 0)
        return outcome_of_seal(opener_read(source->opener, source->fd, offset, ret), NULL);
    size_t at = offset < (int64_t)source->data.len ? (size_t)offset : source->data.len;
    *ret = at < source->data.len ? (struct str){source->data.ptr + at, source->data.len - at} : STR("");
    return 0;
}

/* Of what blob_look gives. */
static int each_look(struct blob_source *source, int64_t offset, int64_t len,
                     int (*give)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    while (len > 0) {
        struct str some;
        int rc = blob_look(source, offset, &some);
        if (rc == 0 && some.len == 0)
            return FAULT(EIO);
        if ((int64_t)some.len > len)
            some.len = (size_t)len;
        if (rc == 0)
            rc = give(ctx, some.ptr, some.len);
        if (rc != 0)
            return rc;
        offset += (int64_t)some.len;
        len -= (int64_t)some.len;
    }
    return 0;
}

/* Of a list. */
static int each_part(struct blob_source *source, int64_t offset, int64_t len,
                     int (*give)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    int rc = 0;
    while (rc == 0 && len > 0) {
        struct blob_source *part = NULL;
        int64_t at = 0;
        rc = list_at(source->list, offset, &part, &at);
        int64_t some = rc == 0 && part->size - at < len ? part->size - at : len;
        if (rc == 0)
            rc = blob_each(part, at, some, give, ctx);
        offset += some;
        len -= some;
    }
    return rc;
}

int blob_each(struct blob_source *source, int64_t offset, int64_t len,
              int (*give)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    if (source->list)
        return each_part(source, offset, len, give, ctx);
    if (source->fd < 0 || source->opener)
        return each_look(source, offset, len, give, ctx);
    CLEANUP(free_ptr) char *block = mem_alloc(READ_BYTES);
    if (!block)
        return FAULT(ENOMEM);
    while (len > 0) {
        size_t some = len < READ_BYTES ? (size_t)len : READ_BYTES;
        int rc = io_pread_all(source->fd, block, some, offset);
        if (rc == 0)
            rc = give(ctx, block, some);
        if (rc != 0)
            return rc;
        offset += (int64_t)some;
        len -= (int64_t)some;
    }
    return 0;
}
