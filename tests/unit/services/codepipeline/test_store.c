/* The stored path: what a declaration must hold to, timers with leases and run deadlines, retries and the
 * answers of executions that are pinned to an older version. */
#include "base/clock.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/pipeline.h"
#include "store_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define MINUTE 60000

static char job_id[ID_UUID_SIZE], nonce[ID_UUID_SIZE];

#define TYPE(category, provider)                                                                             \
    "'actionTypeId': {'category': '" category "', 'owner': 'AWS', 'provider': '" provider "', 'version': "   \
    "'1'}"
#define SOURCE                                                                                               \
    "{'name': 's', " TYPE("Source", "S3") ", 'namespace': 'Src', 'outputArtifacts': [{'name': 'a'}], "       \
                                          "'configuration': {'S3Bucket': 'b-b', 'S3ObjectKey': 'k'}}"
#define DEPLOY(more)                                                                                         \
    "{'name': 'd', " TYPE("Deploy", "S3") ", 'inputArtifacts': [{'name': 'a'}], 'configuration': "           \
                                          "{'BucketName': 'b-b', 'Extract': 'true'}" more "}"
#define ASK "{'name': 'ask', " TYPE("Approval", "Manual") "}"
#define STAGE(name, actions) "{'name': '" name "', 'actions': [" actions "]}"
#define PIPELINE_WITH(stages, more)                                                                          \
    "{'name': 'p', 'roleArn': 'arn:aws:iam::" ACCOUNT ":role/r', 'artifactStore': {'type': 'S3', "           \
    "'location': 'store'}, 'stages': [" stages "]" more "}"
#define ON_FAILURE(members)                                                                                  \
    STAGE("S", SOURCE) ", {'name': 'D', 'onFailure': {" members "}, 'actions': [" ASK "]}"
#define GOOD STAGE("S", SOURCE) ", " STAGE("D", DEPLOY(""))

static void test_declarations_hold_to_the_rules(void **state UNUSED)
{
    static const struct {
        const char *text;
        int outcome;
        const char *words;
    } cases[] = {
        {PIPELINE_WITH(GOOD, ""), 0, ""},
        {PIPELINE_WITH(STAGE("S", SOURCE), ""), PIPELINE_E_STRUCTURE, "minimum of 2 stages"},
        {PIPELINE_WITH(GOOD, ", 'executionMode': 'QUEUED'"), PIPELINE_E_STRUCTURE, "set pipelineType to V2"},
        {PIPELINE_WITH(GOOD, ", 'executionMode': 'PARALLEL', 'pipelineType': 'V2'"), 0, ""},
        {PIPELINE_WITH(GOOD, ", 'artifactStores': {'us-east-1': {'type': 'S3', 'location': 'x-x'}}"),
         PIPELINE_E_STRUCTURE, "not both"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("S", ASK), ""), PIPELINE_E_STAGE_DECLARATION,
         "'S' is used more than once"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", ASK ", " ASK), ""), PIPELINE_E_ACTION_DECLARATION,
         "'ask' is used more than once"},
        {PIPELINE_WITH(STAGE("S", ASK) ", " STAGE("D", ASK), ""), PIPELINE_E_STRUCTURE,
         "only contains source actions"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", SOURCE), ""), PIPELINE_E_STRUCTURE,
         "Only the first stage"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", "{'name': 'x', " TYPE("Deploy", "ECS") "}"), ""),
         PIPELINE_E_ACTION_DECLARATION, "Provider: 'ECS'"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", "{'name': 'x', " TYPE("Deploy", "S3") "}"), ""),
         PIPELINE_E_ACTION_DECLARATION, "x"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE(
                           "D",
                           "{'name': 'd', " TYPE(
                               "Deploy", "S3") ", 'inputArtifacts': [{'name': 'z'}], "
                                               "'configuration': {'BucketName': 'b-b', 'Extract': 'true'}}"),
                       ""),
         PIPELINE_E_ACTION_DECLARATION, "Input Artifact Bundle z"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", DEPLOY(", 'namespace': 'Src'")), ""),
         PIPELINE_E_ACTION_DECLARATION, "'Src' is used more than once"},
        {PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", DEPLOY(", 'namespace': 'codepipeline'")), ""),
         PIPELINE_E_ACTION_DECLARATION, "reserved"},
        {PIPELINE_WITH(ON_FAILURE("'result': 'RETRY'"), ", 'pipelineType': 'V2'"), 0, ""},
        {PIPELINE_WITH(ON_FAILURE("'result': 'RETRY'"), ""), PIPELINE_E_STAGE_DECLARATION, "type V2"},
        {PIPELINE_WITH(ON_FAILURE("'result': 'SKIP'"), ", 'pipelineType': 'V2'"),
         PIPELINE_E_STAGE_DECLARATION, "result SKIP in its onFailure"},
        {PIPELINE_WITH(ON_FAILURE("'result': 'FAIL', 'conditions': [{}]"), ", 'pipelineType': 'V2'"),
         PIPELINE_E_STAGE_DECLARATION, "no rules"},
        {PIPELINE_WITH(ON_FAILURE("'result': 'ROLLBACK', 'retryConfiguration': {}"),
                       ", 'pipelineType': 'V2'"),
         PIPELINE_E_STAGE_DECLARATION, "retryConfiguration"},
        {PIPELINE_WITH(ON_FAILURE("'result': 'ROLLBACK'"),
                       ", 'pipelineType': 'V2', 'executionMode': 'PARALLEL'"),
         PIPELINE_E_STAGE_DECLARATION, "PARALLEL"},
        {PIPELINE_WITH("{'name': 'S', 'onFailure': {'result': 'ROLLBACK'}, 'actions': [" SOURCE
                       "]}, " STAGE("D", ASK),
                       ", 'pipelineType': 'V2'"),
         PIPELINE_E_STAGE_DECLARATION, "source stage"},
        {"{'name': 'p'}", PIPELINE_E_STRUCTURE, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(json_free) json_t *json = parse(cases[i].text);
        struct reason why = {0};
        int r = declaration_check(tx, ACCOUNT, "us-east-1", json, &why);
        if (r != cases[i].outcome || !strstr(why.text, cases[i].words))
            fail_msg("case %zu: %d, not %d: %s", i, r, cases[i].outcome, why.text);
    }
}

