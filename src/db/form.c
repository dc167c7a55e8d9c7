/* Statements are read as their text says: a handful of tokens, and two shapes that are known by heart. */
#include "db/form.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_PARAMETER, TOKEN_LITERAL, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    struct str text;
};

struct reader {
    struct str rest;
    struct token token; /* the next one */
};

/* ---- tokens */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t words_end(struct str s, size_t from)
{
    while (from < s.len && is_word(s.ptr[from]))
        from++;
    return from;
}

/* Behind the closing quote; a doubled one begins the next literal, which no form has. */
static size_t quotes_end(struct str s)
{
    const char *end = s.len > 1 ? memchr(s.ptr + 1, '\'', s.len - 1) : NULL;
    return end ? (size_t)(end - s.ptr) + 1 : s.len;
}

static struct token token_of(struct str s)
{
    if (s.len == 0)
        return (struct token){TOKEN_END, s};
    char c = s.ptr[0];
    if (c == '\'')
        return (struct token){TOKEN_LITERAL, {s.ptr, quotes_end(s)}};
    if (c == '$')
        return (struct token){TOKEN_PARAMETER, {s.ptr, words_end(s, 1)}};
    if (is_word(c))
        return (struct token){is_digit(c) ? TOKEN_LITERAL : TOKEN_WORD, {s.ptr, words_end(s, 0)}};
    return (struct token){TOKEN_SIGN, {s.ptr, 1}};
}

static void skip_space(struct str *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\n'))
        *s = (struct str){s->ptr + 1, s->len - 1};
}

static struct token next(struct reader *reader)
{
    struct token token = reader->token;
    skip_space(&reader->rest);
    reader->token = token_of(reader->rest);
    reader->rest =
        (struct str){reader->rest.ptr + reader->token.text.len, reader->rest.len - reader->token.text.len};
    return token;
}

static bool accept(struct reader *reader, const char *text)
{
    bool is = str_eqc(reader->token.text, text);
    if (is)
        (void)next(reader);
    return is;
}

static bool accept_all(struct reader *reader, const char *first, const char *second)
{
    return accept(reader, first) && accept(reader, second);
}

static bool word(struct reader *reader, struct str *ret)
{
    if (reader->token.kind != TOKEN_WORD)
        return false;
    *ret = next(reader).text;
    return true;
}

static bool parameter(struct reader *reader, unsigned *ret)
{
    int64_t number;
    struct str text = reader->token.text;
    if (reader->token.kind != TOKEN_PARAMETER ||
        !str_to_int((struct str){text.ptr + 1, text.len - 1}, 1, UINT8_MAX, &number))
        return false;
    *ret = (unsigned)number;
    (void)next(reader);
    return true;
}

/* A parameter or a literal. */
static bool value(struct reader *reader, unsigned *ret)
{
    *ret = 0;
    if (reader->token.kind != TOKEN_LITERAL)
        return parameter(reader, ret);
    (void)next(reader);
    return true;
}

/* ---- forms */

/* (a, b) VALUES ($1, 2) */
static bool read_row(struct reader *reader, struct form *form)
{
    size_t values = 0;
    if (!accept(reader, "("))
        return false;
    do {
        if (form->count == FORM_COLUMNS || !word(reader, &form->columns[form->count++].name))
            return false;
    } while (accept(reader, ","));
    if (!accept_all(reader, ")", "VALUES") || !accept(reader, "("))
        return false;
    do {
        if (values == form->count || !value(reader, &form->columns[values++].parameter))
            return false;
    } while (accept(reader, ","));
    return values == form->count && accept(reader, ")") && reader->token.kind == TOKEN_END;
}

/* SET a = $2, b = $3 WHERE c = $1 */
static bool read_change(struct reader *reader, struct form *form)
{
    if (!accept(reader, "SET"))
        return false;
    do {
        struct form_column *column = &form->columns[form->count];
        if (form->count++ == FORM_COLUMNS || !word(reader, &column->name) || !accept(reader, "=") ||
            !parameter(reader, &column->parameter))
            return false;
    } while (accept(reader, ","));
    return accept(reader, "WHERE") && word(reader, &form->where.name) && accept(reader, "=") &&
           parameter(reader, &form->where.parameter) && reader->token.kind == TOKEN_END;
}

static bool ends_from(const struct token *token)
{
    static const char *const after[] = {"WHERE", "ORDER", "LIMIT", ")"};
    for (size_t i = 0; i < ARRAY_LEN(after); i++)
        if (str_eqc(token->text, after[i]))
            return true;
    return token->kind == TOKEN_END;
}

/* Whether all that is read is that table. */
static bool keeps_to_table(struct reader reader, struct str table)
{
    struct str name;
    while (reader.token.kind != TOKEN_END) {
        struct token token = next(&reader);
        if (str_eqc(token.text, "JOIN") || (str_eqc(token.text, "IN") && reader.token.kind == TOKEN_WORD))
            return false;
        if (str_eqc(token.text, "FROM") &&
            (!word(&reader, &name) || !str_eq(name, table) || !ends_from(&reader.token)))
            return false;
    }
    return true;
}

static bool names_table(struct reader *reader, enum form_kind *ret_kind, struct str *ret_table)
{
    *ret_kind = FORM_OF_TABLE;
    if (accept(reader, "DELETE"))
        return accept(reader, "FROM") && word(reader, ret_table);
    if (accept(reader, "INSERT")) {
        *ret_kind = FORM_INSERT;
        return accept(reader, "INTO") && word(reader, ret_table);
    }
    *ret_kind = FORM_UPDATE;
    return accept(reader, "UPDATE") && word(reader, ret_table);
}

static bool columns_differ(const struct form *form)
{
    for (size_t i = 0; i < form->count; i++)
        if (str_eq(form->columns[i].name, form->where.name))
            return false;
    return true;
}

void form_read(struct str sql, struct form *ret)
{
    struct reader reader = {.rest = sql};
    *ret = (struct form){.kind = FORM_ANY};
    (void)next(&reader);
    enum form_kind kind;
    struct str table;
    if (!names_table(&reader, &kind, &table) || !keeps_to_table(reader, table))
        return;
    struct form form = {.kind = kind, .table = table};
    bool plain = (kind == FORM_INSERT && read_row(&reader, &form)) ||
                 (kind == FORM_UPDATE && read_change(&reader, &form) && columns_differ(&form));
    *ret = plain ? form : (struct form){.kind = FORM_OF_TABLE, .table = table};
}
