/* Pipelines under random lives: people, workers that die or repeat themselves, a clock, restarts. After every
 * step what is stored is checked by check_codepipeline.c. At the end faithful workers answer everything, and
 * every execution must end.
 *
 * SIM_SEED=n replays one seed and prints its events; SIM_SEEDS and SIM_STEPS change how much is tried,
 * SIM_FIRST from which seed on.
 *
 * That it can fail was tried by breaking rules by hand, each found within 60 seeds: advance.c without
 * stage_holder, without superseding, overtaking who waits, approvals that hold up newer ones, later run
 * orders begun early or after a failure, stops ignored, rollbacks that go on to the next stage; rollback.c
 * into a stage that is held; lease.c taking any nonce, never letting a lease run out, not knowing a repeated
 * result; action.c not cancelling a cut action's job; step.c retrying what succeeded, or an older execution;
 * save.c not saving replaced runs, or offering what may not have its role.
 */
#include "people_codepipeline.h"
#include "sim_codepipeline.h"
#include "base/clock.h"
#include "base/io.h"
#include "services/codepipeline/engine/freeze.h"
#include "services/codepipeline/prune.h"
#include "services/codepipeline/store.h"
#include "services/iam/schema.h"
#include "services/s3/service.h"
#include "wire/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define START_MS INT64_C(1700000000000)

static const char *const count_names[COUNTS] = {
    [COUNT_SUCCEEDED] = "succeeded",
    [COUNT_FAILED] = "failed",
    [COUNT_STOPPED] = "stopped",
    [COUNT_SUPERSEDED] = "superseded",
    [COUNT_RETRIED] = "retried",
    [COUNT_RETRIED_BESIDE] = "retried beside",
    [COUNT_QUEUED] = "queued",
    [COUNT_PARALLEL] = "parallel",
    [COUNT_ROLLED_BACK] = "rolled back",
    [COUNT_RETRIED_ITSELF] = "retried itself",
    [COUNT_ROLLED_BACK_ITSELF] = "rolled back itself",
    [COUNT_CONDITION_FAILED] = "condition failed",
    [COUNT_SKIPPED] = "skipped",
    [COUNT_OVERRIDDEN] = "overridden",
    [COUNT_FROZEN] = "frozen",
    [COUNT_STALE] = "stale",
    [COUNT_REPEATED] = "repeated",
    [COUNT_CONTINUED] = "continued",
    [COUNT_TIMED_OUT] = "timed out",
    [COUNT_RESTARTED] = "restarted",
    [COUNT_CRASHED] = "crashed",
    [COUNT_SWITCHED] = "switched",
    [COUNT_APPROVED_AGAIN] = "approved again",
    [COUNT_REMEMBERED] = "remembered",
    [COUNT_JOBS_REMEMBERED] = "jobs remembered",
    [COUNT_OFFERS_REMEMBERED] = "offers remembered",
    [COUNT_REFUSED] = "roles refused",
};

struct sim sim;
static const struct principal theirs = {.account = THEIRS, .arn = "arn:aws:iam::" THEIRS ":root"};

static int64_t sim_clock(void)
{
    return sim.now_ms;
}

/* splitmix64 */
uint64_t random_below(uint64_t limit)
{
    uint64_t z = (sim.random += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % limit;
}

bool chance(uint64_t one_in)
{
    return random_below(one_in) == 0;
}

void PRINTF_LIKE(1, 2) say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sim.event, sizeof(sim.event), fmt, args);
    va_end(args);
}

/* ---- the world */

/* Else workers' statements run later, and one that breaks a constraint is left out: here it is a fault. */
static bool runs_at_once(uint64_t seed)
{
    return seed % 2 == 0;
}

static void begin(void)
{
    no_fault(db_begin(sim.db, &sim.tx));
}

/* One that may leave what it does to be run later, as those of workers do. */
static void begin_sure(void)
{
    no_fault(db_commit(&sim.tx));
    no_fault(db_begin_sure(sim.db, &sim.tx));
}

/* What was committed is all that outlives this: a node of the engine lets go of the database, and one opens
 * it. */
