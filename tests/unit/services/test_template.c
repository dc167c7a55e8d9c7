/* Templates without a server: functions, references, order, differences, transitions. */
#include "services/cloudformation/changes.h"
#include "services/cloudformation/graph.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "services/cloudformation/scope.h"
#include "services/cloudformation/store.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAD                                                                                                 \
    "Mappings: {M: {k: {v: 7, l: [x, y]}}}\n"                                                                \
    "Conditions: {Yes: !Equals [a, a], No: !Not [!Condition Yes]}\n"                                         \
    "Resources:\n  Q: {Type: AWS::SQS::Queue}\n  New: {Type: AWS::SQS::Queue}\n"

struct fixture {
    struct template *template;
    json_t *values, *known, *exports, *conditions;
    struct reason why;
    struct scope scope;
};

static void open_scope(struct fixture *f)
{
    *f = (struct fixture){
        .values = json_pack("{s:s, s:[s,s]}", "P", "pv", "L", "l1", "l2"),
        .known = json_pack("{s:{s:s, s:{s:s}}}", "Q", "id", "q-url", "attributes", "Arn", "q-arn"),
        .exports = json_pack("{s:s}", "E", "ev"),
        .conditions = json_object()};
    assert_int_equal(template_parse(STR(HEAD), &f->template, &f->why), 0);
    f->scope = (struct scope){.template = f->template,
                              .region = "us-east-1",
                              .account = "111111111111",
                              .stack_name = "st",
                              .stack_id = "st-id",
                              .values = f->values,
                              .resources = f->known,
                              .exports = f->exports,
                              .conditions = f->conditions,
                              .why = &f->why};
}

static void close_scope(struct fixture *f)
{
    template_free(&f->template);
    json_decref(f->values);
    json_decref(f->known);
    json_decref(f->exports);
    json_decref(f->conditions);
}

static int evaluate(struct fixture *f, const char *yaml, char **ret)
{
    CLEANUP(json_free) json_t *value = NULL;
    CLEANUP(json_free) json_t *result = NULL;

    assert_int_equal(yaml_parse(str_of(yaml), &value, NULL, NULL), 0);
    int err = scope_evaluate(&f->scope, value, &result);
    if (!err)
        *ret = json_text(result);
    return err;
}

static void functions_give_what_the_reference_says(void **state)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"!Ref P", "\"pv\""},
        {"!Ref Q", "\"q-url\""},
        {"!GetAtt Q.Arn", "\"q-arn\""},
        {"!Ref AWS::Region", "\"us-east-1\""},
        {"!Sub 'x${P}-${Q.Arn}-${!Not}-${AWS::StackName}'", "\"xpv-q-arn-${Not}-st\""},
        {"!Sub ['${A}${P}', {A: !Ref Q}]", "\"q-urlpv\""},
        {"!Join [',', [a, !Ref P, 5]]", "\"a,pv,5\""},
        {"!Join [',', !Ref L]", "\"l1,l2\""},
        {"!Select ['1', !Ref L]", "\"l2\""},
        {"!Split ['|', 'a||b']", "[\"a\",\"\",\"b\"]"},
        {"!FindInMap [M, k, v]", "7"},
        {"!FindInMap [M, k, l]", "[\"x\",\"y\"]"},
        {"!Base64 abc", "\"YWJj\""},
        {"!Cidr [192.168.0.0/24, 2, 5]", "[\"192.168.0.0/27\",\"192.168.0.32/27\"]"},
        {"!GetAZs eu-west-1", "[\"eu-west-1a\",\"eu-west-1b\",\"eu-west-1c\"]"},
        {"!ImportValue E", "\"ev\""},
        {"!If [Yes, 1, 2]", "1"},
        {"!If [No, 1, 2]", "2"},
        {"{a: !If [No, 1, !Ref AWS::NoValue], b: [!Ref AWS::NoValue, 3]}", "{\"b\":[3]}"},
        {"{Condition: {StringEquals: x}}", "{\"Condition\":{\"StringEquals\":\"x\"}}"},
    };
    struct fixture f;

    (void)state;
    open_scope(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *text = NULL;
        if (evaluate(&f, rows[i].yaml, &text))
            fail_msg("%s: %s", rows[i].yaml, f.why.text);
        assert_string_equal(text, rows[i].json);
    }
    close_scope(&f);
}

