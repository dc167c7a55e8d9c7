/* `slipway approve` and `slipway reject`: who decides, on which bytes, about which change. */
#include "cli/commands.h"
#include "cli/release.h"

#include <stdio.h>
#include <strings.h>

struct pending {
    const char *stage;
    const char *action;
    const char *execution;
    const char *token;
};

static const char *account, *message, *execution, *stage, *decided_action;
static bool dry_run;

static bool is_meant(const struct pending *pending)
{
    return (!execution || str_starts(str_of(pending->execution), str_of(execution))) &&
           (!stage || strcasecmp(pending->stage, stage) == 0) &&
           (!decided_action || strcasecmp(pending->action, decided_action) == 0);
}

/* How many are meant, and the last of them. Strings borrow from `explained`. */
static size_t each_pending(const json_t *explained, struct pending *ret_last, bool print)
{
    size_t count = 0, e;
    json_t *one;
    json_array_foreach (json_object_get(explained, "executions"), e, one) {
        size_t w;
        json_t *wait;
        json_array_foreach (json_object_get(one, "waitsFor"), w, wait) {
            const struct pending pending = {json_str(one, "stageName", ""), json_str(wait, "actionName", ""),
                                            json_str(one, "pipelineExecutionId", ""), ""};
            if (strcmp(json_str(wait, "type", ""), "Approval") != 0 || !is_meant(&pending))
                continue;
            if (print && count < RELEASE_ASKED_MAX)
                (void)fprintf(stderr, "  --execution %s --stage %s --action %s\n", pending.execution,
                              pending.stage, pending.action);
            *ret_last = pending;
            count++;
        }
    }
    return count;
}

/* What has become of the execution that was named. */
static int tell_execution(struct cli *cli, const json_t *release)
{
    CLEANUP(json_free) json_t *out = NULL;
    const char *pipeline = json_str(release, "pipeline", "");
    char id[EXECUTION_ID_SIZE];
    int status = release_execution(cli, pipeline, execution, id);
    if (!status)
        status = cli_call(cli, "cannot look at the execution", "codepipeline", "GetPipelineExecution",
                          json_pack("{s:s, s:s}", "pipelineName", pipeline, "pipelineExecutionId", id), &out);
    if (status)
        return status;
    const char *why = json_str(json_object_get(out, "pipelineExecution"), "statusSummary", "");
    return cli_fail(COMMAND_NOT_FOUND, "execution %s of %s waits for no such approval: it is %s%s%.*s", id,
                    json_str(release, "title", ""),
                    json_str(json_object_get(out, "pipelineExecution"), "status", ""), *why ? ": " : "",
                    (int)strcspn(why, "\n"), why);
}

/* The one approval that is meant: of several nobody is given by chance. */
static int find_pending(struct cli *cli, const json_t *release, const json_t *explained, struct pending *ret)
{
    size_t count = each_pending(explained, ret, false);
    if (count == 0 && execution)
        return tell_execution(cli, release);
    if (count == 0)
        return cli_fail(COMMAND_NOT_FOUND, "%s waits for no%s approval; `%s` shows what it does",
                        json_str(release, "title", ""), stage || decided_action ? " such" : "",
                        json_str(release, "shown", ""));
    if (count == 1)
        return COMMAND_OK;
    (void)cli_fail(COMMAND_USAGE, "%s waits for %zu approvals: say which", json_str(release, "title", ""),
                   count);
    (void)each_pending(explained, ret, true);
    release_print_rest(release, count);
    return COMMAND_USAGE;
}

/* Its token, as ListActionExecutions tells it. */
static int find_token(const json_t *actions, struct pending *pending)
{
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action) {
        if (strcmp(json_str(action, "stageName", ""), pending->stage) != 0 ||
            strcmp(json_str(action, "actionName", ""), pending->action) != 0)
            continue;
        pending->token = json_str(json_path(action, "output.executionResult"), "externalExecutionId", "");
        return COMMAND_OK;
    }
    return cli_fail(COMMAND_FAILED, "the approval %s / %s has been answered meanwhile", pending->stage,
                    pending->action);
}

