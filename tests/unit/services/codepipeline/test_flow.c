/* flow_step: what each kind of event does to the picture of one pipeline. */
#include "flow_fixture.h"
#include "wire/json.h"
#include <stdio.h>

/* ---- the way through */

static void test_start_offers_the_first_stages_actions(void **state UNUSED)
{
    struct execution *e = start(plan_of("s b"));
    struct run *run = run_of(e, 's');
    assert_at(e, PLACE_RUNNING, 0);
    assert_non_null(run);
    assert_int_equal(run->status, ACTION_IN_PROGRESS);
    assert_int_equal(effects(EFFECT_OFFER, run->job_id), 1);
    assert_int_equal(effects(EFFECT_TIMER, run->id), 1);
    assert_int_equal(run->deadline_ms, now_ms + 60 * 60000);
    assert_int_equal(records("started"), 1);
    assert_int_equal(stage_status("S1"), STAGE_IN_PROGRESS);
}

static void test_run_orders_go_one_after_another_and_equal_ones_together(void **state UNUSED)
{
    struct execution *e = start(plan_of("s ab>c>de"));
    succeed(e, "s");
    assert_at(e, PLACE_RUNNING, 1);
    assert_true(run_of(e, 'a') && run_of(e, 'b') && !run_of(e, 'c') && !run_of(e, 'd'));
    succeed(e, "b");
    assert_null(run_of(e, 'c'));
    succeed(e, "a");
    assert_true(run_of(e, 'c') && !run_of(e, 'd'));
    succeed(e, "c");
    assert_true(run_of(e, 'd') && run_of(e, 'e'));
    succeed(e, "de");
    assert_ended(e, EXECUTION_SUCCEEDED);
    assert_int_equal(stage_status("S2"), STAGE_SUCCEEDED);
    assert_int_equal(effects(EFFECT_OFFER, NULL), 6);
}

static void test_failure_waits_for_its_neighbours_and_fails_the_stage(void **state UNUSED)
{
    struct execution *e = start(plan_of("s ab>c"));
    succeed(e, "s");
    assert_int_equal(result(e, 'a', false), 0);
    assert_int_equal(e->status, EXECUTION_IN_PROGRESS);
    succeed(e, "b");
    assert_ended(e, EXECUTION_FAILED);
    assert_int_equal(stage_status("S2"), STAGE_FAILED);
    assert_int_equal(effects(EFFECT_OFFER, NULL), 3);
    assert_string_equal(json_str(e->data, "summary", ""), "Action a in stage S2 failed: The job failed.");
}

static void test_result_for_an_ended_action_is_refused(void **state UNUSED)
{
    struct execution *e = start(plan_of("s ab c"));
    succeed(e, "sa");
    size_t before = flow->effect_count;
    assert_int_equal(result(e, 'a', true), PIPELINE_E_JOB_STATE);
    assert_int_equal(result(e, 'a', false), PIPELINE_E_JOB_STATE);
    assert_int_equal(step((struct flow_event){.kind = FLOW_RESULT, .run_id = "none"}), PIPELINE_E_JOB_STATE);
    assert_int_equal(step((struct flow_event){.kind = FLOW_CONTINUE, .run_id = run_of(e, 'a')->id}),
                     PIPELINE_E_JOB_STATE);
    assert_int_equal(flow->effect_count, before);
    assert_int_equal(run_of(e, 'a')->status, ACTION_SUCCEEDED);
}

static void test_results_become_artifacts_variables_and_details(void **state UNUSED)
{
    struct execution *e = start(plan_of("s b"));
    CLEANUP(json_free)
    json_t *input = json_pack("{s:[{s:s, s:s}], s:{s:s}, s:{s:s, s:i}, s:{s:s}}", "outputArtifacts", "name",
                              "s", "sha256", "ab", "currentRevision", "revision", "r1", "executionDetails",
                              "summary", "fine", "percentComplete", 100, "outputVariables", "K", "V");
    assert_int_equal(step((struct flow_event){
                         .kind = FLOW_RESULT, .run_id = run_of(e, 's')->id, .yes = true, .input = input}),
                     0);
    const json_t *artifact = json_path(e->data, "artifacts.s");
    assert_string_equal(json_str(artifact, "sha256", ""), "ab");
    assert_string_equal(json_str(artifact, "revision", ""), "r1");
    assert_string_equal(json_str(artifact, "bucket", ""), "store");
    assert_int_equal(strncmp(json_str(artifact, "key", ""), "p/s/", 4), 0);
    assert_int_equal(flow->retired_count, 1);
    assert_string_equal(json_str(flow->retired[0]->detail, "summary", ""), "fine");
}

