/* `slipway retry`, `slipway stop` and `slipway override`. */
#include "cli/commands.h"
#include "cli/release.h"

#include <stdio.h>

static const char *account;

/* The stage whose latest execution has that status, or NULL; borrowed from `state`. */
static const json_t *stage_with(const json_t *state, const char *status)
{
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), index, stage)
        if (strcmp(json_str(json_object_get(stage, "latestExecution"), "status", ""), status) == 0)
            return stage;
    return NULL;
}

static bool has_failed_action(const json_t *execution)
{
    size_t index;
    json_t *wait;
    json_array_foreach (json_object_get(execution, "waitsFor"), index, wait)
        if (strcmp(json_str(wait, "type", ""), "Failure") == 0)
            return true;
    return false;
}

/* What may be retried beside what is under way: the newest execution's. NULL: nothing. */
static const json_t *failing_in(const json_t *explained)
{
    const json_t *executions = json_object_get(explained, "executions");
    for (size_t i = json_array_size(executions); i-- > 0;)
        if (has_failed_action(json_array_get(executions, i)))
            return json_array_get(executions, i);
    return NULL;
}

static int find(int argc, char **argv, const struct cli_spec *spec, struct cli *cli, json_t **ret_release,
                json_t **ret_state)
{
    int status = cli_begin(argc, argv, spec, cli);
    if (status >= 0)
        return status;
    status = release_meant(cli, account, spec->min_args - 1, ret_release);
    if (!status)
        status = release_state(cli, json_str(*ret_release, "pipeline", ""), ret_state);
    return status ? status : -1;
}

/* Borrowed from `state` or *ret_explained, the caller's. */
static int find_failed(struct cli *cli, const json_t *release, const json_t *state, json_t **ret_explained,
                       const char **ret_stage, const char **ret_execution)
{
    const json_t *stage = stage_with(state, "Failed");
    int status = stage ? COMMAND_OK : release_explain(cli, release, ret_explained);
    if (status)
        return status;
    const json_t *failing = failing_in(*ret_explained);
    if (!stage && !failing) /* an approval ran out, or somebody stopped it */
        stage = stage_with(state, "Stopped");
    if (!stage && !failing)
        return cli_fail(COMMAND_NOT_FOUND, "no stage of %s has failed: there is nothing to retry",
                        json_str(release, "title", ""));
    const json_t *execution = stage ? json_object_get(stage, "latestExecution") : failing;
    *ret_stage = json_str(stage ? stage : failing, "stageName", "");
    *ret_execution = json_str(execution, "pipelineExecutionId", "");
    return COMMAND_OK;
}

int retry_main(int argc, char **argv)
{
    static bool all;
    static const struct cli_option options[] = {
        {"all-actions", NULL, "repeat the stage's succeeded actions too", NULL, &all},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {"retry APP BRANCH | retry PIPELINE",
                                         "Repeats the failed actions of the stage where the latest execution "
                                         "failed, or fails while others of its\n"
                                         "actions still run.",
                                         options,
                                         ARRAY_LEN(options),
                                         1,
                                         2};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *state = NULL;
    int status = find(argc, argv, &spec, &cli, &release, &state);
    if (status >= 0)
        return status;
    CLEANUP(json_free) json_t *explained = NULL;
    const char *stage = NULL, *execution = NULL;
    status = find_failed(&cli, release, state, &explained, &stage, &execution);
    if (status)
        return status;
    json_t *in = json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", json_str(release, "pipeline", ""),
                           "stageName", stage, "pipelineExecutionId", execution, "retryMode",
                           all ? "ALL_ACTIONS" : "FAILED_ACTIONS");
    status = cli_call(&cli, "cannot retry the stage", "codepipeline", "RetryStageExecution", in, NULL);
    if (status)
        return status;
    cli_print("retrying %s of execution %s\n", stage, execution);
    return COMMAND_OK;
}

