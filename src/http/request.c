/* libmicrohttpd's calls for one request, turned into begin, body, run and end of the handler.
 *
 * The handler's first call never queues a reply (that would close the connection) unless the client still
 * waits with a body that nobody wants. Of a body that comes all the same, the rest is read before the reply;
 * of a long one the reply is sent meanwhile (early.c). While the request is with the pool or parked its
 * connection is suspended. */
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "http/body_room.h"
#include "http/early.h"
#include "http/head.h"
#include "http/listen.h"
#include "http/meanwhile.h"
#include <sys/socket.h>

#define PLACED_FROM (INT64_C(64) << 10) /* bytes of a body that is worth a place */
#define ARGUMENTS_MAX 256
#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define DROP_MAX (INT64_C(2) << 20) /* an unwanted body up to this is read so that the connection stays */
#define DROP_ANSWERED_MAX (INT64_C(6) << 30) /* more than anybody may send */

static struct str target_path(struct str target, struct str *ret_query)
{
    struct str rest = target;
    struct str path = str_split(&rest, '?');
    *ret_query = rest.ptr ? rest : (struct str){"", 0};
    return path;
}

static struct arena *take_arena(struct http_server *server)
{
    pthread_mutex_lock(&server->spare_lock);
    struct arena *spare = arenas_take(&server->spare);
    pthread_mutex_unlock(&server->spare_lock);
    return spare ? spare : arena_new(ARENA_MAX);
}

/* libmicrohttpd has no memory for many more, and then neither answers nor closes. */
static bool has_too_many_arguments(struct str query)
{
    size_t count = 0;
    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == '&';
    return count >= ARGUMENTS_MAX;
}

/* At once, past libmicrohttpd, which then finds the connection's end. */
static void refuse_target(struct inflight *flight)
{
    if (!flight->conn)
        return;
    http_reply(&flight->request, MHD_HTTP_URI_TOO_LONG);
    (void)early_answer(flight);
    (void)shutdown(flight->conn->fd, SHUT_RDWR);
}

/* The raw target is seen here only: later libmicrohttpd unescapes it in place. */
void *request_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = cls;
    CLEANUP(arena_free) struct arena *arena = take_arena(server);
    struct inflight *flight = arena ? arena_alloc(arena, sizeof(*flight)) : NULL;
    if (!flight)
        return NULL;
    char *target = arena_dup(arena, str_of(uri));
    if (!target)
        return NULL;
    flight->server = server;
    flight->connection = connection;
    flight->request.target = str_of(target);
    flight->request.path = target_path(flight->request.target, &flight->request.query);
    flight->request.content_length = -1;
    id_uuid(flight->request.id);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    flight->conn = info ? info->socket_context : NULL;
    conn_phase_set(flight->conn, CONN_HEADERS);
    flight->request.arena = take(arena);
    (void)atomic_fetch_add(&server->inflight, 1);
    if (flight->conn)
        flight->conn->flight = flight;
    if (has_too_many_arguments(flight->request.query))
        refuse_target(flight);
    return flight;
}

struct header_fill {
    struct arena *arena;
    struct http_header *headers;
    size_t count;
    size_t max;
};

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind UNUSED, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    struct header_fill *fill = cls;
    const char *own_name = arena_dup(fill->arena, (struct str){name, name_len});
    const char *own_value = arena_dup(fill->arena, (struct str){value ? value : "", value ? value_len : 0});
    if (fill->count == fill->max || !own_name || !own_value)
        return MHD_NO;
    fill->headers[fill->count++] =
        (struct http_header){.name = {own_name, name_len}, .value = {own_value, value ? value_len : 0}};
    return MHD_YES;
}

/* Copies of all: a run may go on when the connection, whose memory they came in, is gone (meanwhile.c). False
 * when there is no memory for them. */
