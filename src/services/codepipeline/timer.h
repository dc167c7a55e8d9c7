/* The thread that fires timers: leases, action time limits, approvals' expiry. */
#pragma once

#include "base/base.h"

struct platform;

int timer_start(const struct platform *platform, void **ret_state);
void timer_stop(void *state);
