/* XML by field tables: request bodies of REST-XML in, answers of REST-XML and Query out. */
#include "services/shape.h"
#include "wire/time.h"

#define DEPTH_MAX 24

static int value_from_xml(const struct field *field, const xmlNode *node, int depth, json_t **ret,
                          struct reason *why);

static const char *wire_name(const struct field *field)
{
    return field->wire_name ? field->wire_name : field->name;
}

static int leaf_from_xml(const struct field *field, const xmlNode *node, json_t **ret, struct reason *why)
{
    CLEANUP(free_ptr) char *text = xml_text(node);
    return text ? shape_leaf(field, str_of(text), ret, why) : FAULT(ENOMEM);
}

static int members_from_xml(const struct shape *shape, const xmlNode *element, int depth, json_t **ret,
                            struct reason *why)
{
    CLEANUP(json_free) json_t *object = json_object();
    if (!object)
        return FAULT(ENOMEM);
    for (size_t i = 0; shape && i < shape->count; i++) {
        const xmlNode *child = xml_child(element, wire_name(&shape->fields[i]));
        json_t *value = NULL;
        int r = child ? value_from_xml(&shape->fields[i], child, depth + 1, &value, why) : 0;
        if (r != 0)
            return r;
        if (value && json_object_set_new(object, shape->fields[i].name, value))
            return FAULT(ENOMEM);
    }
    *ret = take(object);
    return 0;
}

/* A flat list is `node` and its later siblings of the same name; a wrapped one is what `node` contains. */
static int list_from_xml(const struct field *field, const xmlNode *node, int depth, json_t **ret,
                         struct reason *why)
{
    bool flat = field->flags & FIELD_FLAT;
    const char *name = flat ? wire_name(field) : field->item ? field->item : "member";
    CLEANUP(json_free) json_t *list = json_array();
    if (!list)
        return FAULT(ENOMEM);
    for (const xmlNode *item = flat ? node : xml_child(node, name); item; item = xml_next(item, name)) {
        json_t *value = NULL;
        int r = value_from_xml(&field->of->fields[0], item, depth + 1, &value, why);
        if (r != 0)
            return r;
        if (json_array_append_new(list, value))
            return FAULT(ENOMEM);
    }
    *ret = take(list);
    return 0;
}

static int map_from_xml(const struct field *field, const xmlNode *node, int depth, json_t **ret,
                        struct reason *why)
{
    bool flat = field->flags & FIELD_FLAT;
    const char *name = flat ? wire_name(field) : field->item ? field->item : "entry";
    CLEANUP(json_free) json_t *map = json_object();
    if (!map)
        return FAULT(ENOMEM);
    for (const xmlNode *entry = flat ? node : xml_child(node, name); entry; entry = xml_next(entry, name)) {
        CLEANUP(free_ptr) char *key = xml_text(xml_child(entry, field->map_key ? field->map_key : "key"));
        const xmlNode *held = xml_child(entry, field->map_value ? field->map_value : "value");
        json_t *value = NULL;
        if (!key || !held)
            return reason_set(why, SHAPE_E_TYPE, "An entry of '%s' lacks its key or its value", field->name);
        int r = value_from_xml(&field->of->fields[0], held, depth + 1, &value, why);
        if (r != 0)
            return r;
        if (json_object_set_new(map, key, value))
            return FAULT(ENOMEM);
    }
    *ret = take(map);
    return 0;
}

static int value_from_xml(const struct field *field, const xmlNode *node, int depth, json_t **ret,
                          struct reason *why)
{
    if (depth > DEPTH_MAX)
        return reason_set(why, SHAPE_E_TYPE, "'%s' is nested too deep", field->name);
    if (field->type == FIELD_STRUCT)
        return members_from_xml(field->of, node, depth, ret, why);
    if (field->type == FIELD_LIST)
        return list_from_xml(field, node, depth, ret, why);
    if (field->type == FIELD_MAP)
        return map_from_xml(field, node, depth, ret, why);
    return leaf_from_xml(field, node, ret, why);
}

int shape_from_xml(const struct shape *shape, const xmlNode *element, json_t **ret, struct reason *why)
{
    return members_from_xml(shape, element, 0, ret, why);
}

static int refuse_element(const xmlNode *node, const char *how, struct reason *why)
{
    return reason_set(why, SHAPE_E_TYPE, "'%.64s' is %s '%.64s'.", (const char *)node->name, how,
                      (const char *)node->parent->name);
}

static int check_value(const struct field *field, const xmlNode *node, struct reason *why)
{
    if (field->type == FIELD_STRUCT)
        return shape_check_xml(field->of, node, why);
    if (field->type == FIELD_LIST && (field->flags & FIELD_FLAT))
        return check_value(&field->of->fields[0], node, why);
    if (field->type == FIELD_ANY || field->type == FIELD_MAP)
        return 0;
    const char *item = field->type != FIELD_LIST ? NULL : field->item ? field->item : "member";
    int r = 0;
    for (const xmlNode *child = xml_child(node, NULL); child && r == 0; child = xml_next(child, NULL))
        r = item && strcmp((const char *)child->name, item) == 0
                ? check_value(&field->of->fields[0], child, why)
                : refuse_element(child, "not an element of", why);
    return r;
}

