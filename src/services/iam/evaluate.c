/* See evaluate.h. */
#include "services/iam/evaluate.h"
#include "base/buf.h"
#include "wire/json.h"

#define PATTERN_MAX 4096

const json_t *policy_statement(const json_t *policy, size_t index)
{
    const json_t *statement = json_object_get(policy, "Statement");
    if (json_is_array(statement))
        return json_array_get(statement, index);
    return index == 0 ? statement : NULL;
}

bool policy_any(const json_t *element, bool (*accepts)(void *ctx, const char *text), void *ctx)
{
    if (json_is_string(element))
        return accepts(ctx, json_string_value(element));
    for (size_t i = 0; i < json_array_size(element); i++) {
        const char *text = json_string_value(json_array_get(element, i));
        if (text && accepts(ctx, text))
            return true;
    }
    return false;
}

/* ---- patterns */

static int folded(char c, bool any_case)
{
    return any_case && c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* The pattern's byte at *at, stepping over it; *ret_literal: it means itself. */
static char pattern_byte(struct str pattern, size_t *at, bool *ret_literal)
{
    *ret_literal = pattern.ptr[*at] == POLICY_LITERAL && *at + 1 < pattern.len;
    *at += *ret_literal;
    return pattern.ptr[(*at)++];
}

bool policy_matches(struct str pattern, struct str text, bool any_case)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_t = 0;
    while (t < text.len || p < pattern.len) {
        bool literal = false;
        size_t next = p;
        char byte = p < pattern.len ? pattern_byte(pattern, &next, &literal) : '\0';
        if (p < pattern.len && byte == '*' && !literal) {
            star = p = next;
            star_t = t;
        } else if (p < pattern.len && t < text.len &&
                   ((byte == '?' && !literal) || folded(byte, any_case) == folded(text.ptr[t], any_case))) {
            p = next;
            t++;
        } else if (star != SIZE_MAX && star_t < text.len) {
            p = star;
            t = ++star_t;
        } else {
            return false;
        }
    }
    return true;
}

/* ---- statements */

struct matching {
    const struct policy_request *request;
    bool variables;
};

static bool is_action(void *ctx, const char *text)
{
    const struct matching *m = ctx;
    return policy_matches(str_of(text), str_of(m->request->action), true);
}

static bool is_resource(void *ctx, const char *text)
{
    const struct matching *m = ctx;
    if (!m->variables || !strchr(text, '$'))
        return policy_matches(str_of(text), str_of(m->request->resource), false);
    CLEANUP(buf_free) struct buf pattern = BUF_INIT(PATTERN_MAX);
    return policy_expand(&pattern, text, m->request) &&
           policy_matches(buf_str(&pattern), str_of(m->request->resource), false);
}

/* An element and its opposite: one of them is there, or neither, when `absent` is the answer. */
static bool either(const json_t *statement, const char *name, const char *not_name,
                   bool (*accepts)(void *ctx, const char *text), struct matching *m, bool absent)
{
    const json_t *is = json_object_get(statement, name);
    const json_t *is_not = json_object_get(statement, not_name);
    if (is)
        return policy_any(is, accepts, m);
    return is_not ? !policy_any(is_not, accepts, m) : absent;
}

static bool names_asker(const json_t *principal, const struct policy_request *request)
{
    return request->service ? policy_names_service(principal, request->service)
                            : policy_names(principal, request->caller);
}

/* Without either it names nobody. */
static bool principal_applies(const json_t *statement, const struct policy_request *request)
{
    const json_t *is = json_object_get(statement, "Principal");
    const json_t *is_not = json_object_get(statement, "NotPrincipal");
    if (is)
        return names_asker(is, request);
    return is_not && !names_asker(is_not, request);
}

static bool applies(const json_t *statement, struct matching *m)
{
    return either(statement, "Action", "NotAction", is_action, m, false) &&
           principal_applies(statement, m->request) &&
           either(statement, "Resource", "NotResource", is_resource, m, true) &&
           policy_conditions_hold(json_object_get(statement, "Condition"), m->request, m->variables);
}

enum policy_verdict policy_evaluate(const json_t *policy, const struct policy_request *request)
{
    struct matching m = {request, strcmp(json_str(policy, "Version", ""), "2012-10-17") == 0};
    enum policy_verdict verdict = POLICY_SILENT;
    const json_t *statement;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++) {
        if (!applies(statement, &m))
            continue;
        if (strcmp(json_str(statement, "Effect", ""), "Allow") != 0)
            return POLICY_DENIES;
        verdict = POLICY_ALLOWS;
    }
    return verdict;
}
