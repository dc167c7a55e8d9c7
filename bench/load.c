/* A load generator for puts and gets: each connection is a thread with a blocking socket and keep-alive.
 *
 * usage: load HOST PORT PUT|GET PATH[?QUERY] SIZE_BYTES CONNECTIONS MILLISECONDS
 * A put goes to PATH + connection + "-" + number, with bytes of its own; a get is of PATH itself, with its
 * QUERY in canonical form. Requests are signed for S3 when AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are
 * set. Prints one line of JSON. */
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
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define SAMPLES_MAX 200000
#define TAIL_SIZE 48 /* at a body's end: what tells it from the others */
#define READ_SIZE ((size_t)1 << 18)

struct load {
    const char *host;
    const char *method;
    const char *path;
    struct sigv4_credentials credentials;
    char authority[80];
    char empty_digest[HASH_HEX_SIZE];
    EVP_MD_CTX *hashed; /* SHA-256 of the body without its tail */
    struct sockaddr_in address;
    char *body;
    size_t body_len;
    int64_t until_us;
};

struct connection {
    pthread_t thread;
    const struct load *load;
    int64_t number;
    int64_t requests;
    int64_t errors;
    int64_t bytes;
    uint32_t *samples_us;
    char *bytes_in;
    char digest[HASH_HEX_SIZE]; /* of the request under way */
    char tail[TAIL_SIZE + 1];
};

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

static int dial(const struct load *load)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&load->address, sizeof(load->address)) == 0)
        return fd;
    close(fd);
    return -ECONNREFUSED;
}

static size_t tail_len(const struct load *load)
{
    return load->body_len < TAIL_SIZE ? load->body_len : TAIL_SIZE;
}

/* The request's own last bytes, and the digest of all. */
static int make_tail(struct connection *c)
{
    const struct load *load = c->load;
    unsigned char digest[HASH_MAX_SIZE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    (void)snprintf(c->tail, sizeof(c->tail), "%08lld%020lld%020lld", (long long)c->number,
                   (long long)c->requests, (long long)load->until_us);
    if (hash && EVP_MD_CTX_copy_ex(hash, load->hashed) == 1 &&
        EVP_DigestUpdate(hash, c->tail, tail_len(load)) == 1 && EVP_DigestFinal_ex(hash, digest, NULL) == 1)
        hex_encode(digest, 32, c->digest);
    EVP_MD_CTX_free(hash);
    return hash ? 0 : -ENOMEM;
}

static int put_signature(const struct connection *c, struct str path, struct buf *out)
{
    const struct load *load = c->load;
    struct str query = path;
    struct str bare = str_split(&query, '?');
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 18);
    char time[TIME_TEXT_SIZE];
    int64_t now_ms = clock_now_ms();
    struct http_header headers[] = {{STR("host"), str_of(load->authority)},
                                    {STR("x-amz-content-sha256"), str_of(c->digest)},
                                    {STR("x-amz-date"), {time, 16}}};
    struct sigv4_request request = {str_of(load->method), bare, query.ptr ? query : STR(""), headers,
                                    ARRAY_LEN(headers)};
    struct str authorization;
    int r;

    if (!arena)
        return -ENOMEM;
    time_amz(now_ms, time);
    r = sigv4_sign(arena, &request, &load->credentials, "us-east-1", "s3", str_of(c->digest), now_ms,
                   &authorization);
    if (r != 0)
        return r;
    return buf_printf(out, "x-amz-date: %s\r\nx-amz-content-sha256: %s\r\nauthorization: " STR_FMT "\r\n",
                      time, c->digest, STR_ARG(authorization));
}

static int make_request(struct connection *c, struct buf *out)
{
    CLEANUP(buf_free) struct buf path = BUF_INIT(4096);
    const struct load *load = c->load;

    buf_puts(&path, load->path);
    if (load->body)
        buf_printf(&path, "%lld-%lld", (long long)c->number, (long long)c->requests);
    buf_reset(out);
    buf_printf(out, "%s %s HTTP/1.1\r\nhost: %s\r\n", load->method, path.ptr, load->authority);
    if (load->body)
        buf_printf(out, "content-length: %zu\r\n", load->body_len);
    memcpy(c->digest, load->empty_digest, sizeof(c->digest));
    if (load->body && make_tail(c) != 0)
        return -ENOMEM;
    if (load->credentials.access_key_id && put_signature(c, buf_str(&path), out) != 0)
        return -EINVAL;
    buf_puts(out, "\r\n");
    if (load->body && load->body_len <= 65536) {
        buf_put(out, load->body, load->body_len - tail_len(load));
        buf_put(out, c->tail, tail_len(load));
    }
    return buf_error(out);
}

