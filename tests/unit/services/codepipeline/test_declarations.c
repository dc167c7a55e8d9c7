/* Properties of the declaration validator. Pipelines out of seeds, valid and spoilt: each is accepted, and
 * then runs to an end whatever its workers and approvers do, or it is refused by a documented error with
 * words, and leaves nothing behind. DECLARATION_SEEDS: how many; DECLARATION_SEED: that one alone, as a
 * failure names it. */
#include "base/clock.h"
#include "base/io.h"
#include "declaration_maker.h"
#include "services/codepipeline/action_type.h"
#include "services/codepipeline/pipeline.h"
#include "services/iam/schema.h"
#include "services/s3/service.h"
#include "services/service.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"
#define SEEDS 1500
#define ROUNDS_MAX 400
#define DAY_MS ((int64_t)24 * 3600 * 1000)

static char folder[64];
static struct db *db;
static struct tx *tx;
static struct platform platform = {.region = "us-east-1", .shared_account = "111111111111"};
static const struct principal me = {.account = ACCOUNT, .arn = "arn:aws:iam::" ACCOUNT ":root"};
static int64_t now_ms;
static uint64_t seed;

static int64_t test_clock(void)
{
    return now_ms;
}

static int64_t setting(const char *name, int64_t absent)
{
    int64_t value;

    return getenv(name) && str_to_int(str_of(getenv(name)), 0, INT64_MAX, &value) ? value : absent;
}

/* cmocka's words, with the seed that shows it again. */
#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fail_msg("DECLARATION_SEED=%llu: %s", (unsigned long long)seed, #condition);                     \
    } while (0)

static int setup(void **state UNUSED)
{
    const struct db_schema schemas[] = {
        {"iam", iam_migrations, IAM_MIGRATIONS},
        {"s3", s3_service.migrations, s3_service.migration_count},
        {"codepipeline", codepipeline_migrations, CODEPIPELINE_MIGRATION_COUNT},
    };
    const char *failed = NULL;
    char path[96];

    clock_set(test_clock);
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-cp-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, schemas, ARRAY_LEN(schemas), &failed), 0);
    platform.db = db;
    return 0;
}

static int teardown(void **state UNUSED)
{
    clock_set(NULL);
    db_close(&db);
    return io_remove_tree(folder);
}

/* Each seed's own; undone at its end. */
static void world_begin(void)
{
    CLEANUP(json_free)
    json_t *type =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:b, s:b, s:b}], s:{s:i, s:i}, s:{s:i, s:i}}", "category",
                  "Build", "provider", "Mine", "version", "1", "configurationProperties", "name", "Target",
                  "required", 1, "key", 0, "secret", 0, "inputArtifactDetails", "minimumCount", 0,
                  "maximumCount", 5, "outputArtifactDetails", "minimumCount", 0, "maximumCount", 5);
    CLEANUP(json_free) json_t *made = NULL;

    now_ms = 1700000000000;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(action_type_create(tx, ACCOUNT, type, &made, NULL), 0);
}

static int64_t count_of(const char *sql)
{
    CLEANUP(rows_close) struct rows *rows = NULL;

    assert_int_equal(tx_query_row(tx, &rows, sql, ""), 0);
    return rows_int(rows, 0);
}

/* ---- running what was accepted */

/* No fault, and no outcome that the service has no words for. */
static bool documented(int r)
{
    return r == 0 || (r >= PIPELINE_E_NAME_IN_USE && r <= PIPELINE_E_INVALID);
}

static void report(struct maker *maker, const char *job_id, const char *nonce, const json_t *data)
{
    bool fine = !maker_one_in(maker, 4);
    CLEANUP(json_free)
    json_t *in = fine
                     ? json_pack("{s:s, s:{s:s, s:s}, s:[]}", "jobId", job_id, "outputVariables", "VersionId",
                                 maker_one_in(maker, 2) ? "v1" : "v2", "Tag", "t", "outputArtifacts")
                     : json_pack("{s:s, s:{s:s, s:s}}", "jobId", job_id, "failureDetails", "type",
                                 "JobFailed", "message", "no");
    const json_t *output;
    struct reason why = {0};
    size_t i;

    assert_non_null(in);
    json_array_foreach (json_object_get(data, "outputArtifacts"), i, output)
        if (fine)
            assert_int_equal(
                json_array_append_new(
                    json_object_get(in, "outputArtifacts"),
                    json_pack("{s:s, s:s}", "name", json_str(output, "name", ""), "sha256",
                              "abababababababababababababababababababababababababababababababab")),
                0);
    if (nonce)
        assert_int_equal(json_put_str(in, "nonce", nonce), 0);
    if (fine && maker_one_in(maker, 10))
        assert_int_equal(json_put_str(in, "continuationToken", "more"), 0);
    int r = jobs_result(tx, &platform, json_str(data, "worker", ACCOUNT), in, fine, &why);
    HOLDS(documented(r));
}

