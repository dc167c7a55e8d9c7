/* HTTP/1.1 to this machine's own loopback addresses, over sockets of our own: no proxy, no TLS, no names to
 * look up, a body and an answer that are in memory. So workers ask the services of their machine, for a third
 * of what libcurl takes. For client.c, which gives libcurl all other requests. */
#pragma once

#include "http/client.h"
#include <pthread.h>
#include <sys/socket.h>

struct direct_connection {
    int fd;
    struct sockaddr_storage address;
    struct direct_connection *next;
};

/* Connections that wait for the next request. */
struct direct_pool {
    pthread_mutex_t lock;
    struct direct_connection *idle; /* the latest used first */
    size_t count;
};

struct direct; /* one exchange under way */

void direct_pool_init(struct direct_pool *pool);
void direct_pool_deinit(struct direct_pool *pool);
bool direct_serves(const struct http_exchange *exchange);
/* As http_begin and http_end do, with their faults. A request is sent once: one that is lost with a
 * connection that was kept is lost, and may have arrived. `timeout_ms`: from now on. */
int direct_begin(struct direct_pool *pool, struct http_exchange *exchange, int64_t timeout_ms,
                 struct direct **ret) MUST_USE;
/* Frees it, whatever came of it. */
int direct_end(struct direct *direct) MUST_USE;
