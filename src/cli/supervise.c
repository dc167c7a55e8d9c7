/* A child is either running (pid > 0) or due at a time. A child that lived long starts again at once; one
 * that dies young waits twice as long each time. */
#include "cli/supervise.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 10000
#define YOUNG_MS 10000
#define CHILDREN_MAX 2048
#define SETTINGS 8

struct child {
    struct child *next;
    char command[32];
    char account[16];
    char *settings[SETTINGS + 1]; /* NAME=value */
    pid_t pid;                    /* 0: not running */
    int64_t started_ms;
    int64_t due_ms;
    int64_t pause_ms;
};

struct supervisor {
    struct child *children;
    size_t count;
    char *data_dir;
    char *endpoint;
    char *region;
    char binary[4096];
};

int supervisor_new(const char *data_dir, const char *endpoint, const char *region, struct supervisor **ret)
{
    struct supervisor *supervisor = mem_alloc(sizeof(*supervisor));
    if (!supervisor)
        return FAULT(ENOMEM);
    ssize_t len = readlink("/proc/self/exe", supervisor->binary, sizeof(supervisor->binary) - 1);
    supervisor->data_dir = str_dup(str_of(data_dir));
    supervisor->endpoint = str_dup(str_of(endpoint));
    supervisor->region = str_dup(str_of(region));
    if (len <= 0 || !supervisor->data_dir || !supervisor->endpoint || !supervisor->region) {
        supervisor_free(&supervisor);
        return FAULT(ENOMEM);
    }
    *ret = supervisor;
    return 0;
}

static void child_free(struct child *child)
{
    for (size_t i = 0; i < SETTINGS; i++)
        free(child->settings[i]);
    free(child);
}

void supervisor_free(struct supervisor **ret)
{
    struct supervisor *supervisor = *ret;
    if (!supervisor)
        return;
    while (supervisor->children) {
        struct child *child = supervisor->children;
        supervisor->children = child->next;
        child_free(child);
    }
    free(supervisor->data_dir);
    free(supervisor->endpoint);
    free(supervisor->region);
    free(supervisor);
    *ret = NULL;
}

static bool child_settings(const struct supervisor *supervisor, const struct supervised *wanted,
                           struct child *child)
{
    const char *const pairs[SETTINGS][2] = {
        {"AWS_ENDPOINT_URL", supervisor->endpoint},   {"AWS_REGION", supervisor->region},
        {"AWS_ACCESS_KEY_ID", wanted->access_key_id}, {"AWS_SECRET_ACCESS_KEY", wanted->secret_access_key},
        {"SLIPWAY_ACCOUNT", wanted->account},
    };
    for (size_t i = 0; i < SETTINGS && pairs[i][0]; i++) {
        if (asprintf(&child->settings[i], "%s=%s", pairs[i][0], pairs[i][1]) < 0) {
            child->settings[i] = NULL;
            return false;
        }
    }
    return true;
}

int supervisor_add(struct supervisor *supervisor, const struct supervised *wanted)
{
    for (struct child *child = supervisor->children; child; child = child->next)
        if (strcmp(child->command, wanted->command) == 0 && strcmp(child->account, wanted->account) == 0)
            return 0;
    if (supervisor->count == CHILDREN_MAX)
        return FAULT(E2BIG);
    struct child *child = mem_alloc(sizeof(*child));
    if (!child)
        return FAULT(ENOMEM);
    (void)snprintf(child->command, sizeof(child->command), "%s", wanted->command);
    (void)snprintf(child->account, sizeof(child->account), "%s", wanted->account);
    if (!child_settings(supervisor, wanted, child)) {
        child_free(child);
        return FAULT(ENOMEM);
    }
    child->next = supervisor->children;
    supervisor->children = child;
    supervisor->count++;
    return 0;
}

/* Ours are set for the child; those that would lead it elsewhere are left out. */
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

