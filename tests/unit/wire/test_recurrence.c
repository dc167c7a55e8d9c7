/* Spans that come again. */
#include "wire/recurrence.h"
#include "wire/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HOUR_MS ((int64_t)3600 * 1000)

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(time_parse_iso8601(str_of(text), &ms));
    return ms;
}

static void test_spans_cover_what_their_rule_says(void **state UNUSED)
{
    static const struct {
        const char *rule, *start, *zone;
        int64_t hours;
        const char *at, *until;
    } cases[] = {
        /* from Friday afternoon to Monday morning, in winter and in summer */
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "Europe/Berlin", 64, "2026-11-28T12:00:00Z",
         "2026-11-30T07:00:00Z"},
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "Europe/Berlin", 64, "2027-07-10T12:00:00Z",
         "2027-07-12T06:00:00Z"},
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "Europe/Berlin", 64, "2026-11-27T14:59:59Z", NULL},
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "Europe/Berlin", 64, "2026-11-27T15:00:00Z",
         "2026-11-30T07:00:00Z"},
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "Europe/Berlin", 64, "2026-11-30T07:00:00Z", NULL},
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-06T16:00:00", "UTC", 64, "2026-11-01T12:00:00Z", NULL},
        /* every night, over midnight */
        {"FREQ=DAILY", "2020-01-01T22:00:00", "UTC", 8, "2026-11-24T03:00:00Z", "2026-11-24T06:00:00Z"},
        {"FREQ=DAILY", "2020-01-01T22:00:00", "UTC", 8, "2026-11-24T07:00:00Z", NULL},
        /* overlapping ones: the last end */
        {"FREQ=DAILY", "2020-01-01T00:00:00", "UTC", 36, "2026-11-24T03:00:00Z", "2026-11-25T12:00:00Z"},
        {"FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "2020-12-20T00:00:00", "UTC", 336, "2026-12-31T23:00:00Z",
         "2027-01-03T00:00:00Z"},
        {"FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30T00:00:00", "UTC", 24, "2026-11-27T10:00:00Z",
         "2026-11-28T00:00:00Z"},
        {"FREQ=YEARLY;BYMONTH=1,7;BYDAY=1MO", "2026-01-01T00:00:00", "UTC", 24, "2026-07-06T10:00:00Z",
         "2026-07-07T00:00:00Z"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-11-03T00:00:00", "UTC", 24, "2026-11-17T10:00:00Z",
         "2026-11-18T00:00:00Z"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-11-03T00:00:00", "UTC", 24, "2026-11-24T10:00:00Z", NULL},
        /* from a Thursday: the Sunday of its week, and of each third one after it */
        {"FREQ=WEEKLY;INTERVAL=3;BYDAY=SU", "2026-03-05T23:15:00", "UTC", 1, "2026-03-08T23:20:00Z",
         "2026-03-09T00:15:00Z"},
        {"FREQ=WEEKLY;INTERVAL=3;BYDAY=SU", "2026-03-05T23:15:00", "UTC", 1, "2026-10-04T23:20:00Z",
         "2026-10-05T00:15:00Z"},
        {"FREQ=WEEKLY;INTERVAL=3;BYDAY=SU", "2026-03-05T23:15:00", "UTC", 1, "2026-03-22T23:20:00Z", NULL},
        /* clocks that skip the beginning, and half an hour, and that show it twice */
        {"FREQ=DAILY", "2026-03-01T02:30:00", "Europe/Berlin", 1, "2026-03-29T01:45:00Z",
         "2026-03-29T02:30:00Z"},
        {"FREQ=DAILY", "2026-10-01T02:15:00", "Australia/Lord_Howe", 1, "2026-10-03T15:50:00Z",
         "2026-10-03T16:45:00Z"},
        {"FREQ=DAILY", "2026-10-01T02:30:00", "Europe/Berlin", 1, "2026-10-25T01:15:00Z",
         "2026-10-25T01:30:00Z"},
        {"FREQ=DAILY", "2026-10-01T02:30:00", "Europe/Berlin", 1, "2026-10-25T01:30:00Z", NULL},
        {"FREQ=DAILY;COUNT=3", "2026-11-20T00:00:00", "UTC", 1, "2026-11-22T00:30:00Z",
         "2026-11-22T01:00:00Z"},
        {"FREQ=DAILY;COUNT=3", "2026-11-20T00:00:00", "UTC", 1, "2026-11-23T00:30:00Z", NULL},
        {"FREQ=DAILY;UNTIL=20261122T000000Z", "2026-11-20T00:00:00", "UTC", 1, "2026-11-24T00:30:00Z", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recurrence recurrence;
        assert_int_equal(recurrence_parse(cases[i].rule, cases[i].start, cases[i].hours * HOUR_MS,
                                          cases[i].zone, &recurrence, NULL),
                         0);
        int64_t until = recurrence_until(&recurrence, ms_of(cases[i].at));
        if (until != (cases[i].until ? ms_of(cases[i].until) : 0))
            fail_msg("%s at %s: %lld", cases[i].rule, cases[i].at, (long long)until);
    }
}