/* Where the header ends, or 0. */
static size_t head_end(const char *bytes, size_t len)
{
    const char *end = len > 3 ? memmem(bytes, len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - bytes) + 4 : 0;
}

static int64_t content_length(const char *head)
{
    const char *at = strcasestr(head, "content-length:");

    return at ? strtoll(at + 15, NULL, 10) : 0;
}

#define LAST_CHUNK "0\r\n\r\n"
#define LAST_CHUNK_LEN (sizeof(LAST_CHUNK) - 1)

/* Keeps the last bytes of all that came. */
static void keep_end(char end[LAST_CHUNK_LEN], const char *bytes, size_t len)
{
    size_t some = len < LAST_CHUNK_LEN ? len : LAST_CHUNK_LEN;
    memmove(end, end + some, LAST_CHUNK_LEN - some);
    memcpy(end + LAST_CHUNK_LEN - some, bytes + len - some, some);
}

/* Reads to the end of the body, of which `len` bytes at `begun` are there: `length` bytes, or chunks. */
static int read_body(struct connection *c, int fd, const char *begun, size_t len, int64_t length,
                     bool chunked)
{
    char end[LAST_CHUNK_LEN] = {0};
    int64_t left = length - (int64_t)len;
    c->bytes += (int64_t)len;
    keep_end(end, begun, len);
    while (chunked ? memcmp(end, LAST_CHUNK, LAST_CHUNK_LEN) != 0 : left > 0) {
        ssize_t n = recv(fd, c->bytes_in, READ_SIZE, 0);

        if (n <= 0)
            return -EPIPE;
        keep_end(end, c->bytes_in, (size_t)n);
        left -= n;
        c->bytes += n;
    }
    return 0;
}

/* Reads one answer; the body is thrown away. A status other than 2xx is an error. */
static int read_answer(struct connection *c, int fd)
{
    size_t len = 0, head = 0;
    bool good, chunked;
    int r;

    while (head == 0 && len < READ_SIZE - 1) {
        ssize_t n = recv(fd, c->bytes_in + len, READ_SIZE - 1 - len, 0);

        if (n <= 0)
            return -EPIPE;
        len += (size_t)n;
        c->bytes_in[len] = '\0';
        head = head_end(c->bytes_in, len);
    }
    if (head == 0)
        return -EPROTO;
    good = len > 9 && c->bytes_in[9] == '2';
    c->bytes_in[head - 1] = '\0';
    chunked = strcasestr(c->bytes_in, "transfer-encoding: chunked") != NULL;
    r = read_body(c, fd, c->bytes_in + head, len - head, content_length(c->bytes_in), chunked);
    return r != 0 || good ? r : -EBADMSG;
}

static int exchange(struct connection *c, int fd, struct buf *out)
{
    const struct load *load = c->load;
    int r = make_request(c, out);

    if (r == 0)
        r = send_all(fd, out->ptr, out->len);
    if (r == 0 && load->body && load->body_len > 65536)
        r = send_all(fd, load->body, load->body_len - TAIL_SIZE);
    if (r == 0 && load->body && load->body_len > 65536)
        r = send_all(fd, c->tail, TAIL_SIZE);
    if (r == 0)
        r = read_answer(c, fd);
    if (r == 0 && load->body)
        c->bytes += (int64_t)load->body_len;
    return r;
}

