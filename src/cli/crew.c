/* See crew.h. One thread, so that a fork has all there is. */
#include "cli/crew.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/resident.h"
#include "cli/command.h"
#include "cli/restart.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 10000
#define LINE_MAX_BYTES ((size_t)4096)
#define INPUT_MAX (2 * LINE_MAX_BYTES)

enum word { WORD_COMMAND, WORD_ACCOUNT, WORD_KEY_ID, WORD_SECRET, WORDS };

struct worker {
    struct worker *next;
    const struct command *command;
    char *words[WORDS];
    pid_t pid; /* 0: does not run */
    struct restart restart;
};

struct crew {
    struct worker *workers;
    char *cache_dir;
    struct buf input; /* a line that is not whole yet */
    int signal_fd;
    bool stop;
    char *title; /* the words of our own command line, one after the other */
    size_t title_size;
};

/* ---- its workers */

static void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (worker->words[i])
            explicit_bzero(worker->words[i], strlen(worker->words[i]));
        free(worker->words[i]);
    }
    free(worker);
}

static const struct command *command_find(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

/* NULL: no memory, or the line is none of a worker. */
static struct worker *worker_new(struct str line)
{
    struct worker *worker = mem_alloc(sizeof(*worker));
    size_t count = 0;
    while (worker && count < WORDS && line.ptr &&
           (worker->words[count] = str_dup(str_split(&line, ' '))) != NULL)
        count++;
    if (count == WORDS && !line.ptr)
        worker->command = command_find(worker->words[WORD_COMMAND]);
    if (!worker || worker->command)
        return worker;
    worker_free(worker);
    return NULL;
}

static void worker_take(struct crew *crew, struct str line)
{
    struct worker *worker = worker_new(line);
    if (!worker) {
        log_error("serve", "a worker cannot be started: it was told of as no worker is");
        return;
    }
    worker->next = crew->workers;
    crew->workers = worker;
}

/* What a worker has no business with: the keys of others. */
static void forget_all(struct crew *crew)
{
    while (crew->workers) {
        struct worker *worker = crew->workers;
        crew->workers = worker->next;
        worker_free(worker);
    }
    if (crew->input.ptr)
        explicit_bzero(crew->input.ptr, crew->input.cap);
    buf_free(&crew->input);
}

/* ---- in the new process */

/* What ps(1) shows: our own command line's place has the worker's. */
static void title_set(const struct crew *crew, char *const *words)
{
    size_t used = 0;
    memset(crew->title, 0, crew->title_size);
    for (; *words && used < crew->title_size; words++)
        used += (size_t)snprintf(crew->title + used, crew->title_size - used, "%s", *words) + 1;
}

static bool environment_set(const struct worker *worker)
{
    return setenv("AWS_ACCESS_KEY_ID", worker->words[WORD_KEY_ID], 1) == 0 &&
           setenv("AWS_SECRET_ACCESS_KEY", worker->words[WORD_SECRET], 1) == 0 &&
           setenv("SLIPWAY_ACCOUNT", worker->words[WORD_ACCOUNT], 1) == 0;
}

/* As a process that was started by itself: a group of its own, no signal blocked, nothing open. */
static bool become_own(struct crew *crew)
{
    sigset_t none;
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool done = null_fd >= 0 && dup2(null_fd, STDIN_FILENO) == STDIN_FILENO && setpgid(0, 0) == 0;
    close_fd(&null_fd);
    close_fd(&crew->signal_fd);
    sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    return done && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static _Noreturn void worker_run(struct crew *crew, struct worker *worker, pid_t parent)
{
    char parent_text[16], name[32];
    CLEANUP(free_ptr) char *cache = NULL;
    int (*run)(int argc, char **argv) = worker->command->run;
    (void)snprintf(parent_text, sizeof(parent_text), "%d", parent);
    (void)snprintf(name, sizeof(name), "%s", worker->command->name);
    if (!become_own(crew) || !environment_set(worker) ||
        asprintf(&cache, "%s/%s", crew->cache_dir, worker->words[WORD_ACCOUNT]) < 0)
        _exit(COMMAND_FAILED);
    char *argv[] = {name, "--exit-with-parent", parent_text, "--cache-dir", cache, NULL};
    forget_all(crew);
    title_set(crew, argv);
    exit(run((int)ARRAY_LEN(argv) - 1, argv));
}

/* ---- the crew */

static void worker_start(struct crew *crew, struct worker *worker, int64_t now_ms)
{
    pid_t parent = getpid();
    restart_began(&worker->restart, now_ms);
    worker->pid = fork();
    if (worker->pid == 0)
        worker_run(crew, worker, parent);
    if (worker->pid > 0)
        return;
    log_warn("serve", "the %s of %s cannot be started: %s", worker->words[WORD_COMMAND],
             worker->words[WORD_ACCOUNT], strerror(errno));
    worker->pid = 0;
    restart_ended(&worker->restart, now_ms);
}

/* Milliseconds until the next is due; -1: all run. */
static int64_t start_due(struct crew *crew)
{
    int64_t next_ms = -1, now_ms = clock_mono_ms();
    for (struct worker *worker = crew->workers; worker; worker = worker->next) {
        if (worker->pid == 0 && worker->restart.due_ms <= now_ms)
            worker_start(crew, worker, now_ms);
        int64_t left_ms = worker->restart.due_ms > now_ms ? worker->restart.due_ms - now_ms : 0;
        if (worker->pid == 0 && (next_ms < 0 || left_ms < next_ms))
            next_ms = left_ms;
    }
    return next_ms;
}

static void worker_reap(struct worker *worker)
{
    char who[64];
    int status;
    if (worker->pid == 0 || proc_wait(worker->pid, 0, &status) != 0)
        return;
    (void)snprintf(who, sizeof(who), "the %s of %s", worker->words[WORD_COMMAND],
                   worker->words[WORD_ACCOUNT]);
    restart_tell(who, status);
    worker->pid = 0;
    restart_ended(&worker->restart, clock_mono_ms());
}

static void take_signals(struct crew *crew)
{
    struct signalfd_siginfo info;
    while (read(crew->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            crew->stop = true;
        for (struct worker *worker = crew->workers; worker; worker = worker->next)
            worker_reap(worker);
    }
}

/* False at the end: the server has ended. */
static bool take_lines(struct crew *crew)
{
    char bytes[LINE_MAX_BYTES];
    ssize_t got = io_read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got <= 0 || buf_put(&crew->input, bytes, (size_t)got) != 0)
        return false;
    explicit_bzero(bytes, sizeof(bytes));
    struct str rest = buf_str(&crew->input);
    while (rest.len > 0 && memchr(rest.ptr, '\n', rest.len))
        worker_take(crew, str_split(&rest, '\n'));
    memmove(crew->input.ptr, crew->input.ptr + (crew->input.len - rest.len), rest.len);
    crew->input.len = rest.len;
    return true;
}

/* Told to, rather than because the server has ended, when they stop by themselves. */
static void workers_stop(const struct crew *crew)
{
    int64_t until_ms = clock_mono_ms() + GRACE_MS;
    for (const struct worker *worker = crew->workers; worker; worker = worker->next)
        if (worker->pid > 0)
            (void)kill(worker->pid, SIGTERM);
    for (const struct worker *worker = crew->workers; worker; worker = worker->next) {
        int status;
        int64_t left_ms = until_ms - clock_mono_ms();
        if (worker->pid == 0 || proc_wait(worker->pid, left_ms > 0 ? left_ms : 0, &status) == 0)
            continue;
        proc_kill_group(worker->pid, SIGKILL);
        if (proc_wait(worker->pid, -1, &status) != 0)
            log_warn("serve", "the end of the %s of %s was not seen", worker->words[WORD_COMMAND],
                     worker->words[WORD_ACCOUNT]);
    }
}

static void serve(struct crew *crew)
{
    struct resident resident = {0};
    while (!crew->stop) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = crew->signal_fd, .events = POLLIN}};
        int64_t start_ms = start_due(crew), tend_ms = resident_tend(&resident);
        int ready = poll(fds, ARRAY_LEN(fds), (int)(start_ms < 0 || tend_ms < start_ms ? tend_ms : start_ms));
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0 && fds[0].revents && !take_lines(crew))
            return;
        if (ready > 0 && fds[1].revents)
            take_signals(crew);
    }
    workers_stop(crew);
}

static int signals_open(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    return sigprocmask(SIG_BLOCK, &signals, NULL) ? -1 : signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void crew_deinit(struct crew *crew)
{
    forget_all(crew);
    close_fd(&crew->signal_fd);
    free(crew->cache_dir);
}

int crew_main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("slipway " CREW_COMMAND ": `slipway serve` runs this; run that.\n", stderr);
        return COMMAND_USAGE;
    }
    CLEANUP(crew_deinit)
    struct crew crew = {
        .cache_dir = str_dup(str_of(argv[1])), /* its place becomes the workers' titles' */
        .input = BUF_INIT(INPUT_MAX),
        .signal_fd = signals_open(),
        .title = argv[0],
        .title_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]),
    };
    log_from_env();
    (void)signal(SIGPIPE, SIG_IGN); /* of whoever read what is logged */
    if (crew.signal_fd < 0 || !crew.cache_dir || buf_reserve(&crew.input, INPUT_MAX - 1) != 0)
        return COMMAND_FAILED; /* reserved once: what was in smaller memory before would be there for workers
                                */
    serve(&crew);
    return COMMAND_OK;
}
