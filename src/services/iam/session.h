/* Sessions, for iam itself. */
#pragma once

#include "services/iam/iam.h"

/* The key that seals tokens is made when it is missing: before the first session. */
int sessions_prepare(struct tx *tx) MUST_USE;
/* To be told, in its transaction, of each change of a role or its end. */
void sessions_role_changed(const char *account, const char *role);
/* The session of ret->principal.access_key_id. IAM_BAD_TOKEN: it is not that key's, was not made here, or its
 * role is gone. */
int session_find(struct tx *tx, const char *token, struct iam_key *ret) MUST_USE;
