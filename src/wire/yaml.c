/* YAML as libfyaml's events, turned into a JSON tree by recursive descent, at most YAML_MAX_DEPTH deep.
 * Anchored values are kept whole and copied where an alias names them: an alias inside its own anchor is
 * unknown there, so that no value holds itself. */
#include "base/mem.h"
#include "wire/json.h"
#include "wire/yaml_internal.h"
#include <libfyaml.h>

struct reader {
    struct fy_parser *parser;
    struct fy_diag *diag;
    struct fy_event *event; /* the current one */
    json_t *anchors;
    struct yaml_marks *marks;
    size_t nodes;
    struct reason *why;
};

static int read_value(struct reader *r, uint64_t path, size_t depth, json_t **ret);

static int event_line(const struct reader *r, int *ret_column)
{
    const struct fy_mark *mark = r->event ? fy_event_start_mark(r->event) : NULL;

    *ret_column = mark ? mark->column + 1 : 1;
    return mark ? mark->line + 1 : 1;
}

static int fail(struct reader *r, const char *what, struct str about)
{
    int column;
    int line = event_line(r, &column);

    return reason_set(r->why, YAML_E_SYNTAX, "line %d, column %d: %s" STR_FMT, line, column, what,
                      (int)(about.len < 200 ? about.len : 200), about.ptr ? about.ptr : "");
}

static int parser_failed(struct reader *r)
{
    void *position = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(r->diag, &position);

    if (!error)
        return fail(r, "the document cannot be read", STR(""));
    return reason_set(r->why, YAML_E_SYNTAX, "line %d, column %d: %s", error->line, error->column,
                      error->msg);
}

static void drop_event(struct reader *r)
{
    if (r->event)
        fy_parser_event_free(r->parser, r->event);
    r->event = NULL;
}

static int next_event(struct reader *r)
{
    drop_event(r);
    r->event = fy_parser_parse(r->parser);
    return r->event ? 0 : parser_failed(r);
}

static struct str token_text(struct fy_token *token)
{
    struct str text = {NULL, 0};

    if (token)
        text.ptr = fy_token_get_text(token, &text.len);
    return text.ptr ? text : STR("");
}

static int count_node(struct reader *r, size_t depth)
{
    if (depth > YAML_MAX_DEPTH)
        return fail(r, "values are nested more than 64 levels deep", STR(""));
    if (++r->nodes > YAML_MAX_NODES)
        return fail(r, "the document holds more than 200000 values", STR(""));
    return 0;
}

/* Counts what a copy of an anchored value adds. */
static int count_copy(struct reader *r, const json_t *value, size_t depth)
{
    const char *key;
    size_t index;
    json_t *member;
    int err = count_node(r, depth);

    json_object_foreach ((json_t *)(uintptr_t)value, key, member)
        if (!err)
            err = count_copy(r, member, depth + 1);
    json_array_foreach (value, index, member)
        if (!err)
            err = count_copy(r, member, depth + 1);
    return err;
}

