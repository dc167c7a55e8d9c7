/* flow_step where freezes, conditions and modes meet. */
#include "flow_fixture.h"
#include "base/mem.h"
#include "services/codepipeline/engine/freeze.h"
#include "wire/json.h"
#include <stdio.h>

#define S2_RULE                                                                                              \
    "{\"conditions\": [{\"result\": \"FAIL\", \"rules\": [{\"name\": \"r\", \"ruleTypeId\": "                \
    "{\"category\": \"Rule\", \"provider\": \"%s\"}, \"configuration\": {%s}}]}]}"

/* Stages S1 with action s and S2 with action d, and rule r before it. */
static struct plan *plan_with_rule(const char *provider, const char *configuration)
{
    struct plan *given = plan_of("s d"), *plan = NULL;
    CLEANUP(json_free) json_t *json = json_deep_copy(given->declaration);
    CLEANUP(json_free) json_t *rule = NULL;
    char text[512];
    (void)snprintf(text, sizeof(text), S2_RULE, provider, configuration);
    assert_int_equal(json_parse(str_of(text), &rule, NULL), 0);
    json_object_set(json_array_get(json_object_get(json, "stages"), 1), "beforeEntry", rule);
    assert_int_equal(plan_new(json, given->version + 1, &plan), 0);
    assert_int_equal(flow_add_plan(flow, plan), 0);
    return plan;
}

static void freeze(const char *spec)
{
    struct freeze *one = mem_alloc(sizeof(*one));
    assert_non_null(one);
    assert_int_equal(json_parse(str_of(spec), &one->spec, NULL), 0);
    one->by = str_dup(STR("admin"));
    assert_int_equal(flow_add_freeze(flow, one), 0);
}

static void look(void)
{
    assert_int_equal(step((struct flow_event){.kind = FLOW_LOOK}), 0);
}

static void thaw(void)
{
    while (flow->freeze_count)
        freeze_free(flow->freezes[--flow->freeze_count]);
    look();
}

static int override(const struct execution *e)
{
    return step((struct flow_event){
        .kind = FLOW_OVERRIDE, .execution_id = e->id, .stage = "S2", .phase = PHASE_ENTRY});
}

/* ---- overriding */

/* A freeze let the newer one through first; then the older one came. */
static void test_an_override_does_not_bring_two_into_a_stage(void **state UNUSED)
{
    struct plan *plan = plan_with_rule("LambdaInvoke", "");
    plan->mode = MODE_QUEUED;
    freeze("{\"environments\": [\"S2\"], \"allow\": [\"e2\"]}");
    struct execution *older = start(plan);
    succeed(older, "s");
    struct execution *newer = start(plan);
    succeed(newer, "s");
    assert_at(older, PLACE_WAITING, 1);
    assert_int_equal(result(newer, 'r', false), 0);
    assert_ended(newer, EXECUTION_FAILED);
    thaw();
    assert_at(older, PLACE_RUNNING, 1);
    assert_int_equal(override(newer), PIPELINE_E_NOT_LATEST);
    assert_at(newer, PLACE_ENDED, 1);
}

/* The newer one shares nothing with it. */
static void test_who_waits_for_a_rule_can_be_let_on_beside_parallel_ones(void **state UNUSED)
{
    struct plan *plan = plan_with_rule("LambdaInvoke", "");
    plan->mode = MODE_QUEUED;
    struct execution *queued = start(plan);
    succeed(queued, "s");
    struct plan *after = plan_of("s d");
    after->mode = MODE_PARALLEL;
    struct execution *parallel = start(after);
    succeed(parallel, "s");
    assert_at(parallel, PLACE_RUNNING, 1);
    assert_int_equal(override(queued), 0);
    assert_non_null(run_of(queued, 'd'));
}

/* ---- what a freeze lets through */

static void test_a_frozen_newer_one_does_not_supersede_what_a_freeze_lets_through(void **state UNUSED)
{
    struct plan *plan = plan_of("s A>d");
    freeze("{\"environments\": [\"S2\"], \"allow\": [\"e1\"], \"endsAt\": 2000000}");
    struct execution *hotfix = start(plan);
    succeed(hotfix, "s");
    struct execution *newer = start(plan);
    succeed(newer, "s");
    assert_at(hotfix, PLACE_RUNNING, 1);
    assert_at(newer, PLACE_WAITING, 1);
    assert_int_equal(flow->thaw_ms, 2000000);
    now_ms = 2000000;
    look();
    assert_ended(hotfix, EXECUTION_SUPERSEDED);
    assert_at(newer, PLACE_RUNNING, 1);
}

