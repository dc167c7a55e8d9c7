/* What an action must hold to, as its type says, and each of AWS's types by itself.
 * Source: CodePipeline user guide, "Action structure reference". */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/engine/approval.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/texts.h"
#include "services/sns/sns.h"
#include "wire/json.h"
#include <ctype.h>

#define QUERYABLE_MAX 20

/* What each ActionMode of Deploy/CloudFormation needs beside ActionMode and StackName. */
static const struct {
    const char *mode;
    const char *needs[2];
} modes[] = {
    {"CREATE_UPDATE", {"TemplatePath", NULL}},
    {"REPLACE_ON_FAILURE", {"TemplatePath", NULL}},
    {"DELETE_ONLY", {NULL, NULL}},
    {"CHANGE_SET_REPLACE", {"TemplatePath", "ChangeSetName"}},
    {"CHANGE_SET_EXECUTE", {"ChangeSetName", NULL}},
};

static int count_check(const json_t *type, const json_t *action, const char *key, const char *details_key,
                       struct reason *why)
{
    const json_t *details = json_object_get(type, details_key);
    int64_t count = (int64_t)json_array_size(json_object_get(action, key));
    int64_t min = json_int(details, "minimumCount", 0), max = json_int(details, "maximumCount", 0);

    if (count >= min && count <= max)
        return 0;
    return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                      "Action '%s' has %lld %s; its action type takes %lld to %lld.",
                      json_str(action, "name", ""), (long long)count, key, (long long)min, (long long)max);
}

static bool property_known(const json_t *properties, const char *name)
{
    const json_t *property;
    size_t i;

    json_array_foreach (properties, i, property)
        if (strcmp(json_str(property, "name", ""), name) == 0)
            return true;
    return false;
}

static int missing(const json_t *action, const char *name, struct reason *why)
{
    return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                      "Action configuration for action '%s' is missing required configuration '%s'",
                      json_str(action, "name", ""), name);
}

static bool has_variable(const char *text)
{
    return text && strstr(text, "#{");
}

/* Workers ask for jobs by it. Source: ActionConfigurationProperty in the CodePipeline API reference. */
static int queryable_check(const json_t *action, const char *key, const char *value, struct reason *why)
{
    struct str text = str_of(value);
    bool fits = text.len <= QUERYABLE_MAX;

    for (size_t i = 0; i < text.len; i++)
        fits = fits && (isalnum((unsigned char)text.ptr[i]) || text.ptr[i] == '_' || text.ptr[i] == '-');
    if (fits || has_variable(value))
        return 0;
    return reason_set(
        why, PIPELINE_E_ACTION_DECLARATION,
        "Action configuration for action '%s' has '%.100s' as '%s', which workers query: it may have "
        "at most %d letters, digits, underscores and hyphens.",
        json_str(action, "name", ""), value, key, QUERYABLE_MAX);
}

static int configuration_check(const json_t *type, const json_t *action, struct reason *why)
{
    const json_t *properties = json_object_get(type, "actionConfigurationProperties"), *property;
    json_t *configuration = json_object_get(action, "configuration"), *value;
    const char *key;
    size_t i;

    json_array_foreach (properties, i, property) {
        const char *name = json_str(property, "name", "");

        if (json_bool(property, "required", false) && !json_object_get(configuration, name))
            return missing(action, name, why);
        if (json_bool(property, "queryable", false) &&
            queryable_check(action, name, json_str(configuration, name, ""), why))
            return PIPELINE_E_ACTION_DECLARATION;
    }
    json_object_foreach (configuration, key, value)
        if (!property_known(properties, key))
            return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                              "Action configuration for action '%s' contains unknown configuration '%s'",
                              json_str(action, "name", ""), key);
    return 0;
}

/* ---- what could never work */

static int input_check(const json_t *action, const char *key, struct str name, struct reason *why)
{
    const json_t *input;
    size_t i;

    json_array_foreach (json_object_get(action, "inputArtifacts"), i, input)
        if (str_eqc(name, json_str(input, "name", "")))
            return 0;
    return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                      "Action '%s' has in its %s the artifact '" STR_FMT
                      "', which is not among its inputArtifacts.",
                      json_str(action, "name", ""), key, STR_ARG(name));
}

