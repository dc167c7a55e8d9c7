/* See changes.h. Source: CloudFormation API, ResourceChange and ResourceChangeDetail. */
#include "services/cloudformation/changes.h"
#include "services/cloudformation/graph.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "wire/json.h"
#include <stdio.h>

static int differ(const json_t *from, const json_t *other, json_t *names)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)from, name, value)
        if (!json_equal(value, json_object_get(other, name)) && json_object_set_new(names, name, json_true()))
            return FAULT(ENOMEM);
    return 0;
}

int properties_difference(const struct resource_type *type, const json_t *before, const json_t *after,
                          json_t **ret_names, bool *ret_replaces)
{
    CLEANUP(json_free) json_t *set = json_object();
    CLEANUP(json_free) json_t *names = json_array();
    const char *name;
    json_t *flag;
    int err = differ(before, after, set);

    if (!err)
        err = differ(after, before, set);
    *ret_replaces = false;
    json_object_foreach (set, name, flag) {
        const struct property *p = property_find(&type->properties, name);
        *ret_replaces = *ret_replaces || (p && p->update == UPDATE_REPLACES);
        if (!err && json_array_append_new(names, json_string(name)))
            err = FAULT(ENOMEM);
    }
    if (!err)
        *ret_names = take(names);
    return err;
}

struct compute {
    struct plan *plan;
    const json_t *rows;
    const json_t *old_parameters;
    json_t *moving; /* logical ids whose physical id will be another */
    json_t *changes;
};

/* Why a property changes: looks for a reference that explains it. */
struct cause {
    const struct compute *compute;
    json_t *details;
    const char *property;
    const char *recreation;
    const char *evaluation;
};

static int detail(struct cause *c, const char *evaluation, const char *source, const char *entity)
{
    json_t *item = json_pack("{s:{s:s, s:s, s:s}, s:s, s:s, s:s*}", "Target", "Attribute",
                             strcmp(c->property, "Tags") == 0 ? "Tags" : "Properties", "Name", c->property,
                             "RequiresRecreation", c->recreation, "Evaluation", evaluation, "ChangeSource",
                             source, "CausingEntity", entity);

    if (item && strcmp(c->property, "Tags") == 0)
        json_object_del(json_object_get(item, "Target"), "Name");
    return json_array_append_new(c->details, item) ? FAULT(ENOMEM) : 0;
}

static int cause_reference(const struct reference *r, const struct where *where, void *arg)
{
    struct cause *c = arg;
    const struct compute *compute = c->compute;
    char entity[600];

    (void)where;
    const json_t *parameter = json_object_get(compute->plan->parameters, r->name);
    if (r->kind == REFERENCE_NAME && parameter)
        return json_equal(parameter, json_object_get(compute->old_parameters, r->name))
                   ? 0
                   : detail(c, "Static", "ParameterReference", r->name);
    if (r->kind == REFERENCE_CONDITION || !json_object_get(compute->moving, r->name))
        return 0;
    if (r->kind == REFERENCE_NAME)
        return detail(c, "Dynamic", "ResourceReference", r->name);
    (void)snprintf(entity, sizeof(entity), "%s.%s", r->name, r->attribute ? r->attribute : "");
    return detail(c, "Dynamic", "ResourceAttribute", entity);
}

static int explain(const struct compute *compute, const char *id, const json_t *names,
                   const struct resource_type *type, json_t *details)
{
    const json_t *raw =
        json_object_get(json_object_get(compute->plan->template->resources, id), "Properties");
    size_t index;
    json_t *name;

    json_array_foreach (names, index, name) {
        const struct property *p = property_find(&type->properties, json_string_value(name));
        bool replaces = p && p->update == UPDATE_REPLACES;
        struct cause c = {compute, details, json_string_value(name), replaces ? "Always" : "Never", "Static"};
        size_t before = json_array_size(details);
        int err = references_walk(json_object_get(raw, c.property), NULL, cause_reference, &c);
        if (!err && json_array_size(details) == before)
            err = detail(&c, "Static", "DirectModification", NULL);
        if (err)
            return err;
    }
    return 0;
}

