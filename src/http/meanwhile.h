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
/* A stop waits until nobody holds on to a request: one more, or one less, who does. */
void server_hold(struct http_server *server, int change);
