/* flow_step: what each kind of event does to the picture of one pipeline. Ids count from 1. */
#include "services/codepipeline/engine.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct flow *flow;
static int64_t now_ms;
static int64_t ids;
static int64_t starts;

static void make_id(void *context UNUSED, char ret[ID_UUID_SIZE])
{
    (void)snprintf(ret, ID_UUID_SIZE, "%08u-0000-4000-8000-000000000000", (unsigned)++ids % 100000000U);
}

static int setup(void **state UNUSED)
{
    now_ms = 1000000;
    ids = starts = 0;
    flow = flow_new();
    assert_non_null(flow);
    flow->make_id = make_id;
    return 0;
}

static int teardown(void **state UNUSED)
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
static struct plan *plan_named(const char *text, const char *names, int64_t version)
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

static struct plan *plan_of(const char *text)
{
    return plan_named(text, NULL, (int64_t)flow->plan_count + 1);
}

static int step(struct flow_event event)
{
    if (!event.who)
        event.who = "me";
    return flow_step(flow, &event, ++now_ms, NULL);
}

static struct execution *start(struct plan *plan)
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
static struct run *run_of(const struct execution *execution, char action)
{
    for (size_t i = 0; i < execution->run_count; i++)
        if (execution->runs[i] && execution->runs[i]->action->name[0] == action)
            return execution->runs[i];
    return NULL;
}

static int result(const struct execution *execution, char action, bool success)
{
    const struct run *run = run_of(execution, action);
    assert_non_null(run);
    return step((struct flow_event){.kind = FLOW_RESULT, .run_id = run->id, .yes = success});
}

static void succeed(const struct execution *execution, const char *actions)
{
    for (; *actions; actions++)
        assert_int_equal(result(execution, *actions, true), 0);
}

static void assert_at(const struct execution *execution, int place, size_t stage)
{
    assert_int_equal(execution->place, place);
    assert_int_equal(execution->stage, stage);
}

static void assert_ended(const struct execution *execution, int status)
{
    assert_int_equal(execution->status, status);
    assert_int_equal(execution->place, PLACE_ENDED);
    assert_int_equal(execution->run_count, 0);
}

static size_t effects(enum effect_kind kind, const char *ref)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->effect_count; i++)
        count += flow->effects[i].kind == kind && (!ref || strcmp(flow->effects[i].ref, ref) == 0);
    return count;
}

static size_t records(const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->effect_count; i++)
        count += flow->effects[i].kind == EFFECT_RECORD && strcmp(flow->effects[i].what, what) == 0;
    return count;
}

static int stage_status(const char *stage)
{
    return flow_gate(flow, stage)->status;
}

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
    assert_int_equal(effects(EFFECT_TIMER_CLEAR, NULL), 6);
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

/* ---- approvals and time */

static int answer(const char *run_id, bool yes)
{
    return step((struct flow_event){.kind = FLOW_APPROVAL, .run_id = run_id, .why = "because", .yes = yes});
}

static void test_approval_lets_on_once(void **state UNUSED)
{
    struct execution *e = start(plan_of("s A>d"));
    char id[ID_UUID_SIZE];
    succeed(e, "s");
    struct run *run = run_of(e, 'A');
    assert_true(run->token[0] && !run->job_id[0]);
    assert_int_equal(effects(EFFECT_OFFER, NULL), 1);
    (void)snprintf(id, sizeof(id), "%s", run->id);
    assert_int_equal(answer(id, true), 0);
    assert_non_null(run_of(e, 'd'));
    assert_string_equal(json_str(run->detail, "lastUpdatedBy", ""), "me");
    assert_int_equal(answer(id, true), PIPELINE_E_APPROVAL_COMPLETED);
    assert_int_equal(answer(id, false), PIPELINE_E_APPROVAL_COMPLETED);
    assert_int_equal(records("approved"), 1);
}

static void test_rejection_fails_the_stage(void **state UNUSED)
{
    struct execution *e = start(plan_of("s A>d"));
    succeed(e, "s");
    assert_int_equal(answer(run_of(e, 'A')->id, false), 0);
    assert_ended(e, EXECUTION_FAILED);
    assert_int_equal(records("rejected"), 1);
    assert_string_equal(json_str(e->data, "summary", ""),
                        "Action A in stage S2 failed: Rejected by me: because");
}

static void test_timeout_cuts_a_job_and_an_approval_but_not_early(void **state UNUSED)
{
    struct plan *plan = plan_of("s Ab");
    struct execution *e = start(plan);
    succeed(e, "s");
    struct run *job = run_of(e, 'b'), *approval = run_of(e, 'A');
    struct flow_event event = {.kind = FLOW_TIMEOUT, .run_id = job->id};
    now_ms = job->deadline_ms - 2;
    assert_int_equal(step(event), 0);
    assert_int_equal(job->status, ACTION_IN_PROGRESS);
    assert_int_equal(step(event), 0);
    assert_int_equal(job->status, ACTION_FAILED);
    assert_int_equal(effects(EFFECT_CANCEL, job->job_id), 1);
    assert_int_equal(e->status, EXECUTION_IN_PROGRESS);
    now_ms = approval->deadline_ms;
    event.run_id = approval->id;
    assert_int_equal(step(event), 0);
    assert_ended(e, EXECUTION_FAILED);
    assert_int_equal(effects(EFFECT_CANCEL, NULL), 1);
    assert_int_equal(step(event), 0);
    assert_int_equal(step((struct flow_event){.kind = FLOW_TIMEOUT, .run_id = "none"}), 0);
}

