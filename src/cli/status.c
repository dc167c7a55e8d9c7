/* `slipway status`: which version is where, what runs, what waits for whom, and what the launcher could not
 * do. */
#include "cli/commands.h"
#include "cli/release.h"
#include "workers/call.h"
#include "workers/launcher/setup.h"

#include <stdio.h>

#define STAGES_MAX 20
#define SHORT_VERSION 8

/* Every stage that anything reached has something deployed in it. */
static bool all_deployed(const json_t *actions, const void *arg)
{
    const json_t *state = arg;
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), index, stage)
        if (index > 0 && json_object_get(stage, "latestExecution") &&
            !*execution_deployed_in(actions, json_str(stage, "stageName", "")))
            return false;
    return true;
}

struct sought {
    const json_t *state, *actions;
};

/* What waits before the stage while nothing is in it; NULL: nothing does. */
static const json_t *waiting_before(const json_t *stage)
{
    const char *status = json_str(json_object_get(stage, "latestExecution"), "status", "");
    const json_t *inbound = json_object_get(stage, "inboundExecution");
    return strcmp(status, "InProgress") == 0 || strcmp(status, "Stopping") == 0 ? NULL : inbound;
}

/* Whose state its cell tells. */
static const char *execution_at(const json_t *stage)
{
    const json_t *waiting = waiting_before(stage);
    return json_str(waiting ? waiting : json_object_get(stage, "latestExecution"), "pipelineExecutionId", "");
}

/* Of every execution that a cell tells of, the version is known. */
static bool all_versions(const json_t *executions, const void *arg)
{
    const struct sought *sought = arg;
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(sought->state, "stageStates"), index, stage) {
        const char *deployed = execution_deployed_in(sought->actions, json_str(stage, "stageName", ""));
        const char *latest = execution_at(stage);
        if ((*deployed && !*execution_version(executions, deployed)) ||
            (*latest && !*execution_version(executions, latest)))
            return false;
    }
    return true;
}

static bool waits_for_approval(const json_t *stage)
{
    size_t index;
    json_t *action;
    json_array_foreach (json_object_get(stage, "actionStates"), index, action) {
        const json_t *latest = json_object_get(action, "latestExecution");
        if (*json_str(latest, "token", "") && strcmp(json_str(latest, "status", ""), "InProgress") == 0)
            return true;
    }
    return false;
}

static bool asks_conditions(const json_t *stage)
{
    static const char *const kinds[] = {"beforeEntryConditionState.latestExecution",
                                        "onSuccessConditionState.latestExecution"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(json_str(json_path(stage, kinds[i]), "status", ""), "InProgress") == 0)
            return true;
    return false;
}

/* Nothing of it runs, and its entrance is closed, as a freeze does. */
static bool is_held(const json_t *stage)
{
    size_t index;
    json_t *action;
    json_array_foreach (json_object_get(stage, "actionStates"), index, action)
        if (strcmp(json_str(json_object_get(action, "latestExecution"), "status", ""), "InProgress") == 0)
            return false;
    return !json_bool(json_object_get(stage, "inboundTransitionState"), "enabled", true);
}

static const char *state_of(const json_t *stage)
{
    const char *status = json_str(json_object_get(stage, "latestExecution"), "status", "");
    if (waits_for_approval(stage))
        return "waits for approval";
    if (asks_conditions(stage))
        return "waits for a condition";
    if (waiting_before(stage))
        return json_bool(json_object_get(stage, "inboundTransitionState"), "enabled", true) ? "waits"
                                                                                            : "held";
    if (strcmp(status, "InProgress") == 0 && is_held(stage))
        return "held";
    static const struct {
        const char *status;
        const char *state;
    } states[] = {{"InProgress", "running"}, {"Failed", "failed"},   {"Stopping", "stopping"},
                  {"Stopped", "stopped"},    {"Skipped", "skipped"}, {"Succeeded", ""}};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(states[i].status, status) == 0)
            return states[i].state;
    return status;
}

