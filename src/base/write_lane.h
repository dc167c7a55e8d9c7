/* Blocks written to a file by other threads, in their order, while the file's owner receives and hashes the
 * next. For bodies of several blocks. */
#pragma once

#include "base/block.h"
#include <sys/types.h>

struct write_lane;

/* Writes from that offset on; the descriptor stays the caller's. -EAGAIN: no memory or no thread is to be
 * had: write yourself. */
int write_lane_start(int fd, off_t offset, struct write_lane **ret) MUST_USE;
/* Gives a whole block (block.h), which is shared from then on: its bytes stay as they are. Waits when the
 * lane is several blocks behind; when it has waited long in all, O_DIRECT is taken from the descriptor. A
 * fault of this or an earlier block's write: the file is of no use. */
int write_lane_give(struct write_lane *lane, unsigned char *block) MUST_USE;
/* Waits for what was given. The same faults. */
int write_lane_wait(struct write_lane *lane) MUST_USE;
void write_lane_end(struct write_lane **lane); /* waits; CLEANUP-able */
