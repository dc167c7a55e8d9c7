/* A role's inline policies and attached policy ARNs. */
#include "services/iam/role_policy.h"
#include "services/iam/names.h"
#include "services/iam/policy.h"
#include "wire/json.h"

#define NAME_MAX_LEN 128

int role_policy_put(struct tx *tx, const char *account, const char *role, const char *name,
                    const char *document, struct reason *reason)
{
    if (!iam_name_ok(name) || strlen(name) > NAME_MAX_LEN)
        return reason_set(reason, IAM_INVALID,
                          "'%.80s' is no policy name: 1 to 128 letters, digits and _+=,.@-", name);
    int r = policy_check(document, reason);
    if (r != 0)
        return r;
    return tx_exec(tx,
                   "INSERT INTO iam_role_policy (account, role, name, document) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (account, role, name) DO UPDATE SET document = excluded.document",
                   "ssss", account, role, name, document);
}

int role_policy_delete(struct tx *tx, const char *account, const char *role, const char *name,
                       struct reason *reason)
{
    int r = tx_exec(tx, "DELETE FROM iam_role_policy WHERE account = $1 AND role = $2 AND name = $3", "sss",
                    account, role, name);
    if (r == 0 && tx_changes(tx) == 0)
        return reason_set(reason, IAM_NO_ENTITY, "The role policy with name %.128s cannot be found.", name);
    return r;
}

int role_attach(struct tx *tx, const char *account, const char *role, const char *arn, struct reason *reason)
{
    if (strncmp(arn, "arn:", 4) != 0)
        return reason_set(reason, IAM_INVALID, "ARN %.128s is not valid.", arn);
    return tx_exec(tx,
                   "INSERT INTO iam_role_attachment (account, role, arn) VALUES ($1, $2, $3)"
                   " ON CONFLICT (account, role, arn) DO NOTHING",
                   "sss", account, role, arn);
}

int role_detach(struct tx *tx, const char *account, const char *role, const char *arn, struct reason *reason)
{
    int r = tx_exec(tx, "DELETE FROM iam_role_attachment WHERE account = $1 AND role = $2 AND arn = $3",
                    "sss", account, role, arn);
    if (r == 0 && tx_changes(tx) == 0)
        return reason_set(reason, IAM_NO_ENTITY, "Policy %.256s was not found.", arn);
    return r;
}

int role_policies_replace(struct tx *tx, const char *account, const char *role, const json_t *policies,
                          struct reason *reason)
{
    int r = tx_exec(tx, "DELETE FROM iam_role_policy WHERE account = $1 AND role = $2", "ss", account, role);
    for (size_t i = 0; r == 0 && i < json_array_size(policies); i++) {
        const json_t *policy = json_array_get(policies, i);
        const json_t *document = json_object_get(policy, "PolicyDocument");
        CLEANUP(free_ptr) char *text = json_is_string(document) ? NULL : json_text(document);
        const char *said = json_is_string(document) ? json_string_value(document) : text;
        if (!document)
            return reason_set(reason, IAM_BAD_DOCUMENT, "Policy %zu has no PolicyDocument.", i + 1);
        if (!said)
            return FAULT(ENOMEM);
        r = role_policy_put(tx, account, role, json_str(policy, "PolicyName", ""), said, reason);
    }
    return r;
}

int role_attachments_replace(struct tx *tx, const char *account, const char *role, const json_t *arns,
                             struct reason *reason)
{
    int r =
        tx_exec(tx, "DELETE FROM iam_role_attachment WHERE account = $1 AND role = $2", "ss", account, role);
    for (size_t i = 0; r == 0 && i < json_array_size(arns); i++) {
        const char *arn = json_string_value(json_array_get(arns, i));
        r = role_attach(tx, account, role, arn ? arn : "", reason);
    }
    return r;
}

int role_policies_clear(struct tx *tx, const char *account, const char *role)
{
    int r = tx_exec(tx, "DELETE FROM iam_role_policy WHERE account = $1 AND role = $2", "ss", account, role);
    if (r == 0)
        r = tx_exec(tx, "DELETE FROM iam_role_attachment WHERE account = $1 AND role = $2", "ss", account,
                    role);
    return r;
}

int role_policies_none(struct tx *tx, const char *account, const char *role, struct reason *reason)
{
    CLEANUP(rows_close) struct rows *inline_rows = NULL;
    CLEANUP(rows_close) struct rows *attached = NULL;
    int r = tx_query_row(tx, &inline_rows,
                         "SELECT 1 FROM iam_role_policy WHERE account = $1 AND role = $2 LIMIT 1", "ss",
                         account, role);
    if (r == 0)
        return reason_set(reason, IAM_CONFLICT, "Cannot delete entity, must delete policies first.");
    if (r != DB_NONE)
        return r;
    r = tx_query_row(tx, &attached,
                     "SELECT 1 FROM iam_role_attachment WHERE account = $1 AND role = $2 LIMIT 1", "ss",
                     account, role);
    if (r == 0)
        return reason_set(reason, IAM_CONFLICT, "Cannot delete entity, must detach all policies first.");
    return r == DB_NONE ? 0 : r;
}