static void test_a_frozen_newer_one_does_not_overtake_a_waiting_hotfix(void **state UNUSED)
{
    struct plan *plan = plan_of("s d");
    struct execution *holder = start(plan);
    succeed(holder, "s");
    freeze("{\"environments\": [\"S2\"], \"allow\": [\"e2\"]}");
    struct execution *hotfix = start(plan);
    succeed(hotfix, "s");
    struct execution *newer = start(plan);
    succeed(newer, "s");
    assert_at(hotfix, PLACE_WAITING, 1);
    succeed(holder, "d");
    assert_at(hotfix, PLACE_RUNNING, 1);
    assert_at(newer, PLACE_WAITING, 1);
}

/* ---- what a freeze holds */

static void test_the_pipelines_own_account_is_an_environment(void **state UNUSED)
{
    struct plan *plan = plan_of("s d");
    (void)snprintf(flow->account, sizeof(flow->account), "111111111111");
    struct execution *e = start(plan);
    freeze("{\"environments\": [\"111111111111\"]}");
    succeed(e, "s");
    assert_at(e, PLACE_WAITING, 1);
    thaw();
    assert_at(e, PLACE_RUNNING, 1);
}

/* One that was started with another application's key. */
static void test_an_application_is_frozen_whatever_pipeline_deploys_it(void **state UNUSED)
{
    struct plan *plan = plan_of("s d");
    CLEANUP(json_free) json_t *configuration = json_pack("{s:s}", "S3ObjectKey", "1/other/main/latest.zip");
    plan->stages[0].actions[0].configuration = configuration;
    plan->stages[0].actions[0].source = true;
    struct execution *e = start(plan);
    json_object_set_new(e->data, "sourceRevisions",
                        json_pack("[{s:s, s:s, s:s}]", "actionName", "s", "revisionType", "S3_OBJECT_KEY",
                                  "revisionValue", "1/shop/main/latest.zip"));
    freeze("{\"applications\": [\"1/shop/*\"]}");
    succeed(e, "s");
    assert_at(e, PLACE_WAITING, 1);
}

/* The window is open, the freeze holds the stage; when that ends, the window is closed again. */
static void test_a_window_that_a_freeze_has_missed_is_waited_for_again(void **state UNUSED)
{
    struct plan *plan = plan_with_rule("DeploymentWindow", "\"Cron\": \"* 0 2 ? * * *\"");
    const int64_t day_ms = INT64_C(86400000), opens_ms = INT64_C(2) * 3600 * 1000;
    struct execution *e = start(plan);
    succeed(e, "s");
    assert_int_equal(run_of(e, 'r')->deadline_ms, opens_ms);
    freeze("{\"environments\": [\"s?\"]}"); /* whatever the case of letters */
    now_ms = opens_ms;
    assert_int_equal(step((struct flow_event){.kind = FLOW_TIMEOUT, .run_id = run_of(e, 'r')->id}), 0);
    assert_at(e, PLACE_RUNNING, 1);
    assert_null(run_of(e, 'd'));
    now_ms += INT64_C(3600) * 1000;
    thaw();
    assert_null(run_of(e, 'd'));
    assert_int_equal(run_of(e, 'r')->deadline_ms, opens_ms + day_ms);
    now_ms = opens_ms + day_ms;
    assert_int_equal(step((struct flow_event){.kind = FLOW_TIMEOUT, .run_id = run_of(e, 'r')->id}), 0);
    assert_non_null(run_of(e, 'd'));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_an_override_does_not_bring_two_into_a_stage),
        CASE(test_who_waits_for_a_rule_can_be_let_on_beside_parallel_ones),
        CASE(test_a_frozen_newer_one_does_not_supersede_what_a_freeze_lets_through),
        CASE(test_a_frozen_newer_one_does_not_overtake_a_waiting_hotfix),
        CASE(test_the_pipelines_own_account_is_an_environment),
        CASE(test_an_application_is_frozen_whatever_pipeline_deploys_it),
        CASE(test_a_window_that_a_freeze_has_missed_is_waited_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
