/* See filter_policy.h. Names are joined by and, the conditions of one name by or; of a list of values one
 * that matches is enough. */
#include "services/sns/filter_policy.h"
#include "services/sns/sns.h"
#include "wire/json.h"

#define KEYS_MAX 5
#define COMBINATIONS_MAX 150
#define POLICY_MAX_BYTES 262144
#define NUMBER_MAX 1e9

static bool text_starts(struct str value, struct str part)
{
    return str_starts(value, part);
}

static bool text_ends(struct str value, struct str part)
{
    return str_ends(value, part);
}

static struct str str_of_json(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static bool scalar_equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        double left = json_number_value(a), right = json_number_value(b);
        return left <= right && left >= right;
    }
    return json_equal(a, b);
}

/* ---- conditions on a value that is there, one row each */

static bool match_text(const json_t *operand, const json_t *value, bool (*fits)(struct str, struct str))
{
    return json_is_string(value) && fits(str_of_json(value), str_of_json(operand));
}

static bool match_prefix(const json_t *operand, const json_t *value)
{
    return match_text(operand, value, text_starts);
}

static bool match_suffix(const json_t *operand, const json_t *value)
{
    return match_text(operand, value, text_ends);
}

static bool match_ignore_case(const json_t *operand, const json_t *value)
{
    return match_text(operand, value, str_eq_nocase);
}

static bool match_exists(const json_t *operand, const json_t *value)
{
    (void)value;
    return json_is_true(operand);
}

static bool match_part(const json_t *operand, const json_t *value)
{
    const json_t *prefix = json_object_get(operand, "prefix"), *suffix = json_object_get(operand, "suffix");
    return (prefix && match_prefix(prefix, value)) || (suffix && match_suffix(suffix, value));
}

static bool match_anything_but(const json_t *operand, const json_t *value)
{
    const json_t *other;
    size_t i;
    if (json_is_object(operand))
        return !match_part(operand, value);
    if (!json_is_array(operand))
        return !scalar_equal(operand, value);
    json_array_foreach (operand, i, other)
        if (scalar_equal(other, value))
            return false;
    return true;
}

static bool compare(const char *relation, double value, double bound)
{
    const struct {
        const char *relation;
        bool holds;
    } rows[] = {{"=", value <= bound && value >= bound},
                {"<", value < bound},
                {"<=", value <= bound},
                {">", value > bound},
                {">=", value >= bound}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].relation, relation) == 0)
            return rows[i].holds;
    return false;
}

static bool match_numeric(const json_t *operand, const json_t *value)
{
    if (!json_is_number(value))
        return false;
    for (size_t i = 0; i + 1 < json_array_size(operand); i += 2)
        if (!compare(json_string_value(json_array_get(operand, i)), json_number_value(value),
                     json_number_value(json_array_get(operand, i + 1))))
            return false;
    return true;
}

/* ---- their syntax */

static bool fine_text(const json_t *operand)
{
    return json_is_string(operand);
}

static bool fine_exists(const json_t *operand)
{
    return json_is_boolean(operand);
}

static bool fine_anything_but(const json_t *operand)
{
    const json_t *other;
    size_t i;
    if (json_is_object(operand))
        return json_object_size(operand) == 1 && (fine_text(json_object_get(operand, "prefix")) ||
                                                  fine_text(json_object_get(operand, "suffix")));
    if (!json_is_array(operand))
        return json_is_string(operand) || json_is_number(operand);
    json_array_foreach (operand, i, other)
        if (!json_is_string(other) && !json_is_number(other))
            return false;
    return json_array_size(operand) > 0;
}

static bool fine_numeric(const json_t *operand)
{
    static const char *const relations[] = {"=", "<", "<=", ">", ">="};
    size_t size = json_array_size(operand), known = 0;
    if (size != 2 && size != 4)
        return false;
    for (size_t i = 0; i < size; i += 2) {
        const char *relation = json_string_value(json_array_get(operand, i));
        const json_t *bound = json_array_get(operand, i + 1);
        double number = json_number_value(bound);
        for (size_t k = 0; relation && k < ARRAY_LEN(relations); k++)
            known += strcmp(relation, relations[k]) == 0;
        if (!json_is_number(bound) || number > NUMBER_MAX || number < -NUMBER_MAX)
            return false;
    }
    return known == size / 2;
}

static const struct condition {
    const char *name;
    bool (*matches)(const json_t *operand, const json_t *value);
    bool (*fine)(const json_t *operand);
} conditions[] = {
    {"prefix", match_prefix, fine_text},
    {"suffix", match_suffix, fine_text},
    {"equals-ignore-case", match_ignore_case, fine_text},
    {"anything-but", match_anything_but, fine_anything_but},
    {"numeric", match_numeric, fine_numeric},
    {"exists", match_exists, fine_exists},
};

static const struct condition *condition_of(const json_t *rule, const json_t **ret_operand)
{
    for (size_t i = 0; json_object_size(rule) == 1 && i < ARRAY_LEN(conditions); i++) {
        *ret_operand = json_object_get(rule, conditions[i].name);
        if (*ret_operand)
            return &conditions[i];
    }
    return NULL;
}

