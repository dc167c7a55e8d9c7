/* A link that names what the action does not have, or what is secret, is left out. */
#include "services/codepipeline/links.h"
#include "services/codepipeline/action_type.h"
#include "services/iam/iam.h"
#include "services/service.h"
#include "wire/build_order.h"
#include "wire/json.h"
#include "wire/uri.h"

#define LINK_MAX 8192

/* What a template is filled in with. */
struct filling {
    const json_t *type;
    const json_t *configuration;
    const char *execution; /* the external id of a run, or NULL */
};

/* Custom actions alone have a type with templates. DB_NONE. */
static int type_of(struct tx *tx, const char *account, const struct plan_action *action, json_t **ret)
{
    if (strcmp(action->owner, "Custom") != 0)
        return DB_NONE;
    return action_type_find(tx, account, json_object_get(action->declaration, "actionTypeId"), ret);
}

/* Of a property that is required and not secret: only those may be named. */
static const char *property_of(const struct filling *filling, struct str name)
{
    const json_t *property;
    size_t i;

    json_array_foreach (json_object_get(filling->type, "actionConfigurationProperties"), i, property) {
        const char *known = json_str(property, "name", "");

        if (str_eq(name, str_of(known)))
            return json_bool(property, "required", false) && !json_bool(property, "secret", false)
                       ? json_str(filling->configuration, known, NULL)
                       : NULL;
    }
    return NULL;
}

static const char *value_of(const struct filling *filling, struct str name)
{
    const struct str config = STR("Config:");

    if (str_eq(name, STR("ExternalExecutionId")))
        return filling->execution;
    if (!str_starts(name, config))
        return NULL;
    return property_of(filling, (struct str){name.ptr + config.len, name.len - config.len});
}

static int link_put(json_t *out, const char *member, const struct filling *filling, const char *setting)
{
    const char *template = json_str(json_object_get(filling->type, "settings"), setting, NULL), *open;
    CLEANUP(buf_free) struct buf link = BUF_INIT(LINK_MAX);

    if (!template)
        return 0;
    for (; (open = strchr(template, '{')) != NULL; template = strchr(open, '}') + 1) {
        const char *close = strchr(open, '}'), *value;

        if (!close)
            break;
        value = value_of(filling, (struct str){open + 1, (size_t)(close - open - 1)});
        if (!value || strstr(value, "#{"))
            return 0;
        buf_put_str(&link, (struct str){template, (size_t)(open - template)});
        uri_encode(&link, str_of(value), false);
    }
    buf_puts(&link, template);
    return buf_error(&link) || link.len == 0 ? 0 : json_put_str(out, member, link.ptr);
}

/* Its build is one of the project that an account has for all of them, which logs as projects do. */
static int log_stream_put(const struct platform *platform, const char *account,
                          const struct plan_action *action, json_t *result)
{
    static const struct str project = STR(BUILD_ORDER_COMMANDS_PROJECT ":");
    const char *id = json_str(result, "externalExecutionId", "");
    char own[IAM_ACCOUNT_SIZE], role[65];

    if (strcmp(action->owner, "AWS") != 0 || strcmp(action->provider, "Commands") != 0 ||
        !str_starts(str_of(id), project))
        return 0;
    if (!action->role_arn || !role_arn_parse(action->role_arn, own, role))
        str_copy(own, sizeof(own), account);
    return json_put_format(result, "logStreamARN",
                           "arn:aws:logs:%s:%s:log-group:/aws/codebuild/" BUILD_ORDER_COMMANDS_PROJECT
                           ":log-stream:%s",
                           platform->region, own, id + project.len);
}

int links_run_put(struct tx *tx, const struct platform *platform, const char *account,
                  const struct plan_action *action, const json_t *configuration, json_t *result)
{
    CLEANUP(json_free) json_t *type = NULL;
    struct filling filling = {.configuration = configuration,
                              .execution = json_str(result, "externalExecutionId", NULL)};
    int r = filling.execution ? type_of(tx, account, action, &type) : DB_NONE;

    filling.type = type;
    if (r == 0)
        r = link_put(result, "externalExecutionUrl", &filling, "executionUrlTemplate");
    return r == DB_NONE ? log_stream_put(platform, account, action, result) : r;
}

int links_state_put(struct tx *tx, const struct platform *platform, const char *account,
                    const struct plan_action *action, json_t *state)
{
    CLEANUP(json_free) json_t *type = NULL;
    json_t *latest = json_object_get(state, "latestExecution");
    struct filling filling = {.configuration = action->configuration};
    int r = type_of(tx, account, action, &type);

    filling.type = type;
    if (r == 0)
        r = link_put(state, "entityUrl", &filling, "entityUrlTemplate");
    if (r == 0)
        r = link_put(state, "revisionUrl", &filling, "revisionUrlTemplate");
    filling.execution = json_str(latest, "externalExecutionId", NULL);
    if (r == 0 && filling.execution)
        r = link_put(latest, "externalExecutionUrl", &filling, "executionUrlTemplate");
    return r == DB_NONE ? log_stream_put(platform, account, action, latest) : r;
}
