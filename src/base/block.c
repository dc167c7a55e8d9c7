/* See block.h. */
#include "base/block.h"
#include "base/mem.h"
#include <pthread.h>

#define KEPT_MAX 32

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *kept[KEPT_MAX];
static size_t kept_count;

unsigned char *block_new(void)
{
    pthread_mutex_lock(&lock);
    unsigned char *block = kept_count > 0 ? kept[--kept_count] : NULL;
    pthread_mutex_unlock(&lock);
    return block ? block : mem_realloc(NULL, BLOCK_SIZE);
}

void block_free(unsigned char **block)
{
    unsigned char *one = *block;
    *block = NULL;
    if (!one)
        return;
    pthread_mutex_lock(&lock);
    bool room = kept_count < KEPT_MAX;
    if (room)
        kept[kept_count++] = one;
    pthread_mutex_unlock(&lock);
    if (!room)
        free(one);
}
