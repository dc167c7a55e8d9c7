/* Durable actions per second of the pipeline engine, without HTTP: each is taken by a worker (a transaction)
 * and reported (another, which offers the next), as AWS's workers do; or, as anchors do, taken by the
 * transaction that reports the one before. Eight workers over so many pipelines of fifty actions in a row.
 * Usage: engine_bench FOLDER PIPELINES [ROUNDS [MILLISECONDS]]; prints one JSON line, with the CPU time that
 * an action costs: on a noisy machine it says more than the rate. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/store.h"
#include "services/iam/iam.h"
#include "services/iam/schema.h"
#include "services/iam/session.h"
#include "services/s3/service.h"
#include "services/service.h"
#include "wire/json.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKERS 8
#define STAGES 10
#define ACTIONS 5 /* in a stage */
#define MOST_ROUNDS 15
#define ACCOUNT "222222222222"
#define ROLE "arn:aws:iam::222222222222:role/slipway-deploy"
#define JOBS_MAX ((size_t)1024 * 1024) /* bytes of a poll's answer */
#define BATCH 200                      /* pipelines made in one transaction */

static struct platform platform = {.region = "us-east-1", .shared_account = "111111111111"};
static struct principal caller = {.account = ACCOUNT, .arn = "arn:aws:iam::222222222222:root"};
static int64_t pipelines;
static _Atomic int64_t next_start;

struct worker {
    pthread_t thread;
    char name[16];
    int64_t until_us;
    int64_t actions;
    bool joins;      /* reports one and takes the next in one transaction */
    struct buf jobs; /* JSON, as its poll was answered; empty: it holds none */
    int result;
};

/* What a worker wants to know of the first job, in place; {NULL,0}: it is not there. */
struct taken {
    struct str id;
    struct str nonce;
    struct str output; /* the name of its output artifact */
};

static json_t *action_json(int64_t number)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "Action%lld", (long long)number);
    return json_pack("{s:s, s:I, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s}}", "name", name, "runOrder",
                     (json_int_t)number, "actionTypeId", "category", "Deploy", "owner", "AWS", "provider",
                     "CloudFormation", "version", "1", "configuration", "ActionMode", "DELETE_ONLY",
                     "StackName", "stack");
}

static json_t *stage_json(int64_t number)
{
    json_t *actions = json_array();
    char name[32];
    (void)snprintf(name, sizeof(name), "Stage%lld", (long long)number);
    for (int64_t i = 1; i <= ACTIONS; i++)
        json_array_append_new(actions, action_json(i));
    return json_pack("{s:s, s:o}", "name", name, "actions", actions);
}

static json_t *declaration_json(int64_t number)
{
    char name[32];
    json_t *stages =
        json_pack("[{s:s, s:[{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:[{s:s}]}]}]", "name",
                  "Source", "actions", "name", "Source", "actionTypeId", "category", "Source", "owner", "AWS",
                  "provider", "S3", "version", "1", "configuration", "S3Bucket", "bench", "S3ObjectKey", "k",
                  "PollForSourceChanges", "false", "outputArtifacts", "name", "App");
    (void)snprintf(name, sizeof(name), "bench-%lld", (long long)number);
    for (int64_t i = 1; i <= STAGES; i++)
        json_array_append_new(stages, stage_json(i));
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "name", name, "roleArn", ROLE, "artifactStore", "type",
                     "S3", "location", "store", "stages", stages);
}

/* Whose deploy role the jobs' credentials are of. */
static int account_make(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    char id[IAM_KEY_ID_SIZE], secret[IAM_SECRET_SIZE];
    struct reason why = {0};
    int r = db_begin(db, &tx);
    if (r == 0)
        r = sessions_prepare(tx);
    if (r == 0)
        r = account_create(tx, &platform, ACCOUNT, "bench", NULL, NULL, id, secret, &why);
    if (r)
        (void)fprintf(stderr, "no account: %s\n", why.text);
    return r ? r : db_commit(&tx);
}

