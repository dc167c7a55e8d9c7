#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/time.h"
#include <stdio.h>
#include <time.h>

#define NOV_23 INT64_C(1795425300123) /* 2026-11-23T09:15:00.123Z */

static void texts_are_as_documented(void **state)
{
    char text[TIME_TEXT_SIZE];

    (void)state;
    time_iso8601(NOV_23, text);
    assert_string_equal(text, "2026-11-23T09:15:00.123Z");
    time_iso8601_s(NOV_23, text);
    assert_string_equal(text, "2026-11-23T09:15:00Z");
    time_amz(NOV_23, text);
    assert_string_equal(text, "20261123T091500Z");
    time_http(NOV_23, text);
    assert_string_equal(text, "Mon, 23 Nov 2026 09:15:00 GMT");
    time_iso8601(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_iso8601(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void every_form_is_read_back(void **state)
{
    /* Steps of a bit under 12 days, over every leap rule between 1600 and 2400. */
    const int64_t from_ms = INT64_C(-11676096000000), step_ms = 999999937;

    (void)state;
    for (int64_t ms = from_ms; ms < INT64_C(13569465600000); ms += step_ms) {
        int64_t second_ms = (ms - from_ms) / 1000 * 1000 + from_ms, back;
        time_t seconds = second_ms / 1000;
        struct tm tm;
        char ours[TIME_TEXT_SIZE], theirs[TIME_TEXT_SIZE];

        time_iso8601(ms, ours);
        assert_true(time_parse_iso8601(str_of(ours), &back));
        assert_true(back == ms);
        time_amz(ms, ours);
        assert_true(time_parse_amz(str_of(ours), &back));
        assert_true(back == second_ms);
        time_http(ms, ours);
        assert_true(time_parse_http(str_of(ours), &back));
        assert_true(back == second_ms);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        assert_string_equal(ours, theirs);
    }
}

static void all_three_http_forms_are_read(void **state)
{
    static const char *const same[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_true(time_parse_http(str_of(same[i]), &ms));
        assert_true(ms == INT64_C(784111777000));
    }
}

static void offsets_and_fractions_of_iso8601_are_read(void **state)
{
    int64_t ms;

    (void)state;
    assert_true(time_parse_iso8601(STR("2026-11-23T10:45:00.123456+01:30"), &ms));
    assert_true(ms == NOV_23);
    assert_true(time_parse_iso8601(STR("2026-11-23T04:15:00.123-0500"), &ms));
    assert_true(ms == NOV_23);
    assert_true(time_parse_iso8601(STR("2016-12-31T23:59:60Z"), &ms));
}

static void a_day_alone_is_its_midnight(void **state)
{
    int64_t ms;

    (void)state;
    assert_true(time_parse_day(STR("2026-11-23"), &ms));
    assert_true(ms == NOV_23 / 86400000 * 86400000);
    assert_true(time_parse_day(STR("2026-11-23T09:15:00.123Z"), &ms));
    assert_true(ms == NOV_23);
    assert_false(time_parse_day(STR("2026-02-29"), &ms));
    assert_false(time_parse_day(STR("2026-11-23Z"), &ms));
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2026-11-23",
                                      "2026-11-23T09:15:00",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-11-23T24:00:00Z",
                                      "2026-11-23T09:15:00.Z",
                                      "2026-11-23T09:15:00Zx",
                                      "20261123T091500",
                                      "20261123T091560Zx",
                                      "20260230T000000Z",
                                      "Mon, 32 Nov 2026 09:15:00 GMT",
                                      "Mon, 23 Nov 2026 09:15:00",
                                      "Mon Nov",
                                      "Monday",
                                      "Xxx, 23 Nov 2026 09:15:00 GMT"};
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(time_parse_iso8601(str_of(bad[i]), &ms));
        assert_false(time_parse_amz(str_of(bad[i]), &ms));
        assert_false(time_parse_http(str_of(bad[i]), &ms));
    }
    assert_true(ms == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_as_documented),
        cmocka_unit_test(every_form_is_read_back),
        cmocka_unit_test(all_three_http_forms_are_read),
        cmocka_unit_test(offsets_and_fractions_of_iso8601_are_read),
        cmocka_unit_test(a_day_alone_is_its_midnight),
        cmocka_unit_test(what_is_no_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
