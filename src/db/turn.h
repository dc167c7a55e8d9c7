/* The writer's turn: a lock that is held for some tens of microseconds and handed on thousands of times a
 * second, where waking a sleeper takes nearly as long as what he waits for. So the first who waits looks for
 * a while whether it is free, and lets others have the processor meanwhile; who waits behind him sleeps. */
#pragma once

#include "base/base.h"
#include <stdatomic.h>

struct turn {
    atomic_uint taken;
    atomic_uint sleepers;
    atomic_bool watched;   /* somebody looks */
    atomic_uint woken;     /* a sleeper is about to look; above 1: who relied on that */
    atomic_uint overtaken; /* how often sleepers have been, since one of them had the turn */
};

void turn_lock(struct turn *turn);
bool turn_trylock(struct turn *turn);
/* False: it was not free until then. */
bool turn_lock_until(struct turn *turn, int64_t until_us);
void turn_unlock(struct turn *turn);
