/* What people do to the pipeline, and what they must be answered. */
#include "people_codepipeline.h"
#include "sim_codepipeline.h"
#include "services/codepipeline/store_freeze.h"
#include "services/iam/iam.h"
#include "wire/json.h"
#include <stdio.h>

void do_start(void)
{
    CLEANUP(json_free) json_t *in = json_pack("{s:s}", "name", PIPELINE);
    char id[ID_UUID_SIZE];
    if (sim.execution_count + 1 == EXECUTIONS)
        return;
    say("start");
    if (no_fault(execution_start(sim.tx, &sim.platform, &sim.caller, in, id, NULL)))
        broken("the start is refused");
    sim.counts[COUNT_QUEUED] += sim.plans[sim.version].mode == MODE_QUEUED;
    sim.counts[COUNT_PARALLEL] += sim.plans[sim.version].mode == MODE_PARALLEL;
}

/* Mostly one of the latest. */
static const struct seen_execution *execution_random(void)
{
    size_t back = random_below(chance(4) ? sim.execution_count + 1 : 4);
    return back < sim.execution_count ? &sim.executions[sim.execution_count - 1 - back] : NULL;
}

void do_stop(void)
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

/* `sql` counts by the pipeline and the execution. */
static int64_t scalar_of(const char *sql, const char *execution_id, const char *stage)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    if (no_fault(tx_query_row(sim.tx, &rows, sql, "sss", sim.pipeline_id, execution_id, stage)))
        broken("no row: %s", sql);
    return rows_int(rows, 0);
}

int64_t history_of(const char *what)
{
    return scalar_of(
        "SELECT count(*) FROM codepipeline_history WHERE pipeline_id = $1 AND what = $2 AND $3 = ''", what,
        "");
}

static int64_t successes_replaced(const char *execution_id)
{
    return scalar_of("SELECT count(*) FROM codepipeline_action WHERE pipeline_id = $1 AND execution_id = $2"
                     " AND replaced <> 0 AND status = 'Succeeded' AND stage <> $3 AND phase = ''",
                     execution_id, "");
}

/* Actions of a stage in which others are under way. */
static int64_t failed_beside(const char *execution_id, const char *stage)
{
    return scalar_of(
        "SELECT count(*) FROM codepipeline_action f WHERE f.pipeline_id = $1 AND f.execution_id = $2"
        " AND f.stage = $3 AND f.phase = '' AND f.replaced = 0 AND f.status IN ('Failed', 'Abandoned')"
        " AND EXISTS (SELECT 1 FROM codepipeline_action a WHERE a.execution_id = f.execution_id"
        " AND a.phase = '' AND a.status = 'InProgress')",
        execution_id, stage);
}

/* After it did: one that a freeze held may come after a newer one that it let through, whose actions go on.
 * An entry's row is the first of its stage run. */
#define ENTRY(of)                                                                                            \
    "(SELECT min(a.rowid) FROM codepipeline_action a WHERE a.execution_id = " of " AND a.stage = $3"         \
    " AND a.stage_run = (SELECT max(l.stage_run) FROM codepipeline_action l WHERE l.execution_id = " of      \
    " AND l.stage = $3))"

static int64_t newer_entered(const char *execution_id, const char *stage)
{
    return scalar_of("SELECT count(*) FROM codepipeline_execution e WHERE e.pipeline_id = $1"
                     " AND e.seq > (SELECT seq FROM codepipeline_execution WHERE id = $2)"
                     " AND " ENTRY("e.id") " > coalesce(" ENTRY("$2") ", 0)",
                     execution_id, stage);
}

void do_retry(void)
{
    const struct seen_execution *execution = execution_random();
    bool all = chance(2);
    if (!execution)
        return;
    const char *stage = chance(8) ? "S1" : stage_of(execution);
    int64_t replaced = successes_replaced(execution->id), itself = history_of("retried-automatically");
    int64_t newer = newer_entered(execution->id, stage);
    bool beside = is(execution->status, "InProgress") && failed_beside(execution->id, stage) > 0;
    CLEANUP(json_free)
    json_t *in =
        json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", PIPELINE, "pipelineExecutionId", execution->id,
                  "stageName", stage, "retryMode", all ? "ALL_ACTIONS" : "FAILED_ACTIONS");
    int r = no_fault(execution_retry(sim.tx, &sim.platform, &sim.caller, in, NULL));
    say("retry %zd %s all %d: %d", execution - sim.executions, stage, all, r);
    if (beside && (r == 0) == all)
        broken("a retry of %s beside what is under way: %d", all ? "all actions" : "failed actions", r);
    if (r)
        return;
    if (!is(execution->status, "Failed") && !is(execution->status, "Stopped") && !beside)
        broken("an execution that is %s was retried", execution->status);
    if (!all && successes_replaced(execution->id) != replaced &&
        history_of("retried-automatically") == itself)
        broken("a retry of failed actions repeats one that succeeded");
    if (execution->plan->mode != MODE_PARALLEL && newer)
        broken("an older execution was retried in %s", stage);
    (void)snprintf(sim.retried, sizeof(sim.retried), "%s", execution->id);
    sim.counts[beside ? COUNT_RETRIED_BESIDE : COUNT_RETRIED]++;
}

