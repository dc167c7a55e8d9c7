/* Replies that begin while their run goes on (http_reply_meanwhile): seen from a raw socket. */
#include "hear.h"
#include "base/clock.h"
#include "http/server.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define EVERY_MS 5
#define LATE_MS 60000

struct test {
    struct http_server *server;
    sem_t running;
    sem_t go;
    atomic_int begun;
    atomic_int ended;
};

static int on_begin(void *ctx, struct http_request *request UNUSED)
{
    struct test *test = ctx;
    atomic_fetch_add(&test->begun, 1);
    return 0;
}

static void on_too_large(void *ctx UNUSED, struct http_request *request)
{
    http_reply(request, 413);
}

static void on_run(void *ctx, struct http_request *request)
{
    struct test *test = ctx;
    bool late = str_starts(request->path, STR("/late"));
    http_reply(request, 200);
    http_reply_header(request, "X-Begun", "yes");
    http_reply_meanwhile(request, "<x/>", late ? LATE_MS : EVERY_MS);
    (void)sem_post(&test->running);
    while (sem_wait(&test->go) != 0)
        continue;
    assert_true(str_eqc(request->method, "GET") && str_eqc(http_header(request, "host"), "h"));
    http_reply(request, 409);
    http_reply_header(request, "X-Ended", "yes");
    if (str_ends(request->path, STR("/file")))
        http_reply_file(request, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 1, 3);
    else if (str_ends(request->path, STR("/empty")))
        http_reply_bytes(request, STR("<x/>"));
    else
        http_reply_bytes(request, str_ends(request->path, STR("/other")) ? STR("<y/>") : STR("<x/><z/>"));
}

static void on_end(void *ctx, struct http_request *request UNUSED)
{
    struct test *test = ctx;
    atomic_fetch_add(&test->ended, 1);
}

static struct test *start(void)
{
    static struct test test;
    const struct http_handler handler = {&test, .begin = on_begin, .too_large = on_too_large, .run = on_run,
                                         .end = on_end};
    const struct http_server_config config = {.worker_threads = 4};
    test = (struct test){0};
    assert_int_equal(sem_init(&test.running, 0, 0), 0);
    assert_int_equal(sem_init(&test.go, 0, 0), 0);
    wake_restart();
    assert_int_equal(http_server_start(&config, &handler, &test.server), 0);
    return &test;
}

static void stop(struct test *test, int64_t grace_ms)
{
    http_server_stop(&test->server, grace_ms);
    assert_int_equal(atomic_load(&test->begun), atomic_load(&test->ended));
}

static int ask(struct test *test, const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_server_port(test->server))};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    return fd;
}

static void let_go(struct test *test)
{
    (void)sem_post(&test->go);
}

