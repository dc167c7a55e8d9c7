/* Conditions: Fn::And, Fn::Or, Fn::Not, Fn::Equals, Condition. */
#include "services/cloudformation/scope.h"
#include "wire/json.h"

#define CONDITION_DEPTH_MAX 64

static int operands(struct scope *s, const json_t *argument, size_t min, size_t max, const char *name)
{
    size_t count = json_array_size(argument);

    if (json_is_array(argument) && count >= min && count <= max)
        return 0;
    return scope_fail(s, "%s takes a list of %zu to %zu conditions", name, min, max);
}

static int condition_any(struct scope *s, const json_t *list, bool wanted, bool *ret)
{
    size_t index;
    json_t *item;

    *ret = !wanted;
    json_array_foreach (list, index, item) {
        bool holds = false;
        size_t mark = where_down_index(&s->where, index);
        int err = condition_evaluate(s, item, &holds);
        if (err)
            return err;
        where_up(&s->where, mark);
        if (holds == wanted)
            *ret = wanted;
    }
    return 0;
}

static int condition_and(struct scope *s, const json_t *argument, bool *ret)
{
    int err = operands(s, argument, 2, 10, "Fn::And");

    return err ? err : condition_any(s, argument, false, ret);
}

static int condition_or(struct scope *s, const json_t *argument, bool *ret)
{
    int err = operands(s, argument, 2, 10, "Fn::Or");

    return err ? err : condition_any(s, argument, true, ret);
}

static int condition_not(struct scope *s, const json_t *argument, bool *ret)
{
    bool holds = false;
    int err = operands(s, argument, 1, 1, "Fn::Not");

    if (!err)
        err = condition_evaluate(s, json_array_get(argument, 0), &holds);
    *ret = !holds;
    return err;
}

static int condition_equals(struct scope *s, const json_t *argument, bool *ret)
{
    CLEANUP(json_free) json_t *values = NULL;

    if (json_array_size(argument) != 2)
        return scope_fail(s, "Fn::Equals takes a list of two values");
    int err = scope_evaluate(s, argument, &values);
    if (err)
        return err;
    CLEANUP(json_free) json_t *left = scope_text(json_array_get(values, 0));
    CLEANUP(json_free) json_t *right = scope_text(json_array_get(values, 1));
    *ret = left && right ? json_equal(left, right) == 1
                         : json_equal(json_array_get(values, 0), json_array_get(values, 1)) == 1;
    return 0;
}

static int condition_named(struct scope *s, const json_t *argument, bool *ret)
{
    if (!json_is_string(argument))
        return scope_fail(s, "Condition takes the name of a condition");
    return scope_condition(s, json_string_value(argument), ret);
}

static const struct operator_row {
    const char *name;
    int (*run)(struct scope *s, const json_t *argument, bool *ret);
} operators[] = {
    {"Fn::And", condition_and},       {"Fn::Or", condition_or},       {"Fn::Not", condition_not},
    {"Fn::Equals", condition_equals}, {"Condition", condition_named},
};

int condition_evaluate(struct scope *s, const json_t *expression, bool *ret)
{
    if (json_object_size(expression) != 1)
        return scope_fail(s, "a condition is one of Fn::And, Fn::Or, Fn::Not, Fn::Equals, Condition");
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)expression));
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (strcmp(operators[i].name, name) != 0)
            continue;
        size_t mark = where_down(&s->where, name);
        int err = operators[i].run(s, json_object_get(expression, name), ret);
        if (!err)
            where_up(&s->where, mark);
        return err;
    }
    return scope_fail(s, "%.100s is no condition function", name);
}

int scope_condition(struct scope *s, const char *name, bool *ret)
{
    bool holds = false;
    const json_t *known = json_object_get(s->conditions, name);
    const json_t *declared = json_object_get(s->template->conditions, name);

    if (known) {
        *ret = json_is_true(known);
        return 0;
    }
    if (!declared)
        return scope_fail(s, "Unresolved condition dependency %.255s in the Conditions block of the template",
                          name);
    if (s->condition_depth >= CONDITION_DEPTH_MAX)
        return scope_fail(s, "Circular dependency between conditions, at %.255s", name);
    struct where back = s->where;
    where_set(&s->where, "Conditions");
    (void)where_down(&s->where, name);
    s->condition_depth++;
    int err = condition_evaluate(s, declared, &holds);
    s->condition_depth--;
    if (err)
        return err;
    s->where = back;
    *ret = holds;
    return json_put_bool(s->conditions, name, holds);
}

int scope_conditions(struct scope *s)
{
    const char *name;
    json_t *value;
    bool holds;
    int err = 0;

    json_object_foreach ((json_t *)(uintptr_t)s->template->conditions, name, value)
        if (!err)
            err = scope_condition(s, name, &holds);
    return err;
}
