/* `slipway explain`: what each execution of a pipeline waits for right now. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/release.h"
#include "wire/time.h"

#include <stdio.h>

static const char *account;

static int64_t ms_of(const json_t *object, const char *member)
{
    return (int64_t)(json_number_value(json_object_get(object, member)) * 1000);
}

/* "12 s", "3 min", "2 h", "4 d". */
static void duration(int64_t ms, char *ret, size_t size)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && ms < 2 * units[i].ms)
        i++;
    (void)snprintf(ret, size, "%lld %s", (long long)(ms > 0 ? ms / units[i].ms : 0), units[i].unit);
}

static const char *what_then(const char *type)
{
    return strcmp(type, "Approval") == 0 ? "the execution stops"
           : strcmp(type, "Window") == 0 ? "the rule is asked again"
           : strcmp(type, "Freeze") == 0 ? "it goes on"
                                         : "it fails";
}

static void print_wait(const json_t *wait)
{
    char since[32], until[TIME_TEXT_SIZE];
    duration(clock_now_ms() - ms_of(wait, "since"), since, sizeof(since));
    cli_print("  %s (for %s)\n", json_str(wait, "summary", ""), since);
    if (!json_object_get(wait, "until"))
        return;
    time_iso8601_s(ms_of(wait, "until"), until);
    cli_print("    until %s; then %s\n", until, what_then(json_str(wait, "type", "")));
}

/* An execution finishes on the version that it started with. */
static void print_execution(const json_t *execution, int64_t newest)
{
    const json_t *waits = json_object_get(execution, "waitsFor");
    int64_t version = json_int(execution, "pipelineVersion", newest);
    size_t index;
    json_t *wait;
    cli_print("%s  %s, %s stage %s", json_str(execution, "pipelineExecutionId", ""),
              json_str(execution, "status", ""), json_bool(execution, "entered", false) ? "in" : "before",
              json_str(execution, "stageName", ""));
    if (version != newest)
        (void)printf(", by version %lld of the pipeline (new ones: by version %lld)", (long long)version,
                     (long long)newest);
    (void)printf("\n");
    json_array_foreach (waits, index, wait)
        print_wait(wait);
    if (strcmp(json_str(execution, "status", ""), "Stopping") == 0)
        cli_print("  it stops when that has ended; `slipway stop --abandon` does not wait for it\n");
}

/* Nothing moves: how the newest execution has ended. */
static int print_end(struct cli *cli, const char *pipeline)
{
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot list executions", "codepipeline", "ListPipelineExecutions",
                          json_pack("{s:s, s:i}", "pipelineName", pipeline, "maxResults", 1), &out);
    const json_t *newest = json_path(out, "pipelineExecutionSummaries.0");
    const char *why = json_str(newest, "statusSummary", "");
    char ended[CLI_TIME_SIZE];
    if (status)
        return status;
    cli_print("nothing of %s is under way\n", pipeline);
    if (!newest)
        return COMMAND_OK;
    cli_time(json_number_value(json_object_get(newest, "lastUpdateTime")), true, ended);
    cli_print("%s  %s at %s\n", json_str(newest, "pipelineExecutionId", ""), json_str(newest, "status", ""),
              ended);
    if (*why) {
        (void)printf("  ");
        cli_print_why(why);
    }
    return COMMAND_OK;
}

static int explain(struct cli *cli, const char *pipeline)
{
    CLEANUP(json_free) json_t *out = NULL;
    size_t index;
    json_t *execution, *note;
    int status = cli_call(cli, "cannot explain the pipeline", "codepipeline", "ExplainPipeline",
                          json_pack("{s:s}", "name", pipeline), &out);
    if (status)
        return status;
    const json_t *executions = json_object_get(out, "executions");
    if (cli->json)
        return cli_print_json(out);
    if (json_array_size(executions) == 0)
        status = print_end(cli, pipeline);
    json_array_foreach (executions, index, execution)
        print_execution(execution, json_int(out, "pipelineVersion", 0));
    json_array_foreach (json_object_get(out, "notes"), index, note)
        cli_print("note: %s\n", json_string_value(note));
    return status;
}

int explain_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "explain APP BRANCH | explain PIPELINE",
        "Says what each execution waits for right now: who holds its stage, who disabled the transition and "
        "why,\n"
        "whose approval or which account's anchor is missing, what runs where.",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    status = release_meant(&cli, account, 0, &release);
    return status ? status : explain(&cli, json_str(release, "pipeline", ""));
}
