/* Handlers of cloudformation's operations, and what they share. */
#pragma once

#include "services/cloudformation/stack.h"
#include "services/service.h"

int cf_create_stack(struct call *c);
int cf_update_stack(struct call *c);
int cf_delete_stack(struct call *c);
int cf_cancel_update_stack(struct call *c);
int cf_continue_update_rollback(struct call *c);
int cf_describe_stacks(struct call *c);
int cf_list_stacks(struct call *c);
int cf_describe_stack_events(struct call *c);
int cf_describe_stack_resource(struct call *c);
int cf_describe_stack_resources(struct call *c);
int cf_list_stack_resources(struct call *c);
int cf_get_template(struct call *c);
int cf_get_template_summary(struct call *c);
int cf_validate_template(struct call *c);
int cf_create_change_set(struct call *c);
int cf_describe_change_set(struct call *c);
int cf_execute_change_set(struct call *c);
int cf_delete_change_set(struct call *c);
int cf_list_change_sets(struct call *c);
int cf_list_exports(struct call *c);
int cf_list_imports(struct call *c);

struct stack_request cf_request(struct call *c);
/* The template of TemplateBody or TemplateURL, in the arena; NULL with UsePreviousTemplate. */
int cf_body(struct call *c, bool may_be_previous, const char **ret) MUST_USE;
/* Puts one page of the list as out[member], with NextToken; `all` is borrowed. */
int cf_page(struct call *c, const char *member, const json_t *all, size_t max) MUST_USE;
/* A template's declared parameters as both summaries show them. */
int cf_summary(struct call *c, struct template *template) MUST_USE;
int cf_body_at_url(struct call *c, const char *url, const char **ret) MUST_USE;
/* Of the stack that StackName names. */
int cf_stack(struct call *c, struct stack *ret) MUST_USE;

#define CLOUDFORMATION_OPERATIONS 21
extern const struct operation cloudformation_operations[CLOUDFORMATION_OPERATIONS];
