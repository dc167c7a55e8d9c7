/* The action providers: one file and one row each. `run` may be called again for the same job, after a fault
 * or by another worker: it finds what it did before and goes on. It returns 0, WORK_E_FAILED with words in
 * job->why, WORK_E_RETRY, WORK_E_STOPPED. */
#pragma once

#include "workers/anchor/work.h"

struct action {
    const char *category;
    const char *provider;
    int (*run)(struct job *job);
};

/* NULL when this anchor does not know the provider. */
const struct action *action_find(const char *category, const char *provider);

int action_source_s3(struct job *job) MUST_USE;
int action_source_git(struct job *job) MUST_USE;
/* A job of no execution: which files a push or a pull request changes, and whether one passes the filters. */
int action_git_changes(struct job *job) MUST_USE;
int action_deploy_cloudformation(struct job *job) MUST_USE;
int action_deploy_s3(struct job *job) MUST_USE;
int action_build(struct job *job) MUST_USE;
int action_commands(struct job *job) MUST_USE;
int action_check_url(struct job *job) MUST_USE;

/* What a Deploy/CloudFormation action deploys (cloudformation_inputs.c). */
struct deployment {
    char *template;
    json_t *parameters;   /* as the API wants them: [{ParameterKey, ParameterValue}] */
    json_t *tags;         /* [{Key, Value}] */
    json_t *capabilities; /* list of texts */
};
int deployment_read(struct job *job, struct deployment *ret) MUST_USE;
void deployment_deinit(struct deployment *deployment); /* CLEANUP-able on a zeroed one */
