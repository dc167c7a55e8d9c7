/* A request while it is in the server, and its connection: private to the files of http/'s server. */
#pragma once

#include "base/pool.h"
#include "http/receive.h"
#include "http/server.h"
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* CONN_REFUSED: the answer is known, and what comes of the body is dropped. */
enum conn_phase { CONN_IDLE, CONN_HEADERS, CONN_REFUSED, CONN_BODY, CONN_BUSY };

/* In a list, so that the slow are found; `phase`, `since_ms` and `bytes` are written by the I/O thread. */
struct http_conn {
    int fd;
    char peer[INET6_ADDRSTRLEN]; /* its address */
    bool cut;                    /* for another; the server's lock's */
    _Atomic(enum conn_phase) phase;
    _Atomic int64_t since_ms; /* of the phase; clock_mono_ms */
    _Atomic int64_t bytes;    /* of the body under way */
    atomic_size_t room;       /* that it has been given; body_room.h */
    struct inflight *flight;  /* NULL: none. Of the connection's own thread */
    struct receiving receiving;
    struct http_conn *next, *previous;
};

struct http_listener {
    int fds[8];
    size_t count;
    uint16_t port;
};

struct http_server {
    struct http_handler handler;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    struct pool *few; /* for run_by_few */
    struct http_listener listener;
    unsigned conn_max;
    bool tls;
    int64_t slow_max_ms;
    pthread_t acceptor;
    bool acceptor_runs;
    int stop_fd; /* eventfd: ends the acceptor */
    atomic_bool stopping;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t drained; /* of those in flight, or of those held */
    struct http_conn *conns;
    size_t conn_count;
    size_t arriving; /* accepted, and not yet among conns */
    int64_t accepted_ms;
    atomic_size_t inflight;
    atomic_size_t body_room; /* that is taken */
    atomic_size_t held;      /* of requests, by others than its own threads: replies that are held, timers */
    pthread_mutex_t spare_lock;
    struct arenas spare; /* of finished requests, for the next */
};

enum body_kind { BODY_NONE, BODY_BYTES, BODY_FILE, BODY_PLACES, BODY_STREAM, BODY_LENGTH };

/* A body of several places, while it is sent. */
struct places {
    int (*at)(void *ctx, int64_t offset, struct http_place *ret);
    void (*free_ctx)(void *ctx);
    void *ctx;
    int64_t len;
    int fd; /* that stands for it; -1: it is read */
};

struct reply_header {
    const char *name;
    const char *value;
    struct reply_header *next;
};

struct reply {
    unsigned status; /* 0: none yet */
    struct reply_header *headers;
    struct reply_header **headers_end;
    enum body_kind kind;
    char *bytes; /* malloc'd */
    int64_t len; /* -1: unknown */
    int fd;
    int64_t offset;
    ssize_t (*read)(void *ctx, int64_t offset, void *bytes, size_t max);
    void (*free_ctx)(void *ctx);
    void *ctx;
    struct places *places; /* kept until the request is over */
    bool close;
    bool failed; /* out of memory while it was formed: answered by 500 */
};

enum flight_phase {
    FLIGHT_NEW,     /* its headers are coming in */
    FLIGHT_BEGINS,  /* on a worker thread, since it would wait; the connection is suspended */
    FLIGHT_BODY,    /* begin has run */
    FLIGHT_DROP,    /* there is a reply: the rest of the body is thrown away */
    FLIGHT_RUNNING, /* with the pool, or parked; the connection is suspended */
    FLIGHT_DONE,    /* the reply is there; the I/O thread sends it */
};

struct inflight {
    struct http_request request; /* first: public code holds a pointer to it */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_conn *conn;
    enum flight_phase phase;
    bool began;
    bool refused; /* by begin */
    bool gone;    /* the client went away while parked */
    int64_t dropped;
    size_t room;
    bool answered; /* while its body came in: early.c */
    struct pool_job job;
    struct wake_waiter waiter;
    struct reply reply;
    struct meanwhile *meanwhile; /* NULL: none */
    atomic_uint holds;           /* of the reply: by run, and by who is to release it */
    int hold_fault;
    bool held, park;
    bool elsewhere; /* on a worker thread, instead of this one */
    char park_topic[WAKE_TOPIC_MAX];
    wake_ticket park_ticket;
    int64_t park_deadline_mono_ms;
};

static inline struct inflight *inflight_of(const struct http_request *request)
{
    return CONTAINER_OF(request, struct inflight, request);
}

/* request.c: libmicrohttpd's callbacks. */
void *request_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_access(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **con_cls);
void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode why);

/* reply.c: queues what the handler said. */
enum MHD_Result reply_send(struct inflight *flight);
void reply_free(struct reply *reply);
