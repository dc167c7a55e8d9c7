/* Users and their access keys, for iam's own operations. */
#pragma once

#include "services/iam/iam.h"

#define IAM_KEYS_PER_USER 2 /* quota AccessKeysPerUser */

struct user {
    char name[65]; /* empty: the root user */
    char id[22];
    char arn[IAM_ARN_SIZE];
    char path[513];
    int64_t created_ms;
};

/* IAM_EXISTS, IAM_INVALID, IAM_LIMIT. */
int user_create(struct tx *tx, const char *account, const char *name, const char *path, struct user *ret,
                struct reason *reason) MUST_USE;
/* IAM_NO_ENTITY. */
int user_get(struct tx *tx, const char *account, const char *name, struct user *ret,
             struct reason *reason) MUST_USE;
/* IAM_NO_ENTITY; IAM_CONFLICT while it has keys. */
int user_delete(struct tx *tx, const char *account, const char *name, struct reason *reason) MUST_USE;

struct key_spec {
    const char *account;
    const char *user;   /* "": root */
    const char *id;     /* NULL: made up */
    const char *secret; /* NULL: made up */
};

/* IAM_LIMIT, IAM_EXISTS, IAM_INVALID. The returned arrays are of IAM_KEY_ID_SIZE and IAM_SECRET_SIZE. */
int key_create(struct tx *tx, const struct key_spec *spec, char *ret_id, char *ret_secret,
               struct reason *reason) MUST_USE;
/* IAM_NO_ENTITY when that user has no such key. */
int key_delete(struct tx *tx, const char *account, const char *user, const char *id,
               struct reason *reason) MUST_USE;
int key_set_active(struct tx *tx, const char *account, const char *user, const char *id, bool active,
                   struct reason *reason) MUST_USE;
