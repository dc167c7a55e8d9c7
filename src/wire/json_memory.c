/* A document is dozens of pieces of a few sizes, taken and given back together: more than malloc's own cache
 * of a thread holds of a size. What a thread keeps goes with it. */
#include "wire/json_memory.h"
#include "base/base.h"
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SIZES 8 /* usable bytes, as malloc_usable_size says: 24, 40, … 136 */
#define SMALLEST 24
#define STEP 16
#define KEPT_MOST 128 /* of a size, by a thread: 82 KiB in all */

struct piece {
    struct piece *next;
};

struct kept {
    struct piece *first[SIZES];
    int count[SIZES];
    bool registered; /* to be given back when the thread ends */
};

static __thread struct kept kept;
static pthread_key_t at_exit;

static void give_back(void *of)
{
    struct kept *pieces = of;

    for (size_t i = 0; i < SIZES; i++)
        while (pieces->first[i]) {
            struct piece *piece = pieces->first[i];

            pieces->first[i] = piece->next;
            free(piece);
        }
    *pieces = (struct kept){0};
}

static void *piece_take(size_t size)
{
    size_t i = size <= SMALLEST ? 0 : (size - SMALLEST + STEP - 1) / STEP;
    struct piece *piece;

    if (i >= SIZES)
        return malloc(size);
    piece = kept.first[i];
    if (!piece)
        return malloc(SMALLEST + i * STEP);
    kept.first[i] = piece->next;
    kept.count[i]--;
    return piece;
}

static void piece_give(void *memory)
{
    size_t usable = malloc_usable_size(memory), i = (usable - SMALLEST) / STEP;
    struct piece *piece = memory;

    atomic_thread_fence(memory_order_acquire); /* others may have had it, too: their last look comes before */
    if (usable < SMALLEST || i >= SIZES || kept.count[i] == KEPT_MOST) {
        free(memory);
        return;
    }
    if (!kept.registered)
        kept.registered = pthread_setspecific(at_exit, &kept) == 0;
    piece->next = kept.first[i];
    kept.first[i] = piece;
    kept.count[i]++;
}

void json_memory_init(void)
{
#ifdef __SANITIZE_ADDRESS__ /* what is used after it was given back must be found */
    return;
#endif
    if (pthread_key_create(&at_exit, give_back) == 0)
        json_set_alloc_funcs(piece_take, piece_give);
}
