/* Why an outcome happened, in words for the user: filled by domain code beside a positive outcome, sent by
 * the API layer in the error's message. */
#pragma once

#include "base/base.h"

struct reason {
    char text[1024]; /* NUL-terminated; empty when nothing was said */
};

/* Sets the text (cut at the end, on a UTF-8 boundary, when too long) and returns `outcome`. `reason` may be
 * NULL. */
int reason_set(struct reason *reason, int outcome, const char *fmt, ...) PRINTF_LIKE(3, 4);
