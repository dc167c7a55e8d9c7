/* See head.h. */
#include "http/head.h"

#define PIECE_COST 64                 /* bytes for a header or an argument, beside its text */
#define REPLY_ROOM ((size_t)4 * 1024) /* for the reply's headers */

bool head_is_long(const struct http_request *request)
{
    size_t size = REPLY_ROOM + request->method.len + request->target.len + PIECE_COST;
    for (size_t i = 0; i < request->query.len; i++)
        size += request->query.ptr[i] == '&' ? PIECE_COST : 0;
    for (size_t i = 0; i < request->header_count; i++)
        size += request->headers[i].name.len + request->headers[i].value.len + PIECE_COST;
    return size > CONNECTION_MEMORY;
}
