/* Commits of a Git repository, fetched by the `git` of this machine: without submodules and hooks, nothing
 * checked out. */
#pragma once

#include "workers/anchor/work.h"

struct git {
    struct job *job;
    char *folder; /* a bare repository */
    json_t *environment;
    const char **envp;
};

struct git_remote {
    const char *url;
    const char *username; /* NULL: none; HTTP only */
    const char *password;
};

#define GIT_REFS_MAX 2
/* How much is fetched: commits with all their files; without them, but with their names; all their history,
 * without files. A host that does not know how to leave something out sends it too. */
enum git_depth { GIT_FILES, GIT_NAMES, GIT_HISTORY };

struct git_wanted {
    enum git_depth depth;
    const char *refs[GIT_REFS_MAX + 1]; /* "refs/heads/main", a full commit, "FROM:TO"; NULL-terminated */
};

struct git_commit {
    char *id, *author_date, *author_name, *author_email, *message; /* UTF-8; none is NULL */
};

/* Into a zeroed *ret, which git_deinit frees whatever happened. WORK_E_FAILED, WORK_E_STOPPED. */
int git_fetch(struct job *job, const struct git_remote *remote, const struct git_wanted *wanted,
              struct git *ret) MUST_USE;
#define GIT_COMMIT_SIZE 65 /* SHA-256's too */
/* The full name of a commit that was fetched. */
int git_resolve(struct git *git, const char *name, char ret[GIT_COMMIT_SIZE]) MUST_USE;
/* Of its first parent: what was there before a merge. */
int git_parent(struct git *git, const char *name, char ret[GIT_COMMIT_SIZE]) MUST_USE;
/* The newest commit that both have in their history. */
int git_ancestor(struct git *git, const char *a, const char *b, char ret[GIT_COMMIT_SIZE]) MUST_USE;
/* The names of files that differ, each ended by a NUL, appended. WORK_E_FAILED also for too many. */
int git_differ(struct git *git, const char *a, const char *b, struct buf *ret) MUST_USE;
int git_describe(struct git *git, struct git_commit *ret) MUST_USE; /* into a zeroed *ret */
/* The commit's files as a zip archive. */
int git_archive(struct git *git, int fd) MUST_USE;
void git_deinit(struct git *git);
void git_commit_deinit(struct git_commit *commit);
