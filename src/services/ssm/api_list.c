/* DescribeParameters, the paging that it shares with GetParametersByPath, and tags. */
#include "services/page_token.h"
#include "services/service.h"
#include "services/ssm/api.h"
#include "services/ssm/filter.h"
#include "services/ssm/list.h"

static int passes(struct call *c, const json_t *filters, const struct ssm_row *row, bool *ret)
{
    CLEANUP(json_free) json_t *tags = NULL;
    if (filters_need_tags(filters)) {
        int err = ssm_store_tags(c->tx, c->caller->account, row->parameter.name, &tags);
        if (err)
            return err;
    }
    *ret = filters_pass(filters, &row->parameter, tags);
    return 0;
}

int ssm_list(struct call *c, const char *path, bool recursive, int64_t most,
             int (*show)(struct call *c, const struct ssm_row *row, json_t *list))
{
    const json_t *filters = json_object_get(c->in, "ParameterFilters");
    const char *last = NULL;
    int err = filters_check(filters, &c->reason);
    if (!err)
        err = page_token_read(c, "NextToken", &last);
    if (err == PAGE_TOKEN_BAD)
        return call_fail(c, SSM_E_TOKEN, "The specified token '%s' is not valid.",
                         json_str(c->in, "NextToken", ""));
    if (err)
        return err;
    CLEANUP(json_free) json_t *list = json_array();
    CLEANUP(rows_close) struct rows *rows = NULL;
    err = ssm_scan(c->tx, c->caller->account, last, &rows);
    if (err || !list)
        return err ? err : FAULT(ENOMEM);
    size_t max = (size_t)json_int(c->in, "MaxResults", most);
    while ((err = rows_next(rows)) == 0) {
        struct ssm_row row;
        bool shown = false;
        err = ssm_scan_row(rows, c->arena, &row);
        if (!err && (!path || path_holds(path, recursive, row.parameter.name)))
            err = passes(c, filters, &row, &shown);
        if (err)
            return err;
        if (!shown)
            continue;
        if (last && json_array_size(list) == max) {
            err = page_token_write(c, "NextToken", last);
            break;
        }
        err = show(c, &row, list);
        if (err)
            return err;
        last = row.parameter.name;
    }
    if (err && err != DB_NONE)
        return err;
    return json_put(c->out, "Parameters", take(list));
}

json_t *ssm_metadata_json(const struct parameter *p)
{
    json_t *out = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:[]}", "Name", p->name, "Type", p->type,
                            "Version", (json_int_t)p->version, "LastModifiedDate", (json_int_t)p->modified_ms,
                            "Tier", p->tier, "DataType", p->data_type, "Policies");
    const struct {
        const char *name;
        const char *text;
    } optional[] = {{"Description", p->description},
                    {"AllowedPattern", p->allowed_pattern},
                    {"KeyId", p->key_id},
                    {"LastModifiedUser", p->modified_by}};
    for (size_t i = 0; out && i < ARRAY_LEN(optional); i++)
        if (optional[i].text && json_put_str(out, optional[i].name, optional[i].text)) {
            json_decref(out);
            return NULL;
        }
    return out;
}

static int show_metadata(struct call *c, const struct ssm_row *row, json_t *list)
{
    (void)c;
    return json_array_append_new(list, ssm_metadata_json(&row->parameter)) ? FAULT(ENOMEM) : 0;
}

/* The older `Filters` member says what ParameterFilters says with the option Equals (Name: BeginsWith). */
static int adopt_old_filters(struct call *c)
{
    json_t *old = json_object_get(c->in, "Filters");
    if (json_array_size(old) == 0 || json_object_get(c->in, "ParameterFilters"))
        return 0;
    size_t index;
    json_t *filter;
    json_array_foreach (old, index, filter) {
        bool by_name = strcmp(json_str(filter, "Key", ""), "Name") == 0;
        if (json_put_str(filter, "Option", by_name ? "BeginsWith" : "Equals"))
            return FAULT(ENOMEM);
    }
    return json_object_set(c->in, "ParameterFilters", old) ? FAULT(ENOMEM) : 0;
}

int ssm_describe_parameters(struct call *c)
{
    int err = adopt_old_filters(c);
    return err ? err : ssm_list(c, NULL, true, 50, show_metadata);
}

/* ---- tags */

static int tagged(struct call *c, const char **ret_name)
{
    const char *name = json_str(c->in, "ResourceId", "");
    if (strcmp(json_str(c->in, "ResourceType", ""), "Parameter") != 0)
        return call_fail(c, SSM_E_RESOURCE,
                         "Slipway's Systems Manager has parameters only; ResourceType is '%s'.",
                         json_str(c->in, "ResourceType", ""));
    int64_t version = 0;
    int err = ssm_store_head(c->tx, c->caller->account, name, &version);
    if (err == DB_NONE)
        return call_fail(c, SSM_E_RESOURCE, "There is no parameter '%s' to tag.", name);
    *ret_name = name;
    return err;
}

int ssm_add_tags(struct call *c)
{
    const char *name = NULL;
    int err = tagged(c, &name);
    return err ? err
               : parameter_tag(c->tx, c->caller->account, name, json_object_get(c->in, "Tags"), &c->reason);
}

int ssm_list_tags(struct call *c)
{
    const char *name = NULL;
    int err = tagged(c, &name);
    json_t *tags = NULL;
    if (!err)
        err = ssm_store_tags(c->tx, c->caller->account, name, &tags);
    return err ? err : json_put(c->out, "TagList", tags);
}

int ssm_remove_tags(struct call *c)
{
    const char *name = NULL;
    int err = tagged(c, &name);
    size_t index;
    json_t *key;
    json_array_foreach (json_object_get(c->in, "TagKeys"), index, key) {
        if (err)
            break;
        err = ssm_store_tag_delete(c->tx, c->caller->account, name, json_string_value(key));
    }
    return err;
}
