/* Messages on a clock that the test steps: visibility, delay, retention, dead letters, stale handles. */
#include "base/clock.h"
#include "base/io.h"
#include "services/service.h"
#include "services/sqs/queue.h"
#include "services/sqs/service.h"
#include "wire/json.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"

static const struct service *const services[] = {&sqs_service, NULL};

struct house {
    char dir[64];
    struct platform platform;
};

static int64_t now_ms;

static int64_t stepped_clock(void)
{
    return now_ms;
}

static int setup(void **state)
{
    struct house *house = calloc(1, sizeof(*house));
    char path[PATH_MAX];
    const char *newer = NULL;
    const struct db_schema schema = {"sqs", sqs_service.migrations, sqs_service.migration_count};
    now_ms = 1790000000000;
    clock_set(stepped_clock);
    snprintf(house->dir, sizeof(house->dir), "/tmp/slipway-sqs-XXXXXX");
    assert_non_null(mkdtemp(house->dir));
    snprintf(path, sizeof(path), "%s/slipway.db", house->dir);
    house->platform = (struct platform){
        .data_dir = house->dir, .region = "us-east-1", .endpoint = "http://127.0.0.1", .services = services};
    assert_int_equal(db_open(path, &house->platform.db), 0);
    assert_int_equal(db_migrate(house->platform.db, &schema, 1, &newer), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    clock_set(NULL);
    db_close(&house->platform.db);
    assert_int_equal(io_remove_tree(house->dir), 0);
    free(house);
    return 0;
}

static void create(struct house *house, const char *name, const json_t *attributes)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct reason why = {""};
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    if (queue_create(tx, &house->platform, ACCOUNT, name, attributes, &why) != 0)
        fail_msg("%s", why.text);
    assert_int_equal(db_commit(&tx), 0);
}

static void send(struct house *house, const char *name, const char *body, int64_t delay_s)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(queue_unload) struct queue queue = {0};
    const struct outgoing message = {.body = str_of(body), .delay_s = delay_s, .sender = ACCOUNT};
    char id[37];
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(queue_load(tx, ACCOUNT, name, &queue), 0);
    assert_int_equal(message_send(tx, &queue, &message, id, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
}

/* The body of the one message received ("": none); its handle into `handle` (256 bytes) when not NULL. */
static const char *receive(struct house *house, const char *name, int64_t visibility_s, char *handle)
{
    static char body[256];
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(queue_unload) struct queue queue = {0};
    CLEANUP(json_free) json_t *messages = json_array();
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(queue_load(tx, ACCOUNT, name, &queue), 0);
    assert_int_equal(message_receive(tx, &house->platform, &queue, 1, visibility_s, messages), 0);
    assert_int_equal(db_commit(&tx), 0);
    const json_t *message = json_array_get(messages, 0);
    snprintf(body, sizeof(body), "%s", json_str(message, "Body", ""));
    if (handle)
        snprintf(handle, 256, "%s", json_str(message, "ReceiptHandle", ""));
    return body;
}

static int64_t next_visible(struct house *house, const char *name)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(queue_unload) struct queue queue = {0};
    int64_t next_ms = 0;
    assert_int_equal(db_read(house->platform.db, &tx), 0);
    assert_int_equal(queue_load(tx, ACCOUNT, name, &queue), 0);
    int rc = message_ready(tx, &queue, now_ms, &next_ms);
    assert_true(rc == 0 || rc == DB_NONE);
    return rc == 0 ? now_ms : next_ms;
}

static void hidden_until_the_timeout(void **state)
{
    struct house *house = *state;
    create(house, "visibility", NULL);
    assert_int_equal(next_visible(house, "visibility"), INT64_MAX);
    send(house, "visibility", "a", -1);
    assert_string_equal(receive(house, "visibility", 30, NULL), "a");
    assert_string_equal(receive(house, "visibility", 30, NULL), "");
    assert_int_equal(next_visible(house, "visibility"), now_ms + 30000);
    now_ms += 29999;
    assert_string_equal(receive(house, "visibility", 30, NULL), "");
    now_ms += 1;
    assert_string_equal(receive(house, "visibility", 30, NULL), "a");
}

