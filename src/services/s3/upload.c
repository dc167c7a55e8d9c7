/* See upload.h. */
#include "services/s3/upload.h"
#include "base/id.h"
#include "services/s3/content.h"
#include "services/service.h"
#include <fcntl.h>
#include <limits.h>

#define WRITEBACK_BYTES (8 << 20)
#define LANE_FROM (256 << 10)

int upload_init(const struct platform *platform, unsigned digests, struct upload *upload)
{
    *upload = (struct upload){.platform = platform, .small = BUF_INIT(BLOB_STORED_MAX), .fd = -1};
    upload->md5 = digests & UPLOAD_MD5 ? hash_new(HASH_MD5) : NULL;
    upload->sha256 = digests & UPLOAD_SHA256 ? hash_new(HASH_SHA256) : NULL;
    bool all = (upload->md5 || !(digests & UPLOAD_MD5)) && (upload->sha256 || !(digests & UPLOAD_SHA256));
    if (!all)
        return FAULT(ENOMEM);
    return platform->keyring ? sealer_new(&upload->sealer) : 0;
}

/* The disk works while the rest comes in: the sync at the end finds little to do. */
static void begin_writeback(struct upload *upload)
{
    if (upload->written - upload->begun < WRITEBACK_BYTES)
        return;
    /* whether it helped or not, the sync at the end is what counts */
    (void)sync_file_range(upload->fd, upload->begun, upload->written - upload->begun, SYNC_FILE_RANGE_WRITE);
    upload->begun = upload->written;
}

/* Segments are of no block's size: they go through the page cache. */
static int write_sealed(struct upload *upload)
{
    int rc = sealer_write(upload->sealer, upload->fd, upload->block, upload->filled);
    if (rc == 0)
        begin_writeback(upload);
    return rc;
}

static bool has_writer(struct upload *upload)
{
    return upload->writer || write_lane_start(upload->fd, upload->written, &upload->writer) == 0;
}

/* The last bytes are of no size that direct I/O takes. */
static int write_last(struct upload *upload)
{
    int rc = upload->writer ? write_lane_wait(upload->writer) : 0;
    (void)io_be_buffered(upload->fd); /* it may be already */
    return rc != 0 ? rc : io_pwrite_all(upload->fd, upload->block, upload->filled, upload->written);
}

static int write_plain(struct upload *upload)
{
    struct iovec part = {upload->block, BLOCK_SIZE};
    if (upload->filled < BLOCK_SIZE)
        return write_last(upload);
    begin_writeback(upload); /* where the file system does not write past its cache */
    return has_writer(upload) ? write_lane_give(upload->writer, upload->block)
                              : io_pwritev_all(upload->fd, &part, 1, upload->written);
}

/* Made in the folder where it will be, named where it comes in: the disk has it where it is made, and those
 * folders lie apart (io_spread_folders). Not every file system can. */
static int open_apart(const struct upload *upload, const char *name, int direct, const char *path)
{
    char folder[PATH_MAX];
    int rc = blob_settled_folder(upload->platform, name, folder);
    CLEANUP(close_fd) int fd = rc == 0 ? io_open(folder, O_WRONLY | O_TMPFILE | direct, 0600) : rc;
    if (fd < 0)
        return fd;
    rc = io_link(fd, path);
    return rc == 0 ? take_fd(fd) : rc;
}

/* Whole blocks of a plain file go to the disk past the page cache, which costs more than all hashing; where
 * the file system cannot, through it. */
static int open_file(const struct upload *upload, const char *name, const char *path)
{
    const int direct = upload->sealer ? 0 : O_DIRECT;
    int fd = open_apart(upload, name, direct, path);
    if (fd < 0)
        fd = io_open(path, O_WRONLY | O_CREAT | direct, 0600);
    return fd == -EINVAL ? io_open(path, O_WRONLY | O_CREAT, 0600) : fd;
}

