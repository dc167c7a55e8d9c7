/* A bucket's row is what the last change has left, whoever has read it before. */
#include "house.h"
#include "services/s3/bucket.h"
#include "services/s3/setting.h"
#include <string.h>

#define BUCKET "artifacts"

static struct tx *begin(struct house *house)
{
    struct tx *tx = NULL;
    assert_int_equal(db_begin(house->platform.db, &tx), 0);
    return tx;
}

static int setup(void **state)
{
    struct house *house = house_new();
    struct tx *tx = begin(house);
    assert_int_equal(bucket_create(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    house_free(*state);
    return 0;
}

static enum versioning versioning_in(struct tx *tx)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), 0);
    assert_string_equal(bucket.account, HOUSE_ACCOUNT);
    return bucket.versioning;
}

static int set_versioning(struct house *house, struct tx *tx, const char *status)
{
    return bucket_set_versioning(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, status, NULL);
}

static void change_is_seen_and_gone_when_undone(void **state)
{
    struct house *house = *state;
    struct tx *tx = begin(house);
    assert_int_equal(versioning_in(tx), VERSIONING_NEVER);
    assert_int_equal(set_versioning(house, tx, "Enabled"), 0);
    assert_int_equal(versioning_in(tx), VERSIONING_ENABLED);
    db_end(&tx);
    tx = begin(house);
    assert_int_equal(versioning_in(tx), VERSIONING_NEVER);
    assert_int_equal(set_versioning(house, tx, "Enabled"), 0);
    assert_int_equal(db_commit(&tx), 0);
    tx = begin(house);
    assert_int_equal(versioning_in(tx), VERSIONING_ENABLED);
    db_end(&tx);
    assert_int_equal(db_read(house->platform.db, &tx), 0);
    assert_int_equal(versioning_in(tx), VERSIONING_ENABLED);
    db_end(&tx);
}

static void texts_outlive_their_change(void **state)
{
    struct house *house = *state;
    CLEANUP(bucket_unload) struct bucket before = {0};
    CLEANUP(bucket_unload) struct bucket after = {0};
    CLEANUP(json_free) json_t *tags = json_pack("{s:s}", "team", "shop");
    CLEANUP(json_free) json_t *none = json_object();
    struct tx *tx = begin(house);
    assert_int_equal(bucket_set_tags(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, tags, NULL), 0);
    assert_int_equal(bucket_load(tx, BUCKET, &before, NULL), 0);
    assert_int_equal(bucket_set_tags(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, none, NULL), 0);
    assert_int_equal(bucket_load(tx, BUCKET, &after, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_non_null(strstr(before.tags, "shop"));
    assert_null(after.tags);
    assert_null(after.policy);
}

static void setting_is_seen(void **state)
{
    struct house *house = *state;
    CLEANUP(json_free)
    json_t *rules = json_pack("{s:[{s:s, s:s, s:{s:s}, s:{s:i}}]}", "Rules", "ID", "old", "Status", "Enabled",
                              "Filter", "Prefix", "", "Expiration", "Days", 1);
    struct tx *tx = begin(house);
    assert_int_equal(versioning_in(tx), VERSIONING_NEVER);
    assert_int_equal(bucket_set(tx, BUCKET, SETTING_LIFECYCLE, rules, NULL), 0);
    {
        CLEANUP(bucket_unload) struct bucket bucket = {0};
        assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), 0);
        assert_non_null(bucket.lifecycle);
    }
    assert_int_equal(bucket_set(tx, BUCKET, SETTING_LIFECYCLE, NULL, NULL), 0);
    {
        CLEANUP(bucket_unload) struct bucket bucket = {0};
        assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), 0);
        assert_null(bucket.lifecycle);
    }
    db_end(&tx);
}

static void removed_bucket_is_none(void **state)
{
    struct house *house = *state;
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    struct tx *tx = begin(house);
    assert_int_equal(versioning_in(tx), VERSIONING_NEVER);
    assert_int_equal(bucket_delete(tx, &house->platform, HOUSE_ACCOUNT, BUCKET, NULL), 0);
    assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), S3_E_NO_BUCKET);
    assert_int_equal(db_commit(&tx), 0);
    tx = begin(house);
    assert_int_equal(bucket_load(tx, BUCKET, &bucket, NULL), S3_E_NO_BUCKET);
    db_end(&tx);
}

static int64_t next(struct tx *tx)
{
    int64_t value = 0;
    assert_int_equal(sequence_next(tx, &value), 0);
    return value;
}

static void sequence_goes_on_after_a_restart(void **state)
{
    struct house *house = *state;
    struct tx *tx = begin(house);
    int64_t first = next(tx);
    assert_int_equal(next(tx), first + 1);
    assert_int_equal(db_commit(&tx), 0);
    tx = begin(house);
    assert_int_equal(next(tx), first + 2);
    db_end(&tx);
    house_restart(house);
    tx = begin(house);
    assert_true(next(tx) > first + 1);
    assert_int_equal(db_commit(&tx), 0);
}

static void numbers_that_were_reserved_by_what_is_undone_are_reserved_again(void **state)
{
    struct house *house = *state;
    struct tx *tx = NULL;
    int64_t used = 0;
    house_restart(house); /* nothing is reserved */
    tx = begin(house);
    int64_t undone = next(tx);
    db_end(&tx);
    for (int i = 0; i < 200; i++) {
        tx = begin(house);
        int64_t one = next(tx);
        assert_true(one > used && one >= undone);
        used = one;
        assert_int_equal(db_commit(&tx), 0);
    }
    house_restart(house);
    tx = begin(house);
    assert_true(next(tx) > used);
    db_end(&tx);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(change_is_seen_and_gone_when_undone),
        CASE(texts_outlive_their_change),
        CASE(setting_is_seen),
        CASE(removed_bucket_is_none),
        CASE(sequence_goes_on_after_a_restart),
        CASE(numbers_that_were_reserved_by_what_is_undone_are_reserved_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