static void a_reply_that_comes_in_time_is_the_only_one(void **state UNUSED)
{
    struct test *test = start();
    int fd = ask(test, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
    let_go(test);
    const char *heard = hear(fd, "<x/><z/>");
    assert_true(str_starts(str_of(heard), STR("HTTP/1.1 409 ")));
    assert_non_null(strstr(heard, "X-Ended: yes\r\n"));
    assert_null(strstr(heard, "X-Begun"));
    close_fd(&fd);
    stop(test, 5000);
}

static void blanks_come_until_the_run_has_replied(void **state UNUSED)
{
    struct test *test = start();
    int fd = ask(test, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.0\r\nHost: h\r\n\r\n");
    const char *heard = hear(fd, "\r\n\r\n4\r\n<x/>\r\n1\r\n \r\n1\r\n \r\n");
    assert_true(str_starts(str_of(heard), STR("HTTP/1.1 200 ")));
    assert_non_null(strstr(heard, "X-Begun: yes\r\n"));
    assert_true(str_ends(str_of(heard), STR(" \r\n")));
    let_go(test);
    assert_true(str_ends(str_of(hear(fd, "4\r\n<z/>\r\n0\r\n\r\n")), STR("4\r\n<z/>\r\n0\r\n\r\n")));
    assert_true(
        str_ends(str_of(hear(fd, "<x/>  ")), STR("<x/>  "))); /* the next: its end is the connection's */
    let_go(test);
    assert_true(str_ends(str_of(hear(fd, "never")), STR("<z/>")));
    close_fd(&fd);
    stop(test, 5000);
}

/* Of which some share the place of the reply's own. */
static void blanks_come_whatever_else_is_signalled(void **state UNUSED)
{
    struct test *test = start();
    int fd = ask(test, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(sem_wait(&test->running), 0);
    for (int i = 0; i < 100000; i++) {
        char topic[32];
        (void)snprintf(topic, sizeof(topic), "stranger:%d", i);
        wake_signal(topic);
    }
    for (int i = 0; i < 3; i++)
        assert_true(str_ends(str_of(hear(fd, "1\r\n \r\n")), STR("1\r\n \r\n")));
    let_go(test);
    assert_true(str_ends(str_of(hear(fd, "0\r\n\r\n")), STR("4\r\n<z/>\r\n0\r\n\r\n")));
    close_fd(&fd);
    stop(test, 5000);
}

static void what_follows_is_the_body_alone(void **state UNUSED)
{
    static const struct {
        const char *request, *chunk;
    } rows[] = {
        {"GET /other HTTP/1.1\r\nHost: h\r\n\r\n", "4\r\n<y/>\r\n0\r\n\r\n"},
        {"GET /empty HTTP/1.1\r\nHost: h\r\n\r\n", NULL},
    };
    struct test *test = start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = ask(test, rows[i].request);
        (void)hear(fd, "<x/>\r\n1\r\n \r\n");
        let_go(test);
        const char *heard = hear(fd, "0\r\n\r\n");
        assert_true(str_ends(str_of(heard), str_of(rows[i].chunk ? rows[i].chunk : "0\r\n\r\n")));
        assert_int_equal(strchr(heard, '<') != NULL, rows[i].chunk != NULL);
        close_fd(&fd);
    }
    int fd = ask(test, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n"); /* no body of bytes: cut, never half of it */
    (void)hear(fd, "<x/>\r\n");
    let_go(test);
    assert_false(str_ends(str_of(hear(fd, "0\r\n\r\n")), STR("0\r\n\r\n")));
    close_fd(&fd);
    stop(test, 5000);
}

static void a_client_that_goes_away_leaves_the_run_alone(void **state UNUSED)
{
    struct test *test = start();
    for (int i = 0; i < 20; i++) {
        struct linger at_once = {.l_onoff = 1};
        int fd = ask(test, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        if (i % 2)
            (void)hear(fd, "<x/>");
        assert_int_equal(sem_wait(&test->running), 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close_fd(&fd);
        (void)poll(NULL, 0, i % 4 * EVERY_MS); /* it is noticed by a blank that cannot be sent, or not yet */
        assert_int_equal(atomic_load(&test->ended), i);
        let_go(test);
        while (atomic_load(&test->ended) == i)
            (void)poll(NULL, 0, 1);
    }
    stop(test, 5000);
}

static void a_stop_waits_for_the_run(void **state UNUSED)
{
    for (int i = 0; i < 4; i++) {
        struct test *test = start();
        int fd =
            ask(test, i < 2 ? "GET / HTTP/1.1\r\nHost: h\r\n\r\n" : "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(sem_wait(&test->running), 0);
        if (i == 1)
            (void)hear(fd, "<x/>");
        let_go(test);
        stop(test, i % 2 ? 5000 : 0);
        close_fd(&fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_that_comes_in_time_is_the_only_one),
        cmocka_unit_test(blanks_come_until_the_run_has_replied),
        cmocka_unit_test(blanks_come_whatever_else_is_signalled),
        cmocka_unit_test(what_follows_is_the_body_alone),
        cmocka_unit_test(a_client_that_goes_away_leaves_the_run_alone),
        cmocka_unit_test(a_stop_waits_for_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
