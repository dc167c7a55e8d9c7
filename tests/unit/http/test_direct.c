/* Requests over sockets of our own, to a server that says the very bytes that a test wrote beforehand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "http/direct.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define LARGE ((size_t)8 << 20)
#define TURNS_MAX 4

/* What the server does with one request. */
struct turn {
    const char *says;
    bool early;  /* before it has heard the request's body */
    bool leaves; /* closes the connection afterwards */
    bool late;   /* says nothing at all for a while: until the test has given up */
};

struct server {
    int fd;
    char url[64];
    const struct turn *turns;
    size_t count;
    size_t connections;
    size_t body_bytes;
    char heads[TURNS_MAX][1024]; /* for after the end */
    pthread_t thread;
};

/* Until the head is whole; what came of the body with it. */
static bool head_hear(int fd, char ret[1024], size_t *ret_body)
{
    size_t len = 0;

    while (len < 1023) {
        ssize_t n = recv(fd, ret + len, 1, 0);

        if (n <= 0)
            return false;
        ret[++len] = '\0';
        if (str_ends((struct str){ret, len}, STR("\r\n\r\n")))
            break;
    }
    const char *length = strstr(ret, "Content-Length: ");
    int64_t bytes = 0;
    struct str rest = str_of(length ? length + 16 : "0\r");
    assert_true(str_to_int(str_split(&rest, '\r'), 0, INT64_MAX, &bytes));
    *ret_body = (size_t)bytes;
    return true;
}

