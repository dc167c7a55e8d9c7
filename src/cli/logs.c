/* `slipway logs`: the log of a build or test action, while it runs with --follow. */
#include "cli/commands.h"
#include "cli/release.h"

#include <stdio.h>
#include <strings.h>

static const char *account, *stage, *action, *execution;
static bool follow;

static bool wanted(const char *want, const char *have)
{
    return !want || strcasecmp(want, have) == 0;
}

/* Whose external id is a build's ("PROJECT:UUID"). */
static bool is_build(const char *provider)
{
    return strcmp(provider, "CodeBuild") == 0 || strcmp(provider, "Commands") == 0;
}

/* The newest action execution that has a build. */
static const json_t *find_build(const json_t *actions)
{
    size_t index;
    json_t *one;
    json_array_foreach (actions, index, one) {
        const char *provider = json_str(json_path(one, "input.actionTypeId"), "provider", "");
        const char *id = json_str(json_path(one, "output.executionResult"), "externalExecutionId", "");
        if (is_build(provider) && *id && wanted(stage, json_str(one, "stageName", "")) &&
            wanted(action, json_str(one, "actionName", "")))
            return one;
    }
    return NULL;
}

static int find_build_logs(struct cli *cli, const char *id, json_t **ret_build)
{
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot look at the build", "codebuild", "BatchGetBuilds",
                          json_pack("{s:[s]}", "ids", id), &out);
    if (status)
        return status;
    json_t *build = json_path(out, "builds.0");
    if (!json_path(build, "logs.streamName"))
        return cli_fail(COMMAND_NOT_FOUND, "build %s has no log yet", id);
    *ret_build = json_incref(build);
    return 0;
}

static bool build_ended(struct cli *cli, const char *id)
{
    CLEANUP(json_free) json_t *build = NULL;
    if (find_build_logs(cli, id, &build))
        return true;
    return json_bool(build, "buildComplete", true);
}

static int print_events(const json_t *events)
{
    size_t index;
    json_t *event;
    json_array_foreach (events, index, event)
        cli_print_log(json_str(event, "message", ""));
    return fflush(stdout) ? cli_fail(COMMAND_FAILED, "cannot write the log") : 0;
}

static int print_log(struct cli *cli, const char *id, const json_t *build)
{
    char token[512] = "";
    for (;;) {
        /* Asked before the page is read: what a build wrote before it ended is then in that page. */
        bool last = !follow || build_ended(cli, id);
        json_t *in =
            json_pack("{s:s, s:s, s:b}", "logGroupName",
                      json_str(json_object_get(build, "logs"), "groupName", ""), "logStreamName",
                      json_str(json_object_get(build, "logs"), "streamName", ""), "startFromHead", true);
        if (*token && json_put_str(in, "nextToken", token))
            return cli_fault(-ENOMEM);
        CLEANUP(json_free) json_t *out = NULL;
        int status = last ? cli_call(cli, "cannot read the log", "logs", "GetLogEvents", in, &out)
                          : cli_call_wait(cli, "cannot read the log", "logs", "GetLogEvents", in, &out);
        if (!status)
            status = print_events(json_object_get(out, "events"));
        if (status)
            return status;
        bool at_end = strcmp(token, json_str(out, "nextForwardToken", "")) == 0 ||
                      json_array_size(json_object_get(out, "events")) == 0;
        (void)snprintf(token, sizeof(token), "%s", json_str(out, "nextForwardToken", ""));
        if (last && at_end)
            return COMMAND_OK;
    }
}

int logs_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"stage", "NAME", "of an action in this stage", &stage, NULL},
        {"action", "NAME", "of this action", &action, NULL},
        {"execution", "ID", "of this execution (default: the newest that has a build)", &execution, NULL},
        {"follow", NULL, "go on until the build ends", NULL, &follow},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "logs APP BRANCH | logs PIPELINE",
        "Prints the log of the newest build, test or Commands action of the pipeline.",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *actions = NULL;
    CLEANUP(json_free) json_t *build = NULL;
    char meant[EXECUTION_ID_SIZE];
    status = release_meant(&cli, account, 0, &release);
    if (!status && execution)
        status = release_execution(&cli, json_str(release, "pipeline", ""), execution, meant);
    if (!status)
        status = release_actions(&cli, json_str(release, "pipeline", ""), execution ? meant : NULL, NULL,
                                 &actions);
    if (status)
        return status;
    const json_t *found = find_build(actions);
    if (!found)
        return cli_fail(COMMAND_NOT_FOUND, "no build, test or Commands action of %s has run%s",
                        json_str(release, "title", ""), stage || action ? " under that name" : "");
    const char *id = json_str(json_path(found, "output.executionResult"), "externalExecutionId", "");
    status = find_build_logs(&cli, id, &build);
    return status ? status : print_log(&cli, id, build);
}
