/* JSON text to a tree with one look at each byte of a string, where the library's own reader takes each by
 * itself. Of what documents rarely have, and of every error, json_read says only that it did not read it. */
#include "wire/json_read.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER_MAX 40     /* longer ones, which no value of ours needs, are the library's business */
#define INTEGER_DIGITS 18 /* fit into 64 bits whatever they are */
#define ESCAPED_KEY_MAX 64

struct reader {
    const char *at;
    const char *end;
    int depth_left;
    bool unique; /* a key twice is an error */
    struct buf unescaped;
    unsigned char seen; /* all bytes of the last string, by or: below 0x80 it is ASCII */
};

/* Bytes of a string that stand for themselves: all but the quote, the backslash and controls. RFC 8259,
 * section 7. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* The next byte that is no white space; '\0' at the end, where no document goes on. */
static char peek(struct reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
    return in->at < in->end ? *in->at : '\0';
}

static bool skip(struct reader *in, char c)
{
    if (peek(in) != c)
        return false;
    in->at++;
    return true;
}

/* After the backslash: one letter for one byte; false for \u, which the library reads. */
static bool unescape(struct reader *in)
{
    static const char bytes[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    char byte = in->at < in->end ? bytes[(unsigned char)*in->at++] : '\0';

    return byte && buf_putc(&in->unescaped, byte) == 0;
}

/* After the opening quote, up to behind the closing one. The text, or in->unescaped, has the bytes. */
static bool take_string(struct reader *in, struct str *ret)
{
    const char *begin = in->at;

    buf_reset(&in->unescaped);
    in->seen = 0;
    for (;;) {
        while (in->at < in->end && is_plain(*in->at))
            in->seen |= (unsigned char)*in->at++;
        if (in->at == in->end)
            return false;
        *ret = (struct str){begin, (size_t)(in->at - begin)};
        if (*in->at++ == '"')
            break;
        if (in->at[-1] != '\\' || buf_put_str(&in->unescaped, *ret) || !unescape(in))
            return false;
        begin = in->at;
    }
    if (in->unescaped.len == 0)
        return true;
    if (buf_put_str(&in->unescaped, *ret))
        return false;
    *ret = buf_str(&in->unescaped);
    return true;
}

static size_t digits_at(const struct reader *in, const char *at)
{
    const char *begin = at;

    while (at < in->end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - begin);
}

static json_t *real(const char *text, size_t len)
{
    char number[NUMBER_MAX + 1];
    double value;

    memcpy(number, text, len);
    number[len] = '\0';
    value = strtod(number, NULL);
    return isfinite(value) ? json_real(value) : NULL;
}

static json_t *integer(const char *text, size_t len)
{
    bool negative = text[0] == '-';
    json_int_t value = 0;

    for (size_t i = negative; i < len; i++)
        value = value * 10 + (text[i] - '0');
    return json_integer(negative ? -value : value);
}

/* Behind the number's fraction and exponent; `at` as it was when there is neither, NULL when one is not
 * whole. */
static const char *after_fraction(const struct reader *in, const char *at)
{
    size_t digits;

    if (at < in->end && *at == '.') {
        digits = digits_at(in, ++at);
        at = digits > 0 ? at + digits : NULL;
    }
    if (!at || at == in->end || (*at != 'e' && *at != 'E'))
        return at;
    if (++at < in->end && (*at == '-' || *at == '+'))
        at++;
    digits = digits_at(in, at);
    return digits > 0 ? at + digits : NULL;
}

static json_t *read_number(struct reader *in)
{
    const char *begin = in->at, *whole = begin + (*begin == '-'), *end;
    size_t digits = digits_at(in, whole);

    if (digits == 0 || (digits > 1 && *whole == '0'))
        return NULL;
    end = after_fraction(in, whole + digits);
    if (!end || end - begin > NUMBER_MAX)
        return NULL;
    in->at = end;
    if (end > whole + digits)
        return real(begin, (size_t)(end - begin));
    return digits <= INTEGER_DIGITS ? integer(begin, (size_t)(end - begin)) : NULL;
}

static json_t *read_word(struct reader *in, struct str word, json_t *value)
{
    if ((size_t)(in->end - in->at) < word.len || memcmp(in->at, word.ptr, word.len) != 0)
        return NULL;
    in->at += word.len;
    return value;
}

static json_t *read_string(struct reader *in)
{
    struct str text;

    in->at++;
    if (!take_string(in, &text))
        return NULL;
    return in->seen < 0x80 ? json_stringn_nocheck(text.ptr, text.len) : json_stringn(text.ptr, text.len);
}

static json_t *read_value(struct reader *in);

/* Takes the value's reference. */
static bool put(const struct reader *in, json_t *object, struct str key, bool ascii, json_t *value)
{
    size_t before = json_object_size(object);
    int r = ascii ? json_object_setn_new_nocheck(object, key.ptr, key.len, value)
                  : json_object_setn_new(object, key.ptr, key.len, value);

    return r == 0 && (!in->unique || json_object_size(object) > before);
}

static bool read_member(struct reader *in, json_t *object)
{
    char escaped[ESCAPED_KEY_MAX];
    struct str key;
    bool ascii;

    if (!skip(in, '"') || !take_string(in, &key))
        return false;
    ascii = in->seen < 0x80;
    if (in->unescaped.len > 0) { /* that memory is the value's, too */
        if (key.len > sizeof(escaped))
            return false;
        key.ptr = memcpy(escaped, key.ptr, key.len);
    }
    return skip(in, ':') && put(in, object, key, ascii, read_value(in));
}

static bool read_members(struct reader *in, json_t *object)
{
    in->at++;
    if (skip(in, '}'))
        return true;
    do {
        if (!read_member(in, object))
            return false;
    } while (skip(in, ','));
    return skip(in, '}');
}

static bool read_elements(struct reader *in, json_t *array)
{
    in->at++;
    if (skip(in, ']'))
        return true;
    do {
        json_t *value = read_value(in);

        if (!value || json_array_append_new(array, value))
            return false;
    } while (skip(in, ','));
    return skip(in, ']');
}

static json_t *read_container(struct reader *in, json_t *container,
                              bool (*read)(struct reader *in, json_t *container))
{
    CLEANUP(json_free) json_t *whole = container;

    if (!whole || in->depth_left == 0)
        return NULL;
    in->depth_left--;
    if (!read(in, whole))
        return NULL;
    in->depth_left++;
    return take(whole);
}

static json_t *read_value(struct reader *in)
{
    switch (peek(in)) {
    case '{':
        return read_container(in, json_object(), read_members);
    case '[':
        return read_container(in, json_array(), read_elements);
    case '"':
        return read_string(in);
    case 't':
        return read_word(in, STR("true"), json_true());
    case 'f':
        return read_word(in, STR("false"), json_false());
    case 'n':
        return read_word(in, STR("null"), json_null());
    default:
        return in->at < in->end ? read_number(in) : NULL;
    }
}

json_t *json_read(struct str text, int depth, bool unique)
{
    struct reader in = {.at = text.ptr,
                        .end = text.ptr + text.len,
                        .depth_left = depth,
                        .unique = unique,
                        .unescaped = BUF_INIT(SIZE_MAX)};
    CLEANUP(json_free) json_t *value = text.len > 0 ? read_value(&in) : NULL;

    buf_free(&in.unescaped);
    return value && peek(&in) == '\0' && in.at == in.end ? take(value) : NULL;
}
