/* See checksum.h. Source: S3 user guide, "Checking object integrity"; CRC-32 (ISO-HDLC), CRC-32C (iSCSI),
 * CRC-64/NVME, all reflected, all ones at both ends. */
#include "services/s3/checksum.h"
#include <pthread.h>

struct checksum_kind {
    const char *header;
    uint64_t polynomial; /* reflected; 0: SHA-1 */
    unsigned bytes;
};

static const struct checksum_kind kinds[] = {
    {"x-amz-checksum-crc32", 0xEDB88320, 4},
    {"x-amz-checksum-crc32c", 0x82F63B78, 4},
    {"x-amz-checksum-crc64nvme", 0x9A6C9329AC4BC9B5, 8},
    {"x-amz-checksum-sha1", 0, 20},
};

#define SLICES 8

static uint64_t tables[ARRAY_LEN(kinds)][SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* Slice k gives the effect of a byte that k further bytes follow, so that eight bytes are folded at once. */
static void make_tables(void)
{
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t crc = i;
            for (int bit = 0; bit < 8; bit++)
                crc = crc & 1 ? crc >> 1 ^ kinds[k].polynomial : crc >> 1;
            tables[k][0][i] = crc;
        }
        for (unsigned slice = 1; slice < SLICES; slice++)
            for (unsigned i = 0; i < 256; i++) {
                uint64_t before = tables[k][slice - 1][i];
                tables[k][slice][i] = before >> 8 ^ tables[k][0][before & 0xFF];
            }
    }
}

size_t checksum_count(void)
{
    return ARRAY_LEN(kinds);
}

const char *checksum_header(size_t index)
{
    return kinds[index].header;
}

const char *checksum_name(const struct checksum *checksum)
{
    return checksum->kind->header;
}

int checksum_init(struct checksum *checksum, size_t index)
{
    *checksum = (struct checksum){.kind = &kinds[index], .crc = UINT64_MAX};
    (void)pthread_once(&tables_once, make_tables);
    if (kinds[index].bytes == 4)
        checksum->crc = UINT32_MAX;
    if (kinds[index].polynomial != 0)
        return 0;
    checksum->sha1 = hash_new(HASH_SHA1);
    return checksum->sha1 ? 0 : FAULT(ENOMEM);
}

void checksum_update(struct checksum *checksum, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    if (!checksum->kind)
        return;
    if (checksum->sha1) {
        hash_update(checksum->sha1, bytes, len);
        return;
    }
    uint64_t(*table)[256] = tables[checksum->kind - kinds];
    uint64_t crc = checksum->crc;
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
    checksum->crc = crc;
}

void checksum_final(struct checksum *checksum, char ret[CHECKSUM_TEXT_SIZE])
{
    unsigned char digest[HASH_MAX_SIZE];
    unsigned size = checksum->kind->bytes;
    if (checksum->sha1)
        hash_final(checksum->sha1, digest);
    else
        for (unsigned i = 0; i < size; i++)
            digest[i] = (unsigned char)(~checksum->crc >> (8 * (size - 1 - i)));
    base64_encode(digest, size, ret);
}

void checksum_deinit(struct checksum *checksum)
{
    hash_free(&checksum->sha1);
}
