/* HTTP answers as they may come: whole, byte by byte, with and without a length, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/http_answer.h"

#define HEADERS "X-A: b\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

struct expected {
    const char *answer;
    const char *body;
    const char *left; /* of the input */
    unsigned status;
    enum http_answer_stage stage;
    bool to_head;
    bool closes;
};

static int read_by(const struct expected *e, size_t piece, struct http_answer *answer, struct buf *headers,
                   struct buf *body, struct buf *left)
{
    struct str rest = str_of(e->answer);
    int r = 0;

    *answer = (struct http_answer){.to_head = e->to_head};
    while (rest.len > 0 && r == 0) {
        size_t len = rest.len < piece ? rest.len : piece;
        CLEANUP(buf_free) struct buf kept = BUF_INIT(1 << 20);
        struct str input;

        buf_put_str(&kept, buf_str(left));
        buf_put(&kept, rest.ptr, len);
        rest = (struct str){rest.ptr + len, rest.len - len};
        input = buf_str(&kept);
        r = http_answer_read(answer, &input, headers, body);
        buf_reset(left);
        buf_put_str(left, input);
    }
    return r;
}

static void check(const struct expected *e, size_t piece)
{
    CLEANUP(buf_free) struct buf headers = BUF_INIT(1 << 16);
    CLEANUP(buf_free) struct buf body = BUF_INIT(1 << 16);
    CLEANUP(buf_free) struct buf left = BUF_INIT(1 << 16);
    struct http_answer answer;

    assert_int_equal(read_by(e, piece, &answer, &headers, &body, &left), 0);
    assert_int_equal(answer.stage, e->stage);
    assert_int_equal(answer.status, e->status);
    assert_int_equal(answer.stays, !e->closes);
    assert_true(str_eqc(buf_str(&body), e->body));
    assert_true(str_eqc(buf_str(&left), e->left));
    assert_true(str_starts(buf_str(&headers), STR(HEADERS)));
}

static void answers_are_read_however_they_come(void **state)
{
    static const struct expected answers[] = {
        {OK HEADERS "Content-Length: 3\r\n\r\nabc", "abc", "", 200, HTTP_ANSWER_DONE},
        {OK HEADERS "Content-Length: 3\r\n\r\nab", "ab", "", 200, HTTP_ANSWER_BYTES},
        {OK HEADERS "content-length: 3\r\nCONTENT-LENGTH:3\r\n\r\nabcHTTP", "abc", "HTTP", 200,
         HTTP_ANSWER_DONE},
        {OK HEADERS "Content-Length: 0\r\n\r\n", "", "", 200, HTTP_ANSWER_DONE},
        {"HTTP/1.1 200 OK\n" HEADERS "Content-Length: 1\n\na", "a", "", 200, HTTP_ANSWER_DONE},
        {"HTTP/1.1 404\r\n" HEADERS "Content-Length: 1\r\n\r\na", "a", "", 404, HTTP_ANSWER_DONE},
        {OK HEADERS "Content-Length: 9\r\n\r\n", "", "", 200, HTTP_ANSWER_DONE, .to_head = true},
        {"HTTP/1.1 204 No Content\r\n" HEADERS "\r\n", "", "", 204, HTTP_ANSWER_DONE},
        {"HTTP/1.1 304 Not Modified\r\n" HEADERS "Content-Length: 5\r\n\r\n", "", "", 304, HTTP_ANSWER_DONE},
        {OK HEADERS "Connection: a, Close\r\nContent-Length: 0\r\n\r\n", "", "", 200, HTTP_ANSWER_DONE,
         .closes = true},
        {"HTTP/1.0 200 OK\r\n" HEADERS "Content-Length: 0\r\n\r\n", "", "", 200, HTTP_ANSWER_DONE,
         .closes = true},
        {OK HEADERS "\r\nabc", "abc", "", 200, HTTP_ANSWER_ALL, .closes = true},
        {"HTTP/1.1 100 Continue\r\nX-B: c\r\n\r\n" OK HEADERS "Content-Length: 1\r\n\r\na", "a", "", 200,
         HTTP_ANSWER_DONE},
        {OK HEADERS
         "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nX-T: u\r\n\r\n+",
         "abc0123456789", "+", 200, HTTP_ANSWER_DONE},
        {OK HEADERS "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a", "",
         200, HTTP_ANSWER_DONE},
        {OK HEADERS "Transfer-Encoding: chunked\r\n\r\n3\r\nab", "ab", "", 200, HTTP_ANSWER_CHUNK_BYTES},
        {OK HEADERS "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1", "abc", "1", 200, HTTP_ANSWER_CHUNK},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        for (size_t piece = 1; piece < 200; piece += piece < 5 ? 1 : 60)
            check(&answers[i], piece);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const bad[] = {
        "ICY 200 OK\r\n",
        "HTTP/2 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK "no colon\r\n",
        OK ": no name\r\n",
        OK HEADERS " folded\r\n",
        OK "Content-Length: -1\r\n",
        OK "Content-Length: 1, 2\r\n",
        OK "Content-Length: 1\r\nContent-Length: 2\r\n",
        OK "Transfer-Encoding: gzip, chunked\r\n",
        OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n1g\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(buf_free) struct buf headers = BUF_INIT(1 << 16), body = BUF_INIT(1 << 16);
        struct http_answer answer = {0};
        struct str input = str_of(bad[i]);

        assert_int_equal(http_answer_read(&answer, &input, &headers, &body), HTTP_ANSWER_E_SYNTAX);
    }
}

static void a_line_without_end_is_refused(void **state)
{
    static char line[(64 << 10) + 2];
    CLEANUP(buf_free) struct buf headers = BUF_INIT(1 << 16), body = BUF_INIT(1 << 16);
    struct http_answer answer = {0};
    struct str input = {line, sizeof(line)};

    (void)state;
    memset(line, 'a', sizeof(line));
    assert_int_equal(http_answer_read(&answer, &input, &headers, &body), HTTP_ANSWER_E_SYNTAX);
}

static void what_does_not_fit_is_said(void **state)
{
    CLEANUP(buf_free) struct buf headers = BUF_INIT(1 << 16), body = BUF_INIT(2), small = BUF_INIT(2);
    struct http_answer answer = {0};
    struct str input = STR(OK "Content-Length: 3\r\n\r\nabc");

    (void)state;
    assert_int_equal(http_answer_read(&answer, &input, &headers, &body), -EMSGSIZE);
    answer = (struct http_answer){0};
    input = STR(OK "Content-Length: 3\r\n\r\nabc");
    assert_int_equal(http_answer_read(&answer, &input, &small, &headers), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_however_they_come),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(what_does_not_fit_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
