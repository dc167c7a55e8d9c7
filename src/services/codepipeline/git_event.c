/* Source: GitHub, "Webhook events and payloads"; GitLab, "Webhook events"; Bitbucket Cloud, "Event payloads".
 */
#include "services/codepipeline/git_event.h"
#include "wire/json.h"

#define HEX "0123456789abcdef"
#define FULL 40
#define ABBREVIATED 7 /* at least */
#define HEADS "refs/heads/"
#define TAGS "refs/tags/"
#define GITHUB_COMMITS_MAX 2048 /* of a push's payload; GitLab's tells how many there are */

static int not_one(struct reason *why, const char *words)
{
    return reason_set(why, 0, "%s", words);
}

static const char *text(const json_t *document, const char *path)
{
    return json_string_value(json_path(document, path));
}

static bool is_commit(const char *id, size_t least)
{
    return id && strlen(id) >= least && id[strspn(id, HEX)] == '\0' && strspn(id, "0") != strlen(id);
}

static void base_set(struct git_event *event, enum git_base against, const char *commit)
{
    if (!is_commit(commit, ABBREVIATED))
        return;
    event->against = against;
    event->base = commit;
}

/* ---- pushes */

static bool ref_read(const char *ref, struct git_event *ret)
{
    static const struct {
        const char *prefix;
        int kind;
    } kinds[] = {{HEADS, GIT_PUSH_BRANCH}, {TAGS, GIT_PUSH_TAG}};

    for (size_t i = 0; ref && i < ARRAY_LEN(kinds); i++)
        if (str_starts(str_of(ref), str_of(kinds[i].prefix))) {
            ret->kind = kinds[i].kind;
            ret->ref = ret->branch = ref + strlen(kinds[i].prefix);
            return true;
        }
    return false;
}

static int push_read(const json_t *document, struct git_event *ret, bool *ret_is, struct reason *why)
{
    if (!ref_read(text(document, "ref"), ret))
        return not_one(why, "The event is a push to neither a branch nor a tag.");
    if (!is_commit(ret->commit, FULL))
        return not_one(why, "The event is the deletion of a branch or a tag.");
    ret->commits = json_object_get(document, "commits");
    base_set(ret, GIT_BASE_COMMIT, text(document, "before"));
    *ret_is = true;
    return 0;
}

/* An annotated tag's `after` is the tag itself. */
static int github_push(const json_t *document, const json_t *part UNUSED, struct git_event *ret, bool *ret_is,
                       struct reason *why)
{
    const char *head = text(document, "head_commit.id");
    size_t count = json_array_size(json_object_get(document, "commits"));

    ret->repository = text(document, "repository.full_name");
    ret->commit = json_bool(document, "deleted", false) ? NULL : head ? head : text(document, "after");
    ret->files_known = count > 0 && count < GITHUB_COMMITS_MAX;
    return push_read(document, ret, ret_is, why);
}

static int gitlab_push(const json_t *document, const json_t *part UNUSED, struct git_event *ret, bool *ret_is,
                       struct reason *why)
{
    size_t count = json_array_size(json_object_get(document, "commits"));

    ret->repository = text(document, "project.path_with_namespace");
    ret->commit = text(document, "checkout_sha");
    ret->files_known = count > 0 && json_int(document, "total_commits_count", 0) == (int64_t)count;
    return push_read(document, ret, ret_is, why);
}

/* It tells no files. */
static int bitbucket_push(const json_t *document, const json_t *part, struct git_event *ret, bool *ret_is,
                          struct reason *why)
{
    const char *type = text(part, "new.type");

    ret->repository = text(document, "repository.full_name");
    ret->kind = type && strcmp(type, "tag") == 0 ? GIT_PUSH_TAG : GIT_PUSH_BRANCH;
    ret->ref = ret->branch = text(part, "new.name");
    ret->commit = text(part, "new.target.hash");
    if (!ret->ref || !is_commit(ret->commit, FULL))
        return not_one(why, "The event is the deletion of a branch or a tag.");
    base_set(ret, GIT_BASE_COMMIT, text(part, "old.target.hash"));
    *ret_is = true;
    return 0;
}

/* ---- pull requests */

struct change {
    const char *action;
    const char *event;
};

static const char *change_find(const struct change *changes, size_t count, const char *action)
{
    for (size_t i = 0; action && i < count; i++)
        if (strcmp(changes[i].action, action) == 0)
            return changes[i].event;
    return NULL;
}

/* `from`: the repository of the commits. Whoever may open a pull request from a fork may not start what runs
 * with this account's rights. */
static int pull_request_read(const char *from, size_t commit_least, struct git_event *ret, bool *ret_is,
                             struct reason *why)
{
    ret->kind = GIT_PULL_REQUEST;
    if (ret->against == GIT_BASE_UNKNOWN && ret->pull_request && strcmp(ret->pull_request, "CLOSED") != 0)
        ret->against = GIT_BASE_BRANCH;
    if (!ret->pull_request)
        return not_one(why, "The event neither opens nor updates nor merges a pull request.");
    if (!ret->ref || !ret->branch || !is_commit(ret->commit, commit_least))
        return not_one(why, "The event does not tell the pull request's branches and commit.");
    if (!from || !ret->repository || strcmp(from, ret->repository) != 0)
        return not_one(why, "The pull request is from another repository: a fork starts nothing.");
    *ret_is = true;
    return 0;
}

