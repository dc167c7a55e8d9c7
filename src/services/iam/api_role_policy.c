/* Policies of roles by request. */
#include "services/iam/api.h"
#include "services/iam/role_policy.h"

/* The role of the request, which must exist. */
static int role_of(struct call *c, const char **ret)
{
    struct role role;
    const char *name = json_str(c->in, "RoleName", "");
    int r = role_get(c->tx, c->caller->account, name, &role);
    if (r == IAM_NO_ENTITY)
        return call_fail(c, r, "The role with name %s cannot be found.", name);
    *ret = name;
    return r;
}

int iam_put_role_policy(struct call *c)
{
    const char *role = "";
    int r = role_of(c, &role);
    if (r != 0)
        return r;
    return role_policy_put(c->tx, c->caller->account, role, json_str(c->in, "PolicyName", ""),
                           json_str(c->in, "PolicyDocument", ""), &c->reason);
}

int iam_get_role_policy(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(buf_free) struct buf encoded = BUF_INIT((size_t)1024 * 1024);
    const char *role = "";
    const char *name = json_str(c->in, "PolicyName", "");
    int r = role_of(c, &role);
    if (r != 0)
        return r;
    r = tx_query_row(c->tx, &rows,
                     "SELECT document FROM iam_role_policy WHERE account = $1 AND role = $2 AND name = $3",
                     "sss", c->caller->account, role, name);
    if (r == DB_NONE)
        return call_fail(c, IAM_NO_ENTITY, "The role policy with name %s cannot be found.", name);
    if (r != 0)
        return r;
    uri_encode(&encoded, rows_str(rows, 0), false);
    r = buf_error(&encoded);
    if (r == 0)
        r = json_put_str(c->out, "RoleName", role);
    if (r == 0)
        r = json_put_str(c->out, "PolicyName", name);
    return r == 0 ? json_put_strn(c->out, "PolicyDocument", buf_str(&encoded)) : r;
}

int iam_delete_role_policy(struct call *c)
{
    const char *role = "";
    int r = role_of(c, &role);
    if (r != 0)
        return r;
    return role_policy_delete(c->tx, c->caller->account, role, json_str(c->in, "PolicyName", ""), &c->reason);
}

int iam_list_role_policies(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *role = "";
    json_t *names = json_array();
    int64_t max = iam_page_size(c);
    int r = json_put(c->out, "PolicyNames", names);
    if (r == 0)
        r = role_of(c, &role);
    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT name FROM iam_role_policy WHERE account = $1 AND role = $2 AND name > $3"
                     " ORDER BY name LIMIT $4",
                     "sssi", c->caller->account, role, iam_page_marker(c), max + 1);
    if (r != 0)
        return r;
    while ((r = rows_next(rows)) == 0 && (int64_t)json_array_size(names) < max)
        if (json_array_append_new(names, json_string(rows_text(rows, 0))))
            return FAULT(ENOMEM);
    const json_t *last = json_array_get(names, json_array_size(names) - 1);
    return r < 0 ? r : iam_page_end(c, r == 0, last ? json_string_value(last) : "");
}

int iam_attach_role_policy(struct call *c)
{
    const char *role = "";
    int r = role_of(c, &role);
    if (r != 0)
        return r;
    return role_attach(c->tx, c->caller->account, role, json_str(c->in, "PolicyArn", ""), &c->reason);
}

int iam_detach_role_policy(struct call *c)
{
    const char *role = "";
    int r = role_of(c, &role);
    if (r != 0)
        return r;
    return role_detach(c->tx, c->caller->account, role, json_str(c->in, "PolicyArn", ""), &c->reason);
}

/* arn:aws:iam::aws:policy/path/NAME → NAME */
static const char *policy_name(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : arn;
}

int iam_list_attached_role_policies(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *role = "";
    json_t *attached = json_array();
    int64_t max = iam_page_size(c);
    const json_t *last = NULL;
    int r = json_put(c->out, "AttachedPolicies", attached);
    if (r == 0)
        r = role_of(c, &role);
    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT arn FROM iam_role_attachment WHERE account = $1 AND role = $2 AND arn > $3"
                     " ORDER BY arn LIMIT $4",
                     "sssi", c->caller->account, role, iam_page_marker(c), max + 1);
    if (r != 0)
        return r;
    while ((r = rows_next(rows)) == 0 && (int64_t)json_array_size(attached) < max) {
        json_t *entry = json_pack("{s:s, s:s}", "PolicyName", policy_name(rows_text(rows, 0)), "PolicyArn",
                                  rows_text(rows, 0));
        if (!entry || json_array_append_new(attached, entry))
            return FAULT(ENOMEM);
        last = entry;
    }
    return r < 0 ? r : iam_page_end(c, r == 0, json_str(last, "PolicyArn", ""));
}
