/* PutActionRevision: a source tells of a new revision, and the pipeline starts once for it.
 * Source: CodePipeline API Reference, PutActionRevision. */
#include "base/buf.h"
#include "base/hash.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/engine/source.h"
#include "wire/json.h"

#define TOKEN_TEXT_MAX 4096

/* A custom source's revision has no place that others know it by. */
static int token_make(const struct plan_action *action, const char *revision, char ret[HASH_HEX_SIZE])
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(TOKEN_TEXT_MAX);

    if (source_is_s3(action))
        return source_token(json_str(action->configuration, "S3Bucket", ""),
                            json_str(action->configuration, "S3ObjectKey", ""), revision, ret);
    buf_printf(&text, "revision/%s/%s", action->name, revision);
    if (buf_error(&text))
        return buf_error(&text);
    hash_sha256_hex(buf_str(&text), ret);
    return 0;
}

/* An S3 source is pinned to the version, one of Git to the commit; a custom source's worker knows what it has
 * found. */
static int input_make(const struct pipeline *pipeline, const struct plan_action *action, const char *revision,
                      json_t **ret)
{
    const char *type = source_pin_type(action);

    if (type)
        *ret = json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "name", pipeline->name, "sourceRevisions",
                         "actionName", action->name, "revisionType", type, "revisionValue", revision);
    else
        *ret = json_pack("{s:s}", "name", pipeline->name);
    return *ret ? 0 : FAULT(ENOMEM);
}

static int target_find(struct tx *tx, const struct pipeline *pipeline, const json_t *in,
                       struct plan **ret_plan, const struct plan_action **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    const char *stage = json_str(in, "stageName", ""), *name = json_str(in, "actionName", "");
    int r = pipeline_declaration(tx, pipeline->id, pipeline->version, &declaration);

    if (r == 0)
        r = plan_new(declaration, pipeline->version, ret_plan);
    if (r)
        return r;
    size_t at = plan_stage_find(*ret_plan, stage);
    if (at == (*ret_plan)->stage_count)
        return reason_set(why, PIPELINE_E_STAGE_NOT_FOUND, "Pipeline '%s' does not have a stage named '%s'",
                          pipeline->name, stage);
    for (size_t i = 0; i < (*ret_plan)->stages[at].count; i++)
        if (strcmp((*ret_plan)->stages[at].actions[i].name, name) == 0) {
            *ret = &(*ret_plan)->stages[at].actions[i];
            if ((*ret)->source)
                return 0;
            return reason_set(why, PIPELINE_E_INVALID,
                              "Action '%s' is not a source action: it has no revisions.", name);
        }
    return reason_set(why, PIPELINE_E_ACTION_NOT_FOUND,
                      "Stage '%s' of pipeline '%s' has no action named '%s'", stage, pipeline->name, name);
}

int revision_put(struct tx *tx, const struct platform *platform, const struct principal *caller,
                 const json_t *in, bool *ret_new, char ret_id[ID_UUID_SIZE], struct reason *why)
{
    const char *revision = json_str(json_object_get(in, "actionRevision"), "revisionId", "");
    CLEANUP(plan_free) struct plan *plan = NULL;
    CLEANUP(json_free) json_t *start = NULL;
    const struct plan_action *action = NULL;
    char token[HASH_HEX_SIZE], person[PERSON_SIZE];
    struct trigger trigger = {.account = caller->account,
                              .person = person,
                              .type = "PutActionRevision",
                              .detail = caller->arn,
                              .who = caller->arn,
                              .token = token};
    struct pipeline pipeline, after;
    int r;

    principal_person(caller, person);
    r = pipeline_require(tx, caller->account, json_str(in, "pipelineName", ""), &pipeline, why);

    if (r == 0)
        r = target_find(tx, &pipeline, in, &plan, &action, why);
    if (r)
        return r;
    assert(action);
    r = token_make(action, revision, token);
    if (r == 0)
        r = input_make(&pipeline, action, revision, &start);
    if (r == 0)
        r = execution_trigger(tx, platform, &trigger, start, ret_id, why);
    if (r == 0)
        r = pipeline_find_id(tx, pipeline.id, &after);
    if (r == 0)
        *ret_new = after.last_seq != pipeline.last_seq;
    return r;
}
