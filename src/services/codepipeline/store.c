/* SQL of pipelines, their versions, history and timers. */
#include "services/codepipeline/store.h"
#include "base/clock.h"
#include "services/codepipeline/picture.h"
#include "wire/json.h"

#define PIPELINE_COLUMNS "id, account, name, version, last_seq, created_ms, updated_ms, changed_ms, stamp"

static void pipeline_read(struct rows *rows, struct pipeline *ret)
{
    str_copy(ret->id, sizeof(ret->id), rows_text(rows, 0));
    str_copy(ret->account, sizeof(ret->account), rows_text(rows, 1));
    str_copy(ret->name, sizeof(ret->name), rows_text(rows, 2));
    ret->version = rows_int(rows, 3);
    ret->last_seq = rows_int(rows, 4);
    ret->created_ms = rows_int(rows, 5);
    ret->updated_ms = rows_int(rows, 6);
    ret->changed_ms = rows_int(rows, 7);
    ret->stamp = rows_int(rows, 8);
}

int pipeline_find(struct tx *tx, const char *account, const char *name, struct pipeline *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows, "SELECT " PIPELINE_COLUMNS " FROM codepipeline_pipeline WHERE account = $1 AND name = $2",
        "ss", account, name);

    if (r == 0)
        pipeline_read(rows, ret);
    return r;
}

int pipeline_find_id(struct tx *tx, const char *id, struct pipeline *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    if (picture_pipeline(tx, id, ret))
        return 0;
    r = tx_query_row(tx, &rows, "SELECT " PIPELINE_COLUMNS " FROM codepipeline_pipeline WHERE id = $1", "s",
                     id);
    if (r == 0)
        pipeline_read(rows, ret);
    return r;
}

int pipeline_insert(struct tx *tx, const struct pipeline *pipeline)
{
    return tx_exec(tx,
                   "INSERT INTO codepipeline_pipeline (" PIPELINE_COLUMNS
                   ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                   "sssiiiiii", pipeline->id, pipeline->account, pipeline->name, pipeline->version,
                   pipeline->last_seq, pipeline->created_ms, pipeline->updated_ms, pipeline->changed_ms,
                   picture_stamp());
}

int pipeline_set_version(struct tx *tx, const struct pipeline *pipeline)
{
    picture_drop(pipeline->id);
    return tx_exec(
        tx,
        "UPDATE codepipeline_pipeline SET version = $2, updated_ms = $3, changed_ms = $3, stamp = $4"
        " WHERE id = $1",
        "siii", pipeline->id, pipeline->version, pipeline->updated_ms, picture_stamp());
}

int pipeline_put_declaration(struct tx *tx, const struct pipeline *pipeline, const json_t *declaration)
{
    CLEANUP(free_ptr) char *text = json_text(declaration);

    if (!text)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "INSERT INTO codepipeline_version (pipeline_id, version, declaration, created_ms)"
                   " VALUES ($1, $2, $3, $4)",
                   "sisi", pipeline->id, pipeline->version, text, pipeline->updated_ms);
}

int pipeline_declaration(struct tx *tx, const char *pipeline_id, int64_t version, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows, "SELECT declaration FROM codepipeline_version WHERE pipeline_id = $1 AND version = $2",
        "si", pipeline_id, version);

    if (r)
        return r;
    r = json_parse(rows_str(rows, 0), ret, NULL);
    return r > 0 ? FAULT(EBADMSG) : r;
}

/* A statement with one text parameter for each table; literals, because statements are cached by address. */
static const char *const removals[] = {
    "DELETE FROM codepipeline_timer WHERE pipeline_id = $1 AND kind <> 'forget'",
    ("DELETE FROM codepipeline_action WHERE execution_id IN"
     " (SELECT id FROM codepipeline_execution WHERE pipeline_id = $1)"),
    "DELETE FROM codepipeline_execution WHERE pipeline_id = $1",
    "DELETE FROM codepipeline_stage WHERE pipeline_id = $1",
    "DELETE FROM codepipeline_source WHERE pipeline_id = $1",
    "DELETE FROM codepipeline_version WHERE pipeline_id = $1",
    "DELETE FROM codepipeline_pipeline WHERE id = $1",
};

int pipeline_remove(struct tx *tx, const struct pipeline *pipeline)
{
    int r = 0;

    picture_drop(pipeline->id);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(removals); i++)
        r = tx_exec(tx, removals[i], "s", pipeline->id);
    return r;
}

int history_add(struct tx *tx, const struct pipeline *pipeline, const struct history *history, int64_t now_ms)
{
    char id[ID_UUID_SIZE];

    id_uuid_ordered(id);
    return tx_later(
        tx,
        "INSERT INTO codepipeline_history (id, pipeline_id, at_ms, account, pipeline, execution_id, stage,"
        " action, what, who, why, ordinal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " (SELECT coalesce(max(ordinal), 0) + 1 FROM codepipeline_history WHERE account = $4 AND pipeline = "
        "$5))",
        "ssissssssss", id, pipeline->id, now_ms, pipeline->account, pipeline->name, history->execution_id,
        history->stage, history->action, history->what, history->who, history->why);
}
