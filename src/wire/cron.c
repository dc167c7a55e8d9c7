/* Reading cron expressions, and walking them day by day. */
#include "wire/cron.h"
#include <ctype.h>

#define YEAR_FIRST 1970
#define YEAR_LAST 2199
#define DAYS_AHEAD (40 * 366)
#define MINUTE_MS ((int64_t)60 * 1000)

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

struct field_rule {
    const char *name;
    int min;
    int max;
    const char *const *words; /* of min, min + 1 … */
};

enum { FIELD_MINUTES, FIELD_HOURS, FIELD_DAYS, FIELD_MONTHS, FIELD_WEEKDAYS, FIELD_YEARS, CRON_FIELDS };

static const struct field_rule rules[CRON_FIELDS] = {
    [FIELD_MINUTES] = {"minutes", 0, 59, NULL},
    [FIELD_HOURS] = {"hours", 0, 23, NULL},
    [FIELD_DAYS] = {"day-of-month", 1, 31, NULL},
    [FIELD_MONTHS] = {"month", 1, 12, month_names},
    [FIELD_WEEKDAYS] = {"day-of-week", 1, 7, weekday_names},
    [FIELD_YEARS] = {"year", YEAR_FIRST, YEAR_LAST, NULL},
};

static int bad(struct reason *why, const struct field_rule *rule, struct str item)
{
    return reason_set(why, CRON_E_SYNTAX,
                      "'" STR_FMT
                      "' is no %s of a cron expression: write %d to %d%s, a range a-b, steps a/n, or a list.",
                      STR_ARG(item), rule->name, rule->min, rule->max, rule->words ? " or a name" : "");
}

static bool value_parse(const struct field_rule *rule, struct str text, int *ret)
{
    int64_t number;

    for (int i = 0; rule->words && rule->words[i]; i++)
        if (str_eq_nocase(text, str_of(rule->words[i]))) {
            *ret = rule->min + i;
            return true;
        }
    if (!str_to_int(text, rule->min, rule->max, &number))
        return false;
    *ret = (int)number;
    return true;
}

struct range {
    int from, to, step;
};

/* "*", "5", "1-5", with "/n" behind it. A range may wrap round, as FRI-MON. */
static bool range_parse(const struct field_rule *rule, struct str item, struct range *ret)
{
    struct str step = item, head = str_split(&step, '/'), to = head, from = str_split(&to, '-');
    int64_t by = 1;

    if (step.ptr && !str_to_int(step, 1, rule->max, &by))
        return false;
    ret->step = (int)by;
    if (str_eqc(head, "*")) {
        ret->from = rule->min;
        ret->to = rule->max;
        return true;
    }
    if (!value_parse(rule, from, &ret->from))
        return false;
    ret->to = step.ptr ? rule->max : ret->from;
    return !to.ptr || value_parse(rule, to, &ret->to);
}

static void range_each(const struct field_rule *rule, const struct range *range,
                       void (*set)(struct cron *, int), struct cron *cron)
{
    int to = range->to >= range->from ? range->to : range->to + rule->max - rule->min + 1;

    for (int i = range->from; i <= to; i += range->step)
        set(cron, i > rule->max ? i - (rule->max - rule->min + 1) : i);
}

static void set_minute(struct cron *cron, int value)
{
    cron->minutes |= (uint64_t)1 << value;
}
static void set_hour(struct cron *cron, int value)
{
    cron->hours |= 1U << value;
}
static void set_day(struct cron *cron, int value)
{
    cron->days |= 1U << value;
}
static void set_month(struct cron *cron, int value)
{
    cron->months |= 1U << value;
}
static void set_weekday(struct cron *cron, int value)
{
    cron->weekdays |= 1U << value;
}
static void set_year(struct cron *cron, int value)
{
    cron->years[(value - YEAR_FIRST) / 8] |= (uint8_t)(1U << ((value - YEAR_FIRST) % 8));
}

