/* What must hold after every step: the invariants of flow.h and of the room's README, read from the tables by
 * SQL of its own. */
#include "people_codepipeline.h"
#include "sim_codepipeline.h"
#include "base/io.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void broken(const char *fmt, ...)
{
    va_list args;
    (void)fprintf(stderr, "SIM_SEED=%llu step %zu, after %s: ", (unsigned long long)sim.seed, sim.step,
                  sim.event);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    if (io_remove_tree(sim.folder))
        (void)fprintf(stderr, "%s stays behind\n", sim.folder);
    exit(1);
}

int no_fault(int r)
{
    if (r < 0)
        broken("fault %d", r);
    return r;
}

int64_t scalar(const char *sql)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (no_fault(tx_query_row(sim.tx, &rows, sql, "s", sim.pipeline_id)))
        broken("no row: %s", sql);
    return rows_int(rows, 0);
}

bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

const char *stage_of(const struct seen_execution *execution)
{
    return execution->plan->stages[execution->stage];
}

static void check_change(const struct seen_execution *before, const struct seen_execution *now)
{
    if (is(before->place, "Ended") && (!is(now->place, "Ended") || !is(now->status, before->status)) &&
        !is(now->id, sim.retried))
        broken("ended execution %s went from %s to %s", now->id, before->status, now->status);
    if (now->rollback && now->stage != before->stage)
        broken("rollback %s left its stage %zu for %zu", now->id, before->stage, now->stage);
    if (now->stage < before->stage)
        broken("execution %s went back from stage %zu to %zu", now->id, before->stage, now->stage);
}

static void executions_read(void)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    size_t i = 0;
    int r = tx_query(sim.tx, &rows,
                     "SELECT id, version, status, place, stage, stage_run, data, (SELECT count(*)"
                     " FROM codepipeline_action a WHERE a.execution_id = e.id AND a.phase IN ('', "
                     "'BEFORE_ENTRY'))"
                     " FROM codepipeline_execution e WHERE pipeline_id = $1 ORDER BY seq",
                     "s", sim.pipeline_id);
    for (; r == 0 && no_fault(rows_next(rows)) == 0; i++) {
        struct seen_execution *seen = &sim.executions[i], before = *seen;
        (void)snprintf(seen->id, sizeof(seen->id), "%s", rows_text(rows, 0));
        seen->plan = &sim.plans[rows_int(rows, 1)];
        (void)snprintf(seen->status, sizeof(seen->status), "%s", rows_text(rows, 2));
        (void)snprintf(seen->place, sizeof(seen->place), "%s", rows_text(rows, 3));
        seen->stage = (size_t)rows_int(rows, 4);
        seen->stage_run = rows_int(rows, 5);
        seen->begun = rows_int(rows, 7);
        seen->begins = i < sim.execution_count && before.stage == seen->stage &&
                       is(before.place, "Running") && is(seen->place, "Running") &&
                       seen->begun > before.begun;
        seen->rollback = strstr(rows_text(rows, 6), "\"rollback\":") != NULL;
        seen->rolled_back_itself = strstr(rows_text(rows, 6), "\"AutomatedRollback\"") != NULL;
        seen->entered = i >= sim.execution_count ? is(seen->place, "Running")
                                                 : is(before.place, "Waiting") && is(seen->place, "Running");
        seen->waited = i < sim.execution_count && is(before.place, "Waiting") && before.stage == seen->stage;
        seen->superseded = is(seen->status, "Superseded") && !is(before.status, "Superseded");
        if (i < sim.execution_count)
            check_change(&before, seen);
    }
    sim.execution_count = i;
}

static bool stage_disabled(const char *stage)
{
    return sim.disabled[stage[1] - '0'];
}

static bool stage_frozen(const struct seen_execution *execution)
{
    for (size_t i = 0; !execution->rollback && i < FREEZES; i++)
        if (sim.freezes[i].on && sim.freezes[i].stages[stage_of(execution)[1] - '0'] &&
            sim.freezes[i].ends_ms > sim.now_ms && !is(sim.freezes[i].allowed, execution->id))
            return true;
    return false;
}

