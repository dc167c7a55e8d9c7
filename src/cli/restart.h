/* When a process that ended is started again: at once when it lived long, else after a pause that doubles
 * each time. */
#pragma once

#include "base/base.h"

struct restart { /* all zero: due now */
    int64_t started_ms;
    int64_t due_ms;
    int64_t pause_ms;
};

void restart_began(struct restart *restart, int64_t now_mono_ms);
void restart_ended(struct restart *restart, int64_t now_mono_ms); /* or could not be started */
/* Logs it. `status`: waitpid's; "the anchor of 222222222222 was killed by signal 9; it is started again". */
void restart_tell(const char *who, int status);
