/* The condition keys that any request has, whatever service it asks ("aws:…").
 *
 * Source: IAM User Guide, "AWS global condition context keys". Of a key that is not here the request has no
 * value; nobody has shown a second factor, and there are no session tags. */
#pragma once

#include "http/server.h"
#include "services/iam/evaluate.h"
#include "services/iam/names.h"
#include "wire/time.h"

struct platform;

struct request_facts {
    const struct platform *platform;
    const struct principal *caller;  /* NULL: nobody has signed it */
    const struct http_request *http; /* NULL: the server itself asks, for the caller */
    const char *resource_account;
    char text[TIME_TEXT_SIZE];                /* what a value is written into */
    char organization[IAM_ORGANIZATION_SIZE]; /* the same */
};

/* As a policy_request's context; values last until the next call. */
size_t request_fact(struct request_facts *facts, const char *key, struct str ret[POLICY_VALUES_MAX]);
