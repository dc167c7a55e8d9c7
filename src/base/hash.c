/* Digests by libcrypto's low-level functions, which allocate nothing and cannot fail, as their EVP
 * replacements do and can (hence the suppressed deprecation), and by libxxhash. */
#define OPENSSL_SUPPRESS_DEPRECATED
#define XXH_INLINE_ALL
#include "base/hash.h"
#include "base/md5_many.h"
#include "base/md5_sha256.h"
#include "base/mem.h"
#include "base/sha256_many.h"
#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdalign.h>
#include <xxhash.h>

union state {
    MD5_CTX md5;
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha512;
    XXH64_state_t xxh64;
    XXH3_state_t xxh3;
};

struct hash {
    enum hash_type type;
    void *memory; /* in which it is, at a multiple of its alignment */
    union state state;
};

#define OF_LIBCRYPTO(member, PREFIX)                                                                         \
    static void member##_init(union state *state)                                                            \
    {                                                                                                        \
        PREFIX##_Init(&state->member);                                                                       \
    }                                                                                                        \
    static void member##_update(union state *state, const void *bytes, size_t len)                           \
    {                                                                                                        \
        PREFIX##_Update(&state->member, bytes, len);                                                         \
    }                                                                                                        \
    static void member##_final(union state *state, unsigned char *ret)                                       \
    {                                                                                                        \
        PREFIX##_Final(ret, &state->member);                                                                 \
    }

OF_LIBCRYPTO(md5, MD5)
OF_LIBCRYPTO(sha1, SHA1)
OF_LIBCRYPTO(sha256, SHA256)
OF_LIBCRYPTO(sha512, SHA512)

/* Canonical is big-endian. */
#define OF_LIBXXHASH(name, member, init, NAME, PREFIX)                                                       \
    static void name##_init(union state *state)                                                              \
    {                                                                                                        \
        init;                                                                                                \
    }                                                                                                        \
    static void name##_update(union state *state, const void *bytes, size_t len)                             \
    {                                                                                                        \
        NAME##_update(&state->member, bytes, len);                                                           \
    }                                                                                                        \
    static void name##_final(union state *state, unsigned char *ret)                                         \
    {                                                                                                        \
        PREFIX##_canonical_t canonical;                                                                      \
        PREFIX##_canonicalFromHash(&canonical, NAME##_digest(&state->member));                               \
        memcpy(ret, canonical.digest, sizeof(canonical.digest));                                             \
    }

OF_LIBXXHASH(xxh64, xxh64, XXH64_reset(&state->xxh64, 0), XXH64, XXH64)
OF_LIBXXHASH(xxh3, xxh3, XXH3_64bits_reset(&state->xxh3), XXH3_64bits, XXH64)
OF_LIBXXHASH(xxh128, xxh3, XXH3_128bits_reset(&state->xxh3), XXH3_128bits, XXH128)

static const struct algorithm {
    size_t size;
    void (*init)(union state *);
    void (*update)(union state *, const void *, size_t);
    void (*final)(union state *, unsigned char *);
} algorithms[] = {
    [HASH_MD5] = {16, md5_init, md5_update, md5_final},
    [HASH_SHA1] = {20, sha1_init, sha1_update, sha1_final},
    [HASH_SHA256] = {32, sha256_init, sha256_update, sha256_final},
    [HASH_SHA512] = {64, sha512_init, sha512_update, sha512_final},
    [HASH_XXH64] = {8, xxh64_init, xxh64_update, xxh64_final},
    [HASH_XXH3] = {8, xxh3_init, xxh3_update, xxh3_final},
    [HASH_XXH128] = {16, xxh128_init, xxh128_update, xxh128_final},
};

size_t hash_size(enum hash_type type)
{
    return algorithms[type].size;
}

static void hash_init(struct hash *hash, enum hash_type type)
{
    hash->type = type;
    algorithms[type].init(&hash->state);
}

