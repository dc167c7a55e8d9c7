/* Fault injection for tests: the Nth allocation or the Nth wrapped syscall fails once. Costs one relaxed load
 * when unarmed; arming is for tests only. */
#pragma once

#include "base/base.h"

enum fail_kind { FAIL_ALLOC, FAIL_IO, FAIL_KINDS };

/* The nth (from 1) further call of the kind, in any thread, fails; 0 disarms. */
void fail_arm(enum fail_kind kind, long nth);
/* The same, and the calls after it, `count` in all. */
void fail_arm_many(enum fail_kind kind, long nth, long count);
/* True when the armed failure has happened. */
bool fail_fired(enum fail_kind kind);
/* Called by the wrappers: true when this call is the one that must fail. */
bool fail_now(enum fail_kind kind);
