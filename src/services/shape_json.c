/* JSON's own forms: numbers of seconds for timestamps, and the words of a SerializationException. */
#include "services/shape.h"

#define DEPTH_MAX 24
#define SECONDS_MAX 253402300800.0 /* the year 10000 */

static int members_from_json(const struct shape *shape, json_t *value, int depth, struct reason *why);
static int members_to_json(const struct shape *shape, json_t *value, int depth);

static const char *token_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "START_OBJECT_VALUE", [JSON_ARRAY] = "START_ARRAY_VALUE",
        [JSON_STRING] = "STRING_VALUE",       [JSON_INTEGER] = "NUMBER_VALUE",
        [JSON_REAL] = "DECIMAL_VALUE",        [JSON_TRUE] = "TRUE_VALUE",
        [JSON_FALSE] = "FALSE_VALUE",         [JSON_NULL] = "NULL_VALUE",
    };
    return names[json_typeof(value)];
}

static int wrong_type(const struct field *field, const char *name, const json_t *value, struct reason *why)
{
    return reason_set(why, SHAPE_E_TYPE, "%s can not be converted to a %s (at '%s')", token_name(value),
                      shape_type_name(field->type), name);
}

/* A number of seconds → a new integer of milliseconds; NULL when it is none or out of range. */
static json_t *timestamp_from_json(const json_t *value)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds > -SECONDS_MAX && seconds < SECONDS_MAX))
        return NULL;
    return json_integer((json_int_t)(seconds * 1000.0 + (seconds < 0 ? -0.5 : 0.5)));
}

/* *ret: what to put in the value's place; NULL: it stays. */
static int value_from_json(const struct field *field, const char *name, json_t *value, int depth,
                           json_t **ret, struct reason *why);

static int list_from_json(const struct field *field, const char *name, json_t *list, int depth,
                          struct reason *why)
{
    for (size_t i = 0; field->of && i < json_array_size(list); i++) {
        json_t *changed = NULL;
        int r = value_from_json(&field->of->fields[0], name, json_array_get(list, i), depth, &changed, why);
        if (r != 0)
            return r;
        if (changed && json_array_set_new(list, i, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int map_from_json(const struct field *field, json_t *map, int depth, struct reason *why)
{
    const char *key;
    void *next;
    json_t *entry;
    json_object_foreach_safe(map, next, key, entry)
    {
        json_t *changed = NULL;
        if (json_is_null(entry)) {
            json_object_del(map, key);
            continue;
        }
        int r = field->of ? value_from_json(&field->of->fields[0], key, entry, depth, &changed, why) : 0;
        if (r != 0)
            return r;
        if (changed && json_object_set_new(map, key, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int value_from_json(const struct field *field, const char *name, json_t *value, int depth,
                           json_t **ret, struct reason *why)
{
    if (depth > DEPTH_MAX)
        return reason_set(why, SHAPE_E_TYPE, "'%s' is nested too deep", name);
    if (field->type == FIELD_TIMESTAMP) {
        *ret = timestamp_from_json(value);
        return *ret ? 0 : wrong_type(field, name, value, why);
    }
    if (!shape_type_fits(field->type, value))
        return wrong_type(field, name, value, why);
    if (field->type == FIELD_STRUCT)
        return members_from_json(field->of, value, depth + 1, why);
    if (field->type == FIELD_LIST)
        return list_from_json(field, name, value, depth + 1, why);
    if (field->type == FIELD_MAP)
        return map_from_json(field, value, depth + 1, why);
    return 0;
}

static int members_from_json(const struct shape *shape, json_t *value, int depth, struct reason *why)
{
    size_t left = json_object_size(value);
    for (size_t i = 0; shape && left > 0 && i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        json_t *changed = NULL;
        json_t *member = shape_member(value, field->name, &left);
        if (json_is_null(member)) {
            json_object_del(value, field->name);
            continue;
        }
        int r = member ? value_from_json(field, field->name, member, depth, &changed, why) : 0;
        if (r != 0)
            return r;
        if (changed && json_object_set_new(value, field->name, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

int shape_from_json(const struct shape *shape, json_t *value, struct reason *why)
{
    return members_from_json(shape, value, 0, why);
}

/* A number of seconds: whole ones as an integer, as AWS sends them. */
static json_t *timestamp_to_json(json_int_t ms)
{
    return ms % 1000 == 0 ? json_integer(ms / 1000) : json_real((double)ms / 1000.0);
}

static int value_to_json(const struct field *field, json_t *value, int depth, json_t **ret);

static int list_to_json(const struct field *element, json_t *list, int depth)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *changed = NULL;
        int r = value_to_json(element, json_array_get(list, i), depth, &changed);
        if (r != 0)
            return r;
        if (changed && json_array_set_new(list, i, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int map_to_json(const struct field *element, json_t *map, int depth)
{
    const char *key;
    void *next;
    json_t *entry;
    json_object_foreach_safe(map, next, key, entry)
    {
        json_t *changed = NULL;
        int r = value_to_json(element, entry, depth, &changed);
        if (r != 0)
            return r;
        if (changed && json_object_set_new(map, key, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int value_to_json(const struct field *field, json_t *value, int depth, json_t **ret)
{
    if (field->type == FIELD_TIMESTAMP && json_is_integer(value)) {
        *ret = timestamp_to_json(json_integer_value(value));
        return *ret ? 0 : FAULT(ENOMEM);
    }
    if (field->type == FIELD_STRUCT && json_is_object(value))
        return members_to_json(field->of, value, depth + 1);
    if (field->type == FIELD_LIST && field->of)
        return list_to_json(&field->of->fields[0], value, depth + 1);
    if (field->type == FIELD_MAP && field->of)
        return map_to_json(&field->of->fields[0], value, depth + 1);
    return 0;
}

/* What Query would have no element for is left out, as SQS does: clients ask whether it is there. */
static bool says_nothing(const struct field *field, const json_t *value)
{
    return (field->flags & FIELD_FLAT) && (json_is_array(value) || json_is_object(value)) &&
           json_array_size(value) + json_object_size(value) == 0;
}

static int members_to_json(const struct shape *shape, json_t *value, int depth)
{
    assert(depth < 2 * DEPTH_MAX);
    size_t left = json_object_size(value);
    for (size_t i = 0; shape && left > 0 && i < shape->count; i++) {
        json_t *changed = NULL;
        json_t *member = shape_member(value, shape->fields[i].name, &left);
        if (says_nothing(&shape->fields[i], member)) {
            json_object_del(value, shape->fields[i].name);
            continue;
        }
        int r = member ? value_to_json(&shape->fields[i], member, depth, &changed) : 0;
        if (r != 0)
            return r;
        if (changed && json_object_set_new(value, shape->fields[i].name, changed))
            return FAULT(ENOMEM);
    }
    return 0;
}

int shape_to_json(const struct shape *shape, json_t *value)
{
    return members_to_json(shape, value, 0);
}
