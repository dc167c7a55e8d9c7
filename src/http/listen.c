/* Listening sockets, the thread that accepts, and who is cut off: a client may take slow_max_ms for its
 * headers, be idle for IDLE_MAX_MS, and must send a body at BODY_MIN_RATE bytes a second, one that was
 * refused at REFUSED_MIN_RATE. When all connections are taken, a new one takes the place of the one that has
 * asked for nothing the longest. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/listen.h"
#include "http/meanwhile.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAX_MS 120000
#define BODY_MIN_RATE 256
#define REFUSED_MIN_RATE 8192
#define PORT_TRIES 16
#define LOOK_MS 1000  /* how often the slow are looked for */
#define YOUNG_MS 1000 /* a connection that is about to ask for something is not cut for another */
#define ROOM_TRIES 10
#define ROOM_MS 5
#define FULL_MS 50 /* out of descriptors: how long to let some be closed */

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
           IN_LOOPBACKNET;
}

/* BBR, which some systems set for all, paces what is sent at the rate that it has seen: over the loopback
 * 1 MiB takes twice the time. There is no congestion to be controlled there. Connections inherit it; once
 * they are there it is too late. Where it cannot be set they are slower. */
static void send_unpaced(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
}

static int bind_address(const struct addrinfo *address, int *ret)
{
    int on = 1;
    CLEANUP(close_fd)
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return FAULT(errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (is_loopback(address->ai_addr))
        send_unpaced(fd);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)
        return -errno;
    *ret = take_fd(fd);
    return 0;
}

static void free_addrinfo(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static int open_one(const char *host, uint16_t port, int *ret)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    char service[8];
    CLEANUP(free_addrinfo) struct addrinfo *found = NULL;
    (void)snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return -EINVAL;
    return bind_address(found, ret);
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int cannot_listen(int r, const char *address, uint16_t port, struct reason *why)
{
    if (r == -EINVAL)
        return reason_set(why, r, "cannot listen on '%s': it is no IP address of the kind 127.0.0.1 or ::1.",
                          address);
    return reason_set(why, r,
                      "cannot listen on %s port %u: %s. Give another --port (0: any free one) or --listen.",
                      address, port, strerror(-r));
}

static int open_all(struct http_listener *listener, const char *const *addresses, uint16_t port,
                    struct reason *why)
{
    listener->port = port;
    for (; *addresses; addresses++) {
        if (listener->count == ARRAY_LEN(listener->fds))
            return FAULT(E2BIG);
        int r = open_one(*addresses, listener->port, &listener->fds[listener->count]);
        bool no_ipv6 = listener->count > 0 && strcmp(*addresses, "::1") == 0 &&
                       (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT);
        if (no_ipv6)
            continue;
        if (r != 0)
            return cannot_listen(r, *addresses, listener->port, why);
        listener->port = port_of(listener->fds[listener->count++]);
    }
    return listener->count > 0 ? 0 : -EINVAL;
}

int listener_open(struct http_listener *listener, const char *const *addresses, uint16_t port,
                  struct reason *why)
{
    int r = 0;
    for (int i = 0; i < PORT_TRIES; i++) {
        r = open_all(listener, addresses, port, why);
        if (r == 0)
            return 0;
        listener_close(listener);
        if (port != 0 || r != -EADDRINUSE)
            return r; /* with port 0: the port that one address gave is taken on another: ask for the next */
    }
    return r;
}

void listener_close(struct http_listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        close_fd(&listener->fds[i]);
    listener->count = 0;
}

/* ---- connections */

void conn_phase_set(struct http_conn *conn, enum conn_phase phase)
{
    if (!conn)
        return;
    atomic_store(&conn->bytes, 0);
    atomic_store(&conn->since_ms, clock_mono_ms());
    atomic_store(&conn->phase, phase);
}

static void conn_add(struct http_server *server, struct http_conn *conn)
{
    pthread_mutex_lock(&server->lock);
    conn->next = server->conns;
    if (conn->next)
        conn->next->previous = conn;
    server->conns = conn;
    server->conn_count++;
    server->arriving -= server->arriving > 0;
    pthread_mutex_unlock(&server->lock);
}

static void conn_remove(struct http_server *server, struct http_conn *conn)
{
    pthread_mutex_lock(&server->lock);
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    server->conn_count--;
    pthread_mutex_unlock(&server->lock);
    free(conn);
}

/* Of a request for whose head libmicrohttpd had no memory it has told nobody the end. */
static void conn_end(struct http_server *server, struct http_conn *conn)
{
    if (!conn)
        return;
    receive_forget(conn);
    if (conn->flight)
        flight_end(conn->flight);
    conn_remove(server, conn);
}

static void tell_peer(struct MHD_Connection *connection, char ret[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info)
        return;
    const struct sockaddr *address = info->client_addr;
    const void *bytes = address->sa_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (!inet_ntop(address->sa_family, bytes, ret, INET6_ADDRSTRLEN))
        ret[0] = '\0';
}

void conn_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                 enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        conn_end(server, *socket_context);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_conn *conn = info ? mem_alloc(sizeof(*conn)) : NULL;
    if (conn) {
        conn->fd = (int)info->connect_fd;
        tell_peer(connection, conn->peer);
        conn_phase_set(conn, CONN_IDLE);
        if (!server->tls)
            receive_watch(conn);
        conn_add(server, conn);
    }
    *socket_context = conn;
}

