/* Stacks as workers see them: looked at, waited for, explained, emptied, deleted. */
#pragma once

#include "workers/call.h"

/* Waiting ends early when this returns true (a cancelled job). NULL ctx and fn: never. */
struct stack_patience {
    bool (*give_up)(void *ctx);
    void *ctx;
};

enum stack_state {
    STACK_BUSY,   /* *_IN_PROGRESS */
    STACK_GOOD,   /* CREATE_COMPLETE, UPDATE_COMPLETE */
    STACK_BACK,   /* UPDATE_ROLLBACK_COMPLETE: works as before the failed update */
    STACK_BROKEN, /* can only be deleted (ROLLBACK_COMPLETE, DELETE_FAILED …) */
    STACK_STUCK,  /* UPDATE_ROLLBACK_FAILED: needs a person */
    STACK_REVIEW, /* REVIEW_IN_PROGRESS: made by a change set, empty */
    STACK_GONE,   /* DELETE_COMPLETE */
};

enum stack_state stack_state(const char *status);
/* "StackStatus" of DescribeStacks' answer for one stack. */
const char *stack_status(const json_t *stack);
/* Value of a tag, or "". Borrowed. */
const char *stack_tag(const json_t *stack, const char *key);

/* One look. WORK_E_ABSENT when there is no such stack (also when it was deleted). */
int stack_look(struct aws_client *client, const char *name, json_t **ret_stack, struct reason *why) MUST_USE;
/* Looks until it is not busy. WORK_E_STOPPED, WORK_E_ABSENT. */
int stack_settle(struct aws_client *client, const char *name, const struct stack_patience *patience,
                 json_t **ret_stack, struct reason *why) MUST_USE;
/* The same whose first look was sent by stack_ask; *asked is NULL then, or may have been: it looks now. */
int stack_ask(struct aws_client *client, const char *name, struct aws_asked **ret) MUST_USE;
int stack_settle_asked(struct aws_client *client, const char *name, struct aws_asked **asked,
                       json_t **ret_stack, struct reason *why) MUST_USE;
/* stack_settle of one that was told to change just now: it is busy, most probably. */
int stack_settle_changed(struct aws_client *client, const char *name, json_t **ret_stack,
                         struct reason *why) MUST_USE;
/* The first failure of the stack's last operation: "Bucket (AWS::S3::Bucket): BucketAlreadyExists …". */
int stack_explain(struct aws_client *client, const char *name, struct reason *ret) MUST_USE;
/* Deletes it and waits until it is gone; with `empty_buckets`, those of its buckets that cannot be deleted
 * because they hold objects are emptied (all versions). 0 also when there is none. WORK_E_FAILED with the
 * reason. */
int stack_remove(struct aws_client *client, const char *name, bool empty_buckets,
                 const struct stack_patience *patience, struct reason *why) MUST_USE;
/* True when UpdateStack's or a change set's words say that nothing would change. */
bool stack_says_no_change(const char *message);
