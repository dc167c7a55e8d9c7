/* Time zones and windows. */
#include "wire/cron.h"
#include "wire/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(time_parse_iso8601(str_of(text), &ms));
    return ms;
}

static void test_zones_know_their_offsets(void **state UNUSED)
{
    static const struct {
        const char *zone, *utc;
        int hour, minute, weekday;
    } cases[] = {
        {"UTC", "2026-11-24T10:15:00Z", 10, 15, 3},
        {"UTC+05:30", "2026-11-24T23:15:00Z", 4, 45, 4},
        {"UTC-0330", "2026-11-24T00:15:00Z", 20, 45, 2},
        {"PST", "2026-11-24T00:15:00Z", 16, 15, 2},
        {"Europe/Berlin", "2026-11-24T10:15:00Z", 11, 15, 3},
        {"Europe/Berlin", "2026-07-24T10:15:00Z", 12, 15, 6},
        {"America/New_York", "2026-07-24T03:15:00Z", 23, 15, 5},
        {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", 11, 0, 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct local_time local;
        struct zone zone;
        assert_true(zone_find(cases[i].zone, &zone));
        zone_local(&zone, ms_of(cases[i].utc), &local);
        assert_int_equal(local.hour, cases[i].hour);
        assert_int_equal(local.minute, cases[i].minute);
        assert_int_equal(local.weekday, cases[i].weekday);
        assert_int_equal(zone_ms(&zone, &local), ms_of(cases[i].utc));
    }
    static const char *const bad[] = {"",   "Europe/Atlantis", "UTC+", "UTC+15", "UTC+2:99", "CST", "../x",
                                      "utc"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct zone zone;
        assert_false(zone_find(bad[i], &zone));
    }
}

static void test_local_times_at_the_clocks_changes(void **state UNUSED)
{
    struct zone berlin;
    assert_true(zone_find("Europe/Berlin", &berlin));
    const struct local_time skipped = {2026, 3, 29, 2, 30, 0, 0}, twice = {2026, 10, 25, 2, 30, 0, 0};
    assert_int_equal(zone_ms(&berlin, &skipped), ms_of("2026-03-29T01:30:00Z"));
    assert_int_equal(zone_ms(&berlin, &twice), ms_of("2026-10-25T00:30:00Z"));
}

static void test_windows_open_when_their_expression_says(void **state UNUSED)
{
    static const struct {
        const char *cron, *zone, *from, *opens;
    } cases[] = {
        {"* * * * * ?", "UTC", "2026-11-24T10:15:30Z", "2026-11-24T10:15:30Z"},
        {"* * 9-17 ? * MON-FRI *", "UTC", "2026-11-24T10:15:30Z", "2026-11-24T10:15:30Z"},
        {"* * 9-17 ? * MON-FRI", "UTC", "2026-11-24T18:00:00Z", "2026-11-25T09:00:00Z"},
        {"* * 9-17 ? * MON-FRI", "UTC", "2026-11-27T18:00:00Z", "2026-11-30T09:00:00Z"},
        {"* * 9-17 ? * 2-6", "America/New_York", "2026-11-24T09:00:00Z", "2026-11-24T14:00:00Z"},
        {"* 30/15 9 ? * *", "UTC", "2026-11-24T09:50:01Z", "2026-11-25T09:30:00Z"},
        {"* */20 * ? * *", "UTC", "2026-11-24T09:41:00Z", "2026-11-24T10:00:00Z"},
        {"* 0 0 L * ?", "UTC", "2027-02-03T00:00:00Z", "2027-02-28T00:00:00Z"},
        {"* 0 0 L-3 * ?", "UTC", "2027-01-03T00:00:00Z", "2027-01-28T00:00:00Z"},
        {"* 0 0 LW * ?", "UTC", "2026-11-03T00:00:00Z", "2026-11-30T00:00:00Z"},
        {"* 0 0 LW 2 ?", "UTC", "2026-11-03T00:00:00Z", "2027-02-26T00:00:00Z"},
        {"* 0 0 15W 8 ?", "UTC", "2026-01-01T00:00:00Z", "2026-08-14T00:00:00Z"},
        {"* 0 0 1W 8 ?", "UTC", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z"},
        {"* 0 0 ? * 6L", "UTC", "2026-11-01T00:00:00Z", "2026-11-27T00:00:00Z"},
        {"* 0 0 ? * FRI#3", "UTC", "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"},
        {"* 0 0 ? * L", "UTC", "2026-11-01T00:00:01Z", "2026-11-07T00:00:00Z"},
        {"* 0 0 ? * FRI-SUN", "UTC", "2026-11-23T00:00:01Z", "2026-11-27T00:00:00Z"},
        {"* 0 0 29 2 ? *", "UTC", "2026-11-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"* 0 0 1 1 ? 2030", "UTC", "2026-11-01T00:00:00Z", "2030-01-01T00:00:00Z"},
        /* the clocks skip 02:30 that night, and an hour of which only the rest is there */
        {"* 30 2 ? * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:30:00Z"},
        {"* * 1-3 ? * *", "Europe/Berlin", "2026-03-29T00:59:30Z", "2026-03-29T00:59:30Z"},
        {"* 45 2 ? * *", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T15:45:00Z"},
        {"* 15,45 2 ? * *", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T15:45:00Z"},
        /* the second 02:30 of that night opens no window */
        {"* 30 2 ? * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-26T01:30:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron cron;
        struct zone zone;
        assert_int_equal(cron_parse(str_of(cases[i].cron), &cron, NULL), 0);
        assert_true(zone_find(cases[i].zone, &zone));
        if (cron_next(&cron, &zone, ms_of(cases[i].from)) != ms_of(cases[i].opens))
            fail_msg("%s from %s: %lld", cases[i].cron, cases[i].from,
                     (long long)cron_next(&cron, &zone, ms_of(cases[i].from)));
    }
}

static void test_a_window_may_never_open(void **state UNUSED)
{
    struct cron cron;
    const struct zone utc = {0};
    assert_int_equal(cron_parse(STR("* 0 0 31 2 ?"), &cron, NULL), 0);
    assert_int_equal(cron_next(&cron, &utc, ms_of("2026-11-24T00:00:00Z")), INT64_MAX);
    assert_int_equal(cron_parse(STR("* * * * * ? 1999"), &cron, NULL), 0);
    assert_int_equal(cron_next(&cron, &utc, ms_of("2026-11-24T00:00:00Z")), INT64_MAX);
}

static void test_what_is_no_expression_is_refused_with_words(void **state UNUSED)
{
    static const char *const bad[] = {
        "",
        "* * *",
        "* * * * * * * *",
        "1 * * * * ?",
        "* 60 * * * ?",
        "* * 24 * * ?",
        "* * * 32 * ?",
        "* * * * 13 ?",
        "* * * ? * 8",
        "* * * 1 * MON",
        "* * * ? * MO",
        "* 1-x * * * ?",
        "* 1/0 * * * ?",
        "* , * * * ?",
        "* * * ? * 6#6",
        "* * * L-31 * ?",
        "* * * 32W * ?",
        "* * * * * ? 2200",
        "* -5 * * * ?",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct reason why = {0};
        struct cron cron;
        if (cron_parse(str_of(bad[i]), &cron, &why) != CRON_E_SYNTAX || !why.text[0])
            fail_msg("%s is taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones_know_their_offsets),
        cmocka_unit_test(test_local_times_at_the_clocks_changes),
        cmocka_unit_test(test_windows_open_when_their_expression_says),
        cmocka_unit_test(test_a_window_may_never_open),
        cmocka_unit_test(test_what_is_no_expression_is_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