static bool too_slow(const struct http_conn *conn, int64_t now_ms, int64_t slow_max_ms)
{
    int64_t spent_ms = now_ms - atomic_load(&conn->since_ms);
    switch (atomic_load(&conn->phase)) {
    case CONN_IDLE:
        return spent_ms > IDLE_MAX_MS;
    case CONN_HEADERS:
        return spent_ms > slow_max_ms;
    case CONN_REFUSED:
        return spent_ms > slow_max_ms && atomic_load(&conn->bytes) * 1000 / spent_ms < REFUSED_MIN_RATE;
    case CONN_BODY:
        return spent_ms > slow_max_ms && atomic_load(&conn->bytes) * 1000 / spent_ms < BODY_MIN_RATE;
    case CONN_BUSY:
        return false;
    }
    return false;
}

/* The descriptor is still the connection's: it leaves the list, under the lock, before it is closed. */
static size_t cut_slow(struct http_server *server)
{
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&server->lock);
    if (now_ms - server->accepted_ms > LOOK_MS)
        server->arriving = 0; /* what has not come in failed on its way */
    size_t count = server->conn_count + server->arriving;
    for (struct http_conn *conn = server->conns; conn; conn = conn->next)
        if (too_slow(conn, now_ms, server->slow_max_ms))
            (void)shutdown(conn->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* Idle, without whole headers, or refused already. */
static bool has_asked(const struct http_conn *conn)
{
    enum conn_phase phase = atomic_load(&conn->phase);
    return phase == CONN_BODY || phase == CONN_BUSY;
}

void cut_unasked(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct http_conn *conn = server->conns; conn; conn = conn->next)
        if (!has_asked(conn))
            (void)shutdown(conn->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
}

/* The one that has asked for nothing the longest, and is not young; NULL: none. *ret_leaving: how many were
 * cut already. */
static struct http_conn *longest_idle(struct http_server *server, size_t *ret_leaving)
{
    int64_t oldest_ms = clock_mono_ms() - YOUNG_MS;
    struct http_conn *found = NULL;
    *ret_leaving = 0;
    for (struct http_conn *conn = server->conns; conn; conn = conn->next) {
        *ret_leaving += conn->cut;
        if (has_asked(conn) || conn->cut || atomic_load(&conn->since_ms) > oldest_ms)
            continue;
        oldest_ms = atomic_load(&conn->since_ms);
        found = conn;
    }
    return found;
}

/* Cuts as many as are over the limit, one more for the newcomer. */
static void cut_idle(struct http_server *server)
{
    size_t leaving = 0;
    struct http_conn *victim = longest_idle(server, &leaving);
    while (victim && server->conn_count + server->arriving >= server->conn_max + leaving) {
        victim->cut = true;
        (void)shutdown(victim->fd, SHUT_RDWR);
        victim = longest_idle(server, &leaving);
    }
}

/* Counts the newcomer as arriving. False: all connections are taken by requests. The I/O threads close what
 * was cut within moments. */
static bool make_room(struct http_server *server)
{
    for (int i = 0; i < ROOM_TRIES; i++) {
        if (i > 0)
            (void)poll(NULL, 0, ROOM_MS);
        pthread_mutex_lock(&server->lock);
        bool room = server->conn_count + server->arriving < server->conn_max;
        if (room) {
            server->arriving++;
            server->accepted_ms = clock_mono_ms();
        } else {
            cut_idle(server);
        }
        pthread_mutex_unlock(&server->lock);
        if (room)
            return true;
    }
    return false;
}

static void accept_all(struct http_server *server, int listen_fd)
{
    for (;;) {
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);
        int on = 1;
        int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                (void)poll(NULL, 0, FULL_MS);
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (!make_room(server)) {
            (void)close(fd);
            return; /* the slow are looked for before the next: only they can make room now */
        }
        /* it closes the socket when it fails */
        (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, len);
    }
}

void *listener_run(void *arg)
{
    struct http_server *server = arg;
    struct pollfd polled[ARRAY_LEN(server->listener.fds) + 1];
    size_t count = server->listener.count;
    int64_t looked_ms = clock_mono_ms();
    size_t open = 0;
    (void)pthread_setname_np(pthread_self(), "accept");
    for (size_t i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = server->listener.fds[i], .events = POLLIN};
    polled[count] = (struct pollfd){.fd = server->stop_fd, .events = POLLIN};
    while (!atomic_load(&server->stopping)) {
        int ready = poll(polled, count + 1, open > 0 ? LOOK_MS : -1);
        for (size_t i = 0; ready > 0 && i < count; i++)
            if (polled[i].revents)
                accept_all(server, polled[i].fd);
        if (open == 0)
            open = ready > 0; /* a connection may have come: start to look */
        int64_t now_ms = clock_mono_ms();
        if (now_ms - looked_ms >= LOOK_MS) {
            open = cut_slow(server);
            looked_ms = now_ms;
        }
    }
    return NULL;
}
