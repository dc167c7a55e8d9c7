/* See supervise.h. The crew is told of its workers by lines on its standard input; one that starts anew is
 * told of all again. */
#include "cli/supervise.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/crew.h"
#include "cli/restart.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 2048
#define PIPE_BYTES (512 << 10) /* the lines of all of them */
#define TELL_MS 1000 /* for the crew to say that it has ended, after its workers have had their time */

struct worker {
    struct worker *next;
    char *name; /* "anchor 222222222222" */
    char *line;
};

struct supervisor {
    struct worker *workers;
    size_t count;
    char *cache_dir;
    char *endpoint;
    char *region;
    char binary[4096];
    pid_t crew; /* 0: does not run */
    int crew_fd;
    struct restart restart;
};

int supervisor_new(const char *data_dir, const char *endpoint, const char *region, struct supervisor **ret)
{
    struct supervisor *supervisor = mem_alloc(sizeof(*supervisor));
    if (!supervisor)
        return FAULT(ENOMEM);
    supervisor->crew_fd = -1;
    ssize_t len = readlink("/proc/self/exe", supervisor->binary, sizeof(supervisor->binary) - 1);
    supervisor->endpoint = str_dup(str_of(endpoint));
    supervisor->region = str_dup(str_of(region));
    if (asprintf(&supervisor->cache_dir, "%s/cache", data_dir) < 0)
        supervisor->cache_dir = NULL;
    if (len <= 0 || !supervisor->cache_dir || !supervisor->endpoint || !supervisor->region) {
        supervisor_free(&supervisor);
        return FAULT(ENOMEM);
    }
    *ret = supervisor;
    return 0;
}

static void worker_free(struct worker *worker)
{
    free(worker->name);
    if (worker->line)
        explicit_bzero(worker->line, strlen(worker->line));
    free(worker->line);
    free(worker);
}

void supervisor_free(struct supervisor **ret)
{
    struct supervisor *supervisor = *ret;
    if (!supervisor)
        return;
    while (supervisor->workers) {
        struct worker *worker = supervisor->workers;
        supervisor->workers = worker->next;
        worker_free(worker);
    }
    close_fd(&supervisor->crew_fd);
    free(supervisor->cache_dir);
    free(supervisor->endpoint);
    free(supervisor->region);
    free(supervisor);
    *ret = NULL;
}

/* What cannot be told to a crew that has just ended is told to the next. */
static void tell(const struct supervisor *supervisor, const struct worker *worker)
{
    if (supervisor->crew_fd >= 0 &&
        io_write_all(supervisor->crew_fd, worker->line, strlen(worker->line)) != 0)
        log_debug("serve", "%s is not started yet", worker->name);
}

static struct worker *worker_new(const struct supervised *wanted)
{
    struct worker *worker = mem_alloc(sizeof(*worker));
    if (!worker)
        return NULL;
    if (asprintf(&worker->name, "%s %s", wanted->command, wanted->account) < 0)
        worker->name = NULL;
    if (asprintf(&worker->line, "%s %s %s %s\n", wanted->command, wanted->account, wanted->access_key_id,
                 wanted->secret_access_key) < 0)
        worker->line = NULL;
    if (worker->name && worker->line)
        return worker;
    worker_free(worker);
    return NULL;
}

int supervisor_add(struct supervisor *supervisor, const struct supervised *wanted)
{
    struct worker *worker = worker_new(wanted);
    if (!worker)
        return FAULT(ENOMEM);
    bool known = false;
    for (const struct worker *other = supervisor->workers; other && !known; other = other->next)
        known = strcmp(other->name, worker->name) == 0;
    if (known || supervisor->count == WORKERS_MAX) {
        worker_free(worker);
        return known ? 0 : FAULT(E2BIG);
    }
    worker->next = supervisor->workers;
    supervisor->workers = worker;
    supervisor->count++;
    tell(supervisor, worker);
    return 0;
}

