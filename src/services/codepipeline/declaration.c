/* AWS's rules of a pipeline's structure. One function per rule, in the order in which AWS applies them.
 * Source: CodePipeline user guide, "Pipeline structure reference"; messages as AWS words them where known. */
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/declaration_conditions.h"
#include "services/codepipeline/declaration_triggers.h"
#include "services/codepipeline/declaration_variables.h"
#include "services/codepipeline/notify.h"
#include "services/codepipeline/texts.h"
#include "services/sns/sns.h"
#include "wire/json.h"
#include <ctype.h>

#define STAGES_MAX 50
#define ACTIONS_MAX 50

struct check {
    struct tx *tx;
    const char *account;
    const char *region; /* the only one there is */
    const json_t *declaration;
    const json_t *stages;
    struct reason *why;
};

static const char *name_of(const json_t *object)
{
    return json_str(object, "name", "");
}

const char *declaration_type_default(bool variables, bool triggers)
{
    return variables || triggers ? "V2" : "V1";
}

const char *declaration_type(const json_t *declaration)
{
    return json_str(declaration, "pipelineType",
                    declaration_type_default(json_object_get(declaration, "variables") != NULL,
                                             json_object_get(declaration, "triggers") != NULL));
}

const char *declaration_mode(const json_t *declaration)
{
    return json_str(declaration, "executionMode", DECLARATION_MODE);
}

int declaration_put_kind(json_t *out, const json_t *declaration)
{
    int r = json_put_str(out, "pipelineType", declaration_type(declaration));

    return r ? r : json_put_str(out, "executionMode", declaration_mode(declaration));
}

static int check_features(const struct check *check)
{
    const char *mode = declaration_mode(check->declaration);

    if (strcmp(mode, "SUPERSEDED") != 0 && strcmp(declaration_type(check->declaration), "V2") != 0)
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "Execution mode %s needs a pipeline of type V2: set pipelineType to V2.", mode);
    return 0;
}

/* Source: CodePipeline user guide, "What type of pipeline is right for me?" A pipeline that has variables and
 * does not say its type is of type V2 (CodePipeline API, PipelineDeclaration). */
static int check_variables(const struct check *check)
{
    const json_t *variables = json_object_get(check->declaration, "variables");
    const char *twice = text_twice(variables, "name");

    if (twice)
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "Variable names must be unique: '%s' is used more than once.", twice);
    if (json_array_size(variables) > 0 && strcmp(declaration_type(check->declaration), "V2") != 0)
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "Pipeline variables need a pipeline of type V2: set pipelineType to V2.");
    return 0;
}

static int check_store(const struct check *check)
{
    size_t stores = json_object_size(json_object_get(check->declaration, "artifactStores"));

    if ((json_object_get(check->declaration, "artifactStore") != NULL) == (stores > 0))
        return reason_set(check->why, PIPELINE_E_STRUCTURE,
                          "A pipeline must have either artifactStore or artifactStores, and not both.");
    return 0;
}

/* ---- regions: a store, an action and a rule may name one */

static int foreign(const struct check *check, int outcome, const char *what, const char *name,
                   const char *region)
{
    if (strcmp(region, check->region) == 0)
        return 0;
    return reason_set(check->why, outcome, "%s %s names the region %s; Slipway has one region only: %s.",
                      what, name, region, check->region);
}

static int actions_region(const struct check *check, const json_t *stage)
{
    const json_t *action;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(stage, "actions"), i, action)
        if (r == 0)
            r = foreign(check, PIPELINE_E_ACTION_DECLARATION, "Action", name_of(action),
                        json_str(action, "region", check->region));
    return r;
}

static int rules_region(const struct check *check, const json_t *stage)
{
    static const char *const members[] = {"beforeEntry", "onSuccess", "onFailure"};
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *list = json_object_get(json_object_get(stage, members[i]), "conditions"), *rule;
        size_t k;

        json_array_foreach (json_object_get(json_array_get(list, 0), "rules"), k, rule)
            if (r == 0)
                r = foreign(check, PIPELINE_E_STAGE_DECLARATION, "Rule", name_of(rule),
                            json_str(rule, "region", check->region));
    }
    return r;
}

