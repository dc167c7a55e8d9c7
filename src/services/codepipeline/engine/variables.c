/* Replaces references to variables. */
#include "services/codepipeline/engine/variables.h"
#include "base/buf.h"
#include "wire/json.h"

#define VALUE_MAX (128 * 1024)

static struct str find_after(struct str text, struct str what, struct str *ret_before)
{
    const char *at = text.len ? memmem(text.ptr, text.len, what.ptr, what.len) : NULL;

    if (!at) {
        *ret_before = text;
        return (struct str){NULL, 0};
    }
    *ret_before = (struct str){text.ptr, (size_t)(at - text.ptr)};
    return (struct str){at + what.len, text.len - ret_before->len - what.len};
}

bool variables_next(struct str *text, struct str *ret_reference)
{
    struct str before, rest = find_after(*text, STR("#{"), &before);

    if (rest.ptr)
        *text = find_after(rest, STR("}"), ret_reference);
    return rest.ptr && text->ptr;
}

static const char *lookup(const struct variables *variables, struct str reference)
{
    struct str key = reference, space = str_split(&key, '.');
    const json_t *names;

    if (str_eqc(space, "codepipeline"))
        return str_eqc(key, VARIABLE_EXECUTION_ID) ? variables->execution_id : NULL;
    names = space.len && key.len ? json_object_getn(variables->given, space.ptr, space.len) : NULL;
    return names ? json_string_value(json_object_getn(names, key.ptr, key.len)) : NULL;
}

static int references_replace(struct str text, const struct variables *variables, json_t **ret,
                              struct reason *why)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(VALUE_MAX);

    while (text.ptr) {
        struct str before, reference, rest = find_after(text, STR("#{"), &before);

        buf_put_str(&out, before);
        if (!rest.ptr)
            break;
        text = find_after(rest, STR("}"), &reference);
        if (!text.ptr) {
            buf_puts(&out, "#{");
            buf_put_str(&out, reference);
            break;
        }
        const char *value = lookup(variables, reference);

        if (!value)
            return reason_set(why, VARIABLES_E_UNRESOLVED,
                              "The variable reference #{" STR_FMT
                              "} has no value: no action with that namespace "
                              "has given it in this execution.",
                              STR_ARG(reference));
        buf_puts(&out, value);
    }
    if (buf_error(&out) == -EMSGSIZE)
        return reason_set(why, VARIABLES_E_UNRESOLVED, "A configuration value is longer than %d bytes.",
                          VALUE_MAX);
    if (buf_error(&out))
        return buf_error(&out);
    *ret = json_stringn(out.ptr ? out.ptr : "", out.len);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int text_resolve(json_t *value, const struct variables *variables, json_t **ret, struct reason *why)
{
    struct str text = {json_string_value(value), json_string_length(value)};

    if (!text.ptr || text.len > VALUE_MAX || memmem(text.ptr, text.len, "#{", strlen("#{")))
        return references_replace(text, variables, ret, why);
    *ret = json_incref(value);
    return 0;
}

int variables_resolve(const json_t *configuration, const struct variables *variables, json_t **ret,
                      struct reason *why)
{
    CLEANUP(json_free) json_t *out = json_object();
    const char *key;
    json_t *value;

    if (!out)
        return FAULT(ENOMEM);
    json_object_foreach ((json_t *)configuration, key, value) {
        json_t *resolved = NULL;
        int r = text_resolve(value, variables, &resolved, why);

        if (r == 0)
            r = json_put(out, key, resolved);
        if (r)
            return r;
    }
    *ret = take(out);
    return 0;
}

int variables_resolve_list(const json_t *list, const struct variables *variables, json_t **ret,
                           struct reason *why)
{
    CLEANUP(json_free) json_t *out = json_array();
    json_t *item;
    size_t i;
    int r = out ? 0 : FAULT(ENOMEM);

    json_array_foreach (list, i, item) {
        json_t *resolved = NULL;

        if (r == 0)
            r = json_is_object(item) ? variables_resolve(item, variables, &resolved, why)
                                     : text_resolve(item, variables, &resolved, why);
        if (r == 0 && json_array_append_new(out, resolved))
            r = FAULT(ENOMEM);
    }
    if (r == 0)
        *ret = take(out);
    return r;
}
