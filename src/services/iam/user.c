/* Users. */
#include "services/iam/user.h"
#include "base/clock.h"
#include "services/iam/names.h"
#include <stdio.h>

#define USERS_PER_ACCOUNT 5000

static int user_count(struct tx *tx, const char *account, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT count(*) FROM iam_user WHERE account = $1", "s", account);
    if (r == 0)
        *ret = rows_int(rows, 0);
    return r;
}

int user_create(struct tx *tx, const char *account, const char *name, const char *path, struct user *ret,
                struct reason *reason)
{
    char id[IAM_ID_SIZE];
    int64_t count = 0;
    if (!path)
        path = "/";
    if (!iam_name_ok(name) || strlen(name) > 64 || !iam_path_ok(path))
        return reason_set(reason, IAM_INVALID, "'%.64s' with path '%.64s' is no user name", name, path);
    int r = user_count(tx, account, &count);
    if (r == 0 && count >= USERS_PER_ACCOUNT)
        return reason_set(reason, IAM_LIMIT, "Cannot exceed quota for UsersPerAccount: %d",
                          USERS_PER_ACCOUNT);
    if (r != 0)
        return r;
    iam_id_new("AIDA", id);
    r = tx_exec(tx, "INSERT INTO iam_user (account, name, id, path, created_ms) VALUES ($1, $2, $3, $4, $5)",
                "ssssi", account, name, id, path, clock_now_ms());
    if (r == DB_EXISTS)
        return reason_set(reason, IAM_EXISTS, "User with name %s already exists.", name);
    return r == 0 ? user_get(tx, account, name, ret, reason) : r;
}

static void fill_root(const char *account, struct user *ret)
{
    *ret = (struct user){.path = "/"};
    (void)snprintf(ret->id, sizeof(ret->id), "%s", account);
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:root", account);
}

int user_get(struct tx *tx, const char *account, const char *name, struct user *ret, struct reason *reason)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (!*name) {
        fill_root(account, ret);
        return 0;
    }
    int r = tx_query_row(tx, &rows,
                         "SELECT name, id, path, created_ms FROM iam_user WHERE account = $1 AND name = $2",
                         "ss", account, name);
    if (r == DB_NONE)
        return reason_set(reason, IAM_NO_ENTITY, "The user with name %s cannot be found.", name);
    if (r != 0)
        return r;
    (void)snprintf(ret->name, sizeof(ret->name), "%s", rows_text(rows, 0));
    (void)snprintf(ret->id, sizeof(ret->id), "%s", rows_text(rows, 1));
    (void)snprintf(ret->path, sizeof(ret->path), "%s", rows_text(rows, 2));
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:user%s%s", account, ret->path, ret->name);
    ret->created_ms = rows_int(rows, 3);
    return 0;
}

int user_delete(struct tx *tx, const char *account, const char *name, struct reason *reason)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT 1 FROM iam_key WHERE account = $1 AND user_name = $2 LIMIT 1",
                         "ss", account, name);
    if (r == 0)
        return reason_set(reason, IAM_CONFLICT, "Cannot delete entity, must delete access keys first.");
    if (r != DB_NONE)
        return r;
    r = tx_exec(tx, "DELETE FROM iam_user WHERE account = $1 AND name = $2", "ss", account, name);
    if (r == 0 && tx_changes(tx) == 0)
        return reason_set(reason, IAM_NO_ENTITY, "The user with name %s cannot be found.", name);
    return r;
}
