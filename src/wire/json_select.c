/* Walks a path step by step: each step turns a list of values into the list of those that it selects. */
#include "wire/json_select.h"
#include "wire/json.h"
#include <ctype.h>

#define NAME_MAX_LEN 512

struct walk {
    struct str path;
    size_t at;
    json_t *values; /* a list: those selected so far */
    size_t *work;   /* how many values were looked at, in filters too */
    struct reason *why;
};

static int wrong(const struct walk *walk, const char *what)
{
    return reason_set(walk->why, JSON_SELECT_E_SYNTAX, "the JSON path '" STR_FMT "' has %s at character %zu",
                      STR_ARG(walk->path), what, walk->at + 1);
}

static char peek(const struct walk *walk)
{
    return walk->at < walk->path.len ? walk->path.ptr[walk->at] : '\0';
}

static bool accept(struct walk *walk, char c)
{
    if (peek(walk) != c || c == '\0')
        return false;
    walk->at++;
    return true;
}

static void skip_spaces(struct walk *walk)
{
    while (accept(walk, ' '))
        continue;
}

static int work(const struct walk *walk)
{
    if (++*walk->work > JSON_SELECT_MAX)
        return reason_set(walk->why, JSON_SELECT_E_MANY,
                          "the JSON path '" STR_FMT "' looks at more than %d values", STR_ARG(walk->path),
                          JSON_SELECT_MAX);
    return 0;
}

static int add(const struct walk *walk, json_t *list, json_t *value)
{
    int r = value ? work(walk) : 0;

    if (r || !value)
        return r;
    return json_array_append(list, value) ? FAULT(ENOMEM) : 0;
}

/* ---- what one step selects of one value */

enum step_kind { STEP_NAME, STEP_INDEX, STEP_SLICE, STEP_ALL, STEP_FILTER };

struct step {
    enum step_kind kind;
    struct str text; /* STEP_NAME: unescaped; STEP_FILTER: between the parentheses */
    int64_t from, to;
    bool has_to;
    char name[NAME_MAX_LEN];
};

static int filter_holds(const struct walk *walk, json_t *value, struct str filter, bool *ret);

static int64_t place_of(int64_t index, size_t size)
{
    int64_t count = (int64_t)size;
    int64_t place = index < 0 ? index + count : index;

    return place < 0 ? -1 : place > count ? count : place;
}

static int select_slice(const struct walk *walk, json_t *value, const struct step *step, json_t *list)
{
    size_t size = json_array_size(value);
    int64_t from = place_of(step->from, size), to = step->has_to ? place_of(step->to, size) : (int64_t)size;
    int r = 0;

    for (int64_t i = from < 0 ? 0 : from; r == 0 && i < to; i++)
        r = add(walk, list, json_array_get(value, (size_t)i));
    return r;
}

static int select_children(const struct walk *walk, json_t *value, const struct step *step, json_t *list)
{
    json_t *child;
    const char *key;
    size_t i;
    bool fits = true;
    int r = 0;

    json_array_foreach (value, i, child) {
        if (step->kind == STEP_FILTER)
            r = filter_holds(walk, child, step->text, &fits);
        if (r == 0 && fits)
            r = add(walk, list, child);
        if (r)
            return r;
    }
    json_object_foreach (value, key, child) {
        if (step->kind == STEP_FILTER)
            r = filter_holds(walk, child, step->text, &fits);
        if (r == 0 && fits)
            r = add(walk, list, child);
        if (r)
            return r;
    }
    return 0;
}

static int select_of(const struct walk *walk, json_t *value, const struct step *step, json_t *list)
{
    switch (step->kind) {
    case STEP_NAME:
        return add(walk, list, json_object_getn(value, step->text.ptr, step->text.len));
    case STEP_INDEX: {
        int64_t place = place_of(step->from, json_array_size(value));

        return place < 0 ? 0 : add(walk, list, json_array_get(value, (size_t)place));
    }
    case STEP_SLICE:
        return select_slice(walk, value, step, list);
    case STEP_ALL:
    case STEP_FILTER:
        return select_children(walk, value, step, list);
    }
    return 0;
}

static int step_apply(const struct walk *walk, const struct step *step, json_t *list)
{
    json_t *value;
    size_t i;
    int r = 0;

    json_array_foreach (walk->values, i, value)
        if (r == 0)
            r = select_of(walk, value, step, list);
    return r;
}

/* The value and all that is below it. */
static int descend(const struct walk *walk, json_t *value, json_t *list)
{
    json_t *child;
    const char *key;
    size_t i;
    int r = add(walk, list, value);

    json_array_foreach (value, i, child)
        if (r == 0)
            r = descend(walk, child, list);
    json_object_foreach (value, key, child)
        if (r == 0)
            r = descend(walk, child, list);
    return r;
}

