/* Properties against their tables, and what the types share. */
#include "base/id.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "services/cloudformation/scope.h"
#include "wire/json.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

static const struct property tag_rows[] = {
    {.name = "Key", .type = PROPERTY_TEXT, .required = true},
    {.name = "Value", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties tag_members = PROPERTIES(tag_rows);
static const struct property tag_item[] = {{.name = "Tag", .type = PROPERTY_STRUCT, .of = &tag_members}};
const struct properties tag_list = PROPERTIES(tag_item);

const struct property *property_find(const struct properties *properties, const char *name)
{
    for (size_t i = 0; i < properties->count; i++)
        if (strcmp(properties->rows[i].name, name) == 0)
            return &properties->rows[i];
    return NULL;
}

struct checker {
    const struct template *template;
    struct where *where;
    struct reason *why;
};

static int check_value(struct checker *c, const struct property *p, json_t *value, json_t **ret);

static int wrong_type(struct checker *c, const struct property *p, const char *wanted)
{
    return template_fail(c->template, c->where, c->why, "Value of property %s must be %s", p->name, wanted);
}

static int check_text(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    *ret = scope_text(value);
    if (!*ret)
        return wrong_type(c, p, "of type String");
    if (!p->values)
        return 0;
    for (size_t i = 0; p->values[i]; i++)
        if (strcmp(p->values[i], json_string_value(*ret)) == 0)
            return 0;
    return template_fail(c->template, c->where, c->why, "Property %s: %.200s is not one of its values",
                         p->name, json_string_value(*ret));
}

static int check_integer(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    int64_t number;

    if (json_is_integer(value)) {
        *ret = json_incref(value);
        return 0;
    }
    struct str text = {json_string_value(value), json_string_length(value)};
    if (!text.ptr || !str_to_int(text, INT64_MIN, INT64_MAX, &number))
        return wrong_type(c, p, "an Integer");
    *ret = json_integer(number);
    return 0;
}

static int check_boolean(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    struct str text = {json_string_value(value), json_string_length(value)};

    if (json_is_boolean(value))
        *ret = json_incref(value);
    else if (str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("false")))
        *ret = json_boolean(str_eq_nocase(text, STR("true")));
    else
        return wrong_type(c, p, "a Boolean");
    return 0;
}

static int check_list(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    static const struct property text = {.name = "item", .type = PROPERTY_TEXT};
    size_t index;
    json_t *item;

    if (!json_is_array(value))
        return wrong_type(c, p, "of type List");
    json_array_foreach (value, index, item) {
        size_t mark = where_down_index(c->where, index);
        json_t *checked = NULL;
        int err = check_value(c, p->of ? &p->of->rows[0] : &text, item, &checked);
        if (err)
            return err;
        where_up(c->where, mark);
        json_array_set_new(value, index, checked);
    }
    *ret = json_incref(value);
    return 0;
}

static int check_struct(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    if (!json_is_object(value))
        return wrong_type(c, p, "an object");
    int err = properties_check(c->template, p->of, value, c->where, c->why);
    if (!err)
        *ret = json_incref(value);
    return err;
}

static int check_json(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    if (json_is_object(value)) {
        *ret = json_incref(value);
        return 0;
    }
    struct str text = {json_string_value(value), json_string_length(value)};
    struct reason why;
    int err = text.ptr ? json_parse(text, ret, &why) : JSON_E_SYNTAX;
    if (err == 0 && !json_is_object(*ret))
        err = JSON_E_SYNTAX;
    return err == JSON_E_SYNTAX ? wrong_type(c, p, "an object") : err;
}

static int (*const checks[])(struct checker *c, const struct property *p, json_t *value, json_t **ret) = {
    [PROPERTY_TEXT] = check_text, [PROPERTY_INTEGER] = check_integer, [PROPERTY_BOOLEAN] = check_boolean,
    [PROPERTY_LIST] = check_list, [PROPERTY_STRUCT] = check_struct,   [PROPERTY_JSON] = check_json,
};

static int check_value(struct checker *c, const struct property *p, json_t *value, json_t **ret)
{
    CLEANUP(json_free) json_t *checked = NULL;

    if (json_is_string(value) && scope_unknown(value)) {
        *ret = json_incref(value);
        return 0;
    }
    int err = checks[p->type](c, p, value, &checked);
    if (!err)
        *ret = take(checked);
    return err;
}

int properties_check(const struct template *t, const struct properties *table, json_t *properties,
                     struct where *where, struct reason *why)
{
    struct checker c = {t, where, why};
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(properties, next, name, value)
    {
        const struct property *p = property_find(table, name);
        size_t mark = where_down(where, name);
        if (!p)
            return template_fail(t, where, why, "Encountered unsupported property %s", name);
        json_t *checked = NULL;
        int err = check_value(&c, p, value, &checked);
        if (err)
            return err;
        where_up(where, mark);
        if (json_object_set_new(properties, name, checked))
            return FAULT(ENOMEM);
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].required && !json_object_get(properties, table->rows[i].name))
            return template_fail(t, where, why, "Property %s cannot be empty: it is required",
                                 table->rows[i].name);
    return 0;
}

