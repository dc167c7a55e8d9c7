/* The courier's process: options, the mail server's settings, threads that each take one delivery at a time,
 * carry it and say what became of it.
 *
 * A courier that dies leaves leases: its successor on this machine tells the service, so that they need not
 * run out. */
#include "workers/courier/courier.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/call.h"
#include "workers/courier/carry.h"
#include "workers/worker.h"
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define POLL_MS 30000
#define JOBS_MAX 64
#define MAIL_TIMEOUT_MS 30000
#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS 2000
#define RESULT_TRIES 30
#define WORKER_ID_SIZE 128
#define CREDENTIALS_MAX ((size_t)4096)

static const char about[] =
    "Carries SNS's messages to webhooks and mailboxes: takes them by long poll, tries each, reports what\n"
    "became of it. Mail goes by SLIPWAY_SMTP_URL (smtp://HOST:PORT or smtps://HOST) from SLIPWAY_SMTP_FROM;\n"
    "SLIPWAY_SMTP_CREDENTIALS names a file with USER:PASSWORD.";

struct courier {
    struct aws_client *client;
    struct aws_client *poller; /* cancelled at the stop, so that polling ends at once */
    struct carrier carrier;
    bool cancel;
    char worker_id[WORKER_ID_SIZE];
    char predecessor[WORKER_ID_SIZE]; /* "": none, or told already; the lock's */
    pthread_mutex_t lock;
    char *user;
    char *password;
    int worker_fd; /* held while this courier lives */
};

static void courier_deinit(struct courier *c)
{
    aws_client_free(&c->poller);
    aws_client_free(&c->client);
    http_client_free(&c->carrier.http);
    free(c->user);
    free(c->password);
    close_fd(&c->worker_fd);
}

/* ---- who is it */

/* CACHE/courier names the courier that holds it; one that nobody holds has ended. */
static int succeed(struct courier *c, const char *cache_dir)
{
    CLEANUP(free_ptr) char *path = NULL;
    ssize_t len;
    int r = io_mkdir_parents(cache_dir, 0700);

    if (r == 0 && asprintf(&path, "%s/courier", cache_dir) < 0)
        r = FAULT(ENOMEM);
    if (r)
        return r;
    c->worker_fd = io_open(path, O_RDWR | O_CREAT, 0600);
    if (c->worker_fd < 0)
        return c->worker_fd;
    if (flock(c->worker_fd, LOCK_EX | LOCK_NB)) {
        close_fd(&c->worker_fd);
        c->worker_fd = -1;
        return 0;
    }
    len = pread(c->worker_fd, c->predecessor, sizeof(c->predecessor) - 1, 0);
    if (len < 0 || ftruncate(c->worker_fd, 0) || lseek(c->worker_fd, 0, SEEK_SET) < 0)
        return FAULT(errno);
    return io_write_all(c->worker_fd, c->worker_id, strlen(c->worker_id));
}

static int name_worker(struct courier *c, const char *cache_dir)
{
    char host[64] = "", id[17];

    if (gethostname(host, sizeof(host) - 1))
        return FAULT(errno);
    id_hex(id, sizeof(id) - 1);
    (void)snprintf(c->worker_id, sizeof(c->worker_id), "%s/courier-%s", host, id);
    return cache_dir ? succeed(c, cache_dir) : 0;
}

/* ---- one delivery */

static json_t *result_of(const json_t *delivery, int outcome, unsigned status, const struct reason *why)
{
    static const char *const results[] = {
        [0] = "Delivered",
        [CARRY_FAILED] = "Failed",
        [CARRY_REFUSED] = "Refused",
        [CARRY_RELEASED] = "Released",
    };

    return json_pack("{s:s, s:s, s:s, s:I, s:s}", "DeliveryId", json_str(delivery, "DeliveryId", ""), "Nonce",
                     json_str(delivery, "Nonce", ""), "Result", results[outcome < 0 ? CARRY_FAILED : outcome],
                     "StatusCode", (json_int_t)status, "Message",
                     outcome < 0 ? strerror(-outcome) : why->text);
}

