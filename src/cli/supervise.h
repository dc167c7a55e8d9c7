/* The workers of `slipway serve`: launcher, courier and anchors. They run below one child process (crew.h),
 * which is started again when it ends. Used by one thread. */
#pragma once

#include "base/base.h"

struct supervisor;

struct supervised {
    const char *command; /* "anchor": the subcommand of this binary */
    const char *account;
    const char *access_key_id;
    const char *secret_access_key;
};

int supervisor_new(const char *data_dir, const char *endpoint, const char *region,
                   struct supervisor **ret) MUST_USE;
/* Has it run from now on; nothing when that command of that account is there already. */
int supervisor_add(struct supervisor *supervisor, const struct supervised *worker) MUST_USE;
/* Starts the crew if that is due. Milliseconds until it is; -1: it runs. */
int64_t supervisor_start_due(struct supervisor *supervisor);
/* Takes note of a crew that has ended: on SIGCHLD. */
void supervisor_reap(struct supervisor *supervisor);
/* Tells all to stop, waits up to grace_ms, kills the rest. */
void supervisor_stop(struct supervisor *supervisor, int64_t grace_ms);
void supervisor_free(struct supervisor **supervisor);
