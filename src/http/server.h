/* The one listener (libmicrohttpd): epoll on a few I/O threads, handlers on a pool of worker threads.
 *
 * A request goes: begin (headers are in; I/O thread) → body (as it arrives; I/O thread) → run (complete; a
 * worker thread, or the I/O thread when `run_inline` was set) → the reply is sent → end. `run` may park the
 * request until a topic is signalled; it is then run again. `end` is called exactly once for every begin,
 * also when the client went away; it never overlaps another call for the same request. */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include "base/wake.h"
#include "wire/header.h"

struct http_server;

struct http_request {
    struct str method;
    struct str target; /* raw: path and query, nothing decoded */
    struct str path;   /* raw, without the query */
    struct str query;  /* raw, without '?' */
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: not said (chunked, or no body) */
    struct str peer;        /* address in text */
    struct arena *arena;    /* freed after end */
    char id[37];            /* the request id that the reply carries */
    bool must_not_wait;     /* a begin or a run on the I/O thread: http_run_elsewhere instead */

    /* begin sets these */
    size_t body_max; /* bytes kept in `body`; more is answered by `too_large`; default 0 */
    bool stream;     /* the body goes to handler->body instead of `body` */
    bool run_inline; /* run on the I/O thread: for handlers that never wait there */
    bool run_by_few; /* run on one of few threads: for handlers that wait for each other, and say so before
                         they wait for anything else (base/pool.h) */
    void *state;     /* the handler's own */

    struct buf body; /* complete when run is called */
};

struct http_handler {
    void *ctx;
    /* Looks at the headers, sets the fields above. 0, or 1 when it has already replied (the body is then read
     * and dropped up to a bound, or the connection closed). May ask to run elsewhere: it is then called once
     * more before any of the body is. */
    int (*begin)(void *ctx, struct http_request *request);
    /* A piece of a streamed body. 0, or 1 when it has replied with an error: the rest is dropped. */
    int (*body)(void *ctx, struct http_request *request, const void *bytes, size_t len);
    /* Where the next bytes of a streamed body may be received, *ret_room of them at most, until the next call
     * for the request: `body` is then given that place, or, where they came otherwise, another. NULL:
     * nowhere, and as a member: never. */
    void *(*place)(void *ctx, struct http_request *request, size_t *ret_room);
    /* The body would pass body_max: must reply (413, or the protocol's own error). */
    void (*too_large)(void *ctx, struct http_request *request);
    /* Must have replied, parked, or asked to run elsewhere when it returns. */
    void (*run)(void *ctx, struct http_request *request);
    /* What a reply was held for has failed: must reply anew. NULL where none is held. */
    void (*failed)(void *ctx, struct http_request *request, int fault);
    void (*end)(void *ctx, struct http_request *request);
};

struct http_server_config {
    const char *const *listen; /* NULL-terminated addresses: "127.0.0.1", "::1" */
    uint16_t port;             /* 0: any free one, the same for all addresses */
    const char *tls_cert_file; /* PEM; NULL: plain HTTP */
    const char *tls_key_file;
    unsigned io_threads;     /* 0: 2 */
    unsigned worker_threads; /* 0: 64, and 4 for run_by_few */
    unsigned connection_max; /* 0: 12000 */
    int64_t slow_max_ms;     /* for a request's headers, and before its body must flow; 0: 30,000 */
    /* Called once the port is known and before any connection is accepted; NULL: none. A fault ends the
     * start. */
    int (*bound)(void *ctx, uint16_t port);
    void *bound_ctx;
    struct reason *why; /* told of a fault that an address or the certificate is to blame for; may be NULL */
};

/* A fault when it cannot listen. */
int http_server_start(const struct http_server_config *config, const struct http_handler *handler,
                      struct http_server **ret) MUST_USE;
uint16_t http_server_port(const struct http_server *server);
/* Stops accepting, ends parked requests (they are run once more; http_stopping() is true), finishes what runs
 * for at most grace_ms, closes. */
void http_server_stop(struct http_server **server, int64_t grace_ms);
bool http_stopping(const struct http_request *request);

struct str http_header(const struct http_request *request, const char *name);

/* The reply: status once, then headers, then at most one body. All copy, except where said. */
void http_reply(struct http_request *request, unsigned status);
/* Forgets a reply that was given but not yet sent: its commit failed. */
void http_reply_discard(struct http_request *request);
void http_reply_header(struct http_request *request, const char *name, const char *value);
void http_reply_header_str(struct http_request *request, const char *name, struct str value);
void http_reply_headerf(struct http_request *request, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void http_reply_bytes(struct http_request *request, struct str bytes);
void http_reply_buf(struct http_request *request, struct buf *body); /* takes the bytes */
/* Takes the fd (closed when sent); sent with sendfile. */
void http_reply_file(struct http_request *request, int fd, int64_t offset, int64_t len);
/* Body by callback, for what is produced while it is sent: `read` gives up to max bytes, 0 at the end, <0 to
 * abort the connection; `free_ctx` is called once. `len` -1: unknown (chunked). */
void http_reply_stream(struct http_request *request, int64_t len,
                       ssize_t (*read)(void *ctx, int64_t offset, void *bytes, size_t max), void *ctx,
                       void (*free_ctx)(void *ctx));
/* Where bytes of a body are: in a file, or in memory when fd is -1. Borrowed until the next one is asked for.
 */
struct http_place {
    int fd;
    int64_t offset;
    const char *bytes;
    int64_t len; /* at least 1 */
};
/* A body of several places, of which files are sent with sendfile: `at` says where its bytes from `offset` on
 * are, in *ret, as many as are in one place; <0 aborts the connection. `free_ctx` is called once. */
void http_reply_places(struct http_request *request, int64_t len,
                       int (*at)(void *ctx, int64_t offset, struct http_place *ret), void *ctx,
                       void (*free_ctx)(void *ctx));
/* A HEAD reply: the length that a GET would have had, without its body. */
void http_reply_no_body(struct http_request *request, int64_t content_length);

/* By a run on a worker thread that may take long, and neither parks nor is held: its reply so far, a status
 * and headers, is sent if no other has come within every_ms, with `first` (kept), and a blank every every_ms.
 * Of what the run replies then, a body of bytes, only that body is sent, without `first` at its front. Once
 * in a run. */
void http_reply_meanwhile(struct http_request *request, const char *first, int64_t every_ms);

/* By a run on a worker thread that does not park: the reply is sent when run has returned and http_release
 * has been called, which may be on any thread, and before. `fault`: 0, or handler->failed replies anew. */
void http_hold(struct http_request *request);
void http_release(struct http_request *request, int fault);

/* Instead of a reply, by who must not wait: it is called again on a worker thread, for it would. */
void http_run_elsewhere(struct http_request *request);

/* Instead of a reply: run again when `topic` is signalled after `ticket`, or at the deadline (clock_mono_ms),
 * or when the server stops. Costs no thread. */
void http_park(struct http_request *request, const char *topic, wake_ticket ticket, int64_t deadline_mono_ms);