static int github_pull_request(const json_t *document, const json_t *part UNUSED, struct git_event *ret,
                               bool *ret_is, struct reason *why)
{
    static const struct change changes[] = {
        {"opened", "OPEN"}, {"reopened", "OPEN"}, {"synchronize", "UPDATED"}, {"closed", "CLOSED"}};
    const json_t *request = json_object_get(document, "pull_request");

    ret->pull_request = change_find(changes, ARRAY_LEN(changes), text(document, "action"));
    if (ret->pull_request && strcmp(ret->pull_request, "CLOSED") == 0 && !json_bool(request, "merged", false))
        ret->pull_request = NULL;
    ret->repository = text(document, "repository.full_name");
    ret->ref = text(request, "base.ref");
    ret->branch = text(request, "head.ref");
    ret->commit = text(request, "head.sha");
    base_set(ret, GIT_BASE_COMMIT, text(request, "base.sha"));
    return pull_request_read(text(request, "head.repo.full_name"), FULL, ret, ret_is, why);
}

/* An update without `oldrev` has no new commits. */
static int gitlab_merge_request(const json_t *document, const json_t *part UNUSED, struct git_event *ret,
                                bool *ret_is, struct reason *why)
{
    static const struct change changes[] = {
        {"open", "OPEN"}, {"reopen", "OPEN"}, {"update", "UPDATED"}, {"merge", "CLOSED"}};
    const json_t *request = json_object_get(document, "object_attributes");

    ret->pull_request = change_find(changes, ARRAY_LEN(changes), text(request, "action"));
    if (ret->pull_request && strcmp(ret->pull_request, "UPDATED") == 0 && !text(request, "oldrev"))
        ret->pull_request = NULL;
    ret->repository = text(document, "project.path_with_namespace");
    ret->ref = text(request, "target_branch");
    ret->branch = text(request, "source_branch");
    ret->commit = text(request, "last_commit.id");
    base_set(ret, GIT_BASE_PARENT, text(request, "merge_commit_sha"));
    return pull_request_read(text(request, "source.path_with_namespace"), FULL, ret, ret_is, why);
}

/* An update of its title is told like one of its commits: each commit starts once. */
static int bitbucket_pull_request(const char *event, const json_t *document, struct git_event *ret,
                                  bool *ret_is, struct reason *why)
{
    const json_t *request = json_object_get(document, "pullrequest");

    ret->pull_request = event;
    ret->repository = text(document, "repository.full_name");
    ret->ref = text(request, "destination.branch.name");
    ret->branch = text(request, "source.branch.name");
    ret->commit = text(request, "source.commit.hash");
    ret->once = strcmp(event, "CLOSED") == 0 ? 0 : json_int(request, "id", 0);
    base_set(ret, GIT_BASE_PARENT, text(request, "merge_commit.hash"));
    return pull_request_read(text(request, "source.repository.full_name"), ABBREVIATED, ret, ret_is, why);
}

static int bitbucket_created(const json_t *document, const json_t *part UNUSED, struct git_event *ret,
                             bool *ret_is, struct reason *why)
{
    return bitbucket_pull_request("OPEN", document, ret, ret_is, why);
}

static int bitbucket_updated(const json_t *document, const json_t *part UNUSED, struct git_event *ret,
                             bool *ret_is, struct reason *why)
{
    return bitbucket_pull_request("UPDATED", document, ret, ret_is, why);
}

static int bitbucket_fulfilled(const json_t *document, const json_t *part UNUSED, struct git_event *ret,
                               bool *ret_is, struct reason *why)
{
    return bitbucket_pull_request("CLOSED", document, ret, ret_is, why);
}

/* ---- all */

static const struct kind {
    enum git_host host;
    const char *header;
    const char *parts; /* a path to the list of what it tells; NULL: it tells one thing */
    int (*read)(const json_t *document, const json_t *part, struct git_event *ret, bool *ret_is,
                struct reason *why);
} kinds[] = {
    {GIT_GITHUB, "push", NULL, github_push},
    {GIT_GITHUB, "pull_request", NULL, github_pull_request},
    {GIT_GITLAB, "Push Hook", NULL, gitlab_push},
    {GIT_GITLAB, "Tag Push Hook", NULL, gitlab_push},
    {GIT_GITLAB, "Merge Request Hook", NULL, gitlab_merge_request},
    {GIT_BITBUCKET, "repo:push", "push.changes", bitbucket_push},
    {GIT_BITBUCKET, "pullrequest:created", NULL, bitbucket_created},
    {GIT_BITBUCKET, "pullrequest:updated", NULL, bitbucket_updated},
    {GIT_BITBUCKET, "pullrequest:fulfilled", NULL, bitbucket_fulfilled},
};

static const struct kind *kind_find(const struct git_event_headers *headers)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(headers->event[kinds[i].host], str_of(kinds[i].header)))
            return &kinds[i];
    return NULL;
}

size_t git_event_count(const struct git_event_headers *headers, const json_t *document)
{
    const struct kind *kind = kind_find(headers);

    return kind && kind->parts ? json_array_size(json_path(document, kind->parts)) : 1;
}

int git_event_read(const struct git_event_headers *headers, const json_t *document, size_t index,
                   struct git_event *ret, bool *ret_is, struct reason *why)
{
    const struct kind *kind = kind_find(headers);
    struct str said = STR("of no kind");

    *ret = (struct git_event){0};
    *ret_is = false;
    if (kind)
        return kind->read(document,
                          kind->parts ? json_array_get(json_path(document, kind->parts), index) : NULL, ret,
                          ret_is, why);
    for (size_t i = 0; i < GIT_HOSTS; i++)
        if (headers->event[i].ptr)
            said = headers->event[i];
    return reason_set(why, 0,
                      "The event (" STR_FMT ") is neither a push nor a pull request, as X-GitHub-Event, "
                      "X-Gitlab-Event or X-Event-Key would say.",
                      STR_ARG(said));
}
