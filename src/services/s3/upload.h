/* The bytes of an object or part on their way in, to become a blob (blob.h). Sealed as they come when the
 * server has encryption keys. */
#pragma once

#include "base/hash_lane.h"
#include "base/hash_together.h"
#include "base/write_lane.h"
#include "services/s3/blob.h"

struct upload {
    const struct platform *platform;
    struct buf small; /* while it fits into the database */
    int64_t expected; /* bytes; 0: that is not known */
    int fd;           /* -1: not a file yet */
    char name[BLOB_NAME_SIZE];
    bool known; /* the bytes were there already: the file goes */
    int64_t size;
    unsigned char *block; /* what is not written yet */
    size_t filled;
    int64_t written;
    int64_t begun;             /* up to where bytes in the page cache are on their way to the disk */
    struct write_lane *writer; /* of whole blocks; NULL: none yet, or they are written where they come in */
    struct hash *md5;
    struct hash *beside;    /* another's, of the same bytes, when it is large; NULL: none */
    struct hash_lane *lane; /* that computes them; NULL: who writes does */
    bool lane_tried;
    struct hash_together together; /* md5 of a small one, once all of it is there */
    struct hash *sha256;
    unsigned char md5_digest[HASH_MAX_SIZE]; /* after upload_finish */
    unsigned char sha256_digest[HASH_MAX_SIZE];
    struct sealer *sealer; /* NULL: the bytes stay plain */
};
#define UPLOAD_NONE ((struct upload){.fd = -1})

enum upload_digest { UPLOAD_MD5 = 1, UPLOAD_SHA256 = 2 };

/* `digests`: which of upload_digest's to compute while the bytes pass. */
int upload_init(const struct platform *platform, unsigned digests, struct upload *upload) MUST_USE;
/* Before the first byte, by who knows how many will come. True: of these the upload computes `beside`, of
 * SHA-256, too. */
bool upload_expect(struct upload *upload, int64_t size, struct hash *beside);
/* Bytes may be where upload_place says. */
int upload_write(struct upload *upload, const void *bytes, size_t len) MUST_USE;
/* No more are written: others that finish may compute a digest along with theirs. */
void upload_complete(struct upload *upload);
/* Where the next bytes may be put before they are written, *ret_room of them at most; it is the upload's
 * until they are. NULL: it is no file yet. */
void *upload_place(struct upload *upload, size_t *ret_room) MUST_USE;
/* All bytes are there: digests (that of `beside` also after a fault), and for a file its sync and its
 * folder's. No transaction may be open. */
int upload_finish(struct upload *upload) MUST_USE;
/* Makes it a blob called `id`, or a reference to one with the same bytes; *ret: which. `sha256` is in hex. */
int upload_store(struct tx *tx, struct upload *upload, const char *sha256, int64_t id, int64_t *ret) MUST_USE;
/* The bytes are no part of the transaction. */
bool upload_is_file(const struct upload *upload);
/* After the commit: moves the file to its place and forgets it. */
void upload_settle(struct upload *upload);
/* Frees, and removes the file unless it was settled. CLEANUP-able. */
void upload_deinit(struct upload *upload);
