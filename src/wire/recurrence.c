/* Recurring spans. */
#include "wire/recurrence.h"
#include "wire/time.h"
#include <libical/ical.h>
#include <stdio.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define LENGTH_MAX_MS ((int64_t)366 * 24 * 60 * MINUTE_MS)
#define LOOKS_MAX 2000
#define COUNT_MAX 1000
#define MONTH_DAYS 28 /* every month has so many */
#define MONTH_WEEKS 4

static bool start_parse(const char *text, struct local_time *ret)
{
    const struct zone utc = {0};
    char whole[32];
    int64_t ms;

    if (strlen(text) != sizeof("2026-11-27T16:00:00") - 1)
        return false;
    snprintf(whole, sizeof(whole), "%sZ", text);
    if (!time_parse_iso8601(str_of(whole), &ms))
        return false;
    zone_local(&utc, ms, ret);
    return true;
}

static struct icalrecurrencetype rule_of(const char *text)
{
    char copy[RECURRENCE_RULE_MAX];

    snprintf(copy, sizeof(copy), "%s", text); /* libical's reader is not said to leave it alone */
    return icalrecurrencetype_from_string(copy);
}

static bool given(const short *list)
{
    return list[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

static bool within(const short *list, int most, int (*value_of)(short))
{
    for (size_t i = 0; list[i] != ICAL_RECURRENCE_ARRAY_MAX; i++)
        if (abs(value_of(list[i])) > most)
            return false;
    return true;
}

static int day_of(short value)
{
    return value;
}

static int position_of(short value)
{
    return icalrecurrencetype_day_position(value);
}

/* Some rules never come true, and libical looks for them through centuries. These always do: days that every
 * month has, and no steps that could go past what is asked for. */
static bool comes_true(const struct icalrecurrencetype *rule, const struct local_time *start)
{
    bool positions = !within(rule->by_day, 0, position_of), by_month = given(rule->by_month);
    bool own_day =
        rule->freq >= ICAL_MONTHLY_RECURRENCE && !given(rule->by_day) && !given(rule->by_month_day);
    bool steps = rule->interval > 1;

    if (given(rule->by_set_pos) || given(rule->by_year_day) || given(rule->by_week_no) ||
        given(rule->by_hour) || given(rule->by_minute) || given(rule->by_second))
        return false;
    if (!within(rule->by_month_day, MONTH_DAYS, day_of) || !within(rule->by_day, MONTH_WEEKS, position_of) ||
        (positions && given(rule->by_month_day)) || (own_day && by_month && start->day > MONTH_DAYS))
        return false;
    return !steps || rule->freq == ICAL_WEEKLY_RECURRENCE ||
           (!by_month && !given(rule->by_day) && !given(rule->by_month_day));
}

int recurrence_parse(const char *rule, const char *start, int64_t length_ms, const char *zone,
                     struct recurrence *ret, struct reason *why)
{
    struct icalrecurrencetype parsed;

    *ret = (struct recurrence){.length_ms = length_ms};
    if (snprintf(ret->rule, sizeof(ret->rule), "%s", rule) >= (int)sizeof(ret->rule))
        return reason_set(why, RECURRENCE_E_INVALID, "The recurrence rule is longer than %d characters.",
                          RECURRENCE_RULE_MAX - 1);
    parsed = rule_of(rule);
    if (parsed.freq < ICAL_DAILY_RECURRENCE || parsed.freq > ICAL_YEARLY_RECURRENCE)
        return reason_set(why, RECURRENCE_E_INVALID,
                          "'%s' is no recurrence rule of frequency DAILY, WEEKLY, MONTHLY or YEARLY, as "
                          "FREQ=WEEKLY;BYDAY=FR.",
                          rule);
    if (!start_parse(start, &ret->start))
        return reason_set(why, RECURRENCE_E_INVALID,
                          "'%s' is no local beginning: write it as 2026-11-27T16:00:00.", start);
    if (!comes_true(&parsed, &ret->start) || parsed.count > COUNT_MAX)
        return reason_set(
            why, RECURRENCE_E_INVALID,
            "The rule '%s' says more than Slipway follows: BYDAY (at most the 4th or last 4th), BYMONTHDAY "
            "(to 28 or -28) and BYMONTH, INTERVAL without them or WEEKLY, COUNT to %d, UNTIL.",
            rule, COUNT_MAX);
    if (length_ms < MINUTE_MS || length_ms > LENGTH_MAX_MS)
        return reason_set(why, RECURRENCE_E_INVALID, "A span lasts from 1 minute to 366 days.");
    if (!zone_find(zone, &ret->zone))
        return reason_set(why, RECURRENCE_E_INVALID,
                          "'%s' is no time zone: write a name as Europe/Berlin, UTC, or UTC+02:00.", zone);
    return 0;
}

static icaltimetype ical_of(const struct local_time *time)
{
    icaltimetype ical = icaltime_null_time();

    ical.year = time->year;
    ical.month = time->month;
    ical.day = time->day;
    ical.hour = time->hour;
    ical.minute = time->minute;
    ical.second = time->second;
    return ical;
}

static int64_t begin_ms(const struct recurrence *recurrence, const icaltimetype *ical)
{
    const struct local_time local = {
        .year = ical->year,
        .month = ical->month,
        .day = ical->day,
        .hour = ical->hour,
        .minute = ical->minute,
        .second = ical->second,
    };

    return zone_ms(&recurrence->zone, &local);
}

int64_t recurrence_until(const struct recurrence *recurrence, int64_t at_ms)
{
    struct icalrecurrencetype rule = rule_of(recurrence->rule);
    icalrecur_iterator *iterator = icalrecur_iterator_new(rule, ical_of(&recurrence->start));
    struct local_time from;
    icaltimetype next;
    int64_t until_ms = 0;

    if (!iterator)
        return 0;
    /* what began longer ago is over; a rule that counts its spans must be counted through */
    zone_local(&recurrence->zone, at_ms - recurrence->length_ms - 24 * 60 * MINUTE_MS, &from);
    if (rule.count == 0 && icaltime_compare(ical_of(&from), ical_of(&recurrence->start)) > 0)
        (void)icalrecur_iterator_set_start(iterator, ical_of(&from));
    for (int i = 0; i < LOOKS_MAX; i++) {
        int64_t begins_ms;

        next = icalrecur_iterator_next(iterator);
        if (icaltime_is_null_time(next))
            break;
        begins_ms = begin_ms(recurrence, &next);
        if (begins_ms > at_ms)
            break;
        if (begins_ms + recurrence->length_ms > at_ms && begins_ms + recurrence->length_ms > until_ms)
            until_ms = begins_ms + recurrence->length_ms;
    }
    icalrecur_iterator_free(iterator);
    return until_ms;
}
