/* AWS::CodePipeline::Pipeline. Source: CloudFormation "AWS::CodePipeline::Pipeline" reference. */
#include "services/codepipeline/codepipeline.h"
#include "services/cloudformation/resources/types.h"
#include "services/cloudformation/scope.h"
#include "wire/json.h"

static const struct property artifact_rows[] = {{.name = "Name", .type = PROPERTY_TEXT, .required = true}};
static const struct properties artifact = PROPERTIES(artifact_rows);
static const struct property artifact_item[] = {
    {.name = "Artifact", .type = PROPERTY_STRUCT, .of = &artifact}};
static const struct properties artifact_list = PROPERTIES(artifact_item);

static const struct property text_item[] = {{.name = "Text", .type = PROPERTY_TEXT}};
static const struct properties texts = PROPERTIES(text_item);
static const struct property output_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Files", .type = PROPERTY_LIST, .of = &texts},
};
static const struct properties output = PROPERTIES(output_rows);
static const struct property output_item[] = {{.name = "Artifact", .type = PROPERTY_STRUCT, .of = &output}};
static const struct properties output_list = PROPERTIES(output_item);
static const struct property environment_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Value", .type = PROPERTY_TEXT, .required = true},
    {.name = "Type", .type = PROPERTY_TEXT},
};
static const struct properties environment = PROPERTIES(environment_rows);
static const struct property environment_item[] = {
    {.name = "Variable", .type = PROPERTY_STRUCT, .of = &environment}};
static const struct properties environment_list = PROPERTIES(environment_item);

static const struct property action_type_rows[] = {
    {.name = "Category", .type = PROPERTY_TEXT, .required = true},
    {.name = "Owner", .type = PROPERTY_TEXT, .required = true},
    {.name = "Provider", .type = PROPERTY_TEXT, .required = true},
    {.name = "Version", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties action_type = PROPERTIES(action_type_rows);
static const struct property action_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "ActionTypeId", .type = PROPERTY_STRUCT, .required = true, .of = &action_type},
    {.name = "Configuration", .type = PROPERTY_JSON},
    {.name = "InputArtifacts", .type = PROPERTY_LIST, .of = &artifact_list},
    {.name = "OutputArtifacts", .type = PROPERTY_LIST, .of = &output_list},
    {.name = "Commands", .type = PROPERTY_LIST, .of = &texts},
    {.name = "OutputVariables", .type = PROPERTY_LIST, .of = &texts},
    {.name = "EnvironmentVariables", .type = PROPERTY_LIST, .of = &environment_list},
    {.name = "Namespace", .type = PROPERTY_TEXT},
    {.name = "Region", .type = PROPERTY_TEXT},
    {.name = "RoleArn", .type = PROPERTY_TEXT},
    {.name = "RunOrder", .type = PROPERTY_INTEGER},
    {.name = "TimeoutInMinutes", .type = PROPERTY_INTEGER},
};
static const struct properties action = PROPERTIES(action_rows);
static const struct property action_item[] = {{.name = "Action", .type = PROPERTY_STRUCT, .of = &action}};
static const struct properties actions = PROPERTIES(action_item);
static const struct property rule_type_rows[] = {
    {.name = "Category", .type = PROPERTY_TEXT},
    {.name = "Owner", .type = PROPERTY_TEXT},
    {.name = "Provider", .type = PROPERTY_TEXT},
    {.name = "Version", .type = PROPERTY_TEXT},
};
static const struct properties rule_type = PROPERTIES(rule_type_rows);
static const struct property rule_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT},
    {.name = "RuleTypeId", .type = PROPERTY_STRUCT, .of = &rule_type},
    {.name = "Configuration", .type = PROPERTY_JSON},
    {.name = "Commands", .type = PROPERTY_LIST, .of = &texts},
    {.name = "InputArtifacts", .type = PROPERTY_LIST, .of = &artifact_list},
    {.name = "Region", .type = PROPERTY_TEXT},
    {.name = "RoleArn", .type = PROPERTY_TEXT},
    {.name = "TimeoutInMinutes",
     .type = PROPERTY_INTEGER}, /* as in CreatePipeline; AWS's resource has none */
};
static const struct properties rule = PROPERTIES(rule_rows);
static const struct property rule_item[] = {{.name = "Rule", .type = PROPERTY_STRUCT, .of = &rule}};
static const struct properties rules = PROPERTIES(rule_item);
static const struct property condition_rows[] = {
    {.name = "Result", .type = PROPERTY_TEXT},
    {.name = "Rules", .type = PROPERTY_LIST, .of = &rules},
};
static const struct properties condition = PROPERTIES(condition_rows);
static const struct property condition_item[] = {
    {.name = "Condition", .type = PROPERTY_STRUCT, .of = &condition}};
