/* See block.h. The count of holders follows the bytes. */
#include "base/block.h"
#include "base/fail.h"
#include <pthread.h>
#include <stdatomic.h>

#define KEPT_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *kept[KEPT_MAX];
static size_t kept_count;

static atomic_uint *holders_of(unsigned char *block)
{
    return (atomic_uint *)(void *)(block + BLOCK_SIZE);
}

unsigned char *block_new(void)
{
    pthread_mutex_lock(&lock);
    unsigned char *block = kept_count > 0 ? kept[--kept_count] : NULL;
    pthread_mutex_unlock(&lock);
    if (!block && !fail_now(FAIL_ALLOC))
        block = aligned_alloc(BLOCK_ALIGNMENT, BLOCK_SIZE + BLOCK_ALIGNMENT);
    if (block)
        atomic_init(holders_of(block), 1);
    return block;
}

void block_share(unsigned char *block)
{
    atomic_fetch_add(holders_of(block), 1);
}

void block_free(unsigned char **block)
{
    unsigned char *one = *block;
    *block = NULL;
    if (!one || atomic_fetch_sub(holders_of(one), 1) > 1)
        return;
    pthread_mutex_lock(&lock);
    bool room = kept_count < KEPT_MAX;
    if (room)
        kept[kept_count++] = one;
    pthread_mutex_unlock(&lock);
    if (!room)
        free(one);
}
