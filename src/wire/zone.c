/* Time zones. */
#include "wire/zone.h"
#include <libical/ical.h>
#include <pthread.h>

#define DAY_S 86400
#define HOUR_S 3600

/* Abbreviations are no names of the zone database; these have one meaning in practice. */
static const struct {
    const char *name;
    int32_t hours;
} abbreviations[] = {
    {"Z", 0},     {"GMT", 0},   {"UTC", 0},   {"WET", 0},   {"WEST", 1},  {"CET", 1},   {"CEST", 2},
    {"EET", 2},   {"EEST", 3},  {"MSK", 3},   {"JST", 9},   {"KST", 9},   {"AEST", 10}, {"AEDT", 11},
    {"NZST", 12}, {"NZDT", 13}, {"EST", -5},  {"EDT", -4},  {"CDT", -5},  {"MST", -7},  {"MDT", -6},
    {"PST", -8},  {"PDT", -7},  {"HST", -10}, {"AKST", -9}, {"AKDT", -8},
};

/* libical fills its zones in when they are first asked for. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* "+02:00", "-5", "+0530". */
static bool offset_parse(struct str text, int32_t *ret_s)
{
    int64_t hours, minutes = 0;
    bool west = text.len > 0 && text.ptr[0] == '-';
    struct str rest, head;

    if (text.len < 2 || (text.ptr[0] != '+' && !west))
        return false;
    rest = (struct str){text.ptr + 1, text.len - 1};
    if (rest.len == 4 && !memchr(rest.ptr, ':', rest.len)) {
        head = (struct str){rest.ptr, 2};
        rest = (struct str){rest.ptr + 2, 2};
    } else {
        head = str_split(&rest, ':');
    }
    if (!str_to_int(head, 0, 14, &hours) || (rest.ptr && !str_to_int(rest, 0, 59, &minutes)))
        return false;
    *ret_s = (int32_t)(hours * HOUR_S + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool fixed_find(const char *name, struct zone *ret)
{
    struct str text = str_of(name);

    for (size_t i = 0; i < ARRAY_LEN(abbreviations); i++)
        if (strcmp(abbreviations[i].name, name) == 0) {
            ret->offset = abbreviations[i].hours * HOUR_S;
            return true;
        }
    if (!str_starts(text, STR("UTC")) && !str_starts(text, STR("GMT")))
        return false;
    return offset_parse((struct str){text.ptr + 3, text.len - 3}, &ret->offset);
}

bool zone_find(const char *name, struct zone *ret)
{
    *ret = (struct zone){0};
    if (fixed_find(name, ret))
        return true;
    if (!strchr(name, '/'))
        return false;
    pthread_mutex_lock(&lock);
    ret->rules = icaltimezone_get_builtin_timezone(name);
    pthread_mutex_unlock(&lock);
    return ret->rules != NULL;
}

/* ---- days; the civil calendar's arithmetic after H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"
 */

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t days, struct local_time *ret)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100), shifted = (5 * of_year + 2) / 153;

    ret->day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    ret->month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    ret->year = (int)(year + era * 400 + (ret->month <= 2));
}

int days_in_month(int year, int month)
{
    return (int)(days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                 days_from_civil(year, month, 1));
}

int weekday_of(int year, int month, int day)
{
    int64_t days = days_from_civil(year, month, day); /* day 0 was a Thursday */

    return (int)(((days % 7) + 7 + 4) % 7) + 1;
}

static void civil(int64_t seconds, struct local_time *ret)
{
    int64_t days = seconds / DAY_S, rest = seconds % DAY_S;

    if (rest < 0) {
        rest += DAY_S;
        days--;
    }
    civil_from_days(days, ret);
    ret->hour = (int)(rest / HOUR_S);
    ret->minute = (int)(rest % HOUR_S / 60);
    ret->second = (int)(rest % 60);
    ret->weekday = weekday_of(ret->year, ret->month, ret->day);
}

/* ---- zones */

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

static int32_t offset_at(const struct zone *zone, int64_t utc_s)
{
    struct local_time utc;
    icaltimetype ical;
    int daylight, offset;

    if (!zone->rules)
        return zone->offset;
    civil(utc_s, &utc);
    ical = ical_of(&utc);
    pthread_mutex_lock(&lock);
    offset = icaltimezone_get_utc_offset_of_utc_time(zone->rules, &ical, &daylight);
    pthread_mutex_unlock(&lock);
    return offset;
}

void zone_local(const struct zone *zone, int64_t utc_ms, struct local_time *ret)
{
    int64_t utc_s = utc_ms >= 0 ? utc_ms / 1000 : (utc_ms - 999) / 1000;

    civil(utc_s + offset_at(zone, utc_s), ret);
}

int64_t zone_ms(const struct zone *zone, const struct local_time *local)
{
    int64_t wall_s = days_from_civil(local->year, local->month, local->day) * DAY_S + local->hour * HOUR_S +
                     local->minute * 60 + local->second;
    /* the offset before a change near by, if that is the one in force then; else the one after it */
    int32_t before = offset_at(zone, wall_s - DAY_S), after = offset_at(zone, wall_s + DAY_S);

    if (before == after || offset_at(zone, wall_s - before) == before)
        return (wall_s - before) * 1000;
    if (offset_at(zone, wall_s - after) == after)
        return (wall_s - after) * 1000;
    return (wall_s - before) * 1000;
}
