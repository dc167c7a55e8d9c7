/* Objects that start pipelines. Source: CodePipeline user guide, "Amazon S3 source action",
 * PollForSourceChanges. */
#include "services/codepipeline/follow.h"
#include "base/clock.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/engine/source.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>
#include <strings.h>

/* ---- kept */

static bool follows(const json_t *action)
{
    const json_t *type = json_object_get(action, "actionTypeId"),
                 *configuration = json_object_get(action, "configuration");

    return strcmp(json_str(type, "category", ""), "Source") == 0 &&
           strcmp(json_str(type, "owner", ""), "AWS") == 0 &&
           strcmp(json_str(type, "provider", ""), "S3") == 0 &&
           strcasecmp(json_str(configuration, "PollForSourceChanges", "true"), "false") != 0;
}

int follow_put(struct tx *tx, const struct pipeline *pipeline, const json_t *declaration)
{
    const json_t *action;
    size_t i;
    int r = tx_exec(tx, "DELETE FROM codepipeline_source WHERE pipeline_id = $1", "s", pipeline->id);

    json_array_foreach (json_path(declaration, "stages.0.actions"), i, action) {
        const json_t *configuration = json_object_get(action, "configuration");

        if (r == 0 && follows(action))
            r = tx_exec(
                tx,
                "INSERT INTO codepipeline_source (pipeline_id, action, bucket, key) VALUES ($1, $2, $3, $4)",
                "ssss", pipeline->id, json_str(action, "name", ""), json_str(configuration, "S3Bucket", ""),
                json_str(configuration, "S3ObjectKey", ""));
    }
    return r;
}

/* ---- started */

/* {pipeline id: [action names]} */
static int followers(struct tx *tx, const struct object_created *object, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *found = NULL;
    int r = tx_query(tx, &rows,
                     "SELECT pipeline_id, action FROM codepipeline_source WHERE bucket = $1 AND key = $2"
                     " ORDER BY pipeline_id, action",
                     "ss", object->bucket, object->key);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        const char *id = rows_text(rows, 0);

        if (!found && !(found = json_object()))
            return FAULT(ENOMEM);
        if (!json_object_get(found, id))
            r = json_put(found, id, json_array());
        if (r == 0 && json_array_append_new(json_object_get(found, id), json_string(rows_text(rows, 1))))
            r = FAULT(ENOMEM);
    }
    if (r != DB_NONE)
        return r;
    *ret = take(found);
    return 0;
}

static int start_input(const struct pipeline *pipeline, const json_t *actions,
                       const struct object_created *object, json_t **ret)
{
    CLEANUP(json_free) json_t *in = json_pack("{s:s, s:[]}", "name", pipeline->name, "sourceRevisions");
    json_t *revisions = json_object_get(in, "sourceRevisions");
    const json_t *action;
    size_t i;

    if (!in)
        return FAULT(ENOMEM);
    json_array_foreach (actions, i, action)
        if (object->version_id &&
            json_array_append_new(
                revisions, json_pack("{s:s, s:s, s:s}", "actionName", json_string_value(action),
                                     "revisionType", SOURCE_VERSION_ID, "revisionValue", object->version_id)))
            return FAULT(ENOMEM);
    *ret = take(in);
    return 0;
}

/* A pipeline that cannot start (too many wait, a variable has no value) does not keep the object from being
 * made: its history says why it did not. */
static int start_one(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                     const json_t *actions, const struct object_created *object)
{
    CLEANUP(json_free) json_t *in = NULL;
    struct reason why = {0};
    char token[HASH_HEX_SIZE] = "", id[ID_UUID_SIZE];
    const struct trigger trigger = {
        .account = pipeline->account,
        .type = "PollForSourceChanges",
        .detail = json_string_value(json_array_get(actions, 0)),
        .who = object->who,
        .token = object->version_id ? token : NULL,
    };
    int r = object->version_id ? source_token(object->bucket, object->key, object->version_id, token) : 0;

    if (r == 0)
        r = start_input(pipeline, actions, object, &in);
    if (r == 0)
        r = execution_trigger(tx, platform, &trigger, in, id, &why);
    if (r <= 0)
        return r;
    return history_add(tx, pipeline,
                       &(struct history){.what = "start-refused", .who = object->who, .why = why.text},
                       clock_now_ms());
}

int follow_object(struct tx *tx, const struct platform *platform, const struct object_created *object)
{
    CLEANUP(json_free) json_t *found = NULL;
    struct pipeline pipeline;
    json_t *actions;
    const char *id;
    int r = followers(tx, object, &found);

    json_object_foreach (found, id, actions) {
        if (r == 0)
            r = pipeline_find_id(tx, id, &pipeline);
        if (r == 0)
            r = start_one(tx, platform, &pipeline, actions, object);
    }
    return r > 0 ? FAULT(EPROTO) : r;
}
