/* What is signed: method, Content-MD5, Content-Type and Expires, a line each, x-amz- headers, and the
 * resource with its sub-resources. Headers may be in the query instead. */
#include "wire/sigv2.h"
#include "base/hash.h"
#include "wire/uri.h"
#include <ctype.h>

#define EXPIRES_MAX INT64_C(253402300799) /* the end of 9999 */
#define SHA1_SIZE 20
#define TO_SIGN_MAX ((size_t)64 * 1024)
#define LINES_MAX 128

static const char *const sub_resources[] = {
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
    NULL,
};

/* Not signed, and nothing but which part of a listing is wanted; or the signature itself. */
static const char *const harmless[] = {
    "AWSAccessKeyId",
    "Expires",
    "Signature",
    "content-md5",
    "content-type",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    NULL,
};

static bool one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_eqc(name, *names))
            return true;
    return false;
}

static bool is_amz(struct str name)
{
    return name.len > 6 && str_eq_nocase((struct str){name.ptr, 6}, STR("x-amz-"));
}

/* A line of its own cannot be told from two, nor a sub-resource in a value from one behind it. */
static bool unambiguous(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ')
            return false;
    (void)str_split(&value, '&');
    while (value.ptr) {
        struct str name = str_split(&value, '&');
        if (one_of(str_split(&name, '='), sub_resources))
            return false;
    }
    return true;
}

static bool understood(const struct sigv4_request *request, const struct uri_query *query)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", NULL};

    for (size_t i = 0; i < query->count; i++) {
        struct str name = query->pairs[i].name;

        if ((!is_amz(name) && !one_of(name, sub_resources) && !one_of(name, harmless)) ||
            !unambiguous(name) || !unambiguous(query->pairs[i].value))
            return false;
    }
    return one_of(request->method, methods);
}

int sigv2_read(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret)
{
    struct sigv4_claim claim = {.version_2 = true, .presigned = true, .service = STR("s3")};
    struct uri_query query;
    int64_t expires_s;
    int r = uri_parse_query(arena, request->query, false, &query);

    if (r)
        return r == URI_E_BAD ? SIGV4_NONE : r;
    if (!uri_has(&query, "AWSAccessKeyId"))
        return SIGV4_NONE;
    claim.access_key_id = uri_get(&query, "AWSAccessKeyId");
    claim.signature = uri_get(&query, "Signature");
    claim.session_token = uri_get(&query, "x-amz-security-token");
    if (!claim.access_key_id.len || !claim.signature.len || !understood(request, &query) ||
        !str_to_int(uri_get(&query, "Expires"), 0, EXPIRES_MAX, &expires_s))
        return SIGV4_MALFORMED;
    claim.expires_ms = expires_s * 1000;
    *ret = claim;
    return 0;
}

/* ---- lines, in order */

struct lines {
    struct uri_pair list[LINES_MAX];
    size_t count;
};

static bool is_before(struct str a, struct str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order < 0 || (order == 0 && a.len < b.len);
}

/* By name; those of one name in the order in which they came. */
static bool lines_add(struct lines *lines, const struct uri_pair *pair)
{
    size_t i = lines->count;

    if (lines->count == LINES_MAX)
        return false;
    for (; i > 0 && is_before(pair->name, lines->list[i - 1].name); i--)
        lines->list[i] = lines->list[i - 1];
    lines->list[i] = *pair;
    lines->count++;
    return true;
}

static struct str low(struct arena *arena, struct str name)
{
    char *text = arena_dup(arena, name);

    for (size_t i = 0; text && i < name.len; i++)
        text[i] = (char)tolower((unsigned char)text[i]);
    return (struct str){text, text ? name.len : 0};
}

struct place {
    const char *bucket; /* that the Host names; NULL */
    bool slash; /* at the end of a path that is a bucket alone: botocore signs it, and does not send it */
};

/* Of the headers, and of the query what no header has. */
static bool amz_lines(struct arena *arena, const struct sigv4_request *request, const struct uri_query *query,
                      struct lines *ret)
{
    bool fine = true;

