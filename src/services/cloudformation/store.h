/* Rows of cloudformation: stacks, resources, events, change sets, templates, exports.
 *
 * What is searched for is a column; the rest of a row is one JSON document. Templates are kept once each, by
 * their SHA-256. Only stack_move and resource_move change a status. */
#pragma once

#include "base/hash.h"
#include "db/db.h"
#include <jansson.h>

#define STACK_NAME_MAX 128
#define STACK_ID_SIZE 256
#define STACK_STATUS_SIZE 64
#define CLOUDFORMATION_MIGRATIONS 1

extern const struct db_migration cloudformation_migrations[CLOUDFORMATION_MIGRATIONS];

/* The document's members: Template and PreviousTemplate (digests), Parameters (name → {value, resolved}),
 * Tags, Capabilities, NotificationARNs, RoleARN, Description, OnFailure, DisableRollback, Outputs, Token,
 * Actor, ChangeSetId, Previous (the same of before an update), Retain, Reason. */
struct stack {
    char id[STACK_ID_SIZE];
    char account[13];
    char name[STACK_NAME_MAX + 1];
    char status[STACK_STATUS_SIZE];
    int64_t created_ms;
    int64_t updated_ms; /* 0: never */
    int64_t deleted_ms; /* 0: it lives */
    int64_t op;         /* counts the stack's operations: which resources this one has dealt with */
    json_t *doc;
};

void stack_unload(struct stack *stack); /* CLEANUP-able */
/* By id, or by the name of one that lives; into a zeroed *ret. DB_NONE. */
int stack_find(struct tx *tx, const char *account, const char *name_or_id, struct stack *ret) MUST_USE;
int stack_insert(struct tx *tx, const struct stack *stack) MUST_USE;
/* Writes all but the status. */
int stack_save(struct tx *tx, const struct stack *stack) MUST_USE;
/* Of the account (NULL: of all) after (created_ms, id), newest first when `all`. Calls `seen` for each. */
int stack_each(struct tx *tx, const char *account, bool deleted_too,
               int (*seen)(struct stack *stack, void *arg), void *arg) MUST_USE;
/* Ids of stacks that the engine has work for. */
int stack_unfinished(struct tx *tx, json_t **ret_ids) MUST_USE;

int template_store(struct tx *tx, struct str body, char ret_digest[HASH_HEX_SIZE]) MUST_USE;
int template_load(struct tx *tx, const char *digest, char **ret_body) MUST_USE;

/* Moves the stack along the table of legal transitions, says so in an event, and wakes who waits. */
int stack_move(struct tx *tx, struct stack *stack, const char *status, const char *reason) MUST_USE;
bool stack_may_move(const char *from, const char *to);
/* The status ends in _IN_PROGRESS (REVIEW apart): the engine works on it. */
bool stack_busy(const char *status);
void stack_wake(struct tx *tx, const struct stack *stack);
#define STACK_TOPIC_ENGINE "cloudformation:engine"

/* A resource's row is one JSON object: LogicalResourceId, PhysicalResourceId, ResourceType, ResourceStatus,
 * ResourceStatusReason?, Timestamp, seq, op, policy, properties, attributes, before?. */
int resource_load(struct tx *tx, const char *stack_id, json_t **ret_by_logical_id) MUST_USE;
int resource_save(struct tx *tx, const char *stack_id, const json_t *row) MUST_USE;
int resource_drop(struct tx *tx, const char *stack_id, const char *logical_id) MUST_USE;
/* Sets the status with its event; the row is saved. */
int resource_move(struct tx *tx, const struct stack *stack, json_t *row, const char *status,
                  const char *reason) MUST_USE;
/* Logical ids of DescribeStackResources' PhysicalResourceId; the stack's id into ret. DB_NONE. */
int resource_stack(struct tx *tx, const char *account, const char *physical_id,
                   char ret[STACK_ID_SIZE]) MUST_USE;

int event_add(struct tx *tx, const struct stack *stack, const json_t *row, const char *status,
              const char *reason) MUST_USE;
/* Newest first, before `before_seq` (INT64_MAX: from the newest). */
int event_list(struct tx *tx, const char *stack_id, int64_t before_seq, size_t max, json_t **ret,
               int64_t *ret_next) MUST_USE;

/* What an update leaves to be removed: rows like resources'. */
int cleanup_add(struct tx *tx, const char *stack_id, const json_t *row) MUST_USE;
int cleanup_list(struct tx *tx, const char *stack_id, json_t **ret) MUST_USE; /* each with "cleanup_seq" */
int cleanup_drop(struct tx *tx, int64_t seq) MUST_USE;
