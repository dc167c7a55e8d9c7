/* How long a request's head may be: libmicrohttpd has it, and the reply's, in one piece of memory. */
#pragma once

#include "http/server.h"

/* Of a connection. Bodies pass through it in pieces of half of it; it is cleared for each request. */
#define CONNECTION_MEMORY ((size_t)24 * 1024)

/* It leaves no memory to answer by. */
bool head_is_long(const struct http_request *request);