static bool take_headers(struct inflight *flight, const char *method)
{
    struct http_request *request = &flight->request;
    int count = MHD_get_connection_values_n(flight->connection, MHD_HEADER_KIND, NULL, NULL);
    struct header_fill fill = {.arena = request->arena, .max = count > 0 ? (size_t)count : 0};
    fill.headers = arena_alloc(request->arena, (fill.max + 1) * sizeof(*fill.headers));
    const char *own_method = arena_dup(request->arena, str_of(method));
    const char *own_peer = arena_dup(request->arena, str_of(flight->conn ? flight->conn->peer : ""));
    if (!fill.headers || !own_method || !own_peer)
        return false;
    (void)MHD_get_connection_values_n(flight->connection, MHD_HEADER_KIND, take_header, &fill);
    if (fill.count < fill.max)
        return false;
    request->method = str_of(own_method);
    request->headers = fill.headers;
    request->header_count = fill.count;
    request->peer = str_of(own_peer);
    struct str length = http_header(request, "content-length");
    if (!length.ptr || !str_to_int(length, 0, INT64_MAX, &request->content_length))
        request->content_length = -1;
    return true;
}

/* The client waits to be asked for its body. */
static bool body_held_back(const struct inflight *flight)
{
    return flight->request.content_length > 0 && http_header(&flight->request, "expect").ptr;
}

/* By a transfer coding that libmicrohttpd does not know, the body is over only with the connection. */
static bool body_endless(const struct inflight *flight)
{
    struct str coding = http_header(&flight->request, "transfer-encoding");
    return coding.ptr && !str_eq_nocase(coding, STR("chunked"));
}

/* Two lengths: a proxy before us may have taken the other one (RFC 9112, section 6.3). */
static bool body_of_two_lengths(const struct inflight *flight)
{
    const struct http_request *request = &flight->request;
    struct str first = http_header(request, "content-length");
    for (size_t i = 0; first.ptr && i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, STR("content-length")) && request->headers[i].value.ptr &&
            !str_eq(request->headers[i].value, first))
            return true;
    return false;
}

/* The same, and content_length is to be what comes. */
static bool body_of_length_and_chunks(const struct inflight *flight)
{
    return http_header(&flight->request, "transfer-encoding").ptr &&
           http_header(&flight->request, "content-length").ptr;
}

/* Answers in place of the body, none of which is read. */
static enum MHD_Result tell_and_close(struct inflight *flight)
{
    flight->reply.close = true;
    return reply_send(flight);
}

/* The answer is there, and its body still comes: who sends much is told before it has sent all. */
static enum MHD_Result tell_early(struct inflight *flight)
{
    enum early told = early_answer(flight);
    flight->answered = told == EARLY_SENT;
    return told == EARLY_CLOSE ? MHD_NO : MHD_YES;
}

/* To the pool; false when the server has closed it. */
static bool hand_over(struct inflight *flight)
{
    struct http_server *server = flight->server;
    return pool_submit(flight->request.run_by_few ? server->few : server->pool, &flight->job);
}

static void come_again(struct http_request *request)
{
    http_reply(request, MHD_HTTP_SERVICE_UNAVAILABLE);
    http_reply_header(request, "Retry-After", "1");
}

static void begin(struct inflight *flight)
{
    struct http_request *request = &flight->request;
    const struct http_handler *handler = &flight->server->handler;
    flight->elsewhere = false;
    flight->refused = handler->begin(handler->ctx, request) != 0;
    if (flight->elsewhere || flight->refused)
        return;
    if (!request->stream && request->content_length > (int64_t)request->body_max)
        handler->too_large(handler->ctx, request);
    else if (!body_room_take(flight))
        come_again(request);
    else
        return;
    flight->refused = true;
}

static bool wants_place(const struct inflight *flight)
{
    const struct http_request *request = &flight->request;
    return !flight->server->tls && flight->server->handler.place && request->stream &&
           request->content_length >= PLACED_FROM && !http_header(request, "transfer-encoding").ptr;
}

/* From its first byte on. */
static void drop_body(struct inflight *flight)
{
    flight->phase = FLIGHT_DROP;
    conn_phase_set(flight->conn, CONN_REFUSED);
}

