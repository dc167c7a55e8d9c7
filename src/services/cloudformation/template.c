/* See template.h. */
#include "services/cloudformation/template.h"
#include "base/mem.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "wire/json.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define RESOURCES_MAX 500
#define PARAMETERS_MAX 200
#define OUTPUTS_MAX 200
#define MAPPINGS_MAX 200
#define NAME_MAX_CHARS 255

void where_set(struct where *where, const char *path)
{
    int len = snprintf(where->path, sizeof(where->path), "%s", path);

    where->len = (size_t)len < sizeof(where->path) ? (size_t)len : sizeof(where->path) - 1;
}

size_t where_down(struct where *where, const char *step)
{
    size_t mark = where->len;
    size_t room = sizeof(where->path) - where->len;
    int len = snprintf(where->path + where->len, room, "%s%s", where->len ? "/" : "", step);

    where->len += (size_t)len < room ? (size_t)len : room - 1;
    return mark;
}

size_t where_down_index(struct where *where, size_t index)
{
    char step[24];

    (void)snprintf(step, sizeof(step), "%zu", index);
    return where_down(where, step);
}

void where_up(struct where *where, size_t mark)
{
    where->len = mark;
    where->path[mark] = '\0';
}

/* The line of the path or of the nearest value above it that the author wrote. */
static int nearest_line(const struct template *t, const struct where *where)
{
    struct where at = *where;

    while (at.len) {
        int line = yaml_line(t->marks, at.path);
        if (line)
            return line;
        char *slash = strrchr(at.path, '/');
        where_up(&at, slash ? (size_t)(slash - at.path) : 0);
    }
    return 1;
}

int template_fail(const struct template *t, const struct where *where, struct reason *why, const char *fmt,
                  ...)
{
    char text[700];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return reason_set(why, STACK_E_INVALID, "%s at /%s (line %d)", text, where->path, nearest_line(t, where));
}

static bool alphanumeric(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]))
            return false;
    return len > 0 && len <= NAME_MAX_CHARS;
}

static int refuse_nulls(const struct template *t, const json_t *value, struct where *where,
                        struct reason *why)
{
    const char *key;
    size_t index;
    json_t *member;
    int err = 0;

    if (json_is_null(value))
        return template_fail(t, where, why,
                             "Template format error: 'null' values are not allowed in templates");
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        size_t mark = where_down(where, key);
        err = refuse_nulls(t, member, where, why);
        where_up(where, mark);
        if (err)
            return err;
    }
    json_array_foreach (value, index, member) {
        size_t mark = where_down_index(where, index);
        err = refuse_nulls(t, member, where, why);
        where_up(where, mark);
        if (err)
            return err;
    }
    return err;
}

/* ---- sections */

struct section {
    const char *name;
    bool is_object;
    size_t max;
    bool alphanumeric;
    const char *refused; /* why Slipway does not take it */
};

static const struct section sections[] = {
    {.name = "AWSTemplateFormatVersion"},
    {.name = "Description"},
    {.name = "Transform"},
    {.name = "Metadata", .is_object = true},
    {.name = "Parameters", .is_object = true, .max = PARAMETERS_MAX, .alphanumeric = true},
    {.name = "Mappings", .is_object = true, .max = MAPPINGS_MAX},
    {.name = "Conditions", .is_object = true},
    {.name = "Resources", .is_object = true, .max = RESOURCES_MAX, .alphanumeric = true},
    {.name = "Outputs", .is_object = true, .max = OUTPUTS_MAX, .alphanumeric = true},
    {.name = "Rules", .refused = "the Rules section is not supported by Slipway"},
    {.name = "Hooks", .refused = "the Hooks section is not supported by Slipway"},
};

static const struct section *section_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

static int check_section(const struct template *t, const char *name, json_t *value, struct reason *why)
{
    const struct section *section = section_find(name);
    struct where where = {""};
    const char *key;
    json_t *member;

    where_set(&where, name);
    if (!section)
        return template_fail(t, &where, why, "Invalid template property or properties [%s]", name);
    if (section->refused)
        return template_fail(t, &where, why, "Template format error: %s", section->refused);
    if (!section->is_object)
        return 0;
    if (!json_is_object(value))
        return template_fail(t, &where, why, "Template format error: %s must be an object", name);
    if (section->max && json_object_size(value) > section->max)
        return template_fail(t, &where, why,
                             "Template format error: Number of %s, %zu, is greater than maximum allowed, %zu",
                             name, json_object_size(value), section->max);
    json_object_foreach (value, key, member) {
        size_t mark = where_down(&where, key);
        if (section->alphanumeric && !alphanumeric(key))
            return template_fail(t, &where, why,
                                 "Template format error: %.*s name %.300s is non alphanumeric",
                                 (int)strlen(name) - 1, name, key);
        where_up(&where, mark);
    }
    return 0;
}

