/* One action run: its beginning (variables and artifacts resolved, a job or an approval made) and its ends.
 */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/engine/variables.h"
#include "wire/json.h"
#include <stdio.h>

#define KEY_PART_MAX 20

static int json_set_new(json_t *object, const char *key, json_t *value)
{
    return value ? json_put(object, key, value) : FAULT(ENOMEM);
}

static int inputs_resolve(const struct execution *execution, struct run *run, struct reason *why)
{
    const json_t *artifacts = json_object_get(execution->data, "artifacts");
    CLEANUP(json_free) json_t *list = json_array();
    const json_t *input;
    size_t i;

    if (!list)
        return FAULT(ENOMEM);
    json_array_foreach (run->action->inputs, i, input) {
        const char *name = json_str(input, "name", "");
        json_t *artifact = json_copy(json_object_get(artifacts, name));

        if (!artifact)
            return reason_set(
                why, VARIABLES_E_UNRESOLVED,
                "Input artifact %s was not produced by this execution: the action that makes it has "
                "not succeeded.",
                name);
        if (json_put_str(artifact, "name", name) || json_array_append_new(list, artifact))
            return FAULT(ENOMEM);
    }
    return json_set_new(run->detail, "inputArtifacts", json_incref(list));
}

/* PIPELINE/ARTIFACT/RANDOM in the artifact store, the names cut as AWS cuts them. */
static int outputs_choose(struct flow *flow, const struct execution *execution, struct run *run)
{
    json_t *list = json_array();
    const json_t *output;
    size_t i;
    int r = json_set_new(run->detail, "outputArtifacts", list);

    json_array_foreach (run->action->outputs, i, output) {
        const char *name = json_str(output, "name", "");
        char id[ID_UUID_SIZE], key[96];
        json_t *artifact = json_pack("{s:s, s:s}", "name", name, "bucket", execution->plan->bucket);

        if (r || !artifact)
            return r ? r : FAULT(ENOMEM);
        flow->make_id(flow->make_id_context, false, id);
        snprintf(key, sizeof(key), "%.*s/%.*s/%.8s%.4s", KEY_PART_MAX, execution->plan->name, KEY_PART_MAX,
                 name, id, id + 9);
        r = json_put_str(artifact, "key", key);
        if (json_array_append_new(list, artifact))
            r = FAULT(ENOMEM);
    }
    return r;
}

static int run_new(struct flow *flow, struct execution *execution, const struct plan_action *action,
                   struct run **ret)
{
    struct run *run = mem_alloc(sizeof(*run));

    if (!run)
        return FAULT(ENOMEM);
    flow->make_id(flow->make_id_context, true, run->id);
    run->action = action;
    run->stage = execution->plan->stages[execution->stage].name;
    run->execution_id = execution->id;
    run->ordinal = ++execution->run_seq;
    run->stage_run = execution->stage_run;
    run->started_ms = flow->now_ms;
    run->deadline_ms = flow->now_ms + action->timeout_ms;
    run->detail = json_object();
    run->fresh = true;
    run_touch(flow, execution, run);
    *ret = run;
    return run->detail ? 0 : FAULT(ENOMEM);
}

/* What a declaration says beside the configuration, and may refer to variables. */
static int lists_resolve(struct run *run, const struct variables *variables, struct reason *why)
{
    static const char *const members[] = {"commands", "environmentVariables"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++) {
        const json_t *list = json_object_get(run->action->declaration, members[i]);
        json_t *resolved = NULL;

        if (!list)
            continue;
        r = variables_resolve_list(list, variables, &resolved, why);
        if (r == 0)
            r = json_put(run->detail, members[i], resolved);
    }
    return r;
}

static int run_prepare(struct flow *flow, struct execution *execution, struct run *run, struct reason *why)
{
    const struct variables variables = {execution->id, json_object_get(execution->data, "variables")};
    CLEANUP(json_free) json_t *configuration = NULL;
    int r = variables_resolve(run->action->configuration, &variables, &configuration, why);

    if (r == 0)
        r = source_configure(json_object_get(execution->data, "sourceRevisions"), run->action, configuration);
    if (r == 0)
        r = json_put(run->detail, "resolvedConfiguration", json_incref(configuration));
    if (r == 0)
        r = lists_resolve(run, &variables, why);
    if (r == 0)
        r = inputs_resolve(execution, run, why);
    if (r == 0)
        r = outputs_choose(flow, execution, run);
    return r;
}

int action_offer(struct flow *flow, struct execution *execution, struct run *run)
{
    flow->make_id(flow->make_id_context, true, run->job_id);
    run_touch(flow, execution, run);
    return effect_offer(flow, execution, run);
}

int action_begin(struct flow *flow, struct execution *execution, size_t index)
{
    const struct plan_action *action = &execution->plan->stages[execution->stage].actions[index];
    struct reason why = {0};
    int r = run_new(flow, execution, action, &execution->runs[index]);
    struct run *run = execution->runs[index];

    if (r == 0)
        r = run_prepare(flow, execution, run, &why);
    if (r == VARIABLES_E_UNRESOLVED)
        return action_fail(flow, execution, run, "ConfigurationError", why.text);
    if (r == 0 && action->check != CHECK_NONE)
        return rule_look(flow, execution, run);
    if (r == 0 && action->approval)
        return approval_ask(flow, execution, run);
    if (r == 0)
        r = action_offer(flow, execution, run);
    return r ? r : effect_timer(flow, run);
}

