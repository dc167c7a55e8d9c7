/* JSON and Query operations: a tree goes out, a tree comes back. */
#include "base/mem.h"
#include "http/aws_client.h"
#include "wire/json.h"
#include "wire/xml.h"
#include <stdio.h>

#define CALL_TIMEOUT_MS 90000
#define REQUEST_MAX ((size_t)16 << 20)
#define ANSWER_MAX ((size_t)64 << 20)
#define RAW_HEADERS_MAX ((size_t)64 << 10)
#define GLOBAL_REGION "us-east-1"

/* What is called, and how. */
struct aws_operation {
    const struct aws_service *service;
    const char *name;
    char target[160];
    struct http_header headers[4];
    size_t header_count;
    struct buf base;
    struct buf body;
};

/* One call under way. */
struct aws_asked {
    struct aws_client *client;
    struct aws_operation operation;
    struct aws_request request;
    struct http_exchange exchange;
    bool heard; /* what follows is there */
    int outcome;
    json_t *out;
    struct aws_error error;
};

static void asked_deinit(struct aws_asked *asked)
{
    http_drop(&asked->exchange);
    buf_free(&asked->operation.base);
    buf_free(&asked->operation.body);
    buf_free(&asked->exchange.answer);
    buf_free(&asked->exchange.raw_headers);
    json_decref(asked->out);
}

static void put_base(const struct aws_client *client, const struct aws_service *service, struct buf *out)
{
    if (client->endpoint) {
        buf_puts(out, client->endpoint);
        return;
    }
    buf_puts(out, "https://");
    buf_puts(out, service->name);
    if (!service->global) {
        buf_putc(out, '.');
        buf_puts(out, client->region);
    }
    buf_puts(out, ".amazonaws.com");
}

static void add_header(struct aws_operation *operation, const char *name, const char *value)
{
    operation->headers[operation->header_count++] = (struct http_header){str_of(name), str_of(value)};
}

