/* A digest computed by a thread of its own, while the bytes' owner receives, writes and hashes otherwise: one
 * core's worth of work beside another's. For bodies of many blocks; a lane costs a thread's start. */
#pragma once

#include "base/hash.h"

struct hash_lane;

/* From now on the hash is the lane's. -EAGAIN: there are as many lanes as processors, or no thread is to be
 * had: go on without. */
int hash_lane_start(struct hash *hash, struct hash_lane **ret) MUST_USE;
/* Gives a block (block.h) of which the first `len` are to be hashed, and gets
 * another instead. The given one may still be read until the next call, which waits when the lane is two
 * blocks behind. */
void hash_lane_give(struct hash_lane *lane, unsigned char **block, size_t len);
/* Waits for what was given, ends the thread: the hash is the caller's again. CLEANUP-able. */
void hash_lane_end(struct hash_lane **lane);
