/* `slipway serve`: opens the house, keeps its workers running, stops on SIGTERM or SIGINT: first the workers
 * (they hand back their leases by request), then the requests under way, then the database. */
#include "cli/serve.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/resident.h"
#include "base/wake.h"
#include "services/accounts_file.h"
#include "cli/command.h"
#include "http/client.h"
#include "http/mail.h"
#include "services/house.h"
#include "services/keyring.h"
#include "wire/time.h"
#include "cli/supervise.h"
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define PORT_DEFAULT 8080
#define SCRUB_DEFAULT 8 /* MiB/s */
#define DATA_DEFAULT "slipway-data"
#define LISTEN_MAX 8
#define WORKERS_GRACE_MS 10000
#define REQUESTS_GRACE_MS 10000
#define BUNDLE_MAX ((size_t)16 << 20)
#ifdef __SANITIZE_THREAD__ /* it has things of its own there */
#define THREAD_STACK ((size_t)8 << 20)
#else
#define THREAD_STACK ((size_t)512 * 1024)
#endif
#define ARENAS 4

struct serve_options {
    const char *data_dir;
    const char *listen[LISTEN_MAX + 1];
    size_t listen_count;
    int64_t port;
    const char *tls_cert_file;
    const char *tls_key_file;
    const char *endpoint_url;
    const char *port_file;
    const char *smtp_url;
    const char *smtp_from;
    const char *smtp_credentials;
    int64_t retain_ms; /* 0: for ever */
    int64_t scrub_mib_per_s;
    const char *encryption_keys[KEYRING_MAX + 1]; /* NULL-terminated */
    size_t encryption_key_count;
    bool no_workers;
};

enum option_id {
    OPTION_HELP = 1,
    OPTION_DATA,
    OPTION_LISTEN,
    OPTION_PORT,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_ENDPOINT,
    OPTION_PORT_FILE,
    OPTION_SMTP_URL,
    OPTION_SMTP_FROM,
    OPTION_SMTP_CREDENTIALS,
    OPTION_RETAIN,
    OPTION_SCRUB,
    OPTION_ENCRYPTION_KEY,
    OPTION_NO_WORKERS,
};

static const struct option option_names[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"port", required_argument, NULL, OPTION_PORT},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"endpoint-url", required_argument, NULL, OPTION_ENDPOINT},
    {"port-file", required_argument, NULL, OPTION_PORT_FILE},
    {"smtp-url", required_argument, NULL, OPTION_SMTP_URL},
    {"smtp-from", required_argument, NULL, OPTION_SMTP_FROM},
    {"smtp-credentials", required_argument, NULL, OPTION_SMTP_CREDENTIALS},
    {"retain", required_argument, NULL, OPTION_RETAIN},
    {"scrub", required_argument, NULL, OPTION_SCRUB},
    {"encryption-key", required_argument, NULL, OPTION_ENCRYPTION_KEY},
    {"no-workers", no_argument, NULL, OPTION_NO_WORKERS},
    {0},
};

static const char help[] =
    "Usage: slipway serve [options]\n\n"
    "Serves every service on one port and keeps one launcher, one courier and one anchor per local "
    "account\nrunning.\n\n"
    "Options:\n"
    "  --data DIR          where everything is kept (default slipway-data); made when missing\n"
    "  --port N            port of every address (default 8080; 0: any free one)\n"
    "  --listen ADDR       address to listen on, repeatable (default 127.0.0.1 and ::1)\n"
    "  --tls-cert FILE     certificate chain, PEM: serve HTTPS; the launcher and anchors trust it\n"
    "  --tls-key FILE      its key, PEM\n"
    "  --endpoint-url URL  what URLs in answers begin with (default: of the first address)\n"
    "  --port-file FILE    write the port there once requests are served\n"
    "  --smtp-url URL      mail server of notifications: smtp://HOST:PORT or smtps://HOST (none: no mail)\n"
    "  --smtp-from ADDR    sender of notifications by mail\n"
    "  --smtp-credentials FILE  USER:PASSWORD for the mail server\n"
    "  --retain DURATION   how long executions and their history are kept after their end: 400d, 12h (for "
    "ever)\n"
    "  --scrub N           read stored objects again at N MiB/s to find damage (default 8; 0: never)\n"
    "  --encryption-key FILE  encrypt objects under this key (64 hexadecimal digits); repeatable: the first\n"
    "                      encrypts, all decrypt\n"
    "  --no-workers        serve only: launcher, courier and anchors run elsewhere\n"
    "  --help              this text\n\n"
    "The first start makes the accounts shared-services, dev, staging, prod and shop-team; DATA/credentials\n"
    "(mode 0600) and DATA/config have a profile for each. SIGTERM stops after finishing what runs, for\n"
    "which requests and workers have 10 seconds each; a second one stops at once.\n\n"
    "Exit status: 0 stopped as told; 1 could not serve; 2 wrong options.\n";

