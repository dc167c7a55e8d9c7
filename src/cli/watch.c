/* `slipway watch`: one execution, live: a redrawn picture on a terminal, a line for each change when piped.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/commands.h"
#include "cli/release.h"
#include "workers/call.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define APPEAR_DEFAULT_S 60
#define LOOK_AGAIN_MS 1000
#define PICTURE_MAX ((size_t)64 * 1024)

struct watch {
    struct cli *cli;
    const char *app, *branch, *account, *version; /* branch NULL: `app` is a pipeline's name */
    char *title;                                  /* as commands name it: "shop main" */
    int64_t appear_until_ms;                      /* clock_mono_ms */
    bool until_approval;
    bool redraw;
    int drawn_lines;
    json_t *release;
    char execution[40];
    json_t *said; /* what plain lines were printed: "ACTION_EXECUTION STATUS" → true */
};

static void watch_free(struct watch *watch)
{
    json_free(&watch->release);
    json_free(&watch->said);
    free(watch->title);
}

/* ---- which execution */

/* What kept the launcher from releasing it; false: nothing that it has told. */
static bool print_refusal(const struct watch *watch, const json_t *problems)
{
    size_t index;
    json_t *record;
    json_array_foreach (problems, index, record)
        if (strcmp(json_str(record, "app", ""), watch->app) == 0 &&
            strcmp(json_str(record, "branch", ""), watch->branch) == 0) {
            (void)fprintf(stderr, "slipway: the launcher could not release %s:\n", watch->title);
            (void)fflush(stderr);
            release_print_problem(record);
            return true;
        }
    return false;
}

static int no_show(struct watch *watch)
{
    CLEANUP(json_free) json_t *problems = NULL;
    int status = watch->branch ? release_problems(watch->cli, &problems) : 0;
    if (status)
        return status;
    if (watch->branch && print_refusal(watch, problems))
        return COMMAND_FAILED;
    return cli_fail(COMMAND_NOT_FOUND, "no execution of %s%s%s appeared\n  %s", watch->title,
                    watch->version ? " for version " : "", watch->version ? watch->version : "",
                    watch->branch
                        ? "Was it pushed (`slipway push`)? Is the launcher running?"
                        : "Does anything start the pipeline? `slipway explain` tells what keeps it");
}

/* The newest execution, of `version` when it is given: its id, or "". */
static const char *watched_of(const json_t *executions, const char *version)
{
    size_t index;
    json_t *execution;
    json_array_foreach (executions, index, execution) {
        const char *id = json_str(execution, "pipelineExecutionId", "");
        if (!version || strcmp(execution_version(executions, id), version) == 0)
            return id;
    }
    return "";
}

static bool is_watched_there(const json_t *executions, const void *arg)
{
    const struct watch *watch = arg;
    return *watched_of(executions, watch->version) != '\0';
}

/* *ret NULL: there is none yet. */
static int release_of(struct watch *watch, json_t **ret)
{
    CLEANUP(json_free) json_t *list = NULL;
    if (!watch->branch) {
        *ret = json_pack("{s:s}", "pipeline", watch->app);
        return *ret ? 0 : cli_fault(-ENOMEM);
    }
    int status = releases_list(watch->cli, watch->account, watch->app, watch->branch, &list);
    if (status)
        return status;
    if (json_array_size(list) > 1)
        return release_ambiguous(list, watch->app, watch->branch);
    json_t *release = json_array_get(list, 0);
    *ret = release && json_object_get(release, "pipeline") ? json_incref(release) : NULL;
    return 0;
}

/* Sets watch->execution when the execution that is meant is there. */
static int look_for_execution(struct watch *watch)
{
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *executions = NULL;
    const struct cli_until until = {is_watched_there, watch};
    int status = release_of(watch, &release);
    if (status || !release)
        return status;
    status = release_executions(watch->cli, json_str(release, "pipeline", ""), &until, &executions);
    if (status)
        return status;
    const char *id = watched_of(executions, watch->version);
    if (!*id)
        return 0;
    (void)snprintf(watch->execution, sizeof(watch->execution), "%s", id);
    watch->release = take(release);
    return 0;
}

