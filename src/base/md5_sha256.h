/* MD5 and SHA-256 of the same bytes in the time of MD5 alone: each waits for its own last step all the time,
 * and they use other parts of the processor. */
#pragma once

#include "base/base.h"

/* Moves both states (A to D, A to H) on by `blocks` blocks of 64 bytes. Where sha256_many_can. */
void md5_sha256(uint32_t md5[4], uint32_t sha256[8], const unsigned char *bytes, size_t blocks);