static bool take_listen(struct serve_options *options, const char *address)
{
    if (options->listen_count == LISTEN_MAX)
        return false;
    options->listen[options->listen_count++] = address;
    return true;
}

static bool take_encryption_key(struct serve_options *options, const char *file)
{
    if (options->encryption_key_count == KEYRING_MAX)
        return false;
    options->encryption_keys[options->encryption_key_count++] = file;
    return true;
}

static bool option_take(struct serve_options *options, int id, const char *value)
{
    const char **const texts[] = {
        [OPTION_DATA] = &options->data_dir,        [OPTION_TLS_CERT] = &options->tls_cert_file,
        [OPTION_TLS_KEY] = &options->tls_key_file, [OPTION_ENDPOINT] = &options->endpoint_url,
        [OPTION_PORT_FILE] = &options->port_file,  [OPTION_SMTP_URL] = &options->smtp_url,
        [OPTION_SMTP_FROM] = &options->smtp_from,  [OPTION_SMTP_CREDENTIALS] = &options->smtp_credentials,
    };
    if (id == OPTION_NO_WORKERS)
        return options->no_workers = true;
    if (id == OPTION_RETAIN)
        return time_parse_duration(str_of(value), &options->retain_ms);
    if (id == OPTION_SCRUB)
        return str_to_int(str_of(value), 0, 100000, &options->scrub_mib_per_s);
    if (id == OPTION_ENCRYPTION_KEY)
        return take_encryption_key(options, value);
    if (id == OPTION_LISTEN)
        return take_listen(options, value);
    if (id == OPTION_PORT)
        return str_to_int(str_of(value), 0, 65535, &options->port);
    if (id < 0 || (size_t)id >= ARRAY_LEN(texts) || !texts[id])
        return false;
    *texts[id] = value;
    return true;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct serve_options *options)
{
    int id, at;
    optind = 0;
    while ((id = getopt_long(argc, argv, "", option_names, &at)) != -1) {
        if (id == OPTION_HELP) {
            (void)fputs(help, stdout);
            return COMMAND_OK;
        }
        if (id != '?' && option_take(options, id, optarg))
            continue;
        if (id != '?')
            (void)fprintf(stderr, "slipway serve: '%s' is not a value for --%s.\n", optarg,
                          option_names[at].name);
        (void)fputs("See 'slipway serve --help'.\n", stderr);
        return COMMAND_USAGE;
    }
    if (options->endpoint_url && !http_url_ok(options->endpoint_url)) {
        (void)fprintf(stderr,
                      "slipway serve: --endpoint-url %s is no URL of the kind http://HOST:PORT or "
                      "https://HOST. See 'slipway serve --help'.\n",
                      options->endpoint_url);
        return COMMAND_USAGE;
    }
    if (!options->smtp_url != !options->smtp_from || (options->smtp_credentials && !options->smtp_url) ||
        (options->smtp_url && !mail_url_ok(options->smtp_url))) {
        (void)fputs(
            "slipway serve: --smtp-url (smtp://HOST:PORT or smtps://HOST) and --smtp-from go together. See "
            "'slipway serve --help'.\n",
            stderr);
        return COMMAND_USAGE;
    }
    if (optind < argc || !options->tls_cert_file != !options->tls_key_file) {
        (void)fprintf(stderr, "slipway serve: %s See 'slipway serve --help'.\n",
                      optind < argc ? "there are words that are no option."
                                    : "--tls-cert and --tls-key go together.");
        return COMMAND_USAGE;
    }
    if (options->listen_count == 0) {
        (void)take_listen(options, "127.0.0.1");
        (void)take_listen(options, "::1");
    }
    return -1;
}

