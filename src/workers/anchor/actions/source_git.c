/* Source/CodeStarSourceConnection: one commit's files as a zip archive. Source: CodePipeline User Guide,
 * "CodeStarSourceConnection for …". */
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/git_host.h"
#include <stdio.h>

#define COMMIT_FULL 40
#define COMMIT_LEAST 7
#define MESSAGE_MAX 8192 /* of a variable */
#define SUMMARY_WORDS 400
#define SUMMARY_MAX 2048 /* of a revision's summary */

struct wanted {
    const char *connection;
    const char *repository;
    const char *branch;
    const char *commit; /* NULL: the branch's newest */
};

static int wanted_read(struct job *job, struct wanted *ret)
{
    const json_t *pin = json_object_get(job->data, "sourceRevision");

    ret->connection = job_setting(job, "ConnectionArn");
    ret->repository = job_setting(job, "FullRepositoryId");
    ret->branch = json_str(pin, "branchName", job_setting(job, "BranchName"));
    ret->commit = json_str(pin, "revisionValue", NULL);
    if (!ret->branch)
        return job_fail(job, "ConfigurationError", "the action's configuration needs BranchName");
    if (ret->commit &&
        (strlen(ret->commit) < COMMIT_LEAST || ret->commit[strspn(ret->commit, "0123456789abcdef")]))
        return job_fail(job, "ConfigurationError", "the revision '%s' is no commit", ret->commit);
    return 0;
}

/* ---- fetching; `branch` is "refs/heads/NAME" */

static int named(struct job *job, const struct git_remote *remote, const char *ref, struct git *ret)
{
    const struct git_wanted one = {.depth = GIT_FILES, .refs = {ref}};
    int r = git_fetch(job, remote, &one, ret);

    return r == WORK_E_FAILED && strstr(job->why.text, "not our ref")
               ? job_fail(
                     job, "JobFailed",
                     "the repository has no commit %s: the branch that had it is deleted, or was rewritten",
                     ref)
               : r;
}

static int resolve_within(struct job *job, const struct git_remote *remote, const char *refs,
                          const char *commit, char ret[GIT_COMMIT_SIZE])
{
    const struct git_wanted history = {GIT_HISTORY, {refs}};
    CLEANUP(git_deinit) struct git git = {0};
    int r = git_fetch(job, remote, &history, &git);

    return r ? r : git_resolve(&git, commit, ret);
}

/* The full name of a commit of which the first characters are known, by the history of its branch or, where
 * that is deleted or another by now, of all. */
static int resolve(struct job *job, const struct git_remote *remote, const struct wanted *wanted,
                   const char *branch, char ret[GIT_COMMIT_SIZE])
{
    int r = resolve_within(job, remote, branch, wanted->commit, ret);

    if (r == WORK_E_FAILED)
        r = resolve_within(job, remote, "refs/heads/*:refs/heads/*", wanted->commit, ret);
    return r;
}

/* The branch's files are the commit's in nearly all cases: it was made just now. */
static int by_beginning(struct job *job, const struct git_remote *remote, const struct wanted *wanted,
                        const char *branch, struct git *ret)
{
    char commit[GIT_COMMIT_SIZE];
    int r = named(job, remote, branch, ret);

    if (r == 0)
        r = git_resolve(ret, "FETCH_HEAD", commit);
    if (r == 0 && str_starts(str_of(commit), str_of(wanted->commit)))
        return 0;
    if (r && r != WORK_E_FAILED)
        return r;
    git_deinit(ret);
    *ret = (struct git){0};
    r = resolve(job, remote, wanted, branch, commit);
    return r ? r : named(job, remote, commit, ret);
}

static int fetch(struct job *job, const struct wanted *wanted, const struct git_remote *remote,
                 struct git *ret)
{
    CLEANUP(free_ptr) char *branch = NULL;

    if (asprintf(&branch, "refs/heads/%s", wanted->branch) < 0) {
        branch = NULL;
        return FAULT(ENOMEM);
    }
    if (wanted->commit && strlen(wanted->commit) < COMMIT_FULL)
        return by_beginning(job, remote, wanted, branch, ret);
    return named(job, remote, wanted->commit ? wanted->commit : branch, ret);
}

/* Cut on a character's boundary. */
static int text_put(json_t *object, const char *key, const char *text, size_t max)
{
    size_t len = strlen(text);

    if (len > max)
        for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0U) == 0x80;)
            len--;
    return json_put_strn(object, key, (struct str){text, len});
}

static int revision_report(struct job *job, const struct wanted *wanted, const json_t *connection,
                           const struct git_commit *commit)
{
    CLEANUP(json_free) json_t *summary = json_object();
    CLEANUP(free_ptr) char *text = NULL;
    int r = summary ? json_put_str(summary, "ProviderType", json_str(connection, "provider", "Git"))
                    : FAULT(ENOMEM);

    if (r == 0)
        r = text_put(summary, "CommitMessage", commit->message, SUMMARY_WORDS);
    text = r ? NULL : json_text(summary);
    if (!text)
        return r ? r : FAULT(ENOMEM);
    job->revision = json_pack("{s:s, s:s, s:s}", "revision", commit->id, "changeIdentifier", commit->id,
                              "revisionSummary", strlen(text) <= SUMMARY_MAX ? text : commit->id);
    buf_printf(&job->summary, "commit %s of %s, %s", commit->id, wanted->repository, wanted->branch);
    return job->revision ? 0 : FAULT(ENOMEM);
}

static int variables_report(struct job *job, const struct wanted *wanted, const struct git_commit *commit)
{
    const struct {
        const char *name, *value;
    } variables[] = {
        {"AuthorDate", commit->author_date},
        {"AuthorDisplayName", commit->author_name},
        {"AuthorEmail", commit->author_email},
        {"BranchName", wanted->branch},
        {"CommitId", commit->id},
        {"ConnectionArn", wanted->connection},
        {"FullRepositoryName", wanted->repository},
    };
    int r = text_put(job->variables, "CommitMessage", commit->message, MESSAGE_MAX);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(variables); i++)
        r = job_variable(job, variables[i].name, variables[i].value);
    return r;
}

int action_source_git(struct job *job)
{
    CLEANUP(git_commit_deinit) struct git_commit commit = {0};
    CLEANUP(git_deinit) struct git git = {0};
    CLEANUP(git_host_deinit) struct git_host host = {0};
    CLEANUP(close_fd) int fd = -1;
    struct wanted wanted;
    int r;

    if (json_object_get(job->data, "gitChanges"))
        return action_git_changes(job);
    r = wanted_read(job, &wanted);
    if (r == 0)
        r = git_host_find(job, &host);
    if (r == 0)
        r = fetch(job, &wanted, &host.remote, &git);
    if (r == 0)
        r = git_describe(&git, &commit);
    if (r == 0)
        r = work_temporary(job->anchor, &fd);
    if (r == 0)
        r = git_archive(&git, fd);
    if (r == 0)
        r = job_output_put(job, NULL, fd);
    if (r == 0)
        r = variables_report(job, &wanted, &commit);
    return r ? r : revision_report(job, &wanted, host.connection, &commit);
}
