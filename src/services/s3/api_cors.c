/* CORS: preflights, and what answers to pages of other origins carry. */
#include "services/s3/api.h"
#include "services/s3/cors.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include <inttypes.h>

#define LIST_MAX 16384

/* Header names or methods can be no lines: XML has been taken as it came. */
static void put(struct call *c, const char *name, const char *value)
{
    if (value && *value && !strpbrk(value, "\r\n"))
        call_any_header(c, name, value);
}

static void put_list(struct call *c, const char *name, const json_t *rule, const char *member)
{
    CLEANUP(buf_free) struct buf list = BUF_INIT(LIST_MAX);
    cors_list(&list, rule, member);
    if (buf_error(&list) == 0 && list.len > 0)
        put(c, name, list.ptr);
}

static void put_rule(struct call *c, const json_t *rule, const struct cors_request *request)
{
    int64_t age_s = json_int(rule, "MaxAgeSeconds", -1);
    bool any = cors_any_origin(rule, request);
    put(c, "Access-Control-Allow-Origin", any ? "*" : arena_dup(c->arena, request->origin));
    put_list(c, "Access-Control-Allow-Methods", rule, "AllowedMethod");
    put_list(c, "Access-Control-Expose-Headers", rule, "ExposeHeader");
    if (age_s >= 0)
        put(c, "Access-Control-Max-Age", arena_printf(c->arena, "%" PRId64, age_s));
    if (!any)
        put(c, "Access-Control-Allow-Credentials", "true");
    put(c, "Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

int api_admit_origin(struct call *c)
{
    CLEANUP(json_free) json_t *configuration = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    const struct cors_request request = {.origin = http_header(c->http, "origin"), .method = c->http->method};
    if (!request.origin.ptr || !c->bucket || str_eqc(request.method, "OPTIONS"))
        return 0;
    int rc = call_read(c, &tx);
    if (rc == 0)
        rc = setting_get(tx, c->bucket, SETTING_CORS, &configuration);
    if (rc == S3_E_NO_CORS)
        return 0;
    const json_t *rule = rc == 0 ? cors_rule(configuration, &request) : NULL;
    if (rule)
        put_rule(c, rule, &request);
    return rc;
}

static int refuse(struct call *c, const char *says)
{
    call_error_element(c, "Method",
                       arena_dup(c->arena, http_header(c->http, "access-control-request-method")));
    call_error_element(c, "ResourceType", c->key ? "OBJECT" : "BUCKET");
    return call_fail(c, S3_E_FORBIDDEN, "%s", says);
}

int api_preflight(struct call *c)
{
    CLEANUP(json_free) json_t *configuration = NULL;
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    const struct cors_request request = {.origin = http_header(c->http, "origin"),
                                         .method = http_header(c->http, "access-control-request-method"),
                                         .headers = http_header(c->http, "access-control-request-headers")};
    if (!request.origin.ptr)
        return call_fail(c, S3_E_BAD_REQUEST, "Insufficient information. Origin request header needed.");
    if (!request.method.ptr)
        return call_fail(c, S3_E_BAD_REQUEST, "Invalid Access-Control-Request-Method: null");
    int rc = bucket_load(c->tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = setting_get(c->tx, c->bucket, SETTING_CORS, &configuration);
    if (rc == S3_E_NO_CORS)
        return refuse(c, "CORSResponse: CORS is not enabled for this bucket.");
    if (rc != 0)
        return rc;
    const json_t *rule = cors_rule(configuration, &request);
    if (!rule)
        return refuse(c,
                      "CORSResponse: This CORS request is not allowed. This is usually because the evalution "
                      "of Origin, request method / Access-Control-Request-Method or "
                      "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.");
    put_rule(c, rule, &request);
    put(c, "Access-Control-Allow-Headers", arena_dup(c->arena, request.headers));
    call_reply(c, 200);
    http_reply_no_body(c->http, 0);
    return CALL_REPLIED;
}
