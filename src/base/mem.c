/* The allocators, each with the injection point. */
#include "base/mem.h"
#include "base/fail.h"

void *mem_alloc(size_t size)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    return calloc(1, size ? size : 1);
}

void *mem_alloc_aligned(size_t alignment, size_t size)
{
    void *ptr = fail_now(FAIL_ALLOC) ? NULL : aligned_alloc(alignment, size);
    return ptr ? memset(ptr, 0, size) : NULL;
}

void *mem_realloc(void *ptr, size_t size)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    return realloc(ptr, size ? size : 1);
}