static int walk_descend(struct walk *walk)
{
    CLEANUP(json_free) json_t *list = json_array();
    json_t *value;
    size_t i;
    int r = list ? 0 : FAULT(ENOMEM);

    json_array_foreach (walk->values, i, value)
        if (r == 0)
            r = descend(walk, value, list);
    if (r)
        return r;
    json_free(&walk->values);
    walk->values = take(list);
    return 0;
}

/* ---- steps as they are written */

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_-:/@#", c));
}

static int read_quoted(struct walk *walk, struct step *step)
{
    char quote = peek(walk);
    size_t len = 0;

    walk->at++;
    while (peek(walk) && peek(walk) != quote) {
        if (peek(walk) == '\\' && walk->at + 1 < walk->path.len)
            walk->at++;
        if (len == sizeof(step->name))
            return wrong(walk, "a name that is too long");
        step->name[len++] = peek(walk);
        walk->at++;
    }
    if (!accept(walk, quote))
        return wrong(walk, "a quote that is not closed");
    step->kind = STEP_NAME;
    step->text = (struct str){step->name, len};
    return 0;
}

static bool read_number(struct walk *walk, int64_t *ret)
{
    size_t from = walk->at;

    (void)accept(walk, '-');
    while (isdigit((unsigned char)peek(walk)))
        walk->at++;
    return str_to_int((struct str){walk->path.ptr + from, walk->at - from}, -1000000, 1000000, ret);
}

/* Up to the parenthesis that closes the filter: strings may hold any. */
static int read_filter(struct walk *walk, struct step *step)
{
    size_t from = walk->at;
    int depth = 1;
    char quote = '\0';

    for (; peek(walk); walk->at++) {
        char c = peek(walk);

        if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            break;
    }
    *step = (struct step){.kind = STEP_FILTER, .text = {walk->path.ptr + from, walk->at - from}};
    return accept(walk, ')') ? 0 : wrong(walk, "a filter that is not closed");
}

static int read_index(struct walk *walk, struct step *step)
{
    bool has_from = read_number(walk, &step->from);

    step->kind = STEP_INDEX;
    skip_spaces(walk);
    if (!accept(walk, ':'))
        return has_from ? 0 : wrong(walk, "neither a name in quotes nor a number");
    if (!has_from)
        step->from = 0;
    skip_spaces(walk);
    step->kind = STEP_SLICE;
    step->has_to = read_number(walk, &step->to);
    return 0;
}

static int read_item(struct walk *walk, struct step *step)
{
    char c = peek(walk);

    *step = (struct step){.kind = STEP_ALL};
    if (accept(walk, '*'))
        return 0;
    if (c == '\'' || c == '"')
        return read_quoted(walk, step);
    if (!accept(walk, '?'))
        return read_index(walk, step);
    skip_spaces(walk);
    return accept(walk, '(') ? read_filter(walk, step) : wrong(walk, "a filter without parentheses");
}

static int read_brackets(struct walk *walk, json_t *list)
{
    struct step step;

    do {
        skip_spaces(walk);
        int r = read_item(walk, &step);

        if (r == 0 && step.kind == STEP_FILTER) { /* its syntax, also when there is nothing to filter */
            bool holds;
            json_t *nothing = json_null();

            r = filter_holds(walk, nothing, step.text, &holds);
        }
        if (r == 0)
            r = step_apply(walk, &step, list);
        if (r)
            return r;
        skip_spaces(walk);
    } while (accept(walk, ','));
    return accept(walk, ']') ? 0 : wrong(walk, "a bracket that is not closed");
}

static int read_name(struct walk *walk, json_t *list)
{
    struct step step = {.kind = STEP_ALL};
    size_t from = walk->at;

    if (!accept(walk, '*')) {
        while (in_name(peek(walk)))
            walk->at++;
        step.kind = STEP_NAME;
        step.text = (struct str){walk->path.ptr + from, walk->at - from};
        if (step.text.len == 0)
            return wrong(walk, "no name where one belongs");
    }
    return step_apply(walk, &step, list);
}

static int walk_step(struct walk *walk, bool bare)
{
    CLEANUP(json_free) json_t *list = json_array();
    bool dot = bare || accept(walk, '.');
    int r = list ? 0 : FAULT(ENOMEM);

    if (r == 0 && dot && !bare && accept(walk, '.'))
        r = walk_descend(walk);
    if (r)
        return r;
    if (accept(walk, '['))
        r = read_brackets(walk, list);
    else
        r = dot ? read_name(walk, list) : wrong(walk, "neither a point nor a bracket");
    if (r)
        return r;
    json_free(&walk->values);
    walk->values = take(list);
    return 0;
}

