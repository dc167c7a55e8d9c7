/* Lifecycle rules: what they look at and when something is due; the keeper over a bucket on a clock that the
 * test steps. */
#include "services/s3/lifecycle.h"
#include "house.h"
#include "base/clock.h"
#include "base/wake.h"
#include "services/s3/multipart.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include <stdatomic.h>

#define BUCKET "rules"
#define DAY_MS INT64_C(86400000)
#define MIDNIGHT (INT64_C(20000) * DAY_MS)
#define NOON (MIDNIGHT + DAY_MS / 2)

static _Atomic int64_t now_ms = NOON;

static int64_t stepped_clock(void)
{
    return atomic_load(&now_ms);
}

static json_t *parsed(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

/* ---- the rules alone */

static void test_due_is_the_midnight_after(void **state)
{
    (void)state;
    assert_int_equal(lifecycle_due_ms(MIDNIGHT, 1), MIDNIGHT + DAY_MS);
    assert_int_equal(lifecycle_due_ms(MIDNIGHT + 1, 1), MIDNIGHT + 2 * DAY_MS);
    assert_int_equal(lifecycle_due_ms(NOON, 30), MIDNIGHT + 31 * DAY_MS);
    assert_int_equal(lifecycle_due_ms(NOON, INT64_MAX), INT64_MAX);
}

static void test_filters(void **state)
{
    static const struct {
        const char *rule;
        bool applies;
    } rows[] = {
        {"{\"Status\":\"Enabled\",\"Filter\":{}}", true},
        {"{\"Status\":\"Disabled\",\"Filter\":{}}", false},
        {"{\"Status\":\"Enabled\",\"Prefix\":\"\"}", true},
        {"{\"Status\":\"Enabled\",\"Prefix\":\"logs/\"}", true},
        {"{\"Status\":\"Enabled\",\"Prefix\":\"Logs/\"}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\"logs/a\"}}", true},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\"logs/ab\"}}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"Tag\":{\"Key\":\"k\",\"Value\":\"v\"}}}", true},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"Tag\":{\"Key\":\"k\",\"Value\":\"w\"}}}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"Tag\":{\"Key\":\"K\",\"Value\":\"v\"}}}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"ObjectSizeGreaterThan\":99}}", true},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"ObjectSizeGreaterThan\":100}}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"ObjectSizeLessThan\":101}}", true},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"ObjectSizeLessThan\":100}}", false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"And\":{\"Prefix\":\"logs/"
         "\",\"Tag\":[{\"Key\":\"k\",\"Value\":\"v\"},"
         "{\"Key\":\"l\",\"Value\":\"\"}]}}}",
         true},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"And\":{\"Prefix\":\"logs/"
         "\",\"Tag\":[{\"Key\":\"k\",\"Value\":\"v\"},"
         "{\"Key\":\"m\",\"Value\":\"\"}]}}}",
         false},
        {"{\"Status\":\"Enabled\",\"Filter\":{\"And\":{\"Prefix\":\"x\",\"ObjectSizeLessThan\":1000}}}",
         false},
    };
    const struct lifecycle_object object = {STR("logs/a"), 100, "{\"k\":\"v\",\"l\":\"\"}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *rule = parsed(rows[i].rule);
        if (lifecycle_applies(rule, &object) != rows[i].applies)
            fail_msg("%s", rows[i].rule);
    }
}

