/* The table of AWS's action types, and custom ones.
 * Source: CodePipeline user guide, "Action structure reference" and "Valid action types and providers". */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/texts.h"
#include "wire/json.h"

#define PROPERTIES_MAX 12
#define CUSTOM_TYPES_MAX 50 /* CodePipeline user guide, "Quotas" */

struct property {
    const char *name;
    bool required;
};

struct aws_type {
    const char *category;
    const char *provider;
    int inputs_min, inputs_max, outputs_min, outputs_max;
    struct property properties[PROPERTIES_MAX];
};

static const struct aws_type aws_types[] = {
    {"Source",
     "S3",
     0,
     0,
     1,
     1,
     {{"S3Bucket", true},
      {"S3ObjectKey", true},
      {"PollForSourceChanges", false},
      {"AllowOverrideForS3ObjectKey", false}}},
    {"Source",
     SOURCE_GIT,
     0,
     0,
     1,
     1,
     {{"ConnectionArn", true},
      {"FullRepositoryId", true},
      {"BranchName", true},
      {"OutputArtifactFormat", false},
      {"DetectChanges", false}}},
    {"Approval",
     "Manual",
     0,
     0,
     0,
     0,
     {{"NotificationArn", false},
      {"CustomData", false},
      {"ExternalEntityLink", false},
      {"RequiredApprovals", false},
      {"Approvers", false},
      {"ForbidSelfApproval", false},
      {"TrustedSessions", false}}},
    {"Deploy",
     "CloudFormation",
     0,
     10,
     0,
     1,
     {{"ActionMode", true},
      {"StackName", true},
      {"ChangeSetName", false},
      {"TemplatePath", false},
      {"TemplateConfiguration", false},
      {"Capabilities", false},
      {"OutputFileName", false},
      {"ParameterOverrides", false},
      {"RoleArn", false}}},
    {"Deploy",
     "S3",
     1,
     1,
     0,
     0,
     {{"BucketName", true},
      {"Extract", true},
      {"ObjectKey", false},
      {"KMSEncryptionKeyARN", false},
      {"CannedACL", false},
      {"CacheControl", false}}},
    {"Build",
     "CodeBuild",
     1,
     5,
     0,
     5,
     {{"ProjectName", true},
      {"PrimarySource", false},
      {"BatchEnabled", false},
      {"CombineArtifacts", false},
      {"EnvironmentVariables", false}}},
    {"Test",
     "CodeBuild",
     1,
     5,
     0,
     5,
     {{"ProjectName", true},
      {"PrimarySource", false},
      {"BatchEnabled", false},
      {"CombineArtifacts", false},
      {"EnvironmentVariables", false}}},
    {"Compute", "Commands", 0, 5, 0, 1, {{"PrimarySource", false}}},
};

