/* See block.h. The count of holders follows the bytes; a block that is kept says in its first bytes which is
 * the next. */
#include "base/block.h"
#include "base/fail.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define MAPPED (BLOCK_SIZE + BLOCK_ALIGNMENT)
#define KEPT_MAX 32 /* or as many as are in use: */
#define SPARED 32   /* are freed before one of too many goes, since how many are in use varies fast */
#define BURST 256   /* 32 MiB: what is more of them goes at once */

struct kept {
    struct kept *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *kept;
static size_t count_kept;
static size_t count_used;
static size_t count_spared;

static atomic_uint *holders_of(unsigned char *block)
{
    return (atomic_uint *)(void *)(block + BLOCK_SIZE);
}

static unsigned char *map(void)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    /* cppcheck-suppress invalidFunctionArg ; of no file */
    void *block = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block != MAP_FAILED ? block : NULL;
}

/* Under the lock. */
static unsigned char *take_kept(void)
{
    struct kept *block = kept;
    if (block) {
        kept = block->next;
        count_kept--;
    }
    return (unsigned char *)block;
}

unsigned char *block_new(void)
{
    pthread_mutex_lock(&lock);
    unsigned char *block = take_kept();
    count_used++;
    pthread_mutex_unlock(&lock);
    if (!block)
        block = map();
    if (block) {
        atomic_init(holders_of(block), 1);
        return block;
    }
    pthread_mutex_lock(&lock);
    count_used--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

void block_share(unsigned char *block)
{
    atomic_fetch_add(holders_of(block), 1);
}

static bool is_one_too_many(void)
{
    if (count_kept <= KEPT_MAX || count_kept <= count_used)
        return false;
    return count_used == 0 || count_kept > count_used + BURST || ++count_spared % SPARED == 0;
}

void block_free(unsigned char **block)
{
    struct kept *one = (struct kept *)(void *)*block;
    *block = NULL;
    if (!one || atomic_fetch_sub(holders_of((unsigned char *)one), 1) > 1)
        return;
    pthread_mutex_lock(&lock);
    one->next = kept;
    kept = one;
    count_kept++;
    count_used--;
    while (is_one_too_many())
        (void)munmap(take_kept(), MAPPED);
    pthread_mutex_unlock(&lock);
}
