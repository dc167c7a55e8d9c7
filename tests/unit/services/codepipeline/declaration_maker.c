/* Valid declarations of all that there is: both types, all modes, actions, conditions; and how they are
 * spoilt. */
#include "declaration_maker.h"
#include "wire/json.h"
#include <stdio.h>

#define ACCOUNT "222222222222"
#define PLACES_MAX 4096

void maker_init(struct maker *maker, uint64_t seed)
{
    maker->state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t next(struct maker *maker)
{
    maker->state ^= maker->state >> 12;
    maker->state ^= maker->state << 25;
    maker->state ^= maker->state >> 27;
    return maker->state * UINT64_C(2685821657736338717);
}

size_t maker_below(struct maker *maker, size_t limit)
{
    return (size_t)(next(maker) >> 16) % limit;
}

bool maker_one_in(struct maker *maker, size_t n)
{
    return maker_below(maker, n) == 0;
}

/* ---- valid ones */

/* What an action may be beside its name; `in` and `out`: how many artifacts. Single quotes stand for double.
 */
static const struct kind {
    const char *category;
    const char *owner;
    const char *provider;
    int in, out;
    const char *configuration;
    const char *more; /* members of the action */
} kinds[] = {
    {"Approval", "AWS", "Manual", 0, 0, "{}", "{'timeoutInMinutes': 7}"},
    {"Approval", "AWS", "Manual", 0, 0, "{'CustomData': '#{Src.VersionId}'}", "{}"},
    {"Deploy", "AWS", "S3", 1, 0, "{'BucketName': 'b', 'Extract': 'true'}", "{}"},
    {"Deploy", "AWS", "CloudFormation", 1, 1,
     "{'ActionMode': 'CREATE_UPDATE', 'StackName': 's-#{Src.VersionId}', 'TemplatePath': '?'}", "{}"},
    {"Deploy", "AWS", "CloudFormation", 0, 0, "{'ActionMode': 'DELETE_ONLY', 'StackName': 's'}",
     "{'roleArn': 'arn:aws:iam::333333333333:role/slipway-deploy'}"},
    {"Build", "AWS", "CodeBuild", 1, 1, "{'ProjectName': 'p'}", "{'timeoutInMinutes': 5}"},
    {"Test", "AWS", "CodeBuild", 1, 0, "{'ProjectName': '#{codepipeline.PipelineExecutionId}'}", "{}"},
    {"Build", "Custom", "Mine", 0, 1, "{'Target': 'all'}", "{}"},
    {"Compute", "AWS", "Commands", 1, 0, "{}",
     "{'commands': ['make #{Src.VersionId}'], 'outputVariables': ['Tag']}"},
};

static const char *const rules[] = {
    "{'name': 'Is', 'ruleTypeId': {'category': 'Rule', 'owner': 'AWS', 'provider': 'VariableCheck', "
    "'version': '1'},"
    " 'configuration': {'Variable': '#{Src.VersionId}', 'Operator': 'EQ', 'Value': 'v1'}}",
    "{'name': 'When', 'ruleTypeId': {'category': 'Rule', 'owner': 'AWS', 'provider': 'DeploymentWindow', "
    "'version': "
    "'1'}, 'configuration': {'Cron': '* * * * * ?'}}",
    "{'name': 'Runs', 'ruleTypeId': {'category': 'Rule', 'owner': 'AWS', 'provider': 'Commands', 'version': "
    "'1'},"
    " 'commands': ['true'], 'inputArtifacts': [{'name': 'A0'}]}",
};

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    char copy[1024];

    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    if (json_parse(str_of(copy), &value, NULL) != 0)
        abort();
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        abort();
}

static void append(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value))
        abort();
}

static json_t *numbered(const char *prefix, size_t number)
{
    return json_sprintf("%s%zu", prefix, number);
}

static json_t *source(size_t number, bool variables)
{
    json_t *action =
        parse("{'actionTypeId': {'category': 'Source', 'owner': 'AWS', 'provider': 'S3', 'version': '1'}, "
              "'configuration': {'S3Bucket': 'artifacts', 'S3ObjectKey': 'k.zip', "
              "'AllowOverrideForS3ObjectKey': 'true'}}");

    set(action, "name", numbered("Get", number));
    set(action, "outputArtifacts", json_pack("[{s:o}]", "name", numbered("A", number)));
    if (variables)
        set(action, "namespace", json_string("Src"));
    return action;
}

/* A template comes from there. */
static void set_input(json_t *action, size_t artifact)
{
    json_t *configuration = json_object_get(action, "configuration");

    set(action, "inputArtifacts", json_pack("[{s:o}]", "name", numbered("A", artifact)));
    if (json_object_get(configuration, "TemplatePath"))
        set(configuration, "TemplatePath", json_sprintf("A%zu::t.yaml", artifact));
}

