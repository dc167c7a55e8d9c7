/* RSA signatures with a key of one's own and the certificate that shows it (libcrypto). */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"

#define SIGN_BASE64_SIZE 1025

/* A new 2048 bit key and its self-signed certificate, both PEM, valid from now for `days`. */
int sign_key_make(const char *common_name, long days, struct buf *ret_key,
                  struct buf *ret_certificate) MUST_USE;
/* PKCS #1 v1.5 over SHA-1 or SHA-256, as base64 text. */
int sign_rsa(struct str key_pem, enum hash_type type, struct str bytes, char ret[SIGN_BASE64_SIZE]) MUST_USE;
