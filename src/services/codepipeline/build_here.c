/* Builds that jobs consist of. What a job's worker would ask CodeBuild for next is started with the job's
 * lease, where CodeBuild would not refuse it: all else is left to the worker, who is told what is wrong. Its
 * end comes with the job's. */
#include "services/codebuild/codebuild.h"
#include "services/codebuild/shapes.h"
#include "services/codepipeline/pipeline.h"
#include "services/iam/iam.h"
#include "services/shape.h"
#include "wire/build_order.h"
#include "wire/json.h"
#include <stdio.h>

/* Whether the caller could act as the role that the action asks for, in which it would start the build. */
static int may_act(struct tx *tx, const struct job_taker *taker, const struct job_row *row)
{
    char account[IAM_ACCOUNT_SIZE], role[65] = IAM_DEPLOY_ROLE;

    str_copy(account, sizeof(account), row->account);
    if (row->role_arn && !role_arn_parse(row->role_arn, account, role))
        return IAM_NO_ENTITY;
    const struct role_asking asking = {.caller = taker->caller};
    return role_trusts(tx, taker->platform, account, role, &asking);
}

/* StartBuild's input as its API would take it; > 0: not a build, or one that would be refused. */
static int input_make(struct job_row *row, json_t **ret)
{
    CLEANUP(json_free) json_t *input = NULL;
    int r = job_unpack(row);

    if (r == 0)
        r = build_order_make(row->data, row->job.id, &input, NULL);
    if (r == 0)
        r = shape_from_json(&codebuild_start_in, input, NULL);
    if (r == 0)
        r = shape_validate(&codebuild_start_in, input, NULL);
    if (r == 0)
        *ret = take(input);
    return r;
}

int job_build_take(struct tx *tx, const struct job_taker *taker, struct job_row *row, json_t **ret)
{
    CLEANUP(json_free) json_t *input = NULL;
    char initiator[sizeof("codepipeline/") + PIPELINE_NAME_MAX];
    struct build_order order = {.initiator = initiator, .worker = taker->worker};
    int r = input_make(row, &input);

    if (r == 0)
        r = may_act(tx, taker, row);
    if (r)
        return r < 0 ? r : 0;
    (void)snprintf(initiator, sizeof(initiator), "codepipeline/%s",
                   json_str(json_object_get(row->data, "pipelineContext"), "pipelineName", ""));
    order.input = input;
    r = build_start(tx, taker->platform, row->account, &order, NULL, ret, NULL);
    return r < 0 ? r : 0;
}

/* A report that is repeated has been taken; any other comes too late. */
static int ended_alike(struct tx *tx, const struct platform *platform, const char *account,
                       const json_t *report, struct reason *why)
{
    const char *id = json_str(report, "id", ""), *status = json_str(report, "buildStatus", "");
    CLEANUP(json_free) json_t *build = NULL;
    int r = build_get(tx, platform, account, id, &build);

    if (r < 0 || (r == 0 && strcmp(json_str(build, "buildStatus", ""), status) == 0))
        return r;
    return reason_set(why, PIPELINE_E_JOB_STATE, "The build %s has ended as %s already.", id,
                      json_str(build, "buildStatus", "STOPPED"));
}

int job_build_end(struct tx *tx, const struct platform *platform, const char *account, const json_t *report,
                  struct reason *why)
{
    CLEANUP(json_free) json_t *answer = NULL;
    int r = report ? build_update(tx, platform, account, report, &answer, why) : 0;

    if (r > 0)
        return PIPELINE_E_JOB_STATE;
    if (r < 0 || !json_bool(answer, "cancelled", false))
        return r;
    return ended_alike(tx, platform, account, report, why);
}
