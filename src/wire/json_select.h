/* JSONPath: which values of a document a path selects. Source: github.com/json-path/JsonPath, which
 * CodePipeline's webhook filters name; RFC 9535 where it says nothing.
 *
 * `$`, `.name`, `['a','b']`, `[0,-1]`, `[1:3]`, `*`, `..name`, and filters of one comparison:
 * `[?(@.name)]`, `[?(@.name == 'x')]` with == != < <= > >=. No functions, no `&&` and `||`. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

#define JSON_SELECT_E_SYNTAX 1 /* *why says what is wrong, and where */
#define JSON_SELECT_E_MANY 2   /* more than JSON_SELECT_MAX values were looked at */

#define JSON_SELECT_MAX 100000

/* The selected values as a list, empty when there is none; the caller's reference. */
int json_select(json_t *document, struct str path, json_t **ret, struct reason *why) MUST_USE;
/* 0 or JSON_SELECT_E_SYNTAX. */
int json_select_check(struct str path, struct reason *why) MUST_USE;
