/* Query's flat names as a tree: "Tags.member.1.Key=x" → {"Tags": {"member": {"1": {"Key": "x"}}}}, read by
 * the field table. Lists and maps are numbered from 1; gaps are passed over, as AWS does.
 * Source: "AWS Query protocol" of the Smithy specification. */
#include "services/shape.h"
#include "base/mem.h"
#include "wire/time.h"
#include <stdio.h>

#define SEGMENTS_MAX 32
#define LIST_MAX 10000

static int members_from_tree(const struct shape *shape, const json_t *tree, int depth, json_t **ret,
                             struct reason *why);

static int leaf_wrong(const struct field *field, struct str text, struct reason *why)
{
    if (field->flags & FIELD_SECRET)
        return reason_set(why, SHAPE_E_TYPE, "The value of '%s' is not a %s", field->name,
                          shape_type_name(field->type));
    return reason_set(why, SHAPE_E_TYPE, "'%.*s' at '%s' is not a %s", text.len > 64 ? 64 : (int)text.len,
                      text.ptr, field->name, shape_type_name(field->type));
}

static json_t *double_leaf(struct str text)
{
    char copy[64];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof(copy))
        return NULL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double number = strtod(copy, &end);
    return *end ? NULL : json_real(number); /* json_real refuses infinities */
}

static json_t *timestamp_leaf(struct str text)
{
    int64_t ms;
    if (time_parse_day(text, &ms))
        return json_integer(ms);
    return str_to_int(text, 0, INT64_MAX / 1000, &ms) ? json_integer(ms * 1000) : NULL;
}

int shape_leaf(const struct field *field, struct str text, json_t **ret, struct reason *why)
{
    json_t *value = NULL;
    int64_t number;
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BLOB:
    case FIELD_ANY:
        value = json_stringn(text.ptr ? text.ptr : "", text.len);
        break;
    case FIELD_INTEGER:
        if (str_to_int(text, INT64_MIN, INT64_MAX, &number))
            value = json_integer(number);
        break;
    case FIELD_BOOLEAN:
        if (str_eq_nocase(text, STR("true")))
            value = json_true();
        else if (str_eq_nocase(text, STR("false")))
            value = json_false();
        break;
    case FIELD_DOUBLE:
        value = double_leaf(text);
        break;
    case FIELD_TIMESTAMP:
        value = timestamp_leaf(text);
        break;
    case FIELD_LIST:
    case FIELD_MAP:
    case FIELD_STRUCT:
        break;
    }
    *ret = value;
    return value ? 0 : leaf_wrong(field, text, why);
}

/* Hangs one pair into the tree; a name that is a leaf and a branch at once keeps what came first. */
static int tree_add(json_t *tree, const struct uri_pair *pair)
{
    struct str rest = pair->name;
    json_t *at = tree;
    for (int depth = 0; depth < SEGMENTS_MAX; depth++) {
        struct str segment = str_split(&rest, '.');
        json_t *next = json_object_getn(at, segment.ptr, segment.len);
        if (!rest.ptr) {
            json_t *leaf =
                next ? NULL : json_stringn(pair->value.ptr ? pair->value.ptr : "", pair->value.len);
            if (!next && !leaf)
                return SHAPE_E_TYPE;
            return leaf && json_object_setn_new(at, segment.ptr, segment.len, leaf) ? SHAPE_E_TYPE : 0;
        }
        if (next && !json_is_object(next))
            return 0;
        if (!next) {
            next = json_object();
            if (json_object_setn_new(at, segment.ptr, segment.len, next))
                return SHAPE_E_TYPE;
        }
        at = next;
    }
    return SHAPE_E_TYPE;
}

static int value_from_tree(const struct field *field, const json_t *tree, int depth, json_t **ret,
                           struct reason *why);

