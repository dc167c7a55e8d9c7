/* Users and access keys by request. Without UserName a request is about its own caller, as on AWS. */
#include "services/iam/api.h"
#include "services/iam/user.h"
#include <stdio.h>

/* Name of the user that the request means; "" is the account's root user. */
static int user_meant(struct call *c, const char **ret)
{
    const char *named = json_str(c->in, "UserName", NULL);
    const char *slash = strrchr(c->caller->arn, '/');
    if (!named && c->caller->session)
        return call_fail(c, IAM_INVALID, "Must specify userName when calling with non-User credentials");
    *ret = named ? named : slash ? slash + 1 : "";
    return 0;
}

static json_t *user_json(const struct user *user)
{
    CLEANUP(json_free) json_t *value = json_object();
    int r = json_put_str(value, "Path", user->path);
    r |= json_put_str(value, "UserId", user->id);
    r |= json_put_str(value, "Arn", user->arn);
    r |= json_put_int(value, "CreateDate", user->created_ms);
    if (user->name[0])
        r |= json_put_str(value, "UserName", user->name);
    return r == 0 ? take(value) : NULL;
}

static int show_user(struct call *c, const struct user *user)
{
    json_t *value = user_json(user);
    return value ? json_put(c->out, "User", value) : FAULT(ENOMEM);
}

int iam_create_user(struct call *c)
{
    struct user user = {0};
    int r = user_create(c->tx, c->caller->account, json_str(c->in, "UserName", ""),
                        json_str(c->in, "Path", NULL), &user, &c->reason);
    return r == 0 ? show_user(c, &user) : r;
}

int iam_get_user(struct call *c)
{
    struct user user = {0};
    const char *name = "";
    int r = user_meant(c, &name);
    if (r == 0)
        r = user_get(c->tx, c->caller->account, name, &user, &c->reason);
    return r == 0 ? show_user(c, &user) : r;
}

static void user_from_row(const char *account, struct rows *rows, struct user *ret)
{
    (void)snprintf(ret->name, sizeof(ret->name), "%s", rows_text(rows, 0));
    (void)snprintf(ret->id, sizeof(ret->id), "%s", rows_text(rows, 1));
    (void)snprintf(ret->path, sizeof(ret->path), "%s", rows_text(rows, 2));
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:user%s%s", account, ret->path, ret->name);
    ret->created_ms = rows_int(rows, 3);
}

int iam_list_users(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct user user = {0};
    json_t *users = json_array();
    int64_t max = iam_page_size(c);
    int r = json_put(c->out, "Users", users);
    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT name, id, path, created_ms FROM iam_user WHERE account = $1 AND name > $2"
                     " AND substr(path, 1, length($3)) = $3 ORDER BY name LIMIT $4",
                     "sssi", c->caller->account, iam_page_marker(c), json_str(c->in, "PathPrefix", "/"),
                     max + 1);
    if (r != 0)
        return r;
    while ((r = rows_next(rows)) == 0 && (int64_t)json_array_size(users) < max) {
        user_from_row(c->caller->account, rows, &user);
        if (json_array_append_new(users, user_json(&user)))
            return FAULT(ENOMEM);
    }
    return r < 0 ? r : iam_page_end(c, r == 0, user.name);
}

int iam_delete_user(struct call *c)
{
    return user_delete(c->tx, c->caller->account, json_str(c->in, "UserName", ""), &c->reason);
}

/* The user of the request, which must exist. */
static int user_of(struct call *c, struct user *ret)
{
    const char *name = "";
    int r = user_meant(c, &name);
    return r == 0 ? user_get(c->tx, c->caller->account, name, ret, &c->reason) : r;
}

int iam_create_access_key(struct call *c)
{
    struct user user = {0};
    char id[IAM_KEY_ID_SIZE];
    char secret[IAM_SECRET_SIZE];
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = user_of(c, &user);
    const struct key_spec spec = {.account = c->caller->account, .user = user.name};
    if (r == 0)
        r = key_create(c->tx, &spec, id, secret, &c->reason);
    if (r == 0)
        r = tx_query_row(c->tx, &rows, "SELECT created_ms FROM iam_key WHERE id = $1", "s", id);
    if (r != 0)
        return r;
    json_t *key = json_pack("{s:s, s:s, s:s, s:s, s:I}", "UserName", user.name, "AccessKeyId", id, "Status",
                            "Active", "SecretAccessKey", secret, "CreateDate", (json_int_t)rows_int(rows, 0));
    return key ? json_put(c->out, "AccessKey", key) : FAULT(ENOMEM);
}

/* A user has so few keys that there is never a second page. */
int iam_list_access_keys(struct call *c)
{
    struct user user = {0};
    CLEANUP(rows_close) struct rows *rows = NULL;
    json_t *keys = json_array();
    int r = json_put(c->out, "AccessKeyMetadata", keys);
    if (r == 0)
        r = user_of(c, &user);
    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT id, active, created_ms FROM iam_key WHERE account = $1 AND user_name = $2"
                     " ORDER BY created_ms, id",
                     "ss", c->caller->account, user.name);
    if (r != 0)
        return r;
    while ((r = rows_next(rows)) == 0) {
        json_t *key = json_pack("{s:s, s:s, s:s, s:I}", "UserName", user.name, "AccessKeyId",
                                rows_text(rows, 0), "Status", rows_int(rows, 1) ? "Active" : "Inactive",
                                "CreateDate", (json_int_t)rows_int(rows, 2));
        if (!key || json_array_append_new(keys, key))
            return FAULT(ENOMEM);
    }
    return r < 0 ? r : iam_page_end(c, false, "");
}

int iam_update_access_key(struct call *c)
{
    struct user user = {0};
    int r = user_of(c, &user);
    if (r != 0)
        return r;
    bool active = strcmp(json_str(c->in, "Status", ""), "Active") == 0;
    return key_set_active(c->tx, c->caller->account, user.name, json_str(c->in, "AccessKeyId", ""), active,
                          &c->reason);
}

int iam_delete_access_key(struct call *c)
{
    struct user user = {0};
    int r = user_of(c, &user);
    if (r != 0)
        return r;
    return key_delete(c->tx, c->caller->account, user.name, json_str(c->in, "AccessKeyId", ""), &c->reason);
}
