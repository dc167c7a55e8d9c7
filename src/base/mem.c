/* The two allocators, each with the injection point. */
#include "base/mem.h"
#include "base/fail.h"

void *mem_alloc(size_t size)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    return calloc(1, size ? size : 1);
}

void *mem_realloc(void *ptr, size_t size)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    return realloc(ptr, size ? size : 1);
}
