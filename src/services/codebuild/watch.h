/* codebuild's background thread: takes back leases and ends builds when their time is over. */
#pragma once

#include "services/service.h"

int codebuild_watch_start(const struct platform *platform, void **ret_state) MUST_USE;
void codebuild_watch_stop(void *state);
/* Something will be due then: the thread must not sleep longer. */
void watch_expect(struct tx *tx, int64_t due_ms);
