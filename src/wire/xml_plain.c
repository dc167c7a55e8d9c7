/* Answers as services write them, read at a tenth of what a parser of all XML costs: elements, text, the five
 * entities, one attribute. Whatever else a document may have, or have wrong, is for xml_parse to say. */
#include "wire/json.h"
#include "wire/xml.h"

#define MAX_DEPTH 32
#define NAME_SIZE 128

struct reading {
    const char *at;
    const char *end;
    int depth;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_byte_later(char c)
{
    return is_name_byte(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static void skip_space(struct reading *in)
{
    while (in->at < in->end && is_space(*in->at))
        in->at++;
}

static bool take_byte(struct reading *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static bool take_word(struct reading *in, struct str word)
{
    if ((size_t)(in->end - in->at) < word.len || memcmp(in->at, word.ptr, word.len) != 0)
        return false;
    in->at += word.len;
    return true;
}

static bool take_name(struct reading *in, char ret[NAME_SIZE])
{
    size_t len = 0;

    while (in->at < in->end && len < NAME_SIZE - 1 &&
           (len == 0 ? is_name_byte(*in->at) : is_name_byte_later(*in->at)))
        ret[len++] = *in->at++;
    ret[len] = '\0';
    return len > 0 && len < NAME_SIZE - 1;
}

/* What XML 1.0 can carry as it is; U+FFFE and U+FFFF are EF BF BE and EF BF BF. */
static bool is_text_byte(const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at;

    if (c == 0xEF)
        return end - at > 2 && !((unsigned char)at[1] == 0xBF && (unsigned char)at[2] >= 0xBE);
    return c >= 0x20 || c == '\n' || c == '\t';
}

/* One at most, which nobody asks for. */
static bool skip_attribute(struct reading *in)
{
    char name[NAME_SIZE];

    skip_space(in);
    if (in->at == in->end || *in->at == '>' || *in->at == '/')
        return true;
    if (!is_space(in->at[-1]) || !take_name(in, name) || !take_word(in, STR("=\"")))
        return false;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '<' || *in->at == '&' || (unsigned char)*in->at >= 0x7F || *in->at < 0x20)
            return false;
        in->at++;
    }
    if (!take_byte(in, '"'))
        return false;
    skip_space(in);
    return true;
}

/* Up to the next tag. False: it has what is not plain. */
static bool take_text(struct reading *in, struct str *ret, bool *ret_escaped)
{
    const char *begin = in->at;

    while (in->at < in->end && *in->at != '<') {
        if (*in->at == '>' || !is_text_byte(in->at, in->end))
            return false;
        *ret_escaped |= *in->at == '&';
        in->at++;
    }
    *ret = (struct str){begin, (size_t)(in->at - begin)};
    return true;
}

static int unescape(struct str text, struct buf *out)
{
    static const struct {
        struct str name;
        char byte;
    } entities[] = {{STR("&lt;"), '<'},
                    {STR("&gt;"), '>'},
                    {STR("&amp;"), '&'},
                    {STR("&quot;"), '"'},
                    {STR("&apos;"), '\''}};

    while (text.len > 0) {
        const char *next = memchr(text.ptr, '&', text.len);
        size_t before = next ? (size_t)(next - text.ptr) : text.len, i = 0;

        buf_put(out, text.ptr, before);
        text.ptr += before;
        text.len -= before;
        while (text.len > 0 && i < ARRAY_LEN(entities) && !str_starts(text, entities[i].name))
            i++;
        if (i == ARRAY_LEN(entities))
            return XML_E_NOT_PLAIN;
        if (text.len > 0) {
            buf_put(out, &entities[i].byte, 1);
            text.ptr += entities[i].name.len;
            text.len -= entities[i].name.len;
        }
    }
    return buf_error(out) != 0 ? FAULT(buf_error(out)) : 0;
}

/* What JSON refuses (no UTF-8) is not plain. */
static int text_value(struct str text, bool escaped, json_t **ret)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(text.len + 2);
    int r = escaped ? unescape(text, &plain) : 0;

    if (r != 0)
        return r;
    if (escaped)
        text = buf_str(&plain);
    *ret = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    return *ret ? 0 : XML_E_NOT_PLAIN;
}

/* Takes `value`. A list has nothing but `member`, an object has no name twice, or it is not plain. */
static int add_child(json_t **parent, const char *name, json_t *value)
{
    bool is_member = strcmp(name, "member") == 0;

    if (!*parent)
        *parent = is_member ? json_array() : json_object();
    if (!*parent) {
        json_decref(value);
        return FAULT(ENOMEM);
    }
    if (json_is_array(*parent) ? !is_member : json_object_get(*parent, name) != NULL) {
        json_decref(value);
        return XML_E_NOT_PLAIN;
    }
    if (json_is_object(*parent))
        return json_put(*parent, name, value);
    return json_array_append_new(*parent, value) == 0 ? 0 : FAULT(ENOMEM);
}

static int element(struct reading *in, char name[NAME_SIZE], json_t **ret);

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_space(text.ptr[i]))
            return false;
    return true;
}

/* Behind a start tag, through its end tag: children, or text if there are none. */
static int content(struct reading *in, const char *name, json_t **ret)
{
    CLEANUP(json_free) json_t *children = NULL;
    char child[NAME_SIZE];
    struct str text;
    bool escaped = false;

    for (;;) {
        json_t *value = NULL;
        int r;

        if (!take_text(in, &text, &escaped) || in->at == in->end)
            return XML_E_NOT_PLAIN;
        if (take_word(in, STR("</")))
            break;
        if (!is_blank(text))
            return XML_E_NOT_PLAIN;
        r = element(in, child, &value);
        if (r == 0)
            r = add_child(&children, child, value);
        if (r != 0)
            return r;
    }
    if (!take_word(in, str_of(name)))
        return XML_E_NOT_PLAIN;
    skip_space(in);
    if (!take_byte(in, '>') || (children && !is_blank(text)))
        return XML_E_NOT_PLAIN;
    if (!children)
        return text_value(text, escaped, ret);
    *ret = take(children);
    return 0;
}

static int element(struct reading *in, char name[NAME_SIZE], json_t **ret)
{
    int r;

    if (!take_byte(in, '<') || !take_name(in, name) || in->depth == MAX_DEPTH || !skip_attribute(in))
        return XML_E_NOT_PLAIN;
    if (take_word(in, STR("/>")))
        return text_value(STR(""), false, ret);
    if (!take_byte(in, '>'))
        return XML_E_NOT_PLAIN;
    in->depth++;
    r = content(in, name, ret);
    in->depth--;
    return r;
}

int xml_plain_to_json(struct str text, json_t **ret)
{
    struct reading in = {text.ptr, text.ptr + text.len, 0};
    CLEANUP(json_free) json_t *tree = NULL;
    char name[NAME_SIZE];
    int r;

    (void)take_word(&in, STR(XML_HEAD));
    skip_space(&in);
    r = element(&in, name, &tree);
    if (r != 0)
        return r;
    skip_space(&in);
    if (in.at != in.end)
        return XML_E_NOT_PLAIN;
    *ret = take(tree);
    return 0;
}
