/* REST-XML (S3): method and path say what; bodies, where there are any that are no object, are XML.
 * Source: Amazon S3 API Reference, "Error responses". */
#include "services/exchange.h"
#include "services/shape.h"

/* What S3's schema does not allow is refused: a filter that is passed over would filter nothing. */
static int check_elements(struct call *c, const xmlNode *root)
{
    const char *expected = c->operation->xml_in;
    if (!expected)
        return 0;
    if (strcmp((const char *)root->name, expected) != 0)
        return reason_set(&c->reason, SHAPE_E_TYPE, "The document is a '%.64s', not a '%s'.",
                          (const char *)root->name, expected);
    return shape_check_xml(c->operation->in, root, &c->reason);
}

static int rest_xml_decode(struct exchange *x)
{
    struct call *c = &x->call;
    xmlDoc *doc CLEANUP(xml_free) = NULL;
    if (!c->operation->in || c->http->body.len == 0) {
        if (c->operation->in && !(c->operation->flags & OP_BODILESS))
            return REFUSE_NO_BODY;
        c->in = json_object();
        return c->in ? 0 : FAULT(ENOMEM);
    }
    int r = xml_parse(buf_str(&c->http->body), &doc, &c->reason);
    if (r != 0)
        return r == XML_E_SYNTAX ? REFUSE_BODY : r;
    r = check_elements(c, xmlDocGetRootElement(doc));
    if (r == 0)
        r = shape_from_xml(c->operation->in, xmlDocGetRootElement(doc), &c->in, &c->reason);
    return r == SHAPE_E_TYPE ? REFUSE_BODY : r;
}

static bool is_head(const struct exchange *x)
{
    return str_eqc(x->call.http->method, "HEAD");
}

static int rest_xml_encode(struct exchange *x)
{
    struct call *c = &x->call;
    CLEANUP(buf_free) struct buf body = BUF_INIT(ANSWER_MAX);
    unsigned status = c->operation->http_status ? c->operation->http_status : 200;
    if (c->operation->xml_root) {
        xml_head(&body);
        xml_open_ns(&body, c->operation->xml_root, c->service->xmlns);
        shape_to_xml(c->operation->out, c->out, &body);
        xml_close(&body, c->operation->xml_root);
        if (buf_error(&body))
            return FAULT(buf_error(&body));
    }
    http_reply(c->http, status);
    answer_headers(x);
    for (size_t i = 0; i < c->reply_header_count; i++)
        http_reply_header(c->http, c->reply_headers[i].name.ptr, c->reply_headers[i].value.ptr);
    if (body.len > 0) {
        http_reply_header(c->http, "Content-Type", "application/xml");
        http_reply_buf(c->http, &body);
    }
    return 0;
}

/* "41 57 53": a difference that cannot be seen is seen there. */
static void put_bytes(struct buf *body, const char *name, struct str text)
{
    xml_open(body, name);
    for (size_t i = 0; i < text.len; i++)
        buf_printf(body, i > 0 ? " %02x" : "%02x", (unsigned char)text.ptr[i]);
    xml_close(body, name);
}

/* What helps to find out why a signature does not verify; S3 answers the same. */
static void put_signature(struct exchange *x, const struct wire_error *error, struct buf *body)
{
    if (!x->to_sign.ptr || strcmp(error->code, "SignatureDoesNotMatch") != 0)
        return;
    xml_elem(body, "AWSAccessKeyId", x->claim.access_key_id);
    xml_elem(body, "StringToSign", x->to_sign);
    xml_elem(body, "SignatureProvided", x->claim.signature);
    put_bytes(body, "StringToSignBytes", x->to_sign);
    if (!x->canonical.ptr) /* version 2 has none */
        return;
    xml_elem(body, "CanonicalRequest", x->canonical);
    put_bytes(body, "CanonicalRequestBytes", x->canonical);
}

/* A copy's error may be about its source. */
static bool has_element(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->error_element_count; i++)
        if (str_eqc(c->error_elements[i].name, name))
            return true;
    return false;
}

static void put_error(struct exchange *x, const struct wire_error *error, struct buf *body)
{
    struct call *c = &x->call;
    char host_id[64];
    base64_encode(c->http->id, strlen(c->http->id), host_id);
    xml_head(body);
    xml_open(body, "Error");
    xml_elem(body, "Code", str_of(error->code));
    xml_elem(body, "Message", str_of(error->message));
    put_signature(x, error, body);
    for (size_t i = 0; i < c->error_element_count; i++)
        xml_elem(body, c->error_elements[i].name.ptr, c->error_elements[i].value);
    if (c->bucket && !has_element(c, "BucketName"))
        xml_elem(body, "BucketName", str_of(c->bucket));
    if (c->key && !has_element(c, "Key"))
        xml_elem(body, "Key", (struct str){c->key, c->key_len});
    xml_elem(body, "Resource", c->http->path);
    xml_elem(body, "RequestId", str_of(c->http->id));
    xml_elem(body, "HostId", str_of(host_id));
    xml_close(body, "Error");
}

static void rest_xml_error(struct exchange *x, const struct wire_error *error)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(ANSWER_MAX);
    bool silent = is_head(x) || error->status == 304;
    if (!silent)
        put_error(x, error, &body);
    http_reply(x->call.http, error->status);
    answer_headers(x);
    for (size_t i = 0; i < x->call.error_header_count; i++)
        http_reply_header(x->call.http, x->call.error_headers[i].name.ptr,
                          x->call.error_headers[i].value.ptr);
    if (silent || buf_error(&body))
        return;
    http_reply_header(x->call.http, "Content-Type", "application/xml");
    http_reply_buf(x->call.http, &body);
}

const struct protocol protocol_rest_xml = {PROTOCOL_REST_XML, rest_xml_decode, rest_xml_encode,
                                           rest_xml_error};