static int add_cells(json_t *environments, const json_t *state, const json_t *actions,
                     const json_t *executions)
{
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), index, stage) {
        const char *name = json_str(stage, "stageName", "");
        const char *execution = execution_deployed_in(actions, name);
        const char *latest = execution_at(stage);
        if (index == 0)
            continue;
        json_t *cell = json_pack("{s:s, s:s, s:s, s:s}", "version", execution_version(executions, execution),
                                 "execution", execution, "state", state_of(stage), "stateVersion",
                                 execution_version(executions, latest));
        if (json_put(environments, name, cell))
            return cli_fault(-ENOMEM);
    }
    return 0;
}

/* Adds "environments" to the release: {STAGE: {version, execution, state, stateVersion}}. None when the
 * pipeline is gone by the time that it is looked at: the release is being taken down. */
static int add_environments(struct cli *cli, json_t *release)
{
    const char *pipeline = json_str(release, "pipeline", NULL);
    CLEANUP(json_free) json_t *state = NULL;
    CLEANUP(json_free) json_t *actions = NULL;
    CLEANUP(json_free) json_t *executions = NULL;
    json_t *environments = json_object();
    if (json_put(release, "environments", environments))
        return cli_fault(-ENOMEM);
    if (!pipeline)
        return 0;
    cli->tolerated = "PipelineNotFoundException";
    int status = release_state(cli, pipeline, &state);
    const struct cli_until deployed = {all_deployed, state};
    if (!status)
        status = release_actions(cli, pipeline, NULL, &deployed, &actions);
    const struct sought sought = {state, actions};
    const struct cli_until versions = {all_versions, &sought};
    if (!status)
        status = release_executions(cli, pipeline, &versions, &executions);
    cli->tolerated = NULL;
    if (status)
        return status == COMMAND_NOT_FOUND ? 0 : status;
    const json_t *newest = json_array_get(executions, 0);
    const char *newest_id = json_str(newest, "pipelineExecutionId", "");
    if (json_put_str(release, "version", execution_version(executions, newest_id)) ||
        json_put_str(release, "status", json_str(newest, "status", "")))
        return cli_fault(-ENOMEM);
    return add_cells(environments, state, actions, executions);
}

/* ---- the matrix */

/* The end of a version id: its beginning may be a number that grows slowly. */
static const char *short_version(const char *version)
{
    size_t len = strlen(version);
    return len == 0 ? "-" : len > SHORT_VERSION ? version + (len - SHORT_VERSION) : version;
}

static void text_of(const json_t *cell, char *ret, size_t size)
{
    const char *version = json_str(cell, "version", "");
    const char *state = json_str(cell, "state", "");
    if (!cell)
        (void)snprintf(ret, size, "%s", "");
    else if (!*state)
        (void)snprintf(ret, size, "%s", short_version(version));
    else
        (void)snprintf(ret, size, "%s (%s %s)", short_version(version),
                       short_version(json_str(cell, "stateVersion", "")), state);
}

static size_t collect_stages(const json_t *releases, const char *stages[STAGES_MAX])
{
    size_t count = 0;
    size_t index;
    json_t *release;
    json_array_foreach (releases, index, release) {
        const char *name;
        json_t *cell;
        json_object_foreach (json_object_get(release, "environments"), name, cell) {
            size_t i = 0;
            while (i < count && strcmp(stages[i], name) != 0)
                i++;
            if (i == count && count < STAGES_MAX)
                stages[count++] = name;
        }
    }
    return count;
}

static size_t width_of(const json_t *releases, const char *stage)
{
    size_t width = cli_width(stage);
    size_t index;
    json_t *release;
    json_array_foreach (releases, index, release) {
        char text[160];
        text_of(json_object_get(json_object_get(release, "environments"), stage), text, sizeof(text));
        width = cli_width(text) > width ? cli_width(text) : width;
    }
    return width;
}

static void print_cell(const char *text, size_t width)
{
    (void)printf("  ");
    cli_print_cell(text, width);
}

static void print_key(const char *app, const char *branch, const char *account)
{
    cli_print_cell(app, 12);
    (void)putchar(' ');
    cli_print_cell(branch, 20);
    (void)putchar(' ');
    cli_print_cell(account, 14);
}