/* Opens the file and moves what is in memory into it. */
static int become_file(struct upload *upload)
{
    char path[PATH_MAX];
    char name[BLOB_NAME_SIZE];
    id_hex(name, BLOB_NAME_SIZE - 1);
    int rc = blob_incoming_path(upload->platform, name, path);
    if (rc != 0)
        return rc;
    upload->block = block_new();
    rc = upload->block ? open_file(upload, name, path) : FAULT(ENOMEM);
    if (rc < 0)
        return rc;
    upload->fd = rc;
    memcpy(upload->name, name, sizeof(name));
    if (upload->small.len > 0)
        memcpy(upload->block, upload->small.ptr, upload->small.len);
    upload->filled = upload->small.len;
    buf_free(&upload->small);
    return 0;
}

static void start_lane(struct upload *upload)
{
    upload->lane_tried = true;
    if (hash_lane_start(upload->md5, upload->beside, &upload->lane) != 0)
        upload->lane = NULL;
}

/* MD5 is the slowest of what a byte goes through: a large body's is computed beside the rest. */
static void hash_block(struct upload *upload)
{
    if (!upload->lane_tried && (upload->size >= LANE_FROM || upload->expected >= LANE_FROM))
        start_lane(upload);
    if (upload->lane) {
        hash_lane_give(upload->lane, &upload->block, upload->filled);
        return;
    }
    if (upload->beside)
        hash_update_both(upload->md5, upload->beside, upload->block, upload->filled);
    else
        hash_update(upload->md5, upload->block, upload->filled);
}

/* The writer may be reading it still. */
static int replace_block(struct upload *upload)
{
    unsigned char *another = block_new();
    if (!another)
        return write_lane_wait(upload->writer);
    block_free(&upload->block);
    upload->block = another;
    return 0;
}

static int write_block(struct upload *upload)
{
    const unsigned char *block = upload->block;
    if (upload->filled == 0)
        return 0;
    int rc = upload->sealer ? write_sealed(upload) : write_plain(upload);
    upload->written += (int64_t)upload->filled;
    if (upload->md5) /* written or not: its digest is compared first */
        hash_block(upload);
    upload->filled = 0;
    return rc == 0 && upload->writer && upload->block == block ? replace_block(upload) : rc;
}

/* A block of them is one write. */
static int add_to_blocks(struct upload *upload, const unsigned char *bytes, size_t len)
{
    int rc = 0;
    while (rc == 0 && len > 0) {
        size_t room = BLOCK_SIZE - upload->filled;
        size_t some = len < room ? len : room;
        if (bytes != upload->block + upload->filled)
            memcpy(upload->block + upload->filled, bytes, some);
        upload->filled += some;
        bytes += some;
        len -= some;
        if (upload->filled == BLOCK_SIZE)
            rc = write_block(upload);
    }
    return rc;
}

bool upload_expect(struct upload *upload, int64_t size, struct hash *beside)
{
    bool large = size > BLOB_INLINE_MAX && upload->md5;
    upload->expected = size;
    upload->beside = large ? beside : NULL;
    return large;
}

int upload_write(struct upload *upload, const void *bytes, size_t len)
{
    assert(!upload->together.hash); /* it is complete */
    if (len == 0)
        return 0;
    if (upload->sha256)
        hash_update(upload->sha256, bytes, len);
    upload->size += (int64_t)len;
    if (upload->fd < 0 && upload->expected <= BLOB_INLINE_MAX && upload->size <= BLOB_INLINE_MAX)
        return buf_put(&upload->small, bytes, len);
    int rc = upload->fd < 0 ? become_file(upload) : 0;
    return rc != 0 ? rc : add_to_blocks(upload, bytes, len);
}

void upload_complete(struct upload *upload)
{
    if (upload->md5 && upload->fd < 0)
        hash_together_begin(&upload->together, upload->md5, buf_str(&upload->small));
}

static void finish_md5(struct upload *upload)
{
    bool waits = upload->together.hash != NULL;
    hash_together_end(&upload->together);
    if (!waits && upload->fd < 0)
        hash_update(upload->md5, upload->small.ptr, upload->small.len);
    hash_final(upload->md5, upload->md5_digest);
}

void *upload_place(struct upload *upload, size_t *ret_room)
{
    *ret_room = BLOCK_SIZE - upload->filled;
    return upload->fd >= 0 ? upload->block + upload->filled : NULL;
}