/* ---- the clock of tests */

static int64_t clock_offset_ms;

static int64_t shifted_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + clock_offset_ms;
}

/* What must be before the first thread: signals for poll, small stacks, few malloc arenas. */
static int prepare(void)
{
    pthread_attr_t attributes;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
        return FAULT(EINVAL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mallopt(M_ARENA_MAX, ARENAS);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
    (void)pthread_setattr_default_np(&attributes);
    (void)pthread_attr_destroy(&attributes);
    const char *offset = getenv("SLIPWAY_TEST_CLOCK_OFFSET_MS");
    if (offset &&
        str_to_int(str_of(offset), INT32_MIN * INT64_C(1000), INT32_MAX * INT64_C(1000), &clock_offset_ms))
        clock_set(shifted_clock);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? FAULT(errno) : fd;
}

/* ---- running */

struct serving {
    struct house *house;
    struct supervisor *supervisor; /* NULL: --no-workers */
    int signal_fd;
    int accounts_fd; /* eventfd: an account was made */
    struct wake_waiter waiter;
};

static void accounts_changed(struct wake_waiter *waiter, bool timed_out)
{
    struct serving *serving = CONTAINER_OF(waiter, struct serving, waiter);
    if (!timed_out)
        (void)eventfd_write(serving->accounts_fd, 1);
}

static int add_workers(struct serving *serving, const struct account_key *keys, size_t count)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct supervised child = {
            .command = "anchor",
            .account = keys[i].account.id,
            .access_key_id = keys[i].access_key_id,
            .secret_access_key = keys[i].secret_access_key,
        };
        if (!keys[i].access_key_id[0])
            continue;
        r = supervisor_add(serving->supervisor, &child);
        if (strcmp(keys[i].account.id, ACCOUNTS_SHARED) != 0)
            continue;
        static const char *const shared[] = {"launcher", "courier"};
        for (size_t k = 0; r == 0 && k < ARRAY_LEN(shared); k++) {
            child.command = shared[k];
            r = supervisor_add(serving->supervisor, &child);
        }
    }
    return r;
}

/* Profiles and workers for the accounts as they are now; asks to be told of the next one. */
static int follow_accounts(struct serving *serving)
{
    const struct platform *platform = house_platform(serving->house);
    CLEANUP(free_ptr) struct account_key *keys = NULL;
    size_t count = 0;
    wake_ticket ticket = wake_look(IAM_TOPIC_ACCOUNTS);
    int r = accounts_keys(platform, &keys, &count);
    if (r == 0)
        r = accounts_write(platform, keys, count);
    if (r == 0 && serving->supervisor)
        r = add_workers(serving, keys, count);
    serving->waiter.fire = accounts_changed;
    wake_subscribe(IAM_TOPIC_ACCOUNTS, ticket, INT64_MAX, &serving->waiter);
    return r;
}

static int append_file(struct buf *buf, const char *path, const char *what)
{
    int r = io_read_file(path, buf);
    if (r == 0)
        return 0;
    (void)fprintf(stderr, "slipway serve: %s %s cannot be read: %s\n", what, path, strerror(-r));
    return 1;
}

/* DATA/trusted.pem: the certificate that is served, after it what the environment trusts already. Launcher
 * and anchors get it by AWS_CA_BUNDLE. > 0: the user has been told why not. */
