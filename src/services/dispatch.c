/* The http server's handler: begin, body, run and end of a request (see dispatch.h).
 *
 * Invariants: a refusal in begin means that nothing of the operation has run; an operation's `end` runs
 * exactly when its `begin` or `run` did; a reply to a write is sent after its commit, and discarded when that
 * fails. */
#include "services/dispatch.h"
#include "base/mem.h"
#include "services/exchange.h"
#include "services/key_cache.h"
#include "services/payload.h"

#define FORM_INLINE_MAX 4096

struct dispatcher {
    const struct platform *platform;
    struct key_cache *keys;
};

int dispatcher_new(const struct platform *platform, struct dispatcher **ret)
{
    struct dispatcher *dispatcher = mem_alloc(sizeof(*dispatcher));
    if (!dispatcher)
        return FAULT(ENOMEM);
    dispatcher->platform = platform;
    int r = key_cache_new(platform->db, &dispatcher->keys);
    if (r != 0) {
        dispatcher_free(&dispatcher);
        return r;
    }
    *ret = dispatcher;
    return 0;
}

void dispatcher_free(struct dispatcher **dispatcher)
{
    if (!*dispatcher)
        return;
    key_cache_free(&(*dispatcher)->keys);
    free(*dispatcher);
    *dispatcher = NULL;
}

static struct exchange *exchange_new(struct dispatcher *dispatcher, struct http_request *http)
{
    struct exchange *x = arena_alloc(http->arena, sizeof(*x));
    if (!x)
        return NULL;
    x->keys = dispatcher->keys;
    x->call.platform = dispatcher->platform;
    x->call.http = http;
    x->call.body_length = http->content_length;
    x->call.arena = http->arena;
    x->wire = (struct sigv4_request){.method = http->method,
                                     .path = http->path,
                                     .query = http->query,
                                     .headers = http->headers,
                                     .header_count = http->header_count};
    return x;
}

/* Where an operation runs. */
static void place(struct call *c)
{
    c->http->run_inline = c->operation->flags & OP_INLINE;
    c->http->run_by_few = c->operation->flags & (OP_FEW | OP_WRITE);
}

/* What the operation's row asks of the server, and its own begin. A form names it in its body: a short one is
 * read where it comes in. */
static int enter(struct exchange *x)
{
    struct call *c = &x->call;
    c->http->body_max = route_body_max(x);
    if (!c->operation) {
        c->http->run_inline = x->protocol == &protocol_query && c->http->content_length > 0 &&
                              c->http->content_length <= FORM_INLINE_MAX;
        return 0;
    }
    place(c);
    c->http->stream = c->operation->flags & OP_STREAM;
    if (c->http->stream && !c->body_hash) {
        c->body_hash = hash_new(HASH_SHA256);
        if (!c->body_hash)
            return FAULT(ENOMEM);
        x->entered = true;
    }
    return c->operation->begin ? c->operation->begin(c) : 0;
}

static bool is_hoisted(struct str name)
{
    static const char *const signing[] = {"x-amz-algorithm",      "x-amz-credential",    "x-amz-date",
                                          "x-amz-expires",        "x-amz-signedheaders", "x-amz-signature",
                                          "x-amz-security-token", "x-amz-content-sha256"};
    for (size_t i = 0; i < ARRAY_LEN(signing); i++)
        if (str_eq_nocase(name, str_of(signing[i])))
            return false;
    return name.len > 6 && str_eq_nocase((struct str){name.ptr, 6}, STR("x-amz-"));
}

/* Version 2 signs them, too. */
static bool is_old_header(struct str name)
{
    return str_eqc(name, "content-md5") || str_eqc(name, "content-type");
}

static bool is_line(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ')
            return false;
    return true;
}

/* Signers of URLs write x-amz- headers into the query: to S3 they are headers all the same. The signature is
 * of the request as it came: x->wire. */
static int hoist_headers(struct exchange *x)
{
    struct http_request *http = x->call.http;
    struct uri_query query = {0};
    if (x->claimed != 0 || !x->claim.presigned || !str_eqc(x->claim.service, "s3"))
        return 0;
    x->protocol = &protocol_rest_xml;
    x->call.protocol = PROTOCOL_REST_XML;
    int r = uri_parse_query(http->arena, http->query, true, &query);
    struct http_header *headers =
        r == 0 ? arena_alloc(http->arena, (http->header_count + query.count + 1) * sizeof(*headers)) : NULL;
    if (!headers)
        return r == URI_E_BAD ? 0 : FAULT(ENOMEM);
    size_t count = http->header_count;
    memcpy(headers, http->headers, count * sizeof(*headers));
    for (size_t i = 0; i < query.count; i++) {
        const struct uri_pair *pair = &query.pairs[i];
        if (!is_hoisted(pair->name) && !(x->claim.version_2 && is_old_header(pair->name)))
            continue;
        if (!is_line(pair->value))
            return reason_set(&x->call.reason, REFUSE_VALUE, "%.64s has a control character.",
                              pair->name.ptr);
        headers[count++] = (struct http_header){pair->name, pair->value};
    }
    http->headers = headers;
    http->header_count = count;
    return 0;
}

