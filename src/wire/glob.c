/* A pattern is a list of tokens, and a match the set of tokens that may come next, moved along by each
 * character: no pattern takes longer than its length allows. */
#include "wire/glob.h"

enum kind {
    KIND_SELF, /* `code` */
    KIND_ONE,  /* ? */
    KIND_SET,  /* [ ] */
    KIND_PART, /* * */
    KIND_ANY,  /* ** */
    KIND_OPEN, /* { */
    KIND_ALTERNATIVE,
    KIND_CLOSE,
};

static bool continues(struct str text, size_t i)
{
    return i < text.len && ((unsigned char)text.ptr[i] & 0xc0U) == 0x80;
}

/* The next character; bytes that are no UTF-8 are characters of their own. */
static uint32_t take_code(struct str *rest)
{
    unsigned char first = (unsigned char)rest->ptr[0];
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1, i = 1;
    uint32_t code = len == 1 ? first : first & (0xffU >> (len + 1));

    for (; i < len && continues(*rest, i); i++)
        code = code << 6 | ((unsigned char)rest->ptr[i] & 0x3fU);
    if (i < len) {
        code = first;
        len = 1;
    }
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return code;
}

/* ---- reading */

struct reading {
    struct glob *glob;
    struct str rest;
    size_t open; /* the group's token + 1; 0: in none */
    size_t last; /* the group's last alternative, or itself */
    struct reason *why;
};

static int wrong(const struct reading *reading, const char *words)
{
    return reason_set(reading->why, GLOB_E_SYNTAX, "%s", words);
}

static void skip(struct reading *reading)
{
    reading->rest = (struct str){reading->rest.ptr + 1, reading->rest.len - 1};
}

static bool next_is(const struct reading *reading, char c)
{
    return reading->rest.len > 0 && reading->rest.ptr[0] == c;
}

static struct glob_token *add(struct reading *reading, enum kind kind)
{
    struct glob_token *token = &reading->glob->tokens[reading->glob->count++];

    *token = (struct glob_token){.kind = kind};
    return token;
}

static int read_star(struct reading *reading)
{
    bool across = next_is(reading, '*');

    while (next_is(reading, '*'))
        skip(reading);
    add(reading, across ? KIND_ANY : KIND_PART);
    return 0;
}

static int read_one(struct reading *reading)
{
    add(reading, KIND_ONE);
    return 0;
}

static int read_set(struct reading *reading)
{
    struct glob_token *token = add(reading, KIND_SET);
    const char *end;

    if (next_is(reading, '!')) {
        token->inverted = true;
        skip(reading);
    }
    end = memchr(reading->rest.ptr, ']', reading->rest.len);
    if (!end || end == reading->rest.ptr)
        return wrong(reading, end ? "a [ ] has no characters" : "a [ has no ]");
    token->set = (struct str){reading->rest.ptr, (size_t)(end - reading->rest.ptr)};
    reading->rest = (struct str){end + 1, reading->rest.len - token->set.len - 1};
    return 0;
}

static int read_open(struct reading *reading)
{
    if (reading->open)
        return wrong(reading, "a { } is within another");
    add(reading, KIND_OPEN);
    reading->last = reading->glob->count - 1;
    reading->open = reading->last + 1;
    return 0;
}

static int read_self(struct reading *reading, uint32_t code)
{
    add(reading, KIND_SELF)->code = code;
    return 0;
}

static int read_comma(struct reading *reading)
{
    if (!reading->open)
        return read_self(reading, ',');
    add(reading, KIND_ALTERNATIVE);
    reading->glob->tokens[reading->last].next = (uint8_t)(reading->glob->count - 1);
    reading->last = reading->glob->count - 1;
    return 0;
}

static int read_close(struct reading *reading)
{
    if (!reading->open)
        return read_self(reading, '}');
    add(reading, KIND_CLOSE);
    for (size_t i = reading->open - 1; i < reading->glob->count; i++)
        if (reading->glob->tokens[i].kind == KIND_ALTERNATIVE)
            reading->glob->tokens[i].close = (uint8_t)(reading->glob->count - 1);
    reading->open = 0;
    return 0;
}

static int read_escape(struct reading *reading)
{
    return reading->rest.len == 0 ? wrong(reading, "nothing follows the last \\")
                                  : read_self(reading, take_code(&reading->rest));
}

static const struct {
    char sign;
    int (*read)(struct reading *reading);
} signs[] = {
    {'*', read_star},  {'?', read_one},   {'[', read_set},     {'{', read_open},
    {',', read_comma}, {'}', read_close}, {'\\', read_escape},
};

static int read_token(struct reading *reading)
{
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (next_is(reading, signs[i].sign)) {
            skip(reading);
            return signs[i].read(reading);
        }
    return read_self(reading, take_code(&reading->rest));
}

int glob_parse(struct str pattern, struct glob *ret, struct reason *why)
{
    struct reading reading = {.glob = ret, .rest = pattern, .why = why};
    int r = 0;

    ret->count = 0;
    while (r == 0 && reading.rest.len > 0) {
        if (ret->count == GLOB_MAX)
            return wrong(&reading, "it is too long");
        r = read_token(&reading);
    }
    return r == 0 && reading.open ? wrong(&reading, "a { has no }") : r;
}

/* ---- matching */

struct places {
    bool at[GLOB_MAX + 1]; /* a token that may come next; the one after the last: the pattern's end */
};

/* Reaches a token, and those that no character stands before. */
static void reach(const struct glob *glob, struct places *places, size_t i)
{
    while (!places->at[i]) {
        const struct glob_token *token = &glob->tokens[i];

        places->at[i] = true;
        if (i == glob->count || token->kind < KIND_PART)
            return;
        if (token->kind == KIND_OPEN)
            for (size_t k = token->next; k; k = glob->tokens[k].next)
                reach(glob, places, k + 1);
        i = token->kind == KIND_ALTERNATIVE ? token->close : i + 1;
    }
}

/* A hyphen at either end stands for itself. */
static bool set_has(struct str set, uint32_t code)
{
    while (set.len > 0) {
        uint32_t first = take_code(&set), last = first;

        if (set.len > 1 && set.ptr[0] == '-') {
            set = (struct str){set.ptr + 1, set.len - 1};
            last = take_code(&set);
        }
        if (code >= first && code <= last)
            return true;
    }
    return false;
}

static void step(const struct glob *glob, const struct places *before, uint32_t code, struct places *after)
{
    bool slash = code == '/';

    for (size_t i = 0; i < glob->count; i++) {
        const struct glob_token *token = &glob->tokens[i];

        if (!before->at[i])
            continue;
        if (token->kind == KIND_ANY || (token->kind == KIND_PART && !slash))
            reach(glob, after, i);
        else if ((token->kind == KIND_SELF && token->code == code) || (token->kind == KIND_ONE && !slash) ||
                 (token->kind == KIND_SET && !slash && set_has(token->set, code) != token->inverted))
            reach(glob, after, i + 1);
    }
}

bool glob_match(const struct glob *glob, struct str text)
{
    struct places places = {0};

    reach(glob, &places, 0);
    while (text.len > 0) {
        struct places after = {0};

        step(glob, &places, take_code(&text), &after);
        places = after;
    }
    return places.at[glob->count];
}