static int trust_own_certificate(const struct serve_options *options)
{
    CLEANUP(buf_free) struct buf bundle = BUF_INIT(BUNDLE_MAX);
    CLEANUP(buf_free) struct buf path = BUF_INIT((size_t)PATH_MAX);
    const char *inherited = getenv("AWS_CA_BUNDLE");
    buf_printf(&path, "%s/trusted.pem", options->data_dir);
    int r = append_file(&bundle, options->tls_cert_file, "--tls-cert");
    if (r == 0 && inherited && *inherited && strcmp(inherited, path.ptr) != 0) {
        buf_printf(&bundle, "\n");
        r = append_file(&bundle, inherited, "the file that AWS_CA_BUNDLE names,");
    }
    if (r == 0)
        r = io_write_file_atomic(path.ptr, buf_str(&bundle), 0644);
    if (r == 0 && setenv("AWS_CA_BUNDLE", path.ptr, 1))
        r = FAULT(ENOMEM);
    return r;
}

/* The courier reads these of its environment. */
static int tell_courier(const struct serve_options *options)
{
    const struct {
        const char *name;
        const char *value;
    } rows[] = {{"SLIPWAY_SMTP_URL", options->smtp_url},
                {"SLIPWAY_SMTP_FROM", options->smtp_from},
                {"SLIPWAY_SMTP_CREDENTIALS", options->smtp_credentials}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value && setenv(rows[i].name, rows[i].value, 1))
            return FAULT(ENOMEM);
    return 0;
}

static int write_port(const struct serve_options *options, const struct house *house)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)16);
    if (!options->port_file)
        return 0;
    buf_printf(&text, "%u\n", house_port(house));
    int r = io_write_file_atomic(options->port_file, buf_str(&text), 0644);
    if (r == 0)
        return 0;
    (void)fprintf(stderr, "slipway serve: --port-file %s cannot be written: %s\n", options->port_file,
                  strerror(-r));
    return 1;
}

static void tell(const struct serving *serving, bool tls)
{
    const struct platform *platform = house_platform(serving->house);
    (void)printf("Slipway %s serves at %s\n\n"
                 "  export AWS_ENDPOINT_URL=%s\n"
                 "  export AWS_SHARED_CREDENTIALS_FILE=%s/credentials AWS_CONFIG_FILE=%s/config\n"
                 "  export AWS_PROFILE=dev    # or another profile of that file\n",
                 SLIPWAY_VERSION, platform->endpoint, platform->endpoint, platform->data_dir,
                 platform->data_dir);
    if (tls)
        (void)printf("  export AWS_CA_BUNDLE=%s/trusted.pem    # its certificate\n", platform->data_dir);
    (void)printf("\n");
    (void)fflush(stdout);
    clearerr(stdout); /* who does not want to read it is served all the same */
}

/* True when told to stop. */
static bool take_signals(struct serving *serving)
{
    struct signalfd_siginfo info;
    bool stop = false;
    while (read(serving->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD)
            stop = true;
        else if (serving->supervisor)
            supervisor_reap(serving->supervisor);
    }
    return stop;
}

