/* Finds releases and what ran in them, by requests. */
#include "cli/release.h"
#include "base/clock.h"
#include "workers/call.h"
#include "workers/launcher/journal.h"
#include "workers/stack.h"

#include <stdio.h>
#include <strings.h>

#define PROBLEMS_SINCE_MS ((int64_t)7 * 24 * 60 * 60 * 1000)

static bool wanted(const char *want, const char *have)
{
    return *have && (!want || strcmp(want, have) == 0);
}

/* By the stack's id: that is known even when the stack has been deleted meanwhile. */
static int add_pipeline(struct cli *cli, const char *stack_id, json_t *release)
{
    CLEANUP(json_free) json_t *resources = NULL;
    int status = cli_call_pages(cli, "cannot look at the release stack", "cloudformation",
                                "ListStackResources", json_pack("{s:s}", "StackName", stack_id),
                                "StackResourceSummaries", "NextToken", NULL, &resources);
    if (status)
        return status;
    size_t index;
    json_t *resource;
    json_array_foreach (resources, index, resource)
        if (strcmp(json_str(resource, "ResourceType", ""), "AWS::CodePipeline::Pipeline") == 0 &&
            *json_str(resource, "PhysicalResourceId", ""))
            return json_put_str(release, "pipeline", json_str(resource, "PhysicalResourceId", ""))
                       ? cli_fault(-ENOMEM)
                       : 0;
    return 0;
}

static int compare(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left;
    const json_t *b = *(json_t *const *)right;
    static const char *const keys[] = {"app", "branch", "account"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        int order = strcmp(json_str(a, keys[i], ""), json_str(b, keys[i], ""));
        if (order)
            return order;
    }
    return 0;
}

static int sorted(json_t *list, json_t **ret)
{
    size_t count = json_array_size(list);
    CLEANUP(free_ptr) json_t **items = calloc(count + 1, sizeof(json_t *));
    CLEANUP(json_free) json_t *out = json_array();
    if (!items || !out)
        return cli_fault(-ENOMEM); /* NOLINT(clang-analyzer-unix.Malloc): CLEANUP frees items */
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(list, i);
    qsort(items, count, sizeof(json_t *), compare);
    for (size_t i = 0; i < count; i++)
        if (json_array_append(out, items[i]))
            return cli_fault(-ENOMEM);
    *ret = take(out);
    return 0;
}

int releases_list(struct cli *cli, const char *account, const char *app, const char *branch,
                  json_t **ret_list)
{
    CLEANUP(json_free) json_t *stacks = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int status = cli_call_pages(cli, "cannot list release stacks", "cloudformation", "DescribeStacks", NULL,
                                "Stacks", "NextToken", NULL, &stacks);
    if (status)
        return status;
    size_t index;
    json_t *stack;
    json_array_foreach (stacks, index, stack) {
        if (!wanted(app, stack_tag(stack, "slipway:app")) ||
            !wanted(branch, stack_tag(stack, "slipway:branch")) ||
            !wanted(account, stack_tag(stack, "slipway:account")))
            continue;
        json_t *release =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "account", stack_tag(stack, "slipway:account"), "app",
                      stack_tag(stack, "slipway:app"), "branch", stack_tag(stack, "slipway:branch"), "stack",
                      json_str(stack, "StackName", ""), "stackStatus", json_str(stack, "StackStatus", ""));
        if (json_array_append_new(list, release))
            return cli_fault(-ENOMEM);
        status = add_pipeline(cli, json_str(stack, "StackId", ""), release);
        if (status)
            return status;
    }
    return sorted(list, ret_list);
}

int release_ambiguous(const json_t *list, const char *app, const char *branch)
{
    CLEANUP(buf_free) struct buf accounts = BUF_INIT(16384);
    const json_t *release;
    size_t i;
    json_array_foreach (list, i, release)
        buf_printf(&accounts, "%s%s", i ? ", " : "", json_str(release, "account", ""));
    return cli_fail(COMMAND_USAGE, "several accounts have %s on %s: say which with --account: " STR_FMT, app,
                    branch, STR_ARG(buf_str(&accounts)));
}

int release_find(struct cli *cli, const char *account, const char *app, const char *branch,
                 json_t **ret_release)
{
    CLEANUP(json_free) json_t *list = NULL;
    int status = releases_list(cli, account, app, branch, &list);
    if (status)
        return status;
    if (json_array_size(list) == 0)
        return cli_fail(
            COMMAND_NOT_FOUND,
            "there is no release of %s on %s\n  Push to ACCOUNT/%s/%s/latest.zip makes one; `slipway "
            "status` shows what the launcher refused",
            app, branch, app, branch);
    if (json_array_size(list) > 1)
        return release_ambiguous(list, app, branch);
    json_t *release = json_array_get(list, 0);
    if (!json_object_get(release, "pipeline"))
        return cli_fail(COMMAND_NOT_FOUND, "release stack %s has no pipeline yet (%s)",
                        json_str(release, "stack", ""), json_str(release, "stackStatus", ""));
    *ret_release = json_incref(release);
    return 0;
}