static void test_continuation_offers_another_job_of_the_same_action(void **state UNUSED)
{
    struct execution *e = start(plan_of("s b"));
    char first[ID_UUID_SIZE];
    struct run *run = run_of(e, 's');
    CLEANUP(json_free) json_t *input = json_pack("{s:s}", "continuationToken", "t");
    (void)snprintf(first, sizeof(first), "%s", run->job_id);
    int64_t deadline_ms = run->deadline_ms;
    assert_int_equal(
        step((struct flow_event){.kind = FLOW_CONTINUE, .run_id = run->id, .yes = true, .input = input}), 0);
    assert_string_not_equal(run->job_id, first);
    assert_int_equal(run->status, ACTION_IN_PROGRESS);
    assert_int_equal(run->deadline_ms, deadline_ms);
    assert_string_equal(json_str(run->detail, "continuationToken", ""), "t");
    assert_int_equal(effects(EFFECT_OFFER, NULL), 2);
    succeed(e, "s");
    assert_at(e, PLACE_RUNNING, 1);
}

/* ---- stops */

static int stop(const struct execution *execution, bool abandon)
{
    return step((struct flow_event){.kind = FLOW_STOP, .execution_id = execution->id, .yes = abandon});
}

static void test_stop_and_wait_lets_begun_actions_end(void **state UNUSED)
{
    struct execution *e = start(plan_of("s ab>c"));
    succeed(e, "s");
    assert_int_equal(stop(e, false), 0);
    assert_int_equal(e->status, EXECUTION_STOPPING);
    assert_int_equal(stop(e, false), PIPELINE_E_DUPLICATED_STOP);
    succeed(e, "ab");
    assert_ended(e, EXECUTION_STOPPED);
    assert_int_equal(stage_status("S2"), STAGE_STOPPED);
    assert_int_equal(effects(EFFECT_OFFER, NULL), 3);
    assert_int_equal(stop(e, true), PIPELINE_E_NOT_STOPPABLE);
    assert_int_equal(step((struct flow_event){.kind = FLOW_STOP, .execution_id = "none"}),
                     PIPELINE_E_EXECUTION_NOT_FOUND);
}

static void test_stop_and_abandon_cancels_jobs_also_while_stopping(void **state UNUSED)
{
    struct execution *e = start(plan_of("s ab>c"));
    succeed(e, "sa");
    char job[ID_UUID_SIZE];
    (void)snprintf(job, sizeof(job), "%s", run_of(e, 'b')->job_id);
    assert_int_equal(stop(e, false), 0);
    assert_int_equal(stop(e, true), 0);
    assert_ended(e, EXECUTION_STOPPED);
    assert_int_equal(effects(EFFECT_CANCEL, NULL), 1);
    assert_int_equal(effects(EFFECT_CANCEL, job), 1);
}

static void test_stop_ends_a_waiting_execution_at_once(void **state UNUSED)
{
    struct plan *plan = plan_of("s b");
    struct execution *first = start(plan), *second = start(plan);
    assert_at(second, PLACE_WAITING, 0);
    assert_int_equal(stop(second, false), 0);
    assert_ended(second, EXECUTION_STOPPED);
    assert_int_equal(stage_status("S1"), STAGE_IN_PROGRESS);
    succeed(first, "s");
    assert_at(first, PLACE_RUNNING, 1);
}

/* ---- several executions */

static int transition(const char *stage, bool enable)
{
    return step((struct flow_event){.kind = FLOW_TRANSITION, .stage = stage, .why = "freeze", .yes = enable});
}

