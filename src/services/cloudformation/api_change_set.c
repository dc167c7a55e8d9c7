/* The change sets' operations. */
#include "services/cloudformation/api.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/parameters.h"
#include "wire/json.h"

#define PAGE_MAX 100

int cf_create_change_set(struct call *c)
{
    CLEANUP(json_free) json_t *set = NULL;
    struct stack_request r = cf_request(c);
    int err = cf_body(c, true, &r.body);

    if (!err)
        err = change_set_create(&r, &set);
    if (!err)
        err = json_put_str(c->out, "Id", json_str(set, "ChangeSetId", ""));
    return err ? err : json_put_str(c->out, "StackId", json_str(set, "StackId", ""));
}

static int show_parameters(struct call *c, const json_t *target)
{
    CLEANUP(template_free) struct template *t = NULL;
    CLEANUP(free_ptr) char *body = NULL;
    int err = template_load(c->tx, json_str(target, "Template", ""), &body);

    if (!err)
        err = template_parse(str_of(body), &t, NULL);
    if (err)
        return err < 0 ? err : FAULT(EBADMSG);
    return json_put(c->out, "Parameters", parameters_show(t, json_object_get(target, "Parameters")));
}

static int show_changes(struct call *c, const json_t *set)
{
    CLEANUP(json_free) json_t *list = json_array();
    size_t index;
    json_t *change;

    json_array_foreach (json_object_get(set, "Changes"), index, change)
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:O}", "Type", "Resource", "ResourceChange", change)))
            return FAULT(ENOMEM);
    return cf_page(c, "Changes", list, PAGE_MAX);
}

static int copy_members(json_t *out, const json_t *from, const char *const *members)
{
    int err = 0;

    for (size_t i = 0; members[i] && !err; i++)
        if (json_object_get(from, members[i]))
            err = json_put(out, members[i], json_incref(json_object_get(from, members[i])));
    return err;
}

static const char *const summary_members[] = {
    "ChangeSetName", "ChangeSetId",     "StackId", "StackName",    "Description",
    "CreationTime",  "ExecutionStatus", "Status",  "StatusReason", NULL};
static const char *const target_members[] = {"Tags", "Capabilities", "NotificationARNs", NULL};

int cf_describe_change_set(struct call *c)
{
    CLEANUP(json_free) json_t *set = NULL;
    struct stack_request r = cf_request(c);
    int err = change_set_find(&r, &set);
    const json_t *target = json_object_get(set, "target");

    if (!err)
        err = copy_members(c->out, set, summary_members);
    if (!err)
        err = copy_members(c->out, target, target_members);
    if (!err)
        err = show_parameters(c, target);
    return err ? err : show_changes(c, set);
}

int cf_execute_change_set(struct call *c)
{
    CLEANUP(json_free) json_t *set = NULL;
    struct stack_request r = cf_request(c);
    int err = change_set_find(&r, &set);

    return err ? err : change_set_execute(&r, set);
}

int cf_delete_change_set(struct call *c)
{
    CLEANUP(json_free) json_t *set = NULL;
    struct stack_request r = cf_request(c);
    int err = change_set_find(&r, &set);

    if (err == STACK_E_NO_CHANGE_SET)
        return 0; /* as on AWS */
    return err ? err : change_set_drop(c->tx, json_str(set, "ChangeSetId", ""));
}

int cf_list_change_sets(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(json_free) json_t *all = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    size_t index;
    json_t *set;
    int err = cf_stack(c, &stack);

    if (!err)
        err = change_set_list(c->tx, stack.id, &all);
    json_array_foreach (all, index, set) {
        json_t *item = json_object();
        if (!err)
            err = copy_members(item, set, summary_members);
        if (json_array_append_new(list, item))
            return FAULT(ENOMEM);
    }
    return err ? err : cf_page(c, "Summaries", list, PAGE_MAX);
}