/* Of a condition in an execution, as stored: "" when it was not looked at. */
static void condition_status_of(const char *execution_id, const char *stage, const char *type, char ret[16])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(free_ptr) char *path = NULL;
    if (asprintf(&path, "$.conditions.%s.%s.status", stage, type) < 0 ||
        no_fault(tx_query_row(sim.tx, &rows,
                              "SELECT coalesce(json_extract(data, $2), '') FROM codepipeline_execution"
                              " WHERE id = $1",
                              "ss", execution_id, path)))
        broken("no row");
    (void)snprintf(ret, 16, "%s", rows_text(rows, 0));
}

void do_override(void)
{
    const struct seen_execution *execution = execution_random();
    const char *type = chance(2) ? "BEFORE_ENTRY" : "ON_SUCCESS";
    char status[16];
    if (!execution)
        return;
    const char *stage = stage_of(execution);
    condition_status_of(execution->id, stage, type, status);
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", PIPELINE, "pipelineExecutionId",
                           execution->id, "stageName", stage, "conditionType", type);
    bool latest =
        execution->plan->mode == MODE_PARALLEL ||
        scalar_of("SELECT count(*) FROM codepipeline_stage s WHERE s.pipeline_id = $1 AND s.stage = $3"
                  " AND s.last_id = $2",
                  execution->id, stage);
    bool may = (is(status, "InProgress") && is(execution->place, "Running") &&
                is(execution->status, "InProgress")) ||
               (latest && is(status, "Failed") && is(execution->status, "Failed"));
    int r = no_fault(condition_override(sim.tx, &sim.platform, &sim.caller, in, NULL));
    say("override of %s of %s for %zd: %d", type, stage, execution - sim.executions, r);
    if ((r == 0) != may)
        broken("overriding a condition that is '%s' of an execution that is %s is answered %d", status,
               execution->status, r);
    if (r)
        return;
    (void)snprintf(sim.retried, sizeof(sim.retried), "%s", execution->id);
    sim.counts[COUNT_OVERRIDDEN]++;
}

/* By what is stored: it got past the stage, and all of its actions there succeeded in the end. */
static bool succeeded_in(const struct seen_execution *execution, const char *stage)
{
    size_t index = 0;
    while (index < execution->plan->count && !is(execution->plan->stages[index], stage))
        index++;
    return index < execution->plan->count &&
           (execution->stage > index || is(execution->status, "Succeeded")) &&
           scalar_of("SELECT count(DISTINCT action) FROM codepipeline_action WHERE pipeline_id = $1"
                     " AND execution_id = $2 AND stage = $3 AND status = 'Succeeded' AND replaced = 0"
                     " AND phase = ''",
                     execution->id, stage) == (int64_t)execution->plan->actions[index];
}

static bool stage_runs(const char *stage)
{
    for (size_t i = 0; i < sim.execution_count; i++)
        if (is(sim.executions[i].place, "Running") && is(stage_of(&sim.executions[i]), stage) &&
            sim.executions[i].plan->mode != MODE_PARALLEL)
            return true;
    return false;
}

/* Mostly one that got past its first stage. */
static const struct seen_execution *target_random(void)
{
    const struct seen_execution *target = execution_random();
    for (size_t i = sim.execution_count; target && target->stage == 0 && !chance(8) && i > 0; i--)
        target = &sim.executions[i - 1];
    return target;
}

void do_rollback(void)
{
    const struct seen_execution *target = target_random();
    char id[ID_UUID_SIZE];
    if (!target || sim.execution_count + 1 == EXECUTIONS)
        return;
    const char *stage = target->plan->stages[random_below(target->stage + 1)];
    CLEANUP(json_free)
    json_t *in = json_pack("{s:s, s:s, s:s, s:b}", "pipelineName", PIPELINE, "stageName", stage,
                           "targetPipelineExecutionId", target->id, "dryRun", chance(4));
    bool may = succeeded_in(target, stage) && !is(stage, "S0") && target->plan->mode != MODE_PARALLEL &&
               sim.plans[sim.version].mode != MODE_PARALLEL && !stage_runs(stage) &&
               !sim.disabled[stage[1] - '0'];
    int r = no_fault(execution_rollback(sim.tx, &sim.platform, &sim.caller, in, id, NULL));
    say("rollback of %s to %zd: %d", stage, target - sim.executions, r);
    if ((r == 0) != may)
        broken("a rollback that %s be is answered %d", may ? "may" : "must not", r);
    sim.counts[COUNT_ROLLED_BACK] += r == 0 && id[0];
}

