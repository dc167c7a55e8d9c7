/* See secrets.h. */
#include "services/codepipeline/secrets.h"
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/codepipeline.h"
#include "wire/json.h"

#define SHOWN "****"

/* What stands for a secret: asterisks, perhaps with blanks between them. */
static bool is_shown(const char *text)
{
    size_t count = 0;

    for (; *text == '*' || *text == ' '; text++)
        count += *text == '*';
    return *text == '\0' && count >= sizeof(SHOWN) - 1;
}

bool secrets_has(const json_t *type, const char *name)
{
    const json_t *property;
    size_t i;

    json_array_foreach (json_object_get(type, "actionConfigurationProperties"), i, property)
        if (strcmp(json_str(property, "name", ""), name) == 0)
            return json_bool(property, "secret", false);
    return false;
}

/* DB_NONE: no custom type. */
static int type_of(struct tx *tx, const char *account, const json_t *type_id, json_t **ret)
{
    return strcmp(json_str(type_id, "owner", ""), "Custom") == 0
               ? action_type_known(tx, account, type_id, ret)
               : DB_NONE;
}

/* ---- shown */

static int hide(const json_t *type, json_t *configuration)
{
    const char *name;
    json_t *value;
    int r = 0;

    json_object_foreach (configuration, name, value)
        if (r == 0 && secrets_has(type, name))
            r = json_put_str(configuration, name, SHOWN);
    return r;
}

int secrets_hide_actions(struct tx *tx, const char *account, json_t *actions)
{
    json_t *action;
    size_t i;
    int r = 0;

    json_array_foreach (actions, i, action) {
        CLEANUP(json_free) json_t *type = NULL;

        if (r == 0 || r == DB_NONE)
            r = type_of(tx, account, json_object_get(action, "actionTypeId"), &type);
        if (r == 0)
            r = hide(type, json_object_get(action, "configuration"));
    }
    return r == DB_NONE ? 0 : r;
}

int secrets_hide(struct tx *tx, const char *account, json_t *declaration)
{
    json_t *stage;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        if (r == 0)
            r = secrets_hide_actions(tx, account, json_object_get(stage, "actions"));
    return r;
}

int secrets_shown(struct tx *tx, const char *account, const json_t *type_id, const json_t *configuration,
                  json_t **ret)
{
    CLEANUP(json_free) json_t *type = NULL;
    CLEANUP(json_free) json_t *shown = NULL;
    int r = configuration ? type_of(tx, account, type_id, &type) : DB_NONE;

    if (r) {
        *ret = json_incref((json_t *)configuration);
        return r == DB_NONE ? 0 : r;
    }
    shown = json_copy((json_t *)configuration);
    r = shown ? hide(type, shown) : FAULT(ENOMEM);
    if (r == 0)
        *ret = take(shown);
    return r;
}

/* ---- written back */

/* The action of that name and type in the stage of that name (NULL: in any), or NULL. */
static const json_t *action_of(const json_t *declaration, const char *stage_name, const json_t *like)
{
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if ((!stage_name || strcmp(json_str(stage, "name", ""), stage_name) == 0) &&
                strcmp(json_str(action, "name", ""), json_str(like, "name", "")) == 0 &&
                json_equal(json_object_get(action, "actionTypeId"), json_object_get(like, "actionTypeId")))
                return action;
    return NULL;
}

static bool has_shown(const json_t *action)
{
    json_t *configuration = json_object_get(action, "configuration"), *value;
    const char *name;

    json_object_foreach (configuration, name, value)
        if (json_is_string(value) && is_shown(json_string_value(value)))
            return true;
    return false;
}

static int action_keep(const json_t *type, const json_t *before, const json_t *action, struct reason *why)
{
    json_t *configuration = json_object_get(action, "configuration"), *value;
    const json_t *had = json_object_get(before, "configuration");
    const char *name;

    json_object_foreach (configuration, name, value) {
        const char *secret = json_str(had, name, NULL);

        if (!secrets_has(type, name) || !is_shown(json_str(configuration, name, "")))
            continue;
        if (!secret)
            return reason_set(
                why, PIPELINE_E_ACTION_DECLARATION,
                "Action '%s' has asterisks for its secret '%s', which stand for the one it had before, "
                "and it had none: write the secret itself.",
                json_str(action, "name", ""), name);
        if (json_put_str(configuration, name, secret))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int stage_keep(struct tx *tx, const char *account, const json_t *before, const json_t *stage,
                      struct reason *why)
{
    const char *name = json_str(stage, "name", "");
    const json_t *action;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(stage, "actions"), i, action) {
        CLEANUP(json_free) json_t *type = NULL;
        const json_t *had = action_of(before, name, action);

        if (r || !has_shown(action))
            continue;
        r = type_of(tx, account, json_object_get(action, "actionTypeId"), &type);
        if (r == 0)
            r = action_keep(type, had ? had : action_of(before, NULL, action), action, why);
        if (r == DB_NONE)
            r = 0;
    }
    return r;
}

static bool is_kept(const json_t *declaration)
{
    const json_t *stage, *action;
    size_t i, k;

    json_array_foreach (json_object_get(declaration, "stages"), i, stage)
        json_array_foreach (json_object_get(stage, "actions"), k, action)
            if (has_shown(action))
                return true;
    return false;
}

int secrets_keep(struct tx *tx, const char *account, const json_t *before, json_t *declaration, json_t **ret,
                 struct reason *why)
{
    CLEANUP(json_free)
    json_t *whole = is_kept(declaration) ? json_deep_copy(declaration) : json_incref(declaration);
    const json_t *stage;
    size_t i;
    int r = whole ? 0 : FAULT(ENOMEM);

    json_array_foreach (whole != declaration ? json_object_get(whole, "stages") : NULL, i, stage)
        if (r == 0)
            r = stage_keep(tx, account, before, stage, why);
    if (r == 0)
        *ret = take(whole);
    return r;
}