static void open_anew(const char *why, int count)
{
    say("%s", why);
    no_fault(db_commit(&sim.tx));
    db_close(&sim.db);
    no_fault(db_open(sim.path, &sim.db));
    db_run_at_once(sim.db, runs_at_once(sim.seed));
    sim.platform.db = sim.db;
    sim.counts[count]++;
    begin();
}

void plan_change(bool full)
{
    struct reason why = {0};
    int r;
    if (sim.version + 1 == VERSIONS)
        return;
    CLEANUP(json_free) json_t *declaration = plan_random(&sim.plans[sim.version + 1], full);
    if (sim.role == ROLE_TRUSTS_OTHERS) /* else it is refused */
        role_set(ROLE_TRUSTS);
    say("version %lld", (long long)++sim.version);
    r = sim.version == 1 ? pipeline_create(sim.tx, &sim.platform, &sim.caller, declaration, NULL, &why)
                         : pipeline_update(sim.tx, &sim.platform, &sim.caller, declaration, NULL, &why);
    if (no_fault(r))
        broken("the declaration is refused: %s", why.text);
}

/* ---- time */

/* Which leases ended: their job was offered again, and perhaps cut after that. */
static void leases_look(void)
{
    for (size_t i = 0; i < sim.lease_count; i++) {
        struct lease *lease = &sim.leases[i];
        struct job_row row;
        if (lease->lost || lease->accepted)
            continue;
        if (no_fault(job_find(sim.tx, lease->job_id, &row)))
            broken("job %s is gone", lease->job_id);
        lease->lost = row.job.nonce[0] == 0;
        sim.counts[COUNT_TIMED_OUT] += row.job.status == JOB_TIMED_OUT;
        job_row_free(&row);
    }
}

void fire(void)
{
    int64_t next_ms = 0;
    if (sim.latest_ms < sim.now_ms)
        sim.latest_ms = sim.now_ms;
    do {
        no_fault(timers_fire(sim.tx, &sim.platform, sim.now_ms, 5, &next_ms));
    } while (next_ms <= sim.now_ms);
    leases_look();
}

/* ---- workers */

static size_t lease_jobs(const struct principal *caller, size_t max, const char *worker)
{
    CLEANUP(job_leases_free) struct job_leases *taken = NULL;
    CLEANUP(buf_free) struct buf text = BUF_INIT(SIZE_MAX);
    CLEANUP(json_free) json_t *jobs = NULL;
    const struct job_taker taker = {
        .platform = &sim.platform, .caller = caller, .worker = worker, .max = max};
    const json_t *job;
    size_t i;
    no_fault(jobs_lease_account(sim.tx, &taker, &taken));
    no_fault(job_leases_describe(taken, NULL, &text));
    no_fault(json_parse(buf_str(&text), &jobs, NULL));
    say("%s takes %zu jobs", worker, json_array_size(jobs));
    json_array_foreach (jobs, i, job) {
        struct lease *lease = &sim.leases[sim.lease_count];
        if (sim.lease_count == LEASES)
            broken("too many leases for the simulation");
        for (size_t k = 0; k < sim.lease_count; k++) {
            if (!is(sim.leases[k].job_id, json_str(job, "id", "")))
                continue;
            if (!sim.leases[k].lost)
                broken("job %s is leased twice at a time", sim.leases[k].job_id);
        }
        lease->account = caller->account;
        (void)snprintf(lease->job_id, sizeof(lease->job_id), "%s", json_str(job, "id", ""));
        (void)snprintf(lease->nonce, sizeof(lease->nonce), "%s", json_str(job, "nonce", ""));
        lease->outputs = json_incref(json_path(job, "data.outputArtifacts"));
        sim.lease_count++;
    }
    return json_array_size(jobs);
}

static void do_lease(void)
{
    char worker[] = {'w', (char)('0' + random_below(WORKERS)), 0};
    (void)lease_jobs(chance(6) ? &theirs : &sim.caller, 1 + random_below(3), worker);
}

/* Its action went on with another job, long ago. */
static bool may_be_forgotten(const struct lease *lease)
{
    for (size_t i = 0; i < sim.lease_count; i++)
        if (is(sim.leases[i].job_id, lease->job_id) && sim.leases[i].forget_ms &&
            sim.latest_ms >= sim.leases[i].forget_ms)
            return true;
    return false;
}

