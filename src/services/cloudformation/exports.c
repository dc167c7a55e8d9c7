/* Exports and imports: names of an account's values that stacks share. An export in use stays as it is. */
#include "services/cloudformation/engine.h"
#include "services/cloudformation/outcome.h"
#include "wire/json.h"

/* The owner's stack id; DB_NONE. */
static int owner(struct tx *tx, const struct stack *stack, const char *name, bool *ret_taken)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        tx_query_row(tx, &rows, "SELECT stack_id FROM cloudformation_export WHERE account = $1 AND name = $2",
                     "ss", stack->account, name);

    *ret_taken = err == 0 && strcmp(rows_text(rows, 0), stack->id) != 0;
    return err == DB_NONE ? 0 : err;
}

/* The name of the stack that imports it, or nothing. */
static int importer(struct tx *tx, const struct stack *stack, const char *name, char ret[STACK_NAME_MAX + 1])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = tx_query_row(tx, &rows,
                           "SELECT s.name FROM cloudformation_import i JOIN cloudformation_stack s"
                           " ON s.id = i.stack_id WHERE i.account = $1 AND i.name = $2 AND i.stack_id <> $3",
                           "sss", stack->account, name, stack->id);

    ret[0] = '\0';
    if (!err) {
        struct str text = rows_str(rows, 0);
        memcpy(ret, text.ptr, text.len < STACK_NAME_MAX ? text.len : STACK_NAME_MAX);
        ret[text.len < STACK_NAME_MAX ? text.len : STACK_NAME_MAX] = '\0';
    }
    return err == DB_NONE ? 0 : err;
}

static int own_exports(struct tx *tx, const struct stack *stack, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *all = json_object();
    int err = tx_query(tx, &rows, "SELECT name, value FROM cloudformation_export WHERE stack_id = $1", "s",
                       stack->id);

    while (!err && (err = rows_next(rows)) == 0)
        err = json_put_strn(all, rows_text(rows, 0), rows_str(rows, 1));
    if (err != DB_NONE)
        return err;
    *ret = take(all);
    return 0;
}

/* Exports that go away or change must not be in use. */
static int check_used(struct tx *tx, const struct stack *stack, const json_t *new, struct reason *why)
{
    CLEANUP(json_free) json_t *old = NULL;
    const char *name;
    json_t *value;
    int err = own_exports(tx, stack, &old);

    json_object_foreach (old, name, value) {
        char user[STACK_NAME_MAX + 1];
        if (err || json_equal(value, json_object_get(new, name)))
            continue;
        err = importer(tx, stack, name, user);
        if (!err && *user)
            return reason_set(why, STACK_E_INVALID, "Export %.255s cannot be %s as it is in use by %s", name,
                              json_object_get(new, name) ? "updated" : "deleted", user);
    }
    return err;
}

static int put_export(struct tx *tx, const struct stack *stack, const char *name, const char *value,
                      struct reason *why)
{
    bool taken = false;
    int err = owner(tx, stack, name, &taken);

    if (!err && taken)
        return reason_set(why, STACK_E_INVALID,
                          "Export with name %.255s is already exported by another stack", name);
    if (!err)
        err = tx_exec(
            tx, "INSERT INTO cloudformation_export (account, name, stack_id, value) VALUES ($1, $2, $3, $4)",
            "ssss", stack->account, name, stack->id, value);
    return err == DB_EXISTS ? reason_set(why, STACK_E_INVALID,
                                         "Export with name %.255s is exported twice by the template", name)
                            : err;
}

int exports_set(struct tx *tx, const struct stack *stack, const json_t *outputs, struct reason *why)
{
    CLEANUP(json_free) json_t *new = json_object();
    size_t index;
    json_t *output;
    const char *name;
    json_t *value;

    json_array_foreach (outputs, index, output) {
        const char *exported = json_str(output, "ExportName", NULL);
        bool taken = false;
        int err = exported ? owner(tx, stack, exported, &taken) : 0;
        if (err)
            return err;
        if (taken || (exported && json_object_get(new, exported)))
            return reason_set(why, STACK_E_INVALID, "Export with name %.255s is already exported by %s",
                              exported, taken ? "another stack" : "this stack");
        if (exported && json_put_str(new, exported, json_str(output, "OutputValue", "")))
            return FAULT(ENOMEM);
    }
    int err = check_used(tx, stack, new, why);
    if (!err)
        err = tx_exec(tx, "DELETE FROM cloudformation_export WHERE stack_id = $1", "s", stack->id);
    json_object_foreach (new, name, value)
        if (!err)
            err = put_export(tx, stack, name, json_string_value(value), why);
    return err;
}

int exports_drop(struct tx *tx, const struct stack *stack, struct reason *why)
{
    int err = check_used(tx, stack, NULL, why);

    return err ? err : tx_exec(tx, "DELETE FROM cloudformation_export WHERE stack_id = $1", "s", stack->id);
}

int imports_set(struct tx *tx, const struct stack *stack, const json_t *names)
{
    const char *name;
    json_t *flag;
    int err = tx_exec(tx, "DELETE FROM cloudformation_import WHERE stack_id = $1", "s", stack->id);

    json_object_foreach ((json_t *)(uintptr_t)names, name, flag)
        if (!err)
            err =
                tx_exec(tx, "INSERT INTO cloudformation_import (account, name, stack_id) VALUES ($1, $2, $3)",
                        "sss", stack->account, name, stack->id);
    return err;
}
