/* Action types in the form of their makers: GetActionType and UpdateActionType.
 *
 * AWS shows so what providers have made with its integration models; here it is the account's custom types,
 * and those of AWS's that anchors run. All are run by job workers. Source: CodePipeline API Reference,
 * ActionTypeDeclaration. */
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/secrets.h"
#include "wire/json.h"

static int no_type(const json_t *id, struct reason *why)
{
    return reason_set(why, PIPELINE_E_ACTION_TYPE_NOT_FOUND,
                      "There is no action type with category %s, owner %s, provider %s, version %s.",
                      json_str(id, "category", ""), json_str(id, "owner", ""), json_str(id, "provider", ""),
                      json_str(id, "version", ""));
}

/* ---- shown */

static int properties_show(const json_t *type, json_t *out)
{
    json_t *list = json_array();
    const json_t *property;
    size_t i;
    int r = json_put(out, "properties", list);

    json_array_foreach (json_object_get(type, "actionConfigurationProperties"), i, property)
        if (r == 0 &&
            json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:b, s:b, s:s*}", "name",
                                                  json_str(property, "name", ""), "optional",
                                                  !json_bool(property, "required", false), "key",
                                                  json_bool(property, "key", false), "noEcho",
                                                  json_bool(property, "secret", false), "queryable",
                                                  json_bool(property, "queryable", false), "description",
                                                  json_str(property, "description", NULL))))
            r = FAULT(ENOMEM);
    return r;
}

static int urls_show(const json_t *type, json_t *out)
{
    const json_t *settings = json_object_get(type, "settings");

    if (json_object_size(settings) == 0)
        return 0;
    return json_put(out, "urls",
                    json_pack("{s:s*, s:s*, s:s*, s:s*}", "configurationUrl",
                              json_str(settings, "thirdPartyConfigurationUrl", NULL), "entityUrlTemplate",
                              json_str(settings, "entityUrlTemplate", NULL), "executionUrlTemplate",
                              json_str(settings, "executionUrlTemplate", NULL), "revisionUrlTemplate",
                              json_str(settings, "revisionUrlTemplate", NULL)));
}

/* Who polls: the account's own workers, or anchors. */
static int executor_show(const char *account, const json_t *type, json_t *out)
{
    const json_t *maker = json_object_get(type, "maker");
    bool custom = strcmp(json_str(json_object_get(type, "id"), "owner", ""), "Custom") == 0;
    json_t *workers = custom ? json_pack("{s:[s]}", "pollingAccounts", account)
                             : json_pack("{s:[s]}", "pollingServicePrincipals", "codepipeline.amazonaws.com");

    int64_t timeout_s = json_int(maker, "jobTimeout", 0);
    json_t *shown_timeout = timeout_s ? json_integer(timeout_s) : NULL;

    return json_put(out, "executor",
                    json_pack("{s:s, s:{s:o}, s:s*, s:o*}", "type", "JobWorker", "configuration",
                              "jobWorkerExecutorConfiguration", workers, "policyStatementsTemplate",
                              json_str(maker, "policyStatementsTemplate", NULL), "jobTimeout",
                              shown_timeout));
}

int action_type_describe(struct tx *tx, const char *account, const json_t *id, json_t **ret,
                         struct reason *why)
{
    CLEANUP(json_free) json_t *type = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    int r = action_type_find(tx, account, id, &type);

    if (r)
        return r == DB_NONE ? no_type(id, why) : r;
    out = json_pack("{s:O, s:O, s:O, s:{s:[s]}, s:s*}", "id", json_object_get(type, "id"),
                    "inputArtifactDetails", json_object_get(type, "inputArtifactDetails"),
                    "outputArtifactDetails", json_object_get(type, "outputArtifactDetails"), "permissions",
                    "allowedAccounts", account, "description",
                    json_str(json_object_get(type, "maker"), "description", NULL));
    r = out ? executor_show(account, type, out) : FAULT(ENOMEM);
    if (r == 0)
        r = properties_show(type, out);
    if (r == 0)
        r = urls_show(type, out);
    if (r == 0)
        *ret = take(out);
    return r;
}

/* ---- changed */

static bool only_is(const json_t *list, const char *account)
{
    const char *first = json_string_value(json_array_get(list, 0));

    return !list || (json_array_size(list) == 1 && first && strcmp(first, account) == 0);
}

