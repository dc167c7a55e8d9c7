/* Filter policies on attributes and bodies; the delays of delivery policies; what a signature covers. */
#include "services/sns/delivery_policy.h"
#include "services/sns/envelope.h"
#include "services/sns/filter_policy.h"
#include "services/sns/sns.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static json_t *parsed(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

static bool matches(const char *policy_text, const char *values_text)
{
    CLEANUP(json_free) json_t *policy = parsed(policy_text);
    CLEANUP(json_free) json_t *values = parsed(values_text);
    assert_int_equal(filter_policy_check(policy_text, true, NULL), 0);
    return filter_policy_matches(policy, values);
}

static void test_filter_conditions(void **state)
{
    static const struct {
        const char *policy;
        const char *values;
        bool expected;
    } rows[] = {
        {"{}", "{}", true},
        {"{\"a\":[\"x\",\"y\"]}", "{\"a\":\"y\"}", true},
        {"{\"a\":[\"x\"]}", "{\"a\":\"X\"}", false},
        {"{\"a\":[\"x\"]}", "{\"b\":\"x\"}", false},
        {"{\"a\":[\"x\"],\"b\":[1]}", "{\"a\":\"x\",\"b\":1.0}", true},
        {"{\"a\":[\"x\"],\"b\":[1]}", "{\"a\":\"x\",\"b\":2}", false},
        {"{\"a\":[1]}", "{\"a\":\"1\"}", false},
        {"{\"a\":[true,null]}", "{\"a\":null}", true},
        {"{\"a\":[\"x\"]}", "{\"a\":[\"w\",\"x\"]}", true},
        {"{\"a\":[{\"prefix\":\"eu-\"}]}", "{\"a\":\"eu-west\"}", true},
        {"{\"a\":[{\"prefix\":\"eu-\"}]}", "{\"a\":\"us-eu-\"}", false},
        {"{\"a\":[{\"suffix\":\"-1\"}]}", "{\"a\":\"eu-1\"}", true},
        {"{\"a\":[{\"equals-ignore-case\":\"ProD\"}]}", "{\"a\":\"pROd\"}", true},
        {"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"y\"}", true},
        {"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"y\"}", false},
        {"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":[\"y\",\"z\"]}", true},
        {"{\"a\":[{\"anything-but\":[\"x\"]}]}", "{}", false},
        {"{\"a\":[{\"anything-but\":{\"prefix\":\"x\"}}]}", "{\"a\":\"xy\"}", false},
        {"{\"a\":[{\"anything-but\":{\"prefix\":\"x\"}}]}", "{\"a\":\"yx\"}", true},
        {"{\"a\":[{\"anything-but\":[100]}]}", "{\"a\":100.0}", false},
        {"{\"a\":[{\"numeric\":[\">=\",1,\"<\",5]}]}", "{\"a\":1}", true},
        {"{\"a\":[{\"numeric\":[\">=\",1,\"<\",5]}]}", "{\"a\":5}", false},
        {"{\"a\":[{\"numeric\":[\"=\",1.5]}]}", "{\"a\":1.5}", true},
        {"{\"a\":[{\"numeric\":[\"<=\",1]}]}", "{\"a\":\"0\"}", false},
        {"{\"a\":[{\"exists\":true}]}", "{\"a\":\"\"}", true},
        {"{\"a\":[{\"exists\":true}]}", "{}", false},
        {"{\"a\":[{\"exists\":false}]}", "{}", true},
        {"{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":\"x\"}", true},
        {"{\"a\":[{\"exists\":false}]}", "{\"a\":1}", false},
        {"{\"a\":{\"b\":[1]}}", "{\"a\":{\"b\":1}}", true},
        {"{\"a\":{\"b\":[1]}}", "{\"a\":[{\"b\":0},{\"b\":1}]}", true},
        {"{\"a\":{\"b\":[1]}}", "{\"a\":1}", false},
        {"{\"a\":{\"b\":[1]}}", "{}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (matches(rows[i].policy, rows[i].values) != rows[i].expected)
            fail_msg("%s on %s", rows[i].policy, rows[i].values);
}

static void test_filter_syntax(void **state)
{
    static const char *const wrong[] = {
        "[]",
        "{\"a\":1}",
        "{\"a\":[]}",
        "{\"a\":[[1]]}",
        "{\"a\":[{\"prefix\":1}]}",
        "{\"a\":[{\"prefix\":\"x\",\"suffix\":\"y\"}]}",
        "{\"a\":[{\"anything-but\":[]}]}",
        "{\"a\":[{\"anything-but\":{\"exists\":true}}]}",
        "{\"a\":[{\"numeric\":[]}]}",
        "{\"a\":[{\"numeric\":[\"<\"]}]}",
        "{\"a\":[{\"numeric\":[\"<\",\"1\"]}]}",
        "{\"a\":[{\"numeric\":[\"<\",2000000000]}]}",
        "{\"a\":[{\"exists\":1}]}",
        "{\"$or\":[1]}",
        "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (filter_policy_check(wrong[i], true, NULL) != SNS_E_PARAMETER)
            fail_msg("taken: %s", wrong[i]);
    assert_int_equal(filter_policy_check("{\"a\":{\"b\":[1]}}", false, NULL), SNS_E_PARAMETER);
}

static void test_attributes_as_values(void **state)
{
    CLEANUP(json_free)
    json_t *attributes = parsed("{\"s\":{\"DataType\":\"String\",\"StringValue\":\"7\"},"
                                "\"n\":{\"DataType\":\"Number\",\"StringValue\":\"7\"},"
                                "\"l\":{\"DataType\":\"String.Array\",\"StringValue\":\"[1,\\\"x\\\"]\"},"
                                "\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AA==\"}}");
    CLEANUP(json_free) json_t *expected = parsed("{\"s\":\"7\",\"n\":7,\"l\":[1,\"x\"]}");
    CLEANUP(json_free) json_t *values = NULL;
    (void)state;
    assert_int_equal(filter_values(attributes, &values), 0);
    assert_true(json_equal(values, expected));
}

static void test_retry_phases(void **state)
{
    const struct retry_policy policy = {.retries = 9,
                                        .no_delay_retries = 2,
                                        .min_delay_retries = 2,
                                        .max_delay_retries = 1,
                                        .min_delay_s = 10,
                                        .max_delay_s = 50,
                                        .backoff = BACKOFF_LINEAR};
    static const int64_t expected[] = {0, 0, 10000, 10000, 20000, 30000, 40000, 50000, 50000, -1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(retry_delay_ms(&policy, (int64_t)i + 1), expected[i]);
}

static void test_every_backoff_grows_to_the_greatest_delay(void **state)
{
    (void)state;
    for (int backoff = BACKOFF_LINEAR; backoff <= BACKOFF_EXPONENTIAL; backoff++) {
        const struct retry_policy policy = {
            .retries = 10, .min_delay_s = 2, .max_delay_s = 200, .backoff = (enum backoff)backoff};
        int64_t before = 2000;
        for (int64_t failed = 1; failed <= 10; failed++) {
            int64_t delay = retry_delay_ms(&policy, failed);
            assert_true(delay > before);
            before = delay;
        }
        assert_int_equal(before, 200000);
    }
}

static void test_email_is_tried_50_times_over_six_hours(void **state)
{
    int64_t total_ms = 0, count = 0;
    (void)state;
    while (retry_delay_ms(&retry_policy_email, count + 1) >= 0)
        total_ms += retry_delay_ms(&retry_policy_email, ++count);
    assert_int_equal(count, 50);
    assert_true(total_ms > 6 * 3600000);
}

static void test_subscription_overrides_topic_unless_forbidden(void **state)
{
    CLEANUP(json_free)
    json_t *topic = parsed("{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":7}}}");
    CLEANUP(json_free)
    json_t *strict = parsed("{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":7},"
                            "\"disableSubscriptionOverrides\":true}}");
    CLEANUP(json_free) json_t *own = parsed("{\"healthyRetryPolicy\":{\"numRetries\":1}}");
    CLEANUP(json_free) json_t *effective = NULL;
    CLEANUP(json_free) json_t *forbidden = NULL;
    struct retry_policy policy;
    (void)state;
    assert_int_equal(delivery_policy_effective(topic, own, &effective), 0);
    delivery_policy_retries(effective, &policy);
    assert_int_equal(policy.retries, 1);
    assert_int_equal(delivery_policy_effective(strict, own, &forbidden), 0);
    delivery_policy_retries(forbidden, &policy);
    assert_int_equal(policy.retries, 7);
}

static void test_signed_text(void **state)
{
    const struct envelope notification = {.type = "Notification",
                                          .message_id = "id",
                                          .topic_arn = "arn",
                                          .message = "hello\nyou",
                                          .timestamp = "now",
                                          .version = "1"};
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)4096);
    (void)state;
    assert_int_equal(envelope_to_sign(&notification, &text), 0);
    assert_string_equal(
        text.ptr, "Message\nhello\nyou\nMessageId\nid\nTimestamp\nnow\nTopicArn\narn\nType\nNotification\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_conditions),
        cmocka_unit_test(test_filter_syntax),
        cmocka_unit_test(test_attributes_as_values),
        cmocka_unit_test(test_retry_phases),
        cmocka_unit_test(test_every_backoff_grows_to_the_greatest_delay),
        cmocka_unit_test(test_email_is_tried_50_times_over_six_hours),
        cmocka_unit_test(test_subscription_overrides_topic_unless_forbidden),
        cmocka_unit_test(test_signed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
