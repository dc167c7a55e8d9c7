/* UTF-8 of bytes that may be anything. */
#pragma once

#include "base/buf.h"

/* Length of the valid sequence at the front of `text`, which is not empty; 0 when there is none. */
size_t utf8_length(struct str text);
/* Adds `text` with U+FFFD in place of each byte that is no UTF-8, and of NUL. Errors stick to `out`. */
void utf8_mend(struct str text, struct buf *out);