/* ---- resources */

static const char *const resource_members[] = {
    "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"};
static const struct policy {
    const char *member;
    const char *value;
} policies[] = {
    {"DeletionPolicy", "Delete"},
    {"DeletionPolicy", "Retain"},
    {"DeletionPolicy", "RetainExceptOnCreate"},
    {"UpdateReplacePolicy", "Delete"},
    {"UpdateReplacePolicy", "Retain"},
};

static int check_policy(const struct template *t, const char *member, const json_t *resource,
                        struct where *where, struct reason *why)
{
    const json_t *value = json_object_get(resource, member);

    if (!value)
        return 0;
    (void)where_down(where, member);
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < ARRAY_LEN(policies); i++)
        if (strcmp(policies[i].member, member) == 0 && strcmp(policies[i].value, text) == 0)
            return 0;
    return template_fail(t, where, why,
                         "Template format error: %s must be Delete or Retain: no type here supports %s",
                         member, text ? text : "anything else");
}

static int check_depends_on(const struct template *t, const json_t *depends_on, const char *self,
                            struct where *where, struct reason *why)
{
    size_t count = json_is_array(depends_on) ? json_array_size(depends_on) : depends_on ? 1 : 0;

    for (size_t i = 0; i < count; i++) {
        const char *name =
            json_string_value(json_is_array(depends_on) ? json_array_get(depends_on, i) : depends_on);
        (void)where_down(where, "DependsOn");
        if (!name)
            return template_fail(t, where, why, "Template format error: DependsOn takes logical ids");
        if (!json_object_get(t->resources, name) || strcmp(name, self) == 0)
            return template_fail(t, where, why,
                                 "Template format error: Unresolved resource dependencies [%s] in the "
                                 "Resources block of the template",
                                 name);
    }
    return 0;
}

static int check_resource(const struct template *t, const char *id, const json_t *resource,
                          struct reason *why)
{
    struct where where = {""};
    const char *key;
    json_t *member;

    where_set(&where, "Resources");
    (void)where_down(&where, id);
    if (!json_is_object(resource))
        return template_fail(t, &where, why, "Template format error: a resource must be an object");
    const char *type = json_str(resource, "Type", NULL);
    if (!type)
        return template_fail(t, &where, why,
                             "Template format error: Every Resources object must contain a Type member");
    struct where inner = where;
    (void)where_down(&inner, "Type");
    if (!resource_type_find(type))
        return template_fail(t, &inner, why, "Template format error: Unrecognized resource types: [%s]",
                             type);
    json_object_foreach ((json_t *)(uintptr_t)resource, key, member) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(resource_members); i++)
            known = known || strcmp(key, resource_members[i]) == 0;
        inner = where;
        (void)where_down(&inner, key);
        if (!known)
            return template_fail(t, &inner, why, "Invalid template resource property '%s'", key);
    }
    inner = where;
    (void)where_down(&inner, "Properties");
    if (json_object_get(resource, "Properties") && !json_is_object(json_object_get(resource, "Properties")))
        return template_fail(t, &inner, why, "Properties must be an object");
    inner = where;
    (void)where_down(&inner, "Condition");
    const json_t *condition = json_object_get(resource, "Condition");
    if (condition &&
        !json_object_get(t->conditions, json_string_value(condition) ? json_string_value(condition) : ""))
        return template_fail(t, &inner, why,
                             "Template format error: the condition is not defined in the Conditions section");
    inner = where;
    int err = check_policy(t, "DeletionPolicy", resource, &inner, why);
    inner = where;
    if (!err)
        err = check_policy(t, "UpdateReplacePolicy", resource, &inner, why);
    inner = where;
    return err ? err : check_depends_on(t, json_object_get(resource, "DependsOn"), id, &inner, why);
}

/* ---- mappings, outputs, transform */

static int check_mappings(const struct template *t, struct reason *why)
{
    const char *name, *key;
    json_t *map, *row;
    struct where where = {""};

    json_object_foreach ((json_t *)(uintptr_t)t->mappings, name, map) {
        where_set(&where, "Mappings");
        (void)where_down(&where, name);
        if (!json_is_object(map))
            return template_fail(t, &where, why, "Template format error: a mapping must be an object");
        json_object_foreach (map, key, row) {
            (void)where_down(&where, key);
            if (!json_is_object(row))
                return template_fail(
                    t, &where, why,
                    "Template format error: Every Mappings attribute must be a map of values");
            where_set(&where, "Mappings");
            (void)where_down(&where, name);
        }
    }
    return 0;
}

static const char *const output_members[] = {"Value", "Description", "Export", "Condition"};