static int admit(struct exchange *x)
{
    return x->call.service && x->call.service->admit ? x->call.service->admit(&x->call) : 0;
}

static int handler_begin(void *ctx, struct http_request *http)
{
    static int (*const steps[])(struct exchange * x) = {hoist_headers, route_request, admit, auth_begin,
                                                        payload_begin};
    struct exchange *x = http->state ? http->state : exchange_new(ctx, http);
    if (!x) {
        http_reply(http, 503);
        return 1;
    }
    if (!http->state)
        x->claimed = auth_read(x);
    http->state = x;
    int refused = 0;
    for (; x->steps < ARRAY_LEN(steps) && refused == 0; x->steps += refused == 0)
        refused = steps[x->steps](x);
    int r = refused == 0 ? enter(x) : refused;
    if (r == CALL_ELSEWHERE) {
        http_run_elsewhere(http);
        return 0;
    }
    if (refused != 0)
        answer_refusal(x, refused);
    else if (r != 0 && r != CALL_REPLIED)
        answer_outcome(x, r);
    return r != 0;
}

static int deliver(struct exchange *x, const void *bytes, size_t len)
{
    if (!x->call.hashes_body)
        hash_update(x->call.body_hash, bytes, len);
    return x->call.operation->body ? x->call.operation->body(&x->call, bytes, len) : 0;
}

static int handler_body(void *ctx UNUSED, struct http_request *http, const void *bytes, size_t len)
{
    struct exchange *x = http->state;
    int r = 0;
    int refused = x->payload ? payload_take(x, (struct str){bytes, len}, deliver, &r) : 0;
    if (refused != 0) {
        answer_refusal(x, refused);
        return 1;
    }
    if (!x->payload)
        r = deliver(x, bytes, len);
    if (r != 0)
        answer_outcome(x, r);
    return r != 0;
}

static void *handler_place(void *ctx UNUSED, struct http_request *http, size_t *ret_room)
{
    struct exchange *x = http->state;
    if (x->payload)
        return payload_place(x, ret_room);
    return x->call.operation->place ? x->call.operation->place(&x->call, ret_room) : NULL;
}

static void handler_too_large(void *ctx UNUSED, struct http_request *http)
{
    struct exchange *x = http->state;
    (void)reason_set(&x->call.reason, 0, "The request's body is larger than %zu bytes.", http->body_max);
    answer_refusal(x, REFUSE_TOO_LARGE);
}

/* Whether the body is another than the one that was signed; S3's error says both digests. */
static bool another_body(struct exchange *x, const char *computed)
{
    if (!auth_claims_digest(x) || str_eq_nocase(x->claim.payload_hash, str_of(computed)))
        return false;
    call_error_text(&x->call, "ClientComputedContentSHA256", x->claim.payload_hash);
    call_error_text(&x->call, "S3ComputedContentSHA256", str_of(computed));
    return true;
}

/* The body is here: is it the one that was signed, and what does it say? */
static int decode(struct exchange *x)
{
    struct call *c = &x->call;
    unsigned char digest[HASH_MAX_SIZE];
    char hex[HASH_HEX_SIZE];
    if (c->body_hash) {
        if (c->operation->whole)
            c->operation->whole(c);
        hash_final(c->body_hash, digest);
        hex_encode(digest, hash_size(HASH_SHA256), c->body_sha256);
        if (another_body(x, c->body_sha256))
            return REFUSE_PAYLOAD;
        int r = x->payload ? payload_finish(x) : 0;
        if (r != 0)
            return r;
    } else if (!x->verified || (c->http->body.len > 0 && auth_claims_digest(x))) {
        hash_sha256_hex(buf_str(&c->http->body), hex);
        if (another_body(x, hex))
            return REFUSE_PAYLOAD;
        int r = auth_verify(x, str_of(hex));
        if (r != 0)
            return r;
    }
    x->decoded = true;
    return x->protocol->decode(x);
}

int call_look(struct call *c, uint64_t subject, struct tx **ret)
{
    if (!c->http->must_not_wait)
        return db_look(c->platform->db, subject, ret);
    int r = db_look_soon(c->platform->db, subject, ret);
    return r == DB_BUSY ? CALL_ELSEWHERE : r;
}

int call_read(struct call *c, struct tx **ret)
{
    return c->http->must_not_wait ? CALL_ELSEWHERE : db_read(c->platform->db, ret);
}

int call_looked(struct tx **tx, int rc)
{
    if (rc < 0 || !*tx)
        return rc;
    int looked = db_commit(tx);
    return looked != 0 ? looked : rc;
}

