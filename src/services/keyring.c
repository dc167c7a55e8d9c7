/* See keyring.h. */
#include "services/keyring.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/io.h"
#include "base/mem.h"
#include <sys/stat.h>

#define FILE_MAX 128
#define WRAPPED_BYTES (CIPHER_NONCE_SIZE + CIPHER_KEY_SIZE + CIPHER_TAG_SIZE)

struct key {
    char name[KEYRING_NAME_SIZE];
    unsigned char bytes[CIPHER_KEY_SIZE];
};

struct keyring {
    size_t count;
    struct key keys[KEYRING_MAX];
};

static int refuse_readable(const char *path, struct reason *why)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return reason_set(why, KEYRING_E_FILE, "the encryption key file %s cannot be read: %s.", path,
                          strerror(errno));
    if (!S_ISREG(found.st_mode))
        return reason_set(why, KEYRING_E_FILE, "the encryption key file %s is no regular file.", path);
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return reason_set(why, KEYRING_E_FILE,
                          "the encryption key file %s can be read or written by others than its owner. Run "
                          "chmod 600 on it.",
                          path);
    return 0;
}

static int read_key(const char *path, struct key *ret, struct reason *why)
{
    CLEANUP(buf_free) struct buf file = BUF_INIT(FILE_MAX);
    char digest[HASH_HEX_SIZE];
    int rc = refuse_readable(path, why);
    if (rc != 0)
        return rc;
    rc = io_read_file(path, &file);
    if (rc != 0 && rc != -EMSGSIZE)
        return reason_set(why, KEYRING_E_FILE, "the encryption key file %s cannot be read: %s.", path,
                          strerror(-rc));
    struct str text = rc == 0 ? str_trim(buf_str(&file)) : STR("");
    if (rc == 0 && file.len == CIPHER_KEY_SIZE)
        memcpy(ret->bytes, file.ptr, CIPHER_KEY_SIZE);
    else if (text.len != 2 * (size_t)CIPHER_KEY_SIZE || !hex_decode(text, ret->bytes))
        return reason_set(
            why, KEYRING_E_FILE,
            "the encryption key file %s must hold 32 bytes or 64 hexadecimal digits. Make one with: "
            "(umask 077; openssl rand -hex 32 > %s)",
            path, path);
    hash_sha256_hex((struct str){(const char *)ret->bytes, CIPHER_KEY_SIZE}, digest);
    memcpy(ret->name, digest, KEYRING_NAME_SIZE - 1);
    return 0;
}

int keyring_read(const char *const *files, size_t count, struct keyring **ret, struct reason *why)
{
    CLEANUP(keyring_free) struct keyring *ring = mem_alloc(sizeof(*ring));
    if (!ring)
        return FAULT(ENOMEM);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count && i < KEYRING_MAX; i++)
        rc = read_key(files[i], &ring->keys[ring->count++], why);
    if (rc != 0)
        return rc;
    *ret = ring;
    ring = NULL;
    return 0;
}

void keyring_free(struct keyring **ring)
{
    if (!*ring)
        return;
    explicit_bzero(*ring, sizeof(**ring));
    free(*ring);
    *ring = NULL;
}

static const struct key *find(const struct keyring *ring, const char *name)
{
    for (size_t i = 0; i < ring->count; i++)
        if (strcmp(ring->keys[i].name, name) == 0)
            return &ring->keys[i];
    return NULL;
}

const char *keyring_first(const struct keyring *ring)
{
    return ring->keys[0].name;
}

bool keyring_has(const struct keyring *ring, const char *name)
{
    return find(ring, name) != NULL;
}

int keyring_wrap(const struct keyring *ring, const unsigned char data_key[CIPHER_KEY_SIZE], struct str about,
                 char ret[KEYRING_WRAPPED_SIZE])
{
    unsigned char wrapped[WRAPPED_BYTES];
    CLEANUP(cipher_free) struct cipher *cipher = cipher_new(ring->keys[0].bytes);
    if (!cipher)
        return FAULT(ENOMEM);
    id_random(wrapped, CIPHER_NONCE_SIZE);
    int rc = cipher_seal(cipher, wrapped, about, data_key, CIPHER_KEY_SIZE, wrapped + CIPHER_NONCE_SIZE);
    base64_encode(wrapped, sizeof(wrapped), ret);
    return rc;
}

int keyring_unwrap(const struct keyring *ring, const char *name, const char *wrapped, struct str about,
                   unsigned char ret_data_key[CIPHER_KEY_SIZE])
{
    unsigned char bytes[KEYRING_WRAPPED_SIZE];
    size_t len = 0;
    const struct key *key = find(ring, name);
    if (!key)
        return KEYRING_E_NO_KEY;
    if (strlen(wrapped) >= KEYRING_WRAPPED_SIZE || !base64_decode(str_of(wrapped), bytes, &len) ||
        len != WRAPPED_BYTES)
        return -EBADMSG;
    CLEANUP(cipher_free) struct cipher *cipher = cipher_new(key->bytes);
    if (!cipher)
        return FAULT(ENOMEM);
    return cipher_open(cipher, bytes, about, bytes + CIPHER_NONCE_SIZE, CIPHER_KEY_SIZE, ret_data_key);
}
