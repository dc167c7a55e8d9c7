/* Takes an application branch down: stops what runs, removes its stacks last stage first, then the release
 * stack. It can be cut off anywhere and done again: what is gone already is passed over. */
#include "base/mem.h"
#include "wire/json.h"
#include "workers/launcher/release.h"
#include "workers/stack.h"
#include "workers/worker.h"
#include <stdio.h>

#define STACKS_MAX 200
#define PASSES_MAX 5
#define WAIT_MS 5000

struct target {
    const char *stack;
    const char *role_arn; /* NULL: slipway-deploy of the pipeline's own account */
};

struct targets {
    struct target list[STACKS_MAX];
    size_t count;
};

/* WORK_E_UNCHANGED when the object is another by now. */
static int still_wanted(struct release *release)
{
    struct s3_head head;
    int r =
        work_s3_head(release->releaser->client, release->bucket, release->key, NULL, &head, &release->why);

    if (r)
        return r == WORK_E_ABSENT ? WORK_E_UNCHANGED : r;
    return head.size == 0 && strcmp(head.version_id, release->head.version_id) == 0 ? 0 : WORK_E_UNCHANGED;
}

static int execution_stop(struct release *release, const char *pipeline, const char *id)
{
    struct aws_error error = {0};
    json_t *in = json_pack("{s:s, s:s, s:b, s:s}", "pipelineName", pipeline, "pipelineExecutionId", id,
                           "abandon", 1, "reason", "the branch is torn down: a zero-byte artifact was put");
    int r = work_call(release->releaser->client, "codepipeline", "StopPipelineExecution", in, NULL, &error,
                      &release->why);

    /* it has ended by itself, or is being stopped already */
    return r == WORK_E_FAILED && (strstr(error.code, "NotStoppable") || strstr(error.code, "DuplicatedStop"))
               ? 0
               : r;
}

static int execution_await(struct release *release, const char *pipeline, const char *id)
{
    int64_t wait_ms = 0;

    for (;;) {
        CLEANUP(json_free) json_t *out = NULL;
        const char *status;
        int r = work_call_wait(release->releaser->client, "codepipeline", "GetPipelineExecution",
                               json_pack("{s:s, s:s}", "pipelineName", pipeline, "pipelineExecutionId", id),
                               wait_ms, &out, NULL, &release->why);

        if (r)
            return r;
        status = json_string_value(json_path(out, "pipelineExecution.status"));
        if (!status || (strcmp(status, "InProgress") != 0 && strcmp(status, "Stopping") != 0))
            return 0;
        if (worker_stopping())
            return WORK_E_STOPPED;
        wait_ms = WAIT_MS;
    }
}

static int executions_stop(struct release *release, const char *pipeline)
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *list, *execution;
    size_t i;
    int r = work_call(release->releaser->client, "codepipeline", "ListPipelineExecutions",
                      json_pack("{s:s, s:i}", "pipelineName", pipeline, "maxResults", 100), &out, NULL,
                      &release->why);

    if (r)
        return r;
    list = work_list(out, "pipelineExecutionSummaries");
    json_array_foreach (list, i, execution) {
        const char *status = json_str(execution, "status", "");
        const char *id = json_str(execution, "pipelineExecutionId", "");

        if (strcmp(status, "InProgress") == 0)
            r = execution_stop(release, pipeline, id);
        else if (strcmp(status, "Stopping") != 0)
            continue;
        if (r == 0)
            r = execution_await(release, pipeline, id);
        if (r)
            return r;
    }
    return 0;
}

static void target_add(struct targets *targets, const json_t *action)
{
    const char *stack = json_str(json_object_get(action, "configuration"), "StackName", "");
    const char *role_arn = json_str(action, "roleArn", NULL);

    if (strcmp(json_str(json_object_get(action, "actionTypeId"), "provider", ""), "CloudFormation") != 0 ||
        !stack[0])
        return;
    for (size_t i = 0; i < targets->count; i++) {
        const struct target *other = &targets->list[i];

        if (strcmp(other->stack, stack) == 0 &&
            strcmp(other->role_arn ? other->role_arn : "", role_arn ? role_arn : "") == 0)
            return;
    }
    if (targets->count < STACKS_MAX)
        targets->list[targets->count++] = (struct target){stack, role_arn};
}

