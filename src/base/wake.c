/* Topics are hashed; no topic has an object. All signals are counted, and a slot of hashes keeps the numbers
 * of its last one and of the last of another topic, which give the tickets. Slots are shared: where three
 * topics share one, a ticket may see a stranger's signal and wake its holder once for nothing; it never
 * misses its own. Waiters hang in lists by hash and, when they have a deadline, in a pairing heap that one
 * timer thread watches. A waiter is fired by whoever takes it off its list, after the lock is released: so
 * exactly once.
 */
#include "base/wake.h"
#include "base/clock.h"
#include <pthread.h>
#include <time.h>

#define SLOTS 4096 /* of tickets; a power of two */
#define LISTS 1024 /* of waiters; a power of two */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static wake_ticket signals;
static struct slot {
    uint64_t hash; /* of the topic that was signalled last */
    wake_ticket last;
    wake_ticket others; /* the last of any topic but that one */
} slots[SLOTS];
static struct wake_waiter *lists[LISTS];
static struct wake_waiter *heap;
enum stopped { STOPPED_NONE, STOPPED_SUBSCRIBERS, STOPPED_ALL };
static enum stopped stopped;
static pthread_once_t timer_once = PTHREAD_ONCE_INIT;
static pthread_cond_t timer_cond;
static bool timer_runs;

/* FNV-1a, then a final mix so that the low bits depend on all */
static uint64_t topic_hash(const char *topic)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *topic; topic++)
        hash = (hash ^ (unsigned char)*topic) * 0x100000001b3U;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdU;
    return hash ^ hash >> 33;
}

/* With the lock: of its last signal, or of a later one. */
static wake_ticket last_of(uint64_t hash)
{
    const struct slot *slot = &slots[hash % SLOTS];
    return slot->hash == hash ? slot->last : slot->others;
}

/* With the lock. */
static void count_signal(uint64_t hash)
{
    struct slot *slot = &slots[hash % SLOTS];
    if (slot->hash != hash)
        slot->others = slot->last;
    slot->hash = hash;
    slot->last = ++signals;
}

static struct wake_waiter *heap_meld(struct wake_waiter *a, struct wake_waiter *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline_mono_ms < a->deadline_mono_ms) {
        struct wake_waiter *swap = a;
        a = b;
        b = swap;
    }
    b->heap_next = a->heap_child;
    if (b->heap_next)
        b->heap_next->heap_back = b;
    b->heap_back = a;
    a->heap_child = b;
    return a;
}

