/* RSA signatures with a key of one's own and the certificate that shows it (libcrypto). */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"

#define SIGN_BASE64_SIZE 1025

struct evp_pkey_st; /* libcrypto's key: counted references, usable by several threads at once */

/* A new 2048 bit key and its self-signed certificate, both PEM, valid from now for `days`. */
int sign_key_make(const char *common_name, long days, struct buf *ret_key,
                  struct buf *ret_certificate) MUST_USE;
/* A private key out of its PEM; reading it costs as much as signing does. -EBADMSG. */
int sign_key_read(struct str pem, struct evp_pkey_st **ret) MUST_USE;
struct evp_pkey_st *sign_key_ref(struct evp_pkey_st *key);
void sign_key_unref(struct evp_pkey_st **key); /* CLEANUP-able */
/* PKCS #1 v1.5 over SHA-1 or SHA-256, as base64 text. */
int sign_rsa(struct evp_pkey_st *key, enum hash_type type, struct str bytes,
             char ret[SIGN_BASE64_SIZE]) MUST_USE;
