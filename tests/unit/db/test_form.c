/* What is known of a statement by its text; whatever is doubtful may do anything. */
#include "base/base.h"
#include "db/form.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct example {
    const char *sql;
    enum form_kind kind;
};

static const struct example examples[] = {
    {"INSERT INTO t (id, a) VALUES ($1, $2)", FORM_INSERT},
    {"INSERT INTO t (id, a, b) VALUES ($2, '', 12)", FORM_INSERT},
    {"INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO NOTHING", FORM_OF_TABLE},
    {"INSERT INTO t (id) VALUES ($1) RETURNING id", FORM_OF_TABLE},
    {"INSERT INTO t (id, a) VALUES ($1, $2 + 1)", FORM_OF_TABLE},
    {"INSERT INTO t (id, a) VALUES ($1, 'it''s')", FORM_OF_TABLE},
    {"INSERT INTO t (id) VALUES ($1), ($2)", FORM_OF_TABLE},
    {"INSERT INTO t (id, a) VALUES ($1)", FORM_OF_TABLE},
    {"INSERT INTO t (id, a) VALUES ($1, (SELECT max(a) FROM t WHERE id = $1))", FORM_OF_TABLE},
    {"INSERT INTO t (id, a) VALUES ($1, (SELECT max(a) FROM u))", FORM_ANY},
    {"INSERT INTO t (id) SELECT id FROM t, u", FORM_ANY},
    {"INSERT INTO t (id) SELECT id FROM t AS x, u", FORM_ANY},
    {"INSERT INTO t (id) SELECT id FROM t LEFT JOIN u", FORM_ANY},
    {"INSERT INTO t (id) SELECT id FROM (SELECT id FROM t)", FORM_ANY},
    {"INSERT OR REPLACE INTO t (id) VALUES ($1)", FORM_ANY},
    {"UPDATE t SET a = $2, b = $3 WHERE id = $1", FORM_UPDATE},
    {"UPDATE t\n SET a = $1 WHERE id = $2", FORM_UPDATE},
    {"UPDATE t SET a = a + $2 WHERE id = $1", FORM_OF_TABLE},
    {"UPDATE t SET a = $2 WHERE id = $1 AND a = $3", FORM_OF_TABLE},
    {"UPDATE t SET a = $2 WHERE id > $1", FORM_OF_TABLE},
    {"UPDATE t SET id = $2 WHERE id = $1", FORM_OF_TABLE},
    {"UPDATE t SET a = 0 WHERE id = $1", FORM_OF_TABLE},
    {"UPDATE t SET a = $1", FORM_OF_TABLE},
    {"UPDATE t SET a = $2 WHERE id IN (SELECT id FROM u WHERE a = $1)", FORM_ANY},
    {"UPDATE t SET a = $2 WHERE id IN u", FORM_ANY},
    {"UPDATE t SET a = u.a FROM u WHERE t.id = $1", FORM_ANY},
    {"DELETE FROM t WHERE id = $1", FORM_OF_TABLE},
    {"DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id)", FORM_OF_TABLE},
    {"WITH x AS (SELECT 1) INSERT INTO t (id) VALUES ($1)", FORM_ANY},
    {"update t set a = $2 where id = $1", FORM_ANY},
    {"UPDATE \"t\" SET a = $2 WHERE id = $1", FORM_ANY},
    {"UPDATE t SET a = $ WHERE id = $1", FORM_OF_TABLE},
    {"SELECT 1", FORM_ANY},
    {"'", FORM_ANY},
    {"", FORM_ANY},
};

static void test_each_statement_has_its_form(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        struct form form;
        form_read(str_of(examples[i].sql), &form);
        if (form.kind != examples[i].kind)
            print_error("%s\n", examples[i].sql);
        assert_int_equal(form.kind, examples[i].kind);
        assert_true(form.kind == FORM_ANY || str_eqc(form.table, "t"));
    }
}

static void test_columns_have_their_parameters(void **state UNUSED)
{
    struct form form;
    form_read(STR("INSERT INTO item (id, a, b) VALUES ($3, 'x', $1)"), &form);
    assert_int_equal(form.count, 3);
    assert_true(str_eqc(form.columns[0].name, "id") && form.columns[0].parameter == 3);
    assert_true(str_eqc(form.columns[1].name, "a") && form.columns[1].parameter == 0);
    assert_true(str_eqc(form.columns[2].name, "b") && form.columns[2].parameter == 1);
    form_read(STR("UPDATE item SET b = $2, a = $3 WHERE id = $1"), &form);
    assert_int_equal(form.count, 2);
    assert_true(str_eqc(form.columns[1].name, "a") && form.columns[1].parameter == 3);
    assert_true(str_eqc(form.where.name, "id") && form.where.parameter == 1);
}

/* A table as wide as the form is known; a wider one may be anything. */
static void test_a_wide_row_is_not_known(void **state UNUSED)
{
    char sql[2048];
    for (int columns = FORM_COLUMNS; columns <= FORM_COLUMNS + 1; columns++) {
        struct form form;
        int len = snprintf(sql, sizeof(sql), "UPDATE t SET c1 = $2");
        for (int i = 2; i <= columns; i++)
            len += snprintf(sql + len, sizeof(sql) - (size_t)len, ", c%d = $%d", i, i + 1);
        (void)snprintf(sql + len, sizeof(sql) - (size_t)len, " WHERE id = $1");
        form_read(str_of(sql), &form);
        assert_int_equal(form.kind, columns == FORM_COLUMNS ? FORM_UPDATE : FORM_OF_TABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_statement_has_its_form),
        cmocka_unit_test(test_columns_have_their_parameters),
        cmocka_unit_test(test_a_wide_row_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