/* `bare`: the path begins with a name. */
static int walk_all(struct walk *walk, json_t *document, bool bare, json_t **ret)
{
    int r = 0;

    walk->values = json_pack("[O]", document);
    if (!walk->values)
        return FAULT(ENOMEM);
    for (bool first = bare; r == 0 && walk->at < walk->path.len; first = false)
        r = walk_step(walk, first);
    if (r == 0)
        *ret = take(walk->values);
    json_free(&walk->values);
    return r;
}

/* ---- filters: a path from @, or its comparison with a literal */

enum compare { COMPARE_EQ, COMPARE_NE, COMPARE_LE, COMPARE_GE, COMPARE_LT, COMPARE_GT, COMPARES };

static const char *const compare_signs[COMPARES] = {"==", "!=", "<=", ">=", "<", ">"};

static bool compare_holds(const json_t *a, enum compare how, const json_t *b)
{
    double order = json_number_value(a) - json_number_value(b);

    if (how == COMPARE_EQ || how == COMPARE_NE) {
        bool same = json_is_number(a) && json_is_number(b) ? !(order < 0) && !(order > 0) : json_equal(a, b);

        return same == (how == COMPARE_EQ);
    }
    if (json_is_string(a) && json_is_string(b))
        order = (double)strcmp(json_string_value(a), json_string_value(b));
    else if (!json_is_number(a) || !json_is_number(b))
        return false;
    switch (how) {
    case COMPARE_LE:
        return order <= 0;
    case COMPARE_GE:
        return order >= 0;
    case COMPARE_LT:
        return order < 0;
    case COMPARE_GT:
        return order > 0;
    case COMPARE_EQ:
    case COMPARE_NE:
    case COMPARES:
        break;
    }
    return false;
}

/* 'text' or any JSON scalar. */
static int read_literal(const struct walk *outer, struct str text, json_t **ret)
{
    struct walk walk = {.path = text, .why = outer->why};
    struct step step = {0};
    int r;

    if (peek(&walk) == '\'' || peek(&walk) == '"') {
        r = read_quoted(&walk, &step);
        if (r == 0 && walk.at < text.len)
            r = wrong(outer, "a filter of more than one comparison before");
        if (r == 0 && !(*ret = json_stringn(step.text.ptr, step.text.len)))
            r = wrong(outer, "a text that is not UTF-8 before");
        return r;
    }
    r = json_parse(text, ret, NULL);
    return r > 0 ? wrong(outer,
                         "a filter whose right side is neither text, number, true, false nor null before")
                 : r;
}

static size_t sign_find(struct str filter, enum compare *ret)
{
    char quote = '\0';

    for (size_t i = 0; i < filter.len; i++) {
        char c = filter.ptr[i];

        if (quote || c == '\'' || c == '"') {
            quote = !quote ? c : c == quote ? '\0' : quote;
            continue;
        }
        struct str rest = {filter.ptr + i, filter.len - i};
        for (int how = 0; how < COMPARES; how++)
            if (str_starts(rest, str_of(compare_signs[how]))) {
                *ret = (enum compare)how;
                return i;
            }
    }
    return filter.len;
}

static int filter_holds(const struct walk *walk, json_t *value, struct str filter, bool *ret)
{
    CLEANUP(json_free) json_t *found = NULL;
    CLEANUP(json_free) json_t *literal = NULL;
    enum compare how = COMPARES;
    size_t sign = sign_find(filter, &how);
    struct walk inner = {
        .path = str_trim((struct str){filter.ptr, sign}), .work = walk->work, .why = walk->why};
    int r = work(walk);

    if (r)
        return r;
    if (!accept(&inner, '@'))
        return wrong(walk, "a filter that does not begin with @ before");
    if (how != COMPARES) {
        size_t after = sign + strlen(compare_signs[how]);

        r = read_literal(walk, str_trim((struct str){filter.ptr + after, filter.len - after}), &literal);
    }
    if (r == 0)
        r = walk_all(&inner, value, false, &found);
    if (r == 0)
        *ret =
            json_array_size(found) > 0 && (!literal || compare_holds(json_array_get(found, 0), how, literal));
    return r;
}

/* ---- all */

int json_select(json_t *document, struct str path, json_t **ret, struct reason *why)
{
    size_t looked_at = 0;
    struct walk walk = {.path = path, .work = &looked_at, .why = why};

    if (path.len == 0)
        return wrong(&walk, "nothing");
    if (accept(&walk, '$'))
        return walk_all(&walk, document, false, ret);
    return walk_all(&walk, document, peek(&walk) != '.' && peek(&walk) != '[', ret); /* "ref" is "$.ref" */
}

int json_select_check(struct str path, struct reason *why)
{
    CLEANUP(json_free) json_t *found = NULL;

    return json_select(json_null(), path, &found, why);
}