/* Ours are set for the workers; those that would lead them elsewhere are left out. */
static bool is_replaced(const char *setting)
{
    static const char *const names[] = {"AWS_ENDPOINT_URL",  "AWS_REGION",        "AWS_DEFAULT_REGION",
                                        "AWS_PROFILE",       "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN", "SLIPWAY_ACCOUNT"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(setting, names[i], len) == 0 && setting[len] == '=')
            return true;
    }
    return false;
}

/* Of our environment and the `count` settings. */
static const char **crew_environment(char *const *settings, size_t count)
{
    size_t inherited = 0;
    while (environ[inherited])
        inherited++;
    const char **environment = mem_alloc((inherited + count + 1) * sizeof(*environment));
    size_t used = 0;
    for (size_t i = 0; environment && i < inherited; i++)
        if (!is_replaced(environ[i]))
            environment[used++] = environ[i];
    for (size_t i = 0; environment && i < count; i++)
        environment[used++] = settings[i];
    return environment;
}

static int crew_spawn(struct supervisor *supervisor, int stdin_fd)
{
    CLEANUP(free_ptr) char *endpoint = NULL;
    CLEANUP(free_ptr) char *region = NULL;
    CLEANUP(free_ptr) const char **environment = NULL;
    if (asprintf(&endpoint, "AWS_ENDPOINT_URL=%s", supervisor->endpoint) < 0 ||
        asprintf(&region, "AWS_REGION=%s", supervisor->region) < 0)
        return FAULT(ENOMEM);
    char *const settings[] = {endpoint, region};
    environment = crew_environment(settings, ARRAY_LEN(settings));
    if (!environment)
        return FAULT(ENOMEM);
    const char *const argv[] = {supervisor->binary, CREW_COMMAND, supervisor->cache_dir, CREW_ROOM, NULL};
    const struct proc_spec spec = {
        .argv = argv,
        .envp = environment,
        .stdin_fd = stdin_fd,
        .stdout_fd = -1,
        .stderr_fd = -1,
    };
    return proc_spawn(&spec, &supervisor->crew);
}

static int crew_start(struct supervisor *supervisor)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return FAULT(errno);
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* a crew that does not read holds nobody up */
    int r = crew_spawn(supervisor, ends[0]);
    close_fd(&ends[0]);
    supervisor->crew_fd = ends[1];
    if (r != 0) {
        close_fd(&supervisor->crew_fd);
        return r;
    }
    for (const struct worker *worker = supervisor->workers; worker; worker = worker->next)
        tell(supervisor, worker);
    return 0;
}

int64_t supervisor_start_due(struct supervisor *supervisor)
{
    int64_t now_ms = clock_mono_ms();
    if (supervisor->crew == 0 && supervisor->restart.due_ms <= now_ms) {
        restart_began(&supervisor->restart, now_ms);
        int r = crew_start(supervisor);
        if (r != 0) {
            log_warn("serve", "the workers cannot be started: %s", strerror(-r));
            restart_ended(&supervisor->restart, now_ms);
        }
    }
    if (supervisor->crew != 0)
        return -1;
    return supervisor->restart.due_ms > now_ms ? supervisor->restart.due_ms - now_ms : 0;
}

static void crew_ended(struct supervisor *supervisor)
{
    supervisor->crew = 0;
    close_fd(&supervisor->crew_fd);
    restart_ended(&supervisor->restart, clock_mono_ms());
}

void supervisor_reap(struct supervisor *supervisor)
{
    int status;
    if (supervisor->crew == 0 || proc_wait(supervisor->crew, 0, &status) != 0)
        return;
    restart_tell("the process of launcher, courier and anchors", status);
    crew_ended(supervisor);
}

/* The crew tells its workers, and kills those that take longer. */
void supervisor_stop(struct supervisor *supervisor, int64_t grace_ms)
{
    int status;
    if (supervisor->crew == 0)
        return;
    (void)kill(supervisor->crew, SIGTERM);
    if (proc_wait(supervisor->crew, grace_ms + TELL_MS, &status) != 0) {
        proc_kill_group(supervisor->crew, SIGKILL);
        if (proc_wait(supervisor->crew, -1, &status) != 0)
            log_warn("serve", "the end of the workers was not seen");
    }
    crew_ended(supervisor);
}
