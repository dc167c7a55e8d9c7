/* Reading what a request claims of its signature: from Authorization, or from the query of a presigned URL.
 */
#include "wire/sigv4_canonical.h"
#include "wire/time.h"
#include "wire/uri.h"
#include <limits.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DATE_LEN 8
#define SIGNATURE_LEN 64

static bool only(struct str s, const char *allowed)
{
    bool in[UCHAR_MAX + 1] = {false};

    for (const char *c = allowed; *c; c++)
        in[(unsigned char)*c] = true;
    for (size_t i = 0; i < s.len; i++)
        if (!in[(unsigned char)s.ptr[i]])
            return false;
    return s.len > 0;
}

/* AKID/20261123/us-east-1/s3/aws4_request */
static bool read_credential(struct str credential, struct sigv4_claim *claim)
{
    struct str rest = credential;

    claim->access_key_id = str_split(&rest, '/');
    claim->date = str_split(&rest, '/');
    claim->region = str_split(&rest, '/');
    claim->service = str_split(&rest, '/');
    return str_eq(rest, STR("aws4_request")) && claim->access_key_id.len > 0 && claim->date.len == DATE_LEN &&
           only(claim->date, "0123456789") && claim->region.len > 0 && claim->service.len > 0;
}

/* Lower-case names between single semicolons. */
static bool signed_headers_good(struct str list)
{
    struct str rest = list;
    size_t count = 0;

    if (!only(list, "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~;"))
        return false;
    while (rest.ptr)
        if (str_split(&rest, ';').len == 0 || ++count > SIGV4_MAX_SIGNED_HEADERS)
            return false;
    return count > 0;
}

static bool signature_good(struct str signature)
{
    return signature.len == SIGNATURE_LEN && only(signature, "0123456789abcdef");
}

/* The credential's date must be the request's own. */
static bool date_fits(const struct sigv4_claim *claim)
{
    char text[TIME_TEXT_SIZE];

    time_amz(claim->time_ms, text);
    return memcmp(claim->date.ptr, text, DATE_LEN) == 0;
}

/* Takes "Name=value" fields between commas or blanks; each of the three exactly once. */
static bool read_fields(struct str fields, struct sigv4_claim *claim)
{
    struct str credential = {0};
    struct {
        const char *name;
        struct str *value;
    } wanted[] = {{"Credential", &credential},
                  {"SignedHeaders", &claim->signed_headers},
                  {"Signature", &claim->signature}};
    struct str rest = fields;

    while (rest.ptr) {
        struct str value = str_trim(str_split(&rest, ','));
        struct str name = str_split(&value, '=');
        size_t i = 0;

        while (i < ARRAY_LEN(wanted) && !str_eqc(name, wanted[i].name))
            i++;
        if (i == ARRAY_LEN(wanted) || wanted[i].value->ptr || !value.ptr)
            return false;
        *wanted[i].value = value;
    }
    return credential.ptr && read_credential(credential, claim);
}

static int read_header(const struct sigv4_request *request, struct str authorization, struct sigv4_claim *ret)
{
    struct sigv4_claim claim = {0};
    struct str rest = str_trim(authorization);
    struct str algorithm = str_split(&rest, ' ');
    struct str date = header_find(request->headers, request->header_count, "x-amz-date");

    if (!str_eq(algorithm, STR(ALGORITHM)) || !rest.ptr || !read_fields(rest, &claim))
        return SIGV4_MALFORMED;
    if (!signed_headers_good(claim.signed_headers) || !signature_good(claim.signature))
        return SIGV4_MALFORMED;
    if (date.ptr) {
        if (!time_parse_amz(str_trim(date), &claim.time_ms))
            return SIGV4_MALFORMED;
    } else {
        date = header_find(request->headers, request->header_count, "date");
        if (!date.ptr || !time_parse_http(str_trim(date), &claim.time_ms))
            return SIGV4_MALFORMED;
    }
    if (!date_fits(&claim))
        return SIGV4_MALFORMED;
    claim.session_token = header_find(request->headers, request->header_count, "x-amz-security-token");
    claim.payload_hash = header_find(request->headers, request->header_count, "x-amz-content-sha256");
    *ret = claim;
    return 0;
}

int sigv4_read_form(struct str algorithm, struct str credential, struct str date, struct str signature,
                    struct sigv4_claim *ret)
{
    struct sigv4_claim claim = {.signature = str_trim(signature)};

    if (!str_eq(algorithm, STR(ALGORITHM)) || !read_credential(credential, &claim) ||
        !signature_good(claim.signature) || !time_parse_amz(date, &claim.time_ms) || !date_fits(&claim))
        return SIGV4_MALFORMED;
    *ret = claim;
    return 0;
}

/* The one value of that name; {NULL,0} when it is absent or there are several. */
static struct str one_value(const struct uri_query *query, const char *name)
{
    struct str found = {0};

    for (size_t i = 0; i < query->count; i++) {
        if (!str_eqc(query->pairs[i].name, name))
            continue;
        if (found.ptr)
            return (struct str){NULL, 0};
        found = query->pairs[i].value;
    }
    return found;
}

static int read_presigned(const struct uri_query *query, struct sigv4_claim *ret)
{
    struct sigv4_claim claim = {.presigned = true};
    int64_t expires_s;

    claim.signed_headers = one_value(query, "X-Amz-SignedHeaders");
    claim.signature = one_value(query, "X-Amz-Signature");
    if (!str_eq(one_value(query, "X-Amz-Algorithm"), STR(ALGORITHM)) ||
        !read_credential(one_value(query, "X-Amz-Credential"), &claim) ||
        !time_parse_amz(one_value(query, "X-Amz-Date"), &claim.time_ms) ||
        !str_to_int(one_value(query, "X-Amz-Expires"), 0, SIGV4_MAX_EXPIRES_S, &expires_s) ||
        !signed_headers_good(claim.signed_headers) || !signature_good(claim.signature) || !date_fits(&claim))
        return SIGV4_MALFORMED;
    if (uri_has(query, "X-Amz-Security-Token")) {
        claim.session_token = one_value(query, "X-Amz-Security-Token");
        if (!claim.session_token.ptr)
            return SIGV4_MALFORMED;
    }
    claim.expires_ms = claim.time_ms + expires_s * 1000;
    *ret = claim;
    return 0;
}

int sigv4_read(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret)
{
    struct str authorization = header_find(request->headers, request->header_count, "authorization");
    struct uri_query query = {0};
    bool presigned;
    int r = uri_parse_query(arena, request->query, true, &query);

    if (r < 0)
        return r;
    /* A query that cannot be read can only fail to verify; what it asks for is refused by the service. */
    if (r == URI_E_BAD)
        query = (struct uri_query){0};
    presigned = uri_has(&query, "X-Amz-Algorithm") || uri_has(&query, "X-Amz-Signature") ||
                uri_has(&query, "X-Amz-Credential");
    if (presigned && authorization.ptr)
        return SIGV4_MALFORMED;
    if (presigned)
        return read_presigned(&query, ret);
    return authorization.ptr ? read_header(request, authorization, ret) : SIGV4_NONE;
}
