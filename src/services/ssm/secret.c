/* Seals and opens SecureString values (base/cipher.h). */
#include "services/ssm/secret.h"
#include "base/buf.h"
#include "base/cipher.h"
#include "base/id.h"
#include "base/io.h"

#include <pthread.h>

#define PATH_MAX_SIZE 4096

/* The keys read so far, by data folder: one in a server, several in tests. */
static struct {
    pthread_mutex_t lock;
    char path[PATH_MAX_SIZE];
    unsigned char key[CIPHER_KEY_SIZE];
} cached = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int make_key(const char *path)
{
    unsigned char key[CIPHER_KEY_SIZE];
    id_random(key, sizeof(key));
    return io_write_file_atomic(path, (struct str){(const char *)key, sizeof(key)}, 0600);
}

static int load_key(const char *path)
{
    CLEANUP(buf_free) struct buf file = BUF_INIT(CIPHER_KEY_SIZE + 1);
    int err = io_read_file(path, &file);
    if (err == -ENOENT) {
        err = make_key(path);
        if (!err)
            err = io_read_file(path, &file);
    }
    if (err)
        return err;
    if (file.len != CIPHER_KEY_SIZE)
        return FAULT(EBADMSG);
    memcpy(cached.key, file.ptr, CIPHER_KEY_SIZE);
    memcpy(cached.path, path, strlen(path) + 1);
    return 0;
}

static int key_of(const char *data_dir, unsigned char ret[CIPHER_KEY_SIZE])
{
    CLEANUP(buf_free) struct buf path = BUF_INIT(PATH_MAX_SIZE - 1);
    buf_puts(&path, data_dir);
    buf_puts(&path, "/ssm.key");
    int err = buf_error(&path);
    if (err)
        return err;
    pthread_mutex_lock(&cached.lock);
    if (strcmp(cached.path, path.ptr) != 0)
        err = load_key(path.ptr);
    if (!err)
        memcpy(ret, cached.key, CIPHER_KEY_SIZE);
    pthread_mutex_unlock(&cached.lock);
    return err;
}

/* What a value is bound to; NULL ptr: out of memory. */
static struct str about(struct arena *arena, const char *account, const char *name)
{
    return str_of(arena_printf(arena, "%s%s", account, name));
}

int secret_seal(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str plain, struct str *ret_stored)
{
    unsigned char key[CIPHER_KEY_SIZE];
    int err = key_of(data_dir, key);
    if (err)
        return err;
    unsigned char *out = arena_alloc(arena, CIPHER_NONCE_SIZE + plain.len + CIPHER_TAG_SIZE);
    struct str bound = about(arena, account, name);
    CLEANUP(cipher_free) struct cipher *cipher = cipher_new(key);
    if (!out || !bound.ptr || !cipher)
        return FAULT(ENOMEM);
    id_random(out, CIPHER_NONCE_SIZE);
    err = cipher_seal(cipher, out, bound, plain.ptr, plain.len, out + CIPHER_NONCE_SIZE);
    *ret_stored = (struct str){(const char *)out, CIPHER_NONCE_SIZE + plain.len + CIPHER_TAG_SIZE};
    return err;
}

int secret_open(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str stored, struct str *ret_plain)
{
    unsigned char key[CIPHER_KEY_SIZE];
    int err = key_of(data_dir, key);
    if (err)
        return err;
    if (stored.len < CIPHER_NONCE_SIZE + CIPHER_TAG_SIZE)
        return FAULT(EBADMSG);
    size_t len = stored.len - CIPHER_NONCE_SIZE - CIPHER_TAG_SIZE;
    const unsigned char *in = (const unsigned char *)stored.ptr;
    unsigned char *out = arena_alloc(arena, len + 1);
    struct str bound = about(arena, account, name);
    CLEANUP(cipher_free) struct cipher *cipher = cipher_new(key);
    if (!out || !bound.ptr || !cipher)
        return FAULT(ENOMEM);
    err = cipher_open(cipher, in, bound, in + CIPHER_NONCE_SIZE, len, out);
    *ret_plain = (struct str){(const char *)out, len};
    return err == -EBADMSG ? FAULT(EBADMSG) : err;
}
