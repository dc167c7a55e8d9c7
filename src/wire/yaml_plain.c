/* Unquoted scalars of YAML: what is a number, a boolean or null, and what stays text.
 *
 * A number becomes one only when writing it again gives the same text: account ids with leading zeros,
 * versions like 1.10 and numbers too long for 64 bits stay what the author wrote. */
#include "wire/yaml_internal.h"
#include <math.h>
#include <stdio.h>

static const struct plain_word {
    const char *text;
    json_type type;
} words[] = {
    {"true", JSON_TRUE},   {"True", JSON_TRUE},   {"TRUE", JSON_TRUE}, {"false", JSON_FALSE},
    {"False", JSON_FALSE}, {"FALSE", JSON_FALSE}, {"null", JSON_NULL}, {"Null", JSON_NULL},
    {"NULL", JSON_NULL},   {"~", JSON_NULL},      {"", JSON_NULL},
};

static json_t *word_value(json_type type)
{
    if (type == JSON_NULL)
        return json_null();
    return json_boolean(type == JSON_TRUE);
}

static json_t *integer(struct str text)
{
    char again[32];
    int64_t value;

    if (!str_to_int(text, INT64_MIN, INT64_MAX, &value))
        return NULL;
    int len = snprintf(again, sizeof(again), "%lld", (long long)value);
    return str_eq(text, (struct str){again, (size_t)len}) ? json_integer(value) : NULL;
}

static json_t *real(struct str text)
{
    char copy[32], again[32];
    char *end;

    if (!text.len || text.len >= sizeof(copy) ||
        (text.ptr[0] != '-' && (text.ptr[0] < '0' || text.ptr[0] > '9')))
        return NULL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, &end);
    if (*end || !isfinite(value))
        return NULL;
    int len = snprintf(again, sizeof(again), "%.15g", value);
    return str_eq(text, (struct str){again, (size_t)len}) ? json_real(value) : NULL;
}

json_t *yaml_plain(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqc(text, words[i].text))
            return word_value(words[i].type);
    json_t *number = integer(text);
    if (!number)
        number = real(text);
    return number ? number : json_stringn(text.ptr, text.len);
}
