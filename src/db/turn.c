/* Threads sleep on `taken`. Whoever frees the turn wakes one, unless somebody looks: he takes it, or sees
 * after looking that it is free, and wakes the next when he frees it. The same holds of a sleeper who was
 * woken and has not run since: the turn may be freed many times until then. */
#include "db/turn.h"
#include "base/clock.h"
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_US 60       /* longer than most turns */
#define OVERTAKEN_MAX 64 /* then nobody looks until a sleeper has had the turn */

bool turn_trylock(struct turn *turn)
{
    unsigned is_free = 0;
    return atomic_load_explicit(&turn->taken, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_strong(&turn->taken, &is_free, 1);
}

static bool look(struct turn *turn)
{
    bool nobody = false, got = false;
    if (atomic_load(&turn->overtaken) >= OVERTAKEN_MAX ||
        !atomic_compare_exchange_strong(&turn->watched, &nobody, true))
        return false;
    int64_t until_us = clock_mono_us() + LOOK_US;
    while (!(got = turn_trylock(turn)) && clock_mono_us() < until_us)
        (void)sched_yield();
    atomic_store(&turn->watched, false);
    if (got && atomic_load(&turn->sleepers) > 0)
        atomic_fetch_add(&turn->overtaken, 1);
    return got;
}

/* Who counts as a sleeper but does not sleep yet is not woken, and looks by himself; but whoever relied on it
 * meanwhile is owed another. */
static void wake_one(struct turn *turn)
{
    do {
        if (atomic_load(&turn->watched) || atomic_load(&turn->sleepers) == 0 ||
            atomic_fetch_add(&turn->woken, 1) > 0)
            return;
        if (syscall(SYS_futex, &turn->taken, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1)
            return;
    } while (atomic_exchange(&turn->woken, 0) > 1);
}

/* `left` NULL: for ever. */
static void sleep_while_taken(struct turn *turn, const struct timespec *left)
{
    (void)syscall(SYS_futex, &turn->taken, FUTEX_WAIT_PRIVATE, 1, left, NULL, 0);
    atomic_store(&turn->woken, 0);
}

static void awake(struct turn *turn, bool got)
{
    if (got)
        atomic_store(&turn->overtaken, 0);
    atomic_fetch_sub(&turn->sleepers, 1);
}

void turn_lock(struct turn *turn)
{
    if (turn_trylock(turn) || look(turn))
        return;
    atomic_fetch_add(&turn->sleepers, 1);
    while (!turn_trylock(turn))
        sleep_while_taken(turn, NULL);
    awake(turn, true);
}

bool turn_lock_until(struct turn *turn, int64_t until_us)
{
    int64_t left_us = 0;
    bool got = turn_trylock(turn);
    if (got)
        return true;
    atomic_fetch_add(&turn->sleepers, 1);
    while (!(got = turn_trylock(turn)) && (left_us = until_us - clock_mono_us()) > 0)
        sleep_while_taken(
            turn, &(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000});
    awake(turn, got);
    if (!got && atomic_load(&turn->taken) == 0) /* woken, but late: it is another's */
        wake_one(turn);
    return got;
}

void turn_unlock(struct turn *turn)
{
    assert(atomic_load_explicit(&turn->taken, memory_order_relaxed) == 1);
    atomic_store(&turn->taken, 0);
    wake_one(turn);
}
