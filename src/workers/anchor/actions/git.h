/* One commit of a Git repository, fetched by the `git` of this machine: without history, submodules and
 * hooks, nothing checked out. */
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
    const char *ref; /* "refs/heads/main", or a full commit */
};

struct git_commit {
    char *id, *author_date, *author_name, *author_email, *message; /* UTF-8; none is NULL */
};

/* Into a zeroed *ret, which git_deinit frees whatever happened. WORK_E_FAILED, WORK_E_STOPPED. */
int git_fetch(struct job *job, const struct git_remote *remote, struct git *ret) MUST_USE;
int git_describe(struct git *git, struct git_commit *ret) MUST_USE; /* into a zeroed *ret */
/* The commit's files as a zip archive. */
int git_archive(struct git *git, int fd) MUST_USE;
void git_deinit(struct git *git);
void git_commit_deinit(struct git_commit *commit);
