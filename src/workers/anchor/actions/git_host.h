/* Where the connection of a Git source leads: the parameter /slipway/connections/ID of the account says
 * {"url", "username"?, "password"?, "provider"?}. */
#pragma once

#include "workers/anchor/actions/git.h"

struct git_host {
    json_t *connection; /* the parameter's JSON */
    char *url;          /* of the action's repository */
    struct git_remote remote;
};

/* Of the job's ConnectionArn and FullRepositoryId, into a zeroed *ret, which git_host_deinit frees whatever
 * happened. WORK_E_FAILED, WORK_E_STOPPED. */
int git_host_find(struct job *job, struct git_host *ret) MUST_USE;
void git_host_deinit(struct git_host *host); /* CLEANUP-able */
