/* Errors: what the dispatcher refuses and what operations end with, as each protocol calls it.
 * Source: "Common Errors" of the services' API references; S3's "Error responses"; observed with AWS CLI 2.9.
 */
#include "services/exchange.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/time.h"
#include <ctype.h>

enum { COLUMN_JSON, COLUMN_QUERY, COLUMN_S3, COLUMNS };

struct code {
    const char *code;
    unsigned status;
};

struct refusal_row {
    struct code as[COLUMNS];
    const char *message; /* when the step said nothing */
};

static const struct refusal_row refusals[REFUSE_COUNT] = {
    [REFUSE_UNSIGNED] = {{{"MissingAuthenticationTokenException", 400},
                          {"MissingAuthenticationToken", 403},
                          {"AccessDenied", 403}},
                         "Request is missing Authentication Token: sign it with Signature Version 4."},
    [REFUSE_SIGNATURE_MALFORMED] =
        {{{"IncompleteSignatureException", 400},
          {"IncompleteSignature", 400},
          {"AuthorizationHeaderMalformed", 400}},
         "The request's signature cannot be read: Authorization (or the X-Amz-* query "
         "parameters) must be a complete AWS4-HMAC-SHA256 signature with a date."},
    [REFUSE_SIGNATURE_QUERY] =
        {{{"IncompleteSignatureException", 400},
          {"IncompleteSignature", 400},
          {"AuthorizationQueryParametersError", 400}},
         "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
         "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
    [REFUSE_SIGNATURE_OLD] =
        {{{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400}, {"InvalidRequest", 400}},
         "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
    [REFUSE_SKEWED] = {{{"InvalidSignatureException", 400},
                        {"SignatureDoesNotMatch", 403},
                        {"RequestTimeTooSkewed", 403}},
                       "The difference between the request time and the current time is too large. Signature "
                       "expired or not yet current: set the client's clock."},
    [REFUSE_EXPIRED] = {{{"InvalidSignatureException", 400},
                         {"SignatureDoesNotMatch", 403},
                         {"AccessDenied", 403}},
                        "Request has expired"},
    [REFUSE_KEY_UNKNOWN] = {{{"UnrecognizedClientException", 400},
                             {"InvalidClientTokenId", 403},
                             {"InvalidAccessKeyId", 403}},
                            "The AWS Access Key Id you provided does not exist in our records: the security "
                            "token included in the request is invalid."},
    [REFUSE_SIGNATURE] = {{{"InvalidSignatureException", 400},
                           {"SignatureDoesNotMatch", 403},
                           {"SignatureDoesNotMatch", 403}},
                          "The request signature we calculated does not match the signature you provided. "
                          "Check your AWS Secret Access Key and signing method."},
    [REFUSE_HEADERS] = {{{"InvalidSignatureException", 400},
                         {"SignatureDoesNotMatch", 403},
                         {"AccessDenied", 403}},
                        "There were headers present in the request which were not signed"},
    [REFUSE_SCOPE] = {{{"InvalidSignatureException", 400},
                       {"SignatureDoesNotMatch", 403},
                       {"AuthorizationHeaderMalformed", 400}},
                      "Credential should be scoped to a valid region and service."},
    [REFUSE_TOKEN] = {{{"UnrecognizedClientException", 400},
                       {"InvalidClientTokenId", 403},
                       {"InvalidToken", 400}},
                      "The security token included in the request is invalid."},
    [REFUSE_TOKEN_EXPIRED] = {{{"ExpiredTokenException", 400}, {"ExpiredToken", 403}, {"ExpiredToken", 400}},
                              "The security token included in the request is expired"},
    [REFUSE_PAYLOAD] = {{{"InvalidSignatureException", 400},
                         {"SignatureDoesNotMatch", 403},
                         {"XAmzContentSHA256Mismatch", 400}},
                        "The provided 'x-amz-content-sha256' header does not match what was computed."},
    [REFUSE_PAYLOAD_HASH] = {{{"InvalidSignatureException", 400},
                              {"SignatureDoesNotMatch", 403},
                              {"InvalidRequest", 400}},
                             "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value."},
    [REFUSE_SUB_RESOURCE] = {{{"SerializationException", 400},
                              {"InvalidAction", 400},
                              {"InvalidRequest", 400}},
                             "There is no such sub-resource."},
    [REFUSE_INCOMPLETE] = {{{"SerializationException", 400},
                            {"IncompleteBody", 400},
                            {"IncompleteBody", 400}},
                           "The request body terminated unexpectedly"},
    [REFUSE_CHUNK_SIZE] = {{{"SerializationException", 400},
                            {"InvalidChunkSizeError", 403},
                            {"InvalidChunkSizeError", 403}},
                           "Only the last chunk is allowed to have a size less than 8192 bytes"},
    [REFUSE_TRAILER] =
        {{{"SerializationException", 400}, {"MalformedTrailerError", 400}, {"MalformedTrailerError", 400}},
         "The request contained trailing data that was not well-formed or did not conform to our published "
         "schema."},
    [REFUSE_NO_LENGTH] = {{{"SerializationException", 411},
                           {"MissingContentLength", 411},
                           {"MissingContentLength", 411}},
                          "You must provide the Content-Length HTTP header."},
    [REFUSE_OPERATION] = {{{"UnknownOperationException", 400},
                           {"InvalidAction", 400},
                           {"NotImplemented", 501}},
                          "This operation is not supported by Slipway."},
    [REFUSE_METHOD] = {{{"UnknownOperationException", 400},
                        {"InvalidAction", 400},
                        {"MethodNotAllowed", 405}},
                       "The specified method is not allowed against this resource."},
    [REFUSE_BODY] = {{{"SerializationException", 400}, {"MalformedQueryString", 400}, {"MalformedXML", 400}},
                     "The request's body cannot be decoded."},
    [REFUSE_NO_BODY] = {{{"SerializationException", 400},
                         {"MalformedQueryString", 400},
                         {"MissingRequestBodyError", 400}},
                        "Request Body is empty"},
    [REFUSE_VALUE] = {{{"SerializationException", 400},
                       {"MalformedQueryString", 400},
                       {"InvalidArgument", 400}},
                      "A parameter of the request is not valid."},
    [REFUSE_TOO_LARGE] = {{{"RequestEntityTooLargeException", 413},
                           {"RequestEntityTooLarge", 413},
                           {"MaxMessageLengthExceeded", 400}},
                          "Your request was too large."},
    [REFUSE_INVALID] = {{{"ValidationException", 400}, {"ValidationError", 400}, {"InvalidArgument", 400}},
                        "A parameter of the request is not valid."},
    [REFUSE_DENIED] = {{{"AccessDeniedException", 400}, {"AccessDenied", 403}, {"AccessDenied", 403}},
                       "Access Denied"},
    [REFUSE_UNSUPPORTED] = {{{"UnsupportedOperationException", 400},
                             {"UnsupportedOperation", 400},
                             {"NotImplemented", 501}},
                            "This is not supported by Slipway."},
    [REFUSE_NO_SPACE] =
        {{{"ServiceUnavailableException", 503}, {"ServiceUnavailable", 503}, {"ServiceUnavailable", 503}},
         "The server's disk is full: nothing was changed. Free space in its data folder and try "
         "again."},
    [REFUSE_FAULT] = {{{"InternalFailure", 500}, {"InternalFailure", 500}, {"InternalError", 500}},
                      "We encountered an internal error. Please try again."},
};

static int column_of(const struct exchange *x)
{
    if (x->protocol->kind == PROTOCOL_REST_XML)
        return COLUMN_S3;
    return x->protocol->kind == PROTOCOL_QUERY ? COLUMN_QUERY : COLUMN_JSON;
}

static const char *operation_of(const struct exchange *x)
{
    if (x->call.operation)
        return x->call.operation->name;
    return x->asked ? x->asked : "-";
}

void answer_headers(struct exchange *x)
{
    struct http_request *http = x->call.http;
    if (column_of(x) != COLUMN_S3) {
        http_reply_header(http, "x-amzn-RequestId", http->id);
    } else {
        char host_id[64];
        base64_encode(http->id, strlen(http->id), host_id);
        http_reply_header(http, "x-amz-request-id", http->id);
        http_reply_header(http, "x-amz-id-2", host_id);
    }
    for (size_t i = 0; i < x->call.any_header_count; i++)
        http_reply_header(http, x->call.any_headers[i].name.ptr, x->call.any_headers[i].value.ptr);
    if (http_header(http, "x-slipway-wait").ptr)
        http_reply_header(http, "X-Slipway-Wait", "ok");
}

void call_reply(struct call *c, unsigned status)
{
    http_reply(c->http, status);
    answer_headers(CONTAINER_OF(c, struct exchange, call));
}

static void answer_error(struct exchange *x, const struct wire_error *error)
{
    log_debug("services", "%s %.64s: %u %s: %s", x->call.http->id, operation_of(x), error->status,
              error->code, error->message);
    http_reply_discard(x->call.http);
    x->protocol->error(x, error);
}

static void put_time(struct exchange *x, const char *name, int64_t at_ms)
{
    char time[TIME_TEXT_SIZE];
    time_iso8601_s(at_ms, time);
    call_error_text(&x->call, name, str_of(time));
}

/* The names of the headers that should have been signed. */
static void put_uncovered(struct exchange *x)
{
    CLEANUP(buf_free) struct buf names = BUF_INIT(1024);
    for (size_t i = 0; i < x->wire.header_count; i++) {
        struct str name = x->wire.headers[i].name;
        if (sigv4_covers(x->claim.signed_headers, name))
            continue;
        buf_puts(&names, names.len > 0 ? ", " : "");
        for (size_t k = 0; k < name.len; k++)
            buf_putc(&names, (char)tolower((unsigned char)name.ptr[k]));
    }
    call_error_text(&x->call, "HeadersNotSigned", buf_str(&names));
}

/* What S3's errors say besides. Clients find a bucket's region by one. */
static void put_details(struct exchange *x, int refusal)
{
    struct call *c = &x->call;
    switch (refusal) {
    case REFUSE_SCOPE:
        call_error_element(c, "Region", c->platform->region);
        return;
    case REFUSE_KEY_UNKNOWN:
        call_error_text(c, "AWSAccessKeyId", x->claim.access_key_id);
        return;
    case REFUSE_HEADERS:
        put_uncovered(x);
        return;
    case REFUSE_SKEWED:
        put_time(x, "RequestTime", x->claim.time_ms);
        put_time(x, "ServerTime", clock_now_ms());
        call_error_number(c, "MaxAllowedSkewMilliseconds", SIGV4_MAX_SKEW_MS);
        return;
    case REFUSE_EXPIRED:
        put_time(x, "Expires", x->claim.expires_ms);
        put_time(x, "ServerTime", clock_now_ms());
        return;
    default:
        return;
    }
}

void answer_refusal(struct exchange *x, int refusal_or_fault)
{
    int refusal = refusal_or_fault;
    if (refusal == -ENOSPC || refusal == -EDQUOT)
        refusal = REFUSE_NO_SPACE;
    if (refusal <= 0 || refusal >= REFUSE_COUNT)
        refusal = REFUSE_FAULT;
    if (refusal == REFUSE_FAULT || refusal == REFUSE_NO_SPACE) {
        log_error("services", "request %s: %.64s of %s failed: %s", x->call.http->id, operation_of(x),
                  x->call.service ? x->call.service->name : "no service",
                  refusal_or_fault < 0 ? strerror(-refusal_or_fault) : "an outcome without a row");
        x->call.reason.text[0] = '\0'; /* a fault's words stay in the log */
    }
    if (column_of(x) == COLUMN_S3)
        put_details(x, refusal);
    const struct code *code = &refusals[refusal].as[column_of(x)];
    const char *said = x->call.reason.text;
    answer_error(x, &(struct wire_error){.code = code->code,
                                         .status = code->status,
                                         .message = said[0] ? said : refusals[refusal].message});
}

/* The outcomes that every service has, unless its own rows say otherwise. */
static int common_refusal(int outcome)
{
    switch (outcome) {
    case CALL_DENIED:
        return REFUSE_DENIED;
    case CALL_UNSUPPORTED:
        return REFUSE_UNSUPPORTED;
    case CALL_INVALID:
        return REFUSE_INVALID;
    default:
        return outcome < 0 ? outcome : REFUSE_FAULT;
    }
}

void answer_outcome(struct exchange *x, int outcome)
{
    const struct service *service = x->call.service;
    const char *said = x->call.reason.text;
    if (outcome == CALL_REFUSED) {
        answer_refusal(x, x->refusal);
        return;
    }
    const struct service_error *row = service_error_of(service, outcome);
    if (row) {
        const char *message = row->message ? row->message : "";
        answer_error(x, &(struct wire_error){.code = row->code,
                                             .query_code = row->query_code,
                                             .status = row->status,
                                             .message = said[0] ? said : message});
        return;
    }
    if (outcome == CALL_INVALID && service->invalid_code) {
        answer_error(x, &(struct wire_error){.code = service->invalid_code,
                                             .status = 400,
                                             .message = said[0] ? said : refusals[REFUSE_INVALID].message});
        return;
    }
    if (outcome > 0 && common_refusal(outcome) == REFUSE_FAULT)
        log_error("services", "%s: outcome %d of %s has no row in its errors", x->call.http->id, outcome,
                  operation_of(x));
    answer_refusal(x, common_refusal(outcome));
}