static int properties_json(const struct property *properties, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();

    for (size_t i = 0; i < PROPERTIES_MAX && properties[i].name; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:b, s:b, s:s}", "name",
                                                  properties[i].name, "required", properties[i].required,
                                                  "key", 0, "secret", 0, "queryable", 0, "type", "String")))
            return FAULT(ENOMEM);
    *ret = take(list);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int aws_type_json(const struct aws_type *type, json_t **ret)
{
    json_t *properties;
    int r = properties_json(type->properties, &properties);

    if (r)
        return r;
    *ret = json_pack("{s:{s:s, s:s, s:s, s:s}, s:{}, s:o, s:{s:i, s:i}, s:{s:i, s:i}}", "id", "category",
                     type->category, "owner", "AWS", "provider", type->provider, "version", "1", "settings",
                     "actionConfigurationProperties", properties, "inputArtifactDetails", "minimumCount",
                     type->inputs_min, "maximumCount", type->inputs_max, "outputArtifactDetails",
                     "minimumCount", type->outputs_min, "maximumCount", type->outputs_max);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int aws_type_find(const json_t *id, json_t **ret)
{
    for (size_t i = 0; i < ARRAY_LEN(aws_types); i++)
        if (strcmp(aws_types[i].category, json_str(id, "category", "")) == 0 &&
            strcmp(aws_types[i].provider, json_str(id, "provider", "")) == 0 &&
            strcmp("1", json_str(id, "version", "")) == 0)
            return aws_type_json(&aws_types[i], ret);
    return DB_NONE;
}

static int declaration_column(struct rows *rows, json_t **ret)
{
    int r = json_parse(rows_str(rows, 0), ret, NULL);

    return r > 0 ? FAULT(EBADMSG) : r;
}

static int custom_find(struct tx *tx, const char *account, const json_t *id, bool deleted, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query_row(tx, &rows,
                     "SELECT declaration FROM codepipeline_action_type WHERE account = $1 AND category = $2"
                     " AND provider = $3 AND version = $4 AND deleted <= $5",
                     "ssssi", account, json_str(id, "category", ""), json_str(id, "provider", ""),
                     json_str(id, "version", ""), (int64_t)deleted);

    return r ? r : declaration_column(rows, ret);
}

int action_type_find(struct tx *tx, const char *account, const json_t *id, json_t **ret)
{
    const char *owner = json_str(id, "owner", "");

    if (strcmp(owner, "AWS") == 0)
        return aws_type_find(id, ret);
    return strcmp(owner, "Custom") == 0 ? custom_find(tx, account, id, false, ret) : DB_NONE;
}

int action_type_known(struct tx *tx, const char *account, const json_t *id, json_t **ret)
{
    return custom_find(tx, account, id, true, ret);
}

static int list_custom(struct tx *tx, const char *account, json_t *list)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT declaration FROM codepipeline_action_type WHERE account = $1 AND deleted = 0"
                     " ORDER BY category, provider, version",
                     "s", account);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        json_t *type = NULL;

        r = declaration_column(rows, &type);
        json_object_del(type, "maker"); /* GetActionType's alone */
        if (r == 0 && json_array_append_new(list, type))
            r = FAULT(ENOMEM);
    }
    return r == DB_NONE ? 0 : r;
}

int action_type_list(struct tx *tx, const char *account, const char *owner, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; r == 0 && (!owner || strcmp(owner, "AWS") == 0) && i < ARRAY_LEN(aws_types); i++) {
        json_t *type = NULL;

        r = aws_type_json(&aws_types[i], &type);
        if (r == 0 && json_array_append_new(list, type))
            r = FAULT(ENOMEM);
    }
    if (r == 0 && (!owner || strcmp(owner, "Custom") == 0))
        r = list_custom(tx, account, list);
    if (r == 0)
        *ret = take(list);
    return r;
}

static int names_check(const json_t *type, struct reason *why)
{
    const char *twice = text_twice(json_object_get(type, "actionConfigurationProperties"), "name");

    return twice ? reason_set(why, PIPELINE_E_INVALID,
                              "Property names must be unique: '%s' is used more than once.", twice)
                 : 0;
}

static int queryable_check(const json_t *type, struct reason *why)
{
    const json_t *property, *found = NULL;
    size_t i;

    json_array_foreach (json_object_get(type, "actionConfigurationProperties"), i, property) {
        if (!json_bool(property, "queryable", false))
            continue;
        if (found)
            return reason_set(why, PIPELINE_E_INVALID, "An action type has at most one queryable property.");
        found = property;
        if (!json_bool(property, "required", false) || json_bool(property, "secret", false))
            return reason_set(why, PIPELINE_E_INVALID,
                              "The queryable property '%s' must be required and not secret.",
                              json_str(property, "name", ""));
    }
    return 0;
}

