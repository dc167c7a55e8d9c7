/* See crc.h. A CRC of 32 bits is one of 64 bits whose polynomial is shifted up by 32: one algorithm does all.
 * Long inputs are folded, sixteen or four blocks of 16 bytes at once, into one block of the same remainder;
 * that block and what is left go through tables. Source: "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ", Intel, 2009. */
#include "base/crc.h"
#include <pthread.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SLICES 8
#define FOLD_MIN 128 /* bytes from which folding pays */
#define WIDE 256     /* bytes at once by the widest registers */
#define WIDE_MIN ((size_t)4 * WIDE)

/* Reflected, without the highest term. */
static const struct {
    uint64_t polynomial;
    size_t size;
} types[CRC_TYPES] = {
    [CRC_32] = {0xEDB88320, 4},
    [CRC_32C] = {0x82F63B78, 4},
    [CRC_64NVME] = {0x9A6C9329AC4BC9B5, 8},
};

static uint64_t tables[CRC_TYPES][SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* x^n modulo the polynomial for the distances by which blocks are folded: of a block's first eight bytes and
 * of its last. */
struct fold {
    uint64_t first;
    uint64_t last;
};
static struct fold folds_by_256[CRC_TYPES]; /* bytes */
static struct fold folds_by_64[CRC_TYPES];
static struct fold folds_by_16[CRC_TYPES];

static uint64_t times_x(uint64_t value, uint64_t polynomial)
{
    return value & 1 ? value >> 1 ^ polynomial : value >> 1;
}

static uint64_t power_of_x(unsigned n, uint64_t polynomial)
{
    uint64_t value = UINT64_C(1) << 63;
    while (n-- > 0)
        value = times_x(value, polynomial);
    return value;
}

/* A product of two reflected factors stands one bit too low: hence the -1. */
static struct fold fold_by(unsigned bits, uint64_t polynomial)
{
    return (struct fold){power_of_x(bits + 64 - 1, polynomial), power_of_x(bits - 1, polynomial)};
}

/* Slice k gives the effect of a byte that k further bytes follow, so that eight bytes are taken at once. */
static void make_tables(void)
{
    for (size_t t = 0; t < CRC_TYPES; t++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t crc = i;
            for (int bit = 0; bit < 8; bit++)
                crc = times_x(crc, types[t].polynomial);
            tables[t][0][i] = crc;
        }
        for (unsigned slice = 1; slice < SLICES; slice++)
            for (unsigned i = 0; i < 256; i++) {
                uint64_t before = tables[t][slice - 1][i];
                tables[t][slice][i] = before >> 8 ^ tables[t][0][before & 0xFF];
            }
        folds_by_256[t] = fold_by(2048, types[t].polynomial);
        folds_by_64[t] = fold_by(512, types[t].polynomial);
        folds_by_16[t] = fold_by(128, types[t].polynomial);
    }
}

static uint64_t by_tables(enum crc_type type, uint64_t crc, const unsigned char *p, size_t len)
{
    uint64_t(*table)[256] = tables[type];
    for (; len >= SLICES; len -= SLICES, p += SLICES) {
        uint64_t word = 0;
        for (unsigned i = 0; i < SLICES; i++)
            word |= (uint64_t)p[i] << (8 * i);
        word ^= crc;
        crc = 0;
        for (unsigned i = 0; i < SLICES; i++)
            crc ^= table[SLICES - 1 - i][word >> (8 * i) & 0xFF];
    }
    for (; len > 0; len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
#define FOLDING __attribute__((target("pclmul,sse4.1")))
#define FOLDING_WIDE __attribute__((target("vpclmulqdq,avx512f")))
#define FOLDED 64 /* bytes that are left of what was folded four blocks at once */

FOLDING static inline __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

FOLDING static inline __m128i folded(__m128i block, __m128i by, __m128i next)
{
    __m128i first = _mm_clmulepi64_si128(block, by, 0x00);
    __m128i last = _mm_clmulepi64_si128(block, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, last), next);
}

FOLDING_WIDE static inline __m512i folded_wide(__m512i blocks, struct fold by, __m512i next)
{
    __m512i factors = _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)by.last, (int64_t)by.first));
    __m512i first = _mm512_clmulepi64_epi128(blocks, factors, 0x00);
    __m512i last = _mm512_clmulepi64_epi128(blocks, factors, 0x11);
    return _mm512_ternarylogic_epi64(first, last, next, 0x96); /* exclusive or */
}

