/* Roles: made, changed, read and removed; their policies are in role_policy.c. */
#include "base/clock.h"
#include "services/condition_keys.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include "services/iam/policy.h"
#include "services/iam/role_policy.h"
#include "services/iam/session.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

#define ROLES_PER_ACCOUNT 1000
#define SESSION_DEFAULT_S 3600
#define SESSION_MAX_S 43200

static int check_spec(const struct role_spec *spec, struct reason *reason)
{
    if (!iam_name_ok(spec->name) || strlen(spec->name) > 64)
        return reason_set(reason, IAM_INVALID, "'%.80s' is no role name: 1 to 64 letters, digits and _+=,.@-",
                          spec->name);
    if (spec->path && !iam_path_ok(spec->path))
        return reason_set(reason, IAM_INVALID, "'%.80s' is no path: it begins and ends with /", spec->path);
    if (spec->max_session_s != 0 &&
        (spec->max_session_s < SESSION_DEFAULT_S || spec->max_session_s > SESSION_MAX_S))
        return reason_set(reason, IAM_INVALID, "MaxSessionDuration is %d to %d seconds", SESSION_DEFAULT_S,
                          SESSION_MAX_S);
    return policy_trust_check(spec->trust_policy, reason);
}

static int role_count(struct tx *tx, const char *account, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT count(*) FROM iam_role WHERE account = $1", "s", account);
    if (r == 0)
        *ret = rows_int(rows, 0);
    return r;
}

static int insert(struct tx *tx, const char *account, const struct role_spec *spec, const char *tags,
                  struct reason *reason)
{
    char id[IAM_ID_SIZE];
    int64_t count = 0;
    int r = role_count(tx, account, &count);
    if (r == 0 && count >= ROLES_PER_ACCOUNT)
        return reason_set(reason, IAM_LIMIT, "Cannot exceed quota for RolesPerAccount: %d",
                          ROLES_PER_ACCOUNT);
    if (r != 0)
        return r;
    iam_id_new("AROA", id);
    r = tx_exec(
        tx,
        "INSERT INTO iam_role (account, name, id, path, trust, description, max_session_s, tags, created_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        "ssssssisi", account, spec->name, id, spec->path ? spec->path : "/", spec->trust_policy,
        spec->description, spec->max_session_s ? spec->max_session_s : (int64_t)SESSION_DEFAULT_S, tags,
        clock_now_ms());
    if (r == DB_EXISTS)
        return reason_set(reason, IAM_EXISTS, "Role with name %s already exists.", spec->name);
    return r;
}

/* The path of a role never changes: it is part of its ARN. */
static int update(struct tx *tx, const char *account, const struct role_spec *spec, const char *tags)
{
    sessions_role_changed(account, spec->name);
    return tx_exec(tx,
                   "UPDATE iam_role SET trust = $3, description = $4, max_session_s = $5,"
                   " tags = coalesce($6, tags) WHERE account = $1 AND name = $2",
                   "ssssis", account, spec->name, spec->trust_policy, spec->description,
                   spec->max_session_s ? spec->max_session_s : (int64_t)SESSION_DEFAULT_S, tags);
}

int role_put(struct tx *tx, const struct platform *platform UNUSED, const char *account,
             const struct role_spec *spec, bool must_be_new, struct role *ret, struct reason *reason)
{
    struct role role;
    CLEANUP(free_ptr) char *tags = spec->tags ? json_text(spec->tags) : NULL;
    int r = check_spec(spec, reason);
    if (r != 0)
        return r;
    r = role_get(tx, account, spec->name, &role);
    if (r == 0 && must_be_new)
        return reason_set(reason, IAM_EXISTS, "Role with name %s already exists.", spec->name);
    if (r == 0)
        r = update(tx, account, spec, tags);
    else if (r == IAM_NO_ENTITY)
        r = insert(tx, account, spec, tags, reason);
    if (r == 0 && spec->policies)
        r = role_policies_replace(tx, account, spec->name, spec->policies, reason);
    if (r == 0 && spec->managed_policy_arns)
        r = role_attachments_replace(tx, account, spec->name, spec->managed_policy_arns, reason);
    return r == 0 && ret ? role_get(tx, account, spec->name, ret) : r;
}