static void print_matrix(const json_t *releases)
{
    const char *stages[STAGES_MAX];
    size_t count = collect_stages(releases, stages);
    size_t widths[STAGES_MAX];
    print_key("APPLICATION", "BRANCH", "ACCOUNT");
    for (size_t i = 0; i < count; i++) {
        widths[i] = width_of(releases, stages[i]);
        print_cell(stages[i], widths[i]);
    }
    (void)putchar('\n');
    size_t index;
    json_t *release;
    json_array_foreach (releases, index, release) {
        print_key(json_str(release, "app", ""), json_str(release, "branch", ""),
                  json_str(release, "account", ""));
        for (size_t i = 0; i < count; i++) {
            char text[160];
            text_of(json_object_get(json_object_get(release, "environments"), stages[i]), text, sizeof(text));
            print_cell(text, widths[i]);
        }
        if (!json_object_get(release, "pipeline"))
            cli_print("  release stack %s: %s", json_str(release, "stack", ""),
                      json_str(release, "stackStatus", ""));
        (void)putchar('\n');
    }
}

/* How many artifact events were given up on; -1 when there is no such queue. */
static int dead_letters(struct cli *cli, int64_t *ret)
{
    *ret = -1;
    CLEANUP(json_free) json_t *queue = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int err = aws_call(cli->client, "sqs", "GetQueueUrl", json_pack("{s:s}", "QueueName", DEAD_LETTER_QUEUE),
                       &queue, &error);
    if (err == AWS_E_SERVICE)
        return 0;
    if (err)
        return cli_call_failed("cannot look at the dead-letter queue", err, &error);
    int status = cli_call(cli, "cannot look at the dead-letter queue", "sqs", "GetQueueAttributes",
                          json_pack("{s:s, s:[s]}", "QueueUrl", json_str(queue, "QueueUrl", ""),
                                    "AttributeNames", "ApproximateNumberOfMessages"),
                          &out);
    if (status)
        return status;
    const char *count = json_str(json_object_get(out, "Attributes"), "ApproximateNumberOfMessages", "");
    if (!str_to_int(str_of(count), 0, INT64_MAX, ret))
        *ret = -1;
    return 0;
}

static int print(struct cli *cli, const json_t *releases, const json_t *problems)
{
    int64_t dead = -1;
    int status = dead_letters(cli, &dead);
    if (status)
        return status;
    if (cli->json) {
        CLEANUP(json_free)
        json_t *out = json_pack("{s:O, s:O, s:I}", "releases", releases, "problems", problems, "deadLetters",
                                (json_int_t)(dead < 0 ? 0 : dead));
        return cli_print_json(out);
    }
    if (json_array_size(releases) > 0)
        print_matrix(releases);
    else if (cli->arg_count == 0)
        (void)printf("nothing is released yet: `slipway push` delivers an artifact\n");
    size_t index;
    json_t *record;
    if (json_array_size(problems) > 0)
        (void)printf("\nproblems of the last week:\n");
    json_array_foreach (problems, index, record)
        release_print_problem(record);
    if (dead > 0)
        (void)printf("\n%lld event%s in queue %s\n", (long long)dead, dead == 1 ? "" : "s",
                     DEAD_LETTER_QUEUE);
    if (json_array_size(releases) == 0 && cli->arg_count > 0)
        return cli_fail(COMMAND_NOT_FOUND,
                        "nothing is released under that name\n  `slipway status` lists what is");
    return COMMAND_OK;
}

int status_main(int argc, char **argv)
{
    static const char *account;
    static const struct cli_option options[] = {
        {"account", "ID", "only this account's applications", &account, NULL},
    };
    static const struct cli_spec spec = {"status [APP [BRANCH]]",
                                         "Which version is where: applications and branches by environment, "
                                         "with what runs, failed or waits, and what\n"
                                         "the launcher could not do. A cell is the version that is deployed "
                                         "and, in parentheses, what a stage is at.",
                                         options,
                                         ARRAY_LEN(options),
                                         0,
                                         2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    CLEANUP(json_free) json_t *releases = NULL;
    CLEANUP(json_free) json_t *problems = NULL;
    status = releases_list(&cli, account, cli.args[0], cli.args[1], &releases);
    size_t index;
    json_t *release;
    json_array_foreach (releases, index, release)
        if (!status)
            status = add_environments(&cli, release);
    if (!status)
        status = release_problems(&cli, &problems);
    return status ? status : print(&cli, releases, problems);
}
