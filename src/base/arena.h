/* The memory of one request: bounded, never freed piecemeal, all freed at once. Not shared between threads.
 */
#pragma once

#include "base/base.h"

struct arena;

struct arena *arena_new(size_t max_bytes) MUST_USE; /* NULL when out of memory */
void arena_free(struct arena **arena);              /* CLEANUP-able */
/* As new, for another request; some of its memory is kept. */
void arena_reset(struct arena *arena, size_t max_bytes);
/* Zeroed, 16-byte aligned; NULL when out of memory or over the maximum. */
void *arena_alloc(struct arena *arena, size_t size) MUST_USE;
char *arena_dup(struct arena *arena, struct str s) MUST_USE; /* NUL-terminated copy */
char *arena_printf(struct arena *arena, const char *fmt, ...) MUST_USE PRINTF_LIKE(2, 3);

/* Some that are not in use, for those who need one next. */
struct arenas {
    struct arena *spare[32];
    size_t count;
};

struct arena *arenas_take(struct arenas *arenas); /* NULL: none is left */
void arenas_give(struct arenas *arenas,
                 struct arena **arena); /* one that was reset; not taken: enough are there */
void arenas_free(struct arenas *arenas);