/* What is not carried out is refused, not forgotten. */
static int support_check(const char *account, const json_t *declaration, struct reason *why)
{
    const json_t *executor = json_object_get(declaration, "executor");
    const json_t *workers = json_path(executor, "configuration.jobWorkerExecutorConfiguration");

    if (strcmp(json_str(executor, "type", ""), "JobWorker") != 0 ||
        json_path(executor, "configuration.lambdaExecutorConfiguration"))
        return reason_set(why, PIPELINE_E_REQUEST_FAILED,
                          "Action types run by Lambda are not supported by Slipway: use the type JobWorker.");
    if (!only_is(json_object_get(workers, "pollingAccounts"), account) ||
        json_object_get(workers, "pollingServicePrincipals"))
        return reason_set(why, PIPELINE_E_REQUEST_FAILED,
                          "Only workers of account %s poll for this action type: other pollingAccounts and "
                          "pollingServicePrincipals are not supported by Slipway.",
                          account);
    if (!only_is(json_path(declaration, "permissions.allowedAccounts"), account))
        return reason_set(
            why, PIPELINE_E_REQUEST_FAILED,
            "Only pipelines of account %s use this action type: other allowedAccounts are not supported "
            "by Slipway.",
            account);
    return 0;
}

static int properties_take(const json_t *declaration, json_t *type)
{
    json_t *list = json_array();
    const json_t *property;
    size_t i;
    int r = json_put(type, "actionConfigurationProperties", list);

    json_array_foreach (json_object_get(declaration, "properties"), i, property)
        if (r == 0 &&
            json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:b, s:b, s:s*}", "name",
                                                  json_str(property, "name", ""), "required",
                                                  !json_bool(property, "optional", false), "key",
                                                  json_bool(property, "key", false), "secret",
                                                  json_bool(property, "noEcho", false), "queryable",
                                                  json_bool(property, "queryable", false), "description",
                                                  json_str(property, "description", NULL))))
            r = FAULT(ENOMEM);
    return r;
}

/* Pipelines keep values of it, which would be shown. */
static int secrets_check(const json_t *before, const json_t *type, struct reason *why)
{
    const json_t *property;
    size_t i;

    json_array_foreach (before, i, property) {
        const char *name = json_str(property, "name", "");
        if (json_bool(property, "secret", false) && !secrets_has(type, name))
            return reason_set(
                why, PIPELINE_E_REQUEST_FAILED,
                "The property '%s' was secret (noEcho) and stays so, since pipelines keep values "
                "of it: make another version of the action type without it.",
                name);
    }
    return 0;
}

static int urls_take(const json_t *declaration, json_t *type)
{
    const json_t *urls = json_object_get(declaration, "urls");

    return json_put(type, "settings",
                    json_pack("{s:s*, s:s*, s:s*, s:s*}", "thirdPartyConfigurationUrl",
                              json_str(urls, "configurationUrl", NULL), "entityUrlTemplate",
                              json_str(urls, "entityUrlTemplate", NULL), "executionUrlTemplate",
                              json_str(urls, "executionUrlTemplate", NULL), "revisionUrlTemplate",
                              json_str(urls, "revisionUrlTemplate", NULL)));
}

static int type_take(const json_t *declaration, json_t *type)
{
    static const char *const details[] = {"inputArtifactDetails", "outputArtifactDetails"};
    const json_t *executor = json_object_get(declaration, "executor");
    int r = properties_take(declaration, type);

    if (r == 0)
        r = urls_take(declaration, type);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(details); i++)
        r = json_put(type, details[i], json_incref(json_object_get(declaration, details[i])));
    if (r)
        return r;
    return json_put(type, "maker",
                    json_pack("{s:s*, s:s*, s:O*}", "description", json_str(declaration, "description", NULL),
                              "policyStatementsTemplate",
                              json_str(executor, "policyStatementsTemplate", NULL), "jobTimeout",
                              json_object_get(executor, "jobTimeout")));
}

int action_type_update(struct tx *tx, const char *account, const json_t *declaration, struct reason *why)
{
    const json_t *id = json_object_get(declaration, "id");
    CLEANUP(json_free) json_t *type = NULL;
    CLEANUP(json_free) json_t *before = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    int r = action_type_find(tx, account, id, &type);

    if (r)
        return r == DB_NONE ? no_type(id, why) : r;
    before = json_incref(json_object_get(type, "actionConfigurationProperties"));
    if (strcmp(json_str(id, "owner", ""), "Custom") != 0)
        return reason_set(why, PIPELINE_E_REQUEST_FAILED,
                          "The action type %s is AWS's: only its maker changes it.",
                          json_str(id, "provider", ""));
    r = support_check(account, declaration, why);
    if (r == 0)
        r = type_take(declaration, type);
    if (r == 0)
        r = action_type_declaration_check(type, why);
    if (r == 0)
        r = secrets_check(before, type, why);
    if (r)
        return r;
    text = json_text(type);
    if (!text)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "UPDATE codepipeline_action_type SET declaration = $5 WHERE account = $1 AND category = $2"
                   " AND provider = $3 AND version = $4 AND deleted = 0",
                   "sssss", account, json_str(id, "category", ""), json_str(id, "provider", ""),
                   json_str(id, "version", ""), text);
}
