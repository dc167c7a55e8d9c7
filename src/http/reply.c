/* What a handler says, kept until the I/O thread can send it. */
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/meanwhile.h"
#include "http/sendfile.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

void reply_free(struct reply *reply)
{
    free(reply->bytes);
    if (reply->kind == BODY_FILE)
        close_fd(&reply->fd);
    if (reply->kind == BODY_STREAM && reply->free_ctx)
        reply->free_ctx(reply->ctx);
    if (reply->places) {
        sendfile_forget(reply->places);
        reply->places->free_ctx(reply->places->ctx);
        free(reply->places);
    }
    *reply = (struct reply){0};
}

void http_reply(struct http_request *request, unsigned status)
{
    struct reply *reply = &inflight_of(request)->reply;
    assert(reply->status == 0);
    reply->status = status;
    reply->headers_end = &reply->headers;
}

void http_reply_discard(struct http_request *request)
{
    reply_free(&inflight_of(request)->reply);
}

void http_reply_header_str(struct http_request *request, const char *name, struct str value)
{
    struct reply *reply = &inflight_of(request)->reply;
    struct reply_header *header = arena_alloc(request->arena, sizeof(*header));
    char *name_copy = arena_dup(request->arena, str_of(name));
    char *value_copy = arena_dup(request->arena, value);
    assert(reply->status != 0);
    if (!header || !name_copy || !value_copy) {
        reply->failed = true;
        return;
    }
    *header = (struct reply_header){.name = name_copy, .value = value_copy};
    *reply->headers_end = header;
    reply->headers_end = &header->next;
}

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
    http_reply_header_str(request, name, str_of(value));
}

void http_reply_headerf(struct http_request *request, const char *name, const char *fmt, ...)
{
    va_list args;
    char *value = NULL;
    va_start(args, fmt);
    int len = vasprintf(&value, fmt, args);
    va_end(args);
    if (len < 0) {
        inflight_of(request)->reply.failed = true;
        return;
    }
    http_reply_header(request, name, value);
    free(value);
}

static struct reply *reply_body(struct http_request *request, enum body_kind kind, int64_t len)
{
    struct reply *reply = &inflight_of(request)->reply;
    assert(reply->status != 0 && reply->kind == BODY_NONE);
    reply->kind = kind;
    reply->len = len;
    return reply;
}

void http_reply_bytes(struct http_request *request, struct str bytes)
{
    struct reply *reply = reply_body(request, BODY_BYTES, (int64_t)bytes.len);
    reply->bytes = mem_alloc(bytes.len + 1);
    if (!reply->bytes)
        reply->failed = true;
    else if (bytes.len > 0)
        memcpy(reply->bytes, bytes.ptr, bytes.len);
}

void http_reply_buf(struct http_request *request, struct buf *body)
{
    struct reply *reply = reply_body(request, BODY_BYTES, (int64_t)body->len);
    reply->failed |= buf_error(body) != 0;
    reply->bytes = buf_take(body);
    if (!reply->bytes)
        reply->len = 0;
}

void http_reply_file(struct http_request *request, int fd, int64_t offset, int64_t len)
{
    struct reply *reply = reply_body(request, BODY_FILE, len);
    reply->fd = fd;
    reply->offset = offset;
}

void http_reply_places(struct http_request *request, int64_t len,
                       int (*at)(void *ctx, int64_t offset, struct http_place *ret), void *ctx,
                       void (*free_ctx)(void *ctx))
{
    struct reply *reply = reply_body(request, BODY_PLACES, len);
    reply->places = mem_alloc(sizeof(*reply->places));
    if (!reply->places) {
        free_ctx(ctx);
        reply->failed = true;
        return;
    }
    *reply->places = (struct places){at, free_ctx, ctx, len, -1};
}

void http_reply_stream(struct http_request *request, int64_t len,
                       ssize_t (*read)(void *ctx, int64_t offset, void *bytes, size_t max), void *ctx,
                       void (*free_ctx)(void *ctx))
{
    struct reply *reply = reply_body(request, BODY_STREAM, len);
    reply->read = read;
    reply->free_ctx = free_ctx;
    reply->ctx = ctx;
}

void http_reply_no_body(struct http_request *request, int64_t content_length)
{
    (void)reply_body(request, BODY_LENGTH, content_length);
}

struct stream {
    ssize_t (*read)(void *ctx, int64_t offset, void *bytes, size_t max);
    void (*free_ctx)(void *ctx);
    void *ctx;
};

