/* CreateStack, UpdateStack, DeleteStack, CancelUpdateStack, ContinueUpdateRollback. */
#include "services/cloudformation/api.h"
#include "services/cloudformation/outcome.h"
#include "wire/json.h"

struct stack_request cf_request(struct call *c)
{
    return (struct stack_request){.tx = c->tx,
                                  .platform = c->platform,
                                  .account = c->caller->account,
                                  .actor = c->caller->arn,
                                  .in = c->in,
                                  .why = &c->reason};
}

int cf_stack(struct call *c, struct stack *ret)
{
    struct stack_request r = cf_request(c);

    return request_stack(&r, json_str(c->in, "StackName", ""), ret);
}

int cf_create_stack(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    struct stack_request r = cf_request(c);
    int err = cf_body(c, false, &r.body);

    if (!err)
        err = stack_create(&r, &stack);
    return err ? err : json_put_str(c->out, "StackId", stack.id);
}

int cf_update_stack(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    struct stack_request r = cf_request(c);
    int err = cf_body(c, true, &r.body);

    if (!err)
        err = cf_stack(c, &stack);
    if (!err)
        err = stack_update(&r, &stack);
    return err ? err : json_put_str(c->out, "StackId", stack.id);
}

int cf_delete_stack(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    struct stack_request r = cf_request(c);
    int err = stack_find(c->tx, r.account, json_str(c->in, "StackName", ""), &stack);

    if (err)
        return err == DB_NONE ? 0 : err; /* as on AWS: a stack that is not there is deleted */
    return stack_delete(&r, &stack);
}

int cf_cancel_update_stack(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    int err = cf_stack(c, &stack);

    if (err)
        return err;
    if (strcmp(stack.status, "UPDATE_IN_PROGRESS") != 0)
        return call_fail(c, STACK_E_INVALID,
                         "CancelUpdateStack cannot be called from current stack status: %s", stack.status);
    return stack_move(c->tx, &stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated");
}

/* Only what a rollback could not bring back has both: the failure, and what it was. */
static int check_skipped(struct call *c, const struct stack *stack, const json_t *skip)
{
    CLEANUP(json_free) json_t *rows = NULL;
    size_t index;
    json_t *id;
    int err = resource_load(c->tx, stack->id, &rows);

    json_array_foreach (skip, index, id) {
        const json_t *row = json_object_get(rows, json_string_value(id));
        bool stuck = strcmp(json_str(row, "ResourceStatus", ""), "UPDATE_FAILED") == 0;
        if (!err && !(stuck && json_object_get(row, "before")))
            err = call_fail(c, STACK_E_INVALID,
                            "ResourcesToSkip: %.255s is not in UPDATE_FAILED state because a rollback "
                            "failed; only such a resource can be skipped.",
                            json_string_value(id));
    }
    return err;
}

int cf_continue_update_rollback(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    json_t *skip = json_object_get(c->in, "ResourcesToSkip");
    int err = cf_stack(c, &stack);

    if (err)
        return err;
    if (strcmp(stack.status, "UPDATE_ROLLBACK_FAILED") != 0)
        return call_fail(c, STACK_E_INVALID,
                         "Stack:%s is in %s state and can not continue the update rollback.", stack.id,
                         stack.status);
    if (skip)
        err = check_skipped(c, &stack, skip);
    if (skip && !err)
        err = json_put(stack.doc, "Skip", json_incref(skip));
    return err ? err : stack_move(c->tx, &stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated");
}
