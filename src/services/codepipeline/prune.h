/* Old executions go: what ended longer ago than the server keeps it. Small batches, each its own transaction,
 * so that nobody waits for it. What a stage shows or would go back to stays, and each pipeline's newest. */
#pragma once

#include "db/db.h"

/* Removes at most `max` executions that ended before cutoff_ms, with their runs, jobs and the pipeline's
 * history of before; the oldest first, from after *cursor_ms (their end) on, which moves along. *ret_removed
 * == 0 and a cursor of INT64_MAX: there are none left. */
int executions_prune(struct db *db, int64_t cutoff_ms, int64_t max, int64_t *cursor_ms,
                     int64_t *ret_removed) MUST_USE;
