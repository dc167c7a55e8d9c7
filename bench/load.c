/* A load generator for puts and gets by keep-alive connections. Small bodies: a thread for each processor
 * asks by its share of the connections, whichever is answered next; others: a thread for each connection.
 *
 * usage: load HOST PORT PUT|GET PATH[?QUERY] SIZE_BYTES CONNECTIONS MILLISECONDS [KEYS]
 * A put goes to PATH + connection + "-" + number, with bytes of its own; each connection has so many KEYS and
 * puts them again and again, or never one twice. A get is of PATH itself, with its QUERY in canonical form.
 * Requests are signed for S3 when AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set: each by itself, with
 * the key of the day. Prints one line of JSON. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/sigv4.h"
#include "wire/time.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define SAMPLES_MAX 200000
#define ERRORS_MAX 100
#define SMALL_MAX 65536 /* bytes that are sent with the request's head, and received with little delay */
#define TAIL_SIZE 48    /* at a body's end: what tells it from the others */
#define READ_SIZE ((size_t)1 << 18)
#define HEAD_MAX 8192
#define DAY_LEN 8
#define REGION "us-east-1"
#define SIGNED "host;x-amz-content-sha256;x-amz-date"
#define LAST_CHUNK "0\r\n\r\n"
#define LAST_CHUNK_LEN (sizeof(LAST_CHUNK) - 1)

struct load {
    const char *host;
    const char *method;
    struct str path; /* without its query */
    struct str query;
    const char *access_key_id; /* NULL: nothing is signed */
    const char *secret_access_key;
    char authority[80];
    char empty_digest[HASH_HEX_SIZE];
    EVP_MD_CTX *hashed; /* SHA-256 of the body without its tail */
    struct sockaddr_in address;
    char *body;
    size_t size;
    int64_t keys; /* of a connection; 0: as many as requests */
    int64_t until_us;
};

struct connection {
    const struct load *load;
    int fd; /* -1: given up, or done */
    int64_t number;
    int64_t requests;
    int64_t errors;
    int64_t bytes;
    int64_t asked_us;
    uint32_t *samples_us;
    char tail[TAIL_SIZE + 1];
    /* the answer under way */
    size_t head_len;
    bool in_body, good, chunked;
    int64_t left;             /* of a body that is not chunked */
    char end[LAST_CHUNK_LEN]; /* of one that is: its last bytes */
    char head[HEAD_MAX + 1];
};

struct worker {
    pthread_t thread;
    struct connection **connections;
    size_t count;
    size_t open;
    int epoll; /* -1: there is one connection, which blocks */
    char *bytes_in;
    EVP_MD_CTX *hash;
    struct buf request, text;
    size_t path_at, path_len;   /* in the request */
    char digest[HASH_HEX_SIZE]; /* of the body of the request under way */
    int64_t second;             /* whose times these are */
    char time[TIME_TEXT_SIZE];
    char day[DAY_LEN + 1]; /* of the key */
    unsigned char key[SIGV4_KEY_SIZE];
};

/* ---- a request */

static size_t tail_len(const struct load *load)
{
    return load->size < TAIL_SIZE ? load->size : TAIL_SIZE;
}

/* The request's own last bytes, and the digest of all. */
static int make_tail(struct worker *w, struct connection *c)
{
    const struct load *load = c->load;
    unsigned char digest[HASH_MAX_SIZE];
    (void)snprintf(c->tail, sizeof(c->tail), "%08lld%020lld%020lld", (long long)c->number,
                   (long long)c->requests, (long long)load->until_us);
    if (!load->access_key_id)
        return 0;
    if (EVP_MD_CTX_copy_ex(w->hash, load->hashed) != 1 ||
        EVP_DigestUpdate(w->hash, c->tail, tail_len(load)) != 1 ||
        EVP_DigestFinal_ex(w->hash, digest, NULL) != 1)
        return -ENOMEM;
    hex_encode(digest, 32, w->digest);
    return 0;
}

