/* The table of action providers. */
#include "workers/anchor/actions/action.h"

static const struct action actions[] = {
    {"Source", "S3", action_source_s3},
    {"Deploy", "CloudFormation", action_deploy_cloudformation},
    {"Deploy", "S3", action_deploy_s3},
    {"Build", "CodeBuild", action_build},
    {"Test", "CodeBuild", action_build},
    {"Rule", "CodeBuild", action_build},
    {"Compute", "Commands", action_commands},
    {"Rule", "Commands", action_commands},
    {"Rule", "LambdaInvoke", action_check_url},
    {"Rule", "CloudWatchAlarm", action_check_url},
    {"Source", "CodeStarSourceConnection", action_source_git},
};

const struct action *action_find(const char *category, const char *provider)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (strcmp(actions[i].category, category) == 0 && strcmp(actions[i].provider, provider) == 0)
            return &actions[i];
    return NULL;
}
