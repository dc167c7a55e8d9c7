/* The form of a resource's policy, as far as it is the same of all resources: s3 and sqs have their own words
 * for what breaks it. Pure. */
#pragma once

#include "base/base.h"
#include <jansson.h>

/* One text, or a list of at least one and nothing else. */
bool policy_is_texts(const json_t *element);
/* An element or its opposite; NULL when neither or both are there. */
const json_t *policy_element(const json_t *statement, const char *name, const char *not_name);
/* Whether a Principal (or NotPrincipal) is "*" or an object of kinds, each of which can name somebody. */
bool policy_principal_ok(const json_t *principal);
/* A field that no policy or statement has; NULL: none. What is passed over would let more in, or keep less
 * out, than was meant. */
const char *policy_unknown_field(const json_t *policy);
/* Whether all condition keys are such that there are. */
bool policy_keys_ok(const json_t *conditions, bool (*is_key)(const char *key));
