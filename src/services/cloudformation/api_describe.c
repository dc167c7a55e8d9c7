/* What stacks look like: DescribeStacks, ListStacks, their resources and events, exports and imports. */
#include "services/cloudformation/api.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/parameters.h"
#include "wire/json.h"

#define PAGE_MAX 100

int cf_page(struct call *c, const char *member, const json_t *all, size_t max)
{
    const char *token = json_str(c->in, "NextToken", "0");
    int64_t from = 0;
    json_t *page = json_array();
    size_t size = json_array_size(all);

    if (!str_to_int(str_of(token), 0, INT32_MAX, &from)) {
        json_decref(page);
        return call_fail(c, STACK_E_INVALID, "NextToken %.100s is not valid", token);
    }
    for (size_t i = (size_t)from; i < size && i < (size_t)from + max; i++)
        if (json_array_append(page, json_array_get(all, i))) {
            json_decref(page);
            return FAULT(ENOMEM);
        }
    int err = json_put(c->out, member, page);
    if (!err && (size_t)from + max < size)
        err = json_put_format(c->out, "NextToken", "%lld", (long long)from + (long long)max);
    return err;
}

/* ---- DescribeStacks */

/* Whether a template may have parameters that are not to be shown; only a backslash spells the word in
 * another way. */
static bool may_mask(const char *body)
{
    return strstr(body, "NoEcho") || strchr(body, '\\');
}

/* `body`: the template's, or NULL where the stack has no parameters. */
static json_t *shown_parameters(const struct stack *stack, const char *body)
{
    CLEANUP(template_free) struct template *t = NULL;

    if (!body)
        return json_array();
    if (may_mask(body) && template_parse(str_of(body), &t, NULL))
        return NULL;
    return parameters_show(t, json_object_get(stack->doc, "Parameters"));
}

static int load_body(struct call *c, const struct stack *stack, char **ret)
{
    if (json_object_size(json_object_get(stack->doc, "Parameters")) == 0)
        return 0;
    return template_load(c->tx, json_str(stack->doc, "Template", ""), ret);
}

static int show_stack(const struct stack *s, const char *body, json_t **ret)
{
    static const char *const copied[] = {"Description",      "Capabilities", "Outputs",
                                         "RoleARN",          "Tags",         "NotificationARNs",
                                         "TimeoutInMinutes", "ChangeSetId"};
    CLEANUP(json_free)
    json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:s*, s:o, s:{s:s}, s:{}}", "StackId", s->id,
                             "StackName", s->name, "StackStatus", s->status, "CreationTime",
                             (json_int_t)s->created_ms, "DisableRollback",
                             json_bool(s->doc, "DisableRollback", false), "EnableTerminationProtection",
                             json_bool(s->doc, "EnableTerminationProtection", false), "StackStatusReason",
                             json_str(s->doc, "Reason", NULL), "Parameters", shown_parameters(s, body),
                             "DriftInformation", "StackDriftStatus", "NOT_CHECKED", "RollbackConfiguration");
    int err = item ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; i < ARRAY_LEN(copied) && !err; i++)
        if (json_object_get(s->doc, copied[i]))
            err = json_put(item, copied[i], json_incref(json_object_get(s->doc, copied[i])));
    if (!err && s->updated_ms && s->op > 1)
        err = json_put_int(item, "LastUpdatedTime", s->updated_ms);
    if (!err && s->deleted_ms)
        err = json_put_int(item, "DeletionTime", s->deleted_ms);
    if (!err)
        *ret = take(item);
    return err;
}

struct listing {
    struct call *c;
    json_t *list;
    bool busy;
};

static int list_stack(struct listing *l, const struct stack *stack, const char *body)
{
    json_t *item = NULL;
    int err = show_stack(stack, body, &item);

    l->busy = l->busy || stack_busy(stack->status);
    return err ? err : json_array_append_new(l->list, item) ? FAULT(ENOMEM) : 0;
}

static int describe_one(struct stack *stack, void *arg)
{
    struct listing *l = arg;
    CLEANUP(free_ptr) char *body = NULL;
    int err = load_body(l->c, stack, &body);

    return err ? err : list_stack(l, stack, body);
}

/* What a look at stacks is about (db_look). Whoever changes one may change anything: who says what he touches
 * has nothing to do with stacks, and is not waited for. */
static uint64_t stacks_subject(void)
{
    return str_hash(STR("cloudformation"));
}

/* Loaded with the writers' turn, and shown without: a template may take long to parse, which is done
 * elsewhere. */