static void test_disabled_transition_holds_before_the_stage(void **state UNUSED)
{
    struct execution *e = start(plan_of("s b"));
    assert_int_equal(transition("S2", false), 0);
    succeed(e, "s");
    assert_at(e, PLACE_WAITING, 1);
    assert_string_equal(flow_gate(flow, "S2")->reason, "freeze");
    assert_int_equal(step((struct flow_event){.kind = FLOW_LOOK}), 0);
    assert_at(e, PLACE_WAITING, 1);
    assert_int_equal(transition("S2", true), 0);
    assert_at(e, PLACE_RUNNING, 1);
    assert_null(flow_gate(flow, "S2")->reason);
}

static void test_two_executions_are_in_different_stages(void **state UNUSED)
{
    struct plan *plan = plan_of("s b c");
    struct execution *first = start(plan), *second;
    succeed(first, "s");
    second = start(plan);
    assert_at(first, PLACE_RUNNING, 1);
    assert_at(second, PLACE_RUNNING, 0);
    succeed(second, "s");
    assert_at(second, PLACE_WAITING, 1);
    succeed(first, "b");
    assert_at(first, PLACE_RUNNING, 2);
    assert_at(second, PLACE_RUNNING, 1);
    assert_int_equal(result(first, 'c', false), 0);
    assert_ended(first, EXECUTION_FAILED);
    succeed(second, "bc");
    assert_ended(second, EXECUTION_SUCCEEDED);
}

static void test_newer_execution_supersedes_the_one_that_waits(void **state UNUSED)
{
    struct plan *plan = plan_of("s b");
    struct execution *first = start(plan), *second, *third;
    succeed(first, "s");
    second = start(plan);
    succeed(second, "s");
    third = start(plan);
    assert_at(second, PLACE_WAITING, 1);
    assert_int_equal(second->status, EXECUTION_IN_PROGRESS);
    succeed(third, "s");
    assert_ended(second, EXECUTION_SUPERSEDED);
    assert_at(third, PLACE_WAITING, 1);
    assert_non_null(strstr(json_str(second->data, "summary", ""), third->id));
    assert_at(first, PLACE_RUNNING, 1);
    succeed(first, "b");
    assert_at(third, PLACE_RUNNING, 1);
}

static void test_approval_that_nobody_gave_gives_way_to_what_is_newer(void **state UNUSED)
{
    struct plan *plan = plan_of("s A>b");
    struct execution *first = start(plan), *second, *third;
    succeed(first, "s");
    struct run *ask = run_of(first, 'A');
    char asked[ID_UUID_SIZE];
    (void)snprintf(asked, sizeof(asked), "%s", ask->id);
    assert_int_equal(step((struct flow_event){.kind = FLOW_TRANSITION, .stage = "S2", .why = "freeze"}), 0);
    second = start(plan);
    succeed(second, "s");
    assert_at(first, PLACE_RUNNING, 1); /* nobody may enter: it can still be approved */
    assert_int_equal(step((struct flow_event){.kind = FLOW_TRANSITION, .stage = "S2", .yes = true}), 0);
    assert_ended(first, EXECUTION_SUPERSEDED);
    assert_non_null(strstr(json_str(first->data, "summary", ""), second->id));
    assert_int_equal(records("ApprovalSuperseded"), 1);
    assert_int_equal(
        step((struct flow_event){.kind = FLOW_APPROVAL, .run_id = asked, .why = "ok", .yes = true}),
        PIPELINE_E_APPROVAL_COMPLETED);
    assert_at(second, PLACE_RUNNING, 1);
    assert_int_equal(step((struct flow_event){
                         .kind = FLOW_APPROVAL, .run_id = run_of(second, 'A')->id, .why = "ok", .yes = true}),
                     0);
    third = start(plan);
    succeed(third, "s");
    assert_at(second, PLACE_RUNNING, 1); /* it was approved, and works */
    assert_at(third, PLACE_WAITING, 1);
}