static const char **child_environment(const struct child *child)
{
    size_t count = 0;
    while (environ[count])
        count++;
    const char **environment = mem_alloc((count + SETTINGS + 1) * sizeof(*environment));
    size_t used = 0;
    for (size_t i = 0; environment && i < count; i++)
        if (!is_replaced(environ[i]))
            environment[used++] = environ[i];
    for (size_t i = 0; environment && child->settings[i]; i++)
        environment[used++] = child->settings[i];
    return environment;
}

static int child_spawn(const struct supervisor *supervisor, struct child *child)
{
    CLEANUP(free_ptr) const char **environment = child_environment(child);
    CLEANUP(free_ptr) char *cache = NULL;
    if (!environment || asprintf(&cache, "%s/cache/%s", supervisor->data_dir, child->account) < 0)
        return FAULT(ENOMEM);
    char self[16];
    (void)snprintf(self, sizeof(self), "%d", getpid());
    const char *argv[] = {
        supervisor->binary, child->command, "--exit-with-parent", self, "--cache-dir", cache, NULL};
    const struct proc_spec spec = {
        .argv = argv,
        .envp = environment,
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
    };
    return proc_spawn(&spec, &child->pid);
}

static void child_pause(struct child *child, int64_t now_ms)
{
    bool young = now_ms - child->started_ms < YOUNG_MS;
    child->pid = 0;
    if (!young)
        child->pause_ms = 0;
    child->due_ms = now_ms + child->pause_ms;
    child->pause_ms = child->pause_ms == 0 ? PAUSE_FIRST_MS : child->pause_ms * 2;
    if (child->pause_ms > PAUSE_MAX_MS)
        child->pause_ms = PAUSE_MAX_MS;
}

int64_t supervisor_start_due(struct supervisor *supervisor)
{
    int64_t next_ms = -1;
    int64_t now_ms = clock_mono_ms();
    for (struct child *child = supervisor->children; child; child = child->next) {
        if (child->pid == 0 && child->due_ms <= now_ms) {
            child->started_ms = now_ms;
            int r = child_spawn(supervisor, child);
            if (r != 0) {
                log_warn("serve", "the %s of %s cannot be started: %s", child->command, child->account,
                         strerror(-r));
                child_pause(child, now_ms);
            }
        }
        int64_t left_ms = child->due_ms - now_ms;
        if (child->pid == 0 && (next_ms < 0 || left_ms < next_ms))
            next_ms = left_ms > 0 ? left_ms : 0;
    }
    return next_ms;
}

static void child_ended(struct child *child, int status)
{
    if (WIFSIGNALED(status))
        log_warn("serve", "the %s of %s was killed by signal %d; it is started again", child->command,
                 child->account, WTERMSIG(status));
    else
        log_warn("serve", "the %s of %s ended with status %d; it is started again", child->command,
                 child->account, WEXITSTATUS(status));
    child_pause(child, clock_mono_ms());
}

void supervisor_reap(struct supervisor *supervisor)
{
    for (struct child *child = supervisor->children; child; child = child->next) {
        int status;
        if (child->pid > 0 && proc_wait(child->pid, 0, &status) == 0)
            child_ended(child, status);
    }
}

void supervisor_stop(struct supervisor *supervisor, int64_t grace_ms)
{
    int64_t until_ms = clock_mono_ms() + grace_ms;
    for (struct child *child = supervisor->children; child; child = child->next)
        if (child->pid > 0)
            (void)kill(child->pid, SIGTERM);
    for (struct child *child = supervisor->children; child; child = child->next) {
        int status;
        int64_t left_ms = until_ms - clock_mono_ms();
        if (child->pid <= 0)
            continue;
        int r = proc_wait(child->pid, left_ms > 0 ? left_ms : 0, &status);
        if (r != 0) {
            proc_kill_group(child->pid, SIGKILL);
            r = proc_wait(child->pid, -1, &status);
        }
        if (r != 0)
            log_warn("serve", "the end of the %s of %s was not seen", child->command, child->account);
        child->pid = 0;
    }
}
