/* Operations on action types and tags. */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"

int codepipeline_create_custom_action_type(struct call *c)
{
    const json_t *tags = json_object_get(c->in, "tags");
    json_t *type = NULL;
    int r = action_type_create(c->tx, c->caller->account, c->in, &type, &c->reason);

    if (r == 0)
        r = json_put(c->out, "actionType", type);
    if (r == 0 && tags)
        r = json_put(c->out, "tags", json_deep_copy(tags));
    return r;
}

int codepipeline_delete_custom_action_type(struct call *c)
{
    return action_type_delete(c->tx, c->caller->account, json_str(c->in, "category", ""),
                              json_str(c->in, "provider", ""), json_str(c->in, "version", ""));
}

/* All at once: there are a handful of AWS's and an account's own. */
int codepipeline_list_action_types(struct call *c)
{
    json_t *list = NULL;
    int r = 0;

    if (json_object_get(c->in, "nextToken"))
        return call_fail(c, PIPELINE_E_NEXT_TOKEN,
                         "The nextToken is not one of an earlier answer: start without it.");
    r = action_type_list(c->tx, c->caller->account, json_str(c->in, "actionOwnerFilter", NULL), &list);
    return r ? r : json_put(c->out, "actionTypes", list);
}

/* The pipeline of the ARN must be there and the caller's. */
static int resource_require(struct call *c, const char **ret_arn)
{
    const char *arn = json_str(c->in, "resourceArn", ""), *name = strrchr(arn, ':');
    char own[PIPELINE_ARN_SIZE];
    struct pipeline pipeline;
    int r;

    name = name ? name + 1 : "";
    pipeline_arn(c->platform, c->caller->account, name, own);
    r = strcmp(own, arn) == 0 ? pipeline_find(c->tx, c->caller->account, name, &pipeline) : DB_NONE;
    *ret_arn = arn;
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

int codepipeline_list_tags_for_resource(struct call *c)
{
    json_t *list = NULL;
    const char *arn;
    int r = resource_require(c, &arn);

    if (r == 0)
        r = tags_list(c->tx, arn, &list);
    return r ? r : json_put(c->out, "tags", list);
}
