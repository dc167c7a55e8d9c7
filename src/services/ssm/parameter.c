/* What a parameter may be called and hold, and its versions. */
#include "services/ssm/ssm.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/service.h"
#include "services/ssm/secret.h"
#include "services/ssm/store.h"
#include "wire/pattern.h"

#include <strings.h>

#define LEVELS_MAX 15
#define NAME_MAX_CHARS 1011
#define SELECTOR_MAX_CHARS 128

/* Largest value by tier, in bytes. */
static const struct {
    const char *name;
    size_t value_max;
} tiers[] = {{"Standard", 4096}, {"Advanced", 8192}, {"Intelligent-Tiering", 8192}};

static bool name_chars_ok(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")] == '\0';
}

static int check_name(const char *name, struct reason *why)
{
    if (!*name || strlen(name) > NAME_MAX_CHARS || !name_chars_ok(name))
        return reason_set(
            why, SSM_E_INVALID,
            "Invalid parameter name '%s'. Please use correct syntax for referencing a version/label "
            "<name>:<version/label>; a name holds a-zA-Z0-9_.- and, between levels, '/' and is at "
            "most %d characters long.",
            name, NAME_MAX_CHARS);
    if (*name != '/' && strchr(name, '/'))
        return reason_set(why, SSM_E_INVALID,
                          "Parameter name must be a fully qualified name: begin '%s' with '/'.", name);
    if (strstr(name, "//") || (name[strlen(name) - 1] == '/'))
        return reason_set(why, SSM_E_INVALID, "Parameter name '%s' has an empty level.", name);
    const char *first = name + (*name == '/');
    if (strncasecmp(first, "aws", 3) == 0 || strncasecmp(first, "ssm", 3) == 0)
        return reason_set(
            why, SSM_E_INVALID,
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive): '%s'.", name);
    size_t levels = *name != '/';
    for (const char *p = name; *p; p++)
        levels += *p == '/';
    if (levels > LEVELS_MAX)
        return reason_set(why, SSM_E_LEVELS,
                          "Parameter name '%s' has %zu levels; a hierarchy can have a maximum of %d levels.",
                          name, levels, LEVELS_MAX);
    return 0;
}

static int check_value(const struct parameter_spec *spec, const char *tier, struct reason *why)
{
    size_t len = strlen(spec->value);
    if (len == 0)
        return reason_set(
            why, SSM_E_INVALID,
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member "
            "must have length greater than or equal to 1.");
    for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
        if (strcmp(tiers[i].name, tier) == 0 && len > tiers[i].value_max)
            return reason_set(
                why, SSM_E_INVALID,
                "%s tier parameters support a maximum parameter value of %zu characters; the value of "
                "'%s' has %zu.",
                tier, tiers[i].value_max, spec->name, len);
    if (!spec->allowed_pattern || !*spec->allowed_pattern)
        return 0;
    struct reason says = {{0}};
    int err = pattern_match(str_of(spec->allowed_pattern), str_of(spec->value), &says);
    if (err == PATTERN_NO_MATCH)
        return reason_set(why, SSM_E_PATTERN_MISMATCH,
                          "Parameter value, cannot be validated against allowedPattern: %s",
                          spec->allowed_pattern);
    if (err > 0)
        return reason_set(why, SSM_E_ALLOWED_PATTERN,
                          "The request does not meet the regular expression requirement: "
                          "AllowedPattern '%s': %s",
                          spec->allowed_pattern, says.text);
    return err;
}

int parameter_tag(struct tx *tx, const char *account, const char *name, const json_t *tags,
                  struct reason *why)
{
    size_t index;
    json_t *tag;
    json_array_foreach (tags, index, tag) {
        int err = ssm_store_tag_put(tx, account, name, json_str(tag, "Key", ""), json_str(tag, "Value", ""));
        if (err)
            return err;
    }
    CLEANUP(json_free) json_t *all = NULL;
    int err = ssm_store_tags(tx, account, name, &all);
    if (err)
        return err;
    if (json_array_size(all) > SSM_TAGS_MAX)
        return reason_set(why, SSM_E_TAGS, "Parameter '%s' would have %zu tags; the maximum is %d.", name,
                          json_array_size(all), SSM_TAGS_MAX);
    return 0;
}

