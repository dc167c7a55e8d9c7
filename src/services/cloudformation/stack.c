/* See stack.h: stacks. */
#include "services/cloudformation/stack.h"
#include "base/clock.h"
#include "base/id.h"
#include "services/cloudformation/changes.h"
#include "services/cloudformation/outcome.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

#define STACKS_MAX 2000

static const char *const target_members[] = {"Template", "Parameters",       "Tags",       "Capabilities",
                                             "RoleARN",  "NotificationARNs", "Description"};

int request_stack(const struct stack_request *r, const char *name, struct stack *ret)
{
    int err = stack_find(r->tx, r->account, name, ret);

    if (err == DB_NONE)
        return reason_set(r->why, STACK_E_INVALID, "Stack with id %.250s does not exist", name);
    return err;
}

int stack_new(const struct stack_request *r, const char *name, struct stack *ret)
{
    char uuid[ID_UUID_SIZE];

    id_uuid(uuid);
    *ret = (struct stack){.created_ms = clock_now_ms(), .op = 1, .doc = json_object()};
    (void)snprintf(ret->account, sizeof(ret->account), "%s", r->account);
    (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
    (void)snprintf(ret->id, sizeof(ret->id), "arn:aws:cloudformation:%s:%s:stack/%s/%s", r->platform->region,
                   r->account, name, uuid);
    return ret->doc ? json_put_str(ret->doc, "Actor", r->actor) : FAULT(ENOMEM);
}

int request_plan(const struct stack_request *r, const struct stack *stack, struct plan *ret)
{
    CLEANUP(free_ptr) char *own = NULL;
    const char *body = r->body;
    int err = 0;

    if (!body) {
        const char *digest = json_str(stack->doc, "Template", NULL);
        if (!digest)
            return reason_set(r->why, STACK_E_INVALID,
                              "There is no previous template: send TemplateBody or TemplateURL");
        err = template_load(r->tx, digest, &own);
        body = own;
    }
    if (err)
        return err;
    struct plan_source source = {.tx = r->tx,
                                 .platform = r->platform,
                                 .stack = stack,
                                 .body = str_of(body),
                                 .given = json_object_get(r->in, "Parameters"),
                                 .previous = json_object_get(stack->doc, "Parameters")};
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    err = plan_open(&source, &plan, r->why);
    if (!err)
        err = plan_check(&plan);
    if (err)
        return err;
    *ret = plan;
    plan = (struct plan){.template = NULL};
    return 0;
}

int request_target(const struct stack_request *r, const struct plan *plan, const struct stack *stack,
                   json_t **ret)
{
    static const char *const copied[] = {"Tags", "Capabilities", "RoleARN", "NotificationARNs"};
    CLEANUP(json_free) json_t *target = json_object();
    char digest[HASH_HEX_SIZE];
    int err = target ? 0 : FAULT(ENOMEM);

    if (!err && r->body)
        err = template_store(r->tx, str_of(r->body), digest);
    if (!err)
        err = json_put_str(target, "Template", r->body ? digest : json_str(stack->doc, "Template", ""));
    if (!err)
        err = json_put(target, "Parameters", json_incref(plan->parameters));
    if (!err && plan->template->description)
        err = json_put_str(target, "Description", plan->template->description);
    for (size_t i = 0; i < ARRAY_LEN(copied) && !err; i++) {
        json_t *value = json_object_get(r->in, copied[i]);
        if (!value)
            value = json_object_get(stack->doc, copied[i]);
        if (value)
            err = json_put(target, copied[i], json_incref(value));
    }
    if (!err)
        *ret = take(target);
    return err;
}

int stack_begin(struct tx *tx, struct stack *stack, const json_t *target, const char *status)
{
    json_t *previous = json_object();
    int err = previous ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; i < ARRAY_LEN(target_members) && !err; i++) {
        json_t *was = json_object_get(stack->doc, target_members[i]);
        json_t *is = json_object_get(target, target_members[i]);
        if (was)
            err = json_put(previous, target_members[i], json_incref(was));
        json_object_del(stack->doc, target_members[i]);
        if (!err && is)
            err = json_put(stack->doc, target_members[i], json_incref(is));
    }
    if (!err)
        err = json_put(stack->doc, "Previous", take(previous));
    json_decref(previous);
    if (!err && *stack->status)
        stack->op++;
    return err ? err : stack_move(tx, stack, status, "User Initiated");
}

static int count_one(struct stack *stack, void *arg)
{
    size_t *count = arg;

    (void)stack;
    ++*count;
    return 0;
}

static int refuse_existing(const struct stack_request *r, const char *name)
{
    CLEANUP(stack_unload) struct stack old = {.doc = NULL};
    int err = stack_find(r->tx, r->account, name, &old);
    size_t count = 0;

    if (err == 0)
        return reason_set(r->why, STACK_E_EXISTS, "Stack [%s] already exists", name);
    if (err == DB_NONE)
        err = stack_each(r->tx, r->account, false, count_one, &count);
    if (!err && count >= STACKS_MAX)
        return reason_set(r->why, STACK_E_LIMIT, "Limit for stack has been exceeded: %d", STACKS_MAX);
    return err;
}

static int copy_options(const struct stack_request *r, json_t *doc)
{
    static const char *const options[] = {"OnFailure", "DisableRollback", "TimeoutInMinutes",
                                          "EnableTerminationProtection"};
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(options) && !err; i++)
        if (json_object_get(r->in, options[i]))
            err = json_put(doc, options[i], json_incref(json_object_get(r->in, options[i])));
    return err;
}