static json_t *pipeline_alone(const char *name)
{
    CLEANUP(json_free) json_t *release = json_pack("{s:s, s:s}", "pipeline", name, "title", name);
    if (!release || json_put_format(release, "shown", "slipway watch %s", name))
        return NULL;
    return take(release);
}

static int release_name(json_t *release, const char *app, const char *branch)
{
    int r = json_put_format(release, "title", "%s %s", app, branch);
    return r ? r : json_put_format(release, "shown", "slipway watch %s %s", app, branch);
}

int release_meant(struct cli *cli, const char *account, size_t after, json_t **ret_release)
{
    if (cli->arg_count == after + 1) {
        *ret_release = pipeline_alone(cli->args[0]);
        return *ret_release ? 0 : cli_fault(-ENOMEM);
    }
    int status = release_find(cli, account, cli->args[0], cli->args[1], ret_release);
    if (!status && release_name(*ret_release, cli->args[0], cli->args[1]))
        status = cli_fault(-ENOMEM);
    return status;
}

int release_state(struct cli *cli, const char *pipeline, json_t **ret_state)
{
    return cli_call(cli, "cannot look at the pipeline", "codepipeline", "GetPipelineState",
                    json_pack("{s:s}", "name", pipeline), ret_state);
}

int release_explain(struct cli *cli, const json_t *release, json_t **ret_explained)
{
    return cli_call(cli, "cannot tell what is waited for", "codepipeline", "ExplainPipeline",
                    json_pack("{s:s}", "name", json_str(release, "pipeline", "")), ret_explained);
}

void release_print_rest(const json_t *release, size_t count)
{
    if (count > RELEASE_ASKED_MAX)
        (void)fprintf(stderr, "  and %zu more: `slipway explain %s` lists all\n", count - RELEASE_ASKED_MAX,
                      json_str(release, "title", ""));
}

int release_stage(const json_t *state, const char *name, const json_t **ret_stage)
{
    CLEANUP(buf_free) struct buf names = BUF_INIT(65536);
    const json_t *like = NULL;
    size_t index;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), index, stage) {
        const char *called = json_str(stage, "stageName", "");
        buf_printf(&names, "%s%s", index ? ", " : "", called);
        if (strcmp(called, name) == 0 || (!like && strcasecmp(called, name) == 0))
            like = stage;
    }
    if (!like)
        return cli_fail(COMMAND_NOT_FOUND, "the pipeline has no stage %s; its stages: " STR_FMT, name,
                        STR_ARG(buf_str(&names)));
    *ret_stage = like;
    return COMMAND_OK;
}

int release_actions(struct cli *cli, const char *pipeline, const char *execution,
                    const struct cli_until *until, json_t **ret_actions)
{
    json_t *in = execution ? json_pack("{s:s, s:{s:s}}", "pipelineName", pipeline, "filter",
                                       "pipelineExecutionId", execution)
                           : json_pack("{s:s}", "pipelineName", pipeline);
    return cli_call_pages(cli, "cannot list what ran", "codepipeline", "ListActionExecutions", in,
                          "actionExecutionDetails", "nextToken", until, ret_actions);
}

int release_executions(struct cli *cli, const char *pipeline, const struct cli_until *until,
                       json_t **ret_executions)
{
    return cli_call_pages(cli, "cannot list executions", "codepipeline", "ListPipelineExecutions",
                          json_pack("{s:s}", "pipelineName", pipeline), "pipelineExecutionSummaries",
                          "nextToken", until, ret_executions);
}

static const char *execution_beginning(const json_t *executions, const char *id)
{
    size_t index;
    json_t *execution;
    json_array_foreach (executions, index, execution)
        if (str_starts(str_of(json_str(execution, "pipelineExecutionId", "")), str_of(id)))
            return json_str(execution, "pipelineExecutionId", "");
    return NULL;
}

static bool is_listed(const json_t *executions, const void *id)
{
    return execution_beginning(executions, id) != NULL;
}

int release_execution(struct cli *cli, const char *pipeline, const char *id, char ret[EXECUTION_ID_SIZE])
{
    CLEANUP(json_free) json_t *executions = NULL;
    const struct cli_until until = {is_listed, id};
    const char *found = strlen(id) == EXECUTION_ID_SIZE - 1 ? id : NULL;
    int status = found ? 0 : release_executions(cli, pipeline, &until, &executions);
    if (status)
        return status;
    if (!found)
        found = execution_beginning(executions, id);
    if (!found)
        return cli_fail(COMMAND_NOT_FOUND, "%s has no execution %s", pipeline, id);
    (void)snprintf(ret, EXECUTION_ID_SIZE, "%s", found);
    return 0;
}

