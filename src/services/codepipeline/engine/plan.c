/* Declarations become arrays. Source of the default time limits: CodePipeline user guide, "Quotas". */
#include "services/codepipeline/engine/plan.h"
#include "base/mem.h"
#include "wire/json.h"

#define MINUTE_MS ((int64_t)60 * 1000)

static const struct timeout {
    const char *category;
    const char *provider; /* NULL: any */
    int64_t minutes;
} timeouts[] = {
    {"Approval", NULL, 7 * 24 * 60},
    {"Deploy", "CloudFormation", 3 * 24 * 60},
    {"Build", "CodeBuild", 8 * 60},
    {"Test", "CodeBuild", 8 * 60},
    {"Deploy", "S3", 90},
    {"Compute", "Commands", 55},
    {"Rule", "DeploymentWindow", 7 * 24 * 60},
};

int64_t plan_timeout_default_ms(const char *category, const char *provider)
{
    for (size_t i = 0; i < ARRAY_LEN(timeouts); i++)
        if (strcmp(timeouts[i].category, category) == 0 &&
            (!timeouts[i].provider || strcmp(timeouts[i].provider, provider) == 0))
            return timeouts[i].minutes * MINUTE_MS;
    return 60 * MINUTE_MS;
}

/* An alarm is watched for its WaitTime, and the answers take time beside it. What a variable will say is not
 * known yet: it may be the longest. */
static int64_t watch_ms(const json_t *configuration)
{
    const char *told = json_str(configuration, "WaitTime", NULL);
    int64_t minutes = WATCH_MAX_MINUTES;

    if (!told)
        return 0;
    return str_to_int(str_of(told), 0, WATCH_MAX_MINUTES, &minutes) || strstr(told, "#{")
               ? minutes * MINUTE_MS
               : 0;
}

static int check_of(const struct plan_action *action)
{
    if (action->phase == PHASE_ACTIONS)
        return CHECK_NONE;
    return strcmp(action->provider, "DeploymentWindow") == 0 ? CHECK_WINDOW
           : strcmp(action->provider, "VariableCheck") == 0  ? CHECK_VARIABLE
                                                             : CHECK_NONE;
}

static void action_read(const json_t *json, int phase, struct plan_action *ret)
{
    const json_t *type = json_object_get(json, phase == PHASE_ACTIONS ? "actionTypeId" : "ruleTypeId");
    int64_t minutes = json_int(json, "timeoutInMinutes", 0);

    ret->name = json_str(json, "name", "");
    ret->category = json_str(type, "category", "");
    ret->owner = json_str(type, "owner", "AWS");
    ret->provider = json_str(type, "provider", "");
    ret->version = json_str(type, "version", "1");
    ret->declaration = json;
    ret->phase = phase;
    ret->check = check_of(ret);
    ret->variables_namespace = json_str(json, "namespace", NULL);
    ret->role_arn = json_str(json, "roleArn", NULL);
    ret->run_order = json_int(json, "runOrder", 1);
    ret->approval = strcmp(ret->category, "Approval") == 0 && strcmp(ret->owner, "AWS") == 0;
    ret->source = strcmp(ret->category, "Source") == 0;
    ret->timeout_ms =
        minutes > 0 ? minutes * MINUTE_MS : plan_timeout_default_ms(ret->category, ret->provider);
    ret->configuration = json_object_get(json, "configuration");
    if (minutes == 0 && strcmp(ret->provider, "CloudWatchAlarm") == 0)
        ret->timeout_ms += watch_ms(ret->configuration);
    ret->inputs = json_object_get(json, "inputArtifacts");
    ret->outputs = json_object_get(json, "outputArtifacts");
}

static int result_of(const json_t *json)
{
    static const char *const names[] = {
        [RESULT_FAIL] = "FAIL",
        [RESULT_RETRY] = "RETRY",
        [RESULT_ROLLBACK] = "ROLLBACK",
        [RESULT_SKIP] = "SKIP",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(json_str(json, "result", "FAIL"), names[i]) == 0)
            return (int)i;
    return RESULT_FAIL;
}

static const struct {
    const char *name;   /* of the API */
    const char *member; /* of the declaration */
} phases[PHASES] = {
    [PHASE_ENTRY] = {"BEFORE_ENTRY", "beforeEntry"},
    [PHASE_ACTIONS] = {"", NULL},
    [PHASE_SUCCESS] = {"ON_SUCCESS", "onSuccess"},
    [PHASE_FAILURE] = {"ON_FAILURE", "onFailure"},
};

const char *plan_phase_name(int phase)
{
    assert(phase >= 0 && phase < PHASES);
    return phases[phase].name;
}

int plan_phase_find(const char *name)
{
    for (int i = 0; i < PHASES; i++)
        if (strcmp(phases[i].name, name) == 0)
            return i;
    return -1;
}

