/* A build's walls: own user, mount, pid, ipc, uts and cgroup namespaces; the system read-only; a private work
 * folder and /tmp; the network shared; no capabilities. Killed as a whole, also when the anchor dies.
 *
 * bubblewrap builds them: once for all (walls.h) where the machine lets processes into copies, else for each.
 */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <sys/types.h>

#define SANDBOX_FOLDER "/build" /* where `folder` appears inside */

struct sandbox;

struct sandbox_spec {
    const char *folder;         /* on this machine: the only place that can be written */
    const char *cwd;            /* inside */
    const char *const *command; /* NULL-terminated; paths as inside; the first is absolute */
    const char *const *envp;    /* NULL-terminated "NAME=value": the whole environment */
    int stdin_fd;
    int stdout_fd;
    int stderr_fd;
};

/* `work_dir` holds the folders of all that will be started; NULL: they are anywhere, and each has walls built
 * for it. *why has words afterwards when each has, because this machine does not give copies. */
int sandbox_new(const char *work_dir, struct sandbox **ret, struct reason *why) MUST_USE;
void sandbox_free(struct sandbox **sandbox);
/* `sandbox` NULL: without walls, `cwd` and `command` name paths of this machine. */
int sandbox_spawn(struct sandbox *sandbox, const struct sandbox_spec *spec, pid_t *ret_pid) MUST_USE;
/* Whether whatever was started ended with the process that was, at the latest, and could give no descriptor
 * to what was started for others: so where all had copies and the kernel parts their sockets. */
bool sandbox_ends_at_once(const struct sandbox *sandbox);
