/* Copies of a sandbox's walls. bubblewrap builds them once; each process that is started behind them gets its
 * own copy of that mount namespace, and user, pid, ipc, uts and cgroup namespaces of its own, by system calls
 * between clone and exec instead of a program that starts and builds. What may be written is new in each: the
 * root folder, /tmp, /var/tmp, /dev/shm, /dev/pts; nothing of one is seen in another.
 *
 * The process is the first of its pid namespace: what it leaves behind ends with it. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <sys/types.h>

#define WALLS_WORK "/.work" /* in what bubblewrap builds: the folder that holds all work folders */
#define WALLS_FDS 3
#define WALLS_ROOT "/.root" /* there: an empty folder */

struct walls;

/* What bubblewrap has put at `path`. */
struct walls_place {
    const char *path;
    const char *link; /* where it leads; NULL: it is a mount */
};

struct walls_spec {
    const char *folder;         /* below WALLS_WORK: appears, writable, as `inside` */
    const char *cwd;            /* inside, as all that follow */
    const char *const *command; /* an absolute path first */
    const char *const *envp;
    int fds[WALLS_FDS]; /* standard input, output, errors */
};

enum walls_outcome {
    WALLS_E_NONE = 1, /* this machine, or this user, cannot: why */
};

/* `argv` is bubblewrap's, without a command: it makes `places`, /proc, /dev, WALLS_WORK and WALLS_ROOT in new
 * user, mount and pid namespaces. `inside` is walls_spec's. All texts are copied. */
int walls_new(const char *const *argv, const struct walls_place *places, size_t count, const char *inside,
              struct walls **ret, struct reason *why) MUST_USE;
void walls_free(struct walls **walls);
/* Whether those of different copies can give one another no descriptors (Landlock, Linux 6.12). */
bool walls_part_sockets(const struct walls *walls);
/* Starts a process behind a copy; a child of this one, in a session of its own, killed when the calling
 * thread ends. The command has been executed when this returns 0. */
int walls_spawn(const struct walls *walls, const struct walls_spec *spec, pid_t *ret_pid) MUST_USE;