/* What of the old version a new one keeps, and whether it may replace it. */
static int succeed(struct tx *tx, struct arena *arena, const char *account, const struct parameter_spec *spec,
                   struct parameter *next, struct reason *why)
{
    struct ssm_row old;
    int err = ssm_store_get(tx, arena, account, spec->name, 0, &old);
    if (err == DB_NONE) {
        int64_t count = 0;
        err = ssm_store_count(tx, account, &count);
        if (err)
            return err;
        if (count >= SSM_PARAMETERS_MAX)
            return reason_set(
                why, SSM_E_LIMIT,
                "Account %s has %lld parameters, the maximum; delete some before creating '%s'.", account,
                (long long)count, spec->name);
        if (!spec->type)
            return reason_set(why, SSM_E_INVALID,
                              "A parameter type is required when you create a parameter.");
        next->version = 1;
        return 0;
    }
    if (err)
        return err;
    if (!spec->overwrite)
        return reason_set(
            why, SSM_E_EXISTS,
            "The parameter already exists. To overwrite this value, set the overwrite option in the "
            "request to true.");
    if (spec->type && strcmp(spec->type, old.parameter.type) != 0)
        return reason_set(why, SSM_E_TYPE_MISMATCH,
                          "Parameter '%s' is a %s and cannot become a %s; delete it and create it again.",
                          spec->name, old.parameter.type, spec->type);
    next->version = old.parameter.version + 1;
    next->type = old.parameter.type;
    next->description = spec->description ? spec->description : old.parameter.description;
    return 0;
}

static int put_version(struct tx *tx, const struct platform *platform, struct arena *arena,
                       const char *account, const struct parameter_spec *spec, struct parameter *next,
                       struct reason *why)
{
    int err = succeed(tx, arena, account, spec, next, why);
    if (err)
        return err;
    struct ssm_row row = {.parameter = *next, .stored = str_of(spec->value)};
    if (strcmp(next->type, "SecureString") == 0) {
        row.parameter.key_id = spec->key_id ? spec->key_id : "alias/aws/ssm";
        err = secret_seal(platform->data_dir, arena, account, spec->name, str_of(spec->value), &row.stored);
        if (err)
            return err;
    }
    err = ssm_store_put(tx, account, &row);
    return err ? err : parameter_tag(tx, account, spec->name, spec->tags, why);
}

int parameter_put(struct tx *tx, const struct platform *platform, const char *account,
                  const struct parameter_spec *spec, int64_t *ret_version, struct reason *why)
{
    const char *tier = spec->tier ? spec->tier : "Standard";
    int err = check_name(spec->name, why);
    if (!err)
        err = check_value(spec, tier, why);
    if (err)
        return err;
    if (spec->overwrite && json_array_size(spec->tags) > 0)
        return reason_set(
            why, SSM_E_INVALID,
            "Invalid request: tags and overwrite can't be used together. To create a parameter with "
            "tags, please remove overwrite flag. To update tags for an existing parameter, please use "
            "AddTagsToResource or RemoveTagsFromResource.");
    struct parameter next = {
        .name = spec->name,
        .type = spec->type,
        .description = spec->description,
        .allowed_pattern = spec->allowed_pattern,
        .tier = strcmp(tier, "Intelligent-Tiering") == 0 ? "Standard" : tier,
        .data_type = spec->data_type ? spec->data_type : "text",
        .modified_by = spec->modified_by,
        .modified_ms = clock_now_ms(),
    };
    CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
    if (!arena)
        return FAULT(ENOMEM);
    err = put_version(tx, platform, arena, account, spec, &next, why);
    if (!err && ret_version)
        *ret_version = next.version;
    return err;
}

