/* See transfer.h. A blob's file never changes under its name: one that is there, of the right size, was
 * compared when it was copied. */
#include "services/s3/transfer.h"
#include "base/crc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/reason.h"
#include "services/s3/blob.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1 << 20)

static int path_of(const char *data_dir, const char *folder, const char *name, char ret[PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/blobs/%s/%s", data_dir, folder, name);
    return len < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

static int settled_path(const char *data_dir, const char *name, char ret[PATH_MAX])
{
    char folder[3] = {name[0], name[1], 0};
    return path_of(data_dir, folder, name, ret);
}

int blobs_keep(const char *data_dir, int *ret_fd)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/blobs", data_dir);
    int fd = len < PATH_MAX ? io_open(path, O_RDONLY | O_DIRECTORY, 0) : FAULT(ENAMETOOLONG);
    if (fd == -ENOENT) /* a backup of small objects only: nobody removes files from it */
        return 0;
    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_SH) != 0) {
        close_fd(&fd);
        return FAULT(errno);
    }
    *ret_fd = fd;
    return 0;
}

/* ---- one file */

static int open_source(const char *from, const struct blob_row *row)
{
    char path[PATH_MAX];
    int rc = settled_path(from, row->file, path);
    if (rc == 0)
        rc = io_open(path, O_RDONLY, 0);
    if (rc != -ENOENT || path_of(from, "incoming", row->file, path) != 0)
        return rc;
    rc = io_open(path, O_RDONLY, 0);
    if (rc != -ENOENT || settled_path(from, row->file, path) != 0)
        return rc;
    return io_open(path, O_RDONLY, 0); /* it was moved between the two looks */
}

/* What a copy found. */
struct found {
    int64_t size;
    struct hash *sha256;
    uint64_t crc;
};

static void found_deinit(struct found *found)
{
    hash_free(&found->sha256);
}

/* Copies to the end. */
static int copy_bytes(int from, int to, struct found *found)
{
    CLEANUP(free_ptr) char *piece = mem_alloc(PIECE);
    ssize_t got = 0;
    if (!piece)
        return FAULT(ENOMEM);
    while ((got = io_read(from, piece, PIECE)) > 0) {
        int rc = io_write_all(to, piece, (size_t)got);
        if (rc != 0)
            return rc;
        hash_update(found->sha256, piece, (size_t)got);
        found->crc = crc_update(CRC_64NVME, found->crc, piece, (size_t)got);
        found->size += got;
    }
    return got < 0 ? (int)got : 0;
}

/* Sealed bytes are told by their CRC: their SHA-256 is that of the plain ones. */
static bool is_what_was_put(const struct blob_row *row, struct found *found, char ret_sum[HASH_HEX_SIZE])
{
    unsigned char digest[HASH_MAX_SIZE];
    if (row->seal.key[0]) {
        (void)snprintf(ret_sum, HASH_HEX_SIZE, "CRC-64 %016" PRIx64, crc_value(CRC_64NVME, found->crc));
        return found->size == blob_stored_size(row) && crc_value(CRC_64NVME, found->crc) == row->seal.crc;
    }
    hash_final(found->sha256, digest);
    hex_encode(digest, hash_size(HASH_SHA256), ret_sum);
    return found->size == row->size && (!row->sha256[0] || strcmp(ret_sum, row->sha256) == 0);
}

/* S3_E_DAMAGED and why. */
static int copy_compared(int source, int target, const struct blob_row *row, struct reason *why)
{
    CLEANUP(found_deinit)
    struct found found = {.sha256 = hash_new(HASH_SHA256), .crc = crc_begin(CRC_64NVME)};
    char sum[HASH_HEX_SIZE];
    int rc = found.sha256 ? copy_bytes(source, target, &found) : FAULT(ENOMEM);
    if (rc == -EIO)
        return reason_set(why, S3_E_DAMAGED, "it cannot be read: %s", strerror(EIO));
    if (rc != 0)
        return rc;
    if (is_what_was_put(row, &found, sum))
        return 0;
    return reason_set(why, S3_E_DAMAGED, "it has %lld bytes with the %s%s instead of %lld with other content",
                      (long long)found.size, row->seal.key[0] ? "" : "SHA-256 ", sum,
                      (long long)blob_stored_size(row));
}