/* Begin has said what is to happen to the body. */
static enum MHD_Result begun(struct inflight *flight)
{
    struct http_request *request = &flight->request;
    request->body = BUF_INIT(request->body_max);
    if (flight->conn)
        flight->conn->receiving.wanted = wants_place(flight);
    flight->phase = FLIGHT_BODY;
    if (!flight->refused)
        return MHD_YES;
    drop_body(flight);
    if (!body_held_back(flight))
        return request->content_length > DROP_MAX ? tell_early(flight) : MHD_YES;
    return tell_and_close(flight);
}

static void job_begin(struct pool_job *job)
{
    struct inflight *flight = CONTAINER_OF(job, struct inflight, job);
    begin(flight);
    MHD_resume_connection(flight->connection);
}

/* Once the connection is resumed libmicrohttpd calls as for the first time, before the body. */
static enum MHD_Result begin_on_worker(struct inflight *flight)
{
    flight->phase = FLIGHT_BEGINS;
    flight->job.run = job_begin;
    MHD_suspend_connection(flight->connection);
    if (!hand_over(flight)) {
        http_reply(&flight->request, MHD_HTTP_SERVICE_UNAVAILABLE);
        flight->refused = true;
        MHD_resume_connection(flight->connection);
    }
    return MHD_YES;
}

static enum MHD_Result first_call(struct inflight *flight, const char *method)
{
    struct http_request *request = &flight->request;
    conn_phase_set(flight->conn, CONN_BODY);
    if (!take_headers(flight, method))
        return MHD_NO;
    if (body_endless(flight) || head_is_long(request)) {
        http_reply(request, body_endless(flight) ? MHD_HTTP_NOT_IMPLEMENTED
                                                 : MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE);
        drop_body(flight);
        return flight->server->tls ? tell_and_close(flight) : tell_early(flight);
    }
    if (body_of_length_and_chunks(flight) || body_of_two_lengths(flight)) {
        http_reply(request, MHD_HTTP_BAD_REQUEST);
        drop_body(flight);
        return tell_and_close(flight);
    }
    flight->began = true;
    request->must_not_wait = true;
    begin(flight);
    request->must_not_wait = false;
    return flight->elsewhere ? begin_on_worker(flight) : begun(flight);
}

static enum MHD_Result drop(struct inflight *flight, size_t len)
{
    flight->dropped += (int64_t)len;
    if (flight->dropped > DROP_ANSWERED_MAX)
        return MHD_NO;
    return flight->dropped > DROP_MAX && !flight->answered ? tell_early(flight) : MHD_YES;
}

static enum MHD_Result take_body(struct inflight *flight, const void *bytes, size_t len)
{
    struct http_request *request = &flight->request;
    const struct http_handler *handler = &flight->server->handler;
    if (flight->conn)
        atomic_fetch_add_explicit(&flight->conn->bytes, (int64_t)len, memory_order_relaxed);
    if (flight->phase == FLIGHT_DROP)
        return drop(flight, len);
    if (request->stream) {
        if (handler->body(handler->ctx, request, bytes, len) != 0)
            flight->phase = FLIGHT_DROP;
        return MHD_YES;
    }
    if (buf_put(&request->body, bytes, len) == 0)
        return MHD_YES;
    if (buf_error(&request->body) != -EMSGSIZE)
        return MHD_NO;
    handler->too_large(handler->ctx, request);
    flight->phase = FLIGHT_DROP;
    return MHD_YES;
}

/* Of the body. */
static int64_t bytes_left(const struct inflight *flight)
{
    return flight->request.content_length - atomic_load(&flight->conn->bytes);
}

/* What libmicrohttpd had of the body is taken. */
static void offer_place(struct inflight *flight)
{
    const struct http_handler *handler = &flight->server->handler;
    size_t room = 0;
    if (!flight->conn || !flight->conn->receiving.wanted || flight->phase != FLIGHT_BODY ||
        bytes_left(flight) <= 0)
        return;
    void *place = handler->place(handler->ctx, &flight->request, &room);
    if (place)
        receive_at(flight->conn, place, room, bytes_left(flight));
}

