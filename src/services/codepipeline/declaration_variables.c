/* References to variables that nothing in the pipeline can ever give: their namespace is nobody's, or that of
 * an action that does not come before, or the pipeline declares no variable of that name. Source:
 * CodePipeline user guide, "Variables"; words as observed with AWS. */
#include "services/codepipeline/declaration_variables.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/engine/variables.h"
#include "wire/json.h"

struct check {
    json_t *known; /* {namespace: {name: true}, or [place, order]: whatever that action gives} */
    const char *stage;
    size_t place;     /* of the stage */
    int64_t order;    /* in it: what is of a lower one comes before */
    const char *kind; /* "Action" or "Rule" */
    const char *name;
    int outcome;
    struct reason *why;
};

static int spaces_collect(const json_t *declaration, json_t *known)
{
    const json_t *variable, *stage, *action;
    json_t *names = json_object();
    size_t i, k;
    int r = json_put(known, "variables", names);

    json_array_foreach (json_object_get(declaration, "variables"), i, variable)
        if (r == 0)
            r = json_put_bool(names, json_str(variable, "name", ""), true);
    if (r == 0)
        r = json_put(known, "codepipeline", json_pack("{s:b}", VARIABLE_EXECUTION_ID, 1));
    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if (r == 0 && json_object_get(action, "namespace"))
                r = json_put(known, json_str(action, "namespace", ""),
                             json_pack("[I, I]", (json_int_t)i, (json_int_t)json_int(action, "runOrder", 1)));
    return r;
}

/* Of an action's namespace: whether the action has ended before what refers to it begins. */
static bool comes_before(const struct check *check, const json_t *action)
{
    int64_t place = json_integer_value(json_array_get(action, 0));

    return place < (int64_t)check->place ||
           (place == (int64_t)check->place && json_integer_value(json_array_get(action, 1)) < check->order);
}

/* NULL: it can have a value. */
static const char *lack_of(const struct check *check, struct str space, struct str name)
{
    const json_t *names = json_object_getn(check->known, space.ptr, space.len);

    if (!names)
        return "a namespace that does not exist";
    if (json_is_array(names) && !comes_before(check, names))
        return "a namespace of an action that does not come before";
    return name.len > 0 && (json_is_array(names) || json_object_getn(names, name.ptr, name.len))
               ? NULL
               : "a variable that does not exist";
}

static int text_check(const struct check *check, const char *key, const char *text)
{
    struct str rest = str_of(text), reference;

    while (variables_next(&rest, &reference)) {
        struct str name = reference, space = str_split(&name, '.');
        const char *lack = lack_of(check, space, name);

        if (!lack)
            continue;
        return reason_set(
            check->why, check->outcome,
            "Valid format for a pipeline execution variable reference is a namespace and a key separated by "
            "a "
            "period (.). The following pipeline execution variables are referencing %s. "
            "StageName=[%s], %sName=[%s], %sConfigurationKey=[%s], VariableReferenceText=[" STR_FMT "]",
            lack, check->stage, check->kind, check->name, check->kind, key, STR_ARG(reference));
    }
    return 0;
}

/* Texts, or objects of texts. */
static int list_check(const struct check *check, const char *member, const json_t *list)
{
    const json_t *item;
    size_t i;
    int r = 0;

    json_array_foreach (list, i, item)
        if (r == 0)
            r = text_check(check, member,
                           json_is_object(item) ? json_str(item, "value", "") : json_string_value(item));
    return r;
}

/* An action or a rule. */
static int one_check(const struct check *check, const json_t *one)
{
    json_t *configuration = json_object_get(one, "configuration"), *value;
    const char *key;
    int r = 0;

    json_object_foreach (configuration, key, value)
        if (r == 0)
            r = text_check(check, key, json_string_value(value));
    if (r == 0)
        r = list_check(check, "commands", json_object_get(one, "commands"));
    return r ? r : list_check(check, "environmentVariables", json_object_get(one, "environmentVariables"));
}

static int each_check(struct check *check, const char *kind, int outcome, const json_t *list)
{
    bool actions = outcome == PIPELINE_E_ACTION_DECLARATION;

    const json_t *one;
    size_t i;
    int r = 0;

    check->kind = kind;
    check->outcome = outcome;
    json_array_foreach (list, i, one) {
        check->name = json_str(one, "name", "");
        check->order = actions ? json_int(one, "runOrder", 1) : check->order;
        if (r == 0)
            r = one_check(check, one);
    }
    return r;
}

static int stage_check(struct check *check, const json_t *stage)
{
    static const char *const members[] = {"beforeEntry", "onSuccess", "onFailure"};
    int r;

    check->stage = json_str(stage, "name", "");
    r = each_check(check, "Action", PIPELINE_E_ACTION_DECLARATION, json_object_get(stage, "actions"));
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++) {
        const json_t *conditions = json_object_get(json_object_get(stage, members[i]), "conditions");

        check->order = i == 0 ? 0 : INT64_MAX; /* entry comes before all actions, the others after them */
        r = each_check(check, "Rule", PIPELINE_E_STAGE_DECLARATION,
                       json_object_get(json_array_get(conditions, 0), "rules"));
    }
    return r;
}

int declaration_variables_check(const json_t *declaration, struct reason *why)
{
    CLEANUP(json_free) json_t *known = json_object();
    struct check check = {.known = known, .why = why};
    const json_t *stage;
    size_t i;
    int r = known ? spaces_collect(declaration, known) : FAULT(ENOMEM);

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        if (r == 0) {
            check.place = i;
            r = stage_check(&check, stage);
        }
    return r;
}
