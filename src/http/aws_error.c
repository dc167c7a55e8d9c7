/* What went wrong, out of the three protocols' error answers.
 * Sources: smithy's awsJson1_1 and awsQuery error serialization; S3's "Error responses". */
#include "http/aws_client.h"
#include "wire/json.h"
#include "wire/xml.h"
#include <stdio.h>

static void copy_text(char *ret, size_t size, struct str text)
{
    snprintf(ret, size, STR_FMT, text.len > INT32_MAX ? INT32_MAX : (int)text.len, text.ptr ? text.ptr : "");
}

/* "com.amazonaws.sqs#QueueDoesNotExist:http://…" → "QueueDoesNotExist" */
static struct str bare_code(struct str code)
{
    struct str rest = str_split(&code, ':');
    struct str last = rest;

    while (rest.ptr)
        last = str_split(&rest, '#');
    return str_trim(last);
}

void aws_error_set(struct aws_error *ret, const char *code, const char *message)
{
    copy_text(ret->code, sizeof(ret->code), str_of(code));
    copy_text(ret->message, sizeof(ret->message), str_of(message));
}

/* An answer without a body (HEAD), or one that no AWS service wrote. */
static void read_status(unsigned status, struct aws_error *ret)
{
    static const struct {
        unsigned status;
        const char *code;
        const char *message;
    } rows[] = {
        {301, "MovedPermanently", "It is in another region."},
        {304, "NotModified", "It has not changed."},
        {400, "BadRequest", "The request is not valid."},
        {403, "Forbidden", "Access is denied."},
        {404, "NotFound", "It does not exist."},
        {409, "Conflict", "It conflicts with what is there."},
        {412, "PreconditionFailed", "A condition of the request does not hold."},
        {413, "EntityTooLarge", "The request is too large."},
        {416, "InvalidRange", "The range cannot be satisfied."},
        {429, "TooManyRequestsException", "Too many requests."},
        {503, "ServiceUnavailable", "The service is not available."},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status) {
            aws_error_set(ret, rows[i].code, rows[i].message);
            return;
        }
    snprintf(ret->code, sizeof(ret->code), "HTTP%u", status);
    snprintf(ret->message, sizeof(ret->message), "The answer was HTTP status %u without an explanation.",
             status);
}

static bool read_json(struct str body, struct str type_header, struct aws_error *ret)
{
    CLEANUP(json_free) json_t *tree = NULL;
    const char *type, *message;
    struct str code;

    if (json_parse(body, &tree, NULL) != 0 || !json_is_object(tree))
        return false;
    type = json_str(tree, "__type", json_str(tree, "code", NULL));
    code = bare_code(type_header.len > 0 ? type_header : str_of(type));
    if (code.len == 0)
        return false;
    message = json_str(tree, "message", json_str(tree, "Message", ""));
    copy_text(ret->code, sizeof(ret->code), code);
    copy_text(ret->message, sizeof(ret->message), str_of(message));
    return true;
}

static void copy_child(const xmlNode *parent, const char *name, char *ret, size_t size)
{
    CLEANUP(free_ptr) char *text = xml_text(xml_child(parent, name));

    if (text)
        copy_text(ret, size, str_trim(str_of(text)));
}

/* <ErrorResponse><Error><Code/><Message/></Error><RequestId/></ErrorResponse>, or S3's bare <Error>. */
static bool read_xml(struct str body, struct aws_error *ret)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    const xmlNode *root, *error;

    if (xml_parse(body, &doc, NULL) != 0)
        return false;
    root = xmlDocGetRootElement(doc);
    error = strcmp((const char *)root->name, "Error") == 0 ? root : xml_child(root, "Error");
    if (!xml_child(error, "Code"))
        return false;
    copy_child(error, "Code", ret->code, sizeof(ret->code));
    copy_child(error, "Message", ret->message, sizeof(ret->message));
    copy_child(root, "RequestId", ret->request_id, sizeof(ret->request_id));
    return true;
}

void aws_error_read(const struct http_exchange *exchange, struct aws_error *ret)
{
    static const char *const id_headers[] = {"x-amzn-requestid", "x-amz-request-id"};
    struct str body = str_trim(buf_str(&exchange->answer));
    bool read = false;

    *ret = (struct aws_error){.status = exchange->status};
    if (body.len > 0 && body.ptr[0] == '{')
        read = read_json(body, http_exchange_header(exchange, "x-amzn-errortype"), ret);
    else if (body.len > 0 && body.ptr[0] == '<')
        read = read_xml(body, ret);
    if (!read)
        read_status(exchange->status, ret);
    for (size_t i = 0; i < ARRAY_LEN(id_headers); i++) {
        struct str id = http_exchange_header(exchange, id_headers[i]);

        if (id.len > 0)
            copy_text(ret->request_id, sizeof(ret->request_id), id);
    }
}

static const char *fault_words(int fault)
{
    switch (-fault) {
    case EHOSTUNREACH:
        return "No such host is known, or no way to it";
    case EPROTO:
        return "TLS could not be agreed on; https:// is for a server that has a certificate";
    default:
        return strerrordesc_np(-fault);
    }
}

int aws_error_no_answer(int fault, const char *url, struct aws_error *ret)
{
    *ret = (struct aws_error){0};
    if (fault == -ECANCELED) {
        aws_error_set(ret, "Cancelled", "The request was given up.");
        return AWS_E_CANCELLED;
    }
    aws_error_set(ret, "Unreachable", "");
    if (fault == -EACCES) {
        snprintf(ret->message, sizeof(ret->message),
                 "The certificate of %s is not trusted: set AWS_CA_BUNDLE to a file with its authority's.",
                 url);
        return AWS_E_UNREACHABLE;
    }
    snprintf(ret->message, sizeof(ret->message), "No answer from %s: %s. Is the server running?", url,
             fault_words(fault));
    return AWS_E_UNREACHABLE;
}

bool aws_error_is_throttling(const struct aws_error *error)
{
    static const char *const codes[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(error->code, codes[i]) == 0)
            return true;
    return error->status == 429;
}
