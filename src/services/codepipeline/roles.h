/* Roles of a declaration's actions and rules that are another account's. */
#pragma once

#include "services/codepipeline/engine/flow.h"
#include "services/service.h"

/* Whether each trusts the declared service role or the pipeline's account: its anchor does what the action
 * says whoever's pipeline it is. One that is not there (yet) is nobody's. PIPELINE_E_STRUCTURE: *why names
 * the action and the role. */
int roles_check(struct tx *tx, const struct platform *platform, const char *account,
                const json_t *declaration, struct reason *why) MUST_USE;

/* The same of one that is about to be used: one that is not there is refused, too. `declaration`: that
 * of the version that the execution is pinned to; `name`: the action's. */
int role_use(struct tx *tx, const struct platform *platform, const char *account, const json_t *declaration,
             const char *name, const char *arn, struct reason *why) MUST_USE;
/* Between a step and its saving: actions that it began in a role that they cannot have fail. */
int roles_take(struct tx *tx, const struct platform *platform, const char *account,
               struct flow *flow) MUST_USE;
