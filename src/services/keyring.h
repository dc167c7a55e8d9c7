/* The keys that data at rest is under: each blob has a key of its own (its data key), which is stored wrapped
 * by one of these. The first key of the ring wraps; all unwrap. So a key is replaced by putting a new one
 * before it, and no blob's bytes need to be written again.
 *
 * A key file holds 32 random bytes, or 64 hexadecimal digits, and is readable by its owner alone. A key's
 * name is the first 16 digits of its SHA-256. Data keys are wrapped by AES-256-GCM with random nonces: good
 * for some four billion blobs a key (NIST SP 800-38D, 8.3). */
#pragma once

#include "base/cipher.h"
#include "base/reason.h"

#define KEYRING_NAME_SIZE 17
#define KEYRING_WRAPPED_SIZE 81 /* base64 of nonce, data key, tag */
#define KEYRING_MAX 16

struct keyring; /* does not change: used by several threads at once */

enum keyring_outcome {
    KEYRING_E_FILE = 1, /* a file is no key; the reason says which and why */
    KEYRING_E_NO_KEY,   /* the ring has no key of that name */
};

/* `files`: count of them, at least one. KEYRING_E_FILE. */
int keyring_read(const char *const *files, size_t count, struct keyring **ret, struct reason *why) MUST_USE;
void keyring_free(struct keyring **ring);              /* CLEANUP-able */
const char *keyring_first(const struct keyring *ring); /* name of the key that wraps */
bool keyring_has(const struct keyring *ring, const char *name);

/* `about` must be the same when it is unwrapped: a wrapped key that was moved to another blob is none. */
int keyring_wrap(const struct keyring *ring, const unsigned char data_key[CIPHER_KEY_SIZE], struct str about,
                 char ret[KEYRING_WRAPPED_SIZE]) MUST_USE;
/* KEYRING_E_NO_KEY; -EBADMSG: it was changed. */
int keyring_unwrap(const struct keyring *ring, const char *name, const char *wrapped, struct str about,
                   unsigned char ret_data_key[CIPHER_KEY_SIZE]) MUST_USE;
