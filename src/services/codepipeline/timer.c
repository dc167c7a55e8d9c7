/* Timers: what the view codepipeline_due shows, served by one thread that sleeps until the next is due.
 *
 * The thread looks for the next due time within a write transaction: writers take turns, so each later one
 * sees the time that it planned to wake at and wakes it when its own timer is due earlier. */
#include "services/codepipeline/timer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wake.h"
#include "services/codepipeline/follow.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/prune.h"
#include "services/codepipeline/store.h"
#include "services/codepipeline/job_memory.h"
#include "services/service.h"
#include <pthread.h>
#include <stdatomic.h>

#define FIRE_MAX 100
#define RETRY_MS 1000   /* after a fault of the database */
#define FAULTY_MS 60000 /* after a fault of one timer */
#define PRUNE_EVERY_MS ((int64_t)3600 * 1000)
#define PRUNE_MAX 20 /* executions in one transaction */

static _Atomic int64_t planned_ms = INT64_MAX;

void timer_expect(struct tx *tx, int64_t due_ms)
{
    if (due_ms < atomic_load(&planned_ms))
        tx_wake(tx, TOPIC_TIMERS);
}

int timer_set(struct tx *tx, const char *kind, const char *ref, const char *pipeline_id, int64_t due_ms)
{
    timer_expect(tx, due_ms);
    return tx_exec(tx,
                   "INSERT INTO codepipeline_timer (kind, ref, pipeline_id, due_ms) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (kind, ref) DO UPDATE SET due_ms = excluded.due_ms",
                   "sssi", kind, ref, pipeline_id, due_ms);
}

int timer_clear(struct tx *tx, const char *kind, const char *ref)
{
    return tx_exec(tx, "DELETE FROM codepipeline_timer WHERE kind = $1 AND ref = $2", "ss", kind, ref);
}

/* ---- what each kind of timer does */

struct due {
    const struct platform *platform;
    const char *ref;
    const char *pipeline_id;
    int64_t now_ms;
};

/* A run that is still due is none that its pipeline knows: a fault, or it would be fired for ever. */
static int run_settled(struct tx *tx, const char *id)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT 1 FROM codepipeline_action WHERE id = $1 AND status = 'InProgress'"
                         " AND deadline_ms <= $2",
                         "si", id, clock_now_ms());

    return r == 0 ? FAULT(EBADMSG) : r;
}

static int fire_run(struct tx *tx, const struct due *due)
{
    struct flow_event event = {.kind = FLOW_TIMEOUT, .run_id = due->ref};
    struct pipeline pipeline;
    int r = pipeline_find_id(tx, due->pipeline_id, &pipeline);

    if (r == 0)
        r = flow_apply(tx, due->platform, &pipeline, &event, NULL, NULL);
    if (r == 0)
        r = run_settled(tx, due->ref);
    return r == DB_NONE ? 0 : r;
}

static int fire_lease(struct tx *tx, const struct due *due)
{
    struct job_row row;
    int r = job_find(tx, due->ref, &row);

    if (r)
        return r == DB_NONE ? 0 : r;
    if (job_expire(&row.job, due->now_ms))
        r = job_lose(tx, &row, "The worker did not extend its lease: the job is offered again.", due->now_ms);
    job_row_free(&row);
    return r;
}

static int fire_thaw(struct tx *tx, const struct due *due)
{
    struct flow_event event = {.kind = FLOW_LOOK};
    struct pipeline pipeline;
    int r = pipeline_find_id(tx, due->pipeline_id, &pipeline);

    if (r)
        return r == DB_NONE ? 0 : r;
    return flow_apply(tx, due->platform, &pipeline, &event, NULL, NULL);
}

static int fire_forget(struct tx *tx, const struct due *due)
{
    job_memory_forget();
    return tx_exec(tx, "DELETE FROM codepipeline_job WHERE id = $1", "s", due->ref);
}

static int fire_job(struct tx *tx, const struct due *due)
{
    return jobs_time_out(tx, due->platform, due->ref);
}

static int fire_follow(struct tx *tx, const struct due *due)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    struct pipeline pipeline;
    int r = pipeline_find_id(tx, due->pipeline_id, &pipeline);

    if (r == 0)
        r = pipeline_declaration(tx, pipeline.id, pipeline.version, &declaration);
    if (r)
        return r == DB_NONE ? 0 : r;
    return follow_put(tx, &pipeline, declaration);
}

static const struct {
    const char *kind;
    int (*fire)(struct tx *tx, const struct due *due);
} kinds[] = {{TIMER_RUN, fire_run},       {TIMER_LEASE, fire_lease},   {TIMER_THAW, fire_thaw},
             {TIMER_FORGET, fire_forget}, {TIMER_FOLLOW, fire_follow}, {TIMER_JOB, fire_job}};

static int fire(struct tx *tx, const struct platform *platform, const json_t *timer, int64_t now_ms)
{
    struct due due = {platform, json_str(timer, "ref", ""), json_str(timer, "pipeline", ""), now_ms};
    const char *kind = json_str(timer, "kind", "");
    int r = timer_clear(tx, kind, due.ref);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            r = kinds[i].fire(tx, &due);
    return r;
}

static int timers_due(struct tx *tx, int64_t now_ms, size_t max, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? tx_query(tx, &rows,
                            "SELECT kind, ref, pipeline_id, due_ms FROM codepipeline_due WHERE due_ms <= $1"
                            " ORDER BY due_ms LIMIT $2",
                            "ii", now_ms, (int64_t)max)
                 : FAULT(ENOMEM);

    while (r == 0 && (r = rows_next(rows)) == 0)
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", rows_text(rows, 0), "ref",
                                                  rows_text(rows, 1), "pipeline", rows_text(rows, 2))))
            r = FAULT(ENOMEM);
    if (r != DB_NONE)
        return r;
    *ret = take(list);
    return 0;
}

