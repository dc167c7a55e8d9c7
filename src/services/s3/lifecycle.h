/* A bucket's lifecycle rules: what they say of an object, and the thread that does it.
 *
 * What is due is due at the midnight (UTC) after its days have passed, as on S3. Source: S3 user guide,
 * "Managing the lifecycle of objects", "Lifecycle configuration elements". */
#pragma once

#include "base/base.h"
#include <jansson.h>

#define LIFECYCLE_TOPIC "s3:lifecycle" /* a configuration has changed */

struct platform;

/* What a rule looks at. */
struct lifecycle_object {
    struct str key;
    int64_t size;
    const char *tags; /* JSON object; NULL: none */
};

/* Whether an enabled rule is for that object. */
bool lifecycle_applies(const json_t *rule, const struct lifecycle_object *object);
bool lifecycle_enabled(const json_t *rule);
const char *lifecycle_prefix(const json_t *rule);
/* Midnight after `days` have passed since then. */
int64_t lifecycle_due_ms(int64_t since_ms, int64_t days);
/* When a rule's Expiration ends an object of that age. False: it has none for objects. */
bool lifecycle_expires(const json_t *rule, int64_t modified_ms, int64_t *ret_ms);
/* The rule that ends the object first, and when; NULL: none. Borrowed. */
const json_t *lifecycle_first(const json_t *configuration, const struct lifecycle_object *object,
                              int64_t modified_ms, int64_t *ret_ms);

/* The rule that aborts an upload of that key first, and when; NULL: none. Borrowed. */
const json_t *lifecycle_first_abort(const json_t *configuration, struct str key, int64_t started_ms,
                                    int64_t *ret_ms);

struct lifecycle_keeper;
int lifecycle_start(const struct platform *platform, struct lifecycle_keeper **ret) MUST_USE;
void lifecycle_stop(struct lifecycle_keeper **keeper);