/* Splits "NAME:3" or an ARN of this service; *ret_version 0 without selector. */
static int split_selector(struct arena *arena, const char *text, const char **ret_name,
                          const char **ret_selector, int64_t *ret_version, struct reason *why)
{
    struct str rest = str_of(text);
    if (str_starts(rest, STR("arn:aws:ssm:"))) {
        const char *resource = strstr(text, ":parameter");
        if (!resource)
            return reason_set(why, SSM_E_INVALID, "'%s' is no parameter's ARN.", text);
        rest = str_of(resource + strlen(":parameter"));
    }
    struct str name = str_split(&rest, ':');
    *ret_version = 0;
    *ret_selector = NULL;
    if (rest.ptr) {
        if (rest.len > SELECTOR_MAX_CHARS || !str_to_int(rest, 1, INT64_MAX, ret_version))
            return reason_set(why, SSM_E_VERSION_NOT_FOUND,
                              "Systems Manager could not find label or version " STR_FMT
                              " of parameter " STR_FMT
                              ". Verify the version and try again; Slipway keeps no labels.",
                              STR_ARG(rest), STR_ARG(name));
        *ret_selector = arena_printf(arena, ":" STR_FMT, STR_ARG(rest));
    }
    *ret_name = arena_dup(arena, name);
    return *ret_name && (!rest.ptr || *ret_selector) ? 0 : FAULT(ENOMEM);
}

int ssm_reveal(const struct platform *platform, struct arena *arena, const char *account, bool decrypt,
               struct ssm_row *row)
{
    struct str value = row->stored;
    if (strcmp(row->parameter.type, "SecureString") == 0) {
        if (!decrypt) {
            char *text = arena_alloc(arena, 4 * ((value.len + 2) / 3) + 1);
            if (!text)
                return FAULT(ENOMEM);
            base64_encode(value.ptr, value.len, text);
            row->parameter.value = text;
            return 0;
        }
        int err = secret_open(platform->data_dir, arena, account, row->parameter.name, row->stored, &value);
        if (err)
            return err;
    }
    row->parameter.value = arena_dup(arena, value);
    return row->parameter.value ? 0 : FAULT(ENOMEM);
}

int parameter_get(struct tx *tx, const struct platform *platform, struct arena *arena, const char *account,
                  const char *name, bool decrypt, struct parameter *ret, struct reason *why)
{
    const char *plain = name;
    const char *selector = NULL;
    int64_t version = 0;
    int err = split_selector(arena, name, &plain, &selector, &version, why);
    if (err)
        return err;
    struct ssm_row row;
    err = ssm_store_get(tx, arena, account, plain, version, &row);
    /* An ARN's slash may be the name's or not: "/a" and "a" have the same ARN. */
    if (err == DB_NONE && *plain == '/' && strncmp(name, "arn:", 4) == 0)
        err = ssm_store_get(tx, arena, account, ++plain, version, &row);
    if (err == DB_NONE) {
        int64_t head = 0;
        err = ssm_store_head(tx, account, plain, &head);
        if (err == DB_NONE)
            return reason_set(why, SSM_E_NOT_FOUND, "Parameter %s not found.", plain);
        if (err)
            return err;
        return reason_set(
            why, SSM_E_VERSION_NOT_FOUND,
            "Systems Manager could not find version %lld of %s. Verify the version and try again.",
            (long long)version, plain);
    }
    if (!err)
        err = ssm_reveal(platform, arena, account, decrypt, &row);
    if (err)
        return err;
    row.parameter.selector = selector;
    *ret = row.parameter;
    return 0;
}

int parameter_delete(struct tx *tx, const char *account, const char *name, struct reason *why)
{
    int err = ssm_store_delete(tx, account, name);
    if (err == DB_NONE)
        return reason_set(why, SSM_E_NOT_FOUND, "Parameter %s not found.", name);
    return err;
}