static int copy_file(const char *from, const char *path, const struct blob_row *row, struct reason *why)
{
    char fresh[PATH_MAX];
    int source = open_source(from, row);
    if (source < 0)
        return reason_set(why, S3_E_DAMAGED, "it cannot be opened: %s", strerror(-source));
    int rc = snprintf(fresh, sizeof(fresh), "%s.new", path) < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
    int target = rc == 0 ? io_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600) : rc;
    rc = target < 0 ? target : copy_compared(source, target, row, why);
    if (target >= 0)
        close_fd(&target);
    close_fd(&source);
    if (rc == 0)
        return io_rename(fresh, path);
    if (io_unlink(fresh) != 0)
        (void)FAULT(EIO); /* the next backup writes over it */
    return rc;
}

static bool is_there(const char *path, int64_t size)
{
    struct stat stat_;
    return stat(path, &stat_) == 0 && S_ISREG(stat_.st_mode) && stat_.st_size == size;
}

static int make_folder(const char *to, const char *name)
{
    char path[PATH_MAX], folder[3] = {name[0], name[1], 0};
    int rc = path_of(to, folder, "", path);
    return rc == 0 ? io_mkdir_parents(path, 0700) : rc;
}

static int transfer_one(const char *from, const char *to, const struct blob_row *row, struct transfer *ret)
{
    char path[PATH_MAX];
    struct reason why = {0};
    int rc = settled_path(to, row->file, path);
    ret->blobs++;
    ret->bytes += blob_stored_size(row);
    if (rc != 0 || is_there(path, blob_stored_size(row)))
        return rc;
    rc = make_folder(to, row->file);
    if (rc == 0)
        rc = copy_file(from, path, row, &why);
    if (rc == S3_E_DAMAGED)
        return json_array_append_new(ret->missing,
                                     json_pack("{s:s, s:s}", "file", row->file, "why", why.text))
                   ? FAULT(ENOMEM)
                   : 0;
    ret->copied_blobs += rc == 0;
    ret->copied_bytes += rc == 0 ? blob_stored_size(row) : 0;
    return rc;
}

int blobs_transfer(struct db *db, const char *from, const char *to, struct transfer *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    *ret = (struct transfer){.missing = json_array()};
    int rc = ret->missing ? db_read(db, &tx) : FAULT(ENOMEM);
    if (rc == 0)
        rc = tx_query(tx, &rows, "SELECT " BLOB_COLUMNS " FROM s3_blob WHERE file IS NOT NULL", "");
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        struct blob_row row;
        blob_row_read(rows, 0, &row);
        rc = transfer_one(from, to, &row, ret);
    }
    return rc == DB_NONE ? 0 : rc;
}

/* ---- what is there too much */

static void close_folder(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int sweep_file(struct tx *tx, const char *folder, const char *name)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    char path[PATH_MAX];
    int rc = tx_query_row(tx, &rows, "SELECT 1 FROM s3_blob WHERE file = $1", "s", name);
    if (rc != DB_NONE)
        return rc;
    return snprintf(path, sizeof(path), "%s/%s", folder, name) < PATH_MAX ? io_unlink(path)
                                                                          : FAULT(ENAMETOOLONG);
}

static int sweep_folder(struct tx *tx, const char *to, unsigned char number)
{
    char folder[PATH_MAX], name[3];
    hex_encode(&number, 1, name);
    int rc = path_of(to, name, "", folder);
    CLEANUP(close_folder) DIR *dir = rc == 0 ? opendir(folder) : NULL;
    if (!dir)
        return rc != 0 || errno == ENOENT ? rc : FAULT(errno);
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            rc = sweep_file(tx, folder, entry->d_name);
    return rc;
}

int blobs_sweep(struct db *db, const char *to)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(db, &tx);
    for (unsigned i = 0; rc == 0 && i < 256; i++)
        rc = sweep_folder(tx, to, (unsigned char)i);
    return rc;
}