/* Of the executions under way the one that is meant, whole; borrowed from `explained`. */
static int find_execution(const json_t *release, const json_t *explained, const char *meant,
                          const char **ret_id)
{
    const json_t *executions = json_object_get(explained, "executions");
    size_t index, count = 0;
    json_t *one;
    json_array_foreach (executions, index, one) {
        const char *id = json_str(one, "pipelineExecutionId", "");
        if (meant && !str_starts(str_of(id), str_of(meant)))
            continue;
        *ret_id = id;
        count++;
    }
    if (count == 1)
        return COMMAND_OK;
    if (count == 0)
        return cli_fail(COMMAND_NOT_FOUND, "no%s execution of %s is under way", meant ? " such" : "",
                        json_str(release, "title", ""));
    (void)cli_fail(COMMAND_USAGE, "%zu executions of %s are under way: say which", count,
                   json_str(release, "title", ""));
    for (index = 0, count = 0; index < json_array_size(executions); index++) {
        one = json_array_get(executions, index);
        const char *id = json_str(one, "pipelineExecutionId", "");
        if ((!meant || str_starts(str_of(id), str_of(meant))) && count++ < RELEASE_ASKED_MAX)
            (void)fprintf(stderr, "  --execution %s   %s stage %s\n", id,
                          json_bool(one, "entered", false) ? "in" : "before", json_str(one, "stageName", ""));
    }
    release_print_rest(release, count);
    return COMMAND_USAGE;
}

int stop_main(int argc, char **argv)
{
    static bool abandon;
    static const char *reason, *meant;
    static const struct cli_option options[] = {
        {"execution", "ID", "the execution to stop, when several are under way", &meant, NULL},
        {"reason", "TEXT", "recorded with the execution", &reason, NULL},
        {"abandon", NULL, "do not wait for running actions to end", NULL, &abandon},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "stop APP BRANCH | stop PIPELINE",
        "Stops the execution that is under way, after its running actions have ended.",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *explained = NULL;
    const char *execution = NULL;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    status = release_meant(&cli, account, 0, &release);
    if (!status)
        status = release_explain(&cli, release, &explained);
    if (!status)
        status = find_execution(release, explained, meant, &execution);
    if (status)
        return status;
    json_t *in = json_pack("{s:s, s:s, s:b}", "pipelineName", json_str(release, "pipeline", ""),
                           "pipelineExecutionId", execution, "abandon", abandon);
    if (reason && json_put_str(in, "reason", reason))
        return cli_fault(-ENOMEM);
    status = cli_call(&cli, "cannot stop the execution", "codepipeline", "StopPipelineExecution", in, NULL);
    if (status)
        return status;
    cli_print("stopping execution %s%s\n", execution,
              abandon ? "" : " when what is under way has ended (--abandon does not wait)");
    return COMMAND_OK;
}

/* The condition that holds the stage up, or that has failed it: "BEFORE_ENTRY", "ON_SUCCESS"; NULL: none. */
static const char *condition_of(const json_t *stage)
{
    static const struct {
        const char *member;
        const char *type;
    } kinds[] = {{"beforeEntryConditionState", "BEFORE_ENTRY"}, {"onSuccessConditionState", "ON_SUCCESS"}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *status = json_str(
            json_object_get(json_object_get(stage, kinds[i].member), "latestExecution"), "status", "");
        if (strcmp(status, "InProgress") == 0 || strcmp(status, "Failed") == 0)
            return kinds[i].type;
    }
    return NULL;
}

int override_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {"override APP BRANCH STAGE | override PIPELINE STAGE",
                                         "Lets the latest execution past the stage's condition that it waits "
                                         "for, or has failed at. Who did that is "
                                         "recorded.",
                                         options,
                                         ARRAY_LEN(options),
                                         2,
                                         3};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *state = NULL;
    int status = find(argc, argv, &spec, &cli, &release, &state);
    if (status >= 0)
        return status;
    const char *name = cli.args[cli.arg_count - 1];
    const json_t *found = NULL;
    status = release_stage(state, name, &found);
    if (status)
        return status;
    name = json_str(found, "stageName", "");
    const char *type = condition_of(found);
    if (!type)
        return cli_fail(COMMAND_NOT_FOUND, "no condition of stage %s holds anything up", name);
    const char *execution = json_str(json_object_get(found, "latestExecution"), "pipelineExecutionId", "");
    json_t *in = json_pack("{s:s, s:s, s:s, s:s}", "pipelineName", json_str(release, "pipeline", ""),
                           "stageName", name, "pipelineExecutionId", execution, "conditionType", type);
    status =
        cli_call(&cli, "cannot override the condition", "codepipeline", "OverrideStageCondition", in, NULL);
    if (status)
        return status;
    cli_print("execution %s goes on in %s\n", execution, name);
    return COMMAND_OK;
}
