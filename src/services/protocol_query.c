/* AWS Query: a form in (body, or the query of a GET), XML out.
 * Source: "AWS Query protocol" of the Smithy specification; observed with AWS CLI 2.9 and boto3 1.26. */
#include "services/exchange.h"
#include "services/shape.h"

static int query_decode(struct exchange *x)
{
    struct call *c = &x->call;
    struct uri_query pairs = c->query;
    if (c->http->body.len > 0) {
        int r = uri_parse_query(c->arena, buf_str(&c->http->body), true, &pairs);
        if (r != 0)
            return r == URI_E_BAD
                       ? reason_set(&c->reason, REFUSE_BODY,
                                    "The request's body is not a valid form (x-www-form-urlencoded)")
                       : r;
    }
    int r = route_query(x, &pairs);
    if (r != 0)
        return r;
    r = shape_from_query(c->operation->in, &pairs, &c->in, &c->reason);
    return r == SHAPE_E_TYPE ? REFUSE_BODY : r;
}

static int send(struct exchange *x, unsigned status, struct buf *body)
{
    if (buf_error(body))
        return FAULT(buf_error(body));
    http_reply(x->call.http, status);
    answer_headers(x);
    http_reply_header(x->call.http, "Content-Type", "text/xml");
    http_reply_buf(x->call.http, body);
    return 0;
}

static void put_metadata(struct exchange *x, struct buf *body)
{
    xml_open(body, "ResponseMetadata");
    xml_elem(body, "RequestId", str_of(x->call.http->id));
    xml_close(body, "ResponseMetadata");
}

static int query_encode(struct exchange *x)
{
    struct call *c = &x->call;
    CLEANUP(buf_free) struct buf body = BUF_INIT(ANSWER_MAX);
    const char *response = arena_printf(c->arena, "%sResponse", c->operation->name);
    const char *result = arena_printf(c->arena, "%sResult", c->operation->name);
    if (!response || !result)
        return FAULT(ENOMEM);
    xml_open_ns(&body, response, c->service->xmlns);
    if (c->operation->out) {
        xml_open(&body, result);
        shape_to_xml(c->operation->out, c->out, &body);
        xml_close(&body, result);
    }
    put_metadata(x, &body);
    xml_close(&body, response);
    return send(x, 200, &body);
}

static void query_error(struct exchange *x, const struct wire_error *error)
{
    const struct service *service = x->call.service;
    const char *xmlns = service ? service->xmlns : "http://webservices.amazon.com/AWSFault/2005-15-09";
    CLEANUP(buf_free) struct buf body = BUF_INIT(ANSWER_MAX);
    xml_open_ns(&body, "ErrorResponse", xmlns);
    xml_open(&body, "Error");
    xml_elem(&body, "Type", error->status < 500 ? STR("Sender") : STR("Receiver"));
    xml_elem(&body, "Code", str_of(error->query_code ? error->query_code : error->code));
    xml_elem(&body, "Message", str_of(error->message));
    xml_close(&body, "Error");
    xml_elem(&body, "RequestId", str_of(x->call.http->id));
    xml_close(&body, "ErrorResponse");
    if (send(x, error->status, &body) != 0) {
        http_reply_discard(x->call.http);
        http_reply(x->call.http, error->status);
        answer_headers(x);
    }
}

const struct protocol protocol_query = {PROTOCOL_QUERY, query_decode, query_encode, query_error};
