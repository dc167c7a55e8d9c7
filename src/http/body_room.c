/* See body_room.h. */
#include "http/body_room.h"
#include "base/clock.h"
#include <sys/socket.h>

#define ROOM_MAX ((size_t)256 << 20)
#define YOUNG_MS 1000 /* one that may well end by itself */

/* A request that says neither how long its body is nor that it comes in chunks has none. */
static size_t size_of(const struct http_request *request)
{
    if (request->content_length >= 0)
        return (size_t)request->content_length;
    return http_header(request, "transfer-encoding").ptr ? request->body_max : 0;
}

/* With the lock. A body that still comes, was not cut, and is not young; NULL: none. */
static struct http_conn *longest_coming(struct http_server *server)
{
    int64_t oldest_ms = clock_mono_ms() - YOUNG_MS;
    struct http_conn *found = NULL;
    for (struct http_conn *conn = server->conns; conn; conn = conn->next) {
        if (atomic_load(&conn->room) == 0 || conn->cut || atomic_load(&conn->phase) != CONN_BODY ||
            atomic_load(&conn->since_ms) > oldest_ms)
            continue;
        oldest_ms = atomic_load(&conn->since_ms);
        found = conn;
    }
    return found;
}

/* With the lock: the room of those who were cut already. */
static size_t coming_back(struct http_server *server)
{
    size_t size = 0;
    for (struct http_conn *conn = server->conns; conn; conn = conn->next)
        size += conn->cut ? atomic_load(&conn->room) : 0;
    return size;
}

/* Their room comes back within moments. */
static void cut_for(struct http_server *server, size_t size)
{
    pthread_mutex_lock(&server->lock);
    size_t freed = coming_back(server);
    while (freed < size) {
        struct http_conn *victim = longest_coming(server);
        if (!victim)
            break;
        freed += atomic_load(&victim->room);
        victim->cut = true;
        (void)shutdown(victim->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

bool body_room_take(struct inflight *flight)
{
    struct http_server *server = flight->server;
    size_t size = size_of(&flight->request);
    if (flight->request.stream || size <= BODY_ROOM_FREE)
        return true;
    if (atomic_fetch_add(&server->body_room, size) + size > ROOM_MAX) {
        (void)atomic_fetch_sub(&server->body_room, size);
        cut_for(server, size);
        return false;
    }
    flight->room = size;
    if (flight->conn)
        atomic_store(&flight->conn->room, size);
    return true;
}

void body_room_give(struct inflight *flight)
{
    if (flight->room > 0)
        (void)atomic_fetch_sub(&flight->server->body_room, flight->room);
    flight->room = 0;
}
