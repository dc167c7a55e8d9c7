/* What requests say about objects, apart from their bytes: keys, kept headers, ranges, conditions. */
#include "base/hash.h"
#include "services/iam/names.h"
#include "services/s3/argument.h"
#include "services/s3/encryption.h"
#include "services/s3/storage_class.h"
#include "services/s3/headers.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <ctype.h>
#include <stdio.h>

#define VERSION_ID_LETTERS_MIN 24
#define META_PREFIX "x-amz-meta-"
#define META_MAX 2048
#define REDIRECT_MAX 2048
#define LINES_MAX 16384

static const char *const kept_headers[] = {"content-type",     "cache-control",    "content-disposition",
                                           "content-encoding", "content-language", "expires",
                                           REDIRECT_HEADER};

/* A length of 1 to 4 bytes when a well-formed UTF-8 character starts here, else 0 (RFC 3629). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char mask, lead, second_min, second_max, length;
    } forms[] = {
        {0x80, 0x00, 0, 0, 1},       {0xE0, 0xC0, 0x80, 0xBF, 2}, {0xFF, 0xE0, 0xA0, 0xBF, 3},
        {0xFF, 0xED, 0x80, 0x9F, 3}, {0xF0, 0xE0, 0x80, 0xBF, 3}, {0xFF, 0xF0, 0x90, 0xBF, 4},
        {0xFF, 0xF4, 0x80, 0x8F, 4}, {0xFC, 0xF0, 0x80, 0xBF, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if ((p[0] & forms[i].mask) != forms[i].lead)
            continue;
        size_t n = forms[i].length;
        if (n > left || (n == 2 && p[0] < 0xC2) ||
            (n > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < n; k++)
            if ((p[k] & 0xC0) != 0x80)
                return 0;
        return n;
    }
    return 0;
}

static bool utf8_ok(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        size_t n = p[i] == 0 ? 0 : utf8_length(p + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

int api_check_key_length(struct call *c, size_t len)
{
    if (len <= S3_KEY_MAX)
        return 0;
    call_error_number(c, "Size", (int64_t)len);
    call_error_number(c, "MaxSizeAllowed", S3_KEY_MAX);
    return call_fail(c, S3_E_KEY_TOO_LONG, "Your key is too long");
}

int api_check_key(struct call *c)
{
    int rc = api_check_key_length(c, c->key_len);
    if (rc != 0)
        return rc;
    if (!c->key || !utf8_ok(c->key, c->key_len))
        return call_fail(c, S3_E_URI, "Couldn't parse the specified URI: a key is UTF-8 without NUL.");
    return 0;
}

/* Headers that ask for what Slipway does not do; with a value it is only that value which is not done. */
static const struct {
    const char *header;
    const char *value;
    int outcome;
} refused_headers[] = {
    {"x-amz-acl", "public-read", S3_E_ACL},
    {"x-amz-acl", "public-read-write", S3_E_ACL},
    {"x-amz-acl", "authenticated-read", S3_E_ACL},
    {"x-amz-acl", "aws-exec-read", S3_E_ACL},
    {"x-amz-acl", "bucket-owner-read", S3_E_ACL},
    {"x-amz-acl", "log-delivery-write", S3_E_ACL},
    {"x-amz-grant-read", NULL, S3_E_ACL},
    {"x-amz-grant-write", NULL, S3_E_ACL},
    {"x-amz-grant-read-acp", NULL, S3_E_ACL},
    {"x-amz-grant-write-acp", NULL, S3_E_ACL},
    {"x-amz-grant-full-control", NULL, S3_E_ACL},
    {"x-amz-object-lock-event-hold", NULL, S3_E_NOT_IMPLEMENTED},
    {"x-amz-object-lock-event-hold-duration-days", NULL, S3_E_NOT_IMPLEMENTED},
    {"x-amz-object-lock-event-hold-duration-years", NULL, S3_E_NOT_IMPLEMENTED},
    {"x-amz-rename-source", NULL, S3_E_NOT_IMPLEMENTED},
    {"x-amz-write-offset-bytes", NULL, S3_E_NOT_IMPLEMENTED},
};

static int check_canned(struct call *c)
{
    struct str said = http_header(c->http, "x-amz-acl");
    return !said.ptr || str_eqc(said, "private") || str_eqc(said, "bucket-owner-full-control")
               ? 0
               : api_bad_argument(c, "x-amz-acl", said, "");
}

