/* See stack.h: change sets. They are computed at once, in the transaction that asks for them. */
#include "base/clock.h"
#include "base/id.h"
#include "services/cloudformation/changes.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/stack.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

#define NO_CHANGES                                                                                           \
    "The submitted information didn't contain changes. Submit different information to create a change set."

int change_set_save(struct tx *tx, const char *account, const json_t *set)
{
    CLEANUP(free_ptr) char *doc = json_text(set);

    if (!doc)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "INSERT INTO cloudformation_change_set (id, account, stack_id, name, created_ms, doc)"
                   " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
                   "ssssis", json_str(set, "ChangeSetId", ""), account, json_str(set, "StackId", ""),
                   json_str(set, "ChangeSetName", ""), json_int(set, "CreationTime", 0), doc);
}

int change_set_drop(struct tx *tx, const char *id)
{
    return tx_exec(tx, "DELETE FROM cloudformation_change_set WHERE id = $1", "s", id);
}

int change_set_list(struct tx *tx, const char *stack_id, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err = tx_query(
        tx, &rows, "SELECT doc FROM cloudformation_change_set WHERE stack_id = $1 ORDER BY created_ms, name",
        "s", stack_id);

    while (!err && (err = rows_next(rows)) == 0) {
        json_t *set = NULL;
        err = json_parse(rows_str(rows, 0), &set, NULL);
        if (err || json_array_append_new(list, set))
            return err < 0 ? err : FAULT(EBADMSG);
    }
    if (err != DB_NONE)
        return err;
    *ret = take(list);
    return 0;
}

static int find_row(const struct stack_request *r, const char *name, const char *stack_id, struct rows **ret)
{
    if (str_starts(str_of(name), STR("arn:")))
        return tx_query_row(r->tx, ret,
                            "SELECT doc FROM cloudformation_change_set WHERE account = $1 AND id = $2", "ss",
                            r->account, name);
    return tx_query_row(r->tx, ret,
                        "SELECT doc FROM cloudformation_change_set WHERE stack_id = $1 AND name = $2", "ss",
                        stack_id, name);
}

int change_set_find(const struct stack_request *r, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    const char *name = json_str(r->in, "ChangeSetName", "");
    const char *stack_name = json_str(r->in, "StackName", NULL);
    bool by_id = str_starts(str_of(name), STR("arn:"));

    if (!by_id && !stack_name)
        return reason_set(r->why, STACK_E_INVALID,
                          "StackName must be specified if ChangeSetName is not specified as an ARN.");
    int err = by_id ? 0 : request_stack(r, stack_name, &stack);
    if (!err)
        err = find_row(r, name, stack.id, &rows);
    if (err == DB_NONE && !rows)
        return reason_set(r->why, STACK_E_NO_CHANGE_SET, "ChangeSet [%.250s] does not exist", name);
    if (err)
        return err;
    err = json_parse(rows_str(rows, 0), ret, NULL);
    return err > 0 ? FAULT(EBADMSG) : err;
}

/* ---- creating */

static int open_stack(const struct stack_request *r, const char *type, struct stack *ret)
{
    const char *name = json_str(r->in, "StackName", "");
    bool create = strcmp(type, "CREATE") == 0;
    int err = stack_find(r->tx, r->account, name, ret);

    if (err == DB_NONE && !create)
        return reason_set(r->why, STACK_E_INVALID, "Stack [%.250s] does not exist", name);
    if (err == DB_NONE) {
        err = stack_new(r, name, ret);
        return err ? err : stack_move(r->tx, ret, "REVIEW_IN_PROGRESS", "User Initiated");
    }
    bool review = strcmp(ret->status, "REVIEW_IN_PROGRESS") == 0;
    if (!err && create && !review)
        return reason_set(r->why, STACK_E_INVALID,
                          "Stack [%s] already exists and cannot be created again with the "
                          "changeSet [%s].",
                          ret->name, json_str(r->in, "ChangeSetName", ""));
    if (!err && !create && (review || !stack_may_move(ret->status, "UPDATE_IN_PROGRESS")))
        return reason_set(r->why, STACK_E_INVALID, "Stack:%s is in %s state and can not be updated.", ret->id,
                          ret->status);
    return err;
}

static int describe_result(json_t *set, json_t *changes, bool any)
{
    int err = json_put(set, "Changes", changes);

    if (!err)
        err = json_put_str(set, "Status", any ? "CREATE_COMPLETE" : "FAILED");
    if (!err)
        err = json_put_str(set, "ExecutionStatus", any ? "AVAILABLE" : "UNAVAILABLE");
    return err || any ? err : json_put_str(set, "StatusReason", NO_CHANGES);
}

