/* ParameterFilters: one row a key. Source: Systems Manager API Reference, ParameterStringFilter. */
#include "services/ssm/filter.h"
#include "wire/json.h"

#define VALUES_MAX 50

bool path_holds(const char *path, bool recursive, const char *name)
{
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    if (strncmp(path, name, len) != 0 || name[len] != '/')
        return false;
    return recursive || !strchr(name + len + 1, '/');
}

static bool equals(const char *value, const char *text)
{
    return strcmp(text, value) == 0;
}

static bool begins(const char *value, const char *text)
{
    return strncmp(text, value, strlen(value)) == 0;
}

static bool contains(const char *value, const char *text)
{
    return strstr(text, value) != NULL;
}

static bool one_level(const char *path, const char *name)
{
    return path_holds(path, false, name);
}

static bool recursive(const char *path, const char *name)
{
    return path_holds(path, true, name);
}

typedef bool compare_fn(const char *value, const char *text);

static const struct option {
    const char *name;
    compare_fn *compare;
} options[] = {
    {"Equals", equals},      {"BeginsWith", begins},   {"Contains", contains},
    {"OneLevel", one_level}, {"Recursive", recursive},
};

static const struct filter_key {
    const char *name;
    const char *options; /* those that it takes; the first is the default */
    size_t offset;       /* of the text in struct parameter */
} keys[] = {
    {"Name", "Equals BeginsWith Contains", offsetof(struct parameter, name)},
    {"Path", "OneLevel Recursive", offsetof(struct parameter, name)},
    {"Type", "Equals BeginsWith", offsetof(struct parameter, type)},
    {"KeyId", "Equals BeginsWith", offsetof(struct parameter, key_id)},
    {"Tier", "Equals", offsetof(struct parameter, tier)},
    {"DataType", "Equals", offsetof(struct parameter, data_type)},
};

static const struct filter_key *find_key(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static bool is_tag(const char *key)
{
    return strncmp(key, "tag:", 4) == 0 && key[4];
}

static const char *option_of(const json_t *filter)
{
    const char *key = json_str(filter, "Key", "");
    const char *first = strcmp(key, "Path") == 0 ? "OneLevel" : "Equals";
    return json_str(filter, "Option", first);
}

static bool lists_word(const char *list, const char *word)
{
    struct str rest = str_of(list);
    while (rest.ptr)
        if (str_eqc(str_split(&rest, ' '), word))
            return true;
    return false;
}

static int check(const json_t *filter, struct reason *why)
{
    const char *name = json_str(filter, "Key", "");
    const struct filter_key *key = find_key(name);
    if (!key && !is_tag(name))
        return reason_set(
            why, SSM_E_FILTER_KEY,
            "The following filter key is not valid: %s. Valid filter keys include: [Name, Path, Type, "
            "KeyId, Tier, DataType, tag:KEY].",
            name);
    const char *option = option_of(filter);
    if (!lists_word(key ? key->options : "Equals", option))
        return reason_set(why, SSM_E_FILTER_OPTION,
                          "The following filter option is not valid: %s. Valid options for %s: %s.", option,
                          name, key ? key->options : "Equals");
    size_t values = json_array_size(json_object_get(filter, "Values"));
    if (values > VALUES_MAX || (values == 0 && !is_tag(name)))
        return reason_set(why, SSM_E_FILTER_VALUE, "The filter %s needs 1 to %d values.", name, VALUES_MAX);
    return 0;
}

int filters_check(const json_t *filters, struct reason *why)
{
    size_t index;
    json_t *filter;
    json_array_foreach (filters, index, filter) {
        int err = check(filter, why);
        if (err)
            return err;
    }
    return 0;
}

static bool any_value(const json_t *filter, compare_fn *compare, const char *text)
{
    const json_t *values = json_object_get(filter, "Values");
    for (size_t i = 0; i < json_array_size(values); i++)
        if (compare(json_string_value(json_array_get(values, i)), text))
            return true;
    return false;
}

static bool tag_passes(const json_t *filter, const char *key, const json_t *tags)
{
    size_t index;
    json_t *tag;
    json_array_foreach (tags, index, tag)
        if (strcmp(json_str(tag, "Key", ""), key) == 0)
            return json_array_size(json_object_get(filter, "Values")) == 0 ||
                   any_value(filter, equals, json_str(tag, "Value", ""));
    return false;
}

static bool passes(const json_t *filter, const struct parameter *parameter, const json_t *tags)
{
    const char *name = json_str(filter, "Key", "");
    if (is_tag(name))
        return tag_passes(filter, name + strlen("tag:"), tags);
    const struct filter_key *key = find_key(name);
    const char *text = *(const char *const *)(const void *)((const char *)parameter + key->offset);
    const char *option = option_of(filter);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strcmp(options[i].name, option) == 0)
            return any_value(filter, options[i].compare, text ? text : "");
    return false;
}

bool filters_pass(const json_t *filters, const struct parameter *parameter, const json_t *tags)
{
    size_t index;
    json_t *filter;
    json_array_foreach (filters, index, filter)
        if (!passes(filter, parameter, tags))
            return false;
    return true;
}

bool filters_need_tags(const json_t *filters)
{
    size_t index;
    json_t *filter;
    json_array_foreach (filters, index, filter)
        if (is_tag(json_str(filter, "Key", "")))
            return true;
    return false;
}