static int describe(const struct job_leases *leases, json_t **ret)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(SIZE_MAX);
    int r = job_leases_describe(leases, NULL, &text);

    return r ? r : json_parse(buf_str(&text), ret, NULL);
}

/* Every job on offer, whoever's it is, has its result. */
static size_t work(struct maker *maker)
{
    static const char *const accounts[] = {ACCOUNT, "333333333333"};
    size_t done = 0, k;

    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        CLEANUP(job_leases_free) struct job_leases *taken = NULL;
        CLEANUP(json_free) json_t *jobs = NULL;
        struct principal anchor = {0};
        const struct job_taker taker = {.platform = &platform, .caller = &anchor, .worker = "w", .max = 50};
        json_t *job;

        str_copy(anchor.account, sizeof(anchor.account), accounts[i]);
        HOLDS(jobs_lease_account(tx, &taker, &taken) == 0);
        HOLDS(describe(taken, &jobs) == 0);
        json_array_foreach (jobs, k, job) {
            json_t *data = json_object_get(job, "data");

            assert_int_equal(json_put_str(data, "worker", accounts[i]), 0);
            report(maker, json_str(job, "id", ""), json_str(job, "nonce", ""), data);
            done++;
        }
    }
    return done;
}

static size_t work_custom(struct maker *maker)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:{s:s, s:s, s:s, s:s}, s:i}", "actionTypeId", "category", "Build", "owner",
                           "Custom", "provider", "Mine", "version", "1", "maxBatchSize", 50);
    CLEANUP(job_leases_free) struct job_leases *taken = NULL;
    CLEANUP(json_free) json_t *jobs = NULL;
    json_t *job;
    size_t k;
    int status;

    HOLDS(jobs_lease_custom(tx, ACCOUNT, in, &taken, NULL) == 0);
    HOLDS(describe(taken, &jobs) == 0);
    json_array_foreach (jobs, k, job) {
        const char *id = json_str(job, "id", ""), *nonce = json_str(job, "nonce", "");

        HOLDS(documented(jobs_acknowledge(tx, ACCOUNT, id, nonce, &status, NULL)));
        report(maker, id, NULL, json_object_get(job, "data"));
    }
    return json_array_size(jobs);
}

static size_t approve(struct maker *maker)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *in = NULL;
    int64_t at_ms;
    struct reason why = {0};
    int r = tx_query_row(tx, &rows,
                         "SELECT p.name, a.stage, a.action, a.token FROM codepipeline_action a JOIN"
                         " codepipeline_pipeline p ON p.id = a.pipeline_id WHERE a.status = 'InProgress'"
                         " AND a.token <> '' LIMIT 1",
                         "");

    if (r == DB_NONE)
        return 0;
    assert_int_equal(r, 0);
    in = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "pipelineName", rows_text(rows, 0), "stageName",
                   rows_text(rows, 1), "actionName", rows_text(rows, 2), "token", rows_text(rows, 3),
                   "result", "summary", "so", "status", maker_one_in(maker, 4) ? "Rejected" : "Approved");
    rows_close(&rows);
    HOLDS(documented(approval_put(tx, &platform, &me, in, &at_ms, &why)));
    return 1;
}

static void time_passes(int64_t ms)
{
    int64_t next_ms;

    now_ms += ms;
    HOLDS(timers_fire(tx, &platform, now_ms, 1000, &next_ms) == 0);
}

/* Somebody changes the pipeline, well or badly, while executions are under way: they go on by the version
 * that they started with. */
static void change(struct maker *maker, const char *name)
{
    CLEANUP(json_free) json_t *declaration = maker_pipeline(maker);
    struct reason why = {0};
    int64_t before = count_of("SELECT COUNT(*) FROM codepipeline_version"), version = 0;

    for (size_t i = maker_below(maker, 3); i > 0; i--)
        maker_mutate(maker, declaration);
    assert_int_equal(json_put_str(declaration, "name", name), 0);
    int r = pipeline_update(tx, &platform, &me, declaration, &version, &why);
    HOLDS(r == 0 || (r >= PIPELINE_E_STRUCTURE && r <= PIPELINE_E_ACTION_DECLARATION));
    HOLDS(count_of("SELECT COUNT(*) FROM codepipeline_version") == before + (r == 0));
}