/* Not a failure: it is neither repeated nor rolled back by itself, and may be asked again. */
static void test_an_approval_that_runs_out_stops_the_execution(void **state UNUSED)
{
    struct plan *plan = plan_of("s b>A>d");
    plan->stages[1].results[PHASE_ACTIONS] = RESULT_RETRY;
    struct execution *e = start(plan);
    succeed(e, "sb");
    struct run *approval = run_of(e, 'A');
    now_ms = approval->deadline_ms;
    assert_int_equal(step((struct flow_event){.kind = FLOW_TIMEOUT, .run_id = approval->id}), 0);
    assert_ended(e, EXECUTION_STOPPED);
    assert_int_equal(stage_status("S2"), STAGE_STOPPED);
    assert_int_equal(records("ApprovalExpired"), 1);
    assert_int_equal(records("retried-automatically"), 0);
    assert_string_equal(json_str(e->data, "summary", ""),
                        "Nobody answered in time in stage S2: A was not approved within 10080 minutes.");
}

/* ---- approvals by several */

static int answer_by(const struct execution *e, const char *who, bool yes)
{
    return step((struct flow_event){
        .kind = FLOW_APPROVAL, .run_id = run_of(e, 'A')->id, .who = who, .why = "because", .yes = yes});
}

static struct execution *ask(const char *configuration)
{
    struct plan *plan = plan_of("s A>d");
    json_t *text = NULL;
    assert_int_equal(json_parse(str_of(configuration), &text, NULL), 0);
    json_object_set_new((json_t *)plan->stages[1].actions[0].declaration, "configuration", text);
    plan->stages[1].actions[0].configuration = text;
    struct execution *e = start(plan);
    succeed(e, "s");
    return e;
}

static const char *missing(const struct execution *e)
{
    return json_str(json_object_get(run_of(e, 'A')->detail, "approval"), "missing", "");
}

static void test_so_many_different_people_must_approve(void **state UNUSED)
{
    struct execution *e = ask("{\"RequiredApprovals\": \"2\"}");
    assert_string_equal(missing(e), "2 more of *");
    assert_int_equal(answer_by(e, "ann", true), 0);
    assert_string_equal(missing(e), "1 more of *");
    assert_int_equal(answer_by(e, "ann", true), PIPELINE_E_APPROVAL_COMPLETED);
    assert_null(run_of(e, 'd'));
    assert_int_equal(answer_by(e, "bob", true), 0);
    assert_non_null(run_of(e, 'd'));
}

static void test_each_group_must_approve(void **state UNUSED)
{
    struct execution *e = ask("{\"Approvers\": \"2 of ops/*, root; security/*\"}");
    assert_int_equal(answer_by(e, "dev/eve", true), PIPELINE_E_DENIED);
    assert_int_equal(answer_by(e, "dev/eve", false), PIPELINE_E_DENIED);
    assert_int_equal(answer_by(e, "ops/ann", true), 0);
    assert_int_equal(answer_by(e, "security/sue", true), 0);
    assert_string_equal(missing(e), "1 more of ops/*, root");
    assert_null(run_of(e, 'd'));
    assert_int_equal(answer_by(e, "root", true), 0);
    assert_non_null(run_of(e, 'd'));
}

static void test_one_rejection_is_enough(void **state UNUSED)
{
    struct execution *e = ask("{\"RequiredApprovals\": \"3\"}");
    assert_int_equal(answer_by(e, "ann", true), 0);
    assert_int_equal(answer_by(e, "bob", false), 0);
    assert_ended(e, EXECUTION_FAILED);
}

static void test_nobody_approves_what_is_their_own(void **state UNUSED)
{
    struct execution *e = ask("{\"ForbidSelfApproval\": \"true\"}");
    json_object_set_new(e->data, "trigger", json_pack("{s:s, s:s}", "type", "x", "detail", "starter"));
    json_object_set_new(e->data, "revisions", json_pack("[{s:s}]", "by", "pusher"));
    assert_int_equal(answer_by(e, "starter", true), PIPELINE_E_DENIED);
    assert_int_equal(answer_by(e, "pusher", true), PIPELINE_E_DENIED);
    assert_int_equal(answer_by(e, "other", true), 0);
    assert_non_null(run_of(e, 'd'));
}

static void test_who_pushed_may_still_reject(void **state UNUSED)
{
    struct execution *e = ask("{\"ForbidSelfApproval\": \"true\"}");
    json_object_set_new(e->data, "revisions", json_pack("[{s:s}]", "by", "pusher"));
    assert_int_equal(answer_by(e, "pusher", false), 0);
    assert_ended(e, EXECUTION_FAILED);
}

static void test_a_bad_configuration_fails_the_action(void **state UNUSED)
{
    struct execution *e = ask("{\"RequiredApprovals\": \"many\"}");
    assert_ended(e, EXECUTION_FAILED);
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
        CASE(test_approval_lets_on_once),
        CASE(test_rejection_fails_the_stage),
        CASE(test_timeout_cuts_a_job_and_an_approval_but_not_early),
        CASE(test_an_approval_that_runs_out_stops_the_execution),
        CASE(test_so_many_different_people_must_approve),
        CASE(test_each_group_must_approve),
        CASE(test_one_rejection_is_enough),
        CASE(test_nobody_approves_what_is_their_own),
        CASE(test_who_pushed_may_still_reject),
        CASE(test_a_bad_configuration_fails_the_action),
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
