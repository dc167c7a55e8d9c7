/* What freezes are about now: which stages of which pipelines they name, which executions stand still for
 * them, and which of their patterns name nothing that there is. For people who look: each pipeline of the
 * account is read. */
#include "services/codepipeline/freeze_reach.h"
#include "services/codepipeline/store_freeze.h"
#include "services/codepipeline/store.h"
#include "wire/json.h"
#include "wire/near.h"

#define NEAR_COUNT 3

struct reach {
    struct tx *tx;
    const char *account;
    json_t *freezes;             /* those that have not ended, by name; with `held` */
    json_t *names[FREEZE_LISTS]; /* objects: what there is that could be named */
};

static void reach_deinit(struct reach *reach)
{
    json_decref(reach->freezes);
    for (size_t i = 0; i < FREEZE_LISTS; i++)
        json_decref(reach->names[i]);
}

static int reach_init(struct tx *tx, const char *account, json_t *list, struct reach *ret)
{
    json_t *freeze;
    size_t i;
    int r = 0;

    *ret = (struct reach){.tx = tx, .account = account, .freezes = json_object()};
    for (i = 0; i < FREEZE_LISTS; i++)
        if (!(ret->names[i] = json_object()))
            r = FAULT(ENOMEM);
    json_array_foreach (list, i, freeze) {
        if (r || strcmp(json_str(freeze, "state", ""), "Ended") == 0)
            continue;
        r = json_put(freeze, "held",
                     json_pack("{s:i, s:i, s:[], s:i, s:[], s:[]}", "pipelineCount", 0, "stageCount", 0,
                               "stages", "executionCount", 0, "executions", "unmatched"));
        if (r == 0 && json_object_set(ret->freezes, json_str(freeze, "name", ""), freeze))
            r = FAULT(ENOMEM);
    }
    return r;
}

/* ---- counting */

static int count_up(json_t *held, const char *member)
{
    return json_put_int(held, member, json_int(held, member, 0) + 1);
}

/* The first of them are told. */
static int told(json_t *held, const char *member, json_t *one)
{
    json_t *list = json_object_get(held, member);

    if (json_array_size(list) < FREEZE_TOLD_MAX)
        return json_array_append_new(list, one) ? FAULT(ENOMEM) : 0;
    json_decref(one);
    return 0;
}

static int plan_count(const struct reach *reach, const struct plan *plan, json_t *freeze)
{
    json_t *held = json_object_get(freeze, "held");
    bool first = true;
    int r = 0;

    for (size_t i = 0; r == 0 && i < plan->stage_count; i++) {
        if (!freeze_names(freeze, reach->account, plan, i, NULL))
            continue;
        if (first)
            r = count_up(held, "pipelineCount");
        first = false;
        if (r == 0)
            r = count_up(held, "stageCount");
        if (r == 0)
            r = told(held, "stages",
                     json_pack("{s:s, s:s}", "pipelineName", plan->name, "stageName", plan->stages[i].name));
    }
    return r;
}

static int plan_look(struct reach *reach, struct str text)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    CLEANUP(plan_free) struct plan *plan = NULL;
    const char *name;
    json_t *freeze;
    int r = json_unpack_text(text, &declaration);

    if (r == 0)
        r = plan_new(declaration, 0, &plan);
    if (r == 0)
        r = freeze_names_add(plan, reach->account, reach->names);
    json_object_foreach (reach->freezes, name, freeze)
        if (r == 0)
            r = plan_count(reach, plan, freeze);
    return r;
}

static int pipelines_look(struct reach *reach)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query(reach->tx, &rows,
                 "SELECT v.declaration FROM codepipeline_pipeline p JOIN codepipeline_version v"
                 " ON v.pipeline_id = p.id AND v.version = p.version WHERE p.account = $1 ORDER BY p.name",
                 "s", reach->account);

    while (r == 0 && (r = rows_next(rows)) == 0)
        r = plan_look(reach, rows_str(rows, 0));
    return r == DB_NONE ? 0 : r;
}

/* ---- who waits */

static int flow_look(struct reach *reach, const struct pipeline *pipeline, const struct flow *flow)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < flow->execution_count; i++) {
        const struct execution *execution = flow->executions[i];
        int64_t until_ms;
        const struct freeze *freeze = freeze_holding(flow, execution, &until_ms);
        json_t *held =
            freeze
                ? json_object_get(json_object_get(reach->freezes, json_str(freeze->spec, "name", "")), "held")
                : NULL;

        if (!held)
            continue;
        r = count_up(held, "executionCount");
        if (r == 0)
            r = told(held, "executions",
                     json_pack("{s:s, s:s, s:s}", "pipelineName", pipeline->name, "stageName",
                               execution->plan->stages[execution->stage].name, "pipelineExecutionId",
                               execution->id));
    }
    return r;
}

static int pipeline_look(struct reach *reach, const char *id)
{
    CLEANUP(flow_free) struct flow *flow = NULL;
    struct pipeline pipeline;
    int r = pipeline_find_id(reach->tx, id, &pipeline);

    if (r == 0)
        r = flow_load(reach->tx, &pipeline, NULL, &flow);
    return r ? r : flow_look(reach, &pipeline, flow);
}

static int executions_look(struct reach *reach)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(
        reach->tx, &rows,
        "SELECT p.id FROM codepipeline_pipeline p WHERE p.account = $1 AND EXISTS"
        " (SELECT 1 FROM codepipeline_execution e WHERE e.pipeline_id = p.id AND e.place <> 'Ended')",
        "s", reach->account);

    while (r == 0 && (r = rows_next(rows)) == 0)
        r = pipeline_look(reach, rows_text(rows, 0));
    return r == DB_NONE ? 0 : r;
}

/* ---- what names nothing */

static bool names_any(enum freeze_list list, const char *pattern, json_t *names)
{
    const char *name;
    json_t *value;

    json_object_foreach (names, name, value)
        if (freeze_pattern_names(list, pattern, name))
            return true;
    return false;
}

static int pattern_look(const struct reach *reach, enum freeze_list list, const char *pattern,
                        json_t *unmatched)
{
    json_t *near = json_array();
    json_t *one;

    if (names_any(list, pattern, reach->names[list])) {
        json_decref(near);
        return 0;
    }
    one = json_pack("{s:s, s:s, s:o}", "list", freeze_lists[list], "pattern", pattern, "near", near);
    if (!one || json_array_append_new(unmatched, one))
        return FAULT(ENOMEM);
    return near_names(pattern, reach->names[list], NEAR_COUNT, near);
}

static int patterns_look(const struct reach *reach, const json_t *freeze)
{
    json_t *unmatched = json_object_get(json_object_get(freeze, "held"), "unmatched");
    int r = 0;

    for (int list = 0; list < FREEZE_LISTS; list++) {
        const json_t *pattern;
        size_t i;

        json_array_foreach (json_object_get(freeze, freeze_lists[list]), i, pattern)
            if (r == 0)
                r = pattern_look(reach, list, json_string_value(pattern), unmatched);
    }
    return r;
}

int freeze_reach(struct tx *tx, const char *account, json_t *list)
{
    CLEANUP(reach_deinit) struct reach reach;
    const char *name;
    json_t *freeze;
    int r = reach_init(tx, account, list, &reach);

    if (r || json_object_size(reach.freezes) == 0)
        return r;
    r = pipelines_look(&reach);
    if (r == 0)
        r = executions_look(&reach);
    json_object_foreach (reach.freezes, name, freeze)
        if (r == 0)
            r = patterns_look(&reach, freeze);
    return r;
}