/* Mostly a late one; stale and answered ones too. */
static struct lease *lease_random(void)
{
    size_t back = random_below(chance(5) ? 20 : 3);
    struct lease *lease = back < sim.lease_count ? &sim.leases[sim.lease_count - 1 - back] : NULL;
    return lease && !may_be_forgotten(lease) ? lease : NULL;
}

static json_t *result_json(const struct lease *lease, bool goes_on)
{
    json_t *in =
        json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s}, s:[], s:{s:s}}", "jobId", lease->job_id, "nonce",
                  lease->nonce, "currentRevision", "revision", "r", "failureDetails", "type", "JobFailed",
                  "message", "no", "outputArtifacts", "outputVariables", "Id", "v");
    const json_t *output;
    size_t i;
    json_array_foreach (lease->outputs, i, output)
        json_array_append_new(json_object_get(in, "outputArtifacts"),
                              json_pack("{s:s, s:s}", "name", json_str(output, "name", ""), "sha256", "00"));
    if (goes_on)
        json_object_set_new(in, "continuationToken", json_string("t"));
    return in;
}

static int64_t history_size(void)
{
    return scalar("SELECT count(*) FROM codepipeline_history WHERE pipeline_id = $1");
}

static void answer(struct lease *lease, bool success, bool goes_on)
{
    CLEANUP(json_free) json_t *in = result_json(lease, goes_on);
    int64_t before = history_size();
    int r = no_fault(jobs_result(sim.tx, &sim.platform, lease->account, in, success, NULL));
    say("result of lease %zd, success %d, on %d: %d", lease - sim.leases, success, goes_on, r);
    sim.counts[COUNT_STALE] += r == PIPELINE_E_NONCE;
    if (lease->lost && r != PIPELINE_E_NONCE)
        broken("a stale nonce is answered %d", r);
    if (!lease->lost && r == PIPELINE_E_NONCE)
        broken("the present nonce is refused");
    if (lease->accepted && history_size() != before)
        broken("a repeated result changes something");
    if (lease->accepted && r != (success == lease->success ? 0 : PIPELINE_E_JOB_STATE))
        broken("a repeated result is answered %d", r);
    sim.counts[COUNT_REPEATED] += lease->accepted && r == 0;
    sim.counts[COUNT_CONTINUED] += !lease->accepted && r == 0 && success && goes_on;
    if (r == 0 && !lease->accepted) {
        lease->accepted = true;
        lease->success = success;
        lease->forget_ms = success && goes_on ? sim.now_ms + FORGET_MS : 0;
    }
}

static void do_result(void)
{
    struct lease *lease = lease_random();
    if (lease)
        answer(lease, !chance(8), chance(12));
}

static void do_extend(void)
{
    struct lease *lease = lease_random();
    bool cancelled = false;
    if (!lease)
        return;
    int r = no_fault(jobs_extend(sim.tx, lease->account, lease->job_id, lease->nonce, &cancelled, NULL));
    say("extension of lease %zd: %d", lease - sim.leases, r);
    if (r != (lease->lost ? PIPELINE_E_NONCE : 0))
        broken("the extension is answered %d", r);
    if (r == 0 && lease->accepted && !cancelled)
        broken("an ended job goes on");
}

static bool job_open(const char *id)
{
    struct job_row row;
    bool open;
    if (no_fault(job_find(sim.tx, id, &row)))
        broken("job %s is gone", id);
    open = !job_ended(&row.job);
    job_row_free(&row);
    return open;
}

static void do_release(void)
{
    struct lease *lease = lease_random();
    if (!lease)
        return;
    bool open = job_open(lease->job_id);
    int r = no_fault(jobs_release(sim.tx, lease->account, lease->job_id, lease->nonce, NULL));
    say("lease %zd handed back: %d", lease - sim.leases, r);
    if (r != (lease->lost ? PIPELINE_E_NONCE : 0))
        broken("handing back is answered %d", r);
    lease->lost = lease->lost || open;
}