static const char *sha256_of(const json_t *input, const char *artifact)
{
    const json_t *list = json_object_get(input, "outputArtifacts"), *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (strcmp(json_str(item, "name", ""), artifact) == 0)
            return json_str(item, "sha256", NULL);
    return NULL;
}

static json_t *member_object(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!value && json_object_set_new(object, key, json_object()) == 0)
        value = json_object_get(object, key);
    return value;
}

static int artifacts_keep(struct flow *flow, struct execution *execution, struct run *run,
                          const json_t *input)
{
    const json_t *outputs = json_object_get(run->detail, "outputArtifacts");
    json_t *artifacts = json_array_size(outputs) > 0 ? member_object(execution->data, "artifacts") : NULL;
    const char *revision = json_str(json_object_get(input, "currentRevision"), "revision", NULL);
    json_t *output;
    size_t i;
    int r = 0;

    json_array_foreach (outputs, i, output) {
        const char *name = json_str(output, "name", ""), *sha256 = sha256_of(input, name);
        json_t *kept;

        execution_touch(flow, execution);
        if (sha256)
            r = json_put_str(output, "sha256", sha256);
        kept = json_copy(output);
        if (r == 0 && kept && revision)
            r = json_put_str(kept, "revision", revision);
        if (r || !kept || json_object_set_new(artifacts, name, kept))
            return r ? r : FAULT(ENOMEM);
    }
    return 0;
}

/* What an earlier try of the action gave. */
static void revisions_drop(json_t *list, const char *action)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        if (strcmp(json_str(json_array_get(list, i), "actionName", ""), action) == 0)
            json_array_remove(list, i);
}

/* The source's revision becomes the execution's artifact revision, in GetPipelineExecution's form. */
static int revision_keep(struct flow *flow, struct execution *execution, struct run *run, const json_t *input)
{
    const json_t *revision = json_object_get(input, "currentRevision");
    json_t *list = json_object_get(execution->data, "revisions");
    const json_t *output;
    size_t i;

    if (!revision || !run->action->source)
        return 0;
    if (!list && json_object_set_new(execution->data, "revisions", json_array()) == 0)
        list = json_object_get(execution->data, "revisions");
    execution_touch(flow, execution);
    revisions_drop(list, run->action->name);
    if (json_object_set_new(run->detail, "revision", json_deep_copy(revision)))
        return FAULT(ENOMEM);
    json_array_foreach (json_object_get(run->detail, "outputArtifacts"), i, output) {
        json_t *item = json_pack(
            "{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s*, s:s*, s:I}", "actionName", run->action->name, "name",
            json_str(output, "name", ""), "revisionId", json_str(revision, "revision", ""),
            "revisionChangeIdentifier", json_str(revision, "changeIdentifier", NULL), "revisionSummary",
            json_str(revision, "revisionSummary", NULL), "sha256", json_str(output, "sha256", NULL), "by",
            json_str(run->detail, "author", NULL), "person", json_str(run->detail, "authorPerson", NULL),
            "created", (json_int_t)json_int(revision, "created", flow->now_ms));

        if (!item || json_array_append_new(list, item))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int variables_keep(struct flow *flow, struct execution *execution, struct run *run,
                          const json_t *input)
{
    json_t *variables = json_object_get(input, "outputVariables"), *spaces;

    if (!variables)
        return 0;
    if (json_object_set_new(run->detail, "outputVariables", json_copy(variables)))
        return FAULT(ENOMEM);
    if (!run->action->variables_namespace)
        return 0;
    execution_touch(flow, execution);
    spaces = member_object(execution->data, "variables");
    return json_set_new(spaces, run->action->variables_namespace, json_copy(variables));
}

static void run_finish(struct flow *flow, struct execution *execution, struct run *run, int status)
{
    machine_move(&machine_action, &run->status, status);
    run_touch(flow, execution, run);
}

int action_succeed(struct flow *flow, struct execution *execution, struct run *run, const json_t *input)
{
    int r = artifacts_keep(flow, execution, run, input);

    if (r == 0)
        r = revision_keep(flow, execution, run, input);
    if (r == 0)
        r = variables_keep(flow, execution, run, input);
    if (r == 0)
        run_finish(flow, execution, run, ACTION_SUCCEEDED);
    return r;
}

int action_fail(struct flow *flow, struct execution *execution, struct run *run, const char *code,
                const char *message)
{
    const char *what = run->action->phase == PHASE_ACTIONS ? "action-failed" : "rule-failed";
    int r = json_set_new(run->detail, "error", json_pack("{s:s, s:s}", "code", code, "message", message));

    if (r)
        return r;
    run_finish(flow, execution, run, ACTION_FAILED);
    return effect_record(flow, execution, run, what, NULL, message);
}

int action_cut(struct flow *flow, struct execution *execution, struct run *run, int status, int job_status,
               const char *code, const char *message)
{
    int r = json_set_new(run->detail, "error", json_pack("{s:s, s:s}", "code", code, "message", message));

    if (r == 0 && run->job_id[0])
        r = effect_cancel(flow, run->job_id, job_status);
    if (r)
        return r;
    run_finish(flow, execution, run, status);
    return effect_record(flow, execution, run, code, NULL, message);
}
