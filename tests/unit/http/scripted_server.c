/* See scripted_server.h. */
#include "scripted_server.h"
#include <ctype.h>
#include <stdio.h>

static int begin(void *ctx, struct http_request *request)
{
    (void)ctx;
    request->body_max = 8 << 20;
    return 0;
}

static void too_large(void *ctx, struct http_request *request)
{
    (void)ctx;
    http_reply(request, 413);
}

static void end(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
}

static void copy(char *ret, size_t size, struct str s)
{
    size_t len = s.len < size - 1 ? s.len : size - 1;

    if (len > 0)
        memcpy(ret, s.ptr, len);
    ret[len] = '\0';
}

static void remember(struct scripted_request *kept, const struct http_request *request)
{
    size_t used = 0;

    copy(kept->method, sizeof(kept->method), request->method);
    copy(kept->target, sizeof(kept->target), request->target);
    copy(kept->body, sizeof(kept->body), buf_str(&request->body));
    kept->body_len = request->body.len;
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name, value = request->headers[i].value;
        int len = snprintf(kept->headers + used, sizeof(kept->headers) - used, STR_FMT ": " STR_FMT "\n",
                           STR_ARG(name), STR_ARG(value));

        assert(len > 0 && used + (size_t)len < sizeof(kept->headers));
        for (size_t j = 0; j < name.len; j++)
            kept->headers[used + j] = (char)tolower((unsigned char)kept->headers[used + j]);
        used += (size_t)len;
    }
}

static ssize_t cut(void *ctx, int64_t offset, void *bytes, size_t max)
{
    (void)ctx;
    (void)offset;
    (void)bytes;
    (void)max;
    return -1;
}

static void run(void *ctx, struct http_request *request)
{
    struct scripted_server *server = ctx;
    const struct scripted_answer *answer;

    if (http_stopping(request)) {
        http_reply(request, 503);
        return;
    }
    pthread_mutex_lock(&server->lock);
    assert(server->request_count < SCRIPT_MAX);
    answer = &server->answers[server->request_count < server->answer_count ? server->request_count
                                                                           : server->answer_count - 1];
    remember(&server->requests[server->request_count++], request);
    pthread_mutex_unlock(&server->lock);
    if (answer->hang) {
        http_park(request, "scripted", wake_look("scripted"), INT64_MAX);
        return;
    }
    http_reply(request, answer->status > 0 ? answer->status : 200);
    for (size_t i = 0; i + 1 < ARRAY_LEN(answer->headers) && answer->headers[i]; i += 2)
        http_reply_header(request, answer->headers[i], answer->headers[i + 1]);
    if (answer->status == 0)
        http_reply_stream(request, 100, cut, NULL, NULL);
    else if (answer->body)
        http_reply_bytes(request, str_of(answer->body));
}

void scripted_start(struct scripted_server *server, const struct scripted_answer *answers, size_t count)
{
    static const char *const listen[] = {"127.0.0.1", NULL};
    const struct http_server_config config = {.listen = listen, .io_threads = 1, .worker_threads = 4};
    struct http_handler handler = {
        .ctx = server, .begin = begin, .too_large = too_large, .run = run, .end = end};
    int r;

    wake_restart(); /* a server that stopped before this one stopped all waiting */
    *server = (struct scripted_server){.answers = answers, .answer_count = count};
    pthread_mutex_init(&server->lock, NULL);
    r = http_server_start(&config, &handler, &server->http);
    assert(r == 0);
    r = snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", http_server_port(server->http));
    assert(r > 0);
}

void scripted_stop(struct scripted_server *server)
{
    http_server_stop(&server->http, 1000);
    pthread_mutex_destroy(&server->lock);
}

const char *scripted_header(const struct scripted_request *request, const char *name)
{
    static char value[1024];
    struct str rest = str_of(request->headers);

    value[0] = '\0';
    while (rest.ptr) {
        struct str line = str_split(&rest, '\n');

        if (line.len > strlen(name) + 2 && str_starts(line, str_of(name)) && line.ptr[strlen(name)] == ':')
            copy(value, sizeof(value),
                 (struct str){line.ptr + strlen(name) + 2, line.len - strlen(name) - 2});
    }
    return value;
}
