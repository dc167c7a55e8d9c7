/* The allocators, each with the injection point. */
#include "base/mem.h"
#include "base/fail.h"

/* malloc takes what is small from the thread's own cache; calloc locks what threads share for it. */
#define SMALL ((size_t)1024)

void *mem_alloc(size_t size)
{
    size_t need = size ? size : 1;
    if (fail_now(FAIL_ALLOC))
        return NULL;
    if (need > SMALL)
        return calloc(1, need);
    void *ptr = malloc(need);
    __asm__("" : : "r"(ptr) : "memory"); /* else the compiler makes a calloc of both */
    return ptr ? memset(ptr, 0, need) : NULL;
}

void *mem_realloc(void *ptr, size_t size)
{
    if (fail_now(FAIL_ALLOC))
        return NULL;
    return realloc(ptr, size ? size : 1);
}
