/* Cron expressions of deployment windows: which minutes of local time are in the window.
 * "SECONDS MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK [YEAR]"; seconds are `*`.
 * Source: CodePipeline User Guide, "DeploymentWindow" (Quartz's syntax: , - * / ? L W #). */
#pragma once

#include "base/reason.h"
#include "wire/zone.h"

#define CRON_E_SYNTAX 1

struct cron {
    uint64_t minutes; /* bit sets */
    uint32_t hours;
    uint32_t days;
    uint32_t months;
    uint32_t weekdays;
    uint32_t nth_weekdays[6];  /* [1 to 5]: the n-th such day of the month */
    uint32_t last_weekdays;    /* the last such day of the month */
    uint32_t nearest_workdays; /* the working day nearest to this one */
    uint32_t from_last;        /* so many days before the month's last; bit 0: the last */
    bool last_workday;
    bool any_day;      /* neither day field says anything */
    uint8_t years[29]; /* of 1970 to 2199; all zero: any */
    bool any_year;
};

int cron_parse(struct str text, struct cron *ret, struct reason *why) MUST_USE;
bool cron_matches(const struct cron *cron, const struct local_time *local);
/* The first moment from `from_ms` on that is in the window: from_ms itself, or the beginning of a later
 * minute; INT64_MAX: none within the next forty years. A minute that the clocks skip opens no window, one
 * that comes twice the first time only (EventBridge Scheduler User Guide, "Daylight savings time"). */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t from_ms);