static int compare_index(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The numbers among the names, sorted; malloc'd. */
static int64_t *tree_indexes(const json_t *tree, size_t *ret_count)
{
    size_t count = 0;
    const char *key;
    json_t *unused;
    int64_t *indexes = mem_alloc((json_object_size(tree) + 1) * sizeof(*indexes));
    if (!indexes)
        return NULL;
    json_object_foreach ((json_t *)tree, key, unused) {
        (void)unused;
        if (str_to_int(str_of(key), 1, INT32_MAX, &indexes[count]))
            count++;
    }
    qsort(indexes, count, sizeof(*indexes), compare_index);
    *ret_count = count;
    return indexes;
}

static const json_t *tree_item(const json_t *tree, int64_t index)
{
    char key[24];
    (void)snprintf(key, sizeof(key), "%lld", (long long)index);
    return json_object_get(tree, key);
}

static int list_from_tree(const struct field *field, const json_t *tree, int depth, json_t **ret,
                          struct reason *why)
{
    size_t count = 0;
    CLEANUP(free_ptr) int64_t *indexes = tree_indexes(tree, &count);
    CLEANUP(json_free) json_t *list = json_array();
    if (!indexes || !list)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        json_t *value = NULL;
        int r = value_from_tree(&field->of->fields[0], tree_item(tree, indexes[i]), depth, &value, why);
        if (r != 0)
            return r;
        if (json_array_append_new(list, value))
            return FAULT(ENOMEM);
    }
    *ret = take(list);
    return 0;
}

static int map_from_tree(const struct field *field, const json_t *tree, int depth, json_t **ret,
                         struct reason *why)
{
    size_t count = 0;
    CLEANUP(free_ptr) int64_t *indexes = tree_indexes(tree, &count);
    CLEANUP(json_free) json_t *map = json_object();
    if (!indexes || !map)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        const json_t *entry = tree_item(tree, indexes[i]);
        const json_t *key = json_object_get(entry, field->map_key ? field->map_key : "key");
        const json_t *wire = json_object_get(entry, field->map_value ? field->map_value : "value");
        json_t *value = NULL;
        if (!json_is_string(key) || !wire)
            return reason_set(why, SHAPE_E_TYPE, "Entry %lld of '%s' lacks its key or its value",
                              (long long)indexes[i], field->name);
        int r = value_from_tree(&field->of->fields[0], wire, depth, &value, why);
        if (r != 0)
            return r;
        if (json_object_set_new(map, json_string_value(key), value))
            return FAULT(ENOMEM);
    }
    *ret = take(map);
    return 0;
}

/* Below the wrapping name, when the field has one: "member", "entry". */
static const json_t *unwrap(const struct field *field, const json_t *tree)
{
    if (field->flags & FIELD_FLAT)
        return tree;
    const char *name = field->item ? field->item : field->type == FIELD_MAP ? "entry" : "member";
    return json_object_get(tree, name);
}

static int value_from_tree(const struct field *field, const json_t *tree, int depth, json_t **ret,
                           struct reason *why)
{
    if (depth > SEGMENTS_MAX)
        return reason_set(why, SHAPE_E_TYPE, "'%s' is nested too deep", field->name);
    if (field->type == FIELD_STRUCT && json_is_object(tree))
        return members_from_tree(field->of, tree, depth + 1, ret, why);
    bool empty = json_is_string(tree) && json_string_length(tree) == 0; /* "Tags=": an empty list */
    if (field->type == FIELD_LIST && (json_is_object(tree) || empty))
        return list_from_tree(field, unwrap(field, tree), depth + 1, ret, why);
    if (field->type == FIELD_MAP && (json_is_object(tree) || empty))
        return map_from_tree(field, unwrap(field, tree), depth + 1, ret, why);
    if (!json_is_string(tree))
        return reason_set(why, SHAPE_E_TYPE, "'%s' has members, but is a %s", field->name,
                          shape_type_name(field->type));
    return shape_leaf(field, (struct str){json_string_value(tree), json_string_length(tree)}, ret, why);
}

static int members_from_tree(const struct shape *shape, const json_t *tree, int depth, json_t **ret,
                             struct reason *why)
{
    CLEANUP(json_free) json_t *object = json_object();
    if (!object)
        return FAULT(ENOMEM);
    for (size_t i = 0; shape && i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const json_t *branch = json_object_get(tree, field->wire_name ? field->wire_name : field->name);
        json_t *value = NULL;
        if (!branch)
            continue;
        int r = value_from_tree(field, branch, depth, &value, why);
        if (r != 0)
            return r;
        if (json_object_set_new(object, field->name, value))
            return FAULT(ENOMEM);
    }
    *ret = take(object);
    return 0;
}

int shape_from_query(const struct shape *shape, const struct uri_query *pairs, json_t **ret,
                     struct reason *why)
{
    CLEANUP(json_free) json_t *tree = json_object();
    if (!tree)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < pairs->count; i++)
        if (tree_add(tree, &pairs->pairs[i]) != 0)
            return reason_set(why, SHAPE_E_TYPE,
                              "Parameter %zu has a name or value that is not UTF-8 text "
                              "without NUL, or a name of too many parts",
                              i + 1);
    return members_from_tree(shape, tree, 0, ret, why);
}