/* Last stage first. */
static void targets_collect(const json_t *pipeline, struct targets *ret)
{
    const json_t *stages = json_path(pipeline, "pipeline.stages");

    for (size_t i = json_array_size(stages); i > 0; i--) {
        const json_t *actions = json_object_get(json_array_get(stages, i - 1), "actions");

        for (size_t k = json_array_size(actions); k > 0; k--)
            target_add(ret, json_array_get(actions, k - 1));
    }
}

/* *ret_found: there was something to remove. */
static int target_remove(struct release *release, const struct target *target, bool *ret_found)
{
    const struct releaser *releaser = release->releaser;
    CLEANUP(json_free) json_t *stack = NULL;
    struct aws_client *client;
    int r;

    if (target->role_arn)
        r = accounts_client(releaser->accounts, target->role_arn, &client, &release->why);
    else
        r = accounts_deploy_client(releaser->accounts, releaser->account, &client, &release->why);
    if (r == 0)
        r = stack_look(client, target->stack, &stack, &release->why);
    if (r == WORK_E_ABSENT)
        return 0;
    if (r == 0)
        r = still_wanted(release);
    if (r)
        return r;
    *ret_found = true;
    return stack_remove(client, target->stack, true, NULL, &release->why);
}

/* An action that was under way when its execution stopped may still have made a stack: passes are made until
 * one finds nothing. */
static int targets_remove(struct release *release, const struct targets *targets)
{
    bool found = true;
    int r;

    for (int pass = 0; found && pass < PASSES_MAX; pass++) {
        found = false;
        for (size_t i = 0; i < targets->count; i++) {
            r = target_remove(release, &targets->list[i], &found);
            if (r)
                return r;
        }
    }
    if (!found)
        return 0;
    return reason_set(&release->why, WORK_E_RETRY, "stacks of this branch come back while they are removed");
}

static int pipeline_remove(struct release *release, const char *pipeline)
{
    CLEANUP(free_ptr) struct targets *targets = mem_alloc(sizeof(*targets));
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int r;

    if (!targets)
        return FAULT(ENOMEM);
    r = work_call(release->releaser->client, "codepipeline", "GetPipeline",
                  json_pack("{s:s}", "name", pipeline), &out, &error, &release->why);
    if (r == WORK_E_FAILED && strcmp(error.code, "PipelineNotFoundException") == 0)
        return 0;
    if (r == 0)
        r = executions_stop(release, pipeline);
    if (r)
        return r;
    targets_collect(out, targets);
    return targets_remove(release, targets);
}

static int pipelines_remove(struct release *release)
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *resources, *resource;
    size_t i;
    int r = work_call(release->releaser->client, "cloudformation", "DescribeStackResources",
                      json_pack("{s:s}", "StackName", release->names.stack), &out, NULL, &release->why);

    if (r)
        return r;
    resources = work_list(out, "StackResources");
    json_array_foreach (resources, i, resource) {
        const char *name = json_str(resource, "PhysicalResourceId", "");

        if (strcmp(json_str(resource, "ResourceType", ""), "AWS::CodePipeline::Pipeline") != 0 || !name[0])
            continue;
        r = pipeline_remove(release, name);
        if (r)
            return r;
    }
    return 0;
}

int release_teardown(struct release *release)
{
    struct aws_client *client = release->releaser->client;
    CLEANUP(json_free) json_t *stack = NULL;
    int r = stack_settle(client, release->names.stack, NULL, &stack, &release->why);

    if (r == WORK_E_ABSENT)
        return 0;
    if (r == 0)
        r = still_wanted(release);
    if (r == 0)
        r = pipelines_remove(release);
    if (r == 0)
        r = still_wanted(release);
    return r ? r : stack_remove(client, release->names.stack, true, NULL, &release->why);
}