/* Told again, it ends at once, as by kill -9: what it has acknowledged is on the disk. */
static void heed_second_signal(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static void run(struct serving *serving)
{
    struct resident resident = {0};
    for (;;) {
        struct pollfd fds[] = {{.fd = serving->signal_fd, .events = POLLIN},
                               {.fd = serving->accounts_fd, .events = POLLIN}};
        int64_t start_ms = serving->supervisor ? supervisor_start_due(serving->supervisor) : -1;
        int64_t tend_ms = resident_tend(&resident);
        int ready = poll(fds, ARRAY_LEN(fds), (int)(start_ms < 0 || tend_ms < start_ms ? tend_ms : start_ms));
        if (ready < 0 && errno != EINTR)
            return;
        if (ready > 0 && fds[0].revents && take_signals(serving))
            return;
        eventfd_t made;
        if (ready > 0 && fds[1].revents && eventfd_read(serving->accounts_fd, &made) == 0 &&
            follow_accounts(serving) != 0)
            log_warn("serve", "a new account has no profile or anchor yet; start again to give it one");
    }
}

static int open_serving(struct serving *serving, const struct serve_options *options)
{
    const struct house_config config = {
        .data_dir = options->data_dir,
        .listen = options->listen,
        .port = (uint16_t)options->port,
        .tls_cert_file = options->tls_cert_file,
        .tls_key_file = options->tls_key_file,
        .endpoint_url = options->endpoint_url,
        .retain_ms = options->retain_ms,
        .scrub_bytes_per_s = options->scrub_mib_per_s << 20,
        .encryption_key_files = options->encryption_keys,
        .first_accounts = true,
    };
    serving->accounts_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = serving->accounts_fd < 0 ? FAULT(errno) : 0;
    if (r == 0)
        r = house_open(&config, &serving->house);
    if (r != 0)
        return r;
    const struct platform *platform = house_platform(serving->house);
    if (!options->no_workers)
        r = supervisor_new(platform->data_dir, platform->endpoint, platform->region, &serving->supervisor);
    return r == 0 ? follow_accounts(serving) : r;
}

static void close_serving(struct serving *serving)
{
    if (serving->supervisor)
        supervisor_stop(serving->supervisor, WORKERS_GRACE_MS);
    house_close(&serving->house, REQUESTS_GRACE_MS);
    supervisor_free(&serving->supervisor);
    close_fd(&serving->accounts_fd);
    close_fd(&serving->signal_fd);
}

static void tell_fault(const struct serve_options *options, int fault)
{
    static const struct {
        int error;
        const char *next;
    } advice[] = {
        {EACCES, "Start it as the user that its files belong to."},
        {EAGAIN, "Let it have more processes (ulimit -u)."},
        {EBADMSG, "Its database is damaged, or none: make another folder from a backup (slipway restore)."},
        {EMFILE, "Let it have more open files (ulimit -n)."},
        {ENOMEM, "Let it have more memory."},
        {ENOSPC, "Make room; what it has acknowledged is there."},
        {EROFS, "Mount it so that it can be written to."},
    };
    const char *next = "";
    for (size_t i = 0; i < ARRAY_LEN(advice); i++)
        if (advice[i].error == -fault)
            next = advice[i].next;
    (void)fprintf(stderr, "slipway serve: cannot start in %s: %s. %s\n", options->data_dir, strerror(-fault),
                  next);
}

int serve_main(int argc, char **argv)
{
    struct serve_options options = {
        .data_dir = DATA_DEFAULT, .port = PORT_DEFAULT, .scrub_mib_per_s = SCRUB_DEFAULT};
    struct serving serving = {.accounts_fd = -1};
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    log_from_env();
    serving.signal_fd = prepare();
    if (serving.signal_fd < 0)
        return COMMAND_FAILED;
    /* children run from other folders than ours: the path is made whole */
    char *data_dir = io_mkdir_parents(options.data_dir, 0700) == 0 ? realpath(options.data_dir, NULL) : NULL;
    if (!data_dir) {
        (void)fprintf(stderr,
                      "slipway serve: the data folder %s cannot be made: %s. Give --data a folder that "
                      "this user may make or write to.\n",
                      options.data_dir, strerror(errno));
        close_fd(&serving.signal_fd);
        return COMMAND_FAILED;
    }
    options.data_dir = data_dir;
    int r = options.tls_cert_file ? trust_own_certificate(&options) : 0;
    if (r == 0)
        r = tell_courier(&options);
    if (r == 0)
        r = open_serving(&serving, &options);
    if (r == 0)
        r = write_port(&options, serving.house);
    if (r == 0) {
        tell(&serving, options.tls_cert_file);
        run(&serving);
        log_info("serve", "stopping");
        heed_second_signal();
    } else if (r < 0) {
        tell_fault(&options, r);
    }
    close_serving(&serving);
    free(data_dir);
    return r == 0 ? COMMAND_OK : COMMAND_FAILED;
}
