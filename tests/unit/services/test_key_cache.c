/* Keys in memory: a change of any empties them, and ids without a key are remembered beside them. */
#include "services/key_cache.h"
#include "base/io.h"
#include "services/iam/service.h"
#include "services/iam/user.h"
#include "services/service.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"
#define ID "AKIAIOSFODNN7EXAMPLE"
#define OTHER_ID "AKIAI44QH8DHBEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

struct house {
    char dir[64];
    struct db *db;
    struct key_cache *keys;
};

static void create(struct house *house, const char *id)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    const struct key_spec spec = {.account = ACCOUNT, .user = "", .id = id, .secret = SECRET};
    char made_id[IAM_KEY_ID_SIZE], made_secret[IAM_SECRET_SIZE];
    assert_int_equal(db_begin(house->db, &tx), 0);
    assert_int_equal(key_create(tx, &spec, made_id, made_secret, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
}

static int setup(void **state)
{
    static struct house house;
    char path[96];
    const char *newer = NULL;
    const struct db_schema schema = {"iam", iam_service.migrations, iam_service.migration_count};
    house = (struct house){.dir = "/tmp/slipway-keys-XXXXXX"};
    assert_non_null(mkdtemp(house.dir));
    (void)snprintf(path, sizeof(path), "%s/test.db", house.dir);
    assert_int_equal(db_open(path, &house.db), 0);
    assert_int_equal(db_migrate(house.db, &schema, 1, &newer), 0);
    assert_int_equal(key_cache_new(house.db, &house.keys), 0);
    *state = &house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    key_cache_free(&house->keys);
    db_close(&house->db);
    return io_remove_tree(house->dir);
}

static int find(struct house *house, const char *id, bool may_wait)
{
    struct iam_key key;
    return key_cache_find(house->keys, id, NULL, may_wait, &key);
}

static void unknown_id_is_read_once(void **state)
{
    assert_int_equal(find(*state, ID, false), KEY_CACHE_ABSENT);
    assert_int_equal(find(*state, ID, true), IAM_NO_ENTITY);
    assert_int_equal(find(*state, ID, false), IAM_NO_ENTITY);
}

static void key_that_is_made_is_known_at_once(void **state)
{
    assert_int_equal(find(*state, ID, true), IAM_NO_ENTITY);
    create(*state, ID);
    assert_int_equal(find(*state, ID, true), 0);
    assert_int_equal(find(*state, ID, false), 0);
}

static void token_is_looked_up_whatever_its_id(void **state)
{
    struct house *house = *state;
    struct iam_key key;
    assert_int_equal(find(house, ID, true), IAM_NO_ENTITY);
    assert_int_equal(key_cache_find(house->keys, ID, "token", false, &key), KEY_CACHE_ABSENT);
}

static void unknown_ids_push_no_key_out(void **state)
{
    char id[IAM_KEY_ID_SIZE];
    create(*state, OTHER_ID);
    assert_int_equal(find(*state, OTHER_ID, true), 0);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(id, sizeof(id), "AKIA%016d", i);
        assert_int_equal(find(*state, id, true), IAM_NO_ENTITY);
    }
    assert_int_equal(find(*state, OTHER_ID, false), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(unknown_id_is_read_once),
        CASE(key_that_is_made_is_known_at_once),
        CASE(token_is_looked_up_whatever_its_id),
        CASE(unknown_ids_push_no_key_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
