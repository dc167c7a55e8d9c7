/* Times as text, by the proleptic Gregorian calendar and without locale or time zone data. */
#include "wire/time.h"
#include <stdio.h>

#define MS_PER_DAY (24 * 60 * 60 * INT64_C(1000))
#define YEAR_0000_MS INT64_C(-62167219200000)
#define YEAR_9999_MS INT64_C(253402300799999)

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
    int year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
    int hour;
    int minute;
    int second;
    int ms;
    int weekday; /* 0: Sunday */
};

/* Days since 1970-01-01, counted in eras of 400 years that begin on 1 March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* Clamped to the years 0000 to 9999, which is what the text forms can say. */
static struct civil civil_of(int64_t ms)
{
    int64_t clamped = ms < YEAR_0000_MS ? YEAR_0000_MS : ms > YEAR_9999_MS ? YEAR_9999_MS : ms;
    int64_t shifted = clamped - YEAR_0000_MS;
    int64_t days = shifted / MS_PER_DAY + YEAR_0000_MS / MS_PER_DAY;
    int of_day = (int)(shifted % MS_PER_DAY);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);

    return (struct civil){
        .year = (int)(year_of_era + era * 400) + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = of_day / 3600000,
        .minute = of_day / 60000 % 60,
        .second = of_day / 1000 % 60,
        .ms = of_day % 1000,
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
    };
}

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* False when a field is out of its range. A leap second counts as the second before it. */
static bool ms_of(const struct civil *c, int64_t *ret)
{
    static const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int second = c->second == 60 ? 59 : c->second;

    if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59 || c->second > 60)
        return false;
    if (c->day > days_in[c->month - 1] + (c->month == 2 && leap(c->year) ? 1 : 0))
        return false;
    *ret = days_of(c->year, c->month, c->day) * MS_PER_DAY +
           ((c->hour * 60 + c->minute) * 60 + second) * INT64_C(1000) + c->ms;
    return true;
}

