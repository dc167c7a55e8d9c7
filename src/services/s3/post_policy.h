/* The policy of a browser's form: until when, and what its fields may say. Nothing here does I/O.
 * Source: "POST Policy" of the Amazon S3 API Reference. */
#pragma once

#include "base/reason.h"
#include "services/s3/s3.h"
#include "wire/header.h"
#include "wire/json.h"

struct post_fields {
    const struct http_header *fields; /* names in lower case */
    size_t count;
    const char *bucket; /* the request's */
};

struct post_limits {
    int64_t min; /* of the file's size, in bytes */
    int64_t max;
};

/* Reads the policy, which is base64 of JSON. S3_E_POLICY. */
int post_policy_read(struct str base64, json_t **ret, struct reason *why) MUST_USE;
/* Each condition must hold, and each field be under one. S3_E_POLICY, S3_E_DENIED with the condition's text.
 */
int post_policy_check(const json_t *policy, const struct post_fields *fields, int64_t now_ms,
                      struct post_limits *ret, struct reason *why) MUST_USE;
