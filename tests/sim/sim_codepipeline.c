/* Pipelines under random lives: people, workers that die or repeat themselves, a clock, restarts. After every
 * step what is stored is checked against the invariants of flow.h and of the room's README, by SQL of its
 * own. At the end faithful workers answer everything, and every execution must end.
 *
 * SIM_SEED=n replays one seed and prints its events; SIM_SEEDS and SIM_STEPS change how much is tried. */
#include "base/clock.h"
#include "base/io.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/store.h"
#include "services/iam/schema.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STAGES 5
#define ACTIONS 4
#define VERSIONS 64
#define EXECUTIONS 512
#define ROWS 4096
#define LEASES 2048
#define WORKERS 4
#define DRAIN_ROUNDS 3000
#define PIPELINE "p"

enum {
    COUNT_SUCCEEDED,
    COUNT_FAILED,
    COUNT_STOPPED,
    COUNT_SUPERSEDED,
    COUNT_RETRIED,
    COUNT_STALE,
    COUNT_REPEATED,
    COUNT_CONTINUED,
    COUNT_TIMED_OUT,
    COUNT_RESTARTED,
    COUNTS
};
static const char *const count_names[COUNTS] = {"succeeded", "failed",   "stopped",  "superseded",
                                                "retried",   "stale",    "repeated", "continued",
                                                "timed out", "restarted"};

struct sim_plan {
    size_t count;
    char stages[STAGES][4]; /* names, from the same pool in every version */
    size_t actions[STAGES];
    int64_t order[STAGES][ACTIONS];
};

struct seen_execution {
    char id[ID_UUID_SIZE];
    char status[16];
    char place[16];
    size_t stage;
    int64_t stage_run;
    const struct sim_plan *plan;
};

struct lease {
    char job_id[ID_UUID_SIZE];
    char nonce[ID_UUID_SIZE];
    json_t *outputs;
    bool accepted;
    bool success;
    bool lost; /* handed back, orphaned or run out */
};

static struct {
    uint64_t random;
    uint64_t seed;
    size_t step;
    bool trace;
    char event[256];
    char path[128];
    char pipeline_id[ID_UUID_SIZE];
    struct db *db;
    struct tx *tx;
    struct platform platform;
    struct principal caller;
    int64_t now_ms;
    struct sim_plan plans[VERSIONS];
    int64_t version;
    bool disabled[STAGES];
    struct seen_execution executions[EXECUTIONS];
    size_t execution_count;
    char retried[ID_UUID_SIZE]; /* in this step */
    char action_states[ROWS][16];
    char job_states[ROWS][16];
    struct lease leases[LEASES];
    size_t lease_count;
    uint64_t counts[COUNTS];
} sim;

static int64_t sim_clock(void)
{
    return sim.now_ms;
}

/* splitmix64 */
static uint64_t random_below(uint64_t limit)
{
    uint64_t z = (sim.random += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % limit;
}

static bool chance(uint64_t one_in)
{
    return random_below(one_in) == 0;
}

static void PRINTF_LIKE(1, 2) say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sim.event, sizeof(sim.event), fmt, args);
    va_end(args);
}

static _Noreturn void PRINTF_LIKE(1, 2) broken(const char *fmt, ...)
{
    va_list args;
    (void)fprintf(stderr, "SIM_SEED=%llu step %zu, after %s: ", (unsigned long long)sim.seed, sim.step,
                  sim.event);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

/* Faults never happen here; outcomes do. */
static int no_fault(int r)
{
    if (r < 0)
        broken("fault %d", r);
    return r;
}

static int64_t scalar(const char *sql)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (no_fault(tx_query_row(sim.tx, &rows, sql, "s", sim.pipeline_id)))
        broken("no row: %s", sql);
    return rows_int(rows, 0);
}

/* ---- the world */

static void begin(void)
{
    no_fault(db_begin(sim.db, &sim.tx));
}

