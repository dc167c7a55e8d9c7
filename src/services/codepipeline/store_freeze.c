/* Freezes as they are stored: one that was ended or replaced stays on record. */
#include "base/clock.h"
#include "base/mem.h"
#include "services/codepipeline/store_freeze.h"
#include "services/codepipeline/show.h"
#include "services/codepipeline/store.h"
#include "services/iam/principal.h"
#include "wire/json.h"
#include <pthread.h>

static int freeze_read(struct rows *rows, struct flow *flow)
{
    struct freeze *freeze = mem_alloc(sizeof(*freeze));
    int r = freeze ? json_column(rows, 0, &freeze->spec) : FAULT(ENOMEM);

    if (r == 0)
        freeze->by = str_dup(rows_str(rows, 1));
    if (r == 0 && !freeze->by)
        r = FAULT(ENOMEM);
    if (r == 0)
        return flow_add_freeze(flow, freeze);
    if (freeze)
        freeze_free(freeze);
    return r;
}

/* Accounts in which write transactions lately found no freeze: so it stays, unless one is put, or the clock
 * goes back to before one's end. */
static struct {
    pthread_mutex_t lock;
    struct {
        uint64_t epoch; /* of the transaction; 0: nothing is known */
        int64_t since_ms;
        char account[13];
    } list[64];
} unfrozen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool unfrozen_has(struct tx *tx, const char *account, int64_t now_ms)
{
    size_t i = str_hash(str_of(account)) % ARRAY_LEN(unfrozen.list);
    bool has;

    if (!tx_writes(tx))
        return false;
    pthread_mutex_lock(&unfrozen.lock);
    has = unfrozen.list[i].epoch == tx_epoch(tx) && unfrozen.list[i].since_ms <= now_ms &&
          strcmp(unfrozen.list[i].account, account) == 0;
    pthread_mutex_unlock(&unfrozen.lock);
    return has;
}

/* `epoch` 0: it is not, from now on. */
static void unfrozen_set(const char *account, uint64_t epoch, int64_t now_ms)
{
    size_t i = str_hash(str_of(account)) % ARRAY_LEN(unfrozen.list);

    pthread_mutex_lock(&unfrozen.lock);
    unfrozen.list[i].epoch = epoch;
    unfrozen.list[i].since_ms = now_ms;
    str_copy(unfrozen.list[i].account, sizeof(unfrozen.list[i].account), account);
    pthread_mutex_unlock(&unfrozen.lock);
}

int freezes_load(struct tx *tx, const char *account, int64_t now_ms, struct flow *flow)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    if (unfrozen_has(tx, account, now_ms))
        return 0;
    r = tx_query(tx, &rows,
                 "SELECT spec, made_by FROM codepipeline_freeze WHERE account = $1 AND ended_ms = 0"
                 " AND ends_ms > $2 ORDER BY ordinal",
                 "si", account, now_ms);
    while (r == 0 && (r = rows_next(rows)) == 0)
        r = freeze_read(rows, flow);
    if (r == DB_NONE && flow->freeze_count == 0 && tx_writes(tx))
        unfrozen_set(account, tx_epoch(tx), now_ms);
    return r == DB_NONE ? 0 : r;
}

/* Who waits looks again, soon after this commits. */
static int waiting_look(struct tx *tx, const char *account, int64_t now_ms)
{
    tx_wake(tx, TOPIC_TIMERS);
    return tx_exec(
        tx,
        "INSERT INTO codepipeline_timer (kind, ref, pipeline_id, due_ms)"
        " SELECT $1, p.id, p.id, $3 FROM codepipeline_pipeline p WHERE p.account = $2 AND EXISTS"
        " (SELECT 1 FROM codepipeline_execution e WHERE e.pipeline_id = p.id AND e.place <> 'Ended')"
        " ON CONFLICT (kind, ref) DO UPDATE SET due_ms = excluded.due_ms",
        "ssi", TIMER_THAW, account, now_ms);
}

static int row_end(struct tx *tx, const char *account, const char *name, const char *who, const char *why,
                   int64_t now_ms, bool *ret_was)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows, "SELECT 1 FROM codepipeline_freeze WHERE account = $1 AND name = $2 AND ended_ms = 0",
        "ss", account, name);

    *ret_was = r == 0;
    if (r)
        return r == DB_NONE ? 0 : r;
    return tx_exec(tx,
                   "UPDATE codepipeline_freeze SET ended_ms = $3, ended_by = $4, ended_why = $5"
                   " WHERE account = $1 AND name = $2 AND ended_ms = 0",
                   "ssiss", account, name, now_ms, who, why);
}

static int limit_check(struct tx *tx, const char *account, int64_t now_ms, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT count(*) FROM codepipeline_freeze WHERE account = $1 AND ended_ms = 0"
                         " AND ends_ms > $2",
                         "si", account, now_ms);

    if (r)
        return r;
    if (rows_int(rows, 0) < FREEZES_MAX)
        return 0;
    return reason_set(why, PIPELINE_E_LIMIT, "There are %d freezes in force: end one first.", FREEZES_MAX);
}

static const char *state_of(const json_t *spec, int64_t ended_ms, int64_t now_ms)
{
    if (ended_ms || now_ms >= json_int(spec, "endsAt", INT64_MAX))
        return "Ended";
    return freeze_until(spec, now_ms) ? "Active" : "Scheduled";
}

