/* Operations on pipelines themselves. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/secrets.h"
#include "services/page_token.h"
#include <stdio.h>

#define LIST_MAX 1000

static int declaration_show(struct call *c, const struct pipeline *pipeline, int64_t version)
{
    json_t *declaration = NULL;
    int r = pipeline_declaration(c->tx, pipeline->id, version, &declaration);

    if (r == DB_NONE)
        return call_fail(c, PIPELINE_E_VERSION_NOT_FOUND, "Pipeline '%s' does not have a version %lld",
                         pipeline->name, (long long)version);
    if (r == 0)
        r = json_put(c->out, "pipeline", declaration);
    if (r == 0)
        r = secrets_hide(c->tx, pipeline->account, declaration);
    return r ? r : declaration_put_kind(declaration, declaration);
}

int codepipeline_create_pipeline(struct call *c)
{
    json_t *declaration = json_object_get(c->in, "pipeline");
    const json_t *tags = json_object_get(c->in, "tags");
    struct pipeline pipeline;
    int r = pipeline_create(c->tx, c->platform, c->caller, declaration, tags, &c->reason);

    if (r == 0)
        r = pipeline_find(c->tx, c->caller->account, json_str(declaration, "name", ""), &pipeline);
    if (r == 0)
        r = declaration_show(c, &pipeline, pipeline.version);
    if (r == 0 && tags)
        r = json_put(c->out, "tags", json_deep_copy(tags));
    return r;
}

int codepipeline_get_pipeline(struct call *c)
{
    char arn[PIPELINE_ARN_SIZE];
    struct pipeline pipeline;
    int r = pipeline_require(c->tx, c->caller->account, json_str(c->in, "name", ""), &pipeline, &c->reason);

    if (r == 0)
        r = declaration_show(c, &pipeline, json_int(c->in, "version", pipeline.version));
    if (r)
        return r;
    pipeline_arn(c->platform, pipeline.account, pipeline.name, arn);
    return json_put(c->out, "metadata",
                    json_pack("{s:s, s:I, s:I}", "pipelineArn", arn, "created",
                              (json_int_t)pipeline.created_ms, "updated", (json_int_t)pipeline.updated_ms));
}

int codepipeline_update_pipeline(struct call *c)
{
    json_t *declaration = json_object_get(c->in, "pipeline");
    struct pipeline pipeline;
    int r = pipeline_update(c->tx, c->platform, c->caller, declaration, NULL, &c->reason);

    if (r == 0)
        r = pipeline_find(c->tx, c->caller->account, json_str(declaration, "name", ""), &pipeline);
    return r ? r : declaration_show(c, &pipeline, pipeline.version);
}

/* A pipeline that is not there is as good as deleted, as on AWS. */
int codepipeline_delete_pipeline(struct call *c)
{
    int r = pipeline_delete(c->tx, c->platform, c->caller, json_str(c->in, "name", ""), NULL);

    return r == PIPELINE_E_NOT_FOUND ? 0 : r;
}

/* rows: name, version, created_ms, updated_ms, pipelineType, executionMode, types of variables and triggers
 */
static int summary_add(json_t *list, struct rows *rows)
{
    const char *type = !rows_null(rows, 4)
                           ? rows_text(rows, 4)
                           : declaration_type_default(!rows_null(rows, 6), !rows_null(rows, 7));
    json_t *summary = json_pack("{s:s, s:I, s:s, s:s, s:I, s:I}", "name", rows_text(rows, 0), "version",
                                (json_int_t)rows_int(rows, 1), "pipelineType", type, "executionMode",
                                rows_null(rows, 5) ? DECLARATION_MODE : rows_text(rows, 5), "created",
                                (json_int_t)rows_int(rows, 2), "updated", (json_int_t)rows_int(rows, 3));

    return !summary || json_array_append_new(list, summary) ? FAULT(ENOMEM) : 0;
}

/* A page begins after the last name shown. */
static int summaries_put(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t max = json_int(c->in, "maxResults", LIST_MAX);
    json_t *list = json_array(), *last;
    const char *after;
    int r = codepipeline_page_read(c, "nextToken", &after);

    if (r == 0)
        r = json_put(c->out, "pipelines", list);
    if (r == 0)
        r = tx_query(
            c->tx, &rows,
            "SELECT p.name, p.version, p.created_ms, p.updated_ms,"
            " json_extract(v.declaration, '$.pipelineType'),"
            " json_extract(v.declaration, '$.executionMode'), json_type(v.declaration, '$.variables'),"
            " json_type(v.declaration, '$.triggers')"
            " FROM codepipeline_pipeline p JOIN codepipeline_version v"
            " ON v.pipeline_id = p.id AND v.version = p.version"
            " WHERE p.account = $1 AND p.name > $2 ORDER BY p.name LIMIT $3",
            "ssi", c->caller->account, after ? after : "", max + 1);
    while (r == 0 && (r = rows_next(rows)) == 0) {
        if ((int64_t)json_array_size(list) == max) {
            last = json_array_get(list, (size_t)max - 1);
            return page_token_write(c, "nextToken", json_str(last, "name", ""));
        }
        r = summary_add(list, rows);
    }
    return r == DB_NONE ? 0 : r;
}

int codepipeline_list_pipelines(struct call *c)
{
    bool waited = c->wait_deadline_mono_ms != 0;
    int64_t wait_ms = call_wait_ms(c);
    char topic[WAKE_TOPIC_MAX];
    int r;

    (void)snprintf(topic, sizeof(topic), TOPIC_LIST, c->caller->account);
    r = summaries_put(c);
    return r || waited || wait_ms == 0 ? r : call_wait(c, wait_ms, topic);
}
