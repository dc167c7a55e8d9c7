/* SecureString values at rest: AES-256-GCM under the key in DATA/ssm.key (mode 0600, made when first needed).
 * The account and the name are authenticated with the value: bytes moved to another row do not open. */
#pragma once

#include "base/arena.h"
#include "base/base.h"

/* Stored form: 12 bytes nonce, ciphertext, 16 bytes tag; in the arena. */
int secret_seal(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str plain, struct str *ret_stored) MUST_USE;
/* -EBADMSG when the bytes were not sealed for this name with this key. */
int secret_open(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str stored, struct str *ret_plain) MUST_USE;
