/* Build/CodeBuild, Test/CodeBuild and Rule/CodeBuild: starts the project's build with the input artifact as
 * its source and waits for it. A failure carries the last lines of the build's log. Source: CodePipeline User
 * Guide, "AWS CodeBuild build and test action reference". */
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/build_action.h"

/* The configuration's list; the action's own environment variables come on top. */
static int environment_make(struct job *job, json_t **ret)
{
    const char *text = job_setting(job, "EnvironmentVariables");
    struct reason why = {0};
    int r;

    if (!text)
        *ret = json_array();
    else if ((r = json_parse(str_of(text), ret, &why)) < 0)
        return r;
    if (!json_is_array(*ret))
        return job_fail(job, "ConfigurationError",
                        "EnvironmentVariables must be a JSON list of {name, value, type}: %s", why.text);
    return 0;
}

static int start_input(struct job *job, json_t **ret)
{
    json_t *environment = NULL;
    int r = environment_make(job, &environment);

    if (r) {
        json_decref(environment);
        return r;
    }
    *ret = json_pack("{s:s, s:o}", "projectName", job_setting(job, "ProjectName"),
                     "environmentVariablesOverride", environment);
    if (!*ret)
        return FAULT(ENOMEM);
    if (json_array_size(json_object_get(job->data, "inputArtifacts")) == 0)
        return job_fail(job, "ConfigurationError", "the action needs an input artifact");
    return build_action_source(job, *ret);
}

int action_codebuild(struct job *job)
{
    json_t *in = NULL;
    int r;

    if (!job_setting(job, "ProjectName"))
        return job_fail(job, "ConfigurationError", "the action's configuration needs ProjectName");
    if (job_setting(job, "BatchEnabled") && strcmp(job_setting(job, "BatchEnabled"), "true") == 0)
        return job_fail(job, "ConfigurationError", "batch builds are not supported by Slipway");
    r = start_input(job, &in);
    if (r == 0)
        return build_action_run(job, in);
    json_decref(in);
    return r;
}
