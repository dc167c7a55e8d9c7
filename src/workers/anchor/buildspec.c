/* See buildspec.h. */
#include "workers/anchor/buildspec.h"
#include "wire/json.h"
#include "wire/yaml.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum kind { KIND_ANY, KIND_TEXT, KIND_TEXTS, KIND_MAP, KIND_TEXT_MAP, KIND_VERSION, KIND_YES };
enum effect { EFFECT_USED, EFFECT_IGNORED, EFFECT_REFUSED };

struct key {
    const char *name;
    enum kind kind;
    enum effect effect;
};

struct table {
    const struct key *keys;
    size_t count;
};

static const struct key top_keys[] = {
    {"version", KIND_VERSION, EFFECT_USED}, {"env", KIND_MAP, EFFECT_USED},
    {"phases", KIND_MAP, EFFECT_USED},      {"artifacts", KIND_MAP, EFFECT_USED},
    {"reports", KIND_ANY, EFFECT_IGNORED},  {"cache", KIND_ANY, EFFECT_IGNORED},
    {"run-as", KIND_ANY, EFFECT_REFUSED},   {"proxy", KIND_ANY, EFFECT_IGNORED},
    {"batch", KIND_ANY, EFFECT_REFUSED},
};

static const struct key env_keys[] = {
    {"shell", KIND_TEXT, EFFECT_USED},
    {"variables", KIND_TEXT_MAP, EFFECT_USED},
    {"parameter-store", KIND_TEXT_MAP, EFFECT_USED},
    {"exported-variables", KIND_TEXTS, EFFECT_USED},
    {"secrets-manager", KIND_ANY, EFFECT_REFUSED},
    {"git-credential-helper", KIND_ANY, EFFECT_IGNORED},
};

static const struct key phases_keys[] = {
    {"install", KIND_MAP, EFFECT_USED},
    {"pre_build", KIND_MAP, EFFECT_USED},
    {"build", KIND_MAP, EFFECT_USED},
    {"post_build", KIND_MAP, EFFECT_USED},
};

static const struct key phase_keys[] = {
    {"commands", KIND_TEXTS, EFFECT_USED},  {"finally", KIND_TEXTS, EFFECT_USED},
    {"on-failure", KIND_TEXT, EFFECT_USED}, {"runtime-versions", KIND_ANY, EFFECT_IGNORED},
    {"run-as", KIND_ANY, EFFECT_REFUSED},
};

static const struct key artifacts_keys[] = {
    {"files", KIND_TEXTS, EFFECT_USED},
    {"base-directory", KIND_TEXT, EFFECT_USED},
    {"discard-paths", KIND_YES, EFFECT_USED},
    {"name", KIND_TEXT, EFFECT_IGNORED},
    {"exclude-paths", KIND_ANY, EFFECT_REFUSED},
    {"secondary-artifacts", KIND_ANY, EFFECT_REFUSED},
    {"enable-symlinks", KIND_ANY, EFFECT_IGNORED},
    {"s3-prefix", KIND_ANY, EFFECT_IGNORED},
};

#define TABLE(keys)                                                                                          \
    (struct table)                                                                                           \
    {                                                                                                        \
        (keys), ARRAY_LEN(keys)                                                                              \
    }

static const char *const kind_says[] = {
    [KIND_ANY] = "",
    [KIND_TEXT] = "must be text",
    [KIND_TEXTS] = "must be a list of texts",
    [KIND_MAP] = "must be a mapping",
    [KIND_TEXT_MAP] = "must map names to texts",
    [KIND_VERSION] = "must be 0.2: other versions are not supported",
    [KIND_YES] = "must be yes or no",
};

struct reading {
    const struct yaml_marks *marks;
    struct reason *why;
    struct buf *ignored;
};

static int bad(const struct reading *in, const char *path, const char *words)
{
    int line = yaml_line(in->marks, path);

    return reason_set(in->why, BUILDSPEC_E_BAD, "buildspec line %d: %s: %s", line, path, words);
}