static int find_execution(struct watch *watch)
{
    for (bool told = false;; told = true) {
        int status = look_for_execution(watch);
        if (status || *watch->execution)
            return status;
        if (clock_mono_ms() >= watch->appear_until_ms)
            return no_show(watch);
        if (!told)
            (void)fprintf(stderr, "slipway: waiting for an execution of %s\n", watch->title);
        /* Nothing tells a client that a stack has appeared: AWS has no such call. */
        struct reason why = {{0}};
        CLEANUP(json_free) json_t *out = NULL;
        int err = work_call_wait(watch->cli->client, "codepipeline", "ListPipelines", json_object(),
                                 LOOK_AGAIN_MS, &out, NULL, &why);
        if (err)
            return cli_fail(COMMAND_UNREACHABLE, "cannot list pipelines: %s", why.text);
    }
}

/* ---- what is shown */

static bool is_final(const char *status)
{
    static const char *const finals[] = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"};
    for (size_t i = 0; i < ARRAY_LEN(finals); i++)
        if (strcmp(finals[i], status) == 0)
            return true;
    return false;
}

static const char *mark_of(const char *status)
{
    static const struct {
        const char *status;
        const char *mark;
    } marks[] = {{"Succeeded", "\033[32m✓\033[0m"},
                 {"Failed", "\033[31m✗\033[0m"},
                 {"InProgress", "\033[33m●\033[0m"}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strcmp(marks[i].status, status) == 0)
            return marks[i].mark;
    return "○";
}

static bool is_approval(const json_t *action)
{
    return strcmp(json_str(json_path(action, "input.actionTypeId"), "category", ""), "Approval") == 0;
}

static bool waits_for_approval(const json_t *actions)
{
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action)
        if (is_approval(action) && strcmp(json_str(action, "status", ""), "InProgress") == 0)
            return true;
    return false;
}

static double seconds_of(const json_t *action)
{
    return json_number_value(json_object_get(action, "lastUpdateTime")) -
           json_number_value(json_object_get(action, "startTime"));
}

static const char *summary_of(const json_t *action)
{
    return json_str(json_path(action, "output.executionResult"), "externalExecutionSummary", "");
}

static int print_line(struct watch *watch, const json_t *action)
{
    char said[128];
    const char *status = json_str(action, "status", "");
    (void)snprintf(said, sizeof(said), "%s %s", json_str(action, "actionExecutionId", ""), status);
    if (json_object_get(watch->said, said))
        return 0;
    if (json_object_set_new(watch->said, said, json_true()))
        return cli_fault(-ENOMEM);
    bool running = strcmp(status, "InProgress") == 0;
    char time[CLI_TIME_SIZE];
    cli_time(json_number_value(json_object_get(action, running ? "startTime" : "lastUpdateTime")), false,
             time);
    cli_print("%s  %-10s %-18s ", time, json_str(action, "stageName", ""),
              json_str(action, "actionName", ""));
    if (running)
        cli_print("%s\n", is_approval(action) ? "waits for approval" : "started");
    else
        cli_print("%-10s %6.2f s  %s\n", status, seconds_of(action), summary_of(action));
    if (running && is_approval(action))
        cli_print("          `slipway approve %s` lets it go on; `slipway reject %s` stops it\n",
                  watch->title, watch->title);
    (void)fflush(stdout);
    return 0;
}

static int print_lines(struct watch *watch, const json_t *actions)
{
    int status = 0;
    for (size_t i = json_array_size(actions); !status && i > 0; i--)
        status = print_line(watch, json_array_get(actions, i - 1));
    return status;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Adds `text`'s first line, cut to fit: a picture that is redrawn must know how many rows it takes. */
static void put_fitting(struct buf *picture, const char *text, size_t columns)
{
    for (size_t shown = 0; *text && *text != '\n'; text++) {
        bool begins = ((unsigned char)*text & 0xc0) != 0x80; /* not the rest of a UTF-8 character */
        shown += begins;
        if (begins && shown == columns && text[1] && text[1] != '\n') {
            buf_puts(picture, "…");
            break;
        }
        size_t bytes = terminal_hidden(str_of(text));
        buf_putc(picture, bytes ? '?' : *text);
        text += bytes ? bytes - 1 : 0;
    }
    buf_putc(picture, '\n');
}

/* ---- what it waits for, when nothing runs */

static bool runs(const json_t *actions)
{
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action)
        if (strcmp(json_str(action, "status", ""), "InProgress") == 0)
            return true;
    return false;
}

