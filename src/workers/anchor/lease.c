/* See lease.h. */
#include "workers/anchor/lease.h"
#include "base/clock.h"
#include "base/mem.h"
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 500
#define SPARE_MOST 16

struct leases {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a lease came or went, or a call ended */
    struct lease *list;
    int64_t waits_ms; /* until when the keeper waits */
    bool ending;
    int spare[SPARE_MOST]; /* descriptors of leases that ended without being cancelled */
    size_t spare_count;
    pthread_t keeper;
};

void lease_cancel(struct lease *lease)
{
    const uint64_t one = 1;

    if (atomic_exchange(&lease->cancelled, true))
        return;
    if (write(lease->cancel_fd, &one, sizeof(one)) < 0)
        FAULT(errno);
}

/* Called with the lock: the inner one cannot end meanwhile. */
static void cancel_with_inner(struct lease *lease)
{
    lease_cancel(lease);
    if (lease->inner)
        lease_cancel(lease->inner);
}

static struct lease *first_due(struct leases *leases)
{
    struct lease *first = NULL;

    for (struct lease *lease = leases->list; lease; lease = lease->next)
        if (!lease->in_call && !lease->ending && !atomic_load(&lease->cancelled) &&
            (!first || lease->due_ms < first->due_ms))
            first = lease;
    return first;
}

static void wait_until(struct leases *leases, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = (mono_ms % 1000) * 1000000};

    pthread_cond_timedwait(&leases->changed, &leases->lock, &until);
}

/* Called and returns with the lock. */
static void extend(struct leases *leases, struct lease *lease)
{
    int64_t lease_ms = lease->lease_ms;
    bool cancelled = false;
    int r;

    lease->in_call = true;
    pthread_mutex_unlock(&leases->lock);
    r = lease->extend(lease, &lease_ms, &cancelled);
    pthread_mutex_lock(&leases->lock);
    if (r > 0 || cancelled)
        cancel_with_inner(lease);
    lease->in_call = false;
    if (lease_ms > 0)
        lease->lease_ms = lease_ms;
    lease->due_ms = clock_mono_ms() + (r < 0 ? RETRY_MS : lease->lease_ms / 3);
    pthread_cond_broadcast(&leases->changed);
}

static void *keeper_run(void *arg)
{
    struct leases *leases = arg;

    pthread_mutex_lock(&leases->lock);
    while (!leases->ending) {
        struct lease *lease = first_due(leases);

        leases->waits_ms = lease ? lease->due_ms : INT64_MAX;
        if (!lease)
            pthread_cond_wait(&leases->changed, &leases->lock);
        else if (lease->due_ms > clock_mono_ms())
            wait_until(leases, lease->due_ms);
        else
            extend(leases, lease);
    }
    pthread_mutex_unlock(&leases->lock);
    return NULL;
}

int leases_new(struct leases **ret)
{
    struct leases *leases = mem_alloc(sizeof(*leases));
    pthread_condattr_t monotonic;
    int r;

    if (!leases)
        return FAULT(ENOMEM);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&leases->lock, NULL);
    pthread_cond_init(&leases->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r = pthread_create(&leases->keeper, NULL, keeper_run, leases);
    if (r) {
        free(leases);
        return FAULT(r);
    }
    *ret = leases;
    return 0;
}

void leases_free(struct leases **leases)
{
    if (!*leases)
        return;
    pthread_mutex_lock(&(*leases)->lock);
    (*leases)->ending = true;
    pthread_cond_broadcast(&(*leases)->changed);
    pthread_mutex_unlock(&(*leases)->lock);
    pthread_join((*leases)->keeper, NULL);
    while ((*leases)->spare_count > 0)
        close_fd(&(*leases)->spare[--(*leases)->spare_count]);
    pthread_cond_destroy(&(*leases)->changed);
    pthread_mutex_destroy(&(*leases)->lock);
    free(*leases);
    *leases = NULL;
}

static int cancel_fd_take(struct leases *leases)
{
    int fd = -1;

    pthread_mutex_lock(&leases->lock);
    if (leases->spare_count > 0)
        fd = leases->spare[--leases->spare_count];
    pthread_mutex_unlock(&leases->lock);
    return fd < 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : fd;
}

/* Called with the lock, when the lease can no more be cancelled. */
static void cancel_fd_spare(struct leases *leases, struct lease *lease)
{
    if (!atomic_load(&lease->cancelled) && leases->spare_count < SPARE_MOST)
        leases->spare[leases->spare_count++] = take_fd(lease->cancel_fd);
}

int lease_begin(struct leases *leases, struct lease *lease, struct lease *outer)
{
    atomic_init(&lease->cancelled, false);
    lease->cancel_fd = cancel_fd_take(leases);
    if (lease->cancel_fd < 0)
        return FAULT(errno);
    lease->due_ms = clock_mono_ms() + lease->lease_ms / 3;
    pthread_mutex_lock(&leases->lock);
    lease->next = leases->list;
    leases->list = lease;
    lease->outer = outer;
    if (outer)
        outer->inner = lease;
    if (outer && atomic_load(&outer->cancelled))
        lease_cancel(lease);
    if (lease->due_ms < leases->waits_ms)
        pthread_cond_broadcast(&leases->changed);
    pthread_mutex_unlock(&leases->lock);
    return 0;
}

void lease_end(struct leases *leases, struct lease *lease)
{
    struct lease **at = &leases->list;

    pthread_mutex_lock(&leases->lock);
    lease->ending = true;
    while (lease->in_call)
        pthread_cond_wait(&leases->changed, &leases->lock);
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    if (lease->outer)
        lease->outer->inner = NULL;
    cancel_fd_spare(leases, lease);
    pthread_mutex_unlock(&leases->lock);
    close_fd(&lease->cancel_fd);
}

void leases_cancel_all(struct leases *leases)
{
    pthread_mutex_lock(&leases->lock);
    for (struct lease *lease = leases->list; lease; lease = lease->next)
        cancel_with_inner(lease);
    pthread_mutex_unlock(&leases->lock);
}
