/* Lists by size, as malloc tells it: a block has 16 bytes more than the next smaller kind. */
#include "db/blocks.h"
#include "base/mem.h"
#include <malloc.h>
#include <stdlib.h>

#define STEP 16
#define SMALLEST 24
#define KINDS 560                     /* up to two pages */
#define KEPT_MAX ((size_t)256 * 1024) /* bytes in a pool */

struct block {
    struct block *next;
};

struct blocks {
    size_t kept;
    struct block *lists[KINDS];
};

static _Thread_local struct blocks *used;

int blocks_new(struct blocks **ret)
{
    *ret = mem_alloc(sizeof(**ret));
    return *ret ? 0 : FAULT(ENOMEM);
}

void blocks_free(struct blocks **blocks)
{
    for (size_t i = 0; *blocks && i < KINDS; i++)
        for (struct block *block = (*blocks)->lists[i], *next; block; block = next) {
            next = block->next;
            free(block);
        }
    free(*blocks);
    *blocks = NULL;
}

void blocks_use(struct blocks *blocks)
{
    used = blocks;
}

void *blocks_malloc(size_t size)
{
    size_t kind = size <= SMALLEST ? 0 : (size - SMALLEST + STEP - 1) / STEP;
    if (!used || kind >= KINDS)
        return malloc(size);
    struct block *block = used->lists[kind];
    if (!block)
        return malloc(SMALLEST + kind * STEP);
    used->lists[kind] = block->next;
    used->kept -= SMALLEST + kind * STEP;
    return block;
}

void blocks_give(void *ptr)
{
    struct block *block = ptr;
    size_t size = used && block ? malloc_usable_size(block) : 0;
    size_t kind = size < SMALLEST ? KINDS : (size - SMALLEST) / STEP;
    if (kind >= KINDS || used->kept >= KEPT_MAX) {
        free(block);
        return;
    }
    block->next = used->lists[kind];
    used->lists[kind] = block;
    used->kept += SMALLEST + kind * STEP;
}
