/* See md5_sha256.h. The processor looks some hundred instructions ahead: both go step by step in turn. Of
 * what an MD5 step adds, that which needs the step before comes last. */
#include "base/md5_sha256.h"
#include "base/md5_added.h"
#include "base/sha256_steps.h"

#if defined(__x86_64__)
#define BLOCK 64

struct md5_state {
    uint32_t a, b, c, d;
};

/* Keeps the compiler from adding in another order. */
SHA256_INLINE uint32_t first(uint32_t value)
{
    __asm__("" : "+r"(value));
    return value;
}

/* Its function of b, c and d, the older of them first, added to the sum. */
SHA256_INLINE uint32_t md5_mixed(size_t round, uint32_t sum, const struct md5_state *s)
{
    switch (round) {
    case 0:
        return sum + (s->d ^ (s->b & (s->c ^ s->d)));
    case 1: /* its halves have no bit in common */
        return first(sum + (s->c & ~s->d)) + (s->b & s->d);
    case 2:
        return sum + (s->b ^ first(s->c ^ s->d));
    default:
        return sum + (s->c ^ (s->b | ~s->d));
    }
}

SHA256_INLINE void md5_step(struct md5_state *s, const unsigned char *bytes, size_t step)
{
    static const unsigned char shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const unsigned char factors[4] = {1, 5, 3, 7}, firsts[4] = {0, 1, 5, 0}; /* of the word's number */
    const size_t round = step / 16, i = step % 16;
    const unsigned shift = shifts[round][i % 4];
    uint32_t word;
    memcpy(&word, bytes + 4 * ((factors[round] * i + firsts[round]) % 16), sizeof(word));
    uint32_t sum = md5_mixed(round, s->a + word + md5_added[step], s);
    *s = (struct md5_state){s->d, s->b + (sum << shift | sum >> (32 - shift)), s->b, s->c};
}

SHA256_INLINE void take_block(struct md5_state *md5, struct sha256_message *sha256,
                              const unsigned char *bytes)
{
    const struct md5_state md5_before = *md5;
    const struct sha256_message sha256_before = *sha256;
    sha256_load_words(sha256, bytes);
    _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; i++)
    {
        sha256_four_steps(sha256, i);
        _Pragma("GCC unroll 4") for (size_t j = 0; j < 4; j++) md5_step(md5, bytes, 4 * i + j);
    }
    sha256_add_state(sha256, &sha256_before);
    md5->a += md5_before.a;
    md5->b += md5_before.b;
    md5->c += md5_before.c;
    md5->d += md5_before.d;
}

BY_SHA void md5_sha256(uint32_t md5[4], uint32_t sha256[8], const unsigned char *bytes, size_t blocks)
{
    struct md5_state state = {md5[0], md5[1], md5[2], md5[3]};
    struct sha256_message message;
    sha256_load_state(&message, sha256);
    for (size_t i = 0; i < blocks; i++)
        take_block(&state, &message, bytes + BLOCK * i);
    sha256_store_state(&message, sha256);
    memcpy(md5, (const uint32_t[4]){state.a, state.b, state.c, state.d}, 4 * sizeof(*md5));
}
#else
void md5_sha256(uint32_t md5[4] UNUSED, uint32_t sha256[8] UNUSED, const unsigned char *bytes UNUSED,
                size_t blocks UNUSED)
{
    abort(); /* it cannot */
}
#endif