static void do_orphan(void)
{
    char worker[] = {'w', (char)('0' + random_below(WORKERS)), 0};
    no_fault(jobs_orphan(sim.tx, chance(6) ? THEIRS : sim.caller.account, worker));
    say("the successor of %s comes", worker);
    leases_look();
}

static void do_clock(void)
{
    if (chance(40)) { /* the clock is set back */
        int64_t back = (int64_t)random_below(chance(2) ? 5000 : 3600000);
        say("-%lld ms", (long long)back);
        sim.now_ms -= back;
        fire();
        return;
    }
    int64_t ms = chance(60)   ? (int64_t)8 * 24 * 3600 * 1000
                 : chance(30) ? 61 * 60000
                              : (int64_t)random_below(chance(3) ? 15000 : 2000);
    say("%lld ms", (long long)ms);
    sim.now_ms += ms;
    fire();
}

static void do_restart(void)
{
    if (chance(4))
        open_anew("restart", COUNT_RESTARTED);
}

static void do_switch(void)
{
    if (chance(20))
        open_anew("another node", COUNT_SWITCHED);
}

/* ---- the run */

static const struct event {
    void (*run)(void);
    unsigned weight;
    bool commits; /* by itself */
} events[] = {{do_start, 8, false},    {do_stop, 3, false},      {do_retry, 9, false},
              {do_rollback, 4, false}, {do_override, 10, false}, {do_transition, 4, false},
              {do_approve, 12, false}, {do_freeze, 3, false},    {do_update, 2, false},
              {do_role, 2, false},     {do_lease, 20, false},    {do_result, 24, false},
              {do_extend, 6, false},   {do_release, 2, false},   {do_orphan, 1, false},
              {do_clock, 12, false},   {do_restart, 1, true},    {do_switch, 3, true}};

static const struct event *event_random(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        total += events[i].weight;
    uint64_t pick = random_below(total);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (pick < events[i].weight)
            return &events[i];
        pick -= events[i].weight;
    }
    return &events[0];
}

/* The node dies after all it did, and before its commit: it is as if nothing had happened. */
static void crash_in(const struct event *event)
{
    static struct sim before;
    begin_sure();
    if (chance(2)) {
        no_fault(db_commit(&sim.tx));
        begin();
    }
    before = sim;
    event->run();
    for (size_t i = before.lease_count; i < sim.lease_count; i++)
        json_decref(sim.leases[i].outputs);
    db_end(&sim.tx);
    before.random = sim.random;
    sim = before;
    sim.counts[COUNT_CRASHED]++;
    begin();
    say("crash");
}

static void event_run(void)
{
    const struct event *event = event_random();
    if (!event->commits && chance(25)) {
        crash_in(event);
        return;
    }
    if (!event->commits && chance(2))
        begin_sure();
    event->run();
    if (!event->commits && chance(2)) {
        no_fault(db_commit(&sim.tx));
        begin();
    }
}

static bool all_ended(void)
{
    for (size_t i = 0; i < sim.execution_count; i++)
        if (!is(sim.executions[i].place, "Ended"))
            return false;
    return true;
}

/* Approvals given, faithful workers, whose jobs fail now and then when `faulty`: what is left must end. */
static void finish(bool faulty)
{
    for (int round = 0; !all_ended(); round++) {
        size_t from = sim.lease_count;
        if (round == DRAIN_ROUNDS)
            broken("an execution never ends");
        while (approve(NULL, true))
            check();
        (void)lease_jobs(&sim.caller, 50, "faithful");
        (void)lease_jobs(&theirs, 50, "faithful");
        for (; from < sim.lease_count; from++)
            answer(&sim.leases[from], !faulty || !chance(4), false);
        check();
        sim.now_ms += LEASE_MS / 2;
        fire();
        check();
        sim.step++;
    }
}

/* Every transition open, all ended; then some deployments come back, and some more fail. */
static void drain(void)
{
    plan_change(true);
    check();
    role_set(ROLE_TRUSTS);
    for (size_t i = 0; i < STAGES; i++) {
        transition(i, true);
        check();
    }
    for (size_t i = 0; i < FREEZES; i++) {
        thaw(i);
        check();
    }
    finish(false);
    for (size_t i = 0; i < EPILOGUES; i++) {
        do_rollback();
        check();
        finish(false);
        do_start();
        check();
        finish(true);
    }
}