static void wrong_functions_are_refused(void **state)
{
    static const char *const rows[] = {
        "!Ref Nobody",
        "!GetAtt Q.Nope",
        "!GetAtt Nobody.Arn",
        "!Sub '${Nobody}'",
        "!Sub [a]",
        "!Join [a]",
        "!Select [9, !Ref L]",
        "!Select [x, !Ref L]",
        "!Split ['', a]",
        "!FindInMap [M, k, nope]",
        "!FindInMap [Nope, k, v]",
        "!Cidr [nope, 1, 8]",
        "!ImportValue nobody",
        "!If [Nope, 1, 2]",
        "!If [Yes, 1]",
        "!Nope x",
        "!Length [1]",
        "!Equals [a, b]",
        "{Fn::Sub: a, b: c}",
        "!Cidr [10.0.0.0/30, 9, 1]",
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        open_scope(&f);
        if (evaluate(&f, rows[i], &text) != STACK_E_INVALID)
            fail_msg("%s gave %s", rows[i], text);
        close_scope(&f);
    }
}

static void what_is_not_made_yet_is_unknown(void **state)
{
    struct fixture f;
    json_t *value = NULL;
    CLEANUP(json_free) json_t *raw = json_pack("{s:s}", "Fn::Sub", "a-${New.Arn}");

    (void)state;
    open_scope(&f);
    assert_int_equal(scope_evaluate(&f.scope, raw, &value), 0);
    assert_true(scope_unknown(value));
    json_decref(value);
    close_scope(&f);
}

static void resources_are_ordered_by_what_they_need(void **state)
{
    struct template *t = NULL;
    json_t *order = NULL, *needs = NULL;
    struct reason why = {""};

    (void)state;
    assert_int_equal(template_parse(STR("Resources:\n"
                                        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${B}'}}\n"
                                        "  B: {Type: AWS::SQS::Queue, DependsOn: [C]}\n"
                                        "  C: {Type: AWS::SQS::Queue}\n"),
                                    &t, &why),
                     0);
    assert_int_equal(graph_check(t, &why), 0);
    assert_int_equal(graph_order(t, &order, &needs, &why), 0);
    CLEANUP(free_ptr) char *text = json_text(order);
    assert_string_equal(text, "[\"C\",\"B\",\"A\"]");
    json_decref(order);
    json_decref(needs);
    template_free(&t);
}

static void circles_and_strangers_are_refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        {"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}\n"
         "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt A.Arn}}\n",
         "Circular dependency between resources: [A, B]"},
        {"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${Z.Arn}'}}\n", "[Z]"},
        {"Conditions: {C: !Equals [!Ref A, b]}\nResources:\n  A: {Type: AWS::SQS::Queue}\n",
         "Conditions block"},
        {"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !If [No, a, b]}}\n", "condition"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct template *t = NULL;
        struct reason why = {""};
        assert_int_equal(template_parse(str_of(rows[i].yaml), &t, &why), 0);
        assert_int_equal(graph_check(t, &why), STACK_E_INVALID);
        assert_non_null(strstr(why.text, rows[i].says));
        assert_non_null(strstr(why.text, "(line "));
        template_free(&t);
    }
}

static void differences_say_what_replaces(void **state)
{
    const struct resource_type *type = resource_type_find("AWS::SQS::Queue");
    CLEANUP(json_free) json_t *one = json_pack("{s:s, s:i}", "QueueName", "a", "DelaySeconds", 1);
    CLEANUP(json_free) json_t *two = json_pack("{s:s, s:i}", "QueueName", "a", "DelaySeconds", 2);
    CLEANUP(json_free) json_t *three = json_pack("{s:s}", "QueueName", "b");
    CLEANUP(json_free) json_t *none = NULL;
    CLEANUP(json_free) json_t *in_place = NULL;
    CLEANUP(json_free) json_t *both = NULL;
    bool replaces = true;

    (void)state;
    assert_int_equal(properties_difference(type, one, one, &none, &replaces), 0);
    assert_int_equal(json_array_size(none), 0);
    assert_int_equal(properties_difference(type, one, two, &in_place, &replaces), 0);
    assert_int_equal(json_array_size(in_place), 1);
    assert_false(replaces);
    assert_int_equal(properties_difference(type, one, three, &both, &replaces), 0);
    assert_int_equal(json_array_size(both), 2);
    assert_true(replaces);
}

static void stacks_move_along_the_table_only(void **state)
{
    (void)state;
    assert_true(stack_may_move("CREATE_IN_PROGRESS", "CREATE_COMPLETE"));
    assert_false(stack_may_move("ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"));
    assert_false(stack_may_move("DELETE_COMPLETE", "CREATE_IN_PROGRESS"));
    assert_true(stack_busy("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    assert_false(stack_busy("REVIEW_IN_PROGRESS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_give_what_the_reference_says),
        cmocka_unit_test(wrong_functions_are_refused),
        cmocka_unit_test(what_is_not_made_yet_is_unknown),
        cmocka_unit_test(resources_are_ordered_by_what_they_need),
        cmocka_unit_test(circles_and_strangers_are_refused),
        cmocka_unit_test(differences_say_what_replaces),
        cmocka_unit_test(stacks_move_along_the_table_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
