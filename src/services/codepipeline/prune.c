/* Removing what is old. */
#include "services/codepipeline/prune.h"
#include "services/codepipeline/job_memory.h"
#include "base/id.h"
#include "wire/json.h"

#define HISTORY_MAX 500 /* rows of one pipeline in one go */

/* Looked up aside of the writers: [{id, pipeline, account, name, at}] */
static int find(struct db *db, int64_t cutoff_ms, int64_t max, int64_t cursor_ms, json_t **ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? db_read(db, &tx) : FAULT(ENOMEM);

    if (r == 0)
        r = tx_query(
            tx, &rows,
            "SELECT e.id, e.pipeline_id, p.account, p.name, e.updated_ms FROM codepipeline_execution e"
            " JOIN codepipeline_pipeline p ON p.id = e.pipeline_id"
            " WHERE e.place = 'Ended' AND e.updated_ms >= $1 AND e.updated_ms < $2 AND e.seq < p.last_seq"
            " AND NOT EXISTS (SELECT 1 FROM codepipeline_stage s WHERE s.pipeline_id = e.pipeline_id"
            " AND (s.last_id = e.id OR s.good_id = e.id)) ORDER BY e.updated_ms LIMIT $3",
            "iii", cursor_ms, cutoff_ms, max);
    while (r == 0 && (r = rows_next(rows)) == 0)
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:s, s:I}", "id", rows_text(rows, 0), "pipeline",
                                            rows_text(rows, 1), "account", rows_text(rows, 2), "name",
                                            rows_text(rows, 3), "at", (json_int_t)rows_int(rows, 4))))
            return FAULT(ENOMEM);
    if (r != DB_NONE)
        return r;
    *ret = take(list);
    return 0;
}

static int history_remove(struct tx *tx, const json_t *execution, int64_t cutoff_ms)
{
    return tx_exec(
        tx,
        "DELETE FROM codepipeline_history WHERE id IN (SELECT id FROM (SELECT id, at_ms"
        " FROM codepipeline_history h WHERE account = $1 AND pipeline = $2 AND NOT EXISTS"
        " (SELECT 1 FROM codepipeline_execution e WHERE e.id = h.execution_id) ORDER BY ordinal LIMIT $4) "
        "oldest"
        " WHERE at_ms < $3)",
        "ssii", json_str(execution, "account", ""), json_str(execution, "name", ""), cutoff_ms,
        (int64_t)HISTORY_MAX);
}

/* It may have been retried since it was found. */
static int remove_one(struct tx *tx, const json_t *execution, int64_t cutoff_ms, int64_t *removed)
{
    const char *id = json_str(execution, "id", "");
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows,
        "SELECT 1 FROM codepipeline_execution WHERE id = $1 AND place = 'Ended' AND updated_ms < $2", "si",
        id, cutoff_ms);

    if (r)
        return r == DB_NONE ? 0 : r;
    job_memory_forget();
    r = tx_exec(tx,
                "DELETE FROM codepipeline_job WHERE id IN"
                " (SELECT job_id FROM codepipeline_action WHERE execution_id = $1)",
                "s", id);
    if (r == 0)
        r = tx_exec(tx, "DELETE FROM codepipeline_action WHERE execution_id = $1", "s", id);
    if (r == 0)
        r = tx_exec(tx, "DELETE FROM codepipeline_execution WHERE id = $1", "s", id);
    if (r == 0)
        r = history_remove(tx, execution, cutoff_ms);
    (*removed)++;
    return r;
}

int executions_prune(struct db *db, int64_t cutoff_ms, int64_t max, int64_t *cursor_ms, int64_t *ret_removed)
{
    CLEANUP(json_free) json_t *list = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    const json_t *execution;
    size_t i;
    int r = find(db, cutoff_ms, max, *cursor_ms, &list);

    *ret_removed = 0;
    if (r)
        return r;
    if (json_array_size(list) == 0) {
        *cursor_ms = INT64_MAX;
        return 0;
    }
    r = db_begin(db, &tx);
    json_array_foreach (list, i, execution) {
        if (r == 0)
            r = remove_one(tx, execution, cutoff_ms, ret_removed);
        *cursor_ms = json_int(execution, "at", *cursor_ms);
    }
    return r ? r : db_commit(&tx);
}
