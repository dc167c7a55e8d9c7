/* Writing XML onto a buffer. */
#include "wire/xml.h"
#include <inttypes.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void xml_head(struct buf *out)
{
    buf_puts(out, XML_HEAD);
}

void xml_open(struct buf *out, const char *name)
{
    buf_putc(out, '<');
    buf_puts(out, name);
    buf_putc(out, '>');
}

void xml_open_ns(struct buf *out, const char *name, const char *xmlns)
{
    buf_putc(out, '<');
    buf_puts(out, name);
    buf_puts(out, " xmlns=\"");
    xml_escape(out, str_of(xmlns));
    buf_puts(out, "\">");
}

void xml_close(struct buf *out, const char *name)
{
    buf_puts(out, "</");
    buf_puts(out, name);
    buf_putc(out, '>');
}

/* Bytes of the UTF-8 sequence at the front, and its character; 0 when there is none. */
static size_t decode(struct str s, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code;
    size_t len;

    *ret = p[0];
    if (p[0] < 0x80)
        return 1;
    len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || s.len < len)
        return 0;
    code = p[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3F);
    }
    *ret = code;
    return code < smallest[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : len;
}

/* XML 1.0's production Char, of what UTF-8 can say. */
static bool is_char(uint32_t code)
{
    return code >= 0x20 ? code != 0xFFFE && code != 0xFFFF : code == '\t' || code == '\n' || code == '\r';
}

/* The text form of a character that cannot stand for itself; NULL when it can. */
static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;"; /* a parser would make a newline of it */
    default:
        return NULL;
    }
}

/* Bytes at the front that go out as they are, without a closer look. */
static size_t plain_len(struct str s)
{
    static const bool plain[256] = {/* ASCII's printable letters but for " & < > */
                                    [' ' ... '!'] = true,
                                    ['#' ... '%'] = true,
                                    ['\'' ... ';'] = true,
                                    ['='] = true,
                                    ['?' ... '~'] = true};
    size_t len = 0;
    while (len < s.len && plain[(unsigned char)s.ptr[len]])
        len++;
    return len;
}

/* The character at the front; how many bytes it takes. `exact`: rather a reference that no reader takes than
 * another character. */
static size_t escape_one(struct buf *out, struct str text, bool exact)
{
    uint32_t code;
    size_t len = decode(text, &code);
    const char *entity = entity_of(text.ptr[0]);

    if (entity)
        buf_puts(out, entity);
    else if (len > 0 && is_char(code))
        buf_put(out, text.ptr, len);
    else if (len > 0 && exact)
        buf_printf(out, "&#x%" PRIx32 ";", code);
    else
        buf_puts(out, REPLACEMENT);
    return len > 0 ? len : 1;
}

static void escape(struct buf *out, struct str text, bool exact)
{
    while (text.len > 0) {
        size_t len = plain_len(text);
        if (len > 0)
            buf_put(out, text.ptr, len);
        else
            len = escape_one(out, text, exact);
        text = (struct str){text.ptr + len, text.len - len};
    }
}

void xml_escape(struct buf *out, struct str text)
{
    escape(out, text, false);
}

/* An element whose text needs no escaping, in one piece: most do not, and a listing has ten thousand. */
static void put_plain(struct buf *out, struct str name, struct str text)
{
    char *at = buf_extend(out, 2 * name.len + text.len + strlen("<></>"));
    if (!at)
        return;
    *at++ = '<';
    at = mempcpy(at, name.ptr, name.len);
    *at++ = '>';
    at = mempcpy(at, text.ptr, text.len);
    *at++ = '<';
    *at++ = '/';
    at = mempcpy(at, name.ptr, name.len);
    *at = '>';
}

static void put_elem(struct buf *out, const char *name, struct str text, bool exact)
{
    if (text.len > 0 && plain_len(text) == text.len) {
        put_plain(out, str_of(name), text);
        return;
    }
    xml_open(out, name);
    escape(out, text, exact);
    xml_close(out, name);
}

void xml_elem(struct buf *out, const char *name, struct str text)
{
    put_elem(out, name, text, false);
}

void xml_elem_exact(struct buf *out, const char *name, struct str text)
{
    put_elem(out, name, text, true);
}

void xml_elem_int(struct buf *out, const char *name, int64_t value)
{
    xml_open(out, name);
    buf_put_int(out, value);
    xml_close(out, name);
}

void xml_elem_bool(struct buf *out, const char *name, bool value)
{
    xml_elem(out, name, value ? STR("true") : STR("false"));
}
