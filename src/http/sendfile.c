/* libmicrohttpd sends a file in pieces of 128 KiB, whatever the socket takes, and looks at epoll after each:
 * the receiver wakes for every piece, and 1 MiB takes twice the time that it takes in one. The piece's size
 * is nobody's to set. So this sendfile64 takes the place of the C library's in the process (a symbol of the
 * program is found before a library's): of a file that sendfile_until has named it sends up to PIECE bytes,
 * and answers how many; libmicrohttpd counts what it is answered. Any other call is as ever.
 *
 * Should it not be found first, files go in small pieces, and nothing else changes. Connections of one I/O
 * thread take turns after a piece. */
#include "http/inflight.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASKED ((size_t)128 << 10) /* by libmicrohttpd, when that or more is left */
#define PIECE ((int64_t)2 << 20)
#define FDS 65536

static _Atomic int64_t ends[FDS]; /* by the file's descriptor; of those that are closed it is nobody's */

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

ssize_t sendfile64(int out_fd, int in_fd, off64_t *offset, size_t count)
{
    int64_t end = count == ASKED && offset && in_fd >= 0 && in_fd < FDS ? atomic_load(&ends[in_fd]) : 0;
    int64_t left = end - (offset ? *offset : 0);
    if (end == 0 || left <= (int64_t)count)
        return syscall(SYS_sendfile, out_fd, in_fd, offset, count);
    ssize_t sent = syscall(SYS_sendfile, out_fd, in_fd, offset, (size_t)(left < PIECE ? left : PIECE));
    if (sent == left)
        uncork(out_fd);
    return sent;
}
