/* Deliveries on a clock that the test steps: leases, retries by policy, dead letters, stale nonces, the end
 * of old records. */
#include "base/clock.h"
#include "base/io.h"
#include "services/service.h"
#include "services/sns/delivery.h"
#include "services/sns/service.h"
#include "services/sqs/service.h"
#include "wire/json.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"
#define DAY_MS INT64_C(86400000)

static const struct service *const services[] = {&sqs_service, &sns_service, NULL};

struct house {
    char dir[64];
    struct platform platform;
    struct tx *tx;
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
    const struct db_schema schemas[] = {{"sqs", sqs_service.migrations, sqs_service.migration_count},
                                        {"sns", sns_service.migrations, sns_service.migration_count}};
    now_ms = 1790000000000;
    clock_set(stepped_clock);
    snprintf(house->dir, sizeof(house->dir), "/tmp/slipway-sns-XXXXXX");
    assert_non_null(mkdtemp(house->dir));
    snprintf(path, sizeof(path), "%s/slipway.db", house->dir);
    house->platform = (struct platform){
        .data_dir = house->dir, .region = "us-east-1", .endpoint = "http://127.0.0.1", .services = services};
    assert_int_equal(db_open(path, &house->platform.db), 0);
    assert_int_equal(db_migrate(house->platform.db, schemas, 2, &newer), 0);
    assert_int_equal(db_begin(house->platform.db, &house->tx), 0);
    assert_int_equal(topic_create(house->tx, &house->platform, ACCOUNT, "t", NULL, NULL, NULL), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    clock_set(NULL);
    db_end(&house->tx);
    db_close(&house->platform.db);
    assert_int_equal(io_remove_tree(house->dir), 0);
    free(house);
    return 0;
}

/* The confirmation that a new webhook or mailbox is sent is the delivery of these tests. */
static void subscribe(struct house *house, const char *protocol, const char *endpoint)
{
    const struct subscription_spec spec = {.account = ACCOUNT,
                                           .topic = "t",
                                           .owner = ACCOUNT,
                                           .principal = "arn",
                                           .protocol = protocol,
                                           .endpoint = endpoint};
    char arn[SNS_SUBSCRIPTION_ARN_SIZE];
    bool pending = false;
    assert_int_equal(subscription_create(house->tx, &house->platform, &spec, arn, &pending, NULL), 0);
    assert_true(pending);
}

/* The one delivery that is due, leased; NULL: none is. */
static json_t *lease(struct house *house, const char *worker)
{
    CLEANUP(json_free) json_t *list = json_array();
    assert_int_equal(delivery_lease(house->tx, &house->platform, worker, 10, list), 0);
    assert_true(json_array_size(list) <= 1);
    return json_incref(json_array_get(list, 0));
}

static int end(struct house *house, const json_t *delivery, enum delivery_result result)
{
    int64_t id = 0;
    assert_true(str_to_int(str_of(json_str(delivery, "DeliveryId", "")), 1, INT64_MAX, &id));
    return delivery_end(house->tx, &house->platform, id, json_str(delivery, "Nonce", ""), result, 500,
                        "words", NULL);
}

static void expect(struct house *house, const char *state, int64_t attempts)
{
    CLEANUP(json_free) json_t *list = json_array();
    const struct delivery_filter filter = {.account = ACCOUNT, .before = INT64_MAX, .max = 10};
    int64_t last = 0;
    assert_int_equal(delivery_list(house->tx, &house->platform, &filter, list, &last), 0);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_str(json_array_get(list, 0), "State", ""), state);
    assert_int_equal(json_int(json_array_get(list, 0), "Attempts", -1), attempts);
}

static void test_a_lease_that_runs_out_is_given_again(void **state)
{
    struct house *house = *state;
    int64_t next_ms = 0;
    subscribe(house, "http", "http://a");
    CLEANUP(json_free) json_t *first = lease(house, "one");
    assert_non_null(first);
    assert_null(lease(house, "two"));
    assert_int_equal(delivery_due(house->tx, now_ms, &next_ms), DB_NONE);
    assert_int_equal(next_ms, now_ms + DELIVERY_LEASE_MS);
    now_ms += DELIVERY_LEASE_MS;
    CLEANUP(json_free) json_t *second = lease(house, "two");
    assert_non_null(second);
    assert_int_equal(end(house, first, DELIVERY_SENT), SNS_E_NONCE);
    assert_int_equal(end(house, second, DELIVERY_SENT), 0);
    assert_int_equal(end(house, second, DELIVERY_SENT), SNS_E_NONCE);
    expect(house, "delivered", 2);
}

static void test_a_courier_that_ended_gives_its_leases_up(void **state)
{
    struct house *house = *state;
    subscribe(house, "http", "http://a");
    CLEANUP(json_free) json_t *first = lease(house, "one");
    assert_int_equal(delivery_orphan(house->tx, "another"), 0);
    assert_null(lease(house, "two"));
    assert_int_equal(delivery_orphan(house->tx, "one"), 0);
    CLEANUP(json_free) json_t *second = lease(house, "two");
    assert_non_null(second);
}

static void test_released_is_not_a_try(void **state)
{
    struct house *house = *state;
    subscribe(house, "http", "http://a");
    CLEANUP(json_free) json_t *first = lease(house, "one");
    assert_int_equal(end(house, first, DELIVERY_RELEASED), 0);
    expect(house, "pending", 0);
}

