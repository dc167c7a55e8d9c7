/* See graph.h. */
#include "services/cloudformation/graph.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/resource.h"
#include "services/cloudformation/scope.h"
#include "wire/json.h"

struct walk {
    struct where *where;
    int (*seen)(const struct reference *reference, const struct where *where, void *arg);
    void *arg;
};

static int walk_value(struct walk *w, const json_t *value);

static int say_dotted(struct walk *w, struct str name)
{
    CLEANUP(free_ptr) char *copy = str_dup(name);

    if (!copy)
        return FAULT(ENOMEM);
    char *dot = strchr(copy, '.');
    struct reference r = {.kind = dot ? REFERENCE_ATTRIBUTE : REFERENCE_NAME, .name = copy};
    if (dot) {
        *dot = '\0';
        r.attribute = dot + 1;
    }
    return w->seen(&r, w->where, w->arg);
}

static int walk_ref(struct walk *w, const json_t *argument)
{
    struct reference r = {.kind = REFERENCE_NAME, .name = json_string_value(argument)};

    return r.name ? w->seen(&r, w->where, w->arg) : 0;
}

static int walk_get_att(struct walk *w, const json_t *argument)
{
    if (json_is_string(argument))
        return say_dotted(w, str_of(json_string_value(argument)));
    struct reference r = {.kind = REFERENCE_ATTRIBUTE,
                          .name = json_string_value(json_array_get(argument, 0)),
                          .attribute = json_string_value(json_array_get(argument, 1))};
    if (!r.name)
        return 0;
    int err = r.attribute ? 0 : walk_value(w, json_array_get(argument, 1));
    return err ? err : w->seen(&r, w->where, w->arg);
}

static int walk_sub(struct walk *w, const json_t *argument)
{
    const char *text = json_string_value(json_is_array(argument) ? json_array_get(argument, 0) : argument);
    const json_t *variables = json_is_array(argument) ? json_array_get(argument, 1) : NULL;
    int err = walk_value(w, variables);

    for (const char *at = text ? strstr(text, "${") : NULL; at && !err; at = strstr(at + 2, "${")) {
        const char *end = strchr(at, '}');
        if (!end)
            return 0;
        struct str name = str_trim((struct str){at + 2, (size_t)(end - at - 2)});
        if (name.len && *name.ptr != '!' && !json_object_getn(variables, name.ptr, name.len))
            err = say_dotted(w, name);
    }
    return err;
}

static int walk_if(struct walk *w, const json_t *argument)
{
    struct reference r = {.kind = REFERENCE_CONDITION,
                          .name = json_string_value(json_array_get(argument, 0))};
    int err = r.name ? w->seen(&r, w->where, w->arg) : 0;

    return err ? err : walk_value(w, argument);
}

static const struct walker {
    const char *name;
    int (*walk)(struct walk *w, const json_t *argument);
} walkers[] = {{"Ref", walk_ref}, {"Fn::GetAtt", walk_get_att}, {"Fn::Sub", walk_sub}, {"Fn::If", walk_if}};

static int walk_member(struct walk *w, const char *key, const json_t *member, bool alone)
{
    for (size_t i = 0; alone && i < ARRAY_LEN(walkers); i++)
        if (strcmp(walkers[i].name, key) == 0)
            return walkers[i].walk(w, member);
    return walk_value(w, member);
}

static int walk_value(struct walk *w, const json_t *value)
{
    const char *key;
    size_t index;
    json_t *member;
    struct where ignored = {""};
    struct where *where = w->where ? w->where : &ignored;
    int err = 0;

    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        size_t mark = where_down(where, key);
        err = walk_member(w, key, member, json_object_size(value) == 1);
        if (err)
            return err;
        where_up(where, mark);
    }
    json_array_foreach (value, index, member) {
        size_t mark = where_down_index(where, index);
        err = walk_value(w, member);
        if (err)
            return err;
        where_up(where, mark);
    }
    return 0;
}

int references_walk(const json_t *value, struct where *where,
                    int (*seen)(const struct reference *reference, const struct where *where, void *arg),
                    void *arg)
{
    struct walk w = {where, seen, arg};

    return walk_value(&w, value);
}

/* ---- checks */

struct check {
    const struct template *template;
    struct reason *why;
    bool resources_allowed;
};

static const char *const pseudo_names[] = {
    "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue",   "AWS::Partition",
    "AWS::Region",    "AWS::StackId",          "AWS::StackName", "AWS::URLSuffix",
};

static bool is_pseudo(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(pseudo_names); i++)
        if (strcmp(pseudo_names[i], name) == 0)
            return true;
    return false;
}

static int check_attribute(const struct check *c, const struct reference *r, const struct where *where)
{
    const struct resource_type *type = resource_type_find(template_resource(c->template, r->name, "Type"));

    if (!r->attribute || (type && resource_type_has_attribute(type, r->attribute)))
        return 0;
    return template_fail(
        c->template, where, c->why,
        "Template error: resource %.200s does not support attribute type %.200s in Fn::GetAtt", r->name,
        r->attribute);
}

