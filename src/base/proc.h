/* Child processes by posix_spawn, each in a process group of its own. */
#pragma once

#include "base/base.h"
#include <sys/types.h>

struct proc_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *envp; /* NULL-terminated; NULL: the parent's */
    const char *cwd;         /* NULL: the parent's */
    int stdin_fd;            /* -1: /dev/null */
    int stdout_fd;           /* -1: inherited */
    int stderr_fd;           /* -1: inherited */
    int fourth_fd;           /* becomes descriptor 3; 0: none. No other is open in the child */
};

int proc_spawn(const struct proc_spec *spec, pid_t *ret_pid) MUST_USE;
/* Waits up to timeout_ms (-1: for ever). 0 and *ret_status (as waitpid); PROC_RUNNING when it still runs. */
#define PROC_RUNNING 1
int proc_wait(pid_t pid, int64_t timeout_ms, int *ret_status) MUST_USE;
/* Signals the process's whole group. */
void proc_kill_group(pid_t pid, int signal);