static enum MHD_Result take_piece(struct inflight *flight, const char *upload, size_t len)
{
    struct str placed = flight->conn ? receive_taken(flight->conn) : (struct str){NULL, 0};
    enum MHD_Result taken = placed.len > 0 ? take_body(flight, placed.ptr, placed.len) : MHD_YES;
    if (taken == MHD_YES && len > placed.len)
        taken = take_body(flight, upload, len - placed.len);
    if (taken == MHD_YES)
        offer_place(flight);
    return taken;
}

/* The peer left in the middle of its body: when its end comes together with its last bytes, the
 * edge-triggered epoll tells of no further change, and only the timeout would. TLS may hold bytes that the
 * socket has no more. */
static bool body_cut(const struct inflight *flight)
{
    const struct http_conn *conn = flight->conn;
    char next;
    if (!conn || flight->server->tls || !conn->receiving.drained || bytes_left(flight) <= 0)
        return false;
    return recv(conn->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void job_run(struct pool_job *job);

static void finish(struct inflight *flight)
{
    if (flight->meanwhile) {
        meanwhile_over(flight);
        return;
    }
    flight->phase = FLIGHT_DONE;
    MHD_resume_connection(flight->connection);
}

/* The request may be over before the pool has been told of it: until then the server stays. */
static void fire(struct wake_waiter *waiter, bool timed_out UNUSED)
{
    struct inflight *flight = CONTAINER_OF(waiter, struct inflight, waiter);
    struct http_server *server = flight->server;
    (void)atomic_fetch_add(&server->held, 1);
    if (!hand_over(flight)) {
        http_reply(&flight->request, MHD_HTTP_SERVICE_UNAVAILABLE);
        finish(flight);
    }
    server_count_down(server, &server->held);
}

static void subscribe(struct inflight *flight)
{
    flight->park = false;
    flight->waiter.fire = fire;
    wake_subscribe(flight->park_topic, flight->park_ticket, flight->park_deadline_mono_ms, &flight->waiter);
}

/* A parked client that has gone must not be given what it cannot take. */
static bool peer_gone(const struct inflight *flight)
{
    char byte;
    if (!flight->conn || flight->park_topic[0] == '\0')
        return false;
    ssize_t n = recv(flight->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* By the last of those who hold the reply it is sent. */
static void let_go(struct inflight *flight)
{
    struct http_server *server = flight->server;
    bool held = flight->held;
    if (atomic_fetch_sub(&flight->holds, 1) > 1)
        return;
    if (flight->hold_fault < 0)
        server->handler.failed(server->handler.ctx, &flight->request, flight->hold_fault);
    finish(flight);
    if (held)
        server_count_down(server, &server->held);
}

static void job_run(struct pool_job *job)
{
    struct inflight *flight = CONTAINER_OF(job, struct inflight, job);
    const struct http_handler *handler = &flight->server->handler;
    flight->gone = peer_gone(flight);
    atomic_store(&flight->holds, 1);
    if (!flight->gone)
        handler->run(handler->ctx, &flight->request);
    if (flight->park)
        subscribe(flight);
    else
        let_go(flight);
}

static enum MHD_Result run_on_worker(struct inflight *flight)
{
    flight->job.run = job_run;
    MHD_suspend_connection(flight->connection);
    if (!hand_over(flight)) {
        http_reply(&flight->request, MHD_HTTP_SERVICE_UNAVAILABLE);
        finish(flight);
    }
    return MHD_YES;
}

static enum MHD_Result run_inline(struct inflight *flight)
{
    const struct http_handler *handler = &flight->server->handler;
    flight->job.run = job_run; /* when it has been parked */
    flight->request.must_not_wait = true;
    handler->run(handler->ctx, &flight->request);
    flight->request.must_not_wait = false;
    if (flight->elsewhere) {
        flight->request.run_inline = false;
        return run_on_worker(flight);
    }
    if (!flight->park)
        return reply_send(flight);
    MHD_suspend_connection(flight->connection);
    subscribe(flight);
    return MHD_YES;
}

static enum MHD_Result start_run(struct inflight *flight)
{
    conn_phase_set(flight->conn, CONN_BUSY);
    flight->phase = FLIGHT_RUNNING;
    return flight->request.run_inline ? run_inline(flight) : run_on_worker(flight);
}

enum MHD_Result request_access(void *cls UNUSED, struct MHD_Connection *connection UNUSED,
                               const char *url UNUSED, const char *method, const char *version UNUSED,
                               const char *upload, size_t *upload_size, void **con_cls)
{
    struct inflight *flight = *con_cls;
    if (!flight)
        return MHD_NO;
    if (flight->phase == FLIGHT_NEW)
        return first_call(flight, method);
    if (flight->phase == FLIGHT_BEGINS)
        return begun(flight);
    if (*upload_size > 0) {
        size_t len = *upload_size;
        *upload_size = 0;
        enum MHD_Result taken = take_piece(flight, upload, len);
        return taken == MHD_YES && body_cut(flight) ? MHD_NO : taken;
    }
    switch (flight->phase) {
    case FLIGHT_BODY:
        return start_run(flight);
    case FLIGHT_DONE:
        return flight->gone ? MHD_NO : reply_send(flight);
    case FLIGHT_DROP:
        conn_phase_set(flight->conn, CONN_BUSY);
        return flight->answered ? MHD_NO : reply_send(flight);
    case FLIGHT_RUNNING:
        return flight->meanwhile ? meanwhile_send(flight) : MHD_YES;
    case FLIGHT_NEW:
    case FLIGHT_BEGINS:
        return MHD_YES;
    }
    return MHD_NO;
}

void flight_end(struct inflight *flight)
{
    struct http_server *server = flight->server;
    struct arena *arena = flight->request.arena;
    if (flight->began)
        server->handler.end(server->handler.ctx, &flight->request);
    reply_free(&flight->reply);
    buf_free(&flight->request.body);
    body_room_give(flight);
    arena_reset(arena, ARENA_MAX);
    pthread_mutex_lock(&server->spare_lock);
    arenas_give(&server->spare, &arena);
    pthread_mutex_unlock(&server->spare_lock);
    arena_free(&arena);
    server_count_down(server, &server->inflight);
}

void request_completed(void *cls UNUSED, struct MHD_Connection *connection UNUSED, void **con_cls,
                       enum MHD_RequestTerminationCode why UNUSED)
{
    struct inflight *flight = *con_cls;
    if (!flight)
        return;
    *con_cls = NULL;
    conn_phase_set(flight->conn, CONN_IDLE);
    if (flight->conn) {
        if (atomic_load(&flight->conn->room) > 0)
            atomic_store(&flight->conn->room, 0);
        (void)receive_taken(flight->conn);
        flight->conn->flight = NULL;
    }
    if (flight->meanwhile)
        meanwhile_completed(flight);
    else
        flight_end(flight);
}

bool http_stopping(const struct http_request *request)
{
    return atomic_load(&inflight_of(request)->server->stopping);
}

struct str http_header(const struct http_request *request, const char *name)
{
    return header_find(request->headers, request->header_count, name);
}

void http_run_elsewhere(struct http_request *request)
{
    struct inflight *flight = inflight_of(request);
    assert(request->must_not_wait && flight->reply.status == 0);
    flight->elsewhere = true;
}

void http_hold(struct http_request *request)
{
    struct inflight *flight = inflight_of(request);
    assert(!request->run_inline && !flight->held && flight->server->handler.failed);
    (void)atomic_fetch_add(&flight->server->held, 1);
    flight->held = true;
    atomic_fetch_add(&flight->holds, 1);
}

void http_release(struct http_request *request, int fault)
{
    struct inflight *flight = inflight_of(request);
    if (fault < 0)
        flight->hold_fault = fault;
    let_go(flight);
}

void http_park(struct http_request *request, const char *topic, wake_ticket ticket, int64_t deadline_mono_ms)
{
    struct inflight *flight = inflight_of(request);
    struct str name = str_of(topic);
    assert(name.len > 0 && name.len < sizeof(flight->park_topic) && flight->reply.status == 0 &&
           !flight->held);
    memcpy(flight->park_topic, name.ptr, name.len + 1);
    flight->park_ticket = ticket;
    flight->park_deadline_mono_ms = deadline_mono_ms;
    flight->park = true;
}