static int new_set(const struct stack_request *r, const struct stack *stack, const char *type, json_t **ret)
{
    char uuid[ID_UUID_SIZE];
    const char *name = json_str(r->in, "ChangeSetName", "");

    id_uuid(uuid);
    CLEANUP(json_free)
    json_t *set = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s*, s:s*}", "ChangeSetName", name, "StackId",
                            stack->id, "StackName", stack->name, "CreationTime", (json_int_t)clock_now_ms(),
                            "type", type, "Description", json_str(r->in, "Description", NULL), "ClientToken",
                            json_str(r->in, "ClientToken", NULL));
    int err = set ? json_put_format(set, "ChangeSetId", "arn:aws:cloudformation:%s:%s:changeSet/%s/%s",
                                    r->platform->region, r->account, name, uuid)
                  : FAULT(ENOMEM);
    if (!err)
        *ret = take(set);
    return err;
}

static int refuse_existing(const struct stack_request *r, const struct stack *stack)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *name = json_str(r->in, "ChangeSetName", "");
    int err = find_row(r, name, stack->id, &rows);

    if (err == 0)
        return reason_set(r->why, STACK_E_EXISTS,
                          "ChangeSet %s cannot be created due to a mismatch with existing attribute "
                          "Name: it exists already",
                          name);
    return err == DB_NONE ? 0 : err;
}

int change_set_create(const struct stack_request *r, json_t **ret)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    CLEANUP(json_free) json_t *target = NULL;
    CLEANUP(json_free) json_t *set = NULL;
    json_t *changes = NULL;
    const char *type = json_str(r->in, "ChangeSetType", "UPDATE");
    bool any = false;

    if (strcmp(type, "IMPORT") == 0)
        return reason_set(r->why, STACK_E_INVALID,
                          "ChangeSetType IMPORT is not supported by Slipway: use CREATE or UPDATE");
    int err = open_stack(r, type, &stack);
    if (!err)
        err = refuse_existing(r, &stack);
    if (!err)
        err = request_plan(r, &stack, &plan);
    if (!err)
        err = plan_capabilities(&plan, json_object_get(r->in, "Capabilities"), r->why);
    if (!err)
        err = request_target(r, &plan, &stack, &target);
    if (!err)
        err = new_set(r, &stack, type, &set);
    if (!err)
        err = request_changes(r, &stack, &plan, target, &changes, &any);
    if (!err)
        err = describe_result(set, changes, any);
    if (!err)
        err = json_put(set, "target", json_incref(target));
    if (!err)
        err = change_set_save(r->tx, r->account, set);
    stack_wake(r->tx, &stack);
    if (!err)
        *ret = take(set);
    return err;
}

/* ---- executing */

static int drop_others(const struct stack_request *r, const json_t *set)
{
    CLEANUP(json_free) json_t *all = NULL;
    size_t index;
    json_t *one;
    const char *keep = json_str(set, "ChangeSetId", "");
    int err = change_set_list(r->tx, json_str(set, "StackId", ""), &all);

    json_array_foreach (all, index, one)
        if (!err && strcmp(json_str(one, "ChangeSetId", ""), keep) != 0)
            err = change_set_drop(r->tx, json_str(one, "ChangeSetId", ""));
    return err;
}

int change_set_execute(const struct stack_request *r, json_t *set)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    bool create = strcmp(json_str(set, "type", ""), "CREATE") == 0;
    const char *status = create ? "CREATE_IN_PROGRESS" : "UPDATE_IN_PROGRESS";
    const char *id = json_str(set, "ChangeSetId", "");
    const char *token = json_str(r->in, "ClientRequestToken", NULL);
    int err = request_stack(r, json_str(set, "StackId", ""), &stack);

    if (err)
        return err;
    if (token && strcmp(json_str(set, "executedBy", ""), token) == 0)
        return 0;
    if (strcmp(json_str(set, "ExecutionStatus", ""), "AVAILABLE") != 0)
        return reason_set(r->why, STACK_E_CHANGE_SET_STATUS,
                          "ChangeSet [%s] cannot be executed in its current status of [%s]", id,
                          json_str(set, "Status", ""));
    if (!stack_may_move(stack.status, status))
        return reason_set(r->why, STACK_E_INVALID, "Stack:%s is in %s state and can not be updated.",
                          stack.id, stack.status);
    json_object_del(stack.doc, "Token");
    if (token)
        err = json_put_str(stack.doc, "Token", token) || json_put_str(set, "executedBy", token)
                  ? FAULT(ENOMEM)
                  : 0;
    if (!err)
        err = json_put_str(stack.doc, "ChangeSetId", id);
    if (!err)
        err = json_put_str(stack.doc, "Actor", r->actor);
    if (!err)
        err = json_put_bool(stack.doc, "DisableRollback", json_bool(r->in, "DisableRollback", false));
    if (!err)
        err = json_put_str(set, "ExecutionStatus", "EXECUTE_COMPLETE");
    if (!err)
        err = change_set_save(r->tx, r->account, set);
    if (!err)
        err = drop_others(r, set);
    return err ? err : stack_begin(r->tx, &stack, json_object_get(set, "target"), status);
}