static json_t *make_action(struct maker *maker, bool v2, size_t *number, size_t artifacts)
{
    const struct kind *kind = &kinds[maker_below(maker, ARRAY_LEN(kinds) - (v2 ? 0 : 1))];
    json_t *action = parse(kind->more);

    set(action, "name", numbered("Do", *number));
    set(action, "actionTypeId",
        json_pack("{s:s, s:s, s:s, s:s}", "category", kind->category, "owner", kind->owner, "provider",
                  kind->provider, "version", "1"));
    set(action, "configuration", parse(kind->configuration));
    if (kind->in)
        set_input(action, maker_below(maker, artifacts));
    if (kind->out)
        set(action, "outputArtifacts", json_pack("[{s:o}]", "name", numbered("Made", *number)));
    if (maker_one_in(maker, 3))
        set(action, "namespace", numbered("Space", *number));
    if (maker_one_in(maker, 3))
        set(action, "runOrder", json_integer((json_int_t)(1 + maker_below(maker, 3))));
    (*number)++;
    return action;
}

static json_t *condition(struct maker *maker, const char *result)
{
    const char *rule = rules[maker_below(maker, ARRAY_LEN(rules))];

    return json_pack("{s:[{s:s, s:[o]}]}", "conditions", "result", result, "rules", parse(rule));
}

static void add_conditions(struct maker *maker, json_t *stage, bool parallel)
{
    static const char *const before[] = {"FAIL", "SKIP"}, *const failed[] = {"FAIL", "RETRY", "ROLLBACK"};

    if (maker_one_in(maker, 3))
        set(stage, "beforeEntry", condition(maker, before[maker_below(maker, 2)]));
    if (maker_one_in(maker, 4))
        set(stage, "onSuccess", condition(maker, parallel || maker_one_in(maker, 2) ? "FAIL" : "ROLLBACK"));
    if (maker_one_in(maker, 3))
        set(stage, "onFailure", json_pack("{s:s}", "result", failed[maker_below(maker, parallel ? 2 : 3)]));
}

static json_t *stage_make(struct maker *maker, bool v2, bool parallel, size_t number, size_t *actions,
                          size_t artifacts)
{
    json_t *list = json_array(),
           *stage = json_pack("{s:o, s:o}", "name", numbered("S", number), "actions", list);

    for (size_t i = 1 + maker_below(maker, 4); i > 0; i--)
        append(list, make_action(maker, v2, actions, artifacts));
    if (v2)
        add_conditions(maker, stage, parallel);
    return stage;
}

/* The last source becomes one of Git, with a trigger. */
static void add_trigger(json_t *made, json_t *sources)
{
    json_t *last = json_array_get(sources, json_array_size(sources) - 1);
    json_t *git =
        parse("{'push': [{'branches': {'includes': ['main', 'feature/**'], 'excludes': ['x']}, "
              "'filePaths': {'includes': ['src/**/*.{c,h}']}}, {'tags': {'includes': ['v[0-9]*']}}], "
              "'pullRequest': [{'events': ['OPEN'], 'branches': {'excludes': ['?']}}]}");

    set(last, "actionTypeId",
        parse("{'category': 'Source', 'owner': 'AWS', 'provider': "
              "'CodeStarSourceConnection', 'version': '1'}"));
    set(last, "configuration",
        parse("{'ConnectionArn': 'arn:aws:codeconnections:us-east-1:" ACCOUNT
              ":connection/1', 'FullRepositoryId': 'a/b', 'BranchName': 'main'}"));
    set(git, "sourceActionName", json_copy(json_object_get(last, "name")));
    set(made, "triggers",
        json_pack("[{s:s, s:o}]", "providerType", "CodeStarSourceConnection", "gitConfiguration", git));
}

json_t *maker_pipeline(struct maker *maker)
{
    static const char *const modes[] = {"SUPERSEDED", "QUEUED", "PARALLEL"};
    bool v2 = !maker_one_in(maker, 3);
    size_t mode = v2 ? maker_below(maker, 3) : 0, actions = 0, sources = 1 + maker_below(maker, 2);
    json_t *got = json_array();
    json_t *stages = json_pack("[{s:s, s:o}]", "name", "Source", "actions", got);
    json_t *made =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "name", "p", "roleArn", "arn:aws:iam::" ACCOUNT ":role/r",
                  "artifactStore", "type", "S3", "location", "store", "stages", stages);

    for (size_t i = 0; i < sources; i++)
        append(got, source(i, i == 0));
    for (size_t i = 1 + maker_below(maker, 5); i > 0; i--)
        append(stages, stage_make(maker, v2, mode == 2, i, &actions, sources));
    if (v2) {
        set(made, "pipelineType", json_string("V2"));
        set(made, "executionMode", json_string(modes[mode]));
        if (maker_one_in(maker, 3))
            set(made, "variables", parse("[{'name': 'Env', 'defaultValue': 'dev', 'description': 'where'}]"));
        if (maker_one_in(maker, 3))
            add_trigger(made, got);
    }
    return made;
}

/* ---- spoilt ones */

struct place {
    json_t *parent;
    const char *key; /* of an object; NULL: of a list */
    size_t index;
};

