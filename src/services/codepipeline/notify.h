/* Tells who approves that an approval waits. */
#pragma once

#include "services/codepipeline/store.h"

/* Publishes to the topic of the action's NotificationArn, in the caller's transaction; history says whether
 * it could. A topic that is not there does not hold up the execution. */
int notify_approval(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                    const struct execution *execution, const struct run *run, int64_t now_ms) MUST_USE;
