/* See hash_lane.h. Lanes that have a block wait in one queue, each once; a thread takes the first, or many
 * when many wait, and puts those back that have another block. So a hash's blocks stay in order. Many blocks
 * at once cost as much as three: of many lanes the threads let enough gather, unless an owner waits. */
#include "base/hash_lane.h"
#include "base/md5_many.h"
#include "base/mem.h"
#include "base/sha256_many.h"
#include <pthread.h>
#include <unistd.h>

#define BLOCKS 4
#define TAKEN_MAX MD5_MANY
#define MANY_FROM (MD5_MANY_FROM + 1) /* alone, SHA-256 costs nothing beside an MD5 */
#define THREADS_MAX 16

struct hash_lane {
    struct hash *md5;
    struct hash *sha256;  /* NULL: none, or its owner's */
    struct hash *own;     /* sha256, of who gives blocks; NULL: none */
    pthread_cond_t moved; /* a block is done */
    size_t given;         /* blocks, of all that ever were */
    size_t done;
    size_t lens[BLOCKS];
    unsigned char *blocks[BLOCKS]; /* number n is at n % BLOCKS */
    struct hash_lane *next;        /* in the queue */
    bool queued;
    bool awaited; /* by its owner */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER;
static struct hash_lane *first;
static struct hash_lane **last = &first;
static size_t count_queued;
static size_t count_awaited; /* of those */
static size_t count_lanes;
static size_t count_taken; /* blocks that threads have, one a lane */
static size_t count_idle;
static size_t count_coming; /* of these, woken and not here yet: they take what has come until then */
static long threads;

/* Whether there is work for a thread. Too few to go side by side wait for those that others have, where all
 * of them together are enough: lanes that stand still are no company. */
static bool is_due(void)
{
    size_t enough = count_lanes < MANY_FROM ? 1 : count_lanes < TAKEN_MAX ? count_lanes : TAKEN_MAX;
    if (!first || count_queued >= (3 * enough + 3) / 4)
        return first;
    return count_awaited > 0 &&
           (count_queued >= MANY_FROM || count_taken == 0 || count_queued + count_taken < MANY_FROM);
}

/* Whether an idle thread is to be woken, by who then has to, without the lock: it would wait for it. */
static bool wakes_one(void)
{
    if (!is_due() || count_coming == count_idle || (count_coming > 0 && count_queued < TAKEN_MAX))
        return false;
    count_coming++;
    return true;
}

static void unlock_and_wake(void)
{
    bool one = wakes_one();
    pthread_mutex_unlock(&lock);
    if (one)
        pthread_cond_signal(&queued);
}

static void enqueue(struct hash_lane *lane)
{
    lane->next = NULL;
    *last = lane;
    last = &lane->next;
    lane->queued = true;
    count_queued++;
    count_awaited += lane->awaited;
}

static size_t dequeue(struct hash_lane *taken[TAKEN_MAX])
{
    size_t max = count_queued < MANY_FROM ? 1 : TAKEN_MAX;
    size_t count = 0;
    while (count < max && first) {
        first->queued = false;
        count_awaited -= first->awaited;
        taken[count++] = first;
        first = first->next;
    }
    if (!first)
        last = &first;
    count_queued -= count;
    return count;
}

static struct str block_of(const struct hash_lane *lane)
{
    size_t index = lane->done % BLOCKS;
    return (struct str){(const char *)lane->blocks[index], lane->lens[index]};
}

static void update(const struct hash_lane *lane, struct str block)
{
    if (lane->sha256)
        hash_update_both(lane->md5, lane->sha256, block.ptr, block.len);
    else
        hash_update(lane->md5, block.ptr, block.len);
}

static void update_side_by_side(struct hash_lane *const taken[], size_t count)
{
    struct hash *md5s[TAKEN_MAX], *sha256s[TAKEN_MAX];
    struct str blocks[TAKEN_MAX], sha256_blocks[TAKEN_MAX];
    size_t sha256_count = 0;
    for (size_t i = 0; i < count; i++) {
        md5s[i] = taken[i]->md5;
        blocks[i] = block_of(taken[i]);
        if (!taken[i]->sha256)
            continue;
        sha256s[sha256_count] = taken[i]->sha256;
        sha256_blocks[sha256_count++] = blocks[i];
    }
    hash_update_many(md5s, blocks, count);
    hash_update_many(sha256s, sha256_blocks, sha256_count);
}

static void hash_blocks(struct hash_lane *const taken[], size_t count)
{
    if (count >= MANY_FROM)
        update_side_by_side(taken, count);
    else
        for (size_t i = 0; i < count; i++)
            update(taken[i], block_of(taken[i]));
    for (size_t i = 0; i < count; i++)
        block_free(&taken[i]->blocks[taken[i]->done % BLOCKS]);
}

static void wait_until_due(void)
{
    while (!is_due()) {
        count_idle++;
        while (count_coming == 0)
            pthread_cond_wait(&queued, &lock);
        count_coming--;
        count_idle--;
    }
}

static void *run(void *arg UNUSED)
{
    struct hash_lane *taken[TAKEN_MAX];
    (void)pthread_setname_np(pthread_self(), "hash");
    pthread_mutex_lock(&lock);
    for (;;) {
        wait_until_due();
        size_t count = dequeue(taken);
        count_taken += count;
        unlock_and_wake();
        hash_blocks(taken, count);
        pthread_mutex_lock(&lock);
        count_taken -= count;
        for (size_t i = 0; i < count; i++) {
            if (++taken[i]->done < taken[i]->given)
                enqueue(taken[i]);
            pthread_cond_signal(&taken[i]->moved);
        }
    }
    return NULL;
}

/* As many threads as processors, for good, once there is a lane. Under the lock. */
static void start_threads(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    long wanted = sysconf(_SC_NPROCESSORS_ONLN);
    if (pthread_attr_init(&attributes) != 0)
        return;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (threads < THREADS_MAX && threads < wanted && pthread_create(&thread, &attributes, run, NULL) == 0)
        threads++;
    (void)pthread_attr_destroy(&attributes);
}

int hash_lane_start(struct hash *md5, struct hash *sha256, struct hash_lane **ret)
{
    struct hash_lane *lane = mem_alloc(sizeof(*lane));
    if (!lane)
        return -EAGAIN;
    pthread_mutex_lock(&lock);
    start_threads();
    bool some = threads > 0;
    count_lanes += some;
    pthread_mutex_unlock(&lock);
    if (!some) {
        free(lane);
        return -EAGAIN;
    }
    lane->md5 = md5;
    lane->sha256 = sha256_many_can() ? sha256 : NULL;
    lane->own = sha256_many_can() ? NULL : sha256;
    pthread_cond_init(&lane->moved, NULL);
    *ret = lane;
    return 0;
}

static void await(struct hash_lane *lane, bool awaited)
{
    count_awaited -= lane->queued && lane->awaited;
    lane->awaited = awaited;
    count_awaited += lane->queued && awaited;
    if (wakes_one())
        pthread_cond_signal(&queued);
}

/* Waits until it is at most so many blocks behind. Under the lock. */
static void wait_behind(struct hash_lane *lane, size_t blocks)
{
    if (lane->given - lane->done <= blocks)
        return;
    await(lane, true);
    while (lane->given - lane->done > blocks)
        pthread_cond_wait(&lane->moved, &lock);
    await(lane, false);
}

void hash_lane_give(struct hash_lane *lane, unsigned char **block, size_t len)
{
    unsigned char *another = block_new();
    if (lane->own)
        hash_update(lane->own, *block, len);
    pthread_mutex_lock(&lock);
    wait_behind(lane, another ? BLOCKS - 1 : 0);
    if (!another) {
        pthread_mutex_unlock(&lock);
        update(lane, (struct str){(const char *)*block, len});
        return;
    }
    size_t index = lane->given % BLOCKS;
    lane->blocks[index] = *block;
    lane->lens[index] = len;
    if (lane->given++ == lane->done)
        enqueue(lane);
    unlock_and_wake();
    *block = another;
}

void hash_lane_end(struct hash_lane **ret)
{
    struct hash_lane *lane = *ret;
    if (!lane)
        return;
    pthread_mutex_lock(&lock);
    wait_behind(lane, 0);
    count_lanes--;
    unlock_and_wake(); /* fewer are enough now */
    pthread_cond_destroy(&lane->moved);
    free(lane);
    *ret = NULL;
}
