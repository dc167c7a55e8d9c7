/* Options, client and stop of a worker process. See worker.h. */
#include "workers/worker.h"
#include "base/log.h"
#include "base/resident.h"
#include "wire/json.h"
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOBS_DEFAULT 8
#define JOBS_MAX 256
#define CACHE_MIB_DEFAULT 2048
#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS 2000

static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop_cond = PTHREAD_COND_INITIALIZER;
static bool stopping;

enum option_id {
    OPTION_HELP = 1,
    OPTION_ACCOUNT,
    OPTION_ENDPOINT,
    OPTION_PROFILE,
    OPTION_CACHE_DIR,
    OPTION_CACHE_MIB,
    OPTION_JOBS,
    OPTION_NO_SANDBOX,
    OPTION_EXIT_WITH_PARENT,
};

static const struct option option_names[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"endpoint-url", required_argument, NULL, OPTION_ENDPOINT},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"cache-dir", required_argument, NULL, OPTION_CACHE_DIR},
    {"cache-mib", required_argument, NULL, OPTION_CACHE_MIB},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
    {"exit-with-parent", required_argument, NULL, OPTION_EXIT_WITH_PARENT},
    {0},
};

static const char options_help[] =
    "  --account ID          stop unless the credentials belong to this account (SLIPWAY_ACCOUNT)\n"
    "  --endpoint-url URL    where the services answer (AWS_ENDPOINT_URL; none: AWS)\n"
    "  --profile NAME        profile of the shared credentials file (AWS_PROFILE)\n"
    "  --jobs N              jobs at once (default 8)\n"
    "  --cache-dir DIR       artifact cache (SLIPWAY_CACHE; default ~/.cache/slipway/ACCOUNT)\n"
    "  --cache-mib N         size that the cache is kept under (default 2048)\n"
    "  --no-sandbox          run build commands without walls: only on a machine, or in a container, of the "
    "anchor's own\n"
    "  --exit-with-parent P  stop when process P, the parent, ends\n"
    "  --help                this text\n";

static bool option_take(struct worker_options *options, int id, const char *value)
{
    switch (id) {
    case OPTION_ACCOUNT:
        options->account = value;
        return true;
    case OPTION_ENDPOINT:
        options->endpoint_url = value;
        return true;
    case OPTION_PROFILE:
        options->profile = value;
        return true;
    case OPTION_CACHE_DIR:
        options->cache_dir = value;
        return true;
    case OPTION_CACHE_MIB:
        return str_to_int(str_of(value), 1, INT64_C(1) << 40, &options->cache_mib);
    case OPTION_JOBS:
        return str_to_int(str_of(value), 1, JOBS_MAX, &options->jobs);
    case OPTION_NO_SANDBOX:
        options->no_sandbox = true;
        return true;
    case OPTION_EXIT_WITH_PARENT:
        return str_to_int(str_of(value), 1, INT32_MAX, &options->exit_with_parent);
    default:
        return false;
    }
}

int worker_options_parse(int argc, char **argv, const char *name, const char *about,
                         struct worker_options *ret)
{
    struct worker_options options = {
        .jobs = JOBS_DEFAULT,
        .cache_mib = CACHE_MIB_DEFAULT,
        .account = getenv("SLIPWAY_ACCOUNT"),
        .cache_dir = getenv("SLIPWAY_CACHE"),
    };
    int id, at;

    log_from_env();
    optind = 0;
    while ((id = getopt_long(argc, argv, "", option_names, &at)) != -1) {
        if (id == OPTION_HELP) {
            printf("Usage: slipway %s [options]\n\n%s\n\nOptions:\n%s", name, about, options_help);
            return WORKER_E_HELP;
        }
        if (option_take(&options, id, optarg))
            continue;
        if (id != '?')
            fprintf(stderr, "slipway %s: '%s' is not a value for --%s.\n", name, optarg,
                    option_names[at].name);
        fprintf(stderr, "See 'slipway %s --help'.\n", name);
        return WORKER_E_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "slipway %s: what is '%s'? See 'slipway %s --help'.\n", name, argv[optind], name);
        return WORKER_E_USAGE;
    }
    *ret = options;
    return 0;
}

int worker_client(const struct worker_options *options, struct aws_client **ret)
{
    struct reason why = {0};
    int r;

    if (options->endpoint_url && setenv("AWS_ENDPOINT_URL", options->endpoint_url, 1))
        return FAULT(errno);
    r = aws_client_from_env(options->profile, ret, &why);
    if (r <= 0)
        return r;
    log_error("worker", "%s", why.text);
    return WORKER_E_REFUSED;
}

