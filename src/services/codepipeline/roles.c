/* See roles.h. */
#include "services/codepipeline/roles.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/engine/effect.h"
#include "services/codepipeline/engine/step.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include "wire/json.h"
#include <stdio.h>

struct asking {
    struct tx *tx;
    const struct platform *platform;
    struct principal caller;  /* the pipeline's service role; its account when that has no such role */
    const char *service_role; /* the declaration's, to be named */
    struct reason *why;
};

/* Who assumes the actions' roles: a session of the declared roleArn. One of another account proves nothing:
 * whoever declares it need not be allowed to have it. */
static struct asking asking_of(struct tx *tx, const struct platform *platform, const char *account,
                               const json_t *declaration, struct reason *why)
{
    struct asking asking = {
        .tx = tx, .platform = platform, .service_role = json_str(declaration, "roleArn", ""), .why = why};
    struct principal *caller = &asking.caller;
    char owner[IAM_ACCOUNT_SIZE], role[65];

    str_copy(caller->account, sizeof(caller->account), account);
    caller->session = role_arn_parse(asking.service_role, owner, role) && strcmp(owner, caller->account) == 0;
    if (caller->session)
        (void)snprintf(caller->arn, sizeof(caller->arn), "arn:aws:sts::%s:assumed-role/%s/codepipeline",
                       account, role);
    else
        (void)snprintf(caller->arn, sizeof(caller->arn), "arn:aws:iam::%s:root", account);
    return asking;
}

/* IAM_NO_ENTITY; or IAM_NOT_TRUSTED, and *why says it. */
static int role_ask(const struct asking *asking, const char *name, const char *arn)
{
    char account[IAM_ACCOUNT_SIZE], role[65];

    if (!arn || !role_arn_parse(arn, account, role) || strcmp(account, asking->caller.account) == 0)
        return 0;
    const struct role_asking for_pipeline = {.caller = &asking->caller};
    int r = role_trusts(asking->tx, asking->platform, account, role, &for_pipeline);
    return r != IAM_NOT_TRUSTED
               ? r
               : reason_set(asking->why, r,
                            "%s cannot have the role %s: its trust policy does not allow account %s, nor the "
                            "pipeline's role %s. Its account lets you by iam:UpdateAssumeRolePolicy",
                            name, arn, asking->caller.account, asking->service_role);
}

static int role_check(const struct asking *asking, const json_t *who)
{
    int r = role_ask(asking, json_str(who, "name", ""), json_str(who, "roleArn", NULL));

    return r == IAM_NO_ENTITY ? 0 : r > 0 ? PIPELINE_E_STRUCTURE : r;
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
    struct asking asking = asking_of(tx, platform, account, declaration, why);
    const json_t *stage;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        r = r ? r : stage_check(&asking, stage);
    return r;
}

/* ---- when it is used */

int role_use(struct tx *tx, const struct platform *platform, const char *account, const json_t *declaration,
             const char *name, const char *arn, struct reason *why)
{
    struct asking asking = asking_of(tx, platform, account, declaration, why);
    int r = role_ask(&asking, name, arn);

    if (r == IAM_NO_ENTITY)
        (void)reason_set(
            why, r,
            "%s cannot have the role %s: there is no such role. Its account makes it, with a trust "
            "policy that names account %s; or the ARN is another",
            name, arn, account);
    return r > 0 ? PIPELINE_E_STRUCTURE : r;
}

static int refuse(struct flow *flow, const struct run *run, const struct reason *why)
{
    CLEANUP(json_free)
    json_t *result =
        json_pack("{s:{s:s, s:s}}", "failureDetails", "type", "PermissionError", "message", why->text);
    const struct flow_event event = {.kind = FLOW_RESULT, .run_id = run->id, .input = result};
    int r = result ? flow_step(flow, &event, flow->now_ms, NULL) : FAULT(ENOMEM);

    return r > 0 ? FAULT(EPROTO) : r;
}

int roles_take(struct tx *tx, const struct platform *platform, const char *account, struct flow *flow)
{
    for (size_t i = 0; i < flow->effect_count; i++) { /* a refusal may begin other actions */
        const struct effect *effect = &flow->effects[i];
        const struct run *run = effect->run;
        const struct execution *execution;
        struct reason why = {0};
        int r;

        if (effect->kind != EFFECT_OFFER || !run->action->role_arn || run->status != ACTION_IN_PROGRESS)
            continue;
        execution = flow_execution(flow, run->execution_id);
        assert(execution);
        r = role_use(tx, platform, account, execution->plan->declaration, run->action->name,
                     run->action->role_arn, &why);
        if (r > 0)
            r = refuse(flow, run, &why);
        if (r)
            return r;
    }
    return 0;
}
