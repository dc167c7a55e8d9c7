/* See form.h. A delimiter begins with the only CR that it has: where bytes that began like one go on
 * otherwise, they were a part's, and the search begins anew. */
#include "wire/form.h"

static struct str skip(struct str s, size_t len)
{
    return (struct str){s.ptr + len, s.len - len};
}

static struct str unquoted(struct str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return (struct str){s.ptr + 1, s.len - 2};
    return s;
}

/* Splits at the first ';' outside quotes. */
static struct str split_parameter(struct str *rest)
{
    bool quoted = false;
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->ptr[i] == '"')
            quoted = !quoted;
        if (rest->ptr[i] != ';' || quoted)
            continue;
        struct str first = {rest->ptr, i};
        *rest = skip(*rest, i + 1);
        return first;
    }
    struct str all = *rest;
    *rest = (struct str){NULL, 0};
    return all;
}

/* The value of `; name=value`; {NULL,0} when there is none. */
static struct str parameter(struct str field, const char *name)
{
    (void)split_parameter(&field);
    while (field.ptr) {
        struct str value = str_trim(split_parameter(&field));
        struct str key = str_split(&value, '=');
        if (value.ptr && str_eq_nocase(str_trim(key), str_of(name)))
            return unquoted(str_trim(value));
    }
    return (struct str){NULL, 0};
}

int form_init(struct form *form, struct str content_type)
{
    struct str rest = content_type;
    struct str type = content_type.ptr ? str_trim(split_parameter(&rest)) : content_type;
    struct str boundary = content_type.ptr ? parameter(content_type, "boundary") : content_type;
    *form = (struct form){.state = FORM_PREAMBLE, .matched = 2};
    if (!str_eq_nocase(type, STR("multipart/form-data")) || !boundary.ptr || boundary.len == 0 ||
        boundary.len > FORM_BOUNDARY_MAX || memchr(boundary.ptr, '\r', boundary.len) ||
        memchr(boundary.ptr, '\n', boundary.len))
        return FORM_E_SYNTAX;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.ptr, boundary.len);
    form->delimiter_len = boundary.len + 4;
    return 0;
}

/* Bytes of a value, up to what may be a delimiter; or those that turned out not to be one. */
static void on_body(struct form *form, struct str *input, struct form_item *ret)
{
    size_t held = form->matched;
    size_t taken = 0;
    while (form->matched > 0 && form->matched < form->delimiter_len && taken < input->len &&
           input->ptr[taken] == form->delimiter[form->matched]) {
        form->matched++;
        taken++;
    }
    *input = skip(*input, taken);
    if (form->matched == form->delimiter_len) {
        ret->kind = form->state == FORM_BODY ? FORM_END : FORM_MORE;
        form->state = FORM_AFTER;
        form->matched = 0;
        return;
    }
    if (form->matched > 0 && input->len > 0) { /* no delimiter after all */
        ret->kind = FORM_BYTES;
        ret->bytes = (struct str){form->delimiter, held + taken};
        form->matched = 0;
        return;
    }
    if (input->len == 0)
        return;
    const char *mark = memchr(input->ptr, '\r', input->len);
    size_t len = mark ? (size_t)(mark - input->ptr) : input->len;
    if (len > 0) {
        ret->kind = FORM_BYTES;
        ret->bytes = (struct str){input->ptr, len};
    }
    form->matched = mark ? 1 : 0;
    *input = skip(*input, mark ? len + 1 : len);
}

/* Two bytes tell: "--" after the last value, a line's end before a part's headers. */
static int on_after(struct form *form, struct str *input)
{
    char c = input->ptr[0];
    *input = skip(*input, 1);
    if (form->is_last) {
        form->state = FORM_DONE;
        return c == '-' ? 0 : FORM_E_SYNTAX;
    }
    if (form->blank) {
        form->blank = false;
        form->headers_len = 0;
        form->state = FORM_HEADERS;
        return c == '\n' ? 0 : FORM_E_SYNTAX;
    }
    form->is_last = c == '-';
    form->blank = c == '\r';
    return form->is_last || form->blank || c == ' ' || c == '\t' ? 0 : FORM_E_SYNTAX;
}

static int read_headers(struct form *form, struct form_item *ret)
{
    struct str rest = {form->headers, form->headers_len};
    while (rest.len > 0) {
        struct str value = str_trim(str_split(&rest, '\n'));
        struct str name = str_split(&value, ':');
        if (str_eq_nocase(name, STR("content-type")))
            ret->type = str_trim(value);
        if (!str_eq_nocase(name, STR("content-disposition")))
            continue;
        ret->name = parameter(value, "name");
        ret->filename = parameter(value, "filename");
    }
    ret->kind = FORM_PART;
    form->state = FORM_BODY;
    return ret->name.len > 0 ? 0 : FORM_E_SYNTAX;
}

static int on_headers(struct form *form, struct str *input, struct form_item *ret)
{
    const char *end = memchr(input->ptr, '\n', input->len);
    size_t len = end ? (size_t)(end - input->ptr) + 1 : input->len;
    if (len > sizeof(form->headers) - form->headers_len)
        return FORM_E_SYNTAX;
    memcpy(form->headers + form->headers_len, input->ptr, len);
    form->headers_len += len;
    *input = skip(*input, len);
    struct str all = {form->headers, form->headers_len};
    bool ended = str_ends(all, STR("\n\r\n")) || str_eqc(all, "\r\n");
    return ended ? read_headers(form, ret) : 0;
}

int form_next(struct form *form, struct str *input, struct form_item *ret)
{
    *ret = (struct form_item){.kind = FORM_MORE};
    int rc = 0;
    while (rc == 0 && input->len > 0 && ret->kind == FORM_MORE) {
        switch (form->state) {
        case FORM_PREAMBLE:
            on_body(form, input, ret);
            *ret = (struct form_item){.kind = FORM_MORE};
            break;
        case FORM_BODY:
            on_body(form, input, ret);
            break;
        case FORM_AFTER:
            rc = on_after(form, input);
            break;
        case FORM_HEADERS:
            rc = on_headers(form, input, ret);
            break;
        case FORM_DONE:
            *input = skip(*input, input->len);
            break;
        }
    }
    return rc;
}