static void durable(struct db_later *later, int result)
{
    struct exchange *x = CONTAINER_OF(later, struct exchange, durable);
    http_release(x->call.http, result);
}

int call_commit(struct call *c, struct tx **tx)
{
    struct exchange *x = CONTAINER_OF(c, struct exchange, call);
    x->durable.done = durable;
    http_hold(c->http);
    int r = db_commit_later(tx, &x->durable);
    if (r != 0)
        http_release(c->http, 0);
    return r;
}

static bool is_refusal(int outcome)
{
    return outcome > 0 && outcome != CALL_WAIT && outcome != CALL_ELSEWHERE && outcome != CALL_REPLIED;
}

/* The outcome, whose answer waits until what it was found by is durable: by a transaction that does nothing,
 * which is so no sooner than those before it. A fault: it will not be. */
static int refuse(struct exchange *x, int outcome)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(x->call.platform->db, &tx);
    if (r == 0)
        r = call_commit(&x->call, &tx);
    return r != 0 ? r : outcome;
}

static int transact(struct exchange *x)
{
    struct call *c = &x->call;
    unsigned flags = c->operation->flags;
    int r = 0;
    if (flags & OP_WRITE)
        r = db_begin(c->platform->db, &c->tx);
    else if (flags & OP_READ)
        r = db_read(c->platform->db, &c->tx);
    if (r == 0) {
        x->entered = true;
        r = c->operation->run(c);
    }
    if ((r == 0 || r == CALL_REPLIED) && (flags & OP_WRITE)) {
        int committed = call_commit(c, &c->tx);
        if (committed != 0)
            r = committed;
    }
    db_end(&c->tx);
    bool sees_durable = flags & (OP_READ | OP_INLINE);
    bool waits = x->durable.done;
    return is_refusal(r) && !sees_durable && !waits ? refuse(x, r) : r;
}

static int clear_output(struct call *c)
{
    json_free(&c->out);
    buf_free(&c->members);
    c->out = json_object();
    c->members = BUF_INIT(ANSWER_MAX);
    c->reason.text[0] = '\0';
    c->error_header_count = c->error_element_count = c->reply_header_count = 0;
    return c->out ? 0 : FAULT(ENOMEM);
}

/* The answer is written. By the thread that made them, and while the disk works: it has their memory for the
 * next call, and the thread that sends answers is spared. */
static void trees_free(struct call *c)
{
    if (c->http->must_not_wait)
        return;
    json_free(&c->in);
    json_free(&c->out);
    buf_free(&c->members);
}

static void perform(struct exchange *x)
{
    struct call *c = &x->call;
    int r = clear_output(c);
    c->ticket = wake_now(); /* a change that the transaction does not see comes after it */
    if (r == 0)
        r = transact(x);
    assert(c->members.len == 0 || x->protocol->kind & (PROTOCOL_JSON_10 | PROTOCOL_JSON_11));
    if (r == 0)
        r = x->protocol->encode(x);
    if (r == CALL_ELSEWHERE)
        http_run_elsewhere(c->http);
    else if (r == CALL_WAIT)
        http_park(c->http, c->wait_topic, c->ticket, c->wait_deadline_mono_ms);
    else {
        if (r != 0 && r != CALL_REPLIED)
            answer_outcome(x, r);
        trees_free(c);
    }
}

static void handler_run(void *ctx UNUSED, struct http_request *http)
{
    struct exchange *x = http->state;
    struct call *c = &x->call;
    if (!x->decoded) {
        int r = decode(x);
        if (r != 0) {
            answer_refusal(x, r);
            return;
        }
        r = shape_validate(c->operation->in, c->in, &c->reason);
        if (r != 0) {
            answer_outcome(x, r);
            return;
        }
    }
    if (c->http->must_not_wait && !(c->operation->flags & OP_INLINE)) {
        place(c);
        http_run_elsewhere(c->http);
        return;
    }
    perform(x);
}

/* The answer was given already, and is another now. */
static void handler_failed(void *ctx UNUSED, struct http_request *http, int fault)
{
    answer_outcome(http->state, fault);
}

static void handler_end(void *ctx UNUSED, struct http_request *http)
{
    struct exchange *x = http->state;
    if (!x)
        return;
    if (x->entered && x->call.operation->end)
        x->call.operation->end(&x->call);
    hash_free(&x->call.body_hash);
    payload_free(x);
    json_free(&x->call.in);
    json_free(&x->call.out);
    buf_free(&x->call.members);
}

struct http_handler dispatcher_handler(struct dispatcher *dispatcher)
{
    return (struct http_handler){
        .ctx = dispatcher,
        .begin = handler_begin,
        .body = handler_body,
        .place = handler_place,
        .too_large = handler_too_large,
        .run = handler_run,
        .failed = handler_failed,
        .end = handler_end,
    };
}