static void test_what_is_no_recurrence_is_refused(void **state UNUSED)
{
    static const struct {
        const char *rule, *start, *zone;
        int64_t length_ms;
    } cases[] = {
        {"", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"weekly", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=SECONDLY", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=HOURLY", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=WEEKLY;BYDAY=XX", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        /* what never comes true would be looked for through centuries */
        {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=MONTHLY;BYMONTH=2", "2026-10-31T16:00:00", "UTC", HOUR_MS},
        {"FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=MONTHLY;BYDAY=9FR", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=MONTHLY;BYDAY=4FR;BYMONTHDAY=1", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=YEARLY;BYDAY=MO;BYSETPOS=300", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=DAILY;BYHOUR=3", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=DAILY;COUNT=100000", "2026-11-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=DAILY", "2026-11-06", "UTC", HOUR_MS},
        {"FREQ=DAILY", "2026-13-06T16:00:00", "UTC", HOUR_MS},
        {"FREQ=DAILY", "2026-11-06T16:00:00", "Mars", HOUR_MS},
        {"FREQ=DAILY", "2026-11-06T16:00:00", "UTC", 0},
        {"FREQ=DAILY", "2026-11-06T16:00:00", "UTC", 367 * 24 * HOUR_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recurrence recurrence;
        struct reason why = {0};
        if (recurrence_parse(cases[i].rule, cases[i].start, cases[i].length_ms, cases[i].zone, &recurrence,
                             &why) != RECURRENCE_E_INVALID ||
            !why.text[0])
            fail_msg("%s is taken", cases[i].rule);
    }
}

static void test_the_refusal_names_the_part_that_is_wrong(void **state UNUSED)
{
    static const struct {
        const char *rule, *words;
    } cases[] = {
        {"FREQ=HOURLY", "'HOURLY' is no FREQ: write DAILY, WEEKLY, MONTHLY or YEARLY"},
        {"BYDAY=FR", "says no FREQ"},
        {"FREQ=WEEKLY;BYDAY=FRI", "'FRI' is no BYDAY: write weekdays as MO,FR"},
        {"FREQ=WEEKLY;BYDAY=", "'' is no BYDAY"},
        {"FREQ=WEEKLY;BYDAY", "'' is no BYDAY"},
        {"FREQ=WEEKLY;BYDAY=FR,", "'FR,' is no BYDAY"},
        {"FREQ=MONTHLY;BYDAY=5FR", "up to the 4th"},
        {"FREQ=MONTHLY;BYDAY=0FR", "'0FR' is no BYDAY"},
        {"FREQ=MONTHLY;BYMONTHDAY=31", "days from 1 to 28"},
        {"FREQ=MONTHLY;BYMONTHDAY=0", "days from 1 to 28"},
        {"FREQ=DAILY;BYMONTHDAY=15,-1", "do not go with DAILY"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", "does not go with WEEKLY"},
        {"FREQ=YEARLY;BYMONTHDAY=1", "goes with BYMONTH in a YEARLY rule"},
        {"FREQ=YEARLY;BYMONTH=13", "months from 1 to 12"},
        {"FREQ=DAILY;INTERVAL=0", "'0' is no INTERVAL"},
        {"FREQ=DAILY;COUNT=-1", "'-1' is no COUNT"},
        {"FREQ=DAILY;UNTIL=2026-12-31T00:00:00Z", "UNTIL: write a day as 20261224"},
        {"FREQ=DAILY;UNTIL=tomorrow", "'tomorrow' is no UNTIL"},
        {"FREQ=DAILY;FREQ=DAILY", "FREQ twice"},
        {"FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z", "COUNT and UNTIL"},
        {"FREQ=DAILY;BYHOUR=3", "a part 'BYHOUR=3', which Slipway does not follow"},
        {"RRULE:FREQ=WEEKLY", "a part 'RRULE:FREQ=WEEKLY'"},
        {"FREQ=DAILY;BYDAY=1FR", "goes with MONTHLY and YEARLY only"},
        {"FREQ=MONTHLY;BYDAY=1FR;BYMONTHDAY=1", "does not go with BYMONTHDAY"},
        {"FREQ=DAILY;INTERVAL=7;BYDAY=MO", "in WEEKLY rules only"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recurrence recurrence;
        struct reason why = {0};

        assert_int_equal(
            recurrence_parse(cases[i].rule, "2026-11-06T16:00:00", HOUR_MS, "UTC", &recurrence, &why),
            RECURRENCE_E_INVALID);
        if (!strstr(why.text, cases[i].words))
            fail_msg("%s: %s", cases[i].rule, why.text);
    }
}

static void check_next(const char *rule, const char *at, const char *next)
{
    struct recurrence recurrence;

    assert_int_equal(
        recurrence_parse(rule, "2026-11-06T16:00:00", 64 * HOUR_MS, "Europe/Berlin", &recurrence, NULL), 0);
    assert_int_equal(recurrence_next(&recurrence, ms_of(at)), next ? ms_of(next) : 0);
}

static void test_the_next_span_is_known(void **state UNUSED)
{
    check_next("FREQ=WEEKLY;BYDAY=FR", "2020-01-01T00:00:00Z", "2026-11-06T15:00:00Z");
    check_next("FREQ=WEEKLY;BYDAY=FR", "2026-11-06T15:00:00Z", "2026-11-13T15:00:00Z");
    check_next("FREQ=WEEKLY;BYDAY=FR", "2027-07-05T00:00:00Z", "2027-07-09T14:00:00Z");
    check_next("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "2027-01-01T00:00:00Z", "2027-12-20T15:00:00Z");
    check_next("FREQ=DAILY;COUNT=3", "2026-11-07T20:00:00Z", "2026-11-08T15:00:00Z");
    check_next("FREQ=DAILY;COUNT=3", "2026-11-08T20:00:00Z", NULL);
    check_next("FREQ=DAILY;UNTIL=20261110", "2026-11-11T00:00:00Z", NULL);
}

static void test_letters_in_any_case_and_empty_parts_are_taken(void **state UNUSED)
{
    static const char *const rules[] = {"freq=weekly;byday=fr", "FREQ=WEEKLY;;BYDAY=FR;",
                                        "FREQ=MONTHLY;BYDAY=+1FR", "FREQ=WEEKLY;WKST=MO;BYDAY=FR",
                                        "FREQ=DAILY;UNTIL=20271231"};

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct recurrence recurrence;

        assert_int_equal(recurrence_parse(rules[i], "2026-11-06T16:00:00", HOUR_MS, "UTC", &recurrence, NULL),
                         0);
        assert_int_equal(recurrence_until(&recurrence, ms_of("2026-11-06T16:30:00Z")),
                         ms_of("2026-11-06T17:00:00Z"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_cover_what_their_rule_says),
        cmocka_unit_test(test_what_is_no_recurrence_is_refused),
        cmocka_unit_test(test_the_refusal_names_the_part_that_is_wrong),
        cmocka_unit_test(test_the_next_span_is_known),
        cmocka_unit_test(test_letters_in_any_case_and_empty_parts_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
