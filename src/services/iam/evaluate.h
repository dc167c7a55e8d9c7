/* Policies at work: what one document says of one request. Pure.
 *
 * What a service makes of several verdicts (a bucket's policy, an identity's) is its own matter; everywhere a
 * denial wins, and silence is no permission. Source: IAM User Guide, "Policy evaluation logic", "IAM JSON
 * policy elements reference". */
#pragma once

#include "base/reason.h"
#include "services/iam/principal.h"
#include <jansson.h>

enum policy_verdict { POLICY_SILENT, POLICY_ALLOWS, POLICY_DENIES };

#define POLICY_VALUES_MAX 16 /* of one condition key */

struct policy_request {
    const struct principal *caller; /* NULL: nobody has signed it */
    const char *service;            /* "s3.amazonaws.com": it asks, for nobody; NULL */
    const char *action;             /* "s3:GetObject" */
    const char *resource;           /* an ARN */
    /* The values of a condition key ("aws:SourceIp", in any case) into ret, which live as long as ctx. How
     * many; 0: the request has no such key. */
    size_t (*context)(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX]);
    void *ctx;
};

enum policy_verdict policy_evaluate(const json_t *policy, const struct policy_request *request);

/* Statement may be one object or a list of them; NULL behind the last. */
const json_t *policy_statement(const json_t *policy, size_t index);
/* An element that may be one text or a list of them: whether `accepts` takes any of them. */
bool policy_any(const json_t *element, bool (*accepts)(void *ctx, const char *text), void *ctx);
/* Whether a Principal element names the caller (NULL: anybody at all). */
bool policy_names(const json_t *principal, const struct principal *caller);
/* Whether it names the service: by its name, or with everybody. */
bool policy_names_service(const json_t *principal, const char *service);
/* A pattern of `*` and `?`, whole text; a byte behind POLICY_LITERAL in the pattern means itself. */
#define POLICY_LITERAL '\1'
bool policy_matches(struct str pattern, struct str text, bool any_case);

/* condition.c: whether all of a statement's conditions hold; `variables`: ${…} means something in them. */
bool policy_conditions_hold(const json_t *conditions, const struct policy_request *request, bool variables);
/* IAM_BAD_DOCUMENT for an operator that there is not, and for a value that is none of its kind. */
int policy_conditions_check(const json_t *conditions, struct reason *why) MUST_USE;
/* Writes the pattern with its variables replaced. False: one has no value, and the pattern matches nothing.
 */
struct buf;
bool policy_expand(struct buf *out, const char *pattern, const struct policy_request *request);