/* A property that replaces, but only if what it refers to turns out to be another: "Conditional". */
static const char *replacement(const json_t *details, bool replaces)
{
    size_t index;
    json_t *item;
    bool certain = false;

    if (!replaces)
        return "False";
    json_array_foreach (details, index, item)
        if (strcmp(json_str(json_object_get(item, "Target"), "RequiresRecreation", ""), "Always") == 0 &&
            strcmp(json_str(item, "Evaluation", ""), "Static") == 0)
            certain = true;
    return certain ? "True" : "Conditional";
}

static json_t *scope_list(const json_t *names)
{
    CLEANUP(json_free) json_t *list = json_array();
    size_t index;
    json_t *name;
    bool tags = false, others = false;

    json_array_foreach (names, index, name) {
        bool is_tags = strcmp(json_string_value(name), "Tags") == 0;
        tags = tags || is_tags;
        others = others || !is_tags;
    }
    if ((others && json_array_append_new(list, json_string("Properties"))) ||
        (tags && json_array_append_new(list, json_string("Tags"))))
        return NULL;
    return take(list);
}

static int add_change(struct compute *c, const char *action, const char *id, const char *type,
                      const char *physical, json_t *change)
{
    if (!change)
        change = json_pack("{s:[], s:[]}", "Scope", "Details");
    if (!change || json_put_str(change, "Action", action) || json_put_str(change, "LogicalResourceId", id) ||
        json_put_str(change, "ResourceType", type) ||
        (physical && json_put_str(change, "PhysicalResourceId", physical))) {
        json_decref(change);
        return FAULT(ENOMEM);
    }
    return json_array_append_new(c->changes, change) ? FAULT(ENOMEM) : 0;
}

static int compute_both(struct compute *c, const char *id, const json_t *row)
{
    const struct resource_type *type = plan_type(c->plan, id);
    CLEANUP(json_free) json_t *after = NULL;
    CLEANUP(json_free) json_t *names = NULL;
    CLEANUP(json_free) json_t *details = json_array();
    bool replaces = false;

    if (strcmp(type->name, json_str(row, "ResourceType", "")) != 0)
        return reason_set(c->plan->scope.why, STACK_E_INVALID,
                          "Update of resource type is not permitted. The new "
                          "template modifies resource type of the following resources: [%s]",
                          id);
    int err = plan_properties(c->plan, id, &after);
    if (!err)
        err = properties_difference(type, json_object_get(row, "properties"), after, &names, &replaces);
    if (err)
        return err;
    if (json_array_size(names) == 0)
        return plan_know(c->plan, row);
    err = explain(c, id, names, type, details);
    if (err)
        return err;
    const char *word = replacement(details, replaces);
    if (replaces && json_object_set_new(c->moving, id, json_true()))
        return FAULT(ENOMEM);
    json_t *change =
        json_pack("{s:o, s:O, s:s}", "Scope", scope_list(names), "Details", details, "Replacement", word);
    err = add_change(c, "Modify", id, type->name, json_str(row, "PhysicalResourceId", NULL), change);
    return err || replaces ? err : plan_know(c->plan, row);
}

static bool gone(const json_t *row)
{
    const char *status = json_str(row, "ResourceStatus", "");

    return strcmp(status, "DELETE_COMPLETE") == 0 || strcmp(status, "DELETE_SKIPPED") == 0;
}

int changes_compute(struct plan *plan, const json_t *rows, const json_t *old_parameters, json_t **ret)
{
    CLEANUP(json_free) json_t *moving = json_object();
    CLEANUP(json_free) json_t *changes = json_array();
    struct compute c = {plan, rows, old_parameters, moving, changes};
    size_t index;
    json_t *id, *row;
    const char *name;
    int err = 0;

    json_array_foreach (plan->order, index, id) {
        const char *text = json_string_value(id);
        row = json_object_get(rows, text);
        if (err)
            return err;
        if (!plan_active(plan, text))
            continue;
        if (row && !gone(row)) {
            err = compute_both(&c, text, row);
            continue;
        }
        err = add_change(&c, "Add", text, plan_type(plan, text)->name, NULL, NULL);
        if (!err && json_object_set_new(moving, text, json_true()))
            err = FAULT(ENOMEM);
    }
    json_object_foreach ((json_t *)(uintptr_t)rows, name, row)
        if (!err && !gone(row) && !plan_active(plan, name))
            err = add_change(&c, "Remove", name, json_str(row, "ResourceType", ""),
                             json_str(row, "PhysicalResourceId", NULL), NULL);
    if (!err)
        *ret = take(changes);
    return err;
}