static void test_the_first_to_end_an_object_is_told(void **state)
{
    CLEANUP(json_free)
    json_t *rules =
        parsed("{\"Rule\":["
               "{\"ID\":\"late\",\"Status\":\"Enabled\",\"Filter\":{},\"Expiration\":{\"Days\":9}},"
               "{\"ID\":\"old\",\"Status\":\"Enabled\",\"Prefix\":\"a\",\"NoncurrentVersionExpiration\":{"
               "\"NoncurrentDays\":1}},"
               "{\"ID\":\"off\",\"Status\":\"Disabled\",\"Filter\":{},\"Expiration\":{\"Days\":1}},"
               "{\"ID\":\"soon\",\"Status\":\"Enabled\",\"Prefix\":\"a\",\"Expiration\":{\"Days\":3}}]}");
    const struct lifecycle_object a = {STR("a"), 1, NULL}, b = {STR("b"), 1, NULL};
    int64_t at_ms = 0;
    (void)state;
    assert_string_equal(json_str(lifecycle_first(rules, &a, NOON, &at_ms), "ID", ""), "soon");
    assert_int_equal(at_ms, MIDNIGHT + 4 * DAY_MS);
    assert_string_equal(json_str(lifecycle_first(rules, &b, NOON, &at_ms), "ID", ""), "late");
}

/* ---- what a configuration may say */

static void test_configurations(void **state)
{
    static const struct {
        const char *rule; /* its members beside Status */
        int outcome;
    } rows[] = {
        {"\"Filter\":{},\"Expiration\":{\"Days\":1}", 0},
        {"\"Prefix\":\"\",\"Expiration\":{\"Days\":1}", 0},
        {"\"Expiration\":{\"Days\":1}", S3_E_XML},
        {"\"Filter\":{},\"Prefix\":\"\",\"Expiration\":{\"Days\":1}", S3_E_XML},
        {"\"Filter\":{\"Prefix\":\"a\",\"ObjectSizeLessThan\":1},\"Expiration\":{\"Days\":1}", S3_E_XML},
        {"\"Filter\":{}", S3_E_REQUEST},
        {"\"Filter\":{},\"Expiration\":{\"Days\":0}", S3_E_ARGUMENT},
        {"\"Filter\":{},\"Expiration\":{\"Days\":1,\"Date\":0}", S3_E_XML},
        {"\"Filter\":{},\"Expiration\":{\"Date\":86400000}", 0},
        {"\"Filter\":{},\"Expiration\":{\"Date\":86400001}", S3_E_ARGUMENT},
        {"\"Filter\":{},\"Expiration\":{}", S3_E_XML},
        {"\"Filter\":{\"Tag\":{\"Key\":\"k\",\"Value\":\"v\"}},\"Expiration\":{\"ExpiredObjectDeleteMarker\":"
         "true}",
         S3_E_REQUEST},
        {"\"Filter\":{\"Tag\":{\"Key\":\"k\",\"Value\":\"v\"}},\"AbortIncompleteMultipartUpload\":{"
         "\"DaysAfterInitiation\":1}",
         S3_E_REQUEST},
        {"\"Filter\":{},\"AbortIncompleteMultipartUpload\":{\"DaysAfterInitiation\":0}", S3_E_ARGUMENT},
        {"\"Filter\":{},\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":0}", S3_E_ARGUMENT},
        {"\"Filter\":{},\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":1,\"NewerNoncurrentVersions\":"
         "101}",
         S3_E_ARGUMENT},
        {"\"Filter\":{\"And\":{\"ObjectSizeGreaterThan\":5,\"ObjectSizeLessThan\":5}},\"Expiration\":{"
         "\"Days\":1}",
         S3_E_REQUEST},
        {"\"Filter\":{},\"Transition\":{\"Days\":1}", S3_E_NOT_IMPLEMENTED},
        {"\"Filter\":{},\"Expiration\":{\"Days\":1},\"ID\":\"x\"},{\"Status\":\"Enabled\",\"Filter\":{},"
         "\"Expiration\":{\"Days\":1},\"ID\":\"x\"",
         S3_E_ARGUMENT},
    };
    struct house *house = *state;
    CLEANUP(db_end) struct tx *tx = NULL;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(1024);
        buf_printf(&text, "{\"Rule\":[{\"Status\":\"Enabled\",%s}]}", rows[i].rule);
        CLEANUP(json_free) json_t *document = parsed(text.ptr);
        if (lifecycle_check(tx, NULL, document, NULL) != rows[i].outcome)
            fail_msg("%s", rows[i].rule);
        if (rows[i].outcome == 0) /* it has got a name */
            assert_non_null(json_str(json_path(document, "Rule.0"), "ID", NULL));
    }
}

