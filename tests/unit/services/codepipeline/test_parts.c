/* The engine's parts without a flow: tables of states, plans, variables, leases. */
#include "services/codepipeline/engine/lease.h"
#include "services/codepipeline/engine/machine.h"
#include "services/codepipeline/engine/plan.h"
#include "services/codepipeline/engine/variables.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define MINUTE 60000

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

/* ---- machines */

/* Every pair of states: what the table allows is exactly what is listed here. */
static void check_machine(const struct machine *machine, const char *const *allowed)
{
    for (int from = 0; from < machine->count; from++) {
        char name[32] = {0};
        assert_int_equal(machine_state(machine, machine_name(machine, from)), from);
        for (int to = 0; to < machine->count; to++) {
            bool listed = false;
            (void)snprintf(name, sizeof(name), "%s>%s", machine_name(machine, from),
                           machine_name(machine, to));
            for (size_t i = 0; allowed[i]; i++)
                listed = listed || strcmp(allowed[i], name) == 0;
            if (machine_may(machine, from, to) != listed)
                fail_msg("%s: %s is %s", machine->name, name, listed ? "refused" : "allowed");
        }
    }
    assert_int_equal(machine_state(machine, "Nonsense"), -1);
    assert_int_equal(machine_state(machine, NULL), -1);
}

static void test_states_move_along_the_tables_only(void **state UNUSED)
{
    check_machine(&machine_execution,
                  (const char *const[]){"InProgress>Stopping", "InProgress>Stopped", "InProgress>Succeeded",
                                        "InProgress>Failed", "InProgress>Superseded", "InProgress>Cancelled",
                                        "Stopping>Stopped", "Stopping>Cancelled", "Stopped>InProgress",
                                        "Failed>InProgress", NULL});
    check_machine(&machine_place, (const char *const[]){"Waiting>Running", "Waiting>Ended", "Running>Waiting",
                                                        "Running>Ended", "Ended>Running", NULL});
    check_machine(&machine_action, (const char *const[]){"InProgress>Succeeded", "InProgress>Failed",
                                                         "InProgress>Abandoned", NULL});
    check_machine(&machine_stage,
                  (const char *const[]){"None>InProgress", "InProgress>Succeeded", "InProgress>Failed",
                                        "InProgress>Stopped", "Succeeded>InProgress", "Failed>InProgress",
                                        "Stopped>InProgress", "InProgress>Skipped", "Skipped>InProgress",
                                        NULL});
    check_machine(&machine_condition,
                  (const char *const[]){"None>InProgress", "InProgress>Succeeded", "InProgress>Failed",
                                        "InProgress>Overridden", "InProgress>Abandoned", "Failed>Overridden",
                                        "Failed>None", "Succeeded>None", "Overridden>None", "Abandoned>None",
                                        NULL});
    check_machine(&machine_job,
                  (const char *const[]){"Queued>Dispatched", "Queued>TimedOut", "Queued>Cancelled",
                                        "Dispatched>InProgress", "Dispatched>Queued", "Dispatched>TimedOut",
                                        "Dispatched>Cancelled", "InProgress>Queued", "InProgress>Succeeded",
                                        "InProgress>Failed", "InProgress>TimedOut", "InProgress>Cancelled",
                                        NULL});
}

/* ---- plans */