/* ---- what is stored */

static void put(const char *text, bool again)
{
    CLEANUP(json_free) json_t *json = parse(text);
    struct reason why = {0};
    int r = again ? pipeline_update(tx, &platform, &me, json, NULL, &why)
                  : pipeline_create(tx, &platform, &me, json, NULL, &why);
    assert_int_equal(r, 0);
}

static const char *start(void)
{
    static char ids[4][ID_UUID_SIZE];
    static unsigned next;
    char *id = ids[next++ % 4];
    CLEANUP(json_free) json_t *in = parse("{'name': 'p'}");
    assert_int_equal(execution_start(tx, &platform, &me, in, id, NULL), 0);
    return id;
}

/* Into job_id and nonce; false: no job waits. */
static bool lease(const char *worker)
{
    CLEANUP(job_leases_free) struct job_leases *taken = NULL;
    CLEANUP(json_free) json_t *jobs = NULL;
    const struct job_taker taker = {.platform = &platform, .caller = &me, .worker = worker, .max = 1};
    assert_int_equal(jobs_lease_account(tx, &taker, &taken), 0);
    jobs = describe(taken);
    (void)snprintf(job_id, sizeof(job_id), "%s", json_str(json_array_get(jobs, 0), "id", ""));
    (void)snprintf(nonce, sizeof(nonce), "%s", json_str(json_array_get(jobs, 0), "nonce", ""));
    return json_array_size(jobs) > 0;
}

static int result(bool success)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "jobId", job_id, "nonce", nonce, "outputArtifacts",
                           "name", "a", "sha256", "00");
    return jobs_result(tx, &platform, ACCOUNT, in, success, NULL);
}

static int64_t fire(void)
{
    int64_t next_ms = 0;
    assert_int_equal(timers_fire(tx, &platform, now_ms, 100, &next_ms), 0);
    return next_ms;
}

static void assert_status(const char *id, const char *status)
{
    struct rows *rows = NULL;
    char found[32] = "";
    if (tx_query_row(tx, &rows, "SELECT status FROM codepipeline_execution WHERE id = $1", "s", id) == 0)
        (void)snprintf(found, sizeof(found), "%s", rows_text(rows, 0));
    rows_close(&rows);
    assert_string_equal(found, status);
}

static void assert_lease_lost(const char *id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(
        tx_query_row(tx, &rows,
                     "SELECT count(*) FROM codepipeline_history h JOIN codepipeline_job j ON j.id = $1"
                     " JOIN codepipeline_action a ON a.id = j.run_id AND a.execution_id = h.execution_id"
                     " AND a.stage = h.stage AND a.action = h.action WHERE h.what = 'lease-lost'",
                     "s", id),
        0);
    assert_int_equal(rows_int(rows, 0), 1);
}

