/* The catalog: strict reading with places, most specific rule first. */
#include "workers/catalog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ENVIRONMENTS                                                                                         \
    "environments:\n"                                                                                        \
    "  dev: {account: \"222222222222\"}\n"                                                                   \
    "  prod: {account: \"444444444444\"}\n"

static struct catalog *parse(const char *text)
{
    struct catalog *catalog = NULL;
    struct reason why = {0};
    int r = catalog_parse(str_of(text), &catalog, &why);

    if (r)
        fail_msg("%d: %s", r, why.text);
    return catalog;
}

static void assert_bad(const char *text, const char *expected)
{
    struct catalog *catalog = NULL;
    struct reason why = {0};

    assert_int_equal(catalog_parse(str_of(text), &catalog, &why), CATALOG_E_BAD);
    assert_null(catalog);
    if (!strstr(why.text, expected))
        fail_msg("'%s' is not in '%s'", expected, why.text);
}

static const char *rule_of(const struct catalog *catalog, const char *account, const char *app,
                           const char *branch)
{
    const struct catalog_rule *rule = catalog_match(catalog, str_of(account), str_of(app), str_of(branch));

    return rule ? rule->name : "none";
}

static void the_most_specific_rule_wins_whatever_the_order(void **state UNUSED)
{
    struct catalog *catalog =
        parse(ENVIRONMENTS
              "rules:\n"
              "  - {name: any, app: '*', template: t, environments: [dev]}\n"
              "  - {name: features, app: shop, branch: 'feature/*', template: f, environments: [dev]}\n"
              "  - {name: main, app: shop, branch: main, template: m, environments: [dev, prod]}\n"
              "  - {name: owner, account: '555555555555', branch: 'x*', template: m, environments: [dev]}\n");

    assert_string_equal(rule_of(catalog, "555555555555", "shop", "main"), "main");
    assert_string_equal(rule_of(catalog, "555555555555", "shop", "feature/a/b"), "features");
    assert_string_equal(rule_of(catalog, "555555555555", "shop", "xyz"), "owner");
    assert_string_equal(rule_of(catalog, "666666666666", "shop", "xyz"), "any");
    catalog_free(&catalog);
}

static void no_rule_is_no_rule(void **state UNUSED)
{
    struct catalog *catalog =
        parse(ENVIRONMENTS "rules:\n  - {name: a, app: shop, template: t, environments: [dev]}\n");

    assert_string_equal(rule_of(catalog, "555555555555", "shopping", "main"), "none");
    catalog_free(&catalog);
    catalog = parse(ENVIRONMENTS "rules: []\n");
    assert_string_equal(rule_of(catalog, "555555555555", "shop", "main"), "none");
    catalog_free(&catalog);
}

static void a_rule_holds_all_that_it_says(void **state UNUSED)
{
    struct catalog *catalog = parse(ENVIRONMENTS "rules:\n"
                                                 "  - name: main\n"
                                                 "    app: shop\n"
                                                 "    template: shop-main\n"
                                                 "    environments: [prod, dev]\n"
                                                 "    protected: true\n"
                                                 "    parameters: {Owner: team, Retries: 3, Loud: false}\n");
    const struct catalog_rule *rule = &catalog->rules[0];

    assert_int_equal(catalog->rule_count, 1);
    assert_true(rule->is_protected);
    assert_string_equal(rule->template, "shop-main");
    assert_int_equal(rule->environment_count, 2);
    assert_string_equal(rule->environments[0]->account, "444444444444");
    assert_string_equal(json_string_value(json_object_get(rule->parameters, "Owner")), "team");
    assert_string_equal(json_string_value(json_object_get(rule->parameters, "Retries")), "3");
    assert_string_equal(json_string_value(json_object_get(rule->parameters, "Loud")), "false");
    assert_string_equal(rule->account, "*");
    catalog_free(&catalog);
}

static void mistakes_are_refused_with_their_place(void **state UNUSED)
{
    assert_bad("rules: []\n", "'environments' is missing");
    assert_bad("[]", "must be a mapping");
    assert_bad(ENVIRONMENTS "rules: []\nrule: []\n", "line 5: rule: there is no 'rule' here");
    assert_bad("environments:\n  dev: {account: '22'}\nrules: []\n", "environments/dev/account");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, template: t, environments: [qa]}\n", "'qa' is not among");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, template: t, environments: [dev, dev]}\n", "named twice");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, template: ../t, environments: [dev]}\n",
               "rules/0/template: '../t' must be");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, environments: [dev]}\n", "'template' is missing");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, template: t, environments: [dev], protected: 1}\n",
               "must be true or false");
    assert_bad(ENVIRONMENTS "rules:\n"
                            "  - {name: a, template: t, environments: [dev]}\n"
                            "  - {name: b, template: t, environments: [dev]}\n",
               "line 6: rules/1: rule 'a' is for the same");
    assert_bad(ENVIRONMENTS "rules:\n  - {name: a, template: t, environments: [dev], parameters: {A-B: x}}\n",
               "not a parameter's name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_rule_wins_whatever_the_order),
        cmocka_unit_test(no_rule_is_no_rule),
        cmocka_unit_test(a_rule_holds_all_that_it_says),
        cmocka_unit_test(mistakes_are_refused_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
