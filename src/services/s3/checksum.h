/* The checksums by which clients have S3 verify what arrives: x-amz-checksum-crc32, -crc32c, -crc64nvme,
 * -sha1.
 * (-sha256 is computed for every object anyway.) */
#pragma once

#include "base/hash.h"

#define CHECKSUM_TEXT_SIZE 32 /* base64 of at most 20 bytes */

struct checksum_kind;

struct checksum {
    const struct checksum_kind *kind; /* NULL: none asked for */
    uint64_t crc;
    struct hash *sha1;
};

/* Number of kinds, and the request header of each. */
size_t checksum_count(void);
const char *checksum_header(size_t index);

int checksum_init(struct checksum *checksum, size_t index) MUST_USE;
void checksum_update(struct checksum *checksum, const void *bytes, size_t len);
/* Base64 of the digest, big-endian. */
void checksum_final(struct checksum *checksum, char ret[CHECKSUM_TEXT_SIZE]);
const char *checksum_name(const struct checksum *checksum); /* its header */
void checksum_deinit(struct checksum *checksum);