static int describe_named(struct call *c, struct listing *l)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(free_ptr) char *body = NULL;
    int err = call_look(c, stacks_subject(), &c->tx);

    if (!err)
        err = cf_stack(c, &stack);
    if (!err)
        err = load_body(c, &stack, &body);
    err = call_looked(&c->tx, err);
    if (!err && body && c->http->must_not_wait && may_mask(body))
        return CALL_ELSEWHERE;
    return err ? err : list_stack(l, &stack, body);
}

static int describe_all(struct call *c, struct listing *l)
{
    int err = call_read(c, &c->tx);

    return err ? err : stack_each(c->tx, c->caller->account, false, describe_one, l);
}

/* One stack is looked at often while others write; all of an account's are read. */
int cf_describe_stacks(struct call *c)
{
    CLEANUP(json_free) json_t *list = json_array();
    struct listing l = {c, list, false};
    const char *account_topic = arena_printf(c->arena, "cloudformation:%s", c->caller->account);
    int64_t wait_ms = call_wait_ms(c);

    if (!account_topic)
        return FAULT(ENOMEM);
    int err = json_object_get(c->in, "StackName") ? describe_named(c, &l) : describe_all(c, &l);
    if (!err)
        err = cf_page(c, "Stacks", list, PAGE_MAX);
    if (err || !wait_ms || !l.busy || c->wait_deadline_mono_ms)
        return err;
    return call_wait(c, wait_ms, account_topic);
}

/* ---- ListStacks */

static bool wanted(const json_t *filter, const char *status)
{
    size_t index;
    json_t *item;

    json_array_foreach (filter, index, item)
        if (strcmp(json_string_value(item), status) == 0)
            return true;
    return json_array_size(filter) == 0;
}

static int list_one(struct stack *s, void *arg)
{
    struct listing *l = arg;

    if (!wanted(json_object_get(l->c->in, "StackStatusFilter"), s->status))
        return 0;
    json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:s*, s:s*, s:{s:s}}", "StackId", s->id, "StackName",
                             s->name, "StackStatus", s->status, "CreationTime", (json_int_t)s->created_ms,
                             "StackStatusReason", json_str(s->doc, "Reason", NULL), "TemplateDescription",
                             json_str(s->doc, "Description", NULL), "DriftInformation", "StackDriftStatus",
                             "NOT_CHECKED");
    int err = item ? 0 : FAULT(ENOMEM);
    if (!err && s->updated_ms && s->op > 1)
        err = json_put_int(item, "LastUpdatedTime", s->updated_ms);
    if (!err && s->deleted_ms)
        err = json_put_int(item, "DeletionTime", s->deleted_ms);
    return err ? err : json_array_append_new(l->list, item) ? FAULT(ENOMEM) : 0;
}

int cf_list_stacks(struct call *c)
{
    CLEANUP(json_free) json_t *list = json_array();
    struct listing l = {c, list, false};
    int err = stack_each(c->tx, c->caller->account, true, list_one, &l);

    return err ? err : cf_page(c, "StackSummaries", list, PAGE_MAX);
}

/* ---- resources */

static json_t *show_resource(const struct stack *s, const json_t *row)
{
    return json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s, s:s*, s:I, s:I, s:{s:s}}", "StackName", s->name,
                     "StackId", s->id, "LogicalResourceId", json_str(row, "LogicalResourceId", ""),
                     "PhysicalResourceId", json_str(row, "PhysicalResourceId", NULL), "ResourceType",
                     json_str(row, "ResourceType", ""), "ResourceStatus", json_str(row, "ResourceStatus", ""),
                     "ResourceStatusReason", json_str(row, "ResourceStatusReason", NULL), "Timestamp",
                     (json_int_t)json_int(row, "Timestamp", 0), "LastUpdatedTimestamp",
                     (json_int_t)json_int(row, "Timestamp", 0), "DriftInformation",
                     "StackResourceDriftStatus", "NOT_CHECKED");
}

static int resources_of(struct call *c, const struct stack *s, const char *logical_id,
                        const char *physical_id, json_t **ret)
{
    CLEANUP(json_free) json_t *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    const char *id;
    json_t *row;
    int err = resource_load(c->tx, s->id, &rows);

    json_object_foreach (rows, id, row) {
        if ((logical_id && strcmp(logical_id, id) != 0) ||
            (physical_id && strcmp(physical_id, json_str(row, "PhysicalResourceId", "")) != 0))
            continue;
        if (json_array_append_new(list, show_resource(s, row)))
            return FAULT(ENOMEM);
    }
    if (!err)
        *ret = take(list);
    return err;
}