static void test_plan_reads_a_declaration(void **state UNUSED)
{
    CLEANUP(json_free)
    json_t *json = parse(
        "{\"name\": \"p\", \"artifactStore\": {\"type\": \"S3\", \"location\": \"store\"}, \"stages\": ["
        "{\"name\": \"Source\", \"actions\": [{\"name\": \"S\", \"namespace\": \"N\", \"actionTypeId\": "
        "{\"category\": \"Source\", \"owner\": \"AWS\", \"provider\": \"S3\", \"version\": \"1\"}, "
        "\"outputArtifacts\": [{\"name\": \"A\"}]}]},"
        "{\"name\": \"Out\", \"actions\": [{\"name\": \"Ask\", \"actionTypeId\": {\"category\": "
        "\"Approval\", "
        "\"owner\": \"AWS\", \"provider\": \"Manual\", \"version\": \"1\"}, \"timeoutInMinutes\": 5}, "
        "{\"name\": \"D\", \"runOrder\": 2, \"roleArn\": \"arn:r\", \"actionTypeId\": {\"category\": "
        "\"Deploy\", \"owner\": \"AWS\", \"provider\": \"CloudFormation\", \"version\": \"1\"}}]}]}");
    CLEANUP(plan_free) struct plan *plan = NULL;
    assert_int_equal(plan_new(json, 7, &plan), 0);
    assert_int_equal(plan->version, 7);
    assert_string_equal(plan->name, "p");
    assert_string_equal(plan->bucket, "store");
    assert_int_equal(plan->stage_count, 2);
    const struct plan_action *source = &plan->stages[0].actions[0], *ask = &plan->stages[1].actions[0],
                             *deploy = &plan->stages[1].actions[1];
    assert_true(source->source && !source->approval && !ask->source && ask->approval);
    assert_string_equal(source->variables_namespace, "N");
    assert_null(source->role_arn);
    assert_int_equal(json_array_size(source->outputs), 1);
    assert_int_equal(source->run_order, 1);
    assert_int_equal(source->timeout_ms, 60 * MINUTE);
    assert_int_equal(ask->timeout_ms, 5 * MINUTE);
    assert_int_equal(deploy->run_order, 2);
    assert_string_equal(deploy->role_arn, "arn:r");
    assert_int_equal(deploy->timeout_ms, 3 * 24 * 60 * MINUTE);
    assert_int_equal(plan_stage_find(plan, "Out"), 1);
    assert_int_equal(plan_stage_find(plan, "out"), 2);
    assert_int_equal(plan_timeout_default_ms("Approval", "Manual"), 7 * 24 * 60 * (int64_t)MINUTE);
}

/* ---- variables */

static int resolve(const char *text, char *ret, size_t size, struct reason *why)
{
    CLEANUP(json_free) json_t *configuration = json_pack("{s:s}", "K", text);
    CLEANUP(json_free)
    json_t *given = parse("{\"Src\": {\"Id\": \"v1\", \"Odd\": \"#{Src.Id}\", \"None\": \"\"},"
                          " \"codepipeline\": {\"PipelineExecutionId\": \"no\", \"Id\": \"no\"}}");
    const struct variables variables = {"e-1", given};
    CLEANUP(json_free) json_t *out = NULL;
    int r = variables_resolve(configuration, &variables, &out, why);
    if (r == 0)
        (void)snprintf(ret, size, "%s", json_str(out, "K", "?"));
    return r;
}

static void test_variables_are_replaced_once(void **state UNUSED)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"#{Src.Id}", "v1"},
        {"a-#{Src.Id}-#{Src.Id}.zip", "a-v1-v1.zip"},
        {"#{Src.Odd}", "#{Src.Id}"},
        {"[#{Src.None}]", "[]"},
        {"#{Src.Id", "#{Src.Id"},
        {"#{}", NULL},
        {"#{Src.Nope}", NULL},
        {"#{Nope.Id}", NULL},
        {"#{Id}", NULL},
        {"-#{codepipeline.PipelineExecutionId}-", "-e-1-"},
        {"#{codepipeline.Id}", NULL},
        {"{} # } {", "{} # } {"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reason why = {0};
        char out[64] = "";
        int r = resolve(cases[i][0], out, sizeof(out), &why);
        assert_int_equal(r, cases[i][1] ? 0 : VARIABLES_E_UNRESOLVED);
        if (cases[i][1])
            assert_string_equal(out, cases[i][1]);
        else
            assert_non_null(strstr(why.text, cases[i][0]));
    }
    CLEANUP(json_free) json_t *out = NULL;
    assert_int_equal(variables_resolve(NULL, &(struct variables){"e-1"}, &out, NULL), 0);
    assert_int_equal(json_object_size(out), 0);
}

/* ---- leases */

