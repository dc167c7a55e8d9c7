/* The local accounts of a new data folder, and the files that let AWS's clients act for them. */
#pragma once

#include "base/base.h"
#include "services/iam/iam.h"

struct platform;

#define ACCOUNTS_SHARED "111111111111"
#define ACCOUNTS_MAX 1000 /* local accounts that get a profile and an anchor */

struct account_key {
    struct account account;
    char access_key_id[IAM_KEY_ID_SIZE]; /* empty: its root key was deleted */
    char secret_access_key[IAM_SECRET_SIZE];
};

/* Makes the first accounts when there is none. */
int accounts_first(const struct platform *platform) MUST_USE;
/* All accounts with their root keys; *ret is malloc'd. */
int accounts_keys(const struct platform *platform, struct account_key **ret, size_t *ret_count) MUST_USE;
/* Writes DATA/credentials (0600) and DATA/config: a profile for each account. */
int accounts_write(const struct platform *platform, const struct account_key *keys, size_t count) MUST_USE;
