/* The canonical request of Signature Version 4. */
#include "wire/sigv4_canonical.h"
#include "wire/uri.h"

#define USUAL_SIZE 1000 /* hardly any is longer */

#define SIGNATURE_PARAMETER "X-Amz-Signature"

struct pair {
    struct str name;
    struct str value;
};

bool sigv4_path_is_verbatim(const char *service)
{
    static const char *const verbatim[] = {"s3", "s3-object-lambda", "s3-outposts", "s3express"};

    for (size_t i = 0; i < ARRAY_LEN(verbatim); i++)
        if (strcmp(service, verbatim[i]) == 0)
            return true;
    return false;
}

/* RFC 3986 §5.2.4, and empty segments go too; then encoded once more, as every service but S3 wants. */
static int put_normalised_path(struct arena *arena, struct str path, struct buf *out)
{
    struct str *kept = arena_alloc(arena, (path.len + 1) * sizeof(*kept));
    struct str rest = path;
    size_t count = 0;

    if (!kept)
        return FAULT(ENOMEM);
    while (rest.ptr) {
        struct str segment = str_split(&rest, '/');

        if (str_eq(segment, STR("..")))
            count -= count > 0 ? 1 : 0;
        else if (segment.len > 0 && !str_eq(segment, STR(".")))
            kept[count++] = segment;
    }
    for (size_t i = 0; i < count; i++) {
        buf_putc(out, '/');
        uri_encode(out, kept[i], false);
    }
    if (count == 0 || str_ends(path, STR("/")))
        buf_putc(out, '/');
    return buf_error(out);
}

static int put_path(struct arena *arena, const struct sigv4_request *request, const char *service,
                    enum sigv4_form form, struct buf *out)
{
    struct str decoded;
    int r;

    if (!sigv4_path_is_verbatim(service))
        return put_normalised_path(arena, request->path, out);
    if (request->path.len == 0)
        return buf_putc(out, '/');
    if (form == SIGV4_AS_SENT && !memchr(request->path.ptr, '+', request->path.len))
        return buf_put_str(out, request->path);
    r = uri_decode(arena, request->path, true, &decoded); /* S3 takes a plus for a blank */
    if (r != 0)
        return r;
    uri_encode(out, decoded, true);
    return buf_error(out);
}

static int compare_str(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int r = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;

    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    int r = compare_str(a->name, b->name);

    return r != 0 ? r : compare_str(a->value, b->value);
}

static int reencode(struct arena *arena, struct str *s)
{
    struct buf encoded = BUF_INIT(3 * s->len + 1);
    struct str decoded;
    char *copy;
    int r = uri_decode(arena, *s, false, &decoded);

    if (r != 0)
        return r;
    uri_encode(&encoded, decoded, false);
    copy = arena_dup(arena, buf_str(&encoded));
    r = buf_error(&encoded);
    if (r == 0 && !copy)
        r = FAULT(ENOMEM);
    if (r == 0)
        *s = (struct str){copy, encoded.len};
    buf_free(&encoded);
    return r;
}

/* The pairs of the query without its signature, in the asked form, unsorted. */
static int read_pairs(struct arena *arena, struct str query, enum sigv4_form form, struct pair **ret_pairs,
                      size_t *ret_count)
{
    size_t max = 1, count = 0;
    struct str rest = query;
    struct pair *pairs;
    int r = 0;

    for (size_t i = 0; i < query.len; i++)
        max += query.ptr[i] == '&' ? 1 : 0;
    if (max > URI_MAX_PAIRS)
        return URI_E_BAD;
    pairs = arena_alloc(arena, max * sizeof(*pairs));
    if (!pairs)
        return FAULT(ENOMEM);
    while (query.len > 0 && rest.ptr && r == 0) {
        struct str value = str_split(&rest, '&');
        struct pair *pair = &pairs[count];

        pair->name = str_split(&value, '=');
        pair->value = value;
        if (str_eq(pair->name, STR(SIGNATURE_PARAMETER)))
            continue;
        if (form == SIGV4_REENCODED)
            r = reencode(arena, &pair->name);
        if (form == SIGV4_REENCODED && r == 0)
            r = reencode(arena, &pair->value);
        count++;
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return r;
}

static int put_query(struct arena *arena, struct str query, enum sigv4_form form, struct buf *out)
{
    struct pair *pairs = NULL;
    size_t count = 0;
    int r = read_pairs(arena, query, form, &pairs, &count);

    if (r != 0)
        return r;
    if (count > 1)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(out, '&');
        buf_put_str(out, pairs[i].name);
        buf_putc(out, '=');
        buf_put_str(out, pairs[i].value);
    }
    return buf_error(out);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Nothing of it would be left out. */
static bool is_trimmed(struct str value)
{
    bool after_blank = true;

    for (size_t i = 0; i < value.len; i++) {
        bool blank = is_blank(value.ptr[i]);

        if (blank && (after_blank || value.ptr[i] != ' '))
            return false;
        after_blank = blank;
    }
    return !after_blank;
}

/* Without blanks at its ends, and runs of blanks within as one space. */
static void put_trimmed(struct buf *out, struct str value)
{
    bool pending = false, any = false;

    if (is_trimmed(value)) {
        buf_put_str(out, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (is_blank(value.ptr[i])) {
            pending = any;
            continue;
        }
        if (pending)
            buf_putc(out, ' ');
        buf_putc(out, value.ptr[i]);
        pending = false;
        any = true;
    }
}

static int put_headers(const struct sigv4_request *request, struct str signed_headers, struct buf *out)
{
    struct str rest = signed_headers;

    while (rest.ptr) {
        struct str name = str_split(&rest, ';');
        bool first = true;

        buf_put_str(out, name);
        buf_putc(out, ':');
        for (size_t i = 0; i < request->header_count; i++) {
            if (!str_eq_nocase(request->headers[i].name, name))
                continue;
            if (!first)
                buf_putc(out, ',');
            put_trimmed(out, request->headers[i].value);
            first = false;
        }
        buf_putc(out, '\n');
    }
    return buf_error(out);
}

int sigv4_canonical(struct arena *arena, const struct sigv4_request *request, const char *service,
                    enum sigv4_form form, struct str signed_headers, struct str payload_hash, struct buf *out)
{
    int r = buf_reserve(out, USUAL_SIZE);

    if (r != 0)
        return r;
    buf_put_str(out, request->method);
    buf_putc(out, '\n');
    r = put_path(arena, request, service, form, out);
    if (r != 0)
        return r;
    buf_putc(out, '\n');
    r = put_query(arena, request->query, form, out);
    if (r != 0)
        return r;
    buf_putc(out, '\n');
    r = put_headers(request, signed_headers, out);
    if (r != 0)
        return r;
    buf_putc(out, '\n');
    buf_put_str(out, signed_headers);
    buf_putc(out, '\n');
    buf_put_str(out, payload_hash);
    return buf_error(out);
}