static const struct properties condition_list = PROPERTIES(condition_item);
static const struct property conditions_rows[] = {
    {.name = "Conditions", .type = PROPERTY_LIST, .of = &condition_list},
};
static const struct properties conditions = PROPERTIES(conditions_rows);

static const char *const retry_modes[] = {"FAILED_ACTIONS", "ALL_ACTIONS", NULL};
static const struct property retry_rows[] = {
    {.name = "RetryMode", .type = PROPERTY_TEXT, .values = retry_modes},
};
static const struct properties retry = PROPERTIES(retry_rows);
static const char *const failure_results[] = {"FAIL", "RETRY", "ROLLBACK", NULL};
static const struct property on_failure_rows[] = {
    {.name = "Result", .type = PROPERTY_TEXT, .values = failure_results},
    {.name = "RetryConfiguration", .type = PROPERTY_STRUCT, .of = &retry},
    {.name = "Conditions", .type = PROPERTY_LIST, .of = &condition_list},
};
static const struct properties on_failure = PROPERTIES(on_failure_rows);

static const struct property blocker_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties blocker = PROPERTIES(blocker_rows);
static const struct property blocker_item[] = {{.name = "Blocker", .type = PROPERTY_STRUCT, .of = &blocker}};
static const struct properties blockers = PROPERTIES(blocker_item);

static const struct property stage_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "Blockers", .type = PROPERTY_LIST, .of = &blockers},
    {.name = "Actions", .type = PROPERTY_LIST, .required = true, .of = &actions},
    {.name = "OnFailure", .type = PROPERTY_STRUCT, .of = &on_failure},
    {.name = "BeforeEntry", .type = PROPERTY_STRUCT, .of = &conditions},
    {.name = "OnSuccess", .type = PROPERTY_STRUCT, .of = &conditions},
};
static const struct properties stage = PROPERTIES(stage_rows);
static const struct property stage_item[] = {{.name = "Stage", .type = PROPERTY_STRUCT, .of = &stage}};
static const struct properties stages = PROPERTIES(stage_item);

static const struct property encryption_rows[] = {
    {.name = "Id", .type = PROPERTY_TEXT, .required = true},
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties encryption = PROPERTIES(encryption_rows);
static const struct property store_rows[] = {
    {.name = "Type", .type = PROPERTY_TEXT, .required = true},
    {.name = "Location", .type = PROPERTY_TEXT, .required = true},
    {.name = "EncryptionKey", .type = PROPERTY_STRUCT, .of = &encryption},
};
static const struct properties store = PROPERTIES(store_rows);
static const struct property regional_rows[] = {
    {.name = "Region", .type = PROPERTY_TEXT, .required = true},
    {.name = "ArtifactStore", .type = PROPERTY_STRUCT, .required = true, .of = &store},
};
static const struct properties regional = PROPERTIES(regional_rows);
static const struct property store_item[] = {{.name = "Store", .type = PROPERTY_STRUCT, .of = &regional}};
static const struct properties stores = PROPERTIES(store_item);

static const struct property transition_rows[] = {
    {.name = "StageName", .type = PROPERTY_TEXT, .required = true},
    {.name = "Reason", .type = PROPERTY_TEXT, .required = true},
};
static const struct properties transition = PROPERTIES(transition_rows);
static const struct property transition_item[] = {
    {.name = "Transition", .type = PROPERTY_STRUCT, .of = &transition}};
static const struct properties transitions = PROPERTIES(transition_item);

static const char *const types[] = {"V1", "V2", NULL};
static const char *const modes[] = {"SUPERSEDED", "QUEUED", "PARALLEL", NULL};

static const struct property variable_rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .required = true},
    {.name = "DefaultValue", .type = PROPERTY_TEXT},
    {.name = "Description", .type = PROPERTY_TEXT},
};
static const struct properties variable = PROPERTIES(variable_rows);
static const struct property variable_item[] = {
    {.name = "Variable", .type = PROPERTY_STRUCT, .of = &variable}};
static const struct properties variables = PROPERTIES(variable_item);

