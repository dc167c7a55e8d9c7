/* A digest computed by other threads, block by block, while the bytes' owner receives, writes and hashes
 * otherwise. MD5s of several owners are computed side by side (md5_many.h). For bodies of several blocks. */
#pragma once

#include "base/block.h"
#include "base/hash.h"

struct hash_lane;

/* From now on the hash is the lane's. -EAGAIN: no memory or no thread is to be had: go on without. */
int hash_lane_start(struct hash *hash, struct hash_lane **ret) MUST_USE;
/* Gives a block (block.h), of which the first `len` bytes are to be hashed, and gets another instead. Waits
 * when the lane is several blocks behind. */
void hash_lane_give(struct hash_lane *lane, unsigned char **block, size_t len);
/* Waits for what was given: the hash is the caller's again. CLEANUP-able. */
void hash_lane_end(struct hash_lane **lane);