int cf_list_stack_resources(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(json_free) json_t *list = NULL;
    int err = cf_stack(c, &stack);

    if (!err)
        err = resources_of(c, &stack, NULL, NULL, &list);
    return err ? err : cf_page(c, "StackResourceSummaries", list, PAGE_MAX);
}

int cf_describe_stack_resource(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(json_free) json_t *list = NULL;
    const char *id = json_str(c->in, "LogicalResourceId", "");
    int err = cf_stack(c, &stack);

    if (!err)
        err = resources_of(c, &stack, id, NULL, &list);
    if (err)
        return err;
    if (json_array_size(list) == 0)
        return call_fail(c, STACK_E_INVALID, "Resource %.255s does not exist for stack %s", id, stack.name);
    return json_put(c->out, "StackResourceDetail", json_incref(json_array_get(list, 0)));
}

int cf_describe_stack_resources(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    json_t *list = NULL;
    const char *physical_id = json_str(c->in, "PhysicalResourceId", NULL);
    const char *name = json_str(c->in, "StackName", NULL);
    char stack_id[STACK_ID_SIZE];
    struct stack_request r = cf_request(c);

    if (!name == !physical_id)
        return call_fail(c, STACK_E_INVALID,
                         "You must specify either StackName or PhysicalResourceId, but not both.");
    int err = name ? 0 : resource_stack(c->tx, c->caller->account, physical_id, stack_id);
    if (err == DB_NONE)
        return call_fail(c, STACK_E_INVALID, "Stack for %.255s does not exist", physical_id);
    if (!err)
        err = request_stack(&r, name ? name : stack_id, &stack);
    if (!err)
        err = resources_of(c, &stack, json_str(c->in, "LogicalResourceId", NULL), NULL, &list);
    return err ? err : json_put(c->out, "StackResources", list);
}

/* ---- events */

int cf_describe_stack_events(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    const char *token = json_str(c->in, "NextToken", NULL);
    const char *topic = arena_printf(c->arena, "cloudformation:%s", c->caller->account);
    int64_t before = INT64_MAX, next = 0;
    json_t *list = NULL;

    if (!topic)
        return FAULT(ENOMEM);
    if (!json_object_get(c->in, "StackName"))
        return call_fail(c, STACK_E_INVALID, "StackName must be specified.");
    if (token && !str_to_int(str_of(token), 1, INT64_MAX, &before))
        return call_fail(c, STACK_E_INVALID, "NextToken %.100s is not valid", token);
    int err = cf_stack(c, &stack);
    if (!err)
        err = event_list(c->tx, stack.id, before, PAGE_MAX, &list, &next);
    if (!err)
        err = json_put(c->out, "StackEvents", list);
    if (!err && next)
        err = json_put_format(c->out, "NextToken", "%lld", (long long)next);
    int64_t wait_ms = call_wait_ms(c);
    if (err || !wait_ms || !stack_busy(stack.status) || c->wait_deadline_mono_ms)
        return err;
    return call_wait(c, wait_ms, topic);
}

/* ---- exports and imports */

int cf_list_exports(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err =
        tx_query(c->tx, &rows,
                 "SELECT stack_id, name, value FROM cloudformation_export WHERE account = $1 ORDER BY name",
                 "s", c->caller->account);

    while (!err && (err = rows_next(rows)) == 0)
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "ExportingStackId", rows_text(rows, 0),
                                                  "Name", rows_text(rows, 1), "Value", rows_text(rows, 2))))
            return FAULT(ENOMEM);
    return err != DB_NONE ? err : cf_page(c, "Exports", list, PAGE_MAX);
}

int cf_list_imports(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    const char *name = json_str(c->in, "ExportName", "");
    int err =
        tx_query(c->tx, &rows,
                 "SELECT s.name FROM cloudformation_import i JOIN cloudformation_stack s ON s.id = i.stack_id"
                 " WHERE i.account = $1 AND i.name = $2 ORDER BY s.name",
                 "ss", c->caller->account, name);

    while (!err && (err = rows_next(rows)) == 0)
        if (json_array_append_new(list, json_string(rows_text(rows, 0))))
            return FAULT(ENOMEM);
    if (err != DB_NONE)
        return err;
    if (json_array_size(list) == 0)
        return call_fail(c, STACK_E_INVALID, "Export '%.255s' is not imported by any stack.", name);
    return cf_page(c, "Imports", list, PAGE_MAX);
}
