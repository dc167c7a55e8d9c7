/* SHA-256's steps by the processor's own instructions, for those who run several computations side by side.
 * Source: "Intel SHA Extensions", Intel, 2013: an instruction has two of the eight words of state in each
 * half of its registers (ABEF and CDGH), and does two steps. */
#pragma once

#include "base/base.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BY_SHA __attribute__((target("sha,sse4.1,avx")))
#define SHA256_INLINE static inline __attribute__((always_inline)) BY_SHA

static const uint32_t sha256_added[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

struct sha256_message {
    __m128i abef;
    __m128i cdgh;
    __m128i words[4]; /* the last sixteen of the schedule, four in each */
};

SHA256_INLINE __m128i sha256_load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

SHA256_INLINE void sha256_load_state(struct sha256_message *message, const uint32_t state[8])
{
    __m128i badc = _mm_shuffle_epi32(sha256_load(state), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(sha256_load(state + 4), 0x1B);
    message->abef = _mm_alignr_epi8(badc, hgfe, 8);
    message->cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
}

SHA256_INLINE void sha256_store_state(const struct sha256_message *message, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(message->abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(message->cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

SHA256_INLINE void sha256_load_words(struct sha256_message *message, const unsigned char *bytes)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    _Pragma("GCC unroll 4") for (size_t i = 0; i < 4; i++) message->words[i] =
        _mm_shuffle_epi8(sha256_load(bytes + 16 * i), big_endian);
}

/* The words of sixteen steps further on take the place of these. */
SHA256_INLINE void sha256_extend(__m128i words[4], size_t i)
{
    __m128i sum = _mm_sha256msg1_epu32(words[i % 4], words[(i + 1) % 4]);
    sum = _mm_add_epi32(sum, _mm_alignr_epi8(words[(i + 3) % 4], words[(i + 2) % 4], 4));
    words[i % 4] = _mm_sha256msg2_epu32(sum, words[(i + 3) % 4]);
}

/* Steps 4 * i to 4 * i + 3. */
SHA256_INLINE void sha256_four_steps(struct sha256_message *message, size_t i)
{
    __m128i sum = _mm_add_epi32(message->words[i % 4], sha256_load(sha256_added + 4 * i));
    message->cdgh = _mm_sha256rnds2_epu32(message->cdgh, message->abef, sum);
    message->abef = _mm_sha256rnds2_epu32(message->abef, message->cdgh, _mm_shuffle_epi32(sum, 0x0E));
    if (i < 12)
        sha256_extend(message->words, i);
}

SHA256_INLINE void sha256_add_state(struct sha256_message *message, const struct sha256_message *before)
{
    message->abef = _mm_add_epi32(message->abef, before->abef);
    message->cdgh = _mm_add_epi32(message->cdgh, before->cdgh);
}
#endif
