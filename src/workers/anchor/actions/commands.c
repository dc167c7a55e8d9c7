/* Compute/Commands and Rule/Commands: shell commands without a project of one's own. They run as a build of
 * one project that this account has for all of them. Source: CodePipeline User Guide, "Commands action
 * reference". */
#include "wire/build_order.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/build_action.h"

static int project_make(struct job *job)
{
    struct aws_error error = {0};
    json_t *in = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:s, s:s}}", "name", BUILD_ORDER_COMMANDS_PROJECT,
        "description", "Runs the commands of Commands actions and rules.", "source", "type", "NO_SOURCE",
        "buildspec", "{\"version\": 0.2, \"phases\": {}}", "artifacts", "type", "NO_ARTIFACTS", "environment",
        "type", "LINUX_CONTAINER", "image", "local", "computeType", "BUILD_GENERAL1_SMALL");
    int r =
        in ? json_put_format(in, "serviceRole", "arn:aws:iam::%s:role/slipway-deploy", job->anchor->account)
           : FAULT(ENOMEM);

    if (r) {
        json_decref(in);
        return r;
    }
    r = work_call(job->client, "codebuild", "CreateProject", in, NULL, &error, &job->why);
    return r == WORK_E_FAILED && strcmp(error.code, "ResourceAlreadyExistsException") == 0 ? 0 : r;
}

static int project_require(struct job *job)
{
    CLEANUP(json_free) json_t *out = NULL;
    int r = work_call(job->client, "codebuild", "BatchGetProjects",
                      json_pack("{s:[s]}", "names", BUILD_ORDER_COMMANDS_PROJECT), &out, NULL, &job->why);

    if (r)
        return r;
    return json_array_size(json_object_get(out, "projects")) > 0 ? 0 : project_make(job);
}

int action_commands(struct job *job)
{
    int r = build_action_leased(job) ? 0 : project_require(job);

    return r ? r : action_build(job);
}