static bool makes_change_set(const json_t *action)
{
    return strcmp(json_str(json_path(action, "input.configuration"), "ActionMode", ""),
                  "CHANGE_SET_REPLACE") == 0;
}

static void print_revisions(const char *title, const json_t *about)
{
    size_t index;
    json_t *artifact;
    json_array_foreach (json_path(about, "pipelineExecution.artifactRevisions"), index, artifact) {
        cli_print("  %-10s version %s\n", title, json_str(artifact, "revisionId", ""));
        cli_print("             sha256  %s\n", json_str(artifact, "sha256", "not known"));
        CLEANUP(free_ptr) char *words = revision_words(artifact);
        if (words)
            cli_print("             says    %s\n", words);
    }
}

/* What the change sets of its stage would do. */
static void print_changes(const struct pending *pending, const json_t *actions)
{
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action) {
        const char *summary =
            json_str(json_path(action, "output.executionResult"), "externalExecutionSummary", "");
        if (strcmp(json_str(action, "stageName", ""), pending->stage) == 0 && makes_change_set(action) &&
            *summary)
            cli_print("  change     %s: %s\n", json_str(action, "actionName", ""), summary);
    }
}

static int look(struct cli *cli, const json_t *release, const char *id, json_t **ret)
{
    return cli_call(
        cli, "cannot tell what it is about", "codepipeline", "GetPipelineExecution",
        json_pack("{s:s, s:s}", "pipelineName", json_str(release, "pipeline", ""), "pipelineExecutionId", id),
        ret);
}

static bool is_deployed(const json_t *actions, const void *name)
{
    return *execution_deployed_in(actions, name) != '\0';
}

/* What the stage has now; NULL: nothing. Of a stage that deploys nothing, what succeeded there last (of the
 * pipeline's present version, as AWS tells it). */
static int look_there(struct cli *cli, const json_t *release, const struct pending *pending, json_t **ret)
{
    CLEANUP(json_free) json_t *actions = NULL;
    CLEANUP(json_free) json_t *good = NULL;
    const char *pipeline = json_str(release, "pipeline", "");
    const struct cli_until deployed = {is_deployed, pending->stage};
    int status = release_actions(cli, pipeline, NULL, &deployed, &actions);
    const char *id = execution_deployed_in(actions, pending->stage);
    if (!status && !*id) {
        status = cli_call(cli, "cannot tell what is there now", "codepipeline", "ListPipelineExecutions",
                          json_pack("{s:s, s:i, s:{s:{s:s}}}", "pipelineName", pipeline, "maxResults", 1,
                                    "filter", "succeededInStage", "stageName", pending->stage),
                          &good);
        id = json_str(json_path(good, "pipelineExecutionSummaries.0"), "pipelineExecutionId", "");
    }
    return status || !*id ? status : look(cli, release, id, ret);
}

/* What the approval is about: the bytes, those that they would replace, and what the change sets would do. */
static int print_subject(struct cli *cli, const json_t *release, const struct pending *pending,
                         const json_t *actions)
{
    CLEANUP(json_free) json_t *about = NULL;
    CLEANUP(json_free) json_t *there = NULL;
    int status = look(cli, release, pending->execution, &about);
    if (!status)
        status = look_there(cli, release, pending, &there);
    if (status)
        return status;
    cli_print("%s: %s / %s\n", json_str(release, "title", ""), pending->stage, pending->action);
    print_revisions("artifact", about);
    print_revisions("now there", there);
    print_changes(pending, actions);
    return COMMAND_OK;
}

