/* Chunks in a list, filled by bumping an offset. The first chunk is small; later ones double up to a limit.
 */
#include "base/arena.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>

#define ALIGNMENT ((size_t)16)
#define FIRST_CHUNK ((size_t)2048)
#define LARGEST_CHUNK ((size_t)65536)
#ifdef __SANITIZE_ADDRESS__ /* what is used after a reset must be found */
#define LARGEST_KEPT ((size_t)0)
#else
#define LARGEST_KEPT ((size_t)16384)
#endif

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    size_t padding; /* keeps the bytes 16-byte aligned */
    char bytes[];
};

struct arena {
    struct chunk *chunks; /* newest first */
    size_t left;          /* bytes that may still be asked for */
    size_t next_size;
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = mem_alloc(sizeof(*arena));
    if (arena)
        *arena = (struct arena){.left = max_bytes, .next_size = FIRST_CHUNK};
    return arena;
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    free_chunks((*arena)->chunks);
    free(*arena);
    *arena = NULL;
}

/* The newest chunk is the largest: what is like the last request finds room in it alone. */
void arena_reset(struct arena *arena, size_t max_bytes)
{
    struct chunk *kept = arena->chunks;
    *arena = (struct arena){.left = max_bytes, .next_size = FIRST_CHUNK};
    if (kept && kept->size <= LARGEST_KEPT) {
        arena->chunks = kept;
        arena->next_size = 2 * kept->size;
        memset(kept->bytes, 0, kept->used);
        kept->used = 0;
        free_chunks(take(kept->next));
    } else {
        free_chunks(kept);
    }
}

static bool arena_grow(struct arena *arena, size_t need)
{
    size_t size = need > arena->next_size ? need : arena->next_size;
    struct chunk *chunk = mem_alloc(sizeof(*chunk) + size);
    if (!chunk)
        return false;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    if (arena->next_size < LARGEST_CHUNK)
        arena->next_size *= 2;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->left || size > SIZE_MAX / 2)
        return NULL;
    size_t need = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (need == 0)
        need = ALIGNMENT;
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < need) {
        if (!arena_grow(arena, need))
            return NULL;
        chunk = arena->chunks;
    }
    void *ret = chunk->bytes + chunk->used;
    chunk->used += need;
    arena->left -= size;
    return ret;
}

char *arena_dup(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (copy && s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text)
        (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

struct arena *arenas_take(struct arenas *arenas)
{
    return arenas->count > 0 ? arenas->spare[--arenas->count] : NULL;
}

void arenas_give(struct arenas *arenas, struct arena **arena)
{
    if (arenas->count < ARRAY_LEN(arenas->spare))
        arenas->spare[arenas->count++] = take(*arena);
}

void arenas_free(struct arenas *arenas)
{
    for (struct arena *spare; (spare = arenas_take(arenas));)
        arena_free(&spare);
}
