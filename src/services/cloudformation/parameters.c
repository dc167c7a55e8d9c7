/* See parameters.h. Source: CloudFormation User Guide, "Parameters". */
#include "services/cloudformation/parameters.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/scope.h"
#include "services/ssm/ssm.h"
#include "wire/json.h"
#include "wire/pattern.h"
#include <stdio.h>

#define VALUE_MAX 4096
#define LOOKUP_ARENA (1 << 16)

enum parameter_form { FORM_TEXT, FORM_NUMBER, FORM_LIST, FORM_NUMBERS, FORM_UNKNOWN };

static const struct named_form {
    const char *name;
    enum parameter_form form;
} forms[] = {
    {"String", FORM_TEXT},          {"Number", FORM_NUMBER},
    {"List<Number>", FORM_NUMBERS}, {"CommaDelimitedList", FORM_LIST},
    {"List<String>", FORM_LIST},
};

#define SSM_VALUE "AWS::SSM::Parameter::Value<"

static bool from_ssm(const char *type)
{
    return strncmp(type, SSM_VALUE, sizeof(SSM_VALUE) - 1) == 0;
}

/* The form of a type's name; of an SSM parameter's the inner one. AWS's own types are texts, or lists of
 * them.
 */
static enum parameter_form form_of(struct str type)
{
    if (str_starts(type, STR(SSM_VALUE)) && str_ends(type, STR(">")))
        return form_of((struct str){type.ptr + sizeof(SSM_VALUE) - 1, type.len - sizeof(SSM_VALUE)});
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (str_eqc(type, forms[i].name))
            return forms[i].form;
    if (str_starts(type, STR("List<AWS::")))
        return FORM_LIST;
    return str_starts(type, STR("AWS::")) ? FORM_TEXT : FORM_UNKNOWN;
}

static const char *type_of(const json_t *declaration)
{
    return json_str(declaration, "Type", "");
}

bool parameter_no_echo(const json_t *declaration)
{
    const json_t *flag = json_object_get(declaration, "NoEcho");

    return json_is_true(flag) ||
           (json_is_string(flag) && str_eq_nocase(str_of(json_string_value(flag)), STR("true")));
}

/* ---- declarations */

static const char *const members[] = {
    "Type",        "Default",   "AllowedPattern", "AllowedValues", "ConstraintDescription",
    "Description", "MaxLength", "MinLength",      "MaxValue",      "MinValue",
    "NoEcho",
};

static int check_members(const struct template *t, const json_t *declaration, struct where *where,
                         struct reason *why)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)declaration, key, value) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            known = known || strcmp(members[i], key) == 0;
        (void)where_down(where, key);
        if (!known)
            return template_fail(t, where, why, "Invalid template parameter property '%s'", key);
        if (strcmp(key, "AllowedValues") == 0 ? !json_is_array(value)
                                              : json_is_object(value) || json_is_array(value))
            return template_fail(t, where, why, "Template format error: %s has the wrong form", key);
        where_up(where, where->len - strlen(key) - 1);
    }
    return 0;
}

int parameters_check(const struct template *t, struct reason *why)
{
    const char *name;
    json_t *declaration;
    struct where where = {""};

    json_object_foreach ((json_t *)(uintptr_t)t->parameters, name, declaration) {
        where_set(&where, "Parameters");
        (void)where_down(&where, name);
        if (!json_is_object(declaration))
            return template_fail(t, &where, why, "Template format error: a parameter must be an object");
        if (json_object_get(t->resources, name))
            return template_fail(t, &where, why,
                                 "Template format error: %s is the name of a parameter and of a resource",
                                 name);
        int err = check_members(t, declaration, &where, why);
        if (err)
            return err;
        (void)where_down(&where, "Type");
        if (form_of(str_of(type_of(declaration))) == FORM_UNKNOWN)
            return template_fail(t, &where, why, "Template format error: Unrecognized parameter type: %s",
                                 *type_of(declaration) ? type_of(declaration) : "none");
        where_set(&where, "Parameters");
        (void)where_down(&where, name);
        (void)where_down(&where, "AllowedPattern");
        const char *pattern = json_str(declaration, "AllowedPattern", NULL);
        struct reason syntax = {""};
        if (pattern && pattern_check(str_of(pattern), &syntax))
            return template_fail(t, &where, why, "Template format error: the pattern is not valid: %s",
                                 syntax.text);
    }
    return 0;
}

/* ---- constraints */

struct given {
    const char *name;
    const json_t *declaration;
    const char *value;
    struct reason *why;
};

static int broken(const struct given *g, const char *fmt, const char *detail)
{
    const char *says = json_str(g->declaration, "ConstraintDescription", NULL);

    if (says)
        return reason_set(g->why, STACK_E_INVALID, "Parameter %s failed to satisfy constraint: %s", g->name,
                          says);
    return reason_set(g->why, STACK_E_INVALID, "Parameter '%s' must %s%s", g->name, fmt, detail);
}