static void body_hear(struct server *server, int fd, size_t bytes)
{
    static char block[65536];

    while (bytes > 0) {
        ssize_t n = recv(fd, block, bytes < sizeof(block) ? bytes : sizeof(block), 0);

        if (n <= 0)
            return;
        bytes -= (size_t)n;
        server->body_bytes += (size_t)n;
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;
    int fd = -1;

    for (size_t i = 0; i < server->count;) {
        const struct turn *turn = &server->turns[i];
        size_t body = 0;

        if (fd < 0) {
            fd = accept(server->fd, NULL, NULL);
            if (fd < 0)
                break;
            server->connections++;
        }
        if (!head_hear(fd, server->heads[i], &body)) {
            close_fd(&fd);
            continue;
        }
        if (!turn->early)
            body_hear(server, fd, body);
        if (turn->late)
            (void)poll(NULL, 0, 300);
        (void)send(fd, turn->says, strlen(turn->says), MSG_NOSIGNAL);
        if (turn->leaves)
            close_fd(&fd);
        i++;
    }
    close_fd(&fd);
    return NULL;
}

static void start(struct server *server, const struct turn *turns, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    assert_true(count <= TURNS_MAX);
    *server = (struct server){.turns = turns, .count = count};
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/x?y", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close_fd(&server->fd);
}

#define START(server, turns) start(&(server), (turns), ARRAY_LEN(turns))

struct asked {
    struct http_exchange exchange;
    int r;
};

static void asked_free(struct asked *asked)
{
    buf_free(&asked->exchange.answer);
    buf_free(&asked->exchange.raw_headers);
}

static struct asked ask_for(struct direct_pool *pool, const char *url, const char *method, struct str body,
                            int64_t timeout_ms)
{
    struct asked asked = {.exchange = {.method = method,
                                       .url = url,
                                       .body = body,
                                       .body_fd = -1,
                                       .sink_fd = -1,
                                       .answer = BUF_INIT(64),
                                       .raw_headers = BUF_INIT(4096)}};
    struct direct *direct = NULL;

    assert_true(direct_serves(&asked.exchange));
    asked.r = direct_begin(pool, &asked.exchange, timeout_ms, &direct);
    if (asked.r == 0)
        asked.r = direct_end(direct);
    return asked;
}

static struct asked ask(struct direct_pool *pool, const struct server *server, const char *method)
{
    return ask_for(pool, server->url, method, (struct str){NULL, 0}, 10000);
}

static void check(struct asked asked, int r, const char *answer)
{
    assert_int_equal(asked.r, r);
    assert_true(str_eqc(buf_str(&asked.exchange.answer), answer));
    asked_free(&asked);
}

static void a_connection_serves_many_requests(void **state)
{
    static const struct turn turns[] = {
        {OK("1") "a"}, {OK("5")}, {"HTTP/1.1 204 No Content\r\n\r\n"}, {OK("1") "b"}};
    struct direct_pool pool;
    struct server server;

    (void)state;
    direct_pool_init(&pool);
    START(server, turns);
    check(ask(&pool, &server, "GET"), 0, "a");
    check(ask(&pool, &server, "HEAD"), 0, "");
    check(ask(&pool, &server, "DELETE"), 0, "");
    check(ask(&pool, &server, "POST"), 0, "b");
    stop(&server);
    assert_int_equal(server.connections, 1);
    assert_non_null(strstr(server.heads[0], "GET /x?y HTTP/1.1\r\n"));
    assert_non_null(strstr(server.heads[0], "\r\nHost: 127.0.0.1:")); /* RFC 9112, 3.2: always */
    assert_null(strstr(server.heads[0], "Content-Length"));
    assert_non_null(strstr(server.heads[3], "Content-Length: 0\r\n"));
    direct_pool_deinit(&pool);
}

/* Closed, or saying what nobody asked for. */
static void a_kept_connection_that_is_no_good_is_left(void **state)
{
    static const struct turn turns[] = {
        {OK("1") "a", .leaves = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb"},
        {OK("1") "c" OK("3") "bad"},
        {OK("1") "d"}};
    struct direct_pool pool;
    struct server server;

    (void)state;
    direct_pool_init(&pool);
    START(server, turns);
    check(ask(&pool, &server, "GET"), 0, "a");
    assert_int_equal(poll(&(struct pollfd){.fd = pool.idle->fd, .events = POLLIN}, 1, 10000), 1);
    check(ask(&pool, &server, "GET"), 0, "b");
    assert_null(pool.idle);
    check(ask(&pool, &server, "GET"), 0, "c");
    assert_null(pool.idle);
    check(ask(&pool, &server, "GET"), 0, "d");
    stop(&server);
    assert_int_equal(server.connections, 4);
    direct_pool_deinit(&pool);
}

static void a_long_body_goes_out_whole(void **state)
{
    static const struct turn turns[] = {{OK("2") "ok"}};
    char *bytes = calloc(1, LARGE);
    struct direct_pool pool;
    struct server server;

    (void)state;
    assert_non_null(bytes);
    direct_pool_init(&pool);
    START(server, turns);
    check(ask_for(&pool, server.url, "PUT", (struct str){bytes, LARGE}, 10000), 0, "ok");
    stop(&server);
    assert_int_equal(server.body_bytes, LARGE);
    direct_pool_deinit(&pool);
    free(bytes);
}

static void an_answer_before_the_body_is_sent_counts(void **state)
{
    static const struct turn turns[] = {{OK("2") "no", .early = true}};
    char *bytes = calloc(1, LARGE);
    struct direct_pool pool;
    struct server server;

    (void)state;
    assert_non_null(bytes);
    direct_pool_init(&pool);
    START(server, turns);
    check(ask_for(&pool, server.url, "PUT", (struct str){bytes, LARGE}, 10000), 0, "no");
    assert_null(pool.idle); /* the rest of the body stands before another request */
    stop(&server);
    direct_pool_deinit(&pool);
    free(bytes);
}

static void what_goes_wrong_is_told_apart(void **state)
{
    static const struct {
        struct turn turn;
        int r;
    } cases[] = {
        {{OK("9") "cut", .leaves = true}, -EIO},
        {{"", .leaves = true}, -EIO},
        {{"SSH-2.0-OpenSSH\r\n", .leaves = true}, -EIO},
        {{OK("99") "0123456789012345678901234567890123456789012345678901234567890123456789"}, -EFBIG},
        {{OK("1") "a", .late = true}, -ETIMEDOUT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct direct_pool pool;
        struct server server;
        struct asked asked;

        direct_pool_init(&pool);
        start(&server, &cases[i].turn, 1);
        asked = ask_for(&pool, server.url, "POST", STR("b"), cases[i].turn.late ? 50 : 10000);
        assert_int_equal(asked.r, cases[i].r);
        assert_true(asked.exchange.sent);
        assert_null(pool.idle);
        asked_free(&asked);
        stop(&server);
        direct_pool_deinit(&pool);
    }
}

static void nothing_is_sent_to_nobody(void **state)
{
    struct direct_pool pool;
    struct server server;
    struct asked asked;

    (void)state;
    direct_pool_init(&pool);
    start(&server, NULL, 0);
    stop(&server);
    asked = ask(&pool, &server, "GET");
    assert_int_equal(asked.r, -ECONNREFUSED);
    assert_false(asked.exchange.sent);
    asked_free(&asked);
    direct_pool_deinit(&pool);
}

static void a_header_is_one_line(void **state)
{
    const struct http_header header = {STR("X-A"), STR("b\r\nX-C: d")};
    struct http_exchange exchange = {.method = "GET",
                                     .url = "http://127.0.0.1:1/",
                                     .headers = &header,
                                     .header_count = 1,
                                     .body_fd = -1,
                                     .sink_fd = -1};
    struct direct_pool pool;
    struct direct *direct = NULL;

    (void)state;
    direct_pool_init(&pool);
    assert_int_equal(direct_begin(&pool, &exchange, 1000, &direct), -EINVAL);
    assert_false(exchange.sent);
    direct_pool_deinit(&pool);
}

static void what_is_not_this_machines_goes_by_libcurl(void **state)
{
    static const struct {
        const char *url;
        bool direct;
    } urls[] = {
        {"http://127.0.0.1:8080/a%20b?c", true},
        {"http://127.9.9.9", true},
        {"http://127.0.0.1?a", false},
        {"http://[::1]:80/", true},
        {"http://[::1]/", true},
        {"http://[::1]x/", false},
        {"https://127.0.0.1/", false},
        {"http://localhost:8080/", false},
        {"http://127.0.0.1.example.com/", false},
        {"http://127.evil.org/", false},
        {"http://127.0.0.1@example.com/", false},
        {"http://127.0.0.1:80@example.com/", false},
        {"http://127.0.0.1:0/", false},
        {"http://127.0.0.1:99999/", false},
        {"http://10.0.0.1/", false},
        {"http://[::2]/", false},
        {"http://127.0.0.1/a b", false},
        {"http://127.0.0.1/#a", false},
        {"http://127.0.0.1/\r\nX: y", false},
        {"127.0.0.1/", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_exchange exchange = {.url = urls[i].url, .body_fd = -1, .sink_fd = -1};

        assert_int_equal(direct_serves(&exchange), urls[i].direct);
        exchange.sink_fd = 1;
        assert_false(direct_serves(&exchange));
        exchange = (struct http_exchange){.url = urls[i].url, .body_fd = 1, .sink_fd = -1};
        assert_false(direct_serves(&exchange));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(a_kept_connection_that_is_no_good_is_left),
        cmocka_unit_test(a_long_body_goes_out_whole),
        cmocka_unit_test(an_answer_before_the_body_is_sent_counts),
        cmocka_unit_test(what_goes_wrong_is_told_apart),
        cmocka_unit_test(nothing_is_sent_to_nobody),
        cmocka_unit_test(a_header_is_one_line),
        cmocka_unit_test(what_is_not_this_machines_goes_by_libcurl),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