static void test_executions_keep_the_plan_they_started_with(void **state UNUSED)
{
    struct plan *old = plan_named("s b c", "123", 1), *new = plan_named("s c d", "132", 2);
    struct execution *first = start(old), *second;
    succeed(first, "s");
    second = start(new);
    succeed(second, "s");
    /* the new plan's second stage is the old one's third */
    assert_at(second, PLACE_RUNNING, 1);
    succeed(first, "b");
    assert_at(first, PLACE_WAITING, 2);
    succeed(second, "c");
    assert_at(first, PLACE_RUNNING, 2);
    assert_at(second, PLACE_RUNNING, 2);
    succeed(first, "c");
    succeed(second, "d");
    assert_ended(first, EXECUTION_SUCCEEDED);
    assert_ended(second, EXECUTION_SUCCEEDED);
}

/* ---- modes */

static struct plan *plan_in_mode(const char *text, int mode)
{
    struct plan *plan = plan_of(text);
    plan->mode = mode;
    return plan;
}

static void test_queued_executions_enter_in_the_order_of_their_starts(void **state UNUSED)
{
    struct plan *plan = plan_in_mode("s b", MODE_QUEUED);
    struct execution *first = start(plan), *second = start(plan), *third = start(plan);
    assert_at(second, PLACE_WAITING, 0);
    assert_at(third, PLACE_WAITING, 0);
    succeed(first, "s");
    assert_at(second, PLACE_RUNNING, 0);
    succeed(second, "s");
    succeed(third, "s");
    assert_at(second, PLACE_WAITING, 1);
    assert_at(third, PLACE_WAITING, 1);
    assert_int_equal(result(first, 'b', false), 0);
    assert_at(second, PLACE_RUNNING, 1);
    assert_at(third, PLACE_WAITING, 1);
    succeed(second, "b");
    succeed(third, "b");
    assert_ended(third, EXECUTION_SUCCEEDED);
}

static int start_refused(struct plan *plan)
{
    CLEANUP(json_free) json_t *data = json_object();
    return step((struct flow_event){
        .kind = FLOW_START, .execution_id = "one too many", .plan = plan, .seq = starts + 1, .data = data});
}

static void test_fifty_wait_in_a_queue_and_fifty_run_in_parallel(void **state UNUSED)
{
    struct plan *queued = plan_in_mode("s", MODE_QUEUED), *parallel = plan_in_mode("s", MODE_PARALLEL);
    for (int i = 0; i < 51; i++) /* one runs */
        (void)start(queued);
    assert_int_equal(start_refused(queued), PIPELINE_E_TOO_MANY_EXECUTIONS);
    for (int i = 0; i < 50; i++)
        assert_at(start(parallel), PLACE_RUNNING, 0);
    assert_int_equal(start_refused(parallel), PIPELINE_E_TOO_MANY_EXECUTIONS);
}

static void test_parallel_executions_do_not_meet(void **state UNUSED)
{
    struct plan *plan = plan_in_mode("s b", MODE_PARALLEL);
    struct execution *first = start(plan), *second = start(plan);
    succeed(first, "s");
    succeed(second, "s");
    assert_at(first, PLACE_RUNNING, 1);
    assert_at(second, PLACE_RUNNING, 1);
    assert_int_equal(result(first, 'b', false), 0);
    assert_ended(first, EXECUTION_FAILED);
    assert_int_equal(stage_status("S2"), STAGE_IN_PROGRESS); /* the last that entered runs */
    succeed(second, "b");
    assert_ended(second, EXECUTION_SUCCEEDED);
    assert_int_equal(stage_status("S2"), STAGE_SUCCEEDED);
}

/* ---- rollback */

static int roll_back(const struct execution *target, const char *stage, const char *id, bool dry)
{
    CLEANUP(json_free) json_t *data = json_object();
    return step((struct flow_event){.kind = FLOW_ROLLBACK,
                                    .execution_id = id,
                                    .target_id = target ? target->id : "none",
                                    .stage = stage,
                                    .plan = flow->plans[flow->plan_count - 1],
                                    .seq = ++starts,
                                    .dry = dry,
                                    .data = data});
}

