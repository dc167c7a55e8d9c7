/* The engine's way forward: makes and changes resources, each after what it needs, then outputs and exports.
 *
 * A row that this operation has dealt with has the stack's `op`. What a changed resource was is kept in its
 * row's `before` until the operation ends, for the way back. */
#include "services/cloudformation/changes.h"
#include "services/cloudformation/engine.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "wire/json.h"
#include <stdio.h>

#define SEQ_PER_OP 1000 /* more than a template's resources */

static bool creating(const struct step *step)
{
    return strcmp(step->stack->status, "CREATE_IN_PROGRESS") == 0;
}

/* ---- when something fails */

static const struct on_failure {
    const char *name;
    const char *status;
    const char *says;
} on_failures[] = {
    {"ROLLBACK", "ROLLBACK_IN_PROGRESS", "Rollback requested by user."},
    {"DELETE", "DELETE_IN_PROGRESS", "Delete requested by user."},
    {"DO_NOTHING", "CREATE_FAILED", ""},
};

static int stop_forward(struct step *step, const char *why)
{
    char text[1200];
    const char *wanted = json_str(step->stack->doc, "OnFailure", "ROLLBACK");
    bool disabled = json_bool(step->stack->doc, "DisableRollback", false);

    if (!creating(step)) {
        (void)snprintf(text, sizeof(text), "%s", why);
        return stack_move(step->tx, step->stack, disabled ? "UPDATE_FAILED" : "UPDATE_ROLLBACK_IN_PROGRESS",
                          text);
    }
    if (disabled)
        wanted = "DO_NOTHING";
    for (size_t i = 0; i < ARRAY_LEN(on_failures); i++) {
        if (strcmp(on_failures[i].name, wanted) != 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s %s", why, on_failures[i].says);
        return stack_move(step->tx, step->stack, on_failures[i].status, text);
    }
    return FAULT(EBADMSG);
}

static int record_failure(struct step *step, json_t *row, const char *id, const char *why)
{
    char text[400];
    bool is_new = !*json_str(row, "ResourceStatus", "");
    const char *verb = is_new ? "create" : "update";
    int err =
        resource_move(step->tx, step->stack, row, is_new ? "CREATE_IN_PROGRESS" : "UPDATE_IN_PROGRESS", NULL);

    if (!err)
        err = json_put_int(row, "op", step->stack->op);
    if (!err && is_new)
        err = json_put_int(row, "created_op", step->stack->op);
    if (!err)
        err = resource_move(step->tx, step->stack, row, is_new ? "CREATE_FAILED" : "UPDATE_FAILED", why);
    if (err)
        return err;
    (void)snprintf(text, sizeof(text), "The following resource(s) failed to %s: [%s].", verb, id);
    return stop_forward(step, text);
}

static int resource_failed(struct step *step, const char *id)
{
    (void)snprintf(step->failing, sizeof(step->failing), "%s", id);
    return STEP_FAILED;
}

/* ---- one resource */

static int make(struct step *step, const struct resource_type *type, json_t *row, const json_t *properties,
                const char *status)
{
    char physical_id[PHYSICAL_ID_SIZE];
    json_t *attributes = NULL;
    char final[32], progress[32];

    json_object_del(row, "PhysicalResourceId");
    int err = step_run(step, type->create, row, properties, NULL, physical_id, &attributes);
    if (err)
        return err;
    (void)snprintf(final, sizeof(final), "%s_COMPLETE", status);
    (void)snprintf(progress, sizeof(progress), "%s_IN_PROGRESS", status);
    err = json_put(row, "attributes", attributes);
    if (!err)
        err = json_put_str(row, "PhysicalResourceId", physical_id);
    if (!err)
        err = resource_move(step->tx, step->stack, row, progress, "Resource creation Initiated");
    return err ? err : resource_move(step->tx, step->stack, row, final, NULL);
}

static int create_one(struct step *step, const struct resource_type *type, json_t *row, json_t *properties)
{
    int err = json_put_int(row, "created_op", step->stack->op);

    if (!err)
        err = json_put(row, "properties", json_incref(properties));
    if (!err)
        err = resource_move(step->tx, step->stack, row, "CREATE_IN_PROGRESS", NULL);
    return err ? err : make(step, type, row, properties, "CREATE");
}

static int keep_before(json_t *row, bool replaced)
{
    json_t *before = json_pack("{s:O?, s:O?, s:s, s:b}", "properties", json_object_get(row, "properties"),
                               "attributes", json_object_get(row, "attributes"), "PhysicalResourceId",
                               json_str(row, "PhysicalResourceId", ""), "replaced", replaced);

    return json_put(row, "before", before);
}

static int update_in_place(struct step *step, const struct resource_type *type, json_t *row,
                           json_t *properties)
{
    json_t *attributes = NULL;
    const json_t *before = json_object_get(json_object_get(row, "before"), "properties");
    int err = json_put(row, "properties", json_incref(properties));

    if (!err)
        err = resource_move(step->tx, step->stack, row, "UPDATE_IN_PROGRESS", NULL);
    if (!err)
        err = step_run(step, type->update, row, properties, before, NULL, &attributes);
    if (!err)
        err = json_put(row, "attributes", attributes);
    return err ? err : resource_move(step->tx, step->stack, row, "UPDATE_COMPLETE", NULL);
}

static int replace(struct step *step, const struct resource_type *type, json_t *row, json_t *properties)
{
    const char *named = type->name_property ? json_str(properties, type->name_property, NULL) : NULL;
    const char *had =
        type->name_property ? json_str(json_object_get(row, "properties"), type->name_property, NULL) : NULL;

    if (named && had && strcmp(named, had) == 0) {
        reason_set(
            &step->why, 0,
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
            "%.300s and update the stack again.",
            named);
        return resource_failed(step, json_str(row, "LogicalResourceId", ""));
    }
    int err = json_put(row, "properties", json_incref(properties));
    if (!err)
        err = resource_move(
            step->tx, step->stack, row, "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.");
    return err ? err : make(step, type, row, properties, "UPDATE");
}

static int change_one(struct step *step, const struct resource_type *type, json_t *row, json_t *properties)
{
    CLEANUP(json_free) json_t *names = NULL;
    bool replaces = false;
    int err = properties_difference(type, json_object_get(row, "properties"), properties, &names, &replaces);

    if (err)
        return err;
    if (json_array_size(names) == 0 && strcmp(json_str(row, "ResourceStatus", ""), "UPDATE_FAILED") != 0)
        return resource_save(step->tx, step->stack->id, row);
    err = keep_before(row, replaces);
    if (err)
        return err;
    return replaces ? replace(step, type, row, properties) : update_in_place(step, type, row, properties);
}

static bool exists(const json_t *row)
{
    return *json_str(row, "PhysicalResourceId", "") != '\0';
}

static json_t *row_of(struct step *step, const char *id, const char *type)
{
    json_t *row = json_object_get(step->rows, id);

    if (row && exists(row))
        return row;
    row = json_pack("{s:s, s:s}", "LogicalResourceId", id, "ResourceType", type);
    return row && json_object_set_new(step->rows, id, row) == 0 ? row : NULL;
}

static int forward_one(struct step *step, struct plan *plan, const char *id, int64_t index)
{
    const struct resource_type *type = plan_type(plan, id);
    json_t *row = row_of(step, id, type->name);
    CLEANUP(json_free) json_t *properties = NULL;
    const char *known = json_str(step->failed, id, NULL);

    if (!row)
        return FAULT(ENOMEM);
    if (known)
        return record_failure(step, row, id, known);
    int err = plan_properties(plan, id, &properties);
    if (err > 0)
        return resource_failed(step, id);
    if (!err)
        err = json_put_int(row, "op", step->stack->op);
    if (!err)
        err = json_put_int(row, "seq", step->stack->op * SEQ_PER_OP + index);
    if (!err)
        err = json_put_str(row, "policy",
                           template_resource(plan->template, id, "DeletionPolicy")
                               ? template_resource(plan->template, id, "DeletionPolicy")
                               : "Delete");
    if (!err)
        err = json_put_str(row, "replace_policy",
                           template_resource(plan->template, id, "UpdateReplacePolicy")
                               ? template_resource(plan->template, id, "UpdateReplacePolicy")
                               : "Delete");
    if (!err)
        err = exists(row) ? change_one(step, type, row, properties) : create_one(step, type, row, properties);
    return err ? err : plan_know(plan, row);
}

/* ---- the end */

static int leave_behind(struct step *step, json_t *row)
{
    const json_t *before = json_object_get(row, "before");

    if (json_int(row, "op", 0) != step->stack->op) {
        int err = exists(row) ? cleanup_add(step->tx, step->stack->id, row) : 0;
        return err ? err : resource_drop(step->tx, step->stack->id, json_str(row, "LogicalResourceId", ""));
    }
    if (json_bool(before, "replaced", false)) {
        CLEANUP(json_free) json_t *old = json_copy(row);
        if (!old || json_object_update(old, (json_t *)(uintptr_t)before) ||
            json_put_str(old, "policy", json_str(row, "replace_policy", "Delete")))
            return FAULT(ENOMEM);
        json_object_del(old, "before");
        int err = cleanup_add(step->tx, step->stack->id, old);
        if (err)
            return err;
    }
    json_object_del(row, "before");
    json_object_del(row, "created_op");
    return resource_save(step->tx, step->stack->id, row);
}

static int finish(struct step *step, struct plan *plan)
{
    json_t *outputs = NULL;
    CLEANUP(json_free) json_t *rows = NULL;
    size_t index;
    json_t *row;
    int err = plan_outputs(plan, &outputs);

    if (!err)
        err = exports_set(step->tx, step->stack, outputs, &step->why);
    if (err > 0) {
        json_decref(outputs);
        return stop_forward(step, step->why.text);
    }
    if (!err)
        err = json_put(step->stack->doc, "Outputs", outputs);
    if (!err)
        err = imports_set(step->tx, step->stack, plan->scope.imports);
    if (!err)
        err = step_rows_backward(step, &rows);
    json_array_foreach (rows, index, row)
        if (!err)
            err = leave_behind(step, row);
    json_object_del(step->stack->doc, "Previous");
    if (err || creating(step))
        return err ? err : stack_move(step->tx, step->stack, "CREATE_COMPLETE", NULL);
    err = stack_move(step->tx, step->stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", NULL);
    return err ? err : step_cleanup(step);
}

static int open_plan(struct step *step, struct plan *plan)
{
    CLEANUP(free_ptr) char *body = NULL;
    int err = template_load(step->tx, json_str(step->stack->doc, "Template", ""), &body);

    if (err)
        return err;
    struct plan_source source = {.tx = step->tx,
                                 .platform = step->platform,
                                 .stack = step->stack,
                                 .body = str_of(body),
                                 .parameters = json_object_get(step->stack->doc, "Parameters")};
    return plan_open(&source, plan, &step->why);
}

int step_forward(struct step *step)
{
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    size_t index;
    json_t *id;
    int err = open_plan(step, &plan);

    if (err > 0)
        return stop_forward(step, step->why.text);
    if (err)
        return err;
    json_array_foreach (plan.order, index, id) {
        const char *text = json_string_value(id);
        const json_t *row = json_object_get(step->rows, text);
        if (!plan_active(&plan, text))
            continue;
        if (row && exists(row) && json_int(row, "op", 0) == step->stack->op) {
            err = plan_know(&plan, row);
        } else {
            if (step->budget-- == 0)
                return 0;
            bool fails = json_object_get(step->failed, text) != NULL;
            err = forward_one(step, &plan, text, (int64_t)index);
            if (!err && fails)
                return 0;
        }
        if (err)
            return err;
    }
    return finish(step, &plan);
}
