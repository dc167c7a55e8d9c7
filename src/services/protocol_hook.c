/* Unsigned events from the world outside: any body in, kept as it came for the handler to authenticate; JSON
 * out, errors too, for the sender's log. */
#include "services/exchange.h"

#define HOOK_ANSWER_MAX ((size_t)64 * 1024)

static int hook_decode(struct exchange *x)
{
    x->call.in = json_object();
    return x->call.in ? 0 : FAULT(ENOMEM);
}

static int send(struct exchange *x, unsigned status, const json_t *value)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(HOOK_ANSWER_MAX);
    int r = json_write(value, &body);
    if (r != 0)
        return r;
    http_reply(x->call.http, status);
    answer_headers(x);
    http_reply_header(x->call.http, "Content-Type", "application/json");
    http_reply_buf(x->call.http, &body);
    return 0;
}

static int hook_encode(struct exchange *x)
{
    return send(x, x->call.status > 0 ? x->call.status : 200, x->call.out);
}

static void hook_error(struct exchange *x, const struct wire_error *error)
{
    CLEANUP(json_free)
    json_t *value = json_pack("{s:s, s:s}", "code", error->code, "message", error->message);
    if (value && send(x, error->status, value) == 0)
        return;
    http_reply_discard(x->call.http);
    http_reply(x->call.http, error->status);
    answer_headers(x);
}

const struct protocol protocol_hook = {PROTOCOL_HOOK, hook_decode, hook_encode, hook_error};
