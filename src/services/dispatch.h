/* From an HTTP request to a service's operation and back: the http server's handler.
 *
 * headers in → route (which service, operation, protocol) → who signed → body in → decode and validate →
 * transaction → the operation's run → commit → encode. A refusal at any step is answered in the shape of the
 * request's protocol. */
#pragma once

#include "http/server.h"
#include "services/service.h"

struct dispatcher;

/* `platform` is the caller's and outlives the dispatcher. */
int dispatcher_new(const struct platform *platform, struct dispatcher **ret) MUST_USE;
void dispatcher_free(struct dispatcher **dispatcher);
/* What to give to http_server_start. */
struct http_handler dispatcher_handler(struct dispatcher *dispatcher);
