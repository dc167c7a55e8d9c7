/* Reads the catalog strictly: what is not understood is refused, with its place. See catalog.h. */
#include "workers/catalog.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/yaml.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define PATH_MAX_BYTES 256
#define SPECIFICITY_EXACT 100000

struct reading {
    const struct yaml_marks *marks;
    struct reason *why;
    struct catalog *catalog;
};

enum member_type { MEMBER_TEXT, MEMBER_LIST, MEMBER_MAP, MEMBER_BOOLEAN };

struct member {
    const char *name;
    enum member_type type;
    bool required;
    bool (*check)(const char *text);
    const char *check_says;
};

static const char *const type_names[] = {
    [MEMBER_TEXT] = "text (in quotes)",
    [MEMBER_LIST] = "a list",
    [MEMBER_MAP] = "a mapping",
    [MEMBER_BOOLEAN] = "true or false",
};

static int bad(const struct reading *in, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int bad(const struct reading *in, const char *path, const char *fmt, ...)
{
    char text[768];
    va_list args;
    int line = yaml_line(in->marks, path);

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (line > 0)
        return reason_set(in->why, CATALOG_E_BAD, "line %d: %s: %s", line, path[0] ? path : "catalog", text);
    return reason_set(in->why, CATALOG_E_BAD, "%s: %s", path[0] ? path : "catalog", text);
}

/* "parent/name"; a longer path is cut: it only serves messages. */
static void path_at(char ret[PATH_MAX_BYTES], const char *parent, const char *name)
{
    if (snprintf(ret, PATH_MAX_BYTES, "%s%s%s", parent, parent[0] ? "/" : "", name) >= PATH_MAX_BYTES)
        ret[PATH_MAX_BYTES - 1] = '\0';
}

static void path_index(char ret[PATH_MAX_BYTES], const char *parent, size_t index)
{
    char text[24];

    snprintf(text, sizeof(text), "%zu", index);
    path_at(ret, parent, text);
}

static bool only(const char *text, const char *extra, size_t max)
{
    size_t len = strlen(text);

    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(extra, text[i]))
            return false;
    return true;
}

static bool check_name(const char *text)
{
    return only(text, "._-", 64);
}

static bool check_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

static bool check_account_glob(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 12 && strspn(text, "0123456789*?") == len &&
           (strpbrk(text, "*?") != NULL || len == 12);
}

static bool check_app_glob(const char *text)
{
    return only(text, "._-*?", 64);
}

static bool check_branch_glob(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 256 && !strpbrk(text, " \t\r\n");
}

#define NAME_SAYS "1 to 64 letters, digits, '.', '_' or '-'"

static const struct member catalog_members[] = {
    {"environments", MEMBER_MAP, .required = true},
    {"rules", MEMBER_LIST, .required = true},
};

static const struct member environment_members[] = {
    {"account", MEMBER_TEXT, true, check_account, "an account id: 12 digits in quotes"},
};

static const struct member rule_members[] = {
    {"name", MEMBER_TEXT, true, check_name, NAME_SAYS},
    {"account", MEMBER_TEXT, false, check_account_glob,
     "an account id of 12 digits or a pattern with * or ?"},
    {"app", MEMBER_TEXT, false, check_app_glob, NAME_SAYS " or a pattern with * or ?"},
    {"branch", MEMBER_TEXT, false, check_branch_glob, "a branch or a pattern with * or ?, without blanks"},
    {"template", MEMBER_TEXT, true, check_name, NAME_SAYS},
    {"environments", MEMBER_LIST, .required = true},
    {"parameters", MEMBER_MAP, .required = false},
    {"protected", MEMBER_BOOLEAN, .required = false},
};

static bool type_fits(const json_t *value, enum member_type type)
{
    switch (type) {
    case MEMBER_TEXT:
        return json_is_string(value);
    case MEMBER_LIST:
        return json_is_array(value);
    case MEMBER_MAP:
        return json_is_object(value);
    case MEMBER_BOOLEAN:
        return json_is_boolean(value);
    }
    return false;
}

