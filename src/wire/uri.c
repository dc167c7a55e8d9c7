/* Percent-encoding and query strings. */
#include "wire/uri.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int uri_decode(struct arena *arena, struct str s, bool plus_is_space, struct str *ret)
{
    assert(s.ptr || s.len == 0);
    char *out = arena_alloc(arena, s.len + 1);
    size_t len = 0;

    if (!out)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '%') {
            bool whole = s.len - i > 2;
            int high = whole ? hex_value(s.ptr[i + 1]) : -1;
            int low = whole ? hex_value(s.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return URI_E_BAD;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret = (struct str){out, len};
    return 0;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void put_escaped(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

    buf_put(out, escape, sizeof(escape));
}

void uri_encode(struct buf *out, struct str s, bool keep_slash)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (is_unreserved(c) || (c == '/' && keep_slash))
            buf_putc(out, c);
        else
            put_escaped(out, (unsigned char)c);
    }
}

void uri_encode_listed(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == ' ')
            buf_putc(out, '+');
        else if (c == '*' || c == '/' || (is_unreserved(c) && c != '~'))
            buf_putc(out, c);
        else
            put_escaped(out, (unsigned char)c);
    }
}

static size_t count_pairs(struct str query)
{
    size_t pairs = 0;
    struct str rest = query;

    while (rest.ptr)
        if (str_split(&rest, '&').len > 0)
            pairs++;
    return pairs;
}

int uri_parse_query(struct arena *arena, struct str query, bool plus_is_space, struct uri_query *ret)
{
    size_t max = count_pairs(query);
    struct uri_query parsed = {0};
    struct str rest = query;

    if (max > URI_MAX_PAIRS)
        return URI_E_BAD;
    parsed.pairs = arena_alloc(arena, (max + 1) * sizeof(parsed.pairs[0]));
    if (!parsed.pairs)
        return FAULT(ENOMEM);
    while (rest.ptr) {
        struct str value = str_split(&rest, '&');
        struct uri_pair *pair = &parsed.pairs[parsed.count];
        struct str name;
        int r;

        if (value.len == 0)
            continue;
        name = str_split(&value, '=');
        pair->has_value = value.ptr != NULL;
        r = uri_decode(arena, name, plus_is_space, &pair->name);
        if (r == 0)
            r = uri_decode(arena, value, plus_is_space, &pair->value);
        if (r != 0)
            return r;
        parsed.count++;
    }
    *ret = parsed;
    return 0;
}

static const struct uri_pair *find(const struct uri_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (str_eqc(query->pairs[i].name, name))
            return &query->pairs[i];
    return NULL;
}

struct str uri_get(const struct uri_query *query, const char *name)
{
    const struct uri_pair *pair = find(query, name);

    return pair ? pair->value : (struct str){NULL, 0};
}

bool uri_has(const struct uri_query *query, const char *name)
{
    return find(query, name) != NULL;
}