static int check_allowed(const struct given *g)
{
    const json_t *allowed = json_object_get(g->declaration, "AllowedValues");
    size_t index;
    json_t *value;

    if (!allowed)
        return 0;
    json_array_foreach (allowed, index, value) {
        CLEANUP(json_free) json_t *text = scope_text(value);
        if (text && strcmp(json_string_value(text), g->value) == 0)
            return 0;
    }
    CLEANUP(free_ptr) char *all = json_text(allowed);
    return broken(g, "be one of AllowedValues: ", all ? all : "");
}

static int check_pattern(const struct given *g)
{
    const char *pattern = json_str(g->declaration, "AllowedPattern", NULL);
    struct reason why = {""};

    if (!pattern)
        return 0;
    int err = pattern_match(str_of(pattern), str_of(g->value), &why);
    if (err == PATTERN_E_COST)
        return reason_set(g->why, STACK_E_INVALID, "Parameter '%s': matching its pattern takes too long: %s",
                          g->name, why.text);
    return err > 0 ? broken(g, "match pattern ", pattern) : err;
}

/* A bound of the declaration, as a number or as its text. */
static bool bound(const json_t *declaration, const char *member, double *ret)
{
    CLEANUP(json_free) json_t *text = scope_text(json_object_get(declaration, member));
    char *end;

    if (!text || !*json_string_value(text))
        return false;
    *ret = strtod(json_string_value(text), &end);
    return *end == '\0';
}

static int check_length(const struct given *g)
{
    double limit;
    char text[32];
    double len = (double)strlen(g->value);

    if (bound(g->declaration, "MinLength", &limit) && len < limit) {
        (void)snprintf(text, sizeof(text), "%.0f characters", limit);
        return broken(g, "contain at least ", text);
    }
    if (bound(g->declaration, "MaxLength", &limit) && len > limit) {
        (void)snprintf(text, sizeof(text), "%.0f characters", limit);
        return broken(g, "contain at most ", text);
    }
    return 0;
}

static int check_number(const struct given *g, const char *value)
{
    char *end;
    double limit;
    char text[32];
    double number = strtod(value, &end);

    if (!*value || *end || strspn(value, "+-0123456789.eE") != strlen(value))
        return reason_set(g->why, STACK_E_INVALID, "Parameter '%s' must be a number", g->name);
    if (bound(g->declaration, "MinValue", &limit) && number < limit) {
        (void)snprintf(text, sizeof(text), "%.15g", limit);
        return broken(g, "be a number not less than ", text);
    }
    if (bound(g->declaration, "MaxValue", &limit) && number > limit) {
        (void)snprintf(text, sizeof(text), "%.15g", limit);
        return broken(g, "be a number not greater than ", text);
    }
    return 0;
}

