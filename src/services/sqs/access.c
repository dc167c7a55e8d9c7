/* See access.h. Source: SQS Developer Guide, "How Amazon SQS works with IAM", "Limitations of custom
 * policies"; IAM User Guide, "Policy evaluation logic", "Root user privileged tasks". */
#include "services/sqs/access.h"
#include "services/condition_keys.h"
#include "services/iam/policy.h"
#include "services/sqs/policy.h"
#include "wire/json.h"
#include <ctype.h>

#define SEND "sqs:SendMessage"
#define ACTION_MAX 64

static size_t context(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    return condition_key(ctx, key, ret);
}

/* What is no policy allows nothing: until it was evaluated, any text was taken. */
static int evaluate(const char *text, struct condition_facts *facts, const char *action, const char *arn,
                    enum policy_verdict *ret)
{
    CLEANUP(json_free) json_t *policy = NULL;
    const struct policy_request request = {.caller = facts->caller,
                                           .service = facts->sender ? facts->sender->service : NULL,
                                           .action = action,
                                           .resource = arn,
                                           .context = context,
                                           .ctx = facts};
    int rc = json_parse(str_of(text), &policy, NULL);
    *ret = rc == 0 ? policy_evaluate(policy, &request) : POLICY_SILENT;
    return rc < 0 ? rc : 0;
}

/* A queue cannot be locked for good: its account's root user may always change the policy. */
static bool is_rescue(const struct call *c)
{
    static const char *const actions[] = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl",
                                          "sqs:SetQueueAttributes"};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (strcmp(actions[i], c->operation->iam_action) == 0)
            return str_ends(str_of(c->caller->arn), STR(":root"));
    return false;
}

/* SQS writes the action in lower case here. */
static int refuse(struct call *c, const char *arn, bool denied)
{
    char action[ACTION_MAX] = "";
    for (size_t i = 0; i + 1 < sizeof(action) && c->operation->iam_action[i]; i++)
        action[i] = (char)tolower((unsigned char)c->operation->iam_action[i]);
    if (denied)
        return call_fail(c, SQS_E_DENIED,
                         "User: %s is not authorized to perform: %s on resource: %s with an explicit deny in "
                         "a resource-based policy",
                         c->caller->arn, action, arn);
    return call_fail(c, SQS_E_DENIED,
                     "User: %s is not authorized to perform: %s on resource: %s because no resource-based "
                     "policy allows the %s action",
                     c->caller->arn, action, arn, action);
}

int queue_access(struct call *c, const struct queue *queue)
{
    const char *policy = queue_text(queue, "Policy");
    const char *action = c->operation->iam_action;
    bool own = strcmp(queue->account, c->caller->account) == 0;
    if (own && (!policy || !policy_may_deny(policy)))
        return 0;
    CLEANUP(buf_free) struct buf arn = BUF_INIT(512);
    queue_arn(c->platform, queue->account, queue->name, &arn);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    struct condition_facts facts = {
        .platform = c->platform, .http = c->http, .caller = c->caller, .resource_account = queue->account};
    enum policy_verdict verdict = POLICY_SILENT;
    int rc = policy ? evaluate(policy, &facts, action, arn.ptr, &verdict) : 0;
    if (rc != 0)
        return rc;
    if (verdict == POLICY_DENIES)
        return own && is_rescue(c) ? 0 : refuse(c, arn.ptr, true);
    if (own || (verdict == POLICY_ALLOWS && !queue_action_of_owner(action)))
        return 0;
    return refuse(c, arn.ptr, false);
}

int queue_admit(const struct platform *platform, const struct queue *queue, const struct sender *sender,
                struct reason *why)
{
    const char *policy = queue_text(queue, "Policy");
    bool own = strcmp(queue->account, sender->account) == 0;
    CLEANUP(buf_free) struct buf arn = BUF_INIT(512);
    queue_arn(platform, queue->account, queue->name, &arn);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    struct condition_facts facts = {
        .platform = platform, .sender = sender, .resource_account = queue->account};
    enum policy_verdict verdict = !policy && own && !sender->is_new ? POLICY_ALLOWS : POLICY_SILENT;
    int rc = policy ? evaluate(policy, &facts, SEND, arn.ptr, &verdict) : 0;
    if (rc != 0 || verdict == POLICY_ALLOWS)
        return rc;
    return reason_set(why, SQS_E_DENIED, "The policy of %s does not allow %s to send for %s.", arn.ptr,
                      sender->service, sender->arn);
}
