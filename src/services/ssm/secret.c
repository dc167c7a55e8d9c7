/* Seals and opens SecureString values (libcrypto). */
#include "services/ssm/secret.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/io.h"

#include <openssl/evp.h>
#include <pthread.h>

#define KEY_SIZE 32
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define PATH_MAX_SIZE 4096

/* The keys read so far, by data folder: one in a server, several in tests. */
static struct {
    pthread_mutex_t lock;
    char path[PATH_MAX_SIZE];
    unsigned char key[KEY_SIZE];
} cached = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void free_cipher(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

static int make_key(const char *path)
{
    unsigned char key[KEY_SIZE];
    id_random(key, sizeof(key));
    return io_write_file_atomic(path, (struct str){(const char *)key, sizeof(key)}, 0600);
}

static int load_key(const char *path)
{
    CLEANUP(buf_free) struct buf file = BUF_INIT(KEY_SIZE + 1);
    int err = io_read_file(path, &file);
    if (err == -ENOENT) {
        err = make_key(path);
        if (!err)
            err = io_read_file(path, &file);
    }
    if (err)
        return err;
    if (file.len != KEY_SIZE)
        return FAULT(EBADMSG);
    memcpy(cached.key, file.ptr, KEY_SIZE);
    memcpy(cached.path, path, strlen(path) + 1);
    return 0;
}

static int key_of(const char *data_dir, unsigned char ret[KEY_SIZE])
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
        memcpy(ret, cached.key, KEY_SIZE);
    pthread_mutex_unlock(&cached.lock);
    return err;
}

static bool start(EVP_CIPHER_CTX *context, bool seal, const unsigned char *key, const unsigned char *nonce,
                  const char *account, const char *name)
{
    int done = 0;
    return EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
           EVP_CipherUpdate(context, NULL, &done, (const unsigned char *)account, (int)strlen(account)) ==
               1 &&
           EVP_CipherUpdate(context, NULL, &done, (const unsigned char *)name, (int)strlen(name)) == 1;
}

int secret_seal(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str plain, struct str *ret_stored)
{
    unsigned char key[KEY_SIZE];
    int err = key_of(data_dir, key);
    if (err)
        return err;
    unsigned char *out = arena_alloc(arena, NONCE_SIZE + plain.len + TAG_SIZE);
    CLEANUP(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!out || !context)
        return FAULT(ENOMEM);
    id_random(out, NONCE_SIZE);
    int done = 0;
    if (!start(context, true, key, out, account, name) ||
        EVP_CipherUpdate(context, out + NONCE_SIZE, &done, (const unsigned char *)plain.ptr,
                         (int)plain.len) != 1 ||
        EVP_CipherFinal_ex(context, out + NONCE_SIZE + done, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, out + NONCE_SIZE + plain.len) != 1)
        return FAULT(EIO);
    *ret_stored = (struct str){(const char *)out, NONCE_SIZE + plain.len + TAG_SIZE};
    return 0;
}

int secret_open(const char *data_dir, struct arena *arena, const char *account, const char *name,
                struct str stored, struct str *ret_plain)
{
    unsigned char key[KEY_SIZE];
    int err = key_of(data_dir, key);
    if (err)
        return err;
    if (stored.len < NONCE_SIZE + TAG_SIZE)
        return FAULT(EBADMSG);
    size_t len = stored.len - NONCE_SIZE - TAG_SIZE;
    unsigned char *out = arena_alloc(arena, len + 1);
    CLEANUP(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!out || !context)
        return FAULT(ENOMEM);
    const unsigned char *in = (const unsigned char *)stored.ptr;
    unsigned char tag[TAG_SIZE];
    memcpy(tag, in + NONCE_SIZE + len, TAG_SIZE);
    int done = 0;
    if (!start(context, false, key, in, account, name) ||
        EVP_CipherUpdate(context, out, &done, in + NONCE_SIZE, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) != 1 ||
        EVP_CipherFinal_ex(context, out + done, &done) != 1)
        return FAULT(EBADMSG);
    *ret_plain = (struct str){(const char *)out, len};
    return 0;
}
