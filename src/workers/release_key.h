/* The well-known key ACCOUNT_ID/APP/BRANCH/latest.zip, and the names made of it.
 *
 * Names are cut to fit AWS's limits and made unique by 8 hex digits of SHA-256("account/app/branch"), so that
 * feature/a-b and feature-a/b never meet. */
#pragma once

#include "base/base.h"
#include "base/reason.h"

#define RELEASE_APP_MAX 64
#define RELEASE_BRANCH_MAX 256
#define RELEASE_SUFFIX_SIZE 32 /* slug of at most 20, '-', 8 hex */
#define RELEASE_STACK_SIZE 96

struct release_key {
    char account[13];
    char app[RELEASE_APP_MAX + 1];
    char branch[RELEASE_BRANCH_MAX + 1];
    char suffix[RELEASE_SUFFIX_SIZE]; /* "feature-login-1a2b3c4d" */
    char stack[RELEASE_STACK_SIZE];   /* "release-shop-feature-login-1a2b3c4d" */
};

#define RELEASE_KEY_E_BAD 1

/* Splits an object key (decoded). RELEASE_KEY_E_BAD with what is wrong and what a key must look like. */
int release_key_parse(struct str key, struct release_key *ret, struct reason *why) MUST_USE;
/* The same from its parts: for who has them already. */
int release_key_make(struct str account, struct str app, struct str branch, struct release_key *ret,
                     struct reason *why) MUST_USE;
