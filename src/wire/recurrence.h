/* Spans of time that come again: a first local beginning, a length, and a rule as calendars write it.
 * Source: RFC 5545, "RECUR" (libical). */
#pragma once

#include "base/reason.h"
#include "wire/zone.h"

#define RECURRENCE_E_INVALID 1
#define RECURRENCE_RULE_MAX 256

struct recurrence {
    char rule[RECURRENCE_RULE_MAX]; /* "FREQ=WEEKLY;BYDAY=FR" */
    struct local_time start;
    int64_t length_ms;
    struct zone zone;
};

/* `start` is local, "2026-11-27T16:00:00"; the length 1 minute to 366 days; the rule of frequency DAILY to
 * YEARLY. RECURRENCE_E_INVALID with words. */
int recurrence_parse(const char *rule, const char *start, int64_t length_ms, const char *zone,
                     struct recurrence *ret, struct reason *why) MUST_USE;
/* When the span that covers at_ms ends; 0: none covers it. */
int64_t recurrence_until(const struct recurrence *recurrence, int64_t at_ms);
/* When the next span begins after at_ms; 0: none does. */
int64_t recurrence_next(const struct recurrence *recurrence, int64_t at_ms);
