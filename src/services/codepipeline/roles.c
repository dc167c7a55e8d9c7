/* See roles.h. */
#include "services/codepipeline/roles.h"
#include "services/codepipeline/codepipeline.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include "wire/json.h"
#include <stdio.h>

struct asking {
    struct tx *tx;
    const struct platform *platform;
    struct principal account;
    struct reason *why;
};

static int role_check(const struct asking *asking, const json_t *who)
{
    const char *arn = json_str(who, "roleArn", NULL);
    char account[13], role[65];

    if (!arn || !role_arn_parse(arn, account, role) || strcmp(account, asking->account.account) == 0)
        return 0;
    const struct role_asking for_account = {.caller = &asking->account};
    int r = role_trusts(asking->tx, asking->platform, account, role, &for_account);
    if (r == IAM_NO_ENTITY)
        return 0;
    return r <= 0 ? r
                  : reason_set(asking->why, PIPELINE_E_STRUCTURE,
                               "%s cannot have the role %s: its trust policy does not allow account %s. Its "
                               "account lets you by iam:UpdateAssumeRolePolicy",
                               json_str(who, "name", ""), arn, asking->account.account);
}

static int rules_check(const struct asking *asking, const json_t *conditions)
{
    const json_t *condition, *rule;
    size_t i, k;
    int r = 0;

    json_array_foreach (conditions, i, condition)
        json_array_foreach (json_object_get(condition, "rules"), k, rule)
            r = r ? r : role_check(asking, rule);
    return r;
}

static int stage_check(const struct asking *asking, const json_t *stage)
{
    static const char *const members[] = {"beforeEntry", "onSuccess", "onFailure"};
    const json_t *action;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(stage, "actions"), i, action)
        r = r ? r : role_check(asking, action);
    for (i = 0; r == 0 && i < ARRAY_LEN(members); i++)
        r = rules_check(asking, json_object_get(json_object_get(stage, members[i]), "conditions"));
    return r;
}

int roles_check(struct tx *tx, const struct platform *platform, const char *account,
                const json_t *declaration, struct reason *why)
{
    struct asking asking = {.tx = tx, .platform = platform, .why = why};
    const json_t *stage;
    size_t i;
    int r = 0;

    str_copy(asking.account.account, sizeof(asking.account.account), account);
    (void)snprintf(asking.account.arn, sizeof(asking.account.arn), "arn:aws:iam::%s:root", account);
    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        r = r ? r : stage_check(&asking, stage);
    return r;
}
