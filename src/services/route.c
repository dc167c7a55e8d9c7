/* Which service and operation a request means.
 *
 * JSON by X-Amz-Target's prefix; Query by the credential scope's service and a form's Action; all else is S3:
 * method, bucket and key of path or host, and the words of the row's sub_resource. A POST to a service's
 * hook_path is that service's hook. */
#include "services/exchange.h"
#include <stdio.h>

#define BODY_MAX ((size_t)1024 * 1024)

static const struct service *service_named(const struct platform *platform, struct str name)
{
    for (const struct service *const *service = platform->services; *service; service++)
        if (str_eqc(name, (*service)->name))
            return *service;
    return NULL;
}

static const struct operation *operation_named(const struct service *service, const char *name)
{
    for (size_t i = 0; i < service->operation_count; i++)
        if (strcmp(service->operations[i].name, name) == 0)
            return &service->operations[i];
    return NULL;
}

static bool known_to_aws(const struct service *service, const char *name)
{
    for (const char *const *known = service->unsupported; known && *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static int refuse_operation(struct exchange *x, const char *name)
{
    if (known_to_aws(x->call.service, name))
        return reason_set(&x->call.reason, REFUSE_OPERATION, "%s is not supported by Slipway", name);
    return reason_set(&x->call.reason, REFUSE_OPERATION,
                      "%.128s is not supported by Slipway: %s has no operation of that name", name,
                      x->call.service->name);
}

/* ---- JSON */

static int route_target(struct exchange *x, struct str target)
{
    struct call *c = &x->call;
    struct str name = target;
    struct str prefix = str_split(&name, '.');
    bool json_10 = str_starts(http_header(c->http, "content-type"), STR("application/x-amz-json-1.0"));
    x->protocol = json_10 ? &protocol_json_10 : &protocol_json_11;
    c->protocol = x->protocol->kind;
    for (const struct service *const *service = c->platform->services; *service; service++)
        if ((*service)->target_prefix && str_eqc(prefix, (*service)->target_prefix))
            c->service = *service;
    x->asked = arena_dup(c->arena, name);
    if (!x->asked)
        return FAULT(ENOMEM);
    if (!c->service)
        return reason_set(&c->reason, REFUSE_OPERATION,
                          "X-Amz-Target '%.*s' names no service that Slipway supports",
                          target.len > 128 ? 128 : (int)target.len, target.ptr);
    c->operation = operation_named(c->service, x->asked);
    return c->operation ? 0 : refuse_operation(x, x->asked);
}

/* ---- Query */

int route_query(struct exchange *x, const struct uri_query *pairs)
{
    struct call *c = &x->call;
    struct str action = uri_get(pairs, "Action");
    struct str version = uri_get(pairs, "Version");
    if (!action.ptr || action.len == 0)
        return reason_set(&c->reason, REFUSE_OPERATION,
                          "The request has no parameter Action; it names the operation");
    x->asked = arena_dup(c->arena, action);
    if (!x->asked)
        return FAULT(ENOMEM);
    if (version.ptr && c->service->api_version && !str_eqc(version, c->service->api_version))
        return reason_set(&c->reason, REFUSE_OPERATION,
                          "Could not find operation %.128s for version %.*s: %s speaks %s", x->asked,
                          version.len > 32 ? 32 : (int)version.len, version.ptr, c->service->name,
                          c->service->api_version);
    c->operation = operation_named(c->service, x->asked);
    return c->operation ? 0 : refuse_operation(x, x->asked);
}

/* An unsigned form (a link in a message) names its service by an operation that takes such. */
static void route_unsigned(struct exchange *x)
{
    struct call *c = &x->call;
    const char *name = arena_dup(c->arena, uri_get(&c->query, "Action"));
    for (const struct service *const *service = c->platform->services; name && *service; service++) {
        const struct operation *found =
            (*service)->protocols & PROTOCOL_QUERY ? operation_named(*service, name) : NULL;
        if (!found || !(found->flags & OP_ANONYMOUS))
            continue;
        c->service = *service;
        c->operation = found;
    }
}

static bool looks_like_query(const struct exchange *x)
{
    struct str type = http_header(x->call.http, "content-type");
    return str_starts(type, STR("application/x-www-form-urlencoded")) || uri_has(&x->call.query, "Action");
}

/* ---- S3 */

/* Parameters that make a request mean something else than its method alone. A row without sub_resource does
 * not match a request that has one. */
static const char *const sub_resources[] = {
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "intelligent-tiering",
    "lifecycle",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
};

static const char *sub_resource_asked(const struct uri_query *query)
{
    for (size_t i = 0; query->count > 0 && i < ARRAY_LEN(sub_resources); i++)
        if (uri_has(query, sub_resources[i]))
            return sub_resources[i];
    return NULL;
}

/* Every word of "partNumber uploadId x-amz-copy-source" is a parameter, or a header when it starts with x-.
 */
static bool has_all(const struct exchange *x, const char *words)
{
    struct str rest = str_of(words);
    while (rest.ptr) {
        char name[64];
        struct str word = str_split(&rest, ' ');
        if (word.len >= sizeof(name))
            return false;
        memcpy(name, word.ptr, word.len);
        name[word.len] = '\0';
        bool header = str_starts(word, STR("x-"));
        if (header ? !http_header(x->call.http, name).ptr : !uri_has(&x->call.query, name))
            return false;
    }
    return true;
}

/* "bucket.s3.us-east-1.amazonaws.com:443" → "bucket"; {NULL,0} for a host that names no bucket. */
static struct str host_bucket(struct str host)
{
    static const char *const marks[] = {".s3.", ".s3-"};
    if (!host.ptr)
        return host;
    const char *colon = memrchr(host.ptr, ':', host.len);
    if (colon && !memchr(host.ptr, ']', host.len))
        host.len = (size_t)(colon - host.ptr);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        const char *mark = memmem(host.ptr, host.len, marks[i], strlen(marks[i]));
        if (mark && mark > host.ptr)
            return (struct str){host.ptr, (size_t)(mark - host.ptr)};
    }
    if (str_ends(host, STR(".localhost")) && !str_starts(host, STR("s3.")) && !str_starts(host, STR("s3-")))
        return (struct str){host.ptr, host.len - strlen(".localhost")};
    return (struct str){NULL, 0};
}

/* A plus is a blank, as S3 has it: who means one sends %2B. */
static int decode_into(struct exchange *x, struct str raw, struct str *ret)
{
    int r = uri_decode(x->call.arena, raw, true, ret);
    if (r == URI_E_BAD)
        return reason_set(&x->call.reason, REFUSE_VALUE, "The path is not valid percent-encoding");
    return r;
}

static int locate(struct exchange *x)
{
    struct call *c = &x->call;
    struct str bucket = host_bucket(http_header(c->http, "host"));
    struct str rest = c->http->path;
    struct str decoded;
    if (rest.len > 0 && rest.ptr[0] == '/')
        rest = (struct str){rest.ptr + 1, rest.len - 1};
    c->bucket_in_host = bucket.ptr != NULL;
    if (!bucket.ptr) {
        bucket = str_split(&rest, '/');
        int r = decode_into(x, bucket, &bucket);
        if (r != 0)
            return r;
    }
    if (bucket.len > 0 && !(c->bucket = arena_dup(c->arena, bucket)))
        return FAULT(ENOMEM);
    if (rest.len == 0)
        return 0;
    int r = decode_into(x, rest, &decoded);
    if (r != 0)
        return r;
    c->key = decoded.ptr;
    c->key_len = decoded.len;
    return 0;
}

/* What S3 says of sub-resources of buckets that an object is asked for. */
static int refuse_of_object(struct exchange *x, const char *asked)
{
    static const char *const said[][2] = {
        {"uploads", "Key is not expected for the GET method ?uploads subresource"},
        {"versions", "There is no such thing as the ?versions sub-resource for a key"},
    };
    for (size_t i = 0; asked && x->call.key && i < ARRAY_LEN(said); i++)
        if (strcmp(asked, said[i][0]) == 0 && str_eqc(x->call.http->method, "GET"))
            return reason_set(&x->call.reason, REFUSE_SUB_RESOURCE, "%s", said[i][1]);
    return 0;
}

/* A part is put by its number: an upload itself is not. */
static int refuse_of_upload(struct exchange *x, const char *asked)
{
    struct call *c = &x->call;
    if (!asked || !c->key || strcmp(asked, "uploadId") != 0)
        return 0;
    call_error_header(c, "Allow", "DELETE, POST, GET");
    call_error_text(c, "Method", c->http->method);
    call_error_element(c, "ResourceType", "UPLOAD");
    return reason_set(&c->reason, REFUSE_METHOD,
                      "The specified method is not allowed against this resource.");
}

static int route_s3(struct exchange *x)
{
    struct call *c = &x->call;
    static const char *const level_names[] = {"the service", "a bucket", "an object"};
    x->protocol = &protocol_rest_xml;
    c->protocol = PROTOCOL_REST_XML;
    for (const struct service *const *service = c->platform->services; *service; service++)
        if ((*service)->protocols & PROTOCOL_REST_XML)
            c->service = *service;
    int r = c->service ? locate(x) : REFUSE_OPERATION;
    if (r != 0)
        return r;
    int level = c->key ? 2 : c->bucket ? 1 : 0;
    const char *asked = sub_resource_asked(&c->query);
    for (size_t i = 0; i < c->service->operation_count && !c->operation; i++) {
        const struct operation *row = &c->service->operations[i];
        bool fits = row->level == level && str_eqc(c->http->method, row->http_method) &&
                    (row->sub_resource ? has_all(x, row->sub_resource) : !asked);
        if (fits)
            c->operation = row;
    }
    if (c->operation)
        return 0;
    r = refuse_of_object(x, asked);
    if (r == 0)
        r = refuse_of_upload(x, asked);
    if (r != 0)
        return r;
    if (asked)
        return reason_set(&c->reason, REFUSE_OPERATION, "%.*s with ?%s on %s is not supported by Slipway",
                          STR_ARG(c->http->method), asked, level_names[level]);
    return reason_set(&c->reason, REFUSE_METHOD, "%.*s on %s is not supported by Slipway",
                      STR_ARG(c->http->method), level_names[level]);
}

/* ---- hooks */

/* S3's POSTs to an object of that name all have a sub-resource. Whatever signature there is says nothing. */
static bool route_hook(struct exchange *x)
{
    struct call *c = &x->call;
    if (!str_eqc(c->http->method, "POST") || sub_resource_asked(&c->query))
        return false;
    for (const struct service *const *service = c->platform->services; *service; service++)
        if ((*service)->hook_path && str_eqc(c->http->path, (*service)->hook_path))
            c->service = *service;
    if (!c->service)
        return false;
    x->protocol = &protocol_hook;
    c->protocol = PROTOCOL_HOOK;
    c->operation = c->service->hook;
    x->claimed = SIGV4_NONE;
    return true;
}

/* ---- all */

int route_request(struct exchange *x)
{
    struct call *c = &x->call;
    struct str target = http_header(c->http, "x-amz-target");
    x->protocol = &protocol_rest_xml;
    c->protocol = PROTOCOL_REST_XML;
    int r = uri_parse_query(c->arena, c->http->query, true, &c->query);
    if (r == URI_E_BAD)
        return reason_set(&c->reason, REFUSE_VALUE, "The query string is not valid percent-encoding");
    if (r != 0)
        return r;
    if (target.ptr)
        return route_target(x, target);
    if (route_hook(x))
        return 0;
    const struct service *scope = x->claimed == 0 ? service_named(c->platform, x->claim.service) : NULL;
    bool query = scope ? scope->protocols & PROTOCOL_QUERY : looks_like_query(x);
    if (!query && !(scope && !(scope->protocols & PROTOCOL_REST_XML)))
        return route_s3(x);
    x->protocol = &protocol_query;
    c->protocol = PROTOCOL_QUERY;
    c->service = scope;
    if (x->claimed == SIGV4_NONE)
        route_unsigned(x);
    if (scope && !query)
        return reason_set(&c->reason, REFUSE_OPERATION,
                          "A request to %s names its operation in the header X-Amz-Target", scope->name);
    return 0;
}

size_t route_body_max(const struct exchange *x)
{
    const struct call *c = &x->call;
    size_t max = BODY_MAX;
    if (c->operation)
        return c->operation->body_max > 0 ? (size_t)c->operation->body_max : max;
    for (size_t i = 0; c->service && i < c->service->operation_count; i++)
        if (c->service->operations[i].body_max > (int64_t)max)
            max = (size_t)c->service->operations[i].body_max;
    return max;
}