/* ---- the keeper */

static void set_rules(struct house *house, const char *rules)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(json_free) json_t *document = parsed(rules);
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(bucket_set(tx, BUCKET, SETTING_LIFECYCLE, document, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
}

static int setup(void **state)
{
    struct house *house = house_new();
    CLEANUP(db_end) struct tx *tx = NULL;
    atomic_store(&now_ms, NOON);
    clock_set(stepped_clock);
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(bucket_create(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, NULL), 0);
    assert_int_equal(bucket_set_versioning(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, "Enabled", NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    clock_set(NULL);
    house_free(*state);
    return 0;
}

static void put(struct house *house, const char *key, const char *tags)
{
    assert_int_equal(house_put(house, &(struct house_object){BUCKET, key, STR("some bytes"), tags}), 0);
}

static void delete_current(struct house *house, const char *key)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    const struct origin origin = {0};
    struct deletion unread;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), 0);
    assert_int_equal(object_delete(tx, &house->platform, &bucket, &origin, key, NULL, &unread), 0);
    assert_int_equal(db_commit(&tx), 0);
}

static int64_t objects_left(struct house *house)
{
    return house_count(house, "SELECT COUNT(*) FROM s3_object WHERE marker = 0");
}

static int64_t markers_left(struct house *house)
{
    return house_count(house, "SELECT COUNT(*) FROM s3_object WHERE marker = 1");
}

/* Passes at that time, until what they are to leave is left; a further one changes nothing. */
static void pass_at(struct house *house, int64_t at_ms, int64_t objects, int64_t markers)
{
    atomic_store(&now_ms, at_ms);
    for (int pass = 0; pass < 2; pass++) {
        int64_t until_ms = clock_mono_ms() + 20000;
        do {
            wake_signal(LIFECYCLE_TOPIC);
            if (clock_mono_ms() > until_ms)
                fail_msg("%lld objects and %lld markers are left", (long long)objects_left(house),
                         (long long)markers_left(house));
        } while (objects_left(house) != objects || markers_left(house) != markers);
    }
}

static void test_an_object_ends_at_its_midnight(void **state)
{
    struct house *house = *state;
    put(house, "logs/a", NULL);
    put(house, "kept", NULL);
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\"logs/"
                     "\"},\"Expiration\":{\"Days\":1}}]}");
    pass_at(house, MIDNIGHT + 2 * DAY_MS - 1, 2, 0);
    pass_at(house, MIDNIGHT + 2 * DAY_MS, 2, 1);
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_object WHERE marker = 1 AND key = 'logs/a'"),
                     1);
}

static void test_noncurrent_versions_age_from_their_successor(void **state)
{
    struct house *house = *state;
    put(house, "k", NULL);
    atomic_store(&now_ms, NOON + 5 * DAY_MS);
    put(house, "k", NULL);
    atomic_store(&now_ms, NOON + 6 * DAY_MS);
    put(house, "k", NULL);
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{},\"NoncurrentVersionExpiration\":{"
                     "\"NoncurrentDays\":2}}]}");
    pass_at(house, MIDNIGHT + 8 * DAY_MS - 1, 3, 0);
    pass_at(house, MIDNIGHT + 8 * DAY_MS, 2, 0);
    pass_at(house, MIDNIGHT + 9 * DAY_MS, 1, 0);
}

static void test_the_newest_noncurrent_versions_stay(void **state)
{
    struct house *house = *state;
    for (int i = 0; i < 5; i++)
        put(house, "k", NULL);
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{},\"NoncurrentVersionExpiration\":"
                     "{\"NoncurrentDays\":1,\"NewerNoncurrentVersions\":3}}]}");
    pass_at(house, MIDNIGHT + 9 * DAY_MS, 4, 0);
}

