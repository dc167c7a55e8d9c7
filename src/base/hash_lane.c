/* See hash_lane.h. Two blocks: one is filled while the other is hashed. */
#include "base/hash_lane.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)128 << 10)
#define BLOCKS 2

struct hash_lane {
    struct hash *hash;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* given or done, or ended */
    size_t given;         /* blocks, of all that ever were */
    size_t done;
    bool ended;
    size_t filled; /* of the block that is being filled: number `given` */
    size_t lens[BLOCKS];
    unsigned char blocks[BLOCKS][BLOCK_SIZE];
};

static atomic_long lanes;

static bool take_place(void)
{
    if (atomic_fetch_add(&lanes, 1) < sysconf(_SC_NPROCESSORS_ONLN))
        return true;
    atomic_fetch_sub(&lanes, 1);
    return false;
}

/* False: there will be no more. */
static bool next_block(struct hash_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->done == lane->given && !lane->ended)
        pthread_cond_wait(&lane->moved, &lane->lock);
    bool is = lane->done < lane->given;
    pthread_mutex_unlock(&lane->lock);
    return is;
}

static void *run(void *arg)
{
    struct hash_lane *lane = arg;
    while (next_block(lane)) {
        size_t index = lane->done % BLOCKS;
        hash_update(lane->hash, lane->blocks[index], lane->lens[index]);
        pthread_mutex_lock(&lane->lock);
        lane->done++;
        pthread_cond_signal(&lane->moved);
        pthread_mutex_unlock(&lane->lock);
    }
    return NULL;
}

int hash_lane_start(struct hash *hash, struct hash_lane **ret)
{
    if (!take_place())
        return -EAGAIN;
    struct hash_lane *lane = mem_alloc(sizeof(*lane));
    if (lane) {
        lane->hash = hash;
        pthread_mutex_init(&lane->lock, NULL);
        pthread_cond_init(&lane->moved, NULL);
        if (pthread_create(&lane->thread, NULL, run, lane) == 0) {
            *ret = lane;
            return 0;
        }
    }
    free(lane);
    atomic_fetch_sub(&lanes, 1);
    return -EAGAIN;
}

/* The filled block is given away; the next is free when this returns. */
static void give(struct hash_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->lens[lane->given % BLOCKS] = lane->filled;
    lane->given++;
    lane->filled = 0;
    pthread_cond_signal(&lane->moved);
    while (lane->given - lane->done == BLOCKS)
        pthread_cond_wait(&lane->moved, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
}

void hash_lane_update(struct hash_lane *lane, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    while (len > 0) {
        size_t room = BLOCK_SIZE - lane->filled;
        size_t some = len < room ? len : room;
        memcpy(lane->blocks[lane->given % BLOCKS] + lane->filled, at, some);
        lane->filled += some;
        at += some;
        len -= some;
        if (lane->filled == BLOCK_SIZE)
            give(lane);
    }
}

void hash_lane_end(struct hash_lane **ret)
{
    struct hash_lane *lane = *ret;
    if (!lane)
        return;
    if (lane->filled > 0)
        give(lane);
    pthread_mutex_lock(&lane->lock);
    lane->ended = true;
    pthread_cond_signal(&lane->moved);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->moved);
    free(lane);
    *ret = NULL;
    atomic_fetch_sub(&lanes, 1);
}
