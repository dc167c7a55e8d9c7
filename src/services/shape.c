/* Validation by field tables, in AWS's words:
 *   "2 validation errors detected: Value 'x y' at 'name' failed to satisfy constraint: …; Value null at …".
 * Called by the dispatcher for every input, and by resources that are described by the same tables. */
#include "services/service.h"
#include "services/shape.h"
#include "base/hash.h"
#include "base/mem.h"

#define ERRORS_SAID 10 /* further violations are counted, not told */
#define VALUE_SAID 128 /* bytes of an offending value that are shown */
#define NAME_SAID 64   /* and of a name on the way to it */
#define DEPTH_MAX 24

/* On the way from the document to a value. */
struct step {
    const struct step *before; /* NULL: none */
    const char *name;          /* NULL: an element of a list */
    size_t element;            /* counted from 1 */
    bool member;               /* of a structure, rather than a key of a map */
};

struct checking {
    struct buf said;
    size_t errors;
    const struct step *at;
};

static void check_value(struct checking *checking, const struct field *field, const json_t *value, int depth);

/* The value that `step`, which goes on from where we are, leads to. */
static void check_below(struct checking *checking, struct step step, const struct field *field,
                        const json_t *value, int depth)
{
    const struct step *back = checking->at;
    step.before = back;
    checking->at = &step;
    check_value(checking, field, value, depth + 1);
    checking->at = back;
}

/* "name.name.1.member": AWS shows members with a small first letter. */
static void put_path(struct buf *out, const struct step *step)
{
    if (!step)
        return;
    put_path(out, step->before);
    if (step->before)
        buf_putc(out, '.');
    if (!step->name) {
        buf_printf(out, "%zu.member", step->element);
        return;
    }
    bool capital = step->member && step->name[0] >= 'A' && step->name[0] <= 'Z';
    if (capital)
        buf_putc(out, (char)(step->name[0] - 'A' + 'a'));
    buf_printf(out, "%.*s", NAME_SAID - capital, step->name + capital);
}

static void put_value(struct buf *out, const struct field *field, const json_t *value)
{
    if (field->flags & FIELD_SECRET)
        return;
    CLEANUP(free_ptr) char *text = NULL;
    struct str shown = {NULL, 0};
    if (json_is_string(value)) {
        shown = (struct str){json_string_value(value), json_string_length(value)};
    } else {
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        shown = str_of(text);
    }
    bool cut = shown.len > VALUE_SAID;
    if (cut)
        shown.len = VALUE_SAID;
    while (cut && shown.len > 0 && ((unsigned char)shown.ptr[shown.len] & 0xC0) == 0x80)
        shown.len--;
    buf_puts(out, " '");
    buf_put_str(out, shown);
    buf_puts(out, cut ? "...'" : "'");
}

static bool violation_begin(struct checking *checking, const struct field *field, const json_t *value)
{
    if (++checking->errors > ERRORS_SAID)
        return false;
    struct buf *said = &checking->said;
    if (checking->errors > 1)
        buf_puts(said, "; ");
    buf_puts(said, "Value");
    if (value)
        put_value(said, field, value);
    else
        buf_puts(said, " null");
    buf_puts(said, " at '");
    put_path(said, checking->at);
    buf_puts(said, "' failed to satisfy constraint: ");
    return true;
}

static void violation(struct checking *checking, const struct field *field, const json_t *value,
                      const char *constraint)
{
    if (violation_begin(checking, field, value))
        buf_puts(&checking->said, constraint);
}

static void check_bounds(struct checking *checking, const struct field *field, const json_t *value,
                         int64_t amount, const char *what)
{
    if (field->min == 0 && field->max == 0)
        return;
    bool low = amount < field->min;
    if (!low && amount <= field->max)
        return;
    if (violation_begin(checking, field, value))
        buf_printf(&checking->said, "Member must have %s %s than or equal to %lld", what,
                   low ? "greater" : "less", (long long)(low ? field->min : field->max));
}

