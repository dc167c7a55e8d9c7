/* PutParameter, the three gets, and the deletes. */
#include "services/page_token.h"
#include "services/service.h"
#include "services/ssm/api.h"
#include "services/ssm/list.h"
#include "services/ssm/ssm.h"
#include "services/ssm/store.h"

int ssm_put_parameter(struct call *c)
{
    struct parameter_spec spec = {
        .name = json_str(c->in, "Name", ""),
        .value = json_str(c->in, "Value", ""),
        .type = json_str(c->in, "Type", NULL),
        .description = json_str(c->in, "Description", NULL),
        .allowed_pattern = json_str(c->in, "AllowedPattern", NULL),
        .key_id = json_str(c->in, "KeyId", NULL),
        .tier = json_str(c->in, "Tier", NULL),
        .data_type = json_str(c->in, "DataType", NULL),
        .tags = json_object_get(c->in, "Tags"),
        .overwrite = json_bool(c->in, "Overwrite", false),
        .modified_by = c->caller->arn,
    };
    int64_t version = 0;
    int err = parameter_put(c->tx, c->platform, c->caller->account, &spec, &version, &c->reason);
    if (err)
        return err;
    err = json_put_int(c->out, "Version", version);
    return err ? err : json_put_str(c->out, "Tier", spec.tier && *spec.tier == 'A' ? "Advanced" : "Standard");
}

static int put_arn(struct call *c, json_t *out, const char *name)
{
    return json_put_format(out, "ARN", "arn:aws:ssm:%s:%s:parameter%s%s", c->platform->region,
                           c->caller->account, *name == '/' ? "" : "/", name);
}

static json_t *parameter_json(struct call *c, const struct parameter *p)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "Name", p->name, "Type", p->type, "Value",
                            p->value, "Version", (json_int_t)p->version, "LastModifiedDate",
                            (json_int_t)p->modified_ms, "DataType", p->data_type);
    if (out && put_arn(c, out, p->name) == 0 &&
        (!p->selector || json_put_str(out, "Selector", p->selector) == 0))
        return out;
    json_decref(out);
    return NULL;
}

int ssm_get_parameter(struct call *c)
{
    struct parameter p;
    int err = parameter_get(c->tx, c->platform, c->arena, c->caller->account, json_str(c->in, "Name", ""),
                            json_bool(c->in, "WithDecryption", false), &p, &c->reason);
    return err ? err : json_put(c->out, "Parameter", parameter_json(c, &p));
}

/* Runs `visit` for each of the names; those that it answers with SSM_E_NOT_FOUND or SSM_E_VERSION_NOT_FOUND
 * go to InvalidParameters. */
static int each_name(struct call *c, int (*visit)(struct call *c, const char *name, json_t *found),
                     const char *found_member)
{
    CLEANUP(json_free) json_t *found = json_array();
    CLEANUP(json_free) json_t *invalid = json_array();
    if (!found || !invalid)
        return FAULT(ENOMEM);
    size_t index;
    json_t *name;
    json_array_foreach (json_object_get(c->in, "Names"), index, name) {
        int err = visit(c, json_string_value(name), found);
        if (err == SSM_E_NOT_FOUND || err == SSM_E_VERSION_NOT_FOUND) {
            c->reason.text[0] = '\0';
            err = json_array_append(invalid, name) ? FAULT(ENOMEM) : 0;
        }
        if (err)
            return err;
    }
    int err = json_put(c->out, found_member, take(found));
    return err ? err : json_put(c->out, "InvalidParameters", take(invalid));
}

static int get_one(struct call *c, const char *name, json_t *found)
{
    struct parameter p;
    int err = parameter_get(c->tx, c->platform, c->arena, c->caller->account, name,
                            json_bool(c->in, "WithDecryption", false), &p, &c->reason);
    if (err)
        return err;
    return json_array_append_new(found, parameter_json(c, &p)) ? FAULT(ENOMEM) : 0;
}

static int delete_one(struct call *c, const char *name, json_t *found)
{
    int err = parameter_delete(c->tx, c->caller->account, name, &c->reason);
    if (err)
        return err;
    return json_array_append_new(found, json_string(name)) ? FAULT(ENOMEM) : 0;
}

int ssm_get_parameters(struct call *c)
{
    return each_name(c, get_one, "Parameters");
}

int ssm_delete_parameters(struct call *c)
{
    return each_name(c, delete_one, "DeletedParameters");
}

int ssm_delete_parameter(struct call *c)
{
    return parameter_delete(c->tx, c->caller->account, json_str(c->in, "Name", ""), &c->reason);
}

/* One page of a parameter's versions; the token is the last version shown. */
int ssm_get_parameter_history(struct call *c)
{
    const char *name = json_str(c->in, "Name", "");
    int64_t head = 0;
    int err = ssm_store_head(c->tx, c->caller->account, name, &head);
    if (err == DB_NONE)
        return call_fail(c, SSM_E_NOT_FOUND, "Parameter %s not found.", name);
    if (err)
        return err;
    const char *last = NULL;
    int64_t after = 0;
    err = page_token_read(c, "NextToken", &last);
    if (err < 0)
        return err;
    if (err > 0 || (last && !str_to_int(str_of(last), 0, INT64_MAX, &after)))
        return call_fail(c, SSM_E_TOKEN, "The specified token '%s' is not valid.",
                         json_str(c->in, "NextToken", ""));
    CLEANUP(json_free) json_t *list = json_array();
    CLEANUP(rows_close) struct rows *rows = NULL;
    err = ssm_scan_history(c->tx, c->caller->account, name, after, &rows);
    if (err || !list)
        return err ? err : FAULT(ENOMEM);
    size_t max = (size_t)json_int(c->in, "MaxResults", 50);
    while ((err = rows_next(rows)) == 0 && json_array_size(list) < max) {
        struct ssm_row row;
        err = ssm_scan_row(rows, c->arena, &row);
        if (!err)
            err = ssm_reveal(c->platform, c->arena, c->caller->account,
                             json_bool(c->in, "WithDecryption", false), &row);
        if (err)
            return err;
        json_t *item = ssm_metadata_json(&row.parameter);
        if (json_put_str(item, "Value", row.parameter.value) || json_array_append_new(list, item))
            return FAULT(ENOMEM);
        after = row.parameter.version;
    }
    if (err == 0)
        err = page_token_write(c, "NextToken", arena_printf(c->arena, "%lld", (long long)after));
    if (err && err != DB_NONE)
        return err;
    return json_put(c->out, "Parameters", take(list));
}

static int list_by_path(struct call *c, const struct ssm_row *row, json_t *list)
{
    struct ssm_row shown = *row;
    int err = ssm_reveal(c->platform, c->arena, c->caller->account, json_bool(c->in, "WithDecryption", false),
                         &shown);
    if (err)
        return err;
    return json_array_append_new(list, parameter_json(c, &shown.parameter)) ? FAULT(ENOMEM) : 0;
}

int ssm_get_parameters_by_path(struct call *c)
{
    const char *path = json_str(c->in, "Path", "");
    if (*path != '/')
        return call_fail(
            c, SSM_E_INVALID,
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin "
            "with a forward slash \"/\": '%s'.",
            path);
    return ssm_list(c, path, json_bool(c->in, "Recursive", false), 10, list_by_path);
}
