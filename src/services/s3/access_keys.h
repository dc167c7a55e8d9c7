/* What policies' conditions are held against: the keys of a request to S3. */
#pragma once

#include "services/condition_keys.h"
#include "services/s3/access.h"

struct asking {
    struct call *c;
    struct tx *tx;
    const struct bucket *bucket;
    const struct access *access;
    struct condition_facts facts;
};

/* Whether a condition may ask for it: one of S3's, or any of all services'. */
bool access_key_is(const char *key);
/* policy_request.context, whose ctx is a struct asking. */
size_t access_key_values(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX]);
