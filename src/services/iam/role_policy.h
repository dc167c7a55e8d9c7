/* A role's inline policies and attached policy ARNs. They are stored; nothing evaluates them yet. */
#pragma once

#include "services/iam/iam.h"

int role_policy_put(struct tx *tx, const char *account, const char *role, const char *name,
                    const char *document, struct reason *reason) MUST_USE;
int role_policy_delete(struct tx *tx, const char *account, const char *role, const char *name,
                       struct reason *reason) MUST_USE;
int role_attach(struct tx *tx, const char *account, const char *role, const char *arn,
                struct reason *reason) MUST_USE;
int role_detach(struct tx *tx, const char *account, const char *role, const char *arn,
                struct reason *reason) MUST_USE;

/* [{"PolicyName", "PolicyDocument": text or object}] */
int role_policies_replace(struct tx *tx, const char *account, const char *role, const json_t *policies,
                          struct reason *reason) MUST_USE;
/* ["arn:…"] */
int role_attachments_replace(struct tx *tx, const char *account, const char *role, const json_t *arns,
                             struct reason *reason) MUST_USE;
/* Removes both kinds. */
int role_policies_clear(struct tx *tx, const char *account, const char *role) MUST_USE;
/* IAM_CONFLICT while it has any of either. */
int role_policies_none(struct tx *tx, const char *account, const char *role, struct reason *reason) MUST_USE;