static void delayed_by_message_or_queue(void **state)
{
    struct house *house = *state;
    CLEANUP(json_free) json_t *attributes = json_pack("{s:s}", "DelaySeconds", "10");
    create(house, "delay", attributes);
    send(house, "delay", "queue's", -1);
    send(house, "delay", "own", 5);
    assert_string_equal(receive(house, "delay", 30, NULL), "");
    now_ms += 5000;
    assert_string_equal(receive(house, "delay", 30, NULL), "own");
    now_ms += 5000;
    assert_string_equal(receive(house, "delay", 30, NULL), "queue's");
}

static void gone_after_the_retention_period(void **state)
{
    struct house *house = *state;
    CLEANUP(json_free) json_t *attributes = json_pack("{s:s}", "MessageRetentionPeriod", "60");
    create(house, "retention", attributes);
    send(house, "retention", "old", -1);
    now_ms += 30000;
    send(house, "retention", "young", -1);
    now_ms += 30000;
    assert_string_equal(receive(house, "retention", 0, NULL), "young");
    now_ms += 30000;
    assert_string_equal(receive(house, "retention", 0, NULL), "");
}

static int act_on(struct house *house, const char *name, const char *handle, int64_t visibility_s)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(queue_unload) struct queue queue = {0};
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(queue_load(tx, ACCOUNT, name, &queue), 0);
    int rc = visibility_s < 0 ? message_delete(tx, &queue, str_of(handle), NULL)
                              : message_change_visibility(tx, &queue, str_of(handle), visibility_s, NULL);
    return rc != 0 ? rc : db_commit(&tx);
}

static void stale_handles_change_nothing(void **state)
{
    struct house *house = *state;
    char first[256];
    char second[256];
    create(house, "handles", NULL);
    create(house, "others", NULL);
    send(house, "handles", "a", -1);
    receive(house, "handles", 10, first);
    now_ms += 10000;
    assert_int_equal(act_on(house, "handles", first, 5), SQS_E_NOT_IN_FLIGHT);
    receive(house, "handles", 10, second);
    assert_int_equal(act_on(house, "handles", first, 5), SQS_E_NOT_IN_FLIGHT);
    assert_int_equal(act_on(house, "handles", first, -1), 0);
    assert_int_equal(act_on(house, "others", second, -1), SQS_E_HANDLE);
    assert_int_equal(act_on(house, "handles", "AAAA", -1), SQS_E_HANDLE);
    assert_int_equal(act_on(house, "handles", second, 0), 0);
    assert_string_equal(receive(house, "handles", 10, second), "a");
    assert_int_equal(act_on(house, "handles", second, -1), 0);
    now_ms += 60000;
    assert_string_equal(receive(house, "handles", 10, NULL), "");
}

static void dead_letters_after_the_last_receive(void **state)
{
    struct house *house = *state;
    CLEANUP(json_free)
    json_t *attributes = json_pack("{s:s}", "RedrivePolicy",
                                   "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:" ACCOUNT
                                   ":dead\",\"maxReceiveCount\":3}");
    create(house, "dead", NULL);
    create(house, "source", attributes);
    send(house, "source", "poison", -1);
    for (int i = 0; i < 3; i++)
        assert_string_equal(receive(house, "source", 0, NULL), "poison");
    send(house, "source", "fine", -1);
    assert_string_equal(receive(house, "source", 0, NULL), "fine");
    assert_string_equal(receive(house, "dead", 0, NULL), "poison");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_until_the_timeout),
        cmocka_unit_test(delayed_by_message_or_queue),
        cmocka_unit_test(gone_after_the_retention_period),
        cmocka_unit_test(stale_handles_change_nothing),
        cmocka_unit_test(dead_letters_after_the_last_receive),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
