/* See policy_form.h. Source: IAM User Guide, "IAM JSON policy elements: Principal". */
#include "services/iam/policy_form.h"
#include "services/iam/evaluate.h"
#include "services/iam/iam.h"

#define ACCOUNT_DIGITS 12

/* arn:aws:iam::ACCOUNT:…, also of users that only AWS has. Patterns are none. */
static bool is_identity(struct str arn)
{
    int64_t number = 0;
    bool known = str_starts(arn, STR("arn:aws:iam::")) || str_starts(arn, STR("arn:aws:sts::"));
    struct str rest = {arn.ptr + 13, arn.len - 13};
    if (!known || memchr(arn.ptr, '*', arn.len) || memchr(arn.ptr, '?', arn.len))
        return false;
    struct str account = str_split(&rest, ':');
    return rest.len > 0 && (str_eqc(account, "cloudfront") ||
                            (account.len == ACCOUNT_DIGITS && str_to_int(account, 0, INT64_MAX, &number)));
}

static bool not_principal(void *ctx UNUSED, const char *text)
{
    int64_t account = 0;
    struct str name = str_of(text);
    if (strcmp(text, "*") == 0 || (name.len == ACCOUNT_DIGITS && str_to_int(name, 0, INT64_MAX, &account)))
        return false;
    return !is_identity(name);
}

static bool not_canonical(void *ctx UNUSED, const char *text)
{
    return !iam_canonical_id_ok(text);
}

bool policy_is_texts(const json_t *element)
{
    if (json_is_string(element))
        return true;
    for (size_t i = 0; i < json_array_size(element); i++)
        if (!json_is_string(json_array_get(element, i)))
            return false;
    return json_array_size(element) > 0;
}

bool policy_principal_ok(const json_t *principal)
{
    static const char *const kinds[] = {"AWS", "CanonicalUser", "Service", "Federated"};
    size_t known = 0;
    if (json_is_string(principal))
        return strcmp(json_string_value(principal), "*") == 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *named = json_object_get(principal, kinds[i]);
        known += named != NULL;
        if (named && !policy_is_texts(named))
            return false;
    }
    return known > 0 && known == json_object_size(principal) &&
           !policy_any(json_object_get(principal, "AWS"), not_principal, NULL) &&
           !policy_any(json_object_get(principal, "CanonicalUser"), not_canonical, NULL);
}

const json_t *policy_element(const json_t *statement, const char *name, const char *not_name)
{
    const json_t *is = json_object_get(statement, name);
    const json_t *is_not = json_object_get(statement, not_name);
    return is && is_not ? NULL : is ? is : is_not;
}

static const char *unknown_of(const json_t *object, const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)object, name, value) {
        const char *const *field = known;
        while (*field && strcmp(*field, name) != 0)
            field++;
        if (!*field)
            return name;
    }
    return NULL;
}

const char *policy_unknown_field(const json_t *policy)
{
    static const char *const fields[] = {"Version", "Id", "Statement", NULL};
    static const char *const of_statement[] = {"Sid",       "Effect",    "Principal", "NotPrincipal",
                                               "Action",    "NotAction", "Resource",  "NotResource",
                                               "Condition", NULL};
    const char *unknown = unknown_of(policy, fields);
    const json_t *statement;
    for (size_t i = 0; !unknown && (statement = policy_statement(policy, i)); i++)
        unknown = unknown_of(statement, of_statement);
    return unknown;
}

bool policy_keys_ok(const json_t *conditions, bool (*is_key)(const char *key))
{
    const char *name, *key;
    json_t *block, *wanted;
    json_object_foreach ((json_t *)conditions, name, block)
        json_object_foreach (block, key, wanted)
            if (!is_key(key))
                return false;
    return true;
}
