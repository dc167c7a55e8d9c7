/* What transactions change, as far as short looks ask: one subject of a few, or anything. A set of hashes in
 * which some are found that were never added, and none is missed that was. */
#pragma once

#include "base/base.h"
#include "db/db.h"

#define TOUCHED_BITS 4096

struct touched {
    bool any;      /* not empty */
    bool anything; /* a transaction that did not say what */
    uint64_t bits[TOUCHED_BITS / 64];
};

/* DB_ANYTHING: whatever there is. */
void touched_add(struct touched *touched, uint64_t subject);
/* What another transaction touches, which has changed something in any case. */
void touched_merge(struct touched *into, const struct touched *from);
/* DB_ANYTHING: whether it is not empty. */
bool touched_has(const struct touched *touched, uint64_t subject);