static const struct property criteria_rows[] = {
    {.name = "Includes", .type = PROPERTY_LIST, .of = &texts},
    {.name = "Excludes", .type = PROPERTY_LIST, .of = &texts},
};
static const struct properties criteria = PROPERTIES(criteria_rows);
static const struct property push_rows[] = {
    {.name = "Tags", .type = PROPERTY_STRUCT, .of = &criteria},
    {.name = "Branches", .type = PROPERTY_STRUCT, .of = &criteria},
    {.name = "FilePaths", .type = PROPERTY_STRUCT, .of = &criteria},
};
static const struct properties push = PROPERTIES(push_rows);
static const struct property push_item[] = {{.name = "Filter", .type = PROPERTY_STRUCT, .of = &push}};
static const struct properties push_list = PROPERTIES(push_item);
static const struct property pull_request_rows[] = {
    {.name = "Events", .type = PROPERTY_LIST, .of = &texts},
    {.name = "Branches", .type = PROPERTY_STRUCT, .of = &criteria},
    {.name = "FilePaths", .type = PROPERTY_STRUCT, .of = &criteria},
};
static const struct properties pull_request = PROPERTIES(pull_request_rows);
static const struct property pull_request_item[] = {
    {.name = "Filter", .type = PROPERTY_STRUCT, .of = &pull_request}};
static const struct properties pull_request_list = PROPERTIES(pull_request_item);
static const struct property git_rows[] = {
    {.name = "SourceActionName", .type = PROPERTY_TEXT, .required = true},
    {.name = "Push", .type = PROPERTY_LIST, .of = &push_list},
    {.name = "PullRequest", .type = PROPERTY_LIST, .of = &pull_request_list},
};
static const struct properties git = PROPERTIES(git_rows);
static const struct property trigger_rows[] = {
    {.name = "ProviderType", .type = PROPERTY_TEXT, .required = true},
    {.name = "GitConfiguration", .type = PROPERTY_STRUCT, .of = &git},
};
static const struct properties trigger = PROPERTIES(trigger_rows);
static const struct property trigger_item[] = {{.name = "Trigger", .type = PROPERTY_STRUCT, .of = &trigger}};
static const struct properties triggers = PROPERTIES(trigger_item);

static const struct property rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "RoleArn", .type = PROPERTY_TEXT, .required = true},
    {.name = "ArtifactStore", .type = PROPERTY_STRUCT, .of = &store},
    {.name = "ArtifactStores", .type = PROPERTY_LIST, .of = &stores},
    {.name = "DisableInboundStageTransitions", .type = PROPERTY_LIST, .of = &transitions},
    {.name = "Stages", .type = PROPERTY_LIST, .required = true, .of = &stages},
    {.name = "PipelineType", .type = PROPERTY_TEXT, .values = types},
    {.name = "ExecutionMode", .type = PROPERTY_TEXT, .values = modes},
    {.name = "Variables", .type = PROPERTY_LIST, .of = &variables},
    {.name = "Triggers", .type = PROPERTY_LIST, .of = &triggers},
    {.name = "RestartExecutionOnUpdate", .type = PROPERTY_BOOLEAN},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};
static const char *const attributes[] = {"Version", NULL};
static const char *const keep[] = {"Configuration", NULL};

/* An action's configuration holds texts: numbers and booleans of the template become theirs, objects their
 * JSON (ParameterOverrides). */
