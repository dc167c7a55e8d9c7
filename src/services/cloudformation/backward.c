/* The engine's ways back: deleting a stack, undoing an update, and removing what an update left over. */
#include "services/cloudformation/engine.h"
#include "services/cloudformation/resource.h"
#include "wire/json.h"
#include <stdio.h>

static bool is_gone(const json_t *row)
{
    const char *status = json_str(row, "ResourceStatus", "");

    return strcmp(status, "DELETE_COMPLETE") == 0 || strcmp(status, "DELETE_SKIPPED") == 0;
}

static bool is_text_in(const json_t *list, const char *text)
{
    size_t index;
    json_t *item;

    json_array_foreach (list, index, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    return false;
}

/* Retain keeps it; RetainExceptOnCreate only what an operation before the failed one made. */
static bool retained(const struct step *step, const json_t *row)
{
    const char *policy = json_str(row, "policy", "Delete");
    bool fresh = json_int(row, "created_op", -1) == step->stack->op;

    if (is_text_in(json_object_get(step->stack->doc, "Retain"), json_str(row, "LogicalResourceId", "")))
        return true;
    return strcmp(policy, "Retain") == 0 || (strcmp(policy, "RetainExceptOnCreate") == 0 && !fresh);
}

/* ---- deleting a stack */

static int delete_one(struct step *step, json_t *row)
{
    const struct resource_type *type = resource_type_find(json_str(row, "ResourceType", ""));
    const char *known = json_str(step->failed, json_str(row, "LogicalResourceId", ""), NULL);
    bool exists = *json_str(row, "PhysicalResourceId", "") != '\0';

    if (exists && retained(step, row))
        return resource_move(step->tx, step->stack, row, "DELETE_SKIPPED", NULL);
    int err = resource_move(step->tx, step->stack, row, "DELETE_IN_PROGRESS", NULL);
    if (!err && known)
        err = json_put_int(row, "failed_op", step->stack->op);
    if (!err && known)
        return resource_move(step->tx, step->stack, row, "DELETE_FAILED", known);
    if (!err && exists)
        err = step_run(step, type->remove, row, json_object_get(row, "properties"), NULL, NULL, NULL);
    return err ? err : resource_move(step->tx, step->stack, row, "DELETE_COMPLETE", NULL);
}

static int end_delete(struct step *step, const char *failures)
{
    char text[1100];
    bool rollback = strcmp(step->stack->status, "ROLLBACK_IN_PROGRESS") == 0;

    if (*failures) {
        (void)snprintf(text, sizeof(text), "The following resource(s) failed to delete: [%s]. ", failures);
        return stack_move(step->tx, step->stack, rollback ? "ROLLBACK_FAILED" : "DELETE_FAILED", text);
    }
    int err = imports_set(step->tx, step->stack, NULL);
    return err ? err
               : stack_move(step->tx, step->stack, rollback ? "ROLLBACK_COMPLETE" : "DELETE_COMPLETE", NULL);
}

int step_delete(struct step *step)
{
    CLEANUP(json_free) json_t *rows = NULL;
    char failures[1000] = "";
    size_t index, len = 0;
    json_t *row;
    int err = exports_drop(step->tx, step->stack, &step->why);

    if (err > 0)
        return stack_move(step->tx, step->stack, "DELETE_FAILED", step->why.text);
    if (!err)
        err = step_rows_backward(step, &rows);
    if (err)
        return err;
    json_array_foreach (rows, index, row) {
        const char *id = json_str(row, "LogicalResourceId", "");
        bool failed = json_int(row, "failed_op", -1) == step->stack->op;
        if (!is_gone(row) && !failed) {
            if (step->budget-- == 0)
                return 0;
            err = delete_one(step, row);
            if (err)
                return err;
            failed = json_int(row, "failed_op", -1) == step->stack->op && !is_gone(row);
        }
        if (failed && len + strlen(id) + 3 < sizeof(failures))
            len += (size_t)snprintf(failures + len, sizeof(failures) - len, "%s%s", len ? ", " : "", id);
    }
    return end_delete(step, failures);
}

/* ---- what an update left over */

static int cleanup_one(struct step *step, const json_t *row)
{
    const struct resource_type *type = resource_type_find(json_str(row, "ResourceType", ""));
    const char *known = json_str(step->failed, json_str(row, "LogicalResourceId", ""), NULL);

    if (retained(step, row))
        return event_add(step->tx, step->stack, row, "DELETE_SKIPPED", NULL);
    int err = event_add(step->tx, step->stack, row, "DELETE_IN_PROGRESS", NULL);
    if (!err && known)
        return event_add(step->tx, step->stack, row, "DELETE_FAILED", known);
    if (!err)
        err = step_run(step, type->remove, row, json_object_get(row, "properties"), NULL, NULL, NULL);
    return err ? err : event_add(step->tx, step->stack, row, "DELETE_COMPLETE", NULL);
}

int step_cleanup(struct step *step)
{
    CLEANUP(json_free) json_t *list = NULL;
    size_t index;
    json_t *row;
    int err = cleanup_list(step->tx, step->stack->id, &list);

    if (err)
        return err;
    json_array_foreach (list, index, row) {
        if (step->budget-- == 0)
            return 0;
        err = cleanup_one(step, row);
        if (!err)
            err = cleanup_drop(step->tx, json_int(row, "cleanup_seq", 0));
        if (err)
            return err;
    }
    bool rolled_back = strcmp(step->stack->status, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") == 0;
    return stack_move(step->tx, step->stack, rolled_back ? "UPDATE_ROLLBACK_COMPLETE" : "UPDATE_COMPLETE",
                      NULL);
}

/* ---- undoing an update */

static int restore_row(struct step *step, json_t *row, const json_t *before)
{
    CLEANUP(json_free) json_t *kept = json_deep_copy(before);

    if (!kept || json_object_update(row, kept))
        return FAULT(ENOMEM);
    json_object_del(row, "before");
    json_object_del(row, "replaced");
    return resource_move(step->tx, step->stack, row, "UPDATE_COMPLETE", NULL);
}

static int undo_replacement(struct step *step, json_t *row)
{
    CLEANUP(json_free) json_t *new = json_deep_copy(row);
    CLEANUP(json_free) json_t *before = json_incref(json_object_get(row, "before"));

    if (!new || json_put_str(new, "policy", "Delete"))
        return FAULT(ENOMEM);
    json_object_del(new, "before");
    int err = cleanup_add(step->tx, step->stack->id, new);
    if (!err)
        err = resource_move(step->tx, step->stack, row, "UPDATE_IN_PROGRESS", NULL);
    return err ? err : restore_row(step, row, before);
}

static int undo_change(struct step *step, json_t *row)
{
    const struct resource_type *type = resource_type_find(json_str(row, "ResourceType", ""));
    CLEANUP(json_free) json_t *before = json_incref(json_object_get(row, "before"));
    int err = resource_move(step->tx, step->stack, row, "UPDATE_IN_PROGRESS", NULL);

    if (!err)
        err = step_run(step, type->update, row, json_object_get(before, "properties"),
                       json_object_get(row, "properties"), NULL, NULL);
    return err ? err : restore_row(step, row, before);
}

static int undo_failed(struct step *step, json_t *row)
{
    int err = resource_move(step->tx, step->stack, row, "UPDATE_IN_PROGRESS", NULL);

    return err ? err : resource_move(step->tx, step->stack, row, "UPDATE_COMPLETE", NULL);
}

static int undo_creation(struct step *step, const json_t *row)
{
    const char *id = json_str(row, "LogicalResourceId", "");
    int err = 0;

    if (*json_str(row, "PhysicalResourceId", ""))
        err = cleanup_add(step->tx, step->stack->id, row);
    return err ? err : resource_drop(step->tx, step->stack->id, id);
}

static int undo_one(struct step *step, json_t *row)
{
    const char *id = json_str(row, "LogicalResourceId", "");
    const json_t *before = json_object_get(row, "before");
    const char *known = json_str(step->failed, id, NULL);
    bool skip = is_text_in(json_object_get(step->stack->doc, "Skip"), id);

    if (json_int(row, "created_op", -1) == step->stack->op)
        return undo_creation(step, row);
    if (!before)
        return strcmp(json_str(row, "ResourceStatus", ""), "UPDATE_FAILED") == 0 ? undo_failed(step, row) : 0;
    if (json_bool(before, "replaced", false))
        return undo_replacement(step, row);
    if (skip) {
        json_object_del(row, "before");
        return undo_failed(step, row);
    }
    if (!known)
        return undo_change(step, row);
    int err = resource_move(step->tx, step->stack, row, "UPDATE_IN_PROGRESS", NULL);
    if (!err)
        err = resource_move(step->tx, step->stack, row, "UPDATE_FAILED", known);
    if (!err)
        err = reason_set(&step->why, STEP_FAILED, "The following resource(s) failed to update: [%s]. ", id);
    return err;
}

static int undo_stack(struct step *step)
{
    json_t *doc = step->stack->doc;
    CLEANUP(json_free) json_t *previous = json_incref(json_object_get(doc, "Previous"));

    if (previous && json_object_update(doc, previous))
        return FAULT(ENOMEM);
    json_object_del(doc, "Previous");
    json_object_del(doc, "Skip");
    int err = stack_move(step->tx, step->stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", NULL);
    return err ? err : step_cleanup(step);
}

int step_update_rollback(struct step *step)
{
    CLEANUP(json_free) json_t *rows = NULL;
    size_t index;
    json_t *row;
    int err = step_rows_backward(step, &rows);

    if (err)
        return err;
    json_array_foreach (rows, index, row) {
        const char *id = json_str(row, "LogicalResourceId", "");
        bool known = json_object_get(step->failed, id) != NULL;
        if (json_int(row, "op", 0) != step->stack->op)
            continue;
        err = undo_one(step, row);
        if (err == STEP_FAILED && known)
            return stack_move(step->tx, step->stack, "UPDATE_ROLLBACK_FAILED", step->why.text);
        if (err)
            return err;
    }
    return undo_stack(step);
}
