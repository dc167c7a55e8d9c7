/* Accounts: each has a root user with one key from birth, and the deploy role. */
#include "base/clock.h"
#include "base/id.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include "services/iam/policy.h"
#include "services/iam/user.h"
#include "services/service.h"
#include <stdio.h>

#define NAME_MAX_LEN 128

static int make_deploy_role(struct tx *tx, const struct platform *platform, const char *account,
                            struct reason *reason)
{
    const char *trusted[] = {platform->shared_account, account};
    CLEANUP(free_ptr) char *trust = policy_trusting(trusted, strcmp(trusted[0], account) == 0 ? 1 : 2);
    if (!trust)
        return FAULT(ENOMEM);
    const struct role_spec spec = {
        .name = IAM_DEPLOY_ROLE,
        .trust_policy = trust,
        .description = "What shared-services' pipelines act as in this account",
        .max_session_s = 43200,
    };
    return role_put(tx, platform, account, &spec, true, NULL, reason);
}

static int check_account(const char *id, const char *name, struct reason *reason)
{
    size_t len = strlen(name);
    if (!iam_account_id_ok(id))
        return reason_set(reason, IAM_INVALID, "'%.64s' is no account id: it has 12 digits", id);
    if (len == 0 || len > NAME_MAX_LEN || !iam_name_ok(name))
        return reason_set(reason, IAM_INVALID,
                          "'%.64s' is no account name: 1 to 128 letters, digits and _+=,.@-", name);
    return 0;
}

int account_create(struct tx *tx, const struct platform *platform, const char *id, const char *name,
                   const char *access_key_id, const char *secret, char *ret_id, char *ret_secret,
                   struct reason *reason)
{
    int r = check_account(id, name, reason);
    if (r != 0)
        return r;
    r = tx_exec(tx, "INSERT INTO iam_account (id, name, created_ms) VALUES ($1, $2, $3)", "ssi", id, name,
                clock_now_ms());
    if (r == DB_EXISTS)
        return reason_set(reason, IAM_EXISTS, "An account with id %s or name %s already exists.", id, name);
    if (r != 0)
        return r;
    struct key_spec key = {.account = id, .user = "", .id = access_key_id, .secret = secret};
    r = key_create(tx, &key, ret_id, ret_secret, reason);
    if (r == 0)
        r = make_deploy_role(tx, platform, id, reason);
    if (r == 0)
        tx_wake(tx, IAM_TOPIC_ACCOUNTS);
    return r;
}

static void fill(struct rows *rows, struct account *ret)
{
    (void)snprintf(ret->id, sizeof(ret->id), "%s", rows_text(rows, 0));
    (void)snprintf(ret->name, sizeof(ret->name), "%s", rows_text(rows, 1));
    ret->created_ms = rows_int(rows, 2);
}

int account_list(struct tx *tx, struct account *list, size_t max, size_t *ret_count)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t count = 0;
    int r = tx_query(tx, &rows, "SELECT id, name, created_ms FROM iam_account ORDER BY id", "");
    while (r == 0 && count < max && (r = rows_next(rows)) == 0)
        fill(rows, &list[count++]);
    if (r < 0)
        return r;
    *ret_count = count;
    return 0;
}

int account_get(struct tx *tx, const char *id, struct account *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT id, name, created_ms FROM iam_account WHERE id = $1", "s", id);
    if (r == 0)
        fill(rows, ret);
    return r == DB_NONE ? IAM_NO_ENTITY : r;
}

int account_root_key(struct tx *tx, const char *id, char *ret_id, char *ret_secret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT id, secret FROM iam_key WHERE account = $1 AND user_name = '' AND active = 1"
                         " ORDER BY created_ms, id LIMIT 1",
                         "s", id);
    if (r == 0) {
        (void)snprintf(ret_id, IAM_KEY_ID_SIZE, "%s", rows_text(rows, 0));
        (void)snprintf(ret_secret, IAM_SECRET_SIZE, "%s", rows_text(rows, 1));
    }
    return r == DB_NONE ? IAM_NO_ENTITY : r;
}
