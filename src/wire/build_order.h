/* StartBuild's input for an action that is a build of CodeBuild: the service that offers such an action's job
 * and the worker that takes it make the same of it, so that the build's token stands for one build whoever
 * starts it. Source: CodePipeline User Guide, "AWS CodeBuild build and test action reference", "Commands
 * action reference". */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

#define BUILD_ORDER_COMMANDS_PROJECT "slipway-commands" /* of all Commands actions of an account */

enum build_order_outcome {
    BUILD_ORDER_E_OTHER = 1, /* the action is no build */
    BUILD_ORDER_E_BAD,       /* its configuration is wrong: why */
};

/* `data` is a job's. The build's idempotencyToken is the action's execution, or `job_id` where that is not
 * said. *ret is the caller's. */
int build_order_make(const json_t *data, const char *job_id, json_t **ret, struct reason *why) MUST_USE;