bool resource_type_has_attribute(const struct resource_type *type, const char *attribute)
{
    for (size_t i = 0; type->attributes && type->attributes[i]; i++)
        if (strcmp(type->attributes[i], attribute) == 0)
            return true;
    return false;
}

#define RANDOM_CHARS 12

int resource_name(const struct resource_work *work, const char *name_property, size_t max_len, bool lower,
                  char ret[PHYSICAL_ID_SIZE])
{
    const char *given = json_str(work->properties, name_property, NULL);
    char random[RANDOM_CHARS + 1];

    if (given) {
        if (strlen(given) >= PHYSICAL_ID_SIZE)
            return reason_set(work->why, STACK_E_INVALID, "%s is too long", name_property);
        (void)snprintf(ret, PHYSICAL_ID_SIZE, "%s", given);
        return 0;
    }
    id_base32(random, RANDOM_CHARS);
    int room = (int)max_len - RANDOM_CHARS - 2;
    int id_len = (int)strlen(work->logical_id);
    int name_len = (int)strlen(work->stack_name);
    if (id_len + name_len > room) {
        int half = room / 2;
        id_len = id_len > half ? (name_len > half ? half : room - name_len) : id_len;
        name_len = name_len > room - id_len ? room - id_len : name_len;
    }
    (void)snprintf(ret, PHYSICAL_ID_SIZE, "%.*s-%.*s-%s", name_len, work->stack_name, id_len,
                   work->logical_id, random);
    for (char *c = ret; lower && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return 0;
}

int resource_attribute(struct resource_work *work, const char *name, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        return FAULT(EMSGSIZE);
    return json_put_str(work->attributes, name, text);
}

json_t *resource_tag_map(const json_t *tags)
{
    json_t *map = json_object();
    size_t index;
    json_t *tag;

    json_array_foreach (tags, index, tag)
        if (map && json_put_str(map, json_str(tag, "Key", ""), json_str(tag, "Value", ""))) {
            json_decref(map);
            return NULL;
        }
    return map;
}

static bool keeps(const char *const *keep, const char *name)
{
    for (size_t i = 0; keep && keep[i]; i++)
        if (strcmp(keep[i], name) == 0)
            return true;
    return false;
}

static json_t *lower_camel_object(const json_t *value, const char *const *keep)
{
    CLEANUP(json_free) json_t *object = json_object();
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
        CLEANUP(free_ptr) char *lower = str_dup(str_of(name));
        if (!lower)
            return NULL;
        lower[0] = (char)tolower((unsigned char)lower[0]);
        json_t *below = keeps(keep, name) ? json_deep_copy(member) : resource_lower_camel(member, keep);
        if (!below || json_object_set_new(object, lower, below))
            return NULL;
    }
    return take(object);
}

json_t *resource_lower_camel(const json_t *value, const char *const *keep)
{
    size_t index;
    json_t *item;

    if (json_is_object(value))
        return lower_camel_object(value, keep);
    if (!json_is_array(value))
        return json_deep_copy(value);
    CLEANUP(json_free) json_t *list = json_array();
    json_array_foreach (value, index, item)
        if (json_array_append_new(list, resource_lower_camel(item, keep)))
            return NULL;
    return take(list);
}