static int check_regions(const struct check *check)
{
    json_t *stores = json_object_get(check->declaration, "artifactStores"), *store;
    const json_t *stage;
    const char *region;
    size_t i;
    int r = 0;

    json_object_foreach (stores, region, store)
        if (r == 0)
            r = foreign(check, PIPELINE_E_STRUCTURE, "The store", json_str(store, "location", ""), region);
    json_array_foreach (check->stages, i, stage) {
        if (r == 0)
            r = actions_region(check, stage);
        if (r == 0)
            r = rules_region(check, stage);
    }
    return r;
}

static int check_stages(const struct check *check)
{
    const char *twice = text_twice(check->stages, "name");
    size_t count = json_array_size(check->stages);

    if (count < 2)
        return reason_set(
            check->why, PIPELINE_E_STRUCTURE,
            "Pipeline has only %zu stage(s). There should be a minimum of 2 stages in a pipeline", count);
    if (count > STAGES_MAX)
        return reason_set(check->why, PIPELINE_E_STRUCTURE, "Pipeline has %zu stages; the most is %d.", count,
                          STAGES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *stage = json_array_get(check->stages, i);
        size_t actions = json_array_size(json_object_get(stage, "actions"));

        if (actions == 0 || actions > ACTIONS_MAX)
            return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                              "Stage '%s' has %zu actions; a stage has 1 to %d.", name_of(stage), actions,
                              ACTIONS_MAX);
    }
    return twice ? reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                              "Stage names must be unique: '%s' is used more than once.", twice)
                 : 0;
}

static int check_conditions(const struct check *check)
{
    const json_t *stage;
    size_t i;

    json_array_foreach (check->stages, i, stage) {
        int r = declaration_conditions_check(check->declaration, stage, i == 0, check->why);

        if (r)
            return r;
    }
    return 0;
}

static int check_triggers(const struct check *check)
{
    return declaration_triggers_check(check->declaration, check->why);
}

static int check_action_names(const struct check *check)
{
    const json_t *stage;
    size_t i;

    json_array_foreach (check->stages, i, stage) {
        const char *twice = text_twice(json_object_get(stage, "actions"), "name");

        if (twice)
            return reason_set(
                check->why, PIPELINE_E_ACTION_DECLARATION,
                "Action names must be unique within a stage: '%s' is used more than once in stage '%s'.",
                twice, name_of(stage));
    }
    return 0;
}

static int check_sources(const struct check *check)
{
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (check->stages, i, stage) {
        json_array_foreach (json_object_get(stage, "actions"), k, action) {
            const char *category = json_str(json_object_get(action, "actionTypeId"), "category", "");
            bool source = strcmp(category, "Source") == 0;

            if (i == 0 && !source)
                return reason_set(check->why, PIPELINE_E_STRUCTURE,
                                  "Pipeline should start with a stage that only contains source actions");
            if (i > 0 && source)
                return reason_set(check->why, PIPELINE_E_STRUCTURE,
                                  "Only the first stage may contain source actions: '%s' is in stage '%s'.",
                                  name_of(action), name_of(stage));
        }
    }
    return 0;
}

#define REGION_SIZE 32

/* us-east-1 as US_EAST_1 */
static void region_shout(const char *region, char ret[REGION_SIZE])
{
    str_copy(ret, REGION_SIZE, region);
    for (; *ret; ret++)
        *ret = *ret == '-' ? '_' : (char)toupper((unsigned char)*ret);
}

static int check_type(const struct check *check, const json_t *action)
{
    const json_t *id = json_object_get(action, "actionTypeId");
    CLEANUP(json_free) json_t *type = NULL;
    char region[REGION_SIZE];
    int r = action_type_find(check->tx, check->account, id, &type);

    region_shout(check->region, region);
    if (r == DB_NONE)
        return reason_set(
            check->why, PIPELINE_E_ACTION_DECLARATION,
            "ActionType (Category: '%s', Provider: '%s', Owner: '%s', Version: '%s') in action '%s' is "
            "not available in region %s: ListActionTypes lists those that are, CreateCustomActionType makes "
            "your own",
            json_str(id, "category", ""), json_str(id, "provider", ""), json_str(id, "owner", ""),
            json_str(id, "version", ""), name_of(action), region);
    return r ? r : action_type_check(type, action, check->why);
}

