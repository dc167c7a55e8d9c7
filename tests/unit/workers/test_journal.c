/* The launcher's event log, written in pieces that PutLogEvents takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../http/scripted_server.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/call.h"
#include "workers/launcher/journal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)

static const struct scripted_answer well[] = {{200, "{}"}};

struct fixture {
    struct scripted_server server;
    struct aws_client *client;
    struct journal *journal;
    json_t *events;
};

static void start(struct fixture *f, const struct scripted_answer *answers, size_t count)
{
    struct reason why = {0};
    scripted_start(&f->server, answers, count);
    const struct aws_config config = {.endpoint_url = f->server.url,
                                      .region = "us-east-1",
                                      .access_key_id = "AKIDEXAMPLE",
                                      .secret_access_key = "secret"};

    assert_int_equal(aws_client_new(&config, &f->client), 0);
    assert_int_equal(journal_new(f->client, &f->journal, &why), 0);
    assert_int_equal(f->server.request_count, 2); /* the group, the stream */
    f->events = json_array();
}

static void stop(struct fixture *f)
{
    json_decref(f->events);
    journal_free(&f->journal);
    aws_client_free(&f->client);
    scripted_stop(&f->server);
}

/* An event of that time whose message has `len` characters. */
static void add(struct fixture *f, int64_t at_ms, size_t len)
{
    CLEANUP(free_ptr) char *message = mem_alloc(len + 1);

    assert_non_null(message);
    memset(message, 'x', len);
    assert_int_equal(json_array_append_new(f->events, json_pack("{s:I, s:s}", "timestamp", (json_int_t)at_ms,
                                                                "message", message)),
                     0);
}

/* The time of the first event of a piece. */
static int64_t begins_at(const struct fixture *f, size_t piece)
{
    const char *at = strstr(f->server.requests[2 + piece].body, "\"timestamp\":");

    assert_non_null(at);
    return strtoll(at + strlen("\"timestamp\":"), NULL, 10);
}

static size_t pieces(const struct fixture *f)
{
    return f->server.request_count - 2;
}

static void put(struct fixture *f)
{
    struct reason why = {0};

    assert_int_equal(journal_put(f->journal, f->events, &why), 0);
    assert_int_equal(json_array_size(f->events), 0);
}

static void many_events_go_a_thousand_at_a_time_in_the_order_of_their_times(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, well, 1);
    for (int64_t i = 2299; i >= 0; i--)
        add(&f, 10000 + i, 3);
    put(&f);
    assert_int_equal(pieces(&f), 3);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(begins_at(&f, (size_t)i), 10000 + 1000 * i);
    assert_true(f.server.requests[2].body_len == f.server.requests[3].body_len);
    assert_true(f.server.requests[4].body_len < f.server.requests[3].body_len / 3);
    stop(&f);
}

static void long_events_go_a_megabyte_at_a_time(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, well, 1);
    for (int64_t i = 0; i < 20; i++)
        add(&f, 10000 + i, 100000);
    put(&f);
    assert_int_equal(pieces(&f), 3);
    assert_int_equal(begins_at(&f, 1),
                     10009); /* ten would be 1,000,260 bytes with what each costs beside its text */
    assert_int_equal(begins_at(&f, 2), 10018);
    stop(&f);
}

static void an_event_that_is_too_long_goes_alone(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, well, 1);
    add(&f, 10000, 10);
    add(&f, 10001, 1200000);
    add(&f, 10002, 10);
    put(&f);
    assert_int_equal(pieces(&f), 3);
    assert_int_equal(begins_at(&f, 1), 10001);
    assert_int_equal(begins_at(&f, 2), 10002);
    stop(&f);
}

static void events_of_more_than_a_day_go_apart(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, well, 1);
    for (int64_t i = 0; i < 4; i++)
        add(&f, 10000 + i * 12 * HOUR_MS, 10);
    put(&f);
    assert_int_equal(pieces(&f), 2);
    assert_int_equal(begins_at(&f, 1), 10000 + 24 * HOUR_MS);
    stop(&f);
}

static void what_is_not_written_is_left(void **state)
{
    static const struct scripted_answer answers[] = {
        {200, "{}"}, {200, "{}"},
        {200, "{}"}, {400, "{\"__type\":\"InvalidParameterException\",\"message\":\"no\"}"},
        {200, "{}"},
    };
    struct reason why = {0};
    struct fixture f;

    (void)state;
    start(&f, answers, ARRAY_LEN(answers));
    for (int64_t i = 0; i < 1500; i++)
        add(&f, 10000 + (i * 7) % 1500, 3);
    assert_int_equal(journal_put(f.journal, f.events, &why), WORK_E_FAILED);
    assert_non_null(strstr(why.text, "logs:PutLogEvents"));
    assert_int_equal(json_array_size(f.events), 500);
    assert_int_equal(json_int(json_array_get(f.events, 0), "timestamp", 0), 11000);
    put(&f);
    assert_int_equal(pieces(&f), 3);
    assert_int_equal(begins_at(&f, 1), 11000);
    assert_int_equal(begins_at(&f, 2), 11000);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_events_go_a_thousand_at_a_time_in_the_order_of_their_times),
        cmocka_unit_test(long_events_go_a_megabyte_at_a_time),
        cmocka_unit_test(an_event_that_is_too_long_goes_alone),
        cmocka_unit_test(events_of_more_than_a_day_go_apart),
        cmocka_unit_test(what_is_not_written_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
