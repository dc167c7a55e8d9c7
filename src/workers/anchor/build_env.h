/* A build's environment variables. */
#pragma once

#include "workers/anchor/buildspec.h"
#include "workers/anchor/work.h"

#define BUILD_ENV_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct build_env {
    json_t *map; /* name → text */
    char **envp; /* NULL-terminated */
};

/* Lowest first: the buildspec's variables, the build's own, CODEBUILD_* and AWS_*. `source_dir` is as inside
 * the sandbox; `client` is the build's role. Outcomes are call.h's. */
int build_env_make(const struct anchor *anchor, const json_t *tree, const struct buildspec *spec,
                   struct aws_client *client, const char *source_dir, struct build_env *ret,
                   struct reason *why) MUST_USE;
void build_env_deinit(struct build_env *env); /* CLEANUP-able on a zeroed one */
