/* Bodies that are received where the handler wants them: whole, in their order, and never what is behind. */
#include "hear.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/inflight.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define PLACE ((size_t)128 << 10)
#define BODY_MAX (3 << 20)
#define ASKED 12288 /* by libmicrohttpd */

struct test {
    struct http_server *server;
    atomic_int begun;
    atomic_int ended;
    atomic_int runs;
    size_t room; /* of place */
    unsigned char place[PLACE];
    unsigned char *came; /* the body */
    atomic_size_t len;
    atomic_size_t placed;      /* of it, at `place` */
    atomic_size_t refuse_from; /* bytes; 0: no */
};

static int on_begin(void *ctx, struct http_request *request)
{
    struct test *test = ctx;
    if (str_eqc(request->path, "/begins") && request->must_not_wait) {
        http_run_elsewhere(request);
        return 0;
    }
    atomic_fetch_add(&test->begun, 1);
    request->stream = true;
    return 0;
}

static int on_body(void *ctx, struct http_request *request, const void *bytes, size_t len)
{
    struct test *test = ctx;
    size_t before = atomic_load(&test->len);
    assert_in_range(before + len, 0, BODY_MAX);
    memcpy(test->came + before, bytes, len);
    if (bytes == test->place)
        atomic_fetch_add(&test->placed, len);
    memset(test->place, 0, sizeof(test->place)); /* what is in it is not looked at twice */
    atomic_store(&test->len, before + len);
    if (atomic_load(&test->refuse_from) == 0 || before + len < atomic_load(&test->refuse_from))
        return 0;
    http_reply(request, 400);
    http_reply_bytes(request, STR("stop"));
    return 1;
}

static void *on_place(void *ctx, struct http_request *request UNUSED, size_t *ret_room)
{
    struct test *test = ctx;
    *ret_room = test->room;
    return test->room > 0 ? test->place : NULL;
}

static void on_too_large(void *ctx UNUSED, struct http_request *request)
{
    http_reply(request, 413);
}

static void on_run(void *ctx, struct http_request *request)
{
    struct test *test = ctx;
    atomic_fetch_add(&test->runs, 1);
    http_reply(request, 200);
    http_reply_bytes(request, STR("done"));
}

static void on_end(void *ctx, struct http_request *request UNUSED)
{
    struct test *test = ctx;
    atomic_fetch_add(&test->ended, 1);
}

static struct test *start(size_t room)
{
    static struct test test;
    const struct http_handler handler = {.ctx = &test,
                                         .begin = on_begin,
                                         .body = on_body,
                                         .place = on_place,
                                         .too_large = on_too_large,
                                         .run = on_run,
                                         .end = on_end};
    const struct http_server_config config = {.io_threads = 1, .worker_threads = 2};
    memset(&test, 0, sizeof(test));
    test.room = room;
    test.came = mem_alloc(BODY_MAX);
    assert_non_null(test.came);
    wake_restart();
    assert_int_equal(http_server_start(&config, &handler, &test.server), 0);
    return &test;
}

static void stop(struct test *test)
{
    http_server_stop(&test->server, 5000);
    assert_int_equal(atomic_load(&test->begun), atomic_load(&test->ended));
    free(test->came);
}

static int dial(struct test *test)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_server_port(test->server))};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761U >> 24);
}

/* A request and its body in one piece of memory; `behind` follows it. */
static size_t make_request(const char *path, size_t len, const char *more, const char *behind, char *ret)
{
    int head =
        snprintf(ret, 256, "PUT %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n", path, len, more);
    for (size_t i = 0; i < len; i++)
        ret[(size_t)head + i] = (char)byte_at(i);
    memcpy(ret + head + len, behind, strlen(behind));
    return (size_t)head + len + strlen(behind);
}

static void check_came(struct test *test, size_t len)
{
    assert_int_equal(atomic_load(&test->len), len);
    for (size_t i = 0; i < len; i++)
        if (test->came[i] != byte_at(i))
            fail_msg("byte %zu of %zu", i, len);
    atomic_store(&test->len, 0);
}

static void expect_done(int fd)
{
    assert_non_null(strstr(hear(fd, "done"), " 200 "));
}

/* By pieces of that size, with another request right behind the body, on a connection that stays. */
static void put(struct test *test, int fd, const char *path, size_t len, size_t piece)
{
    static char request[BODY_MAX + 4096];
    size_t all = make_request(path, len, "", "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", request);
    for (size_t sent = 0; sent < all; sent += piece) {
        send_all(fd, request + sent, all - sent < piece ? all - sent : piece);
        if (piece < 1000 && sent % (16 * piece) == 0)
            (void)poll(NULL, 0, 1);
    }
    expect_done(fd);
    expect_done(fd);
    check_came(test, len);
}