struct hash *hash_new(enum hash_type type)
{
    char *memory = mem_alloc(sizeof(struct hash) + alignof(struct hash));
    if (!memory)
        return NULL;
    struct hash *hash = (void *)(memory + alignof(struct hash) - (uintptr_t)memory % alignof(struct hash));
    hash->memory = memory;
    hash_init(hash, type);
    return hash;
}

void hash_free(struct hash **hash)
{
    if (*hash)
        free((*hash)->memory);
    *hash = NULL;
}

void hash_update(struct hash *hash, const void *bytes, size_t len)
{
    algorithms[hash->type].update(&hash->state, bytes, len);
}

/* What goes side by side: of one type, between two blocks, and how many blocks all of them have. */
struct side_by_side {
    struct hash *hashes[MD5_MANY];
    struct str *bytes[MD5_MANY];
    size_t count;
    size_t blocks;
};

static bool between_blocks(const struct hash *hash)
{
    return hash->type == HASH_MD5 ? hash->state.md5.num == 0 : hash->state.sha256.num == 0;
}

/* The first of them, up to `most`. */
static struct side_by_side find_side_by_side(enum hash_type type, size_t most, struct hash *const hashes[],
                                             struct str bytes[], size_t count)
{
    struct side_by_side found = {.blocks = SIZE_MAX};
    for (size_t i = 0; i < count && found.count < most; i++) {
        size_t blocks = bytes[i].len / MD5_BLOCK;
        if (hashes[i]->type != type || !between_blocks(hashes[i]) || blocks == 0)
            continue;
        found.hashes[found.count] = hashes[i];
        found.bytes[found.count++] = &bytes[i];
        if (blocks < found.blocks)
            found.blocks = blocks;
    }
    return found;
}

/* Moves `bytes` on by what was taken of them, and counts it as the state does: in bits, and in words of 32.
 */
static void count_taken(uint32_t *low, uint32_t *high, struct str *bytes, size_t len)
{
    uint64_t bits = ((uint64_t)*high << 32 | *low) + 8 * (uint64_t)len;
    *low = (uint32_t)bits;
    *high = (uint32_t)(bits >> 32);
    *bytes = (struct str){bytes->ptr + len, bytes->len - len};
}

static void md5_taken(MD5_CTX *md5, const uint32_t state[4], struct str *bytes, size_t blocks)
{
    md5->A = state[0];
    md5->B = state[1];
    md5->C = state[2];
    md5->D = state[3];
    count_taken(&md5->Nl, &md5->Nh, bytes, blocks * MD5_BLOCK);
}

static void sha256_taken(SHA256_CTX *sha256, struct str *bytes, size_t blocks)
{
    count_taken(&sha256->Nl, &sha256->Nh, bytes, blocks * SHA256_BLOCK);
}

static void md5_side_by_side(struct side_by_side *some)
{
    uint32_t states[MD5_MANY][4];
    uint32_t(*moved[MD5_MANY])[4];
    const unsigned char *from[MD5_MANY];
    for (size_t i = 0; i < some->count; i++) {
        const MD5_CTX *md5 = &some->hashes[i]->state.md5;
        memcpy(states[i], (const uint32_t[4]){md5->A, md5->B, md5->C, md5->D}, sizeof(states[i]));
        moved[i] = &states[i];
        from[i] = (const unsigned char *)some->bytes[i]->ptr;
    }
    md5_many(moved, from, some->count, some->blocks);
    for (size_t i = 0; i < some->count; i++)
        md5_taken(&some->hashes[i]->state.md5, states[i], some->bytes[i], some->blocks);
}

static void sha256_side_by_side(struct side_by_side *some)
{
    uint32_t *states[SHA256_MANY];
    const unsigned char *from[SHA256_MANY];
    for (size_t i = 0; i < some->count; i++) {
        states[i] = some->hashes[i]->state.sha256.h;
        from[i] = (const unsigned char *)some->bytes[i]->ptr;
    }
    sha256_many(states, from, some->count, some->blocks);
    for (size_t i = 0; i < some->count; i++)
        sha256_taken(&some->hashes[i]->state.sha256, some->bytes[i], some->blocks);
}

