/* Who may do what with a bucket: its policy, its public access block, its owner.
 *
 * A denial of the policy wins. The owner's account may do the rest; other accounts and unsigned callers need
 * the policy's permission, and do not have it where the bucket restricts a public policy. Until identities
 * have policies that are evaluated, the objects of a bucket without a policy are open to whoever signs
 * (docs/limits.md); how it is set is its account's. */
#pragma once

#include "services/s3/api.h"

/* What is asked for. */
struct access {
    const char *action;     /* "s3:GetObject" */
    const char *key;        /* NULL: the bucket itself */
    const char *version_id; /* NULL: the current version */
};

/* 0 or S3_E_DENIED with words. */
int access_check(struct call *c, struct tx *tx, const struct bucket *bucket,
                 const struct access *access) MUST_USE;
/* What a write of the request's key may ask for beside its bytes: tags, retention, a legal hold. S3_E_DENIED.
 */
int access_check_extras(struct call *c, struct tx *tx, const struct bucket *bucket, bool tags,
                        const struct object_lock *lock) MUST_USE;
/* A bucket, into a zeroed *ret, for what is not the request's own action. S3_E_NO_BUCKET, S3_E_DENIED. */
int api_bucket_for(struct call *c, struct tx *tx, const char *name, const struct access *access,
                   struct bucket *ret) MUST_USE;
/* Whether the bucket is the account's that the header names, if it does. S3_E_DENIED. */
int api_check_owner(struct call *c, const struct bucket *bucket, const char *header) MUST_USE;