static json_t *split_list(const char *value)
{
    json_t *list = json_array();
    struct str rest = str_of(value);

    while (list && rest.ptr) {
        struct str item = str_trim(str_split(&rest, ','));
        if (json_array_append_new(list, json_stringn(item.ptr ? item.ptr : "", item.len))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int check_numbers(const struct given *g)
{
    CLEANUP(json_free) json_t *list = split_list(g->value);
    size_t index;
    json_t *item;
    int err = 0;

    json_array_foreach (list, index, item)
        if (!err)
            err = check_number(g, json_string_value(item));
    return err;
}

static int check_value(const struct given *g)
{
    enum parameter_form form = form_of(str_of(type_of(g->declaration)));

    if (strlen(g->value) > VALUE_MAX)
        return reason_set(g->why, STACK_E_INVALID, "Parameter '%s' must be at most %d bytes long", g->name,
                          VALUE_MAX);
    int err = check_allowed(g);
    if (!err)
        err = check_pattern(g);
    if (!err)
        err = check_length(g);
    if (!err && form == FORM_NUMBER && !from_ssm(type_of(g->declaration)))
        err = check_number(g, g->value);
    if (!err && form == FORM_NUMBERS)
        err = check_numbers(g);
    return err;
}

/* ---- resolving */

static int look_up(struct tx *tx, const struct platform *platform, const char *account, const struct given *g,
                   json_t *one)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(LOOKUP_ARENA);
    struct parameter found;
    struct reason why = {""};

    if (!arena)
        return FAULT(ENOMEM);
    int err = parameter_get(tx, platform, arena, account, g->value, false, &found, &why);
    if (err > 0)
        return reason_set(g->why, STACK_E_INVALID,
                          "Unable to fetch parameters [%.500s] from parameter store for this account.",
                          g->value);
    if (err)
        return err;
    if (strcmp(found.type, "SecureString") == 0)
        return reason_set(g->why, STACK_E_INVALID,
                          "Parameters [%.500s] referenced by template have types not supported by "
                          "CloudFormation: SecureString.",
                          g->value);
    return json_put_str(one, "resolved", found.value);
}

static const json_t *given_of(const json_t *given, const char *name)
{
    size_t index;
    json_t *item;

    json_array_foreach (given, index, item)
        if (strcmp(json_str(item, "ParameterKey", ""), name) == 0)
            return item;
    return NULL;
}

/* The text to use; *ret NULL when there is none. */
static int choose(const char *name, const json_t *declaration, const json_t *given, const json_t *previous,
                  json_t **ret, struct reason *why)
{
    const json_t *said = given_of(given, name);
    const json_t *before = json_object_get(json_object_get(previous, name), "value");

    *ret = NULL;
    if (json_bool(said, "UsePreviousValue", false)) {
        if (json_object_get(said, "ParameterValue"))
            return reason_set(
                why, STACK_E_INVALID,
                "Invalid input for parameter key %s. Cannot specify usePreviousValue as true and "
                "non empty value for a parameter",
                name);
        if (!before)
            return reason_set(
                why, STACK_E_INVALID,
                "Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a "
                "parameter key not in the previous template",
                name);
        *ret = scope_text(before);
    } else if (json_object_get(said, "ParameterValue")) {
        *ret = scope_text(json_object_get(said, "ParameterValue"));
    } else if (json_object_get(declaration, "Default")) {
        *ret = scope_text(json_object_get(declaration, "Default"));
    } else {
        return 0;
    }
    return *ret ? 0 : FAULT(ENOMEM);
}

static int refuse_strangers(const struct template *t, const json_t *given, struct reason *why)
{
    char names[400] = "";
    size_t len = 0, index;
    json_t *item;

    json_array_foreach (given, index, item) {
        const char *name = json_str(item, "ParameterKey", "");
        if (json_object_get(t->parameters, name) || len + strlen(name) + 3 > sizeof(names))
            continue;
        int more = snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", name);
        len += (size_t)more;
    }
    return len ? reason_set(why, STACK_E_INVALID, "Parameters: [%s] do not exist in the template", names) : 0;
}

int parameters_resolve(struct tx *tx, const struct platform *platform, const char *account,
                       const struct template *t, const json_t *given, const json_t *previous, json_t **ret,
                       struct reason *why)
{
    CLEANUP(json_free) json_t *all = json_object();
    char missing[400] = "";
    size_t len = 0;
    const char *name;
    json_t *declaration;
    int err = refuse_strangers(t, given, why);

    json_object_foreach ((json_t *)(uintptr_t)t->parameters, name, declaration) {
        json_t *text = NULL;
        if (err)
            return err;
        err = choose(name, declaration, given, previous, &text, why);
        if (err)
            return err;
        if (!text && len + strlen(name) + 3 <= sizeof(missing))
            len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s", len ? ", " : "", name);
        if (!text)
            continue;
        struct given g = {name, declaration, json_string_value(text), why};
        json_t *one = json_pack("{s:o}", "value", text);
        if (json_object_set_new(all, name, one))
            return FAULT(ENOMEM);
        err = check_value(&g);
        if (!err && from_ssm(type_of(declaration)))
            err = look_up(tx, platform, account, &g, one);
    }
    if (err)
        return err;
    if (len)
        return reason_set(why, STACK_E_INVALID, "Parameters: [%s] must have values", missing);
    *ret = take(all);
    return 0;
}

json_t *parameters_values(const struct template *t, const json_t *resolved)
{
    CLEANUP(json_free) json_t *values = json_object();
    const char *name;
    json_t *one;

    json_object_foreach ((json_t *)(uintptr_t)resolved, name, one) {
        enum parameter_form form = form_of(str_of(type_of(json_object_get(t->parameters, name))));
        const char *text = json_str(one, "resolved", json_str(one, "value", ""));
        bool list = form == FORM_LIST || form == FORM_NUMBERS;
        if (json_object_set_new(values, name, list ? split_list(text) : json_string(text)))
            return NULL;
    }
    return take(values);
}

json_t *parameters_show(const struct template *t, const json_t *resolved)
{
    CLEANUP(json_free) json_t *list = json_array();
    const char *name;
    json_t *one;

    json_object_foreach ((json_t *)(uintptr_t)resolved, name, one) {
        bool masked = t && parameter_no_echo(json_object_get(t->parameters, name));
        json_t *shown = json_pack("{s:s, s:s}", "ParameterKey", name, "ParameterValue",
                                  masked ? "****" : json_str(one, "value", ""));
        const char *found = json_str(one, "resolved", NULL);
        if ((found && json_put_str(shown, "ResolvedValue", masked ? "****" : found)) ||
            json_array_append_new(list, shown))
            return NULL;
    }
    return take(list);
}
