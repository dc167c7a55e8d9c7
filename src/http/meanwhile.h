/* Replies that begin while their run goes on: what request.c, reply.c, server.c and meanwhile.c are to each
 * other. */
#pragma once

#include "http/inflight.h"

/* Of flights that have one. On the I/O thread: begins to reply. */
enum MHD_Result meanwhile_send(struct inflight *flight);
/* The run is over and has replied. */
void meanwhile_over(struct inflight *flight);
/* The connection is done with the request, which may be running still. */
void meanwhile_completed(struct inflight *flight);

/* The request is over and nobody uses it any more. */
void flight_end(struct inflight *flight);
/* Queues `response`, which it takes, with the reply's status and headers. */
enum MHD_Result reply_queue(struct inflight *flight, const struct reply *reply,
                            struct MHD_Response *response);
/* One less of `inflight` or of `held`: a stop waits until there are none. */
void server_count_down(struct http_server *server, atomic_size_t *count);
