/* The listener with a handler made for the test: what a request goes through, seen from a raw socket. */
#include "hear.h"
#include "base/clock.h"
#include "http/inflight.h"
#include "http/sendfile.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define TOPIC "test:http"
#define LARGE (9 << 20) /* more than sockets and pieces hold */
#define LARGE_FROM 5

struct test {
    struct http_server *server;
    atomic_int begun;
    atomic_int ended;
    atomic_int runs;
    atomic_long streamed;
    int64_t park_ms;
    bool inline_run;
};

static int on_begin(void *ctx, struct http_request *request)
{
    struct test *test = ctx;
    if (str_starts(request->path, STR("/begins")) && request->must_not_wait) {
        http_run_elsewhere(request);
        return 0;
    }
    atomic_fetch_add(&test->begun, 1);
    request->body_max = 100;
    request->stream = str_starts(request->path, STR("/stream")) || str_ends(request->path, STR("/stream"));
    request->run_inline = test->inline_run;
    request->run_by_few = str_starts(request->path, STR("/held"));
    if (!str_starts(request->path, STR("/refuse")) && !str_ends(request->path, STR("/refused")))
        return 0;
    http_reply(request, 403);
    http_reply_bytes(request, STR("no"));
    return 1;
}

static int on_body(void *ctx, struct http_request *request, const void *bytes, size_t len)
{
    struct test *test = ctx;
    long before = atomic_fetch_add(&test->streamed, (long)len);
    (void)bytes;
    if (!str_eqc(request->path, "/stream/refuse") || before + (long)len < 10)
        return 0;
    http_reply(request, 400);
    http_reply_bytes(request, STR("stop"));
    return 1;
}

static void on_too_large(void *ctx UNUSED, struct http_request *request)
{
    http_reply(request, 413);
    http_reply_bytes(request, STR("large"));
}

static ssize_t ten_bytes(void *ctx UNUSED, int64_t offset, void *bytes, size_t max)
{
    size_t left = offset < 10 ? (size_t)(10 - offset) : 0;
    size_t len = left < max ? left : max;
    memset(bytes, 'z', len);
    return (ssize_t)len;
}

static unsigned char byte_at(size_t offset)
{
    return (unsigned char)(offset * 2654435761U >> 13);
}

