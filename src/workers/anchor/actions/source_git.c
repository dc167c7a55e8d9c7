/* Source/CodeStarSourceConnection: one commit's files as a zip archive. Where the connection of its
 * ConnectionArn leads, the parameter /slipway/connections/ID of the account says: {"url", "username"?,
 * "password"?}. Source: CodePipeline User Guide, "CodeStarSourceConnection for …". */
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/git.h"
#include <stdio.h>

#define PARAMETER "/slipway/connections/"
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
    if (!ret->connection || !ret->repository || !ret->branch)
        return job_fail(job, "ConfigurationError",
                        "the action's configuration needs ConnectionArn, FullRepositoryId and BranchName");
    if (strstr(ret->repository, "..") || ret->repository[0] == '/')
        return job_fail(job, "ConfigurationError", "the FullRepositoryId '%s' is not OWNER/NAME",
                        ret->repository);
    if (ret->commit && (strlen(ret->commit) < 40 || ret->commit[strspn(ret->commit, "0123456789abcdef")]))
        return job_fail(job, "ConfigurationError", "the revision '%s' is not a full commit", ret->commit);
    return 0;
}

/* *ret: the parameter's JSON. */
static int connection_read(struct job *job, const struct wanted *wanted, json_t **ret)
{
    const char *slash = strrchr(wanted->connection, '/');
    CLEANUP(free_ptr) char *name = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int r;

    if (!slash || asprintf(&name, PARAMETER "%s", slash + 1) < 0)
        return job_fail(job, "ConfigurationError", "the ConnectionArn '%s' names no connection",
                        wanted->connection);
    r = work_call(job->client, "ssm", "GetParameter",
                  json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 1), &out, &error, &job->why);
    if (r == WORK_E_FAILED && strcmp(error.code, "ParameterNotFound") == 0)
        return job_fail(job, "ConfigurationError",
                        "account %s has no parameter %s, which says where this connection leads: "
                        "{\"url\": \"https://HOST\", \"username\": …, \"password\": …}",
                        job->anchor->account, name);
    if (r)
        return r;
    r = json_parse(str_of(json_string_value(json_path(out, "Parameter.Value"))), ret, NULL);
    if (r > 0 || (r == 0 && !json_str(*ret, "url", NULL)))
        return job_fail(job, "ConfigurationError", "the parameter %s is not JSON with an url", name);
    return r;
}

static int fetch(struct job *job, const struct wanted *wanted, const json_t *connection, struct git *ret)
{
    const char *base = json_str(connection, "url", "");
    size_t len = strlen(base);
    CLEANUP(free_ptr) char *url = NULL;
    CLEANUP(free_ptr) char *ref = NULL;

    if (len > 0 && base[len - 1] == '/')
        len--;
    if (asprintf(&url, "%.*s/%s.git", (int)len, base, wanted->repository) < 0) {
        url = NULL;
        return FAULT(ENOMEM);
    }
    if (asprintf(&ref, "%s%s", wanted->commit ? "" : "refs/heads/",
                 wanted->commit ? wanted->commit : wanted->branch) < 0) {
        ref = NULL;
        return FAULT(ENOMEM);
    }
    const struct git_remote remote = {.url = url,
                                      .username = json_str(connection, "username", NULL),
                                      .password = json_str(connection, "password", NULL),
                                      .ref = ref};

    return git_fetch(job, &remote, ret);
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
    CLEANUP(json_free) json_t *connection = NULL;
    CLEANUP(close_fd) int fd = -1;
    struct wanted wanted;
    int r = wanted_read(job, &wanted);

    if (r == 0)
        r = connection_read(job, &wanted, &connection);
    if (r == 0)
        r = fetch(job, &wanted, connection, &git);
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
    return r ? r : revision_report(job, &wanted, connection, &commit);
}
