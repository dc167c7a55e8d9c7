/* Operations of job workers: AWS's, and the extensions of README.md by which anchors work. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"
#include <stdio.h>

#define BATCH_MAX 100 /* PollForJobs has no upper bound of its own */

/* Commits, and answers with what was leased. */
static int leases_answer(struct call *c, struct tx **tx, struct job_leases *leases)
{
    int r = call_commit(c, tx);

    return r ? r : job_leases_describe(leases, "jobs", &c->members);
}

int codepipeline_poll_for_jobs(struct call *c)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = 0;

    if (json_int(c->in, "maxBatchSize", 1) > BATCH_MAX)
        r = json_put_int(c->in, "maxBatchSize", BATCH_MAX);
    if (r == 0)
        r = db_begin(c->platform->db, &tx);
    if (r == 0)
        r = jobs_lease_custom(tx, c->caller->account, c->in, &leases, &c->reason);
    return r ? r : leases_answer(c, &tx, leases);
}

/* An offer need not be durable yet: it is taken by a transaction that is durable no sooner. */
static int any_offered(struct call *c, bool *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_look(c->platform->db, DB_ANYTHING, &tx);

    if (r == 0)
        r = job_is_offered(tx, c->caller->account, ret);
    return r || *ret ? r : db_commit(&tx);
}

/* `in`: {workerId, maxBatchSize, builds} */
static int lease_to(struct call *c, struct tx *tx, const json_t *in, struct job_leases **ret)
{
    const struct job_taker taker = {
        .platform = c->platform,
        .caller = c->caller,
        .worker = json_str(in, "workerId", ""),
        .max = (size_t)json_int(in, "maxBatchSize", 1),
        .builds = (size_t)json_int(in, "builds", 0),
    };

    return jobs_lease_account(tx, &taker, ret);
}

static int lease(struct call *c, struct tx *tx, struct job_leases **ret)
{
    const json_t *ended = json_object_get(c->in, "successorOf"), *worker;
    size_t i;
    int r = 0;

    json_array_foreach (ended, i, worker)
        if (r == 0)
            r = jobs_orphan(tx, c->caller->account, json_string_value(worker));
    return r ? r : lease_to(c, tx, c->in, ret);
}

/* *ret: whether there was any; then it is the answer. */
static int take_offers(struct call *c, bool *ret)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin_sure(c->platform->db, &tx);

    if (r == 0)
        r = lease(c, tx, &leases);
    if (r)
        return r;
    *ret = job_leases_count(leases) > 0;
    return *ret ? leases_answer(c, &tx, leases) : db_commit(&tx);
}

/* Looks without the writers' turn first: most polls find nothing. */
int codepipeline_poll_for_account_jobs(struct call *c)
{
    bool offered, taken = false;
    bool succeeds = json_object_get(c->in, "successorOf") && c->wait_deadline_mono_ms == 0;
    char topic[WAKE_TOPIC_MAX];
    int r;

    (void)snprintf(topic, sizeof(topic), TOPIC_JOBS_AWS, c->caller->account);
    r = any_offered(c, &offered);
    if (r == 0 && (offered || succeeds))
        r = take_offers(c, &taken);
    if (r || taken)
        return r;
    r = call_wait(c, json_int(c->in, "waitMs", 0), topic);
    return r ? r : json_put(c->out, "jobs", json_array());
}

int codepipeline_acknowledge_job(struct call *c)
{
    int status = JOB_QUEUED;
    int r = jobs_acknowledge(c->tx, c->caller->account, json_str(c->in, "jobId", ""),
                             json_str(c->in, "nonce", ""), &status, &c->reason);

    return r ? r : json_put_str(c->out, "status", machine_name(&machine_job, status));
}

int codepipeline_get_job_details(struct call *c)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    int r = jobs_look(c->tx, c->caller->account, json_str(c->in, "jobId", ""), &leases, &c->reason);

    return r ? r : job_lease_describe(leases, "jobDetails", &c->members);
}

int codepipeline_extend_job_lease(struct call *c)
{
    bool cancelled = false;
    int r = jobs_extend(c->tx, c->caller->account, json_str(c->in, "jobId", ""), json_str(c->in, "nonce", ""),
                        &cancelled, &c->reason);

    if (r == 0)
        r = json_put_int(c->out, "leaseMs", LEASE_MS);
    return r ? r : json_put_bool(c->out, "cancelled", cancelled);
}

int codepipeline_release_job(struct call *c)
{
    return jobs_release(c->tx, c->caller->account, json_str(c->in, "jobId", ""), json_str(c->in, "nonce", ""),
                        &c->reason);
}

/* A worker that reports may end the build that the job consisted of, and take what it does next, in the same
 * step. */
static int result(struct call *c, bool success)
{
    const json_t *next = json_object_get(c->in, "nextJobs");
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    json_t *build = json_object_get(c->in, "build");
    /* a build is ended before the result may be refused */
    int r = build ? db_begin(c->platform->db, &tx) : db_begin_sure(c->platform->db, &tx);

    if (r == 0)
        r = job_build_end(tx, c->platform, c->caller->account, build, &c->reason);
    if (r == 0)
        r = jobs_result(tx, c->platform, c->caller->account, c->in, success, &c->reason);
    if (r == 0 && next)
        r = lease_to(c, tx, next, &leases);
    if (r)
        return r;
    return leases ? leases_answer(c, &tx, leases) : call_commit(c, &tx);
}

/* Source: CodePipeline API, PutJobSuccessResult: variables come with the last result alone. */
int codepipeline_put_job_success_result(struct call *c)
{
    if (json_object_get(c->in, "continuationToken") && json_object_get(c->in, "outputVariables"))
        return call_fail(
            c, PIPELINE_E_INVALID,
            "outputVariables come with the result that ends the job: leave continuationToken out.");
    return result(c, true);
}

int codepipeline_put_job_failure_result(struct call *c)
{
    return result(c, false);
}
