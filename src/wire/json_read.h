/* The quick way from JSON text to a tree, for json.c. */
#pragma once

#include "wire/json.h"

/* A new tree that equals what the library would read of `text`, one document. NULL when it was not read: it
 * is no JSON, is nested deeper than `depth`, has a key twice though `unique` is asked for, memory is short,
 * or it has something rare (\u escapes, numbers of many digits). The library tells which, or reads it. */
json_t *json_read(struct str text, int depth, bool unique) MUST_USE;
