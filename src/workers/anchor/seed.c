/* See seed.h. One order at a time: a fork takes less than a tenth of a millisecond. */
#include "workers/anchor/seed.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "seed_image.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 5000
#define ANSWER_MS 1000 /* a build may have stopped it, and others wait */
#define END_MS 1000
#define RENEW_MS 60000
#define ENV_MAX 16

struct seed {
    const char *const *command;
    const char *const *envp;
    pthread_mutex_t lock; /* guards all that follows; an order and its answer are together */
    pid_t pid;            /* 0: none */
    int orders;
    int64_t start_ms; /* of clock_mono_ms, when it is started, if only anew */
    bool none;        /* SEED_E_NONE */
};

/* ---- its process; called with the lock */

static void stop(struct seed *seed)
{
    close_fd(&seed->orders);
    if (seed->pid > 0) {
        proc_kill_group(seed->pid, SIGKILL);
        while (waitpid(-seed->pid, NULL, 0) > 0 || errno == EINTR)
            ;
    }
    seed->pid = 0;
    seed->start_ms = 0;
}

static int answer_take(const struct seed *seed, int timeout_ms, int32_t *ret)
{
    struct pollfd readable = {.fd = seed->orders, .events = POLLIN};
    int n;

    do {
        n = poll(&readable, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n < 1)
        return FAULT(n < 0 ? errno : ETIMEDOUT);
    return io_read(seed->orders, ret, sizeof(*ret)) == sizeof(*ret) ? 0 : FAULT(EPIPE);
}

static int image_make(int *ret_fd)
{
    CLEANUP(close_fd) int fd = memfd_create("seed", MFD_CLOEXEC);
    int r = fd < 0 ? FAULT(errno) : io_write_all(fd, seed_image, sizeof(seed_image));

    if (r == 0)
        *ret_fd = take_fd(fd);
    return r;
}

static int shell_start(struct seed *seed, int orders)
{
    CLEANUP(close_fd) int image = -1;
    CLEANUP(free_ptr) char *preload = NULL;
    const char *envp[ENV_MAX + 3];
    size_t count = 0;
    int r = image_make(&image);

    if (r)
        return r;
    if (asprintf(&preload, "LD_PRELOAD=/proc/self/fd/%d", SEED_IMAGE) < 0)
        return FAULT(ENOMEM);
    for (; seed->envp[count]; count++) {
        assert(count < ENV_MAX);
        envp[count] = seed->envp[count];
    }
    envp[count++] = preload;
    envp[count++] = "LD_BIND_NOW=1"; /* once for all forks */
    envp[count] = NULL;
    return proc_spawn(&(struct proc_spec){.argv = seed->command,
                                          .envp = envp,
                                          .stdin_fd = -1,
                                          .stdout_fd = orders,
                                          .stderr_fd = -1,
                                          .fourth_fd = image},
                      &seed->pid);
}

/* It ended without an answer: whether by itself, as a shell that has nothing to do. */
static bool is_none(struct seed *seed)
{
    int status = 0;

    if (proc_wait(seed->pid, END_MS, &status) != 0)
        return false;
    seed->pid = 0;
    return WIFEXITED(status);
}

static int first_answer_take(struct seed *seed)
{
    int32_t word = 0;
    int r = answer_take(seed, START_MS, &word);

    if (r == -ETIMEDOUT || (r == 0 && word == 0))
        return r;
    if (r == 0 || is_none(seed)) {
        seed->none = true;
        log_info("anchor", "builds' shells each start on their own: %s loads nothing beforehand",
                 seed->command[0]);
    }
    return seed->none ? SEED_E_NONE : SEED_E_LATER;
}

static int start(struct seed *seed)
{
    int ends[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return FAULT(errno);
    seed->orders = ends[0];
    r = shell_start(seed, ends[1]);
    close(ends[1]);
    return r ? r : first_answer_take(seed);
}

static int be_ready(struct seed *seed)
{
    int r;

    if (seed->none)
        return SEED_E_NONE;
    if (clock_mono_ms() < seed->start_ms)
        return seed->pid ? 0 : SEED_E_LATER;
    stop(seed);
    r = start(seed);
    if (r)
        stop(seed);
    seed->start_ms = clock_mono_ms() + RENEW_MS;
    return r;
}

static int order_send(const struct seed *seed, const char *cwd, const int fds[SEED_FDS])
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * SEED_FDS)];
    } control = {.head = {CMSG_LEN(sizeof(int) * SEED_FDS), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec text = {(char *)(uintptr_t)cwd, strlen(cwd)};
    const struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t sent;

    memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * SEED_FDS);
    do {
        sent = sendmsg(seed->orders, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? FAULT(errno) : 0;
}

/* What was not answered rightly is not asked again. */
static int order(struct seed *seed, const char *cwd, const int fds[SEED_FDS], int32_t *ret)
{
    int r = be_ready(seed);

    if (r)
        return r;
    r = order_send(seed, cwd, fds);
    if (r == 0)
        r = answer_take(seed, ANSWER_MS, ret);
    if (r)
        stop(seed);
    else if (*ret > 0)
        (void)setpgid(*ret, *ret); /* before another may stop the seed, with all that are in its group */
    return r;
}

/* ---- for all */

int seed_new(const char *const *command, const char *const *envp, struct seed **ret)
{
    struct seed *seed = mem_alloc(sizeof(*seed));

    if (!seed)
        return FAULT(ENOMEM);
    seed->command = command;
    seed->envp = envp;
    seed->orders = -1;
    pthread_mutex_init(&seed->lock, NULL);
    *ret = seed;
    return 0;
}

void seed_free(struct seed **seed)
{
    if (!*seed)
        return;
    stop(*seed);
    pthread_mutex_destroy(&(*seed)->lock);
    free(*seed);
    *seed = NULL;
}

void seed_rest(struct seed *seed)
{
    pthread_mutex_lock(&seed->lock);
    stop(seed);
    pthread_mutex_unlock(&seed->lock);
}

int seed_spawn(struct seed *seed, const char *cwd, const int fds[SEED_FDS], pid_t *ret_pid)
{
    int32_t word = 0;
    int r;

    if (strlen(cwd) >= SEED_FOLDER_MAX)
        return FAULT(ENAMETOOLONG);
    pthread_mutex_lock(&seed->lock);
    r = order(seed, cwd, fds, &word);
    pthread_mutex_unlock(&seed->lock);
    if (r)
        return r;
    if (word <= 0)
        return FAULT(word);
    *ret_pid = word;
    return 0;
}
