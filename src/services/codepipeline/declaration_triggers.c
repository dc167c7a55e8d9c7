/* AWS's rules of triggers. Source: CodePipeline API Reference, GitConfiguration; user guide, "Add trigger
 * with code push or pull request event types": tags, branches, or branches and file paths. */
#include "services/codepipeline/declaration_triggers.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/engine/source.h"
#include "wire/glob.h"
#include "wire/json.h"

struct check {
    const char *action; /* the trigger's */
    struct reason *why;
};

static int patterns_check(const struct check *check, const json_t *list)
{
    const json_t *pattern;
    struct glob glob;
    size_t i;

    json_array_foreach (list, i, pattern) {
        struct reason words = {0};

        if (glob_parse(str_of(json_string_value(pattern)), &glob, &words))
            return reason_set(check->why, PIPELINE_E_STRUCTURE,
                              "The trigger of action '%s' has the pattern '%s', which is not valid: %s.",
                              check->action, json_string_value(pattern), words.text);
    }
    return 0;
}

static bool says(const json_t *filter, const char *member)
{
    const json_t *criteria = json_object_get(filter, member);

    return json_object_get(criteria, "includes") || json_object_get(criteria, "excludes");
}

static int criteria_check(const struct check *check, const json_t *filter)
{
    static const char *const members[] = {"tags", "branches", "filePaths"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++) {
        const json_t *criteria = json_object_get(filter, members[i]);

        if (criteria && !says(filter, members[i]))
            return reason_set(check->why, PIPELINE_E_STRUCTURE,
                              "The trigger of action '%s' filters by %s without includes or excludes.",
                              check->action, members[i]);
        r = patterns_check(check, json_object_get(criteria, "includes"));
        if (r == 0)
            r = patterns_check(check, json_object_get(criteria, "excludes"));
    }
    return r;
}

static int filter_check(const struct check *check, const json_t *filter, const char *kind, const char *words)
{
    bool tags = says(filter, "tags"), branches = says(filter, "branches"), paths = says(filter, "filePaths");

    if ((tags && (branches || paths)) || (!tags && !branches))
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "A %s filter in the trigger of action '%s' must have %s.", kind, check->action,
                          words);
    return criteria_check(check, filter);
}

static int filters_check(const struct check *check, const json_t *git)
{
    static const struct {
        const char *kind;
        const char *words;
    } kinds[] = {{"push", "either tags, or branches, or branches and filePaths"},
                 {"pullRequest", "either branches, or branches and filePaths"}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *filter;
        size_t k;

        json_array_foreach (json_object_get(git, kinds[i].kind), k, filter) {
            int r = filter_check(check, filter, kinds[i].kind, kinds[i].words);

            if (r)
                return r;
        }
    }
    return 0;
}

static int action_check(const struct check *check, const json_t *declaration)
{
    const json_t *action = source_declared(declaration, check->action);

    if (!action)
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "The pipeline has no source action named '%s', which a trigger names.",
                          check->action);
    if (!source_is_git(json_object_get(action, "actionTypeId")))
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "A trigger names the source action '%s', whose provider is not " SOURCE_GIT ".",
                          check->action);
    return 0;
}

int declaration_triggers_check(const json_t *declaration, struct reason *why)
{
    const json_t *triggers = json_object_get(declaration, "triggers"), *trigger;
    size_t i;

    if (json_array_size(triggers) > 0 && strcmp(declaration_type(declaration), "V2") != 0)
        return reason_set(why, PIPELINE_E_STRUCTURE,
                          "Triggers need a pipeline of type V2: set pipelineType to V2.");
    json_array_foreach (triggers, i, trigger) {
        const json_t *git = json_object_get(trigger, "gitConfiguration");
        const struct check check = {json_str(git, "sourceActionName", ""), why};
        int r = action_check(&check, declaration);

        if (r == 0)
            r = filters_check(&check, git);
        if (r)
            return r;
        if (source_trigger(declaration, check.action) != trigger)
            return reason_set(why, PIPELINE_E_STRUCTURE,
                              "A source action has at most one trigger: '%s' has more.", check.action);
    }
    return 0;
}
