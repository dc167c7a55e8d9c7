/* Wake-ups: none lost, each waiter fired once, deadlines kept. */
#include "base/clock.h"
#include "base/wake.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <cmocka.h>

struct counted {
    struct wake_waiter waiter;
    atomic_int fired;
    atomic_int timed_out;
};

static void counted_fire(struct wake_waiter *waiter, bool timed_out)
{
    struct counted *counted = CONTAINER_OF(waiter, struct counted, waiter);
    atomic_fetch_add(&counted->timed_out, timed_out ? 1 : 0);
    atomic_fetch_add(&counted->fired, 1);
    wake_signal("test/fired");
}

static void test_signal_between_look_and_wait_is_not_lost(void **state UNUSED)
{
    wake_ticket ticket = wake_look("a");
    wake_signal("a");
    assert_true(wake_wait("a", ticket, INT64_MAX));
    assert_false(wake_wait("a", wake_look("a"), clock_mono_ms() - 1));
}

static void test_a_ticket_of_whatever_topic(void **state UNUSED)
{
    wake_signal("a");
    wake_ticket ticket = wake_now();
    assert_false(wake_wait("a", ticket, clock_mono_ms() - 1));
    assert_false(wake_wait("never", ticket, clock_mono_ms() - 1));
    wake_signal("b");
    assert_true(wake_wait("b", ticket, INT64_MAX));
    assert_false(wake_wait("a", ticket, clock_mono_ms() - 1));
    wake_signal("a");
    assert_true(wake_wait("a", ticket, INT64_MAX));
    assert_false(wake_wait("b", wake_now(), clock_mono_ms() - 1));
}

static void test_signal_fires_waiters_of_its_topic_only(void **state UNUSED)
{
    struct counted a1 = {.waiter.fire = counted_fire}, a2 = a1, b = a1;
    wake_subscribe("a", wake_look("a"), INT64_MAX, &a1.waiter);
    wake_subscribe("a", wake_look("a"), clock_mono_ms() + 100000, &a2.waiter);
    wake_subscribe("b", wake_look("b"), INT64_MAX, &b.waiter);
    wake_signal("a");
    wake_signal("a");
    assert_int_equal(a1.fired, 1);
    assert_int_equal(a2.fired, 1);
    assert_int_equal(a1.timed_out + a2.timed_out, 0);
    assert_int_equal(b.fired, 0);
    wake_signal("b");
    assert_int_equal(b.fired, 1);
}

/* A topic whose signals are counted where "mine"'s are; found by those of two, which are told from none. */
static void find_neighbour(char ret[WAKE_TOPIC_MAX])
{
    wake_signal("mine");
    wake_ticket ticket = wake_look("mine");
    for (int i = 0; wake_look("mine") == ticket; i++) {
        assert_true(i < 1000000);
        (void)snprintf(ret, WAKE_TOPIC_MAX, "neighbour/%d", i);
        wake_signal(ret);
    }
}

static void test_neighbour_signals_for_itself(void **state UNUSED)
{
    char neighbour[WAKE_TOPIC_MAX];
    find_neighbour(neighbour);
    wake_signal("mine");
    wake_ticket ticket = wake_look("mine");
    for (int i = 0; i < 3; i++)
        wake_signal(neighbour);
    assert_int_equal(wake_look("mine"), ticket);
    assert_false(wake_wait("mine", ticket, clock_mono_ms() - 1));
    wake_signal("mine");
    wake_signal(neighbour);
    assert_true(wake_look("mine") > ticket);
    assert_true(wake_wait("mine", ticket, INT64_MAX));
}

static void wait_fired(struct counted *counted)
{
    for (;;) {
        wake_ticket ticket = wake_look("test/fired");
        if (counted->fired > 0)
            return;
        (void)wake_wait("test/fired", ticket, INT64_MAX);
    }
}

static void test_deadlines_fire_each_waiter_once_and_not_early(void **state UNUSED)
{
    enum { WAITERS = 200 };
    static struct counted waiters[WAITERS];
    int64_t start = clock_mono_ms();
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct counted){.waiter.fire = counted_fire};
        wake_subscribe("late", wake_look("late"), start + 20 + i * 37 % 50, &waiters[i].waiter);
    }
    for (int i = 0; i < WAITERS; i++)
        wait_fired(&waiters[i]);
    assert_true(clock_mono_ms() >= start + 69);
    wake_signal("late");
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(waiters[i].fired, 1);
        assert_int_equal(waiters[i].timed_out, 1);
    }
}