/* Writes `count` digits; every request and each key of a listing has a time. */
static char *put_number(char *at, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static char *put_letters(char *at, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = text[i];
    return at + count;
}

/* A number, and what separates it from the next. */
static char *put_digits(char *at, int value, int count, char then)
{
    at = put_number(at, value, count);
    *at = then;
    return at + 1;
}

static char *put_civil(char *at, const struct civil *c, char then)
{
    at = put_digits(at, c->year, 4, '-');
    at = put_digits(at, c->month, 2, '-');
    at = put_digits(at, c->day, 2, 'T');
    at = put_digits(at, c->hour, 2, ':');
    at = put_digits(at, c->minute, 2, ':');
    return put_digits(at, c->second, 2, then);
}

void time_iso8601(int64_t ms, char ret[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms);

    *put_digits(put_civil(ret, &c, '.'), c.ms, 3, 'Z') = '\0';
}

void time_iso8601_s(int64_t ms, char ret[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms);

    *put_civil(ret, &c, 'Z') = '\0';
}

void time_amz(int64_t ms, char ret[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms);
    char *at = put_number(put_number(ret, c.year, 4), c.month, 2);

    at = put_digits(at, c.day, 2, 'T');
    at = put_number(put_number(at, c.hour, 2), c.minute, 2);
    *put_digits(at, c.second, 2, 'Z') = '\0';
}

void time_http(int64_t ms, char ret[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms);
    char *at = ret;

    at = put_letters(at, weekdays[c.weekday], 3);
    at = put_letters(at, ", ", 2);
    at = put_digits(at, c.day, 2, ' ');
    at = put_letters(at, months[c.month - 1], 3);
    at = put_letters(at, " ", 1);
    at = put_digits(at, c.year, 4, ' ');
    at = put_digits(at, c.hour, 2, ':');
    at = put_digits(at, c.minute, 2, ':');
    at = put_digits(at, c.second, 2, ' ');
    *put_letters(at, "GMT", 3) = '\0';
}

/* ---- reading: each eater takes its bytes off the front, or answers false ---- */

static bool eat(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool eat_text(struct str *s, const char *text)
{
    struct str prefix = str_of(text);

    if (!str_starts(*s, prefix))
        return false;
    s->ptr += prefix.len;
    s->len -= prefix.len;
    return true;
}

static bool eat_digits(struct str *s, size_t count, int *ret)
{
    int value = 0;

    if (s->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    s->ptr += count;
    s->len -= count;
    *ret = value;
    return true;
}

static bool eat_clock(struct str *s, struct civil *c)
{
    return eat_digits(s, 2, &c->hour) && eat(s, ':') && eat_digits(s, 2, &c->minute) && eat(s, ':') &&
           eat_digits(s, 2, &c->second);
}

static bool eat_month(struct str *s, struct civil *c)
{
    for (size_t i = 0; i < ARRAY_LEN(months); i++)
        if (eat_text(s, months[i])) {
            c->month = (int)i + 1;
            return true;
        }
    return false;
}

bool time_parse_amz(struct str s, int64_t *ret_ms)
{
    struct civil c = {0};

    return eat_digits(&s, 4, &c.year) && eat_digits(&s, 2, &c.month) && eat_digits(&s, 2, &c.day) &&
           eat(&s, 'T') && eat_digits(&s, 2, &c.hour) && eat_digits(&s, 2, &c.minute) &&
           eat_digits(&s, 2, &c.second) && eat(&s, 'Z') && s.len == 0 && ms_of(&c, ret_ms);
}

/* ".123456": digits beyond the millisecond are cut. */
static bool eat_fraction(struct str *s, int *ret_ms)
{
    int ms = 0;
    size_t digits = 0;

    if (!eat(s, '.'))
        return true;
    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
        if (digits < 3)
            ms = ms * 10 + (s->ptr[0] - '0');
        digits++;
        s->ptr++;
        s->len--;
    }
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *ret_ms = ms;
    return digits > 0 && digits <= 9;
}

/* "Z", "+01:00" or "+0100". */
static bool eat_offset(struct str *s, int64_t *ret_ms)
{
    int hours, minutes;
    int64_t sign;

    if (eat(s, 'Z')) {
        *ret_ms = 0;
        return true;
    }
    if (s->len == 0 || (s->ptr[0] != '+' && s->ptr[0] != '-'))
        return false;
    sign = s->ptr[0] == '-' ? -1 : 1;
    s->ptr++;
    s->len--;
    if (!eat_digits(s, 2, &hours))
        return false;
    (void)eat(s, ':');
    if (!eat_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_ms = sign * (hours * 60 + minutes) * INT64_C(60000);
    return true;
}

bool time_parse_iso8601(struct str s, int64_t *ret_ms)
{
    struct civil c = {0};
    int64_t offset_ms, ms;

    if (!(eat_digits(&s, 4, &c.year) && eat(&s, '-') && eat_digits(&s, 2, &c.month) && eat(&s, '-') &&
          eat_digits(&s, 2, &c.day) && eat(&s, 'T') && eat_clock(&s, &c) && eat_fraction(&s, &c.ms) &&
          eat_offset(&s, &offset_ms) && s.len == 0 && ms_of(&c, &ms)))
        return false;
    *ret_ms = ms - offset_ms;
    return true;
}

bool time_parse_day(struct str s, int64_t *ret_ms)
{
    struct civil c = {0};
    int64_t ms;
    struct str day = s;
    if (!(eat_digits(&day, 4, &c.year) && eat(&day, '-') && eat_digits(&day, 2, &c.month) && eat(&day, '-') &&
          eat_digits(&day, 2, &c.day) && day.len == 0 && ms_of(&c, &ms)))
        return time_parse_iso8601(s, ret_ms);
    *ret_ms = ms;
    return true;
}

/* " GMT"; "+0000" and "-0000" are what RFC 5322 mailers and botocore's Date header say for it. */
static bool eat_gmt(struct str *s)
{
    return eat_text(s, " GMT") || eat_text(s, " -0000") || eat_text(s, " +0000");
}

/* Mon, 23 Nov 2026 09:15:00 GMT */
static bool parse_fixdate(struct str s, struct civil *c)
{
    return eat(&s, ',') && eat(&s, ' ') && eat_digits(&s, 2, &c->day) && eat(&s, ' ') && eat_month(&s, c) &&
           eat(&s, ' ') && eat_digits(&s, 4, &c->year) && eat(&s, ' ') && eat_clock(&s, c) && eat_gmt(&s) &&
           s.len == 0;
}

/* Monday, 23-Nov-26 09:15:00 GMT. Two digits of a year: the latest such year that is not more than some 50
 * years ahead of this code. */
static bool parse_rfc850(struct str s, struct civil *c)
{
    if (!(eat(&s, ',') && eat(&s, ' ') && eat_digits(&s, 2, &c->day) && eat(&s, '-') && eat_month(&s, c) &&
          eat(&s, '-') && eat_digits(&s, 2, &c->year) && eat(&s, ' ') && eat_clock(&s, c) && eat_gmt(&s) &&
          s.len == 0))
        return false;
    c->year += c->year >= 77 ? 1900 : 2000;
    return true;
}

/* Mon Nov 23 09:15:00 2026 */
static bool parse_asctime(struct str s, struct civil *c)
{
    if (!(eat(&s, ' ') && eat_month(&s, c) && eat(&s, ' ')))
        return false;
    if (!(eat(&s, ' ') ? eat_digits(&s, 1, &c->day) : eat_digits(&s, 2, &c->day)))
        return false;
    return eat(&s, ' ') && eat_clock(&s, c) && eat(&s, ' ') && eat_digits(&s, 4, &c->year) && s.len == 0;
}

bool time_parse_http(struct str s, int64_t *ret_ms)
{
    struct civil c = {0};

    for (size_t i = 0; i < ARRAY_LEN(weekdays); i++) {
        struct str rest = s;
        const char abbreviation[4] = {weekdays[i][0], weekdays[i][1], weekdays[i][2], 0};

        if (eat_text(&rest, weekdays[i]))
            return parse_rfc850(rest, &c) && ms_of(&c, ret_ms);
        if (eat_text(&rest, abbreviation))
            return (parse_fixdate(rest, &c) || parse_asctime(rest, &c)) && ms_of(&c, ret_ms);
    }
    return false;
}

bool time_parse_duration(struct str s, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};

    for (size_t i = 0; s.len > 1 && i < ARRAY_LEN(units); i++)
        if (s.ptr[s.len - 1] == units[i].unit &&
            str_to_int((struct str){s.ptr, s.len - 1}, 1, 100000, ret_ms)) {
            *ret_ms *= units[i].ms;
            return true;
        }
    return false;
}
