/* Jobs in memory: whatever is written of them otherwise than by job_update is not overlooked. */
#include "services/codepipeline/job_memory.h"
#include "base/clock.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/git_look.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/prune.h"
#include "store_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define KNOWN "00000000-0000-4000-8000-000000000000" /* a job of the memory alone */

static char job_id[ID_UUID_SIZE], nonce[ID_UUID_SIZE];

/* A source action `s` and an approval behind it. */
static void make(const char *provider, const char *configuration)
{
    char text[2048];
    (void)snprintf(
        text, sizeof(text),
        "{'name': 'p', 'pipelineType': 'V2', 'executionMode': 'PARALLEL', 'roleArn': 'arn:aws:iam::" ACCOUNT
        ":role/r', 'artifactStore': {'type':"
        " 'S3', 'location': 'store'}, 'stages': [{'name': 'S', 'actions': [{'name': 's',"
        " 'actionTypeId': {'category': 'Source', 'owner': 'AWS', 'provider': '%s', 'version':"
        " '1'}, 'outputArtifacts': [{'name': 'a'}], 'configuration': {%s}}]}, {'name': 'D',"
        " 'actions': [{'name': 'ask', 'actionTypeId': {'category': 'Approval', 'owner': 'AWS',"
        " 'provider': 'Manual', 'version': '1'}}]}]}",
        provider, configuration);
    CLEANUP(json_free) json_t *json = parse(text);
    struct reason why = {0};
    if (pipeline_create(tx, &platform, &me, json, NULL, &why))
        fail_msg("%s", why.text);
}

static void make_plain(void)
{
    make("S3", "'S3Bucket': 'b-b', 'S3ObjectKey': 'k'");
}

static void start(void)
{
    char id[ID_UUID_SIZE];
    CLEANUP(json_free) json_t *in = parse("{'name': 'p'}");
    assert_int_equal(execution_start(tx, &platform, &me, in, id, NULL), 0);
}

/* Into job_id and nonce; false: no job waits. */
static bool lease(void)
{
    CLEANUP(job_leases_free) struct job_leases *taken = NULL;
    CLEANUP(json_free) json_t *jobs = NULL;
    const struct job_taker taker = {.platform = &platform, .caller = &me, .worker = "w", .max = 1};
    assert_int_equal(jobs_lease_account(tx, &taker, &taken), 0);
    jobs = describe(taken);
    (void)snprintf(job_id, sizeof(job_id), "%s", json_str(json_array_get(jobs, 0), "id", ""));
    (void)snprintf(nonce, sizeof(nonce), "%s", json_str(json_array_get(jobs, 0), "nonce", ""));
    return json_array_size(jobs) > 0;
}

static void fire(void)
{
    int64_t next_ms = 0;
    assert_int_equal(timers_fire(tx, &platform, now_ms, 100, &next_ms), 0);
}

static void remember(void)
{
    char packed[] = "{}";
    const struct job_row row = {
        .job = {.id = KNOWN, .status = JOB_IN_PROGRESS}, .account = ACCOUNT, .packed = packed};
    job_memory_put(tx, &row);
}

static bool remembers(void)
{
    CLEANUP(job_row_free) struct job_row row = {0};
    return job_memory_find(tx, KNOWN, &row) == 0;
}

static void test_jobs_of_a_deleted_pipeline_are_offered_no_more(void **state UNUSED)
{
    make_plain();
    start();
    start();
    job_memory_forget();
    assert_true(lease()); /* from now on it is known that the other is on offer, but not the other itself */
    assert_int_equal(pipeline_delete(tx, &platform, &me, "p", NULL), 0);
    assert_false(lease());
    make_plain();
    start();
    assert_true(lease());
}

/* Its worker is told so an hour long. */
static void test_a_cancelled_job_goes_in_time(void **state UNUSED)
{
    bool cancelled = false;
    make_plain();
    start();
    assert_true(lease());
    assert_int_equal(pipeline_delete(tx, &platform, &me, "p", NULL), 0);
    remember();
    assert_int_equal(jobs_extend(tx, ACCOUNT, job_id, nonce, &cancelled, NULL), 0);
    assert_true(cancelled && remembers());
    now_ms += FORGET_MS;
    fire();
    assert_false(remembers());
    assert_int_equal(jobs_extend(tx, ACCOUNT, job_id, nonce, &cancelled, NULL), PIPELINE_E_JOB_NOT_FOUND);
}

static void run_that_fails(void)
{
    start();
    assert_true(lease());
    CLEANUP(json_free) json_t *in = json_pack("{s:s, s:s}", "jobId", job_id, "nonce", nonce);
    assert_int_equal(jobs_result(tx, &platform, ACCOUNT, in, false, NULL), 0);
}

static void test_jobs_of_an_execution_that_goes_are_forgotten(void **state UNUSED)
{
    int64_t cursor_ms = 0, removed = 0;
    make_plain();
    run_that_fails();
    run_that_fails();
    remember();
    assert_true(remembers());
    uint64_t epoch = tx_epoch(tx);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(executions_prune(db, INT64_MAX, 3, &cursor_ms, &removed), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_true(tx_epoch(tx) == epoch && !remembers());
}

static void make_git(void)
{
    make("CodeStarSourceConnection", "'ConnectionArn': 'arn:aws:codestar-connections:us-east-1:" ACCOUNT
                                     ":connection/c', 'FullRepositoryId': 'o/r', 'BranchName': 'main'");
}

static void ask_git(void)
{
    CLEANUP(json_free)
    json_t *event = parse("{'in': {'name': 'p', 'sourceRevisions': [{'actionName': 's'}]}, 'token': 't',"
                          " 'gitChanges': {'commit': 'c'}}");
    const struct webhook webhook = {.account = ACCOUNT, .name = "hook"};
    struct reason why = {0};
    if (git_look_ask(tx, &platform, &webhook, event, &why))
        fail_msg("%s", why.text);
}

static void test_who_polls_is_offered_a_look_at_git(void **state UNUSED)
{
    make_git();
    assert_false(lease());
    ask_git();
    assert_true(lease());
}

static void test_a_look_at_git_goes_with_its_pipeline(void **state UNUSED)
{
    struct pipeline pipeline;
    make_git();
    ask_git();
    ask_git();
    assert_true(lease());
    assert_int_equal(pipeline_find(tx, ACCOUNT, "p", &pipeline), 0);
    assert_int_equal(git_looks_forget(tx, &pipeline), 0);
    assert_false(lease());
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_jobs_of_a_deleted_pipeline_are_offered_no_more),
        CASE(test_a_cancelled_job_goes_in_time),
        CASE(test_jobs_of_an_execution_that_goes_are_forgotten),
        CASE(test_who_polls_is_offered_a_look_at_git),
        CASE(test_a_look_at_git_goes_with_its_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
