/* Signing and verifying by Signature Version 4: key, string to sign, signature. */
#include "wire/sigv4.h"
#include "base/hash.h"
#include "wire/sigv4_canonical.h"
#include "wire/time.h"
#include "wire/uri.h"
#include <ctype.h>

#define TO_SIGN_USUAL 200
#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define DATE_LEN 8
#define CANONICAL_MAX ((size_t)1 << 20)

/* What the credential scope is made of. */
struct scope {
    struct str date;
    struct str region;
    struct str service;
};

static void sign(const unsigned char key[SIGV4_KEY_SIZE], struct str to_sign, char ret[HASH_HEX_SIZE])
{
    unsigned char signature[SIGV4_KEY_SIZE];

    hash_hmac_sha256((struct str){(const char *)key, SIGV4_KEY_SIZE}, to_sign, signature);
    hex_encode(signature, sizeof(signature), ret);
}

static void put_scope(struct buf *out, const struct scope *scope)
{
    buf_put_str(out, scope->date);
    buf_putc(out, '/');
    buf_put_str(out, scope->region);
    buf_putc(out, '/');
    buf_put_str(out, scope->service);
    buf_puts(out, "/" TERMINATOR);
}

static int put_to_sign(struct buf *out, int64_t time_ms, const struct scope *scope, struct str canonical)
{
    char time[TIME_TEXT_SIZE];
    char digest[HASH_HEX_SIZE];

    time_amz(time_ms, time);
    hash_sha256_hex(canonical, digest);
    (void)buf_reserve(out, TO_SIGN_USUAL);
    buf_puts(out, ALGORITHM "\n");
    buf_puts(out, time);
    buf_putc(out, '\n');
    put_scope(out, scope);
    buf_putc(out, '\n');
    buf_puts(out, digest);
    return buf_error(out);
}

static bool in_list(struct str list, struct str name)
{
    struct str rest = list;

    while (rest.ptr)
        if (str_eq_nocase(str_split(&rest, ';'), name))
            return true;
    return false;
}

bool sigv4_covers(struct str signed_headers, struct str name)
{
    struct str prefix = {name.ptr, name.len < 6 ? name.len : 6};
    bool must = str_eq_nocase(name, STR("host")) || str_eq_nocase(prefix, STR("x-amz-"));

    return !must || in_list(signed_headers, name);
}

static bool headers_covered(const struct sigv4_request *request, struct str signed_headers)
{
    if (!in_list(signed_headers, STR("host")))
        return false;
    for (size_t i = 0; i < request->header_count; i++)
        if (!sigv4_covers(signed_headers, request->headers[i].name))
            return false;
    return true;
}

static int hand_over(struct arena *arena, const struct buf *text, struct str *ret)
{
    char *copy;

    if (!ret)
        return 0;
    copy = arena_dup(arena, buf_str(text));
    if (!copy)
        return FAULT(ENOMEM);
    *ret = (struct str){copy, text->len};
    return 0;
}

static int verify_form(struct arena *arena, const struct sigv4_request *request,
                       const struct sigv4_claim *claim, enum sigv4_form form, struct str payload_hash,
                       const unsigned char key[SIGV4_KEY_SIZE], struct str *ret_canonical,
                       struct str *ret_to_sign)
{
    CLEANUP(buf_free) struct buf canonical = BUF_INIT(CANONICAL_MAX);
    CLEANUP(buf_free) struct buf to_sign = BUF_INIT(CANONICAL_MAX);
    const struct scope scope = {claim->date, claim->region, claim->service};
    const char *service = arena_dup(arena, claim->service);
    char signature[HASH_HEX_SIZE];
    int r;

    if (!service)
        return FAULT(ENOMEM);
    r = sigv4_canonical(arena, request, service, form, claim->signed_headers, payload_hash, &canonical);
    if (r == 0)
        r = put_to_sign(&to_sign, claim->time_ms, &scope, buf_str(&canonical));
    if (r == URI_E_BAD || r == -EMSGSIZE)
        return SIGV4_MISMATCH;
    if (r != 0)
        return r;
    sign(key, buf_str(&to_sign), signature);
    if (claim->signature.len == strlen(signature) &&
        hash_equal(claim->signature.ptr, signature, strlen(signature)))
        return 0;
    r = hand_over(arena, &canonical, ret_canonical);
    if (r == 0)
        r = hand_over(arena, &to_sign, ret_to_sign);
    return r == 0 ? SIGV4_MISMATCH : r;
}

int sigv4_verify(struct arena *arena, const struct sigv4_request *request, const struct sigv4_claim *claim,
                 struct str payload_hash, const unsigned char key[SIGV4_KEY_SIZE], int64_t now_ms,
                 struct str *ret_canonical, struct str *ret_to_sign)
{
    int r = SIGV4_MISMATCH;

    if (claim->time_ms > now_ms + SIGV4_MAX_SKEW_MS)
        return SIGV4_SKEWED;
    if (!claim->presigned && claim->time_ms < now_ms - SIGV4_MAX_SKEW_MS)
        return SIGV4_SKEWED;
    if (claim->presigned && claim->expires_ms < now_ms)
        return SIGV4_EXPIRED;
    /* Forms from last to first, so that a mismatch tells what was made of the request as it was sent. */
    for (int form = SIGV4_FORMS - 1; form >= 0 && r == SIGV4_MISMATCH; form--)
        r = verify_form(arena, request, claim, (enum sigv4_form)form, payload_hash, key, ret_canonical,
                        ret_to_sign);
    return r == 0 && !headers_covered(request, claim->signed_headers) ? SIGV4_UNCOVERED : r;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The names of all headers: lower case, sorted, each once, between semicolons. */
static int list_headers(struct arena *arena, const struct sigv4_request *request, struct buf *out)
{
    const char **names = arena_alloc(arena, (request->header_count + 1) * sizeof(*names));

    if (!names)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < request->header_count; i++) {
        char *name = arena_dup(arena, request->headers[i].name);

        if (!name)
            return FAULT(ENOMEM);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        names[i] = name;
    }
    qsort(names, request->header_count, sizeof(*names), compare_names);
    for (size_t i = 0; i < request->header_count; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue;
        if (i > 0)
            buf_putc(out, ';');
        buf_puts(out, names[i]);
    }
    return buf_error(out);
}