static int check_types(const struct check *check)
{
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (check->stages, i, stage) {
        json_array_foreach (json_object_get(stage, "actions"), k, action) {
            int r = check_type(check, action);

            if (r)
                return r;
        }
    }
    return 0;
}

/* ---- artifacts: made before they are used, and once */

static int rule_inputs_check(const struct check *check, const json_t *rule, const json_t *made,
                             int64_t before)
{
    const json_t *input;
    size_t i;

    json_array_foreach (json_object_get(rule, "inputArtifacts"), i, input) {
        const json_t *maker = json_object_get(made, name_of(input));

        if (!maker || json_int(maker, "stage", 0) >= before)
            return reason_set(check->why, PIPELINE_E_STAGE_DECLARATION,
                              "Input artifact %s of rule %s is not made by any action before it.",
                              name_of(input), name_of(rule));
    }
    return 0;
}

static int inputs_check(const struct check *check, const json_t *action, const json_t *made, int64_t stage)
{
    const json_t *input;
    size_t i;

    json_array_foreach (json_object_get(action, "inputArtifacts"), i, input) {
        const json_t *maker = json_object_get(made, name_of(input));
        int64_t order = json_int(action, "runOrder", 1);

        if (!maker || json_int(maker, "stage", 0) > stage ||
            (json_int(maker, "stage", 0) == stage && json_int(maker, "order", 0) >= order))
            return reason_set(
                check->why, PIPELINE_E_ACTION_DECLARATION,
                "Input Artifact Bundle %s in action %s is not declared as Output Artifact Bundle in any "
                "of the preceding actions",
                name_of(input), name_of(action));
    }
    return 0;
}

/* A rule before the actions sees what earlier stages made, the others what their stage made too. */
static int rules_inputs_check(const struct check *check, const json_t *stage, const json_t *made, int64_t at)
{
    static const struct {
        const char *member;
        int64_t sees;
    } phases[] = {{"beforeEntry", 0}, {"onSuccess", 1}, {"onFailure", 1}};
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        const json_t *list = json_object_get(json_object_get(stage, phases[i].member), "conditions"), *rule;
        size_t k;

        json_array_foreach (json_object_get(json_array_get(list, 0), "rules"), k, rule)
            if (r == 0)
                r = rule_inputs_check(check, rule, made, at + phases[i].sees);
    }
    return r;
}