/* What was committed is all that outlives this. */
static void restart(void)
{
    say("restart");
    no_fault(db_commit(&sim.tx));
    db_close(&sim.db);
    no_fault(db_open(sim.path, &sim.db));
    sim.platform.db = sim.db;
    sim.counts[COUNT_RESTARTED]++;
    begin();
}

static json_t *action_json(const struct sim_plan *plan, size_t stage, size_t index)
{
    char name[] = {'a', (char)('0' + index), plan->stages[stage][1], 0};
    uint64_t kind = stage == 0 ? 0 : 1 + random_below(4);
    const char *stack = chance(12) ? "#{Nowhere.Id}" : chance(3) ? "#{Src.Id}-x" : "s";
    const char *const types[][2] = {{"Source", "S3"},
                                    {"Approval", "Manual"},
                                    {"Deploy", "S3"},
                                    {"Deploy", "CloudFormation"},
                                    {"Deploy", "CloudFormation"}};
    json_t *action = json_pack("{s:s, s:I, s:{s:s, s:s, s:s, s:s}}", "name", name, "runOrder",
                               (json_int_t)plan->order[stage][index], "actionTypeId", "category",
                               types[kind][0], "owner", "AWS", "provider", types[kind][1], "version", "1");
    if (kind == 0) {
        char output[] = {'o', (char)('0' + index), 0};
        json_object_set_new(action, "outputArtifacts", json_pack("[{s:s}]", "name", output));
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s}", "S3Bucket", "b-b", "S3ObjectKey", "k"));
        if (index == 0)
            json_object_set_new(action, "namespace", json_string("Src"));
    } else if (kind == 2) {
        json_object_set_new(action, "inputArtifacts", json_pack("[{s:s}]", "name", "o0"));
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s}", "BucketName", "b-b", "Extract", "true"));
    } else if (kind > 2) {
        json_object_set_new(action, "configuration",
                            json_pack("{s:s, s:s, s:s}", "ActionMode", "DELETE_ONLY", "StackName", stack,
                                      "RoleArn", "arn:aws:iam::222222222222:role/r"));
    }
    return action;
}

/* The stages after the first are drawn from one pool in any order, so that versions share names. */
static json_t *plan_random(struct sim_plan *plan, bool full)
{
    size_t pool[STAGES] = {0, 1, 2, 3, 4};
    json_t *stages = json_array();
    plan->count = full ? STAGES : 2 + random_below(STAGES - 1);
    for (size_t i = 0; i < plan->count; i++) {
        size_t pick = i == 0 ? 0 : i + random_below(STAGES - i), name = pool[pick];
        json_t *actions = json_array();
        int64_t order = 1;
        pool[pick] = pool[i];
        (void)snprintf(plan->stages[i], sizeof(plan->stages[i]), "S%zu", name);
        plan->actions[i] = 1 + random_below(i == 0 ? 2 : ACTIONS);
        for (size_t k = 0; k < plan->actions[i]; k++) {
            order += (int64_t)random_below(2);
            plan->order[i][k] = order;
            json_array_append_new(actions, action_json(plan, i, k));
        }
        json_array_append_new(stages, json_pack("{s:s, s:o}", "name", plan->stages[i], "actions", actions));
    }
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "name", PIPELINE, "roleArn",
                     "arn:aws:iam::222222222222:role/r", "artifactStore", "type", "S3", "location", "store",
                     "stages", stages);
}

static void plan_change(bool full)
{
    struct reason why = {0};
    int r;
    if (sim.version + 1 == VERSIONS)
        return;
    CLEANUP(json_free) json_t *declaration = plan_random(&sim.plans[sim.version + 1], full);
    say("version %lld", (long long)++sim.version);
    r = sim.version == 1
            ? pipeline_create(sim.tx, &sim.platform, sim.caller.account, declaration, NULL, &why)
            : pipeline_update(sim.tx, &sim.platform, sim.caller.account, declaration, NULL, &why);
    if (no_fault(r))
        broken("the declaration is refused: %s", why.text);
}

