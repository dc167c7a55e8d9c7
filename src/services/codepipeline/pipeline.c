/* Pipelines: made, changed, deleted. */
#include "services/codepipeline/pipeline.h"
#include "base/clock.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/follow.h"
#include "services/codepipeline/git_look.h"
#include "services/codepipeline/roles.h"
#include "services/codepipeline/secrets.h"
#include "services/codepipeline/store.h"
#include "services/codepipeline/job_memory.h"
#include "wire/json.h"

int pipeline_require(struct tx *tx, const char *account, const char *name, struct pipeline *ret,
                     struct reason *why)
{
    int r = pipeline_find(tx, account, name, ret);

    if (r != DB_NONE)
        return r;
    return reason_set(why, PIPELINE_E_NOT_FOUND, "Account '%s' does not have a pipeline with name '%s'",
                      account, name);
}

static int declaration_store(struct tx *tx, const struct pipeline *pipeline, const json_t *declaration)
{
    CLEANUP(json_free) json_t *normal = NULL;
    int r = declaration_normalise(declaration, pipeline->version, &normal);

    if (r == 0)
        r = pipeline_put_declaration(tx, pipeline, normal);
    return r ? r : follow_put(tx, pipeline, normal);
}

int pipeline_create(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    json_t *declaration, const json_t *tags, struct reason *why)
{
    const struct history made = {.what = "created", .who = caller->arn};
    const char *account = caller->account;
    struct pipeline pipeline = {.version = 1};
    char arn[PIPELINE_ARN_SIZE];
    CLEANUP(json_free) json_t *whole = NULL;
    int r =
        secrets_keep(tx, account, NULL, declaration, &whole, why); /* none is kept: asterisks are refused */

    if (r == 0)
        r = declaration_check(tx, account, platform->region, declaration, why);

    if (r == 0)
        r = roles_check(tx, platform, account, declaration, why);
    if (r)
        return r;
    id_uuid(pipeline.id);
    str_copy(pipeline.account, sizeof(pipeline.account), account);
    str_copy(pipeline.name, sizeof(pipeline.name), json_str(declaration, "name", ""));
    pipeline.created_ms = pipeline.updated_ms = pipeline.changed_ms = clock_now_ms();
    r = pipeline_insert(tx, &pipeline);
    if (r == DB_EXISTS)
        return reason_set(why, PIPELINE_E_NAME_IN_USE,
                          "A pipeline with the name '%s' already exists in account '%s'", pipeline.name,
                          account);
    if (r == 0)
        r = declaration_store(tx, &pipeline, declaration);
    pipeline_arn(platform, account, pipeline.name, arn);
    if (r == 0 && tags)
        r = tags_put(tx, arn, tags, why);
    tx_wake(tx, TOPIC_LIST, account);
    return r ? r : history_add(tx, &pipeline, &made, pipeline.created_ms);
}

/* What it is, or was before its last change: a stack that goes back, and who writes back what they read, are
 * not refused for what a later release checks. */
static int has_been(struct tx *tx, const struct pipeline *pipeline, const json_t *declaration, bool *ret)
{
    struct reason unread = {0};

    *ret = false;
    if (shape_validate(&shape_declaration, declaration, &unread)) /* of another form than what is stored */
        return 0;
    for (int64_t version = pipeline->version; !*ret && version > 0 && version >= pipeline->version - 1;
         version--) {
        CLEANUP(json_free) json_t *normal = NULL;
        CLEANUP(json_free) json_t *stored = NULL;
        int r = pipeline_declaration(tx, pipeline->id, version, &stored);

        if (r == DB_NONE)
            continue;
        if (r == 0)
            r = declaration_normalise(declaration, version, &normal);
        if (r == 0)
            r = declaration_put_kind(normal, normal);
        if (r == 0)
            r = declaration_put_kind(stored, stored);
        if (r)
            return r;
        *ret = json_equal(stored, normal);
    }
    return 0;
}

static int update_check(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                        const json_t *declaration, struct reason *why)
{
    bool been = false;
    int refused = declaration_check(tx, pipeline->account, platform->region, declaration, why);
    if (refused == 0)
        refused = roles_check(tx, platform, pipeline->account, declaration, why);
    int r = refused > 0 ? has_been(tx, pipeline, declaration, &been) : 0;

    return r || been ? r : refused;
}

