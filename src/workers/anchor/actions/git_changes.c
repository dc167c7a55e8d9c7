/* What a trigger's filePaths decide by, asked of git: {commit, branch, base?, baseBranch?, baseParent,
 * fromAncestor, filePaths} → the output variables Passes ("true", "false") and Changed, a number of files.
 * A push is compared with what was there before, a pull request with the newest commit that both branches
 * have. */
#include "wire/glob_list.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/anchor/actions/git_host.h"
#include <stdio.h>

#define NAMES_MAX ((size_t)16 * 1024 * 1024)
#define FULL 40

struct change {
    const char *commit, *branch;
    const char *base, *base_branch; /* NULL: not known */
    bool base_parent, from_ancestor;
    const json_t *filters;
};

struct ends {
    char from[GIT_COMMIT_SIZE], to[GIT_COMMIT_SIZE];
};

static int change_read(struct job *job, struct change *ret)
{
    const json_t *data = json_object_get(job->data, "gitChanges");

    *ret = (struct change){.commit = json_str(data, "commit", ""),
                           .branch = json_str(data, "branch", ""),
                           .base = json_str(data, "base", NULL),
                           .base_branch = json_str(data, "baseBranch", NULL),
                           .base_parent = json_bool(data, "baseParent", false),
                           .from_ancestor = json_bool(data, "fromAncestor", false),
                           .filters = json_object_get(data, "filePaths")};
    if (ret->commit[0] && ret->branch[0] && (ret->base || ret->base_branch))
        return 0;
    return job_fail(job, "ConfigurationError", "the job does not say which commits to compare");
}

static bool is_full(const char *commit)
{
    return commit && strlen(commit) >= FULL;
}

/* A commit by its name, or, where only its beginning is known, the branch that has it. */
static int ref_make(const char *commit, bool by_name, const char *branch, const char *to, char **ret)
{
    int len = by_name ? asprintf(ret, "%s:refs/%s", commit, to)
                      : asprintf(ret, "refs/heads/%s:refs/%s", branch, to);

    if (len >= 0)
        return 0;
    *ret = NULL;
    return FAULT(ENOMEM);
}

/* A pull request that was merged by its own last commit (fast-forward) is compared with itself: what it began
 * from is not known any more. */
static int ends_resolve(struct git *git, const struct change *change, struct ends *ret)
{
    const char *base = change->base ? change->base : "refs/base";
    int r = git_resolve(git, base, ret->from);

    if (r == 0)
        r = git_resolve(git, change->commit, ret->to);
    if (r == 0 && change->base_parent && strcmp(ret->from, ret->to) != 0)
        r = git_parent(git, base, ret->from);
    return r ? r : git_ancestor(git, ret->from, ret->to, ret->from);
}

/* Of a pull request whose branch was deleted with its merge, by the history of what it was merged into. A
 * squash has left nothing else: it is the change itself. */
static int ends_merged(struct job *job, const struct git_host *host, const struct change *change,
                       const char *base, struct ends *ret)
{
    const struct git_wanted wanted = {GIT_HISTORY, {base}};
    CLEANUP(git_deinit) struct git git = {0};
    struct change squashed = *change;
    char commit[GIT_COMMIT_SIZE];
    int r = git_fetch(job, &host->remote, &wanted, &git);

    if (r == 0)
        r = git_resolve(&git, change->commit, commit);
    if (r != WORK_E_FAILED || !change->base)
        return r ? r : ends_resolve(&git, change, ret);
    squashed.commit = change->base;
    squashed.base_parent = false;
    r = ends_resolve(&git, &squashed, ret);
    return r ? r : git_parent(&git, ret->to, ret->from);
}

/* By the history of both. */
static int ends_find(struct job *job, const struct git_host *host, const struct change *change,
                     struct ends *ret)
{
    bool base_by_name = is_full(change->base) || !change->base_branch;
    struct git_wanted wanted = {.depth = GIT_HISTORY};
    CLEANUP(git_deinit) struct git git = {0};
    CLEANUP(free_ptr) char *base = NULL;
    CLEANUP(free_ptr) char *head = NULL;
    int r;

    if (!change->from_ancestor) {
        (void)snprintf(ret->from, sizeof(ret->from), "%s", change->base ? change->base : "");
        (void)snprintf(ret->to, sizeof(ret->to), "%s", change->commit);
        return 0;
    }
    r = ref_make(change->base, base_by_name, change->base_branch, "base", &base);
    if (r == 0)
        r = ref_make(change->commit, is_full(change->commit), change->branch, "head", &head);
    wanted.refs[0] = base;
    wanted.refs[1] = head;
    if (r == 0)
        r = git_fetch(job, &host->remote, &wanted, &git);
    if (r == WORK_E_FAILED && change->base_parent && !is_full(change->commit))
        return ends_merged(job, host, change, base, ret);
    return r ? r : ends_resolve(&git, change, ret);
}

static int names_fetch(struct job *job, const struct git_host *host, const struct ends *ends, struct buf *ret)
{
    const struct git_wanted wanted = {GIT_NAMES, {ends->from, ends->to}};
    CLEANUP(git_deinit) struct git git = {0};
    int r = git_fetch(job, &host->remote, &wanted, &git);

    return r ? r : git_differ(&git, ends->from, ends->to, ret);
}

static bool name_passes(const json_t *filters, struct str name)
{
    const json_t *criteria;
    size_t i;

    json_array_foreach (filters, i, criteria)
        if (glob_list_passes(criteria, name))
            return true;
    return false;
}

/* No difference at all (a merge that is compared with what it has become): nobody can tell. */
static int report(struct job *job, const struct change *change, struct str names)
{
    bool passes = names.len == 0;
    size_t count = 0;
    char text[24];
    int r;

    while (names.len > 0) {
        struct str name = str_split(&names, '\0');

        if (name.len == 0)
            break;
        passes = passes || name_passes(change->filters, name);
        count++;
    }
    (void)snprintf(text, sizeof(text), "%zu", count);
    r = job_variable(job, "Passes", passes ? "true" : "false");
    return r ? r : job_variable(job, "Changed", text);
}

int action_git_changes(struct job *job)
{
    CLEANUP(git_host_deinit) struct git_host host = {0};
    CLEANUP(buf_free) struct buf names = BUF_INIT(NAMES_MAX);
    struct change change;
    struct ends ends;
    int r = change_read(job, &change);

    if (r == 0)
        r = git_host_find(job, &host);
    if (r == 0)
        r = ends_find(job, &host, &change, &ends);
    if (r == 0)
        r = names_fetch(job, &host, &ends, &names);
    return r ? r : report(job, &change, buf_str(&names));
}