/* ---- checks */

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static const char *stage_of(const struct seen_execution *execution)
{
    return execution->plan->stages[execution->stage];
}

static void check_change(const struct seen_execution *before, const struct seen_execution *now)
{
    if (is(before->place, "Ended") && (!is(now->place, "Ended") || !is(now->status, before->status)) &&
        !is(now->id, sim.retried))
        broken("ended execution %s went from %s to %s", now->id, before->status, now->status);
    if (now->stage < before->stage)
        broken("execution %s went back from stage %zu to %zu", now->id, before->stage, now->stage);
}

static void executions_read(void)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t i = 0;
    int r = tx_query(sim.tx, &rows,
                     "SELECT id, version, status, place, stage, stage_run FROM codepipeline_execution"
                     " WHERE pipeline_id = $1 ORDER BY seq",
                     "s", sim.pipeline_id);
    for (; r == 0 && no_fault(rows_next(rows)) == 0; i++) {
        struct seen_execution *seen = &sim.executions[i], before = *seen;
        (void)snprintf(seen->id, sizeof(seen->id), "%s", rows_text(rows, 0));
        seen->plan = &sim.plans[rows_int(rows, 1)];
        (void)snprintf(seen->status, sizeof(seen->status), "%s", rows_text(rows, 2));
        (void)snprintf(seen->place, sizeof(seen->place), "%s", rows_text(rows, 3));
        seen->stage = (size_t)rows_int(rows, 4);
        seen->stage_run = rows_int(rows, 5);
        if (i < sim.execution_count)
            check_change(&before, seen);
    }
    sim.execution_count = i;
}

static bool stage_disabled(const char *stage)
{
    return sim.disabled[stage[1] - '0'];
}

static void check_pair(const struct seen_execution *older, const struct seen_execution *newer,
                       const char *place)
{
    if (is(older->place, place) && is(newer->place, place) && is(stage_of(older), stage_of(newer)))
        broken("executions %s and %s are both %s at %s", older->id, newer->id, place, stage_of(older));
}

static void check_waiting(size_t index)
{
    const struct seen_execution *waiting = &sim.executions[index];
    bool held = stage_disabled(stage_of(waiting));
    for (size_t i = 0; i < sim.execution_count; i++)
        held = held || (is(sim.executions[i].place, "Running") &&
                        is(stage_of(&sim.executions[i]), stage_of(waiting)));
    if (!held)
        broken("execution %s waits before the free stage %s", waiting->id, stage_of(waiting));
    if (is(waiting->status, "Stopping"))
        broken("execution %s waits while it is stopping", waiting->id);
}

/* The action runs of the present stage run, in declaration's order. */
static void check_runs(const struct seen_execution *execution)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const struct sim_plan *plan = execution->plan;
    char states[ACTIONS][16] = {{0}};
    bool under_way = false;
    int r = tx_query(sim.tx, &rows,
                     "SELECT action, status, stage FROM codepipeline_action"
                     " WHERE execution_id = $1 AND stage_run = $2 AND replaced = 0",
                     "si", execution->id, execution->stage_run);
    while (r == 0 && no_fault(rows_next(rows)) == 0) {
        size_t index = (size_t)(rows_text(rows, 0)[1] - '0');
        if (!is(rows_text(rows, 2), stage_of(execution)) || states[index][0])
            broken("action %s runs twice or in the wrong stage", rows_text(rows, 0));
        (void)snprintf(states[index], sizeof(states[index]), "%s", rows_text(rows, 1));
        under_way = under_way || is(states[index], "InProgress");
    }
    if (!under_way)
        broken("execution %s runs in %s with nothing under way", execution->id, stage_of(execution));
    for (size_t a = 0; a < plan->actions[execution->stage]; a++)
        for (size_t b = 0; b < plan->actions[execution->stage]; b++)
            if (plan->order[execution->stage][a] < plan->order[execution->stage][b] && states[b][0] &&
                !is(states[a], "Succeeded"))
                broken("action a%zu of %s began while the earlier a%zu is %s", b, stage_of(execution), a,
                       states[a]);
}

