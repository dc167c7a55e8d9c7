/* AWS's Query protocol: a tree as form-encoded pairs. Source: smithy's awsQuery protocol. */
#include "http/aws_client.h"
#include "wire/json.h"
#include "wire/uri.h"

/* Members of inputs that are maps: everything else that is an object is a structure. Of the operations of the
 * Query services these are all, by botocore's models. */
static const char *const map_members[] = {"ResourceIdentifierProperties"};

static int put_value(struct buf *out, struct str name, const json_t *value);

static bool is_map(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(map_members); i++)
        if (str_ends(name, str_of(map_members[i])))
            return true;
    return false;
}

static void put_pair(struct buf *out, struct str name, struct str value)
{
    if (out->len > 0)
        buf_putc(out, '&');
    uri_encode(out, name, false);
    buf_putc(out, '=');
    uri_encode(out, value, false);
}

/* Goes one level down: NAME.suffix */
static int put_below(struct buf *out, struct str name, const char *suffix, const json_t *value)
{
    CLEANUP(buf_free) struct buf longer = BUF_INIT(4096);

    buf_put_str(&longer, name);
    if (name.len > 0)
        buf_putc(&longer, '.');
    if (buf_puts(&longer, suffix) != 0)
        return FAULT(buf_error(&longer));
    return put_value(out, buf_str(&longer), value);
}

static int put_numbered(struct buf *out, struct str name, const char *kind, size_t number, const char *part,
                        const json_t *value)
{
    CLEANUP(buf_free) struct buf suffix = BUF_INIT(128);

    if (buf_printf(&suffix, "%s.%zu%s", kind, number, part) != 0)
        return FAULT(buf_error(&suffix));
    return put_below(out, name, suffix.ptr, value);
}

static int put_list(struct buf *out, struct str name, const json_t *list)
{
    size_t index;
    const json_t *item;
    int r = 0;

    if (json_array_size(list) == 0)
        put_pair(out, name, STR(""));
    json_array_foreach (list, index, item) {
        r = put_numbered(out, name, "member", index + 1, "", item);
        if (r != 0)
            break;
    }
    return r;
}

static int put_map(struct buf *out, struct str name, json_t *map)
{
    const char *key;
    json_t *value;
    size_t number = 0;
    int r = 0;

    json_object_foreach (map, key, value) {
        CLEANUP(json_free) json_t *key_text = json_string(key);

        number++;
        r = key_text ? put_numbered(out, name, "entry", number, ".key", key_text) : FAULT(ENOMEM);
        if (r == 0)
            r = put_numbered(out, name, "entry", number, ".value", value);
        if (r != 0)
            break;
    }
    return r;
}

static int put_struct(struct buf *out, struct str name, json_t *object)
{
    const char *member;
    json_t *value;
    int r = 0;

    json_object_foreach (object, member, value) {
        r = put_below(out, name, member, value);
        if (r != 0)
            break;
    }
    return r;
}

static int put_number(struct buf *out, struct str name, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(64);
    int r = json_is_integer(value) ? buf_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value))
                                   : buf_printf(&text, "%.17g", json_real_value(value));

    if (r == 0)
        put_pair(out, name, buf_str(&text));
    return r;
}

static int put_value(struct buf *out, struct str name, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return is_map(name) ? put_map(out, name, (json_t *)value) : put_struct(out, name, (json_t *)value);
    case JSON_ARRAY:
        return put_list(out, name, value);
    case JSON_STRING:
        put_pair(out, name, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        return put_number(out, name, value);
    case JSON_TRUE:
        put_pair(out, name, STR("true"));
        break;
    case JSON_FALSE:
        put_pair(out, name, STR("false"));
        break;
    case JSON_NULL:
        break;
    }
    return buf_error(out);
}

int aws_query_encode(const char *operation, const char *version, const json_t *in, struct buf *out)
{
    int r = 0;

    put_pair(out, STR("Action"), str_of(operation));
    put_pair(out, STR("Version"), str_of(version));
    if (in)
        r = put_struct(out, STR(""), (json_t *)in);
    return r != 0 ? r : buf_error(out);
}