static void test_a_marker_goes_when_nothing_is_behind_it(void **state)
{
    struct house *house = *state;
    put(house, "k", NULL);
    delete_current(house, "k");
    delete_current(house, "never");
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{},\"Expiration\":{"
                     "\"ExpiredObjectDeleteMarker\":true},"
                     "\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":3}}]}");
    pass_at(house, NOON, 1, 1);
    pass_at(house, MIDNIGHT + 4 * DAY_MS, 0, 0);
}

static void test_tags_and_locks_decide(void **state)
{
    struct house *house = *state;
    put(house, "a", "{\"class\":\"tmp\"}");
    put(house, "b", "{\"class\":\"release\"}");
    put(house, "b", "{\"class\":\"tmp\"}");
    {
        CLEANUP(db_end) struct tx *tx = NULL;
        assert_int_equal(db_begin(house->platform.db, &tx), 0);
        assert_int_equal(tx_exec(tx, "UPDATE s3_object SET legal_hold = 1 WHERE key = 'b'", ""), 0);
        assert_int_equal(db_commit(&tx), 0);
    }
    set_rules(house,
              "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{\"Tag\":{\"Key\":\"class\",\"Value\":\"tmp\"}},"
              "\"Expiration\":{\"Days\":1},\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":1}}]}");
    pass_at(house, MIDNIGHT + 2 * DAY_MS, 3, 2);
    pass_at(house, MIDNIGHT + 9 * DAY_MS, 2, 2); /* markers have no tags: they stay */
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_object WHERE marker = 0 AND key = 'b'"), 2);
}

static void test_uploads_under_way_are_aborted(void **state)
{
    struct house *house = *state;
    {
        CLEANUP(db_end) struct tx *tx = NULL;
        struct multipart upload = {0};
        assert_int_equal(db_begin(house->platform.db, &tx), 0);
        assert_int_equal(multipart_create(tx, BUCKET, "logs/big", &upload), 0);
        assert_int_equal(multipart_create(tx, BUCKET, "other", &upload), 0);
        assert_int_equal(db_commit(&tx), 0);
    }
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\"logs/\"},"
                     "\"AbortIncompleteMultipartUpload\":{\"DaysAfterInitiation\":2}}]}");
    pass_at(house, MIDNIGHT + 3 * DAY_MS - 1, 0, 0);
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_upload"), 2);
    pass_at(house, MIDNIGHT + 3 * DAY_MS, 0, 0);
    for (int64_t until_ms = clock_mono_ms() + 10000;
         house_count(house, "SELECT COUNT(*) FROM s3_upload") != 1;)
        assert_true(clock_mono_ms() < until_ms);
    assert_int_equal(house_count(house, "SELECT COUNT(*) FROM s3_upload WHERE key = 'other'"), 1);
}

static void test_a_walk_goes_past_its_first_page(void **state)
{
    struct house *house = *state;
    char key[32];
    for (int i = 0; i < 1100; i++) {
        snprintf(key, sizeof(key), "k%04d", i / 2);
        put(house, key, NULL);
    }
    set_rules(house, "{\"Rule\":[{\"Status\":\"Enabled\",\"Filter\":{},\"NoncurrentVersionExpiration\":{"
                     "\"NoncurrentDays\":1}}]}");
    pass_at(house, MIDNIGHT + 3 * DAY_MS, 550, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_is_the_midnight_after),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_the_first_to_end_an_object_is_told),
        cmocka_unit_test_setup_teardown(test_configurations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_object_ends_at_its_midnight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noncurrent_versions_age_from_their_successor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newest_noncurrent_versions_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_marker_goes_when_nothing_is_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tags_and_locks_decide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uploads_under_way_are_aborted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_walk_goes_past_its_first_page, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
