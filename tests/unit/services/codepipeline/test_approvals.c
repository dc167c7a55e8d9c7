/* flow_step: approvals, by one and by several, and what runs out of time. */
#include "flow_fixture.h"
#include "services/codepipeline/engine/approval.h"
#include "wire/json.h"
#include <stdio.h>

/* ---- by one, and time */

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

/* However many patterns there are: what is missing may be more than is said of it. */
static void test_a_long_list_of_approvers_does_not_lower_their_number(void **state UNUSED)
{
    char configuration[2200] = "{\"RequiredApprovals\": \"2\", \"Approvers\": \"ops/*";
    size_t len = strlen(configuration);
    memset(configuration + len, 'x', 2000);
    (void)snprintf(configuration + len + 2000, sizeof(configuration) - len - 2000, ", root\"}");
    configuration[len] = ',';
    struct execution *e = ask(configuration);
    assert_memory_equal(missing(e), "2 more of ops/*", strlen("2 more of ops/*"));
    assert_int_equal(answer_by(e, "root", true), 0);
    assert_null(run_of(e, 'd'));
    assert_int_equal(answer_by(e, "ops/ann", true), 0);
    assert_non_null(run_of(e, 'd'));
}

static void test_a_group_counts_from_one_to_twenty(void **state UNUSED)
{
    static const char *const wrong[] = {"0 of ops/*", "21 of ops/*", "two of ops/*", "2 ops/*", "2 of "};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(json_free) json_t *configuration = json_pack("{s:s}", "Approvers", wrong[i]);
        struct approval_rule rule;
        assert_int_equal(approval_read(configuration, &rule, NULL), APPROVAL_E_INVALID);
    }
}

/* The server was down when it did, or its timer is late. */
static void test_an_answer_after_the_deadline_comes_too_late(void **state UNUSED)
{
    struct execution *e = ask("{}");
    now_ms = run_of(e, 'A')->deadline_ms;
    assert_int_equal(answer_by(e, "ann", true), PIPELINE_E_APPROVAL_COMPLETED);
    assert_null(run_of(e, 'd'));
    assert_int_equal(step((struct flow_event){.kind = FLOW_TIMEOUT, .run_id = run_of(e, 'A')->id}), 0);
    assert_ended(e, EXECUTION_STOPPED);
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

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_approval_lets_on_once),
        CASE(test_rejection_fails_the_stage),
        CASE(test_timeout_cuts_a_job_and_an_approval_but_not_early),
        CASE(test_an_approval_that_runs_out_stops_the_execution),
        CASE(test_so_many_different_people_must_approve),
        CASE(test_each_group_must_approve),
        CASE(test_a_long_list_of_approvers_does_not_lower_their_number),
        CASE(test_a_group_counts_from_one_to_twenty),
        CASE(test_an_answer_after_the_deadline_comes_too_late),
        CASE(test_one_rejection_is_enough),
        CASE(test_nobody_approves_what_is_their_own),
        CASE(test_who_pushed_may_still_reject),
        CASE(test_a_bad_configuration_fails_the_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