static ssize_t stream_read(void *cls, uint64_t offset, char *bytes, size_t max)
{
    struct stream *stream = cls;
    ssize_t len = stream->read(stream->ctx, (int64_t)offset, bytes, max);
    if (len < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return len == 0 ? MHD_CONTENT_READER_END_OF_STREAM : len;
}

static void stream_free(void *cls)
{
    struct stream *stream = cls;
    if (stream->free_ctx)
        stream->free_ctx(stream->ctx);
    free(stream);
}

static ssize_t nothing_read(void *cls UNUSED, uint64_t offset UNUSED, char *bytes UNUSED, size_t max UNUSED)
{
    return MHD_CONTENT_READER_END_WITH_ERROR; /* a length without a body: only ever asked of HEAD */
}

static struct MHD_Response *stream_response(struct reply *reply)
{
    struct stream *stream = mem_alloc(sizeof(*stream));
    if (!stream)
        return NULL;
    *stream = (struct stream){reply->read, reply->free_ctx, reply->ctx};
    uint64_t size = reply->len < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)reply->len;
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, BLOCK_SIZE, stream_read, stream, stream_free);
    if (!response)
        free(stream);
    return response;
}

static ssize_t places_read(void *cls, uint64_t offset, char *bytes, size_t max)
{
    struct places *places = cls;
    struct http_place place;
    int rc = places->at(places->ctx, (int64_t)offset, &place);
    size_t len = rc == 0 && place.len < (int64_t)max ? (size_t)place.len : max;
    if (rc == 0 && place.fd >= 0)
        rc = io_pread_all(place.fd, bytes, len, place.offset);
    else if (rc == 0)
        memcpy(bytes, place.bytes, len);
    return rc == 0 ? (ssize_t)len : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The reply keeps the places: no byte is asked for once the request is over. */
static struct MHD_Response *places_response(struct reply *reply, bool tls)
{
    struct places *places = reply->places;
    if (tls || !sendfile_places(places))
        return MHD_create_response_from_callback((uint64_t)places->len, BLOCK_SIZE, places_read, places,
                                                 NULL);
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64((uint64_t)places->len, places->fd, 0);
    if (!response)
        sendfile_forget(places);
    return response;
}

/* The response owns what it is made of from then on. */
static struct MHD_Response *body_response(struct reply *reply, bool tls)
{
    static char nothing[1];
    struct MHD_Response *response = NULL;
    switch (reply->kind) {
    case BODY_BYTES:
        if (reply->len > 0) {
            response =
                MHD_create_response_from_buffer((size_t)reply->len, reply->bytes, MHD_RESPMEM_MUST_FREE);
            break;
        }
        free(reply->bytes);
        reply->bytes = NULL;
        /* fall through */
    case BODY_NONE:
        response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
        break;
    case BODY_FILE:
        sendfile_until(reply->fd, reply->offset + reply->len);
        response =
            MHD_create_response_from_fd_at_offset64((uint64_t)reply->len, reply->fd, (uint64_t)reply->offset);
        break;
    case BODY_PLACES:
        response = places_response(reply, tls);
        break;
    case BODY_STREAM:
        response = stream_response(reply);
        break;
    case BODY_LENGTH:
        response =
            MHD_create_response_from_callback((uint64_t)reply->len, BLOCK_SIZE, nothing_read, NULL, NULL);
        break;
    }
    if (response) {
        reply->kind = BODY_NONE;
        reply->bytes = NULL;
    }
    return response;
}

/* Of an empty value it would make an error: a blank is none, too. */
enum MHD_Result reply_queue(struct inflight *flight, const struct reply *reply, struct MHD_Response *response)
{
    bool fine = true;
    for (struct reply_header *header = reply->headers; header && fine; header = header->next)
        fine = MHD_add_response_header(response, header->name, header->value[0] ? header->value : " ") ==
               MHD_YES;
    if (fine && (reply->close || atomic_load(&flight->server->stopping)))
        fine = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    enum MHD_Result queued = fine ? MHD_queue_response(flight->connection, reply->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result reply_send(struct inflight *flight)
{
    struct reply *reply = &flight->reply;
    if (reply->failed || reply->status == 0) {
        log_error("http", "request %s: %s", flight->request.id,
                  reply->failed ? "out of memory for the reply" : "the handler gave no reply");
        reply_free(reply);
        http_reply(&flight->request, MHD_HTTP_INTERNAL_SERVER_ERROR);
        reply->close = true;
    }
    struct MHD_Response *response = body_response(reply, flight->server->tls);
    return response ? reply_queue(flight, reply, response) : MHD_NO;
}