static int large_file(size_t size)
{
    int fd = memfd_create("large", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    unsigned char *bytes = mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(i);
    munmap(bytes, size);
    return fd;
}

/* `missing` bytes short of what the reply says. */
static void reply_large(struct http_request *request, size_t missing)
{
    http_reply_file(request, large_file(LARGE_FROM + LARGE - missing), LARGE_FROM, LARGE);
}

/* The same bytes in places of all sizes, some of them in memory. */
struct scattered {
    int fd;
    int64_t torn_at;
    char some[100];
};
static atomic_int scattered_freed;

static int scattered_at(void *ctx, int64_t offset, struct http_place *ret)
{
    static const int64_t sizes[] = {1, 300000, 100, 131072, 5000000, 7};
    struct scattered *scattered = ctx;
    int64_t start = 0;
    size_t i = 0;
    if (offset >= scattered->torn_at)
        return -EIO;
    while (start + sizes[i % ARRAY_LEN(sizes)] <= offset)
        start += sizes[i++ % ARRAY_LEN(sizes)];
    int64_t len = start + sizes[i % ARRAY_LEN(sizes)] - offset;
    bool in_memory = len <= (int64_t)sizeof(scattered->some);
    for (int64_t k = 0; in_memory && k < len; k++)
        scattered->some[k] = (char)byte_at(LARGE_FROM + (size_t)(offset + k));
    *ret = (struct http_place){in_memory ? -1 : scattered->fd, LARGE_FROM + offset, scattered->some, len};
    return 0;
}

static void scattered_free(void *ctx)
{
    struct scattered *scattered = ctx;
    close_fd(&scattered->fd);
    free(scattered);
    atomic_fetch_add(&scattered_freed, 1);
}

static void reply_scattered(struct http_request *request, int64_t torn_at)
{
    struct scattered *scattered = calloc(1, sizeof(*scattered));
    assert_non_null(scattered);
    scattered->fd = large_file(LARGE_FROM + LARGE + 5000000);
    scattered->torn_at = torn_at;
    http_reply_places(request, LARGE, scattered_at, scattered, scattered_free);
}

static atomic_int released;

/* Lets the held reply go while run is busy with it, or when it has long returned. */
static void *release_later(void *arg)
{
    struct http_request *request = arg;
    if (str_ends(request->path, STR("/late")))
        (void)poll(NULL, 0, 20);
    atomic_fetch_add(&released, 1);
    http_release(request, str_starts(request->path, STR("/held/failing")) ? -EIO : 0);
    return NULL;
}

static void hold(struct http_request *request)
{
    pthread_t thread;
    http_hold(request);
    assert_int_equal(pthread_create(&thread, NULL, release_later, request), 0);
    assert_int_equal(pthread_detach(thread), 0);
}

static void on_run(void *ctx, struct http_request *request)
{
    struct test *test = ctx;
    int run = atomic_fetch_add(&test->runs, 1);
    wake_ticket ticket = wake_look(TOPIC);
    if (str_starts(request->path, STR("/park")) && run == 0 && !http_stopping(request)) {
        http_park(request, TOPIC, ticket, clock_mono_ms() + test->park_ms);
        return;
    }
    if (str_eqc(request->path, "/elsewhere") && request->run_inline) {
        http_run_elsewhere(request);
        return;
    }
    http_reply(request, 200);
    http_reply_header(request, "X-Target", request->target.ptr);
    if (str_starts(request->path, STR("/held")))
        hold(request);
    if (str_eqc(request->path, "/file"))
        http_reply_file(request, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 1, 3);
    else if (str_eqc(request->path, "/large"))
        reply_large(request, 0);
    else if (str_eqc(request->path, "/short"))
        reply_large(request, 1);
    else if (str_eqc(request->path, "/places"))
        reply_scattered(request, LARGE);
    else if (str_eqc(request->path, "/torn"))
        reply_scattered(request, LARGE / 2);
    else if (str_eqc(request->path, "/produced"))
        http_reply_stream(request, 10, ten_bytes, NULL, NULL);
    else if (str_eqc(request->method, "HEAD"))
        http_reply_no_body(request, 12345);
    else
        http_reply_bytes(request, buf_str(&request->body));
}

static void on_failed(void *ctx UNUSED, struct http_request *request, int fault)
{
    http_reply_discard(request);
    http_reply(request, 500);
    http_reply_header(request, "X-Fault", strerrorname_np(-fault));
}

static void on_end(void *ctx, struct http_request *request UNUSED)
{
    struct test *test = ctx;
    atomic_fetch_add(&test->ended, 1);
}

static struct http_handler handler_of(struct test *test)
{
    return (struct http_handler){.ctx = test,
                                 .begin = on_begin,
                                 .body = on_body,
                                 .too_large = on_too_large,
                                 .run = on_run,
                                 .failed = on_failed,
                                 .end = on_end};
}

static struct test *start(bool inline_run)
{
    static struct test test;
    const struct http_handler handler = handler_of(&test);
    const struct http_server_config config = {.worker_threads = 4, .slow_max_ms = 300};
    memset(&test, 0, sizeof(test));
    test.park_ms = 20000;
    test.inline_run = inline_run;
    wake_restart();
    assert_int_equal(http_server_start(&config, &handler, &test.server), 0);
    return &test;
}

static void stop(struct test *test)
{
    http_server_stop(&test->server, 5000);
    assert_int_equal(atomic_load(&test->begun), atomic_load(&test->ended));
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

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void expect(int fd, const char *status, const char *end)
{
    const char *heard = hear(fd, end);
    assert_non_null(strstr(heard, status));
    assert_true(str_ends(str_of(heard), str_of(end)));
}

static void test_target_arrives_as_it_was_sent(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    say(fd, "GET /a%2Fb//../c+d?x=%20&y HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_non_null(strstr(hear(fd, "\r\n\r\n"), "X-Target: /a%2Fb//../c+d?x=%20&y\r\n"));
    close_fd(&fd);
    stop(test);
}

static void test_connection_is_kept_after_a_refusal(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    say(fd, "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345");
    expect(fd, " 403 ", "no");
    say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    expect(fd, " 200 ", "hello");
    close_fd(&fd);
    stop(test);
}

static void test_large_body_is_refused_before_it_is_sent(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999\r\n\r\n");
    expect(fd, " 413 ", "large");
    close_fd(&fd);
    stop(test);
}

static void test_chunked_body_over_the_bound(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    char chunk[200];
    memset(chunk, 'x', sizeof(chunk) - 1);
    chunk[sizeof(chunk) - 1] = '\0';
    say(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nc7\r\n");
    say(fd, chunk);
    say(fd, "\r\n0\r\n\r\n");
    expect(fd, " 413 ", "large");
    say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, " 200 ", "\r\n\r\n");
    close_fd(&fd);
    stop(test);
}

static void test_a_transfer_coding_that_is_unknown(void **state UNUSED)
{
    static const char *const codings[] = {"gzip", "gzip, chunked", "identity", "xchunked"};
    struct test *test = start(false);
    for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
        int fd = dial(test);
        say(fd, "PUT /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: ");
        say(fd, codings[i]);
        say(fd, "\r\n\r\nabc");
        expect(fd, " 501 ", "Connection: close\r\n\r\n");
        close_fd(&fd);
    }
    assert_int_equal(atomic_load(&test->streamed), 0);
    stop(test);
}

static void test_streamed_body(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    say(fd, "PUT /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n12345678901234567890");
    expect(fd, " 200 ", "\r\n\r\n");
    assert_int_equal(atomic_load(&test->streamed), 20);
    say(fd, "PUT /stream/refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n12345678901234567890");
    expect(fd, " 400 ", "stop");
    close_fd(&fd);
    stop(test);
}

static void test_bodies_of_replies(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    say(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "Content-Length: 3\r\n", "ELF");
    say(fd, "GET /produced HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "Content-Length: 10\r\n", "zzzzzzzzzz");
    say(fd, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "Content-Length: 12345\r\n", "\r\n\r\n");
    close_fd(&fd);
    stop(test);
}

/* How many bytes of /large come. */
static size_t hear_large(int fd)
{
    static unsigned char some[100000];
    size_t heard = 0;
    ssize_t n = 0;
    while (heard < LARGE && (n = recv(fd, some, sizeof(some), 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(some[i], byte_at(LARGE_FROM + heard + (size_t)i));
        heard += (size_t)n;
    }
    assert_true(n >= 0); /* else nothing comes any more, and no end of the connection either */
    return heard;
}

/* Until nothing more can be sent, as far as a client sees it. */
static void wait_stalled(int fd)
{
    int queued = -1, now = 0;
    for (int same = 0; same < 50; same = now == queued && now > 0 ? same + 1 : 0) {
        queued = now;
        assert_int_equal(ioctl(fd, FIONREAD, &now), 0);
        (void)poll(NULL, 0, 2);
    }
}

static void ask_large(int fd, const char *path)
{
    say(fd, "GET ");
    say(fd, path);
    say(fd, " HTTP/1.1\r\nHost: h\r\n\r\n");
    const char *head = hear(fd, "\r\n\r\n");
    const char *length = strstr(head, "Content-Length: 9437184\r\n");
    assert_non_null(length);
    assert_null(strstr(length + 1, "Content-Length"));
}

static void test_large_file_reaches_a_slow_reader_whole(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    for (int i = 0; i < 2; i++) {
        ask_large(fd, "/large");
        wait_stalled(fd);
        assert_int_equal(hear_large(fd), LARGE);
    }
    say(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "Content-Length: 3\r\n", "ELF");
    close_fd(&fd);
    stop(test);
}

static void test_file_that_is_shorter_than_was_said_ends_the_connection(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    ask_large(fd, "/short");
    assert_int_equal(hear_large(fd), LARGE - 1);
    close_fd(&fd);
    stop(test);
}

static void test_a_body_of_several_places_reaches_a_slow_reader_whole(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    atomic_store(&scattered_freed, 0);
    for (int i = 0; i < 2; i++) {
        ask_large(fd, "/places");
        wait_stalled(fd);
        assert_int_equal(hear_large(fd), LARGE);
    }
    say(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, "Content-Length: 3\r\n", "ELF");
    assert_int_equal(atomic_load(&scattered_freed), 2);
    close_fd(&fd);
    stop(test);
}

static void test_a_place_that_cannot_be_had_ends_the_connection(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    ask_large(fd, "/torn");
    assert_true(hear_large(fd) < LARGE);
    close_fd(&fd);
    stop(test);
}

static void reader_goes_away(const char *path)
{
    struct test *test = start(false);
    int64_t until = clock_mono_ms() + 10000;
    int fd = dial(test);
    ask_large(fd, path);
    wait_stalled(fd);
    close_fd(&fd);
    while (atomic_load(&test->ended) == 0 && clock_mono_ms() < until)
        sched_yield();
    assert_int_equal(atomic_load(&test->ended), 1);
    stop(test);
}

static void test_reader_of_a_large_file_that_goes_away(void **state UNUSED)
{
    reader_goes_away("/large");
}

static void test_reader_of_several_places_that_goes_away(void **state UNUSED)
{
    atomic_store(&scattered_freed, 0);
    reader_goes_away("/places");
    assert_int_equal(atomic_load(&scattered_freed), 1);
}

static void test_stop_cuts_off_who_does_not_read(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    ask_large(fd, "/large");
    wait_stalled(fd);
    http_server_stop(&test->server, 50);
    assert_int_equal(atomic_load(&test->ended), 1);
    assert_true(hear_large(fd) < LARGE);
    close_fd(&fd);
}

/* What one call of libmicrohttpd's sends. */
static ssize_t send_some(int64_t end, size_t count)
{
    int sockets[2];
    off64_t offset = 0;
    CLEANUP(close_fd) int fd = memfd_create("some", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 200000), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
    sendfile_until(fd, end);
    ssize_t sent = sendfile64(sockets[0], fd, &offset, count);
    assert_int_equal(offset, sent);
    close_fd(&sockets[0]);
    close_fd(&sockets[1]);
    return sent;
}

static void test_one_call_sends_more_than_the_library_asks_for(void **state UNUSED)
{
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "sendfile64"), sendfile64);
    assert_int_equal(send_some(0, 131072), 131072);
    assert_int_equal(send_some(150000, 131072), 150000);
    assert_int_equal(send_some(150000, 131071), 131071);
    assert_int_equal(send_some(1000, 131072), 131072);
}

static void wait_runs(struct test *test, int runs)
{
    int64_t until = clock_mono_ms() + 10000;
    while (atomic_load(&test->runs) < runs && clock_mono_ms() < until)
        sched_yield();
    assert_int_equal(atomic_load(&test->runs), runs);
}

static void parked_until_signalled(bool inline_run)
{
    struct test *test = start(inline_run);
    int fd = dial(test);
    say(fd, "GET /park HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_runs(test, 1);
    wake_signal(TOPIC);
    expect(fd, " 200 ", "\r\n\r\n");
    assert_int_equal(atomic_load(&test->runs), 2);
    close_fd(&fd);
    stop(test);
}

static void test_parked_until_signalled(void **state UNUSED)
{
    parked_until_signalled(false);
    parked_until_signalled(true);
}

static void test_parked_until_its_deadline(void **state UNUSED)
{
    struct test *test = start(false);
    test->park_ms = 30;
    int fd = dial(test);
    say(fd, "GET /park HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, " 200 ", "\r\n\r\n");
    close_fd(&fd);
    stop(test);
}

static void test_parked_client_that_went_away_is_not_run(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    int64_t until = clock_mono_ms() + 10000;
    say(fd, "GET /park HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_runs(test, 1);
    close_fd(&fd);
    while (atomic_load(&test->ended) == 0 && clock_mono_ms() < until)
        wake_signal(TOPIC);
    assert_int_equal(atomic_load(&test->ended), 1);
    assert_int_equal(atomic_load(&test->runs), 1);
    stop(test);
}

static void test_stop_answers_who_is_parked(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    say(fd, "GET /park HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_runs(test, 1);
    stop(test);
    expect(fd, " 200 ", "\r\n\r\n");
    close_fd(&fd);
}

static void cut_off(const char *beginning)
{
    struct test *test = start(false);
    int slow = dial(test);
    int other = dial(test);
    int64_t began = clock_mono_ms();
    say(slow, beginning);
    assert_string_equal(hear(slow, "never"), "");
    assert_true(clock_mono_ms() - began >= 300);
    say(other, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(other, " 200 ", "\r\n\r\n");
    close_fd(&slow);
    close_fd(&other);
    stop(test);
}

static void test_slow_clients_are_cut_off(void **state UNUSED)
{
    cut_off("GET / HTTP/1.1\r\nHost:");
    cut_off("PUT /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n1");
}

static void test_held_reply_is_sent_when_it_is_released(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    for (int i = 0; i < 20; i++) {
        say(fd, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
        expect(fd, " 200 ", "\r\n\r\n");
    }
    say(fd, "GET /held/late HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, " 200 ", "\r\n\r\n");
    close_fd(&fd);
    stop(test);
}

static void test_held_reply_that_fails_is_another(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    for (int i = 0; i < 20; i++) {
        say(fd, i % 2 ? "GET /held/failing HTTP/1.1\r\nHost: h\r\n\r\n"
                      : "GET /held/failing/late HTTP/1.1\r\nHost: h\r\n\r\n");
        const char *head = hear(fd, "\r\n\r\n");
        assert_non_null(strstr(head, " 500 "));
        assert_non_null(strstr(head, "X-Fault: EIO\r\n"));
        assert_null(strstr(head, "X-Target"));
    }
    close_fd(&fd);
    stop(test);
}

/* Whatever the grace: it is released by somebody who holds on to it. */
static void test_stop_waits_for_held_replies(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    atomic_store(&released, 0);
    say(fd, "GET /held/late HTTP/1.1\r\nHost: h\r\n\r\n");
    while (atomic_load(&test->runs) == 0)
        (void)sched_yield();
    http_server_stop(&test->server, 0);
    assert_int_equal(atomic_load(&released), 1);
    assert_int_equal(atomic_load(&test->begun), atomic_load(&test->ended));
    close_fd(&fd);
}

static void test_inline_run_that_would_wait_runs_elsewhere(void **state UNUSED)
{
    struct test *test = start(true);
    int fd = dial(test);
    for (int i = 0; i < 2; i++) {
        say(fd, "POST /elsewhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        expect(fd, " 200 ", "hello");
    }
    assert_int_equal(atomic_load(&test->runs), 4);
    close_fd(&fd);
    stop(test);
}

static void test_begin_that_would_wait_runs_elsewhere(void **state UNUSED)
{
    static const struct {
        const char *request, *status, *end;
    } rows[] = {
        {"GET /begins HTTP/1.1\r\nHost: h\r\n\r\n", " 200 ", "\r\n\r\n"},
        {"POST /begins HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", " 200 ", "hello"},
        {"PUT /begins/stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", " 200 ", "\r\n\r\n"},
        {"PUT /begins/stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
         "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         " 200 ", "\r\n\r\n"},
        {"POST /begins/refused HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", " 403 ", "no"},
    };
    for (int inline_run = 0; inline_run < 2; inline_run++) {
        struct test *test = start(inline_run);
        int fd = dial(test);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            say(fd, rows[i].request);
            expect(fd, rows[i].status, rows[i].end);
        }
        say(fd, "POST /begins HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        expect(fd, " 100 ", "\r\n\r\n");
        say(fd, "hello");
        expect(fd, " 200 ", "hello");
        say(fd,
            "POST /begins/refused HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        expect(fd, " 403 ", "no"); /* before it is sent */
        close_fd(&fd);
        assert_int_equal(atomic_load(&test->streamed), 10);
        close_fd(&fd);
        fd = dial(test); /* a long body is refused before it comes */
        say(fd, "POST /begins HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999\r\n\r\n");
        expect(fd, " 413 ", "large");
        close_fd(&fd);
        fd = dial(test); /* a body that is cut in the middle of its pieces, and one that never comes */
        say(fd, "PUT /begins/stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
        say(fd, "lo");
        expect(fd, " 200 ", "\r\n\r\n");
        say(fd, "PUT /begins/stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nh");
        close_fd(&fd);
        stop(test);
    }
}

/* Whatever paces connections elsewhere. */
static void test_a_loopback_connection_is_not_paced(void **state UNUSED)
{
    struct test *test = start(false);
    int fd = dial(test);
    char control[16] = "";
    socklen_t len = sizeof(control);
    say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, " 200 ", "\r\n\r\n");
    pthread_mutex_lock(&test->server->lock);
    int served = test->server->conns->fd;
    pthread_mutex_unlock(&test->server->lock);
    assert_int_equal(getsockopt(served, IPPROTO_TCP, TCP_CONGESTION, control, &len), 0);
    assert_string_equal(control, "reno");
    close_fd(&fd);
    stop(test);
}

static void test_taken_port_is_told(void **state UNUSED)
{
    struct test *test = start(false);
    const struct http_handler handler = handler_of(test);
    const struct http_server_config config = {.port = http_server_port(test->server)};
    struct http_server *second = NULL;
    assert_int_equal(http_server_start(&config, &handler, &second), -EADDRINUSE);
    assert_null(second);
    stop(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_arrives_as_it_was_sent),
        cmocka_unit_test(test_connection_is_kept_after_a_refusal),
        cmocka_unit_test(test_large_body_is_refused_before_it_is_sent),
        cmocka_unit_test(test_chunked_body_over_the_bound),
        cmocka_unit_test(test_a_transfer_coding_that_is_unknown),
        cmocka_unit_test(test_streamed_body),
        cmocka_unit_test(test_bodies_of_replies),
        cmocka_unit_test(test_parked_until_signalled),
        cmocka_unit_test(test_parked_until_its_deadline),
        cmocka_unit_test(test_parked_client_that_went_away_is_not_run),
        cmocka_unit_test(test_one_call_sends_more_than_the_library_asks_for),
        cmocka_unit_test(test_large_file_reaches_a_slow_reader_whole),
        cmocka_unit_test(test_file_that_is_shorter_than_was_said_ends_the_connection),
        cmocka_unit_test(test_a_body_of_several_places_reaches_a_slow_reader_whole),
        cmocka_unit_test(test_a_place_that_cannot_be_had_ends_the_connection),
        cmocka_unit_test(test_reader_of_a_large_file_that_goes_away),
        cmocka_unit_test(test_reader_of_several_places_that_goes_away),
        cmocka_unit_test(test_stop_cuts_off_who_does_not_read),
        cmocka_unit_test(test_stop_answers_who_is_parked),
        cmocka_unit_test(test_slow_clients_are_cut_off),
        cmocka_unit_test(test_held_reply_is_sent_when_it_is_released),
        cmocka_unit_test(test_held_reply_that_fails_is_another),
        cmocka_unit_test(test_stop_waits_for_held_replies),
        cmocka_unit_test(test_inline_run_that_would_wait_runs_elsewhere),
        cmocka_unit_test(test_begin_that_would_wait_runs_elsewhere),
        cmocka_unit_test(test_a_loopback_connection_is_not_paced),
        cmocka_unit_test(test_taken_port_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
