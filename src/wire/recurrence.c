/* Recurring spans. */
#include "wire/recurrence.h"
#include "wire/recurrence_rule.h"
#include "wire/time.h"
#include <libical/ical.h>
#include <stdio.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define DAY_MS (24 * 60 * MINUTE_MS)
#define LENGTH_MAX_MS (366 * DAY_MS)
#define LOOKS_MAX 2000
#define MONTH_DAYS 28

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

/* 1MO, -1FR */
static bool has_positions(const struct icalrecurrencetype *rule)
{
    for (size_t i = 0; rule->by_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++)
        if (icalrecurrencetype_day_position(rule->by_day[i]))
            return true;
    return false;
}

/* libical follows RFC 5545 not everywhere: it finds nothing, or too little, without a word. */
static const char *not_followed(const struct icalrecurrencetype *rule)
{
    bool from_end = false;

    for (size_t i = 0; rule->by_month_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++)
        from_end |= rule->by_month_day[i] < 0;
    if (given(rule->by_month_day) && rule->freq == ICAL_WEEKLY_RECURRENCE)
        return "BYMONTHDAY does not go with WEEKLY: write FREQ=MONTHLY";
    if (from_end && rule->freq == ICAL_DAILY_RECURRENCE)
        return "days from the end of a month do not go with DAILY: write FREQ=MONTHLY";
    if (given(rule->by_month_day) && rule->freq == ICAL_YEARLY_RECURRENCE && !given(rule->by_month))
        return "BYMONTHDAY goes with BYMONTH in a YEARLY rule: of each month is FREQ=MONTHLY";
    return NULL;
}

/* Some rules never come true, and libical looks for them through centuries. These always do: days that every
 * month has (recurrence_rule.h), and no steps that could go past what is asked for. NULL, or what does not
 * go. */
static const char *contradiction(const struct icalrecurrencetype *rule, const struct local_time *start)
{
    bool by_month = given(rule->by_month), monthly = rule->freq >= ICAL_MONTHLY_RECURRENCE;
    bool own_day = monthly && !given(rule->by_day) && !given(rule->by_month_day);
    bool filtered = by_month || given(rule->by_day) || given(rule->by_month_day);

    if (has_positions(rule) && !monthly)
        return "a weekday of a month, as 1MO, goes with MONTHLY and YEARLY only";
    if (has_positions(rule) && given(rule->by_month_day))
        return "a weekday of a month, as 1MO, does not go with BYMONTHDAY";
    if (own_day && by_month && start->day > MONTH_DAYS)
        return "not every month has the day on which it begins: say BYMONTHDAY";
    if (rule->interval > 1 && rule->freq != ICAL_WEEKLY_RECURRENCE && filtered)
        return "INTERVAL goes with BYDAY, BYMONTHDAY and BYMONTH in WEEKLY rules only";
    return NULL;
}

static bool on_sundays_alone(const struct icalrecurrencetype *rule)
{
    return rule->by_day[0] == ICAL_SUNDAY_WEEKDAY && rule->by_day[1] == ICAL_RECURRENCE_ARRAY_MAX;
}

/* Of every second week and beyond libical misses the Sunday of the week in which the rule begins, unless it
 * begins on it; a week's days go from Monday to Sunday. */
static void begin_on_sunday(const struct icalrecurrencetype *rule, struct local_time *start)
{
    const struct zone utc = {0};

    if (rule->freq == ICAL_WEEKLY_RECURRENCE && rule->interval > 1 && on_sundays_alone(rule))
        zone_local(&utc, zone_ms(&utc, start) + (8 - start->weekday) % 7 * DAY_MS, start);
}

int recurrence_parse(const char *rule, const char *start, int64_t length_ms, const char *zone,
                     struct recurrence *ret, struct reason *why)
{
    struct icalrecurrencetype parsed;
    const char *wrong;

    *ret = (struct recurrence){.length_ms = length_ms};
    if (snprintf(ret->rule, sizeof(ret->rule), "%s", rule) >= (int)sizeof(ret->rule))
        return reason_set(why, RECURRENCE_E_INVALID, "The recurrence rule is longer than %d characters.",
                          RECURRENCE_RULE_MAX - 1);
    if (recurrence_rule_check(rule, why))
        return RECURRENCE_E_INVALID;
    parsed = rule_of(rule);
    if (parsed.freq < ICAL_DAILY_RECURRENCE || parsed.freq > ICAL_YEARLY_RECURRENCE)
        return reason_set(
            why, RECURRENCE_E_INVALID,
            "'%s' is no recurrence rule: not all of its parts go together, as COUNT and UNTIL do "
            "not.",
            rule);
    if (!start_parse(start, &ret->start))
        return reason_set(why, RECURRENCE_E_INVALID,
                          "'%s' is no local beginning: write it as 2026-11-27T16:00:00.", start);
    wrong = not_followed(&parsed);
    if (!wrong)
        wrong = contradiction(&parsed, &ret->start);
    if (wrong)
        return reason_set(why, RECURRENCE_E_INVALID, "The recurrence rule '%s' may never come true: %s.",
                          rule, wrong);
    begin_on_sunday(&parsed, &ret->start);
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

struct look {
    int64_t until_ms; /* the end of what covers the time; 0: nothing does */
    int64_t next_ms;  /* the first beginning after it; 0: none */
};

static struct look look_at(const struct recurrence *recurrence, int64_t at_ms)
{
    struct icalrecurrencetype rule = rule_of(recurrence->rule);
    icalrecur_iterator *iterator = icalrecur_iterator_new(rule, ical_of(&recurrence->start));
    struct local_time from;
    icaltimetype next;
    struct look look = {0};

    if (!iterator)
        return look;
    /* what began longer ago is over; a rule that counts its spans must be counted through */
    zone_local(&recurrence->zone, at_ms - recurrence->length_ms - DAY_MS, &from);
    if (rule.count == 0 && icaltime_compare(ical_of(&from), ical_of(&recurrence->start)) > 0)
        (void)icalrecur_iterator_set_start(iterator, ical_of(&from));
    for (int i = 0; i < LOOKS_MAX && !look.next_ms; i++) {
        int64_t begins_ms, ends_ms;

        next = icalrecur_iterator_next(iterator);
        if (icaltime_is_null_time(next))
            break;
        begins_ms = begin_ms(recurrence, &next);
        ends_ms = begins_ms + recurrence->length_ms;
        if (begins_ms > at_ms)
            look.next_ms = begins_ms;
        else if (ends_ms > at_ms && ends_ms > look.until_ms)
            look.until_ms = ends_ms;
    }
    icalrecur_iterator_free(iterator);
    return look;
}

int64_t recurrence_until(const struct recurrence *recurrence, int64_t at_ms)
{
    return look_at(recurrence, at_ms).until_ms;
}

int64_t recurrence_next(const struct recurrence *recurrence, int64_t at_ms)
{
    return look_at(recurrence, at_ms).next_ms;
}