const char *execution_version(const json_t *executions, const char *execution_id)
{
    size_t index;
    json_t *execution;
    json_array_foreach (executions, index, execution)
        if (strcmp(json_str(execution, "pipelineExecutionId", ""), execution_id) == 0) {
            const json_t *revision = json_path(execution, "sourceRevisions.0");
            return json_str(revision, "revisionId", "");
        }
    return "";
}

/* A commit's are JSON, as on AWS; a summary that only tells the version says nothing new. */
char *revision_words(const json_t *revision)
{
    CLEANUP(json_free) json_t *commit = NULL;
    const char *summary = json_str(revision, "revisionSummary", "");
    struct str text = str_of(summary);
    if (strstr(summary, json_str(revision, "revisionId", "")))
        return NULL;
    if (summary[0] == '{' && json_parse(text, &commit, NULL) == 0)
        text = str_of(json_str(commit, "CommitMessage", ""));
    text = str_trim(str_split(&text, '\n'));
    return text.len ? str_dup(text) : NULL;
}

/* A change set that is only made deploys nothing. */
static bool deploys(const json_t *action)
{
    return strcmp(json_str(json_path(action, "input.actionTypeId"), "category", ""), "Deploy") == 0 &&
           strcmp(json_str(json_path(action, "input.configuration"), "ActionMode", ""),
                  "CHANGE_SET_REPLACE") != 0;
}

const char *execution_deployed_in(const json_t *actions, const char *stage)
{
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action)
        if (strcmp(json_str(action, "stageName", ""), stage) == 0 &&
            strcmp(json_str(action, "status", ""), "Succeeded") == 0 && deploys(action))
            return json_str(action, "pipelineExecutionId", "");
    return "";
}

/* ---- problems */

static bool is_problem(const json_t *record)
{
    const char *level = json_str(record, "level", "");
    return strcmp(level, "warning") == 0 || strcmp(level, "error") == 0;
}

/* Keeps the newest record of each key, if it is a problem. */
static int keep_unsettled(const json_t *events, json_t *seen, json_t *ret_records)
{
    for (size_t i = json_array_size(events); i > 0; i--) {
        const char *text = json_str(json_array_get(events, i - 1), "message", "");
        CLEANUP(json_free) json_t *record = NULL;
        if (json_parse(str_of(text), &record, NULL) || !json_is_object(record))
            continue;
        const char *key = json_str(record, "key", "");
        if (json_object_get(seen, key))
            continue;
        if (json_object_set_new(seen, key, json_true()) ||
            (is_problem(record) && json_array_append(ret_records, record)))
            return cli_fault(-ENOMEM);
    }
    return 0;
}

int release_problems(struct cli *cli, json_t **ret_records)
{
    CLEANUP(json_free) json_t *records = json_array();
    CLEANUP(json_free) json_t *seen = json_object();
    CLEANUP(json_free) json_t *groups = NULL;
    CLEANUP(json_free) json_t *events = NULL;
    if (!records || !seen)
        return cli_fault(-ENOMEM);
    int status = cli_call(cli, "cannot read the event log", "logs", "DescribeLogGroups",
                          json_pack("{s:s}", "logGroupNamePrefix", JOURNAL_GROUP), &groups);
    if (status)
        return status;
    if (json_array_size(json_object_get(groups, "logGroups")) > 0) {
        status = cli_call_pages(cli, "cannot read the event log", "logs", "FilterLogEvents",
                                json_pack("{s:s, s:I}", "logGroupName", JOURNAL_GROUP, "startTime",
                                          (json_int_t)(clock_now_ms() - PROBLEMS_SINCE_MS)),
                                "events", "nextToken", NULL, &events);
        if (!status)
            status = keep_unsettled(events, seen, records);
        if (status)
            return status;
    }
    *ret_records = take(records);
    return 0;
}

void release_print_problem(const json_t *record)
{
    const char *todo = json_str(record, "todo", ""), *version = json_str(record, "versionId", "");
    cli_print("  %s  %s: %s\n", json_str(record, "time", ""), json_str(record, "event", ""),
              json_str(record, "message", ""));
    if (*json_str(record, "key", ""))
        cli_print("    artifact %s/%s%s%s\n", json_str(record, "bucket", ""), json_str(record, "key", ""),
                  *version ? " version " : "", version);
    if (*todo)
        cli_print("    to do: %s\n", todo);
}