static int check_reference(const struct reference *r, const struct where *where, void *arg)
{
    struct check *c = arg;
    const struct template *t = c->template;

    if (r->kind == REFERENCE_CONDITION)
        return json_object_get(t->conditions, r->name)
                   ? 0
                   : template_fail(t, where, c->why, "Template error: unresolved condition dependency %.255s",
                                   r->name);
    if (r->kind == REFERENCE_NAME && (json_object_get(t->parameters, r->name) || is_pseudo(r->name)))
        return 0;
    if (!c->resources_allowed)
        return template_fail(
            t, where, c->why,
            "Template format error: Unresolved dependencies [%.255s]. Cannot reference resources "
            "in the Conditions block of the template",
            r->name);
    if (!json_object_get(t->resources, r->name))
        return template_fail(t, where, c->why,
                             "Template format error: Unresolved resource dependencies [%.255s] in the %s "
                             "block of the template",
                             r->name, strncmp(where->path, "Outputs", 7) == 0 ? "Outputs" : "Resources");
    return r->kind == REFERENCE_ATTRIBUTE ? check_attribute(c, r, where) : 0;
}

static int check_part(struct check *c, const char *section, const json_t *value)
{
    struct where where = {""};

    where_set(&where, section);
    return references_walk(value, &where, check_reference, c);
}

int graph_check(const struct template *t, struct reason *why)
{
    struct check c = {t, why, true};
    struct where where = {""};
    const char *id;
    json_t *resource;
    json_t *order = NULL, *needs = NULL;
    int err = 0;

    json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource) {
        where_set(&where, "Resources");
        (void)where_down(&where, id);
        (void)where_down(&where, "Properties");
        if (!err)
            err = references_walk(json_object_get(resource, "Properties"), &where, check_reference, &c);
    }
    if (!err)
        err = check_part(&c, "Outputs", t->outputs);
    c.resources_allowed = false;
    if (!err)
        err = check_part(&c, "Conditions", t->conditions);
    if (!err)
        err = graph_order(t, &order, &needs, why);
    json_decref(order);
    json_decref(needs);
    return err;
}

/* ---- order */

struct collect {
    const struct template *template;
    json_t *needs; /* of one resource: a set */
};

static int collect_reference(const struct reference *r, const struct where *where, void *arg)
{
    struct collect *c = arg;

    (void)where;
    if (r->kind == REFERENCE_CONDITION || !json_object_get(c->template->resources, r->name))
        return 0;
    return json_object_set_new(c->needs, r->name, json_true()) ? FAULT(ENOMEM) : 0;
}

static int needs_of(const struct template *t, const json_t *resource, json_t *needs)
{
    struct collect c = {t, needs};
    const json_t *depends_on = json_object_get(resource, "DependsOn");
    size_t index;
    json_t *name;
    int err = references_walk(json_object_get(resource, "Properties"), NULL, collect_reference, &c);

    if (!err && json_is_string(depends_on))
        err = json_object_set_new(needs, json_string_value(depends_on), json_true());
    json_array_foreach (depends_on, index, name)
        if (!err)
            err = json_object_set_new(needs, json_string_value(name), json_true());
    return err;
}

static bool all_in(const json_t *needs, const json_t *done)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)needs, name, value)
        if (!json_object_get(done, name))
            return false;
    return true;
}

static int circle(const struct template *t, const json_t *done, struct reason *why)
{
    const char *id, *first = NULL;
    json_t *resource;
    char names[400] = "";
    size_t len = 0;

    json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource) {
        if (json_object_get(done, id) || len + strlen(id) + 3 > sizeof(names))
            continue;
        first = first ? first : id;
        if (len) {
            memcpy(names + len, ", ", 3);
            len += 2;
        }
        memcpy(names + len, id, strlen(id) + 1);
        len += strlen(id);
    }
    struct where where = {""};
    where_set(&where, "Resources");
    (void)where_down(&where, first ? first : "");
    return template_fail(t, &where, why, "Circular dependency between resources: [%s]", names);
}

int graph_order(const struct template *t, json_t **ret_order, json_t **ret_needs, struct reason *why)
{
    CLEANUP(json_free) json_t *order = json_array();
    CLEANUP(json_free) json_t *needs = json_object();
    CLEANUP(json_free) json_t *done = json_object();
    const char *id;
    json_t *resource;
    size_t before;

    json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource) {
        json_t *one = json_object();
        if (json_object_set_new(needs, id, one))
            return FAULT(ENOMEM);
        int err = needs_of(t, resource, one);
        if (err)
            return err;
    }
    do {
        before = json_array_size(order);
        json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource)
            if (!json_object_get(done, id) && all_in(json_object_get(needs, id), done) &&
                (json_object_set_new(done, id, json_true()) || json_array_append_new(order, json_string(id))))
                return FAULT(ENOMEM);
    } while (json_array_size(order) > before);
    if (json_array_size(order) < json_object_size(t->resources))
        return circle(t, done, why);
    *ret_order = take(order);
    *ret_needs = take(needs);
    return 0;
}