/* ---- matching */

static bool matches_value(const json_t *rule, const json_t *value)
{
    const json_t *operand = NULL;
    const struct condition *condition = condition_of(rule, &operand);
    return condition ? condition->matches(operand, value) : scalar_equal(rule, value);
}

static bool matches_rule(const json_t *rule, const json_t *value)
{
    const json_t *operand = NULL, *one;
    const struct condition *condition = condition_of(rule, &operand);
    size_t i;
    if (condition && condition->matches == match_exists)
        return json_is_true(operand) == (value != NULL);
    if (!value)
        return false;
    if (!json_is_array(value))
        return matches_value(rule, value);
    json_array_foreach (value, i, one)
        if (matches_value(rule, one))
            return true;
    return false;
}

static bool matches_key(const json_t *rules, const json_t *value)
{
    const json_t *one;
    size_t i;
    if (json_is_object(rules)) {
        if (!json_is_array(value))
            return filter_policy_matches(rules, value);
        json_array_foreach (value, i, one)
            if (filter_policy_matches(rules, one))
                return true;
        return false;
    }
    json_array_foreach (rules, i, one)
        if (matches_rule(one, value))
            return true;
    return false;
}

bool filter_policy_matches(const json_t *policy, const json_t *values)
{
    const char *name;
    json_t *rules;
    json_object_foreach ((json_t *)policy, name, rules)
        if (!matches_key(rules, json_object_get(values, name)))
            return false;
    return true;
}

/* ---- checks */

struct size {
    size_t keys;
    size_t combinations;
};

static int refuse(struct reason *why, const char *name, const char *says)
{
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: FilterPolicy: %s%s%s", name,
                      *name ? ": " : "", says);
}

static int check_rules(const char *name, const json_t *rules, struct reason *why)
{
    const json_t *rule, *operand = NULL;
    size_t i;
    if (json_array_size(rules) == 0)
        return refuse(why, name, "a list of conditions is needed");
    json_array_foreach (rules, i, rule) {
        const struct condition *condition = condition_of(rule, &operand);
        if (json_is_array(rule))
            return refuse(why, name, "a condition must be a string, number, boolean, null or object");
        if (json_is_object(rule) && !condition)
            return refuse(why, name,
                          "unknown condition: prefix, suffix, equals-ignore-case, anything-but, numeric and "
                          "exists are supported");
        if (condition && !condition->fine(operand))
            return refuse(why, name, "the operand of the condition is not valid");
    }
    return 0;
}

static int check_level(const json_t *policy, bool nested, struct size *size, struct reason *why)
{
    const char *name;
    json_t *rules;
    int rc = 0;
    json_object_foreach ((json_t *)policy, name, rules) {
        if (strcmp(name, "$or") == 0)
            return refuse(why, name, "$or is not supported by Slipway");
        if (json_is_object(rules)) {
            rc = nested ? check_level(rules, nested, size, why)
                        : refuse(why, name, "\"FilterPolicyScope\" MessageAttributes takes no nested policy");
        } else {
            rc = check_rules(name, rules, why);
            size->keys++;
            size->combinations *= json_array_size(rules);
        }
        if (rc != 0 || size->combinations > COMBINATIONS_MAX)
            break;
    }
    return rc;
}

int filter_policy_check(const char *text, bool nested, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    struct size size = {0, 1};
    if (*text == '\0')
        return 0;
    if (strlen(text) > POLICY_MAX_BYTES)
        return refuse(why, "", "it is longer than 256 KB");
    if (json_parse(str_of(text), &policy, NULL) != 0 || !json_is_object(policy))
        return refuse(why, "", "failed to parse JSON");
    int rc = check_level(policy, nested, &size, why);
    if (rc != 0)
        return rc;
    if (size.keys > KEYS_MAX)
        return refuse(why, "", "Filter policy can not have more than 5 keys");
    return size.combinations <= COMBINATIONS_MAX ? 0 : refuse(why, "", "Filter policy is too complex");
}

/* ---- a message's attributes */

static json_t *value_of(const json_t *attribute)
{
    struct str type = str_of(json_str(attribute, "DataType", ""));
    struct str text = str_of(json_str(attribute, "StringValue", ""));
    json_t *value = NULL;
    if (str_eqc(type, "String.Array") && json_parse(text, &value, NULL) == 0)
        return value;
    if (str_starts(type, STR("Number"))) {
        value = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
        if (value)
            return value;
    }
    return json_string(text.ptr);
}

int filter_values(const json_t *attributes, json_t **ret)
{
    CLEANUP(json_free) json_t *values = json_object();
    const char *name;
    json_t *attribute;
    json_object_foreach ((json_t *)attributes, name, attribute) {
        bool binary = str_starts(str_of(json_str(attribute, "DataType", "")), STR("Binary"));
        if (!binary && json_object_set_new(values, name, value_of(attribute)))
            return FAULT(ENOMEM);
    }
    *ret = take(values);
    return *ret ? 0 : FAULT(ENOMEM);
}
