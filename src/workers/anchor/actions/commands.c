/* Compute/Commands and Rule/Commands: shell commands without a project of one's own. They run as a build of
 * one project that this account has for all of them. Source: CodePipeline User Guide, "Commands action
 * reference". */
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/build_action.h"

#define PROJECT "slipway-commands"

static int project_make(struct job *job)
{
    struct aws_error error = {0};
    json_t *in = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:s, s:s}}", "name", PROJECT,
                           "description", "Runs the commands of Commands actions and rules.", "source",
                           "type", "NO_SOURCE", "buildspec", "{\"version\": 0.2, \"phases\": {}}",
                           "artifacts", "type", "NO_ARTIFACTS", "environment", "type", "LINUX_CONTAINER",
                           "image", "local", "computeType", "BUILD_GENERAL1_SMALL");
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
    int r = work_call(job->client, "codebuild", "BatchGetProjects", json_pack("{s:[s]}", "names", PROJECT),
                      &out, NULL, &job->why);

    if (r)
        return r;
    return json_array_size(json_object_get(out, "projects")) > 0 ? 0 : project_make(job);
}

/* A buildspec; JSON is YAML. */
static int spec_put(const struct job *job, json_t *in)
{
    json_t *commands = json_object_get(job->data, "commands"),
           *files = json_object_get(job->data, "outputFiles");
    json_t *variables = json_object_get(job->data, "outputVariables");
    CLEANUP(json_free)
    json_t *spec = json_pack("{s:s, s:{s:{s:O}}}", "version", "0.2", "phases", "build", "commands", commands);
    CLEANUP(free_ptr) char *text = NULL;
    int r = spec ? 0 : FAULT(ENOMEM);

    if (r == 0 && variables)
        r = json_put(spec, "env", json_pack("{s:O}", "exported-variables", variables));
    if (r == 0 && files)
        r = json_put(spec, "artifacts", json_pack("{s:O}", "files", files));
    text = r ? NULL : json_text(spec);
    if (!text)
        return r ? r : FAULT(ENOMEM);
    return json_put_str(in, "buildspecOverride", text);
}

static int start_input(struct job *job, json_t *in)
{
    const char *pipeline = json_string_value(json_path(job->data, "pipelineContext.pipelineName"));
    json_t *logs = json_pack("{s:s}", "status", "ENABLED");
    int r = json_put(in, "logsConfigOverride", json_pack("{s:o}", "cloudWatchLogs", logs));

    if (r == 0)
        r = json_put_format(logs, "groupName", "/aws/codepipeline/%s", pipeline ? pipeline : "");
    if (r == 0)
        r = spec_put(job, in);
    if (r || json_array_size(json_object_get(job->data, "inputArtifacts")) == 0)
        return r;
    return build_action_source(job, in);
}

int action_commands(struct job *job)
{
    json_t *in = json_pack("{s:s}", "projectName", PROJECT);
    int r = in ? project_require(job) : FAULT(ENOMEM);

    if (r == 0 && json_array_size(json_object_get(job->data, "commands")) == 0)
        r = job_fail(job, "ConfigurationError", "the action has no commands");
    if (r == 0)
        r = start_input(job, in);
    if (r == 0)
        return build_action_run(job, in);
    json_decref(in);
    return r;
}