/* Before a stage: what runs and who is asked is told by its action. */
static int waits_of(struct watch *watch, const json_t *actions, json_t **ret)
{
    CLEANUP(json_free) json_t *out = NULL;
    CLEANUP(json_free) json_t *waits = json_array();
    size_t e, w;
    json_t *execution, *wait;
    int status =
        runs(actions)
            ? 0
            : cli_call(watch->cli, "cannot tell what it waits for", "codepipeline", "ExplainPipeline",
                       json_pack("{s:s}", "name", json_str(watch->release, "pipeline", "")), &out);
    json_array_foreach (json_object_get(out, "executions"), e, execution) {
        if (strcmp(json_str(execution, "pipelineExecutionId", ""), watch->execution) != 0)
            continue;
        json_array_foreach (json_object_get(execution, "waitsFor"), w, wait)
            if (!json_object_get(wait, "actionName") && json_array_append(waits, wait))
                return cli_fault(-ENOMEM);
    }
    *ret = take(waits);
    return status;
}

static void draw_action(struct buf *picture, const json_t *action, size_t columns)
{
    const char *status = json_str(action, "status", ""), *name = json_str(action, "actionName", "");
    bool running = strcmp(status, "InProgress") == 0;
    char line[4096];
    if (running)
        (void)snprintf(line, sizeof(line), "%-18s  %s", name,
                       is_approval(action) ? "waits for approval: slipway approve" : "running");
    else
        (void)snprintf(line, sizeof(line), "%-18s %6.2f s  %s", name, seconds_of(action), summary_of(action));
    buf_printf(picture, "    %s ", mark_of(status));
    put_fitting(picture, line, columns > 16 ? columns - 6 : 10);
}

static void draw(struct watch *watch, const json_t *actions, const json_t *waits,
                 const char *execution_status)
{
    CLEANUP(buf_free) struct buf picture = BUF_INIT(PICTURE_MAX);
    size_t columns = terminal_columns();
    if (watch->drawn_lines)
        buf_printf(&picture, "\033[%dA\033[J", watch->drawn_lines);
    buf_printf(&picture, "\033[1m%s\033[0m  execution %.8s  %s\n", watch->title, watch->execution,
               execution_status);
    watch->drawn_lines = 1;
    const char *stage = "";
    for (size_t i = json_array_size(actions); i > 0; i--) {
        const json_t *action = json_array_get(actions, i - 1);
        if (strcmp(stage, json_str(action, "stageName", "")) != 0) {
            stage = json_str(action, "stageName", "");
            buf_printf(&picture, "  \033[1m%s\033[0m\n", stage);
            watch->drawn_lines++;
        }
        draw_action(&picture, action, columns);
        watch->drawn_lines++;
    }
    size_t index;
    json_t *wait;
    json_array_foreach (waits, index, wait) {
        buf_puts(&picture, "  waits: ");
        put_fitting(&picture, json_str(wait, "summary", ""), columns > 20 ? columns - 10 : 10);
        watch->drawn_lines++;
    }
    if (buf_error(&picture) == 0)
        (void)fwrite(picture.ptr, 1, picture.len, stdout);
    (void)fflush(stdout);
}

static int print_wait(struct watch *watch, const json_t *wait)
{
    const char *summary = json_str(wait, "summary", "");
    char time[CLI_TIME_SIZE];
    if (json_object_get(watch->said, summary))
        return 0;
    if (json_object_set_new(watch->said, summary, json_true()))
        return cli_fault(-ENOMEM);
    cli_time(json_number_value(json_object_get(wait, "since")), false, time);
    cli_print("%s  waits: %s\n", time, summary);
    (void)fflush(stdout);
    return 0;
}

static int print_waits(struct watch *watch, const json_t *waits)
{
    size_t index;
    json_t *wait;
    int status = 0;
    json_array_foreach (waits, index, wait)
        if (!status)
            status = print_wait(watch, wait);
    return status;
}

/* ---- how it ended */

/* False when no action of the execution has failed. */
static bool print_failures(const json_t *state, const char *execution)
{
    bool failed = false;
    size_t s;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), s, stage) {
        if (strcmp(json_str(json_object_get(stage, "latestExecution"), "pipelineExecutionId", ""),
                   execution) != 0)
            continue;
        size_t a;
        json_t *action;
        json_array_foreach (json_object_get(stage, "actionStates"), a, action) {
            const json_t *latest = json_object_get(action, "latestExecution");
            if (strcmp(json_str(latest, "status", ""), "Failed") != 0)
                continue;
            const json_t *error = json_object_get(latest, "errorDetails");
            const char *message = json_str(error, "message", json_str(latest, "summary", ""));
            cli_print("%s %s failed: ", json_str(stage, "stageName", ""), json_str(action, "actionName", ""));
            cli_print_lines(message);
            (void)printf("\n");
            failed = true;
        }
    }
    return failed;
}

