/* Signatures that are not a request's own: of a body's chunks, of what trails them, of a form's policy.
 * Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" of
 * the Amazon S3 API Reference. */
#include "base/hash.h"
#include "wire/sigv4.h"
#include "wire/time.h"
#include <stdio.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TO_SIGN_MAX 1024

int sigv4_key(const char *secret_access_key, struct str date, struct str region, struct str service,
              unsigned char ret[SIGV4_KEY_SIZE])
{
    CLEANUP(buf_free) struct buf first = BUF_INIT(4096);
    unsigned char next[SIGV4_KEY_SIZE];
    const struct str parts[] = {region, service, STR("aws4_request")};

    buf_puts(&first, "AWS4");
    if (buf_puts(&first, secret_access_key) != 0)
        return FAULT(buf_error(&first));
    hash_hmac_sha256(buf_str(&first), date, ret);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        hash_hmac_sha256((struct str){(const char *)ret, SIGV4_KEY_SIZE}, parts[i], next);
        memcpy(ret, next, sizeof(next));
    }
    return 0;
}

int sigv4_verify_text(const struct sigv4_claim *claim, struct str text,
                      const unsigned char key[SIGV4_KEY_SIZE])
{
    unsigned char digest[SIGV4_KEY_SIZE];
    char hex[HASH_HEX_SIZE];
    hash_hmac_sha256((struct str){(const char *)key, SIGV4_KEY_SIZE}, text, digest);
    hex_encode(digest, sizeof(digest), hex);
    bool same = claim->signature.len == strlen(hex) && hash_equal(claim->signature.ptr, hex, strlen(hex));
    return same ? 0 : SIGV4_MISMATCH;
}

int sigv4_chunks_init(struct sigv4_chunks *chunks, const struct sigv4_claim *claim,
                      const unsigned char key[SIGV4_KEY_SIZE])
{
    char time[TIME_TEXT_SIZE];
    time_amz(claim->time_ms, time);
    int len =
        snprintf(chunks->head, sizeof(chunks->head), "%s\n" STR_FMT "/" STR_FMT "/" STR_FMT "/aws4_request\n",
                 time, STR_ARG(claim->date), STR_ARG(claim->region), STR_ARG(claim->service));
    if (len < 0 || (size_t)len >= sizeof(chunks->head) || claim->signature.len >= sizeof(chunks->previous))
        return FAULT(EINVAL);
    memcpy(chunks->previous, claim->signature.ptr, claim->signature.len);
    chunks->previous[claim->signature.len] = '\0';
    memcpy(chunks->key, key, SIGV4_KEY_SIZE);
    return 0;
}

static int verify(struct sigv4_chunks *chunks, const char *algorithm, const char *middle,
                  const char *sha256_hex, struct str signature)
{
    char text[TO_SIGN_MAX];
    char hex[sizeof(chunks->previous)];
    unsigned char digest[SIGV4_KEY_SIZE];
    int len = snprintf(text, sizeof(text), "%s\n%s%s\n%s%s", algorithm, chunks->head, chunks->previous,
                       middle, sha256_hex);
    if (len < 0 || (size_t)len >= sizeof(text))
        return FAULT(EMSGSIZE);
    hash_hmac_sha256((struct str){(const char *)chunks->key, sizeof(chunks->key)},
                     (struct str){text, (size_t)len}, digest);
    hex_encode(digest, sizeof(digest), hex);
    if (signature.len != strlen(hex) || !hash_equal(signature.ptr, hex, strlen(hex)))
        return SIGV4_MISMATCH;
    memcpy(chunks->previous, hex, sizeof(hex));
    return 0;
}

int sigv4_chunk_verify(struct sigv4_chunks *chunks, const char *sha256_hex, struct str signature)
{
    return verify(chunks, "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256 "\n", sha256_hex, signature);
}

int sigv4_trailer_verify(struct sigv4_chunks *chunks, const char *sha256_hex, struct str signature)
{
    return verify(chunks, "AWS4-HMAC-SHA256-TRAILER", "", sha256_hex, signature);
}
