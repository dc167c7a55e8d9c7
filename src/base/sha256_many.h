/* SHA-256 (FIPS 180-4) of up to SHA256_MANY messages at once by the processor's own instructions: of one
 * alone each waits for the one before, and the processor for half of the time. */
#pragma once

#include "base/base.h"

#define SHA256_MANY 3
#define SHA256_BLOCK 64

/* Whether this processor has them. */
bool sha256_many_can(void);
/* Moves each state (A to H) on by `blocks` blocks of SHA256_BLOCK bytes. `count` is 1 to SHA256_MANY. */
void sha256_many(uint32_t *const states[], const unsigned char *const bytes[], size_t count, size_t blocks);
