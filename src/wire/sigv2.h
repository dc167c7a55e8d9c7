/* AWS Signature Version 2 in the query of a URL, as S3 still takes it and boto3 still presigns by it in
 * us-east-1 unless told otherwise. Nothing signs by it here. Source: S3 user guide, "Signing and
 * authenticating REST requests (AWS signature version 2)"; botocore's HmacV1QueryAuth. */
#pragma once

#include "wire/sigv4.h"

/* Reads AWSAccessKeyId, Expires and Signature of a GET, HEAD, PUT or DELETE: a presigned claim of service
 * "s3" with `version_2`, without date and region. SIGV4_NONE: they are not there; SIGV4_MALFORMED: they
 * cannot be read, or a parameter besides them is neither covered by such a signature nor one that only says
 * which part of a listing is wanted. */
int sigv2_read(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret) MUST_USE;
/* `bucket`: the one that the Host names; NULL: the path does. 0, SIGV4_EXPIRED, SIGV4_MISMATCH; *ret_to_sign
 * is what the signature would be of. */
int sigv2_verify(struct arena *arena, const struct sigv4_request *request, const struct sigv4_claim *claim,
                 const char *bucket, const char *secret_access_key, int64_t now_ms,
                 struct str *ret_to_sign) MUST_USE;
/* Whether the claim's signature is of `text`, itself what is signed: a form's policy. SIGV4_MISMATCH. */
int sigv2_verify_text(const struct sigv4_claim *claim, struct str text,
                      const char *secret_access_key) MUST_USE;
