/* Object lock: what may go and what may change, over modes, times, holds and bypasses; the default of a
 * bucket. */
#include "services/s3/lock.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY_MS INT64_C(86400000)
#define NOW INT64_C(1700000000000)

static const struct object_lock none = {0};

static struct object_lock locked(const char *mode, int64_t until_ms)
{
    return (struct object_lock){lock_mode_named(str_of(mode)), until_ms, HOLD_NONE};
}

static void test_a_version_goes_when_nothing_holds_it(void **state)
{
    const struct {
        struct object_lock lock;
        bool bypass;
        bool forbidden;
    } rows[] = {
        {none, false, false},
        {locked("GOVERNANCE", NOW + 1), false, true},
        {locked("GOVERNANCE", NOW + 1), true, false},
        {locked("GOVERNANCE", NOW), false, false},
        {locked("COMPLIANCE", NOW + 1), false, true},
        {locked("COMPLIANCE", NOW + 1), true, true},
        {locked("COMPLIANCE", NOW), false, false},
        {{NULL, 0, HOLD_ON}, false, true},
        {{NULL, 0, HOLD_ON}, true, true},
        {{LOCK_GOVERNANCE, NOW - DAY_MS, HOLD_ON}, true, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (lock_forbids(&rows[i].lock, NOW, rows[i].bypass) != rows[i].forbidden)
            fail_msg("row %zu", i);
}

static void test_retention_grows_and_is_shortened_by_few(void **state)
{
    const struct {
        struct object_lock from, to;
        bool bypass;
        int outcome;
    } rows[] = {
        {none, locked("COMPLIANCE", NOW + 5), false, 0},
        {locked("GOVERNANCE", NOW + 5), locked("GOVERNANCE", NOW + 6), false, 0},
        {locked("GOVERNANCE", NOW + 5), locked("COMPLIANCE", NOW + 5), false, S3_E_LOCKED},
        {locked("GOVERNANCE", NOW + 5), locked("COMPLIANCE", NOW + 5), true, 0},
        {locked("GOVERNANCE", NOW + 5), locked("GOVERNANCE", NOW + 4), false, S3_E_LOCKED},
        {locked("GOVERNANCE", NOW + 5), locked("GOVERNANCE", NOW + 4), true, 0},
        {locked("GOVERNANCE", NOW + 5), none, false, S3_E_LOCKED},
        {locked("GOVERNANCE", NOW + 5), none, true, 0},
        {locked("COMPLIANCE", NOW + 5), locked("COMPLIANCE", NOW + 6), false, 0},
        {locked("COMPLIANCE", NOW + 5), locked("COMPLIANCE", NOW + 4), true, S3_E_LOCKED},
        {locked("COMPLIANCE", NOW + 5), locked("GOVERNANCE", NOW + 6), true, S3_E_LOCKED},
        {locked("COMPLIANCE", NOW + 5), none, true, S3_E_LOCKED},
        {locked("COMPLIANCE", NOW), none, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (lock_may_become(&rows[i].from, &rows[i].to, NOW, rows[i].bypass) != rows[i].outcome)
            fail_msg("row %zu", i);
}

static void test_a_new_version_has_what_was_asked_or_the_buckets_default(void **state)
{
    static char days[] = "{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":"
                         "{\"Mode\":\"GOVERNANCE\",\"Days\":2}}}";
    static char years[] = "{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":"
                          "{\"Mode\":\"COMPLIANCE\",\"Years\":1}}}";
    static char bare[] = "{\"ObjectLockEnabled\":\"Enabled\"}";
    const struct bucket open = {0}, with_days = {.object_lock = days}, with_years = {.object_lock = years},
                        with_none = {.object_lock = bare};
    struct object_lock lock = none;
    (void)state;
    assert_int_equal(lock_of_new(&open, NOW, &lock, NULL), 0);
    assert_null(lock.mode);
    assert_int_equal(lock_of_new(&with_none, NOW, &lock, NULL), 0);
    assert_null(lock.mode);
    assert_int_equal(lock_of_new(&with_days, NOW, &lock, NULL), 0);
    assert_ptr_equal(lock.mode, LOCK_GOVERNANCE);
    assert_int_equal(lock.until_ms, NOW + 2 * DAY_MS);
    lock = none;
    assert_int_equal(lock_of_new(&with_years, NOW, &lock, NULL), 0);
    assert_ptr_equal(lock.mode, LOCK_COMPLIANCE);
    assert_int_equal(lock.until_ms, NOW + 365 * DAY_MS);
    lock = locked("COMPLIANCE", NOW + 1);
    assert_int_equal(lock_of_new(&with_days, NOW, &lock, NULL), 0);
    assert_ptr_equal(lock.mode, LOCK_COMPLIANCE);
    assert_int_equal(lock.until_ms, NOW + 1);
    assert_int_equal(lock_of_new(&open, NOW, &lock, NULL), S3_E_REQUEST);
    lock = (struct object_lock){.hold = HOLD_ON};
    assert_int_equal(lock_of_new(&open, NOW, &lock, NULL), S3_E_REQUEST);
}

static void test_configurations(void **state)
{
    static const struct {
        const char *rule;
        int outcome;
    } rows[] = {
        {"{}", S3_E_XML},
        {"{\"ObjectLockEnabled\":\"Enabled\"}", 0},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\"}}}",
         S3_E_XML},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Days\":1}}}", S3_E_XML},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\","
         "\"Days\":1,\"Years\":1}}}",
         S3_E_XML},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\","
         "\"Days\":0}}}",
         S3_E_ARGUMENT},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\","
         "\"Days\":36500}}}",
         0},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\","
         "\"Days\":36501}}}",
         S3_E_ARGUMENT},
        {"{\"ObjectLockEnabled\":\"Enabled\",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"GOVERNANCE\","
         "\"Years\":101}}}",
         S3_E_ARGUMENT},
    };
    const struct bucket versioned = {.versioning = VERSIONING_ENABLED}, plain = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *document = NULL;
        assert_int_equal(json_parse(str_of(rows[i].rule), &document, NULL), 0);
        if (object_lock_check(NULL, &versioned, document, NULL) != rows[i].outcome)
            fail_msg("%s", rows[i].rule);
        if (rows[i].outcome == 0)
            assert_int_equal(object_lock_check(NULL, &plain, document, NULL), S3_E_BUCKET_STATE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_version_goes_when_nothing_holds_it),
        cmocka_unit_test(test_retention_grows_and_is_shortened_by_few),
        cmocka_unit_test(test_a_new_version_has_what_was_asked_or_the_buckets_default),
        cmocka_unit_test(test_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
