/* A page's token: the place of the last row shown, in hex, and a seal of what was asked. What is added or
 * removed meanwhile shifts nothing. */
#pragma once

#include "services/call.h"

#define PAGE_TOKEN_BAD 1

/* What the token in the input's `member` says, in the call's arena; NULL: there is none. PAGE_TOKEN_BAD: it
 * is none, or another operation's, another account's, or of other input: but numbers, which say how many. */
int page_token_read(struct call *c, const char *member, const char **ret) MUST_USE;
int page_token_write(struct call *c, const char *member, const char *place) MUST_USE;
