/* AWS's rules of conditions: which results each kind takes, and where.
 * Source: CodePipeline user guide, "Configure conditions for a stage" and "Configure automatic retry". */
#include "services/codepipeline/declaration_conditions.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/rule_type.h"
#include "services/codepipeline/texts.h"
#include "wire/json.h"

struct check {
    const json_t *stage;
    const char *name;
    bool first;
    bool v2;
    bool parallel;
    struct reason *why;
};

static const struct kind {
    const char *member;
    const char *words;
    const char *results[4];
} kinds[] = {
    {"beforeEntry", "FAIL or SKIP", {"FAIL", "SKIP", NULL}},
    {"onSuccess", "FAIL or ROLLBACK", {"FAIL", "ROLLBACK", NULL}},
    {"onFailure", "FAIL, RETRY or ROLLBACK", {"FAIL", "RETRY", "ROLLBACK", NULL}},
};

static int result_check(const struct check *check, const struct kind *kind, const json_t *holder)
{
    const char *result = json_str(holder, "result", "FAIL");
    size_t i = 0;

    while (kind->results[i] && strcmp(kind->results[i], result) != 0)
        i++;
    if (!kind->results[i])
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "Stage '%s' has the result %s in its %s, which takes %s.", check->name, result,
                          kind->member, kind->words);
    if (strcmp(result, "ROLLBACK") != 0)
        return 0;
    if (check->first)
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "The source stage '%s' cannot be rolled back.", check->name);
    if (check->parallel)
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "Stage '%s' cannot be rolled back in PARALLEL mode.", check->name);
    return 0;
}

static int rules_check(const struct check *check, const struct kind *kind, const json_t *rules)
{
    const char *twice = text_twice(rules, "name");
    const json_t *rule;
    size_t i;
    int r = 0;

    if (json_array_size(rules) == 0)
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "The condition in %s of stage '%s' has no rules.", kind->member, check->name);
    if (twice)
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "Rule names must be unique within a condition: '%s' is used more than once in "
                          "stage '%s'.",
                          twice, check->name);
    json_array_foreach (rules, i, rule)
        if (r == 0)
            r = rule_type_check(rule, check->name, check->why);
    return r;
}

static int kind_check(const struct check *check, const struct kind *kind)
{
    const json_t *holder = json_object_get(check->stage, kind->member);
    const json_t *condition = json_array_get(json_object_get(holder, "conditions"), 0);
    int r;

    if (!holder)
        return 0;
    if (!check->v2)
        return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                          "Stage '%s' has %s, which needs a pipeline of type V2: set pipelineType to V2.",
                          check->name, kind->member);
    r = result_check(check, kind, holder);
    if (r || !condition)
        return r;
    r = result_check(check, kind, condition);
    return r ? r : rules_check(check, kind, json_object_get(condition, "rules"));
}

static int retry_check(const struct check *check)
{
    const json_t *on_failure = json_object_get(check->stage, "onFailure");

    if (!json_object_get(on_failure, "retryConfiguration") ||
        strcmp(json_str(on_failure, "result", "FAIL"), "RETRY") == 0)
        return 0;
    return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                      "Stage '%s' has a retryConfiguration, which goes with the result RETRY only.",
                      check->name);
}

int declaration_conditions_check(const json_t *declaration, const json_t *stage, bool first,
                                 struct reason *why)
{
    const struct check check = {
        .stage = stage,
        .name = json_str(stage, "name", ""),
        .first = first,
        .v2 = strcmp(declaration_type(declaration), "V2") == 0,
        .parallel = strcmp(declaration_mode(declaration), "PARALLEL") == 0,
        .why = why,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(kinds); i++)
        r = kind_check(&check, &kinds[i]);
    return r ? r : retry_check(&check);
}