static int configuration_texts(json_t *configuration)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(configuration, next, name, value)
    {
        json_t *text = scope_text(value);
        if (!text) {
            CLEANUP(free_ptr) char *json = json_text(value);
            text = json ? json_string(json) : NULL;
        }
        if (json_object_set_new(configuration, name, text))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int conditions_texts(json_t *stage_json)
{
    static const char *const members[] = {"beforeEntry", "onSuccess", "onFailure"};
    json_t *one_condition, *one_rule;
    size_t k, m;
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_array_foreach (json_object_get(json_object_get(stage_json, members[i]), "conditions"), k,
                            one_condition)
            json_array_foreach (json_object_get(one_condition, "rules"), m, one_rule)
                if (!err)
                    err = configuration_texts(json_object_get(one_rule, "configuration"));
    return err;
}

/* The API's map by region. */
static int stores_of(json_t *declaration)
{
    const json_t *list = json_object_get(declaration, "artifactStores"), *item;
    json_t *map = list ? json_object() : NULL;
    size_t i;

    if (!list)
        return 0;
    json_array_foreach (list, i, item)
        if (map && json_object_set(map, json_str(item, "region", ""), json_object_get(item, "artifactStore")))
            json_free(&map);
    return json_put(declaration, "artifactStores", map);
}

static int declaration_of(const struct resource_work *w, json_t **ret)
{
    CLEANUP(json_free) json_t *declaration = resource_lower_camel(w->properties, keep);
    size_t i, j;
    json_t *one_stage, *one_action;
    int err = declaration ? json_put_str(declaration, "name", w->physical_id) : FAULT(ENOMEM);

    if (json_bool(w->properties, "RestartExecutionOnUpdate", false))
        return reason_set(
            w->why, PIPELINE_E_STRUCTURE,
            "RestartExecutionOnUpdate: true is not supported by Slipway: start the execution yourself");
    json_object_del(declaration, "restartExecutionOnUpdate");
    json_object_del(declaration, "tags");
    json_object_del(declaration, "disableInboundStageTransitions");
    if (!err)
        err = stores_of(declaration);
    json_array_foreach (json_object_get(declaration, "stages"), i, one_stage) {
        json_array_foreach (json_object_get(one_stage, "actions"), j, one_action)
            if (!err)
                err = configuration_texts(json_object_get(one_action, "configuration"));
        if (!err)
            err = conditions_texts(one_stage);
    }
    if (!err)
        *ret = take(declaration);
    return err;
}

/* Whoever asked for the stack's operation, in the stack's account. */
static struct principal actor_of(const struct resource_work *w)
{
    struct principal actor = {0};

    (void)snprintf(actor.account, sizeof(actor.account), "%s", w->account);
    (void)snprintf(actor.arn, sizeof(actor.arn), "%s", w->actor);
    return actor;
}

static bool is_listed(const json_t *list, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (strcmp(json_str(item, "StageName", ""), name) == 0)
            return true;
    return false;
}

/* What the template does not disable any more is enabled, where the stage is still there. */
static int transitions_set(struct resource_work *w, const struct principal *actor)
{
    static const char name[] = "DisableInboundStageTransitions";
    const json_t *now = json_object_get(w->properties, name), *before = json_object_get(w->before, name),
                 *item;
    size_t i;
    int err = 0;

    json_array_foreach (before, i, item) {
        const char *of = json_str(item, "StageName", "");

        if (!err && !is_listed(now, of))
            err = pipeline_transition(w->tx, w->platform, actor, w->physical_id, of, NULL, w->why);
        if (err == PIPELINE_E_STAGE_NOT_FOUND)
            err = 0;
    }
    json_array_foreach (now, i, item)
        if (!err)
            err = pipeline_transition(w->tx, w->platform, actor, w->physical_id,
                                      json_str(item, "StageName", ""), json_str(item, "Reason", ""), w->why);
    return err;
}

static int tags_change(struct resource_work *w)
{
    const json_t *given = json_object_get(w->properties, "Tags");
    CLEANUP(json_free) json_t *tags = given ? resource_lower_camel(given, NULL) : NULL;

    if (!given && !json_object_get(w->before, "Tags"))
        return 0;
    if (given && !tags)
        return FAULT(ENOMEM);
    return pipeline_tags_set(w->tx, w->platform, w->account, w->physical_id, tags, w->why);
}

static int create(struct resource_work *w)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    CLEANUP(json_free) json_t *tags = NULL;
    const json_t *given = json_object_get(w->properties, "Tags");
    int err = resource_name(w, "Name", PIPELINE_NAME_MAX, false, w->physical_id);

    if (!err)
        err = declaration_of(w, &declaration);
    if (err)
        return err;
    if (given && !(tags = resource_lower_camel(given, NULL)))
        return FAULT(ENOMEM);
    const struct principal actor = actor_of(w);
    err = pipeline_create(w->tx, w->platform, &actor, declaration, tags, w->why);
    if (!err)
        err = transitions_set(w, &actor);
    return err ? err : resource_attribute(w, "Version", "1");
}

static int update(struct resource_work *w)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    const struct principal actor = actor_of(w);
    int64_t version = 0;
    int err = declaration_of(w, &declaration);

    if (!err)
        err = pipeline_update(w->tx, w->platform, &actor, declaration, &version, w->why);
    if (!err)
        err = tags_change(w);
    if (!err)
        err = transitions_set(w, &actor);
    return err ? err : resource_attribute(w, "Version", "%lld", (long long)version);
}

static int drop(struct resource_work *w)
{
    const struct principal actor = actor_of(w);
    int err = pipeline_delete(w->tx, w->platform, &actor, w->physical_id, w->why);

    return err == PIPELINE_E_NOT_FOUND ? 0 : err;
}

const struct resource_type codepipeline_pipeline_type = {
    .name = "AWS::CodePipeline::Pipeline",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "Name",
    .create = create,
    .update = update,
    .remove = drop,
};