/* rows: spec, made_by, made_ms, ended_ms, ended_by, ended_why */
static int freeze_show(struct rows *rows, json_t **ret)
{
    json_t *spec = NULL;
    int64_t now_ms = clock_now_ms(), until_ms, from_ms;
    int r = json_column(rows, 0, &spec);

    if (r)
        return r;
    until_ms = rows_int(rows, 3) ? 0 : freeze_until(spec, now_ms);
    from_ms = rows_int(rows, 3) || until_ms ? 0 : freeze_from(spec, now_ms);
    r = json_put_str(spec, "state", state_of(spec, rows_int(rows, 3), now_ms));
    if (r == 0)
        r = json_put_str(spec, "createdBy", rows_text(rows, 1));
    if (r == 0)
        r = json_put_int(spec, "createdAt", rows_int(rows, 2));
    if (r == 0 && until_ms && until_ms != INT64_MAX)
        r = json_put_int(spec, "holdsUntil", until_ms);
    if (r == 0 && from_ms)
        r = json_put_int(spec, "holdsFrom", from_ms);
    if (r == 0 && rows_int(rows, 3))
        r = json_put_int(spec, "endedAt", rows_int(rows, 3));
    if (r == 0 && !rows_null(rows, 4))
        r = json_put_str(spec, "endedBy", rows_text(rows, 4));
    if (r == 0 && !rows_null(rows, 5))
        r = json_put_str(spec, "endedWhy", rows_text(rows, 5));
    *ret = spec;
    return r;
}

#define SHOWN "spec, made_by, made_ms, ended_ms, ended_by, ended_why"

static int freeze_get(struct tx *tx, const char *account, const char *name, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT " SHOWN " FROM codepipeline_freeze WHERE account = $1 AND name = $2"
                         " AND ended_ms = 0",
                         "ss", account, name);

    return r ? r : freeze_show(rows, ret);
}

static int freeze_insert(struct tx *tx, const struct principal *caller, const json_t *spec, int64_t now_ms)
{
    CLEANUP(free_ptr) char *text = json_text(spec);
    char id[ID_UUID_SIZE];

    if (!text)
        return FAULT(ENOMEM);
    id_uuid(id);
    unfrozen_set(caller->account, 0, now_ms);
    return tx_exec(
        tx,
        "INSERT INTO codepipeline_freeze (id, account, ordinal, name, spec, made_ms, made_by, ends_ms,"
        " ended_ms) VALUES ($1, $2, (SELECT coalesce(max(ordinal), 0) + 1 FROM codepipeline_freeze"
        " WHERE account = $2), $3, $4, $5, $6, $7, 0)",
        "ssssisi", id, caller->account, json_str(spec, "name", ""), text, now_ms, caller->arn,
        json_int(spec, "endsAt", INT64_MAX));
}

int freeze_put(struct tx *tx, const struct principal *caller, const json_t *spec, json_t **ret,
               struct reason *why)
{
    int64_t now_ms = clock_now_ms();
    const char *name = json_str(spec, "name", "");
    bool was;
    int r = freeze_check(spec, why);

    if (r == 0 && json_int(spec, "endsAt", INT64_MAX) <= now_ms)
        return reason_set(why, PIPELINE_E_INVALID,
                          "The freeze '%s' would be over already: endsAt is in the past.", name);
    if (r == 0 && !freeze_until(spec, now_ms) && !freeze_from(spec, now_ms))
        return reason_set(
            why, PIPELINE_E_INVALID,
            "The freeze '%s' would never hold: its recurrence does not come between now and its "
            "end.",
            name);
    if (r == 0)
        r = row_end(tx, caller->account, name, caller->arn, "replaced", now_ms, &was);
    if (r == 0)
        r = limit_check(tx, caller->account, now_ms, why);
    if (r == 0)
        r = freeze_insert(tx, caller, spec, now_ms);
    if (r == 0)
        r = waiting_look(tx, caller->account, now_ms);
    return r ? r : freeze_get(tx, caller->account, name, ret);
}

int freeze_end(struct tx *tx, const struct principal *caller, const char *name, const char *reason,
               struct reason *why)
{
    int64_t now_ms = clock_now_ms();
    bool was;
    int r = row_end(tx, caller->account, name, caller->arn, reason, now_ms, &was);

    if (r == 0 && !was)
        return reason_set(why, PIPELINE_E_RESOURCE_NOT_FOUND,
                          "There is no freeze called '%s': ListFreezes lists them.", name);
    return r ? r : waiting_look(tx, caller->account, now_ms);
}

int freeze_list(struct tx *tx, const char *account, const struct freeze_query *query, json_t **ret,
                int64_t *ret_next)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int64_t last = 0;
    int r = tx_query(tx, &rows,
                     "SELECT " SHOWN ", ordinal FROM codepipeline_freeze WHERE account = $1 AND ordinal < $2"
                     " AND ($3 = 1 OR (ended_ms = 0 AND ends_ms > $4)) AND ($6 = '' OR name = $6)"
                     " ORDER BY ordinal DESC LIMIT $5",
                     "siiiis", account, query->before, (int64_t)query->ended, clock_now_ms(), query->max + 1,
                     query->name);

    *ret_next = 0;
    while (r == 0 && (r = rows_next(rows)) == 0) {
        json_t *one = NULL;

        if ((int64_t)json_array_size(list) == query->max) {
            *ret_next = last;
            break;
        }
        last = rows_int(rows, 6);
        r = freeze_show(rows, &one);
        if (json_array_append_new(list, one))
            r = FAULT(ENOMEM);
    }
    if (r < 0)
        return r;
    *ret = take(list);
    return *ret ? 0 : FAULT(ENOMEM);
}
