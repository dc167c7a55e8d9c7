/* See plan.h. */
#include "services/cloudformation/plan.h"
#include "services/cloudformation/graph.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/parameters.h"
#include "services/cloudformation/resource.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

static int load_exports(struct tx *tx, const char *account, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *exports = json_object();
    int err =
        tx_query(tx, &rows, "SELECT name, value FROM cloudformation_export WHERE account = $1", "s", account);

    while (!err && (err = rows_next(rows)) == 0)
        err = json_put_strn(exports, rows_text(rows, 0), rows_str(rows, 1));
    if (err != DB_NONE)
        return err;
    *ret = take(exports);
    return 0;
}

static int prepare(const struct plan_source *source, struct plan *plan, struct reason *why)
{
    int err = template_parse(source->body, &plan->template, why);

    if (!err)
        err = parameters_check(plan->template, why);
    if (!err)
        err = graph_check(plan->template, why);
    if (err)
        return err;
    if (source->parameters)
        plan->parameters = json_deep_copy(source->parameters);
    else
        err = parameters_resolve(source->tx, source->platform, source->stack->account, plan->template,
                                 source->given, source->previous, &plan->parameters, why);
    if (!err)
        err = graph_order(plan->template, &plan->order, &plan->needs, why);
    if (!err)
        err = load_exports(source->tx, source->stack->account, &plan->exports);
    if (err)
        return err;
    plan->values = parameters_values(plan->template, plan->parameters);
    plan->known = json_object();
    return plan->values && plan->known ? 0 : FAULT(ENOMEM);
}

int plan_open(const struct plan_source *source, struct plan *ret, struct reason *why)
{
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    int err = prepare(source, &plan, why);

    if (err)
        return err;
    plan.scope = (struct scope){
        .template = plan.template,
        .region = source->platform->region,
        .account = source->stack->account,
        .stack_name = source->stack->name,
        .stack_id = source->stack->id,
        .values = plan.values,
        .resources = plan.known,
        .exports = plan.exports,
        .notification_arns = json_object_get(source->stack->doc, "NotificationARNs"),
        .conditions = json_object(),
        .imports = json_object(),
        .why = why,
    };
    if (!plan.scope.conditions || !plan.scope.imports)
        return FAULT(ENOMEM);
    err = scope_conditions(&plan.scope);
    if (err)
        return err;
    *ret = plan;
    plan = (struct plan){.template = NULL};
    return 0;
}

void plan_close(struct plan *plan)
{
    template_free(&plan->template);
    json_decref(plan->parameters);
    json_decref(plan->values);
    json_decref(plan->order);
    json_decref(plan->needs);
    json_decref(plan->known);
    json_decref(plan->exports);
    json_decref(plan->scope.conditions);
    json_decref(plan->scope.imports);
    *plan = (struct plan){.template = NULL};
}

const struct resource_type *plan_type(const struct plan *plan, const char *logical_id)
{
    return resource_type_find(template_resource(plan->template, logical_id, "Type"));
}

bool plan_active(struct plan *plan, const char *logical_id)
{
    const json_t *resource = json_object_get(plan->template->resources, logical_id);
    bool active = false;

    return resource && scope_active(&plan->scope, resource, &active) == 0 && active;
}

int plan_properties(struct plan *plan, const char *logical_id, json_t **ret)
{
    const json_t *resource = json_object_get(plan->template->resources, logical_id);
    const json_t *raw = json_object_get(resource, "Properties");
    CLEANUP(json_free) json_t *properties = NULL;
    struct scope *s = &plan->scope;

    where_set(&s->where, "Resources");
    (void)where_down(&s->where, logical_id);
    (void)where_down(&s->where, "Properties");
    int err = raw ? scope_evaluate(s, raw, &properties) : 0;
    if (err)
        return err;
    if (!properties)
        properties = json_object();
    if (!json_is_object(properties))
        return scope_fail(s, "Properties must be an object");
    err = properties_check(plan->template, &plan_type(plan, logical_id)->properties, properties, &s->where,
                           s->why);
    if (!err)
        *ret = take(properties);
    return err;
}

int plan_know(struct plan *plan, const json_t *row)
{
    json_t *attributes = json_object_get(row, "attributes");
    json_t *one =
        json_pack("{s:s, s:O?}", "id", json_str(row, "PhysicalResourceId", ""), "attributes", attributes);

    return json_put(plan->known, json_str(row, "LogicalResourceId", ""), one);
}