static const struct member *member_find(const struct member *members, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static int member_unknown(const struct reading *in, const char *path, const char *key,
                          const struct member *members, size_t count)
{
    CLEANUP(buf_free) struct buf names = BUF_INIT(1024);

    for (size_t i = 0; i < count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", members[i].name);
    return bad(in, path, "there is no '%s' here; known are: " STR_FMT, key, STR_ARG(buf_str(&names)));
}

static int member_check(const struct reading *in, const char *path, const struct member *member,
                        const json_t *value)
{
    const char *text = json_string_value(value);

    if (!type_fits(value, member->type))
        return bad(in, path, "must be %s", type_names[member->type]);
    if (member->check && text && (strlen(text) != json_string_length(value) || !member->check(text)))
        return bad(in, path, "'%s' must be %s", text, member->check_says);
    return 0;
}

/* An object with these members and no others. */
static int object_check(const struct reading *in, const char *path, const json_t *object,
                        const struct member *members, size_t count)
{
    char at[PATH_MAX_BYTES];
    const char *key;
    json_t *value;
    int r;

    if (!json_is_object(object))
        return bad(in, path, "must be a mapping");
    json_object_foreach ((json_t *)object, key, value) {
        const struct member *member = member_find(members, count, key);

        path_at(at, path, key);
        r = member ? member_check(in, at, member, value) : member_unknown(in, at, key, members, count);
        if (r)
            return r;
    }
    for (size_t i = 0; i < count; i++)
        if (members[i].required && !json_object_get(object, members[i].name))
            return bad(in, path, "'%s' is missing", members[i].name);
    return 0;
}

static const struct catalog_environment *environment_find(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->environment_count; i++)
        if (strcmp(catalog->environments[i].name, name) == 0)
            return &catalog->environments[i];
    return NULL;
}

static int environments_read(struct reading *in, const json_t *environments)
{
    struct catalog *catalog = in->catalog;
    size_t count = json_object_size(environments);
    char path[PATH_MAX_BYTES];
    const char *name;
    json_t *value;
    int r;

    if (count == 0 || count > CATALOG_ENVIRONMENTS_MAX)
        return bad(in, "environments", "must name 1 to %d environments", CATALOG_ENVIRONMENTS_MAX);
    catalog->environments = mem_alloc(count * sizeof(*catalog->environments));
    if (!catalog->environments)
        return FAULT(ENOMEM);
    json_object_foreach ((json_t *)environments, name, value) {
        path_at(path, "environments", name);
        if (!only(name, "-", 32) || !isalpha((unsigned char)name[0]))
            return bad(in, path, "an environment's name is 1 to 32 letters, digits or '-', a letter first");
        r = object_check(in, path, value, environment_members, ARRAY_LEN(environment_members));
        if (r)
            return r;
        catalog->environments[catalog->environment_count++] =
            (struct catalog_environment){name, json_str(value, "account", NULL)};
    }
    return 0;
}

static int rule_environments(struct reading *in, const char *path, const json_t *names,
                             struct catalog_rule *rule)
{
    char at[PATH_MAX_BYTES];
    const json_t *name;
    size_t i;

    if (json_array_size(names) == 0)
        return bad(in, path, "must name at least one environment");
    rule->environments = mem_alloc(json_array_size(names) * sizeof(struct catalog_environment *));
    if (!rule->environments)
        return FAULT(ENOMEM);
    json_array_foreach (names, i, name) {
        const struct catalog_environment *environment;

        path_index(at, path, i);
        if (!json_is_string(name))
            return bad(in, at, "must be an environment's name");
        environment = environment_find(in->catalog, json_string_value(name));
        if (!environment)
            return bad(in, at, "'%s' is not among the catalog's environments", json_string_value(name));
        for (size_t k = 0; k < rule->environment_count; k++)
            if (rule->environments[k] == environment)
                return bad(in, at, "'%s' is named twice", environment->name);
        rule->environments[rule->environment_count++] = environment;
    }
    return 0;
}

/* CloudFormation's parameters are text: numbers and booleans are taken as they would be written. */
static int parameter_text(struct reading *in, const char *path, json_t *parameters, const char *name,
                          const json_t *value)
{
    char number[32];

    if (strlen(name) > 255 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(name))
        return bad(in, path, "'%s' is not a parameter's name (letters and digits)", name);
    if (json_is_string(value))
        return 0;
    if (json_is_boolean(value))
        return json_put_str(parameters, name, json_is_true(value) ? "true" : "false");
    if (!json_is_integer(value))
        return bad(in, path, "must be text, a whole number, true or false");
    snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    return json_put_str(parameters, name, number);
}

static int rule_parameters(struct reading *in, const char *path, json_t *parameters,
                           struct catalog_rule *rule)
{
    char at[PATH_MAX_BYTES];
    const char *name;
    json_t *value;
    void *next;
    int r;

    json_object_foreach_safe(parameters, next, name, value)
    {
        path_at(at, path, name);
        r = parameter_text(in, at, parameters, name, value);
        if (r)
            return r;
    }
    rule->parameters = parameters;
    return 0;
}

static int rule_unlike_others(struct reading *in, const char *path, const struct catalog_rule *rule)
{
    for (size_t i = 0; i < in->catalog->rule_count; i++) {
        const struct catalog_rule *other = &in->catalog->rules[i];

        if (strcmp(other->name, rule->name) == 0)
            return bad(in, path, "another rule is named '%s' already", rule->name);
        if (strcmp(other->account, rule->account) == 0 && strcmp(other->app, rule->app) == 0 &&
            strcmp(other->branch, rule->branch) == 0)
            return bad(in, path, "rule '%s' is for the same account, app and branch: join the two",
                       other->name);
    }
    return 0;
}

static int rule_read(struct reading *in, size_t index, const json_t *value)
{
    struct catalog_rule *rule = &in->catalog->rules[in->catalog->rule_count];
    char path[PATH_MAX_BYTES], at[PATH_MAX_BYTES];
    json_t *parameters;
    int r;

    path_index(path, "rules", index);
    r = object_check(in, path, value, rule_members, ARRAY_LEN(rule_members));
    if (r)
        return r;
    *rule = (struct catalog_rule){
        .name = json_str(value, "name", ""),
        .account = json_str(value, "account", "*"),
        .app = json_str(value, "app", "*"),
        .branch = json_str(value, "branch", "*"),
        .template = json_str(value, "template", ""),
        .is_protected = json_bool(value, "protected", false),
        .line = yaml_line(in->marks, path),
    };
    r = rule_unlike_others(in, path, rule);
    if (r)
        return r;
    in->catalog->rule_count++;
    path_at(at, path, "environments");
    r = rule_environments(in, at, json_object_get(value, "environments"), rule);
    parameters = json_object_get(value, "parameters");
    if (r || !parameters)
        return r;
    path_at(at, path, "parameters");
    return rule_parameters(in, at, parameters, rule);
}

static int specificity(const char *glob)
{
    int literal = 0;

    if (!strpbrk(glob, "*?"))
        return SPECIFICITY_EXACT;
    for (const char *c = glob; *c; c++)
        literal += *c != '*' && *c != '?';
    return literal;
}

static int rule_compare(const void *left, const void *right)
{
    const struct catalog_rule *a = left, *b = right;
    int by = specificity(b->account) - specificity(a->account);

    if (by == 0)
        by = specificity(b->app) - specificity(a->app);
    if (by == 0)
        by = specificity(b->branch) - specificity(a->branch);
    return by ? by : strcmp(a->name, b->name);
}

static int rules_read(struct reading *in, const json_t *rules)
{
    struct catalog *catalog = in->catalog;
    const json_t *rule;
    size_t i;
    int r;

    if (json_array_size(rules) > CATALOG_RULES_MAX)
        return bad(in, "rules", "at most %d rules", CATALOG_RULES_MAX);
    catalog->rules = mem_alloc((json_array_size(rules) + 1) * sizeof(*catalog->rules));
    if (!catalog->rules)
        return FAULT(ENOMEM);
    json_array_foreach (rules, i, rule) {
        r = rule_read(in, i, rule);
        if (r)
            return r;
    }
    qsort(catalog->rules, catalog->rule_count, sizeof(*catalog->rules), rule_compare);
    return 0;
}

int catalog_parse(struct str text, struct catalog **ret, struct reason *why)
{
    CLEANUP(catalog_free) struct catalog *catalog = mem_alloc(sizeof(*catalog));
    CLEANUP(yaml_marks_free) struct yaml_marks *marks = NULL;
    struct reading in = {.why = why, .catalog = catalog};
    int r;

    if (!catalog)
        return FAULT(ENOMEM);
    if (text.len > CATALOG_MAX_BYTES)
        return reason_set(why, CATALOG_E_BAD, "a catalog has at most %d bytes", CATALOG_MAX_BYTES);
    r = yaml_parse(text, &catalog->tree, &marks, why);
    if (r)
        return r < 0 ? r : CATALOG_E_BAD;
    in.marks = marks;
    r = object_check(&in, "", catalog->tree, catalog_members, ARRAY_LEN(catalog_members));
    if (r == 0)
        r = environments_read(&in, json_object_get(catalog->tree, "environments"));
    if (r == 0)
        r = rules_read(&in, json_object_get(catalog->tree, "rules"));
    if (r == 0)
        *ret = take(catalog);
    return r;
}

void catalog_free(struct catalog **catalog)
{
    if (!*catalog)
        return;
    for (size_t i = 0; i < (*catalog)->rule_count; i++)
        free((*catalog)->rules[i].environments);
    free((*catalog)->rules);
    free((*catalog)->environments);
    json_decref((*catalog)->tree);
    free(*catalog);
    *catalog = NULL;
}

const struct catalog_rule *catalog_match(const struct catalog *catalog, struct str account, struct str app,
                                         struct str branch)
{
    for (size_t i = 0; i < catalog->rule_count; i++) {
        const struct catalog_rule *rule = &catalog->rules[i];

        if (str_glob(str_of(rule->account), account) && str_glob(str_of(rule->app), app) &&
            str_glob(str_of(rule->branch), branch))
            return rule;
    }
    return NULL;
}