static void test_recv_is_ours(void **state UNUSED)
{
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "recv"), recv);
}

static void bodies_of_all_lengths(size_t room)
{
    static const size_t lens[] = {1,      65535,  65536,  65537,      ASKED * 8, ASKED * 8 + 1, 131071,
                                  131072, 131073, 262144, 262144 + 7, 1048576,   1048583,       2500001};
    struct test *test = start(room);
    int fd = dial(test);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++)
        put(test, fd, i % 2 ? "/begins" : "/", lens[i], SIZE_MAX / 2);
    for (size_t i = 1; i < 40; i++)
        put(test, fd, "/", 100000 + i * 997, 60000 + i * 1009);
    assert_true(room < ASKED || atomic_load(&test->placed) > 2000000);
    close_fd(&fd);
    stop(test);
}

static void test_bodies_of_all_lengths(void **state UNUSED)
{
    bodies_of_all_lengths(PLACE);
    bodies_of_all_lengths(50000);
}

static void test_places_shorter_than_what_is_asked_for(void **state UNUSED)
{
    bodies_of_all_lengths(1);
    bodies_of_all_lengths(ASKED - 1);
    bodies_of_all_lengths(ASKED + 1);
}

static void test_no_place(void **state UNUSED)
{
    bodies_of_all_lengths(0);
}

static void test_ragged_sender(void **state UNUSED)
{
    struct test *test = start(PLACE);
    int fd = dial(test);
    put(test, fd, "/", 70001, 333);
    put(test, fd, "/begins", 200003, 1461);
    put(test, fd, "/", 300001, 13);
    close_fd(&fd);
    stop(test);
}

static void test_body_that_is_asked_for(void **state UNUSED)
{
    static char request[BODY_MAX];
    struct test *test = start(PLACE);
    int fd = dial(test);
    size_t len = make_request("/", 500000, "Expect: 100-continue\r\n", "", request);
    size_t head = len - 500000;
    send_all(fd, request, head);
    assert_non_null(strstr(hear(fd, "\r\n\r\n"), " 100 "));
    send_all(fd, request + head, 500000);
    expect_done(fd);
    check_came(test, 500000);
    assert_true(atomic_load(&test->placed) > 300000);
    close_fd(&fd);
    stop(test);
}

static void test_body_in_chunks_has_no_place(void **state UNUSED)
{
    static char chunk[80000 + 64];
    struct test *test = start(PLACE);
    int fd = dial(test);
    size_t len = (size_t)snprintf(chunk, sizeof(chunk),
                                  "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_all(fd, chunk, len);
    len = (size_t)snprintf(chunk, sizeof(chunk), "%x\r\n", 80000);
    for (size_t i = 0; i < 80000; i++)
        chunk[len + i] = (char)byte_at(i);
    send_all(fd, chunk, len + 80000);
    send_all(fd, "\r\n0\r\n\r\n", 7);
    expect_done(fd);
    check_came(test, 80000);
    assert_int_equal(atomic_load(&test->placed), 0);
    close_fd(&fd);
    stop(test);
}

static void test_refused_half_way(void **state UNUSED)
{
    static char request[BODY_MAX];
    struct test *test = start(PLACE);
    int fd = dial(test);
    size_t len = make_request("/", 1000000, "", "", request);
    atomic_store(&test->refuse_from, 300000);
    send_all(fd, request, len);
    assert_non_null(strstr(hear(fd, "stop"), " 400 "));
    assert_in_range(atomic_load(&test->len), 300000, 300000 + PLACE + ASKED);
    atomic_store(&test->refuse_from, 0);
    atomic_store(&test->len, 0);
    put(test, fd, "/", 200000, SIZE_MAX / 2);
    close_fd(&fd);
    stop(test);
}

static void wait_ended(struct test *test, int count)
{
    int64_t until = clock_mono_ms() + 10000;
    while (atomic_load(&test->ended) < count && clock_mono_ms() < until)
        sched_yield();
    assert_int_equal(atomic_load(&test->ended), count);
}

/* Cut at many places: bytes and the end come together, or a reset. */
static void test_sender_that_goes_away(void **state UNUSED)
{
    static char request[BODY_MAX];
    struct test *test = start(PLACE);
    size_t len = make_request("/", 900000, "", "", request);
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 40; i++) {
        int fd = dial(test);
        send_all(fd, request, len - 899999 + (size_t)i * 22013);
        if (i % 4 == 0)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        if (i % 4 == 0)
            (void)poll(NULL, 0, 5); /* the request is there before the reset */
        close_fd(&fd);
        wait_ended(test, i + 1);
        atomic_store(&test->len, 0);
    }
    assert_int_equal(atomic_load(&test->runs), 0);
    stop(test);
}