static int check_redirect(struct call *c)
{
    static const char *const prefixes[] = {"/", "http://", "https://"};
    struct str said = str_trim(http_header(c->http, REDIRECT_HEADER));
    bool good = !said.ptr;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        good = good || str_starts(said, str_of(prefixes[i]));
    if (!good)
        return call_fail(
            c, S3_E_REDIRECT,
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.");
    return said.len <= REDIRECT_MAX
               ? 0
               : call_fail(c, S3_E_REDIRECT,
                           "The length of website redirect location cannot exceed 2,048 characters.");
}

int api_check_headers(struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(refused_headers); i++) {
        struct str said = http_header(c->http, refused_headers[i].header);
        if (!said.ptr || (refused_headers[i].value && !str_eqc(said, refused_headers[i].value)))
            continue;
        if (refused_headers[i].outcome == S3_E_ACL)
            return call_fail(c, S3_E_ACL, "The bucket does not allow ACLs");
        call_error_element(c, "Header", refused_headers[i].header);
        return call_fail(c, S3_E_NOT_IMPLEMENTED, "%s is not supported by Slipway.",
                         refused_headers[i].header);
    }
    if (uri_has(&c->query, "versionId"))
        return api_bad_argument(c, "versionId", uri_get(&c->query, "versionId"),
                                "This operation does not accept a version-id.");
    if (uri_has(&c->query, "partNumber"))
        return api_bad_argument(c, "partNumber", STR("partNumber"),
                                "This operation does not accept partNumber without uploadId");
    const char *storage_class;
    int rc = check_canned(c);
    if (rc == 0)
        rc = check_redirect(c);
    if (rc == 0)
        rc = storage_class_asked(c, &storage_class);
    return rc != 0 ? rc : api_encryption_asked(c);
}

struct origin api_origin(const struct call *c)
{
    return (struct origin){.principal = c->caller ? c->caller->user_id : NULL,
                           .arn = c->caller ? c->caller->arn : NULL,
                           .person = c->caller ? c->caller->person : "",
                           .account = c->caller ? c->caller->account : NULL,
                           .peer = arena_dup(c->arena, c->http->peer),
                           .request_id = c->http->id};
}

int api_bad_argument(struct call *c, const char *name, struct str value, const char *says)
{
    call_error_element(c, "ArgumentName", name);
    call_error_text(c, "ArgumentValue", value);
    return call_fail(c, S3_E_ARGUMENT, "%s", says);
}

int api_refuse_copy_source(struct call *c)
{
    struct str said = http_header(c->http, "x-amz-copy-source");
    return !said.ptr ? 0
                     : api_bad_argument(c, "x-amz-copy-source", said,
                                        "You can only specify a copy source header for copy requests.");
}

int api_refuse_directory_conditions(struct call *c)
{
    static const char *const headers[] = {"x-amz-if-match-last-modified-time", "x-amz-if-match-size",
                                          "x-amz-if-match-initiated-time"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        if (http_header(c->http, headers[i]).ptr) {
            call_error_element(c, "Header", headers[i]);
            return S3_E_NOT_IMPLEMENTED;
        }
    return 0;
}

int api_bad_number(struct call *c, const char *name, struct str value)
{
    int64_t number = 0;
    bool negative = str_to_int(value, INT64_MIN, -1, &number);
    const char *says =
        negative ? arena_printf(c->arena, "Argument %s must be an integer between 0 and 2147483647", name)
                 : arena_printf(c->arena, "Provided %s not an integer or within integer range", name);
    return says ? api_bad_argument(c, name, value, says) : FAULT(ENOMEM);
}

bool api_is_version_id(struct str text)
{
    if (str_eqc(text, "null"))
        return true;
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && !strchr("._-", text.ptr[i]))
            return false;
    return text.len >= VERSION_ID_LETTERS_MIN;
}

int api_version_id(struct call *c, const char **ret)
{
    *ret = NULL;
    if (!uri_has(&c->query, "versionId"))
        return 0;
    struct str version = uri_get(&c->query, "versionId");
    if (version.len == 0)
        return api_bad_argument(c, "versionId", version, "Version id cannot be the empty string");
    if (!api_is_version_id(version))
        return api_bad_argument(c, "versionId", version, "Invalid version id specified");
    *ret = version.ptr;
    return 0;
}

