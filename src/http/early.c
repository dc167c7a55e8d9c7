/* An answer while the body still comes in. libmicrohttpd queues none then, so it is written here, past it:
 * the rest of the body is read and dropped, since closing on bytes that were not read would take the answer
 * from a client that reads it only when it has sent all. Those who look earlier stop sending. */
#include "http/early.h"
#include "base/clock.h"
#include "wire/time.h"
#include <sys/socket.h>

#define HEAD_MAX ((size_t)64 * 1024)

static int put_answer(const struct reply *reply, struct buf *out)
{
    char date[TIME_TEXT_SIZE];
    time_http(clock_now_ms(), date);
    buf_printf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\n", reply->status, MHD_get_reason_phrase_for(reply->status),
               date);
    for (const struct reply_header *header = reply->headers; header; header = header->next)
        buf_printf(out, "%s: %s\r\n", header->name, header->value);
    buf_printf(out, "Content-Length: %lld\r\nConnection: close\r\n\r\n", (long long)reply->len);
    return buf_put(out, reply->bytes, (size_t)reply->len);
}

enum early early_answer(struct inflight *flight)
{
    const struct reply *reply = &flight->reply;
    CLEANUP(buf_free) struct buf out = BUF_INIT(HEAD_MAX + (size_t)reply->len);
    bool can = flight->conn && !flight->server->tls && !reply->failed && reply->status != 0 &&
               (reply->kind == BODY_BYTES || (reply->kind == BODY_NONE && reply->len == 0));
    if (!can || put_answer(reply, &out) != 0)
        return EARLY_NOT;
    ssize_t sent = send(flight->conn->fd, out.ptr, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? EARLY_NOT : EARLY_CLOSE;
    return (size_t)sent == out.len ? EARLY_SENT : EARLY_CLOSE;
}
