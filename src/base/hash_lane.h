/* A body's digests computed by other threads, block by block, while its owner receives and writes. Those of
 * several owners are computed side by side (hash_update_many). For bodies of several blocks. */
#pragma once

#include "base/block.h"
#include "base/hash.h"

struct hash_lane;

/* From now on the hashes, of which `sha256` may be NULL, are the lane's. Where the processor has no
 * instructions for SHA-256, who gives a block computes it. -EAGAIN: no memory or no thread is to be had: go
 * on without. */
int hash_lane_start(struct hash *md5, struct hash *sha256, struct hash_lane **ret) MUST_USE;
/* Gives a block (block.h), of which the first `len` bytes are to be hashed, and gets another instead. Waits
 * when the lane is several blocks behind. */
void hash_lane_give(struct hash_lane *lane, unsigned char **block, size_t len);
/* Waits for what was given: the hashes are the caller's again. CLEANUP-able. */
void hash_lane_end(struct hash_lane **lane);