void api_time(int64_t ms, char ret[TIME_TEXT_SIZE])
{
    time_iso8601(ms - ms % 1000, ret);
}

void api_put_owner(struct buf *out, const char *element, const char *account)
{
    char id[IAM_CANONICAL_SIZE];
    iam_canonical_id(account, id);
    xml_open(out, element);
    xml_elem(out, "ID", str_of(id));
    xml_close(out, element);
}

void api_send_xml(struct call *c, struct buf *body)
{
    http_reply_header(c->http, "Content-Type", "application/xml");
    http_reply_buf(c->http, body);
}

int api_reply_xml(struct call *c, struct buf *body)
{
    if (buf_error(body) != 0)
        return FAULT(buf_error(body));
    call_reply(c, 200);
    api_send_xml(c, body);
    return CALL_REPLIED;
}

void api_etag_header(struct call *c, const char *etag)
{
    char quoted[ETAG_SIZE + 2];
    size_t len = strnlen(etag, ETAG_SIZE - 1);
    quoted[0] = quoted[len + 1] = '"';
    memcpy(quoted + 1, etag, len);
    http_reply_header_str(c->http, "ETag", (struct str){quoted, len + 2});
}

static bool is_kept(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(kept_headers); i++)
        if (str_eq_nocase(name, str_of(kept_headers[i])))
            return true;
    return false;
}

/* A body's framing is not the object's encoding: "aws-chunked" is left out, and with it a header that says
 * nothing else. */
static void put_encoding(struct buf *out, struct str value)
{
    const char *between = "content-encoding:";
    struct str rest = value;
    while (rest.ptr) {
        struct str one = str_trim(str_split(&rest, ','));
        if (one.len == 0 || str_eq_nocase(one, STR("aws-chunked")))
            continue;
        buf_puts(out, between);
        buf_put_str(out, one);
        between = ",";
    }
    if (*between == ',')
        buf_putc(out, '\n');
}

static void put_line(struct buf *out, struct str name, struct str value)
{
    if (str_eq_nocase(name, STR("content-encoding")) && memmem(value.ptr, value.len, "aws-chunked", 11)) {
        put_encoding(out, value);
        return;
    }
    for (size_t i = 0; i < name.len; i++)
        buf_putc(out, (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]));
    buf_putc(out, ':');
    buf_put_str(out, str_trim(value));
    buf_putc(out, '\n');
}

int headers_collect(struct call *c, struct buf *out)
{
    size_t meta = 0, system = 0;
    *out = BUF_INIT(LINES_MAX);
    for (size_t i = 0; i < c->http->header_count; i++) {
        const struct http_header *h = &c->http->headers[i];
        bool user = h->name.len > strlen(META_PREFIX) &&
                    str_eq_nocase((struct str){h->name.ptr, strlen(META_PREFIX)}, STR(META_PREFIX));
        if (!user && !is_kept(h->name))
            continue;
        meta += user ? h->name.len - strlen(META_PREFIX) + h->value.len : 0;
        system += user || str_eq_nocase(h->name, STR(REDIRECT_HEADER)) ? 0 : h->name.len + h->value.len;
        put_line(out, h->name, h->value);
    }
    if (meta > META_MAX || system > META_MAX || buf_error(out) == -EMSGSIZE) {
        call_error_number(c, "Size", (int64_t)(meta > META_MAX ? meta : system));
        call_error_number(c, "MaxSizeAllowed", META_MAX);
        return call_fail(c, S3_E_META_TOO_LARGE,
                         "Your metadata headers exceed the maximum allowed metadata size");
    }
    return buf_error(out) != 0 ? FAULT(buf_error(out)) : 0;
}

int headers_copied(struct call *c, const char *lines, struct buf *out)
{
    struct str rest = str_of(lines);
    struct str redirect = http_header(c->http, REDIRECT_HEADER);
    *out = BUF_INIT(LINES_MAX);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        struct str value = line;
        struct str field = str_split(&value, ':');
        if (line.len > 0 && !str_eqc(field, REDIRECT_HEADER))
            put_line(out, field, value);
    }
    if (redirect.ptr)
        put_line(out, STR(REDIRECT_HEADER), redirect);
    return buf_error(out) != 0 ? FAULT(buf_error(out)) : 0;
}

struct str headers_get(const char *lines, const char *name)
{
    struct str rest = str_of(lines);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        struct str field = str_split(&line, ':');
        if (str_eqc(field, name))
            return line;
    }
    return (struct str){NULL, 0};
}

