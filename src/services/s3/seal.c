/* See seal.h. */
#include "services/s3/seal.h"
#include "base/crc.h"
#include "base/id.h"
#include "base/io.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdio.h>

#define ABOUT_SIZE 96

int64_t seal_stored_size(int64_t size)
{
    return size + CIPHER_TAG_SIZE * ((size + SEAL_SEGMENT - 1) / SEAL_SEGMENT);
}

static void nonce_of(uint64_t number, unsigned char ret[CIPHER_NONCE_SIZE])
{
    memset(ret, 0, CIPHER_NONCE_SIZE);
    for (size_t i = CIPHER_NONCE_SIZE; i-- > 0 && number > 0; number >>= 8)
        ret[i] = (unsigned char)number;
}

/* What the wrapped key is bound to. */
static struct str about(const char *sha256, int64_t size, char ret[ABOUT_SIZE])
{
    int len = snprintf(ret, ABOUT_SIZE, "%.64s %" PRId64, sha256, size);
    return (struct str){ret, (size_t)len};
}

/* ---- on the way in */

struct sealer {
    struct cipher *cipher;
    unsigned char key[CIPHER_KEY_SIZE];
    uint64_t number; /* of the segment that is being filled */
    uint64_t crc;
    size_t filled;
    unsigned char *segment; /* NULL: the bytes are few */
};

int sealer_new(struct sealer **ret)
{
    CLEANUP(sealer_free) struct sealer *sealer = mem_alloc(sizeof(*sealer));
    if (!sealer)
        return FAULT(ENOMEM);
    id_random(sealer->key, sizeof(sealer->key));
    sealer->crc = crc_begin(CRC_64NVME);
    sealer->cipher = cipher_new(sealer->key);
    if (!sealer->cipher)
        return FAULT(ENOMEM);
    *ret = sealer;
    sealer = NULL;
    return 0;
}

void sealer_free(struct sealer **sealer)
{
    if (!*sealer)
        return;
    cipher_free(&(*sealer)->cipher);
    free((*sealer)->segment);
    explicit_bzero(*sealer, sizeof(**sealer));
    free(*sealer);
    *sealer = NULL;
}

static int seal_segment(struct sealer *sealer, void *bytes, size_t len)
{
    unsigned char nonce[CIPHER_NONCE_SIZE];
    nonce_of(sealer->number++, nonce);
    int rc = cipher_seal(sealer->cipher, nonce, STR(""), bytes, len, bytes);
    sealer->crc = crc_update(CRC_64NVME, sealer->crc, bytes, len + CIPHER_TAG_SIZE);
    return rc;
}

static int write_segment(struct sealer *sealer, int fd)
{
    size_t len = sealer->filled;
    sealer->filled = 0;
    int rc = seal_segment(sealer, sealer->segment, len);
    return rc != 0 ? rc : io_write_all(fd, sealer->segment, len + CIPHER_TAG_SIZE);
}

int sealer_write(struct sealer *sealer, int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    int rc = 0;
    if (!sealer->segment && !(sealer->segment = mem_alloc(SEALED_SEGMENT)))
        return FAULT(ENOMEM);
    while (rc == 0 && len > 0) {
        size_t room = SEAL_SEGMENT - sealer->filled;
        size_t some = len < room ? len : room;
        memcpy(sealer->segment + sealer->filled, at, some);
        sealer->filled += some;
        at += some;
        len -= some;
        if (sealer->filled == SEAL_SEGMENT)
            rc = write_segment(sealer, fd);
    }
    return rc;
}

int sealer_finish(struct sealer *sealer, int fd)
{
    return sealer->filled > 0 ? write_segment(sealer, fd) : 0;
}

int sealer_small(struct sealer *sealer, struct buf *bytes)
{
    size_t len = bytes->len;
    int rc = len > 0 ? buf_reserve(bytes, CIPHER_TAG_SIZE) : 0;
    if (rc != 0 || len == 0)
        return rc;
    bytes->len += CIPHER_TAG_SIZE;
    return seal_segment(sealer, bytes->ptr, len);
}