static const struct {
    const char *sql;
    const char *rule;
} rules[] = {
    {"SELECT count(*) FROM codepipeline_action a JOIN codepipeline_execution e ON e.id = a.execution_id"
     " WHERE a.pipeline_id = $1 AND a.status = 'InProgress' AND (e.place <> 'Running' OR a.replaced <> 0"
     " OR a.stage_run <> e.stage_run)",
     "only the stage in which an execution runs has actions under way"},
    {"SELECT count(*) FROM codepipeline_action a WHERE a.pipeline_id = $1 AND a.status = 'InProgress'"
     " AND a.token = '' AND NOT EXISTS (SELECT 1 FROM codepipeline_job j WHERE j.id = a.job_id"
     " AND j.status IN ('Queued', 'Dispatched', 'InProgress'))",
     "an action under way has a job on offer or leased: none is lost"},
    {"SELECT count(*) FROM codepipeline_job j LEFT JOIN codepipeline_action a ON a.job_id = j.id"
     " WHERE j.pipeline_id = $1 AND j.status IN ('Queued', 'Dispatched', 'InProgress')"
     " AND (a.status IS NULL OR a.status <> 'InProgress')",
     "an open job belongs to an action under way"},
    {"SELECT count(*) FROM codepipeline_job j WHERE j.pipeline_id = $1 AND j.status = 'InProgress'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_timer t WHERE t.kind = 'lease' AND t.ref = j.id"
     " AND t.due_ms = j.due_ms AND j.due_ms > 0)",
     "a leased job has a timer"},
    {"SELECT count(*) FROM codepipeline_action a WHERE a.pipeline_id = $1 AND a.status = 'InProgress'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_timer t WHERE t.kind = 'run' AND t.ref = a.id"
     " AND t.due_ms = a.deadline_ms)",
     "an action under way has a timer"},
    {"SELECT (SELECT count(*) FROM codepipeline_timer WHERE pipeline_id = $1)"
     " - (SELECT count(*) FROM codepipeline_job WHERE pipeline_id = $1 AND status = 'InProgress')"
     " - (SELECT count(*) FROM codepipeline_action WHERE pipeline_id = $1 AND status = 'InProgress')",
     "nothing else has timers"},
};

/* Rows are only added, so that a row's place in their order is its own. */
static void check_ends(const char *sql, char states[ROWS][16], const char *what)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t i = 0;
    int r = tx_query(sim.tx, &rows, sql, "s", sim.pipeline_id);
    for (; r == 0 && i < ROWS && no_fault(rows_next(rows)) == 0; i++) {
        bool open = is(states[i], "") || is(states[i], "Queued") || is(states[i], "InProgress");
        if (!open && !is(states[i], rows_text(rows, 0)))
            broken("the %s %s went from %s to %s", what, rows_text(rows, 1), states[i], rows_text(rows, 0));
        (void)snprintf(states[i], 16, "%s", rows_text(rows, 0));
    }
}

