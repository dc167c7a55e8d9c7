/* Starts and stops the listener: libmicrohttpd with a pool of epoll threads, fed by our acceptor so that any
 * number of addresses share them, and the pool of worker threads. */
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/head.h"
#include "http/listen.h"
#include "http/meanwhile.h"
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define IO_THREADS 2
#define WORKER_THREADS 64
#define FEW_THREADS 4
#define CONNECTION_MAX 12000
#define IO_STACK ((size_t)256 * 1024)
#define SEND_TIMEOUT_S 120U
#define SLOW_MAX_MS 30000
#define FD_SPARE 64 /* descriptors that are no connections: listeners, database, files */
#define PEM_MAX ((size_t)256 * 1024)

static void log_mhd(void *cls UNUSED, const char *fmt, va_list args)
{
    char line[256];
    (void)vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http", "%s", line);
}

/* As many connections as were asked for and as descriptors allow. */
static unsigned connection_max(unsigned asked)
{
    struct rlimit limit;
    unsigned max = asked ? asked : CONNECTION_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return max;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room = limit.rlim_cur > 2 * FD_SPARE ? (limit.rlim_cur - FD_SPARE) / 2 : FD_SPARE;
    return room < max ? (unsigned)room : max;
}

static int start_daemon(struct http_server *server, const struct http_server_config *config, const char *cert,
                        const char *key)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ITC | MHD_USE_ERROR_LOG;
    unsigned threads = config->io_threads ? config->io_threads : IO_THREADS;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_mhd, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)conn_notify, server},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_uri, server},
        {MHD_OPTION_THREAD_POOL_SIZE, threads, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, (intptr_t)IO_STACK, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, INT_MAX, NULL}, /* listen.c keeps it: MHD may lock up at its own */
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)CONNECTION_MEMORY, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SEND_TIMEOUT_S, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_END, 0, NULL},
    };
    server->tls = cert != NULL;
    if (cert)
        flags |= MHD_USE_TLS;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_access, server, MHD_OPTION_ARRAY, options,
                                      MHD_OPTION_END);
    if (!server->daemon && cert)
        return reason_set(config->why, FAULT(EBADMSG),
                          "the certificate %s and the key %s cannot be used: they are to be a certificate "
                          "chain in PEM and the private key, without a passphrase, of its first.",
                          config->tls_cert_file, config->tls_key_file);
    return server->daemon ? 0 : FAULT(errno ? errno : EINVAL);
}

static int read_pem(const char *path, struct buf *ret, struct reason *why)
{
    *ret = BUF_INIT(PEM_MAX);
    int r = path ? io_read_file(path, ret) : 0;
    return r == 0 ? 0 : reason_set(why, r, "%s cannot be read: %s.", path, strerror(-r));
}

static int start_threads(struct http_server *server, const struct http_server_config *config)
{
    CLEANUP(buf_free) struct buf cert = {0};
    CLEANUP(buf_free) struct buf key = {0};
    int r = read_pem(config->tls_cert_file, &cert, config->why);
    if (r == 0)
        r = read_pem(config->tls_key_file, &key, config->why);
    if (r == 0)
        r = pool_new(config->worker_threads ? config->worker_threads : WORKER_THREADS, "worker",
                     &server->pool);
    if (r == 0)
        r = pool_new(FEW_THREADS, "few", &server->few);
    if (r == 0)
        pool_wakes_few(server->few);
    if (r == 0)
        r = start_daemon(server, config, config->tls_cert_file ? cert.ptr : NULL, key.ptr);
    if (r != 0)
        return r;
    r = pthread_create(&server->acceptor, NULL, listener_run, server);
    if (r != 0)
        return FAULT(r);
    server->acceptor_runs = true;
    return 0;
}

int http_server_start(const struct http_server_config *config, const struct http_handler *handler,
                      struct http_server **ret)
{
    static const char *const loopback[] = {"127.0.0.1", "::1", NULL};
    pthread_condattr_t monotonic;
    struct http_server *server = mem_alloc(sizeof(*server));
    if (!server)
        return FAULT(ENOMEM);
    server->handler = *handler;
    server->conn_max = connection_max(config->connection_max);
    server->slow_max_ms = config->slow_max_ms > 0 ? config->slow_max_ms : SLOW_MAX_MS;
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->spare_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->drained, &monotonic);
    pthread_condattr_destroy(&monotonic);
    server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = server->stop_fd < 0 ? FAULT(errno) : 0;
    if (r == 0)
        r = listener_open(&server->listener, config->listen ? config->listen : loopback, config->port,
                          config->why);
    if (r == 0 && config->bound)
        r = config->bound(config->bound_ctx, server->listener.port);
    if (r == 0)
        r = start_threads(server, config);
    if (r != 0) {
        http_server_stop(&server, 0);
        return r;
    }
    *ret = server;
    return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->listener.port;
}

static void wait_drained(struct http_server *server, int64_t grace_ms)
{
    int64_t until = clock_mono_ms() + grace_ms;
    struct timespec at = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    pthread_mutex_lock(&server->lock);
    int r = 0;
    while (atomic_load(&server->inflight) > 0 && r == 0)
        r = pthread_cond_timedwait(&server->drained, &server->lock, &at);
    pthread_mutex_unlock(&server->lock);
}

/* Who waits until there are none looks with the lock: the server is there until the last gives it up. */
void server_count_down(struct http_server *server, atomic_size_t *count)
{
    size_t left = atomic_load(count);
    while (left > 1)
        if (atomic_compare_exchange_weak(count, &left, left - 1))
            return;
    pthread_mutex_lock(&server->lock);
    if (atomic_fetch_sub(count, 1) == 1)
        pthread_cond_broadcast(&server->drained);
    pthread_mutex_unlock(&server->lock);
}

/* However long it takes: who is to release them holds on to the requests. */
static void wait_released(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    while (atomic_load(&server->held) > 0)
        pthread_cond_wait(&server->drained, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server **ret, int64_t grace_ms)
{
    struct http_server *server = *ret;
    const uint64_t one = 1;
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    if (server->acceptor_runs) {
        if (io_write_all(server->stop_fd, &one, sizeof(one)) == 0)
            pthread_join(server->acceptor, NULL);
        wake_stop_subscribers();
        cut_unasked(server);
        wait_drained(server, grace_ms);
    }
    listener_close(&server->listener);
    if (server->few)
        pool_close(server->few);
    if (server->pool)
        pool_close(server->pool); /* runs what it has: what is suspended after it is held */
    wait_released(server);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    pool_free(&server->few);
    pool_free(&server->pool);
    arenas_free(&server->spare);
    close_fd(&server->stop_fd);
    pthread_cond_destroy(&server->drained);
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->spare_lock);
    free(server);
    *ret = NULL;
}