static int pipelines_make(struct db *db)
{
    int r = 0;
    for (int64_t i = 0; r == 0 && i < pipelines;) {
        CLEANUP(db_end) struct tx *tx = NULL;
        r = db_begin(db, &tx);
        for (int64_t last = i + BATCH; r == 0 && i < last && i < pipelines; i++) {
            CLEANUP(json_free) json_t *declaration = declaration_json(i);
            struct reason why = {0};
            r = pipeline_create(tx, &platform, &caller, declaration, NULL, &why);
            if (r)
                (void)fprintf(stderr, "no pipeline: %s\n", why.text);
        }
        r = r ? r : db_commit(&tx);
    }
    return r;
}

/* The next pipeline in turn runs again. */
static int start_one(struct db *db)
{
    int64_t number = atomic_fetch_add(&next_start, 1) % pipelines;
    char name[32], id[ID_UUID_SIZE];
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(json_free) json_t *in = NULL;
    int r = db_begin(db, &tx);
    (void)snprintf(name, sizeof(name), "bench-%lld", (long long)number);
    in = json_pack("{s:s}", "name", name);
    if (r == 0)
        r = execution_start(tx, &platform, &caller, in, id, NULL);
    return r ? r : db_commit(&tx);
}

static int lease_next(struct tx *tx, const char *worker, struct job_leases **ret)
{
    const struct job_taker taker = {.platform = &platform, .caller = &caller, .worker = worker, .max = 1};

    return jobs_lease_account(tx, &taker, ret);
}

static int lease_one(struct db *db, const char *worker, struct buf *ret)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(db, &tx);
    if (r == 0)
        r = lease_next(tx, worker, &leases);
    if (r == 0)
        r = db_commit(&tx);
    return r ? r : job_leases_describe(leases, NULL, ret);
}

/* From behind `mark` to the next quote. */
static struct str find_text(struct str json, struct str mark)
{
    const char *at = memmem(json.ptr, json.len, mark.ptr, mark.len);
    const char *from = at ? at + mark.len : NULL;
    const char *end = at ? memchr(from, '"', (size_t)(json.ptr + json.len - from)) : NULL;
    return end ? (struct str){from, (size_t)(end - from)} : (struct str){0};
}

static struct taken find_taken(struct str jobs)
{
    return (struct taken){.id = find_text(jobs, STR("{\"id\":\"")),
                          .nonce = find_text(jobs, STR("\"nonce\":\"")),
                          .output = find_text(jobs, STR("\"outputArtifacts\":[{\"name\":\""))};
}

static json_t *report_json(struct taken job)
{
    json_t *outputs = json_array();
    if (job.output.ptr)
        json_array_append_new(
            outputs, json_pack("{s:s%, s:s}", "name", job.output.ptr, job.output.len, "sha256", "00"));
    return json_pack("{s:s%, s:s%, s:o}", "jobId", job.id.ptr, job.id.len, "nonce", job.nonce.ptr,
                     job.nonce.len, "outputArtifacts", outputs);
}

/* Reports the first of `jobs`, which are then those that the worker takes with that, or empty. */
static int report_one(struct db *db, const char *worker, bool joins, struct buf *jobs)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(json_free) json_t *in = report_json(find_taken(buf_str(jobs)));
    int r = db_begin_sure(db, &tx);
    buf_reset(jobs);
    if (r == 0)
        r = jobs_result(tx, &platform, ACCOUNT, in, true, NULL);
    if (r == 0 && joins)
        r = lease_next(tx, worker, &leases);
    if (r == 0)
        r = db_commit(&tx);
    return r || !joins ? r : job_leases_describe(leases, NULL, jobs);
}

static bool holds_job(const struct worker *worker)
{
    return worker->jobs.len > strlen("[]");
}

static int work_one(struct worker *worker)
{
    int r = worker->jobs.len > 0 ? 0 : lease_one(platform.db, worker->name, &worker->jobs);
    if (r)
        return r;
    if (!holds_job(worker)) {
        buf_reset(&worker->jobs);
        return start_one(platform.db);
    }
    worker->actions++;
    return report_one(platform.db, worker->name, worker->joins, &worker->jobs);
}

/* What it holds at the end is reported too, or the next round would wait for its lease. */
static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    while (worker->result == 0 && clock_mono_us() < worker->until_us)
        worker->result = work_one(worker);
    worker->joins = false;
    if (worker->result == 0 && holds_job(worker))
        worker->result = work_one(worker);
    buf_free(&worker->jobs);
    return NULL;
}

