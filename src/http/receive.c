/* libmicrohttpd receives a body by half of its buffer, 12 KiB, looks at epoll after each piece, and what it
 * gives is copied once more to where it is gathered. So this recv takes the place of the C library's in the
 * process (a symbol of the program is found before a library's): of a connection whose body has a place to go
 * to it receives there what there is, and answers how much. libmicrohttpd counts what it is answered, more
 * than it has asked for or not, and gives it to the handler of its requests, who asks here where it is.
 *
 * To libmicrohttpd an answer of fewer bytes than it has asked for says that the socket is empty: there may
 * not be one while it is not, nor one that reaches behind the body, where its own buffer ends. So a short
 * place is followed by that buffer, and a body's last bytes go there alone.
 *
 * Should it not be found first, bodies come in small pieces, and nothing else changes. */
#include "http/receive.h"
#include "http/inflight.h"
#include <sys/socket.h>
#include <sys/uio.h>

#define FDS 65536

static _Atomic(struct http_conn *) conns[FDS];

void receive_watch(struct http_conn *conn)
{
    conn->receiving.drained = true;
    if (conn->fd >= 0 && conn->fd < FDS)
        atomic_store(&conns[conn->fd], conn);
}

void receive_forget(struct http_conn *conn)
{
    struct http_conn *expected = conn;
    if (conn->fd >= 0 && conn->fd < FDS)
        (void)atomic_compare_exchange_strong(&conns[conn->fd], &expected, NULL);
}

/* Of the versions that have been looked at. */
static bool counts_any_answer(void)
{
    return str_starts(str_of(MHD_get_version()), STR("0.9."));
}

void receive_at(struct http_conn *conn, void *place, size_t room, int64_t left)
{
    struct receiving *to = &conn->receiving;
    to->place = place;
    to->room = counts_any_answer() ? room : 0;
    to->left = left;
    to->placed = 0;
}

struct str receive_taken(struct http_conn *conn)
{
    struct receiving *to = &conn->receiving;
    struct str taken = {to->place, to->placed};
    to->room = 0;
    to->placed = 0;
    return taken;
}

/* `left` is at least `len`. */
static ssize_t receive_there(int fd, struct receiving *to, void *bytes, size_t len)
{
    size_t room = to->left < (int64_t)to->room ? (size_t)to->left : to->room;
    size_t rest = to->left - (int64_t)room < (int64_t)len ? (size_t)(to->left - (int64_t)room) : len;
    struct iovec parts[] = {{to->place, room}, {bytes, rest}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = room < len ? 2 : 1};
    ssize_t n = recvmsg(fd, &message, 0);
    to->placed = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
    return n;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    struct http_conn *conn = flags == 0 && fd >= 0 && fd < FDS ? atomic_load(&conns[fd]) : NULL;
    if (!conn)
        return recvfrom(fd, bytes, len, flags, NULL, NULL);
    struct receiving *to = &conn->receiving;
    ssize_t n = to->room > 0 && to->left >= (int64_t)len ? receive_there(fd, to, bytes, len)
                                                         : recvfrom(fd, bytes, len, 0, NULL, NULL);
    to->drained = n < (ssize_t)len;
    return n;
}