int headers_latin1(struct call *c, struct str text, struct str *ret)
{
    char *out = arena_alloc(c->arena, text.len + 1);
    size_t len = 0;
    if (!out)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool two = (byte & 0xFE) == 0xC2 && i + 1 < text.len && (text.ptr[i + 1] & 0xC0) == 0x80;
        unsigned code = two ? (byte & 3U) << 6 | (text.ptr[++i] & 0x3FU) : byte;
        bool printed = two ? code >= 0xA0 : (code >= ' ' && code < 0x7F) || code == '\t';
        if (!printed)
            return S3_E_ARGUMENT;
        out[len++] = (char)code;
    }
    out[len] = '\0';
    *ret = (struct str){out, len};
    return 0;
}

/* response-content-type and the like of the query replace what was kept. */
static struct str overridden(struct call *c, const char *name, struct str value)
{
    char parameter[64];
    if (c->query.count == 0)
        return value;
    int len = snprintf(parameter, sizeof(parameter), "response-%s", name);
    if (len < 0 || (size_t)len >= sizeof(parameter))
        return value;
    struct str said = uri_get(&c->query, parameter);
    return said.len > 0 ? said : value;
}

/* A value with other bytes than ASCII's is taken for ISO 8859-1 and told by RFC 2047. Source: S3 user guide,
 * "Working with object metadata". */
static void reply_meta(struct call *c, const char *name, struct str value)
{
    char *text = NULL;
    char *encoded = NULL;
    size_t len = 0;
    bool ascii = true;
    for (size_t i = 0; i < value.len; i++)
        ascii = ascii && (value.ptr[i] & 0x80) == 0;
    if (!ascii) {
        text = arena_alloc(c->arena, 2 * value.len);
        encoded = arena_alloc(c->arena, 4 * ((2 * value.len + 2) / 3) + 1);
    }
    if (!text || !encoded) {
        http_reply_header_str(c->http, name, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte >= 0x80)
            text[len++] = (char)(0xC0 | byte >> 6);
        text[len++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte);
    }
    base64_encode(text, len, encoded);
    http_reply_headerf(c->http, name, "=?UTF-8?B?%s?=", encoded);
}

void headers_reply(struct call *c, const char *lines)
{
    for (size_t i = 0; i < ARRAY_LEN(kept_headers); i++) {
        struct str value = overridden(c, kept_headers[i], headers_get(lines, kept_headers[i]));
        if (value.len == 0 && i == 0)
            value = STR("binary/octet-stream");
        if (value.len > 0)
            http_reply_header_str(c->http, kept_headers[i], value);
    }
    struct str rest = str_of(lines);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        struct str field = str_split(&line, ':');
        char name[512];
        if (!str_starts(field, STR(META_PREFIX)) || field.len >= sizeof(name))
            continue;
        memcpy(name, field.ptr, field.len);
        name[field.len] = '\0';
        reply_meta(c, name, line);
    }
}

/* Digits, however many: what is more than any size is INT64_MAX. */
static bool read_position(struct str text, int64_t *ret)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isdigit((unsigned char)text.ptr[i]))
            return false;
    if (text.len > 0 && !str_to_int(text, 0, INT64_MAX, ret))
        *ret = INT64_MAX;
    return text.len > 0;
}

int range_read(struct str said, int64_t size, struct range *ret)
{
    struct str header = str_trim(said);
    *ret = (struct range){0, size, false};
    if (!header.ptr || !str_starts(header, STR("bytes=")) || memchr(header.ptr, ',', header.len))
        return 0;
    struct str last = {header.ptr + 6, header.len - 6};
    if (!memchr(last.ptr, '-', last.len))
        return 0;
    struct str first = str_split(&last, '-');
    int64_t from = 0;
    int64_t to = size - 1;
    if (first.len == 0) {
        if (!read_position(last, &to))
            return 0;
        if (to == 0 || size == 0)
            return S3_E_RANGE;
        from = to > size ? 0 : size - to;
        to = size - 1;
    } else if (!read_position(first, &from) || (last.len > 0 && (!read_position(last, &to) || to < from))) {
        return 0;
    }
    if (from >= size)
        return S3_E_RANGE;
    *ret = (struct range){from, (to < size ? to : size - 1) - from + 1, true};
    return 0;
}