static void (*const setters[CRON_FIELDS])(struct cron *, int) = {
    [FIELD_MINUTES] = set_minute, [FIELD_HOURS] = set_hour,       [FIELD_DAYS] = set_day,
    [FIELD_MONTHS] = set_month,   [FIELD_WEEKDAYS] = set_weekday, [FIELD_YEARS] = set_year,
};

/* "L", "L-3", "LW", "15W". */
static bool day_special(struct cron *cron, struct str item)
{
    int64_t number;

    if (str_eqc(item, "LW")) {
        cron->last_workday = true;
        return true;
    }
    if (str_eqc(item, "L")) {
        cron->from_last |= 1;
        return true;
    }
    if (str_starts(item, STR("L-")) && str_to_int((struct str){item.ptr + 2, item.len - 2}, 1, 30, &number)) {
        cron->from_last |= 1U << number;
        return true;
    }
    if (str_ends(item, STR("W")) && str_to_int((struct str){item.ptr, item.len - 1}, 1, 31, &number)) {
        cron->nearest_workdays |= 1U << number;
        return true;
    }
    return false;
}

/* "L" (Saturday), "6L", "FRIL", "6#3". */
static bool weekday_special(struct cron *cron, struct str item)
{
    const struct field_rule *rule = &rules[FIELD_WEEKDAYS];
    struct str nth = item, head = str_split(&nth, '#');
    int64_t number;
    int day;

    if (str_eqc(item, "L")) {
        set_weekday(cron, 7);
        return true;
    }
    if (nth.ptr && value_parse(rule, head, &day) && str_to_int(nth, 1, 5, &number)) {
        cron->nth_weekdays[number] |= 1U << day;
        return true;
    }
    if (str_ends(item, STR("L")) && value_parse(rule, (struct str){item.ptr, item.len - 1}, &day)) {
        cron->last_weekdays |= 1U << day;
        return true;
    }
    return false;
}

static int field_parse(struct cron *cron, int field, struct str text, struct reason *why)
{
    struct str rest = text;

    while (rest.ptr) {
        struct str item = str_split(&rest, ',');
        struct range range;

        if ((field == FIELD_DAYS && day_special(cron, item)) ||
            (field == FIELD_WEEKDAYS && weekday_special(cron, item)))
            continue;
        if (!range_parse(&rules[field], item, &range))
            return bad(why, &rules[field], item);
        range_each(&rules[field], &range, setters[field], cron);
    }
    return 0;
}

static bool says_nothing(struct str field)
{
    return str_eqc(field, "*") || str_eqc(field, "?");
}

static struct str word_next(struct str *rest)
{
    struct str word = {rest->ptr, 0};

    while (word.len < rest->len && !isspace((unsigned char)rest->ptr[word.len]))
        word.len++;
    *rest = str_trim((struct str){rest->ptr + word.len, rest->len - word.len});
    return word;
}

static int shape_check(const struct str *words, size_t count, struct reason *why)
{
    if (count < 6 || count > 7)
        return reason_set(
            why, CRON_E_SYNTAX,
            "A cron expression has 6 or 7 fields (seconds, minutes, hours, day-of-month, month, "
            "day-of-week, year), not %zu.",
            count);
    if (!str_eqc(words[0], "*") && !str_eqc(words[0], "0"))
        return reason_set(why, CRON_E_SYNTAX,
                          "The seconds of a window's cron expression must be *, not " STR_FMT ".",
                          STR_ARG(words[0]));
    if (!says_nothing(words[3]) && !says_nothing(words[5]))
        return reason_set(
            why, CRON_E_SYNTAX,
            "A cron expression cannot have both a day-of-month and a day-of-week: write ? for one.");
    return 0;
}

