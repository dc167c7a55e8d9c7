/* Local times of the world's time zones: libical over the system's zoneinfo. */
#pragma once

#include "base/base.h"

/* A zone that was found; copied as it is. */
struct zone {
    void *rules;    /* libical's, for ever; NULL: a fixed offset */
    int32_t offset; /* seconds east of UTC, without rules */
};

struct local_time {
    int year;
    int month;   /* 1 to 12 */
    int day;     /* 1 to 31 */
    int hour;    /* 0 to 23 */
    int minute;  /* 0 to 59 */
    int second;  /* 0 to 59 */
    int weekday; /* 1 Sunday to 7 Saturday; zone_ms does not read it */
};

/* "Europe/Berlin", "UTC", "UTC+02:00", "GMT-5:30", or an abbreviation with one meaning ("EST", "CET", "PDT"
 * …): false when there is none such. */
bool zone_find(const char *name, struct zone *ret);
void zone_local(const struct zone *zone, int64_t utc_ms, struct local_time *ret);
/* A time that the clocks skip counts by the offset before the jump; of one that comes twice, the first. */
int64_t zone_ms(const struct zone *zone, const struct local_time *local);
int days_in_month(int year, int month);
/* 1 Sunday to 7 Saturday. */
int weekday_of(int year, int month, int day);