/* Numbers and booleans become the text that they would be in a shell. */
static int texts_settle(json_t *holder, const char *key, json_t *value)
{
    char number[40];

    if (json_is_string(value))
        return 0;
    if (json_is_boolean(value))
        return json_put_str(holder, key, json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof(number), "%.15g", json_real_value(value));
    else
        return BUILDSPEC_E_BAD;
    return json_put_str(holder, key, number);
}

static bool all_texts(const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (!json_is_string(item))
            return false;
    return json_is_array(list);
}

static bool name_valid(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static int all_named_texts(json_t *map)
{
    const char *name;
    json_t *value;
    void *next;

    if (!json_is_object(map))
        return BUILDSPEC_E_BAD;
    json_object_foreach_safe(map, next, name, value)
    {
        int r = name_valid(name) ? texts_settle(map, name, value) : BUILDSPEC_E_BAD;

        if (r)
            return r;
    }
    return 0;
}

static bool is_version(const json_t *value)
{
    return (json_is_real(value) && json_real_value(value) > 0.19 && json_real_value(value) < 0.21) ||
           (json_is_string(value) && strcmp(json_string_value(value), "0.2") == 0);
}

static bool is_yes_or_no(const json_t *value)
{
    const char *text = json_string_value(value);

    return json_is_boolean(value) || (text && (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0));
}

static int kind_check(enum kind kind, json_t *value)
{
    switch (kind) {
    case KIND_ANY:
        return 0;
    case KIND_TEXT:
        return json_is_string(value) ? 0 : BUILDSPEC_E_BAD;
    case KIND_TEXTS:
        return all_texts(value) ? 0 : BUILDSPEC_E_BAD;
    case KIND_MAP:
        return json_is_object(value) ? 0 : BUILDSPEC_E_BAD;
    case KIND_TEXT_MAP:
        return all_named_texts(value);
    case KIND_VERSION:
        return is_version(value) ? 0 : BUILDSPEC_E_BAD;
    case KIND_YES:
        return is_yes_or_no(value) ? 0 : BUILDSPEC_E_BAD;
    }
    return 0;
}

static int key_check(struct reading *in, const char *path, struct table table, const char *name,
                     json_t *value)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct key *key = &table.keys[i];
        int r;

        if (strcmp(key->name, name) != 0)
            continue;
        if (key->effect == EFFECT_REFUSED)
            return bad(in, path, "Slipway does not support this yet: remove it");
        if (key->effect == EFFECT_IGNORED)
            buf_printf(in->ignored, "%s%s", in->ignored->len ? ", " : "", path);
        r = kind_check(key->kind, value);
        return r > 0 ? bad(in, path, kind_says[key->kind]) : r;
    }
    return bad(in, path, "is not known here");
}

static int object_check(struct reading *in, const char *path, const json_t *object, struct table table)
{
    const char *name;
    json_t *value;

    if (!object)
        return 0;
    if (!json_is_object(object))
        return bad(in, path, "must be a mapping");
    json_object_foreach ((json_t *)object, name, value) {
        CLEANUP(free_ptr) char *at = NULL;
        int r = asprintf(&at, "%s%s%s", path, path[0] ? "/" : "", name);

        if (r < 0)
            return FAULT(ENOMEM);
        r = key_check(in, at, table, name, value);
        if (r)
            return r;
    }
    return 0;
}

static const struct {
    const char *name;
    const char *shown;
} phase_names[] = {
    [PHASE_INSTALL] = {"install", "INSTALL"},
    [PHASE_PRE_BUILD] = {"pre_build", "PRE_BUILD"},
    [PHASE_BUILD] = {"build", "BUILD"},
    [PHASE_POST_BUILD] = {"post_build", "POST_BUILD"},
};

const char *buildspec_phase_shown(enum buildspec_phase_id id)
{
    return phase_names[id].shown;
}

static int phase_read(struct reading *in, const json_t *phases, enum buildspec_phase_id id,
                      struct buildspec_phase *ret)
{
    const json_t *phase = json_object_get(phases, phase_names[id].name);
    const char *on_failure = json_str(phase, "on-failure", "");
    char path[64];
    int r;