const char *worker_error_text(int outcome, const struct aws_error *error)
{
    static _Thread_local char text[sizeof(error->message) + sizeof(error->code) + 4];

    if (outcome == AWS_E_SERVICE)
        snprintf(text, sizeof(text), "%s: %s", error->code, error->message);
    else if (outcome == AWS_E_CANCELLED)
        snprintf(text, sizeof(text), "the call was given up because this worker stops");
    else if (outcome == AWS_E_UNREACHABLE)
        snprintf(text, sizeof(text), "the services cannot be reached%s%s", error->message[0] ? ": " : "",
                 error->message);
    else
        snprintf(text, sizeof(text), "a fault of this machine (%s)", strerror(outcome < 0 ? -outcome : 0));
    return text;
}

static int account_check(const struct worker_options *options, const json_t *identity,
                         char ret[ACCOUNT_ID_SIZE])
{
    const char *account = json_str(identity, "Account", "");

    if (strlen(account) != ACCOUNT_ID_SIZE - 1) {
        log_error("worker", "sts:GetCallerIdentity answered without an account id");
        return WORKER_E_REFUSED;
    }
    if (options->account && strcmp(options->account, account) != 0) {
        log_error("worker",
                  "the credentials belong to account %s, but --account says %s: give that account's", account,
                  options->account);
        return WORKER_E_REFUSED;
    }
    memcpy(ret, account, ACCOUNT_ID_SIZE);
    return 0;
}

int worker_account(struct aws_client *client, const struct worker_options *options, char ret[ACCOUNT_ID_SIZE])
{
    int64_t pause_ms = RETRY_FIRST_MS;

    for (;;) {
        CLEANUP(json_free) json_t *identity = NULL;
        struct aws_error error = {0};
        int r = aws_call(client, "sts", "GetCallerIdentity", NULL, &identity, &error);

        if (r == 0)
            return account_check(options, identity, ret);
        if (r == AWS_E_SERVICE && error.status >= 400 && error.status < 500) {
            log_error("worker", "these credentials are refused: %s", worker_error_text(r, &error));
            return WORKER_E_REFUSED;
        }
        if (r < 0)
            return r;
        log_debug("worker", "waiting for the services: %s", worker_error_text(r, &error));
        if (worker_pause(pause_ms))
            return WORKER_E_STOPPED;
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

static void *watch_run(void *arg)
{
    struct pollfd *fds = arg;

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    worker_stop();
    return NULL;
}

/* When the parent has ended already its number is nobody's, or another process's by now. */
static int watch_parent(pid_t parent, int *ret_fd)
{
    *ret_fd = (int)syscall(SYS_pidfd_open, parent, 0);
    if (getppid() != parent)
        worker_stop();
    else if (*ret_fd < 0)
        return FAULT(errno);
    return 0;
}

int worker_watch_signals(int64_t exit_with_parent)
{
    static struct pollfd fds[2];
    pthread_t thread;
    sigset_t set;
    int r;

    stop_signals(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigdelset(&set, SIGPIPE);
    fds[0] = (struct pollfd){.fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN};
    fds[1] = (struct pollfd){.fd = -1, .events = POLLIN};
    if (fds[0].fd < 0)
        return FAULT(errno);
    r = exit_with_parent ? watch_parent((pid_t)exit_with_parent, &fds[1].fd) : 0;
    if (r != 0)
        return r;
    r = pthread_create(&thread, NULL, watch_run, fds);
    if (r)
        return FAULT(r);
    pthread_detach(thread);
    return 0;
}

void worker_wait_stop(void)
{
    struct resident resident = {0};

    while (!worker_pause(resident_tend(&resident)))
        ;
}

void worker_stop(void)
{
    pthread_mutex_lock(&stop_lock);
    stopping = true;
    pthread_cond_broadcast(&stop_cond);
    pthread_mutex_unlock(&stop_lock);
}

bool worker_stopping(void)
{
    bool yes;

    pthread_mutex_lock(&stop_lock);
    yes = stopping;
    pthread_mutex_unlock(&stop_lock);
    return yes;
}

bool worker_pause(int64_t ms)
{
    struct timespec until;
    bool yes;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&stop_lock);
    while (!stopping && pthread_cond_timedwait(&stop_cond, &stop_lock, &until) == 0)
        ;
    yes = stopping;
    pthread_mutex_unlock(&stop_lock);
    return yes;
}