struct places {
    struct place list[PLACES_MAX];
    size_t count;
};

static void places_find(json_t *value, struct places *places)
{
    const char *key;
    json_t *child;
    size_t i;

    json_object_foreach (value, key, child) {
        if (places->count < PLACES_MAX)
            places->list[places->count++] = (struct place){value, key, 0};
        places_find(child, places);
    }
    json_array_foreach (value, i, child) {
        if (places->count < PLACES_MAX)
            places->list[places->count++] = (struct place){value, NULL, i};
        places_find(child, places);
    }
}

static json_t *place_get(const struct place *place)
{
    return place->key ? json_object_get(place->parent, place->key)
                      : json_array_get(place->parent, place->index);
}

static void place_set(const struct place *place, json_t *value)
{
    if (place->key ? json_object_set_new(place->parent, place->key, value)
                   : json_array_set_new(place->parent, place->index, value))
        abort();
}

static json_t *long_text(size_t len)
{
    char *text = malloc(len + 1);
    json_t *value;

    if (!text)
        abort();
    memset(text, 'x', len);
    text[len] = '\0';
    value = json_string(text);
    free(text);
    return value;
}

static json_t *text_make(struct maker *maker)
{
    static const char *const words[] = {"",
                                        " ",
                                        "A0",
                                        "Src",
                                        "S1",
                                        "Do0",
                                        "Get0",
                                        "p",
                                        "codepipeline",
                                        "variables",
                                        "#{",
                                        "#{Src.VersionId}",
                                        "#{No.Thing}",
                                        "#{.}",
                                        "#{Src.}",
                                        "}",
                                        "0",
                                        "-1",
                                        "true",
                                        "false",
                                        "S3",
                                        "Manual",
                                        "Commands",
                                        "Source",
                                        "Approval",
                                        "Deploy",
                                        "Build",
                                        "AWS",
                                        "Custom",
                                        "ThirdParty",
                                        "Mine",
                                        "V1",
                                        "V2",
                                        "QUEUED",
                                        "PARALLEL",
                                        "RETRY",
                                        "ROLLBACK",
                                        "SKIP",
                                        "FAIL",
                                        "arn:aws:iam::x:role/",
                                        "../..",
                                        "a b",
                                        "\xc3\xa4",
                                        "* * * * * ?",
                                        "0 0 31 2 ?",
                                        "2 of *",
                                        "%s%n",
                                        "EQ",
                                        "MATCHES",
                                        "(",
                                        "(a+)+$"};

    return maker_one_in(maker, 8) ? long_text(1 + maker_below(maker, 3000))
                                  : json_string(words[maker_below(maker, ARRAY_LEN(words))]);
}

static json_t *any_make(struct maker *maker)
{
    static const json_int_t numbers[] = {0,   1,    -1,    2,         5,         50,       51,
                                         999, 1000, 86401, INT32_MAX, INT64_MAX, INT64_MIN};

    switch (maker_below(maker, 7)) {
    case 0:
        return json_integer(numbers[maker_below(maker, ARRAY_LEN(numbers))]);
    case 1:
        return json_null();
    case 2:
        return json_boolean((int)maker_below(maker, 2));
    case 3:
        return json_array();
    case 4:
        return json_object();
    default:
        return text_make(maker);
    }
}

/* An element more, from anywhere, or many of the same while the tree is small. */
static void list_grow(struct maker *maker, json_t *list, const struct places *places)
{
    json_t *copy = json_deep_copy(place_get(&places->list[maker_below(maker, places->count)]));
    size_t times = maker_one_in(maker, 10) && places->count < 300 ? 60 : 1;

    while (times-- > 0)
        append(list, json_deep_copy(copy));
    json_decref(copy);
}

static void place_mutate(struct maker *maker, const struct place *place, const struct places *places)
{
    const struct place *other = &places->list[maker_below(maker, places->count)];
    json_t *value = place_get(place);

    switch (maker_below(maker, 6)) {
    case 0:
        if (place->key)
            (void)json_object_del(place->parent, place->key);
        else
            (void)json_array_remove(place->parent, place->index);
        break;
    case 1:
        place_set(place, any_make(maker));
        break;
    case 2:
        place_set(place, json_deep_copy(place_get(other)));
        break;
    case 3:
        if (json_is_array(value))
            list_grow(maker, value, places);
        else
            place_set(place, text_make(maker));
        break;
    case 4:
        if (json_is_object(value))
            set(value, maker_one_in(maker, 2) && other->key ? other->key : "unknown", any_make(maker));
        else
            place_set(place, any_make(maker));
        break;
    default:
        place_set(place, text_make(maker));
    }
}

void maker_mutate(struct maker *maker, json_t *declaration)
{
    struct places *places = calloc(1, sizeof(*places));

    if (!places)
        abort();
    places_find(declaration, places);
    if (places->count > 0)
        place_mutate(maker, &places->list[maker_below(maker, places->count)], places);
    free(places);
}
