/* What an update would do: the difference between a stack and a plan. Pure. */
#pragma once

#include "services/cloudformation/plan.h"

/* Names of the first-level properties that differ; *ret_replaces when changing one of them needs a new
 * resource. */
int properties_difference(const struct resource_type *type, const json_t *before, const json_t *after,
                          json_t **ret_names, bool *ret_replaces) MUST_USE;
/* A list of change sets' ResourceChange objects, in order of the plan, removals last. `rows`: the stack's
 * resources by logical id; `old_parameters`: as resolved for the stack; both may be empty. STACK_E_INVALID.
 */
int changes_compute(struct plan *plan, const json_t *rows, const json_t *old_parameters,
                    json_t **ret) MUST_USE;
