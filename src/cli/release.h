/* Releases as people see them: an application's branch, its release stack, its pipeline, and what ran there.
 */
#pragma once

#include "cli/cli.h"

/* All releases as a list of {account, app, branch, stack, stackStatus, pipeline}, `pipeline` absent while the
 * stack has none; by application and branch. `app`, `branch`, `account` NULL: any. */
int releases_list(struct cli *cli, const char *account, const char *app, const char *branch,
                  json_t **ret_list) MUST_USE;
/* The one that is meant. COMMAND_NOT_FOUND when there is none or it has no pipeline, COMMAND_USAGE when
 * several accounts have it and `account` is NULL. */
int release_find(struct cli *cli, const char *account, const char *app, const char *branch,
                 json_t **ret_release) MUST_USE;

/* Says which accounts have it. COMMAND_USAGE. */
int release_ambiguous(const json_t *list, const char *app, const char *branch);

/* What the arguments before the last `after` name: APP BRANCH, or a pipeline, which need not be a release's.
 * A release, or {pipeline}; with `title`, what people call it, and `shown`, the command that shows it. */
int release_meant(struct cli *cli, const char *account, size_t after, json_t **ret_release) MUST_USE;

/* ExplainPipeline's answer. */
int release_explain(struct cli *cli, const json_t *release, json_t **ret_explained) MUST_USE;
/* Of several things a command lists so many when it asks which is meant. */
#define RELEASE_ASKED_MAX 20
/* The rest of `count`, in a line that says where they are; nothing when all were listed. */
void release_print_rest(const json_t *release, size_t count);
/* GetPipelineState's answer. */
int release_state(struct cli *cli, const char *pipeline, json_t **ret_state) MUST_USE;
/* Its stage of that name, also in other case; borrowed. COMMAND_NOT_FOUND. */
int release_stage(const json_t *state, const char *name, const json_t **ret_stage) MUST_USE;
/* Action executions, newest first; `execution` NULL: of all executions. A history can be long: `until` says
 * when enough of it has been read (NULL: all). */
int release_actions(struct cli *cli, const char *pipeline, const char *execution,
                    const struct cli_until *until, json_t **ret_actions) MUST_USE;
/* Execution summaries, newest first. */
int release_executions(struct cli *cli, const char *pipeline, const struct cli_until *until,
                       json_t **ret_executions) MUST_USE;
/* The execution whose id begins so, as `slipway history` prints ids; the newest of several.
 * COMMAND_NOT_FOUND. */
#define EXECUTION_ID_SIZE 37
#define EXECUTION_SHOWN 8 /* characters of it */
int release_execution(struct cli *cli, const char *pipeline, const char *id,
                      char ret[EXECUTION_ID_SIZE]) MUST_USE;
/* The artifact's version id that the execution was started with, or "". Borrowed from the summaries. */
const char *execution_version(const json_t *executions, const char *execution_id);
/* What its uploader or committer says of the artifact's revision, in a line; NULL: nothing. The caller's. */
char *revision_words(const json_t *revision);
/* The stage's newest execution in which something was deployed, whatever became of it then: its id, or "".
 * Borrowed from the actions. */
const char *execution_deployed_in(const json_t *actions, const char *stage);

/* Things that the launcher could not do, newest first: event log records of level warning and error that
 * nothing newer of the same key has settled. Empty also when there is no event log. */
int release_problems(struct cli *cli, json_t **ret_records) MUST_USE;
/* Prints such a record in two lines. */
void release_print_problem(const json_t *record);
