/* Buildspecs that were parsed lately, by their text: pipelines bring the same again and again. Any thread
 * may. */
#pragma once

#include "workers/anchor/buildspec.h"

struct buildspec_memo;

int buildspec_memo_new(struct buildspec_memo **ret) MUST_USE;
void buildspec_memo_free(struct buildspec_memo **memo);
/* buildspec_parse's outcomes; what is good is remembered. `ret` is the caller's, but for its trees, which
 * nobody changes. */
int buildspec_memo_parse(struct buildspec_memo *memo, struct str text, struct buildspec *ret,
                         struct reason *why) MUST_USE;
