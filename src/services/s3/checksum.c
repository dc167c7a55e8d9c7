/* See checksum.h. */
#include "services/s3/checksum.h"
#include "base/crc.h"

static const struct kind {
    const char *name;
    const char *header;
    const char *element;
    size_t size;
    bool is_crc;
    enum crc_type crc;
    enum hash_type hash;
    bool full; /* which types an upload may ask for */
    bool composite;
} kinds[CHECKSUM_ALGORITHMS] = {
    [CHECKSUM_CRC32] = {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4, true, CRC_32, 0, true, true},
    [CHECKSUM_CRC32C] = {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4, true, CRC_32C, 0, true,
                         true},
    [CHECKSUM_CRC64NVME] = {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8, true, CRC_64NVME,
                            0, true, false},
    [CHECKSUM_SHA1] = {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", 20, false, 0, HASH_SHA1, false, true},
    [CHECKSUM_SHA256] = {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", 32, false, 0, HASH_SHA256,
                         false, true},
    [CHECKSUM_SHA512] = {"SHA512", "x-amz-checksum-sha512", "ChecksumSHA512", 64, false, 0, HASH_SHA512,
                         false, true},
    [CHECKSUM_MD5] = {"MD5", "x-amz-checksum-md5", "ChecksumMD5", 16, false, 0, HASH_MD5, false, true},
    [CHECKSUM_XXHASH64] = {"XXHASH64", "x-amz-checksum-xxhash64", "ChecksumXXHASH64", 8, false, 0, HASH_XXH64,
                           false, true},
    [CHECKSUM_XXHASH3] = {"XXHASH3", "x-amz-checksum-xxhash3", "ChecksumXXHASH3", 8, false, 0, HASH_XXH3,
                          false, true},
    [CHECKSUM_XXHASH128] = {"XXHASH128", "x-amz-checksum-xxhash128", "ChecksumXXHASH128", 16, false, 0,
                            HASH_XXH128, false, true},
};

const char *checksum_name(enum checksum_algorithm algorithm)
{
    return kinds[algorithm].name;
}

const char *checksum_header(enum checksum_algorithm algorithm)
{
    return kinds[algorithm].header;
}

const char *checksum_lower(enum checksum_algorithm algorithm)
{
    return algorithm == CHECKSUM_NONE ? "null" : kinds[algorithm].header + strlen("x-amz-checksum-");
}

const char *checksum_element(enum checksum_algorithm algorithm)
{
    return kinds[algorithm].element;
}

const char *checksum_type(bool composite)
{
    return composite ? "COMPOSITE" : "FULL_OBJECT";
}

bool checksum_may_be(enum checksum_algorithm algorithm, bool composite)
{
    return composite ? kinds[algorithm].composite : kinds[algorithm].full;
}

enum checksum_algorithm checksum_named(struct str name)
{
    for (enum checksum_algorithm a = CHECKSUM_CRC32; a < CHECKSUM_ALGORITHMS; a++)
        if (str_eq_nocase(name, str_of(kinds[a].name)))
            return a;
    return CHECKSUM_NONE;
}

enum checksum_algorithm checksum_of_header(struct str header)
{
    for (enum checksum_algorithm a = CHECKSUM_CRC32; a < CHECKSUM_ALGORITHMS; a++)
        if (str_eq_nocase(header, str_of(kinds[a].header)))
            return a;
    return CHECKSUM_NONE;
}

static bool decode(enum checksum_algorithm algorithm, struct str text, unsigned char ret[HASH_BASE64_SIZE])
{
    size_t len = 0;
    return text.len < HASH_BASE64_SIZE && base64_decode(text, ret, &len) && len == kinds[algorithm].size;
}

bool checksum_text_good(enum checksum_algorithm algorithm, struct str text)
{
    unsigned char digest[HASH_BASE64_SIZE];
    return decode(algorithm, text, digest);
}

int checksum_init(struct checksum *checksum, enum checksum_algorithm algorithm)
{
    *checksum = (struct checksum){.algorithm = algorithm};
    if (algorithm == CHECKSUM_NONE)
        return 0;
    if (kinds[algorithm].is_crc) {
        checksum->crc = crc_begin(kinds[algorithm].crc);
        return 0;
    }
    checksum->hash = hash_new(kinds[algorithm].hash);
    return checksum->hash ? 0 : FAULT(ENOMEM);
}

void checksum_update(struct checksum *checksum, const void *bytes, size_t len)
{
    if (checksum->hash)
        hash_update(checksum->hash, bytes, len);
    else if (checksum->algorithm != CHECKSUM_NONE)
        checksum->crc = crc_update(kinds[checksum->algorithm].crc, checksum->crc, bytes, len);
}

bool checksum_update_text(struct checksum *checksum, const char *text)
{
    unsigned char digest[HASH_BASE64_SIZE];
    if (!decode(checksum->algorithm, str_of(text), digest))
        return false;
    checksum_update(checksum, digest, kinds[checksum->algorithm].size);
    return true;
}

void checksum_final(struct checksum *checksum, char ret[CHECKSUM_TEXT_SIZE])
{
    unsigned char digest[HASH_MAX_SIZE] = {0};
    ret[0] = '\0';
    if (checksum->algorithm == CHECKSUM_NONE)
        return;
    if (checksum->hash)
        hash_final(checksum->hash, digest);
    else
        crc_end(kinds[checksum->algorithm].crc, checksum->crc, digest);
    base64_encode(digest, kinds[checksum->algorithm].size, ret);
}

void checksum_deinit(struct checksum *checksum)
{
    hash_free(&checksum->hash);
}

bool checksum_of_sha256(const char *hex, char ret[CHECKSUM_TEXT_SIZE])
{
    unsigned char digest[HASH_MAX_SIZE];
    struct str text = str_of(hex);
    if (text.len != 2 * hash_size(HASH_SHA256) || !hex_decode(text, digest))
        return false;
    base64_encode(digest, hash_size(HASH_SHA256), ret);
    return true;
}
