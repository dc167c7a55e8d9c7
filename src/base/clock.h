/* Time in milliseconds. Wall time is since the Unix epoch, UTC. Tests may replace the wall clock. */
#pragma once

#include "base/base.h"

int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Tests only: `fn` answers clock_now_ms() from now on; NULL restores the real clock. */
void clock_set(int64_t (*fn)(void));
