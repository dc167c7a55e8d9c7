/* AWS::SSM::Parameter. Source: CloudFormation "AWS::SSM::Parameter" reference. */
#include "services/ssm/ssm.h"
#include "services/cloudformation/resources/types.h"
#include "wire/json.h"

static const char *const types[] = {"String", "StringList", NULL};
static const struct property rows[] = {
    {.name = "Name", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "Type", .type = PROPERTY_TEXT, .required = true, .update = UPDATE_REPLACES, .values = types},
    {.name = "Value", .type = PROPERTY_TEXT, .required = true},
    {.name = "Description", .type = PROPERTY_TEXT},
    {.name = "AllowedPattern", .type = PROPERTY_TEXT},
    {.name = "Tier", .type = PROPERTY_TEXT},
    {.name = "DataType", .type = PROPERTY_TEXT},
    {.name = "Tags", .type = PROPERTY_JSON},
};
static const char *const attributes[] = {"Type", "Value", NULL};

/* The map of tags as PutParameter's list. */
static json_t *tag_items(const json_t *map)
{
    CLEANUP(json_free) json_t *list = json_array();
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)map, key, value)
        if (json_array_append_new(list, json_pack("{s:s, s:s}", "Key", key, "Value",
                                                  json_is_string(value) ? json_string_value(value) : "")))
            return NULL;
    return take(list);
}

static int put(struct resource_work *w, bool overwrite)
{
    const json_t *map = json_object_get(w->properties, "Tags");
    CLEANUP(json_free) json_t *tags = map ? tag_items(map) : NULL;
    struct parameter_spec spec = {
        .name = w->physical_id,
        .value = json_str(w->properties, "Value", ""),
        .type = json_str(w->properties, "Type", NULL),
        .description = json_str(w->properties, "Description", NULL),
        .allowed_pattern = json_str(w->properties, "AllowedPattern", NULL),
        .tier = json_str(w->properties, "Tier", NULL),
        .data_type = json_str(w->properties, "DataType", NULL),
        .tags = overwrite ? NULL : tags,
        .overwrite = overwrite,
        .modified_by = w->actor,
    };
    int err = parameter_put(w->tx, w->platform, w->account, &spec, NULL, w->why);
    if (!err && overwrite && tags)
        err = parameter_tag(w->tx, w->account, w->physical_id, tags, w->why);
    if (!err)
        err = resource_attribute(w, "Type", "%s", spec.type);
    return err ? err : json_put_str(w->attributes, "Value", spec.value);
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "Name", 255, false, w->physical_id);

    return err ? err : put(w, false);
}

static int update(struct resource_work *w)
{
    return put(w, true);
}

static int drop(struct resource_work *w)
{
    int err = parameter_delete(w->tx, w->account, w->physical_id, w->why);

    return err == SSM_E_NOT_FOUND ? 0 : err;
}

const struct resource_type ssm_parameter_type = {
    .name = "AWS::SSM::Parameter",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "Name",
    .create = create,
    .update = update,
    .remove = drop,
};
