/* The canonical request, which signer and verifier build alike (wire/sigv4*.c only). */
#pragma once

#include "wire/sigv4.h"

#define SIGV4_MAX_SIGNED_HEADERS 256

/* How much of the canonical form is taken from the wire. Signers differ in what they do to a path or query
 * that is not in the one form that SigV4 describes: botocore signs what it sends, other SDKs sign the
 * re-encoded form. */
enum sigv4_form {
    SIGV4_AS_SENT,   /* query pairs sorted but not re-encoded; S3's path as it is */
    SIGV4_REENCODED, /* query and S3's path decoded and encoded again by SigV4's own rules */
    SIGV4_FORMS,
};

/* Appends the canonical request. `signed_headers` is the list that goes into it ("host;x-amz-date"). 0,
 * URI_E_BAD when the query cannot be read, or a fault. */
int sigv4_canonical(struct arena *arena, const struct sigv4_request *request, const char *service,
                    enum sigv4_form form, struct str signed_headers, struct str payload_hash,
                    struct buf *out) MUST_USE;

/* Whether the service's paths are signed as they are: no normalisation, no second encoding. */
bool sigv4_path_is_verbatim(const char *service);