static void test_only_the_present_lease_counts(void **state UNUSED)
{
    struct job job = {.id = "j"};
    bool flag = true;
    assert_false(job_orphan(&job));
    job_lease(&job, "n1", "w1", 1000);
    assert_int_equal(job.status, JOB_IN_PROGRESS);
    assert_int_equal(job.due_ms, 1000 + LEASE_MS);
    assert_int_equal(job_extend(&job, "n2", 2000, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job.due_ms, 1000 + LEASE_MS);
    assert_int_equal(job_extend(&job, "n1", 2000, &flag), 0);
    assert_false(flag);
    assert_int_equal(job.due_ms, 2000 + LEASE_MS);
    assert_false(job_expire(&job, 2000 + LEASE_MS - 1));
    assert_true(job_expire(&job, 2000 + LEASE_MS));
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(job_extend(&job, "n1", 3000, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_extend(&job, "", 3000, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_finish(&job, "n1", true, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_finish(&job, "", true, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_finish(&job, NULL, true, &flag), PIPELINE_E_JOB_STATE);
    job_lease(&job, "n2", "w2", 50000);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(job_finish(&job, NULL, true, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_finish(&job, "n1", true, &flag), PIPELINE_E_NONCE);
    assert_int_equal(job_release(&job, "n1"), PIPELINE_E_NONCE);
    assert_int_equal(job_release(&job, "n2"), 0);
    assert_int_equal(job.status, JOB_QUEUED);
    char name[4 * 128 + 1] = ""; /* 128 letters, of four bytes each */
    for (size_t i = 0; i + 1 < sizeof(name); i += 4)
        memcpy(name + i, "\xf0\x9f\x90\x8c", 5);
    job_lease(&job, "n3", name, 60000);
    assert_string_equal(job.worker, name);
    assert_true(job_orphan(&job));
    assert_int_equal(job.status, JOB_QUEUED);
}

static void test_result_is_taken_once_and_may_be_repeated(void **state UNUSED)
{
    struct job job = {.id = "j"};
    bool repeated = true, cancelled = false;
    job_lease(&job, "n1", "w1", 1000);
    assert_int_equal(job_finish(&job, "n1", true, &repeated), 0);
    assert_false(repeated);
    assert_int_equal(job.due_ms, 0);
    assert_int_equal(job_finish(&job, "n1", true, &repeated), 0);
    assert_true(repeated);
    assert_int_equal(job_finish(&job, "n1", false, &repeated), PIPELINE_E_JOB_STATE);
    assert_int_equal(job_finish(&job, "n0", true, &repeated), PIPELINE_E_NONCE);
    assert_int_equal(job_extend(&job, "n1", 2000, &cancelled), 0);
    assert_true(cancelled);
    assert_int_equal(job_release(&job, "n1"), 0);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_false(job_cancel(&job, JOB_CANCELLED));
    assert_false(job_orphan(&job));
    assert_false(job_expire(&job, INT64_MAX));
}

static void test_job_of_a_poller_is_acknowledged_then_waits_without_end(void **state UNUSED)
{
    struct job job = {.id = "j"};
    bool repeated;
    job_lease(&job, "n1", NULL, 1000);
    assert_int_equal(job.status, JOB_DISPATCHED);
    assert_int_equal(job_finish(&job, NULL, true, &repeated), PIPELINE_E_JOB_STATE);
    assert_true(job_expire(&job, 1000 + LEASE_UNACKNOWLEDGED_MS));
    assert_int_equal(job_acknowledge(&job, "n1"), PIPELINE_E_NONCE);
    job_lease(&job, "n2", NULL, 70000);
    assert_int_equal(job_acknowledge(&job, "n1"), PIPELINE_E_NONCE);
    assert_int_equal(job_acknowledge(&job, "n2"), 0);
    assert_int_equal(job_acknowledge(&job, "n2"), 0);
    assert_false(job_expire(&job, INT64_MAX));
    assert_int_equal(job_finish(&job, NULL, false, &repeated), 0);
    assert_int_equal(job.status, JOB_FAILED);
}

static void test_cancelled_job_tells_its_worker(void **state UNUSED)
{
    struct job job = {.id = "j"};
    bool cancelled = false, repeated;
    job_lease(&job, "n1", "w1", 1000);
    assert_true(job_cancel(&job, JOB_TIMED_OUT));
    assert_int_equal(job.status, JOB_TIMED_OUT);
    assert_false(job_cancel(&job, JOB_CANCELLED));
    assert_int_equal(job_extend(&job, "n1", 2000, &cancelled), 0);
    assert_true(cancelled);
    assert_int_equal(job.due_ms, 0);
    assert_int_equal(job_finish(&job, "n1", true, &repeated), PIPELINE_E_JOB_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_move_along_the_tables_only),
        cmocka_unit_test(test_plan_reads_a_declaration),
        cmocka_unit_test(test_variables_are_replaced_once),
        cmocka_unit_test(test_only_the_present_lease_counts),
        cmocka_unit_test(test_result_is_taken_once_and_may_be_repeated),
        cmocka_unit_test(test_job_of_a_poller_is_acknowledged_then_waits_without_end),
        cmocka_unit_test(test_cancelled_job_tells_its_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
