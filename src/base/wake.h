/* Wake-ups by topic: who waits for something to change names a topic ("sqs:111122223333/jobs"); who has
 * changed it, and committed, signals it. No wake-up is lost: take a ticket before looking, wait with that
 * ticket after.
 *
 * Topics are process-wide and cost nothing when nobody waits. */
#pragma once

#include "base/base.h"

#define WAKE_TOPIC_MAX 256

typedef uint64_t
    wake_ticket; /* a number of signals: the one typedef, so that it is not mixed up with times */

struct wake_waiter {
    void (*fire)(struct wake_waiter *waiter,
                 bool timed_out); /* called once, on some thread; must not block */
    bool blocks;                  /* a thread waits by wake_wait */
    /* wake's own: the topic's list, and the pairing heap of deadlines */
    struct wake_waiter *next;
    struct wake_waiter *previous;
    int64_t deadline_mono_ms;
    uint64_t topic_hash;
    struct wake_waiter *heap_child;
    struct wake_waiter *heap_next;
    struct wake_waiter *heap_back; /* left sibling, or parent of a first child */
};

wake_ticket wake_look(const char *topic);
/* One for whatever topic: of what is signalled from now on. */
wake_ticket wake_now(void);
void wake_signal(const char *topic);
/* Blocks until the topic is signalled after `ticket`, or the deadline (clock_mono_ms; INT64_MAX: none). True
 * when signalled. */
bool wake_wait(const char *topic, wake_ticket ticket, int64_t deadline_mono_ms);
/* The same without blocking: `waiter->fire` is called once (at once when already signalled). The waiter is
 * the caller's and must live until then. */
void wake_subscribe(const char *topic, wake_ticket ticket, int64_t deadline_mono_ms,
                    struct wake_waiter *waiter);
/* A graceful stop, in two steps. First what is subscribed is fired (as timed out), at once from now on: who
 * waits for an answer gets it, while threads go on as they were. Then threads that wait return too. */
void wake_stop_subscribers(void);
void wake_stop(void);
/* Undoes both (tests). */
void wake_restart(void);