/* The stage's one condition of that phase; NULL: none. */
static const json_t *condition_of(const json_t *stage, int phase)
{
    if (!phases[phase].member)
        return NULL;
    return json_array_get(json_object_get(json_object_get(stage, phases[phase].member), "conditions"), 0);
}

static size_t rules_count(const json_t *stage)
{
    size_t count = 0;

    for (int i = 0; i < PHASES; i++)
        count += json_array_size(json_object_get(condition_of(stage, i), "rules"));
    return count;
}

static void rules_read(const json_t *json, struct plan_stage *stage)
{
    for (int i = 0; i < PHASES; i++) {
        const json_t *condition = condition_of(json, i), *rule;
        size_t k;

        stage->results[i] = result_of(condition);
        json_array_foreach (json_object_get(condition, "rules"), k, rule) {
            stage->conditions[i] = true;
            action_read(rule, i, &stage->actions[stage->total++]);
        }
    }
}

static int stage_read(const json_t *json, struct plan_stage *ret)
{
    const json_t *actions = json_object_get(json, "actions"),
                 *on_failure = json_object_get(json, "onFailure");
    const json_t *retry = json_object_get(on_failure, "retryConfiguration"), *action;
    size_t i;

    ret->retry_all = strcmp(json_str(retry, "retryMode", "FAILED_ACTIONS"), "ALL_ACTIONS") == 0;
    ret->name = json_str(json, "name", "");
    ret->actions = mem_alloc((json_array_size(actions) + rules_count(json) + 1) * sizeof(*ret->actions));
    if (!ret->actions)
        return FAULT(ENOMEM);
    json_array_foreach (actions, i, action)
        action_read(action, PHASE_ACTIONS, &ret->actions[ret->total++]);
    ret->count = ret->total;
    rules_read(json, ret);
    ret->results[PHASE_ACTIONS] = result_of(on_failure);
    return 0;
}

size_t plan_action_find(const struct plan_stage *stage, int phase, const char *name)
{
    size_t i = 0;

    while (i < stage->total &&
           (stage->actions[i].phase != phase || strcmp(stage->actions[i].name, name) != 0))
        i++;
    return i;
}

static const char *const mode_names[] = {
    [MODE_SUPERSEDED] = "SUPERSEDED",
    [MODE_QUEUED] = "QUEUED",
    [MODE_PARALLEL] = "PARALLEL",
};

const char *plan_mode_name(int mode)
{
    assert(mode >= 0 && (size_t)mode < ARRAY_LEN(mode_names));
    return mode_names[mode];
}

int plan_mode_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(mode_names); i++)
        if (strcmp(mode_names[i], name) == 0)
            return (int)i;
    return name ? -1 : MODE_SUPERSEDED;
}

static const char *store_bucket(const json_t *declaration)
{
    const char *bucket = json_str(json_object_get(declaration, "artifactStore"), "location", NULL);
    void *iter = json_object_iter(json_object_get(declaration, "artifactStores"));

    if (bucket)
        return bucket;
    return iter ? json_str(json_object_iter_value(iter), "location", "") : "";
}

int plan_new(json_t *declaration, int64_t version, struct plan **ret)
{
    const json_t *stages = json_object_get(declaration, "stages");
    CLEANUP(plan_free) struct plan *plan = mem_alloc(sizeof(*plan));
    int r = 0;

    if (!plan)
        return FAULT(ENOMEM);
    atomic_init(&plan->users, 1);
    plan->declaration = json_incref(declaration);
    plan->version = version;
    plan->name = json_str(declaration, "name", "");
    plan->bucket = store_bucket(declaration);
    plan->mode = plan_mode_find(json_str(declaration, "executionMode", NULL));
    if (plan->mode < 0)
        return FAULT(EBADMSG);
    plan->stages = mem_alloc((json_array_size(stages) + 1) * sizeof(*plan->stages));
    if (!plan->stages)
        return FAULT(ENOMEM);
    plan->stage_count = json_array_size(stages);
    for (size_t i = 0; r == 0 && i < plan->stage_count; i++)
        r = stage_read(json_array_get(stages, i), &plan->stages[i]);
    if (r == 0)
        *ret = take(plan);
    return r;
}

void plan_free(struct plan **plan)
{
    if (!*plan || atomic_fetch_sub(&(*plan)->users, 1) > 1) {
        *plan = NULL;
        return;
    }
    for (size_t i = 0; (*plan)->stages && i < (*plan)->stage_count; i++)
        free((*plan)->stages[i].actions);
    free((*plan)->stages);
    json_free(&(*plan)->declaration);
    free(take(*plan));
}

size_t plan_stage_find(const struct plan *plan, const char *stage)
{
    size_t i;

    for (i = 0; i < plan->stage_count; i++)
        if (strcmp(plan->stages[i].name, stage) == 0)
            break;
    return i;
}