void transition(size_t stage, bool enable)
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

void do_transition(void)
{
    transition(random_below(STAGES), !chance(3));
}

/* Who of three people answers; true: has approved that one already. */
static bool person_random(const char *token, struct principal *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    *ret = sim.caller;
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::222222222222:user/p%d", (int)random_below(3));
    if (no_fault(tx_query_row(sim.tx, &rows,
                              "SELECT count(*) FROM codepipeline_action WHERE token = $1"
                              " AND json_extract(detail, '$.approval.given') LIKE '%' || $2 || '%'",
                              "ss", token, ret->arn)))
        broken("no row");
    return rows_int(rows, 0) != 0;
}

bool approve(const char *where, bool yes)
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
    struct principal person;
    bool again = person_random(rows_text(rows, 0), &person) && yes;
    rows_close(&rows);
    int64_t at_ms;
    r = no_fault(approval_put(sim.tx, &sim.platform, &person, in, &at_ms, NULL));
    say("approval %d of an %s one by %s: %d", yes, open ? "open" : "ended", person.arn, r);
    sim.counts[COUNT_APPROVED_AGAIN] += open && again;
    if (r != (open && !again ? 0 : PIPELINE_E_APPROVAL_COMPLETED))
        broken("the answer is %d", r);
    return true;
}

void do_approve(void)
{
    (void)approve(chance(8) ? "ended" : NULL, !chance(6));
}

void thaw(size_t index)
{
    char name[] = {'f', (char)('0' + index), 0};
    int r = no_fault(freeze_end(sim.tx, &sim.caller, name, "over", NULL));
    say("freeze %s ends: %d", name, r);
    if ((r == 0) != sim.freezes[index].on)
        broken("the end of a freeze is answered %d", r);
    sim.freezes[index].on = false;
    fire();
}

/* Its name is that of its row: putting it again replaces it. */
void do_freeze(void)
{
    size_t index = random_below(FREEZES);
    struct sim_freeze *freeze = &sim.freezes[index];
    char name[] = {'f', (char)('0' + index), 0};
    if (chance(2)) {
        thaw(index);
        return;
    }
    *freeze = (struct sim_freeze){.on = true, .ends_ms = sim.now_ms + 1 + (int64_t)random_below(600000)};
    CLEANUP(json_free)
    json_t *spec = json_pack("{s:s, s:s, s:I, s:[]}", "name", name, "reason", "r", "endsAt",
                             (json_int_t)freeze->ends_ms, "environments");
    CLEANUP(json_free) json_t *shown = NULL;
    for (size_t i = 0; i < STAGES; i++) {
        char stage[] = {'S', (char)('0' + i), 0};
        freeze->stages[i] = chance(3);
        if (freeze->stages[i])
            json_array_append_new(json_object_get(spec, "environments"), json_string(stage));
    }
    if (sim.execution_count && chance(2)) {
        memcpy(freeze->allowed, sim.executions[random_below(sim.execution_count)].id, ID_UUID_SIZE);
        json_object_set_new(spec, "allow", json_pack("[s]", freeze->allowed));
    }
    if (no_fault(freeze_put(sim.tx, &sim.caller, spec, &shown, NULL)))
        broken("a freeze is refused");
    say("freeze %s", name);
    fire();
}

void role_set(enum sim_role state)
{
    static const char form[] = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", "
                               "\"Principal\": {\"AWS\": \"%s\"}, \"Action\": \"sts:AssumeRole\"}]}";
    char trust[sizeof(form) + 12];
    (void)snprintf(trust, sizeof(trust), form, state == ROLE_TRUSTS ? sim.caller.account : "444444444444");
    const struct role_spec spec = {.name = THEIR_ROLE, .trust_policy = trust};
    int r = state != ROLE_ABSENT      ? role_put(sim.tx, &sim.platform, THEIRS, &spec, false, NULL, NULL)
            : sim.role != ROLE_ABSENT ? role_delete(sim.tx, &sim.platform, THEIRS, THEIR_ROLE, true, NULL)
                                      : 0;
    say("role %d", (int)state);
    if (no_fault(r))
        broken("the role is refused: %d", r);
    sim.role = state;
}

void do_role(void)
{
    role_set((enum sim_role)random_below(3));
}

void do_update(void)
{
    if (chance(4))
        plan_change(false);
}
