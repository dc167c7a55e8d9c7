/* Random declarations: stages that versions share by name, actions of every kind, conditions, ways to fail.
 */
#include "people_codepipeline.h"
#include "sim_codepipeline.h"
#include "wire/json.h"
#include <stdio.h>

static json_t *action_json(const struct sim_plan *plan, size_t stage, size_t index)
{
    char name[] = {'a', (char)('0' + index), plan->stages[stage][1], 0};
    uint64_t kind = stage == 0 ? 0 : 1 + random_below(4);
    const char *stack = chance(12) ? "#{Src.Nothing}" : chance(3) ? "#{Src.Id}-x" : "s";
    const char *const types[][2] = {{"Source", "S3"},
                                    {"Approval", "Manual"},
                                    {"Deploy", "S3"},
                                    {"Deploy", "CloudFormation"},
                                    {"Deploy", "CloudFormation"}};
    json_t *action = json_pack("{s:s, s:I, s:{s:s, s:s, s:s, s:s}}", "name", name, "runOrder",
                               (json_int_t)plan->order[stage][index], "actionTypeId", "category",
                               types[kind][0], "owner", "AWS", "provider", types[kind][1], "version", "1");
    if (kind == 1 && chance(3))
        json_object_set_new(action, "configuration", json_pack("{s:s}", "RequiredApprovals", "2"));
    if (kind == 0) {
        char output[] = {'o', (char)('0' + index), 0};
        json_object_set_new(action, "outputArtifacts", json_pack("[{s:s}]", "name", output));
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s}", "S3Bucket", "b-b", "S3ObjectKey", "k"));
        if (index == 0)
            json_object_set_new(action, "namespace", json_string("Src"));
    } else if (kind == 2) {
        json_object_set_new(action, "inputArtifacts", json_pack("[{s:s}]", "name", "o0"));
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s}", "BucketName", "b-b", "Extract", "true"));
    } else if (kind > 2) {
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s, s:s}", "ActionMode", "DELETE_ONLY", "StackName", stack,
                                      "RoleArn", "arn:aws:iam::222222222222:role/r"));
        if (chance(10))
            json_object_set_new(action, "roleArn", json_string("arn:aws:iam::" THEIRS ":role/" THEIR_ROLE));
    }
    return action;
}

/* Windows are open every other minute; one that hardly ever opens is for a stage to be skipped by. */
static json_t *rule_json(size_t index, bool skips, bool sourced)
{
    char name[] = {'r', (char)('0' + index), 0};
    uint64_t kind = random_below(3);
    if (kind == 0 && !sourced) /* there is no variable yet */
        kind = 1;
    const char *provider = kind == 0 ? "VariableCheck" : kind == 1 ? "DeploymentWindow" : "Commands";
    json_t *rule = json_pack("{s:s, s:{s:s, s:s}}", "name", name, "ruleTypeId", "category", "Rule",
                             "provider", provider);
    if (kind == 0)
        json_object_set_new(rule, "configuration",
                            json_pack("{s:s, s:s, s:s}", "Variable", "#{Src.Id}", "Operator", "EQ", "Value",
                                      chance(3) ? "w" : "v"));
    else if (kind == 1)
        json_object_set_new(rule, "configuration",
                            json_pack("{s:s}", "Cron", skips && chance(2) ? "* 0 0 1 1 ?" : "* */2 * ? * *"));
    else
        json_object_set_new(rule, "commands", json_pack("[s]", "true"));
    return rule;
}

/* [{result, rules}], or NULL. */
static json_t *conditions_random(const char *result, bool sourced)
{
    json_t *rules = json_array();
    for (size_t i = 0; i <= random_below(3); i++)
        json_array_append_new(rules, rule_json(i, is(result, "SKIP"), sourced));
    return json_pack("[{s:s, s:o}]", "result", result, "rules", rules);
}

static void conditions_add(struct sim_plan *plan, size_t stage, json_t *json)
{
    bool may_go_back = stage > 0 && plan->mode != MODE_PARALLEL;
    json_t *failure = json_object_get(json, "onFailure");
    plan->entry[stage] = chance(4);
    if (plan->entry[stage])
        json_object_set_new(
            json, "beforeEntry",
            json_pack("{s:o}", "conditions", conditions_random(chance(2) ? "SKIP" : "FAIL", stage > 0)));
    if (chance(6))
        json_object_set_new(
            json, "onSuccess",
            json_pack("{s:o}", "conditions",
                      conditions_random(may_go_back && chance(2) ? "ROLLBACK" : "FAIL", true)));
    if (chance(6) && !failure)
        json_object_set_new(json, "onFailure", failure = json_object());
    if (failure && chance(2))
        json_object_set_new(failure, "conditions",
                            conditions_random(may_go_back && chance(2) ? "ROLLBACK" : "RETRY", true));
    if (json_object_size(failure) == 0)
        json_object_del(json, "onFailure");
}

/* NULL: none. */
static json_t *failure_random(const struct sim_plan *plan, size_t stage)
{
    uint64_t kind = random_below(5);
    if (kind == 0)
        return json_pack("{s:s}", "result", "RETRY");
    if (kind == 1)
        return json_pack("{s:s, s:{s:s}}", "result", "RETRY", "retryConfiguration", "retryMode",
                         "ALL_ACTIONS");
    if (kind == 2 && stage > 0 && plan->mode != MODE_PARALLEL)
        return json_pack("{s:s}", "result", "ROLLBACK");
    return NULL;
}

/* The stages after the first are drawn from one pool in any order, so that versions share names. */
json_t *plan_random(struct sim_plan *plan, bool full)
{
    size_t pool[STAGES] = {0, 1, 2, 3, 4};
    json_t *stages = json_array();
    plan->count = full ? STAGES : 2 + random_below(STAGES - 1);
    plan->mode = chance(2) ? MODE_SUPERSEDED : chance(2) ? MODE_QUEUED : MODE_PARALLEL;
    for (size_t i = 0; i < plan->count; i++) {
        size_t pick = i == 0 ? 0 : i + random_below(STAGES - i), name = pool[pick];
        json_t *actions = json_array();
        int64_t order = 1;
        pool[pick] = pool[i];
        (void)snprintf(plan->stages[i], sizeof(plan->stages[i]), "S%zu", name);
        plan->actions[i] = 1 + random_below(i == 0 ? 2 : ACTIONS);
        for (size_t k = 0; k < plan->actions[i]; k++) {
            order += (int64_t)random_below(2);
            plan->order[i][k] = order;
            json_array_append_new(actions, action_json(plan, i, k));
        }
        json_array_append_new(stages, json_pack("{s:s, s:o, s:o*}", "name", plan->stages[i], "actions",
                                                actions, "onFailure", failure_random(plan, i)));
        conditions_add(plan, i, json_array_get(stages, i));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o}", "name", PIPELINE, "pipelineType", "V2",
                     "executionMode", plan_mode_name(plan->mode), "roleArn",
                     "arn:aws:iam::222222222222:role/r", "artifactStore", "type", "S3", "location", "store",
                     "stages", stages);
}
