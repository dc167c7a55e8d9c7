/* Users' regular expressions by PCRE2, anchored at both ends. */
#include "wire/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KIB 4096

static void free_code(pcre2_code **code)
{
    pcre2_code_free(*code);
}

static void free_data(pcre2_match_data **data)
{
    pcre2_match_data_free(*data);
}

static void free_context(pcre2_match_context **context)
{
    pcre2_match_context_free(*context);
}

static int compile(struct str pattern, struct reason *why, pcre2_code **ret)
{
    int error = 0;
    size_t offset = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C,
                                     &error, &offset, NULL);
    if (code) {
        *ret = code;
        return 0;
    }
    if (error == PCRE2_ERROR_HEAP_FAILED)
        return FAULT(ENOMEM);
    unsigned char text[160];
    pcre2_get_error_message(error, text, sizeof(text));
    return reason_set(why, PATTERN_E_SYNTAX, "at character %zu: %s", offset + 1, (const char *)text);
}

int pattern_check(struct str pattern, struct reason *why)
{
    CLEANUP(free_code) pcre2_code *code = NULL;
    return compile(pattern, why, &code);
}

int pattern_match(struct str pattern, struct str text, struct reason *why)
{
    CLEANUP(free_code) pcre2_code *code = NULL;
    int err = compile(pattern, why, &code);
    if (err)
        return err;
    CLEANUP(free_data) pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    CLEANUP(free_context) pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (!data || !context)
        return FAULT(ENOMEM);
    pcre2_set_match_limit(context, MATCH_LIMIT);
    pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    int found = pcre2_match(code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, data, context);
    if (found >= 0)
        return 0;
    /* Text that is no UTF-8 matches no pattern. */
    if (found == PCRE2_ERROR_NOMATCH || (found <= PCRE2_ERROR_UTF8_ERR1 && found >= PCRE2_ERROR_UTF8_ERR21))
        return PATTERN_NO_MATCH;
    if (found == PCRE2_ERROR_NOMEMORY)
        return FAULT(ENOMEM);
    return reason_set(why, PATTERN_E_COST, "the pattern needs too many steps for this text; make it simpler");
}
