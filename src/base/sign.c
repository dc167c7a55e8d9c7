/* See sign.h. Source: RFC 8017 §8.2; X.509 as OpenSSL 3 writes it. */
#include "base/sign.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define KEY_BITS 2048
#define SIGNATURE_MAX 512
#define SERIAL_BITS 127

static void certificate_free(X509 **certificate)
{
    X509_free(*certificate);
}

static void bio_free(BIO **bio)
{
    BIO_free(*bio);
}

static void context_free(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void number_free(BIGNUM **number)
{
    BN_free(*number);
}

static int take_bio(BIO *bio, struct buf *ret)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return len > 0 ? buf_put(ret, bytes, (size_t)len) : FAULT(EIO);
}

static bool number_certificate(X509 *certificate)
{
    CLEANUP(number_free) BIGNUM *serial = BN_new();
    return serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
           BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
}

static X509 *certificate_make(EVP_PKEY *key, const char *common_name, long days)
{
    CLEANUP(certificate_free) X509 *certificate = X509_new();
    X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
    bool made = name && X509_set_version(certificate, X509_VERSION_3) && number_certificate(certificate) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
                X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) &&
                X509_set_pubkey(certificate, key) &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                                           -1, 0) &&
                X509_set_issuer_name(certificate, name) && X509_sign(certificate, key, EVP_sha256());
    return made ? take(certificate) : NULL;
}

int sign_key_make(const char *common_name, long days, struct buf *ret_key, struct buf *ret_certificate)
{
    CLEANUP(sign_key_unref) EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    CLEANUP(certificate_free) X509 *certificate = key ? certificate_make(key, common_name, days) : NULL;
    CLEANUP(bio_free) BIO *key_out = BIO_new(BIO_s_mem());
    CLEANUP(bio_free) BIO *certificate_out = BIO_new(BIO_s_mem());
    if (!certificate || !key_out || !certificate_out ||
        !PEM_write_bio_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) ||
        !PEM_write_bio_X509(certificate_out, certificate))
        return FAULT(ENOMEM);
    int r = take_bio(key_out, ret_key);
    return r != 0 ? r : take_bio(certificate_out, ret_certificate);
}

int sign_key_read(struct str pem, struct evp_pkey_st **ret)
{
    CLEANUP(bio_free) BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (!in)
        return FAULT(ENOMEM);
    *ret = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    return *ret ? 0 : FAULT(EBADMSG);
}

struct evp_pkey_st *sign_key_ref(struct evp_pkey_st *key)
{
    return key && EVP_PKEY_up_ref(key) ? key : NULL;
}

void sign_key_unref(struct evp_pkey_st **key)
{
    EVP_PKEY_free(*key);
    *key = NULL;
}

int sign_rsa(struct evp_pkey_st *key, enum hash_type type, struct str bytes, char ret[SIGN_BASE64_SIZE])
{
    CLEANUP(context_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    const EVP_MD *digest = type == HASH_SHA1 ? EVP_sha1() : EVP_sha256();
    if (!context || EVP_DigestSignInit(context, NULL, digest, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &len, (const unsigned char *)bytes.ptr, bytes.len) != 1)
        return FAULT(EIO);
    base64_encode(signature, len, ret);
    return 0;
}