static void test_rollback_runs_one_stage_with_what_the_target_had(void **state UNUSED)
{
    struct plan *old = plan_of("s b c");
    struct execution *good = start(old), *bad, *back;
    succeed(good, "sbc");
    bad = start(plan_of("s x b"));
    succeed(bad, "sxb");
    json_object_set_new(good->data, "artifacts", json_pack("{s:{s:s}}", "s", "key", "old"));
    size_t before = flow->execution_count;
    assert_int_equal(roll_back(good, "S2", "e-dry", true), 0);
    assert_int_equal(flow->execution_count, before);
    assert_int_equal(roll_back(good, "S2", "e-back", false), 0);
    back = flow_execution(flow, "e-back");
    assert_at(back, PLACE_RUNNING, 1);
    assert_ptr_equal(back->plan, old);
    assert_string_equal(json_str(json_path(back->data, "artifacts.s"), "key", ""), "old");
    assert_string_equal(json_str(json_object_get(back->data, "rollback"), "target", ""), good->id);
    assert_int_equal(roll_back(bad, "S2", "e-again", false), PIPELINE_E_NO_ROLLBACK); /* it runs */
    succeed(back, "b");
    assert_ended(back, EXECUTION_SUCCEEDED);
    assert_int_equal(records("rollback-started"), 1);
    assert_int_equal(roll_back(back, "S2", "e-more", false), 0); /* to a rollback */
    assert_int_equal(roll_back(back, "S3", "e-other", false), PIPELINE_E_NO_ROLLBACK);
}

static void test_rollback_is_refused_where_nothing_can_come_back(void **state UNUSED)
{
    struct execution *failed = start(plan_of("s b"));
    succeed(failed, "s");
    assert_int_equal(result(failed, 'b', false), 0);
    assert_int_equal(roll_back(failed, "S2", "x", false), PIPELINE_E_NO_ROLLBACK);
    assert_int_equal(roll_back(failed, "S1", "x", false), PIPELINE_E_NO_ROLLBACK);
    assert_int_equal(roll_back(failed, "S9", "x", false), PIPELINE_E_STAGE_NOT_FOUND);
    assert_int_equal(roll_back(NULL, "S2", "x", false), PIPELINE_E_EXECUTION_NOT_FOUND);
    struct execution *good = start(flow->plans[0]);
    succeed(good, "sb");
    assert_int_equal(step((struct flow_event){.kind = FLOW_TRANSITION, .stage = "S2", .why = "freeze"}), 0);
    assert_int_equal(roll_back(good, "S2", "x", false), PIPELINE_E_NO_ROLLBACK);
    assert_int_equal(step((struct flow_event){.kind = FLOW_TRANSITION, .stage = "S2", .yes = true}), 0);
    flow->plans[0]->mode = MODE_PARALLEL;
    assert_int_equal(roll_back(good, "S2", "x", false), PIPELINE_E_NO_ROLLBACK);
}

/* ---- on failure */

static void test_failed_stage_retries_itself_once(void **state UNUSED)
{
    struct plan *plan = plan_of("s bc>d");
    plan->stages[1].results[PHASE_ACTIONS] = RESULT_RETRY;
    struct execution *e = start(plan);
    succeed(e, "sb");
    assert_int_equal(result(e, 'c', false), 0);
    assert_at(e, PLACE_RUNNING, 1);
    assert_int_equal(run_of(e, 'b')->status, ACTION_SUCCEEDED);
    assert_int_equal(run_of(e, 'c')->status, ACTION_IN_PROGRESS);
    assert_int_equal(records("retried-automatically"), 1);
    assert_int_equal(result(e, 'c', false), 0);
    assert_ended(e, EXECUTION_FAILED);
    assert_int_equal(records("retried-automatically"), 1);
}

static void test_failed_stage_repeats_all_its_actions(void **state UNUSED)
{
    struct plan *plan = plan_of("s b>c");
    plan->stages[1].results[PHASE_ACTIONS] = RESULT_RETRY;
    plan->stages[1].retry_all = true;
    struct execution *e = start(plan);
    succeed(e, "sb");
    assert_int_equal(result(e, 'c', false), 0);
    assert_int_equal(run_of(e, 'b')->status, ACTION_IN_PROGRESS);
    assert_null(run_of(e, 'c'));
    succeed(e, "bc");
    assert_ended(e, EXECUTION_SUCCEEDED);
}