int role_get(struct tx *tx, const char *account, const char *name, struct role *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT name, id, path, created_ms, max_session_s FROM iam_role"
                         " WHERE account = $1 AND name = $2",
                         "ss", account, name);
    if (r != 0)
        return r == DB_NONE ? IAM_NO_ENTITY : r;
    str_copy(ret->name, sizeof(ret->name), rows_text(rows, 0));
    str_copy(ret->id, sizeof(ret->id), rows_text(rows, 1));
    str_copy(ret->path, sizeof(ret->path), rows_text(rows, 2));
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:role%s%s", account, ret->path, ret->name);
    ret->created_ms = rows_int(rows, 3);
    ret->max_session_s = rows_int(rows, 4);
    return 0;
}

int role_delete(struct tx *tx, const struct platform *platform UNUSED, const char *account, const char *name,
                bool force, struct reason *reason)
{
    struct role role;
    int r = role_get(tx, account, name, &role);
    if (r == IAM_NO_ENTITY)
        return reason_set(reason, r, "The role with name %.64s cannot be found.", name);
    if (r == 0)
        r = force ? role_policies_clear(tx, account, name) : role_policies_none(tx, account, name, reason);
    sessions_role_changed(account, name);
    if (r == 0)
        r = tx_exec(tx, "DELETE FROM iam_role WHERE account = $1 AND name = $2", "ss", account, name);
    if (r == 0)
        tx_wake(tx, IAM_TOPIC_KEYS);
    return r;
}

/* ---- trust */

struct trusting {
    const struct role_asking *asking;
    struct condition_facts facts;
};

static size_t trust_context(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    struct trusting *t = ctx;
    const struct {
        const char *name;
        const char *value;
    } ours[] = {{"sts:ExternalId", t->asking->external_id}, {"sts:RoleSessionName", t->asking->session_name}};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcasecmp(key, ours[i].name) == 0) {
            ret[0] = str_of(ours[i].value);
            return ours[i].value ? 1 : 0;
        }
    return condition_key(&t->facts, key, ret);
}

/* What the trust policy, a row's text and path, says. */
static int trust_verdict(struct trusting *t, struct rows *rows, const char *name, enum policy_verdict *ret)
{
    CLEANUP(json_free) json_t *policy = NULL;
    char arn[IAM_ARN_SIZE];
    int r = json_parse(rows_str(rows, 0), &policy, NULL);
    if (r != 0)
        return r < 0 ? r : FAULT(EBADMSG);
    (void)snprintf(arn, sizeof(arn), "arn:aws:iam::%s:role%s%s", t->facts.resource_account,
                   rows_text(rows, 1), name);
    const struct policy_request request = {.caller = t->asking->caller,
                                           .action = "sts:AssumeRole",
                                           .resource = arn,
                                           .context = trust_context,
                                           .ctx = t};
    *ret = policy_evaluate(policy, &request);
    return 0;
}

int role_trusts(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                const struct role_asking *asking)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const struct principal *caller = asking->caller;
    struct trusting t = {
        asking, {.platform = platform, .caller = caller, .http = asking->http, .resource_account = account}};
    enum policy_verdict verdict = POLICY_DENIES;
    int r = tx_query_row(tx, &rows, "SELECT trust, path FROM iam_role WHERE account = $1 AND name = $2", "ss",
                         account, name);
    if (r != 0)
        return r == DB_NONE ? IAM_NO_ENTITY : r;
    bool ours = strcmp(caller->account, account) == 0;
    bool deploys =
        strcmp(caller->account, platform->shared_account) == 0 && strcmp(name, IAM_DEPLOY_ROLE) == 0;
    if ((ours || deploys) && !policy_may_deny(rows_text(rows, 0)))
        return 0;
    r = trust_verdict(&t, rows, name, &verdict);
    if (r != 0)
        return r;
    return verdict == POLICY_ALLOWS || (verdict == POLICY_SILENT && (ours || deploys)) ? 0 : IAM_NOT_TRUSTED;
}
