/* Tests of flow_step: a pipeline of a few letters, events on a clock that ticks by one, ids that count
 * from 1. */
#include "flow_fixture.h"
#include "wire/json.h"
#include <stdio.h>

struct flow *flow;
int64_t now_ms;
static int64_t ids;
int64_t starts;

static void make_id(void *context UNUSED, bool ordered UNUSED, char ret[ID_UUID_SIZE])
{
    (void)snprintf(ret, ID_UUID_SIZE, "%08u-0000-4000-8000-000000000000", (unsigned)++ids % 100000000U);
}

int setup(void **state UNUSED)
{
    now_ms = 1000000;
    ids = starts = 0;
    flow = flow_new();
    assert_non_null(flow);
    flow->make_id = make_id;
    return 0;
}

int teardown(void **state UNUSED)
{
    flow_free(&flow);
    return 0;
}

/* One letter per action: upper case is an approval; `>` begins the next runOrder. Action x makes artifact x.
 */
static json_t *actions_of(const char *text, size_t len)
{
    json_t *list = json_array();
    int64_t order = 1;
    for (size_t i = 0; i < len; i++) {
        char name[2] = {text[i], 0};
        bool approval = text[i] >= 'A' && text[i] <= 'Z';
        if (text[i] == '>') {
            order++;
            continue;
        }
        json_t *action =
            json_pack("{s:s, s:I, s:{s:s, s:s, s:s, s:s}, s:[], s:[]}", "name", name, "runOrder",
                      (json_int_t)order, "actionTypeId", "category", approval ? "Approval" : "Build", "owner",
                      "AWS", "provider", "P", "version", "1", "inputArtifacts", "outputArtifacts");
        if (!approval)
            json_array_append_new(json_object_get(action, "outputArtifacts"),
                                  json_pack("{s:s}", "name", name));
        json_array_append_new(list, action);
    }
    return list;
}

/* "s ab>c A": stages of actions, called S1, S2, … or, with names "QXY", by those letters. */
struct plan *plan_named(const char *text, const char *names, int64_t version)
{
    CLEANUP(json_free)
    json_t *json =
        json_pack("{s:s, s:{s:s}, s:[]}", "name", "p", "artifactStore", "location", "store", "stages");
    json_t *stages = json_object_get(json, "stages");
    struct plan *plan = NULL;
    while (*text) {
        size_t len = strcspn(text, " ");
        char name[3] = {'S', (char)('1' + json_array_size(stages)), 0};
        if (names)
            name[1] = names[json_array_size(stages)];
        json_array_append_new(stages,
                              json_pack("{s:s, s:o}", "name", name, "actions", actions_of(text, len)));
        text += len + (text[len] == ' ');
    }
    assert_int_equal(plan_new(json, version, &plan), 0);
    assert_int_equal(flow_add_plan(flow, plan), 0);
    return plan;
}

struct plan *plan_of(const char *text)
{
    return plan_named(text, NULL, (int64_t)flow->plan_count + 1);
}

int step(struct flow_event event)
{
    if (!event.who)
        event.who = "me";
    return flow_step(flow, &event, ++now_ms, NULL);
}

struct execution *start(struct plan *plan)
{
    char id[ID_UUID_SIZE];
    CLEANUP(json_free) json_t *data = json_object();
    (void)snprintf(id, sizeof(id), "e%lld", (long long)++starts);
    assert_int_equal(step((struct flow_event){
                         .kind = FLOW_START, .execution_id = id, .plan = plan, .seq = starts, .data = data}),
                     0);
    return flow_execution(flow, id);
}

/* NULL: not begun. */
struct run *run_of(const struct execution *execution, char action)
{
    for (size_t i = 0; i < execution->run_count; i++)
        if (execution->runs[i] && execution->runs[i]->action->name[0] == action)
            return execution->runs[i];
    return NULL;
}

int result(const struct execution *execution, char action, bool success)
{
    const struct run *run = run_of(execution, action);
    assert_non_null(run);
    return step((struct flow_event){.kind = FLOW_RESULT, .run_id = run->id, .yes = success});
}

void succeed(const struct execution *execution, const char *actions)
{
    for (; *actions; actions++)
        assert_int_equal(result(execution, *actions, true), 0);
}

void assert_at(const struct execution *execution, int place, size_t stage)
{
    assert_int_equal(execution->place, place);
    assert_int_equal(execution->stage, stage);
}

void assert_ended(const struct execution *execution, int status)
{
    assert_int_equal(execution->status, status);
    assert_int_equal(execution->place, PLACE_ENDED);
    assert_int_equal(execution->run_count, 0);
}

size_t effects(enum effect_kind kind, const char *ref)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->effect_count; i++)
        count += flow->effects[i].kind == kind && (!ref || strcmp(flow->effects[i].ref, ref) == 0);
    return count;
}

size_t records(const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->effect_count; i++)
        count += flow->effects[i].kind == EFFECT_RECORD && strcmp(flow->effects[i].what, what) == 0;
    return count;
}

int stage_status(const char *stage)
{
    return flow_gate(flow, stage)->status;
}
