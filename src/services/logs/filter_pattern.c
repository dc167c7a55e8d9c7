/* Reads term patterns and matches them. */
#include "services/logs/filter_pattern.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A quoted phrase from text->ptr (on its first quote), with \" and \\ undone. */
static int read_phrase(struct arena *arena, struct str *text, struct str *ret, struct reason *why)
{
    char *out = arena_alloc(arena, text->len);
    if (!out)
        return FAULT(ENOMEM);
    size_t len = 0;
    size_t i = 1;
    for (; i < text->len && text->ptr[i] != '"'; i++) {
        if (text->ptr[i] == '\\' && i + 1 < text->len)
            i++;
        out[len++] = text->ptr[i];
    }
    if (i >= text->len)
        return reason_set(why, FILTER_PATTERN_E_BAD,
                          "Invalid filter pattern: a quoted phrase is not closed.");
    *text = (struct str){text->ptr + i + 1, text->len - i - 1};
    *ret = (struct str){out, len};
    return 0;
}

static int read_term(struct arena *arena, struct str *text, struct filter_pattern *pattern,
                     struct reason *why)
{
    enum filter_term_kind kind = FILTER_TERM_ALL;
    if (*text->ptr == '-' || *text->ptr == '?') {
        kind = *text->ptr == '-' ? FILTER_TERM_NOT : FILTER_TERM_ANY;
        *text = (struct str){text->ptr + 1, text->len - 1};
    }
    struct str term = {text->ptr, 0};
    if (text->len && *text->ptr == '"') {
        int err = read_phrase(arena, text, &term, why);
        if (err)
            return err;
    } else {
        while (term.len < text->len && !is_blank(text->ptr[term.len]))
            term.len++;
        *text = (struct str){text->ptr + term.len, text->len - term.len};
    }
    if (pattern->count == FILTER_PATTERN_TERMS_MAX)
        return reason_set(why, FILTER_PATTERN_E_BAD, "Invalid filter pattern: more than %d terms.",
                          FILTER_PATTERN_TERMS_MAX);
    pattern->terms[pattern->count].kind = kind;
    pattern->terms[pattern->count++].text = term;
    return 0;
}

int filter_pattern_parse(struct arena *arena, struct str text, struct filter_pattern *ret, struct reason *why)
{
    ret->count = 0;
    text = str_trim(text);
    if (text.len && strchr("{[%", *text.ptr))
        return reason_set(
            why, FILTER_PATTERN_E_BAD,
            "Invalid filter pattern: Slipway matches terms and \"phrases\", with -term to exclude and "
            "?term for any of several; '%c' starts a form that it does not support.",
            *text.ptr);
    char *copy = arena_dup(arena, text);
    if (!copy)
        return FAULT(ENOMEM);
    struct str rest = {copy, text.len};
    while (rest.len) {
        int err = read_term(arena, &rest, ret, why);
        if (err)
            return err;
        rest = str_trim(rest);
    }
    return 0;
}

bool filter_pattern_matches(const struct filter_pattern *pattern, struct str message)
{
    bool any_wanted = false;
    bool any_found = false;
    bool all_wanted = false;
    for (size_t i = 0; i < pattern->count; i++) {
        struct str text = pattern->terms[i].text;
        bool found = memmem(message.ptr, message.len, text.ptr, text.len) != NULL;
        switch (pattern->terms[i].kind) {
        case FILTER_TERM_ALL:
            if (!found)
                return false;
            all_wanted = true;
            break;
        case FILTER_TERM_NOT:
            if (found)
                return false;
            break;
        case FILTER_TERM_ANY:
            any_wanted = true;
            any_found = any_found || found;
            break;
        }
    }
    return all_wanted || !any_wanted || any_found;
}
