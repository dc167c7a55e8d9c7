/* The checksums by which clients and S3 agree on what is stored: of a whole object, of a part, or of a
 * multipart object as a checksum of its parts' checksums. Values are base64 of the digest, big-endian, a
 * composite one with
 * "-PARTS" behind it. Source: S3 user guide, "Checking object integrity". */
#pragma once

#include "base/hash.h"

enum checksum_algorithm {
    CHECKSUM_NONE,
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME, /* of every object whose client says nothing */
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
    CHECKSUM_SHA512,
    CHECKSUM_MD5,
    CHECKSUM_XXHASH64,
    CHECKSUM_XXHASH3,
    CHECKSUM_XXHASH128,
    CHECKSUM_ALGORITHMS
};

#define CHECKSUM_TEXT_SIZE (HASH_BASE64_SIZE + 6) /* of the longest digest, "-10000" behind it */

struct checksum_value {
    enum checksum_algorithm algorithm;
    bool composite;
    char text[CHECKSUM_TEXT_SIZE];
};

const char *checksum_name(enum checksum_algorithm algorithm);    /* "CRC32"; NULL for none, as the others */
const char *checksum_header(enum checksum_algorithm algorithm);  /* "x-amz-checksum-crc32" */
const char *checksum_lower(enum checksum_algorithm algorithm);   /* "crc32", "null" */
const char *checksum_element(enum checksum_algorithm algorithm); /* "ChecksumCRC32" */
const char *checksum_type(bool composite);                       /* "COMPOSITE", "FULL_OBJECT" */
bool checksum_may_be(enum checksum_algorithm algorithm, bool composite);
/* By name or header, letters of any case; CHECKSUM_NONE when there is none of that name. */
enum checksum_algorithm checksum_named(struct str name);
enum checksum_algorithm checksum_of_header(struct str header);
/* Whether it can be a digest of that algorithm. */
bool checksum_text_good(enum checksum_algorithm algorithm, struct str text);

/* One under way. */
struct checksum {
    enum checksum_algorithm algorithm;
    uint64_t crc;
    struct hash *hash;
};

/* CHECKSUM_NONE computes nothing. */
int checksum_init(struct checksum *checksum, enum checksum_algorithm algorithm) MUST_USE;
void checksum_update(struct checksum *checksum, const void *bytes, size_t len);
/* Adds the digest that a part's text stands for. False when the text is none. */
bool checksum_update_text(struct checksum *checksum, const char *text) MUST_USE;
void checksum_final(struct checksum *checksum, char ret[CHECKSUM_TEXT_SIZE]);
void checksum_deinit(struct checksum *checksum); /* CLEANUP-able */
/* The text of a SHA-256 that is known in hex. False when it is none. */
bool checksum_of_sha256(const char *hex, char ret[CHECKSUM_TEXT_SIZE]) MUST_USE;
