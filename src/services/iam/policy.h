/* Policy documents: their form. What they say of a request is evaluate.h's. */
#pragma once

#include "base/reason.h"

/* IAM_BAD_DOCUMENT when the text is no policy: {"Statement": [{"Effect": "Allow" | "Deny", …}]}. */
int policy_check(const char *text, struct reason *reason) MUST_USE;
/* The same of a role's trust policy, which names principals, and no resources. */
int policy_trust_check(const char *text, struct reason *reason) MUST_USE;
/* Whether the text may deny anything at all: an escape could be any letter. */
bool policy_may_deny(const char *text);
/* A trust policy that allows these accounts to assume the role; malloc'd, NULL when out of memory. */
char *policy_trusting(const char *const *accounts, size_t count) MUST_USE;
