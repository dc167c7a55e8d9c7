/* The parts of a recurrence rule, looked at before libical reads them: it refuses without saying what, and
 * takes some that say nothing. Source: RFC 5545, "RECUR". */
#include "wire/recurrence_rule.h"
#include "wire/recurrence.h"
#include <ctype.h>

#define INTERVAL_MAX 1000
#define MONTH_DAYS 28 /* every month has so many */
#define MONTH_WEEKS 4

static bool word_in(struct str word, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(word, str_of(*words)))
            return true;
    return false;
}

static bool frequency_ok(struct str value)
{
    static const char *const words[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY", NULL};

    return word_in(value, words);
}

static bool weekday_ok(struct str value)
{
    static const char *const words[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU", NULL};

    return word_in(value, words);
}

/* Signed or not, within either side of zero, and not zero. */
static bool number_ok(struct str text, int64_t least, int64_t most)
{
    int64_t number;

    if (text.len > 1 && text.ptr[0] == '+')
        text = (struct str){text.ptr + 1, text.len - 1};
    return str_to_int(text, least, most, &number) && number != 0;
}

static bool each(struct str list, bool (*item_ok)(struct str item))
{
    while (list.ptr)
        if (!item_ok(str_split(&list, ',')))
            return false;
    return true;
}

static bool day_of_week_ok(struct str item)
{
    struct str number = {item.ptr, item.len > 2 ? item.len - 2 : 0};

    return item.len >= 2 && weekday_ok((struct str){item.ptr + number.len, 2}) &&
           (number.len == 0 || number_ok(number, -MONTH_WEEKS, MONTH_WEEKS));
}

static bool day_of_month_ok(struct str item)
{
    return number_ok(item, -MONTH_DAYS, MONTH_DAYS);
}

static bool month_ok(struct str item)
{
    return number_ok(item, 1, 12);
}

static bool days_of_week_ok(struct str value)
{
    return each(value, day_of_week_ok);
}

static bool days_of_month_ok(struct str value)
{
    return each(value, day_of_month_ok);
}

static bool months_ok(struct str value)
{
    return each(value, month_ok);
}

static bool interval_ok(struct str value)
{
    return number_ok(value, 1, INTERVAL_MAX);
}

static bool count_ok(struct str value)
{
    return number_ok(value, 1, RECURRENCE_COUNT_MAX);
}

/* 20261224, 20261224T080000, 20261224T080000Z */
static bool until_ok(struct str value)
{
    static const char form[] = "99999999T999999Z";

    if (value.len != 8 && value.len != 15 && value.len != 16)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (form[i] == '9' ? !isdigit((unsigned char)value.ptr[i]) : value.ptr[i] != form[i])
            return false;
    return true;
}

static const struct part {
    const char *name;
    bool (*ok)(struct str value);
    const char *says;
} parts[] = {
    {"FREQ", frequency_ok, "DAILY, WEEKLY, MONTHLY or YEARLY"},
    {"INTERVAL", interval_ok, "a number from 1 to 1000"},
    {"COUNT", count_ok, "a number from 1 to 1000"},
    {"UNTIL", until_ok, "a day as 20261224 or a time as 20261224T080000Z"},
    {"BYDAY", days_of_week_ok,
     "weekdays as MO,FR; in a MONTHLY or YEARLY rule also 1MO or -1FR, up to the 4th or -4th"},
    {"BYMONTHDAY", days_of_month_ok, "days from 1 to 28, or from -1 (the last) to -28"},
    {"BYMONTH", months_ok, "months from 1 to 12"},
    {"WKST", weekday_ok, "a weekday as MO"},
};

static int part_check(const char *rule, struct str part, unsigned *seen, struct reason *why)
{
    struct str value = part, name = str_split(&value, '=');

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_eq_nocase(name, str_of(parts[i].name)))
            continue;
        if (*seen & 1U << i)
            return reason_set(why, RECURRENCE_E_INVALID, "The recurrence rule '%s' has %s twice.", rule,
                              parts[i].name);
        *seen |= 1U << i;
        if (value.ptr && parts[i].ok(value))
            return 0;
        return reason_set(why, RECURRENCE_E_INVALID,
                          "In the recurrence rule '%s', '" STR_FMT "' is no %s: write %s.", rule,
                          STR_ARG(value), parts[i].name, parts[i].says);
    }
    return reason_set(why, RECURRENCE_E_INVALID,
                      "The recurrence rule '%s' has a part '" STR_FMT
                      "', which Slipway does not follow: it follows "
                      "FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH and WKST, as in "
                      "FREQ=WEEKLY;BYDAY=FR.",
                      rule, STR_ARG(part));
}

int recurrence_rule_check(const char *rule, struct reason *why)
{
    struct str rest = str_of(rule);
    unsigned seen = 0;
    int r = 0;

    while (r == 0 && rest.ptr) {
        struct str part = str_split(&rest, ';');

        if (part.len)
            r = part_check(rule, part, &seen, why);
    }
    if (r == 0 && !(seen & 1U))
        return reason_set(why, RECURRENCE_E_INVALID,
                          "The recurrence rule '%s' says no FREQ: write it as FREQ=WEEKLY;BYDAY=FR.", rule);
    return r;
}