/* Types whose hashes go side by side, from how many on, and up to how many. */
static const struct {
    enum hash_type type;
    size_t least;
    size_t most;
    void (*update)(struct side_by_side *some);
} kinds[] = {
    {HASH_MD5, MD5_MANY_FROM, MD5_MANY, md5_side_by_side},
    {HASH_SHA256, 2, SHA256_MANY, sha256_side_by_side},
};
static_assert(MD5_BLOCK == SHA256_BLOCK, "blocks are counted alike");

void hash_update_many(struct hash *const hashes[], const struct str bytes[], size_t count)
{
    struct str left[MD5_MANY];
    assert(count <= MD5_MANY);
    memcpy(left, bytes, count * sizeof(*left));
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        if (kinds[k].type == HASH_SHA256 && !sha256_many_can())
            continue;
        struct side_by_side some = find_side_by_side(kinds[k].type, kinds[k].most, hashes, left, count);
        while (some.count >= kinds[k].least) {
            kinds[k].update(&some);
            some = find_side_by_side(kinds[k].type, kinds[k].most, hashes, left, count);
        }
    }
    for (size_t i = 0; i < count; i++)
        hash_update(hashes[i], left[i].ptr, left[i].len);
}

void hash_update_both(struct hash *md5, struct hash *sha256, const void *bytes, size_t len)
{
    struct str left = {bytes, len}, same = left;
    size_t blocks = len / MD5_BLOCK;
    if (blocks > 0 && between_blocks(md5) && between_blocks(sha256) && sha256_many_can()) {
        MD5_CTX *ctx = &md5->state.md5;
        uint32_t state[4] = {ctx->A, ctx->B, ctx->C, ctx->D};
        md5_sha256(state, sha256->state.sha256.h, bytes, blocks);
        md5_taken(ctx, state, &left, blocks);
        sha256_taken(&sha256->state.sha256, &same, blocks);
    }
    hash_update(md5, left.ptr, left.len);
    hash_update(sha256, left.ptr, left.len);
}

void hash_final(struct hash *hash, unsigned char *ret)
{
    algorithms[hash->type].final(&hash->state, ret);
}

void hash_bytes(enum hash_type type, struct str bytes, unsigned char *ret)
{
    struct hash hash;
    hash_init(&hash, type);
    hash_update(&hash, bytes.ptr, bytes.len);
    hash_final(&hash, ret);
}

/* ---- HMAC: RFC 2104; the blocks of all these have 64 bytes */

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static void key_block(enum hash_type type, struct str key, unsigned char ret[SHA256_CBLOCK])
{
    memset(ret, 0, SHA256_CBLOCK);
    if (key.len > SHA256_CBLOCK)
        hash_bytes(type, key, ret);
    else if (key.len > 0)
        memcpy(ret, key.ptr, key.len);
}

static void block_pad(unsigned char block[SHA256_CBLOCK], unsigned char pad)
{
    for (size_t i = 0; i < SHA256_CBLOCK; i++)
        block[i] ^= pad;
}

void hash_hmac(enum hash_type type, struct str key, struct str bytes, unsigned char *ret)
{
    assert(type == HASH_MD5 || type == HASH_SHA1 || type == HASH_SHA256);
    unsigned char block[SHA256_CBLOCK];
    struct hash hash;
    unsigned char inner[HASH_MAX_SIZE];
    key_block(type, key, block);
    block_pad(block, INNER_PAD);
    hash_init(&hash, type);
    hash_update(&hash, block, sizeof(block));
    hash_update(&hash, bytes.ptr, bytes.len);
    hash_final(&hash, inner);
    block_pad(block, INNER_PAD ^ OUTER_PAD);
    hash_init(&hash, type);
    hash_update(&hash, block, sizeof(block));
    hash_update(&hash, inner, hash_size(type));
    hash_final(&hash, ret);
    OPENSSL_cleanse(block, sizeof(block));
}