static void check_pair(const struct seen_execution *older, const struct seen_execution *newer,
                       const char *place)
{
    bool apart = older->plan->mode == MODE_PARALLEL || newer->plan->mode == MODE_PARALLEL;
    bool in_order =
        is(place, "Waiting") && (older->plan->mode == MODE_QUEUED || newer->plan->mode == MODE_QUEUED ||
                                 (stage_frozen(newer) && !stage_frozen(older)));
    if (is(older->place, place) && is(newer->place, place) && is(stage_of(older), stage_of(newer)) &&
        !apart && !in_order)
        broken("executions %s and %s are both %s at %s", older->id, newer->id, place, stage_of(older));
}

/* Nobody overtakes who was waiting already. */
static void check_order(const struct seen_execution *older, const struct seen_execution *newer)
{
    if (is(older->place, "Waiting") && older->waited && newer->entered && !newer->rollback &&
        newer->plan->mode != MODE_PARALLEL && older->plan->mode != MODE_PARALLEL && !stage_frozen(older) &&
        is(stage_of(older), stage_of(newer)))
        broken("execution %s entered %s before %s", newer->id, stage_of(newer), older->id);
}

/* What only waits for people and windows does not hold up what is newer. */
static void check_pressing(const struct seen_execution *older, const struct seen_execution *newer)
{
    if (!is(older->place, "Running") || !is(newer->place, "Waiting") ||
        !is(stage_of(older), stage_of(newer)) || older->plan->mode != MODE_SUPERSEDED ||
        newer->plan->mode != MODE_SUPERSEDED || older->rollback || stage_disabled(stage_of(older)) ||
        stage_frozen(older) || stage_frozen(newer) || !is(older->status, "InProgress"))
        return;
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (no_fault(tx_query_row(sim.tx, &rows,
                              "SELECT count(*) FROM codepipeline_action WHERE execution_id = $1"
                              " AND status = 'InProgress' AND token = ''"
                              " AND json_extract(detail, '$.opensMs') IS NULL",
                              "s", older->id)))
        broken("no row");
    if (rows_int(rows, 0) == 0)
        broken("execution %s only waits for an approval or a window before %s", older->id, newer->id);
}

static void check_waiting(size_t index)
{
    const struct seen_execution *waiting = &sim.executions[index];
    bool held = stage_disabled(stage_of(waiting)) || stage_frozen(waiting);
    for (size_t i = 0; waiting->plan->mode != MODE_PARALLEL && i < sim.execution_count; i++)
        held = held ||
               (is(sim.executions[i].place, "Running") && sim.executions[i].plan->mode != MODE_PARALLEL &&
                is(stage_of(&sim.executions[i]), stage_of(waiting)));
    if (waiting->rollback)
        broken("rollback %s waits", waiting->id);
    if (!held)
        broken("execution %s waits before the free stage %s", waiting->id, stage_of(waiting));
    if (is(waiting->status, "Stopping"))
        broken("execution %s waits while it is stopping", waiting->id);
}

/* It has come before that stage; it may have been skipped or have failed there within the same step. */
static bool came_before(const struct seen_execution *execution, const char *stage)
{
    for (size_t i = 0; i < execution->plan->count && i <= execution->stage; i++)
        if (is(execution->plan->stages[i], stage))
            return true;
    return false;
}

static void check_superseded(size_t index)
{
    for (size_t i = index + 1; sim.executions[index].plan->mode == MODE_SUPERSEDED && i < sim.execution_count;
         i++)
        if (sim.executions[i].plan->mode == MODE_SUPERSEDED &&
            came_before(&sim.executions[i], stage_of(&sim.executions[index])))
            return;
    broken("execution %s was superseded by no newer one", sim.executions[index].id);
}

