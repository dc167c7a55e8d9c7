/* Random text in several alphabets; every character is equally likely. */
#include "base/id.h"
#include "base/hash.h"
#include <sys/random.h>
#include <time.h>

void id_random(void *bytes, size_t len)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            assert(errno == EINTR);
            continue;
        }
        at += got;
        len -= (size_t)got;
    }
}

/* A thread's own, so that the kernel is asked once for a dozen of UUIDs, which are no secrets. What is taken
 * is gone from it; a child process that goes on as a copy of the thread must not make any. */
static void uuid_bytes(unsigned char ret[16])
{
    static _Thread_local struct {
        unsigned char bytes[256];
        size_t left;
    } stock;
    if (stock.left == 0) {
        id_random(stock.bytes, sizeof(stock.bytes));
        stock.left = sizeof(stock.bytes);
    }
    stock.left -= 16;
    memcpy(ret, stock.bytes + stock.left, 16);
}

uint64_t id_number(void)
{
    unsigned char bytes[16];
    uint64_t number;
    uuid_bytes(bytes);
    memcpy(&number, bytes, sizeof(number));
    return number;
}

static void uuid_write(unsigned char bytes[16], unsigned version, char ret[ID_UUID_SIZE])
{
    char hex[33];
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    hex_encode(bytes, 16, hex);
    char *out = ret;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *out++ = '-';
        *out++ = hex[i];
    }
    *out = '\0';
}

void id_uuid(char ret[ID_UUID_SIZE])
{
    unsigned char bytes[16];
    uuid_bytes(bytes);
    uuid_write(bytes, 4, ret);
}

/* Milliseconds, and 4,096ths of one where the standard lets a counter be. */
void id_uuid_ordered(char ret[ID_UUID_SIZE])
{
    unsigned char bytes[16];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t part = (uint64_t)now.tv_nsec % 1000000 * 4096 / 1000000;
    uuid_bytes(bytes);
    for (unsigned i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    bytes[6] = (unsigned char)(part >> 8);
    bytes[7] = (unsigned char)part;
    uuid_write(bytes, 7, ret);
}

/* `size` characters of the alphabet; bytes at or above its largest multiple below 256 are thrown away. */
static void id_text(char *ret, size_t chars, const char *alphabet, unsigned size)
{
    unsigned limit = 256 - 256 % size;
    unsigned char pool[64];
    size_t left = 0;
    for (size_t i = 0; i < chars;) {
        if (left == 0) {
            left = chars - i < sizeof(pool) ? chars - i : sizeof(pool);
            id_random(pool, left);
        }
        unsigned byte = pool[--left];
        if (byte < limit)
            ret[i++] = alphabet[byte % size];
    }
    ret[chars] = '\0';
}

void id_hex(char *ret, size_t digits)
{
    id_text(ret, digits, "0123456789abcdef", 16);
}

void id_base32(char *ret, size_t chars)
{
    id_text(ret, chars, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32);
}

void id_base62(char *ret, size_t chars)
{
    id_text(ret, chars, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 62);
}