/* ARTIFACT::FILE. */
static int path_check(const json_t *action, const char *key, struct reason *why)
{
    const char *path = json_str(json_object_get(action, "configuration"), key, NULL);
    const char *colons = path ? strstr(path, "::") : NULL;

    if (!path || has_variable(path))
        return 0;
    if (!colons)
        return reason_set(
            why, PIPELINE_E_ACTION_DECLARATION,
            "Action '%s' has the %s '%.300s': write ARTIFACT::FILE, with an input artifact's name.",
            json_str(action, "name", ""), key, path);
    return input_check(action, key, (struct str){path, (size_t)(colons - path)}, why);
}

/* Source: CodePipeline user guide, "Amazon S3 deploy action". */
static int s3_check(const json_t *action, struct reason *why)
{
    const json_t *configuration = json_object_get(action, "configuration");

    return strcmp(json_str(configuration, "Extract", ""), "false") == 0 &&
                   !json_object_get(configuration, "ObjectKey")
               ? missing(action, "ObjectKey", why)
               : 0;
}

static int cloudformation_check(const json_t *action, struct reason *why)
{
    const json_t *configuration = json_object_get(action, "configuration");
    const char *mode = json_str(configuration, "ActionMode", "");

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].mode, mode) != 0)
            continue;
        bool reads = false;
        for (size_t k = 0; k < ARRAY_LEN(modes[i].needs) && modes[i].needs[k]; k++) {
            if (!json_object_get(configuration, modes[i].needs[k]))
                return missing(action, modes[i].needs[k], why);
            reads = reads || strcmp(modes[i].needs[k], "TemplatePath") == 0;
        }
        int r = reads ? path_check(action, "TemplatePath", why) : 0;
        return r || !reads ? r : path_check(action, "TemplateConfiguration", why);
    }
    if (has_variable(mode))
        return 0;
    return reason_set(
        why, PIPELINE_E_ACTION_DECLARATION,
        "Action configuration for action '%s' has the unknown ActionMode '%s': it is CREATE_UPDATE, "
        "DELETE_ONLY, REPLACE_ON_FAILURE, CHANGE_SET_REPLACE or CHANGE_SET_EXECUTE.",
        json_str(action, "name", ""), mode);
}

static int primary_source_check(const json_t *action, struct reason *why)
{
    const json_t *inputs = json_object_get(action, "inputArtifacts");
    const json_t *configuration = json_object_get(action, "configuration");

    const char *primary = json_str(configuration, "PrimarySource", NULL);

    if (json_array_size(inputs) > 1 && !primary)
        return missing(action, "PrimarySource", why);
    return primary && !has_variable(primary) ? input_check(action, "PrimarySource", str_of(primary), why) : 0;
}

/* Who may answer is known when the approval begins. */
static bool asks_whom_variables_say(const json_t *configuration)
{
    static const char *const keys[] = {"RequiredApprovals", "Approvers", "ForbidSelfApproval",
                                       "TrustedSessions"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (has_variable(json_str(configuration, keys[i], NULL)))
            return true;
    return false;
}

static int approval_check(const json_t *action, struct reason *why)
{
    const json_t *configuration = json_object_get(action, "configuration");
    const char *topic = json_str(configuration, "NotificationArn", NULL);
    char account[13], name[SNS_NAME_MAX + 1];
    struct approval_rule rule;
    struct reason words = {0};

    if (topic && !has_variable(topic) && !topic_split_arn(str_of(topic), account, name))
        return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                          "Action '%s' has the NotificationArn '%.300s', which is no topic's ARN "
                          "(arn:aws:sns:REGION:ACCOUNT:NAME).",
                          json_str(action, "name", ""), topic);
    if (asks_whom_variables_say(configuration) ||
        (!approval_read(configuration, &rule, &words) && !approval_check_possible(&rule, &words)))
        return 0;
    return reason_set(why, PIPELINE_E_ACTION_DECLARATION, "Action '%s': %s", json_str(action, "name", ""),
                      words.text);
}

