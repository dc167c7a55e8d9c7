/* The memory of one request: bounded, never freed piecemeal, all freed at once. Not shared between threads.
 */
#pragma once

#include "base/base.h"

struct arena;

struct arena *arena_new(size_t max_bytes) MUST_USE; /* NULL when out of memory */
void arena_free(struct arena **arena);              /* CLEANUP-able */
/* Zeroed, 16-byte aligned; NULL when out of memory or over the maximum. */
void *arena_alloc(struct arena *arena, size_t size) MUST_USE;
char *arena_dup(struct arena *arena, struct str s) MUST_USE; /* NUL-terminated copy */
char *arena_printf(struct arena *arena, const char *fmt, ...) MUST_USE PRINTF_LIKE(2, 3);
