/* The writer's turn: one at a time, nobody is forgotten. */
#include "base/clock.h"
#include "db/turn.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define THREADS 6
#define TURNS 20000

static struct turn turn;
static int64_t counted; /* by who has the turn */
static atomic_int inside;
static atomic_bool apart = true;

static void count_one(void)
{
    if (atomic_fetch_add(&inside, 1) != 0)
        atomic_store(&apart, false);
    counted++;
    if (counted % 64 == 0) /* now and then for longer than anybody looks */
        for (int64_t until_us = clock_mono_us() + 100; clock_mono_us() < until_us;)
            (void)sched_yield();
    atomic_fetch_sub(&inside, 1);
}

static void *take_turns(void *arg UNUSED)
{
    for (int i = 0; i < TURNS; i++) {
        turn_lock(&turn);
        count_one();
        turn_unlock(&turn);
    }
    return NULL;
}

static void *take_turns_soon(void *arg)
{
    int64_t *late = arg;
    for (int i = 0; i < TURNS; i++) {
        if (!turn_lock_until(&turn, clock_mono_us() + i % 50)) {
            (*late)++;
            continue;
        }
        count_one();
        turn_unlock(&turn);
    }
    return NULL;
}

static void turns_do_not_overlap_and_all_come_to_theirs(void **state UNUSED)
{
    pthread_t threads[THREADS], soon;
    int64_t late = 0;
    assert_int_equal(pthread_create(&soon, NULL, take_turns_soon, &late), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_join(soon, NULL), 0);
    assert_true(atomic_load(&apart));
    assert_int_equal(counted, (THREADS + 1) * TURNS - late);
    assert_int_equal(atomic_load(&turn.sleepers), 0);
    assert_false(atomic_load(&turn.watched));
}

static atomic_bool patient_is_done;

static void *hurry(void *arg)
{
    struct turn *one = arg;
    while (!atomic_load(&patient_is_done)) {
        turn_lock(one);
        for (int64_t until_us = clock_mono_us() + 20; clock_mono_us() < until_us;)
            ;
        turn_unlock(one);
    }
    return NULL;
}

static void who_sleeps_is_not_overtaken_for_ever(void **state UNUSED)
{
    struct turn one = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hurry, &one), 0);
    for (int i = 0; i < 300; i++) {
        turn_lock(&one);
        turn_unlock(&one);
    }
    atomic_store(&patient_is_done, true);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void who_would_wait_too_long_is_told(void **state UNUSED)
{
    struct turn one = {0};
    int64_t begin_us = clock_mono_us();
    turn_lock(&one);
    assert_false(turn_trylock(&one));
    assert_false(turn_lock_until(&one, begin_us + 2000));
    assert_true(clock_mono_us() >= begin_us + 2000);
    assert_false(turn_lock_until(&one, begin_us)); /* it is over already */
    turn_unlock(&one);
    assert_true(turn_lock_until(&one, begin_us)); /* it is free */
    turn_unlock(&one);
}

/* Else it would take the waking of the next for one that is under way. */
static void a_waking_that_reached_nobody_is_forgotten(void **state UNUSED)
{
    struct turn one = {.taken = 1, .sleepers = 1}; /* counted, not asleep yet */
    turn_unlock(&one);
    assert_int_equal(atomic_load(&one.woken), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_do_not_overlap_and_all_come_to_theirs),
        cmocka_unit_test(who_sleeps_is_not_overtaken_for_ever),
        cmocka_unit_test(who_would_wait_too_long_is_told),
        cmocka_unit_test(a_waking_that_reached_nobody_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