static int decide(struct cli *cli, const json_t *release, const struct pending *pending, const char *decision)
{
    const char *words = message ? message : "";
    CLEANUP(json_free) json_t *owner = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot tell who you are", "sts", "GetCallerIdentity", NULL, &owner);
    if (status)
        return status;
    json_t *in =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "pipelineName", json_str(release, "pipeline", ""),
                  "stageName", pending->stage, "actionName", pending->action, "token", pending->token,
                  "result", "status", decision, "summary", words);
    status = cli_call(cli, "cannot record the decision", "codepipeline", "PutApprovalResult", in, &out);
    if (status)
        return status;
    char time[CLI_TIME_SIZE];
    cli_time(json_number_value(json_object_get(out, "approvedAt")), true, time);
    cli_print("  %-10s by %s at %s%s%s\n", strcmp(decision, "Approved") == 0 ? "approved" : "rejected",
              json_str(owner, "Arn", ""), time, *words ? ": " : "", words);
    return COMMAND_OK;
}

/* An approval that needs several people goes on waiting. */
static int print_missing(struct cli *cli, const json_t *release, const struct pending *answered)
{
    CLEANUP(json_free) json_t *explained = NULL;
    size_t e;
    json_t *one;
    int status = release_explain(cli, release, &explained);
    json_array_foreach (json_object_get(explained, "executions"), e, one) {
        size_t w;
        json_t *wait;
        if (strcmp(json_str(one, "pipelineExecutionId", ""), answered->execution) != 0)
            continue;
        json_array_foreach (json_object_get(one, "waitsFor"), w, wait)
            if (strcmp(json_str(wait, "actionName", ""), answered->action) == 0 &&
                json_object_get(wait, "missing"))
                cli_print("  waits for  %s\n", json_str(wait, "missing", ""));
    }
    return status;
}

static int run(int argc, char **argv, const struct cli_spec *spec, const char *decision)
{
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, spec, &cli);
    if (status >= 0)
        return status;
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *explained = NULL;
    CLEANUP(json_free) json_t *actions = NULL;
    struct pending pending = {"", "", "", ""};
    status = release_meant(&cli, account, 0, &release);
    if (!status)
        status = release_explain(&cli, release, &explained);
    if (!status)
        status = find_pending(&cli, release, explained, &pending);
    if (!status)
        status = release_actions(&cli, json_str(release, "pipeline", ""), pending.execution, NULL, &actions);
    if (!status)
        status = find_token(actions, &pending);
    if (!status)
        status = print_subject(&cli, release, &pending, actions);
    if (status)
        return status;
    status = dry_run ? 0 : decide(&cli, release, &pending, decision);
    return status ? status : print_missing(&cli, release, &pending);
}

static const struct cli_option options[] = {
    {"message", "TEXT", "recorded with the decision", &message, NULL},
    {"execution", "ID", "the execution that waits, when several do", &execution, NULL},
    {"stage", "NAME", "the stage, when approvals of several are waited for", &stage, NULL},
    {"action", "NAME", "the approval, when a stage waits for several", &decided_action, NULL},
    {"dry-run", NULL, "only show what it is about, and who is asked", NULL, &dry_run},
    {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
};

int approve_main(int argc, char **argv)
{
    static const struct cli_spec spec = {
        "approve APP BRANCH | approve PIPELINE",
        "Approves what the pipeline waits for, after showing the artifact's "
        "digest, that of what is there now, and what the change set would do.\n"
        "Who approved, when and why is recorded with the execution.",
        options,
        ARRAY_LEN(options),
        1,
        2};
    return run(argc, argv, &spec, "Approved");
}

int reject_main(int argc, char **argv)
{
    static const struct cli_spec spec = {"reject APP BRANCH | reject PIPELINE",
                                         "Rejects what the pipeline waits for: the execution fails there and "
                                         "later stages keep what they have.",
                                         options,
                                         ARRAY_LEN(options),
                                         1,
                                         2};
    return run(argc, argv, &spec, "Rejected");
}
