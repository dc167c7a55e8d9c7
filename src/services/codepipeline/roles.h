/* Roles of a declaration's actions and rules that are another account's. */
#pragma once

#include "services/service.h"

/* Whether each trusts the pipeline's account: its anchor does what the action says whoever's pipeline it is.
 * One that is not there (yet) is nobody's. PIPELINE_E_STRUCTURE: *why names the action and the role. */
int roles_check(struct tx *tx, const struct platform *platform, const char *account,
                const json_t *declaration, struct reason *why) MUST_USE;