static void tally(void)
{
    static const struct {
        const char *status;
        int count;
    } ends[] = {{"Succeeded", COUNT_SUCCEEDED},
                {"Failed", COUNT_FAILED},
                {"Stopped", COUNT_STOPPED},
                {"Superseded", COUNT_SUPERSEDED}};
    sim.counts[COUNT_RETRIED_ITSELF] += (uint64_t)history_of("retried-automatically");
    sim.counts[COUNT_CONDITION_FAILED] += (uint64_t)history_of("condition-failed");
    sim.counts[COUNT_SKIPPED] += (uint64_t)history_of("stage-skipped");
    sim.counts[COUNT_REFUSED] +=
        (uint64_t)scalar("SELECT count(*) FROM codepipeline_history WHERE pipeline_id = $1"
                         " AND why LIKE '%cannot have the role%'");
    for (size_t i = 0; i < sim.execution_count; i++)
        sim.counts[COUNT_ROLLED_BACK_ITSELF] += sim.executions[i].rolled_back_itself;
    for (size_t i = 0; i < sim.execution_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(ends); k++)
            sim.counts[ends[k].count] += is(sim.executions[i].status, ends[k].status);
}

/* All has ended: what nobody shows or would go back to goes, with all that hangs on it. */
static void prune(void)
{
    static const char old[] = "SELECT count(*) FROM codepipeline_execution e WHERE pipeline_id = $1"
                              " AND seq < (SELECT last_seq FROM codepipeline_pipeline p WHERE p.id = "
                              "e.pipeline_id)"
                              " AND NOT EXISTS (SELECT 1 FROM codepipeline_stage s WHERE s.pipeline_id = "
                              "e.pipeline_id"
                              " AND (s.last_id = e.id OR s.good_id = e.id))";
    int64_t cursor_ms = 0, removed = 0, all = 0, expected = scalar(old);
    no_fault(db_commit(&sim.tx));
    while (cursor_ms != INT64_MAX) {
        no_fault(executions_prune(sim.db, INT64_MAX, 3, &cursor_ms, &removed));
        all += removed;
    }
    begin();
    if (all != expected || scalar(old))
        broken("%lld of %lld old executions went", (long long)all, (long long)expected);
    if (scalar("SELECT count(*) FROM codepipeline_execution e WHERE pipeline_id = $1 AND NOT EXISTS"
               " (SELECT 1 FROM codepipeline_history h WHERE h.execution_id = e.id"
               " AND h.what IN ('started', 'rollback-started'))"))
        broken("the history of an execution that stays has gone");
    if (scalar("SELECT count(*) FROM codepipeline_action a WHERE pipeline_id = $1 AND NOT EXISTS"
               " (SELECT 1 FROM codepipeline_execution e WHERE e.id = a.execution_id)") ||
        scalar("SELECT count(*) FROM codepipeline_job j WHERE pipeline_id = $1 AND NOT EXISTS"
               " (SELECT 1 FROM codepipeline_action a WHERE a.id = j.run_id) AND NOT EXISTS"
               " (SELECT 1 FROM codepipeline_timer t WHERE t.kind = 'forget' AND t.ref = j.id)"))
        broken("an execution that went leaves rows behind");
    if (scalar("SELECT count(*) FROM codepipeline_stage s WHERE pipeline_id = $1 AND good_id <> '' AND NOT "
               "EXISTS"
               " (SELECT 1 FROM codepipeline_execution e WHERE e.id = s.good_id)"))
        broken("what a stage would go back to is gone");
}

static void world_clear(void)
{
    for (size_t i = 0; i < sim.lease_count; i++)
        json_decref(sim.leases[i].outputs);
    memset(sim.leases, 0, sizeof(sim.leases[0]) * sim.lease_count);
    memset(sim.executions, 0, sizeof(sim.executions));
    memset(sim.action_states, 0, sizeof(sim.action_states));
    memset(sim.job_states, 0, sizeof(sim.job_states));
    memset(sim.disabled, 0, sizeof(sim.disabled));
    memset(sim.freezes, 0, sizeof(sim.freezes));
    sim.version = sim.their_job = 0;
    sim.execution_count = sim.lease_count = 0;
}