/* SNS's default: three retries, 20 seconds apart, up to a tenth earlier. */
static void test_failures_come_back_until_the_policy_ends(void **state)
{
    struct house *house = *state;
    subscribe(house, "http", "http://a");
    for (int i = 1; i <= 4; i++) {
        CLEANUP(json_free) json_t *delivery = lease(house, "one");
        assert_non_null(delivery);
        assert_int_equal(end(house, delivery, DELIVERY_FAILED), 0);
        expect(house, i < 4 ? "pending" : "dead", i);
        now_ms += 17999;
        assert_null(lease(house, "one"));
        now_ms += 2001;
    }
    assert_null(lease(house, "one"));
}

static void test_mail_follows_its_own_schedule(void **state)
{
    struct house *house = *state;
    int tries = 0;
    subscribe(house, "email", "a@example.com");
    for (;; tries++) {
        CLEANUP(json_free) json_t *delivery = lease(house, "one");
        if (!delivery)
            break;
        assert_int_equal(end(house, delivery, DELIVERY_FAILED), 0);
        now_ms += 600000;
    }
    assert_int_equal(tries, 51);
    expect(house, "dead", 51);
}

static void test_refused_is_final_and_a_person_may_try_again(void **state)
{
    struct house *house = *state;
    subscribe(house, "http", "http://a");
    CLEANUP(json_free) json_t *first = lease(house, "one");
    assert_int_equal(end(house, first, DELIVERY_REFUSED), 0);
    expect(house, "dead", 1);
    now_ms += DAY_MS;
    assert_null(lease(house, "one"));
    assert_int_equal(delivery_retry(house->tx, "444444444444", 1, NULL), SNS_E_RESOURCE_NOT_FOUND);
    assert_int_equal(delivery_retry(house->tx, ACCOUNT, 1, NULL), 0);
    assert_int_equal(delivery_retry(house->tx, ACCOUNT, 1, NULL), SNS_E_DELIVERY_STATE);
    expect(house, "pending", 0);
}

static void test_one_that_kills_its_couriers_is_given_up(void **state)
{
    struct house *house = *state;
    int leases = 0;
    subscribe(house, "http", "http://a");
    for (;; leases++) {
        CLEANUP(json_free) json_t *delivery = lease(house, "one");
        if (!delivery)
            break;
        now_ms += DELIVERY_LEASE_MS;
    }
    assert_int_equal(leases, 150);
    expect(house, "dead", 150);
}

static void test_old_records_go_new_ones_stay(void **state)
{
    struct house *house = *state;
    subscribe(house, "http", "http://a");
    CLEANUP(json_free) json_t *old = lease(house, "one");
    assert_int_equal(end(house, old, DELIVERY_SENT), 0);
    now_ms += DELIVERY_KEPT_MS + 1;
    subscribe(house, "http", "http://b");
    CLEANUP(json_free) json_t *new = lease(house, "one");
    assert_int_equal(end(house, new, DELIVERY_SENT), 0);
    expect(house, "delivered", 1);
}

/* Also where no courier carries anything. */
static void test_old_records_of_queues_go(void **state)
{
    struct house *house = *state;
    const struct subscription_spec spec = {.account = ACCOUNT,
                                           .topic = "t",
                                           .owner = ACCOUNT,
                                           .principal = "arn",
                                           .protocol = "sqs",
                                           .endpoint = "arn:aws:sqs:us-east-1:" ACCOUNT ":not-there"};
    const struct publication publication = {.message = "m"};
    char arn[SNS_SUBSCRIPTION_ARN_SIZE], id[SNS_ID_SIZE];
    bool pending = true;
    assert_int_equal(subscription_create(house->tx, &house->platform, &spec, arn, &pending, NULL), 0);
    assert_false(pending);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            topic_publish(house->tx, &house->platform, ACCOUNT, "t", &publication, id, NULL, NULL), 0);
        now_ms += DELIVERY_KEPT_MS + 1;
    }
    expect(house, "dead", 1);
}

static void test_a_token_lives_two_days(void **state)
{
    struct house *house = *state;
    CLEANUP(topic_unload) struct topic topic = {0};
    CLEANUP(subscription_unload) struct subscription late = {0};
    CLEANUP(subscription_unload) struct subscription in_time = {0};
    CLEANUP(rows_close) struct rows *rows = NULL;
    char token[SNS_TOKEN_SIZE];
    subscribe(house, "http", "http://a");
    assert_int_equal(topic_load(house->tx, ACCOUNT, "t", &topic, NULL), 0);
    assert_int_equal(tx_query_row(house->tx, &rows, "SELECT token FROM sns_subscription", ""), 0);
    snprintf(token, sizeof(token), "%s", rows_text(rows, 0));
    rows_close(&rows);
    now_ms += 2 * DAY_MS + 1;
    assert_int_equal(subscription_confirm(house->tx, &topic, token, false, false, &late, NULL),
                     SNS_E_PARAMETER);
    now_ms -= 1;
    assert_int_equal(subscription_confirm(house->tx, &topic, token, false, false, &in_time, NULL), 0);
    assert_int_equal(in_time.status, SUBSCRIPTION_CONFIRMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_lease_that_runs_out_is_given_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_courier_that_ended_gives_its_leases_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_released_is_not_a_try, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_come_back_until_the_policy_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mail_follows_its_own_schedule, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_is_final_and_a_person_may_try_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_kills_its_couriers_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_records_go_new_ones_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_records_of_queues_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_token_lives_two_days, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
