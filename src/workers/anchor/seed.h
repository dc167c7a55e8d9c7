/* A seed: a shell that was started, loaded and linked, and waits before its main function. What is spawned
 * from it is a fork, with a process id of its own and this process for a parent, that goes on as that shell:
 * more than half of what a shell costs is its start. Nothing of a build ever runs in the seed itself.
 *
 * It waits in a constructor of a small library (seed/preload.c) that it was told to load. It is started by
 * the first that is spawned, and anew every minute: the machine's shell may be another by then, and forks of
 * one seed have their memory at the same addresses. */
#pragma once

#include "base/base.h"
#include "workers/anchor/seed/order.h"
#include <sys/types.h>

struct seed;

enum seed_outcome {
    /* This machine's shell is none: it is static, or what it should load may not be executed. So it stays. */
    SEED_E_NONE = 1,
    /* It was killed, or did not answer, when it was started last: it is tried again in its time. */
    SEED_E_LATER,
};

/* `command` (the shell's absolute path first) and `envp` are what all that are spawned have; they outlive it.
 */
int seed_new(const char *const *command, const char *const *envp, struct seed **ret) MUST_USE;
void seed_free(struct seed **seed);
/* In a process group of its own, with `fds` as descriptors 0 to 2 and no other. Any thread may. */
int seed_spawn(struct seed *seed, const char *cwd, const int fds[SEED_FDS], pid_t *ret_pid) MUST_USE;
/* None will be spawned for some time: ends the seed's process. */
void seed_rest(struct seed *seed);
