/* See direct.h. Sockets do not block: who waits looks from time to time whether he is to give up. */
#include "http/direct.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/http_answer.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#define IDLE_MAX 256
#define CONNECT_MS 10000
#define STALLED_MS 120000
#define LOOK_MS 1000
#define BLOCK_BYTES 16384
#define HEAD_MAX_BYTES ((size_t)1 << 20)
#define INPUT_MAX_BYTES ((size_t)128 << 10)

struct place {
    struct sockaddr_storage address; /* zero but for what a family has */
    socklen_t len;
    struct str authority, target; /* of the URL */
};

struct direct {
    struct direct_pool *pool;
    struct http_exchange *exchange;
    struct direct_connection *connection;
    struct buf head;
    size_t sent; /* of head and body */
    int64_t deadline_ms;
    struct buf input; /* the beginning of a line */
    struct http_answer answer;
};

/* ---- where to */

/* "127.0.0.1:80", "[::1]" and the like; false: another address. */
static bool address_read(struct str authority, struct place *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->address;
    struct str port = authority;
    int64_t number = 80;
    char host[INET_ADDRSTRLEN];
    bool is_v6 = str_starts(authority, STR("[::1]"));

    if (is_v6)
        port = (struct str){authority.ptr + 4, authority.len - 4};
    struct str name = str_split(&port, ':');
    if (port.ptr && !str_to_int(port, 1, UINT16_MAX, &number))
        return false;
    *ret = (struct place){.len = is_v6 ? sizeof(*v6) : sizeof(*v4)};
    if (is_v6) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                    .sin6_port = htons((uint16_t)number),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        return name.len == 1;
    }
    if (name.len >= sizeof(host) || !str_starts(name, STR("127.")))
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)number);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static bool place_read(const char *url, struct place *ret)
{
    struct str authority;

    if (!str_starts(str_of(url), STR("http://")))
        return false;
    for (size_t i = 0; url[i]; i++)
        if ((unsigned char)url[i] <= ' ' || url[i] == '#')
            return false;
    url += strlen("http://");
    authority = (struct str){url, strcspn(url, "/?")};
    if (!address_read(authority, ret))
        return false;
    ret->authority = authority;
    ret->target = str_of(url + authority.len);
    return ret->target.len == 0 || ret->target.ptr[0] == '/';
}

bool direct_serves(const struct http_exchange *exchange)
{
    struct place place;

    return exchange->body_fd < 0 && exchange->sink_fd < 0 && place_read(exchange->url, &place);
}

/* ---- connections */

void direct_pool_init(struct direct_pool *pool)
{
    *pool = (struct direct_pool){0};
    pthread_mutex_init(&pool->lock, NULL);
}

static void connection_free(struct direct_connection *connection)
{
    close_fd(&connection->fd);
    free(connection);
}

void direct_pool_deinit(struct direct_pool *pool)
{
    while (pool->idle) {
        struct direct_connection *next = pool->idle->next;

        connection_free(pool->idle);
        pool->idle = next;
    }
    pthread_mutex_destroy(&pool->lock);
}

static struct direct_connection *idle_take(struct direct_pool *pool, const struct place *place)
{
    struct direct_connection *found;

    pthread_mutex_lock(&pool->lock);
    for (struct direct_connection **at = &pool->idle; (found = *at); at = &found->next)
        if (memcmp(&found->address, &place->address, sizeof(found->address)) == 0) {
            *at = found->next;
            pool->count--;
            break;
        }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

/* With the lock: the one that waits for the longest, where there are too many. */
static struct direct_connection *idle_surplus(struct direct_pool *pool)
{
    struct direct_connection **at = &pool->idle;

