/* See cors.h, and setting.h for the check. */
#include "services/s3/cors.h"
#include "services/s3/setting.h"
#include "wire/json.h"

static const char *text_at(const json_t *list, size_t i)
{
    const char *text = json_string_value(json_array_get(list, i));
    return text ? text : "";
}

/* ---- the configuration */

static bool is_method(const char *text)
{
    static const char *const methods[] = {"GET", "PUT", "HEAD", "POST", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(methods[i], text) == 0)
            return true;
    return false;
}

static int check_wildcards(const json_t *rule, const char *member, struct reason *why)
{
    const json_t *list = json_object_get(rule, member);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = text_at(list, i);
        const char *first = strchr(text, '*');
        if (first && strchr(first + 1, '*'))
            return reason_set(why, S3_E_REQUEST, "%s \"%.256s\" can not have more than one wildcard.", member,
                              text);
    }
    return 0;
}

static int check_rule(const json_t *rule, struct reason *why)
{
    const json_t *methods = json_object_get(rule, "AllowedMethod");
    const json_t *exposed = json_object_get(rule, "ExposeHeader");
    if (json_array_size(methods) == 0 || json_array_size(json_object_get(rule, "AllowedOrigin")) == 0)
        return reason_set(why, S3_E_XML, "A CORSRule has at least one AllowedMethod and one AllowedOrigin.");
    for (size_t i = 0; i < json_array_size(methods); i++)
        if (!is_method(text_at(methods, i)))
            return reason_set(why, S3_E_REQUEST,
                              "Found unsupported HTTP method in CORS config. Unsupported method is %.64s",
                              text_at(methods, i));
    for (size_t i = 0; i < json_array_size(exposed); i++)
        if (strchr(text_at(exposed, i), '*'))
            return reason_set(
                why, S3_E_REQUEST,
                "ExposeHeader \"%.256s\" contains wildcard. We currently do not support wildcard "
                "for ExposeHeader.",
                text_at(exposed, i));
    int rc = check_wildcards(rule, "AllowedOrigin", why);
    return rc != 0 ? rc : check_wildcards(rule, "AllowedHeader", why);
}

int cors_check(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document, struct reason *why)
{
    const json_t *rules = json_object_get(document, "CORSRule");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(rules); i++)
        rc = check_rule(json_array_get(rules, i), why);
    return rc;
}

/* ---- at work */

/* With one wildcard at most; header names in any case. */
static bool fits(const char *pattern, struct str text, bool any_case)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return any_case ? str_eq_nocase(str_of(pattern), text) : str_eqc(text, pattern);
    struct str head = {pattern, (size_t)(star - pattern)};
    struct str tail = str_of(star + 1);
    if (text.len < head.len + tail.len)
        return false;
    struct str begin = {text.ptr, head.len};
    struct str end = {text.ptr + text.len - tail.len, tail.len};
    return any_case ? str_eq_nocase(begin, head) && str_eq_nocase(end, tail)
                    : str_eq(begin, head) && str_eq(end, tail);
}

static bool lists(const json_t *rule, const char *member, struct str text, bool any_case)
{
    const json_t *list = json_object_get(rule, member);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (fits(text_at(list, i), text, any_case))
            return true;
    return false;
}

static bool allows_headers(const json_t *rule, struct str asked)
{
    while (asked.ptr) {
        struct str one = str_trim(str_split(&asked, ','));
        if (one.len > 0 && !lists(rule, "AllowedHeader", one, true))
            return false;
    }
    return true;
}

const json_t *cors_rule(const json_t *configuration, const struct cors_request *request)
{
    const json_t *rules = json_object_get(configuration, "CORSRule");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (lists(rule, "AllowedOrigin", request->origin, false) &&
            lists(rule, "AllowedMethod", request->method, false) && allows_headers(rule, request->headers))
            return rule;
    }
    return NULL;
}

void cors_list(struct buf *out, const json_t *rule, const char *member)
{
    const json_t *list = json_object_get(rule, member);
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_puts(out, i > 0 ? ", " : "");
        buf_puts(out, text_at(list, i));
    }
}

bool cors_any_origin(const json_t *rule, const struct cors_request *request)
{
    const json_t *list = json_object_get(rule, "AllowedOrigin");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (fits(text_at(list, i), request->origin, false))
            return strcmp(text_at(list, i), "*") == 0;
    return false;
}
