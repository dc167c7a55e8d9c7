/* One request on its way through the dispatcher: what its steps (route, authenticate, decode, answer) share.
 * Lives in the request's arena. */
#pragma once

#include "base/hash.h"
#include "db/db.h"
#include "services/iam/iam.h"
#include "services/service.h"
#include "wire/sigv4.h"

struct key_cache;
struct payload;

/* Why the dispatcher itself turns a request down; answer.c gives each its code per protocol. */
enum refusal {
    REFUSE_UNSIGNED = 1,
    REFUSE_SIGNATURE_MALFORMED,
    REFUSE_SIGNATURE_QUERY, /* S3: the same of a presigned request */
    REFUSE_SIGNATURE_OLD,   /* S3: version 2 */
    REFUSE_SKEWED,
    REFUSE_EXPIRED, /* presigned */
    REFUSE_KEY_UNKNOWN,
    REFUSE_SIGNATURE,
    REFUSE_HEADERS, /* the signature leaves out a header */
    REFUSE_SCOPE,   /* signed for another service or region */
    REFUSE_TOKEN,   /* a session token that is not the key's */
    REFUSE_TOKEN_EXPIRED,
    REFUSE_PAYLOAD, /* the body is not the one that was signed */
    REFUSE_PAYLOAD_HASH,
    REFUSE_SUB_RESOURCE, /* S3: of a bucket, asked of an object */
    REFUSE_INCOMPLETE,   /* S3: the chunks of a body are not whole */
    REFUSE_CHUNK_SIZE,
    REFUSE_TRAILER,
    REFUSE_NO_LENGTH,
    REFUSE_OPERATION,
    REFUSE_METHOD,
    REFUSE_BODY,    /* cannot be decoded */
    REFUSE_NO_BODY, /* S3: there is none */
    REFUSE_VALUE,   /* S3: a header or parameter out of range */
    REFUSE_TOO_LARGE,
    REFUSE_INVALID,
    REFUSE_DENIED,
    REFUSE_UNSUPPORTED,
    REFUSE_NO_SPACE,
    REFUSE_FAULT,
    REFUSE_COUNT
};

struct wire_error {
    const char *code;
    const char *query_code; /* NULL: code */
    unsigned status;
    const char *message;
};

struct exchange;

#define ANSWER_MAX ((size_t)64 * 1024 * 1024) /* bytes of an answer that is not a stream */

struct protocol {
    enum protocol_kind kind;
    /* Body → call.in. 0, a refusal with words in call.reason, or a fault. */
    int (*decode)(struct exchange *x);
    /* call.out and, of JSON's protocols, call.members → the reply. 0 or a fault. */
    int (*encode)(struct exchange *x);
    void (*error)(struct exchange *x, const struct wire_error *error);
};

extern const struct protocol protocol_json_10;
extern const struct protocol protocol_json_11;
extern const struct protocol protocol_query;
extern const struct protocol protocol_rest_xml;
extern const struct protocol protocol_hook;

struct exchange {
    struct call call;
    const struct protocol *protocol;
    const char *asked; /* the operation's name as it was sent, for messages; NULL: none */
    struct key_cache *keys;

    struct sigv4_request wire;
    struct sigv4_claim claim;
    int claimed; /* what sigv4_read said */
    struct iam_key key;
    unsigned char signing_key[SIGV4_KEY_SIZE]; /* of `key`, for the claim's scope */
    struct str canonical;                      /* of a signature that does not verify, for S3's answer */
    struct str to_sign;

    size_t steps;            /* of its beginning that are done */
    struct db_later durable; /* call_commit's */
    struct payload *payload; /* payload.c: the body is in chunks; NULL: it is not */
    int refusal;             /* what CALL_REFUSED stands for */
    bool verified;
    bool decoded;
    bool entered; /* the operation's code has run: its end must too */
};

/* route.c: finds service, protocol and (for Query only after the body) operation. 0 or a refusal with words.
 */
int route_request(struct exchange *x) MUST_USE;
/* Query: Action and Version out of the decoded pairs. */
int route_query(struct exchange *x, const struct uri_query *pairs) MUST_USE;
/* The most bytes of body that this request may have. */
size_t route_body_max(const struct exchange *x);

/* auth.c: before the body: is there a signature, of a key that lives? 0, a refusal, or a fault. */
/* sigv4_read, and sigv2_read for what is not signed by version 4: what x->claimed is. */
int auth_read(struct exchange *x) MUST_USE;
int auth_begin(struct exchange *x) MUST_USE;
/* The signature; for all but S3 when the body is complete. */
int auth_verify(struct exchange *x, struct str payload_hash) MUST_USE;
/* True when the signature itself covers the body's digest and that digest was sent as a header. */
bool auth_claims_digest(const struct exchange *x);

/* answer.c */
void answer_refusal(struct exchange *x, int refusal_or_fault);
/* The service's own outcomes, CALL_… and faults. */
void answer_outcome(struct exchange *x, int outcome);
/* Headers that every reply carries. */
void answer_headers(struct exchange *x);