static double cpu_us_now(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage))
        abort();
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* What a way of working did in its rounds. */
struct way {
    bool joins;
    double rates[MOST_ROUNDS];
    double shared; /* transactions to a sync, in the last round */
    double cpu_us;
    int64_t actions;
};

static double measure(int64_t run_ms, bool joins, double *ret_shared, int64_t *actions_made)
{
    struct worker workers[WORKERS];
    struct db_stats before = db_stats(platform.db), after;
    int64_t start_us = clock_mono_us(), actions = 0;
    int fault = 0;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] =
            (struct worker){.until_us = start_us + run_ms * 1000, .joins = joins, .jobs = BUF_INIT(JOBS_MAX)};
        (void)snprintf(workers[i].name, sizeof(workers[i].name), "worker-%d", i);
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
            abort();
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        actions += workers[i].actions;
        fault = workers[i].result ? workers[i].result : fault;
    }
    after = db_stats(platform.db);
    *actions_made += actions;
    *ret_shared = (double)(after.commits - before.commits) / (double)(after.groups - before.groups);
    return fault ? -1 : (double)actions * 1e6 / (double)(clock_mono_us() - start_us);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static int round_run(struct way *way, size_t number, int64_t run_ms)
{
    double before = cpu_us_now();
    way->rates[number] = measure(run_ms, way->joins, &way->shared, &way->actions);
    way->cpu_us += cpu_us_now() - before;
    return way->rates[number] < 0;
}

static int run(size_t rounds, int64_t run_ms)
{
    struct way apart = {0}, joined = {.joins = true};
    for (int i = 0; i < 2 * WORKERS; i++)
        if (start_one(platform.db))
            return 1;
    for (size_t i = 0; i < rounds; i++)
        if (round_run(&apart, i, run_ms) || round_run(&joined, i, run_ms))
            return 1;
    qsort(apart.rates, rounds, sizeof(apart.rates[0]), by_value);
    qsort(joined.rates, rounds, sizeof(joined.rates[0]), by_value);
    (void)printf("{\"bench\": \"engine\", \"pipelines\": %lld, \"workers\": %d, \"actions_per_s\": %.0f, "
                 "\"cpu_us_per_action\": %.0f, \"commits_per_sync\": %.1f, \"joined_actions_per_s\": %.0f, "
                 "\"joined_cpu_us_per_action\": %.0f, \"rounds\": %zu}\n",
                 (long long)pipelines, WORKERS, apart.rates[rounds / 2], apart.cpu_us / (double)apart.actions,
                 apart.shared, joined.rates[rounds / 2], joined.cpu_us / (double)joined.actions, rounds);
    return 0;
}

int main(int argc, char **argv)
{
    const struct db_schema schemas[] = {
        {"iam", iam_migrations, IAM_MIGRATIONS},
        {"s3", s3_service.migrations, s3_service.migration_count},
        {"codepipeline", codepipeline_migrations, CODEPIPELINE_MIGRATION_COUNT},
    };
    int64_t rounds = 5, run_ms = 1000;
    const char *failed = NULL;
    char path[4200];
    int r;
    if (argc < 3 || !str_to_int(str_of(argv[2]), 1, 1000000, &pipelines) ||
        (argc > 3 && !str_to_int(str_of(argv[3]), 1, MOST_ROUNDS, &rounds)) ||
        (argc > 4 && !str_to_int(str_of(argv[4]), 1, 600000, &run_ms))) {
        (void)fprintf(stderr, "usage: engine_bench FOLDER PIPELINES [ROUNDS [MILLISECONDS]]\n");
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/engine-%lld.db", argv[1], (long long)pipelines);
    r = db_open(path, &platform.db);
    if (r == 0)
        r = db_migrate(platform.db, schemas, ARRAY_LEN(schemas), &failed);
    if (r == 0)
        r = account_make(platform.db);
    if (r == 0)
        r = pipelines_make(platform.db);
    sync(); /* what the making has left to the disk is no part of what follows */
    if (r == 0)
        r = run((size_t)rounds, run_ms);
    db_close(&platform.db);
    return r != 0;
}
