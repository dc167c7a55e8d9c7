/* Operations on action types and tags. */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/rule_type.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/texts.h"
#include "services/codepipeline/webhook.h"
#include <stdio.h>

/* `id` has category, provider and version. */
static void action_type_arn(const struct platform *platform, const char *account, const json_t *id,
                            char ret[PIPELINE_ARN_SIZE])
{
    snprintf(ret, PIPELINE_ARN_SIZE, "arn:aws:codepipeline:%s:%s:actiontype:Custom/%s/%s/%s",
             platform->region, account, json_str(id, "category", ""), json_str(id, "provider", ""),
             json_str(id, "version", ""));
}

int codepipeline_create_custom_action_type(struct call *c)
{
    const json_t *tags = json_object_get(c->in, "tags");
    json_t *type = NULL;
    char arn[PIPELINE_ARN_SIZE];
    int r = action_type_create(c->tx, c->caller->account, c->in, &type, &c->reason);

    action_type_arn(c->platform, c->caller->account, c->in, arn);
    if (r == 0)
        r = json_put(c->out, "actionType", type);
    if (r == 0 && tags)
        r = tags_put(c->tx, arn, tags, &c->reason);
    if (r == 0 && tags)
        r = json_put(c->out, "tags", json_deep_copy(tags));
    return r;
}

int codepipeline_delete_custom_action_type(struct call *c)
{
    char arn[PIPELINE_ARN_SIZE];
    int r = action_type_delete(c->tx, c->caller->account, json_str(c->in, "category", ""),
                               json_str(c->in, "provider", ""), json_str(c->in, "version", ""));

    action_type_arn(c->platform, c->caller->account, c->in, arn);
    return r ? r : tx_exec(c->tx, "DELETE FROM codepipeline_tag WHERE arn = $1", "s", arn);
}

int codepipeline_get_action_type(struct call *c)
{
    json_t *type = NULL;
    int r = action_type_describe(c->tx, c->caller->account, c->in, &type, &c->reason);

    return r ? r : json_put(c->out, "actionType", type);
}

int codepipeline_update_action_type(struct call *c)
{
    return action_type_update(c->tx, c->caller->account, json_object_get(c->in, "actionType"), &c->reason);
}

/* All at once: there are a handful of AWS's and an account's own. */
int codepipeline_list_action_types(struct call *c)
{
    json_t *list = NULL;
    int r = 0;

    if (json_object_get(c->in, "nextToken"))
        return codepipeline_page_bad(c, "nextToken");
    r = action_type_list(c->tx, c->caller->account, json_str(c->in, "actionOwnerFilter", NULL), &list);
    return r ? r : json_put(c->out, "actionTypes", list);
}

int codepipeline_list_rule_types(struct call *c)
{
    json_t *list = NULL;
    int r = rule_type_list(&list);

    return r ? r : json_put(c->out, "ruleTypes", list);
}

/* ---- tags: of pipelines, webhooks and custom action types */

static int pipeline_is(struct call *c, const char *name)
{
    struct pipeline pipeline;

    return pipeline_find(c->tx, c->caller->account, name, &pipeline);
}

static int webhook_is(struct call *c, const char *name)
{
    CLEANUP(webhook_unload) struct webhook webhook = {0};

    return webhook_find(c->tx, c->caller->account, name, &webhook);
}

/* "Custom/Build/Provider/1" */
static int action_type_is(struct call *c, const char *name)
{
    static const char *const members[] = {"owner", "category", "provider"};
    CLEANUP(json_free) json_t *id = json_object();
    CLEANUP(json_free) json_t *type = NULL;
    struct str rest = str_of(name);
    int r = id ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++)
        r = json_put_strn(id, members[i], str_split(&rest, '/'));
    if (r == 0)
        r = json_put_strn(id, "version", rest);
    return r ? r : action_type_find(c->tx, c->caller->account, id, &type);
}

static bool action_type_may_be(const char *name)
{
    return str_glob(STR("Custom/?*/?*/?*"), str_of(name));
}

/* What an ARN names, by what follows the account. */
static const struct {
    const char *prefix;
    bool (*may_be)(const char *name);            /* what no such resource can have is no resource's ARN */
    int (*is)(struct call *c, const char *name); /* DB_NONE */
} resources[] = {{"webhook:", text_is_name, webhook_is},
                 {"actiontype:", action_type_may_be, action_type_is},
                 {"", text_is_name, pipeline_is}};

/* It must be the caller's, and there. Stages and actions, whose ARNs begin with their pipeline's, have no
 * tags. */
static int resource_require(struct call *c, const char **ret_arn)
{
    const char *arn = json_str(c->in, "resourceArn", ""), *name;
    char own[PIPELINE_ARN_SIZE];
    size_t i = 0;
    int r;

    pipeline_arn(c->platform, c->caller->account, "", own);
    *ret_arn = arn;
    if (strncmp(arn, own, strlen(own)) != 0)
        return call_fail(c, PIPELINE_E_ARN, "The ARN '%s' is none of account %s in region %s.", arn,
                         c->caller->account, c->platform->region);
    name = arn + strlen(own);
    while (strncmp(name, resources[i].prefix, strlen(resources[i].prefix)) != 0)
        i++;
    name += strlen(resources[i].prefix);
    if (!*name || !resources[i].may_be(name))
        return call_fail(c, PIPELINE_E_ARN, "The ARN '%s' names no pipeline, webhook or custom action type.",
                         arn);
    r = resources[i].is(c, name);
    return r == DB_NONE
               ? call_fail(c, PIPELINE_E_RESOURCE_NOT_FOUND, "Could not find the resource with ARN '%s'", arn)
               : r;
}

int codepipeline_tag_resource(struct call *c)
{
    const char *arn;
    int r = resource_require(c, &arn);

    return r ? r : tags_put(c->tx, arn, json_object_get(c->in, "tags"), &c->reason);
}

int codepipeline_untag_resource(struct call *c)
{
    const char *arn;
    const json_t *key;
    size_t i;
    int r = resource_require(c, &arn);

    json_array_foreach (json_object_get(c->in, "tagKeys"), i, key)
        if (r == 0)
            r = tx_exec(c->tx, "DELETE FROM codepipeline_tag WHERE arn = $1 AND key = $2", "ss", arn,
                        json_string_value(key));
    return r;
}

/* In the order of their keys; the token is how many have been shown. */
int codepipeline_list_tags_for_resource(struct call *c)
{
    CLEANUP(json_free) json_t *all = NULL;
    json_t *page = json_array();
    int64_t max = json_int(c->in, "maxResults", TAGS_MAX), at = 0;
    const char *arn;
    int r = json_put(c->out, "tags", page);

    if (r == 0)
        r = resource_require(c, &arn);
    if (r == 0)
        r = codepipeline_page_start(c, 0, &at);
    if (r == 0)
        r = tags_list(c->tx, arn, &all);
    for (; r == 0 && at < (int64_t)json_array_size(all) && max > 0; at++, max--)
        if (json_array_append(page, json_array_get(all, (size_t)at)))
            r = FAULT(ENOMEM);
    if (r == 0 && at < (int64_t)json_array_size(all))
        r = codepipeline_page_end(c, at);
    return r;
}