/* The action runs of the present stage run, in declaration's order. */
static void check_runs(const struct seen_execution *execution)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const struct sim_plan *plan = execution->plan;
    char states[ACTIONS][16] = {{0}};
    bool under_way = false;
    int r = tx_query(sim.tx, &rows,
                     "SELECT action, status, stage, phase FROM codepipeline_action"
                     " WHERE execution_id = $1 AND stage_run = $2 AND replaced = 0",
                     "si", execution->id, execution->stage_run);
    while (r == 0 && no_fault(rows_next(rows)) == 0) {
        size_t index = (size_t)(rows_text(rows, 0)[1] - '0');
        if (rows_text(rows, 3)[0]) {
            under_way = under_way || is(rows_text(rows, 1), "InProgress");
            continue;
        }
        if (!is(rows_text(rows, 2), stage_of(execution)) || states[index][0])
            broken("action %s runs twice or in the wrong stage", rows_text(rows, 0));
        (void)snprintf(states[index], sizeof(states[index]), "%s", rows_text(rows, 1));
        under_way = under_way || is(states[index], "InProgress");
    }
    if (!under_way && stage_frozen(execution))
        sim.counts[COUNT_FROZEN]++;
    else if (!under_way)
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
     " AND a.token = '' AND json_extract(a.detail, '$.opensMs') IS NULL"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_job j WHERE j.id = a.job_id"
     " AND j.status IN ('Queued', 'Dispatched', 'InProgress'))",
     "an action under way has a job on offer or leased: none is lost"},
    {"SELECT count(*) FROM codepipeline_job j LEFT JOIN codepipeline_action a ON a.job_id = j.id"
     " WHERE j.pipeline_id = $1 AND j.status IN ('Queued', 'Dispatched', 'InProgress')"
     " AND (a.status IS NULL OR a.status <> 'InProgress')",
     "an open job belongs to an action under way"},
    {"SELECT count(*) FROM codepipeline_job j WHERE j.pipeline_id = $1 AND j.status = 'InProgress'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_due t WHERE t.kind = 'lease' AND t.ref = j.id"
     " AND t.due_ms = j.due_ms AND j.due_ms > 0)",
     "a leased job has a timer"},
    {"SELECT count(*) FROM codepipeline_action a WHERE a.pipeline_id = $1 AND a.status = 'InProgress'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_due t WHERE t.kind = 'run' AND t.ref = a.id"
     " AND t.due_ms = a.deadline_ms)",
     "an action under way has a timer"},
    {"SELECT count(*) FROM codepipeline_execution e WHERE e.pipeline_id = $1 AND e.place = 'Ended'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_history h WHERE h.pipeline_id = $1 AND h.execution_id = "
     "e.id"
     " AND h.what = e.status AND (e.status = 'Succeeded' OR length(h.why) > 0))",
     "every end has a reason"},
    {"SELECT count(*) FROM codepipeline_history h WHERE h.pipeline_id = $1 AND h.action IS NOT NULL"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_action a WHERE a.execution_id = h.execution_id"
     " AND a.stage = h.stage AND a.action = h.action)",
     "the history says where it happened"},
    {"SELECT count(*) FROM codepipeline_history WHERE pipeline_id = $1 AND what LIKE 'transition-%'"
     " AND stage IS NULL",
     "the history says which transition it was"},
    {"SELECT count(*) FROM codepipeline_action a JOIN codepipeline_execution e ON e.id = a.execution_id"
     " WHERE a.pipeline_id = $1 AND a.phase = '' AND a.stage_run = e.stage_run AND e.place = 'Running'"
     " AND a.replaced = 0"
     " AND json_extract(e.data, '$.conditions.' || a.stage || '.BEFORE_ENTRY.status') IN ('InProgress', "
     "'Failed')",
     "no action runs before the stage's entry condition is met"},
    {"SELECT count(*) FROM codepipeline_execution WHERE pipeline_id = $1 AND place <> 'Running'"
     " AND json_extract(data, '$.conditions') LIKE '%InProgress%'",
     "only an execution in its stage is asked conditions"},
    {"SELECT count(*) FROM codepipeline_action a JOIN codepipeline_execution e ON e.id = a.execution_id"
     " WHERE a.pipeline_id = $1 AND a.phase <> '' AND json_extract(e.data, '$.rollback') IS NOT NULL",
     "a rollback is asked no conditions"},
    {"SELECT count(*) FROM codepipeline_history WHERE pipeline_id = $1 AND what = 'rollback-refused'"
     " AND why LIKE '% is running execution %'",
     "nobody enters before the rollback of a failure"},
    {"SELECT count(*) FROM codepipeline_action a WHERE a.pipeline_id = $1 AND a.status = 'InProgress'"
     " AND a.phase <> '' AND EXISTS (SELECT 1 FROM codepipeline_action f WHERE f.execution_id = "
     "a.execution_id"
     " AND f.stage_run = a.stage_run AND f.stage = a.stage AND f.phase = a.phase AND f.status = 'Failed'"
     " AND f.replaced = 0)",
     "a condition with a failed rule asks no others"},
    {"SELECT (SELECT count(*) FROM codepipeline_due WHERE pipeline_id = $1)"
     " - (SELECT count(*) FROM codepipeline_timer WHERE pipeline_id = $1 AND kind IN ('thaw', 'forget'))"
     " - (SELECT count(*) FROM codepipeline_job WHERE pipeline_id = $1 AND status = 'InProgress')"
     " - (SELECT count(*) FROM codepipeline_action WHERE pipeline_id = $1 AND status = 'InProgress')",
     "nothing else has timers"},
};

