/* One list of all that wait. Who needs his takes the oldest of them along, where they are enough to be faster
 * side by side than one by one. */
#include "base/hash_together.h"
#include "base/md5_many.h"
#include <pthread.h>

static struct {
    pthread_mutex_t lock; /* of all that follows, and of the states */
    pthread_cond_t done;
    unsigned sleepers;
    struct hash_together *first, *last; /* who waits, by age */
    size_t count;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

void hash_together_begin(struct hash_together *one, struct hash *hash, struct str bytes)
{
    *one = (struct hash_together){.hash = hash, .bytes = bytes};
    pthread_mutex_lock(&all.lock);
    one->previous = all.last;
    if (all.last)
        all.last->next = one;
    else
        all.first = one;
    all.last = one;
    all.count++;
    pthread_mutex_unlock(&all.lock);
}

/* Called with the lock. */
static void remove_from_list(struct hash_together *one)
{
    if (one->previous)
        one->previous->next = one->next;
    else
        all.first = one->next;
    if (one->next)
        one->next->previous = one->previous;
    else
        all.last = one->previous;
    all.count--;
}

/* Called with the lock: one and, where enough wait to be faster side by side, others. How many. */
static size_t take_with_others(struct hash_together *one, struct hash_together *ret[MD5_MANY])
{
    size_t count = 0, most = all.count < MD5_MANY_FROM ? 1 : MD5_MANY;
    remove_from_list(one);
    ret[count++] = one;
    while (count < most && all.first) {
        ret[count++] = all.first;
        remove_from_list(all.first);
    }
    for (size_t i = 0; i < count; i++)
        ret[i]->state = TOGETHER_TAKEN;
    return count;
}

static void compute(struct hash_together *const some[], size_t count)
{
    struct hash *hashes[MD5_MANY];
    struct str bytes[MD5_MANY];
    for (size_t i = 0; i < count; i++) {
        hashes[i] = some[i]->hash;
        bytes[i] = some[i]->bytes;
    }
    hash_update_many(hashes, bytes, count);
}

/* Called with the lock, which it gives up meanwhile. */
static void finish_with_others(struct hash_together *one)
{
    struct hash_together *some[MD5_MANY];
    size_t count = take_with_others(one, some);
    pthread_mutex_unlock(&all.lock);
    compute(some, count);
    pthread_mutex_lock(&all.lock);
    for (size_t i = 0; i < count; i++)
        some[i]->state = TOGETHER_DONE;
    if (all.sleepers > 0)
        pthread_cond_broadcast(&all.done);
}

/* Called with the lock. */
static void wait_done(const struct hash_together *one)
{
    all.sleepers++;
    while (one->state != TOGETHER_DONE)
        pthread_cond_wait(&all.done, &all.lock);
    all.sleepers--;
}

void hash_together_end(struct hash_together *one)
{
    if (!one->hash)
        return;
    pthread_mutex_lock(&all.lock);
    if (one->state == TOGETHER_WAITS)
        finish_with_others(one);
    else
        wait_done(one);
    pthread_mutex_unlock(&all.lock);
    one->hash = NULL;
}

void hash_together_drop(struct hash_together *one)
{
    if (!one->hash)
        return;
    pthread_mutex_lock(&all.lock);
    if (one->state == TOGETHER_WAITS)
        remove_from_list(one);
    else
        wait_done(one);
    pthread_mutex_unlock(&all.lock);
    one->hash = NULL;
}
