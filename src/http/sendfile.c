/* libmicrohttpd sends a file in pieces of 128 KiB, whatever the socket takes, and looks at epoll after each:
 * the receiver wakes for every piece, and 1 MiB takes twice the time that it takes in one. The piece's size
 * is nobody's to set. So this sendfile64 takes the place of the C library's in the process (a symbol of the
 * program is found before a library's): of a file that sendfile_until has named it sends up to PIECE bytes,
 * and answers how many; libmicrohttpd counts what it is answered. A file that ends too early is an error that
 * cuts the connection. Any other call is as ever.
 *
 * A body of several places is a descriptor that stands for them: here their bytes are sent in its place, the
 * files' by sendfile, as if it were one file.
 *
 * Should it not be found first, files go in small pieces, bodies of several places are read, and nothing else
 * changes. Connections of one I/O thread take turns after a piece. */
#include "http/sendfile.h"
#include "http/inflight.h"
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASKED ((size_t)128 << 10) /* by libmicrohttpd, when that or more is left */
#define PIECE ((int64_t)2 << 20)
#define FDS 65536

static _Atomic int64_t ends[FDS]; /* by the file's descriptor; of those that are closed it is nobody's */
static _Atomic(struct places *) all_places[FDS];

void sendfile_until(int fd, int64_t end)
{
    if (fd >= 0 && fd < FDS)
        atomic_store(&ends[fd], end);
}

/* libmicrohttpd corks the socket until its own last piece: what was sent as part of a longer one is let go
 * here. */
static void uncork(int socket)
{
    int off = 0;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
}

bool sendfile_places(struct places *places)
{
    if (dlsym(RTLD_DEFAULT, "sendfile64") != (void *)sendfile64)
        return false;
    int fd = eventfd(0, EFD_CLOEXEC); /* nothing can be read from it as from a file */
    if (fd < 0 || fd >= FDS) {
        close_fd(&fd);
        return false;
    }
    places->fd = fd;
    atomic_store(&all_places[fd], places);
    return true;
}

void sendfile_forget(struct places *places)
{
    struct places *expected = places;
    if (places->fd >= 0)
        (void)atomic_compare_exchange_strong(&all_places[places->fd], &expected, NULL);
}

/* What the system says, 0 as of a file that has become shorter. */
static ssize_t send_place(int socket, const struct http_place *place, int64_t most)
{
    off64_t from = place->offset;
    size_t len = (size_t)(place->len < most ? place->len : most);
    return place->fd >= 0 ? syscall(SYS_sendfile, socket, place->fd, &from, len)
                          : send(socket, place->bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Up to `most` bytes, fewer only when the socket takes no more: libmicrohttpd then waits until it does. The
 * error EBADF makes it cut the connection. */
static ssize_t send_places(int socket, struct places *places, int64_t offset, int64_t most)
{
    int64_t sent = 0;
    while (sent < most) {
        struct http_place place;
        ssize_t n = 0;
        if (places->at(places->ctx, offset + sent, &place) == 0)
            n = send_place(socket, &place, most - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            errno = EBADF;
            return -1;
        }
        sent += n;
    }
    if (sent == 0)
        errno = EAGAIN;
    return sent > 0 ? (ssize_t)sent : -1;
}

static ssize_t sendfile_of_places(int socket, struct places *places, off64_t *offset, size_t count)
{
    int64_t left = places->len - *offset;
    int64_t most = count < ASKED || left <= (int64_t)count ? (int64_t)count : left < PIECE ? left : PIECE;
    ssize_t sent = send_places(socket, places, *offset, most);
    if (sent > (int64_t)count && sent == left)
        uncork(socket);
    if (sent > 0)
        *offset += sent;
    return sent;
}

/* Of a file that is shorter than was said libmicrohttpd would wait for more: for the socket to take it, when
 * some of it has been sent. So what stops short is tried once more. */
static ssize_t send_file(int out_fd, int in_fd, off64_t *offset, size_t count)
{
    ssize_t sent = syscall(SYS_sendfile, out_fd, in_fd, offset, count);
    if (sent < 0 || sent == (ssize_t)count)
        return sent;
    ssize_t more = syscall(SYS_sendfile, out_fd, in_fd, offset, count - (size_t)sent);
    if (more != 0)
        return more > 0 ? sent + more : sent;
    errno = EBADF;
    return -1;
}

ssize_t sendfile64(int out_fd, int in_fd, off64_t *offset, size_t count)
{
    struct places *places = offset && in_fd >= 0 && in_fd < FDS ? atomic_load(&all_places[in_fd]) : NULL;
    if (places)
        return sendfile_of_places(out_fd, places, offset, count);
    int64_t end = offset && in_fd >= 0 && in_fd < FDS ? atomic_load(&ends[in_fd]) : 0;
    int64_t left = end - (offset ? *offset : 0);
    if (end == 0)
        return syscall(SYS_sendfile, out_fd, in_fd, offset, count);
    if (count != ASKED || left <= (int64_t)count)
        return send_file(out_fd, in_fd, offset, count);
    ssize_t sent = send_file(out_fd, in_fd, offset, (size_t)(left < PIECE ? left : PIECE));
    if (sent == left)
        uncork(out_fd);
    return sent;
}