/* Source: CodePipeline user guide, "CodeStarSourceConnection". */
static int git_check(const json_t *action, struct reason *why)
{
    const json_t *configuration = json_object_get(action, "configuration");
    const char *format = json_str(configuration, "OutputArtifactFormat", "CODE_ZIP");

    if (strcmp(format, "CODE_ZIP") == 0)
        return 0;
    return reason_set(
        why, PIPELINE_E_ACTION_DECLARATION,
        "Action '%s' has the OutputArtifactFormat '%s'; Slipway makes CODE_ZIP only: builds get "
        "the files, without Git's metadata.",
        json_str(action, "name", ""), format);
}

static int commands_check(const json_t *action, struct reason *why)
{
    const json_t *output = json_array_get(json_object_get(action, "outputArtifacts"), 0);

    if (!json_object_get(action, "commands"))
        return reason_set(why, PIPELINE_E_ACTION_DECLARATION, "Action '%s' has no commands.",
                          json_str(action, "name", ""));
    if (output && !json_object_get(output, "files"))
        return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                          "Action '%s' names no files for its output artifact '%s'.",
                          json_str(action, "name", ""), json_str(output, "name", ""));
    return primary_source_check(action, why);
}

static const struct {
    const char *provider;
    int (*check)(const json_t *action, struct reason *why);
} own_checks[] = {{"CloudFormation", cloudformation_check},
                  {"CodeBuild", primary_source_check},
                  {"Commands", commands_check},
                  {"S3", s3_check},
                  {SOURCE_GIT, git_check},
                  {"Manual", approval_check}};

static int environment_check(const json_t *action, struct reason *why)
{
    const json_t *variables = json_object_get(action, "environmentVariables"), *variable;
    const char *twice = text_twice(variables, "name");
    size_t i;

    if (twice)
        return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                          "Environment variable '%s' of action '%s' is given more than once.", twice,
                          json_str(action, "name", ""));
    json_array_foreach (variables, i, variable)
        if (strcmp(json_str(variable, "type", "PLAINTEXT"), "PLAINTEXT") != 0)
            return reason_set(
                why, PIPELINE_E_ACTION_DECLARATION,
                "Environment variable '%s' of action '%s' is of type %s, which Slipway does not "
                "support: use PLAINTEXT.",
                json_str(variable, "name", ""), json_str(action, "name", ""), json_str(variable, "type", ""));
    return 0;
}

/* Members that only some providers know. */
static int members_check(const json_t *type, const json_t *action, struct reason *why)
{
    static const struct {
        const char *member;
        const char *providers[2];
    } members[] = {{"commands", {"Commands", NULL}},
                   {"outputVariables", {"Commands", NULL}},
                   {"environmentVariables", {"Commands", "CodeBuild"}}};
    const char *provider = json_str(json_object_get(type, "id"), "provider", "");

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        bool known = strcmp(members[i].providers[0], provider) == 0 ||
                     (members[i].providers[1] && strcmp(members[i].providers[1], provider) == 0);

        if (!known && json_object_get(action, members[i].member))
            return reason_set(why, PIPELINE_E_ACTION_DECLARATION,
                              "Action '%s' has %s, which its provider %s does not take.",
                              json_str(action, "name", ""), members[i].member, provider);
    }
    return 0;
}

int action_type_check(const json_t *type, const json_t *action, struct reason *why)
{
    const json_t *id = json_object_get(type, "id");
    int r = count_check(type, action, "inputArtifacts", "inputArtifactDetails", why);

    if (r == 0)
        r = count_check(type, action, "outputArtifacts", "outputArtifactDetails", why);
    if (r == 0)
        r = configuration_check(type, action, why);
    if (r == 0)
        r = members_check(type, action, why);
    if (r == 0)
        r = environment_check(action, why);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(own_checks); i++)
        if (strcmp(json_str(id, "owner", ""), "AWS") == 0 &&
            strcmp(json_str(id, "provider", ""), own_checks[i].provider) == 0)
            r = own_checks[i].check(action, why);
    return r;
}