    if (pool->count <= IDLE_MAX)
        return NULL;
    while ((*at)->next)
        at = &(*at)->next;
    pool->count--;
    return take(*at);
}

static void idle_put(struct direct_pool *pool, struct direct_connection *connection)
{
    struct direct_connection *surplus;

    pthread_mutex_lock(&pool->lock);
    connection->next = pool->idle;
    pool->idle = connection;
    pool->count++;
    surplus = idle_surplus(pool);
    pthread_mutex_unlock(&pool->lock);
    if (surplus)
        connection_free(surplus);
}

/* The other side has not ended it, and has said nothing that nobody asked for. */
static bool is_silent(const struct direct_connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool is_cancelled(const struct http_exchange *exchange)
{
    return exchange->cancel && __atomic_load_n(exchange->cancel, __ATOMIC_ACQUIRE);
}

static int given_up(const struct direct *direct, int64_t until_ms)
{
    if (is_cancelled(direct->exchange))
        return FAULT(ECANCELED);
    return clock_mono_ms() < until_ms ? 0 : FAULT(ETIMEDOUT);
}

/* Until one of `events`. -ECANCELED, -ETIMEDOUT. */
static int wait_for(const struct direct *direct, int fd, short events, int64_t until_ms)
{
    struct pollfd ready = {.fd = fd, .events = events};

    for (;;) {
        int64_t left_ms = until_ms - clock_mono_ms();
        int n, r = given_up(direct, until_ms);

        if (r < 0)
            return r;
        n = poll(&ready, 1, (int)(left_ms < 0 ? 0 : left_ms < LOOK_MS ? left_ms : LOOK_MS));
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return FAULT(errno);
    }
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static int connected_await(const struct direct *direct, int fd)
{
    int r = wait_for(direct, fd, POLLOUT, sooner(clock_mono_ms() + CONNECT_MS, direct->deadline_ms));
    int error = 0;
    socklen_t len = sizeof(error);

    if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
        r = FAULT(errno);
    return error ? FAULT(error) : r;
}

/* What keeps one from connecting is told as nobody being there. */
static int connect_new(const struct direct *direct, const struct place *place, struct direct_connection **ret)
{
    struct direct_connection *connection = mem_alloc(sizeof(*connection));
    int on = 1, r = 0;

    if (!connection)
        return FAULT(ENOMEM);
    connection->address = place->address;
    connection->fd =
        socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (connection->fd < 0)
        r = FAULT(errno);
    if (r == 0 && setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
        r = FAULT(errno);
    if (r == 0 && connect(connection->fd, (const struct sockaddr *)&place->address, place->len))
        r = errno == EINPROGRESS ? connected_await(direct, connection->fd) : FAULT(errno);
    if (r == 0) {
        *ret = connection;
        return 0;
    }
    connection_free(connection);
    return r == -ETIMEDOUT || r == -ECANCELED ? r : FAULT(ECONNREFUSED);
}

static int connection_get(struct direct *direct, const struct place *place)
{
    struct direct_connection *kept;

    while ((kept = idle_take(direct->pool, place))) {
        if (is_silent(kept)) {
            direct->connection = kept;
            return 0;
        }
        connection_free(kept);
    }
    return connect_new(direct, place, &direct->connection);
}

/* ---- the request */

static bool may_carry(const char *method)
{
    return strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
}

static bool is_line(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == '\n' || value.ptr[i] == '\r' || value.ptr[i] == '\0')
            return false;
    return true;
}

static void put_header(struct buf *head, struct str name, struct str value)
{
    buf_put_str(head, name);
    buf_puts(head, ": ");
    buf_put_str(head, value);
    buf_puts(head, "\r\n");
}

/* As libcurl says it: without the scheme's own port. */
static struct str host_of(struct str authority)
{
    if (str_ends(authority, STR(":80")))
        authority.len -= STR(":80").len;
    return authority;
}

static int put_head(struct buf *head, const struct http_exchange *exchange, const struct place *place)
{
    buf_puts(head, exchange->method);
    buf_puts(head, place->target.len > 0 ? " " : " /");
    buf_put_str(head, place->target);
    buf_puts(head, " HTTP/1.1\r\n");
    if (!header_find(exchange->headers, exchange->header_count, "host").ptr)
        put_header(head, STR("Host"), host_of(place->authority));
    for (size_t i = 0; i < exchange->header_count; i++) {
        const struct http_header *header = &exchange->headers[i];

        if (!is_line(header->name) || !is_line(header->value))
            return FAULT(EINVAL);
        put_header(head, header->name, str_trim(header->value));
    }
    put_header(head, STR("User-Agent"), STR("slipway/" SLIPWAY_VERSION));
    put_header(head, STR("Accept"), STR("*/*"));
    if (exchange->body.len > 0 || may_carry(exchange->method)) {
        buf_puts(head, "Content-Length: ");
        buf_put_int(head, (int64_t)exchange->body.len);
        buf_puts(head, "\r\n");
    }
    buf_puts(head, "\r\n");
    return buf_error(head);
}

static bool is_sent(const struct direct *direct)
{
    return direct->sent == direct->head.len + direct->exchange->body.len;
}

/* As much as goes out at once. Who does not take it may be answering already: the answer tells. */
static void send_some(struct direct *direct)
{
    struct str head = buf_str(&direct->head), body = direct->exchange->body;
    size_t of_head = direct->sent < head.len ? direct->sent : head.len, of_body = direct->sent - of_head;
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts};
    ssize_t n;

    if (of_head < head.len)
        parts[message.msg_iovlen++] = (struct iovec){(char *)head.ptr + of_head, head.len - of_head};
    if (of_body < body.len)
        parts[message.msg_iovlen++] = (struct iovec){(char *)body.ptr + of_body, body.len - of_body};
    n = sendmsg(direct->connection->fd, &message, MSG_NOSIGNAL);
    if (n > 0)
        direct->sent += (size_t)n;
}

static void direct_free(struct direct *direct)
{
    if (direct->connection)
        connection_free(direct->connection);
    buf_free(&direct->head);
    buf_free(&direct->input);
    free(direct);
}

static int begin(struct direct *direct)
{
    struct http_exchange *exchange = direct->exchange;
    struct place place;
    int r = place_read(exchange->url, &place) ? 0 : FAULT(EINVAL);

    if (r == 0)
        r = put_head(&direct->head, exchange, &place);
    if (r == 0)
        r = connection_get(direct, &place);
    if (r)
        return r;
    exchange->sent = true;
    send_some(direct);
    return 0;
}

int direct_begin(struct direct_pool *pool, struct http_exchange *exchange, int64_t timeout_ms,
                 struct direct **ret)
{
    struct direct *direct = mem_alloc(sizeof(*direct));
    int r;

    if (!direct)
        return FAULT(ENOMEM);
    *direct = (struct direct){.pool = pool,
                              .exchange = exchange,
                              .head = BUF_INIT(HEAD_MAX_BYTES),
                              .deadline_ms = clock_mono_ms() + timeout_ms,
                              .input = BUF_INIT(INPUT_MAX_BYTES),
                              .answer = {.to_head = strcmp(exchange->method, "HEAD") == 0}};
    r = begin(direct);
    if (r)
        direct_free(direct);
    else
        *ret = direct;
    return r;
}

/* ---- the answer */

static int understand(struct direct *direct, const char *block, size_t len)
{
    struct http_exchange *exchange = direct->exchange;
    struct str input = {block, len};
    int r;

    if (direct->input.len > 0) {
        if (buf_put(&direct->input, block, len))
            return buf_error(&direct->input);
        input = buf_str(&direct->input);
    }
    r = http_answer_read(&direct->answer, &input, &exchange->raw_headers, &exchange->answer);
    if (r)
        return r > 0 ? FAULT(EIO) : r == -EMSGSIZE ? FAULT(EFBIG) : r;
    if (direct->answer.stage == HTTP_ANSWER_DONE && input.len > 0)
        direct->answer.stays = false;
    if (direct->input.len == 0)
        return buf_put_str(&direct->input, input);
    memmove(direct->input.ptr, input.ptr, input.len);
    direct->input.len = input.len;
    return 0;
}

/* The connection's end. */
static int ended(struct direct *direct)
{
    if (direct->answer.stage != HTTP_ANSWER_ALL)
        return FAULT(EIO);
    direct->answer.stage = HTTP_ANSWER_DONE;
    return 0;
}

static int hear(struct direct *direct)
{
    int fd = direct->connection->fd;
    int64_t stalled_ms = clock_mono_ms() + STALLED_MS;
    char block[BLOCK_BYTES];
    int r = 0;

    while (r == 0 && direct->answer.stage != HTTP_ANSWER_DONE) {
        ssize_t n = recv(fd, block, sizeof(block), 0);

        if (n > 0) {
            r = understand(direct, block, (size_t)n);
            if (r == 0 && direct->answer.stage != HTTP_ANSWER_DONE)
                r = given_up(direct, direct->deadline_ms);
            stalled_ms = clock_mono_ms() + STALLED_MS;
        } else if (n == 0) {
            r = ended(direct);
        } else if (errno == EAGAIN) {
            size_t before = direct->sent;

            r = wait_for(direct, fd, is_sent(direct) ? POLLIN : POLLIN | POLLOUT,
                         sooner(stalled_ms, direct->deadline_ms));
            if (r == 0 && !is_sent(direct))
                send_some(direct);
            if (direct->sent > before)
                stalled_ms = clock_mono_ms() + STALLED_MS;
        } else if (errno != EINTR) {
            r = FAULT(EIO);
        }
    }
    return r;
}

int direct_end(struct direct *direct)
{
    int r = hear(direct);

    if (r == 0) {
        direct->exchange->status = direct->answer.status;
        if (direct->answer.stays && is_sent(direct))
            idle_put(direct->pool, take(direct->connection));
    }
    direct_free(direct);
    return r;
}