int cron_parse(struct str text, struct cron *ret, struct reason *why)
{
    struct str words[8] = {0}, rest = str_trim(text);
    size_t count = 0;
    int r;

    *ret = (struct cron){0};
    while (rest.len > 0 && count < ARRAY_LEN(words))
        words[count++] = word_next(&rest);
    r = shape_check(words, count, why);
    for (int field = 0; r == 0 && field < CRON_FIELDS && (size_t)field + 1 < count; field++)
        if ((field != FIELD_DAYS && field != FIELD_WEEKDAYS) || !says_nothing(words[field + 1]))
            r = field_parse(ret, field, words[field + 1], why);
    if (r)
        return r;
    ret->any_day = says_nothing(words[3]) && says_nothing(words[5]);
    ret->any_year = count < 7 || str_eqc(words[6], "*");
    return 0;
}

/* ---- matching */

static bool is_workday(int weekday)
{
    return weekday >= 2 && weekday <= 6;
}

/* The working day of the month nearest to that day. */
static int workday_near(int year, int month, int day)
{
    int last = days_in_month(year, month), weekday;

    if (day > last)
        return 0;
    weekday = weekday_of(year, month, day);
    if (weekday == 7)
        return day > 1 ? day - 1 : day + 2;
    if (weekday == 1)
        return day < last ? day + 1 : day - 2;
    return day;
}

static bool special_day_matches(const struct cron *cron, const struct local_time *t)
{
    int last = days_in_month(t->year, t->month);

    if (last - t->day < 32 && (cron->from_last & (1U << (last - t->day))))
        return true;
    if (cron->last_workday && is_workday(t->weekday) && workday_near(t->year, t->month, last) == t->day)
        return true;
    for (int day = 1; cron->nearest_workdays && day <= 31; day++)
        if ((cron->nearest_workdays & (1U << day)) && workday_near(t->year, t->month, day) == t->day)
            return true;
    if ((cron->last_weekdays & (1U << t->weekday)) && t->day + 7 > last)
        return true;
    return cron->nth_weekdays[(t->day - 1) / 7 + 1] & (1U << t->weekday);
}

static bool year_matches(const struct cron *cron, int year)
{
    if (cron->any_year)
        return true;
    return year >= YEAR_FIRST && year <= YEAR_LAST &&
           (cron->years[(year - YEAR_FIRST) / 8] & (1U << ((year - YEAR_FIRST) % 8)));
}

static bool day_matches(const struct cron *cron, const struct local_time *t)
{
    if (!year_matches(cron, t->year) || !(cron->months & (1U << t->month)))
        return false;
    return cron->any_day || (cron->days & (1U << t->day)) || (cron->weekdays & (1U << t->weekday)) ||
           special_day_matches(cron, t);
}

bool cron_matches(const struct cron *cron, const struct local_time *local)
{
    return (cron->minutes & ((uint64_t)1 << local->minute)) && (cron->hours & (1U << local->hour)) &&
           day_matches(cron, local);
}

static void next_day(struct local_time *t)
{
    t->hour = t->minute = t->second = 0;
    t->weekday = t->weekday % 7 + 1;
    if (++t->day <= days_in_month(t->year, t->month))
        return;
    t->day = 1;
    if (++t->month <= 12)
        return;
    t->month = 1;
    t->year++;
}

/* The first minute of the window on that day, from its own time on. */
static bool minute_find(const struct cron *cron, struct local_time *t)
{
    for (; t->hour < 24; t->hour++, t->minute = 0)
        for (; (cron->hours & (1U << t->hour)) && t->minute < 60; t->minute++)
            if (cron->minutes & ((uint64_t)1 << t->minute))
                return true;
    return false;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t from_ms)
{
    struct local_time t, shown;

    zone_local(zone, from_ms, &t);
    if (cron_matches(cron, &t))
        return from_ms;
    t.second = 0;
    for (int i = 0; i < DAYS_AHEAD; i++, next_day(&t)) {
        struct local_time at = t;

        while (day_matches(cron, &at) && minute_find(cron, &at)) {
            int64_t ms = zone_ms(zone, &at);

            zone_local(zone, ms, &shown);
            if (ms > from_ms && shown.hour == at.hour && shown.minute == at.minute)
                return ms;
            at.minute++; /* an hour that comes twice: its first turn is over; or the clocks skip this one */
        }
    }
    return INT64_MAX;
}
