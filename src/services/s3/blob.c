/* See blob.h. */
#include "services/s3/blob.h"
#include "base/id.h"
#include "base/mem.h"
#include "services/s3/s3.h"
#include "services/service.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (1 << 20)

static int incoming_path(const struct platform *platform, const char *name, char ret[PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/blobs/incoming/%s", platform->data_dir, name);
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
    int rc = incoming_path(platform, name, from);
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
        rc = incoming_path(platform, name, path);
    return rc != 0 ? rc : io_unlink(path);
}

int upload_init(const struct platform *platform, unsigned digests, struct upload *upload)
{
    *upload = (struct upload){.platform = platform, .small = BUF_INIT(BLOB_INLINE_MAX), .fd = -1};
    upload->md5 = digests & UPLOAD_MD5 ? hash_new(HASH_MD5) : NULL;
    upload->sha256 = digests & UPLOAD_SHA256 ? hash_new(HASH_SHA256) : NULL;
    bool all = (upload->md5 || !(digests & UPLOAD_MD5)) && (upload->sha256 || !(digests & UPLOAD_SHA256));
    return all ? 0 : FAULT(ENOMEM);
}

/* Opens the file and moves what is in memory into it. */
static int become_file(struct upload *upload)
{
    char path[PATH_MAX];
    char name[BLOB_NAME_SIZE];
    id_hex(name, BLOB_NAME_SIZE - 1);
    int rc = incoming_path(upload->platform, name, path);
    if (rc != 0)
        return rc;
    rc = io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (rc < 0)
        return rc;
    upload->fd = rc;
    memcpy(upload->name, name, sizeof(name));
    rc = io_write_all(upload->fd, upload->small.ptr, upload->small.len);
    buf_free(&upload->small);
    return rc;
}

int upload_write(struct upload *upload, const void *bytes, size_t len)
{
    if (len == 0)
        return 0;
    if (upload->md5)
        hash_update(upload->md5, bytes, len);
    if (upload->sha256)
        hash_update(upload->sha256, bytes, len);
    upload->size += (int64_t)len;
    if (upload->fd < 0 && upload->size <= BLOB_INLINE_MAX)
        return buf_put(&upload->small, bytes, len);
    int rc = upload->fd < 0 ? become_file(upload) : 0;
    return rc != 0 ? rc : io_write_all(upload->fd, bytes, len);
}

int upload_finish(struct upload *upload)
{
    if (upload->md5)
        hash_final(upload->md5, upload->md5_digest);
    if (upload->sha256)
        hash_final(upload->sha256, upload->sha256_digest);
    if (upload->fd < 0)
        return 0;
    char folder[PATH_MAX];
    int rc = incoming_path(upload->platform, "", folder);
    if (rc == 0)
        rc = io_fsync(upload->fd);
    return rc != 0 ? rc : io_fsync_dir(folder);
}

/* The damaged file gives way to the upload's, for all objects that share it. */
static int replace_file(struct tx *tx, const struct upload *upload, int64_t id)
{
    int rc = tx_exec(tx, "INSERT INTO s3_doomed (file) SELECT file FROM s3_blob WHERE id = $1", "i", id);
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE s3_blob SET file = $2, damaged_ms = 0, damage = NULL WHERE id = $1", "is",
                     id, upload->name);
    tx_wake(tx, "%s", BLOB_TOPIC);
    return rc;
}

static int store_file(struct tx *tx, struct upload *upload, const char *sha256, int64_t id, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT id, damaged_ms FROM s3_blob WHERE sha256 = $1 AND size = $2"
                          " AND file IS NOT NULL LIMIT 1",
                          "si", sha256, upload->size);
    *ret = rc == 0 ? rows_int(rows, 0) : id;
    if (rc == DB_NONE)
        return tx_exec(tx, "INSERT INTO s3_blob (id, refs, size, file, sha256) VALUES ($1, 1, $2, $3, $4)",
                       "iiss", id, upload->size, upload->name, sha256);
    if (rc == 0)
        rc = blob_ref(tx, *ret);
    upload->known = rc == 0 && rows_int(rows, 1) == 0;
    return rc != 0 || upload->known ? rc : replace_file(tx, upload, *ret);
}

