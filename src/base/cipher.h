/* AES-256-GCM under one key: bytes that cannot be read or changed without it (libcrypto; NIST SP 800-38D). */
#pragma once

#include "base/base.h"

#define CIPHER_KEY_SIZE 32
#define CIPHER_NONCE_SIZE 12 /* never twice under one key */
#define CIPHER_TAG_SIZE 16

struct cipher; /* a key made ready; for one thread at a time */

struct cipher *cipher_new(const unsigned char key[CIPHER_KEY_SIZE]) MUST_USE; /* NULL when out of memory */
void cipher_free(struct cipher **cipher);                                     /* CLEANUP-able */

/* `about` is not stored, and must be the same when it is opened. `ret` gets len bytes and the tag; it may be
 * `plain` itself. */
int cipher_seal(struct cipher *cipher, const unsigned char nonce[CIPHER_NONCE_SIZE], struct str about,
                const void *plain, size_t len, void *ret) MUST_USE;
/* `sealed` is len bytes and the tag; `ret` gets len bytes and may be `sealed` itself. -EBADMSG: other bytes,
 * nonce, `about` or key than when they were sealed. */
int cipher_open(struct cipher *cipher, const unsigned char nonce[CIPHER_NONCE_SIZE], struct str about,
                const void *sealed, size_t len, void *ret) MUST_USE;
