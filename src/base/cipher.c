/* See cipher.h. */
#include "base/cipher.h"
#include "base/mem.h"

#include <limits.h>
#include <openssl/evp.h>

struct cipher {
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open;
};

struct cipher *cipher_new(const unsigned char key[CIPHER_KEY_SIZE])
{
    CLEANUP(cipher_free) struct cipher *cipher = mem_alloc(sizeof(*cipher));
    if (!cipher)
        return NULL;
    cipher->seal = EVP_CIPHER_CTX_new();
    cipher->open = EVP_CIPHER_CTX_new();
    if (!cipher->seal || !cipher->open ||
        EVP_EncryptInit_ex(cipher->seal, EVP_aes_256_gcm(), NULL, key, NULL) != 1 ||
        EVP_DecryptInit_ex(cipher->open, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
        return NULL;
    struct cipher *ret = cipher;
    cipher = NULL;
    return ret;
}

void cipher_free(struct cipher **cipher)
{
    if (!*cipher)
        return;
    EVP_CIPHER_CTX_free((*cipher)->seal);
    EVP_CIPHER_CTX_free((*cipher)->open);
    free(*cipher);
    *cipher = NULL;
}

/* The key stays, the nonce is new. */
static bool run(EVP_CIPHER_CTX *context, const unsigned char *nonce, struct str about, const void *from,
                size_t len, void *to)
{
    int done = 0;
    return len <= INT_MAX && about.len <= INT_MAX &&
           EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) == 1 &&
           (about.len == 0 ||
            EVP_CipherUpdate(context, NULL, &done, (const unsigned char *)about.ptr, (int)about.len) == 1) &&
           (len == 0 || EVP_CipherUpdate(context, to, &done, from, (int)len) == 1);
}

int cipher_seal(struct cipher *cipher, const unsigned char nonce[CIPHER_NONCE_SIZE], struct str about,
                const void *plain, size_t len, void *ret)
{
    unsigned char *out = ret;
    int done = 0;
    bool sealed = run(cipher->seal, nonce, about, plain, len, out) &&
                  EVP_CipherFinal_ex(cipher->seal, out + len, &done) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher->seal, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_SIZE, out + len) == 1;
    return sealed ? 0 : FAULT(EIO);
}

int cipher_open(struct cipher *cipher, const unsigned char nonce[CIPHER_NONCE_SIZE], struct str about,
                const void *sealed, size_t len, void *ret)
{
    const unsigned char *in = sealed;
    unsigned char *out = ret;
    unsigned char tag[CIPHER_TAG_SIZE];
    unsigned char rest[CIPHER_TAG_SIZE];
    int done = 0;
    memcpy(tag, in + len, CIPHER_TAG_SIZE);
    if (!run(cipher->open, nonce, about, in, len, out) ||
        EVP_CIPHER_CTX_ctrl(cipher->open, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_SIZE, tag) != 1)
        return FAULT(EIO);
    return EVP_CipherFinal_ex(cipher->open, rest, &done) == 1 ? 0 : -EBADMSG;
}