/* Signals take waiters out of the middle of the heap of deadlines; the others still come in time. */
static void test_signalled_waiters_leave_the_heap_whole(void **state UNUSED)
{
    enum { WAITERS = 300 };
    static struct counted waiters[WAITERS];
    int64_t start = clock_mono_ms();
    for (int i = 0; i < WAITERS; i++) {
        char topic[32];
        (void)snprintf(topic, sizeof(topic), "heap/%d", i % 3);
        waiters[i] = (struct counted){.waiter.fire = counted_fire};
        wake_subscribe(topic, wake_look(topic), start + 100 + i * 71 % 60, &waiters[i].waiter);
    }
    wake_signal("heap/1");
    for (int i = 0; i < WAITERS; i++)
        wait_fired(&waiters[i]);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(waiters[i].fired, 1);
        assert_int_equal(waiters[i].timed_out, i % 3 != 1);
    }
}

static void test_stop_fires_all_and_later_waits_return(void **state UNUSED)
{
    struct counted waiting = {.waiter.fire = counted_fire};
    wake_subscribe("s", wake_look("s"), INT64_MAX, &waiting.waiter);
    wake_stop();
    assert_int_equal(waiting.fired, 1);
    assert_int_equal(waiting.timed_out, 1);
    assert_false(wake_wait("s", wake_look("s"), INT64_MAX));
    wake_restart();
}

static void *wait_thread(void *arg)
{
    atomic_int *returned = arg;
    (void)wake_wait("t", wake_look("t"), INT64_MAX);
    atomic_store(returned, 1);
    return NULL;
}

static void test_stopped_subscribers_leave_threads_waiting(void **state UNUSED)
{
    struct counted waiting = {.waiter.fire = counted_fire};
    struct counted later = {.waiter.fire = counted_fire};
    atomic_int returned = 0;
    pthread_t thread;
    wake_subscribe("s", wake_look("s"), INT64_MAX, &waiting.waiter);
    assert_int_equal(pthread_create(&thread, NULL, wait_thread, &returned), 0);
    wake_stop_subscribers();
    assert_int_equal(waiting.fired, 1);
    wake_subscribe("s", wake_look("s"), INT64_MAX, &later.waiter);
    assert_int_equal(later.fired, 1);
    (void)poll(NULL, 0, 50);
    assert_int_equal(atomic_load(&returned), 0);
    assert_false(wake_wait("s", wake_look("s"), clock_mono_ms() + 1)); /* by its deadline */
    wake_stop();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&returned), 1);
    wake_restart();
}

#define ROUNDS 20000
static atomic_int produced;
static atomic_int consumed;

static void *producer(void *arg UNUSED)
{
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&produced, 1);
        wake_signal("race");
        while (i % 64 == 63 && atomic_load(&consumed) < i) { /* lets the consumer sleep now and then */
            wake_ticket ticket = wake_look("race/back");
            if (atomic_load(&consumed) < i)
                (void)wake_wait("race/back", ticket, INT64_MAX);
        }
    }
    return NULL;
}

static void test_no_wake_up_is_lost_between_racing_threads(void **state UNUSED)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, producer, NULL), 0);
    while (atomic_load(&consumed) < ROUNDS) {
        wake_ticket ticket = wake_look("race");
        int seen = atomic_load(&produced);
        if (seen == atomic_load(&consumed)) {
            (void)wake_wait("race", ticket, INT64_MAX);
            continue;
        }
        atomic_store(&consumed, seen);
        wake_signal("race/back");
    }
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ticket_of_whatever_topic),
        cmocka_unit_test(test_signal_between_look_and_wait_is_not_lost),
        cmocka_unit_test(test_signal_fires_waiters_of_its_topic_only),
        cmocka_unit_test(test_neighbour_signals_for_itself),
        cmocka_unit_test(test_deadlines_fire_each_waiter_once_and_not_early),
        cmocka_unit_test(test_signalled_waiters_leave_the_heap_whole),
        cmocka_unit_test(test_stop_fires_all_and_later_waits_return),
        cmocka_unit_test(test_stopped_subscribers_leave_threads_waiting),
        cmocka_unit_test(test_no_wake_up_is_lost_between_racing_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
