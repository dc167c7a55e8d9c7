/* See md5_many.h. Written for the compiler's vectors of 16 words: one register with AVX-512, two with AVX2,
 * four otherwise. */
#include "base/md5_many.h"
#include "base/md5_added.h"

typedef uint32_t lanes __attribute__((vector_size(4 * MD5_MANY), aligned(4)));
#define INLINE static inline __attribute__((always_inline))

/* Swaps what is right of the diagonal in each square of 2 * SIDE with what is below it. */
#define SWAP(SIDE)                                                                                           \
    _Pragma("GCC unroll 16") for (unsigned i = 0; i < MD5_MANY; i++)                                         \
    {                                                                                                        \
        if (i & (SIDE))                                                                                      \
            continue;                                                                                        \
        lanes upper = m[i], lower = m[i + (SIDE)];                                                           \
        m[i] = __builtin_shufflevector(upper, lower, UPPER_##SIDE);                                          \
        m[i + (SIDE)] = __builtin_shufflevector(upper, lower, LOWER_##SIDE);                                 \
    }
#define UPPER_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define LOWER_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define UPPER_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define LOWER_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define UPPER_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define LOWER_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define UPPER_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define LOWER_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/* The words of one block of each message: m[w] has word w of all. */
INLINE void load_words(const unsigned char *const bytes[MD5_MANY], size_t offset, lanes m[MD5_MANY])
{
    _Pragma("GCC unroll 16") for (unsigned i = 0; i < MD5_MANY; i++)
        memcpy(&m[i], bytes[i] + offset, sizeof(m[i]));
    SWAP(8)
    SWAP(4)
    SWAP(2)
    SWAP(1)
}

#define F(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define G(b, c, d) ((c) ^ ((d) & ((b) ^ (c))))
#define H(b, c, d) ((b) ^ (c) ^ (d))
#define I(b, c, d) ((c) ^ ((b) | ~(d)))

/* Sixteen steps; a step's word is number (FACTOR * step + FIRST) % 16. */
#define ROUND(NUMBER, MIX, FACTOR, FIRST, S0, S1, S2, S3)                                                    \
    _Pragma("GCC unroll 16") for (unsigned i = 0; i < 16; i++)                                               \
    {                                                                                                        \
        static const unsigned shifts[4] = {S0, S1, S2, S3};                                                  \
        const unsigned s = shifts[i % 4];                                                                    \
        lanes sum = a + MIX(b, c, d) + m[((FACTOR)*i + (FIRST)) % 16] + md5_added[16 * (NUMBER) + i];        \
        a = d;                                                                                               \
        d = c;                                                                                               \
        c = b;                                                                                               \
        b += sum << s | sum >> (32 - s);                                                                     \
    }

INLINE void take_block(const lanes m[MD5_MANY], lanes state[4])
{
    lanes a = state[0], b = state[1], c = state[2], d = state[3];
    ROUND(0, F, 1, 0, 7, 12, 17, 22)
    ROUND(1, G, 5, 1, 5, 9, 14, 20)
    ROUND(2, H, 3, 5, 4, 11, 16, 23)
    ROUND(3, I, 7, 0, 6, 10, 15, 21)
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

/* The lanes that no message has go over the first one's bytes. */
INLINE void many(uint32_t (*const states[])[4], const unsigned char *const bytes[], size_t count,
                 size_t blocks)
{
    const unsigned char *from[MD5_MANY];
    lanes state[4], m[MD5_MANY];
    for (size_t i = 0; i < MD5_MANY; i++) {
        from[i] = bytes[i < count ? i : 0];
        for (size_t j = 0; j < 4; j++)
            state[j][i] = (*states[i < count ? i : 0])[j];
    }
    for (size_t block = 0; block < blocks; block++) {
        load_words(from, block * MD5_BLOCK, m);
        take_block(m, state);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < 4; j++)
            (*states[i])[j] = state[j][i];
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void
many_avx512(uint32_t (*const states[])[4], const unsigned char *const bytes[], size_t count, size_t blocks)
{
    many(states, bytes, count, blocks);
}

__attribute__((target("avx2"))) static void
many_avx2(uint32_t (*const states[])[4], const unsigned char *const bytes[], size_t count, size_t blocks)
{
    many(states, bytes, count, blocks);
}
#endif

void md5_many(uint32_t (*const states[])[4], const unsigned char *const bytes[], size_t count, size_t blocks)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        many_avx512(states, bytes, count, blocks);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        many_avx2(states, bytes, count, blocks);
        return;
    }
#endif
    many(states, bytes, count, blocks);
}