static int tell_time(struct worker *w, const struct load *load)
{
    int64_t now_ms = clock_now_ms();
    if (now_ms / 1000 == w->second)
        return 0;
    w->second = now_ms / 1000;
    time_amz(now_ms, w->time);
    if (memcmp(w->day, w->time, DAY_LEN) == 0)
        return 0;
    memcpy(w->day, w->time, DAY_LEN);
    return sigv4_key(load->secret_access_key, str_of(w->day), STR(REGION), STR("s3"), w->key);
}

/* Source: "Signature Version 4 signing process" of the IAM User Guide. */
static void sign(struct worker *w, const struct load *load, char ret[HASH_HEX_SIZE])
{
    struct buf *text = &w->text;
    char canonical[HASH_HEX_SIZE];
    unsigned char signature[SIGV4_KEY_SIZE];
    buf_reset(text);
    buf_puts(text, load->method);
    buf_putc(text, '\n');
    buf_put(text, w->request.ptr + w->path_at, w->path_len);
    buf_putc(text, '\n');
    buf_put_str(text, load->query);
    buf_puts(text, "\nhost:");
    buf_puts(text, load->authority);
    buf_puts(text, "\nx-amz-content-sha256:");
    buf_puts(text, w->digest);
    buf_puts(text, "\nx-amz-date:");
    buf_puts(text, w->time);
    buf_puts(text, "\n\n" SIGNED "\n");
    buf_puts(text, w->digest);
    hash_sha256_hex(buf_str(text), canonical);
    buf_reset(text);
    buf_puts(text, "AWS4-HMAC-SHA256\n");
    buf_puts(text, w->time);
    buf_putc(text, '\n');
    buf_puts(text, w->day);
    buf_puts(text, "/" REGION "/s3/aws4_request\n");
    buf_puts(text, canonical);
    hash_hmac_sha256((struct str){(const char *)w->key, sizeof(w->key)}, buf_str(text), signature);
    hex_encode(signature, sizeof(signature), ret);
}

