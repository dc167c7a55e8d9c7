/* The intrinsic functions. Each gets its argument unevaluated. */
#include "base/buf.h"
#include "base/hash.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/scope.h"
#include "wire/json.h"

#define TEXT_MAX (1 << 20)

static int put_text(struct buf *buf, json_t **ret)
{
    struct str text = buf_str(buf);

    if (buf_error(buf))
        return FAULT(buf_error(buf));
    *ret = json_stringn(text.len ? text.ptr : "", text.len);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* Evaluates and wants a scalar, as a text. */
static int text_of(struct scope *s, const json_t *value, const char *who, json_t **ret)
{
    CLEANUP(json_free) json_t *evaluated = NULL;
    int err = scope_evaluate(s, value, &evaluated);

    if (err)
        return err;
    *ret = scope_text(evaluated);
    return *ret ? 0 : scope_fail(s, "every %s object must be made of string values", who);
}

/* Evaluates and wants a list; one text that is not known yet passes as a list of itself. */
static int list_of(struct scope *s, const json_t *value, const char *who, json_t **ret)
{
    CLEANUP(json_free) json_t *evaluated = NULL;
    int err = scope_evaluate(s, value, &evaluated);

    if (err)
        return err;
    if (json_is_string(evaluated) && scope_unknown(evaluated))
        *ret = json_pack("[O]", evaluated);
    else if (json_is_array(evaluated))
        *ret = take(evaluated);
    else
        return scope_fail(s, "every %s object requires a list", who);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int want(struct scope *s, const json_t *argument, size_t min, size_t max, const char *says)
{
    size_t count = json_array_size(argument);

    return json_is_array(argument) && count >= min && count <= max ? 0 : scope_fail(s, "%s", says);
}

static int unknown(json_t **ret)
{
    *ret = json_string(SCOPE_UNKNOWN);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int fn_ref(struct scope *s, const json_t *argument, json_t **ret)
{
    if (json_is_string(argument))
        return scope_ref(s, json_string_value(argument), ret);
    return scope_fail(s, "every Ref object must have a single String value");
}

static int fn_get_att(struct scope *s, const json_t *argument, json_t **ret)
{
    if (json_is_string(argument)) {
        struct str rest = str_of(json_string_value(argument));
        struct str id = str_split(&rest, '.');
        CLEANUP(free_ptr) char *name = str_dup(id);
        if (!name)
            return FAULT(ENOMEM);
        return rest.ptr ? scope_attribute(s, name, rest.ptr, ret)
                        : scope_fail(s, "every Fn::GetAtt object requires a resource and an attribute");
    }
    int err = want(s, argument, 2, 2,
                   "every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
                   "resource attribute");
    const char *id = json_string_value(json_array_get(argument, 0));
    CLEANUP(json_free) json_t *attribute = NULL;
    if (!err)
        err = text_of(s, json_array_get(argument, 1), "Fn::GetAtt", &attribute);
    if (err)
        return err;
    return id ? scope_attribute(s, id, json_string_value(attribute), ret)
              : scope_fail(s, "Fn::GetAtt's resource must be a logical id");
}

/* ---- texts */

static int fn_join(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    CLEANUP(json_free) json_t *list = NULL;
    size_t index;
    json_t *item;
    int err = want(s, argument, 2, 2,
                   "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
                   "strings to be joined");

    if (!err && !json_is_string(json_array_get(argument, 0)))
        err = scope_fail(s, "Fn::Join's delimiter must be a string");
    if (!err)
        err = list_of(s, json_array_get(argument, 1), "Fn::Join", &list);
    if (err)
        return err;
    json_array_foreach (list, index, item) {
        CLEANUP(json_free) json_t *text = scope_text(item);
        if (!text)
            return scope_fail(s, "Fn::Join takes a list of strings");
        if (index)
            buf_puts(&out, json_string_value(json_array_get(argument, 0)));
        buf_puts(&out, json_string_value(text));
    }
    return put_text(&out, ret);
}

static int fn_split(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *source = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err = want(s, argument, 2, 2,
                   "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
                   "to be split");
    const char *delimiter = json_string_value(json_array_get(argument, 0));

    if (err)
        return err;
    if (!delimiter || !*delimiter)
        return scope_fail(s, "Fn::Split's delimiter must be a non-empty string");
    err = text_of(s, json_array_get(argument, 1), "Fn::Split", &source);
    if (err)
        return err;
    const char *rest = json_string_value(source);
    for (const char *at = strstr(rest, delimiter); at; at = strstr(rest, delimiter)) {
        if (json_array_append_new(list, json_stringn(rest, (size_t)(at - rest))))
            return FAULT(ENOMEM);
        rest = at + strlen(delimiter);
    }
    if (json_array_append_new(list, json_string(rest)))
        return FAULT(ENOMEM);
    *ret = take(list);
    return 0;
}

static int fn_select(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *index = NULL;
    CLEANUP(json_free) json_t *list = NULL;
    int64_t n = 0;
    int err = want(s, argument, 2, 2, "every Fn::Select object requires two parameters, an index and a list");

    if (!err)
        err = text_of(s, json_array_get(argument, 0), "Fn::Select", &index);
    if (!err)
        err = list_of(s, json_array_get(argument, 1), "Fn::Select", &list);
    if (err)
        return err;
    if (!str_to_int(str_of(json_string_value(index)), 0, INT32_MAX, &n))
        return scope_fail(s, "Fn::Select's index must be a number from 0");
    if ((size_t)n >= json_array_size(list) && scope_unknown(list))
        return unknown(ret);
    if ((size_t)n >= json_array_size(list))
        return scope_fail(s, "Fn::Select cannot select nonexistent value at index %lld", (long long)n);
    *ret = json_incref(json_array_get(list, (size_t)n));
    return 0;
}

static int fn_base64(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *text = NULL;
    int err = text_of(s, argument, "Fn::Base64", &text);

    if (err)
        return err;
    if (scope_unknown(text))
        return unknown(ret);
    size_t len = json_string_length(text);
    CLEANUP(free_ptr) char *encoded = malloc(4 * ((len + 2) / 3) + 1);
    if (!encoded)
        return FAULT(ENOMEM);
    base64_encode(json_string_value(text), len, encoded);
    *ret = json_string(encoded);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* ---- Sub */

static int sub_variable(struct scope *s, struct str name, const json_t *variables, struct buf *out)
{
    CLEANUP(free_ptr) char *copy = str_dup(str_trim(name));
    CLEANUP(json_free) json_t *value = NULL;

    if (!copy)
        return FAULT(ENOMEM);
    const json_t *given = json_object_get(variables, copy);
    char *dot = strchr(copy, '.');
    int err;
    if (given) {
        err = text_of(s, given, "Fn::Sub", &value);
    } else if (dot) {
        *dot = '\0';
        err = scope_attribute(s, copy, dot + 1, &value);
    } else {
        err = scope_ref(s, copy, &value);
    }
    if (err)
        return err;
    CLEANUP(json_free) json_t *text = scope_text(value);
    if (!text)
        return scope_fail(s, "Fn::Sub: %.200s is not a string", copy);
    return buf_puts(out, json_string_value(text));
}

static int sub_text(struct scope *s, const char *text, const json_t *variables, struct buf *out)
{
    for (const char *at = strstr(text, "${"); at; at = strstr(text, "${")) {
        buf_put(out, text, (size_t)(at - text));
        const char *end = strchr(at, '}');
        if (!end)
            return scope_fail(s, "Fn::Sub: a ${ without a }");
        struct str name = {at + 2, (size_t)(end - at - 2)};
        text = end + 1;
        if (name.len && *name.ptr == '!') {
            buf_puts(out, "${");
            buf_put(out, name.ptr + 1, name.len - 1);
            buf_putc(out, '}');
            continue;
        }
        int err = sub_variable(s, name, variables, out);
        if (err)
            return err;
    }
    return buf_puts(out, text);
}

static int fn_sub(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    const json_t *text = json_is_array(argument) ? json_array_get(argument, 0) : argument;
    const json_t *variables = json_is_array(argument) ? json_array_get(argument, 1) : NULL;

    if (!json_is_string(text) ||
        (json_is_array(argument) && (json_array_size(argument) != 2 || !json_is_object(variables))))
        return scope_fail(s, "one or more Fn::Sub intrinsic functions don't specify expected arguments. "
                             "Specify a string as first argument, and an optional second argument to specify "
                             "a mapping of values to replace in the string");
    int err = sub_text(s, json_string_value(text), variables, &out);
    return err ? err : put_text(&out, ret);
}

/* ---- lookups */

static int fn_find_in_map(struct scope *s, const json_t *argument, json_t **ret)
{
    const json_t *found = s->template->mappings;
    int err = want(s, argument, 3, s->template->language_extensions ? 4 : 3,
                   "every Fn::FindInMap object requires three parameters, the map name, map key and the "
                   "attribute for return value");

    for (size_t i = 0; i < 3 && !err; i++) {
        CLEANUP(json_free) json_t *key = NULL;
        err = text_of(s, json_array_get(argument, i), "Fn::FindInMap", &key);
        if (err)
            return err;
        if (scope_unknown(key))
            return scope_fail(s, "Fn::FindInMap's keys cannot come from resources");
        found = json_object_get(found, json_string_value(key));
        if (!found && json_array_size(argument) == 4)
            return scope_evaluate(s, json_object_get(json_array_get(argument, 3), "DefaultValue"), ret);
        if (!found)
            return scope_fail(s, "Unable to get mapping: there is no %.200s in it", json_string_value(key));
    }
    if (err)
        return err;
    if (json_is_object(found))
        return scope_fail(s, "Fn::FindInMap found no string or list");
    *ret = json_deep_copy(found);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int fn_import_value(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *name = NULL;
    int err = text_of(s, argument, "Fn::ImportValue", &name);

    if (err)
        return err;
    if (scope_unknown(name))
        return unknown(ret);
    const json_t *value = json_object_get(s->exports, json_string_value(name));
    if (!value)
        return reason_set(s->why, STACK_E_INVALID, "No export named %.255s found.", json_string_value(name));
    if (s->imports && json_object_set_new(s->imports, json_string_value(name), json_true()))
        return FAULT(ENOMEM);
    *ret = json_deep_copy(value);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int fn_get_azs(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *region = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err = text_of(s, argument, "Fn::GetAZs", &region);

    if (err)
        return err;
    const char *name = *json_string_value(region) ? json_string_value(region) : s->region;
    for (const char *zone = "abc"; *zone; zone++)
        if (json_array_append_new(list, json_sprintf("%s%c", name, *zone)))
            return FAULT(ENOMEM);
    *ret = take(list);
    return 0;
}

static int fn_cidr(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *block = NULL;
    CLEANUP(json_free) json_t *count = NULL;
    CLEANUP(json_free) json_t *bits = NULL;
    int64_t n = 0, size = 0;
    int err = want(s, argument, 2, 3, "Fn::Cidr takes an IP block, a count and the CIDR bits");

    if (!err)
        err = text_of(s, json_array_get(argument, 0), "Fn::Cidr", &block);
    if (!err)
        err = text_of(s, json_array_get(argument, 1), "Fn::Cidr", &count);
    if (!err && json_array_size(argument) == 3)
        err = text_of(s, json_array_get(argument, 2), "Fn::Cidr", &bits);
    if (err)
        return err;
    if (scope_unknown(block))
        return unknown(ret);
    if (!str_to_int(str_of(json_string_value(count)), 0, 256, &n) ||
        (bits && !str_to_int(str_of(json_string_value(bits)), 1, 127, &size)))
        return scope_fail(s, "Fn::Cidr's count and bits must be numbers");
    if (!bits)
        size = strchr(json_string_value(block), ':') ? 64 : 8;
    return cidr_split(s, json_string_value(block), n, size, ret);
}

/* ---- logic */

static int fn_if(struct scope *s, const json_t *argument, json_t **ret)
{
    bool holds = false;
    int err = want(s, argument, 3, 3, "Fn::If requires a list argument with three elements");
    const char *name = json_string_value(json_array_get(argument, 0));

    if (!err && !name)
        err = scope_fail(s, "Fn::If's first element must be a condition's name");
    if (!err)
        err = scope_condition(s, name, &holds);
    return err ? err : scope_evaluate(s, json_array_get(argument, holds ? 1 : 2), ret);
}

static int extension(struct scope *s, const char *name)
{
    return s->template->language_extensions
               ? 0
               : scope_fail(s, "%s needs \"Transform: AWS::LanguageExtensions\" in the template", name);
}

static int fn_length(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *list = NULL;
    int err = extension(s, "Fn::Length");

    if (!err)
        err = list_of(s, argument, "Fn::Length", &list);
    if (err)
        return err;
    *ret = json_integer((json_int_t)json_array_size(list));
    return *ret ? 0 : FAULT(ENOMEM);
}

static int fn_to_json_string(struct scope *s, const json_t *argument, json_t **ret)
{
    CLEANUP(json_free) json_t *value = NULL;
    int err = extension(s, "Fn::ToJsonString");

    if (!err && !json_is_object(argument) && !json_is_array(argument))
        err = scope_fail(s, "Fn::ToJsonString takes an object or a list");
    if (!err)
        err = scope_evaluate(s, argument, &value);
    if (err)
        return err;
    CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    err = json_write(value, &out);
    return err ? err : put_text(&out, ret);
}

static const struct intrinsic intrinsics[] = {
    {"Ref", fn_ref, false},
    {"Fn::GetAtt", fn_get_att, false},
    {"Fn::Sub", fn_sub, false},
    {"Fn::Join", fn_join, false},
    {"Fn::Select", fn_select, false},
    {"Fn::Split", fn_split, false},
    {"Fn::FindInMap", fn_find_in_map, false},
    {"Fn::Base64", fn_base64, false},
    {"Fn::Cidr", fn_cidr, false},
    {"Fn::GetAZs", fn_get_azs, false},
    {"Fn::ImportValue", fn_import_value, false},
    {"Fn::If", fn_if, false},
    {"Fn::Length", fn_length, false},
    {"Fn::ToJsonString", fn_to_json_string, false},
    {"Fn::And", NULL, true},
    {"Fn::Or", NULL, true},
    {"Fn::Not", NULL, true},
    {"Fn::Equals", NULL, true},
};

const struct intrinsic *intrinsic_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(intrinsics); i++)
        if (strcmp(intrinsics[i].name, name) == 0)
            return &intrinsics[i];
    return NULL;
}
