/* Documents are found under their own ids, until they are dropped or another takes their slot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "services/kept.h"
#include "wire/json.h"

static struct kept kept = KEPT_INIT;

static void put(const char *id, int value)
{
    CLEANUP(json_free) json_t *document = json_integer(value);

    kept_put(&kept, id, document, "1");
}

/* 0: none. */
static json_int_t found(const char *id)
{
    CLEANUP(json_free) json_t *document = kept_find(&kept, id);

    return json_integer_value(document);
}

static void test_a_document_is_found_under_its_own_id_until_it_is_dropped(void **state)
{
    (void)state;
    put("a", 1);
    put("b", 2);
    assert_int_equal(found("a"), 1);
    assert_int_equal(found("b"), 2);
    assert_int_equal(found("c"), 0);
    kept_drop(&kept, "c");
    kept_drop(&kept, "a");
    kept_drop(&kept, "a");
    assert_int_equal(found("a"), 0);
    assert_int_equal(found("b"), 2);
}

static void test_one_that_takes_a_slot_is_not_taken_for_the_one_before(void **state)
{
    char id[ID_UUID_SIZE];

    (void)state;
    for (int i = 1; i <= 4 * KEPT_SLOTS; i++) {
        (void)snprintf(id, sizeof(id), "id-%d", i);
        put(id, i);
    }
    assert_int_equal(found(id), 4 * KEPT_SLOTS);
    for (int i = 1; i <= 4 * KEPT_SLOTS; i++) {
        (void)snprintf(id, sizeof(id), "id-%d", i);
        assert_true(found(id) == 0 || found(id) == i);
        kept_drop(&kept, id);
        assert_int_equal(found(id), 0);
    }
}

static void test_a_long_one_is_not_kept(void **state)
{
    static char text[KEPT_TEXT_MAX + 2];
    CLEANUP(json_free) json_t *document = json_integer(1);

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    kept_put(&kept, "long", document, text);
    assert_int_equal(found("long"), 0);
    text[KEPT_TEXT_MAX] = '\0';
    kept_put(&kept, "long", document, text);
    assert_int_equal(found("long"), 1);
    kept_drop(&kept, "long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_is_found_under_its_own_id_until_it_is_dropped),
        cmocka_unit_test(test_one_that_takes_a_slot_is_not_taken_for_the_one_before),
        cmocka_unit_test(test_a_long_one_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
