/* Names that somebody may have meant by another: for what a message suggests. */
#pragma once

#include "base/base.h"
#include <jansson.h>

/* How many characters must be changed, added, dropped or swapped with their neighbour until `pattern`, of
 * which each `*` is any text and each `?` any character, matches the name, letters in any case. One byte is
 * one character; longer texts than NEAR_MAX are SIZE_MAX away. */
#define NEAR_MAX 128
size_t near_distance(struct str pattern, struct str name);

/* The keys of `names` that are nearest to the pattern, or have it in them, at most `max`, appended to `ret`;
 * none that nobody could have meant. */
int near_names(const char *pattern, const json_t *names, size_t max, json_t *ret) MUST_USE;