    snprintf(path, sizeof(path), "phases/%s", phase_names[id].name);
    r = object_check(in, path, phase, TABLE(phase_keys));
    if (r)
        return r;
    if (on_failure[0] && strcmp(on_failure, "ABORT") != 0 && strcmp(on_failure, "CONTINUE") != 0)
        return bad(in, path, "on-failure must be ABORT or CONTINUE");
    ret->on_failure_continue = strcmp(on_failure, "CONTINUE") == 0;
    ret->commands = json_object_get(phase, "commands");
    ret->finally = json_object_get(phase, "finally");
    return 0;
}

static int env_read(struct reading *in, const json_t *env, struct buildspec *ret)
{
    int r = object_check(in, "env", env, TABLE(env_keys));

    if (r)
        return r;
    ret->shell = json_str(env, "shell", "sh");
    if (strcmp(ret->shell, "sh") != 0 && strcmp(ret->shell, "bash") != 0 &&
        strcmp(ret->shell, "/bin/sh") != 0)
        return bad(in, "env/shell", "must be sh or bash");
    ret->variables = json_object_get(env, "variables");
    ret->parameter_store = json_object_get(env, "parameter-store");
    ret->exported = json_object_get(env, "exported-variables");
    return 0;
}

static int artifacts_read(struct reading *in, const json_t *artifacts, struct buildspec *ret)
{
    const json_t *flat = json_object_get(artifacts, "discard-paths");
    int r = object_check(in, "artifacts", artifacts, TABLE(artifacts_keys));

    if (r || !artifacts)
        return r;
    ret->artifact_files = json_object_get(artifacts, "files");
    ret->artifact_base = json_str(artifacts, "base-directory", NULL);
    ret->artifact_flat = json_is_true(flat) || (json_is_string(flat) && json_string_value(flat)[0] == 'y');
    if (!ret->artifact_files)
        return bad(in, "artifacts", "'files' is missing");
    return 0;
}

static int tree_read(struct reading *in, struct buildspec *ret)
{
    const json_t *phases = json_object_get(ret->tree, "phases");
    int r = object_check(in, "", ret->tree, TABLE(top_keys));

    if (r)
        return r;
    if (!json_object_get(ret->tree, "version"))
        return bad(in, "version", "is missing: write 'version: 0.2'");
    if (!phases)
        return bad(in, "phases", "is missing: a build needs at least one phase");
    r = object_check(in, "phases", phases, TABLE(phases_keys));
    if (r == 0)
        r = env_read(in, json_object_get(ret->tree, "env"), ret);
    for (enum buildspec_phase_id id = 0; r == 0 && id < BUILDSPEC_PHASES; id++)
        r = phase_read(in, phases, id, &ret->phases[id]);
    if (r == 0)
        r = artifacts_read(in, json_object_get(ret->tree, "artifacts"), ret);
    return r;
}

int buildspec_parse(struct str text, struct buildspec *ret, struct reason *why)
{
    CLEANUP(yaml_marks_free) struct yaml_marks *marks = NULL;
    CLEANUP(buildspec_deinit) struct buildspec spec = {.ignored = BUF_INIT(4096)};
    struct reading in = {.why = why, .ignored = &spec.ignored};
    struct reason syntax = {0};
    int r;

    if (text.len > BUILDSPEC_MAX_BYTES)
        return reason_set(why, BUILDSPEC_E_BAD, "a buildspec has at most %d bytes", BUILDSPEC_MAX_BYTES);
    r = yaml_parse(text, &spec.tree, &marks, &syntax);
    if (r < 0)
        return r;
    if (r > 0)
        return reason_set(why, BUILDSPEC_E_BAD, "the buildspec cannot be read: %s", syntax.text);
    in.marks = marks;
    r = tree_read(&in, &spec);
    if (r)
        return r;
    *ret = spec;
    spec = (struct buildspec){0};
    return 0;
}

void buildspec_deinit(struct buildspec *spec)
{
    json_decref(spec->tree);
    buf_free(&spec->ignored);
    *spec = (struct buildspec){0};
}
