/* What accounts keep in buckets, and how much of it they may: bytes of objects, versions and parts of uploads
 * under way, and the number of objects and versions. Charged to the account that put them, in whosever
 * bucket; equal objects each count. Kept in the transactions that change it, so that it is never an estimate.
 *
 * Reaching a limit refuses what would add to it; nothing is removed. */
#pragma once

#include "base/reason.h"
#include "db/db.h"

#define USAGE_ACCOUNT_SIZE 13

struct usage {
    char account[USAGE_ACCOUNT_SIZE];
    int64_t objects;
    int64_t bytes;
    int64_t objects_max; /* -1: no limit */
    int64_t bytes_max;
};

/* S3_E_QUOTA when it is more, and too much. */
int usage_add(struct tx *tx, const char *account, int64_t objects, int64_t bytes,
              struct reason *why) MUST_USE;
/* An object gives way to another of the same account. S3_E_QUOTA when what is kept then is too much. */
int usage_replace(struct tx *tx, const char *account, int64_t old_bytes, int64_t bytes,
                  struct reason *why) MUST_USE;
/* An account that never kept anything has used nothing. */
int usage_load(struct tx *tx, const char *account, struct usage *ret) MUST_USE;
/* By account; those that come after that one ("": the first). DB_NONE. */
int usage_next(struct tx *tx, const char *after, struct usage *ret) MUST_USE;
int usage_limit(struct tx *tx, const char *account, int64_t objects_max, int64_t bytes_max) MUST_USE;
/* Whether so many bytes more would be too much. S3_E_QUOTA. */
int usage_fits(const struct usage *usage, int64_t bytes, struct reason *why) MUST_USE;
