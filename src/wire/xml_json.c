/* XML answers as JSON trees. Depth is bounded by xml_parse. */
#include "wire/json.h"
#include "wire/xml.h"

/* Whether the element is a list: it has children, and all are `member`. */
static bool is_list(const xmlNode *node)
{
    for (const xmlNode *child = xml_child(node, NULL); child; child = xml_next(child, NULL))
        if (strcmp((const char *)child->name, "member") != 0)
            return false;
    return true;
}

/* Mostly one piece, which needs no copy. */
static json_t *text_of(const xmlNode *node)
{
    const xmlNode *piece = node->children;
    CLEANUP(free_ptr) char *text = NULL;

    if (piece && !piece->next && piece->type == XML_TEXT_NODE)
        return json_string((const char *)piece->content);
    text = xml_text(node);
    return text ? json_string(text) : NULL;
}

static int text_to_json(const xmlNode *node, json_t **ret)
{
    json_t *value = text_of(node);

    if (!value)
        return FAULT(ENOMEM);
    *ret = value;
    return 0;
}

/* Sets a member, or makes a list of it and those before it of the same name. Takes `value`. A list that
 * stands for one element (`wrapped`) is one value among others, so the set of names already repeated is kept
 * beside the object. */
static int add_member(json_t *object, json_t *repeated, const char *name, json_t *value)
{
    json_t *before = json_object_get(object, name);
    json_t *list;

    if (!before)
        return json_put(object, name, value);
    if (json_object_get(repeated, name))
        return json_array_append_new(before, value) == 0 ? 0 : FAULT(ENOMEM);
    list = json_array();
    if (!list || json_array_append(list, before) != 0 || json_array_append_new(list, value) != 0 ||
        json_object_set_new(repeated, name, json_true()) != 0) {
        json_decref(list);
        return FAULT(ENOMEM);
    }
    return json_put(object, name, list);
}

static int list_to_json(const xmlNode *node, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();

    if (!list)
        return FAULT(ENOMEM);
    for (const xmlNode *child = xml_child(node, NULL); child; child = xml_next(child, NULL)) {
        json_t *value = NULL;
        int r = xml_to_json(child, &value);

        if (r != 0)
            return r;
        if (json_array_append_new(list, value) != 0)
            return FAULT(ENOMEM);
    }
    *ret = take(list);
    return 0;
}

static int object_to_json(const xmlNode *node, json_t **ret)
{
    CLEANUP(json_free) json_t *object = json_object();
    CLEANUP(json_free) json_t *repeated = json_object();

    if (!object || !repeated)
        return FAULT(ENOMEM);
    for (const xmlNode *child = xml_child(node, NULL); child; child = xml_next(child, NULL)) {
        json_t *value = NULL;
        int r = xml_to_json(child, &value);

        if (r == 0)
            r = add_member(object, repeated, (const char *)child->name, value);
        if (r != 0)
            return r;
    }
    *ret = take(object);
    return 0;
}

int xml_to_json(const xmlNode *node, json_t **ret)
{
    if (!xml_child(node, NULL))
        return text_to_json(node, ret);
    return is_list(node) ? list_to_json(node, ret) : object_to_json(node, ret);
}
