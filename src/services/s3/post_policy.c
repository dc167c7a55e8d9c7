/* See post_policy.h. */
#include "services/s3/post_policy.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/time.h"

#define FIELDS_MAX 256

/* Fields that no condition needs to name. */
static const char *const free_fields[] = {"x-amz-signature", "awsaccesskeyid", "signature", "policy", "file"};

int post_policy_read(struct str base64, json_t **ret, struct reason *why)
{
    size_t len = 0;
    CLEANUP(free_ptr) char *text = mem_alloc(base64.len + 4);
    if (!text)
        return FAULT(ENOMEM);
    if (base64.len == 0 || !base64_decode(base64, text, &len))
        return reason_set(why, S3_E_POLICY, "Invalid Policy: Invalid Base64 Encoding.");
    int rc = json_parse((struct str){text, len}, ret, NULL);
    return rc == JSON_E_SYNTAX ? reason_set(why, S3_E_POLICY, "Invalid Policy: Invalid JSON.") : rc;
}

static bool is_free(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(free_fields); i++)
        if (str_eqc(name, free_fields[i]))
            return true;
    return str_starts(name, STR("x-ignore-"));
}

/* What the conditions speak of; `covered[count]` is for the bucket, which a policy must name. */
struct form_view {
    const struct post_fields *fields;
    bool covered[FIELDS_MAX + 1];
};

/* The bucket is the request's, whatever a field of that name says. */
static struct str find_field(struct form_view *view, struct str name)
{
    const struct post_fields *fields = view->fields;
    bool is_bucket = str_eq_nocase(name, STR("bucket"));
    struct str value = is_bucket ? str_of(fields->bucket) : STR("");
    if (is_bucket)
        view->covered[fields->count] = true;
    for (size_t i = 0; i < fields->count; i++) {
        if (!str_eq_nocase(fields->fields[i].name, name))
            continue;
        view->covered[i] = true;
        return is_bucket ? value : fields->fields[i].value;
    }
    return value;
}

/* A list of media types satisfies a prefix when each of them does. */
static bool starts_with(struct str name, struct str value, struct str prefix)
{
    if (!str_eq_nocase(name, STR("content-type")))
        return str_starts(value, prefix);
    while (value.ptr)
        if (!str_starts(str_trim(str_split(&value, ',')), prefix))
            return false;
    return true;
}

struct condition {
    const char *verb; /* "eq", "starts-with" */
    struct str name;
    struct str value;
};

static bool holds(const struct condition *condition, struct form_view *view)
{
    struct str value = find_field(view, condition->name);
    bool prefix = str_eq_nocase(str_of(condition->verb), STR("starts-with"));
    return prefix ? starts_with(condition->name, value, condition->value) : str_eq(value, condition->value);
}

static int refuse(const json_t *condition, struct reason *why)
{
    CLEANUP(free_ptr) char *text = json_dumps(condition, 0); /* with blanks, as S3 writes it */
    return reason_set(why, S3_E_DENIED, "Invalid according to Policy: Policy Condition failed: %.256s",
                      text ? text : "");
}

/* ["eq", "$name", value] */
static int refuse_equality(const char *name, json_t *value, struct reason *why)
{
    CLEANUP(json_free) json_t *condition = json_pack("[s, s+, O]", "eq", "$", name, value);
    return condition ? refuse(condition, why) : FAULT(ENOMEM);
}

/* {"name": "value", …} */
static int check_object(const json_t *whole, struct form_view *view, struct reason *why)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)whole, name, value) {
        struct condition condition = {"eq", str_of(name), str_of(json_string_value(value))};
        if (!condition.value.ptr || !holds(&condition, view))
            return refuse_equality(name, value, why);
    }
    return json_is_object(whole) ? 0 : refuse(whole, why);
}

static int check_range(const json_t *whole, struct post_limits *limits, struct reason *why)
{
    const json_t *min = json_array_get(whole, 1);
    const json_t *max = json_array_get(whole, 2);
    if (!json_is_integer(min) || !json_is_integer(max) || json_integer_value(min) < 0)
        return refuse(whole, why);
    if (json_integer_value(min) > limits->min)
        limits->min = json_integer_value(min);
    if (json_integer_value(max) < limits->max)
        limits->max = json_integer_value(max);
    return 0;
}

/* ["eq", "$name", "value"], ["starts-with", "$name", "prefix"], ["content-length-range", min, max] */
static int check_list(const json_t *whole, struct form_view *view, struct post_limits *limits,
                      struct reason *why)
{
    const char *verb = json_string_value(json_array_get(whole, 0));
    struct str name = str_of(json_string_value(json_array_get(whole, 1)));
    struct str value = str_of(json_string_value(json_array_get(whole, 2)));
    if (!verb || json_array_size(whole) != 3)
        return refuse(whole, why);
    if (str_eq_nocase(str_of(verb), STR("content-length-range")))
        return check_range(whole, limits, why);
    bool known = str_eq_nocase(str_of(verb), STR("eq")) || str_eq_nocase(str_of(verb), STR("starts-with"));
    if (!known || !value.ptr || !str_starts(name, STR("$")))
        return refuse(whole, why);
    struct condition condition = {verb, {name.ptr + 1, name.len - 1}, value};
    return holds(&condition, view) ? 0 : refuse(whole, why);
}

static int extra_field(struct str name, struct reason *why)
{
    return reason_set(why, S3_E_DENIED, "Invalid according to Policy: Extra input fields: %.*s",
                      name.len > 128 ? 128 : (int)name.len, name.ptr);
}

static int check_covered(const struct form_view *view, struct reason *why)
{
    const struct post_fields *fields = view->fields;
    for (size_t i = 0; i < fields->count; i++)
        if (!view->covered[i] && !is_free(fields->fields[i].name))
            return extra_field(fields->fields[i].name, why);
    return view->covered[fields->count] ? 0 : extra_field(STR("bucket"), why);
}

static int check_head(const json_t *policy, const struct post_fields *fields, int64_t now_ms,
                      struct reason *why)
{
    int64_t expires_ms = 0;
    if (!time_parse_iso8601(str_of(json_str(policy, "expiration", "")), &expires_ms))
        return reason_set(why, S3_E_POLICY, "Invalid Policy: Invalid 'expiration' value.");
    if (!json_is_array(json_object_get(policy, "conditions")))
        return reason_set(why, S3_E_POLICY,
                          "Invalid Policy: Policy is missing required element - 'conditions'.");
    if (expires_ms <= now_ms)
        return reason_set(why, S3_E_DENIED, "Invalid according to Policy: Policy expired.");
    if (fields->count > FIELDS_MAX)
        return reason_set(why, S3_E_DENIED, "Invalid according to Policy: More than %d input fields.",
                          FIELDS_MAX);
    return 0;
}

int post_policy_check(const json_t *policy, const struct post_fields *fields, int64_t now_ms,
                      struct post_limits *ret, struct reason *why)
{
    struct form_view view = {.fields = fields};
    const json_t *conditions = json_object_get(policy, "conditions");
    struct post_limits limits = {0, INT64_MAX};
    int rc = check_head(policy, fields, now_ms, why);
    for (size_t i = 0; rc == 0 && i < json_array_size(conditions); i++) {
        const json_t *one = json_array_get(conditions, i);
        rc = json_is_array(one) ? check_list(one, &view, &limits, why) : check_object(one, &view, why);
    }
    if (rc == 0)
        rc = check_covered(&view, why);
    if (rc == 0)
        *ret = limits;
    return rc;
}
