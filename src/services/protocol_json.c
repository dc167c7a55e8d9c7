/* AWS JSON 1.0 and 1.1: one object in, one object out; errors by __type.
 * Source: "AWS JSON 1.0/1.1 protocol" of the Smithy specification; SQS's x-amzn-query-error as documented
 * there. */
#include "services/exchange.h"
#include "services/shape.h"

static int json_decode(struct exchange *x)
{
    struct call *c = &x->call;
    struct str body = str_trim(buf_str(&c->http->body));
    CLEANUP(json_free) json_t *value = NULL;
    if (body.len == 0) {
        value = json_object();
        if (!value)
            return FAULT(ENOMEM);
    } else {
        int r = json_parse(body, &value, &c->reason);
        if (r != 0)
            return r == JSON_E_SYNTAX ? REFUSE_BODY : r;
    }
    if (!json_is_object(value))
        return reason_set(&c->reason, REFUSE_BODY, "The request's body is JSON, but not an object");
    int r = shape_from_json(c->operation->in, value, &c->reason);
    if (r != 0)
        return r == SHAPE_E_TYPE ? REFUSE_BODY : r;
    c->in = take(value);
    return 0;
}

/* The object, and behind its own members those that are JSON already. */
static int write_body(const json_t *object, struct str members, struct buf *body)
{
    int r = json_write(object, body);
    if (r != 0 || members.len == 0)
        return r;
    body->len--; /* its closing brace */
    json_add_members(body, members);
    json_end(body, '}');
    return buf_error(body);
}

static int send(struct exchange *x, unsigned status, const json_t *value, struct str members)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(ANSWER_MAX);
    int r = write_body(value, members, &body);
    if (r != 0)
        return r;
    http_reply(x->call.http, status);
    answer_headers(x);
    http_reply_header(x->call.http, "Content-Type",
                      x->protocol->kind == PROTOCOL_JSON_10 ? "application/x-amz-json-1.0"
                                                            : "application/x-amz-json-1.1");
    http_reply_buf(x->call.http, &body);
    return 0;
}

static int json_encode(struct exchange *x)
{
    struct call *c = &x->call;
    int r = buf_error(&c->members);
    if (r == 0)
        r = shape_to_json(c->operation->out, c->out);
    if (r == 0)
        r = send(x, 200, c->out, buf_str(&c->members));
    return r;
}

static void json_error(struct exchange *x, const struct wire_error *error)
{
    struct http_request *http = x->call.http;
    const struct service *service = x->call.service;
    CLEANUP(json_free) json_t *value = json_object();
    int r = value ? 0 : -ENOMEM;
    if (r == 0 && x->protocol->kind == PROTOCOL_JSON_10 && service)
        r = json_put_format(value, "__type", "com.amazonaws.%s#%s", service->name, error->code);
    else if (r == 0)
        r = json_put_str(value, "__type", error->code);
    if (r == 0)
        r = json_put_str(value, "message", error->message);
    if (r == 0)
        r = send(x, error->status, value, (struct str){0});
    if (r != 0) { /* no memory for a body: the status and the code's header still say it */
        http_reply_discard(http);
        http_reply(http, error->status);
        answer_headers(x);
    }
    http_reply_header(http, "x-amzn-ErrorType", error->code);
    if (service && (service->protocols & PROTOCOL_QUERY))
        http_reply_headerf(http, "x-amzn-query-error", "%s;%s",
                           error->query_code ? error->query_code : error->code,
                           error->status < 500 ? "Sender" : "Receiver");
}

const struct protocol protocol_json_10 = {PROTOCOL_JSON_10, json_decode, json_encode, json_error};
const struct protocol protocol_json_11 = {PROTOCOL_JSON_11, json_decode, json_encode, json_error};
