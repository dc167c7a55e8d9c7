/* A reply that begins before the run has ended, so that who waits for it does not give up: 200, white space
 * from time to time, then the body of what the run replies.
 *
 * While nothing has begun, the connection is suspended as ever, and a reply that comes in time is sent as if
 * there had been no other. Once the timer has fired first, the connection is libmicrohttpd's: it asks for
 * bytes, is suspended again when there are none, and may end while the run goes on. So the request is kept by
 * three: the connection, the run and the timer; the last of them ends it. `lock` is held by whoever looks at
 * or changes what is under it; nobody waits with it. */
#include "base/clock.h"
#include "http/meanwhile.h"
#include <pthread.h>
#include <stdio.h>

#define BLOCK_SIZE ((size_t)4096)

enum stage {
    MEANWHILE_WAITS, /* nothing is sent */
    MEANWHILE_ASKED, /* the I/O thread is to begin */
    MEANWHILE_SENT,  /* it has */
};

struct meanwhile {
    struct inflight *flight;
    struct reply reply; /* the one that begins */
    struct str first;
    int64_t every_ms;
    int64_t due_ms; /* of clock_mono_ms: when the next blank is */
    char topic[WAKE_TOPIC_MAX];
    struct wake_waiter timer;
    pthread_mutex_t lock;
    enum stage stage;
    bool over; /* the run is: flight->reply is what it replied */
    bool asleep;
    unsigned blanks;  /* to be sent */
    size_t sent;      /* of `first`, then of the run's body */
    unsigned keepers; /* connection, run, timer: who still needs the request */
};

static void keeper_leaves(struct meanwhile *m)
{
    struct inflight *flight = m->flight;
    pthread_mutex_lock(&m->lock);
    bool last = --m->keepers == 0;
    pthread_mutex_unlock(&m->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&m->lock);
    flight_end(flight);
}

/* With the lock. */
static void wake_up(struct meanwhile *m)
{
    if (m->asleep)
        MHD_resume_connection(m->flight->connection);
    m->asleep = false;
}

/* The time has come, or the run is over, or the server stops; or a stranger was signalled, whose topic shares
 * the place of ours (base/wake.h): then the time is awaited further. */
static void fire(struct wake_waiter *waiter, bool timed_out UNUSED)
{
    struct meanwhile *m = CONTAINER_OF(waiter, struct meanwhile, timer);
    struct http_server *server = m->flight->server;
    wake_ticket ticket = wake_look(m->topic); /* what is signalled from here on is not missed */
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&m->lock);
    bool goes_on = !m->over && !atomic_load(&server->stopping);
    if (goes_on && now_ms >= m->due_ms) {
        if (m->stage == MEANWHILE_WAITS)
            m->stage = MEANWHILE_ASKED;
        else
            m->blanks++;
        m->due_ms = now_ms + m->every_ms;
        wake_up(m);
    }
    int64_t due_ms = m->due_ms;
    pthread_mutex_unlock(&m->lock);
    if (goes_on) {
        wake_subscribe(m->topic, ticket, due_ms, &m->timer);
        return;
    }
    keeper_leaves(m);
    server_count_down(server, &server->held);
}

void http_reply_meanwhile(struct http_request *request, const char *first, int64_t every_ms)
{
    struct inflight *flight = inflight_of(request);
    assert(flight->reply.status != 0 && flight->reply.kind == BODY_NONE && !request->run_inline &&
           !flight->meanwhile);
    struct meanwhile *m = arena_alloc(request->arena, sizeof(*m));
    struct reply reply = flight->reply;
    flight->reply = (struct reply){0};
    if (!m || reply.failed)
        return; /* then the client waits */
    *m = (struct meanwhile){.flight = flight,
                            .reply = reply,
                            .first = str_of(first),
                            .every_ms = every_ms,
                            .due_ms = clock_mono_ms() + every_ms,
                            .timer = {.fire = fire},
                            .asleep = true,
                            .keepers = 3};
    (void)snprintf(m->topic, sizeof(m->topic), "http:meanwhile:%s", request->id);
    wake_ticket ticket = wake_look(m->topic); /* from before there is anything to signal */
    pthread_mutex_init(&m->lock, NULL);
    flight->meanwhile = m;
    (void)atomic_fetch_add(&flight->server->held, 1);
    wake_subscribe(m->topic, ticket, m->due_ms, &m->timer);
}

/* What of the run's body has not been sent; its beginning may have been sent before it. False: it has none
 * that can be. */
static bool body_left(const struct meanwhile *m, struct str *ret)
{
    const struct reply *reply = &m->flight->reply;
    struct str body = {reply->bytes, (size_t)reply->len};
    if (reply->failed || reply->kind != BODY_BYTES || !body.ptr)
        return false;
    if (str_starts(body, m->first))
        body = (struct str){body.ptr + m->first.len, body.len - m->first.len};
    size_t sent = m->sent - m->first.len;
    *ret = (struct str){body.ptr + sent, body.len - sent};
    return true;
}

static ssize_t give(struct meanwhile *m, char *bytes, size_t max)
{
    struct str left = {m->first.ptr + m->sent, m->first.len - m->sent};
    if (m->sent >= m->first.len && !m->over) {
        size_t blanks = m->blanks < max ? m->blanks : max;
        memset(bytes, ' ', blanks);
        m->blanks -= (unsigned)blanks;
        return (ssize_t)blanks;
    }
    if (m->sent >= m->first.len && !body_left(m, &left))
        return -1;
    size_t len = left.len < max ? left.len : max;
    memcpy(bytes, left.ptr, len);
    m->sent += len;
    return (ssize_t)len;
}

static ssize_t on_read(void *cls, uint64_t offset UNUSED, char *bytes, size_t max)
{
    struct meanwhile *m = cls;
    pthread_mutex_lock(&m->lock);
    ssize_t len = give(m, bytes, max);
    bool nothing = len == 0;
    bool over = m->over;
    if (nothing && !over) {
        m->asleep = true;
        MHD_suspend_connection(m->flight->connection);
    }
    pthread_mutex_unlock(&m->lock);
    if (len < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return nothing && over ? MHD_CONTENT_READER_END_OF_STREAM : len;
}

enum MHD_Result meanwhile_send(struct inflight *flight)
{
    struct meanwhile *m = flight->meanwhile;
    pthread_mutex_lock(&m->lock);
    bool over = m->over;
    if (!over)
        m->stage = MEANWHILE_SENT;
    pthread_mutex_unlock(&m->lock);
    if (over)
        return reply_send(flight);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, m, NULL);
    return response ? reply_queue(flight, &m->reply, response) : MHD_NO;
}

void meanwhile_over(struct inflight *flight)
{
    struct meanwhile *m = flight->meanwhile;
    pthread_mutex_lock(&m->lock);
    m->over = true;
    wake_up(m);
    pthread_mutex_unlock(&m->lock);
    wake_signal(m->topic);
    keeper_leaves(m);
}

void meanwhile_completed(struct inflight *flight)
{
    keeper_leaves(flight->meanwhile);
}