static void test_lease_that_runs_out_puts_the_job_back(void **state UNUSED)
{
    char first[ID_UUID_SIZE], old[ID_UUID_SIZE];
    bool cancelled;
    put(PIPELINE_WITH(GOOD, ""), false);
    (void)start();
    assert_int_equal(fire(), now_ms + 60 * MINUTE);
    assert_true(lease("w1"));
    memcpy(first, job_id, sizeof(first));
    memcpy(old, nonce, sizeof(old));
    assert_false(lease("w2"));
    now_ms += LEASE_MS - 1;
    assert_int_equal(fire(), now_ms + 1);
    assert_int_equal(jobs_extend(tx, ACCOUNT, first, old, &cancelled, NULL), 0);
    now_ms += LEASE_MS - 1;
    (void)fire();
    assert_false(lease("w2"));
    now_ms += 1;
    (void)fire();
    assert_lease_lost(first);
    assert_true(lease("w2"));
    assert_string_equal(job_id, first);
    assert_int_equal(jobs_extend(tx, ACCOUNT, first, old, &cancelled, NULL), PIPELINE_E_NONCE);
    assert_int_equal(result(true), 0);
    assert_int_equal(result(true), 0);
    assert_int_equal(result(false), PIPELINE_E_JOB_STATE);
    assert_true(lease("w2"));
    assert_string_not_equal(job_id, first);
}

static void test_deadline_fails_the_run_whoever_holds_its_job(void **state UNUSED)
{
    bool cancelled = false;
    put(PIPELINE_WITH(GOOD, ""), false);
    const char *id = start();
    assert_true(lease("w1"));
    for (int i = 1; i < 60 * MINUTE / 8000; i++) {
        now_ms += 8000;
        (void)fire();
        assert_status(id, "InProgress");
        assert_int_equal(jobs_extend(tx, ACCOUNT, job_id, nonce, &cancelled, NULL), 0);
        assert_false(cancelled);
    }
    now_ms += 8000;
    assert_int_equal(fire(), INT64_MAX);
    assert_status(id, "Failed");
    assert_int_equal(jobs_extend(tx, ACCOUNT, job_id, nonce, &cancelled, NULL), 0);
    assert_true(cancelled);
    assert_int_equal(result(true), PIPELINE_E_JOB_STATE);
    assert_false(lease("w2"));
}

static int retry(const char *id, const char *stage, const char *mode)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", "p", "pipelineExecutionId", id,
                           "stageName", stage, "retryMode", mode);
    return execution_retry(tx, &platform, &me, in, NULL);
}

#define SECOND                                                                                               \
    "{'name': 'e', " TYPE("Deploy", "S3") ", 'inputArtifacts': [{'name': 'a'}], 'configuration': "           \
                                          "{'BucketName': 'b-b', 'Extract': 'true'}}"

static void test_retry_runs_failed_actions_or_all(void **state UNUSED)
{
    put(PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("D", DEPLOY("") ", " SECOND), ""), false);
    const char *id = start();
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_true(lease("w"));
    assert_int_equal(result(false), 0);
    assert_status(id, "Failed");
    assert_int_equal(retry(id, "S", "FAILED_ACTIONS"), PIPELINE_E_STAGE_NOT_RETRYABLE);
    assert_int_equal(retry(id, "D", "FAILED_ACTIONS"), 0);
    assert_status(id, "InProgress");
    assert_true(lease("w"));
    assert_int_equal(result(false), 0);
    assert_status(id, "Failed");
    assert_int_equal(retry(id, "D", "ALL_ACTIONS"), 0);
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_status(id, "Succeeded");
    assert_false(lease("w"));
    assert_int_equal(retry(id, "D", "ALL_ACTIONS"), PIPELINE_E_STAGE_NOT_RETRYABLE);
}

/* The source action gives its revision, then its neighbour fails. */
static int source_result(const char *revision, bool success)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:{s:s}, s:[{s:s, s:s}, {s:s, s:s}]}", "jobId", job_id, "nonce", nonce,
                           "currentRevision", "revision", revision, "outputArtifacts", "name", "a", "sha256",
                           "00", "name", "b", "sha256", "00");
    return jobs_result(tx, &platform, ACCOUNT, in, success, NULL);
}

static void test_retried_source_replaces_its_revision(void **state UNUSED)
{
    CLEANUP(json_free) json_t *data = NULL;
    struct rows *rows = NULL;
    put(PIPELINE_WITH(
            STAGE("S",
                  SOURCE ", {'name': 't', " TYPE(
                      "Source", "S3") ", 'outputArtifacts': [{'name': 'b'}], 'configuration': "
                                      "{'S3Bucket': 'b-b', 'S3ObjectKey': 'k'}}") ", " STAGE("D", DEPLOY("")),
            ""),
        false);
    const char *id = start();
    assert_true(lease("w"));
    assert_int_equal(source_result("r1", true), 0);
    assert_true(lease("w"));
    assert_int_equal(source_result("", false), 0);
    assert_int_equal(retry(id, "S", "ALL_ACTIONS"), 0);
    assert_true(lease("w"));
    assert_int_equal(source_result("r2", true), 0);
    int r = tx_query_row(tx, &rows, "SELECT data FROM codepipeline_execution WHERE id = $1", "s", id);
    if (r == 0)
        r = json_parse(rows_str(rows, 0), &data, NULL);
    rows_close(&rows);
    assert_int_equal(r, 0);
    assert_int_equal(json_array_size(json_object_get(data, "revisions")), 1);
    assert_string_equal(json_string_value(json_path(data, "revisions.0.revisionId")), "r2");
}

