/* Tells who approves that an approval waits. */
#pragma once

#include "services/codepipeline/store.h"

/* Publishes to the topic of the action's NotificationArn, in the caller's transaction; history says whether
 * it could. A topic that is not there does not hold up the execution. */
int notify_approval(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                    const struct execution *execution, const struct run *run, int64_t now_ms) MUST_USE;
/* May an approval of that account's pipeline publish to a topic of that account? It may in its own, and in
 * the one in which the action acts (its roleArn; NULL: none). */
bool notify_may(const char *topic_account, const char *account, const char *role_arn);
