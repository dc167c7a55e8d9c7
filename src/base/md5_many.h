/* MD5 (RFC 1321) of up to MD5_MANY messages side by side, one in each lane of a vector: MD5 by itself waits
 * for its own last step all the time, and is the slowest of what an object's bytes go through. */
#pragma once

#include "base/base.h"

#define MD5_MANY 16
#define MD5_MANY_FROM 3 /* fewer are faster one by one */
#define MD5_BLOCK 64

/* Moves each state (A, B, C, D) on by `blocks` blocks of MD5_BLOCK bytes. `count` is 1 to MD5_MANY. */
void md5_many(uint32_t (*const states[])[4], const unsigned char *const bytes[], size_t count, size_t blocks);