/* Who sees no action of a stage is told why. */
static void print_skipped(const json_t *state, const char *execution)
{
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), index, stage) {
        const json_t *latest = json_object_get(stage, "latestExecution");
        if (strcmp(json_str(latest, "pipelineExecutionId", ""), execution) != 0 ||
            strcmp(json_str(latest, "status", ""), "Skipped") != 0)
            continue;
        latest = json_path(stage, "beforeEntryConditionState.latestExecution");
        cli_print("stage %s was skipped: %s\n", json_str(stage, "stageName", ""),
                  json_str(latest, "summary", ""));
    }
}

static int report_end(struct watch *watch, const json_t *execution)
{
    const char *status = json_str(execution, "status", "");
    const char *summary = json_str(execution, "statusSummary", "");
    cli_print("execution %s: %s\n", watch->execution, status);
    CLEANUP(json_free) json_t *state = NULL;
    bool succeeded = strcmp(status, "Succeeded") == 0;
    int failed = release_state(watch->cli, json_str(watch->release, "pipeline", ""), &state);
    if (failed)
        return succeeded ? COMMAND_OK : failed;
    print_skipped(state, watch->execution);
    if (succeeded)
        return COMMAND_OK;
    if (!print_failures(state, watch->execution) && *summary) {
        cli_print_lines(summary);
        (void)printf("\n");
    }
    (void)fflush(stdout);
    return COMMAND_FAILED;
}

static int follow(struct watch *watch)
{
    const char *pipeline = json_str(watch->release, "pipeline", "");
    bool first = true;
    for (;;) {
        CLEANUP(json_free) json_t *out = NULL;
        CLEANUP(json_free) json_t *actions = NULL;
        CLEANUP(json_free) json_t *waits = NULL;
        json_t *in =
            json_pack("{s:s, s:s}", "pipelineName", pipeline, "pipelineExecutionId", watch->execution);
        int status = first ? cli_call(watch->cli, "cannot look at the execution", "codepipeline",
                                      "GetPipelineExecution", in, &out)
                           : cli_call_wait(watch->cli, "cannot look at the execution", "codepipeline",
                                           "GetPipelineExecution", in, &out);
        if (!status)
            status = release_actions(watch->cli, pipeline, watch->execution, NULL, &actions);
        if (status)
            return status;
        first = false;
        const json_t *execution = json_object_get(out, "pipelineExecution");
        const char *execution_status = json_str(execution, "status", "");
        if (!is_final(execution_status))
            status = waits_of(watch, actions, &waits);
        if (!status && watch->redraw)
            draw(watch, actions, waits, execution_status);
        else if (!status)
            status = print_lines(watch, actions);
        if (!status && !watch->redraw)
            status = print_waits(watch, waits);
        if (status)
            return status;
        if (is_final(execution_status))
            return report_end(watch, execution);
        if (watch->until_approval && waits_for_approval(actions))
            return COMMAND_OK;
    }
}

int watch_main(int argc, char **argv)
{
    static const char *account, *version, *timeout;
    static bool until_approval;
    static const struct cli_option options[] = {
        {"version", "ID", "the execution of this artifact version (default: the newest execution)", &version,
         NULL},
        {"timeout", "SECONDS", "how long to wait for the execution to appear (default: 60)", &timeout, NULL},
        {"until-approval", NULL, "end with 0 also when an approval is waited for", NULL, &until_approval},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "watch APP BRANCH | watch PIPELINE",
        "Shows an execution while it runs, action by action: redrawn on a terminal, a line for each change "
        "when piped.\n"
        "Ends with 0 when the execution succeeded, 1 when it did not (and says why).",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    int64_t timeout_s = APPEAR_DEFAULT_S;
    if (timeout && !str_to_int(str_of(timeout), 0, 24 * 3600, &timeout_s))
        return cli_fail(COMMAND_USAGE, "--timeout is a number of seconds, at most a day: '%s'", timeout);
    CLEANUP(watch_free)
    struct watch watch = {.cli = &cli,
                          .app = cli.args[0],
                          .branch = cli.arg_count == 2 ? cli.args[1] : NULL,
                          .account = account,
                          .version = version,
                          .appear_until_ms = clock_mono_ms() + timeout_s * 1000,
                          .until_approval = until_approval,
                          .redraw = isatty(STDOUT_FILENO),
                          .said = json_object()};
    if (asprintf(&watch.title, "%s%s%s", watch.app, watch.branch ? " " : "",
                 watch.branch ? watch.branch : "") < 0)
        watch.title = NULL;
    if (!watch.said || !watch.title)
        return cli_fault(-ENOMEM);
    status = find_execution(&watch);
    return status ? status : follow(&watch);
}
