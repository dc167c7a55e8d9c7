/* Whether a recurrence rule's parts are what they may be, each by itself. */
#pragma once

#include "base/reason.h"

#define RECURRENCE_COUNT_MAX 1000

/* RECURRENCE_E_INVALID, with words that name the part and what may be written there. */
int recurrence_rule_check(const char *rule, struct reason *why) MUST_USE;