/* ---- outputs */

static int output_text(struct plan *plan, const json_t *value, json_t **ret)
{
    CLEANUP(json_free) json_t *evaluated = NULL;
    int err = scope_evaluate(&plan->scope, value, &evaluated);

    if (err)
        return err;
    *ret = scope_text(evaluated);
    return *ret ? 0
                : scope_fail(&plan->scope,
                             "The Value field of every Outputs member must evaluate to a String");
}

static int output_one(struct plan *plan, const char *name, const json_t *output, json_t **ret)
{
    struct scope *s = &plan->scope;
    const json_t *name_of_export = json_object_get(json_object_get(output, "Export"), "Name");
    json_t *value = NULL, *export_name = NULL;

    where_set(&s->where, "Outputs");
    (void)where_down(&s->where, name);
    (void)where_down(&s->where, "Value");
    int err = output_text(plan, json_object_get(output, "Value"), &value);
    if (!err && name_of_export)
        err = output_text(plan, name_of_export, &export_name);
    CLEANUP(json_free)
    json_t *item = json_pack("{s:s, s:o*, s:o*, s:s*}", "OutputKey", name, "OutputValue", value, "ExportName",
                             export_name, "Description", json_str(output, "Description", NULL));
    if (err)
        return err;
    *ret = take(item);
    return *ret ? 0 : FAULT(ENOMEM);
}

int plan_outputs(struct plan *plan, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    const char *name;
    json_t *output;

    json_object_foreach ((json_t *)(uintptr_t)plan->template->outputs, name, output) {
        bool active = false;
        json_t *item = NULL;
        int err = scope_active(&plan->scope, output, &active);
        if (!err && active)
            err = output_one(plan, name, output, &item);
        if (err)
            return err;
        if (active && json_array_append_new(list, item))
            return FAULT(ENOMEM);
    }
    *ret = take(list);
    return 0;
}

int plan_check(struct plan *plan)
{
    size_t index;
    json_t *id;
    json_t *outputs = NULL;

    json_array_foreach (plan->order, index, id) {
        json_t *properties = NULL;
        if (!plan_active(plan, json_string_value(id)))
            continue;
        int err = plan_properties(plan, json_string_value(id), &properties);
        json_decref(properties);
        if (err)
            return err;
    }
    int err = plan_outputs(plan, &outputs);
    json_decref(outputs);
    return err;
}

/* ---- capabilities */

static bool listed(const json_t *list, const char *text)
{
    size_t index;
    json_t *item;

    json_array_foreach (list, index, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    return false;
}

int template_capabilities(const struct template *t, json_t **ret_list, json_t **ret_types)
{
    CLEANUP(json_free) json_t *list = json_array();
    CLEANUP(json_free) json_t *types = json_array();
    const char *id;
    json_t *resource;
    bool iam = false, named = false;

    json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource) {
        const struct resource_type *type = resource_type_find(json_str(resource, "Type", ""));
        if (!type || !type->is_iam)
            continue;
        iam = true;
        named = named || json_object_get(json_object_get(resource, "Properties"), type->name_property);
        if (!listed(types, type->name) && json_array_append_new(types, json_string(type->name)))
            return FAULT(ENOMEM);
    }
    if ((iam &&
         json_array_append_new(list, json_string(named ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM"))) ||
        (t->language_extensions && json_array_append_new(list, json_string("CAPABILITY_AUTO_EXPAND"))))
        return FAULT(ENOMEM);
    *ret_list = take(list);
    *ret_types = take(types);
    return 0;
}

int plan_capabilities(struct plan *plan, const json_t *acknowledged, struct reason *why)
{
    CLEANUP(json_free) json_t *needed = NULL;
    CLEANUP(json_free) json_t *types = NULL;
    int err = template_capabilities(plan->template, &needed, &types);
    size_t index;
    json_t *capability;

    if (err)
        return err;
    json_array_foreach (needed, index, capability) {
        const char *name = json_string_value(capability);
        bool weaker = strcmp(name, "CAPABILITY_IAM") == 0 && listed(acknowledged, "CAPABILITY_NAMED_IAM");
        if (!weaker && !listed(acknowledged, name))
            return reason_set(why, STACK_E_CAPABILITIES, "Requires capabilities : [%s]", name);
    }
    return 0;
}
