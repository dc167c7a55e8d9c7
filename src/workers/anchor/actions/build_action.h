/* Actions that consist of one build of CodeBuild (build_action.c). */
#pragma once

#include "workers/anchor/work.h"

/* Makes the action's input artifact the source in `in`, StartBuild's input. WORK_E_FAILED. */
int build_action_source(struct job *job, json_t *in) MUST_USE;
/* Adds the action's environment variables and output artifact to `in` (taken), starts the build and waits for
 * its end. As an action's `run`. */
int build_action_run(struct job *job, json_t *in) MUST_USE;
