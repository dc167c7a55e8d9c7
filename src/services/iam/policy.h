/* Policy documents: their form, and whom a trust policy names. Evaluation of actions and resources is no part
 * of this. */
#pragma once

#include "base/reason.h"
#include "services/iam/principal.h"

/* IAM_BAD_DOCUMENT when the text is no policy: {"Statement": [{"Effect": "Allow" | "Deny", …}]}. */
int policy_check(const char *text, struct reason *reason) MUST_USE;
/* A trust policy that allows these accounts to assume the role; malloc'd, NULL when out of memory. */
char *policy_trusting(const char *const *accounts, size_t count) MUST_USE;
/* True when an Allow names the caller, or its account, and no Deny does. */
bool policy_trusts(const char *text, const struct principal *caller);