/* Melds siblings in pairs, then the pairs: no recursion, whatever the heap's width. */
static struct wake_waiter *heap_meld_siblings(struct wake_waiter *first)
{
    struct wake_waiter *pairs = NULL;
    while (first) {
        struct wake_waiter *second = first->heap_next;
        struct wake_waiter *rest = second ? second->heap_next : NULL;
        first->heap_next = first->heap_back = NULL;
        if (second)
            second->heap_next = second->heap_back = NULL;
        struct wake_waiter *pair = heap_meld(first, second);
        pair->heap_next = pairs;
        pairs = pair;
        first = rest;
    }
    struct wake_waiter *root = NULL;
    while (pairs) {
        struct wake_waiter *next = pairs->heap_next;
        pairs->heap_next = NULL;
        root = heap_meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void heap_remove(struct wake_waiter *waiter)
{
    struct wake_waiter *children = heap_meld_siblings(waiter->heap_child);
    if (waiter == heap) {
        heap = children;
    } else {
        if (waiter->heap_back->heap_child == waiter)
            waiter->heap_back->heap_child = waiter->heap_next;
        else
            waiter->heap_back->heap_next = waiter->heap_next;
        if (waiter->heap_next)
            waiter->heap_next->heap_back = waiter->heap_back;
        heap = heap_meld(heap, children);
    }
    waiter->heap_child = waiter->heap_next = waiter->heap_back = NULL;
}

static void list_add(struct wake_waiter *waiter)
{
    struct wake_waiter **list = &lists[waiter->topic_hash % LISTS];
    waiter->previous = NULL;
    waiter->next = *list;
    if (waiter->next)
        waiter->next->previous = waiter;
    *list = waiter;
}

static bool is_stopped(const struct wake_waiter *waiter)
{
    return stopped == STOPPED_ALL || (stopped == STOPPED_SUBSCRIBERS && !waiter->blocks);
}

/* Takes the waiter off everything: it is the caller's to fire. */
static void detach(struct wake_waiter *waiter)
{
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        lists[waiter->topic_hash % LISTS] = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    if (waiter->deadline_mono_ms != INT64_MAX)
        heap_remove(waiter);
    waiter->next = waiter->previous = NULL;
}

static void fire_all(struct wake_waiter *fired, bool timed_out)
{
    while (fired) {
        struct wake_waiter *next = fired->next; /* before fire: the owner may free it there */
        fired->fire(fired, timed_out);
        fired = next;
    }
}

static struct wake_waiter *take_expired(int64_t now_ms)
{
    struct wake_waiter *expired = NULL;
    while (heap && heap->deadline_mono_ms <= now_ms) {
        struct wake_waiter *waiter = heap;
        detach(waiter);
        waiter->next = expired;
        expired = waiter;
    }
    return expired;
}

static void *timer_thread(void *arg UNUSED)
{
    (void)pthread_setname_np(pthread_self(), "wake-timer");
    pthread_mutex_lock(&lock);
    for (;;) {
        struct wake_waiter *expired = take_expired(clock_mono_ms());
        if (expired) {
            pthread_mutex_unlock(&lock);
            fire_all(expired, true);
            pthread_mutex_lock(&lock);
        } else if (heap) {
            int64_t due = heap->deadline_mono_ms;
            struct timespec at = {.tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000};
            (void)pthread_cond_timedwait(&timer_cond, &lock, &at);
        } else {
            (void)pthread_cond_wait(&timer_cond, &lock);
        }
    }
    return NULL;
}

static void timer_start(void)
{
    pthread_condattr_t attributes;
    pthread_attr_t detached;
    pthread_t thread;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&timer_cond, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    timer_runs = pthread_create(&thread, &detached, timer_thread, NULL) == 0;
    pthread_attr_destroy(&detached);
}

wake_ticket wake_look(const char *topic)
{
    uint64_t hash = topic_hash(topic);
    pthread_mutex_lock(&lock);
    wake_ticket ticket = last_of(hash);
    pthread_mutex_unlock(&lock);
    return ticket;
}

wake_ticket wake_now(void)
{
    pthread_mutex_lock(&lock);
    wake_ticket ticket = signals;
    pthread_mutex_unlock(&lock);
    return ticket;
}

void wake_signal(const char *topic)
{
    uint64_t hash = topic_hash(topic);
    struct wake_waiter *fired = NULL;
    pthread_mutex_lock(&lock);
    count_signal(hash);
    for (struct wake_waiter *waiter = lists[hash % LISTS]; waiter;) {
        struct wake_waiter *next = waiter->next;
        if (waiter->topic_hash == hash) {
            detach(waiter);
            waiter->next = fired;
            fired = waiter;
        }
        waiter = next;
    }
    pthread_mutex_unlock(&lock);
    fire_all(fired, false);
}

void wake_subscribe(const char *topic, wake_ticket ticket, int64_t deadline_mono_ms,
                    struct wake_waiter *waiter)
{
    waiter->topic_hash = topic_hash(topic);
    waiter->deadline_mono_ms = deadline_mono_ms;
    waiter->next = waiter->previous = NULL;
    waiter->heap_child = waiter->heap_next = waiter->heap_back = NULL;
    bool timed = deadline_mono_ms != INT64_MAX;
    if (timed)
        (void)pthread_once(&timer_once, timer_start);
    pthread_mutex_lock(&lock);
    bool signalled = last_of(waiter->topic_hash) > ticket;
    bool late = is_stopped(waiter) || (timed && (!timer_runs || deadline_mono_ms <= clock_mono_ms()));
    if (!signalled && !late) {
        list_add(waiter);
        if (timed) {
            heap = heap_meld(heap, waiter);
            if (heap == waiter)
                (void)pthread_cond_signal(&timer_cond);
        }
    }
    pthread_mutex_unlock(&lock);
    if (signalled || late)
        waiter->fire(waiter, !signalled);
}

struct blocked {
    struct wake_waiter waiter;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool fired;
    bool timed_out;
};

static void blocked_fire(struct wake_waiter *waiter, bool timed_out)
{
    struct blocked *blocked = CONTAINER_OF(waiter, struct blocked, waiter);
    pthread_mutex_lock(&blocked->lock);
    blocked->fired = true;
    blocked->timed_out = timed_out;
    pthread_cond_signal(&blocked->cond);
    pthread_mutex_unlock(&blocked->lock);
}

bool wake_wait(const char *topic, wake_ticket ticket, int64_t deadline_mono_ms)
{
    struct blocked blocked = {.waiter = {.fire = blocked_fire, .blocks = true}};
    pthread_mutex_init(&blocked.lock, NULL);
    pthread_cond_init(&blocked.cond, NULL);
    wake_subscribe(topic, ticket, deadline_mono_ms, &blocked.waiter);
    pthread_mutex_lock(&blocked.lock);
    while (!blocked.fired)
        pthread_cond_wait(&blocked.cond, &blocked.lock);
    bool signalled = !blocked.timed_out;
    pthread_mutex_unlock(&blocked.lock);
    pthread_cond_destroy(&blocked.cond);
    pthread_mutex_destroy(&blocked.lock);
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): whoever fired it took it off list and heap */
    return signalled;
}

static void stop_up_to(enum stopped what)
{
    struct wake_waiter *fired = NULL;
    pthread_mutex_lock(&lock);
    stopped = what > stopped ? what : stopped;
    for (size_t i = 0; i < LISTS; i++) {
        for (struct wake_waiter *waiter = lists[i], *next; waiter; waiter = next) {
            next = waiter->next;
            if (!is_stopped(waiter))
                continue;
            detach(waiter);
            waiter->next = fired;
            fired = waiter;
        }
    }
    pthread_mutex_unlock(&lock);
    fire_all(fired, true);
}

void wake_stop_subscribers(void)
{
    stop_up_to(STOPPED_SUBSCRIBERS);
}

void wake_stop(void)
{
    stop_up_to(STOPPED_ALL);
}

void wake_restart(void)
{
    pthread_mutex_lock(&lock);
    stopped = STOPPED_NONE;
    pthread_mutex_unlock(&lock);
}
