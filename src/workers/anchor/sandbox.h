/* A build's walls, by bubblewrap: own mount, pid, ipc and uts namespaces; the system read-only; a private
 * work folder and /tmp; the network shared; no capabilities. Killed as a whole, also when the anchor dies. */
#pragma once

#include "base/base.h"
#include <sys/types.h>

#define SANDBOX_FOLDER "/build" /* where `folder` appears inside */

struct sandbox_spec {
    const char *folder;         /* on this machine: the only place that can be written */
    const char *steps;          /* on this machine: appears read-only as SANDBOX_FOLDER/steps */
    const char *cwd;            /* inside */
    const char *const *command; /* NULL-terminated; paths as inside */
    const char *const *envp;    /* NULL-terminated "NAME=value": the whole environment */
    bool off;                   /* no walls, for benchmarks: `cwd` and `command` name paths of this machine */
    int stdin_fd;
    int stdout_fd;
    int stderr_fd;
};

int sandbox_spawn(const struct sandbox_spec *spec, pid_t *ret_pid) MUST_USE;
