/* What became of executions: one, a pipeline's, and their actions. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/show.h"

#define PAGE_MAX 100

/* rows: version, status, data */
static int execution_put(struct call *c, const struct pipeline *pipeline, const char *id, struct rows *rows)
{
    CLEANUP(json_free) json_t *data = NULL;
    json_t *out = json_object();
    int r = json_put(c->out, "pipelineExecution", out);

    if (r == 0)
        r = json_column(rows, 2, &data);
    if (r == 0)
        r = json_put_str(out, "pipelineName", pipeline->name);
    if (r == 0)
        r = json_put_int(out, "pipelineVersion", rows_int(rows, 0));
    if (r == 0)
        r = show_execution(out, id, rows_text(rows, 1), data);
    if (r == 0)
        r = show_revisions(out, data);
    return r ? r : show_variables(out, data);
}

static int no_execution(struct call *c, const char *id)
{
    return call_fail(c, PIPELINE_E_EXECUTION_NOT_FOUND, "The pipeline execution %s was not found.", id);
}

int codepipeline_get_pipeline_execution(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *id = json_str(c->in, "pipelineExecutionId", "");
    struct watched watched;
    int r = codepipeline_watch(c, "pipelineName", &watched);

    if (r)
        return r;
    r = tx_query_row(
        c->tx, &rows,
        "SELECT version, status, data FROM codepipeline_execution WHERE id = $1 AND pipeline_id = $2", "ss",
        id, watched.pipeline.id);
    if (r == DB_NONE)
        return no_execution(c, id);
    if (r == 0)
        r = execution_put(c, &watched.pipeline, id, rows);
    return r ? r : codepipeline_watch_end(c, &watched);
}

/* ---- ListPipelineExecutions */

/* Runs that have begun or ended since the execution's row was written count too. */
#define UPDATED_MS                                                                                           \
    "(SELECT max(ms) FROM (SELECT e.updated_ms AS ms UNION ALL SELECT max(a.updated_ms)"                     \
    " FROM codepipeline_action a WHERE e.place = 'Running' AND a.execution_id = e.id"                        \
    " AND a.stage_run = e.stage_run))"

/* rows: id, seq, status, started_ms, updated_ms, data */
static int summary_put(json_t *list, struct rows *rows)
{
    CLEANUP(json_free) json_t *data = NULL;
    json_t *revisions = NULL, *out = json_object();
    int r = json_array_append_new(list, out) ? FAULT(ENOMEM) : json_column(rows, 5, &data);

    if (r == 0)
        r = show_execution(out, rows_text(rows, 0), rows_text(rows, 2), data);
    if (r == 0)
        r = show_source_revisions(data, &revisions);
    if (r == 0)
        r = json_put(out, "sourceRevisions", revisions);
    if (r == 0)
        r = json_put_int(out, "startTime", rows_int(rows, 3));
    return r ? r : json_put_int(out, "lastUpdateTime", rows_int(rows, 4));
}

/* Executions of the present version that have succeeded in a stage. */
struct success {
    const char *stage; /* NULL: any execution will do */
    int64_t version;
    int64_t at; /* the stage's place in the present version */
};

static int success_read(struct call *c, const struct pipeline *pipeline, struct success *ret)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    CLEANUP(plan_free) struct plan *plan = NULL;
    int r;

    *ret = (struct success){.version = pipeline->version};
    ret->stage = json_str(json_path(c->in, "filter.succeededInStage"), "stageName", NULL);
    if (!ret->stage)
        return 0;
    r = pipeline_declaration(c->tx, pipeline->id, pipeline->version, &declaration);
    if (r == 0)
        r = plan_new(declaration, pipeline->version, &plan);
    if (r)
        return r;
    ret->at = (int64_t)plan_stage_find(plan, ret->stage);
    if (ret->at < (int64_t)plan->stage_count)
        return 0;
    return call_fail(c, PIPELINE_E_INVALID, "Pipeline '%s' does not have a stage named '%s'", pipeline->name,
                     ret->stage);
}

/* It went on from the stage, or ended well in it; a rollback is in one stage only, and one that skipped the
 * stage did nothing there. rows: id, seq, status, started_ms, updated_ms, data, version, stage */
static int success_holds(const struct success *success, struct rows *rows, bool *ret)
{
    CLEANUP(json_free) json_t *data = NULL;
    int64_t at = rows_int(rows, 7);
    int r;

    *ret = !success->stage;
    if (!success->stage || rows_int(rows, 6) != success->version || at < success->at)
        return 0;
    r = json_column(rows, 5, &data);
    if (r)
        return r;
    *ret = at == success->at
               ? strcmp(rows_text(rows, 2), machine_name(&machine_execution, EXECUTION_SUCCEEDED)) == 0
               : !json_object_get(data, "rollback");
    *ret = *ret && !stage_was_skipped(&(struct execution){.data = data}, success->stage);
    return 0;
}

static int summaries_put(struct call *c, struct rows *rows, const struct success *success, int64_t max)
{
    json_t *list = json_array();
    int64_t place = 0;
    bool holds = false;
    int r = json_put(c->out, "pipelineExecutionSummaries", list);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        r = success_holds(success, rows, &holds);
        if (r || !holds)
            continue;
        if ((int64_t)json_array_size(list) == max)
            return codepipeline_page_end(c, place);
        place = rows_int(rows, 1);
        r = summary_put(list, rows);
    }
    return r == DB_NONE ? 0 : r;
}

int codepipeline_list_pipeline_executions(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t max = json_int(c->in, "maxResults", PAGE_MAX), before;
    struct success success;
    struct watched watched;
    int r = codepipeline_watch(c, "pipelineName", &watched);

    if (r == 0)
        r = codepipeline_page_start(c, INT64_MAX, &before);
    if (r == 0)
        r = success_read(c, &watched.pipeline, &success);
    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT id, seq, status, started_ms, " UPDATED_MS ", data, version, stage"
                     " FROM codepipeline_execution e WHERE pipeline_id = $1 AND seq < $2 ORDER BY seq DESC"
                     " LIMIT $3",
                     "sii", watched.pipeline.id, before, success.stage ? INT64_MAX : max + 1);
    if (r == 0)
        r = summaries_put(c, rows, &success, max);
    return r ? r : codepipeline_watch_end(c, &watched);
}
