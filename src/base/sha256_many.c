/* See sha256_many.h. */
#include "base/sha256_many.h"
#include "base/sha256_steps.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <pthread.h>

#define EACH _Pragma("GCC unroll 3") for (size_t n = 0; n < count; n++)
#define SHA_EXTENSIONS (1U << 29) /* of CPUID's leaf 7, in EBX */

SHA256_INLINE void many(uint32_t *const states[], const unsigned char *const bytes[], const size_t count,
                        size_t blocks)
{
    struct sha256_message messages[SHA256_MANY];
    EACH sha256_load_state(&messages[n], states[n]);
    for (size_t block = 0; block < blocks; block++) {
        struct sha256_message before[SHA256_MANY];
        EACH
        {
            before[n] = messages[n];
            sha256_load_words(&messages[n], bytes[n] + SHA256_BLOCK * block);
        }
        _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i++)
        {
            EACH sha256_four_steps(&messages[n], i);
        }
        EACH sha256_add_state(&messages[n], &before[n]);
    }
    EACH sha256_store_state(&messages[n], states[n]);
}

BY_SHA void sha256_many(uint32_t *const states[], const unsigned char *const bytes[], size_t count,
                        size_t blocks)
{
    if (count == 3)
        many(states, bytes, 3, blocks);
    else if (count == 2)
        many(states, bytes, 2, blocks);
    else
        many(states, bytes, 1, blocks);
}

static bool can;
static pthread_once_t can_once = PTHREAD_ONCE_INIT;

static void find_out(void)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    can = __builtin_cpu_supports("avx") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
          (ebx & SHA_EXTENSIONS);
}

bool sha256_many_can(void)
{
    (void)pthread_once(&can_once, find_out);
    return can;
}
#else
bool sha256_many_can(void)
{
    return false;
}

void sha256_many(uint32_t *const states[] UNUSED, const unsigned char *const bytes[] UNUSED,
                 size_t count UNUSED, size_t blocks UNUSED)
{
    abort(); /* it cannot */
}
#endif
