/* Local accounts by request: Slipway's own operations, for shared-services only. */
#include "services/iam/api.h"
#include "base/mem.h"
#include "services/iam/iam.h"

#define ACCOUNTS_MAX 10000

static int shared_only(struct call *c)
{
    if (strcmp(c->caller->account, c->platform->shared_account) == 0)
        return 0;
    return call_fail(
        c, IAM_SHARED_ACCOUNT_ONLY,
        "User: %s is not authorized to perform: %s: only account %s (shared-services) manages accounts",
        c->caller->arn, c->operation->iam_action, c->platform->shared_account);
}

static json_t *account_json(const struct account *account)
{
    return json_pack("{s:s, s:s, s:I}", "AccountId", account->id, "AccountName", account->name, "CreateDate",
                     (json_int_t)account->created_ms);
}

int iam_create_local_account(struct call *c)
{
    const char *id = json_str(c->in, "AccountId", "");
    char key_id[IAM_KEY_ID_SIZE];
    char secret[IAM_SECRET_SIZE];
    struct account account = {0};
    int r = shared_only(c);
    if (r == 0)
        r = account_create(c->tx, c->platform, id, json_str(c->in, "AccountName", ""),
                           json_str(c->in, "AccessKeyId", NULL), json_str(c->in, "SecretAccessKey", NULL),
                           key_id, secret, &c->reason);
    if (r == 0)
        r = account_get(c->tx, id, &account);
    if (r == 0)
        r = json_put(c->out, "Account", account_json(&account));
    if (r != 0)
        return r;
    return json_put(c->out, "AccessKey",
                    json_pack("{s:s, s:s, s:s, s:I}", "AccessKeyId", key_id, "Status", "Active",
                              "SecretAccessKey", secret, "CreateDate", (json_int_t)account.created_ms));
}

int iam_list_local_accounts(struct call *c)
{
    CLEANUP(free_ptr) struct account *accounts = mem_alloc(ACCOUNTS_MAX * sizeof(*accounts));
    json_t *list = json_array();
    size_t count = 0;
    int r = json_put(c->out, "Accounts", list);
    if (r == 0)
        r = accounts ? shared_only(c) : FAULT(ENOMEM);
    if (r == 0)
        r = account_list(c->tx, accounts, ACCOUNTS_MAX, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (json_array_append_new(list, account_json(&accounts[i])))
            r = FAULT(ENOMEM);
    return r;
}