int upload_store(struct tx *tx, struct upload *upload, const char *sha256, int64_t id, int64_t *ret)
{
    if (upload->fd >= 0)
        return store_file(tx, upload, sha256, id, ret);
    struct str data = upload->small.len > 0 ? buf_str(&upload->small) : STR("");
    *ret = id;
    return tx_exec(tx, "INSERT INTO s3_blob (id, refs, size, data, sha256) VALUES ($1, 1, $2, $3, $4)",
                   "iibs", id, upload->size, data, sha256);
}

void upload_settle(struct upload *upload)
{
    if (upload->fd < 0 || upload->known)
        return;
    /* A failed move costs nothing: readers look in both places, and the next start moves it. */
    int rc = blob_settle_file(upload->platform, upload->name);
    if (rc != 0)
        (void)FAULT(rc);
    close_fd(&upload->fd);
    upload->fd = -1;
}

void upload_deinit(struct upload *upload)
{
    hash_free(&upload->md5);
    hash_free(&upload->sha256);
    buf_free(&upload->small);
    if (upload->fd < 0)
        return;
    close_fd(&upload->fd);
    upload->fd = -1;
    char path[PATH_MAX];
    /* What cannot be unlinked now is swept at the next start. */
    if (incoming_path(upload->platform, upload->name, path) == 0 && io_unlink(path) != 0)
        (void)FAULT(EIO);
}

int blob_ref(struct tx *tx, int64_t id)
{
    return tx_exec(tx, "UPDATE s3_blob SET refs = refs + 1 WHERE id = $1", "i", id);
}

int blob_unref(struct tx *tx, int64_t id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "UPDATE s3_blob SET refs = refs - 1 WHERE id = $1 RETURNING refs, file",
                          "i", id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    if (rows_int(rows, 0) > 0)
        return 0;
    CLEANUP(free_ptr) char *file = rows_null(rows, 1) ? NULL : str_dup(rows_str(rows, 1));
    bool is_file = !rows_null(rows, 1);
    rows_close(&rows);
    if (is_file && !file)
        return FAULT(ENOMEM);
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
    rc = incoming_path(platform, name, path);
    if (rc == 0)
        rc = io_open(path, O_RDONLY, 0);
    if (rc != -ENOENT)
        return rc;
    /* It may have been moved between the two looks. */
    rc = settled_path(platform, name, path);
    return rc != 0 ? rc : io_open(path, O_RDONLY, 0);
}

/* Cut short or grown: what came of it is not what was put. */
static int check_size(int fd, int64_t size)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return FAULT(errno);
    return stat.st_size == size ? 0 : S3_E_DAMAGED;
}

int blob_open(struct tx *tx, const struct platform *platform, int64_t id, struct blob_source *ret)
{
    *ret = (struct blob_source){.fd = -1, .data = BUF_INIT(BLOB_INLINE_MAX)};
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc =
        tx_query_row(tx, &rows, "SELECT file, data, size, damaged_ms FROM s3_blob WHERE id = $1", "i", id);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    if (rows_int(rows, 3) != 0)
        return S3_E_DAMAGED;
    if (rows_null(rows, 0))
        return buf_put_str(&ret->data, rows_bytes(rows, 1));
    rc = blob_open_file(platform, rows_text(rows, 0));
    if (rc < 0)
        return rc;
    ret->fd = rc;
    return check_size(ret->fd, rows_int(rows, 2));
}

void blob_source_deinit(struct blob_source *source)
{
    buf_free(&source->data);
    close_fd(&source->fd);
    source->fd = -1;
}

int blob_each(const struct blob_source *source, int64_t offset, int64_t len,
              int (*give)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    if (source->fd < 0) {
        if (offset + len > (int64_t)source->data.len)
            return FAULT(EIO);
        return len > 0 ? give(ctx, source->data.ptr + offset, (size_t)len) : 0;
    }
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
