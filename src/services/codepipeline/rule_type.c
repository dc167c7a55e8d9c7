/* The table of rule types. Source: CodePipeline user guide, "Rule structure reference". CheckUrl is Slipway's
 * own: where there are no functions or alarms, an HTTP endpoint answers in their place. */
#include "services/codepipeline/rule_type.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/engine/plan.h"
#include "services/codepipeline/engine/rule.h"
#include "wire/json.h"
#include "wire/pattern.h"

#define PROPERTIES_MAX 4

struct property {
    const char *name;
    bool required;
};

struct rule_type {
    const char *provider;
    int inputs_min;
    int inputs_max;
    bool commands; /* takes commands, and needs them */
    struct property properties[PROPERTIES_MAX];
    int (*check)(const json_t *rule, struct reason *why); /* NULL: none of its own */
};

static const char *setting(const json_t *rule, const char *name)
{
    return json_str(json_object_get(rule, "configuration"), name, NULL);
}

static int window_check(const json_t *rule, struct reason *why)
{
    struct reason words = {0};
    struct cron cron;
    struct zone zone;

    if (strstr(setting(rule, "Cron"), "#{") ||
        !window_read(json_object_get(rule, "configuration"), &cron, &zone, &words))
        return 0;
    return reason_set(why, PIPELINE_E_STAGE_DECLARATION, "Rule '%s': %s", json_str(rule, "name", ""),
                      words.text);
}

static int variable_check(const json_t *rule, struct reason *why)
{
    const char *operator_name = setting(rule, "Operator"), *value = setting(rule, "Value");
    struct reason words = {0};

    if (strcmp(operator_name, "MATCHES") == 0 && !strstr(value, "#{") && pattern_check(str_of(value), &words))
        return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                          "Rule '%s' has the Value '%s', which is no regular expression: %s.",
                          json_str(rule, "name", ""), value, words.text);
    if (operator_known(operator_name))
        return 0;
    return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                      "Rule '%s' has the unknown Operator '%s': it is EQ, NE, CONTAINS or MATCHES.",
                      json_str(rule, "name", ""), operator_name);
}

static int url_check(const json_t *rule, struct reason *why)
{
    const char *url = setting(rule, "CheckUrl");

    if (str_starts(str_of(url), STR("http://")) || str_starts(str_of(url), STR("https://")))
        return 0;
    return reason_set(
        why, PIPELINE_E_STAGE_DECLARATION,
        "Rule '%s' needs a CheckUrl (http:// or https://) in its configuration: Slipway asks there "
        "in place of the function or the alarm.",
        json_str(rule, "name", ""));
}

/* A misspelt one would let everything through. */
static int alarm_states_check(const json_t *rule, struct reason *why)
{
    struct str rest = str_of(setting(rule, "AlarmStates"));

    if (rest.ptr && strstr(rest.ptr, "#{"))
        return 0;
    while (rest.ptr) {
        struct str state = str_trim(str_split(&rest, ','));

        if (!str_eqc(state, "OK") && !str_eqc(state, "ALARM") && !str_eqc(state, "INSUFFICIENT_DATA"))
            return reason_set(
                why, PIPELINE_E_STAGE_DECLARATION,
                "Rule '%s' has the AlarmStates '%s': write some of ALARM, OK, INSUFFICIENT_DATA, with "
                "commas between them.",
                json_str(rule, "name", ""), setting(rule, "AlarmStates"));
    }
    return 0;
}

static int alarm_check(const json_t *rule, struct reason *why)
{
    const char *wait = setting(rule, "WaitTime");
    int64_t most = json_int(rule, "timeoutInMinutes", WATCH_MAX_MINUTES + 1) - 1, minutes;

    if (most > WATCH_MAX_MINUTES)
        most = WATCH_MAX_MINUTES;
    if (wait && !strstr(wait, "#{") && !str_to_int(str_of(wait), 0, most, &minutes))
        return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                          "Rule '%s' has the WaitTime '%s': write a number of minutes, at most %lld%s.",
                          json_str(rule, "name", ""), wait, (long long)most,
                          most < WATCH_MAX_MINUTES ? ", since its timeoutInMinutes is one more" : "");
    int r = alarm_states_check(rule, why);
    return r ? r : url_check(rule, why);
}

