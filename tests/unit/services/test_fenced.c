/* What write transactions leave in memory for the next. */
#include "base/io.h"
#include "services/fenced.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define MANY 1000

static char folder[64];
static struct db *db;
static struct tx *tx;
static size_t freed;

static void free_value(void *value)
{
    free(value);
    freed++;
}

static struct fenced fenced = FENCED_INIT(free_value);

static int set_up(void **state UNUSED)
{
    static const struct db_migration table[] = {{1, "CREATE TABLE a_b (c BIGINT NOT NULL)"}};
    const struct db_schema schema = {"a", table, 1};
    const char *failed = NULL;
    char path[96];

    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-fenced-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &schema, 1, &failed), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    freed = 0;
    return 0;
}

static int tear_down(void **state UNUSED)
{
    db_end(&tx);
    db_close(&db);
    fenced_drop_all(&fenced);
    return io_remove_tree(folder);
}

static void next(void)
{
    assert_int_equal(tx_exec(tx, "INSERT INTO a_b (c) VALUES (1)", ""), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_begin(db, &tx), 0);
}

static void put(const char *text)
{
    fenced_put(&fenced, tx, text, str_dup(str_of(text)));
}

/* Whether it is there; gone afterwards. */
static bool took(const char *text)
{
    char *value = fenced_take(&fenced, tx, text);
    bool found = value;

    assert_true(!found || strcmp(value, text) == 0);
    free(value);
    return found;
}

static void what_is_put_is_taken_once(void **state UNUSED)
{
    put("a");
    next();
    assert_false(took("b"));
    assert_true(took("a"));
    assert_false(took("a"));
    put("a");
    put("a");
    fenced_drop(&fenced, tx, "a");
    assert_false(took("a"));
    assert_int_equal(freed, 2);
}

static void of_many_the_last_of_each_place_are_there(void **state UNUSED)
{
    size_t found = 0;

    for (int i = 0; i < MANY; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", i);
        put(key);
        fenced_drop(&fenced, tx, "none");
    }
    for (int i = 0; i < MANY; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", i);
        found += took(key);
    }
    assert_in_range(found, FENCED_SLOTS / 2, FENCED_SLOTS);
    assert_int_equal(found + freed, MANY);
}

static void after_something_was_undone_nothing_is_there(void **state UNUSED)
{
    put("a");
    next();
    put("b");
    assert_int_equal(tx_exec(tx, "INSERT INTO a_b (c) VALUES (2)", ""), 0);
    db_end(&tx);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_false(took("b"));
    assert_false(took("a"));
    assert_int_equal(freed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_taken_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_many_the_last_of_each_place_are_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_something_was_undone_nothing_is_there, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
