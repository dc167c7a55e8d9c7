/* `slipway rollback`: an environment gets back what an earlier execution deployed there. */
#include "cli/commands.h"
#include "cli/release.h"

#include <stdio.h>
#include <stdlib.h>

static const char *account, *to;
static bool dry_run;

struct rollback {
    struct cli *cli;
    const char *pipeline;
    const char *shown; /* the command that shows it */
    const char *stage; /* as it was named, then as it is called */
    char *named;
    const char *now; /* the version that is deployed in the stage */
    json_t *plan;    /* what the server would deploy: RollbackStage's wouldDeploy */
    json_t *actions;
    json_t *executions;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return end_len <= len && strcmp(text + len - end_len, end) == 0;
}

/* A version by its id or what `status` shows of it, an execution by its id or what `history` shows of it; by
 * default another version than the present one. */
static bool is_meant(const struct rollback *rollback, const char *execution)
{
    const char *version = execution_version(rollback->executions, execution);
    if (!*version)
        return false;
    if (to)
        return (strlen(to) >= EXECUTION_SHOWN && str_starts(str_of(execution), str_of(to))) ||
               ends_with(version, to);
    return strcmp(version, rollback->now) != 0;
}

static json_t *request(const struct rollback *rollback, const char *execution, bool dry)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "pipelineName", rollback->pipeline, "stageName", rollback->stage,
                     "targetPipelineExecutionId", execution, "dryRun", dry);
}

/* `run`: its newest in the stage. Who names one is told why it cannot be taken; else none is asked for that
 * did not succeed. Of any version of the pipeline: the filter succeededInStage knows the present one's alone.
 */
static bool may_be(const struct rollback *rollback, const json_t *run)
{
    return is_meant(rollback, json_str(run, "pipelineExecutionId", "")) &&
           (to || strcmp(json_str(run, "status", ""), "Succeeded") == 0);
}

/* The newest that is meant and that the server would take; the first refusal is printed when there is none.
 */
static int find_target(struct rollback *rollback, const char **ret)
{
    const char *asked = "", *refused = NULL;
    size_t index;
    json_t *run;
    json_array_foreach (rollback->actions, index, run) {
        const char *execution = json_str(run, "pipelineExecutionId", "");
        if (strcmp(json_str(run, "stageName", ""), rollback->stage) != 0 || strcmp(execution, asked) == 0)
            continue;
        asked = execution;
        if (!may_be(rollback, run))
            continue;
        rollback->cli->tolerated = "UnableToRollbackStageException";
        int status = cli_call(rollback->cli, "cannot roll back", "codepipeline", "RollbackStage",
                              request(rollback, execution, true), &rollback->plan);
        rollback->cli->tolerated = NULL;
        if (status == 0)
            *ret = execution;
        if (status != COMMAND_NOT_FOUND)
            return status;
        refused = refused ? refused : execution;
    }
    *ret = refused;
    if (refused)
        return cli_call(rollback->cli, "cannot roll back", "codepipeline", "RollbackStage",
                        request(rollback, refused, true), NULL);
    if (to)
        return cli_fail(COMMAND_NOT_FOUND,
                        "no execution brought %s to stage %s: `slipway status` shows versions", to,
                        rollback->stage);
    return cli_fail(COMMAND_NOT_FOUND,
                    "stage %s has had no other version yet: there is nothing to go back to", rollback->stage);
}

/* The execution whose work is in the stage; "" when that cannot be told. A stage that deploys nothing has
 * what it did last. */
static const char *execution_in(const struct rollback *rollback, const json_t *stage)
{
    const char *deployed = execution_deployed_in(rollback->actions, rollback->stage);
    const json_t *latest = json_object_get(stage, "latestExecution");
    if (*deployed || strcmp(json_str(latest, "status", ""), "Succeeded") != 0)
        return deployed;
    return json_str(latest, "pipelineExecutionId", "");
}

