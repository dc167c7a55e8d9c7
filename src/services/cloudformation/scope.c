/* Evaluation: the walk over values, references and pseudo parameters. */
#include "services/cloudformation/scope.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "wire/json.h"
#include <stdarg.h>
#include <stdio.h>

int scope_fail(struct scope *s, const char *fmt, ...)
{
    char text[600];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return template_fail(s->template, &s->where, s->why, "Template error: %s", text);
}

bool scope_unknown(const json_t *value)
{
    const char *key;
    size_t index;
    json_t *member;

    if (json_is_string(value))
        return strstr(json_string_value(value), SCOPE_UNKNOWN) != NULL;
    json_object_foreach ((json_t *)(uintptr_t)value, key, member)
        if (scope_unknown(member))
            return true;
    json_array_foreach (value, index, member)
        if (scope_unknown(member))
            return true;
    return false;
}

json_t *scope_text(const json_t *value)
{
    char text[40];

    if (json_is_string(value))
        return json_string(json_string_value(value));
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        (void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(text, sizeof(text), "%.15g", json_real_value(value));
    else
        return NULL;
    return json_string(text);
}

const char *intrinsic_name(const json_t *value)
{
    if (json_object_size(value) != 1)
        return NULL;
    const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)value));
    bool is_function = strcmp(key, "Ref") == 0 || strncmp(key, "Fn::", 4) == 0;
    return is_function ? key : NULL;
}

/* ---- references */

struct pseudo {
    const char *name;
    const char *(*value)(const struct scope *s);
};

static const char *pseudo_account(const struct scope *s)
{
    return s->account;
}

static const char *pseudo_region(const struct scope *s)
{
    return s->region;
}

static const char *pseudo_stack_id(const struct scope *s)
{
    return s->stack_id;
}

static const char *pseudo_stack_name(const struct scope *s)
{
    return s->stack_name;
}

static const char *pseudo_partition(const struct scope *s)
{
    (void)s;
    return "aws";
}

static const char *pseudo_suffix(const struct scope *s)
{
    (void)s;
    return "amazonaws.com";
}

static const struct pseudo pseudos[] = {
    {"AWS::AccountId", pseudo_account},   {"AWS::Region", pseudo_region},
    {"AWS::StackId", pseudo_stack_id},    {"AWS::StackName", pseudo_stack_name},
    {"AWS::Partition", pseudo_partition}, {"AWS::URLSuffix", pseudo_suffix},
};

/* 0 with *ret NULL when the resource is not known yet. */
static int known_resource(struct scope *s, const char *id, const json_t **ret)
{
    const json_t *declared = json_object_get(s->template->resources, id);
    bool active = true;

    if (!declared)
        return scope_fail(
            s, "Unresolved resource dependencies [%.255s] in the Resources block of the template", id);
    int err = scope_active(s, declared, &active);
    if (err)
        return err;
    if (!active)
        return scope_fail(
            s,
            "Unresolved resource dependencies [%.255s] in the Resources block of the template: its "
            "condition is false",
            id);
    *ret = json_object_get(s->resources, id);
    return 0;
}

int scope_ref(struct scope *s, const char *name, json_t **ret)
{
    const json_t *value = json_object_get(s->values, name);

    if (value) {
        *ret = json_deep_copy(value);
        return *ret ? 0 : FAULT(ENOMEM);
    }
    for (size_t i = 0; i < ARRAY_LEN(pseudos); i++)
        if (strcmp(pseudos[i].name, name) == 0) {
            *ret = json_string(pseudos[i].value(s));
            return *ret ? 0 : FAULT(ENOMEM);
        }
    if (strcmp(name, "AWS::NoValue") == 0) {
        *ret = json_null();
        return 0;
    }
    if (strcmp(name, "AWS::NotificationARNs") == 0) {
        *ret = s->notification_arns ? json_deep_copy(s->notification_arns) : json_array();
        return *ret ? 0 : FAULT(ENOMEM);
    }
    const json_t *known = NULL;
    int err = known_resource(s, name, &known);
    if (err)
        return err;
    *ret = json_string(known ? json_str(known, "id", "") : SCOPE_UNKNOWN);
    return *ret ? 0 : FAULT(ENOMEM);
}

int scope_attribute(struct scope *s, const char *logical_id, const char *attribute, json_t **ret)
{
    const json_t *known = NULL;
    int err = known_resource(s, logical_id, &known);

    if (err)
        return err;
    const char *type_name = template_resource(s->template, logical_id, "Type");
    const struct resource_type *type = resource_type_find(type_name);
    if (!type || !resource_type_has_attribute(type, attribute))
        return scope_fail(s, "resource %.200s does not support attribute type %.200s in Fn::GetAtt",
                          logical_id, attribute);
    *ret = json_string(known ? json_str(json_object_get(known, "attributes"), attribute, "") : SCOPE_UNKNOWN);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* ---- the walk */

static int evaluate_list(struct scope *s, const json_t *value, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    size_t index;
    json_t *item;

    json_array_foreach (value, index, item) {
        json_t *one = NULL;
        size_t mark = where_down_index(&s->where, index);
        int err = scope_evaluate(s, item, &one);
        if (err)
            return err;
        where_up(&s->where, mark);
        if (!json_is_null(one) && json_array_append_new(list, one))
            return FAULT(ENOMEM);
    }
    *ret = take(list);
    return 0;
}

static int evaluate_object(struct scope *s, const json_t *value, json_t **ret)
{
    CLEANUP(json_free) json_t *object = json_object();
    const char *key;
    json_t *member;

    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        json_t *one = NULL;
        size_t mark = where_down(&s->where, key);
        if (strncmp(key, "Fn::", 4) == 0)
            return scope_fail(s, "%.100s stands beside other members: a function is an object's only member",
                              key);
        int err = scope_evaluate(s, member, &one);
        if (err)
            return err;
        where_up(&s->where, mark);
        if (!json_is_null(one) && json_object_set_new(object, key, one))
            return FAULT(ENOMEM);
    }
    *ret = take(object);
    return 0;
}

static int evaluate_function(struct scope *s, const char *name, const json_t *value, json_t **ret)
{
    const struct intrinsic *intrinsic = intrinsic_find(name);
    size_t mark = where_down(&s->where, name);

    if (!intrinsic || intrinsic->is_condition)
        return scope_fail(s, "%.100s is no function that may stand here", name);
    int err = intrinsic->run(s, json_object_get(value, name), ret);
    if (!err)
        where_up(&s->where, mark);
    return err;
}

int scope_evaluate(struct scope *s, const json_t *value, json_t **ret)
{
    const char *function = intrinsic_name(value);

    if (function)
        return evaluate_function(s, function, value, ret);
    if (json_is_array(value))
        return evaluate_list(s, value, ret);
    if (json_is_object(value))
        return evaluate_object(s, value, ret);
    *ret = json_copy((json_t *)(uintptr_t)value);
    return *ret ? 0 : FAULT(ENOMEM);
}

int scope_active(struct scope *s, const json_t *item, bool *ret)
{
    const char *condition = json_str(item, "Condition", NULL);

    *ret = true;
    return condition ? scope_condition(s, condition, ret) : 0;
}
