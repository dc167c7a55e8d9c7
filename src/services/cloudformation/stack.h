/* What the API asks of stacks: the operations, apart from their wire form. Every function runs in the
 * caller's write transaction and leaves the rest to the engine. Outcomes: enum stack_outcome. */
#pragma once

#include "services/cloudformation/plan.h"

struct platform;

struct stack_request {
    struct tx *tx;
    const struct platform *platform;
    const char *account;
    const char *actor; /* ARN of who asks */
    const json_t *in;  /* CreateStack's, UpdateStack's or CreateChangeSet's members */
    const char *body;  /* the template; NULL: the stack's own (UsePreviousTemplate) */
    struct reason *why;
};

int stack_create(const struct stack_request *request, struct stack *ret) MUST_USE;
int stack_update(const struct stack_request *request, struct stack *stack) MUST_USE;
int stack_delete(const struct stack_request *request, struct stack *stack) MUST_USE;

/* A change set's document: ChangeSetName, ChangeSetId, StackId, StackName, Status, StatusReason?,
 * ExecutionStatus, CreationTime, Changes, Description?, type, target (what the stack's document becomes). */
int change_set_create(const struct stack_request *request, json_t **ret) MUST_USE;
int change_set_execute(const struct stack_request *request, json_t *change_set) MUST_USE;
/* By id, or by name and the stack's name or id. STACK_E_NO_CHANGE_SET. */
int change_set_find(const struct stack_request *request, json_t **ret) MUST_USE;
int change_set_save(struct tx *tx, const char *account, const json_t *change_set) MUST_USE;
int change_set_list(struct tx *tx, const char *stack_id, json_t **ret) MUST_USE;
int change_set_drop(struct tx *tx, const char *id) MUST_USE;

/* A plan of the request's template for the stack, checked whole. */
int request_plan(const struct stack_request *request, const struct stack *stack, struct plan *ret) MUST_USE;
/* Request and plan as the members of a stack's document. */
int request_target(const struct stack_request *request, const struct plan *plan, const struct stack *stack,
                   json_t **ret) MUST_USE;
/* STACK_E_INVALID: "Stack with id X does not exist". */
int request_stack(const struct stack_request *request, const char *name, struct stack *ret) MUST_USE;
int stack_new(const struct stack_request *request, const char *name, struct stack *ret) MUST_USE;
/* The differences of the request from the stack; *ret_any false: "No updates are to be performed." */
int request_changes(const struct stack_request *request, const struct stack *stack, struct plan *plan,
                    const json_t *target, json_t **ret, bool *ret_any) MUST_USE;
/* Lays the target over the document, keeping what was, and starts the operation. */
int stack_begin(struct tx *tx, struct stack *stack, const json_t *target, const char *status) MUST_USE;