static int look(struct rollback *rollback)
{
    CLEANUP(json_free) json_t *state = NULL;
    const json_t *stage;
    int status = release_state(rollback->cli, rollback->pipeline, &state);
    if (!status)
        status = release_stage(state, rollback->stage, &stage);
    if (status)
        return status;
    rollback->stage = rollback->named = str_dup(str_of(json_str(stage, "stageName", "")));
    if (!rollback->named)
        return cli_fault(-ENOMEM);
    if (!status)
        status = release_actions(rollback->cli, rollback->pipeline, NULL, NULL, &rollback->actions);
    if (!status)
        status = release_executions(rollback->cli, rollback->pipeline, NULL, &rollback->executions);
    if (!status)
        rollback->now = execution_version(rollback->executions, execution_in(rollback, stage));
    return status;
}

/* What comes back, by which actions. */
static void print_plan(const struct rollback *rollback, const char *target)
{
    const json_t *plan = json_object_get(rollback->plan, "wouldDeploy");
    size_t index;
    json_t *each;
    cli_print("%s %s to version %s of execution %s\n", dry_run ? "would roll back" : "rolling back",
              rollback->stage, execution_version(rollback->executions, target), target);
    if (*rollback->now)
        cli_print("  now there:   version %s\n", rollback->now);
    json_array_foreach (json_object_get(plan, "artifactRevisions"), index, each)
        cli_print("  artifact:    %s, version %s, SHA-256 %s\n", json_str(each, "name", ""),
                  json_str(each, "revisionId", ""), json_str(each, "sha256", "not known"));
    json_array_foreach (json_object_get(plan, "variables"), index, each)
        cli_print("  variable:    %s = %s\n", json_str(each, "name", ""),
                  json_str(each, "resolvedValue", ""));
    (void)printf("  by pipeline: version %lld\n", (long long)json_int(plan, "pipelineVersion", 0));
    json_array_foreach (json_object_get(plan, "actions"), index, each)
        cli_print("  runs again:  %s\n", json_str(each, "name", ""));
}

static int roll_back(struct rollback *rollback)
{
    CLEANUP(json_free) json_t *out = NULL;
    const struct cli *cli = rollback->cli;
    const char *target = NULL;
    int status = find_target(rollback, &target);
    if (status || !target)
        return status;
    if (dry_run && cli->json)
        return cli_print_json(rollback->plan);
    print_plan(rollback, target);
    if (dry_run)
        return COMMAND_OK;
    status = cli_call(rollback->cli, "cannot roll back", "codepipeline", "RollbackStage",
                      request(rollback, target, false), &out);
    if (status)
        return status;
    const char *id = json_str(out, "pipelineExecutionId", "");
    cli_print("started execution %s: `%s` shows it\n", id, rollback->shown);
    return COMMAND_OK;
}

int rollback_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"to", "VERSION", "an artifact's version, as `slipway status` shows it, or an execution", &to, NULL},
        {"dry-run", NULL, "only say what would be deployed", NULL, &dry_run},
        {"account", "ID", "the account that owns the application, when several have it", &account, NULL},
    };
    static const struct cli_spec spec = {
        "rollback APP BRANCH STAGE | rollback PIPELINE STAGE",
        "Deploys to one stage again what an earlier execution deployed there, by the pipeline of that time.\n"
        "Without --to: the newest version that is not the present one. Nothing else of the pipeline moves.",
        options,
        ARRAY_LEN(options),
        2,
        3};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *release = NULL;
    struct rollback rollback = {.cli = &cli};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    rollback.stage = cli.args[cli.arg_count - 1];
    status = release_meant(&cli, account, 1, &release);
    if (status)
        return status;
    rollback.pipeline = json_str(release, "pipeline", "");
    rollback.shown = json_str(release, "shown", "");
    status = look(&rollback);
    if (!status)
        status = roll_back(&rollback);
    json_decref(rollback.plan);
    json_decref(rollback.actions);
    json_decref(rollback.executions);
    free(rollback.named);
    return status;
}
