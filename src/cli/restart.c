/* See restart.h. */
#include "cli/restart.h"
#include "base/log.h"
#include <sys/wait.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 10000
#define YOUNG_MS 10000

void restart_began(struct restart *restart, int64_t now_mono_ms)
{
    restart->started_ms = now_mono_ms;
}

void restart_ended(struct restart *restart, int64_t now_mono_ms)
{
    bool young = now_mono_ms - restart->started_ms < YOUNG_MS;
    if (!young)
        restart->pause_ms = 0;
    restart->due_ms = now_mono_ms + restart->pause_ms;
    restart->pause_ms = restart->pause_ms == 0 ? PAUSE_FIRST_MS : restart->pause_ms * 2;
    if (restart->pause_ms > PAUSE_MAX_MS)
        restart->pause_ms = PAUSE_MAX_MS;
}

void restart_tell(const char *who, int status)
{
    if (WIFSIGNALED(status))
        log_warn("serve", "%s was killed by signal %d; it is started again", who, WTERMSIG(status));
    else
        log_warn("serve", "%s ended with status %d; it is started again", who, WEXITSTATUS(status));
}
