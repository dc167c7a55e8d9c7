/* `slipway approve` and `slipway reject`: who decides, on which bytes, about which change. */
#include "cli/commands.h"
#include "cli/release.h"

#include <stdio.h>

struct pending {
    const char *stage;
    const char *action;
    const char *token;
    const char *execution;
    const char *missing; /* who has to approve still */
};

/* The approval that the pipeline waits for; strings borrow from `state`. */
static bool find_pending(const json_t *state, struct pending *ret)
{
    size_t s;
    json_t *stage;
    json_array_foreach (json_object_get(state, "stageStates"), s, stage) {
        size_t a;
        json_t *action;
        json_array_foreach (json_object_get(stage, "actionStates"), a, action) {
            const json_t *latest = json_object_get(action, "latestExecution");
            const char *token = json_str(latest, "token", "");
            if (!*token || strcmp(json_str(latest, "status", ""), "InProgress") != 0)
                continue;
            *ret = (struct pending){
                json_str(stage, "stageName", ""), json_str(action, "actionName", ""), token,
                json_str(json_object_get(stage, "latestExecution"), "pipelineExecutionId", ""),
                json_str(json_object_get(latest, "approval"), "missing", "others")};
            return true;
        }
    }
    return false;
}

static bool makes_change_set(const json_t *action)
{
    return strcmp(json_str(json_path(action, "input.configuration"), "ActionMode", ""),
                  "CHANGE_SET_REPLACE") == 0;
}

/* What the approval is about: the bytes, and what the change sets of its stage would do. */
static void print_subject(const json_t *release, const struct pending *pending, const json_t *actions)
{
    (void)printf("%s: %s / %s\n", json_str(release, "title", ""), pending->stage, pending->action);
    (void)printf("  artifact   version %s\n", execution_variable(actions, "VersionId"));
    (void)printf("             sha256  %s\n", execution_variable(actions, "SHA256"));
    size_t index;
    json_t *action;
    json_array_foreach (actions, index, action) {
        const char *summary =
            json_str(json_path(action, "output.executionResult"), "externalExecutionSummary", "");
        if (strcmp(json_str(action, "stageName", ""), pending->stage) == 0 && makes_change_set(action) &&
            *summary)
            (void)printf("  change     %s: %s\n", json_str(action, "actionName", ""), summary);
    }
}

static int decide(struct cli *cli, const json_t *release, const struct pending *pending, const char *decision,
                  const char *message)
{
    CLEANUP(json_free) json_t *owner = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot tell who you are", "sts", "GetCallerIdentity", NULL, &owner);
    if (status)
        return status;
    json_t *in =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "pipelineName", json_str(release, "pipeline", ""),
                  "stageName", pending->stage, "actionName", pending->action, "token", pending->token,
                  "result", "status", decision, "summary", message);
    status = cli_call(cli, "cannot record the decision", "codepipeline", "PutApprovalResult", in, &out);
    if (status)
        return status;
    char time[CLI_TIME_SIZE];
    cli_time(json_number_value(json_object_get(out, "approvedAt")), true, time);
    (void)printf("  %-10s by %s at %s%s%s\n", strcmp(decision, "Approved") == 0 ? "approved" : "rejected",
                 json_str(owner, "Arn", ""), time, *message ? ": " : "", message);
    return COMMAND_OK;
}

/* An approval that needs several people goes on waiting. */
static int print_missing(struct cli *cli, const json_t *release, const struct pending *answered)
{
    CLEANUP(json_free) json_t *state = NULL;
    struct pending pending;
    int status = release_state(cli, json_str(release, "pipeline", ""), &state);
    if (status || !find_pending(state, &pending) || strcmp(pending.token, answered->token) != 0)
        return status;
    (void)printf("  waits for  %s\n", pending.missing);
    return COMMAND_OK;
}

static int run(int argc, char **argv, const struct cli_spec *spec, const char *decision, const char **account,
               const char **message)
{
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, spec, &cli);
    if (status >= 0)
        return status;
    CLEANUP(json_free) json_t *release = NULL;
    CLEANUP(json_free) json_t *state = NULL;
    CLEANUP(json_free) json_t *actions = NULL;
    status = release_meant(&cli, *account, 0, &release);
    if (!status)
        status = release_state(&cli, json_str(release, "pipeline", ""), &state);
    if (status)
        return status;
    struct pending pending;
    if (!find_pending(state, &pending))
        return cli_fail(COMMAND_NOT_FOUND, "%s waits for no approval; `%s` shows what it does",
                        json_str(release, "title", ""), json_str(release, "shown", ""));
    status = release_actions(&cli, json_str(release, "pipeline", ""), pending.execution, NULL, &actions);
    if (status)
        return status;
    print_subject(release, &pending, actions);
    status = decide(&cli, release, &pending, decision, *message ? *message : "");
    return status ? status : print_missing(&cli, release, &pending);
}

static const char *account, *message;
static const struct cli_option options[] = {
    {"message", "TEXT", "recorded with the decision", &message, NULL},
    {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
};

int approve_main(int argc, char **argv)
{
    static const struct cli_spec spec = {"approve APP BRANCH | approve PIPELINE",
                                         "Approves what the pipeline waits for, after showing the artifact's "
                                         "digest and what the change set would do.\n"
                                         "Who approved, when and why is recorded with the execution.",
                                         options,
                                         ARRAY_LEN(options),
                                         1,
                                         2};
    return run(argc, argv, &spec, "Approved", &account, &message);
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
    return run(argc, argv, &spec, "Rejected", &account, &message);
}
