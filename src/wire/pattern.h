/* Regular expressions that users write (AllowedPattern of CloudFormation and SSM): PCRE2, whose syntax holds
 * what Java's and AWS's share, with limits on the work that one match may cost. */
#pragma once

#include "base/base.h"
#include "base/reason.h"

#define PATTERN_NO_MATCH 1
#define PATTERN_E_SYNTAX 2 /* *why names the offset and what is wrong there */
#define PATTERN_E_COST 3   /* the match would take too long: the pattern backtracks without bound */

/* Does the whole text match? 0, PATTERN_NO_MATCH, PATTERN_E_SYNTAX, PATTERN_E_COST, -ENOMEM. */
int pattern_match(struct str pattern, struct str text, struct reason *why) MUST_USE;
/* 0 or PATTERN_E_SYNTAX. */
int pattern_check(struct str pattern, struct reason *why) MUST_USE;