static int take_token(const struct stack_request *r, struct stack *stack)
{
    const char *token = json_str(r->in, "ClientRequestToken", NULL);
    const char *last = json_str(stack->doc, "Token", NULL);

    if (token && last && strcmp(token, last) == 0)
        return reason_set(r->why, STACK_E_TOKEN,
                          "A client request token %.128s was used by this stack already", token);
    if (!token) {
        json_object_del(stack->doc, "Token");
        return 0;
    }
    return json_put_str(stack->doc, "Token", token);
}

int stack_create(const struct stack_request *r, struct stack *ret)
{
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    CLEANUP(json_free) json_t *target = NULL;
    const char *name = json_str(r->in, "StackName", "");

    if (json_object_get(r->in, "OnFailure") && json_object_get(r->in, "DisableRollback"))
        return reason_set(r->why, STACK_E_INVALID,
                          "You can specify only one of OnFailure and DisableRollback");
    int err = refuse_existing(r, name);
    if (!err)
        err = stack_new(r, name, ret);
    if (!err)
        err = request_plan(r, ret, &plan);
    if (!err)
        err = plan_capabilities(&plan, json_object_get(r->in, "Capabilities"), r->why);
    if (!err)
        err = request_target(r, &plan, ret, &target);
    if (!err)
        err = copy_options(r, ret->doc);
    if (!err)
        err = take_token(r, ret);
    return err ? err : stack_begin(r->tx, ret, target, "CREATE_IN_PROGRESS");
}

int request_changes(const struct stack_request *r, const struct stack *stack, struct plan *plan,
                    const json_t *target, json_t **ret, bool *ret_any)
{
    CLEANUP(json_free) json_t *rows = NULL;
    CLEANUP(free_ptr) char *body = NULL;
    CLEANUP(template_free) struct template *old = NULL;
    int err = resource_load(r->tx, stack->id, &rows);

    if (!err)
        err = changes_compute(plan, rows, json_object_get(stack->doc, "Parameters"), ret);
    if (err)
        return err;
    *ret_any = json_array_size(*ret) > 0;
    const char *digest = json_str(stack->doc, "Template", NULL);
    if (*ret_any || !digest)
        return 0;
    err = template_load(r->tx, digest, &body);
    if (!err)
        err = template_parse(str_of(body), &old, NULL);
    if (err < 0)
        return err;
    bool outputs_same = err == 0 && (old->outputs == plan->template->outputs ||
                                     json_equal((json_t *)(uintptr_t)old->outputs,
                                                (json_t *)(uintptr_t)plan->template->outputs));
    const json_t *tags = json_object_get(stack->doc, "Tags"), *new_tags = json_object_get(target, "Tags");
    *ret_any = !outputs_same || (tags != new_tags && !json_equal(tags, new_tags));
    return 0;
}

static int refuse_state(const struct stack_request *r, const struct stack *stack, const char *target)
{
    if (stack_may_move(stack->status, target))
        return 0;
    return reason_set(r->why, STACK_E_INVALID, "Stack:%s is in %s state and can not be %s.", stack->id,
                      stack->status, strncmp(target, "UPDATE", 6) == 0 ? "updated" : "changed");
}

int stack_update(const struct stack_request *r, struct stack *stack)
{
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    CLEANUP(json_free) json_t *target = NULL;
    CLEANUP(json_free) json_t *changes = NULL;
    bool any = false;
    int err = refuse_state(r, stack, "UPDATE_IN_PROGRESS");

    if (!err)
        err = request_plan(r, stack, &plan);
    if (!err)
        err = plan_capabilities(&plan, json_object_get(r->in, "Capabilities"), r->why);
    if (!err)
        err = request_target(r, &plan, stack, &target);
    if (!err)
        err = request_changes(r, stack, &plan, target, &changes, &any);
    if (!err && !any)
        return reason_set(r->why, STACK_E_INVALID, "No updates are to be performed.");
    if (!err)
        err = take_token(r, stack);
    if (!err)
        err = json_put_bool(stack->doc, "DisableRollback", json_bool(r->in, "DisableRollback", false));
    if (!err)
        err = json_put_str(stack->doc, "Actor", r->actor);
    return err ? err : stack_begin(r->tx, stack, target, "UPDATE_IN_PROGRESS");
}

int stack_delete(const struct stack_request *r, struct stack *stack)
{
    json_t *retain = json_object_get(r->in, "RetainResources");

    if (stack->deleted_ms || strcmp(stack->status, "DELETE_IN_PROGRESS") == 0)
        return 0;
    if (json_bool(stack->doc, "EnableTerminationProtection", false))
        return reason_set(r->why, STACK_E_INVALID,
                          "Stack [%s] cannot be deleted while TerminationProtection is enabled", stack->name);
    if (json_array_size(retain) && strcmp(stack->status, "DELETE_FAILED") != 0)
        return reason_set(
            r->why, STACK_E_INVALID,
            "Invalid operation on stack [%s]. Specify list of resources to retain only when the stack is "
            "in the DELETE_FAILED state.",
            stack->id);
    int err = refuse_state(r, stack, "DELETE_IN_PROGRESS");
    if (!err && retain)
        err = json_put(stack->doc, "Retain", json_incref(retain));
    if (!err)
        err = take_token(r, stack);
    stack->op++;
    return err ? err : stack_move(r->tx, stack, "DELETE_IN_PROGRESS", "User Initiated");
}
