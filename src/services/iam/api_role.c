/* Roles by request. */
#include "services/iam/api.h"
#include "services/iam/iam.h"
#include "services/iam/policy.h"

/* IAM gives policy documents percent-encoded. */
static int put_document(json_t *object, const char *key, struct str document)
{
    CLEANUP(buf_free) struct buf encoded = BUF_INIT((size_t)1024 * 1024);
    uri_encode(&encoded, document, false);
    return buf_error(&encoded) ? buf_error(&encoded) : json_put_strn(object, key, buf_str(&encoded));
}

static const char columns[] =
    "SELECT name, id, path, created_ms, max_session_s, trust, description, tags FROM iam_role"
    " WHERE account = $1 AND name = $2";

/* The row's role as the API shows it; a new reference, NULL when out of memory. */
static json_t *role_json(const char *account, struct rows *rows)
{
    CLEANUP(json_free) json_t *role = json_object();
    struct reason why;
    json_t *tags = NULL;
    int r = json_put_str(role, "RoleName", rows_text(rows, 0));
    r |= json_put_str(role, "RoleId", rows_text(rows, 1));
    r |= json_put_str(role, "Path", rows_text(rows, 2));
    r |= json_put_format(role, "Arn", "arn:aws:iam::%s:role%s%s", account, rows_text(rows, 2),
                         rows_text(rows, 0));
    r |= json_put_int(role, "CreateDate", rows_int(rows, 3));
    r |= json_put_int(role, "MaxSessionDuration", rows_int(rows, 4));
    r |= put_document(role, "AssumeRolePolicyDocument", rows_str(rows, 5));
    if (!rows_null(rows, 6))
        r |= json_put_str(role, "Description", rows_text(rows, 6));
    if (!rows_null(rows, 7) && json_parse(rows_str(rows, 7), &tags, &why) == 0)
        r |= json_put(role, "Tags", tags);
    return r == 0 ? take(role) : NULL;
}

static int show_role(struct call *c, const char *name)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(c->tx, &rows, columns, "ss", c->caller->account, name);
    if (r == DB_NONE)
        return call_fail(c, IAM_NO_ENTITY, "The role with name %s cannot be found.", name);
    if (r != 0)
        return r;
    json_t *role = role_json(c->caller->account, rows);
    return role ? json_put(c->out, "Role", role) : FAULT(ENOMEM);
}

int iam_create_role(struct call *c)
{
    const struct role_spec spec = {
        .name = json_str(c->in, "RoleName", ""),
        .path = json_str(c->in, "Path", NULL),
        .trust_policy = json_str(c->in, "AssumeRolePolicyDocument", ""),
        .description = json_str(c->in, "Description", NULL),
        .max_session_s = json_int(c->in, "MaxSessionDuration", 0),
        .tags = json_object_get(c->in, "Tags"),
    };
    int r = role_put(c->tx, c->platform, c->caller->account, &spec, true, NULL, &c->reason);
    return r == 0 ? show_role(c, spec.name) : r;
}

int iam_get_role(struct call *c)
{
    return show_role(c, json_str(c->in, "RoleName", ""));
}

int iam_list_roles(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *prefix = json_str(c->in, "PathPrefix", "/");
    int64_t max = iam_page_size(c);
    json_t *roles = json_array();
    const json_t *last = NULL;
    int r = json_put(c->out, "Roles", roles);
    if (r == 0)
        r = tx_query(
            c->tx, &rows,
            "SELECT name, id, path, created_ms, max_session_s, trust, description, tags FROM iam_role"
            " WHERE account = $1 AND name > $2 AND substr(path, 1, length($3)) = $3"
            " ORDER BY name LIMIT $4",
            "sssi", c->caller->account, iam_page_marker(c), prefix, max + 1);
    while (r == 0 && (r = rows_next(rows)) == 0 && (int64_t)json_array_size(roles) < max) {
        json_t *role = role_json(c->caller->account, rows);
        if (!role || json_array_append_new(roles, role))
            return FAULT(ENOMEM);
        last = role;
    }
    return r < 0 ? r : iam_page_end(c, r == 0, json_str(last, "RoleName", ""));
}

int iam_delete_role(struct call *c)
{
    return role_delete(c->tx, c->platform, c->caller->account, json_str(c->in, "RoleName", ""), false,
                       &c->reason);
}

int iam_update_assume_role_policy(struct call *c)
{
    const char *name = json_str(c->in, "RoleName", "");
    const char *document = json_str(c->in, "PolicyDocument", "");
    int r = policy_trust_check(document, &c->reason);
    if (r != 0)
        return r;
    r = tx_exec(c->tx, "UPDATE iam_role SET trust = $3 WHERE account = $1 AND name = $2", "sss",
                c->caller->account, name, document);
    if (r == 0 && tx_changes(c->tx) == 0)
        return call_fail(c, IAM_NO_ENTITY, "The role with name %s cannot be found.", name);
    return r;
}

/* ---- pages */

int64_t iam_page_size(const struct call *c)
{
    return json_int(c->in, "MaxItems", IAM_PAGE_DEFAULT);
}

const char *iam_page_marker(const struct call *c)
{
    return json_str(c->in, "Marker", "");
}

int iam_page_end(struct call *c, bool more, const char *last)
{
    int r = json_put_bool(c->out, "IsTruncated", more);
    if (r == 0 && more)
        r = json_put_str(c->out, "Marker", last);
    return r;
}