int pipeline_update(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    json_t *declaration, int64_t *ret_version, struct reason *why)
{
    CLEANUP(json_free) json_t *before = NULL;
    CLEANUP(json_free) json_t *whole = NULL;
    const struct history changed = {.what = "updated", .who = caller->arn};
    const char *account = caller->account;
    struct pipeline pipeline;
    int r = pipeline_require(tx, account, json_str(declaration, "name", ""), &pipeline, why);

    if (r == 0)
        r = pipeline_declaration(tx, pipeline.id, pipeline.version, &before);
    if (r == DB_NONE)
        r = FAULT(EBADMSG);
    if (r == 0)
        r = secrets_keep(tx, account, before, declaration, &whole, why);
    if (r == 0)
        r = update_check(tx, platform, &pipeline, whole, why);
    if (r)
        return r;
    pipeline.version++;
    pipeline.updated_ms = clock_now_ms();
    r = pipeline_set_version(tx, &pipeline);
    if (r == 0)
        r = declaration_store(tx, &pipeline, whole);
    if (r == 0)
        r = history_add(tx, &pipeline, &changed, pipeline.updated_ms);
    tx_wake(tx, TOPIC_LIST, account);
    tx_wake(tx, TOPIC_PIPELINE, pipeline.account, pipeline.name);
    if (r == 0 && ret_version)
        *ret_version = pipeline.version;
    return r;
}

/* A job under way is kept for a while, so that its worker learns that it is cancelled. */
static int jobs_cancel(struct tx *tx, const struct pipeline *pipeline, int64_t now_ms)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r;

    job_memory_forget();
    r = tx_exec(tx,
                "DELETE FROM codepipeline_job WHERE status NOT IN ('Dispatched', 'InProgress') AND id IN"
                " (SELECT a.job_id FROM codepipeline_execution e JOIN codepipeline_action a"
                " ON a.execution_id = e.id WHERE e.pipeline_id = $1)",
                "s", pipeline->id);

    if (r == 0)
        r = tx_query(tx, &rows,
                     "SELECT a.job_id FROM codepipeline_execution e JOIN codepipeline_action a"
                     " ON a.execution_id = e.id WHERE e.pipeline_id = $1 AND e.place <> 'Ended'"
                     " AND a.status = 'InProgress' AND a.job_id <> ''",
                     "s", pipeline->id);
    while (r == 0 && (r = rows_next(rows)) == 0) {
        r = job_end(tx, rows_text(rows, 0), JOB_CANCELLED);
        if (r == 0)
            r = timer_set(tx, TIMER_FORGET, rows_text(rows, 0), pipeline->id, now_ms + FORGET_MS);
    }
    return r == DB_NONE ? 0 : r;
}

static int executions_record(struct tx *tx, const struct pipeline *pipeline, const char *who, int64_t now_ms)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT id FROM codepipeline_execution WHERE pipeline_id = $1 AND place <> 'Ended'", "s",
                     pipeline->id);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        struct history history = {
            .execution_id = rows_text(rows, 0),
            .what = machine_name(&machine_execution, EXECUTION_CANCELLED),
            .who = who,
            .why = "The pipeline was deleted.",
        };

        r = history_add(tx, pipeline, &history, now_ms);
    }
    return r == DB_NONE ? 0 : r;
}

int pipeline_delete(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const char *name, struct reason *why)
{
    const struct history deleted = {.what = "deleted", .who = caller->arn};
    const char *account = caller->account;
    struct pipeline pipeline;
    char arn[PIPELINE_ARN_SIZE];
    int64_t now_ms = clock_now_ms();
    int r = pipeline_require(tx, account, name, &pipeline, why);

    if (r == 0)
        r = executions_record(tx, &pipeline, caller->arn, now_ms);
    if (r == 0)
        r = jobs_cancel(tx, &pipeline, now_ms);
    if (r == 0)
        r = git_looks_forget(tx, &pipeline);
    if (r == 0)
        r = pipeline_remove(tx, &pipeline);
    pipeline_arn(platform, account, name, arn);
    if (r == 0)
        r = tx_exec(tx, "DELETE FROM codepipeline_tag WHERE arn = $1", "s", arn);
    if (r)
        return r;
    tx_wake(tx, TOPIC_LIST, account);
    tx_wake(tx, TOPIC_PIPELINE, pipeline.account, pipeline.name);
    return history_add(tx, &pipeline, &deleted, now_ms);
}