static const struct field *field_of(const struct shape *shape, const xmlNode *child)
{
    for (size_t i = 0; i < shape->count; i++)
        if (strcmp((const char *)child->name, wire_name(&shape->fields[i])) == 0)
            return &shape->fields[i];
    return NULL;
}

int shape_check_xml(const struct shape *shape, const xmlNode *element, struct reason *why)
{
    int r = 0;
    for (const xmlNode *child = xml_child(element, NULL); child && r == 0; child = xml_next(child, NULL)) {
        const struct field *field = field_of(shape, child);
        if (!field)
            return refuse_element(child, "not an element of", why);
        if (!(field->flags & FIELD_FLAT) && xml_next(child, (const char *)child->name))
            return refuse_element(child, "more than once in", why);
        r = check_value(field, child, why);
    }
    return r;
}

static void value_to_xml(const struct field *field, const char *name, const json_t *value, struct buf *out);

static void leaf_to_xml(const struct field *field, const char *name, const json_t *value, struct buf *out)
{
    char text[TIME_TEXT_SIZE];
    if (field->type == FIELD_TIMESTAMP && json_is_integer(value)) {
        time_iso8601(json_integer_value(value), text);
        xml_elem(out, name, str_of(text));
    } else if (json_is_string(value)) {
        xml_elem(out, name, (struct str){json_string_value(value), json_string_length(value)});
    } else if (json_is_boolean(value)) {
        xml_elem_bool(out, name, json_is_true(value));
    } else if (json_is_integer(value)) {
        xml_elem_int(out, name, json_integer_value(value));
    } else {
        CLEANUP(free_ptr) char *other = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        xml_elem(out, name, str_of(other));
    }
}

static void list_to_xml(const struct field *field, const char *name, const json_t *list, struct buf *out)
{
    bool flat = field->flags & FIELD_FLAT;
    const char *item = flat ? name : field->item ? field->item : "member";
    if (!flat)
        xml_open(out, name);
    for (size_t i = 0; i < json_array_size(list); i++)
        value_to_xml(&field->of->fields[0], item, json_array_get(list, i), out);
    if (!flat)
        xml_close(out, name);
}

static void map_to_xml(const struct field *field, const char *name, const json_t *map, struct buf *out)
{
    bool flat = field->flags & FIELD_FLAT;
    const char *entry = flat ? name : field->item ? field->item : "entry";
    const char *key;
    json_t *value;
    if (!flat)
        xml_open(out, name);
    json_object_foreach ((json_t *)map, key, value) {
        xml_open(out, entry);
        xml_elem(out, field->map_key ? field->map_key : "key", str_of(key));
        value_to_xml(&field->of->fields[0], field->map_value ? field->map_value : "value", value, out);
        xml_close(out, entry);
    }
    if (!flat)
        xml_close(out, name);
}

/* The opening tag of a structure with the members that are attributes: <Grantee xsi:type="…">. */
static void open_with_attributes(const struct shape *shape, const char *name, const json_t *value,
                                 struct buf *out)
{
    buf_putc(out, '<');
    buf_puts(out, name);
    for (size_t i = 0; i < shape->count; i++) {
        const json_t *attribute = json_object_get(value, shape->fields[i].name);
        if (!(shape->fields[i].flags & FIELD_ATTRIBUTE) || !json_is_string(attribute))
            continue;
        buf_putc(out, ' ');
        buf_puts(out, wire_name(&shape->fields[i]));
        buf_puts(out, "=\"");
        xml_escape(out, (struct str){json_string_value(attribute), json_string_length(attribute)});
        buf_putc(out, '"');
    }
    buf_putc(out, '>');
}

static void value_to_xml(const struct field *field, const char *name, const json_t *value, struct buf *out)
{
    if (field->type == FIELD_LIST) {
        list_to_xml(field, name, value, out);
    } else if (field->type == FIELD_MAP) {
        map_to_xml(field, name, value, out);
    } else if (field->type == FIELD_STRUCT) {
        open_with_attributes(field->of, name, value, out);
        shape_to_xml(field->of, value, out);
        xml_close(out, name);
    } else {
        leaf_to_xml(field, name, value, out);
    }
}

void shape_to_xml(const struct shape *shape, const json_t *value, struct buf *out)
{
    for (size_t i = 0; shape && i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const json_t *member = json_object_get(value, field->name);
        if (member && !json_is_null(member) && !(field->flags & FIELD_ATTRIBUTE))
            value_to_xml(field, wire_name(field), member, out);
    }
}