static int64_t utf8_length(const char *text, size_t len)
{
    int64_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static bool is_listed(const char *const *values, const char *text)
{
    for (; *values; values++)
        if (strcmp(*values, text) == 0)
            return true;
    return false;
}

static void check_string(struct checking *checking, const struct field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    check_bounds(checking, field, value, utf8_length(text, len), "length");
    bool nul = strlen(text) != len;
    if (field->values && (nul || !is_listed(field->values, text)) &&
        violation_begin(checking, field, value)) {
        buf_puts(&checking->said, "Member must satisfy enum value set: [");
        for (const char *const *allowed = field->values; *allowed; allowed++)
            buf_printf(&checking->said, "%s%s", allowed == field->values ? "" : ", ", *allowed);
        buf_puts(&checking->said, "]");
    }
    if ((nul || (field->check && !field->check(text))) && violation_begin(checking, field, value))
        buf_printf(&checking->said, "Member must satisfy regular expression pattern: %s",
                   field->check_says ? field->check_says : "[^\\u0000]*");
}

static void check_blob(struct checking *checking, const struct field *field, const json_t *value)
{
    struct str text = {json_string_value(value), json_string_length(value)};
    CLEANUP(free_ptr) unsigned char *bytes = mem_alloc(text.len / 4 * 3 + 3);
    size_t len = 0;
    if (!bytes || !base64_decode(text, bytes, &len))
        violation(checking, field, value, "Member must be base64");
    else
        check_bounds(checking, field, value, (int64_t)len, "length");
}

static void check_list(struct checking *checking, const struct field *field, const json_t *value, int depth)
{
    check_bounds(checking, field, value, (int64_t)json_array_size(value), "length");
    for (size_t i = 0; field->of && i < json_array_size(value); i++)
        check_below(checking, (struct step){.element = i + 1}, &field->of->fields[0],
                    json_array_get(value, i), depth);
}

/* AWS tells of the map, and of all that its keys must satisfy. */
static void check_key(struct checking *checking, const struct field *field, const json_t *map,
                      const char *key)
{
    const struct field *keys = field->keys;
    int64_t length = utf8_length(key, strlen(key));
    bool bounded = keys->max != 0;
    if ((!bounded || (length >= keys->min && length <= keys->max)) && (!keys->check || keys->check(key)))
        return;
    if (!violation_begin(checking, field, map))
        return;
    buf_puts(&checking->said, "Map keys must satisfy constraint: [");
    if (bounded)
        buf_printf(&checking->said,
                   "Member must have length less than or equal to %lld, Member must have length greater "
                   "than or equal to %lld",
                   (long long)keys->max, (long long)keys->min);
    if (keys->check)
        buf_printf(&checking->said, "%sMember must satisfy regular expression pattern: %s",
                   bounded ? ", " : "", keys->check_says);
    buf_puts(&checking->said, "]");
}

static void check_map(struct checking *checking, const struct field *field, const json_t *value, int depth)
{
    const char *key;
    json_t *entry;
    check_bounds(checking, field, value, (int64_t)json_object_size(value), "length");
    json_object_foreach ((json_t *)value, key, entry) {
        if (field->keys)
            check_key(checking, field, value, key);
        if (!field->of)
            break;
        check_below(checking, (struct step){.name = key}, &field->of->fields[0], entry, depth);
    }
}

static void check_members(struct checking *checking, const struct shape *shape, const json_t *value,
                          int depth)
{
    size_t left = json_object_size(value);
    for (size_t i = 0; shape && i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const json_t *member = shape_member(value, field->name, &left);
        if ((member && !json_is_null(member)) || (field->flags & FIELD_REQUIRED))
            check_below(checking, (struct step){.name = field->name, .member = true}, field, member, depth);
    }
}

static void check_typed(struct checking *checking, const struct field *field, const json_t *value, int depth)
{
    switch (field->type) {
    case FIELD_STRING:
        check_string(checking, field, value);
        break;
    case FIELD_BLOB:
        check_blob(checking, field, value);
        break;
    case FIELD_INTEGER:
        check_bounds(checking, field, value, json_integer_value(value), "value");
        break;
    case FIELD_LIST:
        check_list(checking, field, value, depth);
        break;
    case FIELD_MAP:
        check_map(checking, field, value, depth);
        break;
    case FIELD_STRUCT:
        check_members(checking, field->of, value, depth);
        break;
    case FIELD_BOOLEAN:
    case FIELD_DOUBLE:
    case FIELD_TIMESTAMP:
    case FIELD_ANY:
        break;
    }
}

bool shape_type_fits(enum field_type type, const json_t *value)
{
    switch (type) {
    case FIELD_STRING:
    case FIELD_BLOB:
        return json_is_string(value);
    case FIELD_INTEGER:
    case FIELD_TIMESTAMP:
        return json_is_integer(value);
    case FIELD_BOOLEAN:
        return json_is_boolean(value);
    case FIELD_DOUBLE:
        return json_is_number(value);
    case FIELD_LIST:
        return json_is_array(value);
    case FIELD_MAP:
    case FIELD_STRUCT:
        return json_is_object(value);
    case FIELD_ANY:
        return true;
    }
    return false;
}

const char *shape_type_name(enum field_type type)
{
    static const char *const names[] = {
        [FIELD_STRING] = "String",       [FIELD_INTEGER] = "Integer",
        [FIELD_BOOLEAN] = "Boolean",     [FIELD_DOUBLE] = "Double",
        [FIELD_TIMESTAMP] = "Timestamp", [FIELD_BLOB] = "Blob",
        [FIELD_LIST] = "List",           [FIELD_MAP] = "Map",
        [FIELD_STRUCT] = "Structure",    [FIELD_ANY] = "Document",
    };
    return names[type];
}

static void check_value(struct checking *checking, const struct field *field, const json_t *value, int depth)
{
    if (depth > DEPTH_MAX) {
        violation(checking, field, value, "Member must not be nested this deep");
    } else if (!value || json_is_null(value)) {
        violation(checking, field, NULL, "Member must not be null");
    } else if (!shape_type_fits(field->type, value)) {
        if (violation_begin(checking, field, value))
            buf_printf(&checking->said, "Member must be of type %s", shape_type_name(field->type));
    } else {
        check_typed(checking, field, value, depth);
    }
}

int shape_validate(const struct shape *shape, const json_t *value, struct reason *why)
{
    struct checking checking = {.said = BUF_INIT((size_t)16 * 1024)};
    check_members(&checking, shape, value, 0);
    int outcome = 0;
    if (checking.errors)
        outcome = reason_set(why, CALL_INVALID, "%zu validation error%s detected: %s", checking.errors,
                             checking.errors == 1 ? "" : "s", checking.said.ptr ? checking.said.ptr : "");
    buf_free(&checking.said);
    return outcome;
}