/* Says it until it is heard; when nobody hears, the lease ends and the delivery is tried again. */
static void report(const struct courier *c, const json_t *result)
{
    struct reason why = {0};
    int64_t pause_ms = RETRY_FIRST_MS;
    int r = WORK_E_RETRY;

    for (int i = 0; i < RESULT_TRIES && r == WORK_E_RETRY; i++) {
        r = work_call(c->client, "sns", "PutDeliveryResult", json_deep_copy(result), NULL, NULL, &why);
        if (r == WORK_E_RETRY && worker_pause(pause_ms))
            break;
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
    if (r)
        log_warn("courier", "delivery %s: what became of it was not taken: %s",
                 json_str(result, "DeliveryId", "?"), why.text);
}

static void deliver(const struct courier *c, const json_t *delivery)
{
    struct reason why = {0};
    unsigned status = 0;
    int outcome = carry(&c->carrier, delivery, &status, &why);
    CLEANUP(json_free) json_t *result = result_of(delivery, outcome, status, &why);

    if (outcome == CARRY_FAILED || outcome == CARRY_REFUSED)
        log_info("courier", "delivery %s: %s", json_str(delivery, "DeliveryId", "?"), why.text);
    if (result)
        report(c, result);
}

/* ---- the threads */

/* Told once; the rest of the threads say nothing. */
static const char *take_predecessor(struct courier *c, char ret[WORKER_ID_SIZE])
{
    pthread_mutex_lock(&c->lock);
    (void)snprintf(ret, WORKER_ID_SIZE, "%s", c->predecessor);
    c->predecessor[0] = '\0';
    pthread_mutex_unlock(&c->lock);
    return ret[0] ? ret : NULL;
}

static void give_back_predecessor(struct courier *c, const char *predecessor)
{
    if (!predecessor)
        return;
    pthread_mutex_lock(&c->lock);
    (void)snprintf(c->predecessor, sizeof(c->predecessor), "%s", predecessor);
    pthread_mutex_unlock(&c->lock);
}

static int round_run(struct courier *c)
{
    CLEANUP(json_free) json_t *out = NULL;
    char ended[WORKER_ID_SIZE];
    const char *predecessor = take_predecessor(c, ended);
    struct reason why = {0};
    json_t *in = json_pack("{s:s, s:i, s:i, s:s*}", "WorkerId", c->worker_id, "MaxBatchSize", 1, "WaitMs",
                           POLL_MS, "SuccessorOf", predecessor);
    int r = in ? work_call(c->poller, "sns", "PollForDeliveries", in, &out, NULL, &why) : FAULT(ENOMEM);
    const json_t *list = work_list(out, "Deliveries"), *delivery;
    size_t i;

    if (r)
        give_back_predecessor(c, predecessor);
    if (r && !worker_stopping())
        log_warn("courier", "%s", why.text[0] ? why.text : strerror(r < 0 ? -r : EIO));
    json_array_foreach (list, i, delivery)
        deliver(c, delivery);
    return r;
}

static void *thread_run(void *arg)
{
    int64_t pause_ms = RETRY_FIRST_MS;

    while (!worker_stopping()) {
        if (round_run(arg) == 0) {
            pause_ms = RETRY_FIRST_MS;
            continue;
        }
        worker_pause(pause_ms);
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
    return NULL;
}

static int serve(struct courier *c, int64_t jobs)
{
    pthread_t threads[JOBS_MAX] = {0};
    size_t count = 0, wanted = (size_t)(jobs < JOBS_MAX ? jobs : JOBS_MAX);
    int r = 0;

    while (r == 0 && count < wanted) {
        r = pthread_create(&threads[count], NULL, thread_run, c);
        if (r == 0)
            count++;
    }
    if (count > 0) {
        log_info("courier", "carries messages%s",
                 c->carrier.mail.url ? ", also by mail" : "; no mail server is set");
        worker_wait_stop();
    }
    worker_stop();
    __atomic_store_n(&c->cancel, true, __ATOMIC_RELEASE);
    aws_client_cancel(c->poller);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return count > 0 ? 0 : FAULT(r);
}

/* ---- the mail server */

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int read_credentials(struct courier *c, const char *path)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(CREDENTIALS_MAX);
    struct str rest, line, user;
    int r = io_read_file(path, &text);

    if (r) {
        log_error("courier", "SLIPWAY_SMTP_CREDENTIALS %s cannot be read: %s", path, strerror(-r));
        return WORKER_E_REFUSED;
    }
    rest = buf_str(&text);
    line = str_trim(str_split(&rest, '\n'));
    user = str_split(&line, ':');
    if (!line.ptr || user.len == 0) {
        log_error("courier", "SLIPWAY_SMTP_CREDENTIALS %s must hold USER:PASSWORD", path);
        return WORKER_E_REFUSED;
    }
    c->user = str_dup(user);
    c->password = str_dup(line);
    return c->user && c->password ? 0 : FAULT(ENOMEM);
}

static int mail_settings(struct courier *c)
{
    const char *url = setting("SLIPWAY_SMTP_URL"), *credentials = setting("SLIPWAY_SMTP_CREDENTIALS");
    int r = url && credentials ? read_credentials(c, credentials) : 0;

    c->carrier.mail_from = setting("SLIPWAY_SMTP_FROM");
    if (url && (!mail_url_ok(url) || !c->carrier.mail_from)) {
        log_error("courier",
                  "SLIPWAY_SMTP_URL must be smtp://HOST:PORT or smtps://HOST, and SLIPWAY_SMTP_FROM an "
                  "address");
        return WORKER_E_REFUSED;
    }
    c->carrier.mail.url = url;
    c->carrier.mail.user = c->user;
    c->carrier.mail.password = c->password;
    c->carrier.mail.timeout_ms = MAIL_TIMEOUT_MS;
    c->carrier.mail.cancel = &c->cancel;
    return r;
}

static int prepare(struct courier *c, const struct worker_options *options)
{
    char account[ACCOUNT_ID_SIZE];
    int r = mail_settings(c);

    if (r == 0)
        r = worker_client(options, &c->client);
    if (r == 0)
        r = worker_client(options, &c->poller);
    if (r == 0)
        r = worker_account(c->client, options, account);
    if (r == 0)
        r = http_client_new(&c->carrier.http);
    c->carrier.cancel = &c->cancel;
    return r ? r : name_worker(c, options->cache_dir);
}

int courier_main(int argc, char **argv)
{
    CLEANUP(courier_deinit) struct courier courier = {.lock = PTHREAD_MUTEX_INITIALIZER, .worker_fd = -1};
    struct worker_options options;
    int r = worker_options_parse(argc, argv, "courier", about, &options);

    if (r)
        return r == WORKER_E_HELP ? 0 : 2;
    setlocale(LC_CTYPE, "C.UTF-8");
    r = worker_watch_signals(options.exit_with_parent);
    if (r == 0)
        r = prepare(&courier, &options);
    if (r == 0)
        r = serve(&courier, options.jobs);
    if (r < 0) {
        log_error("courier", "cannot go on: %s", strerror(-r));
        return 1;
    }
    return r == WORKER_E_REFUSED ? 3 : 0;
}