static const struct rule_type types[] = {
    {"CloudWatchAlarm",
     0,
     0,
     false,
     {{"AlarmName", true}, {"AlarmStates", false}, {"WaitTime", false}, {"CheckUrl", false}},
     alarm_check},
    {"CodeBuild",
     1,
     5,
     false,
     {{"ProjectName", true}, {"PrimarySource", false}, {"EnvironmentVariables", false}},
     NULL},
    {"Commands", 0, 5, true, {{"PrimarySource", false}}, NULL},
    {"DeploymentWindow", 0, 0, false, {{"Cron", true}, {"TimeZone", false}}, window_check},
    {"LambdaInvoke",
     0,
     5,
     false,
     {{"FunctionName", true}, {"UserParameters", false}, {"CheckUrl", false}},
     url_check},
    {"VariableCheck", 0, 0, false, {{"Variable", true}, {"Value", true}, {"Operator", true}}, variable_check},
};

/* ---- as the API shows them */

static json_t *properties_json(const struct property *properties)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < PROPERTIES_MAX && properties[i].name; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:b, s:b, s:s}", "name",
                                                  properties[i].name, "required", properties[i].required,
                                                  "key", 0, "secret", 0, "queryable", 0, "type", "String")))
            json_free(&list);
    return list;
}

int rule_type_list(json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (json_array_append_new(
                list, json_pack("{s:{s:s, s:s, s:s, s:s}, s:{}, s:o, s:{s:i, s:i}}", "id", "category", "Rule",
                                "owner", "AWS", "provider", types[i].provider, "version", "1", "settings",
                                "ruleConfigurationProperties", properties_json(types[i].properties),
                                "inputArtifactDetails", "minimumCount", types[i].inputs_min, "maximumCount",
                                types[i].inputs_max)))
            return FAULT(ENOMEM);
    *ret = take(list);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* ---- checks */

static bool property_known(const struct rule_type *type, const char *name)
{
    for (size_t i = 0; i < PROPERTIES_MAX && type->properties[i].name; i++)
        if (strcmp(type->properties[i].name, name) == 0)
            return true;
    return false;
}

static int configuration_check(const struct rule_type *type, const json_t *rule, struct reason *why)
{
    json_t *configuration = json_object_get(rule, "configuration"), *value;
    const char *name = json_str(rule, "name", ""), *key;

    for (size_t i = 0; i < PROPERTIES_MAX && type->properties[i].name; i++)
        if (type->properties[i].required && !json_object_get(configuration, type->properties[i].name))
            return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                              "The configuration of rule '%s' is missing the required '%s'.", name,
                              type->properties[i].name);
    json_object_foreach (configuration, key, value)
        if (!property_known(type, key))
            return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                              "The configuration of rule '%s' contains the unknown '%s'.", name, key);
    return 0;
}

static int shape_check(const struct rule_type *type, const json_t *rule, struct reason *why)
{
    bool commands = json_array_size(json_object_get(rule, "commands")) > 0;
    size_t inputs = json_array_size(json_object_get(rule, "inputArtifacts"));

    if (commands != type->commands)
        return reason_set(why, PIPELINE_E_STAGE_DECLARATION, "Rule '%s' %s commands: its provider is %s.",
                          json_str(rule, "name", ""), commands ? "takes no" : "needs", type->provider);
    if (inputs < (size_t)type->inputs_min || inputs > (size_t)type->inputs_max)
        return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                          "Rule '%s' has %zu inputArtifacts; its type takes %d to %d.",
                          json_str(rule, "name", ""), inputs, type->inputs_min, type->inputs_max);
    return 0;
}

static const struct rule_type *type_find(const json_t *rule)
{
    const json_t *id = json_object_get(rule, "ruleTypeId");

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].provider, json_str(id, "provider", "")) == 0 &&
            strcmp(json_str(id, "version", "1"), "1") == 0)
            return &types[i];
    return NULL;
}

int rule_type_check(const json_t *rule, const char *stage, struct reason *why)
{
    const struct rule_type *type = type_find(rule);
    int r;

    if (!type)
        return reason_set(why, PIPELINE_E_STAGE_DECLARATION,
                          "Rule '%s' of stage '%s' has an unknown type: ListRuleTypes lists them.",
                          json_str(rule, "name", ""), stage);
    r = shape_check(type, rule, why);
    if (r == 0)
        r = configuration_check(type, rule, why);
    return r || !type->check ? r : type->check(rule, why);
}
