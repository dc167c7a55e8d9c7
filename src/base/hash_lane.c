/* See hash_lane.h. Two blocks are with it at most; the owner fills a third. */
#include "base/hash_lane.h"
#include "base/block.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define BLOCKS 2

struct hash_lane {
    struct hash *hash;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* given or done, or ended */
    size_t given;         /* blocks, of all that ever were */
    size_t done;
    bool ended;
    size_t lens[BLOCKS];
    unsigned char *blocks[BLOCKS]; /* number n is at n % BLOCKS */
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

static void lane_free(struct hash_lane **lane)
{
    if (!*lane)
        return;
    for (size_t i = 0; i < BLOCKS; i++)
        block_free(&(*lane)->blocks[i]);
    free(*lane);
    *lane = NULL;
}

static struct hash_lane *lane_new(struct hash *hash)
{
    CLEANUP(lane_free) struct hash_lane *lane = mem_alloc(sizeof(*lane));
    if (!lane)
        return NULL;
    lane->hash = hash;
    for (size_t i = 0; i < BLOCKS; i++)
        if (!(lane->blocks[i] = block_new()))
            return NULL;
    return take(lane);
}

int hash_lane_start(struct hash *hash, struct hash_lane **ret)
{
    if (!take_place())
        return -EAGAIN;
    CLEANUP(lane_free) struct hash_lane *lane = lane_new(hash);
    if (lane) {
        pthread_mutex_init(&lane->lock, NULL);
        pthread_cond_init(&lane->moved, NULL);
        if (pthread_create(&lane->thread, NULL, run, lane) == 0) {
            *ret = take(lane);
            return 0;
        }
    }
    atomic_fetch_sub(&lanes, 1);
    return -EAGAIN;
}

void hash_lane_give(struct hash_lane *lane, unsigned char **block, size_t len)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->given - lane->done == BLOCKS)
        pthread_cond_wait(&lane->moved, &lane->lock);
    size_t index = lane->given % BLOCKS;
    unsigned char *done = lane->blocks[index];
    lane->blocks[index] = *block;
    lane->lens[index] = len;
    lane->given++;
    pthread_cond_signal(&lane->moved);
    pthread_mutex_unlock(&lane->lock);
    *block = done;
}

void hash_lane_end(struct hash_lane **ret)
{
    struct hash_lane *lane = *ret;
    if (!lane)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->ended = true;
    pthread_cond_signal(&lane->moved);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->moved);
    lane_free(ret);
    atomic_fetch_sub(&lanes, 1);
}