static void run_seed(uint64_t seed, size_t steps)
{
    struct pipeline pipeline;
    sim.seed = sim.random = seed;
    sim.now_ms = sim.latest_ms = START_MS; /* windows look at it: a seed alone is the same as after others */
    sim.step = 0;
    db_run_at_once(sim.db, runs_at_once(seed));
    begin();
    role_set(ROLE_ABSENT); /* as in a world of its own */
    plan_change(false);
    no_fault(pipeline_find(sim.tx, sim.caller.account, PIPELINE, &pipeline));
    (void)snprintf(sim.pipeline_id, sizeof(sim.pipeline_id), "%s", pipeline.id);
    sim.first_action = scalar("SELECT coalesce(max(rowid), 0) + 1 FROM codepipeline_action WHERE $1 <> ''");
    sim.first_job = scalar("SELECT coalesce(max(rowid), 0) + 1 FROM codepipeline_job WHERE $1 <> ''");
    for (; sim.step < steps; sim.step++) {
        sim.retried[0] = '\0';
        event_run();
        check();
    }
    sim.retried[0] = '\0';
    drain();
    tally();
    prune();
    no_fault(pipeline_delete(sim.tx, &sim.platform, &sim.caller, PIPELINE, NULL));
    for (int64_t next_ms = sim.now_ms; next_ms != INT64_MAX; sim.now_ms = next_ms)
        no_fault(timers_fire(sim.tx, &sim.platform, next_ms, INT32_MAX, &next_ms));
    if (scalar("SELECT count(*) FROM codepipeline_due WHERE pipeline_id = $1") ||
        scalar("SELECT count(*) FROM codepipeline_job WHERE pipeline_id = $1") ||
        scalar("SELECT count(*) FROM codepipeline_action WHERE pipeline_id = $1"))
        broken("a deleted pipeline leaves rows");
    no_fault(db_commit(&sim.tx));
    world_clear();
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void world_open(void)
{
    const struct db_schema schemas[] = {
        {"iam", iam_migrations, IAM_MIGRATIONS},
        {"s3", s3_service.migrations, s3_service.migration_count},
        {"codepipeline", codepipeline_migrations, CODEPIPELINE_MIGRATION_COUNT},
    };
    const char *failed = NULL;
    (void)snprintf(sim.path, sizeof(sim.path), "%s/sim.db", sim.folder);
    sim.now_ms = START_MS;
    clock_set(sim_clock);
    no_fault(db_open(sim.path, &sim.db));
    no_fault(db_migrate(sim.db, schemas, ARRAY_LEN(schemas), &failed));
    sim.platform = (struct platform){.db = sim.db, .region = "us-east-1", .shared_account = "111111111111"};
    (void)snprintf(sim.caller.account, sizeof(sim.caller.account), "222222222222");
    (void)snprintf(sim.caller.arn, sizeof(sim.caller.arn), "arn:aws:iam::222222222222:root");
}

int main(void)
{
    uint64_t one = setting("SIM_SEED", 0), first = setting("SIM_FIRST", 1);
    uint64_t seeds = setting("SIM_SEEDS", 120);
    size_t steps = setting("SIM_STEPS", 120);
    int missing = 0;
    (void)snprintf(sim.folder, sizeof(sim.folder), "/tmp/slipway-sim-XXXXXX");
    if (!mkdtemp(sim.folder))
        return 1;
    world_open();
    sim.trace = one != 0;
    for (uint64_t i = 0; i < (one ? 1 : seeds); i++)
        run_seed((one ? one : first) + i, steps);
    for (size_t i = 0; i < COUNTS; i++) {
        (void)printf("%s %llu\n", count_names[i], (unsigned long long)sim.counts[i]);
        missing |= !one && sim.counts[i] == 0;
    }
    db_close(&sim.db);
    missing |= io_remove_tree(sim.folder) != 0;
    if (missing)
        (void)fputs("something of the above never happened: the simulation does not try it any more\n",
                    stderr);
    return missing;
}
