/* See write_lane.h. A lane has one thread at a time, which writes all blocks that are there in one call: two
 * together cost hardly more than one, so a lane is queued when it has two, or when its owner waits. */
#include "base/write_lane.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include <pthread.h>

#define BLOCKS 4
#define GATHERED 2
#define THREADS 4  /* they wait for the disk */
#define SLOW_MS 20 /* whose owner has waited so long for SLOW_BLOCKS goes on through the page cache */
#define SLOW_BLOCKS 128

struct write_lane {
    int fd;
    int fault;
    off_t offset;         /* of the first block that is not written */
    pthread_cond_t moved; /* blocks are written */
    size_t given;         /* blocks, of all that ever were */
    size_t done;
    unsigned char *blocks[BLOCKS]; /* number n is at n % BLOCKS */
    bool awaited;                  /* by its owner */
    int64_t waited_ms;
    bool busy;               /* in the queue, or with a thread */
    struct write_lane *next; /* in the queue */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER;
static struct write_lane *first;
static struct write_lane **last = &first;
static int threads;

/* ---- under the lock */

/* Whether it was: a thread is to be woken, best without the lock, for which it would wait. */
static bool enqueue_if_due(struct write_lane *lane)
{
    size_t count = lane->given - lane->done;
    if (lane->busy || count == 0 || (count < GATHERED && !lane->awaited))
        return false;
    lane->busy = true;
    lane->next = NULL;
    *last = lane;
    last = &lane->next;
    return true;
}

static struct write_lane *dequeue(void)
{
    while (!first)
        pthread_cond_wait(&queued, &lock);
    struct write_lane *lane = first;
    first = lane->next;
    if (!first)
        last = &first;
    return lane;
}

static void wait_behind(struct write_lane *lane, size_t blocks)
{
    lane->awaited = true;
    if (enqueue_if_due(lane))
        pthread_cond_signal(&queued);
    while (lane->given - lane->done > blocks)
        pthread_cond_wait(&lane->moved, &lock);
    lane->awaited = false;
}

/* ---- the threads */

/* Without the lock: while the lane is busy its first `count` blocks are the thread's. */
static int write_blocks(struct write_lane *lane, size_t count)
{
    struct iovec parts[BLOCKS];
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){lane->blocks[(lane->done + i) % BLOCKS], BLOCK_SIZE};
    int rc = lane->fault ? lane->fault : io_pwritev_all(lane->fd, parts, count, lane->offset);
    for (size_t i = 0; i < count; i++)
        block_free(&lane->blocks[(lane->done + i) % BLOCKS]);
    lane->offset += (off_t)(count * BLOCK_SIZE);
    return rc;
}

static void *run(void *arg UNUSED)
{
    (void)pthread_setname_np(pthread_self(), "write");
    pthread_mutex_lock(&lock);
    for (;;) {
        struct write_lane *lane = dequeue();
        size_t count = lane->given - lane->done;
        pthread_mutex_unlock(&lock);
        int rc = write_blocks(lane, count);
        pthread_mutex_lock(&lock);
        lane->fault = rc;
        lane->done += count;
        lane->busy = false;
        (void)enqueue_if_due(lane); /* this thread is awake: it takes one of those that are queued */
        pthread_cond_signal(&lane->moved);
    }
    return NULL;
}

/* For good, once there is a lane. */
static void start_threads(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (threads < THREADS && pthread_create(&thread, &attributes, run, NULL) == 0)
        threads++;
    (void)pthread_attr_destroy(&attributes);
}

/* ---- the owner */

int write_lane_start(int fd, off_t offset, struct write_lane **ret)
{
    struct write_lane *lane = mem_alloc(sizeof(*lane));
    if (!lane)
        return -EAGAIN;
    pthread_mutex_lock(&lock);
    start_threads();
    bool some = threads > 0;
    pthread_mutex_unlock(&lock);
    if (!some) {
        free(lane);
        return -EAGAIN;
    }
    lane->fd = fd;
    lane->offset = offset;
    pthread_cond_init(&lane->moved, NULL);
    *ret = lane;
    return 0;
}

/* A disk that does not keep up must not hold up the thread of other connections for long. */
static void wait_for_place(struct write_lane *lane)
{
    int64_t began_ms = clock_mono_ms();
    wait_behind(lane, BLOCKS - 1);
    lane->waited_ms += clock_mono_ms() - began_ms;
    if (lane->waited_ms >= SLOW_MS * (int64_t)(1 + lane->given / SLOW_BLOCKS))
        (void)io_be_buffered(lane->fd);
}

int write_lane_give(struct write_lane *lane, unsigned char *block)
{
    block_share(block);
    pthread_mutex_lock(&lock);
    if (lane->given - lane->done == BLOCKS)
        wait_for_place(lane);
    lane->blocks[lane->given++ % BLOCKS] = block;
    bool due = enqueue_if_due(lane);
    int fault = lane->fault;
    pthread_mutex_unlock(&lock);
    if (due)
        pthread_cond_signal(&queued);
    return fault;
}

int write_lane_wait(struct write_lane *lane)
{
    pthread_mutex_lock(&lock);
    wait_behind(lane, 0);
    int fault = lane->fault;
    pthread_mutex_unlock(&lock);
    return fault;
}

void write_lane_end(struct write_lane **ret)
{
    struct write_lane *lane = *ret;
    if (!lane)
        return;
    pthread_mutex_lock(&lock);
    wait_behind(lane, 0); /* who wants its fault has asked */
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&lane->moved);
    free(lane);
    *ret = NULL;
}