static void *run_connection(void *arg)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    struct connection *c = arg;
    int fd = dial(c->load);
    int64_t now_us = clock_mono_us();

    while (fd >= 0 && now_us < c->load->until_us) {
        int r = exchange(c, fd, &out);
        int64_t then_us = clock_mono_us();

        if (r != 0) {
            close(fd);
            fd = ++c->errors > 100 ? -1 : dial(c->load);
        } else if (c->requests < SAMPLES_MAX) {
            c->samples_us[c->requests] = (uint32_t)(then_us - now_us);
        }
        c->requests += r == 0 ? 1 : 0;
        now_us = then_us;
    }
    c->errors += fd < 0 ? 1 : 0;
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static int report(const struct connection *connections, size_t count, double seconds)
{
    int64_t requests = 0, errors = 0, bytes = 0;
    size_t samples = 0;
    CLEANUP(free_ptr) uint32_t *all = NULL;

    for (size_t i = 0; i < count; i++) {
        requests += connections[i].requests;
        errors += connections[i].errors;
        bytes += connections[i].bytes;
    }
    all = malloc(((size_t)requests + 1) * sizeof(*all));
    if (!all)
        return 1;
    for (size_t i = 0; i < count; i++)
        for (int64_t j = 0; j < connections[i].requests && j < SAMPLES_MAX; j++)
            all[samples++] = connections[i].samples_us[j];
    qsort(all, samples, sizeof(*all), compare);
    (void)printf(
        "{\"requests\": %lld, \"errors\": %lld, \"seconds\": %.3f, \"per_s\": %.1f, \"mb_per_s\": %.1f, "
        "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
        (long long)requests, (long long)errors, seconds, (double)requests / seconds,
        (double)bytes / seconds / 1e6, samples ? all[samples / 2] / 1e3 : 0.0,
        samples ? all[samples * 99 / 100] / 1e3 : 0.0);
    return 0;
}

static int run(struct load *load, size_t count, int64_t run_ms)
{
    struct connection *connections = mem_alloc(count * sizeof(*connections));
    int64_t started_us = clock_mono_us();
    int r = connections ? 0 : 1;

    load->until_us = started_us + run_ms * 1000;
    for (size_t i = 0; i < count && r == 0; i++) {
        connections[i] = (struct connection){.load = load,
                                             .number = (int64_t)i,
                                             .samples_us = malloc(SAMPLES_MAX * sizeof(uint32_t)),
                                             .bytes_in = malloc(READ_SIZE)};
        if (!connections[i].samples_us || !connections[i].bytes_in ||
            pthread_create(&connections[i].thread, NULL, run_connection, &connections[i]) != 0)
            return 1; /* the process ends with it */
    }
    for (size_t i = 0; i < count && r == 0; i++)
        pthread_join(connections[i].thread, NULL);
    if (r == 0)
        r = report(connections, count, (double)(clock_mono_us() - started_us) / 1e6);
    for (size_t i = 0; i < count && connections; i++) {
        free(connections[i].samples_us);
        free(connections[i].bytes_in);
    }
    free(connections);
    return r;
}

int main(int argc, char **argv)
{
    struct load load = {.credentials = {getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), NULL}};
    int64_t port, size, count, run_ms;
    int r;

    if (argc != 8 || !str_to_int(str_of(argv[2]), 1, 65535, &port) ||
        !str_to_int(str_of(argv[5]), 0, INT64_C(1) << 30, &size) ||
        !str_to_int(str_of(argv[6]), 1, CONNECTIONS_MAX, &count) ||
        !str_to_int(str_of(argv[7]), 1, 600000, &run_ms)) {
        (void)fprintf(stderr, "usage: load HOST PORT PUT|GET PATH SIZE CONNECTIONS MILLISECONDS\n");
        return 2;
    }
    load.host = argv[1];
    load.method = argv[3];
    load.path = argv[4];
    (void)snprintf(load.authority, sizeof(load.authority), "%.64s:%lld", load.host, (long long)port);
    load.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, load.host, &load.address.sin_addr) != 1)
        return 2;
    if (strcmp(load.method, "PUT") == 0) {
        load.body_len = (size_t)size;
        load.body = malloc(load.body_len + 1);
        if (!load.body)
            return 1;
        memset(load.body, 'x', load.body_len);
    }
    hash_sha256_hex(STR(""), load.empty_digest);
    load.hashed = EVP_MD_CTX_new();
    if (!load.hashed || EVP_DigestInit_ex(load.hashed, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(load.hashed, load.body ? load.body : "",
                         load.body ? load.body_len - tail_len(&load) : 0) != 1)
        return 1;
    r = run(&load, (size_t)count, run_ms);
    EVP_MD_CTX_free(load.hashed);
    free(load.body);
    return r;
}