static void check(void)
{
    if (sim.trace)
        (void)printf("%5zu %s\n", sim.step, sim.event);
    executions_read();
    for (size_t i = 0; i < sim.execution_count; i++) {
        for (size_t k = i + 1; k < sim.execution_count && !is(sim.executions[i].place, "Ended"); k++) {
            check_pair(&sim.executions[i], &sim.executions[k], "Running");
            check_pair(&sim.executions[i], &sim.executions[k], "Waiting");
        }
        if (is(sim.executions[i].place, "Waiting"))
            check_waiting(i);
        else if (is(sim.executions[i].place, "Running"))
            check_runs(&sim.executions[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (scalar(rules[i].sql))
            broken("rule broken: %s", rules[i].rule);
    if (sim.step % 8)
        return;
    check_ends("SELECT status, id FROM codepipeline_action WHERE pipeline_id = $1 ORDER BY rowid",
               sim.action_states, "action");
    check_ends("SELECT status, id FROM codepipeline_job WHERE pipeline_id = $1 ORDER BY rowid",
               sim.job_states, "job");
}

/* ---- people */

static void do_start(void)
{
    CLEANUP(json_free) json_t *in = json_pack("{s:s}", "name", PIPELINE);
    char id[ID_UUID_SIZE];
    if (sim.execution_count + 1 == EXECUTIONS)
        return;
    say("start");
    if (no_fault(execution_start(sim.tx, &sim.platform, &sim.caller, in, id, NULL)))
        broken("the start is refused");
}

/* Mostly one of the latest. */
static const struct seen_execution *execution_random(void)
{
    size_t back = random_below(chance(4) ? sim.execution_count + 1 : 4);
    return back < sim.execution_count ? &sim.executions[sim.execution_count - 1 - back] : NULL;
}

static void do_stop(void)
{
    const struct seen_execution *execution = execution_random();
    bool abandon = chance(2);
    if (!execution)
        return;
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:b, s:s}", "pipelineName", PIPELINE, "pipelineExecutionId",
                           execution->id, "abandon", abandon, "reason", "why not");
    int r = no_fault(execution_stop(sim.tx, &sim.platform, &sim.caller, in, NULL));
    say("stop %zd, abandon %d: %d", execution - sim.executions, abandon, r);
    if ((r == PIPELINE_E_NOT_STOPPABLE) != is(execution->place, "Ended"))
        broken("stop of an execution that is %s: %d", execution->place, r);
}

static void do_retry(void)
{
    const struct seen_execution *execution = execution_random();
    bool all = chance(2);
    if (!execution)
        return;
    const char *stage = chance(8) ? "S1" : stage_of(execution);
    CLEANUP(json_free)
    json_t *in =
        json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", PIPELINE, "pipelineExecutionId", execution->id,
                  "stageName", stage, "retryMode", all ? "ALL_ACTIONS" : "FAILED_ACTIONS");
    int r = no_fault(execution_retry(sim.tx, &sim.platform, &sim.caller, in, NULL));
    say("retry %zd %s all %d: %d", execution - sim.executions, stage, all, r);
    if (r)
        return;
    if (!is(execution->status, "Failed") && !is(execution->status, "Stopped"))
        broken("an execution that is %s was retried", execution->status);
    (void)snprintf(sim.retried, sizeof(sim.retried), "%s", execution->id);
    sim.counts[COUNT_RETRIED]++;
}

static void transition(size_t stage, bool enable)
{
    char name[4];
    (void)snprintf(name, sizeof(name), "S%zu", stage);
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", PIPELINE, "stageName", name,
                           "transitionType", "Inbound", "reason", "freeze");
    int r = no_fault(transition_set(sim.tx, &sim.platform, &sim.caller, in, enable, NULL));
    say("transition %s %d: %d", name, enable, r);
    if (r == 0)
        sim.disabled[stage] = !enable;
}

static void do_transition(void)
{
    transition(random_below(STAGES), !chance(3));
}

