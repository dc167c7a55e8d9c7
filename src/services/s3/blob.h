/* The bytes of objects, apart from their names: shared by reference, counted inside transactions.
 *
 * Up to BLOB_INLINE_MAX bytes live in the database, so that one group commit makes them durable; larger ones
 * are files. A file is written as DATA/blobs/incoming/NAME, synced with its folder, then its row is
 * committed, and only then is it moved to DATA/blobs/NN/NAME (without a sync). So incoming/ holds nothing but
 * uploads under way and files not yet moved: the sweep at start looks at these alone. A row whose last
 * reference goes leaves its file's name in s3_doomed in the same transaction; a background thread unlinks it.
 *
 * Files are content-addressed: an upload whose bytes are there already becomes another reference to them, and
 * its file is dropped. One whose bytes are there but damaged puts its file in the damaged one's place. Bytes
 * in the database are not looked up: an index over digests would cost each put more than the copy does. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "db/db.h"

struct platform;

#define BLOB_INLINE_MAX 65536 /* measured: twice to thrice the puts per second of a file each */
#define BLOB_NAME_SIZE 33
#define BLOB_TOPIC "s3:doomed"

/* Bytes on their way in. */
struct upload {
    const struct platform *platform;
    struct buf small; /* while it fits into the database */
    int fd;           /* -1: not a file yet */
    char name[BLOB_NAME_SIZE];
    bool known; /* the bytes were there already: the file goes */
    int64_t size;
    struct hash *md5;
    struct hash *sha256;
    unsigned char md5_digest[HASH_MAX_SIZE]; /* after upload_finish */
    unsigned char sha256_digest[HASH_MAX_SIZE];
};

enum upload_digest { UPLOAD_MD5 = 1, UPLOAD_SHA256 = 2 };

/* `digests`: which of upload_digest's to compute while the bytes pass. */
int upload_init(const struct platform *platform, unsigned digests, struct upload *upload) MUST_USE;
int upload_write(struct upload *upload, const void *bytes, size_t len) MUST_USE;
/* All bytes are there: digests, and for a file its sync and its folder's. No transaction may be open. */
int upload_finish(struct upload *upload) MUST_USE;
/* Makes it a blob called `id`, or a reference to one with the same bytes; *ret: which. `sha256` is in hex. */
int upload_store(struct tx *tx, struct upload *upload, const char *sha256, int64_t id, int64_t *ret) MUST_USE;
/* After the commit: moves the file to its place and forgets it. */
void upload_settle(struct upload *upload);
/* Frees, and removes the file unless it was settled. CLEANUP-able. */
void upload_deinit(struct upload *upload);

/* Adds or drops a reference. Dropping the last removes the bytes. */
int blob_ref(struct tx *tx, int64_t id) MUST_USE;
int blob_unref(struct tx *tx, int64_t id) MUST_USE;

/* What to read: a file, or bytes in `data` when fd is -1. */
struct blob_source {
    int fd;
    struct buf data;
};

/* Opens a blob's bytes. S3_E_DAMAGED: they are not what was put; -ENOENT: it was removed after the
 * transaction's snapshot, look again. */
int blob_open(struct tx *tx, const struct platform *platform, int64_t id, struct blob_source *ret) MUST_USE;
void blob_source_deinit(struct blob_source *source); /* CLEANUP-able */
/* Gives a range's bytes piece by piece, in order; what `give` returns other than 0 ends it. -EIO: the blob is
 * shorter.
 */
int blob_each(const struct blob_source *source, int64_t offset, int64_t len,
              int (*give)(void *ctx, const void *bytes, size_t len), void *ctx) MUST_USE;

/* Files by name, wherever they are: their descriptor; into place after a commit; away. */
int blob_open_file(const struct platform *platform, const char *name) MUST_USE;
int blob_settle_file(const struct platform *platform, const char *name) MUST_USE;
int blob_remove_file(const struct platform *platform, const char *name) MUST_USE;

/* At start: folders, what an unclean stop left in incoming/, and the thread that unlinks. */
struct blob_keeper;
int blob_keeper_start(const struct platform *platform, struct blob_keeper **ret) MUST_USE;
void blob_keeper_stop(struct blob_keeper **keeper);