/* The signature of the request in the form in which it will be sent. */
static int sign_request(struct arena *arena, const struct sigv4_request *request, const struct scope *scope,
                        const char *service, const struct sigv4_credentials *credentials,
                        struct str signed_headers, struct str payload_hash, int64_t now_ms,
                        char ret[HASH_HEX_SIZE])
{
    CLEANUP(buf_free) struct buf canonical = BUF_INIT(CANONICAL_MAX);
    CLEANUP(buf_free) struct buf to_sign = BUF_INIT(CANONICAL_MAX);
    unsigned char key[SIGV4_KEY_SIZE];
    int r = sigv4_canonical(arena, request, service, SIGV4_AS_SENT, signed_headers, payload_hash, &canonical);

    if (r == URI_E_BAD)
        return FAULT(EINVAL);
    if (r == 0)
        r = put_to_sign(&to_sign, now_ms, scope, buf_str(&canonical));
    if (r == 0)
        r = sigv4_keys_get(credentials, scope->date, scope->region, scope->service, key);
    if (r == 0)
        sign(key, buf_str(&to_sign), ret);
    return r;
}

int sigv4_sign(struct arena *arena, const struct sigv4_request *request,
               const struct sigv4_credentials *credentials, const char *region, const char *service,
               struct str payload_hash, int64_t now_ms, struct str *ret_authorization)
{
    CLEANUP(buf_free) struct buf names = BUF_INIT(CANONICAL_MAX);
    CLEANUP(buf_free) struct buf out = BUF_INIT(CANONICAL_MAX);
    char time[TIME_TEXT_SIZE];
    char signature[HASH_HEX_SIZE];
    struct scope scope = {{time, DATE_LEN}, str_of(region), str_of(service)};
    int r = list_headers(arena, request, &names);

    time_amz(now_ms, time);
    if (r == 0)
        r = sign_request(arena, request, &scope, service, credentials, buf_str(&names), payload_hash, now_ms,
                         signature);
    if (r != 0)
        return r;
    buf_puts(&out, ALGORITHM " Credential=");
    buf_puts(&out, credentials->access_key_id);
    buf_putc(&out, '/');
    put_scope(&out, &scope);
    buf_puts(&out, ", SignedHeaders=");
    buf_put_str(&out, buf_str(&names));
    buf_puts(&out, ", Signature=");
    buf_puts(&out, signature);
    r = buf_error(&out);
    return r == 0 ? hand_over(arena, &out, ret_authorization) : r;
}

static void put_parameter(struct buf *out, const char *name, struct str value)
{
    if (out->len > 0)
        buf_putc(out, '&');
    buf_puts(out, name);
    buf_putc(out, '=');
    uri_encode(out, value, false);
}

/* The query of a presigned request before its signature. */
static int presigned_query(struct str query, const struct sigv4_credentials *credentials,
                           const struct scope *scope, const char *time, int64_t expires_s, struct buf *out)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(CANONICAL_MAX);

    buf_put_str(out, query);
    put_parameter(out, "X-Amz-Algorithm", STR(ALGORITHM));
    buf_puts(&text, credentials->access_key_id);
    buf_putc(&text, '/');
    put_scope(&text, scope);
    if (buf_error(&text))
        return buf_error(&text);
    put_parameter(out, "X-Amz-Credential", buf_str(&text));
    put_parameter(out, "X-Amz-Date", str_of(time));
    buf_reset(&text);
    if (buf_printf(&text, "%lld", (long long)expires_s) != 0)
        return buf_error(&text);
    put_parameter(out, "X-Amz-Expires", buf_str(&text));
    put_parameter(out, "X-Amz-SignedHeaders", STR("host"));
    if (credentials->session_token)
        put_parameter(out, "X-Amz-Security-Token", str_of(credentials->session_token));
    return buf_error(out);
}

int sigv4_presign(struct arena *arena, const struct sigv4_request *request,
                  const struct sigv4_credentials *credentials, const char *region, const char *service,
                  int64_t now_ms, int64_t expires_s, struct str *ret_query)
{
    CLEANUP(buf_free) struct buf query = BUF_INIT(CANONICAL_MAX);
    char time[TIME_TEXT_SIZE];
    char signature[HASH_HEX_SIZE];
    char empty[HASH_HEX_SIZE];
    struct scope scope = {{time, DATE_LEN}, str_of(region), str_of(service)};
    struct sigv4_request whole = *request;
    struct str payload_hash = STR(SIGV4_UNSIGNED_PAYLOAD);
    int r;

    time_amz(now_ms, time);
    hash_sha256_hex(STR(""), empty);
    if (!sigv4_path_is_verbatim(service))
        payload_hash = str_of(empty);
    r = presigned_query(request->query, credentials, &scope, time, expires_s, &query);
    if (r != 0)
        return r;
    whole.query = buf_str(&query);
    r = sign_request(arena, &whole, &scope, service, credentials, STR("host"), payload_hash, now_ms,
                     signature);
    if (r != 0)
        return r;
    put_parameter(&query, "X-Amz-Signature", str_of(signature));
    r = buf_error(&query);
    return r == 0 ? hand_over(arena, &query, ret_query) : r;
}