static int put_signature(struct worker *w, const struct load *load)
{
    struct buf *out = &w->request;
    char signature[HASH_HEX_SIZE];
    int r = tell_time(w, load);
    if (r != 0)
        return r;
    sign(w, load, signature);
    buf_puts(out, "x-amz-date: ");
    buf_puts(out, w->time);
    buf_puts(out, "\r\nx-amz-content-sha256: ");
    buf_puts(out, w->digest);
    buf_puts(out, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=");
    buf_puts(out, load->access_key_id);
    buf_putc(out, '/');
    buf_puts(out, w->day);
    buf_puts(out, "/" REGION "/s3/aws4_request, SignedHeaders=" SIGNED ", Signature=");
    buf_puts(out, signature);
    buf_puts(out, "\r\n");
    return buf_error(&w->text);
}

static void put_line(struct worker *w, const struct connection *c)
{
    const struct load *load = c->load;
    struct buf *out = &w->request;
    buf_puts(out, load->method);
    buf_putc(out, ' ');
    w->path_at = out->len;
    buf_put_str(out, load->path);
    if (load->body) {
        buf_put_int(out, c->number);
        buf_putc(out, '-');
        buf_put_int(out, load->keys > 0 ? c->requests % load->keys : c->requests);
    }
    w->path_len = out->len - w->path_at;
    if (load->query.len > 0)
        buf_putc(out, '?');
    buf_put_str(out, load->query);
    buf_puts(out, " HTTP/1.1\r\nhost: ");
    buf_puts(out, load->authority);
    buf_puts(out, "\r\n");
}

static int make_request(struct worker *w, struct connection *c)
{
    const struct load *load = c->load;
    struct buf *out = &w->request;
    buf_reset(out);
    put_line(w, c);
    int r = buf_error(out);
    memcpy(w->digest, load->empty_digest, sizeof(w->digest));
    if (r == 0 && load->body) {
        buf_puts(out, "content-length: ");
        buf_put_int(out, (int64_t)load->size);
        buf_puts(out, "\r\n");
        r = make_tail(w, c);
    }
    if (r == 0 && load->access_key_id)
        r = put_signature(w, load);
    buf_puts(out, "\r\n");
    if (load->body && load->size <= SMALL_MAX) {
        buf_put(out, load->body, load->size - tail_len(load));
        buf_put(out, c->tail, tail_len(load));
    }
    return r != 0 ? r : buf_error(out);
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -EPIPE;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int ask(struct worker *w, struct connection *c)
{
    const struct load *load = c->load;
    int r = make_request(w, c);
    c->head_len = 0;
    c->in_body = false;
    if (r == 0)
        r = send_all(c->fd, w->request.ptr, w->request.len);
    if (r == 0 && load->body && load->size > SMALL_MAX)
        r = send_all(c->fd, load->body, load->size - TAIL_SIZE);
    if (r == 0 && load->body && load->size > SMALL_MAX)
        r = send_all(c->fd, c->tail, TAIL_SIZE);
    return r;
}

/* ---- an answer */

enum answered { ANSWER_GOES_ON = 1 };

static void read_line(struct connection *c, struct str line)
{
    struct str value = line;
    struct str name = str_split(&value, ':');
    if (str_eq_nocase(name, STR("content-length")) && !str_to_int(str_trim(value), 0, INT64_MAX, &c->left))
        c->good = false;
    if (str_eq_nocase(name, STR("transfer-encoding")))
        c->chunked = str_eq_nocase(str_trim(value), STR("chunked"));
}

static void read_head(struct connection *c, size_t len)
{
    struct str rest = {c->head, len};
    c->good = len > 9 && c->head[9] == '2';
    c->chunked = false;
    c->left = 0;
    memset(c->end, 0, sizeof(c->end));
    for (struct str line = str_split(&rest, '\n'); rest.ptr; line = str_split(&rest, '\n'))
        read_line(c, line);
}

/* Keeps the last bytes of all that came. */
static void keep_end(char end[LAST_CHUNK_LEN], const char *bytes, size_t len)
{
    size_t some = len < LAST_CHUNK_LEN ? len : LAST_CHUNK_LEN;
    memmove(end, end + some, LAST_CHUNK_LEN - some);
    memcpy(end + LAST_CHUNK_LEN - some, bytes + len - some, some);
}

/* 0: that was all of it. A status other than 2xx is an error. */
static int take_body(struct connection *c, const char *bytes, size_t len)
{
    c->bytes += (int64_t)len;
    c->left -= (int64_t)len;
    if (c->chunked)
        keep_end(c->end, bytes, len);
    if (c->chunked ? memcmp(c->end, LAST_CHUNK, LAST_CHUNK_LEN) != 0 : c->left > 0)
        return ANSWER_GOES_ON;
    return c->good ? 0 : -EBADMSG;
}

static int take_head(struct connection *c, const char *bytes, size_t len)
{
    size_t before = c->head_len, some = len < HEAD_MAX - before ? len : HEAD_MAX - before;
    memcpy(c->head + before, bytes, some);
    c->head_len += some;
    const char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
    if (!end)
        return c->head_len < HEAD_MAX ? ANSWER_GOES_ON : -EPROTO;
    size_t head = (size_t)(end - c->head) + 4;
    read_head(c, head);
    c->in_body = true;
    return take_body(c, bytes + (head - before), len - (head - before));
}

static int take_answer(struct worker *w, struct connection *c)
{
    ssize_t n = recv(c->fd, w->bytes_in, READ_SIZE, 0);
    if (n < 0 && errno == EINTR)
        return ANSWER_GOES_ON;
    if (n <= 0)
        return -EPIPE;
    return c->in_body ? take_body(c, w->bytes_in, (size_t)n) : take_head(c, w->bytes_in, (size_t)n);
}

/* ---- connections */

static int dial(struct worker *w, struct connection *c)
{
    int on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -errno;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c->fd, (const struct sockaddr *)&c->load->address, sizeof(c->load->address)) != 0)
        return -errno;
    return w->epoll < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? 0 : -errno;
}

