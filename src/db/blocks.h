/* Small blocks of SQLite's memory. A statement takes and gives back dozens of them; as the write connection
 * goes from thread to thread, each thread's malloc would have what another lacks. So they stay with it: who
 * has it gives blocks back into its pool, and takes them from there. Blocks are malloc's own all the same. */
#pragma once

#include "base/base.h"

struct blocks; /* a pool */

int blocks_new(struct blocks **ret) MUST_USE;
void blocks_free(struct blocks **blocks); /* with what is in it */
/* The calling thread uses the pool from now on; NULL: none. */
void blocks_use(struct blocks *blocks);

void *blocks_malloc(size_t size); /* NULL: out of memory */
void blocks_give(void *block);    /* may be NULL */