/* Sixteen blocks at once, of which four are left. Says how many bytes it has taken. */
FOLDING_WIDE static size_t fold_wide(enum crc_type type, uint64_t crc, const unsigned char *p, size_t len,
                                     unsigned char ret[FOLDED])
{
    const unsigned char *start = p;
    __m512i lanes[4];
    for (int i = 0; i < 4; i++)
        lanes[i] = _mm512_loadu_si512(p + (ptrdiff_t)FOLDED * i);
    lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_set_epi64x(0, (int64_t)crc)));
    p += WIDE;
    for (len -= WIDE; len >= WIDE; len -= WIDE, p += WIDE)
        for (int i = 0; i < 4; i++)
            lanes[i] =
                folded_wide(lanes[i], folds_by_256[type], _mm512_loadu_si512(p + (ptrdiff_t)FOLDED * i));
    for (int i = 1; i < 4; i++)
        lanes[i] = folded_wide(lanes[i - 1], folds_by_64[type], lanes[i]);
    _mm512_storeu_si512(ret, lanes[3]);
    return (size_t)(p - start);
}

static bool can_fold_wide(void)
{
    return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f");
}

/* The first four blocks of what is to be folded. Says how many bytes they stand for. */
static size_t first_blocks(enum crc_type type, uint64_t crc, const unsigned char *p, size_t len,
                           unsigned char ret[FOLDED])
{
    if (len >= WIDE_MIN && can_fold_wide())
        return fold_wide(type, crc, p, len, ret);
    memcpy(ret, p, FOLDED);
    for (size_t i = 0; i < sizeof(crc); i++)
        ret[i] ^= (unsigned char)(crc >> (8 * i));
    return FOLDED;
}

/* Takes all but the last few bytes, and at least 64; *ret_taken says how many. */
FOLDING static uint64_t by_folding(enum crc_type type, uint64_t crc, const unsigned char *p, size_t len,
                                   size_t *ret_taken)
{
    const unsigned char *start = p;
    unsigned char first[FOLDED];
    size_t taken = first_blocks(type, crc, p, len, first);
    __m128i far = _mm_set_epi64x((int64_t)folds_by_64[type].last, (int64_t)folds_by_64[type].first);
    __m128i near = _mm_set_epi64x((int64_t)folds_by_16[type].last, (int64_t)folds_by_16[type].first);
    __m128i lanes[4];
    unsigned char block[16];
    for (int i = 0; i < 4; i++)
        lanes[i] = load(first + (ptrdiff_t)16 * i);
    p += taken;
    len -= taken;
    for (; len >= 64; len -= 64, p += 64)
        for (int i = 0; i < 4; i++)
            lanes[i] = folded(lanes[i], far, load(p + (ptrdiff_t)16 * i));
    for (int i = 1; i < 4; i++)
        lanes[i] = folded(lanes[i - 1], near, lanes[i]);
    for (; len >= 16; len -= 16, p += 16)
        lanes[3] = folded(lanes[3], near, load(p));
    _mm_storeu_si128((__m128i *)(void *)block, lanes[3]);
    *ret_taken = (size_t)(p - start);
    return by_tables(type, 0, block, sizeof(block));
}

static bool can_fold(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#else
static uint64_t by_folding(enum crc_type type, uint64_t crc, const unsigned char *p, size_t len,
                           size_t *ret_taken)
{
    *ret_taken = len;
    return by_tables(type, crc, p, len);
}

static bool can_fold(void)
{
    return false;
}
#endif

size_t crc_size(enum crc_type type)
{
    return types[type].size;
}

uint64_t crc_begin(enum crc_type type)
{
    (void)pthread_once(&tables_once, make_tables);
    return types[type].size == 4 ? UINT32_MAX : UINT64_MAX;
}

uint64_t crc_update(enum crc_type type, uint64_t state, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    size_t taken = 0;
    if (len >= FOLD_MIN && can_fold())
        state = by_folding(type, state, p, len, &taken);
    return len > taken ? by_tables(type, state, p + taken, len - taken) : state;
}

uint64_t crc_value(enum crc_type type, uint64_t state)
{
    return ~state & (types[type].size == 8 ? UINT64_MAX : UINT32_MAX);
}

void crc_end(enum crc_type type, uint64_t state, unsigned char ret[8])
{
    size_t size = types[type].size;
    for (size_t i = 0; i < size; i++)
        ret[i] = (unsigned char)(~state >> (8 * (size - 1 - i)));
}