static int stop(const char *id)
{
    CLEANUP(json_free)
    json_t *in =
        json_pack("{s:s, s:s, s:b}", "pipelineName", "p", "pipelineExecutionId", id, "abandon", true);
    return execution_stop(tx, &platform, &me, in, NULL);
}

/* Its last runs are those of the stage before the one that it waited for. */
static void test_execution_that_ended_while_it_waited_is_read_again(void **state UNUSED)
{
    put(PIPELINE_WITH(GOOD, ""), false);
    CLEANUP(json_free)
    json_t *freeze =
        parse("{'pipelineName': 'p', 'stageName': 'D', 'transitionType': 'Inbound', 'reason': 'x'}");
    assert_int_equal(transition_set(tx, &platform, &me, freeze, false, NULL), 0);
    const char *id = start();
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_int_equal(stop(id), 0);
    assert_status(id, "Stopped");
    assert_int_equal(stop(id), PIPELINE_E_NOT_STOPPABLE);
    assert_int_equal(retry(id, "D", "ALL_ACTIONS"), PIPELINE_E_STAGE_NOT_RETRYABLE);
}

static int answer(const char *stage, const char *action, const char *token)
{
    CLEANUP(json_free)
    json_t *in =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "pipelineName", "p", "stageName", stage, "actionName",
                  action, "token", token, "result", "summary", "", "status", "Approved");
    int64_t at_ms;
    return approval_put(tx, &platform, &me, in, &at_ms, NULL);
}

static void test_approval_of_an_older_version_is_answered(void **state UNUSED)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    char token[ID_UUID_SIZE];
    put(PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("Gone", ASK), ""), false);
    const char *id = start();
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    put(PIPELINE_WITH(GOOD, ""), true);
    assert_int_equal(
        tx_query_row(tx, &rows, "SELECT token FROM codepipeline_action WHERE status = 'InProgress'", ""), 0);
    (void)snprintf(token, sizeof(token), "%s", rows_text(rows, 0));
    rows_close(&rows);
    assert_int_equal(answer("Gone", "ask", "nonsense"), PIPELINE_E_STAGE_NOT_FOUND);
    assert_int_equal(answer("D", "ask", token), PIPELINE_E_ACTION_NOT_FOUND);
    assert_int_equal(answer("D", "d", token), PIPELINE_E_APPROVAL_TOKEN);
    assert_int_equal(answer("Gone", "ask", token), 0);
    assert_status(id, "Succeeded");
    assert_int_equal(answer("Gone", "ask", token), PIPELINE_E_APPROVAL_COMPLETED);
}

static void assert_happened(const char *what, const char *stage)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(
        tx_query_row(tx, &rows, "SELECT stage FROM codepipeline_history WHERE what = $1", "s", what), 0);
    assert_string_equal(rows_text(rows, 0), stage);
}

/* The same step may have taken the execution on to the next stage. */
static void test_history_says_where_it_happened(void **state UNUSED)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free)
    json_t *in = parse("{'pipelineName': 'p', 'stageName': 'D', 'transitionType': 'Inbound', 'reason': 'x'}");
    put(PIPELINE_WITH(STAGE("S", SOURCE) ", " STAGE("Ask", ASK) ", " STAGE("D", DEPLOY("")), ""), false);
    (void)start();
    assert_true(lease("w"));
    assert_int_equal(result(true), 0);
    assert_happened("stage-succeeded", "S");
    assert_int_equal(
        tx_query_row(tx, &rows, "SELECT token FROM codepipeline_action WHERE status = 'InProgress'", ""), 0);
    assert_int_equal(answer("Ask", "ask", rows_text(rows, 0)), 0);
    assert_happened("approved", "Ask");
    assert_int_equal(transition_set(tx, &platform, &me, in, false, NULL), 0);
    assert_happened("transition-disabled", "D");
    assert_int_equal(transition_set(tx, &platform, &me, in, true, NULL), 0);
    assert_happened("transition-enabled", "D");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_declarations_hold_to_the_rules),
        CASE(test_history_says_where_it_happened),
        CASE(test_lease_that_runs_out_puts_the_job_back),
        CASE(test_deadline_fails_the_run_whoever_holds_its_job),
        CASE(test_retry_runs_failed_actions_or_all),
        CASE(test_retried_source_replaces_its_revision),
        CASE(test_execution_that_ended_while_it_waited_is_read_again),
        CASE(test_approval_of_an_older_version_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