static void test_rejection_is_no_failure_to_retry(void **state UNUSED)
{
    struct plan *plan = plan_of("s A");
    plan->stages[1].results[PHASE_ACTIONS] = RESULT_RETRY;
    struct execution *e = start(plan);
    succeed(e, "s");
    assert_int_equal(
        step((struct flow_event){.kind = FLOW_APPROVAL, .run_id = run_of(e, 'A')->id, .why = "no"}), 0);
    assert_ended(e, EXECUTION_FAILED);
}

static void test_failed_stage_goes_back_to_the_last_that_succeeded_in_it(void **state UNUSED)
{
    struct plan *plan = plan_of("s b");
    plan->stages[1].results[PHASE_ACTIONS] = RESULT_ROLLBACK;
    struct execution *first = start(plan), *good, *bad;
    succeed(first, "s");
    assert_int_equal(result(first, 'b', false), 0);
    assert_int_equal(effects(EFFECT_ROLLBACK, NULL), 0); /* to what? */
    assert_int_equal(records("rollback-refused"), 1);
    good = start(plan);
    succeed(good, "sb");
    bad = start(plan);
    succeed(bad, "s");
    assert_int_equal(result(bad, 'b', false), 0);
    assert_ended(bad, EXECUTION_FAILED);
    assert_int_equal(effects(EFFECT_ROLLBACK, good->id), 1);
    assert_int_equal(roll_back(good, "S2", "e-back", false), 0);
    assert_int_equal(result(flow_execution(flow, "e-back"), 'b', false), 0);
    assert_int_equal(effects(EFFECT_ROLLBACK, NULL), 1); /* a rollback that fails is not rolled back */
}

static void test_retry_is_refused_where_there_is_nothing_to_retry(void **state UNUSED)
{
    struct plan *plan = plan_of("s b");
    struct execution *e = start(plan);
    struct flow_event event = {.kind = FLOW_RETRY, .execution_id = e->id, .stage = "S1"};
    assert_int_equal(step(event), PIPELINE_E_STAGE_NOT_RETRYABLE);
    event.stage = "S9";
    assert_int_equal(step(event), PIPELINE_E_STAGE_NOT_FOUND);
    event.execution_id = "none";
    assert_int_equal(step(event), PIPELINE_E_EXECUTION_NOT_FOUND);
    assert_int_equal(result(e, 's', false), 0);
    (void)start(plan);
    event.execution_id = e->id;
    event.stage = "S1";
    assert_int_equal(step(event), PIPELINE_E_NOT_LATEST);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_start_offers_the_first_stages_actions),
        CASE(test_run_orders_go_one_after_another_and_equal_ones_together),
        CASE(test_failure_waits_for_its_neighbours_and_fails_the_stage),
        CASE(test_result_for_an_ended_action_is_refused),
        CASE(test_results_become_artifacts_variables_and_details),
        CASE(test_continuation_offers_another_job_of_the_same_action),
        CASE(test_stop_and_wait_lets_begun_actions_end),
        CASE(test_stop_and_abandon_cancels_jobs_also_while_stopping),
        CASE(test_stop_ends_a_waiting_execution_at_once),
        CASE(test_disabled_transition_holds_before_the_stage),
        CASE(test_two_executions_are_in_different_stages),
        CASE(test_newer_execution_supersedes_the_one_that_waits),
        CASE(test_approval_that_nobody_gave_gives_way_to_what_is_newer),
        CASE(test_executions_keep_the_plan_they_started_with),
        CASE(test_retry_is_refused_where_there_is_nothing_to_retry),
        CASE(test_failed_stage_retries_itself_once),
        CASE(test_failed_stage_repeats_all_its_actions),
        CASE(test_rejection_is_no_failure_to_retry),
        CASE(test_failed_stage_goes_back_to_the_last_that_succeeded_in_it),
        CASE(test_queued_executions_enter_in_the_order_of_their_starts),
        CASE(test_fifty_wait_in_a_queue_and_fifty_run_in_parallel),
        CASE(test_parallel_executions_do_not_meet),
        CASE(test_rollback_runs_one_stage_with_what_the_target_had),
        CASE(test_rollback_is_refused_where_nothing_can_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