static int read_alias(struct reader *r, size_t depth, json_t **ret)
{
    struct str name = token_text(r->event->alias.anchor);
    json_t *value = json_object_getn(r->anchors, name.ptr, name.len);

    if (!value)
        return fail(r, "unknown alias *", name);
    int err = count_copy(r, value, depth);
    if (err)
        return err;
    *ret = json_deep_copy(value);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int read_text(struct reader *r, struct str text, json_t **ret)
{
    if (memchr(text.ptr, '\0', text.len))
        return fail(r, "a NUL character in a text", STR(""));
    *ret = json_stringn(text.ptr, text.len);
    return *ret ? 0 : fail(r, "a text that is not UTF-8", STR(""));
}

static int read_scalar(struct reader *r, struct str tag, json_t **ret)
{
    struct fy_token *token = r->event->scalar.value;
    struct str text = token_text(token);

    if (tag.len || (token && fy_token_scalar_style(token) != FYSS_PLAIN))
        return read_text(r, text, ret);
    *ret = yaml_plain(text);
    return *ret ? 0 : read_text(r, text, ret);
}

static int read_sequence(struct reader *r, uint64_t path, size_t depth, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    int err = list ? next_event(r) : FAULT(ENOMEM);

    while (!err && r->event->type != FYET_SEQUENCE_END) {
        json_t *value = NULL;
        int column;
        uint64_t below = yaml_step_index(path, json_array_size(list));
        err = yaml_mark(r->marks, below, event_line(r, &column));
        if (!err)
            err = read_value(r, below, depth + 1, &value);
        if (!err && json_array_append_new(list, value))
            err = FAULT(ENOMEM);
        if (!err)
            err = next_event(r);
    }
    if (!err)
        *ret = take(list);
    return err;
}

/* Members of one mapping, or of each in a list of them, where the mapping itself has none of that name. */
static int merge(struct reader *r, json_t *into, const json_t *from)
{
    size_t index;
    json_t *part;

    if (json_is_object(from))
        return json_object_update_missing(into, (json_t *)(uintptr_t)from) ? FAULT(ENOMEM) : 0;
    if (!json_is_array(from))
        return fail(r, "a merge key (<<) takes mappings", STR(""));
    json_array_foreach (from, index, part) {
        if (!json_is_object(part))
            return fail(r, "a merge key (<<) takes mappings", STR(""));
        if (json_object_update_missing(into, part))
            return FAULT(ENOMEM);
    }
    return 0;
}

/* Reads a key (the current event) into `ret`; *ret_merge: it is a merge key. */
static int read_key(struct reader *r, const json_t *map, json_t **ret, bool *ret_merge)
{
    if (r->event->type != FYET_SCALAR)
        return fail(r, "a key must be a text", STR(""));
    struct fy_token *token = r->event->scalar.value;
    struct str text = token_text(token);
    *ret_merge = str_eqc(text, "<<") && token && fy_token_scalar_style(token) == FYSS_PLAIN;
    if (json_object_getn(map, text.ptr, text.len))
        return fail(r, "duplicate key ", text);
    return read_text(r, text, ret);
}

static int read_member(struct reader *r, uint64_t path, size_t depth, json_t *map, json_t *merged)
{
    CLEANUP(json_free) json_t *key = NULL;
    bool is_merge = false;
    int err = read_key(r, map, &key, &is_merge);

    if (err)
        return err;
    struct str name = {json_string_value(key), json_string_length(key)};
    int column;
    uint64_t below = yaml_step(path, name);
    err = yaml_mark(r->marks, below, event_line(r, &column));
    if (!err)
        err = next_event(r);
    json_t *value = NULL;
    if (!err)
        err = read_value(r, below, depth + 1, &value);
    if (err)
        return err;
    if (is_merge) {
        err = merge(r, merged, value);
        json_decref(value);
        return err;
    }
    return json_object_setn_new(map, name.ptr, name.len, value) ? FAULT(ENOMEM) : 0;
}

static int read_mapping(struct reader *r, uint64_t path, size_t depth, json_t **ret)
{
    CLEANUP(json_free) json_t *map = json_object();
    CLEANUP(json_free) json_t *merged = json_object();
    int err = map && merged ? next_event(r) : FAULT(ENOMEM);

    while (!err && r->event->type != FYET_MAPPING_END) {
        err = read_member(r, path, depth, map, merged);
        if (!err)
            err = next_event(r);
    }
    if (!err && json_object_update_missing(map, merged))
        err = FAULT(ENOMEM);
    if (!err)
        *ret = take(map);
    return err;
}

/* "a.b" of !GetAtt as ["a","b"]. */
static json_t *split_attribute(json_t *text)
{
    struct str rest = {json_string_value(text), json_string_length(text)};
    struct str first = str_split(&rest, '.');
    json_t *list = rest.ptr ? json_pack("[s%, s%]", first.ptr, first.len, rest.ptr, rest.len) : NULL;

    if (!list)
        return text;
    json_decref(text);
    return list;
}

static const struct long_form {
    const char *tag;
    const char *key;
} long_forms[] = {{"Ref", "Ref"}, {"Condition", "Condition"}};

static int long_key(struct reader *r, struct str tag, char *ret, size_t size)
{
    struct str name = {tag.ptr + 1, tag.len - 1};

    if (!name.len || name.len + 5 > size)
        return fail(r, "unknown tag ", tag);
    for (size_t i = 0; i < ARRAY_LEN(long_forms); i++) {
        if (str_eqc(name, long_forms[i].tag)) {
            memcpy(ret, long_forms[i].key, strlen(long_forms[i].key) + 1);
            return 0;
        }
    }
    memcpy(ret, "Fn::", 4);
    memcpy(ret + 4, name.ptr, name.len);
    ret[4 + name.len] = '\0';
    return 0;
}

static int read_untagged(struct reader *r, struct str tag, uint64_t path, size_t depth, json_t **ret)
{
    if (r->event->type == FYET_SCALAR)
        return read_scalar(r, tag, ret);
    if (r->event->type == FYET_SEQUENCE_START)
        return read_sequence(r, path, depth, ret);
    if (r->event->type == FYET_MAPPING_START)
        return read_mapping(r, path, depth, ret);
    return fail(r, "a value was expected", STR(""));
}

static int read_short_form(struct reader *r, struct str tag, uint64_t path, size_t depth, json_t **ret)
{
    char key[64];
    json_t *value = NULL;
    int column;
    int line = event_line(r, &column);
    int err = long_key(r, tag, key, sizeof(key));

    if (!err)
        err = yaml_mark(r->marks, yaml_step(path, str_of(key)), line);
    if (!err)
        err = count_node(r, depth + 1);
    if (!err)
        err = read_untagged(r, tag, yaml_step(path, str_of(key)), depth + 1, &value);
    if (err)
        return err;
    if (str_eqc(str_of(key), "Fn::GetAtt") && json_is_string(value))
        value = split_attribute(value);
    *ret = json_pack("{s:o}", key, value);
    return *ret ? 0 : FAULT(ENOMEM);
}

static struct fy_token *tag_token(const struct fy_event *event)
{
    if (event->type == FYET_SCALAR)
        return event->scalar.tag;
    if (event->type == FYET_SEQUENCE_START)
        return event->sequence_start.tag;
    return event->type == FYET_MAPPING_START ? event->mapping_start.tag : NULL;
}

static struct fy_token *anchor_token(const struct fy_event *event)
{
    if (event->type == FYET_SCALAR)
        return event->scalar.anchor;
    if (event->type == FYET_SEQUENCE_START)
        return event->sequence_start.anchor;
    return event->type == FYET_MAPPING_START ? event->mapping_start.anchor : NULL;
}

static int read_value(struct reader *r, uint64_t path, size_t depth, json_t **ret)
{
    int err = count_node(r, depth);

    if (err)
        return err;
    if (r->event->type == FYET_ALIAS)
        return read_alias(r, depth, ret);
    struct str name = token_text(anchor_token(r->event));
    CLEANUP(free_ptr) char *anchor = name.len ? str_dup(name) : NULL;
    struct str said = token_text(tag_token(r->event));
    CLEANUP(free_ptr) char *tag = said.len ? str_dup(said) : NULL;
    if ((name.len && !anchor) || (said.len && !tag))
        return FAULT(ENOMEM);
    if (tag && *tag == '!')
        err = read_short_form(r, str_of(tag), path, depth, ret);
    else
        err = read_untagged(r, str_of(tag), path, depth, ret);
    if (!err && anchor && json_object_set(r->anchors, anchor, *ret)) {
        json_decref(*ret);
        err = FAULT(ENOMEM);
    }
    return err;
}

static int read_document(struct reader *r, json_t **ret)
{
    int err = next_event(r);

    if (!err && r->event->type == FYET_STREAM_START)
        err = next_event(r);
    if (err)
        return err;
    if (r->event->type == FYET_STREAM_END) {
        *ret = json_null();
        return 0;
    }
    err = next_event(r);
    CLEANUP(json_free) json_t *value = NULL;
    if (!err)
        err = read_value(r, YAML_ROOT, 0, &value);
    if (!err)
        err = next_event(r);
    if (!err)
        err = next_event(r);
    if (err)
        return err;
    if (r->event->type != FYET_STREAM_END)
        return fail(r, "a second document; one is read", STR(""));
    *ret = take(value);
    return 0;
}

/* Errors are collected, never displayed: the display of libfyaml 0.7.12 overruns its line buffer when an
 * error spans a long line. */
static int parser_open(struct reader *r)
{
    struct fy_parse_cfg cfg = {.flags = FYPCF_JSON_NONE | FYPCF_SLOPPY_FLOW_INDENTATION |
                                        FYPCF_ALLOW_DUPLICATE_KEYS};
    struct fy_diag_cfg silent;

    fy_diag_cfg_default(&silent);
    silent.fp = NULL;
    silent.colorize = false;
    r->diag = fy_diag_create(&silent);
    if (!r->diag)
        return FAULT(ENOMEM);
    fy_diag_set_collect_errors(r->diag, true);
    cfg.diag = r->diag;
    r->parser = fy_parser_create(&cfg);
    return r->parser ? 0 : FAULT(ENOMEM);
}

static void parser_close(struct reader *r)
{
    drop_event(r);
    if (r->diag)
        fy_diag_set_collect_errors(r->diag, false); /* frees them while what they point to lives */
    if (r->parser)
        fy_parser_destroy(r->parser);
    if (r->diag)
        fy_diag_destroy(r->diag);
}

/* YAML is UTF-8 without control characters but three; on a directive that holds anything else libfyaml 0.7.12
 * never ends. */
static int refuse_bytes(struct str text, struct reason *why)
{
    CLEANUP(json_free) json_t *utf8 = json_stringn(text.len ? text.ptr : "", text.len);
    int line = 1;

    if (!utf8)
        return reason_set(why, YAML_E_SYNTAX, "line 1: the document is not UTF-8");

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '\n')
            line++;
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return reason_set(why, YAML_E_SYNTAX, "line %d: a control character (0x%02x)", line, c);
    }
    return 0;
}

int yaml_parse(struct str text, json_t **ret, struct yaml_marks **ret_marks, struct reason *why)
{
    CLEANUP(json_free) json_t *anchors = json_object();
    CLEANUP(yaml_marks_free) struct yaml_marks *marks = NULL;
    struct reader r = {.anchors = anchors, .why = why};
    int err = refuse_bytes(text, why);

    if (!err)
        err = anchors ? yaml_marks_new(&marks) : FAULT(ENOMEM);
    if (err)
        return err;
    r.marks = marks;
    err = parser_open(&r);
    if (!err && fy_parser_set_string(r.parser, text.len ? text.ptr : "", text.len))
        err = FAULT(ENOMEM);
    if (!err)
        err = read_document(&r, ret);
    parser_close(&r);
    if (!err && ret_marks)
        *ret_marks = take(marks);
    return err;
}