static int outputs_collect(const struct check *check, const json_t *action, json_t *made, size_t stage)
{
    const json_t *output;
    size_t i;

    json_array_foreach (json_object_get(action, "outputArtifacts"), i, output) {
        if (json_object_get(made, name_of(output)))
            return reason_set(
                check->why, PIPELINE_E_ACTION_DECLARATION,
                "Output Artifact Bundle name must be unique within the pipeline. %s has been used more "
                "than once.",
                name_of(output));
        if (json_object_set_new(made, name_of(output),
                                json_pack("{s:I, s:I}", "stage", (json_int_t)stage, "order",
                                          (json_int_t)json_int(action, "runOrder", 1))))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int check_artifacts(const struct check *check)
{
    CLEANUP(json_free) json_t *made = json_object();
    const json_t *stage, *action;
    size_t i, k;
    int r = made ? 0 : FAULT(ENOMEM);

    json_array_foreach (check->stages, i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if (r == 0)
                r = outputs_collect(check, action, made, i);
    json_array_foreach (check->stages, i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if (r == 0)
                r = inputs_check(check, action, made, (int64_t)i);
    json_array_foreach (check->stages, i, stage)
        if (r == 0)
            r = rules_inputs_check(check, stage, made, (int64_t)i);
    return r;
}

/* ---- namespaces */

static int check_references(const struct check *check)
{
    return declaration_variables_check(check->declaration, check->why);
}

static int check_namespaces(const struct check *check)
{
    CLEANUP(json_free) json_t *seen = json_object();
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (check->stages, i, stage) {
        json_array_foreach (json_object_get(stage, "actions"), k, action) {
            const char *space = json_str(action, "namespace", NULL);

            if (!space)
                continue;
            if (strcmp(space, "codepipeline") == 0 || strcmp(space, "variables") == 0)
                return reason_set(check->why, PIPELINE_E_ACTION_DECLARATION,
                                  "The namespace '%s' of action '%s' is "
                                  "reserved.",
                                  space, name_of(action));
            if (json_object_get(seen, space))
                return reason_set(
                    check->why, PIPELINE_E_ACTION_DECLARATION,
                    "Namespaces must be unique within the pipeline: '%s' is used more than once.", space);
            if (json_object_set_new(seen, space, json_true()))
                return FAULT(ENOMEM);
        }
    }
    return 0;
}

static struct str region_of(const char *arn)
{
    struct str rest = str_of(arn);

    for (int i = 0; i < 3; i++)
        (void)str_split(&rest, ':');
    return str_split(&rest, ':');
}

/* Topics' policies are not evaluated: on AWS another account's topic may let the pipeline publish. */
static int topic_check(const struct check *check, const json_t *action)
{
    const json_t *type = json_object_get(action, "actionTypeId");
    const char *arn = json_str(json_object_get(action, "configuration"), "NotificationArn", "");
    char account[13], name[SNS_NAME_MAX + 1];

    if (strcmp(json_str(type, "owner", ""), "AWS") != 0 || strstr(arn, "#{") ||
        !topic_split_arn(str_of(arn), account, name))
        return 0;
    if (!str_eqc(region_of(arn), check->region))
        return reason_set(
            check->why, PIPELINE_E_ACTION_DECLARATION,
            "Action '%s' has the NotificationArn %.300s, a topic of another region; Slipway has one "
            "region only: %s.",
            name_of(action), arn, check->region);
    if (notify_may(account, check->account, json_str(action, "roleArn", NULL)))
        return 0;
    return reason_set(check->why, PIPELINE_E_ACTION_DECLARATION,
                      "Action '%s' has the NotificationArn %.300s, a topic of another account: it must be of "
                      "the pipeline's account, or of that of the action's roleArn.",
                      name_of(action), arn);
}

static int check_topics(const struct check *check)
{
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (check->stages, i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action) {
            int r = topic_check(check, action);

            if (r)
                return r;
        }
    return 0;
}

static int (*const checks[])(const struct check *) = {
    check_features,     check_variables,  check_store,   check_stages,   check_conditions,
    check_action_names, check_sources,    check_types,   check_triggers, check_artifacts,
    check_namespaces,   check_references, check_regions, check_topics,
};

int declaration_check(struct tx *tx, const char *account, const char *region, const json_t *declaration,
                      struct reason *why)
{
    struct check check = {tx, account, region, declaration, json_object_get(declaration, "stages"), why};
    int r = shape_validate(&shape_declaration, declaration, why);

    if (r == CALL_INVALID)
        return PIPELINE_E_STRUCTURE;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(checks); i++)
        r = checks[i](&check);
    return r;
}

static int action_normalise(json_t *action)
{
    static const char *const lists[] = {"inputArtifacts", "outputArtifacts"};

    if (!json_object_get(action, "runOrder") && json_object_set_new(action, "runOrder", json_integer(1)))
        return FAULT(ENOMEM);
    if (!json_object_get(action, "configuration") &&
        json_object_set_new(action, "configuration", json_object()))
        return FAULT(ENOMEM);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (!json_object_get(action, lists[i]) && json_object_set_new(action, lists[i], json_array()))
            return FAULT(ENOMEM);
    return 0;
}

int declaration_normalise(const json_t *declaration, int64_t version, json_t **ret)
{
    CLEANUP(json_free) json_t *copy = json_deep_copy(declaration);
    json_t *stage, *action;
    size_t i, k;
    int r = copy ? json_put_int(copy, "version", version) : FAULT(ENOMEM);

    json_array_foreach (json_object_get(copy, "stages"), i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if (r == 0)
                r = action_normalise(action);
    if (r == 0)
        *ret = take(copy);
    return r;
}