static bool approve(const char *where, bool yes)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    bool open = where == NULL;
    int r = open ? tx_query_row(sim.tx, &rows,
                                "SELECT token, stage, action FROM codepipeline_action WHERE pipeline_id = $1"
                                " AND token <> '' AND status = 'InProgress' ORDER BY rowid LIMIT 1",
                                "s", sim.pipeline_id)
                 : tx_query_row(sim.tx, &rows,
                                "SELECT token, stage, action FROM codepipeline_action WHERE pipeline_id = $1"
                                " AND token <> '' AND status <> 'InProgress' ORDER BY rowid DESC LIMIT 1",
                                "s", sim.pipeline_id);
    if (no_fault(r))
        return false;
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "pipelineName", PIPELINE, "stageName",
                           rows_text(rows, 1), "actionName", rows_text(rows, 2), "token", rows_text(rows, 0),
                           "result", "summary", "so be it", "status", yes ? "Approved" : "Rejected");
    rows_close(&rows);
    int64_t at_ms;
    r = no_fault(approval_put(sim.tx, &sim.platform, &sim.caller, in, &at_ms, NULL));
    say("approval %d of an %s one: %d", yes, open ? "open" : "ended", r);
    if (r != (open ? 0 : PIPELINE_E_APPROVAL_COMPLETED))
        broken("the answer is %d", r);
    return true;
}

static void do_approve(void)
{
    (void)approve(chance(8) ? "ended" : NULL, !chance(6));
}

static void do_update(void)
{
    if (chance(4))
        plan_change(false);
}

/* ---- workers */

static size_t lease_jobs(size_t max, const char *worker)
{
    CLEANUP(json_free) json_t *jobs = NULL;
    const json_t *job;
    size_t i;
    no_fault(jobs_lease_account(sim.tx, &sim.platform, sim.caller.account, worker, max, &jobs));
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
    (void)lease_jobs(1 + random_below(3), worker);
}

/* Mostly a late one; stale and answered ones too. */
static struct lease *lease_random(void)
{
    size_t back = random_below(chance(5) ? 20 : 3);
    return back < sim.lease_count ? &sim.leases[sim.lease_count - 1 - back] : NULL;
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
    int r = no_fault(jobs_result(sim.tx, &sim.platform, sim.caller.account, in, success, NULL));
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
    int r = no_fault(jobs_extend(sim.tx, sim.caller.account, lease->job_id, lease->nonce, &cancelled, NULL));
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
    int r = no_fault(jobs_release(sim.tx, sim.caller.account, lease->job_id, lease->nonce, NULL));
    say("lease %zd handed back: %d", lease - sim.leases, r);
    if (r != (lease->lost ? PIPELINE_E_NONCE : 0))
        broken("handing back is answered %d", r);
    lease->lost = lease->lost || open;
}

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

static void do_orphan(void)
{
    char worker[] = {'w', (char)('0' + random_below(WORKERS)), 0};
    no_fault(jobs_orphan(sim.tx, sim.caller.account, worker));
    say("the successor of %s comes", worker);
    leases_look();
}

static void fire(void)
{
    int64_t next_ms = 0;
    do {
        no_fault(timers_fire(sim.tx, &sim.platform, sim.now_ms, 5, &next_ms));
    } while (next_ms <= sim.now_ms);
    leases_look();
}

static void do_clock(void)
{
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
        restart();
}

/* ---- the run */

static const struct {
    void (*run)(void);
    unsigned weight;
} events[] = {{do_start, 8},  {do_stop, 3},   {do_retry, 9},   {do_transition, 4}, {do_approve, 12},
              {do_update, 2}, {do_lease, 20}, {do_result, 24}, {do_extend, 6},     {do_release, 2},
              {do_orphan, 1}, {do_clock, 12}, {do_restart, 1}};

static void event_random(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        total += events[i].weight;
    uint64_t pick = random_below(total);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (pick < events[i].weight) {
            events[i].run();
            return;
        }
        pick -= events[i].weight;
    }
}

static bool all_ended(void)
{
    for (size_t i = 0; i < sim.execution_count; i++)
        if (!is(sim.executions[i].place, "Ended"))
            return false;
    return true;
}

