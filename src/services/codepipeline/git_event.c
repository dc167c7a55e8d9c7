/* Source: GitHub, "Webhook events and payloads"; GitLab, "Webhook events". */
#include "services/codepipeline/git_event.h"
#include "wire/json.h"

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

static bool is_commit(const char *id)
{
    return id && strlen(id) >= 40 && strspn(id, "0") != strlen(id);
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
    if (!is_commit(ret->commit))
        return not_one(why, "The event is the deletion of a branch or a tag.");
    ret->commits = json_object_get(document, "commits");
    *ret_is = true;
    return 0;
}

/* An annotated tag's `after` is the tag itself. */
static int github_push(const json_t *document, struct git_event *ret, bool *ret_is, struct reason *why)
{
    const char *head = text(document, "head_commit.id");
    size_t count = json_array_size(json_object_get(document, "commits"));

    ret->repository = text(document, "repository.full_name");
    ret->commit = json_bool(document, "deleted", false) ? NULL : head ? head : text(document, "after");
    ret->files_known = count > 0 && count < GITHUB_COMMITS_MAX;
    return push_read(document, ret, ret_is, why);
}

static int gitlab_push(const json_t *document, struct git_event *ret, bool *ret_is, struct reason *why)
{
    size_t count = json_array_size(json_object_get(document, "commits"));

    ret->repository = text(document, "project.path_with_namespace");
    ret->commit = text(document, "checkout_sha");
    ret->files_known = count > 0 && json_int(document, "total_commits_count", 0) == (int64_t)count;
    return push_read(document, ret, ret_is, why);
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
static int pull_request_read(const char *from, struct git_event *ret, bool *ret_is, struct reason *why)
{
    ret->kind = GIT_PULL_REQUEST;
    if (!ret->pull_request)
        return not_one(why, "The event neither opens nor updates nor merges a pull request.");
    if (!ret->ref || !ret->branch || !is_commit(ret->commit))
        return not_one(why, "The event does not tell the pull request's branches and commit.");
    if (!from || !ret->repository || strcmp(from, ret->repository) != 0)
        return not_one(why, "The pull request is from another repository: a fork starts nothing.");
    *ret_is = true;
    return 0;
}

static int github_pull_request(const json_t *document, struct git_event *ret, bool *ret_is,
                               struct reason *why)
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
    return pull_request_read(text(request, "head.repo.full_name"), ret, ret_is, why);
}

/* An update without `oldrev` has no new commits. */
static int gitlab_merge_request(const json_t *document, struct git_event *ret, bool *ret_is,
                                struct reason *why)
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
    return pull_request_read(text(request, "source.path_with_namespace"), ret, ret_is, why);
}

/* ---- all */

static const struct kind {
    bool gitlab;
    const char *header;
    int (*read)(const json_t *document, struct git_event *ret, bool *ret_is, struct reason *why);
} kinds[] = {
    {false, "push", github_push},
    {false, "pull_request", github_pull_request},
    {true, "Push Hook", gitlab_push},
    {true, "Tag Push Hook", gitlab_push},
    {true, "Merge Request Hook", gitlab_merge_request},
};

int git_event_read(const struct git_event_headers *headers, const json_t *document, struct git_event *ret,
                   bool *ret_is, struct reason *why)
{
    *ret = (struct git_event){0};
    *ret_is = false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(kinds[i].gitlab ? headers->gitlab : headers->github, str_of(kinds[i].header)))
            return kinds[i].read(document, ret, ret_is, why);
    return reason_set(why, 0,
                      "The event (" STR_FMT ") is neither a push nor a pull request, as X-GitHub-Event or "
                      "X-Gitlab-Event would say.",
                      STR_ARG(headers->gitlab.ptr   ? headers->gitlab
                              : headers->github.ptr ? headers->github
                                                    : STR("of no kind")));
}
