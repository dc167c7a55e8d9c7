/* Accounts, users, access keys, roles and sessions: the domain, for the other services.
 *
 * Functions run inside the caller's transaction. An account's root user owns the key that first start writes
 * into DATA/credentials. Secrets are stored as they are: SigV4 needs them to verify; the database file's mode
 * is 0600. */
#pragma once

#include "base/hash.h"
#include "base/reason.h"
#include "db/db.h"
#include "services/iam/names.h"
#include "services/iam/principal.h"
#include <jansson.h>

struct platform;
struct http_request;

enum iam_outcome {
    IAM_NO_ENTITY = 1,      /* no such role, user, key, policy or account */
    IAM_EXISTS,             /* the name or key id is taken */
    IAM_LIMIT,              /* too many keys, roles … */
    IAM_BAD_DOCUMENT,       /* a policy document that is no policy */
    IAM_CONFLICT,           /* something still belongs to it */
    IAM_INVALID,            /* an argument breaks IAM's syntax */
    IAM_NOT_TRUSTED,        /* the role's trust does not name the caller */
    IAM_BAD_TOKEN,          /* a session token that is not the access key's */
    IAM_SHARED_ACCOUNT_ONLY /* only shared-services may do that */
};

#define IAM_DEPLOY_ROLE "slipway-deploy" /* every local account has it */
#define IAM_KEY_ID_SIZE 129
#define IAM_SECRET_SIZE 129
#define IAM_TOKEN_SIZE 513
#define IAM_ARN_SIZE 640 /* a path may have 512 characters */

/* ---- accounts */

struct account {
    char id[IAM_ACCOUNT_SIZE];
    char name[129];
    int64_t created_ms;
};

/* Makes the account, its root access key and its deploy role. `access_key_id` and `secret` NULL: made up and
 * stored in *ret_id (IAM_KEY_ID_SIZE) and *ret_secret (IAM_SECRET_SIZE). IAM_EXISTS, IAM_INVALID. Signals
 * topic IAM_TOPIC_ACCOUNTS. */
int account_create(struct tx *tx, const struct platform *platform, const char *id, const char *name,
                   const char *access_key_id, const char *secret, char *ret_id, char *ret_secret,
                   struct reason *reason) MUST_USE;
/* All accounts by id, at most `max`, into `list`. */
int account_list(struct tx *tx, struct account *list, size_t max, size_t *ret_count) MUST_USE;
int account_get(struct tx *tx, const char *id, struct account *ret) MUST_USE; /* IAM_NO_ENTITY */
/* The account's root access key. IAM_NO_ENTITY. */
int account_root_key(struct tx *tx, const char *id, char *ret_id, char *ret_secret) MUST_USE;

#define IAM_TOPIC_ACCOUNTS "iam:accounts" /* an account was made */
#define IAM_TOPIC_KEYS "iam:keys" /* a key came, or a key or role changed or went: cached ones are stale */

/* ---- keys and sessions */

struct iam_key {
    struct principal principal;
    char secret[IAM_SECRET_SIZE];
    char session_token[IAM_TOKEN_SIZE]; /* empty: a long-lived key */
    int64_t expires_ms;                 /* 0: never */
    bool active;
};

/* `token` is what the request says; NULL: nothing. IAM_NO_ENTITY, IAM_BAD_TOKEN. Does not look at expiry or
 * state, nor at a token sent with a long-lived key. */
int iam_key_find(struct tx *tx, const char *access_key_id, const char *token, struct iam_key *ret) MUST_USE;

struct session_spec {
    const char *account;
    const char *role_name; /* must exist: IAM_NO_ENTITY */
    const char *session_name;
    int64_t duration_s; /* 900 … 43,200 and at most the role's own maximum: IAM_INVALID */
    const char *person; /* whoever assumes the role; NULL: no person */
};

struct session {
    char access_key_id[IAM_KEY_ID_SIZE];
    char secret_access_key[IAM_SECRET_SIZE];
    char session_token[IAM_TOKEN_SIZE];
    int64_t expires_ms;
    char arn[IAM_ARN_SIZE];    /* arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
    char assumed_role_id[160]; /* AROA…:SESSION */
};

/* What the database has to say for a session: read within a transaction, while the session itself may be made
 * after it. Secret. */
struct session_grant {
    char role_name[65];
    char role_id[22];
    struct hash_key sealing;
};

/* Whether the caller may is the caller's question (role_trusts). IAM_NO_ENTITY, IAM_INVALID. */
int session_allow(struct tx *tx, const struct session_spec *spec, struct session_grant *ret,
                  struct reason *reason) MUST_USE;
/* Makes temporary credentials, without ARN and role id; `spec` is what was allowed. */
int session_make(const struct session_grant *grant, const struct session_spec *spec,
                 struct session *ret) MUST_USE;
/* Both, and who they are. */
int session_create(struct tx *tx, const struct session_spec *spec, struct session *ret,
                   struct reason *reason) MUST_USE;

/* ---- roles */

struct role_spec {
    const char *name;
    const char *path; /* NULL: "/" */
    const char *trust_policy;
    const char *description; /* NULL: none */
    int64_t max_session_s;   /* 0: 3600 */
    const json_t *policies;  /* [{"PolicyName", "PolicyDocument": text or object}]; NULL: as they are */
    const json_t *managed_policy_arns; /* ["arn:…"]; NULL: as they are */
    const json_t *tags;                /* [{"Key","Value"}]; NULL: as they are */
};

struct role {
    char name[65];
    char id[22]; /* AROA… */
    char arn[IAM_ARN_SIZE];
    char path[513];
    int64_t created_ms;
    int64_t max_session_s;
};

/* Makes the role, or with `must_be_new` false changes an existing one; given lists of policies replace what
 * the role had. IAM_EXISTS, IAM_BAD_DOCUMENT, IAM_INVALID, IAM_LIMIT. `ret` may be NULL. */
int role_put(struct tx *tx, const struct platform *platform, const char *account,
             const struct role_spec *spec, bool must_be_new, struct role *ret,
             struct reason *reason) MUST_USE;
int role_get(struct tx *tx, const char *account, const char *name, struct role *ret) MUST_USE;
/* `force` also removes its policies; else they are IAM_CONFLICT. IAM_NO_ENTITY. Sessions of it end. */
int role_delete(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                bool force, struct reason *reason) MUST_USE;
struct role_asking {
    const struct principal *caller;
    const struct http_request *http; /* NULL: the server itself asks, for the caller */
    const char *external_id;         /* NULL: none */
    const char *session_name;        /* NULL: not known yet */
};

/* 0 when the caller may assume the role: same account; shared-services for the deploy role; or the trust
 * policy allows it, its conditions too. A denial of that policy binds all. IAM_NO_ENTITY, IAM_NOT_TRUSTED. */
int role_trusts(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                const struct role_asking *asking) MUST_USE;
