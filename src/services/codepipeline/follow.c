/* Objects that start pipelines. Source: CodePipeline user guide, "Amazon S3 source action",
 * PollForSourceChanges. */
#include "services/codepipeline/follow.h"
#include "base/clock.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/engine/source.h"
#include "services/service.h"
#include "wire/json.h"
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

/* ---- kept */

/* Buckets of which an epoch (tx_epoch) has looked whether any source names them. */
static struct {
    pthread_mutex_t lock;
    struct looked {
        uint64_t epoch; /* 0: nothing is known */
        bool named;
        char bucket[64]; /* S3's have 63 characters at most */
    } list[64];
} looked = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct looked *looked_at(const char *bucket)
{
    return &looked.list[str_hash(str_of(bucket)) % ARRAY_LEN(looked.list)];
}

static bool looked_find(const struct tx *tx, const char *bucket, bool *ret_named)
{
    const struct looked *one = looked_at(bucket);

    pthread_mutex_lock(&looked.lock);
    bool found = one->epoch != 0 && one->epoch == tx_epoch(tx) && strcmp(one->bucket, bucket) == 0;
    *ret_named = one->named;
    pthread_mutex_unlock(&looked.lock);
    return found;
}

/* `epoch` 0: is to be looked at again. */
static void looked_set(const char *bucket, uint64_t epoch, bool named)
{
    struct looked *one = looked_at(bucket);

    pthread_mutex_lock(&looked.lock);
    one->epoch = epoch;
    one->named = named;
    str_copy(one->bucket, sizeof(one->bucket), bucket);
    pthread_mutex_unlock(&looked.lock);
}

static int is_named(struct tx *tx, const char *bucket, bool *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;

    if (looked_find(tx, bucket, ret))
        return 0;
    int r =
        tx_query_row(tx, &rows, "SELECT 1 FROM codepipeline_source WHERE bucket = $1 LIMIT 1", "s", bucket);
    if (r != 0 && r != DB_NONE)
        return r;
    *ret = r == 0;
    looked_set(bucket, tx_epoch(tx), *ret);
    return 0;
}

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

        if (r != 0 || !follows(action))
            continue;
        r = tx_exec(
            tx, "INSERT INTO codepipeline_source (pipeline_id, action, bucket, key) VALUES ($1, $2, $3, $4)",
            "ssss", pipeline->id, json_str(action, "name", ""), json_str(configuration, "S3Bucket", ""),
            json_str(configuration, "S3ObjectKey", ""));
        looked_set(json_str(configuration, "S3Bucket", ""), 0, false);
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
    bool named = false;
    int r = is_named(tx, object->bucket, &named);

    if (r == 0 && named)
        r = followers(tx, object, &found);
    json_object_foreach (found, id, actions) {
        if (r == 0)
            r = pipeline_find_id(tx, id, &pipeline);
        if (r == 0)
            r = start_one(tx, platform, &pipeline, actions, object);
    }
    return r > 0 ? FAULT(EPROTO) : r;
}