int action_type_declaration_check(const json_t *type, struct reason *why)
{
    static const char *const details[] = {"inputArtifactDetails", "outputArtifactDetails"};

    for (size_t i = 0; i < ARRAY_LEN(details); i++) {
        const json_t *counts = json_object_get(type, details[i]);

        if (json_int(counts, "minimumCount", 0) > json_int(counts, "maximumCount", 0))
            return reason_set(why, PIPELINE_E_INVALID,
                              "The minimumCount of %s is more than its maximumCount.", details[i]);
    }
    int r = names_check(type, why);

    return r ? r : queryable_check(type, why);
}

static int room_check(struct tx *tx, const char *account, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT COUNT(*) FROM codepipeline_action_type WHERE account = $1 AND deleted = 0",
                         "s", account);

    if (r || rows_int(rows, 0) <= CUSTOM_TYPES_MAX)
        return r;
    return reason_set(why, PIPELINE_E_LIMIT, "Account '%s' has %d custom action types, which is the most.",
                      account, CUSTOM_TYPES_MAX);
}

/* One that was deleted comes back when it is made again just as it was.
 * Source: CodePipeline API Reference, DeleteCustomActionType. */
static int restore(struct tx *tx, const char *account, const json_t *type, const char *text,
                   struct reason *why)
{
    const json_t *id = json_object_get(type, "id");
    const char *category = json_str(id, "category", ""), *provider = json_str(id, "provider", "");
    const char *version = json_str(id, "version", "");
    int r = tx_exec(tx,
                    "UPDATE codepipeline_action_type SET deleted = 0 WHERE account = $1 AND category = $2"
                    " AND provider = $3 AND version = $4 AND deleted = 1 AND declaration = $5",
                    "sssss", account, category, provider, version, text);

    if (r || tx_changes(tx) > 0)
        return r;
    return reason_set(
        why, PIPELINE_E_LIMIT,
        "The custom action type %s/%s version %s exists, or was deleted and was another: choose "
        "another version.",
        category, provider, version);
}

int action_type_create(struct tx *tx, const char *account, const json_t *in, json_t **ret, struct reason *why)
{
    const char *category = json_str(in, "category", ""), *provider = json_str(in, "provider", "");
    const char *version = json_str(in, "version", "");
    json_t *properties = json_object_get(in, "configurationProperties");
    json_t *settings = json_object_get(in, "settings");
    CLEANUP(json_free) json_t *empty_list = json_array();
    CLEANUP(json_free) json_t *empty = json_object();
    CLEANUP(json_free)
    json_t *type =
        json_pack("{s:{s:s, s:s, s:s, s:s}, s:O, s:O, s:O, s:O}", "id", "category", category, "owner",
                  "Custom", "provider", provider, "version", version, "settings", settings ? settings : empty,
                  "actionConfigurationProperties", properties ? properties : empty_list,
                  "inputArtifactDetails", json_object_get(in, "inputArtifactDetails"),
                  "outputArtifactDetails", json_object_get(in, "outputArtifactDetails"));
    CLEANUP(free_ptr) char *text = type ? json_text(type) : NULL;
    int r;

    if (!text)
        return FAULT(ENOMEM);
    r = action_type_declaration_check(type, why);
    if (r)
        return r;
    r = tx_exec(
        tx,
        "INSERT INTO codepipeline_action_type (account, category, provider, version, deleted, declaration)"
        " VALUES ($1, $2, $3, $4, 0, $5)",
        "sssss", account, category, provider, version, text);
    if (r == DB_EXISTS)
        r = restore(tx, account, type, text, why);
    if (r == 0)
        r = room_check(tx, account, why);
    if (r == 0)
        *ret = take(type);
    return r;
}

int action_type_delete(struct tx *tx, const char *account, const char *category, const char *provider,
                       const char *version)
{
    return tx_exec(tx,
                   "UPDATE codepipeline_action_type SET deleted = 1 WHERE account = $1 AND category = $2"
                   " AND provider = $3 AND version = $4",
                   "ssss", account, category, provider, version);
}
