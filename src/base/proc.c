/* Children by posix_spawn; waiting by pidfd, so no signal handler and no polling. */
#include "base/proc.h"
#include "base/clock.h"
#include "base/fail.h"
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

static int add_files(const struct proc_spec *spec, posix_spawn_file_actions_t *files)
{
    int err = spec->stdin_fd >= 0
                  ? posix_spawn_file_actions_adddup2(files, spec->stdin_fd, STDIN_FILENO)
                  : posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!err && spec->stdout_fd >= 0)
        err = posix_spawn_file_actions_adddup2(files, spec->stdout_fd, STDOUT_FILENO);
    if (!err && spec->stderr_fd >= 0)
        err = posix_spawn_file_actions_adddup2(files, spec->stderr_fd, STDERR_FILENO);
    if (!err && spec->fourth_fd > 0)
        err = posix_spawn_file_actions_adddup2(files, spec->fourth_fd, STDERR_FILENO + 1);
    if (!err) /* libraries' own descriptors are not all close-on-exec */
        err = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + (spec->fourth_fd > 0 ? 2 : 1));
    if (!err && spec->cwd)
        err = posix_spawn_file_actions_addchdir_np(files, spec->cwd);
    return err;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int err = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF);
    if (!err)
        err = posix_spawnattr_setpgroup(attributes, 0);
    if (!err)
        err = posix_spawnattr_setsigmask(attributes, &none);
    return err ? err : posix_spawnattr_setsigdefault(attributes, &all);
}

int proc_spawn(const struct proc_spec *spec, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (fail_now(FAIL_IO))
        return FAULT(EAGAIN);
    int err = posix_spawn_file_actions_init(&files);
    if (err)
        return FAULT(err);
    err = posix_spawnattr_init(&attributes);
    if (err) {
        posix_spawn_file_actions_destroy(&files);
        return FAULT(err);
    }
    err = add_files(spec, &files);
    if (!err)
        err = set_attributes(&attributes);
    if (!err) {
        /* posix_spawn's prototype lacks the consts that its contract has (POSIX.1-2017, exec) */
        char **argv = (char **)(uintptr_t)spec->argv;
        char **envp = spec->envp ? (char **)(uintptr_t)spec->envp : environ;
        err = posix_spawnp(ret_pid, spec->argv[0], &files, &attributes, argv, envp);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return err ? FAULT(err) : 0;
}

/* 0 when the child has ended, PROC_RUNNING at the deadline. */
static int wait_ended(pid_t pid, int64_t timeout_ms)
{
    CLEANUP(close_fd) int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return FAULT(errno);
    int64_t deadline = clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left = timeout_ms < 0 ? -1 : deadline - clock_mono_ms();
        if (timeout_ms >= 0 && left < 0)
            left = 0;
        struct pollfd ended = {.fd = fd, .events = POLLIN};
        int n = poll(&ended, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return FAULT(errno);
        if (n == 0 && timeout_ms >= 0 && clock_mono_ms() >= deadline)
            return PROC_RUNNING;
    }
}

int proc_wait(pid_t pid, int64_t timeout_ms, int *ret_status)
{
    int r = timeout_ms < 0 ? 0 : wait_ended(pid, timeout_ms);
    if (r != 0)
        return r;
    pid_t got;
    do {
        got = waitpid(pid, ret_status, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? FAULT(errno) : 0;
}

void proc_kill_group(pid_t pid, int signal)
{
    assert(pid > 1);
    (void)kill(-pid, signal);
}
