/* A tree as compact text: what json_dump_callback writes, with one look at each byte. Most of what the server
 * stores and answers goes through here. */
#include "wire/json.h"

/* 0: as it is; 'u': by its number; else the letter after the backslash. RFC 8259, section 7. */
static const char escapes[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u', [0x05] = 'u',  [0x06] = 'u',
    [0x07] = 'u', [0x08] = 'b', [0x09] = 't', [0x0a] = 'n', [0x0b] = 'u', [0x0c] = 'f',  [0x0d] = 'r',
    [0x0e] = 'u', [0x0f] = 'u', [0x10] = 'u', [0x11] = 'u', [0x12] = 'u', [0x13] = 'u',  [0x14] = 'u',
    [0x15] = 'u', [0x16] = 'u', [0x17] = 'u', [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u',  [0x1b] = 'u',
    [0x1c] = 'u', [0x1d] = 'u', [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void write_escape(unsigned char c, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    const char number[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0xf]};
    const char letter[] = {'\\', escapes[c]};

    if (escapes[c] == 'u')
        (void)buf_put(out, number, sizeof(number));
    else
        (void)buf_put(out, letter, sizeof(letter));
}

/* Eight bytes at once: a bit of `ret` is set if one of them is below 0x20, a quote or a backslash. Bytes of
 * more than 0x7f are none. */
static uint64_t special_bytes(const char *text)
{
    const uint64_t ones = 0x0101010101010101U, high = 0x8080808080808080U;
    uint64_t bytes, quotes, slashes;

    memcpy(&bytes, text, sizeof(bytes));
    quotes = bytes ^ (ones * '"');
    slashes = bytes ^ (ones * '\\');
    return ((bytes - ones * 0x20) | (quotes - ones) | (slashes - ones)) & ~bytes & high;
}

static size_t plain_length(const char *text, size_t len)
{
    size_t plain = 0;

    while (plain + sizeof(uint64_t) <= len && special_bytes(text + plain) == 0)
        plain += sizeof(uint64_t);
    while (plain < len && !escapes[(unsigned char)text[plain]])
        plain++;
    return plain;
}

/* The text in quotes, `plain` bytes of which need no escape. */
static void write_escaped(const char *text, size_t len, size_t plain, struct buf *out)
{
    (void)buf_reserve(out, len + 2);
    (void)buf_putc(out, '"');
    while (plain < len) {
        (void)buf_put(out, text, plain);
        write_escape((unsigned char)text[plain], out);
        text += plain + 1;
        len -= plain + 1;
        plain = plain_length(text, len);
    }
    (void)buf_put(out, text, len);
    (void)buf_putc(out, '"');
}

static void write_string(const char *text, size_t len, struct buf *out)
{
    size_t plain = plain_length(text, len);
    char *to;

    if (plain < len) {
        write_escaped(text, len, plain, out);
        return;
    }
    to = buf_extend(out, len + 2);
    if (!to)
        return;
    to[0] = '"';
    memcpy(to + 1, text, len);
    to[len + 1] = '"';
}

static int write_value(const json_t *value, struct buf *out);

static int write_object(const json_t *object, struct buf *out)
{
    json_t *members = (json_t *)object; /* iterators change nothing */
    char before = '{';
    int r = 0;

    for (void *at = json_object_iter(members); r == 0 && at; at = json_object_iter_next(members, at)) {
        (void)buf_putc(out, before);
        write_string(json_object_iter_key(at), json_object_iter_key_len(at), out);
        (void)buf_putc(out, ':');
        r = write_value(json_object_iter_value(at), out);
        before = ',';
    }
    if (before == '{')
        (void)buf_putc(out, before);
    (void)buf_putc(out, '}');
    return r;
}

static int write_array(const json_t *array, struct buf *out)
{
    const json_t *value;
    size_t i;
    int r = 0;

    (void)buf_putc(out, '[');
    json_array_foreach (array, i, value) {
        if (i > 0)
            (void)buf_putc(out, ',');
        if (r == 0)
            r = write_value(value, out);
    }
    (void)buf_putc(out, ']');
    return r;
}

static int put(const char *bytes, size_t len, void *out)
{
    return buf_put(out, bytes, len);
}

static int write_value(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(value, out);
    case JSON_ARRAY:
        return write_array(value, out);
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), out);
        return buf_error(out);
    case JSON_INTEGER:
        return buf_put_int(out, json_integer_value(value));
    case JSON_REAL: /* the shortest text that is read as the same number: the library's business */
        return json_dump_callback(value, put, out, JSON_COMPACT | JSON_ENCODE_ANY) ? FAULT(ENOMEM) : 0;
    case JSON_TRUE:
        return buf_puts(out, "true");
    case JSON_FALSE:
        return buf_puts(out, "false");
    case JSON_NULL:
        return buf_puts(out, "null");
    }
    return FAULT(EINVAL);
}

int json_write(const json_t *value, struct buf *out)
{
    int r = value ? write_value(value, out) : FAULT(EINVAL);

    return buf_error(out) ? buf_error(out) : r;
}

char *json_pack_text(const json_t *value)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(SIZE_MAX);

    return json_write(value, &out) == 0 ? buf_take(&out) : NULL;
}

/* ---- without a tree */

/* What was written last tells whether it was the first of its object or list. */
static void begin_member(struct buf *out, const char *key)
{
    char last = out->len > 0 ? out->ptr[out->len - 1] : '[';
    struct str text = str_of(key);
    char *to;

    if (last != '{' && last != '[')
        (void)buf_putc(out, ',');
    if (!key)
        return;
    to = buf_extend(out, text.len + 3);
    if (!to)
        return;
    to[0] = '"';
    memcpy(to + 1, text.ptr, text.len);
    to[text.len + 1] = '"';
    to[text.len + 2] = ':';
}

void json_begin(struct buf *out, const char *key, char bracket)
{
    begin_member(out, key);
    (void)buf_putc(out, bracket);
}

void json_end(struct buf *out, char bracket)
{
    (void)buf_putc(out, bracket);
}

void json_add_str(struct buf *out, const char *key, const char *value)
{
    begin_member(out, key);
    write_string(value, strlen(value), out);
}

void json_add_int(struct buf *out, const char *key, int64_t value)
{
    begin_member(out, key);
    (void)buf_put_int(out, value);
}

void json_begin_with(struct buf *out, const char *key, struct str text)
{
    begin_member(out, key);
    if (text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}')
        (void)buf_put(out, text.ptr, text.len - 1);
    else if (!out->error)
        out->error = FAULT(EBADMSG);
}

void json_add_members(struct buf *out, struct str members)
{
    begin_member(out, NULL);
    (void)buf_put_str(out, members);
}

void json_add(struct buf *out, const char *key, const json_t *value)
{
    begin_member(out, key);
    if (json_write(value, out) != 0 && !out->error)
        out->error = FAULT(EINVAL);
}
