/* CORS: which rule of a bucket's configuration lets a browser's page of another origin in, and what the
 * answer then says. Pure. Source: S3 user guide, "Using cross-origin resource sharing"; Fetch, "CORS
 * protocol". */
#pragma once

#include "base/buf.h"
#include <jansson.h>

struct cors_request {
    struct str origin;
    struct str method;
    struct str headers; /* Access-Control-Request-Headers; {NULL,0}: no preflight, or none */
};

/* The first rule that fits; NULL: none. Borrowed. */
const json_t *cors_rule(const json_t *configuration, const struct cors_request *request);
/* "GET, PUT": a rule's list, as a header's value. */
void cors_list(struct buf *out, const json_t *rule, const char *member);
/* Whether the rule is for any origin whatever, and the answer says so. */
bool cors_any_origin(const json_t *rule, const struct cors_request *request);
