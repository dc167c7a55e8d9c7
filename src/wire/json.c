/* JSON text to jansson trees and back, and accessors that never fail on a tree of another form. */
#include "wire/json_read.h"
#include <stdarg.h>
#include <stdio.h>

/* The deepest nesting of lists and objects in the text; brackets within strings do not count. */
static size_t text_depth(struct str text)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest)
                deepest = depth;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

int json_parse(struct str text, json_t **ret, struct reason *why)
{
    json_error_t error;
    json_t *value = json_read(text, JSON_MAX_DEPTH, true);

    if (value) {
        *ret = value;
        return 0;
    }
    if (text_depth(text) > JSON_MAX_DEPTH)
        return reason_set(why, JSON_E_SYNTAX, "the document is nested more than %d levels deep",
                          JSON_MAX_DEPTH);
    value =
        json_loadb(text.len > 0 ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return FAULT(ENOMEM);
        return reason_set(why, JSON_E_SYNTAX, "line %d, column %d: %s", error.line, error.column, error.text);
    }
    *ret = value;
    return 0;
}

static int dump_to_buf(const char *bytes, size_t len, void *out)
{
    return buf_put(out, bytes, len);
}

char *json_text(const json_t *value)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(SIZE_MAX);

    if (json_dump_callback(value, dump_to_buf, &out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) != 0)
        return NULL;
    return buf_take(&out);
}

int json_unpack_text(struct str text, json_t **ret)
{
    json_error_t error;
    json_t *value = json_read(text, JSON_PARSER_MAX_DEPTH, false);

    if (!value)
        value = json_loadb(text.len > 0 ? text.ptr : "", text.len, JSON_DECODE_ANY, &error);
    if (!value)
        return FAULT(json_error_code(&error) == json_error_out_of_memory ? ENOMEM : EBADMSG);
    *ret = value;
    return 0;
}

void json_free(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

const char *json_str(const json_t *object, const char *key, const char *absent)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : absent;
}

int64_t json_int(const json_t *object, const char *key, int64_t absent)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : absent;
}

bool json_bool(const json_t *object, const char *key, bool absent)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : absent;
}

json_t *json_path(const json_t *value, const char *path)
{
    struct str rest = str_of(path);
    json_t *at = (json_t *)value;

    while (at && rest.ptr) {
        struct str step = str_split(&rest, '.');

        if (json_is_array(at)) {
            int64_t index;

            at = str_to_int(step, 0, INT32_MAX, &index) ? json_array_get(at, (size_t)index) : NULL;
        } else {
            at = json_object_getn(at, step.ptr, step.len);
        }
    }
    return at;
}

int json_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? 0 : FAULT(ENOMEM);
}

int json_put_str(json_t *object, const char *key, const char *value)
{
    return json_put(object, key, json_string(value));
}

int json_put_strn(json_t *object, const char *key, struct str value)
{
    return json_put(object, key, json_stringn(value.ptr ? value.ptr : "", value.len));
}

int json_put_int(json_t *object, const char *key, int64_t value)
{
    return json_put(object, key, json_integer(value));
}

int json_put_bool(json_t *object, const char *key, bool value)
{
    return json_put(object, key, json_boolean(value));
}

int json_put_format(json_t *object, const char *key, const char *fmt, ...)
{
    CLEANUP(free_ptr) char *text = NULL;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0) {
        text = NULL;
        return FAULT(ENOMEM);
    }
    return json_put_strn(object, key, (struct str){text, (size_t)len});
}
