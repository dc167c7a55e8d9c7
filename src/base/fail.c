/* A countdown for each kind of failure: 0 is unarmed, 1 means that the next call fails. */
#include "base/fail.h"
#include <stdatomic.h>

static atomic_long countdown[FAIL_KINDS];
static atomic_long failures[FAIL_KINDS]; /* that are left, once it has come to the first */
static atomic_bool fired[FAIL_KINDS];

void fail_arm_many(enum fail_kind kind, long nth, long count)
{
    assert(nth >= 0 && count > 0);
    atomic_store(&fired[kind], false);
    atomic_store(&failures[kind], count);
    atomic_store(&countdown[kind], nth);
}

void fail_arm(enum fail_kind kind, long nth)
{
    fail_arm_many(kind, nth, 1);
}

bool fail_fired(enum fail_kind kind)
{
    return atomic_load(&fired[kind]);
}

bool fail_now(enum fail_kind kind)
{
    long left = atomic_load_explicit(&countdown[kind], memory_order_relaxed);
    while (left != 0) {
        if (!atomic_compare_exchange_weak(&countdown[kind], &left, left - 1))
            continue;
        if (left > 1)
            return false;
        atomic_store(&fired[kind], true);
        if (atomic_fetch_sub(&failures[kind], 1) > 1)
            atomic_store(&countdown[kind], 1);
        return true;
    }
    return false;
}
