/* See sha256_many.h. Source: "Intel SHA Extensions", Intel, 2013: a step's instruction has two of the eight
 * words of state in each half of its registers (ABEF and CDGH), and does two steps. */
#include "base/sha256_many.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>

#define BY_SHA __attribute__((target("sha,sse4.1,avx")))
#define INLINE static inline __attribute__((always_inline)) BY_SHA
#define EACH _Pragma("GCC unroll 3") for (size_t n = 0; n < count; n++)
#define SHA_EXTENSIONS (1U << 29) /* of CPUID's leaf 7, in EBX */

static const uint32_t added[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

struct message {
    __m128i abef;
    __m128i cdgh;
    __m128i words[4]; /* the last sixteen of the schedule, four in each */
};

INLINE __m128i load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE void load_state(struct message *message, const uint32_t state[8])
{
    __m128i badc = _mm_shuffle_epi32(load(state), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1B);
    message->abef = _mm_alignr_epi8(badc, hgfe, 8);
    message->cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
}

INLINE void store_state(const struct message *message, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(message->abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(message->cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

INLINE void load_words(struct message *message, const unsigned char *bytes)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    _Pragma("GCC unroll 4") for (size_t i = 0; i < 4; i++) message->words[i] =
        _mm_shuffle_epi8(load(bytes + 16 * i), big_endian);
}

/* The words of sixteen steps further on take the place of these. */
INLINE void extend(__m128i words[4], size_t i)
{
    __m128i sum = _mm_sha256msg1_epu32(words[i % 4], words[(i + 1) % 4]);
    sum = _mm_add_epi32(sum, _mm_alignr_epi8(words[(i + 3) % 4], words[(i + 2) % 4], 4));
    words[i % 4] = _mm_sha256msg2_epu32(sum, words[(i + 3) % 4]);
}

/* Steps 4 * i to 4 * i + 3. */
INLINE void four_steps(struct message *message, size_t i)
{
    __m128i sum = _mm_add_epi32(message->words[i % 4], load(added + 4 * i));
    message->cdgh = _mm_sha256rnds2_epu32(message->cdgh, message->abef, sum);
    message->abef = _mm_sha256rnds2_epu32(message->abef, message->cdgh, _mm_shuffle_epi32(sum, 0x0E));
    if (i < 12)
        extend(message->words, i);
}

INLINE void many(uint32_t *const states[], const unsigned char *const bytes[], const size_t count,
                 size_t blocks)
{
    struct message messages[SHA256_MANY];
    EACH load_state(&messages[n], states[n]);
    for (size_t block = 0; block < blocks; block++) {
        __m128i before[SHA256_MANY][2];
        EACH
        {
            before[n][0] = messages[n].abef;
            before[n][1] = messages[n].cdgh;
            load_words(&messages[n], bytes[n] + SHA256_BLOCK * block);
        }
        _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i++)
        {
            EACH four_steps(&messages[n], i);
        }
        EACH
        {
            messages[n].abef = _mm_add_epi32(messages[n].abef, before[n][0]);
            messages[n].cdgh = _mm_add_epi32(messages[n].cdgh, before[n][1]);
        }
    }
    EACH store_state(&messages[n], states[n]);
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