static void hang_up(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* Asks, by a new connection where need be; without success it is given up. */
static void go_on(struct worker *w, struct connection *c)
{
    c->asked_us = clock_mono_us();
    while (c->asked_us < c->load->until_us) {
        int r = c->fd >= 0 ? 0 : dial(w, c);
        if (r == 0)
            r = ask(w, c);
        if (r == 0)
            return;
        hang_up(c);
        if (++c->errors > ERRORS_MAX)
            break;
        c->asked_us = clock_mono_us();
    }
    hang_up(c);
    w->open--;
}

static void receive(struct worker *w, struct connection *c)
{
    int r = take_answer(w, c);
    if (r == ANSWER_GOES_ON)
        return;
    if (r == 0) {
        if (c->requests < SAMPLES_MAX)
            c->samples_us[c->requests] = (uint32_t)(clock_mono_us() - c->asked_us);
        c->requests++;
        c->bytes += c->load->body ? (int64_t)c->load->size : 0;
    } else {
        c->errors++;
        hang_up(c);
    }
    go_on(w, c);
}

static void receive_ready(struct worker *w)
{
    struct epoll_event ready[64];
    int count = epoll_wait(w->epoll, ready, ARRAY_LEN(ready), -1);
    for (int i = 0; i < count; i++)
        receive(w, ready[i].data.ptr);
}

static void *run_worker(void *arg)
{
    struct worker *w = arg;
    w->open = w->count;
    for (size_t i = 0; i < w->count; i++)
        go_on(w, w->connections[i]);
    while (w->open > 0)
        if (w->epoll < 0)
            receive(w, w->connections[0]);
        else
            receive_ready(w);
    return NULL;
}

/* ---- the whole */

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static int report(const struct connection *connections, size_t count, double seconds)
{
    int64_t requests = 0, errors = 0, bytes = 0;
    size_t samples = 0;
    for (size_t i = 0; i < count; i++) {
        requests += connections[i].requests;
        errors += connections[i].errors;
        bytes += connections[i].bytes;
    }
    CLEANUP(free_ptr) uint32_t *all = malloc(((size_t)requests + 1) * sizeof(*all));
    if (!all)
        return 1;
    for (size_t i = 0; i < count; i++)
        for (int64_t j = 0; j < connections[i].requests && j < SAMPLES_MAX; j++)
            all[samples++] = connections[i].samples_us[j];
    qsort(all, samples, sizeof(*all), compare);
    size_t median = samples / 2, tail = samples * 99 / 100;
    (void)printf(
        "{\"requests\": %lld, \"errors\": %lld, \"seconds\": %.3f, \"per_s\": %.1f, \"mb_per_s\": %.1f, "
        "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
        (long long)requests, (long long)errors, seconds, (double)requests / seconds,
        (double)bytes / seconds / 1e6, samples ? all[median] / 1e3 : 0.0, samples ? all[tail] / 1e3 : 0.0);
    return 0;
}

static int make_connection(const struct load *load, size_t number, struct connection *ret)
{
    *ret = (struct connection){.load = load,
                               .fd = -1,
                               .number = (int64_t)number,
                               .samples_us = malloc(SAMPLES_MAX * sizeof(uint32_t))};
    return ret->samples_us ? 0 : -ENOMEM;
}

/* Of the connections it gets each `step`th from `first` on. */
static int make_worker(struct connection *connections, size_t count, size_t first, size_t step,
                       struct worker *ret)
{
    *ret = (struct worker){.connections = mem_alloc((count / step + 1) * sizeof(struct connection *)),
                           .epoll = -1,
                           .bytes_in = malloc(READ_SIZE),
                           .hash = EVP_MD_CTX_new(),
                           .request = BUF_INIT(1 << 20),
                           .text = BUF_INIT(HEAD_MAX)};
    if (!ret->connections || !ret->bytes_in || !ret->hash)
        return -ENOMEM;
    for (size_t i = first; i < count; i += step)
        ret->connections[ret->count++] = &connections[i];
    if (ret->count > 1)
        ret->epoll = epoll_create1(EPOLL_CLOEXEC);
    return ret->count > 1 && ret->epoll < 0 ? -errno : 0;
}

static void free_worker(struct worker *w)
{
    free(w->connections);
    free(w->bytes_in);
    EVP_MD_CTX_free(w->hash);
    buf_free(&w->request);
    buf_free(&w->text);
    close_fd(&w->epoll);
}

/* A large body would keep the thread from the other connections. */
static size_t worker_count(const struct load *load, size_t connections)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = load->size > SMALL_MAX || processors < 1 ? connections : (size_t)processors;
    return most < connections ? most : connections;
}