static void stop(struct maker *maker, const char *name, const char *id)
{
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:b}", "pipelineName", name, "pipelineExecutionId", id, "abandon",
                           maker_one_in(maker, 2));

    HOLDS(documented(execution_stop(tx, &platform, &me, in, NULL)));
}

/* Nothing may be left that waits for nobody: in the end every approval and job runs out of its time. */
static void run_to_the_end(struct maker *maker, const char *name)
{
    CLEANUP(json_free) json_t *in = json_pack("{s:s}", "name", name);
    char id[ID_UUID_SIZE] = "";
    struct reason why = {0};
    int64_t rounds = 0;

    for (size_t i = 1 + maker_below(maker, 3); i > 0; i--) {
        int r = execution_start(tx, &platform, &me, in, id, &why);

        HOLDS(documented(r) && (r == 0 || why.text[0]));
    }
    while (count_of("SELECT COUNT(*) FROM codepipeline_execution WHERE place <> 'Ended'") > 0) {
        HOLDS(rounds++ < ROUNDS_MAX);
        if (maker_one_in(maker, 20))
            time_passes(10 * 60000);
        if (maker_one_in(maker, 10))
            change(maker, name);
        if (maker_one_in(maker, 20) && id[0])
            stop(maker, name, id);
        if (work(maker) + work_custom(maker) + (maker_one_in(maker, 3) ? 0 : approve(maker)) == 0)
            time_passes(rounds > ROUNDS_MAX / 2 ? 61 * DAY_MS : 3600 * 1000);
    }
    HOLDS(count_of("SELECT COUNT(*) FROM codepipeline_action WHERE status = 'InProgress'") == 0);
    HOLDS(
        count_of(
            "SELECT COUNT(*) FROM codepipeline_job WHERE status IN ('Queued', 'Dispatched', 'InProgress')") ==
        0);
}

static void check(size_t mutations, size_t *ret_accepted)
{
    struct maker maker;
    struct reason why = {0};

    maker_init(&maker, seed);
    CLEANUP(json_free) json_t *declaration = maker_pipeline(&maker);
    for (size_t i = 0; i < mutations; i++)
        maker_mutate(&maker, declaration);
    world_begin();
    int r = pipeline_create(tx, &platform, &me, declaration, NULL, &why);
    if (mutations == 0 && r != 0)
        fail_msg("DECLARATION_SEED=%llu: a valid pipeline was refused: %s", (unsigned long long)seed,
                 why.text);
    HOLDS(r == 0 || (r >= PIPELINE_E_STRUCTURE && r <= PIPELINE_E_ACTION_DECLARATION));
    HOLDS(r == 0 || why.text[0] != '\0');
    HOLDS(count_of("SELECT COUNT(*) FROM codepipeline_pipeline") == (r == 0));
    HOLDS(r == 0 || count_of("SELECT COUNT(*) FROM codepipeline_version") == 0);
    if (r == 0) {
        (*ret_accepted)++;
        run_to_the_end(&maker, json_str(declaration, "name", ""));
        HOLDS(pipeline_delete(tx, &platform, &me, json_str(declaration, "name", ""), NULL) == 0);
    }
    db_end(&tx);
}

static size_t check_all(size_t mutations_max)
{
    int64_t one = setting("DECLARATION_SEED", -1),
            last = one < 0 ? setting("DECLARATION_SEEDS", SEEDS) : one + 1;
    size_t accepted = 0;

    for (seed = one < 0 ? 0 : (uint64_t)one; seed < (uint64_t)last; seed++)
        check(mutations_max ? 1 + seed % mutations_max : 0, &accepted);
    return accepted;
}

static void valid_pipelines_are_accepted_and_run_to_an_end(void **state UNUSED)
{
    assert_true(check_all(0) > 0);
}

static void spoilt_pipelines_run_too_or_are_refused_with_words(void **state UNUSED)
{
    size_t accepted = check_all(6), all = (size_t)setting("DECLARATION_SEEDS", SEEDS);

    if (setting("DECLARATION_SEED", -1) < 0) /* both must happen, or nothing was tried */
        assert_true(accepted > all / 50 && accepted < all * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(valid_pipelines_are_accepted_and_run_to_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(spoilt_pipelines_run_too_or_are_refused_with_words, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