static int timers_next(struct tx *tx, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT due_ms FROM codepipeline_due ORDER BY due_ms LIMIT 1", "");

    if (r < 0)
        return r;
    *ret = r == DB_NONE ? INT64_MAX : rows_int(rows, 0);
    return 0;
}

int timers_fire(struct tx *tx, const struct platform *platform, int64_t now_ms, size_t max,
                int64_t *ret_next_ms)
{
    CLEANUP(json_free) json_t *list = NULL;
    const json_t *timer;
    size_t i;
    int r = timers_due(tx, now_ms, max, &list);

    json_array_foreach (list, i, timer) {
        r = fire(tx, platform, timer, now_ms);
        if (r)
            return r < 0 ? r : FAULT(EPROTO);
    }
    return r ? r : timers_next(tx, ret_next_ms);
}

/* ---- the thread */

struct clockwork {
    const struct platform *platform;
    pthread_t thread;
    _Atomic bool stopping;
    int64_t prune_ms; /* when old executions are looked for next */
    int64_t prune_cursor_ms;
};

static int fire_some(struct clockwork *clockwork, size_t max, int64_t *ret_next_ms)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(clockwork->platform->db, &tx);

    if (r == 0)
        r = timers_fire(tx, clockwork->platform, clock_now_ms(), max, ret_next_ms);
    if (r)
        return r;
    atomic_store(&planned_ms, *ret_next_ms);
    return db_commit(&tx);
}

/* A row of its own goes before what a job or a run says itself. */
static int postpone_first(struct clockwork *clockwork, int64_t due_ms)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(clockwork->platform->db, &tx);

    if (r == 0)
        r = tx_exec(tx,
                    "INSERT INTO codepipeline_timer (kind, ref, pipeline_id, due_ms)"
                    " SELECT kind, ref, pipeline_id, $1 FROM"
                    " (SELECT kind, ref, pipeline_id, due_ms FROM codepipeline_due ORDER BY due_ms, kind, "
                    "ref LIMIT 1) one"
                    " WHERE true ON CONFLICT (kind, ref) DO UPDATE SET due_ms = excluded.due_ms",
                    "i", due_ms);
    return r ? r : db_commit(&tx);
}

/* One round; *ret_next_ms: when to come again. A timer that cannot be served must not keep the others
 * waiting: after a fault they are taken one by one, and the one at fault later. */
static int round_run(struct clockwork *clockwork, int64_t *ret_next_ms)
{
    int r = fire_some(clockwork, FIRE_MAX, ret_next_ms);

    if (r)
        r = fire_some(clockwork, 1, ret_next_ms);
    if (r == 0)
        return 0;
    log_error("codepipeline", "a timer could not be served (%s): it is tried again in %d s",
              strerrordesc_np(-r), FAULTY_MS / 1000);
    *ret_next_ms = clock_now_ms();
    return postpone_first(clockwork, *ret_next_ms + FAULTY_MS);
}

/* One batch of what is older than the server keeps; *next_ms is moved to when to come again for more. */
static void prune(struct clockwork *clockwork, int64_t *next_ms)
{
    int64_t now_ms = clock_now_ms(), retain_ms = clockwork->platform->retain_ms, removed = 0;
    int r = 0;

    if (retain_ms && now_ms >= clockwork->prune_ms) {
        r = executions_prune(clockwork->platform->db, now_ms - retain_ms, PRUNE_MAX,
                             &clockwork->prune_cursor_ms, &removed);
        if (r)
            log_error("codepipeline", "old executions could not be removed: %s", strerrordesc_np(-r));
        clockwork->prune_ms = now_ms;
        if (r || clockwork->prune_cursor_ms == INT64_MAX) {
            clockwork->prune_cursor_ms = 0;
            clockwork->prune_ms = now_ms + (retain_ms < PRUNE_EVERY_MS ? retain_ms : PRUNE_EVERY_MS);
        }
    }
    if (retain_ms && clockwork->prune_ms < *next_ms)
        *next_ms = clockwork->prune_ms;
}

static void *clockwork_run(void *argument)
{
    struct clockwork *clockwork = argument;

    while (!atomic_load(&clockwork->stopping)) {
        wake_ticket ticket = wake_look(TOPIC_TIMERS);
        int64_t next_ms = INT64_MAX, now_ms, wait_ms;

        if (round_run(clockwork, &next_ms)) {
            log_error("codepipeline", "timers could not be served; trying again in %d ms", RETRY_MS);
            next_ms = clock_now_ms() + RETRY_MS;
        }
        prune(clockwork, &next_ms);
        now_ms = clock_now_ms();
        wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
        if (wait_ms && !atomic_load(&clockwork->stopping))
            wake_wait(TOPIC_TIMERS, ticket, next_ms == INT64_MAX ? INT64_MAX : clock_mono_ms() + wait_ms);
    }
    return NULL;
}

int timer_start(const struct platform *platform, void **ret_state)
{
    CLEANUP(free_ptr) struct clockwork *clockwork = mem_alloc(sizeof(*clockwork));
    int r;

    if (!clockwork)
        return FAULT(ENOMEM);
    clockwork->platform = platform;
    r = pthread_create(&clockwork->thread, NULL, clockwork_run, clockwork);
    if (r)
        return FAULT(r);
    *ret_state = take(clockwork);
    return 0;
}

void timer_stop(void *state)
{
    struct clockwork *clockwork = state;

    atomic_store(&clockwork->stopping, true);
    wake_signal(TOPIC_TIMERS);
    pthread_join(clockwork->thread, NULL);
    free(clockwork);
}
