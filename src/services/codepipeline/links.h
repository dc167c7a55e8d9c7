/* Links of custom actions: their type's URL templates with the action's configuration filled in; and where a
 * Commands action's log is. Source: CodePipeline API, ActionTypeSettings; CreateCustomActionType,
 * configurationProperties; ActionExecution, logStreamARN. */
#pragma once

#include "db/db.h"
#include "services/codepipeline/engine/plan.h"

struct platform;

/* Into GetPipelineState's actionState: entityUrl, revisionUrl and its latest run's externalExecutionUrl or
 * logStreamARN. */
int links_state_put(struct tx *tx, const struct platform *platform, const char *account,
                    const struct plan_action *action, json_t *state) MUST_USE;
/* The externalExecutionUrl or logStreamARN of a run, beside its externalExecutionId in `result`, if it has
 * one. */
int links_run_put(struct tx *tx, const struct platform *platform, const char *account,
                  const struct plan_action *action, const json_t *configuration, json_t *result) MUST_USE;