static int encode(struct aws_operation *operation, const json_t *in)
{
    if (operation->service->protocol == AWS_QUERY) {
        add_header(operation, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        return aws_query_encode(operation->name, operation->service->version, in, &operation->body);
    }
    snprintf(operation->target, sizeof(operation->target), "%s.%s", operation->service->target_prefix,
             operation->name);
    add_header(operation, "Content-Type", operation->service->json_type);
    add_header(operation, "X-Amz-Target", operation->target);
    return in ? json_write(in, &operation->body) : buf_puts(&operation->body, "{}");
}

/* <XResponse><XResult>…</XResult><ResponseMetadata/></XResponse> → the members of XResult. */
static int decode_query(struct str body, const char *operation, json_t **ret, struct reason *why)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(json_free) json_t *tree = NULL;
    char result_name[128];
    const xmlNode *result;
    int r = xml_parse(body, &doc, why);

    if (r != 0)
        return r;
    snprintf(result_name, sizeof(result_name), "%sResult", operation);
    result = xml_child(xmlDocGetRootElement(doc), result_name);
    if (result) {
        r = xml_to_json(result, &tree);
        if (r != 0)
            return r;
    }
    if (!json_is_object(tree)) { /* no result, or an empty one */
        json_free(&tree);
        tree = json_object();
    }
    *ret = take(tree);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int decode(const struct aws_operation *operation, const struct http_exchange *exchange, json_t **ret,
                  struct aws_error *error)
{
    struct str body = str_trim(buf_str(&exchange->answer));
    struct reason why = {0};
    json_t *tree = NULL;
    int r;

    if (operation->service->protocol == AWS_QUERY)
        r = decode_query(body, operation->name, &tree, &why);
    else
        r = json_parse(body.len > 0 ? body : STR("{}"), &tree, &why);
    if (r > 0) {
        *error = (struct aws_error){.status = exchange->status};
        aws_error_set(error, "MalformedAnswer", "");
        snprintf(error->message, sizeof(error->message), "The answer to %s cannot be read: %.1024s",
                 operation->name, why.text);
        return AWS_E_UNREACHABLE;
    }
    if (r == 0)
        *ret = tree;
    return r;
}

/* A request's own header, and what its answer says by one of that name. */
struct extra {
    struct http_header header;
    int64_t patience_ms; /* more than calls have */
    bool answered;
};

/* Everything but the sending; what it points at is in *asked. Takes `in`. */
static int prepare(struct aws_asked *asked, struct aws_client *client, const char *service, const char *name,
                   json_t *in, const struct extra *extra)
{
    CLEANUP(json_free) json_t *owned = in;
    struct aws_operation *operation = &asked->operation;
    int r;

    *asked = (struct aws_asked){.client = client,
                                .operation = {.service = aws_service_find(service),
                                              .name = name,
                                              .base = BUF_INIT(4096),
                                              .body = BUF_INIT(REQUEST_MAX)},
                                .exchange = {.body_fd = -1,
                                             .sink_fd = -1,
                                             .timeout_ms = CALL_TIMEOUT_MS + extra->patience_ms,
                                             .answer = BUF_INIT(ANSWER_MAX),
                                             .raw_headers = BUF_INIT(RAW_HEADERS_MAX)}};
    assert(operation->service); /* a programmer's mistake: the table is the list */
    put_base(client, operation->service, &operation->base);
    r = encode(operation, owned);
    if (r == 0)
        r = buf_error(&operation->base);
    if (r != 0)
        return r;
    if (extra->header.name.ptr)
        operation->headers[operation->header_count++] = extra->header;
    asked->request =
        (struct aws_request){.service = operation->service->name,
                             .region = operation->service->global ? GLOBAL_REGION : client->region,
                             .method = "POST",
                             .base = buf_str(&operation->base),
                             .path = STR("/"),
                             .headers = operation->headers,
                             .header_count = operation->header_count,
                             .repeatable = aws_operation_repeatable(name, owned)};
    asked->exchange.body = buf_str(&operation->body);
    return 0;
}

static int finish(struct aws_asked *asked, struct extra *extra, json_t **ret_out, struct aws_error *error)
{
    int r = aws_send(asked->client, &asked->request, &asked->exchange, error);

    if (r != 0)
        return r;
    extra->answered =
        extra->header.name.ptr && http_exchange_header(&asked->exchange, extra->header.name.ptr).ptr != NULL;
    return ret_out ? decode(&asked->operation, &asked->exchange, ret_out, error) : 0;
}

static int call_with(struct aws_client *client, const char *service, const char *operation, json_t *in,
                     struct extra *extra, json_t **ret_out, struct aws_error *error)
{
    CLEANUP(asked_deinit) struct aws_asked asked;
    struct aws_error unread;
    int r = prepare(&asked, client, service, operation, in, extra);

    return r ? r : finish(&asked, extra, ret_out, error ? error : &unread);
}

int aws_ask(struct aws_client *client, const char *service, const char *operation, json_t *in,
            struct aws_asked **ret)
{
    CLEANUP(aws_asked_free) struct aws_asked *asked = mem_alloc(sizeof(*asked));
    struct extra none = {0};
    int r;

    if (!asked) {
        json_decref(in);
        return FAULT(ENOMEM);
    }
    r = prepare(asked, client, service, operation, in, &none);
    if (r != 0)
        return r;
    aws_send_ahead(client, &asked->request, &asked->exchange);
    *ret = take(asked);
    return 0;
}

void aws_hear(struct aws_asked *asked)
{
    struct extra none = {0};

    if (!asked->heard)
        asked->outcome = finish(asked, &none, &asked->out, &asked->error);
    asked->heard = true;
}

int aws_answer(struct aws_asked **asked, json_t **ret_out, struct aws_error *error)
{
    CLEANUP(aws_asked_free) struct aws_asked *ending = take(*asked);

    aws_hear(ending);
    if (error)
        *error = ending->error;
    if (ending->outcome == 0 && ret_out)
        *ret_out = take(ending->out);
    return ending->outcome;
}

void aws_asked_free(struct aws_asked **asked)
{
    if (*asked)
        asked_deinit(*asked);
    free(take(*asked));
}

int aws_call_wait(struct aws_client *client, const char *service, const char *operation, json_t *in,
                  int64_t wait_ms, json_t **ret_out, bool *ret_waited, struct aws_error *error)
{
    char text[32];
    struct extra extra = {.patience_ms = wait_ms};
    int r;

    snprintf(text, sizeof(text), "%lld", (long long)wait_ms);
    if (wait_ms > 0)
        extra.header = (struct http_header){STR("X-Slipway-Wait"), str_of(text)};
    r = call_with(client, service, operation, in, &extra, ret_out, error);
    if (r == 0 && ret_waited)
        *ret_waited = extra.answered;
    return r;
}

int aws_call_header(struct aws_client *client, const char *service, const char *operation, json_t *in,
                    const struct http_header *header, json_t **ret_out, struct aws_error *error)
{
    struct extra extra = {.header = *header};

    return call_with(client, service, operation, in, &extra, ret_out, error);
}

int aws_call(struct aws_client *client, const char *service, const char *operation, json_t *in,
             json_t **ret_out, struct aws_error *error)
{
    struct extra none = {0};

    return call_with(client, service, operation, in, &none, ret_out, error);
}
