/* Digests and their text forms (libcrypto, libxxhash). */
#pragma once

#include "base/base.h"

enum hash_type { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA512, HASH_XXH64, HASH_XXH3, HASH_XXH128 };
#define HASH_MAX_SIZE 64
#define HASH_HEX_SIZE (2 * HASH_MAX_SIZE + 1)
#define HASH_BASE64_SIZE 89

struct hash; /* a digest under way */

size_t hash_size(enum hash_type type);               /* bytes */
struct hash *hash_new(enum hash_type type) MUST_USE; /* NULL when out of memory */
void hash_free(struct hash **hash);                  /* CLEANUP-able */
void hash_update(struct hash *hash, const void *bytes, size_t len);
/* hash_update of each with its own bytes; of MD5s and SHA-256s many at a time (md5_many.h,
 * sha256_many.h). `count` up to MD5_MANY. */
void hash_update_many(struct hash *const hashes[], const struct str bytes[], size_t count);
/* hash_update of an MD5 and a SHA-256 with the same bytes, in hardly more time than the MD5 takes where
 * sha256_many_can. */
void hash_update_both(struct hash *md5, struct hash *sha256, const void *bytes, size_t len);
/* `ret` of these gets hash_size(type) bytes, big-endian. */
void hash_final(struct hash *hash, unsigned char *ret);
void hash_bytes(enum hash_type type, struct str bytes, unsigned char *ret);
/* By MD5, SHA-1 or SHA-256. */
void hash_hmac(enum hash_type type, struct str key, struct str bytes, unsigned char *ret);
void hash_hmac_sha256(struct str key, struct str bytes, unsigned char ret[32]);
/* A key of many HMAC-SHA256s, with what they have in common reckoned already. As secret as the key. */
struct hash_key {
    uint32_t inner[8];
    uint32_t outer[8];
};
void hash_key_init(struct hash_key *hash_key, struct str key);
void hash_hmac_by(const struct hash_key *hash_key, struct str bytes, unsigned char ret[32]);
/* Lower-case hex of SHA-256. */
void hash_sha256_hex(struct str bytes, char ret[65]);

void hex_encode(const void *bytes, size_t len, char *ret); /* 2*len digits and a NUL */
bool hex_decode(struct str hex, void *ret);                /* hex.len/2 bytes; false on a bad digit */
/* ret holds 4*((len+2)/3)+1 bytes. */
void base64_encode(const void *bytes, size_t len, char *ret);
/* ret holds at least 3*(s.len/4) bytes; false when s is not canonical base64. */
bool base64_decode(struct str s, void *ret, size_t *ret_len);
/* Compares in constant time. */
bool hash_equal(const void *a, const void *b, size_t len);