static void test_connections_at_once(void **state UNUSED)
{
    static char request[BODY_MAX];
    struct test *test = start(PLACE);
    int fds[8];
    size_t len = make_request("/", 300000, "", "", request);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial(test);
        send_all(fds[i], request, len - 200000); /* each has had a place, and waits */
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        atomic_store(&test->len, 0);
        send_all(fds[i], request + len - 200000, 200000);
        expect_done(fds[i]);
        close_fd(&fds[i]);
    }
    stop(test);
}

/* ---- one call of libmicrohttpd's */

struct asked {
    int sockets[2];
    struct http_conn conn;
    char bytes[ASKED];
};

static void ask_start(struct asked *asked, size_t sent)
{
    static const char bytes[PLACE];
    memset(asked, 0, sizeof(*asked));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, asked->sockets), 0);
    asked->conn.fd = asked->sockets[0];
    receive_watch(&asked->conn);
    if (sent > 0)
        assert_int_equal(send(asked->sockets[1], bytes, sent, 0), (ssize_t)sent);
}

static ssize_t ask(struct asked *asked, size_t room, int64_t left)
{
    static char place[PLACE];
    receive_at(&asked->conn, place, room, left);
    return recv(asked->sockets[0], asked->bytes, sizeof(asked->bytes), 0);
}

static void ask_stop(struct asked *asked)
{
    receive_forget(&asked->conn);
    close_fd(&asked->sockets[0]);
    close_fd(&asked->sockets[1]);
}

/* What is answered and how much of it is placed, and whether the socket seems empty. */
static void test_one_call_is_answered_short_only_when_there_is_no_more(void **state UNUSED)
{
    static const struct {
        size_t sent, room;
        int64_t left;
        ssize_t answer;
        size_t placed;
        bool drained;
    } cases[] = {
        {100000, 131072, 1000000, 100000, 100000, false},
        {100000, 50000, 1000000, 50000, 50000, false},
        {100000, 5000, 1000000, 5000 + ASKED, 5000, false},
        {100000, 5000, 5000 + ASKED - 1, 5000 + ASKED - 1, 5000, false}, /* what is behind is left */
        {100000, 131072, ASKED, ASKED, ASKED, false},
        {100000, 131072, ASKED - 1, ASKED, 0, false}, /* the body's end: nothing has a place */
        {ASKED - 1, 131072, 1000000, ASKED - 1, ASKED - 1, true},
        {ASKED - 1, 10, 1000000, ASKED - 1, 10, true},
        {0, 131072, 1000000, -1, 0, true},
        {100000, 0, 1000000, ASKED, 0, false},
    };
    struct asked asked;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask_start(&asked, cases[i].sent);
        assert_int_equal(ask(&asked, cases[i].room, cases[i].left), cases[i].answer);
        assert_int_equal(asked.conn.receiving.drained, cases[i].drained);
        assert_int_equal(receive_taken(&asked.conn).len, cases[i].placed);
        assert_int_equal(receive_taken(&asked.conn).len, 0);
        ask_stop(&asked);
    }
}

static void test_a_descriptor_that_was_closed_is_nobodys(void **state UNUSED)
{
    struct asked asked;
    ask_start(&asked, 100000);
    receive_forget(&asked.conn);
    assert_int_equal(ask(&asked, 131072, 1000000), ASKED);
    assert_int_equal(receive_taken(&asked.conn).len, 0);
    ask_stop(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recv_is_ours),
        cmocka_unit_test(test_bodies_of_all_lengths),
        cmocka_unit_test(test_places_shorter_than_what_is_asked_for),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_ragged_sender),
        cmocka_unit_test(test_body_that_is_asked_for),
        cmocka_unit_test(test_body_in_chunks_has_no_place),
        cmocka_unit_test(test_refused_half_way),
        cmocka_unit_test(test_sender_that_goes_away),
        cmocka_unit_test(test_connections_at_once),
        cmocka_unit_test(test_one_call_is_answered_short_only_when_there_is_no_more),
        cmocka_unit_test(test_a_descriptor_that_was_closed_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