static int run_workers(struct worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0)
            return 1; /* the process ends with it */
    for (size_t i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}

static int run(struct load *load, size_t count, int64_t run_ms)
{
    size_t workers_count = worker_count(load, count);
    CLEANUP(free_ptr) struct connection *connections = mem_alloc(count * sizeof(*connections));
    CLEANUP(free_ptr) struct worker *workers = mem_alloc(workers_count * sizeof(*workers));
    int r = connections && workers ? 0 : 1;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = make_connection(load, i, &connections[i]);
    for (size_t i = 0; r == 0 && i < workers_count; i++)
        r = make_worker(connections, count, i, workers_count, &workers[i]);
    int64_t started_us = clock_mono_us();
    load->until_us = started_us + run_ms * 1000;
    if (r == 0)
        r = run_workers(workers, workers_count);
    if (r != 0)
        return 1;
    r = report(connections, count, (double)(clock_mono_us() - started_us) / 1e6);
    for (size_t i = 0; i < count; i++)
        free(connections[i].samples_us);
    for (size_t i = 0; i < workers_count; i++)
        free_worker(&workers[i]);
    return r;
}

static int prepare(struct load *load, const char *port, const char *path)
{
    struct str query = str_of(path);
    int64_t number = 0;
    if (!str_to_int(str_of(port), 1, 65535, &number))
        return 2;
    load->path = str_split(&query, '?');
    load->query = query.ptr ? query : STR("");
    (void)snprintf(load->authority, sizeof(load->authority), "%.64s:%lld", load->host, (long long)number);
    load->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    if (inet_pton(AF_INET, load->host, &load->address.sin_addr) != 1)
        return 2;
    if (strcmp(load->method, "PUT") == 0) {
        load->body = malloc(load->size + 1);
        if (!load->body)
            return 1;
        memset(load->body, 'x', load->size);
    }
    hash_sha256_hex(STR(""), load->empty_digest);
    load->hashed = EVP_MD_CTX_new();
    bool hashed = load->hashed && EVP_DigestInit_ex(load->hashed, EVP_sha256(), NULL) == 1 &&
                  EVP_DigestUpdate(load->hashed, load->body ? load->body : "",
                                   load->body ? load->size - tail_len(load) : 0) == 1;
    return hashed ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t size, count, run_ms, keys = 0;
    if (argc < 8 || argc > 9 || !str_to_int(str_of(argv[5]), 0, INT64_C(1) << 30, &size) ||
        !str_to_int(str_of(argv[6]), 1, CONNECTIONS_MAX, &count) ||
        !str_to_int(str_of(argv[7]), 1, 600000, &run_ms) ||
        (argc == 9 && !str_to_int(str_of(argv[8]), 1, 1000000, &keys))) {
        (void)fprintf(stderr, "usage: load HOST PORT PUT|GET PATH SIZE CONNECTIONS MILLISECONDS [KEYS]\n");
        return 2;
    }
    struct load load = {.host = argv[1],
                        .method = argv[3],
                        .access_key_id = getenv("AWS_ACCESS_KEY_ID"),
                        .secret_access_key = getenv("AWS_SECRET_ACCESS_KEY"),
                        .size = (size_t)size,
                        .keys = keys};
    int r = prepare(&load, argv[2], argv[4]);
    if (r == 0)
        r = run(&load, (size_t)count, run_ms);
    EVP_MD_CTX_free(load.hashed);
    free(load.body);
    return r;
}