static int sync_file(struct upload *upload)
{
    char folder[PATH_MAX];
    int rc = upload->writer ? write_lane_wait(upload->writer) : 0;
    write_lane_end(&upload->writer);
    if (rc == 0)
        rc = blob_incoming_path(upload->platform, "", folder);
    if (rc == 0 && upload->sealer)
        rc = sealer_finish(upload->sealer, upload->fd);
    if (rc == 0)
        rc = io_fsync(upload->fd);
    return rc != 0 ? rc : io_fsync_dir(folder);
}

/* Its last blocks are hashed while it is synced. */
int upload_finish(struct upload *upload)
{
    int rc = write_block(upload);
    if (rc == 0 && upload->fd >= 0)
        rc = sync_file(upload);
    hash_lane_end(&upload->lane);
    if (rc != 0)
        return rc;
    if (upload->md5)
        finish_md5(upload);
    if (upload->sha256)
        hash_final(upload->sha256, upload->sha256_digest);
    return upload->fd < 0 && upload->sealer ? sealer_small(upload->sealer, &upload->small) : 0;
}

/* ---- its row */

static const char *null_if_empty(const char *text)
{
    return text[0] ? text : NULL;
}

static int insert(struct tx *tx, const struct upload *upload, const char *sha256, const struct seal_row *seal,
                  int64_t id)
{
    struct str data = upload->fd >= 0 ? (struct str){NULL, 0} : buf_str(&upload->small);
    if (upload->fd < 0 && data.len == 0)
        data = STR("");
    return tx_exec(tx,
                   "INSERT INTO s3_blob (id, refs, size, file, data, sha256, seal_key, seal, seal_crc)"
                   " VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
                   "iisbsssi", id, upload->size, null_if_empty(upload->name), data, sha256,
                   null_if_empty(seal->key), null_if_empty(seal->wrapped), (int64_t)seal->crc);
}

/* What is damaged gives way to the upload's file, for all objects that share it. */
static int replace_file(struct tx *tx, const struct upload *upload, const struct seal_row *seal, int64_t id)
{
    int rc = content_discard(tx, id);
    return rc != 0 ? rc
                   : tx_exec(tx,
                             "UPDATE s3_blob SET file = $2, damaged_ms = 0, damage = NULL, seal_key = $3,"
                             " seal = $4, seal_crc = $5, parts = 0 WHERE id = $1",
                             "isssi", id, upload->name, null_if_empty(seal->key),
                             null_if_empty(seal->wrapped), (int64_t)seal->crc);
}

static int store_file(struct tx *tx, struct upload *upload, const char *sha256, const struct seal_row *seal,
                      int64_t id, int64_t *ret)
{
    const struct content content = {sha256, upload->size, upload->sealer != NULL};
    struct content_found found = {.id = id};
    int rc = content_find(tx, &content, &found);
    *ret = found.id;
    if (rc == DB_NONE)
        return insert(tx, upload, sha256, seal, id);
    if (rc == 0)
        rc = blob_ref(tx, found.id);
    upload->known = rc == 0 && !found.damaged;
    return rc != 0 || upload->known ? rc : replace_file(tx, upload, seal, found.id);
}

int upload_store(struct tx *tx, struct upload *upload, const char *sha256, int64_t id, int64_t *ret)
{
    struct seal_row seal = {0};
    int rc = upload->sealer
                 ? sealer_row(upload->sealer, upload->platform->keyring, sha256, upload->size, &seal)
                 : 0;
    *ret = id;
    if (rc != 0)
        return rc;
    return upload->fd >= 0 ? store_file(tx, upload, sha256, &seal, id, ret)
                           : insert(tx, upload, sha256, &seal, id);
}

bool upload_is_file(const struct upload *upload)
{
    return upload->fd >= 0;
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
    hash_together_drop(&upload->together);
    write_lane_end(&upload->writer);
    hash_lane_end(&upload->lane);
    hash_free(&upload->md5);
    hash_free(&upload->sha256);
    buf_free(&upload->small);
    block_free(&upload->block);
    sealer_free(&upload->sealer);
    if (upload->fd < 0)
        return;
    close_fd(&upload->fd);
    upload->fd = -1;
    char path[PATH_MAX];
    /* What cannot be unlinked now is swept at the next start. */
    if (blob_incoming_path(upload->platform, upload->name, path) == 0 && io_unlink(path) != 0)
        (void)FAULT(EIO);
}
