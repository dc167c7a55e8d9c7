/* Large blocks that bytes pass through: they are kept for the next who asks, since fresh memory costs a page
 * fault for every 4 KiB, which is as much as copying them; but for some, until none is in use. A block may
 * have several holders, who then only read it. */
#pragma once

#include "base/base.h"

#define BLOCK_SIZE ((size_t)128 << 10)
#define BLOCK_ALIGNMENT ((size_t)4096) /* of its address: what direct I/O asks for */

unsigned char *block_new(void) MUST_USE; /* not zeroed; NULL when out of memory */
void block_share(unsigned char *block);  /* another holder: each frees it */
void block_free(unsigned char **block);  /* CLEANUP-able */