int sealer_row(const struct sealer *sealer, const struct keyring *ring, const char *sha256, int64_t size,
               struct seal_row *ret)
{
    char text[ABOUT_SIZE];
    memcpy(ret->key, keyring_first(ring), sizeof(ret->key));
    ret->crc = crc_value(CRC_64NVME, sealer->crc);
    return keyring_wrap(ring, sealer->key, about(sha256, size, text), ret->wrapped);
}

/* ---- on the way out */

struct opener {
    struct cipher *cipher;
    unsigned char key[CIPHER_KEY_SIZE];
    int64_t size;   /* of the plain bytes */
    int64_t number; /* of the segment that is open; -1: none */
    unsigned char *segment;
};

int opener_new(const struct keyring *ring, const struct seal_row *row, const char *sha256, int64_t size,
               struct opener **ret)
{
    char text[ABOUT_SIZE];
    CLEANUP(opener_free) struct opener *opener = ring ? mem_alloc(sizeof(*opener)) : NULL;
    if (!opener)
        return ring ? FAULT(ENOMEM) : KEYRING_E_NO_KEY;
    opener->size = size;
    opener->number = -1;
    int rc = keyring_unwrap(ring, row->key, row->wrapped, about(sha256, size, text), opener->key);
    if (rc != 0)
        return rc;
    opener->cipher = cipher_new(opener->key);
    if (!opener->cipher)
        return FAULT(ENOMEM);
    *ret = opener;
    opener = NULL;
    return 0;
}

void opener_free(struct opener **opener)
{
    if (!*opener)
        return;
    cipher_free(&(*opener)->cipher);
    free((*opener)->segment);
    explicit_bzero(*opener, sizeof(**opener));
    free(*opener);
    *opener = NULL;
}

static size_t segment_len(const struct opener *opener, int64_t number)
{
    int64_t rest = opener->size - number * SEAL_SEGMENT;
    return rest < SEAL_SEGMENT ? (size_t)rest : SEAL_SEGMENT;
}

static int open_segment(struct opener *opener, int64_t number, const void *sealed, void *ret)
{
    unsigned char nonce[CIPHER_NONCE_SIZE];
    nonce_of((uint64_t)number, nonce);
    return cipher_open(opener->cipher, nonce, STR(""), sealed, segment_len(opener, number), ret);
}

static int load_segment(struct opener *opener, int fd, int64_t number)
{
    if (!opener->segment && !(opener->segment = mem_alloc(SEALED_SEGMENT)))
        return FAULT(ENOMEM);
    opener->number = -1;
    int rc = io_pread_all(fd, opener->segment, segment_len(opener, number) + CIPHER_TAG_SIZE,
                          number * SEALED_SEGMENT);
    if (rc == 0)
        rc = open_segment(opener, number, opener->segment, opener->segment);
    if (rc == 0)
        opener->number = number;
    return rc;
}

int opener_read(struct opener *opener, int fd, int64_t offset, struct str *ret)
{
    int64_t number = offset / SEAL_SEGMENT;
    size_t skip = (size_t)(offset % SEAL_SEGMENT);
    *ret = STR("");
    if (offset >= opener->size)
        return 0;
    int rc = number != opener->number ? load_segment(opener, fd, number) : 0;
    if (rc == 0)
        *ret = (struct str){(const char *)opener->segment + skip, segment_len(opener, number) - skip};
    return rc;
}

int opener_small(struct opener *opener, struct buf *bytes)
{
    if (bytes->len != (size_t)seal_stored_size(opener->size))
        return -EBADMSG;
    if (opener->size == 0)
        return 0;
    bytes->len = (size_t)opener->size;
    return open_segment(opener, 0, bytes->ptr, bytes->ptr);
}

int opener_rewrap(const struct opener *opener, const struct keyring *ring, const char *sha256,
                  struct seal_row *ret)
{
    char text[ABOUT_SIZE];
    memcpy(ret->key, keyring_first(ring), sizeof(ret->key));
    return keyring_wrap(ring, opener->key, about(sha256, opener->size, text), ret->wrapped);
}
