/* Bytes of blobs encrypted at rest: AES-256-GCM in segments, so that a range is read without what is before
 * it and no byte is given away that was not authenticated. Segment i of a blob is sealed under the blob's
 * data key with the nonce i; a blob's row has the data key wrapped (keyring.h) together with digest and size
 * of the plain bytes, and the CRC-64/NVME of the sealed ones, by which a copy is compared without any key. */
#pragma once

#include "base/buf.h"
#include "base/cipher.h"
#include "services/keyring.h"

#define SEAL_SEGMENT 65536 /* plain bytes of every segment but the last */
#define SEALED_SEGMENT (SEAL_SEGMENT + CIPHER_TAG_SIZE)

/* How many bytes are stored of so many plain ones. */
int64_t seal_stored_size(int64_t size);

/* What a blob's row says of its seal. */
struct seal_row {
    char key[KEYRING_NAME_SIZE]; /* empty: the bytes are plain */
    char wrapped[KEYRING_WRAPPED_SIZE];
    uint64_t crc;
};

/* ---- on the way in */

struct sealer;
int sealer_new(struct sealer **ret) MUST_USE; /* under a new data key */
void sealer_free(struct sealer **sealer);     /* CLEANUP-able */
/* Seals what makes whole segments into the file; the rest waits. */
int sealer_write(struct sealer *sealer, int fd, const void *bytes, size_t len) MUST_USE;
int sealer_finish(struct sealer *sealer, int fd) MUST_USE; /* the last segment */
/* All there is, at most a segment, in memory instead of a file. */
int sealer_small(struct sealer *sealer, struct buf *bytes) MUST_USE;
/* Once all is sealed. */
int sealer_row(const struct sealer *sealer, const struct keyring *ring, const char *sha256, int64_t size,
               struct seal_row *ret) MUST_USE;

/* ---- on the way out */

struct opener;
/* `ring` may be NULL. KEYRING_E_NO_KEY; -EBADMSG: the row was changed. */
int opener_new(const struct keyring *ring, const struct seal_row *row, const char *sha256, int64_t size,
               struct opener **ret) MUST_USE;
void opener_free(struct opener **opener); /* CLEANUP-able */
/* The plain bytes from `offset` to the end of its segment: in *ret, until the next call. -EBADMSG: they were
 * changed; -EIO: they cannot be read. */
int opener_read(struct opener *opener, int fd, int64_t offset, struct str *ret) MUST_USE;
int opener_small(struct opener *opener, struct buf *bytes) MUST_USE; /* in place; -EBADMSG */
/* The data key wrapped again by the ring's first key. */
int opener_rewrap(const struct opener *opener, const struct keyring *ring, const char *sha256,
                  struct seal_row *ret) MUST_USE;