/* Every transition open, approvals given, faithful workers: what is left must end. */
static void drain(void)
{
    plan_change(true);
    check();
    for (size_t i = 0; i < STAGES; i++) {
        transition(i, true);
        check();
    }
    for (int round = 0; !all_ended(); round++) {
        size_t from = sim.lease_count;
        if (round == DRAIN_ROUNDS)
            broken("an execution never ends");
        while (approve(NULL, true))
            check();
        (void)lease_jobs(50, "faithful");
        for (; from < sim.lease_count; from++)
            answer(&sim.leases[from], true, false);
        check();
        sim.now_ms += LEASE_MS / 2;
        fire();
        check();
        sim.step++;
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
    for (size_t i = 0; i < sim.execution_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(ends); k++)
            sim.counts[ends[k].count] += is(sim.executions[i].status, ends[k].status);
}

static void world_clear(void)
{
    for (size_t i = 0; i < sim.lease_count; i++)
        json_decref(sim.leases[i].outputs);
    memset(sim.leases, 0, sizeof(sim.leases[0]) * sim.lease_count);
    memset(sim.action_states, 0, sizeof(sim.action_states));
    memset(sim.job_states, 0, sizeof(sim.job_states));
    memset(sim.disabled, 0, sizeof(sim.disabled));
    sim.version = 0;
    sim.execution_count = sim.lease_count = 0;
}

static void run_seed(uint64_t seed, size_t steps)
{
    struct pipeline pipeline;
    sim.seed = sim.random = seed;
    sim.step = 0;
    begin();
    plan_change(false);
    no_fault(pipeline_find(sim.tx, sim.caller.account, PIPELINE, &pipeline));
    (void)snprintf(sim.pipeline_id, sizeof(sim.pipeline_id), "%s", pipeline.id);
    for (; sim.step < steps; sim.step++) {
        sim.retried[0] = '\0';
        event_random();
        check();
    }
    sim.retried[0] = '\0';
    drain();
    tally();
    no_fault(pipeline_delete(sim.tx, &sim.platform, sim.caller.account, PIPELINE, NULL));
    if (scalar("SELECT count(*) FROM codepipeline_timer WHERE pipeline_id = $1") ||
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

static void world_open(const char *folder)
{
    const struct db_schema schemas[] = {
        {"iam", iam_migrations, IAM_MIGRATIONS},
        {"codepipeline", codepipeline_migrations, CODEPIPELINE_MIGRATION_COUNT},
    };
    const char *failed = NULL;
    (void)snprintf(sim.path, sizeof(sim.path), "%s/sim.db", folder);
    sim.now_ms = 1700000000000;
    clock_set(sim_clock);
    no_fault(db_open(sim.path, &sim.db));
    no_fault(db_migrate(sim.db, schemas, ARRAY_LEN(schemas), &failed));
    sim.platform = (struct platform){.db = sim.db, .region = "us-east-1"};
    (void)snprintf(sim.caller.account, sizeof(sim.caller.account), "222222222222");
    (void)snprintf(sim.caller.arn, sizeof(sim.caller.arn), "arn:aws:iam::222222222222:root");
}

int main(void)
{
    char folder[] = "/tmp/slipway-sim-XXXXXX";
    uint64_t one = setting("SIM_SEED", 0), seeds = setting("SIM_SEEDS", 300);
    size_t steps = setting("SIM_STEPS", 120);
    int missing = 0;
    if (!mkdtemp(folder))
        return 1;
    world_open(folder);
    sim.trace = one != 0;
    for (uint64_t seed = one ? one : 1; seed <= (one ? one : seeds); seed++)
        run_seed(seed, steps);
    for (size_t i = 0; i < COUNTS; i++) {
        (void)printf("%s %llu\n", count_names[i], (unsigned long long)sim.counts[i]);
        missing |= !one && sim.counts[i] == 0;
    }
    db_close(&sim.db);
    missing |= io_remove_tree(folder) != 0;
    if (missing)
        (void)fputs("something of the above never happened: the simulation does not try it any more\n",
                    stderr);
    return missing;
}
