/* AWS Signature Version 4: one canonical request for signer and verifier.
 * Source: "Signature Version 4 signing process" of the IAM User Guide; botocore's auth.py where the two
 * differ. */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "wire/header.h"

#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define SIGV4_KEY_SIZE 32
#define SIGV4_MAX_SKEW_MS (15 * 60 * 1000)
#define SIGV4_MAX_EXPIRES_S (7 * 24 * 60 * 60)

/* A request as it is on the wire: nothing decoded. */
struct sigv4_request {
    struct str method;
    struct str path;  /* raw, as sent, without the query */
    struct str query; /* raw, without '?' */
    const struct http_header *headers;
    size_t header_count;
};

/* What was derived of one secret for days, regions and services, for the next request; shared by threads. */
struct sigv4_keys;

struct sigv4_credentials {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
    struct sigv4_keys *keys;   /* of this secret; NULL: what is derived is not kept */
};

/* What a request says of its signature, before anything is believed. Strings borrow from the request or the
 * arena. */
struct sigv4_claim {
    struct str access_key_id;
    struct str date; /* 20261123 */
    struct str region;
    struct str service; /* the credential scope's */
    struct str signed_headers;
    struct str signature;
    struct str session_token; /* {NULL,0}: none */
    struct str payload_hash;  /* x-amz-content-sha256 as sent; {NULL,0} when absent (and for presigned) */
    int64_t time_ms;          /* x-amz-date */
    int64_t expires_ms;       /* presigned: when it stops being good; 0 for a header signature */
    bool presigned;
    bool version_2; /* of Signature Version 2: sigv2.h */
};

enum sigv4_outcome {
    SIGV4_NONE = 1,  /* the request carries no signature */
    SIGV4_MALFORMED, /* it carries one that cannot be read */
    SIGV4_SKEWED,    /* its time is more than SIGV4_MAX_SKEW_MS off */
    SIGV4_EXPIRED,   /* presigned and past its time */
    SIGV4_MISMATCH,  /* it does not verify */
    SIGV4_UNCOVERED, /* it verifies, but leaves out a header that it must cover */
};

/* The key of one day, region and service: four digests, worth keeping. */
int sigv4_key(const char *secret_access_key, struct str date, struct str region, struct str service,
              unsigned char ret[SIGV4_KEY_SIZE]) MUST_USE;

int sigv4_keys_new(struct sigv4_keys **ret) MUST_USE;
void sigv4_keys_free(struct sigv4_keys **keys);
/* sigv4_key's of the credentials' secret. */
int sigv4_keys_get(const struct sigv4_credentials *credentials, struct str date, struct str region,
                   struct str service, unsigned char ret[SIGV4_KEY_SIZE]) MUST_USE;

/* Reads Authorization or X-Amz-* query parameters. 0, SIGV4_NONE, SIGV4_MALFORMED. */
int sigv4_read(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret) MUST_USE;
/* Checks time and signature. `payload_hash` is what the canonical request ends with: the claim's own text, or
 * the body's SHA-256 in hex when the claim has none, or UNSIGNED-PAYLOAD for presigned S3. `key` is
 * sigv4_key's of the claim's scope. `now_ms` is the verifier's clock. 0, SIGV4_SKEWED, SIGV4_EXPIRED,
 * SIGV4_MISMATCH, SIGV4_UNCOVERED. For MISMATCH `ret_canonical` and `ret_to_sign` (may be NULL) receive what
 * the server computed, in the arena, for the error's answer. */
int sigv4_verify(struct arena *arena, const struct sigv4_request *request, const struct sigv4_claim *claim,
                 struct str payload_hash, const unsigned char key[SIGV4_KEY_SIZE], int64_t now_ms,
                 struct str *ret_canonical, struct str *ret_to_sign) MUST_USE;

/* Host and every x-amz-* header must be signed, else whoever carries the request could change its meaning:
 * false for one of them that `signed_headers` does not name. */
bool sigv4_covers(struct str signed_headers, struct str name);

/* Signs by header: gives the values of Authorization (and the caller sends x-amz-date, x-amz-content-sha256
 * and, with a session token, x-amz-security-token, which must be among request->headers already, with
 * `host`). All headers of the request are signed. */
int sigv4_sign(struct arena *arena, const struct sigv4_request *request,
               const struct sigv4_credentials *credentials, const char *region, const char *service,
               struct str payload_hash, int64_t now_ms, struct str *ret_authorization) MUST_USE;
/* Presigns: gives the whole query string to send (the request's own query plus X-Amz-*). Only `host` is
 * signed. */
int sigv4_presign(struct arena *arena, const struct sigv4_request *request,
                  const struct sigv4_credentials *credentials, const char *region, const char *service,
                  int64_t now_ms, int64_t expires_s, struct str *ret_query) MUST_USE;

/* ---- what is signed apart from a request: a body's chunks, a form's policy (sigv4_chunk.c) */

#define SIGV4_CHUNKS "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define SIGV4_CHUNKS_TRAILER "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define SIGV4_UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

/* Each chunk's signature covers the one before; the first covers the request's. */
struct sigv4_chunks {
    unsigned char key[SIGV4_KEY_SIZE];
    char head[256]; /* time and scope, a line each */
    char previous[65];
};

/* What a form says of its signature, as sigv4_read does of a request: `algorithm`, `credential`, `date` and
 * `signature` are its fields of these names. 0, SIGV4_MALFORMED. */
int sigv4_read_form(struct str algorithm, struct str credential, struct str date, struct str signature,
                    struct sigv4_claim *ret) MUST_USE;
/* Whether the claim's signature is of `text`, itself what is signed. SIGV4_MISMATCH. */
int sigv4_verify_text(const struct sigv4_claim *claim, struct str text,
                      const unsigned char key[SIGV4_KEY_SIZE]) MUST_USE;

/* For a claim that has been verified. */
int sigv4_chunks_init(struct sigv4_chunks *chunks, const struct sigv4_claim *claim,
                      const unsigned char key[SIGV4_KEY_SIZE]) MUST_USE;
/* `sha256_hex` is of the chunk's bytes; `signature` is what it says. SIGV4_MISMATCH. */
int sigv4_chunk_verify(struct sigv4_chunks *chunks, const char *sha256_hex, struct str signature) MUST_USE;
/* `sha256_hex` is of the trailing headers, "name:value\n" each, as they came. SIGV4_MISMATCH. */
int sigv4_trailer_verify(struct sigv4_chunks *chunks, const char *sha256_hex, struct str signature) MUST_USE;
