/* `slipway history`: who did what to a pipeline, when and why. */
#include "cli/commands.h"
#include "cli/release.h"
#include "wire/time.h"

#include <stdio.h>

static const char *account, *execution;
static int64_t most = 200;

static bool enough(const json_t *list, const void *arg)
{
    const int64_t *wanted = arg;
    return (int64_t)json_array_size(list) >= *wanted;
}

static void print_event(const json_t *event)
{
    char at[TIME_TEXT_SIZE];
    const char *stage = json_str(event, "stageName", ""), *action = json_str(event, "actionName", "");
    const char *who = json_str(event, "who", ""), *why = json_str(event, "why", "");
    time_iso8601((int64_t)(json_number_value(json_object_get(event, "at")) * 1000), at);
    cli_print("%s  %-8.8s  %-22s %s%s%s", at, json_str(event, "pipelineExecutionId", "-"),
              json_str(event, "what", ""), stage, *action ? "/" : "", action);
    cli_print("%s%s%s", *who ? "  by " : "", who, *why ? "  " : "");
    cli_print_why(why);
}

static int print_history(struct cli *cli, const char *pipeline)
{
    char id[EXECUTION_ID_SIZE];
    int status = execution ? release_execution(cli, pipeline, execution, id) : 0;
    if (status)
        return status;
    execution = execution ? id : NULL;
    CLEANUP(json_free) json_t *events = NULL;
    const struct cli_until until = {enough, &most};
    json_t *in = json_pack("{s:s, s:s*}", "pipelineName", pipeline, "pipelineExecutionId", execution);
    status = cli_call_pages(cli, "cannot read the history", "codepipeline", "ListPipelineHistory", in,
                            "events", "nextToken", &until, &events);
    if (status)
        return status;
    while ((int64_t)json_array_size(events) > most)
        (void)json_array_remove(events, json_array_size(events) - 1);
    if (cli->json)
        return cli_print_json(events);
    if (json_array_size(events) == 0)
        return cli_fail(COMMAND_NOT_FOUND, "there is no record of pipeline %s%s%s\n  " CLI_PIPELINE_HINT,
                        pipeline, execution ? " and execution " : "", execution ? execution : "");
    for (size_t i = json_array_size(events); i > 0; i--)
        print_event(json_array_get(events, i - 1));
    return COMMAND_OK;
}

int history_main(int argc, char **argv)
{
    static const char *last;
    static const struct cli_option options[] = {
        {"execution", "ID", "only of this execution", &execution, NULL},
        {"last", "N", "the newest N records (default 200)", &last, NULL},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "history APP BRANCH | history PIPELINE",
        "Who did what to a pipeline, when and why, oldest first: starts, approvals, rejections, retries, "
        "rollbacks,\n"
        "what superseded what. A pipeline that is gone is named by its own name.",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (last && !str_to_int(str_of(last), 1, 100000, &most))
        return cli_fail(COMMAND_USAGE, "--last wants a number from 1 to 100000, not '%s'", last);
    status = release_meant(&cli, account, 0, &release);
    return status ? status : print_history(&cli, json_str(release, "pipeline", ""));
}
