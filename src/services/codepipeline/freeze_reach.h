/* What freezes are about now. */
#pragma once

#include "db/db.h"
#include <jansson.h>

#define FREEZE_TOLD_MAX 20

/* Adds to each freeze of the account in the list (as freeze_list gives it) that has not ended:
 *   held: {pipelineCount, stageCount, stages: [{pipelineName, stageName}], executionCount, executions:
 *          [{pipelineName, stageName, pipelineExecutionId}], unmatched: [{list, pattern, near: [name]}]}
 * What it names by the pipelines as they are declared now, and who stands still for it; of each the first
 * FREEZE_TOLD_MAX. Of two freezes that hold an execution the older one has it. `unmatched`: patterns that no
 * pipeline, application or environment of now has, with names that may have been meant. */
int freeze_reach(struct tx *tx, const char *account, json_t *list) MUST_USE;