static int check_output(const struct template *t, const char *name, const json_t *output, struct reason *why)
{
    const char *key;
    json_t *member;
    struct where where = {""};

    where_set(&where, "Outputs");
    (void)where_down(&where, name);
    if (!json_is_object(output) || !json_object_get(output, "Value"))
        return template_fail(t, &where, why,
                             "Template format error: Every Outputs member must contain a Value object");
    json_object_foreach ((json_t *)(uintptr_t)output, key, member) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(output_members); i++)
            known = known || strcmp(key, output_members[i]) == 0;
        (void)where_down(&where, key);
        if (!known)
            return template_fail(t, &where, why, "Invalid template output property '%s'", key);
        if (strcmp(key, "Condition") == 0 &&
            !json_object_get(t->conditions, json_string_value(member) ? json_string_value(member) : ""))
            return template_fail(t, &where, why, "Template format error: the condition is not defined");
        if (strcmp(key, "Export") == 0 && (json_object_size(member) != 1 || !json_object_get(member, "Name")))
            return template_fail(t, &where, why, "Template format error: Export takes a Name");
        where_set(&where, "Outputs");
        (void)where_down(&where, name);
    }
    return 0;
}

static int check_transform(struct template *t, struct reason *why)
{
    const json_t *value = json_object_get(t->root, "Transform");
    struct where where = {""};

    if (!value)
        return 0;
    where_set(&where, "Transform");
    const json_t *one =
        json_is_array(value) && json_array_size(value) == 1 ? json_array_get(value, 0) : value;
    if (!json_is_string(one) || strcmp(json_string_value(one), "AWS::LanguageExtensions") != 0)
        return template_fail(t, &where, why,
                             "No transform but AWS::LanguageExtensions is supported by Slipway");
    t->language_extensions = true;
    return 0;
}

static int check_head(struct template *t, struct reason *why)
{
    const json_t *version = json_object_get(t->root, "AWSTemplateFormatVersion");
    const json_t *description = json_object_get(t->root, "Description");
    struct where where = {""};

    where_set(&where, "AWSTemplateFormatVersion");
    if (version && (!json_is_string(version) || strcmp(json_string_value(version), "2010-09-09") != 0))
        return template_fail(
            t, &where, why,
            "Template format error: unsupported value for AWSTemplateFormatVersion; it is 2010-09-09");
    where_set(&where, "Description");
    if (description && (!json_is_string(description) || json_string_length(description) > 1024))
        return template_fail(t, &where, why,
                             "Template format error: 'Description' must be a string of at most 1024 bytes");
    t->description = json_string_value(description);
    return check_transform(t, why);
}

static int check(struct template *t, struct reason *why)
{
    const char *name;
    json_t *value;
    struct where where = {""};
    int err = 0;

    json_object_foreach (t->root, name, value) {
        err = check_section(t, name, value, why);
        if (err)
            return err;
    }
    if (json_object_size(t->resources) == 0)
        return reason_set(why, STACK_E_INVALID,
                          "Template format error: At least one Resources member must be defined.");
    err = refuse_nulls(t, t->root, &where, why);
    if (!err)
        err = check_head(t, why);
    if (!err)
        err = check_mappings(t, why);
    json_object_foreach ((json_t *)(uintptr_t)t->resources, name, value)
        if (!err)
            err = check_resource(t, name, value, why);
    json_object_foreach ((json_t *)(uintptr_t)t->outputs, name, value)
        if (!err)
            err = check_output(t, name, value, why);
    return err;
}

int template_parse(struct str text, struct template **ret, struct reason *why)
{
    CLEANUP(template_free) struct template *t = mem_alloc(sizeof(*t));
    struct reason yaml = {""};

    if (!t)
        return FAULT(ENOMEM);
    int err = yaml_parse(text, &t->root, &t->marks, &yaml);
    if (err == YAML_E_SYNTAX)
        return reason_set(why, STACK_E_INVALID, "Template format error: %s not well-formed. (%s)",
                          text.len && *text.ptr == '{' ? "JSON" : "YAML", yaml.text);
    if (err)
        return err;
    if (!json_is_object(t->root))
        return reason_set(why, STACK_E_INVALID, "Template format error: unsupported structure.");
    t->parameters = json_object_get(t->root, "Parameters");
    t->mappings = json_object_get(t->root, "Mappings");
    t->conditions = json_object_get(t->root, "Conditions");
    t->resources = json_object_get(t->root, "Resources");
    t->outputs = json_object_get(t->root, "Outputs");
    err = check(t, why);
    if (!err)
        *ret = take(t);
    return err;
}

void template_free(struct template **template)
{
    struct template *t = *template;

    if (t) {
        json_decref(t->root);
        yaml_marks_free(&t->marks);
        free(t);
    }
    *template = NULL;
}

const char *template_resource(const struct template *t, const char *logical_id, const char *member)
{
    return json_str(json_object_get(t->resources, logical_id), member, NULL);
}
