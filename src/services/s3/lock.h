/* Object lock: versions that may not go before their time, or while they are held. Pure, but for the default
 * that a bucket gives. Source: S3 user guide, "How S3 Object Lock works". */
#pragma once

#include "services/s3/bucket.h"

/* As the database has it. One that was taken away is still told. */
enum legal_hold { HOLD_NONE, HOLD_ON, HOLD_OFF };

struct object_lock {
    const char *mode; /* LOCK_GOVERNANCE, LOCK_COMPLIANCE; NULL: not retained */
    int64_t until_ms;
    enum legal_hold hold;
};

#define LOCK_NO_EVENT_HOLDS "Event holds are not supported by Slipway: use retention, or a legal hold."

extern const char *const LOCK_GOVERNANCE, *const LOCK_COMPLIANCE;

const char *lock_mode_named(struct str name); /* one of the two, or NULL */
/* Whether a version may not be removed now; `bypass`: the caller passes over governance. */
bool lock_forbids(const struct object_lock *lock, int64_t now_ms, bool bypass);
/* Whether a version's retention may become the new one: longer always, shorter, of another mode or none only
 * by a bypass of governance. S3_E_LOCKED. */
int lock_may_become(const struct object_lock *lock, const struct object_lock *new, int64_t now_ms,
                    bool bypass) MUST_USE;
/* Of a new version: what was asked for, where the bucket has object lock, else the bucket's default.
 * S3_E_REQUEST: it has none. */
int lock_of_new(const struct bucket *bucket, int64_t now_ms, struct object_lock *lock,
                struct reason *why) MUST_USE;
