/* Overrides of source actions. */
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/engine/outcome.h"
#include "base/buf.h"
#include "wire/json.h"
#include <strings.h>

#define TOKEN_TEXT_MAX 8192

/* IMAGE_DIGEST fits no action there is. */
static const struct {
    const char *provider;
    const char *type;
    bool pins;              /* says which revision, not where it is */
    const char *allowed_by; /* must be "true" in the action's configuration; NULL: always allowed */
} types[] = {
    {"S3", SOURCE_VERSION_ID, true, NULL},
    {"S3", SOURCE_KEY, false, "AllowOverrideForS3ObjectKey"},
    {SOURCE_GIT, SOURCE_COMMIT, true, NULL},
};

const json_t *source_declared(const json_t *declaration, const char *name)
{
    const json_t *action;
    size_t i;

    json_array_foreach (json_path(declaration, "stages.0.actions"), i, action)
        if (strcmp(json_str(action, "name", ""), name) == 0)
            return action;
    return NULL;
}

bool source_is_git(const json_t *type)
{
    return strcmp(json_str(type, "category", ""), "Source") == 0 &&
           strcmp(json_str(type, "owner", ""), "AWS") == 0 &&
           strcmp(json_str(type, "provider", ""), SOURCE_GIT) == 0;
}

const json_t *source_trigger(const json_t *declaration, const char *name)
{
    const json_t *trigger;
    size_t i;

    json_array_foreach (json_object_get(declaration, "triggers"), i, trigger)
        if (strcmp(json_str(json_object_get(trigger, "gitConfiguration"), "sourceActionName", ""), name) == 0)
            return trigger;
    return NULL;
}

bool source_wants_events(const json_t *declaration, const json_t *action)
{
    const json_t *configuration = json_object_get(action, "configuration");

    return source_is_git(json_object_get(action, "actionTypeId")) &&
           (source_trigger(declaration, json_str(action, "name", "")) ||
            strcasecmp(json_str(configuration, "DetectChanges", "true"), "false") != 0);
}

json_t *source_override(const json_t *overrides, const char *action, const char *type)
{
    json_t *override;
    size_t i;

    json_array_foreach (overrides, i, override)
        if (strcmp(json_str(override, "actionName", ""), action) == 0 &&
            strcmp(json_str(override, "revisionType", ""), type) == 0)
            return override;
    return NULL;
}

const char *source_pin_type(const struct plan_action *action)
{
    for (size_t i = 0; action->source && strcmp(action->owner, "AWS") == 0 && i < ARRAY_LEN(types); i++)
        if (types[i].pins && strcmp(types[i].provider, action->provider) == 0)
            return types[i].type;
    return NULL;
}

json_t *source_pin(const json_t *overrides, const struct plan_action *action)
{
    const char *type = source_pin_type(action);

    return type ? source_override(overrides, action->name, type) : NULL;
}

bool source_pins(const json_t *override)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].type, json_str(override, "revisionType", "")) == 0)
            return types[i].pins;
    return false;
}

bool source_is_s3(const struct plan_action *action)
{
    return action->source && strcmp(action->owner, "AWS") == 0 && strcmp(action->provider, "S3") == 0;
}

int source_token(const char *bucket, const char *key, const char *version_id, char ret[HASH_HEX_SIZE])
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(TOKEN_TEXT_MAX);

    buf_printf(&text, "%s/%s/%s", bucket, key, version_id);
    if (buf_error(&text))
        return buf_error(&text);
    hash_sha256_hex(buf_str(&text), ret);
    return 0;
}

static const struct plan_action *action_find(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->stages[0].count; i++)
        if (strcmp(plan->stages[0].actions[i].name, name) == 0)
            return &plan->stages[0].actions[i];
    return NULL;
}

static int type_check(const struct plan_action *action, const char *type, struct reason *why)
{
    size_t i = 0;

    while (i < ARRAY_LEN(types) &&
           (strcmp(types[i].type, type) != 0 || strcmp(types[i].provider, action->provider) != 0))
        i++;
    if (strcmp(action->owner, "AWS") != 0 || i == ARRAY_LEN(types))
        return reason_set(
            why, PIPELINE_E_INVALID,
            "The revision type %s does not fit source action '%s': S3 sources take " SOURCE_VERSION_ID
            " and " SOURCE_KEY ", " SOURCE_GIT " sources " SOURCE_COMMIT ".",
            type, action->name);
    if (!types[i].allowed_by ||
        strcasecmp(json_str(action->configuration, types[i].allowed_by, ""), "true") == 0)
        return 0;
    return reason_set(why, PIPELINE_E_INVALID,
                      "The revision type %s is not allowed for source action '%s': set %s to true in its "
                      "configuration.",
                      type, action->name, types[i].allowed_by);
}

int source_overrides_check(const struct plan *plan, const json_t *overrides, struct reason *why)
{
    json_t *override;
    size_t i;

    json_array_foreach (overrides, i, override) {
        const char *name = json_str(override, "actionName", ""),
                   *type = json_str(override, "revisionType", "");
        const struct plan_action *action = action_find(plan, name);
        int r;

        if (!action)
            return reason_set(why, PIPELINE_E_INVALID, "Pipeline %s has no source action named '%s'.",
                              plan->name, name);
        r = type_check(action, type, why);
        if (r)
            return r;
        if (source_override(overrides, name, type) != override)
            return reason_set(why, PIPELINE_E_INVALID,
                              "The source action '%s' has more than one override of the revision type %s.",
                              name, type);
    }
    return 0;
}

int source_configure(const json_t *overrides, const struct plan_action *action, json_t *configuration)
{
    const json_t *key = action->source ? source_override(overrides, action->name, SOURCE_KEY) : NULL;

    return key ? json_put_str(configuration, "S3ObjectKey", json_str(key, "revisionValue", "")) : 0;
}
