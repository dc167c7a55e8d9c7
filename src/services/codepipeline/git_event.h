/* What a Git host tells of a push or a pull request, in the words of GitHub (Gitea and Forgejo use them too)
 * or of GitLab, and whether a source action's trigger wants it. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

enum git_event_kind {
    GIT_PUSH_BRANCH,
    GIT_PUSH_TAG,
    GIT_PULL_REQUEST,
};

/* Texts are the document's. */
struct git_event {
    int kind;                 /* enum git_event_kind */
    const char *repository;   /* "owner/name" */
    const char *ref;          /* the tag, or the branch: pushed to, or a pull request is for */
    const char *branch;       /* where the commit is; a tag's name for a tag */
    const char *commit;       /* full */
    const char *pull_request; /* OPEN, UPDATED, CLOSED */
    bool files_known;         /* all changed files are told */
    const json_t *commits;    /* [{added, removed, modified: [path]}] */
};

/* The event's kind as its sender's headers say it; {NULL}: none of that kind. */
struct git_event_headers {
    struct str github; /* X-GitHub-Event */
    struct str gitlab; /* X-Gitlab-Event */
};

/* *ret_is: it is one that may start a pipeline; if not, *why says what it is instead. */
int git_event_read(const struct git_event_headers *headers, const json_t *document, struct git_event *ret,
                   bool *ret_is, struct reason *why) MUST_USE;
/* Does the source action of this declaration (of provider SOURCE_GIT) start its pipeline for the event? If
 * not, *why says which rule it does not pass. */
bool git_event_wanted(const json_t *declaration, const json_t *action, const struct git_event *event,
                      struct reason *why) MUST_USE;
