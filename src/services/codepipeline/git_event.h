/* What a Git host tells of a push or a pull request, in the words of GitHub (Gitea and Forgejo use them too),
 * of GitLab or of Bitbucket Cloud, and whether a source action's trigger wants it. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

enum git_event_kind {
    GIT_PUSH_BRANCH,
    GIT_PUSH_TAG,
    GIT_PULL_REQUEST,
};

/* What a change's files are the difference to, where the event does not tell them. */
enum git_base {
    GIT_BASE_UNKNOWN,
    GIT_BASE_COMMIT, /* `base`: a push's, as it is; a pull request's, where both have it in common */
    GIT_BASE_PARENT, /* the same of the first parent of `base`, the commit that a pull request was merged by
                      */
    GIT_BASE_BRANCH, /* the same of the newest of the branch that a pull request is for */
};

/* Texts are the document's. */
struct git_event {
    int kind;                 /* enum git_event_kind */
    const char *repository;   /* "owner/name" */
    const char *ref;          /* the tag, or the branch: pushed to, or a pull request is for */
    const char *branch;       /* where the commit is; a tag's name for a tag */
    const char *commit;       /* full, but of Bitbucket's pull requests: the first characters */
    const char *pull_request; /* OPEN, UPDATED, CLOSED */
    bool files_known;         /* all changed files are told */
    const json_t *commits;    /* [{added, removed, modified: [path]}] */
    enum git_base against;
    const char *base;
    int64_t once; /* a pull request's number, where its host tells of edits as of commits; 0: it does not */
};

enum git_host { GIT_GITHUB, GIT_GITLAB, GIT_BITBUCKET, GIT_HOSTS };

/* The event's kind as its sender's header says it: X-GitHub-Event, X-Gitlab-Event, X-Event-Key; {NULL}: it
 * has none of that host's. */
struct git_event_headers {
    struct str event[GIT_HOSTS];
};

/* Bitbucket tells of all branches and tags of a push at once; all others tell one thing each. */
size_t git_event_count(const struct git_event_headers *headers, const json_t *document);
/* Of what the document tells, the one at `index`. *ret_is: it is one that may start a pipeline; if not, *why
 * says what it is instead. */
int git_event_read(const struct git_event_headers *headers, const json_t *document, size_t index,
                   struct git_event *ret, bool *ret_is, struct reason *why) MUST_USE;
/* Does the source action of this declaration (of provider SOURCE_GIT) start its pipeline for the event? If
 * not, *why says which rule it does not pass. *ret_files is NULL, or a list of filters' filePaths, the
 * caller's: it does if one of the files, which git can tell, passes one of them. */
bool git_event_wanted(const json_t *declaration, const json_t *action, const struct git_event *event,
                      json_t **ret_files, struct reason *why) MUST_USE;