/* `sql` gives each row's status, id and number since the seed's begin; `first_row` is the number before. */
static void check_ends(const char *sql, int64_t first_row, char states[ROWS][16], const char *what)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(sim.tx, &rows, sql, "si", sim.pipeline_id, first_row);
    while (r == 0 && no_fault(rows_next(rows)) == 0) {
        int64_t i = rows_int(rows, 2);
        if (i < 0 || i >= ROWS)
            continue;
        bool open = is(states[i], "") || is(states[i], "Queued") || is(states[i], "InProgress");
        if (!open && !is(states[i], rows_text(rows, 0)))
            broken("the %s %s went from %s to %s", what, rows_text(rows, 1), states[i], rows_text(rows, 0));
        (void)snprintf(states[i], 16, "%s", rows_text(rows, 0));
    }
}

/* Nothing is offered to act in a role that does not trust the pipeline's account. */
static void check_role(void)
{
    int64_t newest = scalar("SELECT coalesce(max(rowid), 0) FROM codepipeline_job WHERE pipeline_id = $1"
                            " AND account = '" THEIRS "'");
    if (newest > sim.their_job && sim.role != ROLE_TRUSTS)
        broken("a job is offered in a role that is not the pipeline's to have");
    sim.their_job = newest;
}

void check(void)
{
    if (sim.trace)
        (void)printf("%5zu %s\n", sim.step, sim.event);
    executions_read();
    for (size_t i = 0; i < sim.execution_count; i++) {
        for (size_t k = i + 1; k < sim.execution_count && !is(sim.executions[i].place, "Ended"); k++) {
            check_pair(&sim.executions[i], &sim.executions[k], "Running");
            check_pair(&sim.executions[i], &sim.executions[k], "Waiting");
            check_pressing(&sim.executions[i], &sim.executions[k]);
            check_order(&sim.executions[i], &sim.executions[k]);
        }
        if (sim.executions[i].superseded)
            check_superseded(i);
        if (sim.executions[i].entered && stage_frozen(&sim.executions[i]))
            broken("execution %s entered the frozen stage %s", sim.executions[i].id,
                   stage_of(&sim.executions[i]));
        if (sim.executions[i].entered && stage_disabled(stage_of(&sim.executions[i])))
            broken("execution %s entered %s past its disabled transition", sim.executions[i].id,
                   stage_of(&sim.executions[i]));
        if (sim.executions[i].begins && stage_frozen(&sim.executions[i]))
            broken("execution %s began something in the frozen stage %s", sim.executions[i].id,
                   stage_of(&sim.executions[i]));
        if (is(sim.executions[i].place, "Waiting"))
            check_waiting(i);
        else if (is(sim.executions[i].place, "Running"))
            check_runs(&sim.executions[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (scalar(rules[i].sql))
            broken("rule broken: %s", rules[i].rule);
    check_role();
    check_picture();
    if (sim.step % 8)
        return;
    check_ends("SELECT status, id, rowid - $2 FROM codepipeline_action WHERE pipeline_id = $1",
               sim.first_action, sim.action_states, "action");
    check_ends("SELECT status, id, rowid - $2 FROM codepipeline_job WHERE pipeline_id = $1", sim.first_job,
               sim.job_states, "job");
}