    for (size_t i = 0; fine && i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        struct uri_pair pair = {.name = low(arena, header->name), .value = str_trim(header->value)};

        fine = pair.name.ptr && (!is_amz(header->name) || lines_add(ret, &pair));
    }
    for (size_t i = 0; fine && i < query->count; i++) {
        struct str name = query->pairs[i].name;
        struct uri_pair pair = {.name = low(arena, name), .value = str_trim(query->pairs[i].value)};
        bool sent = header_find(request->headers, request->header_count, name.ptr).ptr != NULL;

        fine = pair.name.ptr && (!is_amz(name) || sent || lines_add(ret, &pair));
    }
    return fine;
}

static void amz_put(struct buf *out, const struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct uri_pair *line = &lines->list[i];
        bool again = i > 0 && str_eq(line->name, line[-1].name);
        bool more = i + 1 < lines->count && str_eq(line->name, line[1].name);

        if (!again)
            buf_put_str(out, line->name);
        buf_puts(out, again ? "," : ":");
        buf_put_str(out, line->value);
        buf_puts(out, more ? "" : "\n");
    }
}

static bool resource_put(struct buf *out, const struct sigv4_request *request, const struct uri_query *query,
                         const struct place *place)
{
    struct lines lines = {0};

    for (size_t i = 0; i < query->count; i++)
        if (one_of(query->pairs[i].name, sub_resources) && !lines_add(&lines, &query->pairs[i]))
            return false;
    if (place->bucket)
        buf_printf(out, "/%s", place->bucket);
    buf_put_str(out, request->path);
    buf_puts(out, place->slash ? "/" : "");
    for (size_t i = 0; i < lines.count; i++) {
        buf_puts(out, i ? "&" : "?");
        buf_put_str(out, lines.list[i].name);
        if (lines.list[i].has_value) {
            buf_puts(out, "=");
            buf_put_str(out, lines.list[i].value);
        }
    }
    return true;
}

static struct str standard(const struct sigv4_request *request, const struct uri_query *query,
                           const char *name)
{
    struct str sent = header_find(request->headers, request->header_count, name);
    struct str value = sent.ptr ? sent : uri_get(query, name);

    return str_trim(value);
}

/* false: there is more to it than can be looked at. */
static bool text_make(struct arena *arena, const struct sigv4_request *request, const struct uri_query *query,
                      const struct place *place, struct buf *out)
{
    struct lines lines = {0};

    buf_printf(out, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n", STR_ARG(request->method),
               STR_ARG(standard(request, query, "content-md5")),
               STR_ARG(standard(request, query, "content-type")), STR_ARG(uri_get(query, "Expires")));
    if (!amz_lines(arena, request, query, &lines))
        return false;
    amz_put(out, &lines);
    return resource_put(out, request, query, place) && !buf_error(out);
}

static bool is_of(struct str signature, struct str text, const char *secret_access_key)
{
    unsigned char digest[HASH_MAX_SIZE];
    char computed[HASH_BASE64_SIZE];

    hash_hmac(HASH_SHA1, str_of(secret_access_key), text, digest);
    base64_encode(digest, SHA1_SIZE, computed);
    return signature.len == strlen(computed) && hash_equal(signature.ptr, computed, signature.len);
}

int sigv2_verify(struct arena *arena, const struct sigv4_request *request, const struct sigv4_claim *claim,
                 const char *bucket, const char *secret_access_key, int64_t now_ms, struct str *ret_to_sign)
{
    struct place place = {.bucket = bucket};
    bool alone =
        !bucket && request->path.len > 1 && !memchr(request->path.ptr + 1, '/', request->path.len - 1);
    int ways = alone ? 2 : 1;
    struct uri_query query;
    int r = uri_parse_query(arena, request->query, true, &query); /* as whoever uses it (dispatch.c) */

    if (r)
        return r == URI_E_BAD ? SIGV4_MISMATCH : r;
    for (int i = 0; i < ways; i++) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(TO_SIGN_MAX);

        place.slash = i > 0;
        if (!text_make(arena, request, &query, &place, &text))
            return SIGV4_MISMATCH;
        if (is_of(claim->signature, buf_str(&text), secret_access_key))
            return now_ms > claim->expires_ms ? SIGV4_EXPIRED : 0;
        *ret_to_sign = (struct str){arena_dup(arena, buf_str(&text)), text.len};
    }
    return SIGV4_MISMATCH;
}

int sigv2_verify_text(const struct sigv4_claim *claim, struct str text, const char *secret_access_key)
{
    return is_of(claim->signature, text, secret_access_key) ? 0 : SIGV4_MISMATCH;
}
