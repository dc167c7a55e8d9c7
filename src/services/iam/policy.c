/* Policy documents. Source: "IAM JSON policy elements: Principal" of the IAM User Guide. */
#include "services/iam/policy.h"
#include "services/iam/evaluate.h"
#include "services/iam/iam.h"
#include "services/iam/policy_form.h"
#include "wire/json.h"
#include <stdio.h>

static bool statement_ok(const json_t *statement)
{
    const char *effect = json_str(statement, "Effect", "");
    return json_is_object(statement) && (strcmp(effect, "Allow") == 0 || strcmp(effect, "Deny") == 0) &&
           (json_object_get(statement, "Action") || json_object_get(statement, "NotAction"));
}

static int parse(const char *text, json_t **ret, struct reason *reason)
{
    CLEANUP(json_free) json_t *policy = NULL;
    struct reason where;
    int r = json_parse(str_of(text), &policy, &where);
    if (r == JSON_E_SYNTAX)
        return reason_set(reason, IAM_BAD_DOCUMENT, "This policy contains invalid Json: %s", where.text);
    if (r != 0)
        return r;
    if (!policy_statement(policy, 0))
        return reason_set(reason, IAM_BAD_DOCUMENT, "Syntax errors in policy: it has no Statement.");
    const json_t *statement;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++)
        if (!statement_ok(statement))
            return reason_set(
                reason, IAM_BAD_DOCUMENT,
                "Syntax errors in policy: statement %zu needs Effect Allow or Deny and an Action.", i + 1);
    *ret = take(policy);
    return 0;
}

int policy_check(const char *text, struct reason *reason)
{
    CLEANUP(json_free) json_t *policy = NULL;
    return parse(text, &policy, reason);
}

bool policy_may_deny(const char *text)
{
    return strstr(text, "Deny") || strchr(text, '\\');
}

static bool not_sts(void *ctx UNUSED, const char *action)
{
    return strcmp(action, "*") != 0 && strncasecmp(action, "sts:", 4) != 0;
}

static int trust_statement_check(const json_t *statement, struct reason *reason)
{
    static const char *const prohibited[] = {"Resource", "NotResource", "NotPrincipal"};
    for (size_t i = 0; i < ARRAY_LEN(prohibited); i++)
        if (json_object_get(statement, prohibited[i]))
            return reason_set(reason, IAM_BAD_DOCUMENT, "Has prohibited field %s", prohibited[i]);
    if (!json_object_get(statement, "Principal"))
        return reason_set(reason, IAM_BAD_DOCUMENT, "Missing required field Principal");
    if (!policy_principal_ok(json_object_get(statement, "Principal")))
        return reason_set(reason, IAM_BAD_DOCUMENT, "Invalid principal in policy");
    if (policy_any(json_object_get(statement, "Action"), not_sts, NULL))
        return reason_set(reason, IAM_BAD_DOCUMENT,
                          "AssumeRole policy may only specify STS AssumeRole actions.");
    return policy_conditions_check(json_object_get(statement, "Condition"), reason);
}

int policy_trust_check(const char *text, struct reason *reason)
{
    CLEANUP(json_free) json_t *policy = NULL;
    const json_t *statement;
    int r = parse(text, &policy, reason);
    for (size_t i = 0; r == 0 && (statement = policy_statement(policy, i)); i++)
        r = trust_statement_check(statement, reason);
    const char *unknown = r == 0 ? policy_unknown_field(policy) : NULL;
    if (unknown)
        return reason_set(reason, IAM_BAD_DOCUMENT, "Syntax errors in policy: unknown field %.64s", unknown);
    return r;
}

char *policy_trusting(const char *const *accounts, size_t count)
{
    CLEANUP(json_free)
    json_t *policy = json_pack("{s:s, s:[{s:s, s:{s:[]}, s:s}]}", "Version", "2012-10-17", "Statement",
                               "Effect", "Allow", "Principal", "AWS", "Action", "sts:AssumeRole");
    json_t *named = json_path(policy, "Statement.0.Principal.AWS");
    for (size_t i = 0; named && i < count; i++)
        if (json_array_append_new(named, json_sprintf("arn:aws:iam::%s:root", accounts[i])))
            return NULL;
    return named ? json_text(policy) : NULL;
}

static bool names_caller(const char *named, const struct principal *caller)
{
    char text[IAM_ARN_SIZE];
    char account[IAM_ACCOUNT_SIZE];
    char role[65];
    if (strcmp(named, "*") == 0 || strcmp(named, caller->account) == 0 || strcmp(named, caller->arn) == 0)
        return true;
    (void)snprintf(text, sizeof(text), "arn:aws:iam::%s:root", caller->account);
    if (strcmp(named, text) == 0)
        return true;
    if (!caller->session || !role_arn_parse(named, account, role) || strcmp(account, caller->account) != 0)
        return false;
    int len = snprintf(text, sizeof(text), "arn:aws:sts::%s:assumed-role/%s/", account, role);
    return len > 0 && strncmp(caller->arn, text, (size_t)len) == 0;
}

static bool names(void *ctx, const char *text)
{
    const struct principal *caller = ctx;
    return caller ? names_caller(text, caller) : strcmp(text, "*") == 0;
}

/* Policies of before have an account's number where its canonical id belongs. */
static bool is_canonical_id(void *ctx, const char *text)
{
    const struct principal *caller = ctx;
    char id[IAM_CANONICAL_SIZE];
    iam_canonical_id(caller->account, id);
    return strcmp(text, id) == 0 || names_caller(text, caller);
}

bool policy_names(const json_t *principal, const struct principal *caller)
{
    if (!json_is_object(principal))
        return policy_any(principal, names, (void *)caller);
    const json_t *canonical = json_object_get(principal, "CanonicalUser");
    return policy_any(json_object_get(principal, "AWS"), names, (void *)caller) ||
           (caller && policy_any(canonical, is_canonical_id, (void *)caller));
}

static bool is_text(void *ctx, const char *text)
{
    return strcmp(text, ctx) == 0;
}

bool policy_names_service(const json_t *principal, const char *service)
{
    const json_t *everybody = json_is_object(principal) ? json_object_get(principal, "AWS") : principal;
    return policy_any(everybody, is_text, (void *)"*") ||
           policy_any(json_object_get(principal, "Service"), is_text, (void *)service);
}