void hash_hmac_sha256(struct str key, struct str bytes, unsigned char ret[32])
{
    hash_hmac(HASH_SHA256, key, bytes, ret);
}

static void state_after(const unsigned char block[SHA256_CBLOCK], uint32_t ret[8])
{
    SHA256_CTX sha256;
    SHA256_Init(&sha256);
    SHA256_Update(&sha256, block, SHA256_CBLOCK);
    memcpy(ret, sha256.h, sizeof(sha256.h));
    OPENSSL_cleanse(&sha256, sizeof(sha256));
}

void hash_key_init(struct hash_key *hash_key, struct str key)
{
    unsigned char block[SHA256_CBLOCK];
    key_block(HASH_SHA256, key, block);
    block_pad(block, INNER_PAD);
    state_after(block, hash_key->inner);
    block_pad(block, INNER_PAD ^ OUTER_PAD);
    state_after(block, hash_key->outer);
    OPENSSL_cleanse(block, sizeof(block));
}

/* The digest of the block that has led to `state`, and of `bytes` after it. */
static void digest_from(const uint32_t state[8], struct str bytes, unsigned char ret[SHA256_DIGEST_LENGTH])
{
    SHA256_CTX sha256;
    SHA256_Init(&sha256);
    memcpy(sha256.h, state, sizeof(sha256.h));
    sha256.Nl = 8 * SHA256_CBLOCK;
    SHA256_Update(&sha256, bytes.ptr, bytes.len);
    SHA256_Final(ret, &sha256);
}

void hash_hmac_by(const struct hash_key *hash_key, struct str bytes, unsigned char ret[32])
{
    unsigned char inner[SHA256_DIGEST_LENGTH];
    digest_from(hash_key->inner, bytes, inner);
    digest_from(hash_key->outer, (struct str){(const char *)inner, sizeof(inner)}, ret);
}

void hash_sha256_hex(struct str bytes, char ret[65])
{
    unsigned char digest[HASH_MAX_SIZE];
    hash_bytes(HASH_SHA256, bytes, digest);
    hex_encode(digest, 32, ret);
}

void hex_encode(const void *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[in[i] >> 4];
        ret[2 * i + 1] = digits[in[i] & 15];
    }
    ret[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str hex, void *ret)
{
    unsigned char *out = ret;
    if (hex.len % 2 != 0)
        return false;
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_digit(hex.ptr[i]), low = hex_digit(hex.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t len, char *ret)
{
    const unsigned char *in = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned group = (unsigned)in[i] << 16;
        group |= left > 1 ? (unsigned)in[i + 1] << 8 : 0;
        group |= left > 2 ? (unsigned)in[i + 2] : 0;
        *ret++ = base64_digits[group >> 18];
        *ret++ = base64_digits[group >> 12 & 63];
        *ret++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *ret++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *ret = '\0';
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of `digits` (2 to 4) digits; the bits that no byte uses must be zero. */
static bool base64_group(const char *in, size_t digits, unsigned char *out)
{
    unsigned group = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < digits ? base64_digit(in[i]) : 0;
        if (digit < 0)
            return false;
        group = group << 6 | (unsigned)digit;
    }
    for (size_t i = 0; i < digits - 1; i++)
        out[i] = (unsigned char)(group >> (16 - 8 * i) & 255);
    return (group & ((1U << (8 * (4 - digits))) - 1)) == 0;
}

bool base64_decode(struct str s, void *ret, size_t *ret_len)
{
    unsigned char *out = ret;
    if (s.len % 4 != 0)
        return false;
    size_t digits = s.len;
    for (int pad = 0; pad < 2 && digits > 0 && s.ptr[digits - 1] == '='; pad++)
        digits--;
    size_t len = 0;
    for (size_t i = 0; i < digits; i += 4) {
        size_t here = digits - i < 4 ? digits - i : 4;
        if (here < 2 || !base64_group(s.ptr + i, here, out + len))
            return false;
        len += here - 1;
    }
    *ret_len = len;
    return true;
}

bool hash_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
